/* SPDX-License-Identifier: Apache-2.0 */
/* The same tests for both back ends, and Postfix's own files read by ours. */
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/map.h"
#include "base/mem.h"
#include "queue/dlog.h"
#include "queue/queue_dir.h"
#include "queue/queue_priv.h"

struct fixture {
	struct queue *q;
	char dir[64];		/* "": in memory */
	struct pool *pool;
};

static int
setup_mem(void **state)
{
	struct fixture *x = NEW(struct fixture);

	x->q = queue_open_memory();
	x->pool = pool_new(4096);
	*state = x;
	return 0;
}

static int
setup_dir(void **state)
{
	struct fixture *x = NEW(struct fixture);
	struct err err;
	char path[128];

	snprintf(x->dir, sizeof(x->dir), "/tmp/queue_test.XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	for (int i = 0; i < QUEUE_N; i++) {
		snprintf(path, sizeof(path), "%s/%s", x->dir, queue_name_str((enum queue_name)i));
		assert_int_equal(mkdir(path, 0700), 0);
	}
	x->q = queue_open_dir(x->dir, "deferred, defer", 1, false, &err);
	assert_non_null(x->q);
	x->pool = pool_new(4096);
	*state = x;
	return 0;
}

static bool
unlink_one(void *arg, const char *dir, const char *name)
{
	char path[QUEUE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlinkat(queue_dir_fd(arg), path, 0);
	return true;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	if (x->dir[0] != '\0') {
		static const char keys[] = "0123456789ABCDEF_";
		char path[128];

		for (int i = 0; i < QUEUE_N; i++) {
			(void)!queue_dir_walk(x->q, queue_name_str((enum queue_name)i), unlink_one, x->q, NULL);
			for (const char *k = keys; *k != '\0'; k++) {
				snprintf(path, sizeof(path), "%s/%s/%c", x->dir, queue_name_str((enum queue_name)i), *k);
				(void)rmdir(path);
			}
			snprintf(path, sizeof(path), "%s/%s", x->dir, queue_name_str((enum queue_name)i));
			(void)rmdir(path);
		}
		snprintf(path, sizeof(path), "%s/ids", x->dir);
		(void)unlink(path);
		assert_int_equal(rmdir(x->dir), 0);
	}
	queue_free(&x->q);
	pool_free(&x->pool);
	mem_free(&x);
	return 0;
}

/* A message with n recipients, as smtpd's would be, not yet committed. */
static struct qfile *
write_message(struct queue *q, int n, size_t body_lines)
{
	struct err err;
	struct qfile *f = qfile_create(q, QUEUE_INCOMING, &err);
	off_t content;

	assert_non_null(f);
	qfile_putf(f, REC_SIZE, "%15d %15d %15d %15d %15d %15d", 0, 0, 0, 0, 0, 0);
	qfile_putf(f, REC_TIME, "%d %d", 1795296563, 187828);
	qfile_putf(f, REC_ATTR, "create_time=%d", 1795296564);
	qfile_putf(f, REC_ATTR, "log_ident=%s", qfile_id(f));
	qfile_putf(f, REC_FROM, "alice@example.test");
	qfile_putf(f, REC_WARN, "%15d", 1795300000);
	for (int i = 0; i < n; i++) {
		if (i % 2 == 0)
			qfile_putf(f, REC_ATTR, "notify_flags=%d", 6);
		qfile_putf(f, REC_ATTR, "dsn_orig_rcpt=rfc822;o%d@relay.test", i);
		qfile_putf(f, REC_ORCPT, "o%d@relay.test", i);
		qfile_putf(f, REC_RCPT, "r%d@relay.test", i);
	}
	qfile_put(f, REC_MESG, "", 0);
	content = qfile_tell(f);
	for (size_t i = 0; i < body_lines; i++)
		qfile_putf(f, REC_NORM, "line %zu of the content", i);
	qfile_patch(f, 0, REC_SIZE, "", 0);	/* overwritten below: a patch may come twice */
	{
		char size[96];

		snprintf(size, sizeof(size), "%15lld %15lld %15d %15d %15lld %15d", (long long)(qfile_tell(f) - content),
		    (long long)content, n, 0, (long long)(qfile_tell(f) - content), 0);
		qfile_patch(f, 0, REC_SIZE, size, 95);
	}
	qfile_put(f, REC_XTRA, "", 0);
	qfile_put(f, REC_FILTER, "smtp:[10.0.0.1]", 15);
	qfile_put(f, REC_END, "", 0);
	return f;
}

static bool
count_one(void *arg, const char *id)
{
	assert_true(queue_id_is_valid(id));
	++*(int *)arg;
	return true;
}

static int
count(struct queue *q, enum queue_name n)
{
	struct err err;
	int k = 0;

	assert_int_equal(queue_scan(q, n, count_one, NULL, &k, &err), 0);
	return k;
}

static void
test_commit(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 3, 10);
	struct qstat st;
	struct qenv env;
	struct err err;
	char id[300];

	snprintf(id, sizeof(id), "%s", qfile_id(f));
	assert_int_equal(queue_stat(x->q, QUEUE_INCOMING, id, &st, &err), 0);
	assert_false(st.is_ready);
	assert_int_equal(qfile_commit(f, false, &err), 0);
	qfile_free(&f);
	assert_int_equal(queue_stat(x->q, QUEUE_INCOMING, id, &st, &err), 0);
	assert_true(st.is_ready);
	assert_int_equal(st.mode, 0700);
	assert_int_equal(queue_move(x->q, id, QUEUE_INCOMING, QUEUE_ACTIVE, &err), 0);
	f = qfile_open(x->q, QUEUE_ACTIVE, id, QFILE_LOCK_EXCLUSIVE, &err);
	assert_non_null(f);
	assert_int_equal(qenv_read(f, x->pool, 100, &env, &err), 0);
	assert_string_equal(env.sender, "alice@example.test");
	assert_string_equal(env.filter, "smtp:[10.0.0.1]");
	assert_string_equal(env.log_ident, id);
	assert_int_equal(env.n_rcpts, 3);
	assert_string_equal(env.rcpts[1].addr, "r1@relay.test");
	assert_string_equal(env.rcpts[1].orig, "o1@relay.test");
	assert_string_equal(env.rcpts[2].dsn_orcpt, "rfc822;o2@relay.test");
	assert_int_equal(env.rcpts[1].dsn_notify, 0);
	assert_int_equal(env.rcpts[2].dsn_notify, 6);
	assert_int_equal(env.arrival.tv_sec, 1795296563);
	assert_int_equal(env.arrival.tv_usec, 187828);
	assert_int_equal(env.create_time, 1795296564);
	assert_int_equal(env.warn_time, 1795300000);
	/* marks */
	assert_int_equal(qfile_mark(f, env.rcpts[1].offset, REC_DONE, &err), 0);
	assert_int_equal(qfile_overwrite(f, env.warn_at, REC_WARN, "             -1", 15, &err), 0);
	qfile_free(&f);
	f = qfile_open(x->q, QUEUE_ACTIVE, id, QFILE_LOCK_NONE, &err);
	assert_int_equal(qenv_read(f, x->pool, 100, &env, &err), 0);
	assert_int_equal(env.n_rcpts, 2);
	assert_int_equal(env.n_done, 1);
	assert_int_equal(env.warn_time, 0);
	assert_string_equal(env.rcpts[1].addr, "r2@relay.test");
	qfile_free(&f);
	assert_int_equal(queue_remove(x->q, QUEUE_ACTIVE, id, &err), 0);
	assert_int_equal(queue_remove(x->q, QUEUE_ACTIVE, id, &err), -1);
	assert_int_equal(err.sys, ENOENT);
	assert_null(qfile_open(x->q, QUEUE_ACTIVE, id, QFILE_LOCK_NONE, &err));
	assert_int_equal(err.sys, ENOENT);
}

