/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan - looking through incoming and deferred: at the start, on triggers, every queue_run_delay when their times changed
 *
 * One task does all looks, one after the other, and gives way often: a queue of a hundred thousand messages stops nobody.  Requests
 * that come meanwhile are merged.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "qmgr/qmgr.h"

enum { YIELD_EVERY = 128, SETTLE_NS = 50000000, FUTURE_S = 1 };

static struct {
	struct task_cond asked;
	bool incoming, deferred, all_times, is_first;
	uint64_t seen_incoming, seen_deferred;	/* change times that the last look covers; 0: none */
	unsigned scan;
	struct task_timer *tick, *soon;
	uint64_t tick_ms;
	int64_t soon_at;
} sc;

struct look {
	enum queue_name where;
	unsigned n;
};

/* ---- one file */
static void
on_soon(void *arg)
{
	(void)arg;
	task_timer_stop(&sc.soon);
	scan_ask(true, false, false);
}

/* Deferred mail waits for the next queue run; incoming mail whose time comes is taken then. */
void
scan_wake_at(int64_t due)
{
	int64_t now = clock_wall_s();

	if (sc.soon != NULL && sc.soon_at <= due)
		return;
	task_timer_stop(&sc.soon);
	sc.soon_at = due;
	sc.soon = task_timer_start(due > now ? (uint64_t)(due - now) * 1000 + 500 : 500, 0, on_soon, NULL);
}

/* Nothing else would find what stays in active, or in a folder whose times do not change. */
void
scan_retry(struct item *i, const struct err *err)
{
	int64_t due = clock_wall_s() + SCAN_RETRY_S;

	if (err->sys == ENOENT) {	/* deleted meanwhile */
		index_drop(i);
		return;
	}
	log_warning("%s: %s; tried again in %d seconds", i->id, err->text, SCAN_RETRY_S);
	i->is_fresh = false;
	index_wait(i, due);
	scan_wake_at(due);
}

static void
place(struct item *i, const struct qstat *st, int64_t now)
{
	int64_t slack = i->where == QUEUE_INCOMING ? FUTURE_S : 0;

	/* also what is due goes through the heap: it comes out in the order of its times */
	index_wait(i, st->mtime_s > now + slack ? st->mtime_s : st->mtime_s < now ? st->mtime_s : now);
	if (i->where == QUEUE_INCOMING && i->due > now)
		scan_wake_at(i->due);
}

static bool
look_at(void *arg, const char *id)
{
	struct look *l = arg;
	struct item *i = index_find(id);
	struct qstat st;

	if (++l->n % YIELD_EVERY == 0)
		task_yield();
	if (i != NULL && (i->where == l->where || i->state == ITEM_ACTIVE)) {
		i->scan = sc.scan;
		return true;
	}
	if (queue_stat(qm.queue, l->where, id, &st, NULL) < 0 || !st.is_ready)
		return true;
	/* the task may have given way above, but not since the look-up here */
	i = index_find(id);
	if (i != NULL && i->state == ITEM_ACTIVE)
		return true;
	if (i == NULL)
		i = index_add(id, l->where);
	i->where = l->where;
	i->is_fresh = false;
	i->scan = sc.scan;
	place(i, &st, clock_wall_s());
	return true;
}

static void
drop_if_gone(struct item *i)
{
	struct err err = ERR_INIT;
	struct qstat st;

	if (queue_stat(qm.queue, i->where, i->id, &st, &err) < 0 && err.sys == ENOENT)
		index_drop(i);
}

static void
look_through(enum queue_name where)
{
	uint64_t *seen = where == QUEUE_INCOMING ? &sc.seen_incoming : &sc.seen_deferred;
	uint64_t change = queue_change_time(qm.queue, where);
	struct timeval now = clock_wall();
	struct look l = { .where = where };
	struct err err = ERR_INIT;

	if (change != 0 && change == *seen)
		return;
	sc.scan++;
	if (queue_scan(qm.queue, where, look_at, NULL, &l, &err) < 0) {
		log_warning("scan %s: %s", queue_name_str(where), err.text);
		return;
	}
	index_each_unseen(where, sc.scan, drop_if_gone);
	/* a time of this very moment may hide a change that follows */
	*seen = change + SETTLE_NS < (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_usec * 1000 ? change : 0;
}

/* ---- the task */
static void
serve_requests(void)
{
	bool incoming = sc.incoming, deferred = sc.deferred, all = sc.all_times;

	sc.incoming = sc.deferred = sc.all_times = false;
	if (incoming)
		look_through(QUEUE_INCOMING);
	if (deferred)
		look_through(QUEUE_DEFERRED);
	if (all && incoming)
		index_release_all(QUEUE_INCOMING);
	if (all && deferred)
		index_release_all(QUEUE_DEFERRED);
	index_release(clock_wall_s());
	feed();
}

static void
scan_task(void *arg)
{
	(void)arg;
	while (!task_is_cancelled()) {
		if (sc.incoming || sc.deferred)
			serve_requests();
		else if (task_cond_wait(&sc.asked, TASK_FOREVER, NULL) < 0)
			return;
	}
}

void
scan_ask(bool incoming, bool deferred, bool all_times)
{
	sc.incoming |= incoming;
	sc.deferred |= deferred;
	sc.all_times |= all_times;
	task_cond_signal(&sc.asked);
}

static void
on_tick(void *arg)
{
	(void)arg;
	if (sc.tick_ms != qm.conf.run_delay_ms) {	/* changed by a reload */
		task_timer_stop(&sc.tick);
		sc.tick_ms = qm.conf.run_delay_ms;
		sc.tick = task_timer_start(sc.tick_ms, sc.tick_ms, on_tick, NULL);
	}
	scan_ask(true, true, false);
}

/* What was active when the last queue manager ended begins anew; recipients that are done are marked in the files. */
static bool
restart_one(void *arg, const char *id)
{
	struct err err = ERR_INIT;
	struct item *i;

	(void)arg;
	if (queue_set_time(qm.queue, QUEUE_ACTIVE, id, clock_wall_s(), &err) < 0 ||
	    queue_move(qm.queue, id, QUEUE_ACTIVE, QUEUE_INCOMING, &err) < 0) {
		if (index_find(id) == NULL)
			scan_retry(index_add(id, QUEUE_ACTIVE), &err);
		return true;
	}
	if (index_find(id) == NULL) {
		i = index_add(id, QUEUE_INCOMING);
		index_ready(i);
	}
	return true;
}

void
scan_start(void)
{
	struct err err = ERR_INIT;

	task_cond_init(&sc.asked);
	if (queue_scan(qm.queue, QUEUE_ACTIVE, restart_one, NULL, NULL, &err) < 0)
		log_warning("scan active: %s", err.text);
	sc.tick_ms = qm.conf.run_delay_ms;
	sc.tick = task_timer_start(sc.tick_ms, sc.tick_ms, on_tick, NULL);
	sc.incoming = sc.deferred = true;
	task_start("scan", scan_task, NULL);
}

void
scan_stop(void)
{
	task_timer_stop(&sc.tick);
	task_timer_stop(&sc.soon);
}

void
scan_new(const char *id)
{
	struct item *i;

	if (!queue_id_is_valid(id) || index_find(id) != NULL)
		return;
	i = index_add(id, QUEUE_INCOMING);
	i->is_fresh = true;
	index_ready(i);
	feed();
}
