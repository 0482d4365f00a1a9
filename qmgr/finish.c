/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finish - the end of a message's turn: reports are asked for, then the file is removed, or deferred until its next attempt
 *
 * Trouble with a report keeps the message in the queue; its records lie in bounce/ or trace/ and are found again at the next turn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "qmgr/qmgr.h"

enum { SMTPUTF8_BITS = 1, WARN_TEXT = 32, LOGGED_MAX = 1000000, PORTION = 5000 };

static bool
has_log(const struct message *m, enum queue_name log)
{
	struct qstat st;

	return queue_stat(qm.queue, log, m->item->id, &st, NULL) == 0;
}

static int
report(struct message *m, unsigned request, const char *what)
{
	struct bounce_msg b = {
		.queue = queue_name_str(QUEUE_ACTIVE), .id = m->item->id, .encoding = m->env.encoding, .sender = m->env.sender,
		.dsn_envid = m->env.dsn_envid, .dsn_ret = m->env.dsn_ret, .smtputf8 = m->env.send_options & SMTPUTF8_BITS,
	};
	struct err err = ERR_INIT;

	if (bounce_report(qm.bounce, request, &b, &err) == 0)
		return 0;
	if (!task_is_cancelled())
		log_warning("%s: %s service: %s", m->item->id, what, err.text);
	return -1;
}

static void
mark(struct message *m, off_t at, int type)
{
	AUTO(qfile_free) struct qfile *f = NULL;
	struct err err = ERR_INIT;

	if (at < 0)
		return;
	f = qfile_open(qm.queue, QUEUE_ACTIVE, m->item->id, QFILE_LOCK_NONE, &err);
	if (f == NULL || qfile_mark(f, at, type, &err) < 0)
		log_warning("%s: mark: %s", m->item->id, err.text);
}

/* The warning is sent once: its time is overwritten by -1, in the same width. */
static void
mark_warned(struct message *m)
{
	AUTO(qfile_free) struct qfile *f = NULL;
	struct err err = ERR_INIT;
	struct qrec rec;
	char text[WARN_TEXT];

	f = qfile_open(qm.queue, QUEUE_ACTIVE, m->item->id, QFILE_LOCK_NONE, &err);
	if (f != NULL) {
		qfile_seek(f, m->env.warn_at);
		if (qfile_next(f, &rec, &err) == 1 && rec.len > 1 && rec.len < sizeof(text)) {
			int width = (int)rec.len;

			snprintf(text, sizeof(text), "%*d", width, -1);
			if (qfile_overwrite(f, m->env.warn_at, REC_WARN, text, (size_t)width, &err) == 0)
				return;
		}
	}
	log_warning("%s: the time of the delay notice cannot be cleared: %s", m->item->id, err.text);
}

/* ---- the two ends */
static void
done_with(struct message *m)
{
	struct err err = ERR_INIT;

	if (queue_remove(qm.queue, QUEUE_ACTIVE, m->item->id, &err) < 0 && err.sys != ENOENT) {
		log_warning("%s: %s", m->item->id, err.text);
		finish_later(m);
		return;
	}
	log_info("%s: removed", m->item->id);
	index_drop(m->item);
	message_free(m);
}

/* The time since the message was made, within the limits: so it doubles from attempt to attempt. */
static int64_t
next_attempt(const struct message *m)
{
	int64_t now = clock_wall_s(), min = (int64_t)(qm.conf.min_backoff_ms / 1000), max = (int64_t)(qm.conf.max_backoff_ms / 1000);
	int64_t wait = now - m->env.create_time;

	if (m->env.create_time <= 0 || wait < min)
		wait = min;
	return now + (wait > max ? (max > min ? max : min) : wait);
}

static void
gone(struct message *m)
{
	index_drop(m->item);
	message_free(m);
}

void
finish_later(struct message *m)
{
	struct item *i = m->item;
	int64_t due = next_attempt(m);
	struct err err = ERR_INIT;
	struct qstat st;

	if (queue_stat(qm.queue, QUEUE_ACTIVE, i->id, &st, &err) == 0 && !st.is_ready) {
		/* an agent found it damaged and said so by its mode */
		if (queue_move(qm.queue, i->id, QUEUE_ACTIVE, QUEUE_CORRUPT, &err) == 0)
			log_warning("%s: saved to corrupt: a delivery agent found it damaged", i->id);
		gone(m);
		return;
	}
	if (queue_set_time(qm.queue, QUEUE_ACTIVE, i->id, due, &err) < 0 ||
	    queue_move(qm.queue, i->id, QUEUE_ACTIVE, QUEUE_DEFERRED, &err) < 0) {
		scan_retry(i, &err);
		message_free(m);
		return;
	}
	i->where = QUEUE_DEFERRED;
	i->is_fresh = false;
	index_wait(i, due);
	message_free(m);
}

