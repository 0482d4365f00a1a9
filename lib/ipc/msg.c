/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msg - frames: building, sending, receiving, checking
 */
#include "ipc/msg.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/msg_priv.h"
#include "task/task.h"

enum { HEAD = 6, LENGTH = 4, CHUNK = 65536 };

void
msg_init(struct msg *m)
{
	*m = (struct msg)MSG_INIT;
}

void
msg_done(struct msg *m)
{
	strbuf_done(&m->buf);
	mem_free(&m->fields);
	msg_init(m);
}

static void
put_le(char *p, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(v >> (8 * i) & 0xff);
}

static uint32_t
get_le(const char *p, size_t n)
{
	uint32_t v = 0;

	for (size_t i = n; i-- > 0;)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

void
msg_begin(struct msg *m, unsigned type)
{
	static const char head[HEAD];

	ASSERT(type <= 0xffff);
	strbuf_reset(&m->buf);
	m->n_fields = 0;
	m->type = type;
	strbuf_add(&m->buf, head, sizeof(head));
}

void
msg_str(struct msg *m, const char *name, const char *value)
{
	size_t n = strlen(name) + 1, v = strlen(value) + 1;
	char *p = strbuf_room(&m->buf, n + v);

	if (p == NULL)
		return;
	memcpy(p, name, n);
	memcpy(p + n, value, v);
	strbuf_grown(&m->buf, n + v);
}

void
msg_num(struct msg *m, const char *name, int64_t value)
{
	char text[24];
	char *p = text + sizeof(text);
	uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	*--p = '\0';
	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (value < 0)
		*--p = '-';
	msg_str(m, name, p);
}

int
msg_finish(struct msg *m, struct err *err)
{
	ASSERT(m->buf.len >= HEAD);
	if (m->buf.overflow)
		return err_set(err, ERR_PERM, NULL, "message of more than %d bytes between daemons", MSG_MAX_BYTES);
	put_le(m->buf.s, (uint32_t)(m->buf.len - LENGTH), LENGTH);
	put_le(m->buf.s + LENGTH, m->type, HEAD - LENGTH);
	return 0;
}

int
msg_queue(struct stream *s, struct msg *m, struct err *err)
{
	if (msg_finish(m, err) < 0)
		return -1;
	return stream_write(s, m->buf.s, m->buf.len, err);
}

int
msg_send(struct stream *s, struct msg *m, struct err *err)
{
	return msg_queue(s, m, err) < 0 ? -1 : stream_flush(s, err);
}

/* ---- receiving */
static int
fields_parse(struct msg *m, struct err *err)
{
	const char *p = m->buf.s + HEAD, *end = m->buf.s + m->buf.len;

	m->n_fields = 0;
	if (p < end && end[-1] != '\0')
		return err_set(err, ERR_PROTO, NULL, "message between daemons: field without end");
	while (p < end) {
		size_t name_len = strlen(p);
		const char *value = p + name_len + 1;
		struct msg_field *f;

		if (name_len == 0 || value >= end)
			return err_set(err, ERR_PROTO, NULL, "message between daemons: field without name or value");
		if (m->n_fields == MSG_MAX_FIELDS)
			return err_set(err, ERR_PROTO, NULL, "message between daemons: more than %d fields", MSG_MAX_FIELDS);
		if (m->n_fields == m->cap_fields) {
			m->cap_fields = m->cap_fields == 0 ? 16 : m->cap_fields * 2;
			m->fields = mem_realloc_array(m->fields, m->cap_fields, sizeof(*m->fields));
		}
		f = &m->fields[m->n_fields++];
		f->name = p;
		f->value = value;
		f->len = strlen(value);
		p = value + f->len + 1;
	}
	return 0;
}

/* How many bytes the frame will have, as far as is known. */
static int
frame_size(const struct msg *m, size_t *size, struct err *err)
{
	uint32_t n;

	*size = HEAD;
	if (m->buf.len < LENGTH)
		return 0;
	n = get_le(m->buf.s, LENGTH);
	if (n < HEAD - LENGTH || n > MSG_MAX_BYTES - LENGTH)
		return err_set(err, ERR_PROTO, NULL, "message between daemons: bad length %u", (unsigned)n);
	*size = n + LENGTH;
	return 0;
}

int
msg_recv_more(struct stream *s, struct msg *m, struct err *err)
{
	for (;;) {
		size_t size, want;
		ssize_t r;
		char *p;

		if (frame_size(m, &size, err) < 0)
			return -1;
		if (m->buf.len >= HEAD && m->buf.len == size)
			break;
		want = size - m->buf.len;
		p = strbuf_room(&m->buf, want < CHUNK ? want : CHUNK);	/* memory follows what really comes */
		ASSERT(p != NULL);
		r = stream_read(s, p, want < CHUNK ? want : CHUNK, err);
		if (r < 0)
			return -1;
		if (r == 0)
			return m->buf.len == 0 ? 0 : err_set(err, ERR_EOF, NULL, "connection closed in the middle of a message");
		strbuf_grown(&m->buf, (size_t)r);
	}
	m->type = get_le(m->buf.s + LENGTH, HEAD - LENGTH);
	return fields_parse(m, err) < 0 ? -1 : 1;
}

int
msg_recv(struct stream *s, struct msg *m, struct err *err)
{
	strbuf_reset(&m->buf);
	m->n_fields = 0;
	return msg_recv_more(s, m, err);
}

const char *
msg_get(const struct msg *m, const char *name)
{
	for (size_t i = 0; i < m->n_fields; i++)
		if (strcmp(m->fields[i].name, name) == 0)
			return m->fields[i].value;
	return NULL;
}

int
msg_get_str(const struct msg *m, const char *name, const char **out, struct err *err)
{
	*out = msg_get(m, name);
	if (*out != NULL)
		return 0;
	*out = "";
	return err_set(err, ERR_PROTO, NULL, "message between daemons: %s is missing", name);
}

int
msg_get_num(const struct msg *m, const char *name, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	const char *v = msg_get(m, name);

	*out = 0;
	if (v == NULL)
		return err_set(err, ERR_PROTO, NULL, "message between daemons: %s is missing", name);
	if (num_parse_i64(v, min, max, out) < 0)
		return err_set(err, ERR_PROTO, NULL, "message between daemons: %s is no number from %" PRId64 " to %" PRId64, name, min,
		    max);
	return 0;
}

int64_t
msg_get_num_or(const struct msg *m, const char *name, int64_t missing_or_bad)
{
	const char *v = msg_get(m, name);
	int64_t n;

	return v != NULL && num_parse_i64(v, INT64_MIN, INT64_MAX, &n) == 0 ? n : missing_or_bad;
}

/* ---- descriptors */
union fd_room {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int
msg_send_fd(int sock, int fd, uint64_t deadline_ms, struct err *err)
{
	char byte = 'F';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union fd_room room = { .buf = { 0 } };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room.buf, .msg_controllen = sizeof(room.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	log_flush();
	for (;;) {
		if (sendmsg(sock, &mh, MSG_NOSIGNAL) == 1)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(err, "send descriptor");
		if (task_wait_fd(sock, false, true, deadline_ms, err) < 0)
			return -1;
	}
}

static int
fd_take(struct msghdr *mh, int *fd, struct err *err)
{
	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
			continue;
		if (*fd >= 0)
			close(*fd);
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	}
	if (*fd >= 0 && (mh->msg_flags & MSG_CTRUNC) == 0)
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return err_set(err, ERR_PROTO, NULL, "a descriptor was expected and none came");
}

int
msg_recv_fd(int sock, int *fd, uint64_t deadline_ms, struct err *err)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union fd_room room = { .buf = { 0 } };

	*fd = -1;
	for (;;) {
		struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room.buf, .msg_controllen = sizeof(room.buf) };
		ssize_t r = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);

		if (r > 0)
			return fd_take(&mh, fd, err);
		if (r == 0)
			return err_set(err, ERR_EOF, NULL, "connection closed where a descriptor was expected");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(err, "receive descriptor");
		if (task_wait_fd(sock, true, false, deadline_ms, err) < 0)
			return -1;
	}
}
