/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dest - a destination of a transport: who waits for it, how many deliveries may run at once, and whether it is alive
 *
 * At any time at most one of its peers is the candidate: the one that would be served next.  Only candidates are known to the
 * transport, so that a destination with ten thousand messages costs no more than one with a single message.
 */
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"
#include "qmgr/qmgr.h"

enum { LOOK_AHEAD = 100, CREDIT_MAX = 10000 };

struct dest *
dest_get(struct transport *t, const char *nexthop, const char *rcpt)
{
	/* one recipient a delivery: each recipient is a destination of its own */
	AUTO(mem_free) char *key = t->rcpt_limit == 1 ? mem_printf("%s %s", nexthop, rcpt) : mem_strdup(nexthop);
	struct dest *d = map_get(t->dests, key);

	if (d != NULL)
		return d;
	d = NEW(struct dest);
	d->transport = t;
	d->key = mem_strdup(key);
	d->nexthop = mem_strdup(nexthop);
	d->window = (double)t->window_first;
	d->credit = (double)t->slot_loan;
	list_init(&d->peers);
	map_put(t->dests, key, d);
	return d;
}

void
dest_free_if_idle(struct dest *d)
{
	if (!list_is_empty(&d->peers) || d->busy > 0 || d->is_dead || d->is_pausing)
		return;
	ASSERT(d->candidate == NULL);
	task_timer_stop(&d->timer);
	map_del(d->transport->dests, d->key);
	mem_free(&d->key);
	mem_free(&d->nexthop);
	mem_free(&d);
}

/* ---- waiting recipients */
static size_t
deliveries(const struct transport *t, const struct message *m, size_t n)
{
	size_t limit = m->env.verp[0] != '\0' ? 1 : t->rcpt_limit > 0 ? (size_t)t->rcpt_limit : 1000;

	return (n + limit - 1) / limit;
}

static struct peer *
peer_get(struct dest *d, struct message *m)
{
	struct peer *p;

	if (!list_is_empty(&d->peers)) {
		p = LIST_ITEM(d->peers.prev, struct peer, of_dest);
		if (p->job->message == m)
			return p;
	}
	p = pool_alloc(m->rcpt_pool, sizeof(*p));
	p->job = job_get(m, d->transport);
	p->dest = d;
	list_init(&p->in_ready);
	list_append(&d->peers, &p->of_dest);
	p->of_message = m->peers;
	m->peers = p;
	return p;
}

void
dest_add(struct dest *d, struct message *m, const struct qrcpt *r)
{
	struct peer *p = peer_get(d, m);
	size_t before = deliveries(d->transport, m, p->n - p->next), after;

	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 4 : p->cap * 2;
		struct qrcpt *v = pool_alloc_array(m->rcpt_pool, cap, sizeof(*v));

		/* those under way keep the old array, which lives as long as the pool */
		if (p->n > 0)
			memcpy(v, p->rcpts, p->n * sizeof(*v));
		p->rcpts = v;
		p->cap = cap;
	}
	p->rcpts[p->n++] = *r;
	after = deliveries(d->transport, m, p->n - p->next);
	p->job->left += after - before;
	p->job->total += after - before;
	if (p->job->by_size.slot != 0)
		job_update(p->job);
}

/* A reload may have changed the size of deliveries since they were counted. */
static void
job_less(struct job *j, size_t n)
{
	j->left -= n < j->left ? n : j->left;
}

/* ---- who is next */
static struct peer *
choose(const struct dest *d)
{
	const struct transport *t = d->transport;
	struct peer *head = LIST_ITEM(d->peers.next, struct peer, of_dest), *best = head;
	size_t head_left, best_left;
	unsigned looked = 0;

	head_left = best_left = deliveries(t, head->job->message, head->n - head->next);
	if (head_left <= 1 || t->slot_cost == 0)
		return head;
	for (struct list *l = head->of_dest.next; l != &d->peers && looked < LOOK_AHEAD && best_left > 1; l = l->next, looked++) {
		struct peer *p = LIST_ITEM(l, struct peer, of_dest);
		size_t left = deliveries(t, p->job->message, p->n - p->next);

		if (left < best_left) {
			best = p;
			best_left = left;
		}
	}
	if (best != head && !transport_may_preempt(t, d->credit, head->job->total, head_left, best_left))
		best = head;
	return best;
}

