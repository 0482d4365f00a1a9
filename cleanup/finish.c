/* SPDX-License-Identifier: Apache-2.0 */
/* finish - the end of a message: committed, refused, thrown away on purpose, or returned to its sender */
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "cleanup/cleanup.h"
#include "deliver/deliver_report.h"

enum { BOUNCE_RCPT_LIMIT = 100000 };

static void
commit(struct message *m)
{
	struct err err = ERR_INIT;

	size_record_end(m);
	if (qfile_commit(m->qf, m->hold, &err) == 0) {
		m->is_committed = !m->hold;
		return;
	}
	log_warning("%s: write queue file: %s", message_id_of(m), err.text);
	message_fail(m, CLEANUP_WRITE, "%s", err.class == ERR_NOSPACE ? "4.3.1 insufficient system storage" : "");
}

/* ---- returning mail to its sender */
/* The line that an agent would write. */
static void
log_bounced(const struct message *m, const struct qrcpt *r, const char *dsn, const char *reason)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(20000);
	struct timeval now = clock_wall();
	int64_t us = (now.tv_sec - m->arrival.tv_sec) * INT64_C(1000000) + now.tv_usec - m->arrival.tv_usec;
	char delay[DELIVER_DELAY_SIZE];

	strbuf_addf(&b, "%s: to=<", message_id_of(m));
	addr_quote(&b, r->addr);
	if (r->orig[0] != '\0' && ascii_casecmp(r->orig, r->addr) != 0) {
		strbuf_adds(&b, ">, orig_to=<");
		addr_quote(&b, r->orig);
	}
	deliver_delay(us > 0 ? us : 0, (int)m->env->c.delay_resolution, delay);
	log_info("%s>, relay=none, delay=%s, delays=%s/0/0/0, dsn=%s, status=bounced (%s)", b.s, delay, delay, dsn, reason);
}

static int
append_one(struct message *m, const struct qrcpt *r, struct err *err)
{
	const struct cleanup_text *t = cleanup_status_text(m->status);
	const char *reason = m->reason[0] != '\0' ? m->reason : "";
	char dsn[12] = "";
	size_t n = strspn(reason, "0123456789.");
	struct dlog_entry e = { .rcpt = r->addr, .orig_rcpt = r->orig, .dsn_orcpt = r->dsn_orcpt, .offset = r->offset,
	    .dsn_notify = r->dsn_notify, .action = "failed", .diag_type = "", .diag_text = "", .mta_type = "", .mta_name = "" };

	if (n >= 5 && n < sizeof dsn && reason[n] == ' ') {
		memcpy(dsn, reason, n);
		e.reason = reason + n + 1;
		e.status = dsn;
	} else {
		e.reason = t->text;
		e.status = t->dsn;
	}
	if (bounce_append(m->env->bounce, QUEUE_BOUNCE, message_id_of(m), &e, err) < 0)
		return -1;
	log_bounced(m, r, e.status, e.reason);
	return 0;
}

static int
report(struct message *m, const struct qenv *q, struct err *err)
{
	struct bounce_msg b = { .queue = queue_name_str(QUEUE_HOLD), .id = message_id_of(m), .encoding = q->encoding,
	    .sender = q->sender, .dsn_envid = q->dsn_envid, .dsn_ret = q->dsn_ret };

	for (size_t i = 0; i < q->n_rcpts; i++) {
		if (append_one(m, &q->rcpts[i], err) < 0)
			return -1;
	}
	return bounce_report(m->env->bounce, BOUNCE_FLUSH, &b, err);
}

static int
report_stored(struct message *m, struct err *err)
{
	AUTO(qfile_free) struct qfile *f = qfile_open(m->env->queue, QUEUE_HOLD, message_id_of(m), QFILE_LOCK_NONE, err);
	struct qenv q;

	if (f == NULL || qenv_read(f, m->pool, BOUNCE_RCPT_LIMIT, &q, err) < 0)
		return -1;
	if (q.n_rcpts == 0)
		return err_set(err, ERR_PERM, NULL, "no recipients");
	return report(m, &q, err);
}

/*
 * The report is made from a stored message: what there is of it is put on hold and removed when the report is in the queue.  When
 * that fails the client keeps the message and is to try again; a crash in between leaves the copy on hold.
 */
static void
return_to_sender(struct message *m)
{
	const char *id = message_id_of(m);
	struct err err = ERR_INIT, ignored = ERR_INIT;
	bool done, stored;

	size_record_end(m);
	stored = qfile_commit(m->qf, true, &err) == 0;
	done = stored && report_stored(m, &err) == 0;
	if (!done) {
		log_warning("%s: return to sender: %s", id, err.text);
		message_fail(m, CLEANUP_DEFER, "4.3.0 bounce service failure");
		(void)!dlog_remove(m->env->queue, QUEUE_BOUNCE, id, &ignored);
	}
	if (stored && queue_remove(m->env->queue, QUEUE_HOLD, id, &err) < 0)
		log_warning("%s: %s", id, err.text);
	if (done)
		m->status = 0;
}

void
message_finish(struct message *m)
{
	struct err err = ERR_INIT;

	if (m->status == 0 && m->n_rcpts == 0)
		message_fail(m, CLEANUP_NO_RCPT, "%s", "");
	if (m->status == 0 && qfile_check(m->qf, &err) < 0) {
		log_warning("%s: write queue file: %s", message_id_of(m), err.text);
		message_fail(m, CLEANUP_WRITE, "%s", err.class == ERR_NOSPACE ? "4.3.1 insufficient system storage" : "");
	}
	if (m->status == 0 && m->discard) {
		log_info("%s: removed (discarded)", message_id_of(m));
		return;
	}
	if (m->status == 0)
		commit(m);
	else if ((m->flags & CLEANUP_BOUNCE_ON_ERROR) != 0 && (m->status & ~STATUS_FOR_GOOD) == 0 && m->n_rcpts > 0 && m->end_offset > 0)
		return_to_sender(m);
}
