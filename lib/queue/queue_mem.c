/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-memory back end: the same promises without a disk, for tests and to keep the interface honest.  A message may be removed while it
 * is open; its bytes go with the last user.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/strvec.h"
#include "queue/queue_priv.h"

struct memfile {
	unsigned refs;
	mode_t mode;
	int64_t mtime_s;
	unsigned n_shared;
	bool is_excl;
	struct strbuf data;
};

struct queue_mem {
	struct queue q;
	struct map *files[QUEUE_N];
	uint64_t changed[QUEUE_N];
	uint64_t inodes, changes;
};

enum { MEM_FILE_MAX = 1 << 30, MEM_SCAN_MAX = 1 << 24 };

static struct queue_mem *
as_mem(struct queue *q)
{
	return (struct queue_mem *)(void *)q;
}

static void
touched(struct queue_mem *m, enum queue_name n)
{
	m->changed[n] = ++m->changes;
}

static void
mem_unref(void *arg)
{
	struct memfile *mf = arg;

	if (--mf->refs > 0)
		return;
	strbuf_done(&mf->data);
	mem_free(&mf);
}

static struct memfile *
mem_new(mode_t mode)
{
	struct memfile *mf = NEW(struct memfile);

	mf->refs = 1;
	mf->mode = mode;
	mf->mtime_s = clock_wall_s();
	strbuf_init(&mf->data, MEM_FILE_MAX);
	return mf;
}

static struct memfile *
find(struct queue *q, enum queue_name n, const char *id, struct err *err)
{
	struct memfile *mf = map_get(as_mem(q)->files[n], id);

	if (mf == NULL) {
		errno = ENOENT;
		err_sys(err, "%s/%s", queue_name_str(n), id);
	}
	return mf;
}

static int
memq_create(struct qfile *f, struct err *err)
{
	struct queue_mem *m = as_mem(f->q);

	(void)err;
	m->inodes++;
	qid_next(&m->q.gen, m->q.long_ids, m->inodes, f->id);
	f->mem = mem_new(0600);
	f->mem->refs++;
	map_put(m->files[f->where], f->id, f->mem);
	touched(m, f->where);
	return 0;
}

static int
memq_open(struct qfile *f, enum qfile_lock lock, struct err *err)
{
	struct memfile *mf = find(f->q, f->where, f->id, err);

	if (mf == NULL)
		return -1;
	if (lock != QFILE_LOCK_NONE && (mf->is_excl || (lock == QFILE_LOCK_EXCLUSIVE && mf->n_shared > 0))) {
		errno = EWOULDBLOCK;
		return err_sys(err, "lock %s/%s", queue_name_str(f->where), f->id);
	}
	if (lock == QFILE_LOCK_SHARED)
		mf->n_shared++;
	mf->is_excl = lock == QFILE_LOCK_EXCLUSIVE;
	mf->refs++;
	f->mem = mf;
	f->lock = lock;
	f->can_write = true;
	return 0;
}

static int
memq_remove(struct queue *q, enum queue_name n, const char *id, struct err *err)
{
	struct memfile *mf = find(q, n, id, err);

	if (mf == NULL)
		return -1;
	map_del(as_mem(q)->files[n], id);
	mem_unref(mf);
	touched(as_mem(q), n);
	return 0;
}

static void
memq_close(struct qfile *f)
{
	if (f->mem == NULL)
		return;
	if (f->is_new && !f->is_committed)
		(void)!memq_remove(f->q, f->where, f->id, NULL);
	if (f->lock == QFILE_LOCK_SHARED)
		f->mem->n_shared--;
	if (f->lock == QFILE_LOCK_EXCLUSIVE)
		f->mem->is_excl = false;
	mem_unref(f->mem);
	f->mem = NULL;
}

static ssize_t
memq_read_at(struct qfile *f, void *buf, size_t n, off_t at)
{
	const struct strbuf *b = &f->mem->data;

	if (at < 0 || (size_t)at >= b->len)
		return 0;
	if (n > b->len - (size_t)at)
		n = b->len - (size_t)at;
	memcpy(buf, b->s + at, n);
	return (ssize_t)n;
}

static int
memq_write_at(struct qfile *f, const void *buf, size_t n, off_t at, struct err *err)
{
	struct strbuf *b = &f->mem->data;
	size_t end = (size_t)at + n;

	if (end > b->len) {
		if (strbuf_room(b, end - b->len) == NULL)
			return err_set(err, ERR_NOSPACE, NULL, "message is too large for memory");
		strbuf_grown(b, end - b->len);
	}
	memcpy(b->s + at, buf, n);
	f->mem->mtime_s = clock_wall_s();
	return 0;
}

static int
memq_flush(struct qfile *f, struct err *err)
{
	return memq_write_at(f, f->buf, f->buf_len, f->flushed, err);
}

static int
memq_move(struct queue *q, const char *id, enum queue_name from, enum queue_name to, struct err *err)
{
	struct queue_mem *m = as_mem(q);
	struct memfile *mf = find(q, from, id, err), *old;

	if (mf == NULL)
		return -1;
	if (from == to)
		return 0;
	map_del(m->files[from], id);
	old = map_put(m->files[to], id, mf);
	if (old != NULL)
		mem_unref(old);
	touched(m, from);
	touched(m, to);
	return 0;
}

