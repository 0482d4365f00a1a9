/* SPDX-License-Identifier: Apache-2.0 */
/* event - master's loop over epoll */
#include "event.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/bug.h"

enum { BATCH = 64 };

static int epoll_fd = -1;
/* What the current call of event_run() has still to do: a watch that is switched off in the meantime is taken out. */
static struct epoll_event batch[BATCH];
static int batch_n;

void
event_init(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		fatal("epoll_create1: %m");
}

void
event_after_fork(void)
{
	close(epoll_fd);
}

void
watch_init(struct watch *w, int fd, void (*fn)(void *arg), void *arg)
{
	*w = (struct watch){ .fd = fd, .fn = fn, .arg = arg };
}

void
watch_on(struct watch *w)
{
	struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = w } };

	if (w->is_on)
		return;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		bug("epoll_ctl: add descriptor %d: %m", w->fd);
	w->is_on = true;
}

void
watch_off(struct watch *w)
{
	if (!w->is_on)
		return;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL) < 0)
		bug("epoll_ctl: remove descriptor %d: %m", w->fd);
	w->is_on = false;
	for (int i = 0; i < batch_n; i++) {
		if (batch[i].data.ptr == w)
			batch[i].data.ptr = NULL;
	}
}

void
event_run(uint64_t timeout_ms)
{
	batch_n = epoll_wait(epoll_fd, batch, BATCH, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms);
	if (batch_n < 0 && errno != EINTR)
		bug("epoll_wait: %m");
	for (int i = 0; i < batch_n; i++) {
		struct watch *w = batch[i].data.ptr;

		if (w != NULL && w->is_on)
			w->fn(w->arg);
	}
	batch_n = 0;
}