static void
test_abandon(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 1, 30000);	/* more than one buffer */

	assert_int_equal(count(x->q, QUEUE_INCOMING), 1);
	qfile_free(&f);
	assert_int_equal(count(x->q, QUEUE_INCOMING), 0);
}

static void
test_hold(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 1, 1);
	struct qstat st;
	struct err err;

	assert_int_equal(qfile_commit(f, true, &err), 0);
	assert_int_equal(queue_stat(x->q, QUEUE_HOLD, qfile_id(f), &st, &err), 0);
	assert_true(st.is_ready);
	qfile_free(&f);
	assert_int_equal(count(x->q, QUEUE_INCOMING), 0);
	assert_int_equal(count(x->q, QUEUE_HOLD), 1);
}

static void
test_large_content(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 1, 50000), *g;
	struct qrec rec;
	struct err err;
	struct qenv env;
	size_t n = 0;

	assert_int_equal(qfile_commit(f, false, &err), 0);
	g = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_SHARED, &err);
	assert_int_equal(qenv_read(g, x->pool, 10, &env, &err), 0);
	qfile_seek(g, env.content_offset);
	while (qfile_next(g, &rec, &err) == 1 && rec.type == REC_NORM) {
		char want[64];

		snprintf(want, sizeof(want), "line %zu of the content", n++);
		assert_string_equal(rec.data, want);
	}
	assert_int_equal(rec.type, REC_XTRA);
	assert_int_equal(n, 50000);
	qfile_free(&g);
	qfile_free(&f);
}