/* ---- expiry */
static bool
is_expired(const struct message *m)
{
	uint64_t limit_ms = m->env.sender[0] == '\0' ? qm.conf.bounce_lifetime_ms : qm.conf.lifetime_ms;

	return clock_wall_s() >= m->env.create_time + (int64_t)(limit_ms / 1000);
}

static int
by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Offsets of the recipients that the defer log speaks of, sorted. */
static int
read_logged(struct message *m, struct pool *pool, int64_t **offsets, size_t *n, struct err *err)
{
	struct dlog_entry *entries;

	if (dlog_read(qm.queue, QUEUE_DEFER, m->item->id, pool, &entries, n, LOGGED_MAX, err) < 0)
		return -1;
	*offsets = pool_alloc_array(pool, *n + 1, sizeof(**offsets));
	for (size_t i = 0; i < *n; i++)
		(*offsets)[i] = entries[i].offset;
	qsort(*offsets, *n, sizeof(**offsets), by_number);
	return 0;
}

static int
record_expired(struct message *m, const struct qrcpt *r, const char *dsn, const char *reason, struct err *err)
{
	struct dlog_entry e = {
		.rcpt = r->addr, .orig_rcpt = r->orig, .dsn_orcpt = r->dsn_orcpt, .offset = r->offset, .dsn_notify = r->dsn_notify,
		.status = dsn, .action = "delayed", .diag_type = "", .diag_text = "", .mta_type = "", .mta_name = "", .reason = reason,
	};

	return bounce_append(qm.bounce, QUEUE_DEFER, m->item->id, &e, err);
}

/*
 * The report of expiry is made from the defer log.  A recipient that is open and not in it (the record was lost, or there was no
 * attempt) is added first: none may vanish with the file.
 */
static int
add_missing(struct message *m, const char *dsn, const char *reason, struct err *err)
{
	AUTO(qfile_free) struct qfile *f = qfile_open(qm.queue, QUEUE_ACTIVE, m->item->id, QFILE_LOCK_NONE, err);
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	struct qenv env;
	int64_t *offsets;
	size_t n;

	if (f == NULL || read_logged(m, pool, &offsets, &n, err) < 0 || qenv_read(f, pool, PORTION, &env, err) < 0)
		return -1;
	for (;;) {
		for (size_t i = 0; i < env.n_rcpts; i++) {
			int64_t at = env.rcpts[i].offset;

			if (bsearch(&at, offsets, n, sizeof(at), by_number) == NULL && record_expired(m, &env.rcpts[i], dsn, reason, err) < 0)
				return -1;
		}
		if (env.resume_at == 0)
			return 0;
		if (qenv_more(f, pool, PORTION, &env, err) < 0)
			return -1;
	}
}

static int
expire(struct message *m, const char *status, const char *dsn, const char *reason)
{
	struct err err = ERR_INIT;

	if (add_missing(m, dsn, reason, &err) < 0) {
		if (!task_is_cancelled())
			log_warning("%s: expiry: %s", m->item->id, err.text);
		return -1;
	}
	log_info("%s: from=<%s>, status=%s, returned to sender", m->item->id, message_from(m), status);
	return report(m, BOUNCE_EXPIRE, "bounce");
}

/* Returned without another attempt: with the reasons of the last one, where it left any. */
void
finish_forced(struct message *m)
{
	int r = 0;

	if (m->env.n_rcpts > 0)
		r = expire(m, "force-expired", "4.7.0", "message is administratively expired");
	if (task_is_cancelled())
		return;
	m->env.resume_at = 0;
	if (r == 0)
		finish(m);
	else
		finish_later(m);
}

/* ---- the turn is over */
static int
report_what_happened(struct message *m)
{
	int r = 0;

	if (has_log(m, QUEUE_BOUNCE))
		r = report(m, BOUNCE_FLUSH, "bounce");
	if (r == 0 && has_log(m, QUEUE_TRACE)) {
		r = report(m, BOUNCE_TRACE, "trace");
		if (r == 0 && (m->flags & (DELIVER_F_EXPAND | DELIVER_F_RECORD)) != 0)
			mark(m, m->env.trace_flags_at, REC_KILLED);
	}
	return r;
}

/* 0: nothing is left of it; -1: it stays. */
static int
deal_with_rest(struct message *m)
{
	if (is_expired(m))
		return expire(m, "expired", "4.4.7", "delivery time expired");
	if (m->env.warn_time > 0 && clock_wall_s() >= m->env.warn_time && report(m, BOUNCE_WARN, "delay notice") == 0)
		mark_warned(m);
	return -1;
}

void
finish(struct message *m)
{
	int r = report_what_happened(m);

	if (r == 0 && m->n_deferred > 0)
		r = deal_with_rest(m);
	if (task_is_cancelled())
		return;
	if (r == 0)
		done_with(m);
	else
		finish_later(m);
}
