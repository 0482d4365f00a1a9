/* SPDX-License-Identifier: Apache-2.0 */
/* text - formats messages for the listing; no printf, as it runs for each field of each message */
#include "text.h"

#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"

enum { VALUE_MAX = 100000 };

void
text_init(struct text *t, size_t max, const char *empty_address)
{
	strbuf_init(&t->out, max);
	strbuf_init(&t->scratch, VALUE_MAX);
	t->empty_address = empty_address;
}

void
text_done(struct text *t)
{
	strbuf_done(&t->out);
	strbuf_done(&t->scratch);
}

void
text_put(struct text *t, const char *name, const char *value)
{
	strbuf_add(&t->out, name, strlen(name) + 1);
	strbuf_add(&t->out, value, strlen(value) + 1);
}

/* Negative numbers go out as 32 bits unsigned. */
static void
put_number(struct text *t, const char *name, int64_t value)
{
	uint64_t v = value < 0 ? (uint32_t)value : (uint64_t)value;
	char digits[24], *p = digits + sizeof(digits);

	*--p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	text_put(t, name, p);
}

static void
put_scratch(struct text *t, const char *name)
{
	if (t->scratch.len > 0)
		ascii_printable(t->scratch.s, true);
	text_put(t, name, t->scratch.len > 0 ? t->scratch.s : "");
}

static void
put_address(struct text *t, const char *name, const char *addr)
{
	strbuf_reset(&t->scratch);
	if (addr[0] == '\0')
		strbuf_adds(&t->scratch, t->empty_address);
	else
		addr_quote(&t->scratch, addr);
	put_scratch(t, name);
}

void
text_put_message(struct text *t, enum queue_name where, const char *id, const struct qstat *st, const struct qenv *env)
{
	text_put(t, "queue_name", queue_name_str(where));
	text_put(t, "queue_id", id);
	put_number(t, "time", env->arrival.tv_sec > 0 ? (int64_t)env->arrival.tv_sec : st->mtime_s);
	put_number(t, "size", env->content_size > 0 ? env->content_size : st->size);
	put_number(t, "forced_expire", st->is_forced_expire);
	put_address(t, "sender", env->sender != NULL ? env->sender : "");
}

void
text_put_recipient(struct text *t, const char *orig, const char *addr, const char *log_class, const char *reason)
{
	if (orig != NULL && orig[0] != '\0')
		put_address(t, "original_recipient", orig);
	else
		text_put(t, "original_recipient", "");
	put_address(t, "recipient", addr);
	text_put(t, "log_class", log_class);
	strbuf_reset(&t->scratch);
	strbuf_adds(&t->scratch, reason);
	put_scratch(t, "reason");
}

void
text_end(struct text *t)
{
	strbuf_addc(&t->out, '\0');
}
