/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock - only one master for a queue and a data directory, be it ours or Postfix's
 *
 * Both files stay locked (flock) for life and hold the process id, right-aligned in 32 columns: pid/master.pid is root's,
 * master.lock in data_directory is mail_owner's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "master.h"

/* The descriptor that holds the lock; -1 and errno EWOULDBLOCK: somebody else has it. */
static int
lock_open(const char *path, bool create)
{
	struct stat st;
	int saved, fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0), 0600);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EINVAL;
	else if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
write_pid(int fd, const char *path, struct err *err)
{
	char text[40];
	int n = snprintf(text, sizeof(text), "%32ld\n", (long)getpid());

	if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) < 0)
		return err_sys(err, "write %s", path);
	return 0;
}

static int
take(const char *path, struct err *err)
{
	int fd = lock_open(path, true);

	if (fd < 0 && errno == EWOULDBLOCK)
		return err_set(err, ERR_CONF, NULL, "%s is locked: the mail system is already running", path);
	if (fd < 0)
		return err_sys(err, "lock file %s", path);
	return write_pid(fd, path, err);	/* the descriptor stays open, and with it the lock */
}

static char *
data_lock_path(void)
{
	return mem_printf("%s/master.lock", master.par.data_dir);
}

int
lock_take(struct err *err)
{
	AUTO(mem_free) char *path = data_lock_path();
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r;

	if (take("pid/master.pid", err) < 0)
		return -1;
	/* data_directory is mail_owner's: what is done there is done with its rights */
	if (uid == 0 && (setegid(master.owner.gid) < 0 || seteuid(master.owner.uid) < 0))
		return err_sys(err, "switch to mail_owner");
	r = take(path, err);
	if (uid == 0 && (seteuid(uid) < 0 || setegid(gid) < 0))
		return err_sys(err, "switch back to root");
	return r;
}

static int
probe(const char *path, bool *is_free, struct err *err)
{
	int fd = lock_open(path, false);

	if (fd >= 0)
		close(fd);
	else if (errno == EWOULDBLOCK)
		*is_free = false;
	else if (errno != ENOENT)
		return err_sys(err, "lock file %s", path);
	return 0;
}

int
lock_is_free(bool *is_free, struct err *err)
{
	AUTO(mem_free) char *path = data_lock_path();

	*is_free = true;
	if (probe("pid/master.pid", is_free, err) < 0)
		return -1;
	return probe(path, is_free, err);
}
