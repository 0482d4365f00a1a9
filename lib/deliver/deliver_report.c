/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver_report - the log line, the record and the mark of one recipient's outcome
 *
 * Order matters: first the record (a failure that cannot be recorded is a deferral), then the log line, then the mark.
 */
#include "deliver/deliver_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"

enum { LINE_MAX = 4000, NOTIFY_SUCCESS = 2 };

/* ---- delays */
const char *
deliver_delay(int64_t us, int resolution, char buf[static DELIVER_DELAY_SIZE])
{
	int64_t unit = 1, limit = 1;
	int digits;
	size_t n;

	if (us < 0)
		us = 0;
	if (resolution < 0)
		resolution = 0;
	if (resolution > 6)
		resolution = 6;
	for (int i = 0; i < 6 - resolution; i++)
		limit *= 10;
	/* two significant digits: the unit is the power of ten below the leading one */
	while (us / unit >= 100)
		unit *= 10;
	if (unit < limit)
		unit = limit;
	if (unit > 1000000)
		unit = 1000000;
	us = (us + unit / 2) / unit * unit;
	digits = 0;
	for (int64_t u = unit; u < 1000000; u *= 10)
		digits++;
	if (digits == 0) {
		snprintf(buf, DELIVER_DELAY_SIZE, "%" PRId64, us / 1000000);
		return buf;
	}
	n = (size_t)snprintf(buf, DELIVER_DELAY_SIZE, "%" PRId64 ".%0*" PRId64, us / 1000000, digits, us % 1000000 / unit);
	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[n - 1] = '\0';
	return buf;
}

static int64_t
between(const struct timeval *from, const struct timeval *to)
{
	return ((int64_t)to->tv_sec - from->tv_sec) * 1000000 + (to->tv_usec - from->tv_usec);
}

static void
add_delays(struct strbuf *b, const struct deliver_ctx *c)
{
	const struct deliver_req *req = c->req;
	struct timeval now = clock_wall();
	const struct timeval *conn = c->conn_done.tv_sec != 0 ? &c->conn_done : &req->handoff_time;
	char text[DELIVER_DELAY_SIZE];
	int res = c->resolution;

	/* a connection of an earlier request cost this one nothing */
	if (between(&req->handoff_time, conn) < 0)
		conn = &req->handoff_time;
	strbuf_addf(b, ", delay=%s", deliver_delay(between(&req->arrival, &now), res, text));
	strbuf_addf(b, ", delays=%s", deliver_delay(between(&req->arrival, &req->active_time), res, text));
	strbuf_addf(b, "/%s", deliver_delay(between(&req->active_time, &req->handoff_time), res, text));
	strbuf_addf(b, "/%s", deliver_delay(between(&req->handoff_time, conn), res, text));
	strbuf_addf(b, "/%s", deliver_delay(between(conn, &now), res, text));
}

/* ---- the log line */
static void
add_addr(struct strbuf *b, const char *key, const char *addr)
{
	strbuf_addf(b, "%s=<", key);
	addr_quote(b, addr);
	strbuf_adds(b, ">");
}

static void
log_outcome(const struct deliver_ctx *c, const struct qrcpt *r, const char *dsn, const char *relay, const char *status, const char *reason)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(LINE_MAX);

	add_addr(&b, "to", r->addr);
	if (r->orig != NULL && r->orig[0] != '\0' && ascii_casecmp(r->orig, r->addr) != 0) {
		strbuf_adds(&b, ", ");
		add_addr(&b, "orig_to", r->orig);
	}
	strbuf_addf(&b, ", relay=%s", relay != NULL && relay[0] != '\0' ? relay : "none");
	if (c->conn_use > 1)
		strbuf_addf(&b, ", conn_use=%d", c->conn_use);
	add_delays(&b, c);
	if (c->tls != NULL)
		strbuf_addf(&b, ", tls=%s", c->tls);
	strbuf_addf(&b, ", dsn=%s, status=%s", dsn, status);
	log_info("%s: %s (%s)", c->req->id, b.s, reason);
}

/* ---- records and marks */
static struct dlog_entry
entry(const struct qrcpt *r, const struct deliver_outcome *o, const char *dsn, const char *action, const char *reason)
{
	bool has_diag = o->diag_type != NULL && o->diag_text != NULL;

	return (struct dlog_entry){
		.rcpt = r->addr, .orig_rcpt = r->orig != NULL ? r->orig : "", .dsn_orcpt = r->dsn_orcpt != NULL ? r->dsn_orcpt : "",
		.offset = r->offset, .dsn_notify = r->dsn_notify, .status = dsn, .action = action,
		.diag_type = has_diag ? o->diag_type : "", .diag_text = has_diag ? o->diag_text : "",
		.mta_type = o->mta_name != NULL ? "dns" : "", .mta_name = o->mta_name != NULL ? o->mta_name : "",
		.reason = reason,
	};
}

