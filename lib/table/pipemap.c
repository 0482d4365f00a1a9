/* SPDX-License-Identifier: Apache-2.0 */
/* pipemap: the answer of each table is the key for the next. */
#include "table/compound.h"

static int
pipemap_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf now = STRBUF_INIT(TABLE_VALUE_MAX);

	strbuf_add(&now, key, len);
	for (size_t i = 0; i < table_list_count(t->state); i++) {
		int r = table_lookup(table_list_at(t->state, i), now.s, value, err);

		if (r <= 0)
			return r;
		strbuf_reset(&now);
		strbuf_add(&now, value->s, value->len);
	}
	return 1;
}

const struct table_driver table_pipemap = {
	.type = "pipemap", .open = compound_open, .close = compound_close, .lookup = pipemap_lookup,
	.is_stale = compound_is_stale, .takes_partial = compound_takes_partial,
};
