/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is told what: RFC 3461 section 5.2 (NOTIFY), the null sender, double bounces, copies to the postmaster.
 *
 * Failure and expiry: the sender hears of recipients whose NOTIFY allows it; a bounce that bounces goes to the postmaster or nowhere, and
 * one that the postmaster does not take is dropped.  Only when what must be told is committed is the log removed; until then the answer is
 * "try later" and the message stays in the queue.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/pool.h"
#include "bounce.h"

enum { DSN_NEVER = 1, DSN_SUCCESS = 2, DSN_FAILURE = 4, DSN_DELAY = 8, TRACE_VERIFY_MASK = 512 | 1024 };
enum { PART_MIN = 32 << 10, PART_MAX = 8 << 20, ROUNDS_MAX = 100000, DSN_RET_HEADERS = 2, REFERENCES_MAX = 4000 };

struct notice {
	unsigned request;
	enum queue_name log;
	const struct bounce_msg *m;
	struct pool *pool;
	struct dlog_entry *entries;
	size_t n;
	size_t *chosen;
	struct qfile *file;
	struct qenv env;
	bool has_env;
	struct report r;
};

static bool
is_chosen(const struct notice *x, const struct dlog_entry *e)
{
	if (e->dsn_notify & DSN_NEVER)
		return x->r.kind == TEMPLATE_VERIFY;
	switch (x->r.kind) {
	case TEMPLATE_FAILURE:
		return e->dsn_notify == 0 || (e->dsn_notify & DSN_FAILURE) != 0;
	case TEMPLATE_DELAY:
		return e->dsn_notify == 0 || (e->dsn_notify & DSN_DELAY) != 0;
	case TEMPLATE_SUCCESS:
		return (e->dsn_notify & DSN_SUCCESS) != 0;
	default:
		return true;
	}
}

static void
choose(struct notice *x, bool all)
{
	x->r.n_chosen = 0;
	for (size_t i = 0; i < x->n; i++)
		if (all || is_chosen(x, &x->entries[i]))
			x->chosen[x->r.n_chosen++] = i;
	x->r.chosen = x->chosen;
}

/* Message-ID and References of the message, for threads. */
static void
read_thread(struct notice *x)
{
	struct strbuf refs = STRBUF_INIT(REFERENCES_MAX), id = STRBUF_INIT(REFERENCES_MAX), *cur = NULL;
	struct qrec rec = { 0 };

	qfile_seek(x->file, (off_t)x->env.content_offset);
	while (qfile_next(x->file, &rec, NULL) == 1 && (rec.type == REC_NORM || rec.type == REC_CONT) && rec.len > 0) {
		const char *v = rec.data;

		if (!ascii_is_blank((unsigned char)*v)) {
			cur = ascii_ncasecmp(v, "message-id:", 11) == 0 ? &id : ascii_ncasecmp(v, "references:", 11) == 0 ? &refs : NULL;
			v += cur == NULL ? 0 : 11;
		}
		if (cur != NULL)
			strbuf_adds(cur, v);
	}
	x->r.message_id = id.len > 0 ? pool_strdup(x->pool, ascii_trim(id.s)) : "";
	x->r.references = refs.len > 0 ? pool_strdup(x->pool, ascii_trim(refs.s)) : "";
	strbuf_done(&refs);
	strbuf_done(&id);
}

/* The message itself.  When it cannot be read the report goes without it.  1 when it is not there at all. */
static int
open_message(struct notice *x)
{
	struct err err = ERR_INIT;
	int n = queue_name_parse(x->m->queue);

	if (n < 0)
		return 1;
	x->file = qfile_open(bounce_queue, (enum queue_name)n, x->m->id, QFILE_LOCK_NONE, &err);
	if (x->file == NULL && err.sys == ENOENT)
		return 1;
	if (x->file == NULL || qenv_read(x->file, x->pool, 0, &x->env, &err) < 0) {
		log_warning("%s: %s", x->m->id, err.text);
		qfile_free(&x->file);
		return 0;
	}
	x->has_env = true;
	if (bounce_conf.threaded)
		read_thread(x);
	return 0;
}

