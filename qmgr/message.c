/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - from a name in incoming or deferred to recipients in memory
 *
 * The file is renamed to active, locked (a lock of somebody else means that an older delivery still runs), read, and closed: the
 * agents lock it for themselves.  Long lists of recipients are read in portions; the next one follows when the last is back.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "address/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "qmgr/qmgr.h"

enum {
	PORTION_MAX = 5000,
	LOCKED_RETRY_S = 60,
	POOL_FIRST = 2048,
	MODE_READY = 0700, MODE_UNTHROTTLE = 0040,
	TRACE_FLAGS = DELIVER_F_VERIFY | DELIVER_F_EXPAND | DELIVER_F_RECORD,
	NOTIFY_SUCCESS = 2,
};

const char *
message_from(const struct message *m)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(ADDR_MAX * 3);

	addr_quote(&b, m->env.sender);
	return pool_strdup(m->pool, b.s);
}

/* Its recipients are known and handed out: the next may be read. */
static void
loaded(struct message *m)
{
	if (!m->is_loading)
		return;
	m->is_loading = false;
	qm.n_loading--;
	feed();
}

void
message_free(struct message *m)
{
	loaded(m);
	qm.n_rcpts -= m->n_loaded;
	pool_free(&m->rcpt_pool);
	pool_free(&m->pool);
	mem_free(&m);
	qm.n_active--;
	feed();
}

/* ---- what can be wrong with a file */

/* Still being delivered by somebody: left alone for a while. */
static void
back_to_incoming(struct message *m, int64_t after_s)
{
	struct item *i = m->item;
	int64_t due = clock_wall_s() + after_s;
	struct err err = ERR_INIT;

	if (queue_set_time(qm.queue, QUEUE_ACTIVE, i->id, due, &err) < 0 ||
	    queue_move(qm.queue, i->id, QUEUE_ACTIVE, QUEUE_INCOMING, &err) < 0) {
		scan_retry(i, &err);
	} else {
		i->where = QUEUE_INCOMING;
		i->is_fresh = false;
		index_wait(i, due);
		scan_wake_at(due);
	}
	message_free(m);
}

static void
to_corrupt(struct message *m, const char *reason)
{
	struct item *i = m->item;
	struct err err = ERR_INIT;

	if (queue_move(qm.queue, i->id, QUEUE_ACTIVE, QUEUE_CORRUPT, &err) == 0)
		log_warning("%s: saved to corrupt: %s", i->id, reason);
	else if (err.sys != ENOENT)
		log_warning("%s: %s; cannot be saved to corrupt: %s", i->id, reason, err.text);
	index_drop(i);
	message_free(m);
}

/* ---- reading */
static size_t
portion_size(void)
{
	size_t limit = (size_t)qm.conf.rcpt_limit, n = limit > qm.n_rcpts ? limit - qm.n_rcpts : 0;

	if (n < (size_t)qm.conf.rcpt_minimum)
		n = (size_t)qm.conf.rcpt_minimum;
	return n < PORTION_MAX ? n : PORTION_MAX;
}

static void
count_portion(struct message *m)
{
	qm.n_rcpts -= m->n_loaded;
	m->n_loaded = m->env.n_rcpts;
	qm.n_rcpts += m->n_loaded;
}

static void
note_flags(struct message *m)
{
	m->flags = m->env.trace_flags & TRACE_FLAGS;
	for (size_t i = 0; i < m->env.n_rcpts; i++)
		if ((m->env.rcpts[i].dsn_notify & NOTIFY_SUCCESS) != 0)
			m->flags |= DELIVER_F_SUCCESS;
}

/* Recipients that are left: those in memory, and as far as the file says those behind them. */
static int64_t
rcpts_left(const struct qenv *e)
{
	int64_t all = e->n_rcpts_hint - (int64_t)e->n_done;

	return e->resume_at != 0 && all > (int64_t)e->n_rcpts ? all : (int64_t)e->n_rcpts;
}

static void
log_active(const struct message *m)
{
	const struct qenv *e = &m->env;

	log_info("%s: from=<%s>, size=%" PRId64 ", nrcpt=%" PRId64 " (queue active)", m->item->id, message_from(m),
	    e->content_length > 0 ? e->content_length : e->content_size, rcpts_left(e));
}

