/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxymap - the tables that may be asked for, and one request
 */
#ifndef PROXYMAP_PROXYMAP_H
#define PROXYMAP_PROXYMAP_H

#include "ipc/msg.h"
#include "table/table.h"

/* Tables named in a list of maps and restrictions: "proxy:type:name" anywhere, and types that are always asked for here. */
struct approved;
NODISCARD struct approved *approved_new(const char *list, struct err *err);
void approved_free(struct approved **ap);
/* Types that are always asked for here need no leave: those of any setting in main.cf, and in master.cf behind -o. */
NODISCARD int approved_add_implied(struct approved *a, struct conf *conf, struct err *err);
bool approved_has(const struct approved *a, const char *spec);
/* Open them all while there are rights; each is kept and watched. */
void approved_open_all(struct approved *a, struct conf *conf, void (*watch)(struct table *t));
/* The open table, or NULL when it cannot be one; opened now when it was not yet with these flags. */
struct table *approved_table(struct approved *a, const char *spec, int flags, struct conf *conf, struct err *err);

#endif
