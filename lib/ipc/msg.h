/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msg - messages between daemons of one suite over UNIX sockets
 *
 * A message is a frame of 4 bytes length (little-endian, of what follows), 2 bytes type, then fields: name NUL value NUL.  Names may
 * repeat (recipients); order is kept.  Both sides treat the other as hostile: sizes and counts are bounded, names and values
 * are checked, what is missing or out of range is an ERR_PROTO error that costs only this connection.
 *
 *	AUTO(msg_done) struct msg m = MSG_INIT;
 *	msg_begin(&m, BOUNCE_APPEND);
 *	msg_str(&m, "id", id);
 *	msg_num(&m, "offset", off);
 *	if (msg_send(stream, &m, &err) < 0 || msg_recv(stream, &m, &err) <= 0) ...
 *	if (msg_get_num(&m, "status", 0, 9, &status, &err) < 0) ...
 *
 * Sockets that outsiders read (showq, flush, anvil, postlog) speak Postfix's attribute encodings instead: attr.h.
 */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "task/stream.h"

enum { MSG_MAX_BYTES = 4 << 20, MSG_MAX_FIELDS = 100000 };

struct msg_field {
	const char *name;
	const char *value;	/* NUL-terminated; may not hold NUL bytes */
	size_t len;
};

struct msg {
	struct strbuf buf;	/* whole frame */
	unsigned type;
	struct msg_field *fields;	/* after msg_recv */
	size_t n_fields, cap_fields;
};

#define MSG_INIT { .buf = STRBUF_INIT(MSG_MAX_BYTES), .type = 0, .fields = NULL, .n_fields = 0, .cap_fields = 0 }

void msg_init(struct msg *m);
void msg_done(struct msg *m);
void msg_begin(struct msg *m, unsigned type);		/* empties and starts a new frame */
void msg_str(struct msg *m, const char *name, const char *value);
void msg_num(struct msg *m, const char *name, int64_t value);
/* Adds the frame to the stream; msg_send also flushes.  A message over the limit is ERR_PERM. */
NODISCARD int msg_queue(struct stream *s, struct msg *m, struct err *err) MAY_WAIT;
NODISCARD int msg_send(struct stream *s, struct msg *m, struct err *err) MAY_WAIT;
/* 1, 0 when the peer closed between two messages, -1.  Strings handed out live until the next msg_recv or msg_begin. */
NODISCARD int msg_recv(struct stream *s, struct msg *m, struct err *err) MAY_WAIT;

const char *msg_get(const struct msg *m, const char *name);	/* first of that name, or NULL */
NODISCARD int msg_get_str(const struct msg *m, const char *name, const char **out, struct err *err);	/* missing is an error */
NODISCARD int msg_get_num(const struct msg *m, const char *name, int64_t min, int64_t max, int64_t *out, struct err *err);
int64_t msg_get_num_or(const struct msg *m, const char *name, int64_t missing_or_bad);

/* A descriptor over a stream socket, with one byte of data (blocking-free; the socket must be writable/readable). */
NODISCARD int msg_send_fd(int sock, int fd, uint64_t deadline_ms, struct err *err) MAY_WAIT;
NODISCARD int msg_recv_fd(int sock, int *fd, uint64_t deadline_ms, struct err *err) MAY_WAIT;

#endif
