/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver_serve - the loop of a delivery agent: request, queue file, recipients, answer
 *
 *	static void serve_one(struct daemon_session *s) { deliver_serve(&agent, s); }
 *
 * fn sees each recipient of the request reported (deliver_report.h).  A queue file that is locked or gone is not delivered:
 * all its recipients stay in the queue.
 */
#ifndef DELIVER_DELIVER_SERVE_H
#define DELIVER_DELIVER_SERVE_H

#include "daemon/daemon.h"
#include "deliver/deliver_report.h"

struct deliver_agent {
	struct queue *queue;
	struct bounce *bounce;
	bool soft_bounce;
	int resolution;		/* delay_logging_resolution_limit */
	void (*fn)(struct deliver_ctx *c) MAY_WAIT;
};
/* Binds queue, bounce and the two parameters; the agent lives as long as the process. */
NODISCARD int deliver_agent_init(struct deliver_agent *a, struct conf *conf, struct err *err);
void deliver_serve(const struct deliver_agent *a, struct daemon_session *s) MAY_WAIT;
/* Nexthop texts such as "5.1.2 text": the text, and the code in dsn (else dflt). */
const char *deliver_split_dsn(const char *text, const char *dflt, char dsn[static 12]);

#endif
