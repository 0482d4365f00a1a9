/* SPDX-License-Identifier: Apache-2.0 */
/* fail: every look-up is a temporary error, for tests of everything else. */
#include "table/table_priv.h"

static int
fail_open(struct table *t UNUSED, struct err *err UNUSED)
{
	return 0;
}

static int
fail_lookup(struct table *t, const char *key UNUSED, size_t len UNUSED, struct strbuf *value UNUSED, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.3.0", "table %s: every look-up of it fails", t->spec);
}

const struct table_driver table_fail = {
	.type = "fail", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL, .open = fail_open, .lookup = fail_lookup,
};
