/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory back end: one file a message below the queue directory, as Postfix has it.
 *
 * All paths are relative to a descriptor of the queue directory.  Commit is write, fchmod, fsync, in the worker pool when
 * called by a task: the file's name was given before, so that the one flush makes name, mode and data durable.
 */
#include "queue/queue_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/strvec.h"
#include "queue/queue_priv.h"
#include "task/task.h"

struct queue_dir {
	struct queue q;
	int fd;			/* the queue directory */
	unsigned hashed;	/* bit n: queue n has hash directories */
	int depth;
};

enum { NAME_TRIES = 100, LOG_LOCK_TRIES = 1000, LOG_LOCK_MS = 10, LOG_FIRST = 4000 };

static struct queue_dir *
as_dir(struct queue *q)
{
	return (struct queue_dir *)(void *)q;
}

static int
hash_depth(const struct queue_dir *d, enum queue_name n)
{
	return d->hashed & 1U << n ? d->depth : 0;
}

static size_t
make_path(const struct queue_dir *d, enum queue_name n, const char *id, char out[static QUEUE_PATH_MAX])
{
	char buf[8];
	const char *key = qid_hash_key(id, buf);
	const char *name = queue_name_str(n);
	size_t len = strlen(name), id_len = strnlen(id, QUEUE_ID_MAX);

	/* listing the queue does this three times a message: no printf */
	memcpy(out, name, len);
	out[len++] = '/';
	for (int i = 0; i < hash_depth(d, n); i++) {
		out[len++] = *key != '\0' ? *key++ : '_';
		out[len++] = '/';
	}
	memcpy(out + len, id, id_len);
	out[len + id_len] = '\0';
	return len + id_len;
}

void
queue_dir_path(struct queue *q, enum queue_name n, const char *id, char out[static QUEUE_PATH_MAX])
{
	make_path(as_dir(q), n, id, out);
}

int
queue_dir_fd(const struct queue *q)
{
	return ((const struct queue_dir *)(const void *)q)->fd;
}

