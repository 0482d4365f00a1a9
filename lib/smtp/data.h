/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data - content after DATA: lines, dots, and where it ends (RFC 5321 sections 2.3.8, 4.1.1.4, 4.5.2)
 *
 * Only CR LF ends a line that counts: the content ends at CR LF "." CR LF and nowhere else.  A bare CR is a byte like any other.
 * What a bare LF means is the mode's: SMTP_LF_STRICT takes it as a line end that can neither begin nor be an end of data (so that no two
 * servers can disagree about where a message ends), SMTP_LF_REJECT stops there, SMTP_LF_LAX takes it for CR LF in every respect
 * (trusted clients that are known to send it).
 *
 *	smtp_data_init(&d, SMTP_LF_STRICT, 2048);
 *	for (;;) {
 *		p = stream_peek(s, &n);
 *		r = smtp_data_feed(&d, p, n, &used, put, arg);
 *		stream_consume(s, used);
 *		if (r == SMTP_DATA_MORE) stream_fill(s, &err) ...
 *	}
 *
 * Pieces are handed out in place, without copying.  What cannot be decided yet is left in the caller's buffer, which must hold more
 * than SMTP_DATA_SLACK + chunk bytes.  However the input is cut, the pieces are the same.
 */
#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smtp_lf { SMTP_LF_STRICT, SMTP_LF_REJECT, SMTP_LF_LAX };
enum smtp_data_result { SMTP_DATA_MORE, SMTP_DATA_END, SMTP_DATA_BARE_LF };
enum { SMTP_DATA_SLACK = 4 };

struct smtp_data {
	enum smtp_lf mode;
	size_t chunk;		/* longer lines are handed out in pieces of this size */
	bool has_dots;		/* DATA: dots are doubled and one alone ends; false for BDAT, whose caller knows the end (RFC 3030) */
	bool at_start;		/* of a line */
	bool after_crlf;	/* the line before ended in CR LF */
	bool saw_bare_lf;
	uint64_t octets;	/* consumed so far */
};

/* A whole line or its last piece (ends_line), or a piece of exactly chunk bytes; without line end, dot-unstuffed. */
typedef void smtp_data_fn(void *arg, bool ends_line, const char *data, size_t n);

void smtp_data_init(struct smtp_data *d, enum smtp_lf mode, size_t chunk);
/* Takes what it can of n bytes; *used says how many. */
enum smtp_data_result smtp_data_feed(struct smtp_data *d, const char *p, size_t n, size_t *used, smtp_data_fn *put, void *arg);

#endif
