/* SPDX-License-Identifier: Apache-2.0 */
/* debug: "debug:type:name" logs each look-up of another table and what came of it. */
#include "base/log.h"
#include "table/table_priv.h"

static int
debug_open(struct table *t, struct err *err)
{
	t->state = table_open(t->name, t->flags, t->conf, err);
	return t->state == NULL ? -1 : 0;
}

static void
debug_close(struct table *t)
{
	struct table *inner = t->state;

	table_free(&inner);
	t->state = NULL;
}

static int
debug_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	struct err local = ERR_INIT;
	int r = table_lookup(t->state, key, value, &local);

	if (r < 0)
		log_info("%s lookup: \"%s\" error: %s", t->name, key, local.text);
	else if (r == 0)
		log_info("%s lookup: \"%s\" not found", t->name, key);
	else
		log_info("%s lookup: \"%s\" = \"%s\"", t->name, key, value->s);
	return r < 0 ? err_set(err, local.class, local.dsn, "%s", local.text) : r;
}

static bool
debug_is_stale(struct table *t)
{
	return table_is_stale(t->state);
}

static bool
debug_takes_partial(const struct table *t)
{
	return table_takes_partial_keys(t->state);
}

const struct table_driver table_debug = {
	.type = "debug", .open = debug_open, .close = debug_close, .lookup = debug_lookup, .is_stale = debug_is_stale,
	.takes_partial = debug_takes_partial,
};
