/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - buffered reading and writing of a descriptor, with deadlines
 *
 *	struct stream *s = stream_new(fd, 4096, 16384);		takes fd
 *	stream_set_timeout(s, 300 * 1000);
 *	while (stream_line(s, &line, &len, 2048, &err) == 1)
 *		stream_printf(s, "250 %s\r\n", ...);		buffered; leaves on flush, before a read that would wait, or when full
 *	stream_free(&s);
 *
 * Filters (TLS) replace the transport below the buffers with stream_set_ops().  Buffers are allocated when first needed and
 * given back when empty and idle, so a waiting session costs little.  Log records leave before bytes do (base/log.h).
 */
#ifndef TASK_STREAM_H
#define TASK_STREAM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

struct stream;
/* What moves bytes: like read(2), write(2) on a non-blocking descriptor, but waiting by themselves.  >0, 0 at end, -1. */
struct stream_ops {
	ssize_t (*read)(void *arg, int fd, void *buf, size_t n, uint64_t deadline_ms, struct err *err);
	ssize_t (*write)(void *arg, int fd, const void *buf, size_t n, uint64_t deadline_ms, struct err *err);
	bool (*pending)(void *arg);		/* bytes held back inside the filter; may be NULL */
	void (*free)(void *arg);
};

NODISCARD struct stream *stream_new(int fd, size_t in_size, size_t out_size);	/* takes fd, makes it non-blocking */
void stream_free(struct stream **sp);		/* drops what was not flushed, closes */
int stream_detach(struct stream **sp);		/* frees the stream, hands the descriptor back; buffers must be empty */
int stream_fd(const struct stream *s);
void stream_set_ops(struct stream *s, const struct stream_ops *ops, void *arg);

/* Time for each single wait (default none), and an absolute end for all of them together (TASK_FOREVER: none). */
void stream_set_timeout(struct stream *s, uint64_t ms);
void stream_set_deadline(struct stream *s, uint64_t deadline_ms);

/* What is in the input buffer; valid until the next call that reads. */
const char *stream_peek(struct stream *s, size_t *n);
void stream_consume(struct stream *s, size_t n);
/* Wait for more input: 1, 0 at end of stream, -1.  A full buffer is an error (ERR_PROTO): consume first. Flushes output first. */
NODISCARD int stream_fill(struct stream *s, struct err *err) MAY_WAIT;
/* Up to n bytes: >0, 0 at end, -1. */
NODISCARD ssize_t stream_read(struct stream *s, void *buf, size_t n, struct err *err) MAY_WAIT;
NODISCARD int stream_read_exact(struct stream *s, void *buf, size_t n, struct err *err) MAY_WAIT;	/* 1, 0 clean end before the first byte, -1 */
/* One line without its LF; a CR before it is left to the caller to judge.  1, 0 at end, -1.  A line longer than max (at most
 * the buffer size): ERR_PROTO, the line is not consumed.  The text is NUL-terminated in place and lives until the next read. */
NODISCARD int stream_line(struct stream *s, char **line, size_t *len, size_t max, struct err *err) MAY_WAIT;
/* Input is there (buffered or in the kernel) or the peer has closed: a read would not wait. */
bool stream_readable(struct stream *s);

NODISCARD int stream_write(struct stream *s, const void *data, size_t n, struct err *err) MAY_WAIT;
int stream_printf(struct stream *s, const char *fmt, ...) PRINTF(2, 3) MAY_WAIT;	/* an error shows at the next flush */
NODISCARD int stream_flush(struct stream *s, struct err *err) MAY_WAIT;
size_t stream_unflushed(const struct stream *s);
/* Forget what was not flushed: a peer that takes nothing more may still have said something worth reading. */
void stream_drop_output(struct stream *s);

/* Non-blocking TCP connect from an optional local address ("" for any): descriptor or -1. */
NODISCARD int stream_connect_tcp(const struct sockaddr *sa, unsigned sa_len, const struct sockaddr *bind_sa, unsigned bind_len,
    uint64_t deadline_ms, struct err *err) MAY_WAIT;

#endif
