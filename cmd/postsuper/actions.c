/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delete, hold, release, requeue, expire: single messages, lists from standard input, all of a queue.
 *
 * All of it works beside a running queue manager: messages are renamed or removed as wholes, who has one open goes on with it, and the
 * queue manager sees by the times of its directories that something changed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "postsuper.h"
#include "queue/dlog.h"

enum { LINE_MAX_BYTES = 1024, MOVING_TRIES = 2 };

/* Which queues an operation looks into when none is named, and which it may touch at all. */
static const struct {
	unsigned dflt, allowed;
} reach[OP_N] = {
#define Q(n) (1U << QUEUE_##n)
	[OP_REQUEUE] = { Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED), Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED) },
	[OP_DELETE] = { Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED),
	    Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED) | Q(MAILDROP) },
	[OP_EXPIRE] = { Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED), Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED) },
	[OP_EXPIRE_RELEASE] = { Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED), Q(HOLD) | Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED) },
	[OP_HOLD] = { Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED), Q(INCOMING) | Q(ACTIVE) | Q(DEFERRED) },
	[OP_RELEASE] = { Q(HOLD), Q(HOLD) },
};
/* A message on its way moves from the first to the last of these. */
static const enum queue_name order[] = { QUEUE_MAILDROP, QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD };

static bool
in_reach(const struct super *s, enum op op, enum queue_name n, bool all)
{
	unsigned set = reach[op].dflt;

	if (s->any_named)
		return s->named[n] && (reach[op].allowed & 1U << n) != 0;
	if (all && op == OP_DELETE)
		set = reach[op].allowed;
	return (set & 1U << n) != 0;
}

/* 1 done, 0 it is not (any more) there, -1 said why not. */
static int
outcome(const struct err *err, const char *what, const char *id)
{
	if (err->sys == ENOENT)
		return 0;
	log_warning("%s: %s: %s", id, what, err->text);
	return -1;
}

static void
said(const struct super *s, const char *id, const char *what)
{
	if (!s->quiet)
		log_info("%s: %s", id, what);
}

static int
delete(struct super *s, enum queue_name n, const char *id)
{
	struct err err = ERR_INIT;

	if (n != QUEUE_MAILDROP && (dlog_remove(s->q, QUEUE_BOUNCE, id, &err) < 0 || dlog_remove(s->q, QUEUE_DEFER, id, &err) < 0 ||
	    dlog_remove(s->q, QUEUE_TRACE, id, &err) < 0))
		log_warning("%s: %s", id, err.text);
	if (queue_remove(s->q, n, id, &err) < 0)
		return outcome(&err, "remove", id);
	said(s, id, "removed");
	s->deleted++;
	return 1;
}

static int
requeue(struct super *s, enum queue_name n, const char *id)
{
	struct err err = ERR_INIT;

	if (queue_set_mode(s->q, n, id, 0700, &err) < 0 || queue_set_time(s->q, n, id, clock_wall_s(), &err) < 0 ||
	    queue_move(s->q, id, n, QUEUE_MAILDROP, &err) < 0)
		return outcome(&err, "requeue", id);
	said(s, id, "requeued");
	s->requeued++;
	return 1;
}

static int
hold(struct super *s, enum queue_name n, const char *id)
{
	struct err err = ERR_INIT;

	if (queue_move(s->q, id, n, QUEUE_HOLD, &err) < 0)
		return outcome(&err, "hold", id);
	said(s, id, "placed on hold");
	s->held++;
	return 1;
}

static int
release(struct super *s, enum queue_name n, const char *id)
{
	struct err err = ERR_INIT;

	if (queue_move(s->q, id, n, QUEUE_DEFERRED, &err) < 0)
		return outcome(&err, "release", id);
	said(s, id, "released from hold");
	s->released++;
	return 1;
}

static int
expire(struct super *s, enum queue_name n, const char *id, const struct qstat *st)
{
	struct err err = ERR_INIT;

	if (st->is_forced_expire)
		return 1;
	if (queue_set_mode(s->q, n, id, st->mode | 0010, &err) < 0)
		return outcome(&err, "expire", id);
	said(s, id, "expired");
	s->expired++;
	return 1;
}

