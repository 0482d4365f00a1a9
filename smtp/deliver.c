/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver - one request: from destination to destination and from host to host until every recipient has an outcome
 */
#include "smtp.h"

#include <errno.h>
#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strvec.h"

enum { MAX_TRIED = 4 };

/* How far the hunt for a host of one destination has come. */
struct hunt {
	struct delivery *d;
	const struct dest *dest;
	unsigned n_sessions, n_addrs;
	char tried[MAX_TRIED][INET6_ADDRSTRLEN];	/* addresses of idle sessions that were used */
	unsigned n_tried;
};

static void
note_times(struct delivery *d, bool is_reused)
{
	struct timeval now = clock_wall();

	d->ctx->conn_start = is_reused ? now : d->began;
	d->ctx->conn_done = now;
}

/* Use a session for what is left, then keep or close it.  False: it had gone stale. */
static bool
use_session(struct delivery *d, struct session *s)
{
	bool is_good;

	d->ctx->conn_use = s->n_uses;
	is_good = transact(d, s) == 0;
	if (is_good)
		cache_give(d->c, &s);
	else {
		d->ctx->conn_use = 0;
		session_drop(&s);
	}
	return is_good;
}

/* Sessions that are open to the destination or the address already. */
static bool
try_idle(struct hunt *h, const struct smtp_addr *a)
{
	struct delivery *d = h->d;
	struct session *s;

	while ((s = cache_take(d->c, h->dest->key, a, h->dest->port)) != NULL) {
		char addr[INET6_ADDRSTRLEN];

		memcpy(addr, s->addr, sizeof(addr));
		note_times(d, true);
		if (!use_session(d, s))
			continue;
		if (h->n_tried < MAX_TRIED)
			memcpy(h->tried[h->n_tried++], addr, sizeof(addr));
		return true;
	}
	return false;
}

/* One address, or the destination's UNIX socket (NULL).  True when a session came about. */
static bool
try_addr(struct hunt *h, const struct smtp_addr *a)
{
	struct delivery *d = h->d;
	const struct outcome *o = NULL;
	struct session *s;

	if (a != NULL && try_idle(h, a))
		return true;
	if ((s = session_open(d, h->dest, a, &o)) == NULL) {
		note_times(d, false);
		outcome_all(d, o);
		return false;
	}
	if ((o = session_greet(d, s, h->dest, a == NULL || a->is_best)) != NULL) {
		d->ctx->conn_use = 0;
		note_times(d, false);
		outcome_all(d, o);
		session_close(d->c, &s, true);
		return false;
	}
	note_times(d, false);
	(void)use_session(d, s);
	return true;
}

static bool
was_tried(const struct hunt *h, const struct smtp_addr *a)
{
	for (unsigned i = 0; i < h->n_tried; i++)
		if (strcmp(h->tried[i], a->text) == 0)
			return true;
	return false;
}

static void
try_addrs(struct hunt *h, const struct host_list *list)
{
	const struct smtp_conf *c = &h->d->c->conf;

	for (size_t i = 0; i < list->n && h->d->n_left > 0 && !task_is_cancelled(); i++) {
		if (was_tried(h, &list->v[i]))
			continue;
		if (h->n_addrs > 0 || h->n_sessions > 0)
			outcome_log_kept(h->d);
		if (try_addr(h, &list->v[i]) && ++h->n_sessions == (unsigned)c->session_limit && c->session_limit > 0)
			break;
		if (++h->n_addrs == (unsigned)c->addr_limit && c->addr_limit > 0)
			break;
	}
}

/* Look up and try the hosts of a destination.  That there is no such domain is final only when no other destination is left. */
static void
try_dest(struct delivery *d, const struct dest *dest, bool has_more)
{
	struct hunt h = { .d = d, .dest = dest };
	struct host_list *list;
	struct err err = ERR_INIT;

	if (try_idle(&h, NULL)) {
		h.n_sessions++;
		if (d->n_left == 0)
			return;
	}
	if (dest->path != NULL) {
		(void)try_addr(&h, NULL);
		return;
	}
	list = pool_alloc(d->pool, sizeof(*list));
	if (dest_find(d->c, d->pool, dest, list, &err) == 0) {
		try_addrs(&h, list);
		return;
	}
	/* A domain that takes no mail does not take it by way of others either. */
	note_times(d, false);
	if (has_more && strcmp(err.dsn, "5.1.0") != 0)
		err.dsn[0] = '4';
	outcome_all(d, outcome_new(d, NULL, true, err.dsn, "%s", err.text));
}

static void
run_dests(struct delivery *d)
{
	AUTO(strvec_done) struct strvec specs = STRVEC_INIT(MAX_DESTS);
	struct client *c = d->c;
	size_t n_own;

	(void)!strvec_split(&specs, d->req->nexthop, ", \t\r\n");
	n_own = specs.n;
	(void)!strvec_split(&specs, c->conf.fallback_relay, ", \t\r\n");
	for (size_t i = 0; i < specs.n && d->n_left > 0 && !task_is_cancelled(); i++) {
		struct err err = ERR_INIT;
		struct dest dest;

		if (i > 0)
			outcome_log_kept(d);
		if (dest_parse(c, d->pool, specs.v[i], &dest, &err) < 0) {
			outcome_all(d, outcome_new(d, NULL, false, err.dsn, "%s", err.text));
			continue;
		}
		dest.is_fallback = i >= n_own;
		cache_load_begin(c, dest.key);
		try_dest(d, &dest, i + 1 < specs.n);
		cache_load_end(c, dest.key);
	}
}

static void
delivery_init(struct delivery *d, struct client *c, struct deliver_ctx *ctx)
{
	const struct deliver_req *req = ctx->req;

	*d = (struct delivery){ .c = c, .req = req, .ctx = ctx, .pool = req->pool, .n_rcpts = req->n_rcpts, .n_left = req->n_rcpts,
		.began = clock_wall() };
	d->rcpts = pool_alloc_array(d->pool, req->n_rcpts + 1, sizeof(*d->rcpts));
	for (size_t i = 0; i < req->n_rcpts; i++)
		d->rcpts[i].r = &req->rcpts[i];
}

void
deliver_request(struct client *c, struct deliver_ctx *ctx)
{
	struct err err = ERR_INIT;
	struct delivery d;
	const char *why;

	delivery_init(&d, c, ctx);
	if ((why = tls_obstacle(c, d.pool, d.req->nexthop)) != NULL)
		outcome_all(&d, outcome_new(&d, NULL, true, "4.7.4", "%s", why));
	else if (generic_envelope(&d, &err) < 0) {
		log_warning("%s: %s_generic_maps lookup error: %s", d.req->id, client_kind(c), err.text);
		outcome_all(&d, outcome_new(&d, NULL, false, "4.3.0", "%s_generic_maps lookup error", client_kind(c)));
	} else
		run_dests(&d);
	outcome_finish(&d);
}
