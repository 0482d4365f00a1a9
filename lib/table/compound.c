/* SPDX-License-Identifier: Apache-2.0 */
/* Tables made of tables: what unionmap and pipemap share. */
#include "table/compound.h"

#include <string.h>

#include "base/mem.h"

/* Levels of braces bound how deeply such tables can contain each other. */
static size_t
brace_depth(const char *s)
{
	size_t depth = 0, most = 0;

	for (; *s != '\0'; s++) {
		if (*s == '{' && ++depth > most)
			most = depth;
		else if (*s == '}' && depth > 0)
			depth--;
	}
	return most;
}

int
compound_open(struct table *t, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(t->name);
	char *inner = copy;
	struct table_list *l;

	if (brace_depth(copy) > TABLE_NEST_MAX)
		return err_set(err, ERR_CONF, NULL, "%.200s: nested too deeply", t->spec);
	if (brace_strip(&inner, NULL) < 0 || *inner == '\0')
		return err_set(err, ERR_CONF, NULL, "bad syntax: \"%s\"; need \"%s:{type:name...}\"", t->spec, t->driver->type);
	l = table_list_open(inner, t->flags & ~(TABLE_WRITE | TABLE_REBUILD), t->conf, err);
	if (l == NULL)
		return -1;
	t->state = l;
	if (!table_list_is_empty(l))
		return 0;
	return err_set(err, ERR_CONF, NULL, "bad syntax: \"%s\"; need \"%s:{type:name...}\"", t->spec, t->driver->type);
}

void
compound_close(struct table *t)
{
	struct table_list *l = t->state;

	table_list_free(&l);
	t->state = NULL;
}

bool
compound_is_stale(struct table *t)
{
	for (size_t i = 0; i < table_list_count(t->state); i++)
		if (table_is_stale(table_list_at(t->state, i)))
			return true;
	return false;
}

bool
compound_takes_partial(const struct table *t)
{
	for (size_t i = 0; i < table_list_count(t->state); i++)
		if (!table_takes_partial_keys(table_list_at(t->state, i)))
			return false;
	return true;
}
