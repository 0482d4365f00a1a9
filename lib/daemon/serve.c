/* SPDX-License-Identifier: Apache-2.0 */
/* serve - accepting, sessions and their number, triggers, and the ways in which a daemon's process comes to its end */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon_priv.h"

enum {
	ACCEPT_BATCH = 16,
	STREAM_IN = 16384, STREAM_OUT = 16384,
	LOADED_FROM = 24, LOADED_UNTIL = 12,	/* sessions from which another process would help, and from which it would not */
	USE_FACTOR = 100,	/* max_use is meant for one session at a time: a process without a quota serves this many times more */
	TRIGGER_WAIT_MS = 10000,
	TABLE_CHECK_MS = 1000,
	CHROOT_AGE_MS = 60 * 1000,
	CUT_EVERY_MS = 500, MUX_FIRST_MS = 1000, FIRST_REQUEST_MS = 10 * 1000,
	HELLO_MAX = 0x1f,	/* a connection that begins with a control byte other than NUL is no trigger */
};

struct session {
	struct daemon_session pub;
	struct daemon_run *r;
	struct list link;
	struct task *task;
	int fd;			/* the descriptor as accepted; the stream owns it */
	uint64_t since_ms;
	unsigned n_requests;	/* of a standing connection */
	bool is_idle;		/* between two of them */
	bool is_mux;
};

static void listen_stop(struct daemon_run *r);
static void on_listen(void *arg);
static void on_datagram(void *arg);

void
serve_init(struct daemon_run *r)
{
	list_init(&r->sessions);
	task_cond_init(&r->done);
	if (r->d->sessions == DAEMON_ONE) {
		r->quota = 1;
		task_may_block();
	}
	if (r->d->user == DAEMON_USER_ROOT)	/* the name service may block */
		task_may_block();
}

static bool
has_room(const struct daemon_run *r)
{
	return r->ready && !r->is_ending && !r->no_fds && (r->quota == 0 || r->n_sessions < r->quota);
}

static bool
is_dgram(const struct daemon_run *r)
{
	return r->type != NULL && strcmp(r->type, "unix-dgram") == 0;
}

/* ---- coming to an end */

static void
finish(struct daemon_run *r)
{
	if (r->is_finished)
		return;
	r->is_finished = true;
	task_timer_stop(&r->idle_timer);
	task_timer_stop(&r->table_timer);
	task_timer_stop(&r->fd_timer);
	task_timer_stop(&r->cut_timer);
	task_cond_broadcast(&r->done);
}

/*
 * Standing connections that wait for a request are woken, to end; a mux reads what arrived before, and no more.  Who has only just connected is to
 * ask first: else a process that takes one session and retires over it would serve nobody.
 */
static bool
may_cut(const struct session *ss)
{
	uint64_t age = task_now_ms() - ss->since_ms;

	if (ss->pub.is_inet || ss->pub.stream == NULL)
		return false;
	return ss->is_mux ? age >= MUX_FIRST_MS : ss->is_idle && (ss->n_requests > 0 || age >= FIRST_REQUEST_MS);
}

static void
sessions_cut(void *arg)
{
	struct daemon_run *r = arg;

	for (struct list *l = r->sessions.next; l != &r->sessions; l = l->next) {
		struct session *ss = LIST_ITEM(l, struct session, link);

		if (may_cut(ss))
			(void)shutdown(ss->fd, SHUT_RD);
	}
}

void
serve_retire(struct daemon_run *r)
{
	if (r->is_ending)
		return;
	r->is_ending = true;
	listen_stop(r);
	if (!is_dgram(r)) {	/* master has them still, or gave them up: an address is not held by who is about to go */
		for (int fd = HUB_LISTEN_FD; fd < HUB_LISTEN_FD + r->n_listen; fd++)
			close(fd);
		r->n_listen = 0;
	}
	channel_tell_state(r);
	sessions_cut(r);
	if (r->n_sessions == 0)
		finish(r);
	else
		r->cut_timer = task_timer_start(CUT_EVERY_MS, CUT_EVERY_MS, sessions_cut, r);
}

static void
on_stop_time(void *arg)
{
	finish(arg);
}

void
serve_stop(struct daemon_run *r)
{
	/* requests under way may finish, within reason; nobody waits for one that only waits for its client */
	uint64_t grace_ms = r->d->qmgr_only ? 2000 : r->d->sessions == DAEMON_LOOP ? 0 :
	    r->type != NULL && strcmp(r->type, "inet") == 0 ? 300 : 1000;

	if (r->is_stopping)
		return;
	r->is_stopping = true;
	serve_retire(r);
	if (grace_ms == 0)
		finish(r);
	else if (!r->is_finished)
		r->stop_timer = task_timer_start(grace_ms, 0, on_stop_time, r);
}

