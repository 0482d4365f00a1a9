/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent - one delivery: a request to a delivery agent over a standing connection, and what its answer means
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/deliver_report.h"
#include "qmgr/qmgr.h"

enum {
	TRIES = 30,		/* connections that turn out to be closed before the request was read */
	PATIENT_TRIES = 3,	/* of these, without a pause between them */
	PAUSE_MS = 20,
	STRIKES = 3,		/* agents in a row that break down over a request: the service is out of order */
};

/* RFC-less, but known since qmail: owner-list+user=domain@list for each recipient (XVERP). */
static const char *
verp_sender(const struct message *m, const struct qrcpt *r)
{
	const char *verp = m->env.verp, *from = m->env.sender, *to = r->orig[0] != '\0' ? r->orig : r->addr;
	const char *domain = addr_domain(to);

	if (strlen(verp) != 2 || from[0] == '\0')
		return from;
	return pool_printf(m->rcpt_pool, "%.*s%c%.*s%c%s%s", (int)addr_local_len(from), from, verp[0], (int)addr_local_len(to), to, verp[1],
	    domain != NULL ? domain : "", from + addr_local_len(from));
}

static void
make_request(const struct entry *e, struct deliver_req *req)
{
	const struct message *m = e->message;
	const struct qenv *v = &m->env;

	*req = (struct deliver_req){
		.queue = queue_name_str(QUEUE_ACTIVE), .id = m->item->id, .nexthop = e->dest->nexthop, .encoding = v->encoding,
		.sender = v->verp[0] != '\0' ? verp_sender(m, &e->rcpts[0]) : v->sender, .dsn_envid = v->dsn_envid,
		.log_ident = v->log_ident, .rewrite_context = v->rewrite_context, .flags = m->flags, .dsn_ret = v->dsn_ret,
		.send_options = v->send_options, .content_offset = v->content_offset, .content_size = v->content_size,
		.arrival = v->arrival, .active_time = m->active_time, .handoff_time = clock_wall(), .attrs = v->attrs,
		.n_attrs = v->n_attrs, .rcpts = e->rcpts, .n_rcpts = e->n,
	};
}

enum outcome { ANSWERED, NO_SERVICE, BROKEN };

/* One request over one connection.  1 answered, 0 the request was not read: try another connection, -1. */
static int
ask_once(struct ipc_pool *pool, struct stream *s, struct msg *m, struct deliver_done *done, struct err *err)
{
	int r;

	stream_set_timeout(s, qm.conf.daemon_timeout_ms);
	r = msg_send(s, m, err);
	if (r == 0)
		r = msg_recv(s, m, err);
	if (r == 0)
		r = err_set(err, ERR_EOF, NULL, "closed the connection over a request");
	else if (r > 0)
		r = deliver_decode_done(m, done, err) == 0 ? 1 : -1;
	if (r > 0)
		ipc_pool_put(pool, &s);
	else
		ipc_pool_drop(pool, &s);
	if (r < 0 && (err->sys == ECONNRESET || err->sys == EPIPE))
		return 0;
	return r;
}

static enum outcome
ask(const struct entry *e, struct deliver_done *done, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	struct deliver_req req;

	for (int i = 0; i < TRIES; i++) {
		struct stream *s = ipc_pool_get(e->transport->pool, err);
		int r;

		if (s == NULL)
			return NO_SERVICE;
		make_request(e, &req);
		deliver_encode(&m, &req);
		r = ask_once(e->transport->pool, s, &m, done, err);
		if (r != 0)
			return r > 0 ? ANSWERED : BROKEN;
		if (i >= PATIENT_TRIES && task_sleep(PAUSE_MS, NULL) < 0)
			break;
	}
	return BROKEN;
}

static void
answered(struct entry *e, const struct deliver_done *done)
{
	struct transport *t = e->transport;
	struct dest *d = e->dest;
	bool good = done->reason[0] == '\0';

	t->strikes = 0;
	e->message->n_deferred += (size_t)done->n_deferred;
	dest_feedback(d, good);
	if (!good && t->failed_cohort_limit > 0 && d->failed_cohorts + 1e-6 >= (double)t->failed_cohort_limit)
		dest_dead(d, done->dsn, done->reason);
}

/* The recipients of this delivery go to retry; they stay open. */
static void
not_answered(struct entry *e, enum outcome what, const struct err *err)
{
	struct transport *t = e->transport;
	const char *reason = what == NO_SERVICE ? "mail transport unavailable" : "unknown mail transport error";

	if (what == NO_SERVICE)
		log_warning("connect to transport %s: %s", t->path, err->text);
	else
		log_warning("%s: transport %s: %s", e->message->item->id, t->path, err->text);
	if (what == NO_SERVICE || ++t->strikes >= STRIKES)
		transport_failed(t, "4.3.0", reason);
	plan_retry(e->message, e->rcpts, e->n, "4.3.0", reason);
}

static void
agent_task(void *arg)
{
	struct entry *e = arg;
	struct deliver_done done = { .n_deferred = 0 };
	struct message *m = e->message;
	struct err err = ERR_INIT;
	size_t n = e->n;
	enum outcome what = task_is_cancelled() ? BROKEN : ask(e, &done, &err);

	if (task_is_cancelled()) {	/* the process ends: the file in active says the rest to the next one */
		mem_free(&e);
		return;
	}
	if (what == ANSWERED) {
		answered(e, &done);
	} else {
		not_answered(e, what, &err);
		n = 0;
	}
	transport_done(e);
	mem_free(&e);
	if (n > 0)
		message_back(m, n);
}

void
agent_start(const struct entry *e)
{
	task_start("delivery", agent_task, mem_dup(e, sizeof(*e)));
}

/* ---- deferred by ourselves */
struct self_defer {
	struct message *message;
	const struct qrcpt *rcpts;
	size_t n;
	const char *text;
};

static void
defer_task(void *arg)
{
	struct self_defer *s = arg;
	struct message *m = s->message;
	struct deliver_req req = {
		.id = m->item->id, .flags = m->flags, .arrival = m->env.arrival, .active_time = m->active_time, .handoff_time = clock_wall(),
	};
	struct deliver_ctx ctx = { .req = &req, .bounce = qm.bounce, .resolution = (int)qm.conf.resolution };
	char dsn[12];
	const char *reason = strchr(s->text, ' ');
	struct deliver_outcome o = { .dsn = dsn, .relay = "none", .reason = reason != NULL ? reason + 1 : s->text };
	size_t n = s->n;

	snprintf(dsn, sizeof(dsn), "%.*s", (int)strcspn(s->text, " "), s->text);
	for (size_t i = 0; i < n && !task_is_cancelled(); i++)
		deliver_deferred(&ctx, &s->rcpts[i], &o);
	mem_free(&s);
	if (task_is_cancelled())
		return;
	m->n_deferred += n;
	message_back(m, n);
}

void
agent_defer(struct message *m, const struct qrcpt *rcpts, size_t n, const char *text)
{
	struct self_defer *s = NEW(struct self_defer);
	struct qrcpt *copy = pool_alloc_array(m->rcpt_pool, n, sizeof(*copy));

	memcpy(copy, rcpts, n * sizeof(*copy));
	*s = (struct self_defer){ .message = m, .rcpts = copy, .n = n, .text = text };
	task_start("defer", defer_task, s);
}
