/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

int
io_read_fd(int fd, struct strbuf *b, struct err *err)
{
	char buf[4000];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read");
		if (n == 0)
			return 0;
		if (strbuf_add(b, buf, (size_t)n) < 0)
			return err_set(err, ERR_PERM, NULL, "larger than %zu bytes", b->max);
	}
}

int
io_read_file(const char *path, struct strbuf *b, struct err *err)
{
	AUTO(io_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(err, "open %s", path);
	if (io_read_fd(fd, b, err) < 0)
		return err_prefix(err, "%s: ", path);
	return 0;
}

int
io_write_all(int fd, const void *data, size_t n, struct err *err)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(err, "write");
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
sync_dir_of(const char *path, struct err *err)
{
	AUTO(mem_free) char *dir = mem_strdup(path);
	char *slash = strrchr(dir, '/');
	AUTO(io_close) int fd = -1;

	if (slash == NULL)
		memcpy(dir, ".", 2);
	else
		slash[slash == dir] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, "sync directory %s", dir);
	return 0;
}

int
io_replace_file(const char *path, const void *data, size_t n, mode_t mode, struct err *err)
{
	AUTO(mem_free) char *tmp = mem_printf("%s.tmp.%d", path, (int)getpid());
	AUTO(io_close) int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return err_sys(err, "create %s", tmp);
	if (io_write_all(fd, data, n, err) < 0) {
		unlink(tmp);
		return err_prefix(err, "%s: ", tmp);
	}
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0) {
		err_sys(err, "replace %s", path);
		unlink(tmp);
		return -1;
	}
	return sync_dir_of(path, err);
}

void
io_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static int
set_flag(int fd, int get, int set, int flag, bool on)
{
	int old = fcntl(fd, get);

	if (old < 0)
		return -1;
	return fcntl(fd, set, on ? old | flag : old & ~flag);
}

int
io_set_nonblock(int fd, bool on)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int
io_set_cloexec(int fd, bool on)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int
io_make_dirs(const char *path, mode_t mode, struct err *err)
{
	AUTO(mem_free) char *s = mem_strdup(path);

	for (char *p = s + 1; ; p++) {
		bool end = *p == '\0';

		if (!end && *p != '/')
			continue;
		*p = '\0';
		if (mkdir(s, mode) < 0 && errno != EEXIST)
			return err_sys(err, "make directory %s", s);
		if (end)
			return 0;
		*p = '/';
	}
}

static int
unix_socket(const char *path, struct sockaddr_un *sun, struct err *err)
{
	size_t n = strlen(path);
	int fd;

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(sun->sun_path))
		return err_set(err, ERR_CONF, NULL, "socket path is longer than %zu bytes: %s", sizeof(sun->sun_path) - 1, path);
	memcpy(sun->sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "socket");
	return fd;
}

int
io_unix_connect(const char *path, struct err *err)
{
	struct sockaddr_un sun;
	int fd = unix_socket(path, &sun, err);

	if (fd < 0)
		return -1;
	/* On UNIX sockets a full backlog gives EAGAIN at once; there is no connection in progress. */
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		err_sys(err, "connect to %s", path);
		io_close(&fd);
	}
	return fd;
}

int
io_unix_listen(const char *path, mode_t mode, int backlog, struct err *err)
{
	struct sockaddr_un sun;
	int fd = unix_socket(path, &sun, err);

	if (fd < 0)
		return -1;
	if ((unlink(path) < 0 && errno != ENOENT) || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    chmod(path, mode) < 0 || listen(fd, backlog) < 0) {
		err_sys(err, "listen on %s", path);
		io_close(&fd);
	}
	return fd;
}
