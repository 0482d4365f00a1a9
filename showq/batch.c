/* SPDX-License-Identifier: Apache-2.0 */
/* batch - reads small messages with few system calls */
#include "batch.h"

#include <errno.h>
#include <string.h>

#include "queue/dlog.h"

enum {
	RCPT_LIMIT = 100,
	LOGGED_LIMIT = 32,		/* looked through for each recipient */
	FILE_LIMIT = 4 << 20,
	LOG_LIMIT = 16 << 10,
	POOL_BLOCK = 16 << 10,
};

/* What the logs of one message say. */
struct logged {
	struct dlog_entry *bounce, *defer;
	size_t n_bounce, n_defer;
};

void
batch_init(struct batch *b, struct queue *q, size_t log_limit, const char *empty_address)
{
	b->queue = q;
	b->log_limit = log_limit < LOGGED_LIMIT ? log_limit : LOGGED_LIMIT;
	b->n = b->n_odd = 0;
	b->file = NULL;
	b->pool = pool_new(POOL_BLOCK);
	text_init(&b->text, BATCH_OUT, empty_address);
}

void
batch_done(struct batch *b)
{
	text_done(&b->text);
	qfile_free(&b->file);
	pool_free(&b->pool);
}

void
batch_reset(struct batch *b, enum queue_name where)
{
	b->where = where;
	b->n = b->n_odd = 0;
	strbuf_reset(&b->text.out);
}

static int
read_log(struct batch *b, enum queue_name log, const char *id, struct dlog_entry **list, size_t *n)
{
	int64_t at = 0;

	return dlog_read_part(b->queue, log, id, b->pool, LOG_LIMIT, &at, list, n, NULL) == 0 && *n <= b->log_limit ? 0 : -1;
}

static bool
has_rcpt(const struct dlog_entry *list, size_t n, const char *addr)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].rcpt, addr) == 0)
			return true;
	return false;
}

static void
put(struct batch *b, const char *id, const struct qstat *st, const struct qenv *env, const struct logged *l)
{
	struct text *t = &b->text;

	text_put_message(t, b->where, id, st, env);
	for (size_t i = 0; i < l->n_bounce; i++)
		text_put_recipient(t, l->bounce[i].orig_rcpt, l->bounce[i].rcpt, "bounce", l->bounce[i].reason);
	for (size_t i = 0; i < l->n_defer; i++)
		text_put_recipient(t, l->defer[i].orig_rcpt, l->defer[i].rcpt, "defer", l->defer[i].reason);
	for (size_t i = 0; i < env->n_rcpts; i++) {
		const struct qrcpt *r = &env->rcpts[i];

		if (!has_rcpt(l->bounce, l->n_bounce, r->addr) && !has_rcpt(l->defer, l->n_defer, r->addr))
			text_put_recipient(t, r->orig, r->addr, "", "");
	}
	text_end(t);
}

/* 0 done, -1 to be done by the session. */
static int
list_message(struct batch *b, const char *id)
{
	struct err err = ERR_INIT;
	struct logged l;
	struct qenv env;
	struct qstat st;

	/* gone again, or not complete yet: passed over */
	if (qfile_look(&b->file, b->queue, b->where, id, &st, &err) < 0)
		return err.sys == ENOENT ? 0 : -1;
	if (!st.is_ready)
		return 0;
	if (st.size > FILE_LIMIT || qenv_read(b->file, b->pool, RCPT_LIMIT, &env, &err) < 0 || env.resume_at != 0)
		return -1;
	if (read_log(b, QUEUE_BOUNCE, id, &l.bounce, &l.n_bounce) < 0 || read_log(b, QUEUE_DEFER, id, &l.defer, &l.n_defer) < 0 ||
	    l.n_bounce + l.n_defer > b->log_limit)
		return -1;
	put(b, id, &st, &env, &l);
	return b->text.out.overflow ? -1 : 0;
}

void
batch_run(void *batch)
{
	struct batch *b = batch;

	for (size_t i = 0; i < b->n; i++) {
		size_t start = b->text.out.len;

		pool_reset(b->pool);
		if (list_message(b, b->ids[i]) == 0)
			continue;
		strbuf_cut(&b->text.out, start);
		b->text.out.overflow = false;
		b->odd[b->n_odd].at = start;
		b->odd[b->n_odd++].index = i;
	}
	qfile_free(&b->file);	/* no descriptor is held while the client reads */
}
