/* SPDX-License-Identifier: Apache-2.0 */
/* unionmap: the answers of all its tables, joined with commas. */
#include "table/compound.h"

static int
unionmap_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf one = STRBUF_INIT(TABLE_VALUE_MAX);
	bool any = false;

	for (size_t i = 0; i < table_list_count(t->state); i++) {
		int r = table_lookup(table_list_at(t->state, i), key, &one, err);

		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		if (any)
			strbuf_addc(value, ',');
		strbuf_add(value, one.s, one.len);
		any = true;
	}
	return any;
}

const struct table_driver table_unionmap = {
	.type = "unionmap", .open = compound_open, .close = compound_close, .lookup = unionmap_lookup,
	.is_stale = compound_is_stale, .takes_partial = compound_takes_partial,
};
