/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *
class_dsn(enum err_class class)
{
	switch (class) {
	case ERR_PERM:
		return "5.0.0";
	case ERR_CONF:
		return "4.3.5";
	case ERR_NOSPACE:
		return "4.3.1";
	case ERR_TIMEOUT:
	case ERR_EOF:
		return "4.4.2";
	case ERR_PROTO:
		return "4.5.0";
	default:
		return "4.3.0";
	}
}

static void
fill(struct err *err, enum err_class class, const char *dsn)
{
	err->class = class;
	snprintf(err->dsn, sizeof(err->dsn), "%s", dsn != NULL ? dsn : class_dsn(class));
}

int
err_set(struct err *err, enum err_class class, const char *dsn, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return -1;
	fill(err, class, dsn);
	err->sys = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_class
errno_class(int e)
{
	switch (e) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NOSPACE;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ECANCELED:
		return ERR_CANCEL;
	default:
		return ERR_TEMP;
	}
}

int
err_sys(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	if (err == NULL)
		return -1;
	fill(err, errno_class(saved), NULL);
	err->sys = saved;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerrordesc_np(saved) ? strerrordesc_np(saved) : "unknown error");
	errno = saved;
	return -1;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;
	size_t n;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, "%s", err->text);
	memcpy(err->text, text, sizeof(text));
	return -1;
}

int
err_is_temp(const struct err *err)
{
	return err->class != ERR_PERM && err->class != ERR_NONE;
}