/* Flags of the mode: taken note of, and the one that speaks of this attempt only is cleared. */
static int
read_mode(struct message *m, struct qfile *f, struct err *err)
{
	struct qstat st;

	if (qfile_stat(f, &st, err) < 0)
		return -1;
	if (!st.is_ready)
		return err_set(err, ERR_PERM, NULL, "the file is not complete");
	m->is_forced_expire = st.is_forced_expire;
	m->is_unthrottle = st.is_unthrottle;
	if (st.is_unthrottle &&
	    queue_set_mode(qm.queue, QUEUE_ACTIVE, m->item->id, st.mode & 07777 & ~(mode_t)MODE_UNTHROTTLE, err) < 0)
		return -1;
	return 0;
}

/* 0, -1 with err: ERR_PERM damaged, EWOULDBLOCK locked, anything else trouble of ours. */
static int
read_envelope(struct message *m, struct err *err)
{
	AUTO(qfile_free) struct qfile *f = qfile_open(qm.queue, QUEUE_ACTIVE, m->item->id, QFILE_LOCK_EXCLUSIVE, err);

	if (f == NULL || read_mode(m, f, err) < 0)
		return -1;
	/* a forced expiry needs what the last attempt said */
	if (!m->item->is_fresh && !m->is_forced_expire && dlog_remove(qm.queue, QUEUE_DEFER, m->item->id, err) < 0)
		return -1;
	if (qenv_read(f, m->pool, portion_size(), &m->env, err) < 0)
		return -1;
	count_portion(m);
	note_flags(m);
	return 0;
}

static void
cannot_read(struct message *m, const struct err *err)
{
	if (err->sys == EWOULDBLOCK) {
		log_info("%s: skipped, still being delivered", m->item->id);
		back_to_incoming(m, LOCKED_RETRY_S);
	} else if (err->class == ERR_PERM) {
		to_corrupt(m, err->text);
	} else if (err->sys == ENOENT) {	/* deleted meanwhile */
		index_drop(m->item);
		message_free(m);
	} else {
		log_warning("%s: %s", m->item->id, err->text);
		back_to_incoming(m, SCAN_RETRY_S);
	}
}

static void
give_out(struct message *m)
{
	m->n_open = 1;		/* held while planning, so that the last of early answers does not end the turn */
	if (plan(m) < 0)
		return;		/* the process ends */
	loaded(m);
	message_back(m, 1);
}

/* The next portion: no agent works on this message now. */
static int
read_more(struct message *m, struct err *err)
{
	AUTO(qfile_free) struct qfile *f = qfile_open(qm.queue, QUEUE_ACTIVE, m->item->id, QFILE_LOCK_EXCLUSIVE, err);

	if (f == NULL)
		return -1;
	pool_free(&m->rcpt_pool);
	m->rcpt_pool = pool_new(POOL_FIRST);
	list_init(&m->jobs);
	m->peers = NULL;
	if (qenv_more(f, m->rcpt_pool, portion_size(), &m->env, err) < 0)
		return -1;
	count_portion(m);
	return 0;
}

void
message_back(struct message *m, size_t n)
{
	struct err err = ERR_INIT;

	m->n_open -= n;
	if (m->n_open > 0)
		return;
	if (m->env.resume_at == 0) {
		finish(m);
		return;
	}
	if (read_more(m, &err) < 0) {
		if (err.class == ERR_PERM) {
			to_corrupt(m, err.text);
			return;
		}
		log_warning("%s: next recipients: %s", m->item->id, err.text);
		finish_later(m);
		return;
	}
	give_out(m);
}

void
message_load(void *arg)
{
	struct item *i = arg;
	struct message *m = NEW(struct message);
	struct err err = ERR_INIT;
	int r = 0;

	m->item = i;
	m->is_flushed = i->is_flushed;
	i->is_flushed = false;
	list_init(&m->jobs);
	if (i->where != QUEUE_ACTIVE)
		r = queue_move(qm.queue, i->id, i->where, QUEUE_ACTIVE, &err);
	m->active_time = clock_wall();
	m->is_loading = true;
	if (r < 0) {
		scan_retry(i, &err);
		message_free(m);
		return;
	}
	i->where = QUEUE_ACTIVE;
	m->pool = pool_new(POOL_FIRST);
	m->rcpt_pool = pool_new(POOL_FIRST);
	if (read_envelope(m, &err) < 0) {
		cannot_read(m, &err);
		return;
	}
	log_active(m);
	if (m->is_forced_expire) {
		loaded(m);
		finish_forced(m);
	} else {
		give_out(m);
	}
}
