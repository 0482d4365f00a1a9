/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite - the canonical form of an address
 *
 * In this order: a source route is dropped; with swap_bangpath site!user becomes user@site; with allow_percent_hack
 * user%site becomes user@site; a domain of one label gets ".mydomain" (append_dot_mydomain); a local part alone gets "@myorigin"
 * (append_at_myorigin); a dot at the end of the domain goes.  What is quoted stays as it is.
 */
#ifndef ROUTE_REWRITE_H
#define ROUTE_REWRITE_H

#include "base/strbuf.h"
#include "route/route.h"

enum rewrite_context {
	REWRITE_LOCAL,		/* mail of ours: myorigin and mydomain */
	REWRITE_REMOTE,		/* mail of strangers: remote_header_rewrite_domain; nothing when that is empty */
};
/* addr and what is appended to out are in internal form.  1: it differs and was appended; 0: as it was, nothing appended. The null
 * address stays null. */
int route_rewrite(struct route *r, enum rewrite_context context, const char *addr, struct strbuf *out);
/* Does this context change anything at all?  (Headers of strangers are not even parsed when not.) */
bool route_rewrites(const struct route *r, enum rewrite_context context);

#endif
