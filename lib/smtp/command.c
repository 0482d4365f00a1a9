/* SPDX-License-Identifier: Apache-2.0 */
/* command - splits SMTP command lines and reads the ESMTP parameters of MAIL and RCPT. */
#include "smtp/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "address/xtext.h"
#include "base/ascii.h"
#include "base/strbuf.h"

enum { VALUE_MAX = 2000 };	/* decoded parameter values; lines are shorter */

void
smtp_command_split(char *line, struct smtp_command *out)
{
	char *p = line;

	while (ascii_is_blank(*p))
		p++;
	out->verb = p;
	while (*p != 0 && !ascii_is_blank(*p))
		p++;
	if (*p != 0)
		*p++ = 0;
	while (ascii_is_blank(*p))
		p++;
	out->args = p;
	p += strlen(p);
	while (p > out->args && ascii_is_blank(p[-1]))
		*--p = 0;
}

const char *
smtp_command_path(const char *args, const char *keyword)
{
	size_t n = strlen(keyword);

	if (ascii_ncasecmp(args, keyword, n) != 0 || args[n] != ':')
		return NULL;
	args += n + 1;
	while (ascii_is_blank(*args))
		args++;
	return *args != 0 ? args : NULL;
}

static int PRINTF(4, 5)
fault_set(struct smtp_fault *f, int code, const char *dsn, const char *fmt, ...)
{
	va_list ap;

	f->code = code;
	f->dsn = dsn;
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return -1;
}

struct param {
	const char *whole;	/* as written, for the reply */
	const char *name;
	const char *value;	/* NULL: no '=' */
};

/* The next parameter of *pos, copied to pool; false at the end. */
static bool
param_next(struct pool *pool, const char **pos, struct param *p)
{
	const char *s = *pos, *e;
	char *name, *eq;

	while (ascii_is_blank(*s))
		s++;
	if (*s == 0)
		return false;
	for (e = s; *e != 0 && !ascii_is_blank(*e); e++)
		continue;
	*pos = e;
	p->whole = pool_strndup(pool, s, (size_t)(e - s));
	name = pool_strndup(pool, s, (size_t)(e - s));
	eq = strchr(name, '=');
	if (eq != NULL)
		*eq++ = 0;
	p->name = name;
	p->value = eq;
	return true;
}

static bool
param_is(const struct param *p, const char *name)
{
	return p->value != NULL && ascii_casecmp(p->name, name) == 0;
}

static int
param_unknown(const struct param *p, struct smtp_fault *f)
{
	return fault_set(f, 555, "5.5.4", "Unsupported option: %.200s", p->whole);
}

/* RFC 1870 section 6.1: up to 20 digits. */
static int
size_parse(const char *v, int64_t *out, struct smtp_fault *f)
{
	uint64_t n;
	size_t len = strlen(v);

	if (len == 0 || strspn(v, "0123456789") != len)
		return fault_set(f, 501, "5.5.4", "Bad message size syntax");
	if (num_parse_u64(v, 0, INT64_MAX / 4, &n) < 0)
		return fault_set(f, 552, "5.3.4", "Message size exceeds file system imposed limit");
	*out = (int64_t)n;
	return 0;
}

/* An xtext value of RFC 3461, never empty. */
static const char *
xtext_value(struct pool *pool, const char *v)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(VALUE_MAX);

	if (*v == 0 || xtext_decode(&b, v, NULL) < 0 || b.overflow)
		return NULL;
	return pool_strdup(pool, b.s);
}

static int
body_parse(const struct param *p, unsigned offered, struct smtp_mail_args *out, struct smtp_fault *f)
{
	if (ascii_casecmp(p->value, "8BITMIME") == 0)
		out->body = SMTP_BODY_8BIT;
	else if (ascii_casecmp(p->value, "7BIT") == 0)
		out->body = SMTP_BODY_7BIT;
	else if ((offered & SMTP_ARG_BINARYMIME) != 0 && ascii_casecmp(p->value, "BINARYMIME") == 0)
		out->body = SMTP_BODY_BINARY;
	else
		return param_unknown(p, f);
	return 0;
}