static void
on_idle_time(void *arg)
{
	struct daemon_run *r = arg;
	uint64_t idle = task_now_ms() - r->last_active_ms;

	task_timer_stop(&r->idle_timer);
	if (r->is_ending || r->n_sessions > 0)
		return;		/* armed again when the last session ends */
	if (idle >= r->par.max_idle_ms)
		serve_retire(r);
	else
		r->idle_timer = task_timer_start(r->par.max_idle_ms - idle, 0, on_idle_time, r);
}

static void
idle_arm(struct daemon_run *r)
{
	if (r->d->sessions != DAEMON_LOOP && r->n_sessions == 0 && !r->is_ending && r->idle_timer == NULL)
		r->idle_timer = task_timer_start(r->par.max_idle_ms, 0, on_idle_time, r);
}

static uint64_t
use_limit(const struct daemon_run *r)
{
	uint64_t limit = (uint64_t)r->par.max_use;

	if (r->d->sessions == DAEMON_LOOP)
		return UINT64_MAX;
	return limit * (r->quota != 0 ? r->quota : USE_FACTOR);
}

static void
count_use(struct daemon_run *r)
{
	r->n_used++;
	if (r->n_used == 1)
		channel_tell_state(r);
	if (r->n_used >= use_limit(r))
		serve_retire(r);
}

/* ---- tables that change */

void
daemon_watch_table(struct table *t)
{
	struct daemon_run *r = &daemon_run_;

	if (t == NULL || r->n_tables >= TABLES_MAX)
		return;
	if (r->n_tables % 16 == 0)
		r->tables = mem_realloc_array(r->tables, r->n_tables + 16, sizeof(struct table *));
	r->tables[r->n_tables++] = t;
}

/* After a change the next session gets a process that opens the tables anew. */
static bool
tables_changed(struct daemon_run *r)
{
	/* behind a changed root the same names may be other files for ever */
	if (r->is_ending || (r->chroot && task_now_ms() - r->started_ms < CHROOT_AGE_MS))
		return false;
	for (size_t i = 0; i < r->n_tables; i++) {
		if (table_is_stale(r->tables[i])) {
			log_info("table %s has changed -- restarting", table_spec(r->tables[i]));
			serve_retire(r);
			return true;
		}
	}
	return false;
}

/* Standing connections: a change is noticed without a new session. */
static void
on_table_time(void *arg)
{
	struct daemon_run *r = arg;

	if (r->n_sessions > 0)
		(void)tables_changed(r);
	else
		task_timer_stop(&r->table_timer);
}

/* ---- one session */

static void
trigger_task(void *arg)
{
	struct daemon_run *r = arg;
	char bytes[TRIGGER_MAX];

	while (r->n_trigger_bytes > 0 && !r->is_finished) {
		size_t n = r->n_trigger_bytes;

		memcpy(bytes, r->trigger_bytes, n);
		r->n_trigger_bytes = 0;
		r->d->trigger(bytes, n);
	}
	r->is_triggered = false;
}

/* Bytes of all triggers that arrive while one is worked on are worked on together. */
static void
trigger_add(struct daemon_run *r, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n && r->n_trigger_bytes < sizeof(r->trigger_bytes); i++) {
		if (bytes[i] != '\0' && memchr(r->trigger_bytes, bytes[i], r->n_trigger_bytes) == NULL)
			r->trigger_bytes[r->n_trigger_bytes++] = bytes[i];
	}
	if (r->n_trigger_bytes == 0 || r->is_triggered || r->d->trigger == NULL)
		return;
	r->is_triggered = true;
	task_start("trigger", trigger_task, r);
}

/* True: it was a trigger and is dealt with. */
static bool
session_is_trigger(struct session *ss)
{
	struct stream *s = ss->pub.stream;
	struct err err = ERR_INIT;
	const char *p;
	size_t n;

	if (!ss->r->d->takes_triggers)
		return false;
	stream_set_timeout(s, TRIGGER_WAIT_MS);
	if (stream_fill(s, &err) != 1)
		return true;
	stream_set_timeout(s, TASK_FOREVER);
	p = stream_peek(s, &n);
	if (ss->r->d->serve != NULL && p[0] > 0 && p[0] <= HELLO_MAX)
		return false;
	trigger_add(ss->r, p, n);
	return true;
}

