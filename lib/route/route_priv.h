/* SPDX-License-Identifier: Apache-2.0 */
/* route_priv - what rewrite.c and resolve.c share: parameters and tables, read once */
#ifndef ROUTE_ROUTE_PRIV_H
#define ROUTE_ROUTE_PRIV_H

#include "route/mail_key.h"
#include "route/route.h"
#include "table/match.h"

struct route_conf {
	const char *mydestination;
	const char *myhostname, *mydomain, *myorigin, *remote_domain, *empty_recipient;
	const char *delims, *relayhost;
	const char *local_transport, *virtual_transport, *relay_transport, *default_transport;
	const char *null_relayhost_key, *null_transport_key;
	const char *transport_maps, *sender_relayhost_maps, *sender_transport_maps, *relocated_maps;
	const char *alias_domains, *mailbox_domains, *relay_domains, *parent_matches;
	bool swap_bangpath, percent_hack, append_origin, append_domain, dequoted, numeric_domain, allow_min_user;
	bool owner_request, show_table_name, relocated_prefix;
};

struct route {
	struct conf *own_conf;		/* when route_new made it */
	struct route_conf c;
	struct localdom *local;
	struct mail_key_env keys;
	struct match *alias_domains, *mailbox_domains, *relay_domains;
	struct table_list *transport_maps, *sender_relayhost_maps, *sender_transport_maps, *relocated_maps;
	bool transport_parent_bare;
};

/* Bang path and percent routing of a local part: 1 and "user@host" appended, 0 none there, -1 a piece is empty.  at: the '@' of an
 * internal form counts too. */
int route_unroute(const struct route *r, const char *local, bool at, struct strbuf *out);

#endif
