/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/mem.h"

char strbuf_empty[1] = "";

void
strbuf_init(struct strbuf *b, size_t max)
{
	*b = (struct strbuf)STRBUF_INIT(max);
}

void
strbuf_done(struct strbuf *b)
{
	if (b->cap > 0)
		mem_free(&b->s);
	strbuf_init(b, b->max);
}

void
strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->cap > 0)
		b->s[0] = '\0';
}

char *
strbuf_room(struct strbuf *b, size_t n)
{
	size_t need, cap;

	if (n > b->max || b->len > b->max - n) {
		b->overflow = true;
		return NULL;
	}
	need = b->len + n + 1;
	if (need > b->cap) {
		cap = b->cap < 32 ? 64 : b->cap * 2;
		if (cap < need)
			cap = need;
		if (cap > b->max + 1)
			cap = b->max + 1;
		b->s = mem_realloc_array(b->cap > 0 ? b->s : NULL, cap, 1);
		b->cap = cap;
		b->s[b->len] = '\0';
	}
	return b->s + b->len;
}

void
strbuf_grown(struct strbuf *b, size_t n)
{
	ASSERT(b->len + n < b->cap || n == 0);
	b->len += n;
	if (b->cap > 0)
		b->s[b->len] = '\0';
}

int
strbuf_add(struct strbuf *b, const void *data, size_t n)
{
	char *p = strbuf_room(b, n);

	if (p == NULL)
		return -1;
	if (n > 0)
		memcpy(p, data, n);
	strbuf_grown(b, n);
	return 0;
}

int
strbuf_adds(struct strbuf *b, const char *s)
{
	return strbuf_add(b, s, strlen(s));
}

int
strbuf_addc(struct strbuf *b, char c)
{
	return strbuf_add(b, &c, 1);
}

int
strbuf_addv(struct strbuf *b, const char *fmt, va_list ap)
{
	char small[256];
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, again);
	va_end(again);
	ASSERT(n >= 0);
	if ((size_t)n < sizeof(small))
		return strbuf_add(b, small, (size_t)n);
	p = strbuf_room(b, (size_t)n);
	if (p == NULL)
		return -1;
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	strbuf_grown(b, (size_t)n);
	return 0;
}

int
strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = strbuf_addv(b, fmt, ap);
	va_end(ap);
	return r;
}

void
strbuf_cut(struct strbuf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->s[len] = '\0';
}

void
strbuf_remove(struct strbuf *b, size_t at, size_t n)
{
	ASSERT(at <= b->len && n <= b->len - at);
	if (n == 0)
		return;
	memmove(b->s + at, b->s + at + n, b->len - at - n);
	strbuf_cut(b, b->len - n);
}

int
strbuf_insert(struct strbuf *b, size_t at, const void *data, size_t n)
{
	ASSERT(at <= b->len);
	if (strbuf_room(b, n) == NULL)
		return -1;
	if (n == 0)
		return 0;
	memmove(b->s + at + n, b->s + at, b->len - at);
	memcpy(b->s + at, data, n);
	strbuf_grown(b, n);
	return 0;
}

char *
strbuf_take(struct strbuf *b)
{
	char *s = b->cap > 0 ? b->s : mem_strdup("");

	strbuf_init(b, b->max);
	return s;
}
