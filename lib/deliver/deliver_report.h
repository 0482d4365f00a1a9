/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver_report - what every delivery agent does with a recipient's outcome
 *
 * One call a recipient: it logs the "to=" line (compat shape), asks bounce, defer or trace to record it where needed, and marks the recipient done in
 * the queue file.  When bounce cannot record a failure the recipient stays in the queue: nothing is ever dropped.
 */
#ifndef DELIVER_DELIVER_REPORT_H
#define DELIVER_DELIVER_REPORT_H

#include "proto/bounce.h"
#include "proto/deliver.h"

struct deliver_ctx {		/* one a request */
	const struct deliver_req *req;
	struct qfile *file;	/* for marks; NULL when it could not be opened */
	struct bounce *bounce;
	struct deliver_done done;	/* filled as we go */
	bool soft_bounce;
	int resolution;		/* delay_logging_resolution_limit */
	struct timeval conn_start, conn_done;	/* set by network agents: delays c and d; conn_done also when connecting failed */
	const char *tls;	/* "tls=" field or NULL */
	int conn_use;		/* >1: reused connection */
};
struct deliver_outcome {
	const char *dsn;	/* "2.0.0" */
	const char *relay;	/* "local", "mx[1.2.3.4]:25", "none" */
	const char *reason;	/* text in parentheses, also the DSN's */
	const char *diag_type, *diag_text, *mta_name;	/* remote reply, or NULL */
	bool relayed_with_dsn;	/* next hop takes over success reports */
	const char *action;	/* of a success report: "relayed", "expanded"; NULL: "delivered" */
};
/* Probes (req->flags has DELIVER_F_VERIFY or DELIVER_F_EXPAND) are not delivered by the agent but reported all the same: they are logged
 * as deliverable or undeliverable, whatever the class. */
static inline bool
deliver_is_probe(const struct deliver_req *req)
{
	return (req->flags & (DELIVER_F_VERIFY | DELIVER_F_EXPAND)) != 0;
}

void deliver_sent(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o) MAY_WAIT;
void deliver_bounced(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o) MAY_WAIT;
void deliver_deferred(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o) MAY_WAIT;
/* By the class of the DSN code: 2 sent, 4 deferred, 5 bounced. */
void deliver_by_dsn(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o) MAY_WAIT;
/* The texts of the log's delay= and delays= fields ("0.02", "193"), at most two significant digits. */
#define DELIVER_DELAY_SIZE 32
const char *deliver_delay(int64_t us, int resolution, char buf[static DELIVER_DELAY_SIZE]);
/* The destination as a whole is unreachable (connect, greeting, handshake): goes into the answer to qmgr. */
void deliver_dest_dead(struct deliver_ctx *c, const char *dsn, const char *reason);

#endif
