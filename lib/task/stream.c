/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - buffers over a descriptor or a filter
 */
#include "task/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "task/task.h"
#include "task/task_priv.h"

struct stream {
	int fd;
	bool is_socket, drained /* the last read took all there was */, eof;
	char *in;			/* NULL while nothing is in it */
	size_t in_start, in_end, in_size;
	char *out;
	size_t out_len, out_size;
	uint64_t timeout_ms, deadline_ms;
	const struct stream_ops *ops;
	void *arg;
	struct err out_err;		/* sticks */
};

struct stream *
stream_new(int fd, size_t in_size, size_t out_size)
{
	struct stream *s = NEW(struct stream);

	ASSERT(fd >= 0 && in_size >= 64 && out_size >= 64);
	io_set_nonblock(fd, true);
	s->fd = fd;
	s->is_socket = true;
	s->in_size = in_size;
	s->out_size = out_size;
	s->timeout_ms = s->deadline_ms = TASK_FOREVER;
	return s;
}

static void
filter_free(struct stream *s)
{
	if (s->ops != NULL && s->ops->free != NULL)
		s->ops->free(s->arg);
	s->ops = NULL;
	s->arg = NULL;
}

void
stream_free(struct stream **sp)
{
	struct stream *s = *sp;
	int saved = errno;

	if (s == NULL)
		return;
	filter_free(s);
	if (s->fd >= 0) {
		task_forget_fd(s->fd);
		close(s->fd);
	}
	mem_free(&s->in);
	mem_free(&s->out);
	mem_free(sp);
	errno = saved;
}

int
stream_detach(struct stream **sp)
{
	struct stream *s = *sp;
	int fd = s->fd;

	ASSERT(s->in_start == s->in_end && s->out_len == 0);
	task_forget_fd(fd);
	s->fd = -1;
	stream_free(sp);
	return fd;
}

int
stream_fd(const struct stream *s)
{
	return s->fd;
}

void
stream_set_ops(struct stream *s, const struct stream_ops *ops, void *arg)
{
	filter_free(s);
	s->ops = ops;
	s->arg = arg;
	s->drained = false;
}

void
stream_set_timeout(struct stream *s, uint64_t ms)
{
	s->timeout_ms = ms;
}

void
stream_set_deadline(struct stream *s, uint64_t deadline_ms)
{
	s->deadline_ms = deadline_ms;
}

static uint64_t
wait_end(const struct stream *s)
{
	uint64_t end = TASK_FOREVER;

	if (s->timeout_ms != TASK_FOREVER)
		end = clock_mono_ms() + s->timeout_ms;
	return end < s->deadline_ms ? end : s->deadline_ms;
}

/* ---- input */
const char *
stream_peek(struct stream *s, size_t *n)
{
	*n = s->in_end - s->in_start;
	return s->in != NULL ? s->in + s->in_start : "";
}

void
stream_consume(struct stream *s, size_t n)
{
	ASSERT(n <= s->in_end - s->in_start);
	s->in_start += n;
	if (s->in_start == s->in_end)
		s->in_start = s->in_end = 0;
}

