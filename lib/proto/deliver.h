/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver - a delivery request from qmgr to an agent, and its answer
 *
 * A connection of qmgr to an agent carries one request at a time: DELIVER_REQUEST, answered with DELIVER_DONE; then the next.  It counts as one
 * session of the service, so maxproc bounds deliveries at once.  The agent opens queue/id itself with a shared lock, delivers,
 * logs one "to=" line a recipient, marks recipients that are done (lib/deliver does the last three), and answers.
 */
#ifndef PROTO_DELIVER_H
#define PROTO_DELIVER_H

#include "base/pool.h"
#include "ipc/msg.h"
#include "queue/queue.h"

enum { DELIVER_REQUEST = 0x300, DELIVER_DONE };
enum {	/* request flags */
	DELIVER_F_VERIFY = 256,		/* address probe: do not deliver (MTA_VERIFY) */
	DELIVER_F_EXPAND = 512,		/* sendmail -bv: do not deliver, report what would happen */
	DELIVER_F_RECORD = 1024,	/* sendmail -v: report what happened */
	DELIVER_F_SUCCESS = 1,		/* some recipient wants NOTIFY=SUCCESS */
};

struct deliver_req {
	struct pool *pool;		/* owns all strings */
	const char *queue, *id, *nexthop, *encoding, *sender, *dsn_envid, *log_ident, *rewrite_context;
	int flags, dsn_ret, send_options;
	int64_t content_offset, content_size;
	struct timeval arrival;		/* when the message came in */
	struct timeval active_time;	/* when it entered active */
	struct timeval handoff_time;	/* when this request was made */
	/* client and SASL attributes as in the queue file ("client_name", "sasl_username" ...) */
	const struct qattr *attrs;
	size_t n_attrs;
	const struct qrcpt *rcpts;
	size_t n_rcpts;
};
struct deliver_done {
	int n_deferred;			/* recipients left in the queue */
	/* The destination as a whole could not be reached: what counts as negative feedback and suspends it. "" when it could. */
	char dsn[12];
	char reason[512];
};

/* agents are handed an already accepted session stream by the skeleton; peer is checked there */
NODISCARD int deliver_recv(struct stream *s, struct msg *m, struct deliver_req *req, struct err *err) MAY_WAIT;	/* 1, 0 qmgr closed, -1 */
NODISCARD int deliver_reply(struct stream *s, const struct deliver_done *d, struct err *err) MAY_WAIT;
void deliver_req_done(struct deliver_req *req);		/* frees the pool */
const char *deliver_attr(const struct deliver_req *req, const char *name);	/* "" when missing */
/* qmgr's side */
void deliver_encode(struct msg *m, const struct deliver_req *req);
NODISCARD int deliver_decode_done(const struct msg *m, struct deliver_done *d, struct err *err);

#endif
