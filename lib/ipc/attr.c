/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr - reader and writer of Postfix's two attribute encodings
 */
#include "ipc/attr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

enum { OFFSET_SHIFT = 1 };

void
attr_done(struct attr_list *l)
{
	strbuf_done(&l->text);
	mem_free(&l->v);
	l->n = l->cap = 0;
}

/* Append to text up to and with the end byte, which is stored as NUL.  1, 0 closed before the first byte, -1. */
static int
token_read(struct stream *s, char end, struct strbuf *text, struct err *err)
{
	bool any = false;

	for (;;) {
		size_t n;
		const char *p = stream_peek(s, &n);
		const char *e = n > 0 ? memchr(p, end, n) : NULL;
		size_t take = e != NULL ? (size_t)(e - p) : n;
		int r;

		if (strbuf_add(text, p, take) < 0 || (e != NULL && strbuf_addc(text, '\0') < 0))
			return err_set(err, ERR_PROTO, NULL, "attribute list longer than %zu bytes", text->max);
		stream_consume(s, e != NULL ? take + 1 : take);
		if (e != NULL)
			return 1;
		any = any || take > 0;
		r = stream_fill(s, err);
		if (r < 0)
			return -1;
		if (r == 0)
			return any ? err_set(err, ERR_EOF, NULL, "connection closed in the middle of an attribute list") : 0;
	}
}

/* Offsets first, as text may still move; they become pointers at the end. */
static void
pair_add(struct attr_list *l, size_t name_at, size_t value_at)
{
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 16 : l->cap * 2;
		l->v = mem_realloc_array(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n].name = (const char *)(uintptr_t)(name_at + OFFSET_SHIFT);
	l->v[l->n++].value = (const char *)(uintptr_t)(value_at + OFFSET_SHIFT);
}

static void
pairs_fix(struct attr_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		l->v[i].name = l->text.s + ((uintptr_t)l->v[i].name - OFFSET_SHIFT);
		l->v[i].value = l->text.s + ((uintptr_t)l->v[i].value - OFFSET_SHIFT);
	}
}

/* Where the value of the pair whose name begins at an offset lies: 0 end of the list, or -1. */
static int
value_read(struct stream *s, enum attr_style style, struct strbuf *text, size_t name_at, size_t *value_at, struct err *err)
{
	char *eq;
	int r;

	if (style == ATTR_LINE) {
		eq = strchr(text->s + name_at, '=');
		if (eq == NULL)
			return err_set(err, ERR_PROTO, NULL, "attribute without '='");
		*eq = '\0';
		*value_at = (size_t)(eq + 1 - text->s);
		return 1;
	}
	*value_at = text->len;
	r = token_read(s, '\0', text, err);
	return r != 0 ? r : err_set(err, ERR_EOF, NULL, "connection closed in the middle of an attribute list");
}

int
attr_read(struct stream *s, enum attr_style style, struct attr_list *l, size_t max_pairs, size_t max_bytes, struct err *err)
{
	l->n = 0;
	strbuf_reset(&l->text);
	l->text.max = max_bytes;
	for (;;) {
		size_t name_at = l->text.len, value_at = 0;
		int r = token_read(s, style == ATTR_NUL ? '\0' : '\n', &l->text, err);

		if (r == 0 && l->n > 0)
			return err_set(err, ERR_EOF, NULL, "connection closed in the middle of an attribute list");
		if (r <= 0)
			return r;
		if (l->text.s[name_at] == '\0')
			break;
		if (l->n == max_pairs)
			return err_set(err, ERR_PROTO, NULL, "more than %zu attributes", max_pairs);
		if (value_read(s, style, &l->text, name_at, &value_at, err) < 0)
			return -1;
		pair_add(l, name_at, value_at);
	}
	pairs_fix(l);
	return 1;
}

const char *
attr_get(const struct attr_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return l->v[i].value;
	return NULL;
}

int
attr_get_num(const struct attr_list *l, const char *name, uint64_t max, uint64_t *out, struct err *err)
{
	const char *v = attr_get(l, name);

	if (v == NULL)
		return err_set(err, ERR_PROTO, NULL, "attribute %s is missing", name);
	if (num_parse_u64(v, 0, max, out) < 0)
		return err_set(err, ERR_PROTO, NULL, "attribute %s: bad number", name);
	return 0;
}

/* stream_write's error sticks and shows at the flush */
static void
put_bytes(struct stream *s, const char *p, size_t n)
{
	if (stream_write(s, p, n, NULL) < 0)
		return;
}

static void
put_text(struct stream *s, enum attr_style style, const char *text)
{
	while (*text != '\0') {
		size_t n = style == ATTR_LINE ? strcspn(text, "\r\n") : strlen(text);

		put_bytes(s, text, n);
		text += n;
		if (*text != '\0') {
			put_bytes(s, "?", 1);
			text++;
		}
	}
}

void
attr_put(struct stream *s, enum attr_style style, const char *name, const char *value)
{
	put_text(s, style, name);
	put_bytes(s, style == ATTR_NUL ? "" : "=", 1);
	put_text(s, style, value);
	put_bytes(s, style == ATTR_NUL ? "" : "\n", 1);
}

void
attr_put_num(struct stream *s, enum attr_style style, const char *name, int64_t value)
{
	char text[32];

	if (value < 0)
		snprintf(text, sizeof(text), "%" PRIu32, (uint32_t)value);
	else
		snprintf(text, sizeof(text), "%" PRId64, value);
	attr_put(s, style, name, text);
}

void
attr_end(struct stream *s, enum attr_style style)
{
	put_bytes(s, style == ATTR_NUL ? "" : "\n", 1);
}