static bool
has_room(const struct dest *d)
{
	return !d->is_dead && !d->is_pausing && !d->transport->is_dead && !list_is_empty(&d->peers) && d->busy < d->window;
}

void
dest_update(struct dest *d)
{
	struct peer *old = d->candidate, *next = has_room(d) ? choose(d) : NULL;

	if (old != next && old != NULL) {
		list_remove(&old->in_ready);
		job_update(old->job);
	}
	d->candidate = next;
	if (next != NULL) {
		if (old != next)
			list_append(&next->job->ready, &next->in_ready);
		job_update(next->job);
	}
}

/* Out of the lists; what is left of its recipients is no longer anybody's. */
static void
peer_remove(struct peer *p)
{
	if (p->dest->candidate == p)
		p->dest->candidate = NULL;
	list_remove(&p->in_ready);
	list_remove(&p->of_dest);
}

void
dest_take(struct dest *d, struct peer *p, struct entry *e)
{
	size_t n = transport_chunk(d->transport, p), before = deliveries(d->transport, p->job->message, p->n - p->next), after;
	bool in_turn = d->peers.next == &p->of_dest;
	struct job *j = p->job;

	*e = (struct entry){
		.message = j->message, .transport = d->transport, .dest = d, .rcpts = p->rcpts + p->next, .n = n,
	};
	p->next += n;
	after = deliveries(d->transport, j->message, p->n - p->next);
	job_less(j, before - after);
	if (!in_turn)
		d->credit -= 1;
	else if (d->transport->slot_cost > 0 && d->credit < CREDIT_MAX)
		d->credit += 1 / (double)d->transport->slot_cost;
	d->busy++;
	/* to the end of its job's ready destinations: they take turns */
	list_remove(&p->in_ready);
	d->candidate = NULL;
	if (p->next == p->n)
		peer_remove(p);
	job_update(j);
	dest_update(d);
}

/* ---- the end of a delivery, death and life */
static void
on_pause_end(void *arg)
{
	struct dest *d = arg;
	struct transport *t = d->transport;

	task_timer_stop(&d->timer);
	d->is_pausing = false;
	dest_update(d);
	dest_free_if_idle(d);
	transport_dispatch(t);
}

void
dest_done(struct entry *e)
{
	struct dest *d = e->dest;

	d->busy--;
	if (d->transport->dest_rate_ms > 0 && !d->is_dead && !d->is_pausing) {
		d->is_pausing = true;
		task_timer_stop(&d->timer);
		d->timer = task_timer_start(d->transport->dest_rate_ms, 0, on_pause_end, d);
	}
	dest_update(d);
	dest_free_if_idle(d);
	e->dest = NULL;
}

void
dest_drain(struct dest *d, const char *dsn, const char *reason)
{
	while (!list_is_empty(&d->peers)) {
		struct peer *p = LIST_ITEM(d->peers.next, struct peer, of_dest);
		size_t at = p->next;

		job_less(p->job, deliveries(d->transport, p->job->message, p->n - at));
		p->next = p->n;
		peer_remove(p);
		job_update(p->job);
		plan_retry(p->job->message, p->rcpts + at, p->n - at, dsn, reason);
	}
	dest_free_if_idle(d);
}

static void
on_dead_end(void *arg)
{
	struct dest *d = arg;

	dest_revive(d);
	dest_free_if_idle(d);
}

void
dest_dead(struct dest *d, const char *dsn, const char *reason)
{
	char text[sizeof(d->reason) + 64];

	if (d->is_dead)
		return;
	d->is_dead = true;
	d->is_pausing = false;
	snprintf(d->dsn, sizeof(d->dsn), "%s", dsn[0] != '\0' ? dsn : "4.4.1");
	snprintf(d->reason, sizeof(d->reason), "%s", reason);
	task_timer_stop(&d->timer);
	d->timer = task_timer_start(qm.conf.min_backoff_ms, 0, on_dead_end, d);
	dest_update(d);
	snprintf(text, sizeof(text), "delivery temporarily suspended: %s", d->reason);
	dest_drain(d, d->dsn, text);
}

void
dest_revive(struct dest *d)
{
	if (!d->is_dead)
		return;
	task_timer_stop(&d->timer);
	d->is_dead = false;
	d->window = (double)d->transport->window_first;
	d->success = d->failure = d->failed_cohorts = 0;
	dest_update(d);
}