static int
memq_commit(struct qfile *f, bool hold, struct err *err)
{
	if (hold && f->where != QUEUE_HOLD) {
		if (memq_move(f->q, f->id, f->where, QUEUE_HOLD, err) < 0)
			return -1;
		f->where = QUEUE_HOLD;
	}
	if (f->buf_len > 0 && memq_write_at(f, f->buf, f->buf_len, f->flushed, err) < 0)
		return -1;
	f->flushed += (off_t)f->buf_len;
	f->buf_len = 0;
	f->mem->mode = f->where == QUEUE_MAILDROP ? 0744 : 0700;
	return 0;
}

static void
mem_stat(const struct memfile *mf, struct qstat *st)
{
	st->mtime_s = mf->mtime_s;
	st->size = (int64_t)mf->data.len;
	st->mode = mf->mode;
	st->uid = geteuid();
	st->is_ready = (mf->mode & 0700) == 0700;
	st->is_forced_expire = (mf->mode & 0010) != 0;
	st->is_unthrottle = (mf->mode & 0040) != 0;
}

static int
memq_stat_open(struct qfile *f, struct qstat *st, struct err *err)
{
	(void)err;
	mem_stat(f->mem, st);
	return 0;
}

static int
memq_stat(struct queue *q, enum queue_name n, const char *id, struct qstat *st, struct err *err)
{
	const struct memfile *mf = find(q, n, id, err);

	if (mf == NULL)
		return -1;
	mem_stat(mf, st);
	return 0;
}

static int
memq_set_time(struct queue *q, enum queue_name n, const char *id, int64_t t, struct err *err)
{
	struct memfile *mf = find(q, n, id, err);

	if (mf == NULL)
		return -1;
	mf->mtime_s = t;
	return 0;
}

static int
memq_set_mode(struct queue *q, enum queue_name n, const char *id, mode_t mode, struct err *err)
{
	struct memfile *mf = find(q, n, id, err);

	if (mf == NULL)
		return -1;
	mf->mode = mode;
	return 0;
}

/* The names are copied first: fn may move and remove what it is shown. */
static int
memq_scan(struct queue *q, enum queue_name n, queue_scan_fn *fn, queue_scan_fn *odd, void *arg, struct err *err)
{
	AUTO(strvec_done) struct strvec ids = STRVEC_INIT(MEM_SCAN_MAX);
	struct map_iter it = { 0 };

	(void)odd;
	(void)err;
	while (map_next(as_mem(q)->files[n], &it))
		strvec_add(&ids, it.key);
	for (size_t i = 0; i < ids.n; i++)
		if (!fn(arg, ids.v[i]))
			break;
	return 0;
}

static uint64_t
memq_change_time(struct queue *q, enum queue_name n)
{
	return as_mem(q)->changed[n];
}

static int
memq_log_append(struct queue *q, enum queue_name n, const char *id, const void *data, size_t len, struct err *err)
{
	struct queue_mem *m = as_mem(q);
	struct memfile *mf = map_get(m->files[n], id);

	if (mf == NULL) {
		mf = mem_new(0600);
		map_put(m->files[n], id, mf);
		touched(m, n);
	}
	if (strbuf_add(&mf->data, data, len) < 0)
		return err_set(err, ERR_NOSPACE, NULL, "log is too large for memory");
	return 0;
}

static int
memq_log_remove(struct queue *q, enum queue_name n, const char *id, int64_t size, struct err *err)
{
	const struct memfile *mf = map_get(as_mem(q)->files[n], id);

	if (mf == NULL)
		return 1;
	if ((int64_t)mf->data.len != size)
		return 0;
	return memq_remove(q, n, id, err) < 0 ? -1 : 1;
}

static int
memq_log_read(struct queue *q, enum queue_name n, const char *id, off_t from, struct strbuf *b, struct err *err)
{
	const struct memfile *mf = find(q, n, id, err);
	size_t left;

	if (mf == NULL)
		return -1;
	left = (size_t)from < mf->data.len ? mf->data.len - (size_t)from : 0;
	strbuf_add(b, mf->data.s + from, left < b->max ? left : b->max);
	return left > b->max;
}

static void
memq_free(struct queue *q)
{
	struct queue_mem *m = as_mem(q);

	for (int i = 0; i < QUEUE_N; i++)
		map_free(&m->files[i], mem_unref);
	mem_free(&m);
}

static const struct queue_ops mem_ops = {
	.create = memq_create, .open = memq_open, .close = memq_close, .read_at = memq_read_at, .write_at = memq_write_at,
	.flush = memq_flush, .commit = memq_commit, .stat_open = memq_stat_open, .stat = memq_stat, .move = memq_move, .set_time = memq_set_time,
	.set_mode = memq_set_mode, .remove = memq_remove, .scan = memq_scan, .change_time = memq_change_time,
	.log_append = memq_log_append, .log_remove = memq_log_remove, .log_read = memq_log_read, .free = memq_free,
};

struct queue *
queue_open_memory(void)
{
	struct queue_mem *m = NEW(struct queue_mem);

	m->q.ops = &mem_ops;
	qid_gen_init(&m->q.gen);
	for (int i = 0; i < QUEUE_N; i++)
		m->files[i] = map_new();
	m->inodes = 0xAB4000;
	return &m->q;
}
