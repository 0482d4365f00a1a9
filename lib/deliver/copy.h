/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy - a message out of the queue, as a mailbox, a Maildir file or a command gets it
 *
 * Runs in a process with the recipient's rights; blocks.
 */
#ifndef DELIVER_COPY_H
#define DELIVER_COPY_H

#include "base/strbuf.h"
#include "queue/queue.h"

struct copy_msg {
	struct qfile *file;
	int64_t content_at;
	const char *sender;	/* "" null sender */
	const char *orig_to;	/* X-Original-To: or NULL */
	const char *delivered_to;	/* Delivered-To: or NULL */
	bool return_path;	/* Return-Path: */
	const char *eol;	/* end of each line, NULL: LF */
};
enum {
	COPY_FROM_LINE = 1,	/* "From sender  date" */
	COPY_QUOTE_FROM = 2,	/* lines that begin with "From " get a '>' */
	COPY_BLANK_END = 4,	/* an empty line behind the message */
	COPY_DOT = 8,		/* lines that begin with '.' get another one */
	COPY_MBOX = COPY_FROM_LINE | COPY_QUOTE_FROM | COPY_BLANK_END,
};
/* put gets pieces of at most some 64 kB; an error of it ends the copy. */
typedef int copy_put_fn(void *arg, const char *data, size_t n, struct err *err);
NODISCARD int copy_message(const struct copy_msg *m, int flags, copy_put_fn *put, void *arg, struct err *err);
NODISCARD int copy_to_fd(const struct copy_msg *m, int flags, int fd, struct err *err);
/* Is one of the message's Delivered-To: headers this address?  1, 0, -1. */
NODISCARD int copy_was_delivered_to(struct qfile *file, int64_t content_at, const char *addr, struct err *err);

#endif
