/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox - a message at the end of a mailbox file (mbox), under the locks that mail readers respect
 *
 * Runs with the recipient's rights; blocks.  A delivery that fails leaves the file as long as it was.
 */
#ifndef DELIVER_MAILBOX_H
#define DELIVER_MAILBOX_H

#include "deliver/copy.h"

enum { MAILBOX_LOCK_FLOCK = 1, MAILBOX_LOCK_FCNTL = 2, MAILBOX_LOCK_DOT = 4 };
/* What needs rights in the mailbox's directory that the recipient does not have.  Each 0, or -1 with err->sys. */
struct mailbox_helper {
	int (*create)(void *arg, struct err *err);	/* the mailbox itself, empty, owned by the recipient */
	int (*lock)(void *arg, struct err *err);	/* PATH.lock, exclusively */
	int (*break_lock)(void *arg, struct err *err);	/* a stale PATH.lock away */
	void (*unlock)(void *arg);
	void *arg;
};
struct mailbox_opts {
	int locks;
	int lock_attempts;
	unsigned lock_delay_ms;
	int64_t stale_lock_s;
	int64_t size_limit;		/* bytes, 0 none */
	uid_t owner;			/* with strict_owner: the file must be his */
	bool strict_owner;
	bool must_lock;			/* no PATH.lock, no delivery: also where the directory is not the recipient's */
	const struct mailbox_helper *helper;	/* or NULL */
	void (*warn)(void *arg, const char *text);	/* may be NULL */
	void *warn_arg;
};
/* err->text begins without the path; err->dsn is set, dflt_dsn where errno says nothing. */
NODISCARD int mailbox_deliver(const char *path, const struct mailbox_opts *o, const struct copy_msg *m, const char *dflt_dsn, struct err *err);
/* "flock fcntl dotlock" -> bits; -1 for other words. */
int mailbox_locks_parse(const char *text);

#endif
