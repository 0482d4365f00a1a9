/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounce - ask the bounce, defer and trace services to record what happened to a recipient, and to send reports
 *
 * Who asks: delivery agents record (append); qmgr asks for the reports when a message's turn is over; cleanup and others ask for
 * a report at once (one).  All are mux requests answered with BOUNCE_REPLY {status: 0 done, 1 try later}.  Trouble with the service is always
 * temporary: the recipient then stays in the queue.
 */
#ifndef PROTO_BOUNCE_H
#define PROTO_BOUNCE_H

#include "ipc/client.h"
#include "queue/dlog.h"

enum {
	BOUNCE_APPEND = 0x200,	/* {service: bounce|defer|trace} + id, flags, entry */
	BOUNCE_FLUSH,		/* failure report from bounce/ID, then the log is removed; qmgr marks nothing, the agents did */
	BOUNCE_WARN,		/* delay report from defer/ID */
	BOUNCE_EXPIRE,		/* failure report from defer/ID for mail that is given up; marks its recipients done */
	BOUNCE_TRACE,		/* delivery status report from trace/ID */
	BOUNCE_REPLY,
};
enum { BOUNCE_FLAG_CLEAN = 1 /* remove the message's log when reporting fails */ };

struct bounce_msg {		/* what a report says of the message */
	const char *queue;	/* "active" */
	const char *id, *encoding, *sender, *dsn_envid;
	int dsn_ret;
	int smtputf8;
};
struct bounce;			/* client: connections to private/bounce, defer, trace */
NODISCARD struct bounce *bounce_new(struct conf *conf);
void bounce_free(struct bounce **bp);
/* which: QUEUE_BOUNCE, QUEUE_DEFER, QUEUE_TRACE. */
NODISCARD int bounce_append(struct bounce *b, enum queue_name which, const char *id, const struct dlog_entry *e, struct err *err) MAY_WAIT;
/* request: BOUNCE_FLUSH, BOUNCE_WARN, BOUNCE_EXPIRE, BOUNCE_TRACE. */
NODISCARD int bounce_report(struct bounce *b, unsigned request, const struct bounce_msg *m, struct err *err) MAY_WAIT;

#endif
