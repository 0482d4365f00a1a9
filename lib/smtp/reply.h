/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply - a server's reply, read with limits: RFC 5321 section 4.2
 *
 *	AUTO(smtp_reply_done) struct smtp_reply r = SMTP_REPLY_INIT;
 *	if (smtp_reply_read(stream, &r, &err) < 0) ...	time is up, the server is gone, or what it says is no reply
 *	if (r.code / 100 == 2) ...
 *
 * Lines may come in pieces and end in CR LF or LF.  A line over SMTP_REPLY_LINE is cut, what is over SMTP_REPLY_TEXT is not kept; a reply
 * of more lines or bytes than anybody sends is refused.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/err.h"
#include "base/strbuf.h"
#include "task/stream.h"

enum {
	SMTP_REPLY_LINE = 2048,			/* kept of one line */
	SMTP_REPLY_TEXT = 32 * 1024,		/* kept of one reply */
	SMTP_REPLY_MAX_LINES = 1000, SMTP_REPLY_MAX_BYTES = 256 * 1024,
	SMTP_REPLY_DSN_SIZE = 12,
};

struct smtp_reply {
	int code;			/* 200-599 */
	char dsn[SMTP_REPLY_DSN_SIZE];	/* of the last line that has one of the code's class; else "C.0.0" */
	struct strbuf text;		/* the lines as they came, joined by LF; unprintable bytes are '?' */
	size_t n_lines;
};
#define SMTP_REPLY_INIT { .code = 0, .dsn = "", .text = STRBUF_INIT(SMTP_REPLY_TEXT), .n_lines = 0 }

void smtp_reply_done(struct smtp_reply *r);
/*
 * 0, or -1: ERR_EOF the server closed; ERR_TIMEOUT; ERR_PROTO what it says is not a reply: then text holds the line, as far as it
 * is worth showing, and the connection is of no further use.  The stream's time limits hold for each wait: set a deadline to bound
 * the whole.
 */
NODISCARD int smtp_reply_read(struct stream *s, struct smtp_reply *r, struct err *err) MAY_WAIT;
/* The text in one line: lines joined by a blank, at most max bytes. */
void smtp_reply_flat(const struct smtp_reply *r, size_t max, struct strbuf *out);
/* Parse "5.7.1" at the start of s, of the class given ('2', '4', '5'; 0 for any): length, or 0 when it is none. */
size_t smtp_dsn_parse(const char *s, char class, char out[static SMTP_REPLY_DSN_SIZE]);

#endif
