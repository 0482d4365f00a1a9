/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_priv - asking proxymap, for the types that do
 */
#ifndef TABLE_PROXY_PRIV_H
#define TABLE_PROXY_PRIV_H

#include "table/table_priv.h"

int proxy_open(struct table *t, bool takes_partial);
void proxy_close(struct table *t);
bool proxy_takes_partial(const struct table *t);
/* name: "type:name" as proxymap is to open it. */
NODISCARD int proxy_lookup_name(struct table *t, const char *name, const char *key, struct strbuf *value, struct err *err) MAY_WAIT;

#endif
