/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlog - the per-message delivery records in bounce/, defer/ and trace/ (RFC 3464 raw material)
 *
 * Text blocks separated by empty lines, Postfix's format (lib/queue/README).  Appended under an exclusive flock and synced; cut
 * back when a write fails.
 */
#ifndef QUEUE_DLOG_H
#define QUEUE_DLOG_H

#include "queue/queue.h"

struct dlog_entry {
	const char *rcpt, *orig_rcpt, *dsn_orcpt;	/* internal form; "" when unknown */
	int64_t offset;		/* of the R record; -1 unknown */
	int dsn_notify;
	const char *status;	/* "4.4.1" */
	const char *action;	/* failed delayed delivered relayed expanded deliverable undeliverable */
	const char *diag_type, *diag_text;	/* "smtp" and the reply, or "" */
	const char *mta_type, *mta_name;	/* "dns" and the host, or "" */
	const char *reason;
};

NODISCARD int dlog_append(struct queue *q, enum queue_name which, const char *id, const struct dlog_entry *e, bool compat_text,
    struct err *err) MAY_WAIT;
/* All entries up to the limit (and 64 MiB of log); strings belong to pool.  0 entries when there is no log. */
NODISCARD int dlog_read(struct queue *q, enum queue_name which, const char *id, struct pool *pool, struct dlog_entry **entries,
    size_t *n, size_t limit, struct err *err);
/* The entries from *at on (0 at first), at most max bytes of log: 1 there is more at *at, 0 that was all, -1. */
NODISCARD int dlog_read_part(struct queue *q, enum queue_name which, const char *id, struct pool *pool, size_t max, int64_t *at,
    struct dlog_entry **entries, size_t *n, struct err *err);
/* Remove the log if its size is still that (*at when all was read), under its lock: 1 gone, 0 something was added meanwhile, -1. */
NODISCARD int dlog_remove_size(struct queue *q, enum queue_name which, const char *id, int64_t size, struct err *err) MAY_WAIT;
NODISCARD int dlog_remove(struct queue *q, enum queue_name which, const char *id, struct err *err);	/* not there is no error */

#endif
