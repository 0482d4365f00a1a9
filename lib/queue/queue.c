/* SPDX-License-Identifier: Apache-2.0 */
/* What is where: names of queues, and the calls that go straight to the back end. */
#include "queue/queue.h"

#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "queue/queue_priv.h"

static const char *const names[QUEUE_N] = {
	[QUEUE_MAILDROP] = "maildrop", [QUEUE_INCOMING] = "incoming", [QUEUE_ACTIVE] = "active", [QUEUE_DEFERRED] = "deferred",
	[QUEUE_HOLD] = "hold", [QUEUE_CORRUPT] = "corrupt", [QUEUE_BOUNCE] = "bounce", [QUEUE_DEFER] = "defer",
	[QUEUE_TRACE] = "trace",
};

const char *
queue_name_str(enum queue_name n)
{
	ASSERT(n >= 0 && n < QUEUE_N);
	return names[n];
}

int
queue_name_parse(const char *s)
{
	for (int i = 0; i < QUEUE_N; i++)
		if (strcmp(names[i], s) == 0)
			return i;
	return -1;
}

void
queue_free(struct queue **qp)
{
	int saved = errno;

	if (*qp != NULL) {
		qid_gen_done(&(*qp)->gen);
		(*qp)->ops->free(*qp);
	}
	*qp = NULL;
	errno = saved;
}

/* Ids come from requests and options: one that is none must not become a path. */
static int
check_id(const char *id, struct err *err)
{
	if (queue_id_is_valid(id))
		return 0;
	err_set(err, ERR_PERM, NULL, "bad queue id");
	if (err != NULL)
		err->sys = EINVAL;
	return -1;
}

int
queue_stat(struct queue *q, enum queue_name n, const char *id, struct qstat *st, struct err *err)
{
	return check_id(id, err) < 0 ? -1 : q->ops->stat(q, n, id, st, err);
}

int
queue_move(struct queue *q, const char *id, enum queue_name from, enum queue_name to, struct err *err)
{
	return check_id(id, err) < 0 ? -1 : q->ops->move(q, id, from, to, err);
}

int
queue_set_time(struct queue *q, enum queue_name n, const char *id, int64_t t, struct err *err)
{
	return check_id(id, err) < 0 ? -1 : q->ops->set_time(q, n, id, t, err);
}

int
queue_set_mode(struct queue *q, enum queue_name n, const char *id, mode_t mode, struct err *err)
{
	return check_id(id, err) < 0 ? -1 : q->ops->set_mode(q, n, id, mode, err);
}

int
queue_remove(struct queue *q, enum queue_name n, const char *id, struct err *err)
{
	return check_id(id, err) < 0 ? -1 : q->ops->remove(q, n, id, err);
}

int
queue_scan(struct queue *q, enum queue_name n, queue_scan_fn *fn, queue_scan_fn *odd, void *arg, struct err *err)
{
	return q->ops->scan(q, n, fn, odd, arg, err);
}

uint64_t
queue_change_time(struct queue *q, enum queue_name n)
{
	return q->ops->change_time(q, n);
}
