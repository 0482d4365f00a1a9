/* SPDX-License-Identifier: Apache-2.0 */
/* static: the same value for every key. */
#include "base/mem.h"
#include "table/table_priv.h"

static int
static_open(struct table *t, struct err *err)
{
	char *text = mem_strdup(t->name);
	char *value = text;

	t->state = text;
	if (*text == '{' && brace_strip(&value, err) < 0)
		return err_prefix(err, "bad static:name syntax: ");
	t->state = mem_strdup(value);
	mem_free(&text);
	return 0;
}

static void
static_close(struct table *t)
{
	mem_free(&t->state);
}

static int
static_lookup(struct table *t, const char *key UNUSED, size_t len UNUSED, struct strbuf *value, struct err *err UNUSED)
{
	strbuf_adds(value, t->state);
	return 1;
}

const struct table_driver table_static = {
	.type = "static", .traits = TABLE_T_FIXED, .open = static_open, .close = static_close, .lookup = static_lookup,
};
