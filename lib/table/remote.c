/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote: types whose driver needs a client library
 *
 * Everybody knows the type and asks proxymap.  The driver itself is linked only into programs that look up, so that no other loads the
 * library; here the one that is there is found.
 */
#include "table/table_priv.h"

static const struct table_driver *
find_client(const struct table *t)
{
	return t->driver == &table_sqlite ? &table_sqlite_client : NULL;
}

static int
remote_open(struct table *t, struct err *err)
{
	const struct table_driver *client = find_client(t);

	if (client == NULL)
		return err_set(err, ERR_CONF, NULL, "%s: this program or build has no tables of type \"%s\"", t->spec, t->driver->type);
	t->driver = client;
	return client->open(t, err);
}

static int
remote_lookup(struct table *t, const char *key UNUSED, size_t len UNUSED, struct strbuf *value UNUSED, struct err *err)
{
	return err_set(err, ERR_CONF, "4.3.5", "%s is unavailable", t->spec);
}

const struct table_driver table_sqlite = {
	.type = "sqlite", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL | TABLE_T_PROXIED | TABLE_T_STUB,
	.open = remote_open, .lookup = remote_lookup,
};
