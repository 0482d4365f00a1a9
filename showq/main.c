/* SPDX-License-Identifier: Apache-2.0 */
/*
 * showq - lists the queue to who connects: postqueue, mailq, exporters
 *
 * No request is read.  The answer is attribute lists (ipc/attr.h): first the protocol's name, then one list a message, at the end an empty list.  Memory
 * does not grow with the queue: one message at a time, its recipients in portions.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/log.h"
#include "base/map.h"
#include "daemon/daemon.h"
#include "ipc/attr.h"
#include "queue/dlog.h"
#include "queue/queue.h"

enum {
	RCPT_PORTION = 500,
	YIELD_EVERY = 20,	/* messages: reading files takes its time */
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

struct listing {
	struct stream *out;
	enum queue_name queue;
	bool failed;		/* the client is gone */
	unsigned n;
};

static void
put_address(struct listing *l, const char *name, const char *addr)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100000);

	if (addr[0] == '\0')
		strbuf_adds(&b, conf.empty_address);
	else
		addr_quote(&b, addr);
	if (b.cap > 0)
		ascii_printable(b.s, true);
	attr_put(l->out, ATTR_NUL, name, b.s);
}

static void
put_text(struct listing *l, const char *name, const char *text)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100000);

	strbuf_adds(&b, text);
	if (b.cap > 0)
		ascii_printable(b.s, true);
	attr_put(l->out, ATTR_NUL, name, b.s);
}

static void
put_recipient(struct listing *l, const char *orig, const char *addr, const char *log_class, const char *reason)
{
	if (orig != NULL && orig[0] != '\0')
		put_address(l, "original_recipient", orig);
	else
		attr_put(l->out, ATTR_NUL, "original_recipient", "");
	put_address(l, "recipient", addr);
	attr_put(l->out, ATTR_NUL, "log_class", log_class);
	put_text(l, "reason", reason);
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
	for (size_t i = 0; i < n; i++) {
		put_recipient(l, e[i].orig_rcpt, e[i].rcpt, log_class, e[i].reason);
		if (map_count(seen) < (size_t)conf.duplicates)
			(void)map_put(seen, e[i].rcpt, seen);
	}
}

static void
put_rest(struct listing *l, struct qfile *f, struct pool *pool, struct qenv *env, const struct map *seen)
{
	struct err err = ERR_INIT;

	for (;;) {
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
put_message(struct listing *l, struct qfile *f, const char *id, const struct qstat *st, struct pool *pool, struct pool *more)
{
	struct qenv env;
	struct map *seen;
	struct err err = ERR_INIT;

	if (qenv_read(f, pool, RCPT_PORTION, &env, &err) < 0) {
		log_debug("%s: %s", id, err.text);
		return;
	}
	attr_put(l->out, ATTR_NUL, "queue_name", queue_name_str(l->queue));
	attr_put(l->out, ATTR_NUL, "queue_id", id);
	attr_put_num(l->out, ATTR_NUL, "time", env.arrival.tv_sec > 0 ? (int64_t)env.arrival.tv_sec : st->mtime_s);
	attr_put_num(l->out, ATTR_NUL, "size", env.content_size > 0 ? env.content_size : st->size);
	attr_put_num(l->out, ATTR_NUL, "forced_expire", st->is_forced_expire);
	put_address(l, "sender", env.sender != NULL ? env.sender : "");
	seen = map_new();
	put_logged(l, id, QUEUE_BOUNCE, "bounce", more, seen);
	put_logged(l, id, QUEUE_DEFER, "defer", more, seen);
	put_rest(l, f, more, &env, seen);
	map_free(&seen, NULL);
	attr_end(l->out, ATTR_NUL);
}

/* Names that are no messages, or not complete yet, or already gone again, are passed over. */
static bool
on_id(void *arg, const char *id)
{
	struct listing *l = arg;
	struct err err = ERR_INIT;
	struct qstat st;
	AUTO(qfile_free) struct qfile *f = qfile_open(queue, l->queue, id, QFILE_LOCK_NONE, &err);

	if (f != NULL && qfile_stat(f, &st, &err) == 0 && st.is_ready) {
		struct pool *pool = pool_new(4096), *more = pool_new(4096);

		put_message(l, f, id, &st, pool, more);
		pool_free(&pool);
		pool_free(&more);
	}
	if (++l->n % YIELD_EVERY == 0) {
		l->failed = stream_flush(l->out, &err) < 0;
		task_yield();
	}
	return !l->failed;
}

static void
serve(struct daemon_session *s)
{
	static const enum queue_name order[] = { QUEUE_MAILDROP, QUEUE_ACTIVE, QUEUE_INCOMING, QUEUE_DEFERRED, QUEUE_HOLD };
	struct listing l = { .out = s->stream };
	struct err err = ERR_INIT;

	stream_set_timeout(s->stream, conf.ipc_timeout_ms < WRITE_TIMEOUT_MS ? conf.ipc_timeout_ms : WRITE_TIMEOUT_MS);
	attr_put(s->stream, ATTR_NUL, "protocol", "mail_queue_list_protocol");
	attr_end(s->stream, ATTR_NUL);
	for (size_t i = 0; i < COUNT_OF(order) && !l.failed; i++) {
		l.queue = order[i];
		if (queue_scan(queue, order[i], on_id, NULL, &l, &err) < 0 && !l.failed)
			log_warning("queue %s: %s", queue_name_str(order[i]), err.text);
	}
	attr_end(s->stream, ATTR_NUL);
	(void)!stream_flush(s->stream, &err);
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
