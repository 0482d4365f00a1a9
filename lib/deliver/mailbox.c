/* SPDX-License-Identifier: Apache-2.0 */
/* Appending to mailbox files. */
#include "deliver/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/strvec.h"
#include "deliver/maildir.h"

int
mailbox_locks_parse(const char *text)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(20);
	int bits = 0;

	if (strvec_split(&v, text, ", \t") < 0)
		return -1;
	for (size_t i = 0; i < v.n; i++) {
		int bit = strcmp(v.v[i], "flock") == 0 ? MAILBOX_LOCK_FLOCK : strcmp(v.v[i], "fcntl") == 0 ? MAILBOX_LOCK_FCNTL :
		    strcmp(v.v[i], "dotlock") == 0 ? MAILBOX_LOCK_DOT : 0;

		if (bit == 0)
			return -1;
		bits |= bit;
	}
	return bits;
}

static void
pause_ms(unsigned ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* ---- PATH.lock */
static int
lock_create(const char *lock, const struct mailbox_opts *o, struct err *err)
{
	int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0) {
		io_close(&fd);
		return 0;
	}
	if ((errno == EACCES || errno == EPERM) && o->helper != NULL)
		return o->helper->lock(o->helper->arg, err);
	return err_sys(err, "unable to create lock file %s", lock);
}

static void
lock_remove(const char *lock, const struct mailbox_opts *o)
{
	if (unlink(lock) < 0 && o->helper != NULL)
		o->helper->unlock(o->helper->arg);
}

static void
break_stale(const char *lock, const struct mailbox_opts *o)
{
	struct stat st;

	if (lstat(lock, &st) < 0 || clock_wall_s() - st.st_mtime <= o->stale_lock_s)
		return;
	if (unlink(lock) < 0 && o->helper != NULL)
		(void)o->helper->break_lock(o->helper->arg, NULL);
}

/* 1 locked, 0 it cannot be made here and that is no hindrance (as in a directory of others), -1. */
static int
lock_dot(const char *lock, const struct mailbox_opts *o, struct err *err)
{
	for (int i = 0; ; i++) {
		if (lock_create(lock, o, err) == 0)
			return 1;
		if (!o->must_lock && (err->sys == EACCES || err->sys == EPERM || err->sys == EROFS || err->sys == ENOENT)) {
			if (o->warn != NULL)
				o->warn(o->warn_arg, err->text);
			return 0;
		}
		if (err->sys != EEXIST || i + 1 >= o->lock_attempts)
			return -1;
		break_stale(lock, o);
		pause_ms(o->lock_delay_ms);
	}
}

/* ---- locks of the kernel */
static int
lock_once(int fd, int locks, struct err *err)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if ((locks & MAILBOX_LOCK_FCNTL) != 0 && fcntl(fd, F_SETLK, &fl) < 0)
		return err_sys(err, "unable to lock for exclusive access");
	if ((locks & MAILBOX_LOCK_FLOCK) != 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(err, "unable to lock for exclusive access");
	return 0;
}

static int
lock_file(int fd, const struct mailbox_opts *o, struct err *err)
{
	for (int i = 0; lock_once(fd, o->locks, err) < 0; i++) {
		if ((err->sys != EAGAIN && err->sys != EACCES) || i + 1 >= o->lock_attempts)
			return -1;
		pause_ms(o->lock_delay_ms);
	}
	return 0;
}

/* ---- the file */
static int
check_file(int fd, const struct mailbox_opts *o, struct stat *st, struct err *err)
{
	if (fstat(fd, st) < 0)
		return err_sys(err, "cannot open file");
	if (!S_ISREG(st->st_mode) && !S_ISCHR(st->st_mode))
		return err_set(err, ERR_TEMP, NULL, "cannot open file: it is not a regular file");
	if (S_ISREG(st->st_mode) && st->st_nlink != 1)
		return err_set(err, ERR_TEMP, NULL, "cannot open file: file has %lu hard links", (unsigned long)st->st_nlink);
	if (o->strict_owner && st->st_uid != o->owner)
		return err_set(err, ERR_TEMP, NULL, "destination is not owned by recipient");
	return 0;
}

