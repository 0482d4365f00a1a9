/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup - the client's side of handing a message to cleanup, and what its status bits mean to an SMTP client */
#include "proto/cleanup.h"

#include <stdarg.h>
#include <string.h>

#include "base/bug.h"
#include "base/mem.h"
#include "ipc/msg.h"

enum {
	IDLE_MS = 100 * 1000,
	MAX_IDLE = 100,
	REPLY_MS = 3600 * 1000,		/* ipc_timeout: commit and proxied look-ups take their time, silence does not last */
	PUTF_MAX = 4000,
	OPEN_TRIES = 5,
};

struct cleanup {
	struct ipc_pool *pool;
	struct stream *stream;
	char id[256];
	bool failed;
	struct err err;
};

struct ipc_pool *
cleanup_pool_new(struct conf *conf)
{
	const char *name = conf_get(conf, "cleanup_service_name");
	/* lives as long as the process: the pool keeps it as the argument of connecting */
	char *path = mem_printf("public/%s", name != NULL && *name != '\0' ? name : "cleanup");

	return ipc_pool_new(ipc_connect_path, path, IDLE_MS, MAX_IDLE);
}

/* One attempt on one connection; a connection that had gone stale shows here, before anything of the message was sent. */
static int
open_message(struct cleanup *c, int flags, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	const char *id;
	int r;

	if ((c->stream = ipc_pool_get(c->pool, err)) == NULL)
		return -1;
	stream_set_timeout(c->stream, REPLY_MS);
	msg_begin(&m, CLEANUP_OPEN);
	msg_num(&m, "flags", flags);
	if (msg_send(c->stream, &m, err) < 0)
		return -1;
	if ((r = msg_recv(c->stream, &m, err)) <= 0)
		return r == 0 ? err_set(err, ERR_EOF, "4.3.0", "cleanup closed the connection") : -1;
	if (m.type != CLEANUP_OPENED || msg_get_str(&m, "queue_id", &id, err) < 0)
		return err_set(err, ERR_PROTO, "4.3.0", "unexpected answer of cleanup");
	if (strlen(id) >= sizeof c->id)
		return err_set(err, ERR_PROTO, "4.3.0", "queue id too long");
	memcpy(c->id, id, strlen(id) + 1);
	return 0;
}

struct cleanup *
cleanup_begin(struct ipc_pool *pool, int flags, struct err *err)
{
	struct cleanup *c = NEW(struct cleanup);

	c->pool = pool;
	for (int attempt = 0; attempt < OPEN_TRIES; attempt++) {
		if (open_message(c, flags, err) == 0)
			return c;
		if (c->stream == NULL)
			break;
		ipc_pool_drop(pool, &c->stream);
	}
	err_prefix(err, "cleanup service: ");
	mem_free(&c);
	return NULL;
}

const char *
cleanup_id(const struct cleanup *c)
{
	return c->id;
}

bool
cleanup_failed(const struct cleanup *c)
{
	return c->failed;
}

void
cleanup_put_raw(struct cleanup *c, const void *records, size_t n)
{
	if (!c->failed && stream_write(c->stream, records, n, &c->err) < 0)
		c->failed = true;
}

void
cleanup_put(struct cleanup *c, int type, const void *data, size_t len)
{
	unsigned char head[REC_HEADER_MAX];

	ASSERT(len <= REC_LENGTH_MAX);
	cleanup_put_raw(c, head, rec_header(head, type, len));
	cleanup_put_raw(c, data, len);
}

void
cleanup_putf(struct cleanup *c, int type, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(PUTF_MAX);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	if (b.overflow && !c->failed) {
		c->failed = true;
		err_set(&c->err, ERR_TEMP, "4.3.0", "record '%c' too long", type);
		return;
	}
	cleanup_put(c, type, b.s, b.len);
}

int
cleanup_end(struct cleanup *c, struct cleanup_result *r, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	const char *reason;
	int64_t status;
	int n;

	if (c->failed) {
		if (err != NULL)
			*err = c->err;
		return -1;
	}
	c->failed = true;	/* until all went well the connection is not used again */
	if (stream_flush(c->stream, err) < 0)
		return -1;
	if ((n = msg_recv(c->stream, &m, err)) <= 0)
		return n == 0 ? err_set(err, ERR_EOF, "4.3.0", "cleanup closed the connection") : -1;
	if (m.type != CLEANUP_DONE || msg_get_num(&m, "status", 0, 65535, &status, err) < 0)
		return err_set(err, ERR_PROTO, "4.3.0", "unexpected answer of cleanup");
	reason = msg_get(&m, "reason");
	r->status = (int)status;
	n = (int)strnlen(reason != NULL ? reason : "", sizeof r->reason - 1);
	memcpy(r->reason, reason != NULL ? reason : "", (size_t)n);
	r->reason[n] = '\0';
	ipc_pool_put(c->pool, &c->stream);
	return 0;
}

void
cleanup_free(struct cleanup **cp)
{
	struct cleanup *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	if (c->stream != NULL)
		ipc_pool_drop(c->pool, &c->stream);
	mem_free(&c);
}

/* What may be tried again comes first: a local fault is never turned into a bounce by another bit beside it. */
const struct cleanup_text *
cleanup_status_text(int status)
{
	static const struct { int bit; struct cleanup_text text; } texts[] = {
		{ CLEANUP_DEFER, { 451, "4.7.1", "service unavailable" } },
		{ CLEANUP_WRITE, { 451, "4.3.0", "queue file write error" } },
		{ CLEANUP_PROXY, { 451, "4.3.0", "queue file write error" } },
		{ CLEANUP_BAD, { 451, "4.3.0", "internal protocol error" } },
		{ CLEANUP_DENIED, { 550, "5.7.1", "not permitted" } },
		{ CLEANUP_NO_RCPT, { 550, "5.1.0", "no recipients specified" } },
		{ CLEANUP_HOPS, { 554, "5.4.0", "too many hops" } },
		{ CLEANUP_SIZE, { 552, "5.3.4", "message file too big" } },
		{ CLEANUP_CONTENT, { 550, "5.7.1", "message content rejected" } },
	};
	static const struct cleanup_text unknown = { 451, "4.3.0", "queue file write error" };
	static const struct cleanup_text ok = { 250, "2.0.0", "Success" };

	if (status == 0)
		return &ok;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if ((status & texts[i].bit) != 0)
			return &texts[i].text;
	}
	return &unknown;
}