static void
test_portions(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 25, 1), *g;
	struct qenv env;
	struct err err;
	int seen = 0;

	assert_int_equal(qfile_commit(f, false, &err), 0);
	g = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_NONE, &err);
	assert_int_equal(qenv_read(g, x->pool, 10, &env, &err), 0);
	assert_string_equal(env.filter, "smtp:[10.0.0.1]");
	do {
		for (size_t i = 0; i < env.n_rcpts; i++, seen++) {
			char want[64];

			snprintf(want, sizeof(want), "r%d@relay.test", seen);
			assert_string_equal(env.rcpts[i].addr, want);
			assert_int_equal(env.rcpts[i].dsn_notify, seen % 2 == 0 ? 6 : 0);
			assert_int_equal(strlen(env.rcpts[i].orig), strlen(want));
		}
		assert_int_equal(env.n_rcpts, seen == 25 ? 5 : 10);
		if (env.resume_at == 0)
			break;
		assert_int_equal(qenv_more(g, x->pool, 10, &env, &err), 0);
	} while (env.n_rcpts > 0);
	assert_int_equal(seen, 25);
	/* exactly as many as asked for: nothing is left */
	assert_int_equal(qenv_read(g, x->pool, 25, &env, &err), 0);
	assert_int_equal(env.resume_at, 0);
	qfile_free(&g);
	qfile_free(&f);
}

/* One memory for many messages: nothing of one shows in the next, whatever went wrong between. */
static void
test_look(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 3, 1), *g = write_message(x->q, 2000, 1), *look = NULL;
	struct qenv env;
	struct qstat st;
	struct err err;

	assert_int_equal(qfile_commit(f, false, &err), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(qfile_look(&look, x->q, QUEUE_INCOMING, qfile_id(f), &st, &err), 0);
		assert_true(st.is_ready);
		assert_int_equal(qenv_read(look, x->pool, 5000, &env, &err), 0);
		assert_int_equal(env.n_rcpts, 3);
		assert_int_equal(qfile_mark(look, env.rcpts[0].offset, REC_RCPT, &err) < 0, x->dir[0] != '\0');
		if (i == 1)
			assert_int_equal(qfile_commit(g, false, &err), 0);
		assert_int_equal(qfile_look(&look, x->q, QUEUE_INCOMING, qfile_id(g), &st, &err), 0);
		assert_int_equal(st.is_ready, i > 0);
		if (st.is_ready) {
			assert_int_equal(qenv_read(look, x->pool, 5000, &env, &err), 0);
			assert_int_equal(env.n_rcpts, 2000);
		}
		assert_int_equal(qfile_look(&look, x->q, QUEUE_INCOMING, "NOTHERE", &st, &err), -1);
		assert_int_equal(err.sys, ENOENT);
		assert_int_equal(qfile_look(&look, x->q, QUEUE_INCOMING, "../x", &st, &err), -1);
	}
	qfile_free(&look);
	qfile_free(&g);
	qfile_free(&f);
}

static void
test_locks(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 1, 1), *a, *b;
	struct err err;

	assert_int_equal(qfile_commit(f, false, &err), 0);
	a = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_SHARED, &err);
	b = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_SHARED, &err);
	assert_non_null(a);
	assert_non_null(b);
	qfile_free(&b);
	assert_null(qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_EXCLUSIVE, &err));
	assert_int_equal(err.sys, EWOULDBLOCK);
	qfile_free(&a);
	a = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_EXCLUSIVE, &err);
	assert_non_null(a);
	assert_null(qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_SHARED, &err));
	b = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_NONE, &err);
	assert_non_null(b);
	qfile_free(&b);
	/* a removed message lives on with who has it open */
	assert_int_equal(queue_remove(x->q, QUEUE_INCOMING, qfile_id(f), &err), 0);
	{
		struct qenv env;

		assert_int_equal(qenv_read(a, x->pool, 10, &env, &err), 0);
	}
	qfile_free(&a);
	qfile_free(&f);
}

