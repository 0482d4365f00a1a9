/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netpool - connections to one server that answers look-ups, for the types tcp, socketmap and memcache
 *
 * A connection serves one exchange at a time, so as many are open as look-ups are under way, up to a limit; the others wait their
 * turn.  All of an exchange (the wait for a turn, name look-up, connecting, asking) ends by its time limit.
 */
#ifndef TABLE_NETPOOL_H
#define TABLE_NETPOOL_H

#include "table/table_priv.h"
#include "task/stream.h"

struct netpool;
struct netpool_limits {
	uint64_t timeout_ms;	/* for all of one exchange */
	size_t in_size;		/* of the input buffer: the longest line and its end */
	unsigned tries;		/* connections tried, at least 1; one that was idle and has gone does not count */
	uint64_t pause_ms;	/* before another try */
};

/* where: "inet:host:port" or "unix:path".  NULL: it is neither. */
NODISCARD struct netpool *netpool_new(const char *where, const struct netpool_limits *limits, struct err *err);
void netpool_free(struct netpool **pp);	/* no exchange may be under way */
/* Ask and read the answer.  0: the connection is at the start of the next exchange; -1: it is closed, and the exchange is done again
 * over another one, when the trouble was with the connection rather than with what was said. */
typedef int netpool_fn(struct stream *s, void *arg, struct err *err);
NODISCARD int netpool_call(struct netpool *p, netpool_fn *fn, void *arg, struct err *err) MAY_WAIT;

#endif
