/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local - which domains and addresses are this machine's: mydestination, inet_interfaces, proxy_interfaces, myorigin
 *
 * Opened before confinement (inet_interfaces may name hosts).
 */
#ifndef ROUTE_LOCAL_H
#define ROUTE_LOCAL_H

#include "config/conf.h"
#include "table/table.h"

struct localdom;
NODISCARD struct localdom *localdom_new(struct conf *conf, struct err *err);
void localdom_free(struct localdom **lp);
void localdom_each_table(struct localdom *l, void (*fn)(struct table *t));
/* The domain is in mydestination or is a literal of an own address: 1, 0, -1 (a table failed). */
NODISCARD int localdom_has(struct localdom *l, const char *domain, struct err *err) MAY_WAIT;
/* The same, or myorigin: the domains whose addresses are also looked up as a bare local part. */
NODISCARD int localdom_has_or_origin(struct localdom *l, const char *domain, struct err *err) MAY_WAIT;
/* "192.0.2.1" or "2001:db8::1" is an address of inet_interfaces or proxy_interfaces. */
bool localdom_has_addr(const struct localdom *l, const char *addr);
size_t localdom_n_addrs(const struct localdom *l);		/* for loop detection by the SMTP client */
const char *localdom_addr(const struct localdom *l, size_t i);

#endif
