/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtual - delivery to mailboxes that tables name: no users of the system, no aliases, no .forward, no commands
 *
 * The process stays root between deliveries and takes on a recipient's effective rights for the time in which it touches files of his.
 * What strangers wrote is only copied, never interpreted.
 */
#ifndef VIRTUAL_VIRTUAL_H
#define VIRTUAL_VIRTUAL_H

#include "deliver/deliver_serve.h"
#include "deliver/mailbox.h"
#include "deliver/rights.h"
#include "route/mail_key.h"
#include "table/table.h"

struct virtual_conf {
	const char *base, *mailbox_maps, *uid_maps, *gid_maps, *lock, *delimiter, *myhostname;
	uint64_t lock_delay_ms, stale_lock_ms;
	int64_t minimum_uid, mailbox_limit, message_limit, lock_attempts;
	bool original_recipient, strict_owner, owner_special;
	/* made of the above */
	int locks;
	struct table_list *mailboxes, *uids, *gids;
	struct mail_key_env keys;
};
enum { N_VIRTUAL_BINDS = 16 };
extern struct virtual_conf conf;
extern const struct conf_bind virtual_binds[N_VIRTUAL_BINDS];

NODISCARD int conf_open(struct err *err);
/* One recipient: found in the tables, delivered (or for probes, not), reported. */
void deliver_recipient(struct deliver_ctx *c, const struct qrcpt *r) MAY_WAIT;

#endif
