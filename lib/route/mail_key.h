/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mail_key - the keys by which an address is looked up, their order, and what becomes of an unmatched extension
 *
 * One order serves all tables; each names the forms it uses:
 *
 *	MAIL_KEY_FULL		user+ext@dom
 *	MAIL_KEY_NOEXT		user@dom
 *	MAIL_KEY_LOCAL		user+ext, user		only when dom is myorigin, in mydestination, or an own literal
 *	MAIL_KEY_USER		user+ext, user		whatever the domain
 *	MAIL_KEY_AT_DOMAIN	@dom
 *	MAIL_KEY_DOMAIN		dom
 *	MAIL_KEY_PARENT		.parent ...		or the parents without the dot (MAIL_KEY_PARENT_BARE)
 *	MAIL_KEY_USER_AT	user+ext@, user@
 *
 * A local part that needs quotes is tried in external form first, then in internal form.  Tables that take only whole keys
 * (regexp, tcp ...) are asked for the first key alone.  An address without domain has only the USER or LOCAL forms.
 */
#ifndef ROUTE_MAIL_KEY_H
#define ROUTE_MAIL_KEY_H

#include "base/strvec.h"
#include "route/local.h"
#include "table/table.h"

enum {
	MAIL_KEY_FULL = 1, MAIL_KEY_NOEXT = 2, MAIL_KEY_LOCAL = 4, MAIL_KEY_USER = 8, MAIL_KEY_AT_DOMAIN = 16,
	MAIL_KEY_DOMAIN = 32, MAIL_KEY_PARENT = 64, MAIL_KEY_PARENT_BARE = 128, MAIL_KEY_USER_AT = 256,

	MAIL_KEY_MAPPING = MAIL_KEY_FULL | MAIL_KEY_NOEXT | MAIL_KEY_LOCAL | MAIL_KEY_AT_DOMAIN,	/* canonical, virtual, relocated, bcc, generic */
	MAIL_KEY_LOCAL_RCPT = MAIL_KEY_FULL | MAIL_KEY_NOEXT | MAIL_KEY_USER | MAIL_KEY_AT_DOMAIN,	/* local_recipient_maps */
	MAIL_KEY_MAILBOX = MAIL_KEY_FULL | MAIL_KEY_NOEXT | MAIL_KEY_AT_DOMAIN,	/* virtual_mailbox_maps, relay_recipient_maps, sender_dependent_* */
	MAIL_KEY_TRANSPORT = MAIL_KEY_FULL | MAIL_KEY_NOEXT | MAIL_KEY_DOMAIN | MAIL_KEY_PARENT,
	MAIL_KEY_ACCESS = MAIL_KEY_TRANSPORT | MAIL_KEY_USER_AT,
	MAIL_KEY_USER_NAME = MAIL_KEY_USER,		/* aliases: name+ext, name */
};

struct mail_key_env {
	struct localdom *local;		/* needed for MAIL_KEY_LOCAL */
	const char *delims;		/* recipient_delimiter */
	bool owner_request;		/* owner_request_special */
};

/* 1 found, 0 not found, -1.  ext, when not NULL, gets the extension with its delimiter ("+ext") when a form without it matched,
 * else "". */
NODISCARD int mail_key_find(const struct mail_key_env *e, struct table_list *tables, const char *addr, unsigned forms,
    struct strbuf *value, struct strbuf *ext, struct err *err) MAY_WAIT;
/* The keys themselves, in order and each once, for programs that explain and for other kinds of look-up. */
void mail_key_list(const struct mail_key_env *e, const char *addr, unsigned forms, bool is_local, struct strvec *out);

struct route;
/*
 * An address mapping (canonical_maps, virtual_alias_maps ...): the result is an address list; "@dom" keeps the local part; a local
 * part alone gets a domain by the rules for local mail; propagate appends the unmatched extension.  1 and the addresses (internal
 * form, appended to out), 0 no mapping, -1 (also when there are more than out may hold).
 */
NODISCARD int mail_key_map(const struct mail_key_env *e, struct route *r, struct table_list *tables, const char *addr,
    unsigned forms, bool propagate, struct strvec *out, struct err *err) MAY_WAIT;

#endif
