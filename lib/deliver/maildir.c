/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery to a Maildir: durable before it is said to be done. */
#include "deliver/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

const char *
mailbox_dsn(int sys, const char *dflt_dsn)
{
	switch (sys) {
	case EDQUOT:
	case EFBIG:
		return "5.2.2";
	case ENOSPC:
		return "4.3.1";
	case EAGAIN:
	case ESTALE:
	case EINTR:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EROFS:
	case ETIMEDOUT:
		return "4.2.0";
	default:
		return dflt_dsn;
	}
}

/* dir, and tmp, cur, new in it; what exists is no error. */
static int
make_dirs(const char *dir, struct err *err)
{
	static const char *const parts[] = { "", "/tmp", "/cur", "/new" };

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		AUTO(mem_free) char *path = mem_printf("%s%s", dir, parts[i]);

		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return i == 0 && errno == ENOENT ? io_make_dirs(path, 0700, err) : err_sys(err, "create maildir directory %s", path);
	}
	return 0;
}

static int
sync_dir(const char *dir, struct err *err)
{
	AUTO(io_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, "sync directory %s", dir);
	return 0;
}

/* The new directories' own entries, up to and with the one above dir. */
static int
sync_made(const char *dir, struct err *err)
{
	AUTO(mem_free) char *above = mem_strdup(dir);
	char *slash = strrchr(above, '/');

	if (sync_dir(dir, err) < 0)
		return -1;
	if (slash == NULL || slash == above)
		return 0;
	*slash = '\0';
	/* a directory of others that cannot be opened for reading is theirs to keep */
	(void)sync_dir(above, NULL);
	return 0;
}

static int
open_tmp(const char *dir, const char *path, struct err *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, fd = open(path, flags, 0600);

	if (fd < 0 && errno == ENOENT) {
		if (make_dirs(dir, err) < 0 || make_dirs(dir, err) < 0 || sync_made(dir, err) < 0)
			return -1;
		fd = open(path, flags, 0600);
	}
	return fd >= 0 ? fd : err_sys(err, "create maildir file %s", path);
}

/* To its name in new, never over a file that is there. */
static int
move(const char *tmp, const char *path, struct err *err)
{
	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	/* a file system, or a kernel, that has no such call */
	if (errno == EINVAL || errno == ENOSYS) {
		if (link(tmp, path) == 0) {
			(void)unlink(tmp);
			return 0;
		}
		/* none without hard links either; the inode number in the name keeps it unique */
		if ((errno == EPERM || errno == EOPNOTSUPP) && rename(tmp, path) == 0)
			return 0;
	}
	return err_sys(err, "create maildir file %s", path);
}

static int
finish(int fd, const char *tmp, const char *dir, const char *host, const struct timeval *now, bool *is_moved, struct err *err)
{
	AUTO(mem_free) char *new_dir = mem_printf("%s/new", dir);
	AUTO(mem_free) char *path = NULL;
	struct stat st;

	if (fsync(fd) < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "write maildir file %s", tmp);
	path = mem_printf("%s/%lld.V%lxI%lxM%lu.%s", new_dir, (long long)now->tv_sec, (unsigned long)st.st_dev,
	    (unsigned long)st.st_ino, (unsigned long)now->tv_usec, host);
	if (move(tmp, path, err) < 0)
		return -1;
	*is_moved = true;
	return sync_dir(new_dir, err);
}

int
maildir_deliver(const char *dir, const char *host, const struct copy_msg *m, const char *dflt_dsn, struct err *err)
{
	struct timeval now = clock_wall();
	AUTO(mem_free) char *tmp = mem_printf("%s/tmp/%lld.P%dM%lu.%s", dir, (long long)now.tv_sec, (int)getpid(),
	    (unsigned long)now.tv_usec, host);
	AUTO(io_close) int fd = -1;
	bool is_moved = false;
	int r;

	err->sys = 0;
	fd = open_tmp(dir, tmp, err);
	r = fd < 0 ? -1 : copy_to_fd(m, 0, fd, err);
	if (fd >= 0 && r < 0)
		err_prefix(err, "write maildir file %s: ", tmp);
	if (r == 0)
		r = finish(fd, tmp, dir, host, &now, &is_moved, err);
	if (fd >= 0 && !is_moved)
		unlink(tmp);
	if (r < 0)
		snprintf(err->dsn, sizeof(err->dsn), "%s", mailbox_dsn(err->sys, dflt_dsn));
	return r;
}
