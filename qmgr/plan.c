/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan - each recipient of a portion is resolved and queued at a destination
 *
 * Resolving may wait for tables; handing out, which follows, does not, so that all recipients of a message for one destination come
 * to lie together.
 */
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "qmgr/qmgr.h"
#include "table/table.h"

enum { TRACE_ONLY = DELIVER_F_VERIFY | DELIVER_F_EXPAND, YIELD_EVERY = 64, STALE_CHECK_MS = 1000 };

/* ---- the routing tables: shared by all plans that are being made, replaced when they change */
struct routing {
	struct route *route;
	unsigned refs;
};
static struct {
	struct routing *current;
	uint64_t checked_ms;
	bool is_stale;
} ro;

static void
routing_unref(struct routing *r)
{
	if (--r->refs > 0)
		return;
	route_free(&r->route);
	mem_free(&r);
}

int
plan_open(struct err *err)
{
	struct route *route = route_new(conf_dir(qm.main_cf), err);

	if (route == NULL)
		return -1;
	if (ro.current != NULL)
		routing_unref(ro.current);
	ro.current = NEW(struct routing);
	ro.current->route = route;
	ro.current->refs = 1;
	return 0;
}

static void
check_table(struct table *t)
{
	ro.is_stale |= table_is_stale(t);
}

static struct routing *
routing_get(void)
{
	uint64_t now = task_now_ms();
	struct err err = ERR_INIT;

	if (now - ro.checked_ms >= STALE_CHECK_MS) {
		ro.checked_ms = now;
		ro.is_stale = false;
		route_each_table(ro.current->route, check_table);
		if (ro.is_stale && plan_open(&err) < 0)
			log_warning("a table has changed and cannot be opened, the old one stays in use: %s", err.text);
	}
	ro.current->refs++;
	return ro.current;
}

/* ---- resolving */
struct target {
	const char *transport, *nexthop;
	struct qrcpt rcpt;
};

static void
to_error(struct target *t, const char *transport, const char *text)
{
	t->transport = transport;
	t->nexthop = text;
}

static void
resolve_filter(struct message *m, struct target *t)
{
	const char *domain = addr_domain(t->rcpt.addr);
	const char *dflt = qm.conf.filter_nexthop[0] != '\0' ? qm.conf.filter_nexthop : domain != NULL ? domain : "";

	route_split(m->rcpt_pool, m->env.filter, dflt, &t->transport, &t->nexthop);
}

static void
resolve_one(struct message *m, struct routing *r, struct target *t)
{
	struct route_to to = { .flags = 0 };
	struct err err = ERR_INIT;

	if (t->rcpt.addr[0] == '\0') {
		to_error(t, "error", "5.1.3 null recipient address");
		return;
	}
	if (m->env.filter[0] != '\0' && (m->flags & TRACE_ONLY) == 0) {
		resolve_filter(m, t);
		return;
	}
	if (route_resolve(r->route, m->env.sender, t->rcpt.addr, m->rcpt_pool, &to, &err) < 0 || (to.flags & ROUTE_F_FAIL) != 0) {
		if (!task_is_cancelled())
			log_warning("%s: resolve %s: %s", m->item->id, t->rcpt.addr, err.text);
		to_error(t, "retry", "4.3.0 address resolver failure");
		return;
	}
	if ((to.flags & ROUTE_F_ERROR) != 0) {
		to_error(t, "error", "5.1.3 bad address syntax");
		return;
	}
	t->transport = to.transport;
	t->nexthop = to.nexthop;
	t->rcpt.addr = to.recipient;
}

/* A redirected message has one recipient, and is done with it. */
static size_t
make_targets(struct message *m, struct target **out)
{
	const struct qenv *e = &m->env;
	size_t n = e->redirect[0] != '\0' && e->n_rcpts > 0 ? 1 : e->n_rcpts;
	struct target *t = pool_alloc_array(m->rcpt_pool, n + 1, sizeof(*t));

	for (size_t i = 0; i < n; i++)
		t[i].rcpt = e->rcpts[i];
	if (e->redirect[0] != '\0' && n > 0) {
		t[0].rcpt.addr = e->redirect;
		t[0].rcpt.offset = -1;
		m->env.resume_at = 0;
	}
	*out = t;
	return n;
}

/* ---- handing out */
void
plan_retry(struct message *m, const struct qrcpt *rcpts, size_t n, const char *dsn, const char *reason)
{
	const char *text = pool_printf(m->rcpt_pool, "%s %s", dsn, reason);
	struct transport *t = transport_get("retry");
	struct dest *d;

	if (t->is_dead) {
		agent_defer(m, rcpts, n, text);
		return;
	}
	d = dest_get(t, text, rcpts[0].addr);
	for (size_t i = 0; i < n; i++)
		dest_add(d, m, &rcpts[i]);
	dest_update(d);
	transport_dispatch(t);
}

static void
hand_out(struct message *m, const struct target *g)
{
	struct transport *t = transport_get(g->transport);
	struct dest *d;

	if (t->is_dead && m->is_unthrottle)
		transport_revive(t);
	if (!m->is_flushed && strvec_has(&qm.defer_transports, g->transport)) {
		plan_retry(m, &g->rcpt, 1, "4.3.2", "deferred transport");
		return;
	}
	if (t->is_dead) {
		plan_retry(m, &g->rcpt, 1, t->dsn, t->reason);
		return;
	}
	d = dest_get(t, g->nexthop, g->rcpt.addr);
	if (d->is_dead && m->is_unthrottle)
		dest_revive(d);
	if (d->is_dead)
		plan_retry(m, &g->rcpt, 1, d->dsn, pool_printf(m->rcpt_pool, "delivery temporarily suspended: %s", d->reason));
	else
		dest_add(d, m, &g->rcpt);
}

int
plan(struct message *m)
{
	struct routing *r = routing_get();
	struct target *t;
	size_t n = make_targets(m, &t);

	for (size_t i = 0; i < n && !task_is_cancelled(); i++) {
		resolve_one(m, r, &t[i]);
		if (i % YIELD_EVERY == YIELD_EVERY - 1)
			task_yield();
	}
	routing_unref(r);
	if (task_is_cancelled())
		return -1;
	m->n_open += n;
	for (size_t i = 0; i < n; i++)
		hand_out(m, &t[i]);
	for (struct peer *p = m->peers; p != NULL; p = p->of_message)
		dest_update(p->dest);
	for (struct list *l = m->jobs.next; l != &m->jobs; l = l->next)
		transport_dispatch(LIST_ITEM(l, struct job, of_message)->transport);
	return 0;
}
