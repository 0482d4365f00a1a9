/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache - sessions that wait a moment for the next message
 *
 * On demand means: a destination to which another message is on its way, or was begun within the last second.  A session that has become readable
 * while idle is over: the server has closed it or said so.
 */
#include "smtp.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_IDLE = 500, MAX_LOADS = 20000, BUSY_MS = 1000, SWEEP_MS = 500 };

struct load {
	unsigned active;
	uint64_t begun_ms, before_ms;	/* the last two beginnings */
};

void
cache_init(struct client *c)
{
	list_init(&c->idle);
	c->loads = map_new();
}

/* A timer's callback must not wait, QUIT may: the closing is done by a task of its own. */
static void
sweep(void *arg)
{
	struct client *c = arg;
	struct list *l = c->idle.next;

	while (l != &c->idle) {
		struct session *s = LIST_ITEM(l, struct session, link);

		if (task_now_ms() - s->idle_ms < c->conf.cache_ms) {
			l = l->next;
			continue;
		}
		list_remove(&s->link);
		c->n_idle--;
		session_close(c, &s, false);
		l = c->idle.next;	/* others may have come and gone meanwhile */
	}
	if (list_is_empty(&c->idle))
		task_timer_stop(&c->idle_timer);
}

static void
sweep_timer(void *arg)
{
	(void)task_start_err("idle sessions", sweep, arg, NULL);
}

static bool
is_match(const struct session *s, const char *dest, const struct smtp_addr *addr, uint16_t port)
{
	if (addr == NULL)
		return s->is_best && strcmp(s->dest, dest) == 0;
	return s->port == port && strcmp(s->addr, addr->text) == 0 && strcmp(s->host, addr->host) == 0;
}

static bool
is_usable(const struct client *c, const struct session *s)
{
	uint64_t now = task_now_ms();

	return now - s->opened_ms < c->conf.reuse_ms && now - s->idle_ms < c->conf.cache_ms && !stream_readable(s->stream);
}

struct session *
cache_take(struct client *c, const char *dest, const struct smtp_addr *addr, uint16_t port)
{
	/* The one that was used last is the least likely to be closed by the other side. */
	for (struct list *l = c->idle.prev; l != &c->idle;) {
		struct session *s = LIST_ITEM(l, struct session, link);

		l = l->prev;
		if (!is_match(s, dest, addr, port))
			continue;
		list_remove(&s->link);
		c->n_idle--;
		if (is_usable(c, s)) {
			s->n_uses++;
			return s;
		}
		session_drop(&s);
	}
	return NULL;
}

static bool
is_busy(const struct client *c, const char *dest)
{
	const struct load *l = map_get(c->loads, dest);

	return l != NULL && (l->active > 1 || (l->before_ms != 0 && l->begun_ms - l->before_ms < BUSY_MS));
}

bool
cache_is_wanted(struct client *c, const struct session *s)
{
	if ((c->is_ending != NULL && c->is_ending()) || s->is_broken || s->said_421 || s->quit_sent || c->n_idle >= MAX_IDLE || task_is_cancelled())
		return false;
	if (c->conf.reuse_count > 0 && s->n_uses >= c->conf.reuse_count)
		return false;
	if (task_now_ms() - s->opened_ms >= c->conf.reuse_ms)
		return false;
	if (c->cache_dests != NULL && !match_is_empty(c->cache_dests) && match_name(c->cache_dests, s->host, NULL) == 1)
		return true;
	return c->conf.cache_on_demand && is_busy(c, s->dest);
}

void
cache_give(struct client *c, struct session **sp)
{
	struct session *s = *sp;

	if (s == NULL)
		return;
	if (!cache_is_wanted(c, s)) {
		session_close(c, sp, true);
		return;
	}
	*sp = NULL;
	s->idle_ms = task_now_ms();
	list_append(&c->idle, &s->link);
	c->n_idle++;
	if (c->idle_timer == NULL)
		c->idle_timer = task_timer_start(SWEEP_MS, SWEEP_MS, sweep_timer, c);
}

void
cache_close_all(struct client *c)
{
	while (!list_is_empty(&c->idle)) {
		struct session *s = LIST_ITEM(c->idle.next, struct session, link);

		list_remove(&s->link);
		c->n_idle--;
		session_close(c, &s, false);
	}
}

static void
free_load(void *value)
{
	mem_free(&value);
}

/* Too many destinations: forget those to which nothing is on its way. */
static void
forget_quiet(struct client *c)
{
	struct map_iter it = { 0 };

	while (map_next(c->loads, &it)) {
		struct load *l = it.value;

		if (l->active == 0) {
			(void)map_del(c->loads, it.key);
			free_load(l);
		}
	}
}

void
cache_load_begin(struct client *c, const char *dest)
{
	struct load *l = map_get(c->loads, dest);

	if (l == NULL) {
		if (map_count(c->loads) >= MAX_LOADS)
			forget_quiet(c);
		l = NEW(struct load);
		(void)map_put(c->loads, dest, l);
	}
	l->active++;
	l->before_ms = l->begun_ms;
	l->begun_ms = task_now_ms();
}

void
cache_load_end(struct client *c, const char *dest)
{
	struct load *l = map_get(c->loads, dest);

	if (l != NULL && l->active > 0)
		l->active--;
}
