/* SPDX-License-Identifier: Apache-2.0 */
/* channel - the process's end of the socket to master */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon_priv.h"

enum { ASK_TIMEOUT_MS = 10000, RETRY_MS = 100, CONNECT_TIMEOUT_MS = 10000 };

/* A connection that was asked for. */
struct ask {
	struct list link;
	struct task_cond cond;
	uint32_t seq;
	bool is_answered;
	int fd, error;
};

void
channel_init(struct daemon_run *r)
{
	list_init(&r->asked);
}

/* ---- saying */

static uint32_t
state_flags(const struct daemon_run *r)
{
	uint32_t flags = 0;

	if (r->ready)
		flags |= HUB_READY;
	if (r->is_listening)
		flags |= HUB_ROOM;
	if (r->is_loaded)
		flags |= HUB_LOADED;
	if (r->is_ending)
		flags |= HUB_ENDING;
	if (r->n_used > 0)
		flags |= HUB_USED;
	if (r->d->reload != NULL)
		flags |= HUB_IN_PLACE;
	return flags;
}

static void
on_state_time(void *arg)
{
	struct daemon_run *r = arg;

	task_timer_stop(&r->state_timer);
	r->state_unsent = false;
	channel_tell_state(r);
}

/* Master hears of changes only; the number of sessions matters to it once we are ending. */
void
channel_tell_state(struct daemon_run *r)
{
	struct hub_msg m = { .type = HUB_STATE, .flags = state_flags(r), .value = r->n_sessions };

	if (!r->has_channel || !r->ready || r->state_unsent || (m.flags == r->state_told && !r->is_ending))
		return;
	log_flush();
	if (hub_send(HUB_FD, &m, -1) == 0) {
		r->state_told = m.flags;
	} else if (errno == EAGAIN) {
		r->state_unsent = true;
		r->state_timer = task_timer_start(RETRY_MS, 0, on_state_time, r);
	}
}

/* ---- hearing */

static void
connected(struct daemon_run *r, const struct hub_msg *m, int fd)
{
	for (struct list *l = r->asked.next; l != &r->asked; l = l->next) {
		struct ask *a = LIST_ITEM(l, struct ask, link);

		if (a->seq == m->seq && !a->is_answered) {
			a->is_answered = true;
			a->fd = fd;
			a->error = (int)m->flags;
			task_cond_signal(&a->cond);
			return;
		}
	}
	io_close(&fd);		/* nobody waits for it any more */
}

static void
reload(struct daemon_run *r)
{
	if (r->d->reload != NULL)
		r->d->reload();
	else
		serve_retire(r);
}

static void
hear(struct daemon_run *r, const struct hub_msg *m, int fd)
{
	if (m->type == HUB_CONNECTED) {
		connected(r, m, fd);
		return;
	}
	if (m->type == HUB_SESSION && fd >= 0 && !r->is_ending && r->d->serve != NULL) {
		serve_fd(r, fd);
		return;
	}
	io_close(&fd);
	switch (m->type) {
	case HUB_QUOTA:
		if (r->d->sessions != DAEMON_ONE)
			r->quota = m->value;
		serve_update(r);
		break;
	case HUB_RELOAD: reload(r); break;
	case HUB_RETIRE: serve_retire(r); break;
	case HUB_STOP: serve_stop(r); break;
	case HUB_WAKEUP: serve_wakeup(r); break;
	default: break;
	}
}

/* Also called before a session is accepted: who reloads wants the next client to be served by the new settings. */
void
channel_hear(struct daemon_run *r)
{
	struct hub_msg m;
	int fd, got = 0;

	if (!r->has_channel)
		return;
	for (int i = 0; i < 100 && (got = hub_recv(HUB_FD, &m, &fd)) > 0; i++)
		hear(r, &m, fd);
	if (got < 0) {
		task_forget_fd(HUB_FD);
		r->has_channel = false;
		log_debug("master is gone");
		serve_stop(r);
	}
}

static void
on_channel(void *arg)
{
	channel_hear(arg);
}

void
channel_start(struct daemon_run *r)
{
	task_on_readable(HUB_FD, on_channel, r);
}

/* ---- asking for a connection */

/* Before the loop runs (start-up) the channel is read here. */
static int
ask_wait(struct daemon_run *r, struct ask *a, struct err *err)
{
	uint64_t deadline = clock_mono_ms() + ASK_TIMEOUT_MS;
	struct hub_msg m;
	int fd, got;

	if (task_self() != NULL) {
		while (!a->is_answered) {
			if (task_cond_wait(&a->cond, deadline, err) < 0)
				return -1;
		}
		return 0;
	}
	while (!a->is_answered) {
		struct pollfd p = { .fd = HUB_FD, .events = POLLIN };
		uint64_t now = clock_mono_ms();

		if (now >= deadline || poll(&p, 1, (int)(deadline - now)) <= 0)
			return err_set(err, ERR_TIMEOUT, NULL, "no answer from master");
		if ((got = hub_recv(HUB_FD, &m, &fd)) < 0)
			return err_set(err, ERR_EOF, NULL, "master is gone");
		if (got > 0)
			hear(r, &m, fd);
	}
	return 0;
}

int
channel_connect(struct daemon_run *r, const char *service, struct err *err)
{
	struct ask a = { .seq = ++r->next_seq, .fd = -1 };
	struct hub_msg m = { .type = HUB_CONNECT, .seq = a.seq };
	int waited;

	if (!r->has_channel)
		return err_set(err, ERR_TEMP, "4.3.0", "service %s is reached only below master", service);
	snprintf(m.name, sizeof(m.name), "%s", service);
	if (hub_send(HUB_FD, &m, -1) < 0)
		return err_sys(err, "ask master for %s", service);
	task_cond_init(&a.cond);
	list_append(&r->asked, &a.link);
	waited = ask_wait(r, &a, err);
	list_remove(&a.link);
	if (waited < 0) {
		io_close(&a.fd);
		return err_prefix(err, "connect to %s: ", service);
	}
	if (a.fd < 0) {
		errno = a.error != 0 ? a.error : ECONNREFUSED;
		return err_sys(err, "connect to %s", service);
	}
	(void)io_set_nonblock(a.fd, true);
	return a.fd;
}

int
daemon_connect(void *arg, struct err *err)
{
	const char *service = arg;
	uint64_t deadline = clock_mono_ms() + CONNECT_TIMEOUT_MS;

	if (strchr(service, '/') == NULL)
		return channel_connect(&daemon_run_, service, err);
	for (uint64_t wait_ms = 5;; wait_ms = wait_ms < 200 ? wait_ms * 2 : wait_ms) {
		struct err local = ERR_INIT;
		int fd = io_unix_connect(service, &local);

		/* EAGAIN: the queue of connections not yet accepted is full */
		if (fd >= 0 || local.sys != EAGAIN || clock_mono_ms() >= deadline) {
			if (fd < 0 && err != NULL)
				*err = local;
			return fd;
		}
		if (task_sleep(wait_ms, err) < 0)
			return -1;
	}
}