static void
test_moves(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 1, 1);
	struct qstat st;
	struct err err;
	char id[300], bad[] = "../../etc/passwd";
	uint64_t t0 = queue_change_time(x->q, QUEUE_DEFERRED);

	snprintf(id, sizeof(id), "%s", qfile_id(f));
	assert_int_equal(qfile_commit(f, false, &err), 0);
	qfile_free(&f);
	assert_int_equal(queue_set_time(x->q, QUEUE_INCOMING, id, 1795300000, &err), 0);
	assert_int_equal(queue_move(x->q, id, QUEUE_INCOMING, QUEUE_DEFERRED, &err), 0);
	assert_true(queue_change_time(x->q, QUEUE_DEFERRED) > t0);
	assert_int_equal(queue_stat(x->q, QUEUE_DEFERRED, id, &st, &err), 0);
	assert_int_equal(st.mtime_s, 1795300000);
	assert_int_equal(queue_set_mode(x->q, QUEUE_DEFERRED, id, 0740, &err), 0);
	assert_int_equal(queue_stat(x->q, QUEUE_DEFERRED, id, &st, &err), 0);
	assert_true(st.is_unthrottle && st.is_ready && !st.is_forced_expire);
	assert_int_equal(count(x->q, QUEUE_DEFERRED), 1);
	assert_int_equal(queue_move(x->q, "NOSUCHID0", QUEUE_DEFERRED, QUEUE_HOLD, &err), -1);
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(queue_remove(x->q, QUEUE_DEFERRED, bad, &err), -1);
	assert_int_equal(err.sys, EINVAL);
	assert_null(qfile_open(x->q, QUEUE_DEFERRED, bad, QFILE_LOCK_NONE, &err));
	assert_int_equal(queue_move(x->q, id, QUEUE_DEFERRED, QUEUE_CORRUPT, &err), 0);
	assert_int_equal(count(x->q, QUEUE_CORRUPT), 1);
}