/* Make the directories above path; those of the queues are the mail owner's alone. */
int
queue_dir_make_parents(struct queue *q, const char *path)
{
	char part[QUEUE_PATH_MAX];

	for (const char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdirat(as_dir(q)->fd, part, 0700) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int
open_at(struct queue_dir *d, const char *path, int flags, mode_t mode)
{
	int fd = openat(d->fd, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode);

	if (fd < 0 && errno == ENOENT && flags & O_CREAT && queue_dir_make_parents(&d->q, path) == 0)
		fd = openat(d->fd, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode);
	return fd;
}

/* Looking does not count as access: else the first listing writes the time to each message's inode.  Only the owner may say so. */
static int
open_look(struct queue_dir *d, const char *path)
{
	int fd = open_at(d, path, O_RDONLY | O_NOATIME, 0);

	return fd < 0 && errno == EPERM ? open_at(d, path, O_RDONLY, 0) : fd;
}

static void
stat_fill(const struct stat *s, struct qstat *st)
{
	st->mtime_s = s->st_mtim.tv_sec;
	st->size = s->st_size;
	st->mode = s->st_mode & 07777;
	st->uid = s->st_uid;
	st->is_ready = (s->st_mode & 0700) == 0700;
	st->is_forced_expire = (s->st_mode & 0010) != 0;
	st->is_unthrottle = (s->st_mode & 0040) != 0;
}

/* ---- create, write, commit */

static int
temp_create(struct queue_dir *d, enum queue_name n, char path[static QUEUE_PATH_MAX])
{
	for (int i = 0; i < NAME_TRIES; i++) {
		int fd;

		snprintf(path, QUEUE_PATH_MAX, "%s/%d.%d", queue_name_str(n), (int)((clock_wall().tv_usec + i) % 1000000), (int)getpid());
		fd = open_at(d, path, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static int
name_file(struct queue_dir *d, struct qfile *f, const char *temp, uint64_t inode)
{
	char path[QUEUE_PATH_MAX];

	for (int i = 0; i < NAME_TRIES; i++) {
		qid_next(&d->q.gen, d->q.long_ids, inode, f->id);
		make_path(d, f->where, f->id, path);
		/* Nobody else makes a name with the number of our inode in it: a look before is enough. */
		if (faccessat(d->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (renameat(d->fd, temp, d->fd, path) == 0)
			return 0;
		if (errno != ENOENT || queue_dir_make_parents(&d->q, path) < 0 || renameat(d->fd, temp, d->fd, path) < 0)
			return -1;
		return 0;
	}
	errno = EEXIST;
	return -1;
}

static int
dir_create(struct qfile *f, struct err *err)
{
	struct queue_dir *d = as_dir(f->q);
	char temp[QUEUE_PATH_MAX];
	struct stat st;

	f->fd = temp_create(d, f->where, temp);
	if (f->fd < 0)
		return err_sys(err, "create file in %s", queue_name_str(f->where));
	if (fstat(f->fd, &st) < 0 || name_file(d, f, temp, st.st_ino) < 0) {
		err_sys(err, "name file in %s", queue_name_str(f->where));
		unlinkat(d->fd, temp, 0);
		f->id[0] = '\0';
		return -1;
	}
	return 0;
}

static void
dir_close(struct qfile *f)
{
	char path[QUEUE_PATH_MAX];

	if (f->fd < 0)
		return;
	if (f->is_new && !f->is_committed && f->id[0] != '\0') {
		make_path(as_dir(f->q), f->where, f->id, path);
		unlinkat(as_dir(f->q)->fd, path, 0);
	}
	io_close(&f->fd);
}

static int
write_all(int fd, const char *p, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			if (w == 0)
				errno = EIO;
			return -1;
		}
		p += w;
		n -= (size_t)w;
		at += w;
	}
	return 0;
}

static int
dir_write_at(struct qfile *f, const void *buf, size_t n, off_t at, struct err *err)
{
	if (write_all(f->fd, buf, n, at) < 0)
		return err_sys(err, "write %s/%s", queue_name_str(f->where), f->id);
	return 0;
}

struct commit_job {
	struct qfile *f;
	mode_t mode;
	const char *failed;	/* NULL: done */
	int sys;
};

/* A write into the page cache may wait for the disk as well, when much is dirty.  The kernel is asked to write at once, so that little is
 * left for the sync of a large message. */
static void
flush_run(void *arg)
{
	struct commit_job *j = arg;
	struct qfile *f = j->f;

	if (write_all(f->fd, f->buf, f->buf_len, f->flushed) < 0) {
		j->failed = "write";
		j->sys = errno;
		return;
	}
#ifdef SYNC_FILE_RANGE_WRITE
	(void)sync_file_range(f->fd, f->flushed, (off_t)f->buf_len, SYNC_FILE_RANGE_WRITE);
#endif
}

static int
dir_flush(struct qfile *f, struct err *err)
{
	struct commit_job j = { .f = f };

	task_offload(flush_run, &j);
	if (j.failed == NULL)
		return 0;
	errno = j.sys;
	return err_sys(err, "write %s/%s", queue_name_str(f->where), f->id);
}

static void
commit_run(void *arg)
{
	struct commit_job *j = arg;
	struct qfile *f = j->f;

	if (write_all(f->fd, f->buf, f->buf_len, f->flushed) < 0)
		j->failed = "write";
	else if (fchmod(f->fd, j->mode) < 0)
		j->failed = "change mode of";
	else if (fsync(f->fd) < 0)
		j->failed = "sync";
	if (j->failed != NULL)
		j->sys = errno;
}

static int
dir_commit(struct qfile *f, bool hold, struct err *err)
{
	struct commit_job j = { .f = f, .mode = f->where == QUEUE_MAILDROP ? 0744 : 0700 };

	if (hold && f->where != QUEUE_HOLD) {
		/* Renamed before it is ready, so that nobody ever sees it complete where it was. */
		if (f->q->ops->move(f->q, f->id, f->where, QUEUE_HOLD, err) < 0)
			return -1;
		f->where = QUEUE_HOLD;
	}
	task_offload(commit_run, &j);
	if (j.failed != NULL) {
		errno = j.sys;
		return err_sys(err, "%s %s/%s", j.failed, queue_name_str(f->where), f->id);
	}
	f->flushed += (off_t)f->buf_len;
	f->buf_len = 0;
	return 0;
}

/* ---- open and read */

static int
dir_open(struct qfile *f, enum qfile_lock lock, struct err *err)
{
	struct queue_dir *d = as_dir(f->q);
	char path[QUEUE_PATH_MAX];
	struct stat st;

	make_path(d, f->where, f->id, path);
	f->fd = f->is_look ? open_look(d, path) : open_at(d, path, O_RDWR, 0);
	f->can_write = f->fd >= 0 && !f->is_look;
	/* who only looks need not be allowed to write */
	if (f->fd < 0 && !f->is_look && lock == QFILE_LOCK_NONE && (errno == EACCES || errno == EPERM || errno == EROFS))
		f->fd = open_at(d, path, O_RDONLY, 0);
	/* what a user still writes into maildrop may not be opened by us, and is not there yet */
	if (f->fd < 0 && errno == EACCES && fstatat(d->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = (st.st_mode & 0700) == 0700 ? EACCES : ENOENT;
	if (f->fd < 0)
		return err_sys(err, "open %s", path);
	if (fstat(f->fd, &st) < 0)
		return err_sys(err, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_PERM, NULL, "%s is not a regular file", path);
	stat_fill(&st, &f->st);
	f->has_st = true;
	if (lock != QFILE_LOCK_NONE && flock(f->fd, (lock == QFILE_LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0)
		return err_sys(err, "lock %s", path);
	f->lock = lock;
	return 0;
}

struct qfile *
queue_dir_file(struct queue *q, int fd)
{
	struct qfile *f = qfile_new(q, QUEUE_ACTIVE);

	f->fd = fd;
	return f;
}

static ssize_t
dir_read_at(struct qfile *f, void *buf, size_t n, off_t at)
{
	ssize_t r;

	do
		r = pread(f->fd, buf, n, at);
	while (r < 0 && errno == EINTR);
	return r;
}

static int
dir_stat_open(struct qfile *f, struct qstat *st, struct err *err)
{
	struct stat s;

	if (fstat(f->fd, &s) < 0)
		return err_sys(err, "stat %s/%s", queue_name_str(f->where), f->id);
	stat_fill(&s, st);
	return 0;
}

/* ---- by name */

static int
dir_stat(struct queue *q, enum queue_name n, const char *id, struct qstat *st, struct err *err)
{
	char path[QUEUE_PATH_MAX];
	struct stat s;

	make_path(as_dir(q), n, id, path);
	if (fstatat(as_dir(q)->fd, path, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "stat %s", path);
	if (!S_ISREG(s.st_mode))
		return err_set(err, ERR_PERM, NULL, "%s is not a regular file", path);
	stat_fill(&s, st);
	return 0;
}

static int
dir_move(struct queue *q, const char *id, enum queue_name from, enum queue_name to, struct err *err)
{
	int fd = as_dir(q)->fd;
	char old[QUEUE_PATH_MAX], new[QUEUE_PATH_MAX];

	make_path(as_dir(q), from, id, old);
	make_path(as_dir(q), to, id, new);
	if (renameat(fd, old, fd, new) == 0)
		return 0;
	if (errno == ENOENT && faccessat(fd, old, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && queue_dir_make_parents(q, new) == 0 &&
	    renameat(fd, old, fd, new) == 0)
		return 0;
	return err_sys(err, "rename %s to %s", old, new);
}

static int
dir_set_time(struct queue *q, enum queue_name n, const char *id, int64_t t, struct err *err)
{
	struct timespec ts[2] = { { .tv_sec = (time_t)t }, { .tv_sec = (time_t)t } };
	char path[QUEUE_PATH_MAX];

	make_path(as_dir(q), n, id, path);
	if (utimensat(as_dir(q)->fd, path, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "set time of %s", path);
	return 0;
}

static int
dir_set_mode(struct queue *q, enum queue_name n, const char *id, mode_t mode, struct err *err)
{
	char path[QUEUE_PATH_MAX];

	make_path(as_dir(q), n, id, path);
	if (fchmodat(as_dir(q)->fd, path, mode, 0) < 0)
		return err_sys(err, "set mode of %s", path);
	return 0;
}

static int
dir_remove(struct queue *q, enum queue_name n, const char *id, struct err *err)
{
	char path[QUEUE_PATH_MAX];

	make_path(as_dir(q), n, id, path);
	if (unlinkat(as_dir(q)->fd, path, 0) < 0)
		return err_sys(err, "remove %s", path);
	return 0;
}

/* ---- directories */

struct walk {
	int base;
	queue_dir_walk_fn *fn;
	void *arg;
	bool stopped;
};

/* path has room for QUEUE_PATH_MAX bytes and is restored on return.  Depth is bounded, names are one character. */
static int
walk_dir(struct walk *w, char *path, int level)
{
	size_t len = strlen(path);
	int fd = openat(w->base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e = NULL;
	int r = 0;

	if (dir == NULL) {
		io_close(&fd);
		return level > 0 && (errno == ENOTDIR || errno == ENOENT || errno == ELOOP) ? 0 : -1;
	}
	while (!w->stopped && r == 0 && (errno = 0, e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (e->d_name[1] == '\0' && level < QUEUE_DEPTH_MAX && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN)) {
			snprintf(path + len, QUEUE_PATH_MAX - len, "/%c", e->d_name[0]);
			r = walk_dir(w, path, level + 1);
			path[len] = '\0';
		} else if (!w->fn(w->arg, path, e->d_name)) {
			w->stopped = true;
		}
	}
	if (e == NULL && errno != 0)
		r = -1;
	closedir(dir);
	return r;
}

int
queue_dir_walk(struct queue *q, const char *top, queue_dir_walk_fn *fn, void *arg, struct err *err)
{
	struct walk w = { .base = as_dir(q)->fd, .fn = fn, .arg = arg };
	char path[QUEUE_PATH_MAX];

	snprintf(path, sizeof(path), "%s", top);
	if (walk_dir(&w, path, 0) < 0)
		return err_sys(err, "read directory %s", path);
	return 0;
}

struct scan {
	queue_scan_fn *fn, *odd;
	void *arg;
};

static bool
scan_one(void *arg, const char *dir, const char *name)
{
	struct scan *s = arg;

	(void)dir;
	if (queue_id_is_valid(name))
		return s->fn(s->arg, name);
	return s->odd == NULL || s->odd(s->arg, name);
}

static int
dir_scan(struct queue *q, enum queue_name n, queue_scan_fn *fn, queue_scan_fn *odd, void *arg, struct err *err)
{
	struct scan s = { .fn = fn, .odd = odd, .arg = arg };

	return queue_dir_walk(q, queue_name_str(n), scan_one, &s, err);
}

static void
latest(uint64_t *t, int base, const char *path)
{
	struct stat st;
	uint64_t ns;

	if (fstatat(base, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	ns = (uint64_t)st.st_mtim.tv_sec * 1000000000U + (uint64_t)st.st_mtim.tv_nsec;
	if (S_ISDIR(st.st_mode) && ns > *t)
		*t = ns;
}

static void
latest_below(uint64_t *t, int base, char *path, int depth)
{
	static const char keys[] = "0123456789ABCDEF_";
	size_t len = strlen(path);

	if (depth == 0)
		return;
	for (const char *k = keys; *k != '\0'; k++) {
		struct stat st;

		snprintf(path + len, QUEUE_PATH_MAX - len, "/%c", *k);
		if (fstatat(base, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			latest(t, base, path);
			latest_below(t, base, path, depth - 1);
		}
		path[len] = '\0';
	}
}

static uint64_t
dir_change_time(struct queue *q, enum queue_name n)
{
	struct queue_dir *d = as_dir(q);
	char path[QUEUE_PATH_MAX];
	uint64_t t = 0;

	snprintf(path, sizeof(path), "%s", queue_name_str(n));
	latest(&t, d->fd, path);
	/* deeper than two levels are too many to look at: their parents' times must do */
	latest_below(&t, d->fd, path, hash_depth(d, n) > 2 ? 2 : hash_depth(d, n));
	return t;
}

/* ---- logs */

struct log_job {
	struct queue_dir *d;
	const char *path;
	const void *data;
	size_t len;
	bool sync;
	int64_t size;		/* remove: only if it is this large */
	int result;
	struct err err;
};

/* A lock that somebody else holds is waited for; the holders are appenders and readers of a moment. */
static int
log_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = LOG_LOCK_MS * 1000000 };

	for (int i = 0; i < LOG_LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		nanosleep(&pause, NULL);
	}
	errno = EWOULDBLOCK;
	return -1;
}

/* Open and lock a log that is still the one of that name when the lock is ours (a reader may have removed it meanwhile). */
static int
log_open(struct log_job *j, off_t *size)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		AUTO(io_close) int fd = open_at(j->d, j->path, O_RDWR | O_CREAT, 0600);
		struct stat st, now;
		int r;

		if (fd < 0)
			return err_sys(&j->err, "open %s", j->path);
		if (log_lock(fd) < 0 || fstat(fd, &st) < 0)
			return err_sys(&j->err, "lock %s", j->path);
		if (!S_ISREG(st.st_mode))
			return err_set(&j->err, ERR_TEMP, NULL, "%s is not a regular file", j->path);
		if (fstatat(j->d->fd, j->path, &now, AT_SYMLINK_NOFOLLOW) < 0 || now.st_ino != st.st_ino || now.st_dev != st.st_dev)
			continue;
		*size = st.st_size;
		r = fd;
		fd = -1;
		return r;
	}
	return err_set(&j->err, ERR_TEMP, NULL, "%s changes too often", j->path);
}

static void
log_run(void *arg)
{
	struct log_job *j = arg;
	off_t size = 0;
	AUTO(io_close) int fd = log_open(j, &size);

	if (fd < 0)
		return;
	if (write_all(fd, j->data, j->len, size) < 0 || (j->sync && fsync(fd) < 0)) {
		err_sys(&j->err, "append to %s", j->path);
		(void)!ftruncate(fd, size);
	}
}

static int
dir_log_append(struct queue *q, enum queue_name n, const char *id, const void *data, size_t len, struct err *err)
{
	char path[QUEUE_PATH_MAX];
	/* A recipient in the defer log is still open in the message: a lost record loses no mail, and the queue manager makes a new one
	 * when it needs one. */
	struct log_job j = { .d = as_dir(q), .path = path, .data = data, .len = len, .sync = n != QUEUE_DEFER, .err = ERR_INIT };

	make_path(as_dir(q), n, id, path);
	task_offload(log_run, &j);
	if (j.err.class == ERR_NONE)
		return 0;
	if (err != NULL)
		*err = j.err;
	return -1;
}

static void
log_remove_run(void *arg)
{
	struct log_job *j = arg;
	AUTO(io_close) int fd = open_at(j->d, j->path, O_RDWR, 0);
	struct stat st;

	j->result = -1;
	if (fd < 0 && errno == ENOENT)
		j->result = 1;
	else if (fd < 0 || log_lock(fd) < 0 || fstat(fd, &st) < 0)
		err_sys(&j->err, "lock %s", j->path);
	else if (st.st_size != j->size)
		j->result = 0;
	else if (unlinkat(j->d->fd, j->path, 0) < 0 && errno != ENOENT)
		err_sys(&j->err, "remove %s", j->path);
	else
		j->result = 1;
}

static int
dir_log_remove(struct queue *q, enum queue_name n, const char *id, int64_t size, struct err *err)
{
	char path[QUEUE_PATH_MAX];
	struct log_job j = { .d = as_dir(q), .path = path, .size = size, .err = ERR_INIT };

	make_path(as_dir(q), n, id, path);
	task_offload(log_remove_run, &j);
	if (j.result < 0 && err != NULL)
		*err = j.err;
	return j.result;
}

/* A log that ends within the first read needs no other call; one that is no regular file fails here too (pipes cannot be read at an offset). */
static bool
log_read_small(int fd, struct strbuf *b)
{
	char *room = strbuf_room(b, LOG_FIRST);
	ssize_t r = room != NULL ? pread(fd, room, LOG_FIRST, 0) : -1;

	if (r < 0 || r == LOG_FIRST)
		return false;
	strbuf_grown(b, (size_t)r);
	return true;
}

static int
dir_log_read(struct queue *q, enum queue_name n, const char *id, off_t from, struct strbuf *b, struct err *err)
{
	char path[QUEUE_PATH_MAX];
	AUTO(io_close) int fd = -1;
	struct stat st;
	size_t want;

	make_path(as_dir(q), n, id, path);
	fd = open_look(as_dir(q), path);
	if (fd < 0 && errno == ENOENT && err != NULL) {		/* most have none: no text is made */
		*err = (struct err){ .class = ERR_TEMP, .sys = ENOENT };
		return -1;
	}
	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (from == 0 && b->len == 0 && b->max > LOG_FIRST && log_read_small(fd, b))
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_TEMP, NULL, "%s is not a regular file", path);
	want = st.st_size <= from ? 0 : st.st_size - from > (off_t)b->max ? b->max : (size_t)(st.st_size - from);
	while (b->len < want) {
		char *room = strbuf_room(b, want - b->len);
		ssize_t r = room != NULL ? pread(fd, room, want - b->len, from + (off_t)b->len) : 0;

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(err, "read %s", path);
		if (r == 0)
			break;
		strbuf_grown(b, (size_t)r);
	}
	return from + (off_t)b->len < st.st_size;
}

static void
dir_free(struct queue *q)
{
	struct queue_dir *d = as_dir(q);

	io_close(&d->fd);
	mem_free(&d);
}

static const struct queue_ops dir_ops = {
	.create = dir_create, .open = dir_open, .close = dir_close, .read_at = dir_read_at, .write_at = dir_write_at,
	.flush = dir_flush, .commit = dir_commit, .stat_open = dir_stat_open, .stat = dir_stat, .move = dir_move, .set_time = dir_set_time,
	.set_mode = dir_set_mode, .remove = dir_remove, .scan = dir_scan, .change_time = dir_change_time,
	.log_append = dir_log_append, .log_remove = dir_log_remove, .log_read = dir_log_read, .free = dir_free,
};

struct queue *
queue_open_dir(const char *dir, const char *hash_names, int depth, bool long_ids, struct err *err)
{
	AUTO(strvec_done) struct strvec names = STRVEC_INIT(100);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct queue_dir *d;

	if (fd < 0) {
		err_sys(err, "open queue directory %s", dir);
		return NULL;
	}
	d = NEW(struct queue_dir);
	d->q.ops = &dir_ops;
	d->q.long_ids = long_ids;
	qid_gen_init(&d->q.gen);
	d->fd = fd;
	d->depth = depth < 0 ? 0 : depth > QUEUE_DEPTH_MAX ? QUEUE_DEPTH_MAX : depth;
	if (strvec_split(&names, hash_names, ", \t\r\n") == 0)
		for (size_t i = 0; i < names.n; i++) {
			int n = queue_name_parse(names.v[i]);

			/* pickup's queue is never hashed: its creators may not make directories there */
			if (n >= 0 && n != QUEUE_MAILDROP)
				d->hashed |= 1U << n;
		}
	return &d->q;
}