static int
mail_arg(struct pool *pool, const struct param *p, unsigned offered, struct smtp_mail_args *out, struct smtp_fault *f)
{
	if ((offered & SMTP_ARG_SIZE) != 0 && param_is(p, "SIZE"))
		return size_parse(p->value, &out->size, f);
	if ((offered & SMTP_ARG_BODY) != 0 && param_is(p, "BODY"))
		return body_parse(p, offered, out, f);
	if ((offered & SMTP_ARG_DSN) != 0 && param_is(p, "RET")) {
		out->ret = ascii_casecmp(p->value, "FULL") == 0 ? 1 : ascii_casecmp(p->value, "HDRS") == 0 ? 2 : 0;
		return out->ret != 0 ? 0 : fault_set(f, 501, "5.5.4", "Bad RET parameter syntax");
	}
	if ((offered & SMTP_ARG_DSN) != 0 && param_is(p, "ENVID")) {
		out->envid = xtext_value(pool, p->value);
		return out->envid != NULL ? 0 : fault_set(f, 501, "5.5.4", "Bad ENVID parameter syntax");
	}
	if ((offered & SMTP_ARG_AUTH) != 0 && param_is(p, "AUTH")) {
		out->auth = xtext_value(pool, p->value);
		return out->auth != NULL ? 0 : fault_set(f, 501, "5.5.4", "Bad AUTH parameter syntax");
	}
	if ((offered & SMTP_ARG_SMTPUTF8) != 0 && p->value == NULL && ascii_casecmp(p->name, "SMTPUTF8") == 0) {
		out->smtputf8 = true;
		return 0;
	}
	return param_unknown(p, f);
}

int
smtp_mail_args_parse(struct pool *pool, const char *params, unsigned offered, struct smtp_mail_args *out, struct smtp_fault *fault)
{
	struct param p;

	*out = (struct smtp_mail_args){ .size = 0 };
	while (param_next(pool, &params, &p))
		if (mail_arg(pool, &p, offered, out, fault) < 0)
			return -1;
	return 0;
}

/* RFC 3461 section 4.1: NEVER alone, or a list of the others. */
static int
notify_parse(const char *v, int *out)
{
	static const struct {
		const char *name;
		int bit;
	} words[] = { { "NEVER", SMTP_NOTIFY_NEVER }, { "SUCCESS", SMTP_NOTIFY_SUCCESS }, { "FAILURE", SMTP_NOTIFY_FAILURE },
		{ "DELAY", SMTP_NOTIFY_DELAY } };
	int mask = 0;

	for (;;) {
		size_t n = strcspn(v, ","), i;

		for (i = 0; i < COUNT_OF(words); i++)
			if (strlen(words[i].name) == n && ascii_ncasecmp(v, words[i].name, n) == 0)
				break;
		if (i == COUNT_OF(words))
			return -1;
		mask |= words[i].bit;
		if (v[n] == 0)
			break;
		v += n + 1;
	}
	if ((mask & SMTP_NOTIFY_NEVER) != 0 && mask != SMTP_NOTIFY_NEVER)
		return -1;
	*out = mask;
	return 0;
}

/* RFC 3461 section 4.2: addr-type ";" xtext; RFC 6533 for the type utf-8. */
static const char *
orcpt_parse(struct pool *pool, const char *v)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(VALUE_MAX);
	size_t n = strcspn(v, ";");
	int rc;

	if (v[n] == 0 || n == 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!ascii_is_alnum(v[i]) && v[i] != '-')
			return NULL;
	(void)strbuf_add(&b, v, n + 1);
	rc = n == 5 && ascii_ncasecmp(v, "utf-8", 5) == 0 ? uxtext_decode(&b, v + n + 1, NULL) : xtext_decode(&b, v + n + 1, NULL);
	return rc == 0 && !b.overflow ? pool_strdup(pool, b.s) : NULL;
}

int
smtp_rcpt_args_parse(struct pool *pool, const char *params, unsigned offered, struct smtp_rcpt_args *out, struct smtp_fault *fault)
{
	struct param p;

	*out = (struct smtp_rcpt_args){ .notify = 0 };
	while (param_next(pool, &params, &p)) {
		if ((offered & SMTP_ARG_DSN) != 0 && param_is(&p, "NOTIFY")) {
			if (notify_parse(p.value, &out->notify) < 0)
				return fault_set(fault, 501, "5.5.4", "Error: Bad NOTIFY parameter syntax");
		} else if ((offered & SMTP_ARG_DSN) != 0 && param_is(&p, "ORCPT")) {
			if ((out->orcpt = orcpt_parse(pool, p.value)) == NULL)
				return fault_set(fault, 501, "5.5.4", "Error: Bad ORCPT parameter syntax");
		} else {
			return param_unknown(&p, fault);
		}
	}
	return 0;
}
