/* SPDX-License-Identifier: Apache-2.0 */
/* randmap: one of its values, by chance. */
#include <sys/random.h>

#include "base/mem.h"
#include "table/table_priv.h"

enum { VALUES_MAX = 100000 };

static int
randmap_open(struct table *t, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(t->name);
	struct strvec *v = NEW(struct strvec);
	char *text = copy, *word;

	t->state = v;
	strvec_init(v, VALUES_MAX);
	if (brace_strip(&text, NULL) < 0)
		return err_set(err, ERR_CONF, NULL, "bad syntax: \"%s\"; need \"randmap:{value...}\"", t->spec);
	while ((word = brace_next(&text)) != NULL) {
		if (*word == '{' && brace_strip(&word, err) < 0)
			return -1;
		if (strvec_add(v, word) < 0)
			return err_set(err, ERR_CONF, NULL, "randmap: more than %d values", VALUES_MAX);
	}
	if (v->n == 0)
		return err_set(err, ERR_CONF, NULL, "bad syntax: \"%s\"; need \"randmap:{value...}\"", t->spec);
	return 0;
}

static void
randmap_close(struct table *t)
{
	strvec_done(t->state);
	mem_free(&t->state);
}

static int
randmap_lookup(struct table *t, const char *key UNUSED, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	const struct strvec *v = t->state;
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return err_sys(err, "%s: getrandom", t->spec);
	strbuf_adds(value, v->v[r % v->n]);
	return 1;
}

const struct table_driver table_randmap = {
	.type = "randmap", .open = randmap_open, .close = randmap_close, .lookup = randmap_lookup,
};
