/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup - hand a message to cleanup: envelope and content as one stream of queue records
 *
 *	struct cleanup *c = cleanup_begin(pool, CLEANUP_EXTERNAL, &err);	now there is a queue id
 *	cleanup_put(c, REC_FROM, ...); ... REC_MESG ... REC_NORM ... REC_XTRA, REC_END
 *	if (cleanup_end(c, &result, &err) == 0 && result.status == 0)	on disk: may be acknowledged
 *	cleanup_free(&c);				before cleanup_end: nothing stays
 *
 * On the socket: client sends msg CLEANUP_OPEN {flags}; server answers CLEANUP_OPENED {queue_id}; then raw records up to and
 * with REC_END; server answers CLEANUP_DONE {status, reason, size}.  The connection then serves the next message.
 */
#ifndef PROTO_CLEANUP_H
#define PROTO_CLEANUP_H

#include "config/conf.h"
#include "ipc/client.h"
#include "queue/rec.h"

enum { CLEANUP_OPEN = 0x100, CLEANUP_OPENED, CLEANUP_DONE };
enum {	/* flags, Postfix's values */
	CLEANUP_BOUNCE_ON_ERROR = 1,	/* the sender gets a bounce rather than the client an error */
	CLEANUP_CHECKS = 2,		/* header_checks, body_checks */
	CLEANUP_HOLD = 4, CLEANUP_DISCARD = 8, CLEANUP_AUTO_BCC = 16, CLEANUP_MAP = 32, CLEANUP_MILTERS = 64,
	CLEANUP_SMTP_REPLY = 128, CLEANUP_SMTPUTF8 = 256, CLEANUP_DETECT_UTF8 = 512, CLEANUP_REQUIRETLS = 1024,
	CLEANUP_EXTERNAL = CLEANUP_CHECKS | CLEANUP_AUTO_BCC | CLEANUP_MAP | CLEANUP_MILTERS,	/* mail from outside and users */
	CLEANUP_INTERNAL = 0,		/* notifications: no checks, no milters */
};
enum {	/* status bits, Postfix's values */
	CLEANUP_BAD = 1, CLEANUP_WRITE = 2, CLEANUP_SIZE = 4, CLEANUP_CONTENT = 8, CLEANUP_HOPS = 16, CLEANUP_NO_RCPT = 64,
	CLEANUP_PROXY = 128, CLEANUP_DEFER = 256, CLEANUP_DENIED = 512,
};

struct cleanup;
/* pool: from cleanup_pool_new, one a process; the socket's path is relative to the queue directory, where daemons live. */
NODISCARD struct ipc_pool *cleanup_pool_new(struct conf *conf);
NODISCARD struct cleanup *cleanup_begin(struct ipc_pool *pool, int flags, struct err *err) MAY_WAIT;
const char *cleanup_id(const struct cleanup *c);
void cleanup_put(struct cleanup *c, int type, const void *data, size_t len) MAY_WAIT;	/* errors stick until cleanup_end */
/* Whole records, already encoded (rec_add): the way for long runs of content. */
void cleanup_put_raw(struct cleanup *c, const void *records, size_t n) MAY_WAIT;
void cleanup_putf(struct cleanup *c, int type, const char *fmt, ...) PRINTF(3, 4) MAY_WAIT;
bool cleanup_failed(const struct cleanup *c);
struct cleanup_result {
	int status;		/* 0: committed */
	char reason[512];	/* "5.7.1 text" of the status, or "" */
};
/* -1: cleanup went away (temporary). */
NODISCARD int cleanup_end(struct cleanup *c, struct cleanup_result *r, struct err *err) MAY_WAIT;
void cleanup_free(struct cleanup **cp);
/* The most severe bit as reply: code 451..., dsn, text ("queue file write error", "message file too big" ...). */
struct cleanup_text {
	int smtp;
	const char *dsn, *text;
};
const struct cleanup_text *cleanup_status_text(int status);

#endif
