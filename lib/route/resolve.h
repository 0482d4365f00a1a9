/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - where mail for an address goes: class, transport, nexthop, recipient
 *
 * addr is canonical (rewrite.h).  Local routing operators in it are followed while the domain is ours: user%site@here,
 * "user@site"@here (resolve_dequoted_address), site!user@here; ROUTE_F_ROUTED then says that the sender chose the route, and smtpd
 * refuses that for strangers.
 */
#ifndef ROUTE_RESOLVE_H
#define ROUTE_RESOLVE_H

#include "base/pool.h"
#include "route/route.h"

enum route_class { ROUTE_CLASS_LOCAL, ROUTE_CLASS_ALIAS, ROUTE_CLASS_VIRTUAL, ROUTE_CLASS_RELAY, ROUTE_CLASS_DEFAULT };
enum {
	ROUTE_F_ROUTED = 1,	/* the address held routing operators */
	ROUTE_F_ERROR = 2,	/* not an address that can be delivered: 5.1.3 "bad address syntax" */
	ROUTE_F_FAIL = 4,	/* a table failed: try later */
	ROUTE_F_RELOCATED = 8,	/* transport is error because of relocated_maps */
};
struct route_to {
	enum route_class class;
	int flags;
	const char *transport, *nexthop, *recipient;	/* of pool; transport "error" or "retry": nexthop is "[dsn] text" */
};
/* sender: for sender_dependent_*, "" for the null sender.  Always fills to; -1 with err only when ROUTE_F_FAIL is set. */
int route_resolve(struct route *r, const char *sender, const char *addr, struct pool *pool, struct route_to *to, struct err *err) MAY_WAIT;
/* Class of a domain alone (relay control: is it a destination of ours?): 1 and class, -1. */
NODISCARD int route_class_of(struct route *r, const char *domain, enum route_class *class, struct err *err) MAY_WAIT;
/* "transport:nexthop" as in main.cf, content_filter and FILTER; a missing nexthop is dflt_nexthop. */
void route_split(struct pool *pool, const char *spec, const char *dflt_nexthop, const char **transport, const char **nexthop);

#endif
