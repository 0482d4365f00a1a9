/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child - a process with a recipient's rights, and what it says to the broker
 *
 * Packets of a SOCK_SEQPACKET socket: a type byte, then fields that end with NUL.  The broker checks each as it would a stranger's.
 */
#ifndef LOCAL_CHILD_H
#define LOCAL_CHILD_H

#include "local.h"

enum child_packet {
	CHILD_OUTCOME = 'O',	/* dsn, text */
	CHILD_ADDRESS = 'A',	/* text */
	CHILD_LITERAL = 'B',	/* \user, text without the backslash */
	CHILD_FILE = 'F',	/* a file or command that root's .forward names: not for a child that is root */
	CHILD_COMMAND = 'C',
	CHILD_LOOP = 'L',	/* the message was here before */
	CHILD_WARN = 'W',	/* text for the log */
	CHILD_DATA = 'D',	/* records of the content, as they are */
	CHILD_ASK = 'R',	/* one letter of enum child_ask; answered with an errno in decimal */
	CHILD_END = 'E',	/* all done; with a text: and the process ends */
};
enum child_ask { ASK_CREATE = 'c', ASK_LOCK = 'l', ASK_BREAK = 'k', ASK_UNLOCK = 'u', ASK_MAILDIR = 'm' };
enum { PACKET_MAX = 60 << 10 };

/* ---- the broker */
typedef void child_fn(void *arg);	/* runs in the child; returning ends it well */
struct child_handlers {
	void (*address)(void *arg, const char *text, bool literal) MAY_WAIT;
	void (*item)(void *arg, const struct item *it);
	int (*ask)(void *arg, char what);	/* errno, 0 done */
	void (*data)(void *arg, const char *data, size_t n) MAY_WAIT;
};
/* Fork, take on the rights, run fn(arg) there and listen until it ends.  Outcomes are added for addr.  0: it ended well; -1: it did not
 * (an outcome says so, mail is deferred). */
int child_run(struct delivery *d, const struct target *t, const struct rights *r, child_fn *fn, void *arg, int *sock,
    const struct child_handlers *h, void *h_arg) MAY_WAIT;
/* The same for a child that has its work already (worker.h): 1 it ended well and waits for more, 0 it ended well, -1. */
int child_listen(struct delivery *d, const struct target *t, int sock, const struct child_handlers *h, void *h_arg) MAY_WAIT;

/* ---- the child */
void child_default_signals(void);
int child_keep_fds(int a, int b);	/* closes all others from 3 on; b may be -1 */
void child_begin(int sock, int other_fd, const struct rights *r);	/* descriptors, signals, rights: for good, or it ends */
void child_say(int sock, enum child_packet type, const char *a, const char *b);
void child_outcome(int sock, const char *dsn, const char *fmt, ...) PRINTF(3, 4);
void child_warn(int sock, const char *fmt, ...) PRINTF(2, 3);
int child_ask(int sock, enum child_ask what);	/* errno */

#endif
