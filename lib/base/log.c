/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"

enum { RECORD_MAX = 2000, RECORD_ROOM = RECORD_MAX + 400, BATCH_MAX = 60000, SEND_TRIES = 20, FULL_WAIT_MS = 50, NO_WAIT_MS = 500, TELL_EVERY_MS = 1000 };

/* A process has one log: this is the one mutable global of lib/base besides the hash seed. */
static struct {
	char tag[128], program[64], host[64];
	char socket_path[108], file_path[1024];
	int to, facility, fd, file_fd, verbose;
	bool utf8;
	unsigned long lost, lost_told;
	uint64_t retry_ms, no_wait_until_ms, tell_ms;
	char batch[BATCH_MAX];
	size_t batch_len;
	void (*tee)(enum log_level, const char *);
} lg = { .to = LOG_TO_STDERR, .facility = 2 << 3, .fd = -1, .file_fd = -1 };

static const char *const words[] = { "debug: ", "", "warning: ", "error: ", "fatal: ", "panic: " };
static const int priorities[] = { 7, 6, 4, 3, 2, 2 };

void
log_init(const char *tag, const char *program, int to)
{
	log_set_tag(tag);
	snprintf(lg.program, sizeof(lg.program), "%s", program);
	lg.to = to;
}

void
log_set_tag(const char *tag)
{
	snprintf(lg.tag, sizeof(lg.tag), "%s", tag);
}

void
log_set_to(int to)
{
	lg.to = to;
}

void
log_set_host(const char *host)
{
	snprintf(lg.host, sizeof(lg.host), "%s", host);
	lg.host[strcspn(lg.host, ".")] = '\0';
}

void
log_set_facility(int facility)
{
	lg.facility = facility;
}

void
log_set_utf8(bool on)
{
	lg.utf8 = on;
}

void
log_set_verbose(int level)
{
	lg.verbose = level;
}

int
log_verbose(void)
{
	return lg.verbose;
}

void
log_set_socket(int fd)
{
	if (lg.fd >= 0)
		close(lg.fd);
	lg.fd = fd;
}

void
log_set_socket_path(const char *path)
{
	snprintf(lg.socket_path, sizeof(lg.socket_path), "%s", path);
	log_set_socket(-1);
	lg.retry_ms = 0;
}

int
log_open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd < 0)
		return -1;
	if (lg.file_fd >= 0)
		close(lg.file_fd);
	lg.file_fd = fd;
	snprintf(lg.file_path, sizeof(lg.file_path), "%s", path);
	return 0;
}

void
log_tee(void (*fn)(enum log_level, const char *))
{
	lg.tee = fn;
}

unsigned long
log_lost(void)
{
	return lg.lost;
}

/* Connected datagram socket, non-blocking; tried again at most once a second. */
static int
socket_get(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = lg.socket_path[0] != '\0' ? lg.socket_path : "/dev/log";
	uint64_t now;

	if (lg.fd >= 0)
		return lg.fd;
	now = clock_mono_ms();
	if (now < lg.retry_ms)
		return -1;
	lg.retry_ms = now + 1000;
	lg.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (lg.fd < 0)
		return -1;
	memcpy(sun.sun_path, path, strnlen(path, sizeof(sun.sun_path) - 1));
	if (connect(lg.fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		log_set_socket(-1);
	return lg.fd;
}

void
log_connect(void)
{
	if (lg.to & (LOG_TO_SYSLOG | LOG_TO_POSTLOG))
		(void)socket_get();
}

/*
 * The queue of a datagram socket is short (net.unix.max_dgram_qlen, often 10), and its reader needs a moment to empty it.  A moment is what
 * it gets; a reader that does not use it is not waited for again for a while, so that a log that stalls never stalls mail.
 */
static bool
socket_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (clock_mono_ms() < lg.no_wait_until_ms)
		return false;
	if (poll(&p, 1, FULL_WAIT_MS) > 0)
		return true;
	lg.no_wait_until_ms = clock_mono_ms() + NO_WAIT_MS;
	return false;
}

static bool
socket_send(const char *data, size_t n)
{
	for (int attempt = 0, lost_peer = 0; attempt < SEND_TRIES && lost_peer < 2; attempt++) {
		int fd = socket_get();

		if (fd < 0)
			return false;
		if (send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return true;
		if ((errno == EAGAIN || errno == ENOBUFS) && socket_wait(fd))
			continue;	/* others may have been quicker: a few times */
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		log_set_socket(-1);	/* the service was restarted: one new try */
		lg.retry_ms = 0;
		lost_peer++;
	}
	return false;
}

static bool
write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, data, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		data += w;
		n -= (size_t)w;
	}
	return true;
}

