/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rcpt - does this address exist?  ("User unknown in local recipient table")
 *
 * Validates recipients (and senders, smtpd_reject_unlisted_sender) against the tables of their class: local_recipient_maps,
 * virtual_alias_maps, virtual_mailbox_maps, relay_recipient_maps.  Its parameters are the caller's own, unlike those of route.h.
 */
#ifndef ROUTE_RCPT_H
#define ROUTE_RCPT_H

#include "route/mail_key.h"
#include "route/resolve.h"

struct rcpt_check;
NODISCARD struct rcpt_check *rcpt_check_new(struct conf *conf, struct err *err);
void rcpt_check_free(struct rcpt_check **cp);
void rcpt_check_each_table(struct rcpt_check *c, void (*fn)(struct table *t));
const struct mail_key_env *rcpt_check_keys(const struct rcpt_check *c);	/* for access tables and the like */
struct localdom *rcpt_check_local(const struct rcpt_check *c);

struct rcpt_verdict {
	int code;		/* 550, or what unknown_*_reject_code says; 450 or 451 for trouble */
	char dsn[12];		/* "5.1.1"; senders get 5.1.0 */
	char text[400];		/* "User unknown in local recipient table" */
};
/*
 * addr is canonical and to its resolution.  1: it exists or cannot be checked; 0: it does not, v says how to refuse ("550 5.1.1
 * <addr>: Recipient address rejected: " + text); -1: a table failed.
 */
NODISCARD int rcpt_check(struct rcpt_check *c, const char *addr, const struct route_to *to, bool is_sender, struct rcpt_verdict *v,
    struct err *err) MAY_WAIT;

#endif
