/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon - the skeleton: everything a daemon is besides its work
 *
 *	static const struct daemon discard = {
 *		.name = "discard", .sessions = DAEMON_MANY,
 *		.binds = binds, .n_binds = COUNT_OF(binds), .conf = &conf,
 *		.pre_jail = open_tables, .serve = serve_one, .sandbox = "queue-write",
 *	};
 *	int main(int argc, char **argv) { return daemon_main(&discard, argc, argv); }
 *
 * Order of events: options of master, main.cf and -o, binding; pre_jail (still root when started by root: open tables, look up users, read
 * secrets); chroot, identity, no_new_privs, Landlock, seccomp; loop and pool; start; "ready" to master; then each accepted connection runs serve in a
 * task of its own (DAEMON_MANY) or one after the other (DAEMON_ONE).  The skeleton ends the process when idle too long (max_idle), after
 * max_use sessions, on reload after the last session, when a table changed.  One session's failure is that session's.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "config/conf.h"
#include "ipc/client.h"
#include "task/stream.h"
#include "task/task.h"

enum daemon_sessions {
	DAEMON_MANY,	/* a task a connection */
	DAEMON_ONE,	/* one connection at a time; more of them are more processes */
	DAEMON_LOOP,	/* the one process of its service (qmgr, anvil, postlogd ...): a task a connection, never ends when idle */
};
enum daemon_user {
	DAEMON_USER_OWNER,	/* mail_owner, for good */
	DAEMON_USER_OWN,	/* a uid of its own where that user exists (.own_user), else mail_owner */
	DAEMON_USER_ROOT,	/* stays root: local, virtual, pipe, spawn; they start no thread, and may block for a short time */
};

struct daemon_session {
	struct stream *stream;		/* serve may free it early (and set it to NULL); the skeleton does otherwise */
	bool is_inet;
	struct sockaddr_storage peer, local;	/* inet */
	socklen_t peer_len, local_len;
	uid_t peer_uid;			/* UNIX sockets: who connected */
};

struct daemon {
	const char *name;
	enum daemon_sessions sessions;
	enum daemon_user user;
	const char *own_user;		/* "postern-dns" ... */
	const char *sandbox;		/* profile in sandbox.c */
	const struct conf_bind *binds;
	size_t n_binds;
	void *conf;			/* struct that binds fill */
	bool qmgr_only;			/* delivery agents: sessions of other peers than mail_owner and root are refused */
	bool stand_alone;		/* may run outside master (smtpd -S): one session on standard input and output */
	const char *options;		/* own option letters as for getopt ("S"); those of master are -cdDilm:n:o:s:t:uvVz */
	/* Each own option; and with opt 0 each operand behind the options (pipe, spawn).  -1: not understood, ends the process. */
	int (*option)(int opt, const char *arg);
	int (*pre_jail)(struct err *err);
	void (*start)(void);		/* in the first task, before any session */
	void (*serve)(struct daemon_session *s) MAY_WAIT;
	void (*datagram)(int fd);	/* unix-dgram services (postlogd): readable */
	void (*wakeup)(void) MAY_WAIT;	/* master's wake-up timer, or a trigger byte on the socket of a service that takes triggers */
	bool takes_triggers;		/* connections that send bytes and close (pickup, qmgr); serve still gets those that begin with another byte */
	void (*trigger)(const char *bytes, size_t n) MAY_WAIT;
	void (*reload)(void);		/* services that re-read in place (qmgr); others are replaced by new processes */
	void (*before_exit)(void);
};

int daemon_main(const struct daemon *d, int argc, char **argv);

/* For the daemon's code. */
/*
 * Standing connections: wait for the next request.  True: input is there.  False: the peer has closed, or this process is coming to its end
 * (retired, reloaded, a table changed) and no request had begun: return from serve.  A peer whose request was not read sees ECONNRESET or
 * EPIPE, not an orderly end, and may send it again to the next process; once a byte was read it is ours.
 *
 *	while (daemon_session_next(s) && msg_recv(s->stream, &m, &err) == 1) ...
 */
bool daemon_session_next(struct daemon_session *s) MAY_WAIT;
/* The same for servers whose every frame is a request of its own (ipc_mux_serve): from now on the reading side may be closed at any time
 * when the process is to end; what was sent before is still read and answered. */
void daemon_session_is_mux(struct daemon_session *s);
struct conf *daemon_conf(void);			/* main.cf with the service's -o */
const char *daemon_service(void);		/* master.cf service name: "smtp", "relay", "127.0.0.1:26" */
const char *daemon_queue_dir(void);		/* "." once inside: the working directory is the queue directory */
bool daemon_is_ending(void);			/* no new sessions; long ones should come to an end */
/* Connection to a service: a path below the queue directory ("private/bounce"), or a service that Postern adds ("resolver"),
 * for which master hands out a descriptor. Fits ipc_connect_fn; arg is the const char * name. */
int daemon_connect(void *arg, struct err *err) MAY_WAIT;
/* In a forked child before exec of a command: the descriptor limit that master found when it started. */
void daemon_restore_limits(void);
/* The table tells when it changes; new sessions then go to a new process. */
struct table;
void daemon_watch_table(struct table *t);

#endif
