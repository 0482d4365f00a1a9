/* SPDX-License-Identifier: Apache-2.0 */
/* Strings to strings in memory, for the table types that are read once. */
#include <string.h>

#include "base/mem.h"
#include "table/table_priv.h"

struct memtab {
	struct map *map;
	struct map_iter it;
};

struct memtab *
memtab_new(void)
{
	struct memtab *m = NEW(struct memtab);

	m->map = map_new();
	return m;
}

static void
free_value(void *value)
{
	mem_free(&value);
}

void
memtab_free(struct memtab **mp)
{
	if (*mp == NULL)
		return;
	map_free(&(*mp)->map, free_value);
	mem_free(mp);
}

bool
memtab_has(const struct memtab *m, const char *key)
{
	return map_get(m->map, key) != NULL;
}

void
memtab_put(struct memtab *m, const char *key, const char *value)
{
	void *old = map_put(m->map, key, mem_strdup(value));

	mem_free(&old);
}

bool
memtab_del(struct memtab *m, const char *key)
{
	void *old = map_del(m->map, key);
	bool had = old != NULL;

	mem_free(&old);
	return had;
}

int
memtab_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err UNUSED)
{
	const struct memtab *m = t->state;
	const char *found = map_getn(m->map, key, len);

	if (found == NULL)
		return 0;
	strbuf_adds(value, found);
	return 1;
}

int
memtab_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err UNUSED)
{
	struct memtab *m = t->state;

	if (first)
		m->it = (struct map_iter){ 0 };
	if (!map_next(m->map, &m->it))
		return 0;
	strbuf_adds(key, m->it.key);
	strbuf_adds(value, m->it.value);
	return 1;
}

void
memtab_close(struct table *t)
{
	struct memtab *m = t->state;

	memtab_free(&m);
	t->state = NULL;
}
