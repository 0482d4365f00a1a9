/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/mem.h"

struct block {
	struct block *next;	/* older block */
	size_t size, used;
	_Alignas(max_align_t) char data[];
};

struct pool {
	struct block *head;
	size_t first;
	size_t used;
};

static struct block *
block_new(size_t size)
{
	struct block *b = mem_alloc(sizeof(*b) + size);

	b->size = size;
	return b;
}

struct pool *
pool_new(size_t first_block)
{
	struct pool *p = NEW(struct pool);

	p->first = first_block < 256 ? 256 : first_block;
	return p;
}

void
pool_reset(struct pool *p)
{
	struct block *b = p->head, *next;

	for (; b != NULL && b->next != NULL; b = next) {
		next = b->next;
		mem_free(&b);
	}
	if (b != NULL)
		b->used = 0;
	p->head = b;
	p->used = 0;
}

void
pool_free(struct pool **pp)
{
	if (*pp == NULL)
		return;
	pool_reset(*pp);
	mem_free(&(*pp)->head);
	mem_free(pp);
}

size_t
pool_used(const struct pool *p)
{
	return p->used;
}

void *
pool_alloc(struct pool *p, size_t n)
{
	size_t align = _Alignof(max_align_t);
	struct block *b = p->head;
	void *r;

	ASSERT(n < SIZE_MAX / 2);
	n = (n + align - 1) / align * align;
	if (b == NULL || b->size - b->used < n) {
		size_t size = b == NULL ? p->first : b->size * 2;

		if (size > 65536)
			size = 65536;
		b = block_new(n > size ? n : size);
		b->next = p->head;
		p->head = b;
	}
	r = b->data + b->used;
	b->used += n;
	p->used += n;
	return memset(r, 0, n);
}

void *
pool_alloc_array(struct pool *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		bug("allocation of %zu times %zu bytes", n, size);
	return pool_alloc(p, total);
}

char *
pool_strndup(struct pool *p, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *r = pool_alloc(p, len + 1);

	memcpy(r, s, len);
	return r;
}

char *
pool_strdup(struct pool *p, const char *s)
{
	return pool_strndup(p, s, strlen(s));
}

char *
pool_printf(struct pool *p, const char *fmt, ...)
{
	va_list ap, again;
	char *r;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	ASSERT(n >= 0);
	r = pool_alloc(p, (size_t)n + 1);
	vsnprintf(r, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return r;
}
