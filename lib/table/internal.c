/* SPDX-License-Identifier: Apache-2.0 */
/* internal: a table in memory that begins empty, the same for readers and writers of this one object. */
#include "table/table_priv.h"

static int
internal_open(struct table *t, struct err *err UNUSED)
{
	t->state = memtab_new();
	return 0;
}

static int
internal_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err UNUSED)
{
	*existed = memtab_has(t->state, key);
	if (!*existed || (t->flags & TABLE_REPLACE) != 0)
		memtab_put(t->state, key, value);
	return 0;
}

static int
internal_del(struct table *t, const char *key, struct err *err UNUSED)
{
	return memtab_del(t->state, key);
}

const struct table_driver table_internal = {
	.type = "internal", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL, .open = internal_open, .close = memtab_close,
	.lookup = memtab_lookup, .each = memtab_each, .put = internal_put, .del = internal_del,
};
