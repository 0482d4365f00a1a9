/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master - the supervisor: listens, starts processes as they are needed, restarts them, and talks to nobody outside
 *
 *	conf.c		main.cf and master.cf become services	sock.c	listening sockets
 *	supply.c	how many processes, and when		proc.c	start, state, end of one process
 *	lock.c		only one master, of either suite	control.c	signals, reload, stop
 *	notify.c	readiness for the service manager	main.c	options, start-up, loop
 *
 * One process is one struct proc; it has a channel (daemon/hub.h).  A service whose entry is gone stays in the list until its last process has ended.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/strvec.h"
#include "config/conf.h"
#include "config/master_cf.h"
#include "daemon/hub.h"
#include "daemon/sandbox.h"
#include "event.h"

/* How maxproc is meant for a program, and how many processes share its sessions. */
enum share {
	SHARE_SESSIONS,		/* maxproc bounds sessions; few processes share them */
	SHARE_PROCESSES,	/* maxproc bounds processes; each serves any number of sessions */
	SHARE_ONE,		/* one session a process */
	SHARE_SINGLE,		/* one process; while an old one ends the new one is there already */
	SHARE_EXCLUSIVE,	/* never more than one: the old one ends before the new one starts */
};

struct program {
	const char *name;
	enum share share;
	const char *elsewhere;	/* not a process here: who does its work */
	const char *runs;	/* another program does */
};
const struct program *program_find(const char *name);	/* NULL: unknown */

enum { ENDPOINTS_MAX = HUB_LISTEN_MAX, HANDED_MAX = 1000 };

struct service;
struct endpoint {		/* one listening socket */
	struct watch watch;
	char name[160];		/* "127.0.0.1:25", "[::]:25", "private/bounce" */
	bool is_loopback;
};

struct service {
	struct list link;
	char *name, *command, *exe;
	enum master_type type;
	bool is_private, is_unprivileged, is_chroot, is_added;	/* is_added: of Postern's own, without an entry or a name */
	int line;
	struct strvec args;	/* behind the program's name, as in master.cf */
	const struct program *program;

	struct endpoint endpoints[ENDPOINTS_MAX];
	size_t n_endpoints;

	struct list procs;	/* struct proc */
	unsigned max_sessions;	/* 0: no limit */
	unsigned max_procs;	/* 0: no limit */
	unsigned proc_quota;	/* sessions a process, 0: no limit */

	uint64_t wakeup_ms, next_wakeup;
	bool is_wakeup_if_used, wants_wakeup, is_used;
	uint64_t throttled_until;
	uint64_t limit_told_at;	/* 0: never */
	uint64_t stress_until;
	unsigned n_quick_ends;	/* processes that broke in a row */
	int handed[HANDED_MAX];	/* connections for the next process of an added service */
	size_t n_handed;
	bool is_removed, is_stale;	/* is_stale: not seen yet by the reload under way */
};

struct proc {
	struct list link;
	struct service *service;
	pid_t pid;
	struct watch channel;
	uint32_t flags;		/* of the last HUB_STATE */
	unsigned sessions;	/* when ending */
	unsigned quota;
	bool is_told_to_end;
	uint64_t started, told_at;
	int n_hurried;
};

struct master {
	struct conf *conf;
	const char *conf_dir;
	struct master_params {
		const char *queue_dir, *data_dir, *daemon_dir, *mail_owner, *setgid_group, *inet_interfaces, *inet_protocols, *version;
		const char *service_disable, *import_environment, *known_tcp_ports, *maillog_file, *syslog_name;
		int64_t default_process_limit, default_session_limit, process_session_limit;
		uint64_t throttle_ms;
	} par;
	struct sandbox_identity owner;
	struct list services;
	struct strvec env;
	unsigned n_cpus;
	int verbose;
	bool is_init, is_foreground, is_starting;
	bool is_stopping;
	uint64_t stop_since;
	int stop_step;
	int null_fd, stderr_pipe[2];
	struct watch stderr_watch, signal_watch;
	int signal_fd;
	char stderr_line[1000];
	size_t stderr_len;
	uint64_t exit_at;	/* option -e */
};
extern struct master master;

/* conf.c */
NODISCARD int conf_read(bool is_reload, struct err *err);	/* services are added, changed, marked for removal */
struct service *service_find(const char *name, enum master_type type);
struct service *service_find_added(const char *name);
char *service_text(const struct service *s);			/* for messages: "smtp/inet"; mem_free */

/* sock.c */
NODISCARD int sockets_open(struct service *s, struct err *err);	/* those that are there stay, others are opened or closed */
void sockets_close(struct service *s, bool unlink_too);

/* supply.c */
void supply(struct service *s);
void supply_all(void);
void supply_limits(struct service *s, int maxproc);
void supply_wakeup(struct service *s);
void supply_hand(struct service *s, int fd);			/* takes fd: a session for an added service */
uint64_t supply_timers(uint64_t now);				/* does what is due; when to come again */

/* proc.c */
NODISCARD int proc_start(struct service *s, unsigned quota);
void proc_end(pid_t pid, int status);				/* reaped */
void proc_send(struct proc *p, enum hub_type type, uint32_t value);
bool proc_is_serving(const struct proc *p);			/* not ending */

/* lock.c */
NODISCARD int lock_take(struct err *err);			/* both locks, for life */
NODISCARD int lock_is_free(bool *is_free, struct err *err);

/* control.c */
void control_init(void);
void control_stop(int signo);
void control_abort(void);
uint64_t control_timers(uint64_t now);

/* notify.c */
void notify_init(void);
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
uint64_t notify_timers(uint64_t now);

#endif