static int
open_file(const char *path, const struct mailbox_opts *o, bool *is_new, struct err *err)
{
	int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, fd;

	*is_new = false;
	for (int tries = 0; tries < 10; tries++) {
		fd = open(path, flags);
		if (fd >= 0)
			return fd;
		if (errno == ELOOP)
			return err_sys(err, "cannot open file: it is a symbolic link");
		if (errno != ENOENT)
			return err_sys(err, "cannot open file");
		fd = open(path, flags | O_CREAT | O_EXCL, 0600);
		*is_new = true;
		if (fd >= 0)
			return fd;
		if (errno == EACCES && o->helper != NULL) {
			if (o->helper->create(o->helper->arg, err) < 0 && err->sys != EEXIST)
				return -1;
		} else if (errno != EEXIST) {
			return err_sys(err, "cannot create file exclusively");
		}
	}
	return err_set(err, ERR_TEMP, NULL, "cannot open file: it comes and goes");
}

static void
sync_dir_of(const char *path)
{
	AUTO(mem_free) char *dir = mem_strdup(path);
	char *slash = strrchr(dir, '/');
	AUTO(io_close) int fd = -1;

	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

struct limited {
	int fd;
	int64_t left;		/* -1: no limit */
};

static int
put_limited(void *arg, const char *data, size_t n, struct err *err)
{
	struct limited *l = arg;

	if (l->left >= 0 && (int64_t)n > l->left) {
		errno = EFBIG;
		return err_sys(err, "error writing message");
	}
	if (l->left >= 0)
		l->left -= (int64_t)n;
	return io_write_all(l->fd, data, n, err) < 0 ? err_prefix(err, "error writing message: ") : 0;
}

static int
append(int fd, const struct stat *st, const struct mailbox_opts *o, const struct copy_msg *m, struct err *err)
{
	struct limited l = { .fd = fd, .left = -1 };

	if (o->size_limit > 0 && S_ISREG(st->st_mode))
		l.left = st->st_size < o->size_limit ? o->size_limit - st->st_size : 0;
	if (copy_message(m, COPY_MBOX, put_limited, &l, err) < 0)
		return -1;
	if (S_ISREG(st->st_mode) && fsync(fd) < 0)
		return err_sys(err, "error writing message");
	return 0;
}

static int
deliver_locked(const char *path, const struct mailbox_opts *o, const struct copy_msg *m, struct err *err)
{
	bool is_new = false;
	AUTO(io_close) int fd = open_file(path, o, &is_new, err);
	struct stat st;

	if (fd < 0 || check_file(fd, o, &st, err) < 0)
		return -1;
	if (S_ISREG(st.st_mode) && lock_file(fd, o, err) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot open file");
	if (append(fd, &st, o, m, err) < 0) {
		if (S_ISREG(st.st_mode) && ftruncate(fd, st.st_size) < 0 && o->warn != NULL)
			o->warn(o->warn_arg, "a mailbox could not be cut back to its former length");
		return -1;
	}
	if (is_new)
		sync_dir_of(path);
	return 0;
}

int
mailbox_deliver(const char *path, const struct mailbox_opts *o, const struct copy_msg *m, const char *dflt_dsn, struct err *err)
{
	AUTO(mem_free) char *lock = mem_printf("%s.lock", path);
	int locked = 0, r;

	err->sys = 0;
	if ((o->locks & MAILBOX_LOCK_DOT) != 0 && strncmp(path, "/dev/", 5) != 0)
		locked = lock_dot(lock, o, err);
	if (locked < 0) {
		snprintf(err->dsn, sizeof(err->dsn), "4.2.0");
		return -1;
	}
	err->sys = 0;
	r = deliver_locked(path, o, m, err);
	if (locked > 0)
		lock_remove(lock, o);
	if (r < 0)
		snprintf(err->dsn, sizeof(err->dsn), "%s", mailbox_dsn(err->sys, dflt_dsn));
	return r;
}
