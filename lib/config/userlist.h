/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userlist - authorized_submit_users and its like, for set-gid commands, which are small on purpose
 *
 * Items in order, first hit decides: name, !name, /file/name with one item a line, type:table.  Only static: is looked up
 * here; any other table is the caller's business, so that the programs need not have all drivers in them.
 */
#ifndef CONFIG_USERLIST_H
#define CONFIG_USERLIST_H

#include "base/attr.h"
#include "base/err.h"

/* 1 found, 0 not there, -1 cannot tell */
typedef int userlist_table_fn(void *arg, const char *spec, const char *user, struct err *err);

/* 1 the user is on the list, 0 not, -1 cannot tell (refuse). */
NODISCARD int userlist_match(const char *list, const char *user, userlist_table_fn *table, void *arg, struct err *err);

#endif
