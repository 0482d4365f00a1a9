/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match - match lists: mynetworks, mydestination, relay_domains, authorized_*_users, debug_peer_list ...
 *
 * Items in order, first hit decides: pattern, !pattern, type:table, /file/name with one item a line.
 */
#ifndef TABLE_MATCH_H
#define TABLE_MATCH_H

#include "table/table.h"

struct match;
enum {
	MATCH_PARENT = 1,	/* example.com also matches below it (parent_domain_matches_subdomains), else .example.com does */
	MATCH_DOMAIN = 2,	/* host or domain names */
	MATCH_ADDR = 4,		/* IP addresses, net/mask */
	MATCH_STRING = 8,	/* whole strings, case ignored */
};

NODISCARD struct match *match_open(const char *list, int flags, struct conf *conf, struct err *err);
void match_free(struct match **mp);
/* Each table among the items: to be watched for changes. */
void match_each_table(struct match *m, void (*fn)(struct table *t));
bool match_is_empty(const struct match *m);
/* 1 match, 0 no match, -1 a table failed (temporary).  addr: "192.0.2.1" or "2001:db8::1", without brackets; either may be NULL. */
NODISCARD int match_name(struct match *m, const char *name, struct err *err) MAY_WAIT;
NODISCARD int match_addr(struct match *m, const char *addr, struct err *err) MAY_WAIT;
NODISCARD int match_host(struct match *m, const char *name, const char *addr, struct err *err) MAY_WAIT;

#endif
