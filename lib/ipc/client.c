/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - pools of standing connections, one conversation at a time on each
 */
#include "ipc/client.h"

#include <errno.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "task/task.h"

enum { IN_SIZE = 4096, OUT_SIZE = 16384, POOL_MAX = 10000, CONNECT_TRIES = 100, CONNECT_PAUSE_MS = 50 };

int
ipc_connect_path(void *arg, struct err *err)
{
	const char *path = arg;

	/* a full backlog shows as EAGAIN: the service is being started or is busy */
	for (int i = 0; ; i++) {
		int fd = io_unix_connect(path, err);

		if (fd >= 0 || err == NULL || err->sys != EAGAIN || i >= CONNECT_TRIES)
			return fd;
		if (task_sleep(CONNECT_PAUSE_MS, err) < 0)
			return -1;
	}
}

struct idle {
	struct list link;
	struct stream *stream;
	uint64_t since_ms;
};
struct ipc_pool {
	ipc_connect_fn *connect;
	void *arg;
	uint64_t idle_ms;
	unsigned max_idle, n_idle;
	struct list idle;		/* the one used last comes first */
	struct task_timer *timer;
};

struct ipc_pool *
ipc_pool_new(ipc_connect_fn *connect, void *arg, uint64_t idle_ms, unsigned max_idle)
{
	struct ipc_pool *p = NEW(struct ipc_pool);

	p->connect = connect;
	p->arg = arg;
	p->idle_ms = idle_ms;
	p->max_idle = max_idle < POOL_MAX ? max_idle : POOL_MAX;
	list_init(&p->idle);
	return p;
}

static struct stream *
idle_take(struct ipc_pool *p, struct idle *i)
{
	struct stream *s = i->stream;

	list_remove(&i->link);
	p->n_idle--;
	mem_free(&i);
	return s;
}

void
ipc_pool_free(struct ipc_pool **pp)
{
	struct ipc_pool *p = *pp;

	if (p == NULL)
		return;
	task_timer_stop(&p->timer);
	while (!list_is_empty(&p->idle)) {
		struct stream *s = idle_take(p, LIST_ITEM(p->idle.next, struct idle, link));

		stream_free(&s);
	}
	mem_free(pp);
}

struct stream *
ipc_pool_get(struct ipc_pool *p, struct err *err)
{
	int fd;

	while (!list_is_empty(&p->idle)) {
		struct stream *s = idle_take(p, LIST_ITEM(p->idle.next, struct idle, link));

		if (!stream_readable(s))
			return s;
		stream_free(&s);	/* closed by the service, or it spoke out of turn */
	}
	fd = p->connect(p->arg, err);
	return fd < 0 ? NULL : stream_new(fd, IN_SIZE, OUT_SIZE);
}

static void
idle_expire(void *arg)
{
	struct ipc_pool *p = arg;
	uint64_t now = clock_mono_ms();

	task_timer_stop(&p->timer);
	while (!list_is_empty(&p->idle)) {
		struct idle *i = LIST_ITEM(p->idle.prev, struct idle, link);
		struct stream *s;

		if (now < i->since_ms + p->idle_ms) {
			p->timer = task_timer_start(i->since_ms + p->idle_ms - now, 0, idle_expire, p);
			return;
		}
		s = idle_take(p, i);
		stream_free(&s);
	}
}

void
ipc_pool_put(struct ipc_pool *p, struct stream **sp)
{
	size_t buffered;
	struct idle *i;

	if (*sp == NULL)
		return;
	(void)stream_peek(*sp, &buffered);
	if (buffered > 0 || stream_unflushed(*sp) > 0 || p->n_idle >= p->max_idle) {
		stream_free(sp);
		return;
	}
	i = NEW(struct idle);
	i->stream = *sp;
	i->since_ms = clock_mono_ms();
	list_prepend(&p->idle, &i->link);
	p->n_idle++;
	*sp = NULL;
	if (p->timer == NULL)
		p->timer = task_timer_start(p->idle_ms, 0, idle_expire, p);
}

/* Where one connection broke the others are suspect: the service may be ending, and says so to each in its own moment. */
void
ipc_pool_drop(struct ipc_pool *p, struct stream **sp)
{
	while (!list_is_empty(&p->idle)) {
		struct stream *s = idle_take(p, LIST_ITEM(p->idle.next, struct idle, link));

		stream_free(&s);
	}
	stream_free(sp);
}
