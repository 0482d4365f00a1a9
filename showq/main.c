/* SPDX-License-Identifier: Apache-2.0 */
/*
 * showq - lists the queue to who connects: postqueue, mailq, exporters
 *
 * No request is read.  The answer is attribute lists (text.h): first the protocol's name, then one list a message, at the end an empty list.  Memory
 * does not grow with the queue: a few batches of small messages, the others one at a time with their recipients in portions.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "batch.h"
#include "daemon/daemon.h"
#include "queue/dlog.h"
#include "queue/queue.h"

enum {
	RCPT_PORTION = 500,
	BATCHES = 4,
	SPILL = 512 << 10,	/* above the longest recipient: three values of 100000 bytes and their names */
	WRITE_TIMEOUT_MS = 3600 * 1000,
};

struct showq_conf {
	const char *empty_address;
	int64_t duplicates;
	uint64_t ipc_timeout_ms;
};

static struct showq_conf conf;
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct showq_conf, empty_address, empty_address_recipient),
	CONF_BIND_INT(struct showq_conf, duplicates, duplicate_filter_limit),
	CONF_BIND_TIME(struct showq_conf, ipc_timeout_ms, ipc_timeout),
};
static struct queue *queue;

/* Batches are read ahead in the worker pool while earlier ones go to the client; they are written in the order of the queue. */
struct listing {
	struct stream *out;
	enum queue_name queue;
	bool failed;			/* the client is gone */
	struct batch *batches[BATCHES];
	bool is_running[BATCHES];
	unsigned head, tail;		/* batches filled and written, counted on */
	struct task_cond finished;
	struct text text;		/* of the message that is done in place */
};

struct run {
	struct listing *l;
	unsigned i;
};

static int
spill(struct listing *l)
{
	struct err err = ERR_INIT;

	if (!l->failed && stream_write(l->out, l->text.out.s, l->text.out.len, &err) < 0)
		l->failed = true;
	strbuf_reset(&l->text.out);
	return l->failed ? -1 : 0;
}

static void
put_recipient(struct listing *l, const char *orig, const char *addr, const char *log_class, const char *reason)
{
	text_put_recipient(&l->text, orig, addr, log_class, reason);
	if (l->text.out.len >= SPILL)
		(void)!spill(l);
}

/* Recipients with a reason, in the order of the log; they are remembered, so that they come only once. */
static void
put_logged(struct listing *l, const char *id, enum queue_name log, const char *log_class, struct pool *pool, struct map *seen)
{
	struct dlog_entry *e;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (dlog_read(queue, log, id, pool, &e, &n, (size_t)conf.duplicates, &err) < 0) {
		if (err.sys != ENOENT)
			log_warning("%s: %s log: %s", id, log_class, err.text);
		return;
	}
	for (size_t i = 0; i < n && !l->failed; i++) {
		put_recipient(l, e[i].orig_rcpt, e[i].rcpt, log_class, e[i].reason);
		if (map_count(seen) < (size_t)conf.duplicates)
			(void)map_put(seen, e[i].rcpt, seen);
	}
}

static void
put_rest(struct listing *l, struct qfile *f, struct pool *pool, struct qenv *env, const struct map *seen)
{
	struct err err = ERR_INIT;

	while (!l->failed) {
		for (size_t i = 0; i < env->n_rcpts; i++) {
			const struct qrcpt *r = &env->rcpts[i];

			if (map_get(seen, r->addr) == NULL)
				put_recipient(l, r->orig, r->addr, "", "");
		}
		if (env->resume_at == 0)
			return;
		pool_reset(pool);
		if (qenv_more(f, pool, RCPT_PORTION, env, &err) < 0)
			return;
	}
}

static void
put_message(struct listing *l, struct qfile *f, enum queue_name where, const char *id, const struct qstat *st, struct pool *pool, struct pool *more)
{
	struct qenv env;
	struct map *seen;
	struct err err = ERR_INIT;

	if (qenv_read(f, pool, RCPT_PORTION, &env, &err) < 0) {
		log_debug("%s: %s", id, err.text);
		return;
	}
	text_put_message(&l->text, where, id, st, &env);
	seen = map_new();
	put_logged(l, id, QUEUE_BOUNCE, "bounce", more, seen);
	put_logged(l, id, QUEUE_DEFER, "defer", more, seen);
	put_rest(l, f, more, &env, seen);
	map_free(&seen, NULL);
	text_end(&l->text);
	(void)!spill(l);
}

/* Names that are no messages, or not complete yet, or already gone again, are passed over. */
static void
put_odd(struct listing *l, enum queue_name where, const char *id)
{
	struct err err = ERR_INIT;
	struct qstat st;
	AUTO(qfile_free) struct qfile *f = qfile_open(queue, where, id, QFILE_LOCK_NONE, &err);

	if (f != NULL && qfile_stat(f, &st, &err) == 0 && st.is_ready) {
		struct pool *pool = pool_new(4096), *more = pool_new(4096);

		put_message(l, f, where, id, &st, pool, more);
		pool_free(&pool);
		pool_free(&more);
	}
	task_yield();
}