/* One read, waiting where needed.  >0, 0 at end, -1.  The input buffer is given back over a wait when it is empty. */
static ssize_t
transport_read(struct stream *s, char *own, size_t n, struct err *err)
{
	uint64_t end = wait_end(s);
	bool to_buffer = own == NULL;

	for (;;) {
		bool wait_first = s->drained && (s->ops == NULL || s->ops->pending == NULL || !s->ops->pending(s->arg));
		ssize_t r;

		if (wait_first) {
			if (to_buffer && s->in_end == 0)
				mem_free(&s->in);
			if (task_wait_fd(s->fd, true, false, end, err) < 0)
				return -1;
			s->drained = false;
		}
		if (to_buffer && s->in == NULL)
			s->in = mem_alloc(s->in_size);
		if (to_buffer) {
			own = s->in + s->in_end;
			n = s->in_size - s->in_end;
		}
		if (s->ops != NULL) {
			r = s->ops->read(s->arg, s->fd, own, n, end, err);
			s->drained = r > 0 && (size_t)r < n;
			return r;
		}
		r = read(s->fd, own, n);
		if (r >= 0) {
			s->drained = (size_t)r < n;
			task_tick();
			return r;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(err, "read");
		s->drained = true;
	}
}

/* What the other side waits for leaves before we wait for it. */
static int
flush_before_read(struct stream *s, struct err *err)
{
	return s->out_len > 0 ? stream_flush(s, err) : 0;
}

int
stream_fill(struct stream *s, struct err *err)
{
	ssize_t r;

	if (s->eof)
		return 0;
	if (s->in_start > 0) {
		if (s->in_end > s->in_start)
			memmove(s->in, s->in + s->in_start, s->in_end - s->in_start);
		s->in_end -= s->in_start;
		s->in_start = 0;
	}
	if (s->in_end == s->in_size)
		return err_set(err, ERR_PROTO, NULL, "more than %zu bytes where fewer were expected", s->in_size);
	if (flush_before_read(s, err) < 0)
		return -1;
	r = transport_read(s, NULL, 0, err);
	if (r < 0)
		return -1;
	s->eof = r == 0;
	s->in_end += (size_t)r;
	return r > 0;
}

static size_t
take_buffered(struct stream *s, void *buf, size_t n)
{
	size_t have = s->in_end - s->in_start;

	if (n > have)
		n = have;
	if (n > 0) {
		memcpy(buf, s->in + s->in_start, n);
		stream_consume(s, n);
	}
	return n;
}

ssize_t
stream_read(struct stream *s, void *buf, size_t n, struct err *err)
{
	size_t got = take_buffered(s, buf, n);
	ssize_t r;

	if (got > 0 || n == 0)
		return (ssize_t)got;
	if (s->eof)
		return 0;
	if (n >= s->in_size) {		/* large reads go past the buffer */
		if (flush_before_read(s, err) < 0)
			return -1;
		r = transport_read(s, buf, n, err);
		s->eof = r == 0;
		return r;
	}
	r = stream_fill(s, err);
	return r <= 0 ? r : (ssize_t)take_buffered(s, buf, n);
}

int
stream_read_exact(struct stream *s, void *buf, size_t n, struct err *err)
{
	char *p = buf;
	size_t got = 0;

	while (got < n) {
		ssize_t r = stream_read(s, p + got, n - got, err);

		if (r < 0)
			return -1;
		if (r == 0)
			return got == 0 ? 0 : err_set(err, ERR_EOF, NULL, "connection closed in the middle of a message");
		got += (size_t)r;
	}
	return 1;
}

int
stream_line(struct stream *s, char **line, size_t *len, size_t max, struct err *err)
{
	size_t seen = 0;

	ASSERT(max <= s->in_size);
	for (;;) {
		size_t have = s->in_end - s->in_start;
		size_t look = have < max ? have : max;
		char *lf = look > seen ? memchr(s->in + s->in_start + seen, '\n', look - seen) : NULL;
		int r;

		if (lf != NULL) {
			*lf = '\0';
			*line = s->in + s->in_start;
			*len = (size_t)(lf - *line);
			stream_consume(s, *len + 1);
			return 1;
		}
		if (have >= max)
			return err_set(err, ERR_PROTO, "5.5.2", "line longer than %zu bytes", max);
		seen = look;
		r = stream_fill(s, err);
		if (r < 0)
			return -1;
		if (r == 0)
			return have == 0 ? 0 : err_set(err, ERR_EOF, NULL, "connection closed in the middle of a line");
	}
}

bool
stream_readable(struct stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	if (s->in_end > s->in_start || s->eof)
		return true;
	if (s->ops != NULL && s->ops->pending != NULL && s->ops->pending(s->arg))
		return true;
	return poll(&p, 1, 0) > 0;
}

/* ---- output */
static ssize_t
send_some(struct stream *s, const char *data, size_t n)
{
	if (s->is_socket) {
		ssize_t r = send(s->fd, data, n, MSG_NOSIGNAL);

		if (r >= 0 || errno != ENOTSOCK)
			return r;
		s->is_socket = false;
	}
	return write(s->fd, data, n);
}

static int
transport_write(struct stream *s, const char *data, size_t n)
{
	uint64_t end = wait_end(s);

	log_flush();
	while (n > 0) {
		ssize_t r;

		if (s->ops != NULL) {
			r = s->ops->write(s->arg, s->fd, data, n, end, &s->out_err);
			if (r <= 0)
				return -1;
		} else {
			r = send_some(s, data, n);
		}
		if (r >= 0) {
			data += r;
			n -= (size_t)r;
			end = wait_end(s);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(&s->out_err, "write");
		if (task_wait_fd(s->fd, false, true, end, &s->out_err) < 0)
			return -1;
	}
	task_tick();
	return 0;
}

static int
out_failed(struct stream *s, struct err *err)
{
	if (s->out_err.class == ERR_NONE)
		err_set(&s->out_err, ERR_EOF, NULL, "connection closed");
	s->out_len = 0;
	mem_free(&s->out);
	if (err != NULL)
		*err = s->out_err;
	return -1;
}

int
stream_flush(struct stream *s, struct err *err)
{
	char *data = s->out;
	size_t n = s->out_len;
	int r;

	if (s->out_err.class != ERR_NONE)
		return out_failed(s, err);
	if (n == 0)
		return 0;
	/* taken out first: a write that waits must not see what is added meanwhile */
	s->out = NULL;
	s->out_len = 0;
	r = transport_write(s, data, n);
	mem_free(&data);
	return r < 0 ? out_failed(s, err) : 0;
}

int
stream_write(struct stream *s, const void *data, size_t n, struct err *err)
{
	if (s->out_err.class != ERR_NONE)
		return out_failed(s, err);
	if (n > s->out_size - s->out_len && stream_flush(s, err) < 0)
		return -1;
	if (n >= s->out_size)
		return transport_write(s, data, n) < 0 ? out_failed(s, err) : 0;
	if (n == 0)
		return 0;
	if (s->out == NULL)
		s->out = mem_alloc(s->out_size);
	memcpy(s->out + s->out_len, data, n);
	s->out_len += n;
	return 0;
}

int
stream_printf(struct stream *s, const char *fmt, ...)
{
	AUTO(mem_free) char *big = NULL;
	char small[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	if ((size_t)n < sizeof(small))
		return stream_write(s, small, (size_t)n, NULL);
	big = mem_alloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return stream_write(s, big, (size_t)n, NULL);
}

void
stream_drop_output(struct stream *s)
{
	s->out_len = 0;
}

size_t
stream_unflushed(const struct stream *s)
{
	return s->out_len;
}

/* ---- connecting */
static int
connect_wait(int fd, uint64_t deadline_ms, struct err *err)
{
	socklen_t len = sizeof(int);
	int e = 0;

	if (task_wait_fd(fd, false, true, deadline_ms, err) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return err_sys(err, "connect");
	errno = e;
	return e == 0 ? 0 : err_sys(err, "connect");
}

int
stream_connect_tcp(const struct sockaddr *sa, unsigned sa_len, const struct sockaddr *bind_sa, unsigned bind_len,
    uint64_t deadline_ms, struct err *err)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return err_sys(err, "socket");
	log_flush();
	if (bind_sa != NULL && bind(fd, bind_sa, bind_len) < 0)
		r = err_sys(err, "bind");
	else if (connect(fd, sa, sa_len) == 0)
		r = 0;
	else if (errno == EINPROGRESS || errno == EINTR)
		r = connect_wait(fd, deadline_ms, err);
	else
		r = err_sys(err, "connect");
	if (r == 0)
		return fd;
	task_forget_fd(fd);
	io_close(&fd);
	return -1;
}
