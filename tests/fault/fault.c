/* SPDX-License-Identifier: Apache-2.0 */
/* Fault injection: the linker sends system calls here (--wrap), and a plan in a shared file says which of them fail or end the process.
 *
 * The environment variable PN_FAULT names the plan.  It is mapped before main() runs, hence works in any later sandbox, is shared by all
 * processes of a suite, and may be changed while they run.  Only programs linked with FAULTS=yes contain this file. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define RULES 8

/* One record of the plan; tests/fault/plan.py writes the same.  An empty kind is no rule. */
struct rule {
	char program[16];	/* empty: any */
	char kind[16];
	uint32_t from, to;	/* the calls that are hit, counted from 1 over all processes of the program */
	int32_t error;		/* errno; 0: end the process before the call; -1: end it after the call */
	_Atomic uint32_t calls;
	_Atomic uint32_t hits;
	uint32_t unused;
};

static struct rule *plan;
static char own_name[16];

__attribute__((constructor)) static void
fault_start(void)
{
	const char *path = getenv("PN_FAULT"), *base;
	char exe[1024];
	ssize_t n;
	void *p;
	int fd;

	if (path == NULL || (fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0)) < 0)
		return;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	base = strrchr(exe, '/');
	base = base != NULL ? base + 1 : exe;
	memcpy(own_name, base, strnlen(base, sizeof(own_name) - 1));
	p = mmap(NULL, RULES * sizeof(struct rule), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (p != MAP_FAILED)
		plan = p;
}

/* Says whether this call is hit: 0 no, -1 end the process after it, otherwise the errno. */
static int
fault_hit(const char *kind)
{
	for (int i = 0; plan != NULL && i < RULES; i++) {
		struct rule *r = &plan[i];
		uint32_t n;

		if (strncmp(r->kind, kind, sizeof(r->kind)) != 0 || (r->program[0] != '\0' && strncmp(r->program, own_name, sizeof(own_name)) != 0))
			continue;
		n = atomic_fetch_add(&r->calls, 1) + 1;
		if (n < r->from || n > r->to)
			continue;
		atomic_fetch_add(&r->hits, 1);
		if (r->error == 0)
			syscall(SYS_exit_group, 137);
		return r->error;
	}
	return 0;
}

#define WRAP(kind, type, name, params, args)				\
	extern type __real_##name params;				\
	extern type __wrap_##name params;				\
	type __wrap_##name params					\
	{								\
		int e = fault_hit(kind);				\
		type r;							\
									\
		if (e > 0) {						\
			errno = e;					\
			return (type)FAILED;				\
		}							\
		r = __real_##name args;					\
		if (e < 0)						\
			syscall(SYS_exit_group, 137);			\
		return r;						\
	}

#define FAILED (-1)
WRAP("open", int, __open_2, (const char *path, int flags), (path, flags))
WRAP("read", ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
WRAP("read", ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP("write", ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP("write", ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP("fsync", int, fsync, (int fd), (fd))
WRAP("rename", int, rename, (const char *a, const char *b), (a, b))
WRAP("rename", int, renameat, (int ad, const char *a, int bd, const char *b), (ad, a, bd, b))
WRAP("rename", int, link, (const char *a, const char *b), (a, b))
WRAP("unlink", int, unlink, (const char *path), (path))
WRAP("unlink", int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
WRAP("fork", pid_t, fork, (void), ())
WRAP("connect", int, connect, (int fd, const struct sockaddr *sa, socklen_t n), (fd, sa, n))
WRAP("accept", int, accept4, (int fd, struct sockaddr *sa, socklen_t *n, int flags), (fd, sa, n, flags))
WRAP("send", ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP("receive", ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
WRAP("chmod", int, fchmod, (int fd, mode_t mode), (fd, mode))
#undef FAILED
#define FAILED NULL
WRAP("malloc", void *, malloc, (size_t n), (n))
WRAP("malloc", void *, calloc, (size_t n, size_t size), (n, size))
WRAP("malloc", void *, realloc, (void *p, size_t n), (p, n))

static mode_t
open_mode(int flags, va_list ap)
{
	return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

extern int __real_open(const char *path, int flags, ...);
extern int __wrap_open(const char *path, int flags, ...);
int
__wrap_open(const char *path, int flags, ...)
{
	int e = fault_hit("open"), fd;
	va_list ap;

	if (e > 0) {
		errno = e;
		return -1;
	}
	va_start(ap, flags);
	fd = __real_open(path, flags, open_mode(flags, ap));
	va_end(ap);
	if (e < 0)
		syscall(SYS_exit_group, 137);
	return fd;
}

extern int __real_openat(int dir, const char *path, int flags, ...);
extern int __wrap_openat(int dir, const char *path, int flags, ...);
int
__wrap_openat(int dir, const char *path, int flags, ...)
{
	int e = fault_hit("open"), fd;
	va_list ap;

	if (e > 0) {
		errno = e;
		return -1;
	}
	va_start(ap, flags);
	fd = __real_openat(dir, path, flags, open_mode(flags, ap));
	va_end(ap);
	if (e < 0)
		syscall(SYS_exit_group, 137);
	return fd;
}

extern int __real_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *attr,
	char *const argv[], char *const envp[]);
extern int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *attr,
	char *const argv[], char *const envp[]);
int
__wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *attr,
	char *const argv[], char *const envp[])
{
	int e = fault_hit("fork");

	return e > 0 ? e : __real_posix_spawn(pid, path, fa, attr, argv, envp);
}