static void
prepare(struct notice *x)
{
	const struct bounce_msg *m = x->m;
	struct report *r = &x->r;

	r->log = x->log;
	r->id = m->id;
	r->sender = m->sender;
	r->envid = m->dsn_envid != NULL ? m->dsn_envid : "";
	r->encoding = m->encoding != NULL ? m->encoding : "";
	r->is_utf8 = (m->smtputf8 & 1) != 0;
	r->file = x->file;
	r->env = &x->env;
	r->entries = x->entries;
	r->arrival_s = x->has_env ? (int64_t)x->env.arrival.tv_sec : 0;
	r->kind = x->request == BOUNCE_WARN ? TEMPLATE_DELAY : TEMPLATE_FAILURE;
	if (x->request == BOUNCE_TRACE)
		r->kind = x->has_env && (x->env.trace_flags & TRACE_VERIFY_MASK) ? TEMPLATE_VERIFY : TEMPLATE_SUCCESS;
	/* RFC 3461 section 6.2: only failures return the content */
	r->headers_only = r->kind != TEMPLATE_FAILURE || m->dsn_ret == DSN_RET_HEADERS ||
	    (x->has_env && x->env.content_length > bounce_conf.size_limit);
}

static int
to_postmaster(struct notice *x, const char *rcpt, bool headers_only)
{
	bool saved = x->r.headers_only;
	int status;

	choose(x, true);
	x->r.to_postmaster = true;
	x->r.to = rcpt;
	x->r.headers_only = saved || headers_only;
	status = report_send(&x->r);
	x->r.headers_only = saved;
	x->r.to_postmaster = false;
	return status;
}

static int
to_sender(struct notice *x)
{
	choose(x, false);
	if (x->r.n_chosen == 0)
		return 0;
	x->r.to = x->r.sender;
	return report_send(&x->r);
}

/* A mailing list's own address for each recipient: one report each. */
static int
to_verp_senders(struct notice *x)
{
	size_t n;

	choose(x, false);
	n = x->r.n_chosen;
	for (size_t i = 0; i < n; i++) {
		const struct dlog_entry *e = &x->entries[x->chosen[i]];

		x->r.to = text_verp(x->pool, x->env.verp, x->m->sender, e->orig_rcpt[0] != '\0' ? e->orig_rcpt : e->rcpt);
		x->r.chosen = &x->chosen[i];
		x->r.n_chosen = 1;
		if (report_send(&x->r) < 0)
			return -1;
	}
	return 0;
}

static bool
is_double_bounce(const char *sender)
{
	const char *dbl = bounce_conf.double_bounce_sender;
	size_t n = strcspn(dbl, "@");

	if (dbl[n] == '@')
		return ascii_casecmp(sender, dbl) == 0;
	return ascii_ncasecmp(sender, dbl, n) == 0 && sender[n] == '@' && ascii_casecmp(sender + n + 1, bounce_conf.myhostname) == 0;
}

static int
report_failure(struct notice *x)
{
	int status;

	if (x->m->sender[0] == '\0') {
		if (!text_is_word_in(bounce_conf.classes, "2bounce"))
			return 0;
		return to_postmaster(x, bounce_conf.double_rcpt, false);
	}
	if (is_double_bounce(x->m->sender)) {
		log_warning("%s: undeliverable postmaster notification discarded", x->m->id);
		return 0;
	}
	status = x->has_env && x->env.verp[0] != '\0' && !bounce_conf.no_verp ? to_verp_senders(x) : to_sender(x);
	/* a copy that fails is logged and no reason to tell the sender twice */
	if (status == 0 && text_is_word_in(bounce_conf.classes, "bounce"))
		(void)!to_postmaster(x, bounce_conf.bounce_rcpt, true);
	return status;
}

static int
report_delay(struct notice *x)
{
	int status = 0;

	if (x->m->sender[0] == '\0' || is_double_bounce(x->m->sender))
		return 0;
	status = to_sender(x);
	if (status == 0 && text_is_word_in(bounce_conf.classes, "delay"))
		(void)!to_postmaster(x, bounce_conf.delay_rcpt, true);
	return status;
}

