/* SPDX-License-Identifier: Apache-2.0 */
/* filter - which records of a user's message go into maildrop */
#include "filter.h"

#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "queue/rec.h"

#define MAX_ADDRESS 2000
#define MAX_ATTRIBUTE 4000
#define MAX_ATTRIBUTES 50	/* besides those of recipients */
#define TRACE_FLAGS (512 | 1024)	/* sendmail -bv, sendmail -v; not 256, the probes of verify */
#define NOTIFY_MAX 15
#define RET_MAX 2

void
filter_init(struct filter *f, int64_t max_content)
{
	*f = (struct filter){ .segment = 'e', .max_content = max_content };
}

static bool
is_number_up_to(const char *s, int64_t max)
{
	int64_t n;

	return num_parse_i64(s, 0, max, &n) == 0;
}

static bool
is_encoding(const char *s)
{
	return *s == '\0' || strcmp(s, "7bit") == 0 || strcmp(s, "8bit") == 0;
}

static bool
is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ascii_is_cntrl((unsigned char)s[i]))
			return false;
	return true;
}

static bool
is_trace(const char *s)
{
	int64_t n;

	return num_parse_i64(s, 0, TRACE_FLAGS, &n) == 0 && (n & ~(int64_t)TRACE_FLAGS) == 0;
}

/* "name=value" that a user may say; those of one recipient are as many as there are recipients. */
static bool
is_attribute_allowed(const char *data, size_t len, bool *of_recipient)
{
	AUTO(mem_free) char *name = mem_strndup(data, len);
	char *value = strchr(name, '=');

	if (value == NULL || strlen(name) != len)
		return false;
	*value++ = '\0';
	*of_recipient = strcmp(name, "notify_flags") == 0 || strcmp(name, "dsn_orig_rcpt") == 0;
	if (strcmp(name, "encoding") == 0)
		return is_encoding(value);
	if (strcmp(name, "rewrite_context") == 0)
		return strcmp(value, "local") == 0 || strcmp(value, "remote") == 0;
	if (strcmp(name, "envelope_id") == 0 || strcmp(name, "dsn_orig_rcpt") == 0)
		return is_text(value, strlen(value));
	if (strcmp(name, "notify_flags") == 0)
		return is_number_up_to(value, NOTIFY_MAX);
	if (strcmp(name, "ret_flags") == 0)
		return is_number_up_to(value, RET_MAX);
	if (strcmp(name, "trace_flags") == 0)
		return is_trace(value);
	return false;
}

static int
take_attribute(struct filter *f, const char *data, size_t len, struct err *err)
{
	bool of_recipient = false;

	if (len > MAX_ATTRIBUTE)
		return err_set(err, ERR_PERM, NULL, "attribute is too long");
	if (!is_attribute_allowed(data, len, &of_recipient))
		return 0;
	if (!of_recipient && ++f->attributes > MAX_ATTRIBUTES)
		return err_set(err, ERR_PERM, NULL, "too many attributes");
	return 1;
}

static int
check_address(const char *data, size_t len, struct err *err)
{
	if (len > MAX_ADDRESS)
		return err_set(err, ERR_PERM, NULL, "address is too long");
	for (size_t i = 0; i < len; i++)
		if (data[i] == '\0' || data[i] == '\n' || data[i] == '\r')
			return err_set(err, ERR_PERM, NULL, "line end or NUL in an address");
	return 0;
}

static int
take_sender(struct filter *f, const char *data, size_t len, struct err *err)
{
	if (f->has_sender)
		return err_set(err, ERR_PERM, NULL, "two sender records");
	f->has_sender = true;
	return check_address(data, len, err) < 0 ? -1 : 1;
}

/* The clock and the sizes are ours to say. */
static int
take_envelope(struct filter *f, int type, const char *data, size_t len, struct err *err)
{
	switch (type) {
	case REC_TIME:
	case REC_SIZE: return 0;
	case REC_FULLNAME: return memchr(data, '\n', len) == NULL && len <= MAX_ADDRESS;
	case REC_FROM: return take_sender(f, data, len, err);
	case REC_RCPT: return check_address(data, len, err) < 0 ? -1 : 1;
	case REC_VERP: return len == 2;
	case REC_ATTR:
		return take_attribute(f, data, len, err);
	case REC_DSN_ENVID:
	case REC_DSN_NOTIFY: return is_text(data, len);
	case REC_MESG:
		if (!f->has_sender)
			return err_set(err, ERR_PERM, NULL, "no sender record before the content");
		f->segment = 'c';
		return 1;
	default: return err_set(err, ERR_PERM, NULL, "unexpected or malformed record type %d", type);
	}
}

static int
take_content(struct filter *f, int type, size_t len, struct err *err)
{
	switch (type) {
	case REC_NORM:
	case REC_CONT:
		f->content += (int64_t)len + (type == REC_NORM);
		if (f->max_content > 0 && f->content > f->max_content)
			return err_set(err, ERR_PERM, NULL, "message file too big");
		return 1;
	case REC_PAD: return 0;
	case REC_XTRA: f->segment = 'x'; return 1;
	default: return err_set(err, ERR_PERM, NULL, "unexpected or malformed record type %d", type);
	}
}

static int
take_extracted(struct filter *f, int type, const char *data, size_t len, struct err *err)
{
	switch (type) {
	case REC_RCPT: return check_address(data, len, err) < 0 ? -1 : 1;
	case REC_ATTR:
		return take_attribute(f, data, len, err);
	case REC_END: f->segment = 0; return 1;
	default: return err_set(err, ERR_PERM, NULL, "unexpected or malformed record type %d", type);
	}
}

int
filter_record(struct filter *f, int type, const char *data, size_t len, struct err *err)
{
	switch (f->segment) {
	case 'e': return take_envelope(f, type, data, len, err);
	case 'c': return take_content(f, type, len, err);
	case 'x': return take_extracted(f, type, data, len, err);
	default: return err_set(err, ERR_PERM, NULL, "record behind the end");
	}
}