static void
mark(struct deliver_ctx *c, const struct qrcpt *r)
{
	struct err err = ERR_INIT;

	if (c->file != NULL && r->offset > 0 && qfile_mark(c->file, r->offset, REC_DONE, &err) < 0)
		log_warning("%s: cannot mark recipient %s as done: %s", c->req->id, r->addr, err.text);
}

/* With -v each outcome is reported, as "delivery via RELAY: TEXT". */
static int
record_trace(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o, const char *dsn, const char *action)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(LINE_MAX);
	struct err err = ERR_INIT;
	struct dlog_entry e;

	strbuf_addf(&text, "delivery via %s: %s", o->relay != NULL && o->relay[0] != '\0' ? o->relay : "none", o->reason);
	e = entry(r, o, dsn, action, text.s);
	if (bounce_append(c->bounce, QUEUE_TRACE, c->req->id, &e, &err) == 0)
		return 0;
	log_warning("%s: trace service: %s", c->req->id, err.text);
	return -1;
}

static void
left_in_queue(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o, const char *dsn, const char *reason)
{
	struct dlog_entry e = entry(r, o, dsn, "delayed", reason);
	struct err err = ERR_INIT;

	if ((c->req->flags & DELIVER_F_RECORD) != 0)
		(void)record_trace(c, r, o, dsn, "delayed");
	if (bounce_append(c->bounce, QUEUE_DEFER, c->req->id, &e, &err) < 0)
		log_warning("%s: defer service: %s", c->req->id, err.text);
	c->done.n_deferred++;
}

static void
service_failed(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o)
{
	static const char reason[] = "bounce or trace service failure";

	left_in_queue(c, r, o, "4.3.0", reason);
	log_outcome(c, r, "4.3.0", o->relay, "deferred", reason);
}

/* Probes end here whatever came out: nothing is tried again. */
static bool
probe_done(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o, bool good)
{
	const char *status = good ? "deliverable" : "undeliverable";

	if (!deliver_is_probe(c->req))
		return false;
	if ((c->req->flags & DELIVER_F_EXPAND) != 0 && record_trace(c, r, o, o->dsn, status) < 0) {
		service_failed(c, r, o);
		return true;
	}
	log_outcome(c, r, o->dsn, o->relay, status, o->reason);
	mark(c, r);
	return true;
}

void
deliver_sent(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o)
{
	bool report = (c->req->flags & DELIVER_F_RECORD) != 0 || ((r->dsn_notify & NOTIFY_SUCCESS) != 0 && !o->relayed_with_dsn);

	if (probe_done(c, r, o, true))
		return;
	/* delivered is delivered: trouble with the report does not undo it */
	if (report)
		(void)record_trace(c, r, o, o->dsn, o->action != NULL ? o->action : "delivered");
	log_outcome(c, r, o->dsn, o->relay, "sent", o->reason);
	mark(c, r);
}

void
deliver_bounced(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o)
{
	struct err err = ERR_INIT;
	struct dlog_entry e;

	if (probe_done(c, r, o, false))
		return;
	if (c->soft_bounce) {
		char dsn[16];

		snprintf(dsn, sizeof(dsn), "4%s", o->dsn + 1);
		left_in_queue(c, r, o, dsn, o->reason);
		log_outcome(c, r, dsn, o->relay, "SOFTBOUNCE", o->reason);
		return;
	}
	e = entry(r, o, o->dsn, "failed", o->reason);
	if (((c->req->flags & DELIVER_F_RECORD) != 0 && record_trace(c, r, o, o->dsn, "failed") < 0) ||
	    bounce_append(c->bounce, QUEUE_BOUNCE, c->req->id, &e, &err) < 0) {
		if (err.class != ERR_NONE)
			log_warning("%s: bounce service: %s", c->req->id, err.text);
		service_failed(c, r, o);
		return;
	}
	log_outcome(c, r, o->dsn, o->relay, "bounced", o->reason);
	mark(c, r);
}

void
deliver_deferred(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o)
{
	if (probe_done(c, r, o, false))
		return;
	left_in_queue(c, r, o, o->dsn, o->reason);
	log_outcome(c, r, o->dsn, o->relay, "deferred", o->reason);
}

void
deliver_by_dsn(struct deliver_ctx *c, const struct qrcpt *r, const struct deliver_outcome *o)
{
	switch (o->dsn[0]) {
	case '2':
		deliver_sent(c, r, o);
		break;
	case '5':
		deliver_bounced(c, r, o);
		break;
	default:
		deliver_deferred(c, r, o);
		break;
	}
}

void
deliver_dest_dead(struct deliver_ctx *c, const char *dsn, const char *reason)
{
	snprintf(c->done.dsn, sizeof(c->done.dsn), "%s", dsn);
	snprintf(c->done.reason, sizeof(c->done.reason), "%s", reason);
}
