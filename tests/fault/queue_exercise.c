/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_exercise - writes messages into a queue for the tests of this folder, and judges what is left after a crash
 *
 *	queue_exercise write DIR COUNT TASKS	COUNT messages (0: no end) from TASKS tasks; a line "acked ID SUM" for each that is committed,
 *						"gone ID" before one is removed again; committed ones wander on to other queues
 *	queue_exercise check DIR		"whole ID SUM", "being-written ID", "cut ID: why", "WRONG ID: why" for each message found
 *
 * The content of a message follows from a seed in its envelope, so that bytes of another message are noticed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/io.h"
#include "base/log.h"
#include "base/pool.h"
#include "queue/queue.h"
#include "task/task.h"

enum { LINES_MAX = 400, KEEP_EVERY = 3 };

static struct queue *q;
static unsigned long left;
static bool endless;
static unsigned tasks_running;

static uint32_t
next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

static void
say(const char *fmt, const char *id, unsigned seed)
{
	char line[400];
	int n = snprintf(line, sizeof(line), "%s %s %u\n", fmt, id, seed);

	/* one write, so that lines never mix and nothing waits in a buffer when we are killed */
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(1);
}

static size_t
content_line(uint32_t *s, char out[static 128])
{
	size_t n = next_random(s) % 120;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)('a' + next_random(s) % 26);
	return n;
}

static void
put_message(struct qfile *f, uint32_t seed)
{
	uint32_t s = seed;
	unsigned lines = next_random(&s) % LINES_MAX;
	char line[128], size[96];
	off_t content, end;

	qfile_putf(f, REC_SIZE, "%15d %15d %15d %15d %15d %15d", 0, 0, 0, 0, 0, 0);
	qfile_putf(f, REC_TIME, "1795296563 187828");
	qfile_putf(f, REC_ATTR, "seed=%u", seed);
	qfile_putf(f, REC_FROM, "a@example.test");
	qfile_putf(f, REC_RCPT, "b@example.test");
	qfile_put(f, REC_MESG, "", 0);
	content = qfile_tell(f);
	for (unsigned i = 0; i < lines; i++) {
		size_t n = content_line(&s, line);

		qfile_put(f, REC_NORM, line, n);
	}
	end = qfile_tell(f);
	snprintf(size, sizeof(size), "%15lld %15lld %15d %15d %15lld %15d", (long long)(end - content), (long long)content, 1, 0,
	    (long long)(end - content), 0);
	qfile_patch(f, 0, REC_SIZE, size, 95);
	qfile_put(f, REC_XTRA, "", 0);
	qfile_put(f, REC_END, "", 0);
}

static void
wander(const char *id, uint32_t dice, uint32_t seed)
{
	struct err err;

	/* renames are not synced: after a crash it is here or there */
	if (queue_move(q, id, QUEUE_INCOMING, QUEUE_ACTIVE, &err) < 0)
		return;
	if (dice % KEEP_EVERY == 0) {
		(void)!queue_move(q, id, QUEUE_ACTIVE, QUEUE_DEFERRED, &err);
	} else if (dice % KEEP_EVERY == 1) {
		say("gone", id, seed);
		(void)!queue_remove(q, QUEUE_ACTIVE, id, &err);
	}
}

static void
write_task(void *arg)
{
	uint32_t seed = (uint32_t)getpid() * 2654435761U + (uint32_t)(uintptr_t)arg * 40503U + 1;

	while ((endless || left > 0)) {
		AUTO(qfile_free) struct qfile *f = NULL;
		struct err err = ERR_INIT;
		uint32_t this = next_random(&seed);

		if (!endless)
			left--;
		f = qfile_create(q, QUEUE_INCOMING, &err);
		if (f != NULL) {
			put_message(f, this);
			if (qfile_commit(f, false, &err) == 0) {
				say("acked", qfile_id(f), this);
				wander(qfile_id(f), next_random(&seed), this);
				continue;
			}
		}
		say("refused", f != NULL ? qfile_id(f) : "-", this);
		log_warning("%s", err.text);
		if (endless)
			break;
	}
	tasks_running--;
}

static void
start_writers(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	tasks_running = n;
	for (unsigned i = 0; i < n; i++)
		task_start("writer", write_task, (void *)(uintptr_t)(i + 1));
}

/* 0 whole, else the reason why not. */
static const char *
judge_content(struct qfile *f, const struct qenv *env)
{
	const char *text = qenv_attr(env, "seed");
	uint32_t s = text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
	unsigned lines = next_random(&s) % LINES_MAX;
	struct qrec r = { 0 };
	char want[128];

	qfile_seek(f, (off_t)env->content_offset);
	for (unsigned i = 0; i < lines; i++) {
		size_t n = content_line(&s, want);

		if (qfile_next(f, &r, NULL) != 1 || r.type != REC_NORM || r.len != n || memcmp(r.data, want, n) != 0)
			return "content of another message, or none";
	}
	return qfile_next(f, &r, NULL) == 1 && r.type == REC_XTRA ? NULL : "content goes on";
}

static enum queue_name judged;

static bool
judge(void *arg, const char *id)
{
	struct err err = ERR_INIT;
	struct pool *pool = pool_new(4096);
	struct qfile *f = qfile_open(q, judged, id, QFILE_LOCK_NONE, &err);
	struct qstat st;
	struct qenv env;
	const char *why;

	(void)arg;
	if (f == NULL || qfile_stat(f, &st, &err) < 0)
		printf("WRONG %s: %s\n", id, err.text);
	else if (!st.is_ready)
		printf("being-written %s\n", id);
	else if (qenv_read(f, pool, 10, &env, &err) < 0)
		printf("cut %s: %s\n", id, err.text);
	else if ((why = judge_content(f, &env)) != NULL)
		printf("WRONG %s: %s\n", id, why);
	else
		printf("whole %s %s\n", id, qenv_attr(&env, "seed"));
	qfile_free(&f);
	pool_free(&pool);
	return true;
}

static int
check(void)
{
	static const enum queue_name queues[] = { QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < COUNT_OF(queues); i++) {
		judged = queues[i];
		if (queue_scan(q, queues[i], judge, NULL, NULL, &err) < 0)
			fatal("%s", err.text);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	log_init("queue_exercise", "queue_exercise", LOG_TO_STDERR);
	if (argc < 3)
		fatal("usage: queue_exercise write DIR COUNT TASKS | check DIR");
	q = queue_open_dir(argv[2], "deferred", 1, false, &err);
	if (q == NULL)
		fatal("%s", err.text);
	if (strcmp(argv[1], "check") == 0)
		return check();
	left = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	endless = left == 0;
	task_main("start", start_writers, (void *)(uintptr_t)(argc > 4 ? strtoul(argv[4], NULL, 10) : 1));
	queue_free(&q);
	return 0;
}