/* Recipients that were told of are finished: a crash from here on must not tell of them again. */
static void
mark_done(struct notice *x)
{
	struct err err = ERR_INIT;
	struct qfile *f = qfile_open(bounce_queue, (enum queue_name)queue_name_parse(x->m->queue), x->m->id, QFILE_LOCK_SHARED, &err);

	if (f == NULL) {
		if (err.sys != ENOENT)
			log_warning("%s: %s", x->m->id, err.text);
		return;
	}
	for (size_t i = 0; i < x->n; i++) {
		struct qrec rec = { 0 };

		if (x->entries[i].offset <= 0)
			continue;
		/* what a damaged log names need not be a recipient */
		qfile_seek(f, (off_t)x->entries[i].offset);
		if (qfile_next_any(f, &rec, false, NULL) != 1 || rec.type != REC_RCPT || strcmp(rec.data, x->entries[i].rcpt) != 0)
			continue;
		if (qfile_mark(f, (off_t)x->entries[i].offset, REC_DONE, &err) < 0) {
			log_warning("%s: %s", x->m->id, err.text);
			break;
		}
	}
	qfile_free(&f);
}

static int
report(struct notice *x)
{
	prepare(x);
	switch (x->request) {
	case BOUNCE_WARN:
		return report_delay(x);
	case BOUNCE_TRACE:
		return x->m->sender[0] == '\0' ? 0 : to_sender(x);
	default:
		return report_failure(x);
	}
}

/* What was read: 0 told, 1 try later. */
static int
tell(struct notice *x)
{
	x->chosen = pool_alloc_array(x->pool, x->n, sizeof(*x->chosen));
	if (open_message(x) != 0)
		log_warning("%s: no such message in %s: nothing is reported", x->m->id, x->m->queue);
	else if (report(x) < 0)
		return 1;
	else if (x->request == BOUNCE_EXPIRE)
		mark_done(x);
	return 0;
}

/* A report is about as long as the log it is made from, and cleanup takes no message over message_size_limit. */
static size_t
part_size(void)
{
	int64_t most = bounce_conf.message_limit / 2 - bounce_conf.size_limit;

	if (bounce_conf.message_limit == 0 || most > PART_MAX)
		return PART_MAX;
	return most < PART_MIN ? PART_MIN : (size_t)most;
}

/* 1 the log is gone, 0 go on reading at *at, -1 */
static int
round_of(struct notice *x, int64_t *at)
{
	int64_t from = *at;
	struct err err = ERR_INIT;
	int more = dlog_read_part(bounce_queue, x->log, x->m->id, x->pool, part_size(), at, &x->entries, &x->n, &err), gone;

	if (more < 0) {
		log_warning("%s: %s", x->m->id, err.text);
		return -1;
	}
	if (x->n == 0 && *at > from)
		log_warning("%s: no record can be read in %s, %lld bytes", x->m->id, queue_name_str(x->log), (long long)(*at - from));
	if (x->n > 0 && tell(x) != 0)
		return -1;
	if (more == 1)
		return 0;
	if (x->request == BOUNCE_WARN)
		return 1;
	/* an agent that was thought lost may have added a record while we reported: the log goes only when all of it was told */
	gone = dlog_remove_size(bounce_queue, x->log, x->m->id, *at, &err);
	if (gone < 0)
		log_warning("%s: %s", x->m->id, err.text);
	return gone;
}

/* A log of very many recipients is told in several reports. */
int
notify_run(unsigned request, enum queue_name log, const struct bounce_msg *m)
{
	int64_t at = 0;
	int r = 0;

	for (int i = 0; r == 0 && i < ROUNDS_MAX; i++) {
		struct notice x = { .request = request, .log = log, .m = m };

		x.r.message_id = x.r.references = "";
		x.pool = pool_new(16 << 10);
		r = round_of(&x, &at);
		qfile_free(&x.file);
		pool_free(&x.pool);
	}
	return r == 1 ? 0 : 1;
}
