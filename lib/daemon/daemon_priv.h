/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon_priv - the state of a daemon's process, shared by the files of this folder
 *
 * There is one such process in a process: the struct is static in daemon.c and handed to whom needs it.
 */
#ifndef DAEMON_DAEMON_PRIV_H
#define DAEMON_DAEMON_PRIV_H

#include <stdbool.h>

#include "base/list.h"
#include "base/strvec.h"
#include "daemon/daemon.h"
#include "daemon/hub.h"
#include "daemon/sandbox.h"
#include "table/table.h"

enum { TABLES_MAX = 1000, TRIGGER_MAX = 100 };

struct daemon_params {
	const char *queue_dir, *mail_owner, *data_dir;
	uint64_t max_idle_ms;
	int64_t max_use;
};

struct daemon_run {
	const struct daemon *d;
	struct conf *conf;
	struct daemon_params par;

	/* options of master */
	const char *service, *type;
	bool chroot, unprivileged, stand_alone;
	int n_listen;
	unsigned quota;			/* sessions at once; 0: no limit */
	struct strvec overrides;

	struct sandbox_identity identity, owner;

	/* serving */
	struct list sessions;		/* struct session */
	unsigned n_sessions;
	uint64_t n_used;
	uint64_t started_ms, last_active_ms;
	bool ready, is_listening, is_ending, is_stopping, is_finished, is_loaded, no_fds;
	struct task_cond done;
	struct task_timer *idle_timer, *stop_timer, *table_timer, *fd_timer, *cut_timer;
	struct table **tables;
	size_t n_tables;
	char trigger_bytes[TRIGGER_MAX];
	size_t n_trigger_bytes;
	bool is_triggered, is_waking;	/* a task for it is under way */
	bool wake_again;

	/* channel to master */
	bool has_channel;
	bool state_unsent;
	uint32_t state_told;		/* flags of the last HUB_STATE that was taken */
	struct task_timer *state_timer;
	struct list asked;		/* struct ask: HUB_CONNECT without an answer yet */
	uint32_t next_seq;
};

extern struct daemon_run daemon_run_;

/* serve.c */
void serve_init(struct daemon_run *r);
void serve_start(struct daemon_run *r);			/* accept from now on */
void serve_update(struct daemon_run *r);		/* quota or state changed: listen or not, tell master */
void serve_fd(struct daemon_run *r, int fd);		/* a session whose descriptor was handed in */
void serve_retire(struct daemon_run *r);		/* end after the last session */
void serve_stop(struct daemon_run *r);			/* end soon */
void serve_wakeup(struct daemon_run *r);
int serve_stand_alone(struct daemon_run *r);

/* channel.c */
void channel_init(struct daemon_run *r);
void channel_start(struct daemon_run *r);
void channel_hear(struct daemon_run *r);
void channel_tell_state(struct daemon_run *r);
int channel_connect(struct daemon_run *r, const char *service, struct err *err) MAY_WAIT;

#endif