static void
write_batch(struct listing *l, struct batch *b)
{
	const struct strbuf *t = &b->text.out;
	struct err err = ERR_INIT;
	size_t at = 0;

	for (size_t i = 0; i <= b->n_odd && !l->failed; i++) {
		size_t end = i < b->n_odd ? b->odd[i].at : t->len;

		if (stream_write(l->out, t->s + at, end - at, &err) < 0)
			l->failed = true;
		else if (i < b->n_odd)
			put_odd(l, b->where, b->ids[b->odd[i].index]);
		at = end;
	}
	l->failed = l->failed || stream_flush(l->out, &err) < 0;
}

/* The oldest batch goes out. */
static void
finish_batch(struct listing *l)
{
	unsigned i = l->tail++ % BATCHES;

	while (l->is_running[i]) {
		struct err err = ERR_INIT;

		/* cancelled or not, the job works on our memory */
		if (task_cond_wait(&l->finished, TASK_FOREVER, &err) < 0)
			l->failed = true;
	}
	if (!l->failed)
		write_batch(l, l->batches[i]);
}

static void
run_task(void *arg)
{
	struct run r = *(struct run *)arg;

	mem_free(&arg);
	task_offload(batch_run, r.l->batches[r.i]);
	r.l->is_running[r.i] = false;
	task_cond_broadcast(&r.l->finished);
}

/* The batch that was filled is given to the pool, and the next one made free. */
static void
start_batch(struct listing *l)
{
	unsigned i = l->head++ % BATCHES;
	struct run *r = NEW(struct run);
	struct err err = ERR_INIT;

	*r = (struct run){ .l = l, .i = i };
	l->is_running[i] = true;
	if (task_start_err("batch", run_task, r, &err) == NULL) {
		mem_free(&r);
		task_offload(batch_run, l->batches[i]);
		l->is_running[i] = false;
	}
	if (l->head - l->tail == BATCHES)
		finish_batch(l);
	batch_reset(l->batches[l->head % BATCHES], l->queue);
}

static bool
on_id(void *arg, const char *id)
{
	struct listing *l = arg;
	struct batch *b = l->batches[l->head % BATCHES];

	snprintf(b->ids[b->n++], sizeof(b->ids[0]), "%s", id);
	if (b->n == BATCH_MESSAGES)
		start_batch(l);
	return !l->failed;
}

static void
list_queue(struct listing *l, enum queue_name n)
{
	struct err err = ERR_INIT;

	l->queue = n;
	batch_reset(l->batches[l->head % BATCHES], n);
	if (queue_scan(queue, n, on_id, NULL, l, &err) < 0 && !l->failed)
		log_warning("queue %s: %s", queue_name_str(n), err.text);
	if (l->batches[l->head % BATCHES]->n > 0)
		start_batch(l);
}

static void
serve(struct daemon_session *s)
{
	static const enum queue_name order[] = { QUEUE_MAILDROP, QUEUE_ACTIVE, QUEUE_INCOMING, QUEUE_DEFERRED, QUEUE_HOLD };
	struct listing l = { .out = s->stream };
	struct err err = ERR_INIT;

	stream_set_timeout(s->stream, conf.ipc_timeout_ms < WRITE_TIMEOUT_MS ? conf.ipc_timeout_ms : WRITE_TIMEOUT_MS);
	task_cond_init(&l.finished);
	text_init(&l.text, 2 * SPILL, conf.empty_address);
	for (unsigned i = 0; i < BATCHES; i++) {
		l.batches[i] = NEW(struct batch);
		batch_init(l.batches[i], queue, conf.duplicates > 0 ? (size_t)conf.duplicates : 0, conf.empty_address);
	}
	text_put(&l.text, "protocol", "mail_queue_list_protocol");
	text_end(&l.text);
	(void)!spill(&l);
	for (size_t i = 0; i < COUNT_OF(order) && !l.failed; i++)
		list_queue(&l, order[i]);
	while (l.tail != l.head)
		finish_batch(&l);
	text_end(&l.text);
	if (spill(&l) == 0)
		(void)!stream_flush(s->stream, &err);
	for (unsigned i = 0; i < BATCHES; i++) {
		batch_done(l.batches[i]);
		mem_free(&l.batches[i]);
	}
	text_done(&l.text);
}

static int
pre_jail(struct err *err)
{
	queue = queue_open(daemon_conf(), err);
	return queue != NULL ? 0 : -1;
}

static const struct daemon showq = {
	.name = "showq", .sessions = DAEMON_MANY, .stand_alone = true, .sandbox = "queue-read", .pre_jail = pre_jail, .serve = serve,
	.binds = binds, .n_binds = COUNT_OF(binds), .conf = &conf,
};

int
main(int argc, char **argv)
{
	return daemon_main(&showq, argc, argv);
}
