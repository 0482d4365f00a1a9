/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime - the structure of a message, followed line by line: which lines are headers of which kind, which are body
 *
 *	mime_header(m, text, len)	each whole logical header of the message and its parts
 *	mime_line(m, line, len)		each line behind the message's own header; says what it is
 *
 * It never fails: what is malformed is body.  Memory is bounded by the nesting limit; boundaries are compared up to a limit.
 */
#ifndef MIME_MIME_H
#define MIME_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "mime/header.h"

enum mime_kind {
	MIME_BODY,		/* text of a part, preamble, boundary line, epilogue */
	MIME_HEADER_LINE,	/* begins or continues a header: mime_context says of what */
	MIME_HEADER_END,	/* the empty line behind a header */
};
enum mime_context { MIME_PRIMARY, MIME_PART, MIME_NESTED };	/* of the message, of a part, of an attached message */

struct mime;
NODISCARD struct mime *mime_new(int nesting_limit, int boundary_limit);
void mime_free(struct mime **mp);
/* Whose header is read, or, in a body, was read last. */
enum mime_context mime_context(const struct mime *m);
void mime_header(struct mime *m, const char *text, size_t n);
/* The message's own header has ended (mime_line says so for all others). */
void mime_primary_end(struct mime *m);
enum mime_kind mime_line(struct mime *m, const char *line, size_t n);
/* No part can follow any more, or none could: the rest needs no mime_line. */
bool mime_is_plain(const struct mime *m);
/* A new part's body began with this line's predecessor; counts up at each. */
unsigned mime_part_number(const struct mime *m);
bool mime_is_too_deep(const struct mime *m);
/* Content-Transfer-Encoding of the header read last (7bit when it had none). */
enum mime_encoding mime_encoding(const struct mime *m);
/* A multipart or message was announced as base64 or quoted-printable, which RFC 2045 section 6.4 forbids. */
bool mime_is_bad_domain(const struct mime *m);

#endif
