/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer - times to come, in a binary heap over one timer of the loop
 */
#include "task/task_priv.h"

#include "base/bug.h"
#include "base/clock.h"
#include "base/mem.h"

static struct {
	struct tnode **v;
	size_t n, cap;
	uv_timer_t uv;
	bool has_uv;
	uint64_t armed;		/* what uv is set to; 0: nothing */
} th;

static void
slot_put(size_t i, struct tnode *n)
{
	th.v[i - 1] = n;
	n->slot = i;
}

static void
sift_up(size_t i)
{
	struct tnode *n = th.v[i - 1];

	for (; i > 1 && th.v[i / 2 - 1]->at > n->at; i /= 2)
		slot_put(i, th.v[i / 2 - 1]);
	slot_put(i, n);
}

static void
sift_down(size_t i)
{
	struct tnode *n = th.v[i - 1];

	for (;;) {
		size_t c = 2 * i;

		if (c > th.n)
			break;
		if (c < th.n && th.v[c]->at < th.v[c - 1]->at)
			c++;
		if (th.v[c - 1]->at >= n->at)
			break;
		slot_put(i, th.v[c - 1]);
		i = c;
	}
	slot_put(i, n);
}

void
tnode_clear(struct tnode *n)
{
	size_t i = n->slot;
	struct tnode *last;

	if (i == 0)
		return;
	n->slot = 0;
	last = th.v[--th.n];
	if (last == n)
		return;
	slot_put(i, last);
	sift_up(i);
	sift_down(last->slot);
}

void
tnode_set(struct tnode *n, uint64_t at)
{
	if (n->slot == 0) {
		if (th.n == th.cap) {
			th.cap = th.cap == 0 ? 64 : th.cap * 2;
			th.v = mem_realloc_array(th.v, th.cap, sizeof(struct tnode *));
		}
		th.v[th.n] = n;
		n->slot = ++th.n;
	}
	n->at = at;
	sift_up(n->slot);
	sift_down(n->slot);
}

static void
fire(uv_timer_t *uv)
{
	uint64_t now = uv_now(uv->loop);

	th.armed = 0;
	/* what a callback sets anew for now waits for the next round: bounded by what is due at the start */
	for (size_t due = th.n; due > 0 && th.n > 0 && th.v[0]->at <= now; due--) {
		struct tnode *n = th.v[0];

		tnode_clear(n);
		n->fn(n);
	}
}

void
task_timers_arm(void)
{
	uint64_t now, at;

	if (th.n == 0) {
		if (th.has_uv)
			uv_timer_stop(&th.uv);
		th.armed = 0;
		return;
	}
	if (th.v[0]->at == th.armed)
		return;
	if (!th.has_uv) {
		ASSERT(uv_timer_init(task_loop(), &th.uv) == 0);
		th.has_uv = true;
	}
	at = th.v[0]->at;
	if (at == 0)
		at = 1;
	now = uv_now(&task_sched.loop);
	/* It repeats, as libuv may fire it just before it waits for descriptors: it must not wait for ever then. */
	uv_timer_start(&th.uv, fire, at > now ? at - now : 0, 1);
	th.armed = at;
}

void
task_timers_done(void)
{
	if (th.has_uv)
		uv_close((uv_handle_t *)&th.uv, NULL);
	th.has_uv = false;
	th.armed = 0;
	if (th.n == 0) {
		mem_free(&th.v);
		th.cap = 0;
	}
}

/* ---- timers for users */
struct task_timer {
	struct tnode node;
	uint64_t period_ms;
	task_fn *fn;
	void *arg;
};

static void
timer_fire(struct tnode *n)
{
	struct task_timer *t = (struct task_timer *)n;

	if (t->period_ms > 0)
		tnode_set(n, task_now_ms() + t->period_ms);
	t->fn(t->arg);		/* may stop, and so free, the timer */
}

struct task_timer *
task_timer_start(uint64_t ms, uint64_t period_ms, task_fn *fn, void *arg)
{
	struct task_timer *t = NEW(struct task_timer);

	t->node.fn = timer_fire;
	t->period_ms = period_ms;
	t->fn = fn;
	t->arg = arg;
	tnode_set(&t->node, clock_mono_ms() + ms);
	return t;
}

void
task_timer_stop(struct task_timer **tp)
{
	if (*tp == NULL)
		return;
	tnode_clear(&(*tp)->node);
	mem_free(tp);
}
