/* SPDX-License-Identifier: Apache-2.0 */
/* Types that are known by name and not part of this release: each look-up is a temporary error that says so. */
#include "base/log.h"
#include "table/table_priv.h"

static int
unbuilt_open(struct table *t, struct err *err UNUSED)
{
	if ((t->flags & TABLE_QUIET) == 0)
		log_warning("this release of Postern has no tables of type \"%s\": each look-up of %s will fail",
		    t->driver->type, t->spec);
	return 0;
}

static int
unbuilt_lookup(struct table *t, const char *key UNUSED, size_t len UNUSED, struct strbuf *value UNUSED, struct err *err)
{
	return err_set(err, ERR_CONF, "4.3.5", "%s is unavailable. this release of Postern has no tables of type \"%s\"",
	    t->spec, t->driver->type);
}

#define UNBUILT(id, fixed) const struct table_driver table_##id = { \
	.type = #id, .traits = TABLE_T_HIDDEN | (fixed), .open = unbuilt_open, .lookup = unbuilt_lookup }

UNBUILT(dbm, TABLE_T_PARTIAL);
UNBUILT(ldap, TABLE_T_PARTIAL);
UNBUILT(mongodb, TABLE_T_PARTIAL);
UNBUILT(mysql, TABLE_T_PARTIAL);
UNBUILT(nis, TABLE_T_PARTIAL);
UNBUILT(nisplus, TABLE_T_PARTIAL);
UNBUILT(pgsql, TABLE_T_PARTIAL);
UNBUILT(sdbm, TABLE_T_PARTIAL);
