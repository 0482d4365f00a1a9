/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strvec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/mem.h"

void
strvec_init(struct strvec *v, size_t max)
{
	*v = (struct strvec)STRVEC_INIT(max);
}

void
strvec_reset(struct strvec *v)
{
	for (size_t i = 0; i < v->n; i++)
		mem_free(&v->v[i]);
	v->n = 0;
}

void
strvec_done(struct strvec *v)
{
	strvec_reset(v);
	mem_free(&v->v);
	v->cap = 0;
}

/* Make room for one more and the final NULL. */
static int
grow(struct strvec *v)
{
	if (v->n >= v->max)
		return -1;
	if (v->n + 2 > v->cap) {
		v->cap = v->cap < 4 ? 8 : v->cap * 2;
		v->v = mem_realloc_array(v->v, v->cap, sizeof(*v->v));
	}
	return 0;
}

static int
insert_take(struct strvec *v, size_t at, char *s)
{
	ASSERT(at <= v->n);
	if (grow(v) < 0) {
		mem_free(&s);
		return -1;
	}
	memmove(v->v + at + 1, v->v + at, (v->n - at) * sizeof(*v->v));
	v->v[at] = s;
	v->v[++v->n] = NULL;
	return 0;
}

int
strvec_insert(struct strvec *v, size_t at, const char *s)
{
	return insert_take(v, at, mem_strdup(s));
}

int
strvec_add(struct strvec *v, const char *s)
{
	return strvec_insert(v, v->n, s);
}

int
strvec_addn(struct strvec *v, const char *s, size_t n)
{
	return insert_take(v, v->n, mem_strndup(s, n));
}

int
strvec_addf(struct strvec *v, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatal("out of memory in strvec_addf");
	return insert_take(v, v->n, s);
}

void
strvec_remove(struct strvec *v, size_t at)
{
	ASSERT(at < v->n);
	mem_free(&v->v[at]);
	memmove(v->v + at, v->v + at + 1, (v->n - at) * sizeof(*v->v));
	v->n--;
}

bool
strvec_has(const struct strvec *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i], s) == 0)
			return true;
	return false;
}

bool
strvec_hasi(const struct strvec *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (ascii_casecmp(v->v[i], s) == 0)
			return true;
	return false;
}

char **
strvec_argv(struct strvec *v)
{
	if (v->v == NULL) {
		v->cap = 8;
		v->v = mem_alloc_array(v->cap, sizeof(*v->v));
	}
	return v->v;
}

int
strvec_split(struct strvec *v, const char *s, const char *seps)
{
	size_t n;

	for (;;) {
		s += strspn(s, seps);
		if (*s == '\0')
			return 0;
		n = strcspn(s, seps);
		if (strvec_addn(v, s, n) < 0)
			return -1;
		s += n;
	}
}