/* Before postlogd is up, or when it is gone, a process that may write the file itself does so. */
static bool
file_send(const char *data, size_t n)
{
	return lg.file_fd >= 0 && write_all(lg.file_fd, data, n);
}

static void
batch_send(void)
{
	unsigned long lines = 0;

	for (size_t i = 0; i < lg.batch_len; i++)
		lines += lg.batch[i] == '\n';
	if (lg.to & LOG_TO_POSTLOG) {
		/* the last newline is the datagram's end; postlogd takes several lines at once */
		if (!socket_send(lg.batch, lg.batch_len - 1) && !file_send(lg.batch, lg.batch_len)) {
			if (lg.batch_len + RECORD_ROOM <= sizeof(lg.batch))
				return;		/* there is room for more: next time */
			lg.lost += lines;
		}
	} else if (!file_send(lg.batch, lg.batch_len)) {
		lg.lost += lines;
	}
	lg.batch_len = 0;
}

void
log_flush(void)
{
	int saved = errno;

	if (lg.batch_len > 0)
		batch_send();
	errno = saved;
}

/* Format one line behind what is in the batch; the batch always has room for a whole record. */
static void
to_line(const char *stamp, const char *text)
{
	char *line;
	size_t n, room = RECORD_ROOM;

	if (lg.batch_len + room > sizeof(lg.batch))
		log_flush();
	line = lg.batch + lg.batch_len;
	n = (size_t)snprintf(line, room, "%s %s %s[%d]: %s\n", stamp, lg.host[0] != '\0' ? lg.host : "localhost", lg.tag,
	    (int)getpid(), text);
	if (n >= room) {
		n = room - 1;
		line[n - 1] = '\n';
	}
	if (lg.to & LOG_TO_STDOUT)
		(void)write_all(STDOUT_FILENO, line, n);
	if (lg.to & (LOG_TO_POSTLOG | LOG_TO_FILE))
		lg.batch_len += n;
}

static void
to_syslog(int priority, const char *stamp, const char *text)
{
	char rec[RECORD_MAX + 400];
	int n;

	n = snprintf(rec, sizeof(rec), "<%d>%s %s[%d]: %s", lg.facility | priority, stamp, lg.tag, (int)getpid(), text);
	if (n >= (int)sizeof(rec))
		n = (int)sizeof(rec) - 1;
	if (!socket_send(rec, (size_t)n))
		lg.lost++;
}

/* text begins with its severity word */
static void
emit(enum log_level level, const char *text)
{
	char stamp[CLOCK_SYSLOG_SIZE];

	if (lg.tee != NULL)
		lg.tee(level, text);
	if (lg.to & LOG_TO_STDERR)
		dprintf(STDERR_FILENO, "%s: %s\n", lg.program[0] != '\0' ? lg.program : lg.tag, text);
	if (!(lg.to & (LOG_TO_SYSLOG | LOG_TO_POSTLOG | LOG_TO_FILE | LOG_TO_STDOUT)))
		return;
	clock_syslog(clock_wall_s(), stamp);
	if (lg.to & LOG_TO_SYSLOG)
		to_syslog(priorities[level], stamp, text);
	to_line(stamp, text);
}

/* Say how many records were lost, once they can be written again. */
static void
tell_lost(void)
{
	unsigned long before = lg.lost;
	int to = lg.to;
	char text[80];

	snprintf(text, sizeof(text), "warning: %lu log records could not be written", before - lg.lost_told);
	lg.lost_told = before;
	lg.to &= ~LOG_TO_STDERR;	/* who reads standard error has seen them */
	emit(LOG_LEVEL_WARNING, text);
	lg.to = to;
	if (lg.lost > before)
		lg.lost_told = before - 1;	/* this one was lost as well: tell later */
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	char text[RECORD_MAX];
	int saved = errno;
	size_t n = strlen(words[level]);
	va_list ap;

	memcpy(text, words[level], n);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	ascii_printable(text, lg.utf8);
	emit(level, text);
	if (lg.lost > lg.lost_told && clock_mono_ms() >= lg.tell_ms) {
		lg.tell_ms = clock_mono_ms() + TELL_EVERY_MS;
		tell_lost();
	}
	if (level >= LOG_LEVEL_FATAL)
		log_flush();
	errno = saved;
}