static bool
peer_may(const struct session *ss)
{
	const struct daemon_run *r = ss->r;

	if (!r->d->qmgr_only || ss->pub.is_inet || ss->pub.peer_uid == 0 || ss->pub.peer_uid == r->owner.uid)
		return true;
	log_warning("connection of uid %ld refused", (long)ss->pub.peer_uid);
	return false;
}

static void
session_end(struct session *ss)
{
	struct daemon_run *r = ss->r;

	stream_free(&ss->pub.stream);
	list_remove(&ss->link);
	mem_free(&ss);
	r->n_sessions--;
	r->last_active_ms = task_now_ms();
	if (r->is_loaded && r->n_sessions < LOADED_UNTIL)
		r->is_loaded = false;
	serve_update(r);
	if (r->is_ending && r->n_sessions == 0)
		finish(r);
	else
		idle_arm(r);
}

static void
session_task(void *arg)
{
	struct session *ss = arg;

	ss->task = task_self();
	if (peer_may(ss) && !session_is_trigger(ss))
		ss->r->d->serve(&ss->pub);
	session_end(ss);
}

static void
set_peer(struct session *ss, int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	struct sockaddr_storage *peer = &ss->pub.peer;
	int one = 1;

	ss->pub.peer_len = sizeof(*peer);
	if (getpeername(fd, (struct sockaddr *)peer, &ss->pub.peer_len) == 0 &&
	    (peer->ss_family == AF_INET || peer->ss_family == AF_INET6)) {
		ss->pub.is_inet = true;
		ss->pub.local_len = sizeof(ss->pub.local);
		if (getsockname(fd, (struct sockaddr *)&ss->pub.local, &ss->pub.local_len) < 0)
			ss->pub.local_len = 0;
		/* replies are whole when they leave: do not hold them back for a delayed ACK */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
		return;
	}
	ss->pub.peer_uid = (uid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0)
		ss->pub.peer_uid = cred.uid;
}

void
serve_fd(struct daemon_run *r, int fd)
{
	struct session *ss = NEW(struct session);
	struct err err = ERR_INIT;

	ss->r = r;
	ss->fd = fd;
	ss->since_ms = task_now_ms();
	set_peer(ss, fd);
	ss->pub.stream = stream_new(fd, STREAM_IN, STREAM_OUT);
	list_append(&r->sessions, &ss->link);
	r->n_sessions++;
	if (!r->is_loaded && r->n_sessions >= LOADED_FROM)
		r->is_loaded = true;
	if (r->n_tables > 0 && r->table_timer == NULL && !r->is_ending)
		r->table_timer = task_timer_start(TABLE_CHECK_MS, TABLE_CHECK_MS, on_table_time, r);
	if (task_start_err("session", session_task, ss, &err) == NULL) {
		log_warning("no more sessions: %s", err.text);
		session_end(ss);
		return;
	}
	serve_update(r);
	count_use(r);
}

bool
daemon_session_next(struct daemon_session *s)
{
	struct session *ss = LIST_ITEM(s, struct session, pub);
	struct err err = ERR_INIT;
	size_t n;
	bool is_readable;

	if (s->stream == NULL || (stream_peek(s->stream, &n), n > 0))
		return s->stream != NULL;
	if (stream_flush(s->stream, &err) < 0)
		return false;
	if (ss->r->is_ending && !s->is_inet && ss->n_requests > 0)
		return false;
	ss->is_idle = true;
	is_readable = task_wait_fd(ss->fd, true, false, TASK_FOREVER, &err) == 0;
	ss->is_idle = false;
	if (!is_readable)
		return false;
	/* what came in the same moment is closed unread: it may be the beginning of more than one frame */
	if ((ss->r->is_ending && !s->is_inet && ss->n_requests > 0) || tables_changed(ss->r))
		return false;
	if (stream_fill(s->stream, &err) != 1)
		return false;
	if (ss->n_requests++ > 0)
		count_use(ss->r);	/* the first was counted as a session */
	return true;
}

void
daemon_session_is_mux(struct daemon_session *s)
{
	struct session *ss = LIST_ITEM(s, struct session, pub);

	ss->is_mux = true;
}

/* ---- accepting */

static void
on_fd_time(void *arg)
{
	struct daemon_run *r = arg;

	task_timer_stop(&r->fd_timer);
	r->no_fds = false;
	serve_update(r);
}

static void
accept_failed(struct daemon_run *r)
{
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		log_warning("accept: %m; no new sessions for a second");
		r->no_fds = true;
		if (r->fd_timer == NULL)
			r->fd_timer = task_timer_start(1000, 0, on_fd_time, r);
		serve_update(r);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_warning("accept: %m");
	}
}

