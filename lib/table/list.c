/* SPDX-License-Identifier: Apache-2.0 */
/* A list of tables that is searched in order for one key. */
#include <string.h>

#include "base/mem.h"
#include "table/table_priv.h"

struct table_list {
	struct table **v;
	size_t n;
};

static int
list_add(struct table_list *l, const char *spec, int flags, struct conf *conf, struct err *err)
{
	struct table *t;

	if (l->n >= TABLE_LIST_MAX)
		return err_set(err, ERR_CONF, NULL, "more than %d tables in one list", TABLE_LIST_MAX);
	t = table_open(spec, flags, conf, err);
	if (t == NULL)
		return -1;
	l->v = mem_realloc_array(l->v, l->n + 1, sizeof(struct table *));
	l->v[l->n++] = t;
	return 0;
}

struct table_list *
table_list_open(const char *specs, int flags, struct conf *conf, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(specs);
	struct table_list *l = NEW(struct table_list);
	char *pos = copy, *word;

	while ((word = brace_next(&pos)) != NULL) {
		if (list_add(l, word, flags, conf, err) < 0) {
			table_list_free(&l);
			return NULL;
		}
	}
	return l;
}

void
table_list_free(struct table_list **lp)
{
	struct table_list *l = *lp;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		table_free(&l->v[i]);
	mem_free(&l->v);
	mem_free(lp);
}

bool
table_list_is_empty(const struct table_list *l)
{
	return l == NULL || l->n == 0;
}

size_t
table_list_count(const struct table_list *l)
{
	return l == NULL ? 0 : l->n;
}

struct table *
table_list_at(struct table_list *l, size_t i)
{
	return i < l->n ? l->v[i] : NULL;
}

int
table_list_lookup_part(struct table_list *l, const char *key, bool is_partial_key, struct strbuf *value, struct err *err)
{
	for (size_t i = 0; l != NULL && i < l->n; i++) {
		int r;

		if (is_partial_key && !table_takes_partial_keys(l->v[i]))
			continue;
		r = table_lookup(l->v[i], key, value, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int
table_list_lookup(struct table_list *l, const char *key, struct strbuf *value, struct err *err)
{
	return table_list_lookup_part(l, key, false, value, err);
}
