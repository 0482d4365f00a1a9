/* SPDX-License-Identifier: Apache-2.0 */
/* source - "name NUL value NUL" pairs from showq's socket, one at a time */
#include "source.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

enum { BUFFER = 65536, MAX_NAME = 100, MAX_VALUE = 1 << 20 };

void
source_init(struct source *s, int fd, int timeout_ms)
{
	*s = (struct source){ .fd = fd, .timeout_ms = timeout_ms, .buf = mem_alloc(BUFFER) };
	strbuf_init(&s->name, MAX_NAME);
	strbuf_init(&s->value, MAX_VALUE);
}

void
source_done(struct source *s)
{
	io_close(&s->fd);
	mem_free(&s->buf);
	strbuf_done(&s->name);
	strbuf_done(&s->value);
}

static int
fill(struct source *s, struct err *err)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	for (;;) {
		int ready = poll(&p, 1, s->timeout_ms);

		if (ready == 0)
			return err_set(err, ERR_TIMEOUT, NULL, "timeout while reading the queue listing");
		if (ready < 0 && errno != EINTR)
			return err_sys(err, "poll");
		n = read(s->fd, s->buf, BUFFER);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_sys(err, "read");
		if (n == 0)
			return err_set(err, ERR_EOF, NULL, "malformed showq server response: it ends too early");
		s->at = 0;
		s->end = (size_t)n;
		return 0;
	}
}

static int
read_string(struct source *s, struct strbuf *out, struct err *err)
{
	strbuf_reset(out);
	for (;;) {
		const char *p = s->buf + s->at, *nul = memchr(p, 0, s->end - s->at);
		size_t n = nul != NULL ? (size_t)(nul - p) : s->end - s->at;

		if (strbuf_add(out, p, n) < 0)
			return err_set(err, ERR_PROTO, NULL, "malformed showq server response: more than %zu bytes", out->max);
		s->at += n + (nul != NULL);
		if (nul != NULL)
			return 0;
		if (fill(s, err) < 0)
			return -1;
	}
}

int
source_next(struct source *s, struct err *err)
{
	if (read_string(s, &s->name, err) < 0)
		return -1;
	if (s->name.len == 0)
		return 0;
	return read_string(s, &s->value, err) < 0 ? -1 : 1;
}
