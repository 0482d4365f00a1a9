/* SPDX-License-Identifier: Apache-2.0 */
/* pickup - what the files of this daemon share */
#ifndef PICKUP_PICKUP_H
#define PICKUP_PICKUP_H

#include "ipc/client.h"
#include "queue/queue.h"

struct pickup_conf {
	const char *myhostname, *mail_name, *content_filter, *overrides;
};

struct pickup {
	struct pickup_conf conf;
	struct queue *queue;
	struct ipc_pool *cleanup;
	int flags;			/* for cleanup, by receive_override_options */
};

enum pickup_result {
	PICKUP_DONE,	/* cleanup has it: the file may go */
	PICKUP_GONE,	/* it is not there, or not complete yet */
	PICKUP_LATER,	/* a temporary fault: the file stays */
	PICKUP_STUCK,	/* cleanup cannot be reached: all files wait */
	PICKUP_BAD,	/* damaged, or refused for good */
};

/* One file of maildrop to cleanup.  why has a text for LATER, STUCK and BAD. */
enum pickup_result pickup_message(struct pickup *p, const char *id, struct err *why) MAY_WAIT;

#endif
