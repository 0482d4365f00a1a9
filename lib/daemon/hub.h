/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub - what master and its processes say to each other
 *
 * Each process has a SOCK_SEQPACKET socket to master, descriptor HUB_FD; one struct hub_msg is one packet, a descriptor may ride along.  Neither side
 * ever waits for the other: what the kernel does not take at once is said again later (HUB_STATE is idempotent for that reason).
 * Listening sockets follow at HUB_LISTEN_FD; master keeps them, so that no connection is lost when a process ends.
 *
 * Sessions: a process takes sessions up to its quota (option -m, HUB_QUOTA) and says whether it has room.  Master watches the listening
 * sockets of a service only while none of its processes has room, and starts another one then, if the limit of the service allows.
 */
#ifndef DAEMON_HUB_H
#define DAEMON_HUB_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum { HUB_FD = 3, HUB_LISTEN_FD = 4, HUB_LISTEN_MAX = 64 };

enum hub_type {
	/* process to master */
	HUB_STATE = 1,		/* flags: what is true now; value: sessions */
	HUB_CONNECT,		/* seq, name: a connection to an added service, please */
	HUB_BEAT,		/* still alive (kept free for the watchdog) */
	/* master to process */
	HUB_QUOTA,		/* value: sessions at once, 0 without limit */
	HUB_RELOAD,		/* re-read in place */
	HUB_RETIRE,		/* end after the last session */
	HUB_STOP,		/* end now: requests under way may finish, sessions of clients not */
	HUB_WAKEUP,		/* the timer of master.cf */
	HUB_CONNECTED,		/* seq; with a descriptor, or without one and flags the errno */
	HUB_SESSION,		/* with a descriptor: a new session for you (added services, type pass) */
};
enum {	/* flags of HUB_STATE */
	HUB_READY = 1,		/* start-up went well */
	HUB_ROOM = 2,		/* takes another session */
	HUB_LOADED = 4,		/* many sessions: another process would help */
	HUB_ENDING = 8,		/* takes no more sessions, ever */
	HUB_USED = 16,		/* has served somebody */
	HUB_IN_PLACE = 32,	/* HUB_RELOAD is understood; others are replaced */
};

struct hub_msg {
	uint32_t type, flags, value, seq;
	char name[48];
};

/* 0, or -1 (EAGAIN: not now). fd -1: none. */
NODISCARD int hub_send(int sock, const struct hub_msg *m, int fd);
/* 1 a message (*fd is -1 or a new descriptor), 0 nothing there, -1 the other side is gone. */
NODISCARD int hub_recv(int sock, struct hub_msg *m, int *fd);

/* The environment variable with the descriptor limits from before master raised them: "soft". */
#define HUB_ENV_NOFILE "POSTERN_NOFILE"

#endif
