/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer - replies as a server sends them (RFC 5321 section 4.2, RFC 2034)
 *
 *	smtp_answer(s, 550, "5.1.1", "<x@y>: User unknown", 0)		550 5.1.1 <x@y>: User unknown
 *	smtp_answer(s, 250, NULL, "mx.example\nPIPELINING\nDSN", 0)	three lines, 250- 250- 250
 *
 * Code and enhanced code stand on every line.  Text may come from strangers: control characters become '?', so that nobody can
 * forge a reply line, and lines are cut at SMTP_ANSWER_LINE.  The reply is only buffered: pipelined ones leave together.
 */
#ifndef SMTP_ANSWER_H
#define SMTP_ANSWER_H

#include "base/attr.h"
#include "task/stream.h"

enum { SMTP_ANSWER_LINE = 2000 };
enum { SMTP_ANSWER_UTF8 = 1 };		/* the client asked for SMTPUTF8: UTF-8 may stay */

/* dsn NULL: none (greeting, EHLO).  Errors show at the stream's next flush. */
void smtp_answer(struct stream *s, int code, const char *dsn, const char *text, int flags) MAY_WAIT;

#endif