static int
apply(struct super *s, enum op op, enum queue_name n, const char *id)
{
	struct err err = ERR_INIT;
	struct qstat st;
	int r;

	if (queue_stat(s->q, n, id, &st, &err) < 0)
		return err.sys == ENOENT ? 0 : -1;
	if (!st.is_ready)	/* still being written: its writer would acknowledge what we took away */
		return 0;
	switch (op) {
	case OP_REQUEUE:
		return requeue(s, n, id);
	case OP_DELETE:
		return delete(s, n, id);
	case OP_EXPIRE:
		return expire(s, n, id, &st);
	case OP_EXPIRE_RELEASE:
		r = expire(s, n, id, &st);
		return r == 1 && n == QUEUE_HOLD ? release(s, n, id) : r;
	case OP_HOLD:
		return hold(s, n, id);
	case OP_RELEASE:
		return release(s, n, id);
	case OP_N:
		break;
	}
	return 0;
}

static void
by_id(struct super *s, enum op op, const char *id)
{
	if (!queue_id_is_valid(id)) {
		log_warning("invalid mail queue id: %s", id);
		return;
	}
	for (int i = 0; i < MOVING_TRIES; i++)
		for (size_t k = 0; k < COUNT_OF(order); k++)
			if (in_reach(s, op, order[k], false) && apply(s, op, order[k], id) != 0)
				return;
}

struct sweep {
	struct super *s;
	enum op op;
	enum queue_name n;
};

static bool
sweep_one(void *arg, const char *id)
{
	struct sweep *w = arg;

	apply(w->s, w->op, w->n, id);
	return true;
}

static void
by_wildcard(struct super *s, enum op op)
{
	for (size_t k = 0; k < COUNT_OF(order); k++) {
		struct sweep w = { .s = s, .op = op, .n = order[k] };
		struct err err = ERR_INIT;

		if (!in_reach(s, op, order[k], true))
			continue;
		if (queue_scan(s->q, order[k], sweep_one, NULL, &w, &err) < 0 && err.sys != ENOENT)
			log_warning("%s", err.text);
	}
}

/* One line, one id; a line too long is none. */
static void
by_stdin(struct super *s)
{
	char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *nl = strchr(line, '\n');

		if (nl != NULL)
			*nl = '\0';
		for (int op = 0; op < OP_N; op++)
			if (s->from_stdin[op])
				by_id(s, (enum op)op, line);
	}
}

/* Logs whose message is gone. */
static bool
orphan_one(void *arg, const char *id)
{
	struct sweep *w = arg;
	struct err err = ERR_INIT;
	struct qstat st;

	for (int i = 0; i < MOVING_TRIES; i++)
		for (size_t k = 0; k < COUNT_OF(order); k++)
			if (queue_stat(w->s->q, order[k], id, &st, &err) == 0 || err.sys != ENOENT)
				return true;
	if (dlog_remove(w->s->q, w->n, id, &err) < 0)
		log_warning("%s: %s", id, err.text);
	return true;
}

static void
remove_orphans(struct super *s)
{
	static const enum queue_name logs[] = { QUEUE_BOUNCE, QUEUE_DEFER, QUEUE_TRACE };

	for (size_t i = 0; i < COUNT_OF(logs); i++) {
		struct sweep w = { .s = s, .n = logs[i] };
		struct err err = ERR_INIT;

		if (queue_scan(s->q, logs[i], orphan_one, NULL, &w, &err) < 0 && err.sys != ENOENT)
			log_warning("%s", err.text);
	}
}

void
actions_run(struct super *s)
{
	bool any = false;

	for (int op = 0; op < OP_N; op++)
		any = any || s->from_stdin[op];
	for (size_t i = 0; i < s->ids.n; i++)
		by_id(s, (enum op)(s->ids.v[i][0] - '0'), s->ids.v[i] + 1);
	if (any)
		by_stdin(s);
	s->quiet = true;
	for (int op = 0; op < OP_N; op++)
		if (s->all[op])
			by_wildcard(s, (enum op)op);
	if (s->all[OP_DELETE] && !s->any_named)
		remove_orphans(s);
}