static void
test_dlog(void **state)
{
	struct fixture *x = *state;
	const struct dlog_entry e1 = {
		.rcpt = "bad x@relay.test", .orig_rcpt = "Other@relay.test", .dsn_orcpt = "rfc822;bad@relay.test", .offset = 807,
		.dsn_notify = 4, .status = "5.1.1", .action = "failed", .diag_type = "smtp", .diag_text = "550 5.1.1 no\nsuch",
		.mta_type = "dns", .mta_name = "127.0.12.9", .reason = "host said: recipient=x\r\nstatus=2.0.0",
	}, e2 = { .rcpt = "", .offset = -1, .status = "4.4.1", .action = "delayed", .reason = "r2" };
	struct dlog_entry *l;
	struct err err;
	int64_t at = 0;
	size_t n;

	assert_int_equal(dlog_read(x->q, QUEUE_DEFER, "2DFE0AB4030", x->pool, &l, &n, 100, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(dlog_append(x->q, QUEUE_DEFER, "2DFE0AB4030", &e1, true, &err), 0);
	assert_int_equal(dlog_append(x->q, QUEUE_DEFER, "2DFE0AB4030", &e2, false, &err), 0);
	assert_int_equal(dlog_read(x->q, QUEUE_DEFER, "2DFE0AB4030", x->pool, &l, &n, 100, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(l[0].rcpt, "bad x@relay.test");
	assert_string_equal(l[0].orig_rcpt, "Other@relay.test");
	assert_int_equal(l[0].offset, 807);
	assert_int_equal(l[0].dsn_notify, 4);
	assert_string_equal(l[0].status, "5.1.1");
	assert_string_equal(l[0].diag_text, "550 5.1.1 no?such");
	assert_string_equal(l[0].mta_name, "127.0.12.9");
	assert_string_equal(l[0].reason, "host said: recipient=x??status=2.0.0");
	assert_string_equal(l[1].rcpt, "");
	assert_string_equal(l[1].diag_text, "");
	assert_string_equal(l[1].reason, "r2");
	assert_int_equal(dlog_read(x->q, QUEUE_DEFER, "2DFE0AB4030", x->pool, &l, &n, 1, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(dlog_remove_size(x->q, QUEUE_DEFER, "2DFE0AB4030", 1, &err), 0);
	assert_int_equal(dlog_read_part(x->q, QUEUE_DEFER, "2DFE0AB4030", x->pool, 8 << 20, &at, &l, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(dlog_remove_size(x->q, QUEUE_DEFER, "2DFE0AB4030", at, &err), 1);
	assert_int_equal(dlog_remove_size(x->q, QUEUE_DEFER, "2DFE0AB4030", 0, &err), 1);
	assert_int_equal(dlog_append(x->q, QUEUE_DEFER, "2DFE0AB4030", &e2, false, &err), 0);
	assert_int_equal(dlog_remove(x->q, QUEUE_DEFER, "2DFE0AB4030", &err), 0);
	assert_int_equal(dlog_remove(x->q, QUEUE_DEFER, "2DFE0AB4030", &err), 0);
}

/* A log of a hundred thousand recipients, damaged in the middle: read in parts, only the damaged entry is missing. */
static void
test_dlog_parts(void **state)
{
	struct fixture *x = *state;
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1 << 26);
	struct dlog_entry *l;
	struct err err;
	int64_t at = 0;
	size_t n, total = 0;
	int more, parts = 0;

	for (int i = 0; i < 100000; i++)
		strbuf_addf(&b, "\n<r%d@far.test>: a reason that is not short at all, as reasons are\nrecipient=r%d@far.test\noffset=%d\n"
		    "status=4.4.1\naction=delayed\nreason=a reason that is not short at all, as reasons are\n\n", i, i, 100 + i);
	memset(b.s + b.len / 2, 0, 40);
	assert_int_equal(x->q->ops->log_append(x->q, QUEUE_DEFER, "ABCDEF12", b.s, b.len, &err), 0);
	do {
		more = dlog_read_part(x->q, QUEUE_DEFER, "ABCDEF12", x->pool, 8 << 20, &at, &l, &n, &err);
		assert_true(more >= 0 && n > 0);
		total += n;
		parts++;
	} while (more == 1);
	assert_true(parts > 1 && total >= 99999 && total <= 100000);
	assert_int_equal(at, b.len);
	assert_string_equal(l[n - 1].rcpt, "r99999@far.test");
	assert_int_equal(dlog_remove_size(x->q, QUEUE_DEFER, "ABCDEF12", at, &err), 1);
}

/* No id twice, however often an inode comes back. */
static void
test_ids_unique(void **state)
{
	struct fixture *x = *state;
	struct map *seen = map_new();
	struct err err;

	for (int i = 0; i < 2000; i++) {
		struct qfile *f = qfile_create(x->q, QUEUE_INCOMING, &err);

		assert_non_null(f);
		assert_true(queue_id_is_valid(qfile_id(f)));
		assert_null(map_put(seen, qfile_id(f), x));
		qfile_free(&f);
	}
	map_free(&seen, NULL);
}

/* ---- damage */

static void
damage_check(struct fixture *x, void (*change)(char *bytes, size_t n, size_t *cut), const char *want)
{
	struct qfile *f = write_message(x->q, 2, 2), *g, *h;
	struct strbuf b = STRBUF_INIT(1 << 20);
	struct qstat st;
	struct qenv env;
	struct err err;
	size_t cut;

	assert_int_equal(qfile_commit(f, false, &err), 0);
	assert_int_equal(qfile_stat(f, &st, &err), 0);
	g = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_NONE, &err);
	cut = (size_t)st.size;
	assert_non_null(strbuf_room(&b, cut));
	assert_int_equal(g->q->ops->read_at(g, b.s, cut, 0), cut);
	change(b.s, (size_t)st.size, &cut);
	h = qfile_create(x->q, QUEUE_INCOMING, &err);
	qfile_put_raw(h, b.s, cut);
	assert_int_equal(qfile_commit(h, false, &err), 0);
	qfile_free(&g);
	g = qfile_open(x->q, QUEUE_INCOMING, qfile_id(h), QFILE_LOCK_NONE, &err);
	if (want == NULL) {
		assert_int_equal(qenv_read(g, x->pool, 100, &env, &err), 0);
	} else {
		assert_int_equal(qenv_read(g, x->pool, 100, &env, &err), -1);
		assert_int_equal(err.class, ERR_PERM);
		if (strstr(err.text, want) == NULL)
			fail_msg("wanted \"%s\", got \"%s\"", want, err.text);
	}
	qfile_free(&g);
	qfile_free(&h);
	qfile_free(&f);
	strbuf_done(&b);
}

static void cut_end(char *b, size_t n, size_t *cut) { (void)b; *cut = n - 2; }
static void cut_mid(char *b, size_t n, size_t *cut) { (void)b; *cut = n - 100; }
static void cut_all(char *b, size_t n, size_t *cut) { (void)b; (void)n; *cut = 0; }
static void bad_type(char *b, size_t n, size_t *cut) { (void)n; (void)cut; b[97] = 'Q'; }
static void bad_len(char *b, size_t n, size_t *cut) { (void)n; (void)cut; memset(b + 98, 0xff, 6); }
static void bad_hint(char *b, size_t n, size_t *cut) { (void)n; (void)cut; b[2 + 62] = '6'; b[2 + 61] = '9'; }
static void bad_offset(char *b, size_t n, size_t *cut) { (void)n; (void)cut; b[2 + 30] = '0'; b[2 + 29] = '9'; b[2 + 28] = '9'; }
static void bad_attr(char *b, size_t n, size_t *cut)
{
	char *p = memmem(b, n, "create_time=", 12);

	(void)cut;
	p[11] = '-';
}
static void no_time(char *b, size_t n, size_t *cut) { (void)n; (void)cut; b[97] = 'K'; }
static void far_pointer(char *b, size_t n, size_t *cut)
{
	char *p = memmem(b, n, "W\x0f", 2);

	(void)cut;
	p[0] = 'p';
	memcpy(p + 2, "         999999", 15);
}
static void loop_pointer(char *b, size_t n, size_t *cut)
{
	char *p = memmem(b, n, "W\x0f", 2);

	(void)cut;
	p[0] = 'p';
	memcpy(p + 2, "             97", 15);
}
static void tail(char *b, size_t n, size_t *cut) { (void)b; (void)n; (void)cut; }

static void
test_damage(void **state)
{
	struct fixture *x = *state;

	damage_check(x, tail, NULL);
	damage_check(x, cut_end, "missing end record at offset");
	damage_check(x, cut_mid, "at offset");
	damage_check(x, cut_all, "missing end record at offset 0");
	damage_check(x, bad_type, "unexpected record type 'Q' (81) at offset 97");
	damage_check(x, bad_len, "too many length bits, record type 84, at offset 97");
	damage_check(x, bad_hint, "invalid flags in size record at offset 0");
	damage_check(x, bad_offset, "offset");
	damage_check(x, bad_attr, "bad attribute record at offset 116");
	damage_check(x, no_time, "missing arrival time record");
	damage_check(x, far_pointer, "pointer behind the end of the file at offset");
	damage_check(x, loop_pointer, "at offset");
}

/* ---- Postfix's own files */

static char *
sample_path(const char *name, char *out, size_t n)
{
	const char *slash = strrchr(__FILE__, '/');

	snprintf(out, n, "%.*s/../../tests/data/queue-samples/%s", (int)(slash - __FILE__), __FILE__, name);
	return out;
}

/* Put the bytes of a sample into a queue and read the envelope back. */
static int
sample_read(struct fixture *x, const char *name, struct qenv *env, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1 << 20);
	char path[512];
	struct qfile *f, *g;
	int r;

	assert_int_equal(io_read_file(sample_path(name, path, sizeof(path)), &b, err), 0);
	f = qfile_create(x->q, QUEUE_INCOMING, err);
	qfile_put_raw(f, b.s, b.len);
	assert_int_equal(qfile_commit(f, false, err), 0);
	g = qfile_open(x->q, QUEUE_INCOMING, qfile_id(f), QFILE_LOCK_NONE, err);
	r = qenv_read(g, x->pool, 1000, env, err);
	qfile_free(&g);
	qfile_free(&f);
	return r;
}

static const struct {
	const char *name, *sender, *first;
	size_t n, done;
	const char *error;
} samples[] = {
	{ "01-smtpd-plain", "alice@example.test", "tmp@relay.test", 1, 0, NULL },
	{ "02-partial", "alice@example.test", "tmp1@relay.test", 2, 3, NULL },
	{ "08-milter-headers", "alice@example.test", "tmp@relay.test", 1, 0, NULL },
	{ "20-null-sender", "", "tmp@relay.test", 1, 0, NULL },
	{ "40-maildrop-plain", "user@mx.example.test", NULL, 1, 0, NULL },
	{ "49-incomplete", NULL, NULL, 0, 0, "at offset 8183" },
	{ "64-corrupt-truncated", NULL, NULL, 0, 0, "at offset" },
};

static void
test_samples(void **state)
{
	struct fixture *x = *state;
	AUTO(strbuf_done) struct strbuf idx = STRBUF_INIT(1 << 16);
	char path[512], *line, *save;
	struct err err;
	int n = 0, logs = 0;

	assert_int_equal(io_read_file(sample_path("index", path, sizeof(path)), &idx, &err), 0);
	for (line = idx.s; (save = strchr(line, '\n')) != NULL; line = save + 1) {
		char name[64], *tab;
		struct qenv env;
		int r;

		*save = '\0';
		tab = strchr(line, '\t');
		if (*line == '#' || tab == NULL)
			continue;
		snprintf(name, sizeof(name), "%.*s.bin", (int)(tab - line), line);
		if (strstr(line, "-log") != NULL || strstr(line, "flush-list") != NULL) {
			logs++;
			continue;
		}
		n++;
		r = sample_read(x, name, &env, &err);
		if (strncmp(name, "49-", 3) == 0 || strncmp(name, "64-", 3) == 0) {
			assert_int_equal(r, -1);
		} else if (r != 0) {
			fail_msg("%s: %s", name, err.text);
		} else if (env.content_size > 0) {
			assert_true(env.n_rcpts + env.n_done >= 1);
		}
	}
	assert_int_equal(n + logs, 45);
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct qenv env;
		char name[64];
		int r;

		snprintf(name, sizeof(name), "%s.bin", samples[i].name);
		r = sample_read(x, name, &env, &err);
		if (samples[i].error != NULL) {
			assert_int_equal(r, -1);
			if (strstr(err.text, samples[i].error) == NULL)
				fail_msg("%s: %s", name, err.text);
			continue;
		}
		assert_int_equal(r, 0);
		if (samples[i].first != NULL) {
			assert_string_equal(env.sender, samples[i].sender);
			assert_string_equal(env.rcpts[0].addr, samples[i].first);
		}
		assert_int_equal(env.n_rcpts, samples[i].n);
		assert_int_equal(env.n_done, samples[i].done);
	}
}

static void
test_sample_log(void **state)
{
	struct fixture *x = *state;
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1 << 16);
	struct dlog_entry *l;
	char path[512];
	struct err err;
	size_t n;

	assert_int_equal(io_read_file(sample_path("53-bounce-log.bin", path, sizeof(path)), &b, &err), 0);
	assert_int_equal(x->q->ops->log_append(x->q, QUEUE_BOUNCE, "C7C18AB40B4", b.s, b.len, &err), 0);
	assert_int_equal(dlog_read(x->q, QUEUE_BOUNCE, "C7C18AB40B4", x->pool, &l, &n, 10, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(l[0].rcpt, "bad-x@relay.test");
	assert_int_equal(l[0].offset, 807);
	/* what we would write is what Postfix wrote */
	assert_int_equal(dlog_append(x->q, QUEUE_BOUNCE, "AAAAA1", &l[0], true, &err), 0);
	{
		AUTO(strbuf_done) struct strbuf c = STRBUF_INIT(1 << 16);

		assert_int_equal(x->q->ops->log_read(x->q, QUEUE_BOUNCE, "AAAAA1", 0, &c, &err), 0);
		assert_string_equal(c.s, b.s);
	}
}

/* ---- only on disk */

static void
test_paths(void **state)
{
	struct fixture *x = *state;
	char path[QUEUE_PATH_MAX];
	struct timeval tv;

	queue_dir_path(x->q, QUEUE_DEFERRED, "2B05AAB4025", path);
	assert_string_equal(path, "deferred/2/2B05AAB4025");
	queue_dir_path(x->q, QUEUE_DEFERRED, "4jX55H4mK5z1dZyY", path);
	assert_string_equal(path, "deferred/A/4jX55H4mK5z1dZyY");
	queue_dir_path(x->q, QUEUE_ACTIVE, "2B05AAB4025", path);
	assert_string_equal(path, "active/2B05AAB4025");
	assert_true(queue_id_is_long("4jX55H4mK5z1dZyY"));
	assert_false(queue_id_is_long("2B05AAB4025"));
	assert_int_equal(queue_id_time("4jX55H4mK5z1dZyY", &tv), 0);
	assert_int_equal(tv.tv_sec, 1795296739);
	assert_int_equal(tv.tv_usec, 671481);
	assert_int_equal(queue_id_time("2B05AAB4025", &tv), -1);
	assert_int_equal(queue_id_inode("4jX55H4mK5z1dZyY"), 11223293);
	assert_int_equal(queue_id_inode("2B05AAB4025"), 0xAB4025);
	assert_false(queue_id_is_valid(""));
	assert_false(queue_id_is_valid("a.b"));
	assert_false(queue_id_is_valid("a/b"));
	assert_true(queue_id_is_valid("a_B9"));
}

static void
test_files(void **state)
{
	struct fixture *x = *state;
	struct qfile *f = write_message(x->q, 1, 1);
	char path[512], rel[QUEUE_PATH_MAX];
	struct err err;
	struct stat st;

	assert_int_equal(qfile_commit(f, false, &err), 0);
	assert_int_equal(queue_move(x->q, qfile_id(f), QUEUE_INCOMING, QUEUE_DEFERRED, &err), 0);
	queue_dir_path(x->q, QUEUE_DEFERRED, qfile_id(f), rel);
	snprintf(path, sizeof(path), "%s/%s", x->dir, rel);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(queue_id_inode(qfile_id(f)), st.st_ino);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* foreign things in a queue are passed over */
	snprintf(path, sizeof(path), "%s/deferred/12345.678", x->dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/deferred/ABCDEF0123", x->dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_null(qfile_open(x->q, QUEUE_DEFERRED, "ABCDEF0123", QFILE_LOCK_NONE, &err));
	assert_int_equal(count(x->q, QUEUE_DEFERRED), 2);
	qfile_free(&f);
}

static void
test_long_ids(void **state)
{
	struct fixture *x = *state;
	struct timeval tv;
	struct err err;
	struct qfile *f;

	x->q->long_ids = true;
	f = qfile_create(x->q, QUEUE_INCOMING, &err);
	assert_true(queue_id_is_long(qfile_id(f)));
	assert_int_equal(queue_id_time(qfile_id(f), &tv), 0);
	qfile_free(&f);
}

/* Two processes of an instance share the memory of ids. */
static void
test_ids_shared(void **state)
{
	struct fixture *x = *state;
	struct qid_gen a, b;
	struct map *seen = map_new();
	char path[128], id[QUEUE_ID_MAX + 1];

	snprintf(path, sizeof(path), "%s/ids", x->dir);
	qid_gen_init(&a);
	qid_gen_init(&b);
	qid_gen_share(&a, path);
	qid_gen_share(&b, path);
	assert_true(a.is_mapped && b.is_mapped);
	for (int i = 0; i < 20000; i++) {
		qid_next(i % 2 ? &a : &b, false, 4711, id);
		assert_null(map_put(seen, id, x));
	}
	map_free(&seen, NULL);
	qid_gen_done(&a);
	qid_gen_done(&b);
}

static void
test_lengths(void **state)
{
	static const struct {
		size_t len, bytes;
	} cases[] = { { 0, 2 }, { 127, 2 }, { 128, 3 }, { 2048, 3 }, { 16383, 3 }, { 16384, 4 }, { REC_LENGTH_MAX, 5 } };
	unsigned char h[REC_HEADER_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t n = rec_header(h, 'N', cases[i].len), len, used;
		const char *data;
		int type;

		assert_int_equal(n, cases[i].bytes);
		(void)!rec_parse((char *)h, n, &type, &data, &len, &used);
		assert_int_equal(len, cases[i].len);
		assert_int_equal(used, n + len);
	}
	assert_memory_equal(h, "N\xff\xff\xff\x7f", 5);
	rec_header(h, 'N', 2048);
	assert_memory_equal(h, "N\x80\x10", 3);
	assert_int_equal(rec_parse("N\xff\xff\xff\xff\x01", 6, &(int){ 0 }, &(const char *){ 0 }, &(size_t){ 0 }, &(size_t){ 0 }), -1);
}

#define BOTH(fn) \
	cmocka_unit_test_setup_teardown(fn, setup_mem, teardown), cmocka_unit_test_setup_teardown(fn, setup_dir, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_commit), BOTH(test_abandon), BOTH(test_hold), BOTH(test_large_content), BOTH(test_portions), BOTH(test_look),
		BOTH(test_locks), BOTH(test_moves), BOTH(test_dlog), BOTH(test_dlog_parts), BOTH(test_ids_unique), BOTH(test_damage), BOTH(test_samples),
		BOTH(test_sample_log), BOTH(test_long_ids),
		cmocka_unit_test_setup_teardown(test_paths, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_ids_shared, setup_dir, teardown),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
