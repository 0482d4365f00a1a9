/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdwait - waiting for descriptors: one uv_poll a descriptor, kept started between waits
 *
 * A watch for reading is stopped only when an event finds nobody waiting; most waits then cost no system call of their own.
 * Outside of tasks poll(2) waits instead.
 */
#include "task/task_priv.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct watch {
	uv_poll_t poll;
	int fd;
	int events;		/* started for these */
	struct task *reader, *writer;
	task_fn *on_readable;
	void *arg;
};
static struct {
	struct watch **v;
	size_t n;
} fds;

static void
watch_closed(uv_handle_t *h)
{
	struct watch *w = h->data;

	mem_free(&w);
}

static void watch_event(uv_poll_t *p, int status, int events);

/* Start for exactly these events (0: stop). */
static void
watch_set(struct watch *w, int events)
{
	if (events == w->events)
		return;
	if (events == 0)
		uv_poll_stop(&w->poll);
	else
		uv_poll_start(&w->poll, events, watch_event);
	w->events = events;
}

static int
watch_wanted(const struct watch *w)
{
	return (w->reader != NULL || w->on_readable != NULL ? UV_READABLE : 0) | (w->writer != NULL ? UV_WRITABLE : 0);
}

static void
watch_event(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;

	if (status < 0) {	/* an error is pending: reading or writing will tell; libuv has stopped the watch */
		w->events = 0;
		events = UV_READABLE | UV_WRITABLE;
	} else {
		/* ready to write is nearly always true: never kept */
		watch_set(w, w->events & ~((events & ~watch_wanted(w)) | (events & UV_WRITABLE)));
	}
	if ((events & UV_READABLE) && w->reader != NULL) {
		task_wake(w->reader, WAKE_EVENT);
		w->reader = NULL;
	}
	if ((events & UV_WRITABLE) && w->writer != NULL) {
		task_wake(w->writer, WAKE_EVENT);
		w->writer = NULL;
	}
	if (w->on_readable != NULL && (events & UV_READABLE)) {
		if (w->events == 0)
			watch_set(w, UV_READABLE);
		w->on_readable(w->arg);		/* may forget the descriptor: last */
	}
}

/* NULL with errno when the descriptor cannot be watched (EPERM: a plain file, always ready). */
static struct watch *
watch_get(int fd)
{
	struct watch *w;
	int r;

	ASSERT(fd >= 0);
	if ((size_t)fd >= fds.n) {
		size_t n = (size_t)fd + 64;

		fds.v = mem_realloc_array(fds.v, n, sizeof(struct watch *));
		for (size_t i = fds.n; i < n; i++)
			fds.v[i] = NULL;
		fds.n = n;
	}
	if (fds.v[fd] != NULL)
		return fds.v[fd];
	w = NEW(struct watch);
	w->fd = fd;
	r = uv_poll_init(task_loop(), &w->poll, fd);
	if (r < 0) {
		mem_free(&w);
		errno = -r;
		return NULL;
	}
	w->poll.data = w;
	fds.v[fd] = w;
	return w;
}

static int
poll_outside(int fd, bool for_read, bool for_write, uint64_t deadline_ms, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = (short)((for_read ? POLLIN : 0) | (for_write ? POLLOUT : 0)) };

	log_flush();
	for (;;) {
		int wait_ms = -1, r;

		if (deadline_ms != TASK_FOREVER) {
			uint64_t now = clock_mono_ms();
			uint64_t left = deadline_ms > now ? deadline_ms - now : 0;

			wait_ms = left > INT_MAX ? INT_MAX : (int)left;
		}
		r = poll(&p, 1, wait_ms);
		if (r > 0)
			return 0;
		if (r == 0 && wait_ms != INT_MAX)
			return err_set(err, ERR_TIMEOUT, NULL, "timed out");
		if (r < 0 && errno != EINTR)
			return err_sys(err, "poll");
	}
}

int
task_wait_fd(int fd, bool for_read, bool for_write, uint64_t deadline_ms, struct err *err)
{
	struct task *t = task_self();
	struct watch *w;
	enum task_wake wake;

	ASSERT(for_read || for_write);
	if (t == NULL)
		return poll_outside(fd, for_read, for_write, deadline_ms, err);
	w = watch_get(fd);
	if (w == NULL) {
		if (errno != EPERM)
			return err_sys(err, "wait for descriptor");
		task_tick();
		return 0;
	}
	ASSERT((!for_read || w->reader == NULL) && (!for_write || w->writer == NULL));
	if (for_read)
		w->reader = t;
	if (for_write)
		w->writer = t;
	watch_set(w, w->events | watch_wanted(w));
	wake = task_suspend(deadline_ms, false);
	/* the watch may be gone by now */
	w = (size_t)fd < fds.n ? fds.v[fd] : NULL;
	if (w != NULL && w->reader == t)
		w->reader = NULL;
	if (w != NULL && w->writer == t)
		w->writer = NULL;
	return task_wake_err(wake, err);
}

void
task_on_readable(int fd, task_fn *fn, void *arg)
{
	struct watch *w = watch_get(fd);

	if (w == NULL)
		fatal("cannot watch descriptor %d: %s", fd, strerrorname_np(errno));
	w->on_readable = fn;
	w->arg = arg;
	watch_set(w, w->events | UV_READABLE);
}

void
task_forget_fd(int fd)
{
	struct watch *w;

	if (fd < 0 || (size_t)fd >= fds.n || fds.v[fd] == NULL)
		return;
	w = fds.v[fd];
	fds.v[fd] = NULL;
	if (w->reader != NULL)
		task_wake(w->reader, WAKE_CANCEL);
	if (w->writer != NULL)
		task_wake(w->writer, WAKE_CANCEL);
	uv_close((uv_handle_t *)&w->poll, watch_closed);
}

void
task_fd_done(void)
{
	for (size_t fd = 0; fd < fds.n; fd++)
		task_forget_fd((int)fd);
	task_fd_forget_all();
}

/* In a forked child: the loop's descriptor is the parent's too, so nothing is told to it. */
void
task_fd_forget_all(void)
{
	mem_free(&fds.v);
	fds.n = 0;
}
