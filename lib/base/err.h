/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err - why something failed, in the terms a mail system answers with
 *
 * A function that can fail returns int (0, -1) or a pointer (NULL) and fills a struct err; the caller decides what
 * to log and what to reply.  Every error of a mail system ends as 4xx, 5xx, defer or bounce, so each says which.  In
 * doubt it is temporary: a local fault never bounces mail.
 *
 *	if (fd < 0)
 *		return err_sys(err, "open %s", path);			class and dsn by errno
 *	return err_set(err, ERR_PERM, "5.1.3", "bad address: %s", s);
 *
 * err may be NULL everywhere: the caller does not want to know.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

enum err_class {
	ERR_NONE,
	ERR_TEMP,	/* try later: 4xx, defer */
	ERR_PERM,	/* will not work as asked: 5xx, bounce */
	ERR_CONF,	/* the administrator must mend something; towards clients temporary */
	ERR_PROTO,	/* the other side does not keep to the protocol */
	ERR_NOSPACE,	/* disk or quota full: temporary */
	ERR_TIMEOUT,	/* deadline passed: temporary */
	ERR_CANCEL,	/* the task was cancelled */
	ERR_EOF,	/* the peer closed, cleanly or not */
};

struct err {
	enum err_class class;
	int sys;		/* errno, or 0 */
	char dsn[12];		/* RFC 3463 code such as 4.3.0 */
	char text[512];		/* one line, no newline; cut when longer */
};

#define ERR_INIT { .class = ERR_NONE, .sys = 0, .dsn = "", .text = "" }

/* All three return -1, so that "return err_set(...)" reads well.  dsn NULL: taken from the class. */
int err_set(struct err *err, enum err_class class, const char *dsn, const char *fmt, ...) PRINTF(4, 5);
/* Appends ": strerror(errno)".  ENOSPC, EDQUOT are ERR_NOSPACE; ETIMEDOUT ERR_TIMEOUT; all others ERR_TEMP. errno is kept. */
int err_sys(struct err *err, const char *fmt, ...) PRINTF(2, 3);
/* Put a text before what is there: "open table: " + text. */
int err_prefix(struct err *err, const char *fmt, ...) PRINTF(2, 3);
/* May be tried again later (everything but ERR_PERM and ERR_NONE). */
int err_is_temp(const struct err *err);

#endif