static void
on_listen(void *arg)
{
	struct daemon_run *r = &daemon_run_;
	int listener = (int)(intptr_t)arg;

	for (int i = 0; i < ACCEPT_BATCH && has_room(r); i++) {
		int fd;

		if (i == 0 && (channel_hear(r), !has_room(r) || tables_changed(r)))
			return;
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			accept_failed(r);
			return;
		}
		serve_fd(r, fd);
	}
}

static void
on_datagram(void *arg)
{
	struct daemon_run *r = &daemon_run_;

	r->last_active_ms = task_now_ms();
	r->d->datagram((int)(intptr_t)arg);
	if (r->n_used == 0)
		count_use(r);
}

static void
listen_start(struct daemon_run *r)
{
	if (r->is_listening)
		return;
	r->is_listening = true;
	for (int fd = HUB_LISTEN_FD; fd < HUB_LISTEN_FD + r->n_listen; fd++)
		task_on_readable(fd, is_dgram(r) ? on_datagram : on_listen, (void *)(intptr_t)fd);
}

static void
listen_stop(struct daemon_run *r)
{
	if (!r->is_listening)
		return;
	r->is_listening = false;
	for (int fd = HUB_LISTEN_FD; fd < HUB_LISTEN_FD + r->n_listen; fd++)
		task_forget_fd(fd);
}

void
serve_update(struct daemon_run *r)
{
	if (has_room(r))
		listen_start(r);
	else
		listen_stop(r);
	channel_tell_state(r);
}

static void
on_sigterm(void *arg)
{
	serve_stop(arg);
}

void
serve_start(struct daemon_run *r)
{
	ASSERT(!is_dgram(r) || r->d->datagram != NULL);
	task_on_signal(SIGTERM, on_sigterm, r);
	signal(SIGHUP, SIG_IGN);	/* the whole system is reloaded by master */
	r->started_ms = r->last_active_ms = task_now_ms();
	r->ready = true;
	serve_update(r);
	idle_arm(r);
}

/* ---- wake-up by master's timer */

static void
wakeup_task(void *arg)
{
	struct daemon_run *r = arg;

	do {
		r->wake_again = false;
		r->d->wakeup();
	} while (r->wake_again && !r->is_finished);
	r->is_waking = false;
	r->last_active_ms = task_now_ms();
}

void
serve_wakeup(struct daemon_run *r)
{
	if (r->d->wakeup == NULL || r->is_ending)
		return;
	if (r->is_waking) {
		r->wake_again = true;
		return;
	}
	r->is_waking = true;
	task_start("wakeup", wakeup_task, r);
	count_use(r);
}

/* ---- outside master: one session on standard input and output, which may be files, pipes or a terminal */

static ssize_t
stdin_read(void *arg, int fd, void *buf, size_t n, uint64_t deadline_ms, struct err *err)
{
	ssize_t got;

	(void)arg;
	(void)fd;
	if (deadline_ms != TASK_FOREVER) {
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		uint64_t now = clock_mono_ms(), left = deadline_ms > now ? deadline_ms - now : 0;

		if (poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left) == 0)
			return err_set(err, ERR_TIMEOUT, NULL, "no input");
	}
	do {
		got = read(STDIN_FILENO, buf, n);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? err_sys(err, "read") : got;
}

static ssize_t
stdout_write(void *arg, int fd, const void *buf, size_t n, uint64_t deadline_ms, struct err *err)
{
	ssize_t done;

	(void)arg;
	(void)fd;
	(void)deadline_ms;
	do {
		done = write(STDOUT_FILENO, buf, n);
	} while (done < 0 && errno == EINTR);
	return done < 0 ? err_sys(err, "write") : done;
}

static const struct stream_ops stdio_ops = { .read = stdin_read, .write = stdout_write };

int
serve_stand_alone(struct daemon_run *r)
{
	struct session *ss = NEW(struct session);
	int pair[2];		/* the stream wants a descriptor; its bytes go elsewhere */

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		fatal("socketpair: %m");
	ss->r = r;
	ss->fd = pair[0];
	ss->pub.peer_uid = getuid();
	ss->pub.stream = stream_new(pair[0], STREAM_IN, STREAM_OUT);
	stream_set_ops(ss->pub.stream, &stdio_ops, NULL);
	r->d->serve(&ss->pub);
	stream_free(&ss->pub.stream);
	mem_free(&ss);
	close(pair[1]);
	return 0;
}
