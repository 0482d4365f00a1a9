/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header - header lines: what is one, which are known, and values of the MIME ones (RFC 5322 section 2.2, RFC 2045)
 *
 * A logical header is its first line and the lines that continue it, with LF between them and none at the end.
 */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/strbuf.h"

enum header_id {
	HEADER_OTHER, HEADER_APPARENTLY_TO, HEADER_BCC, HEADER_CC, HEADER_CONTENT_LENGTH, HEADER_CONTENT_TRANSFER_ENCODING,
	HEADER_CONTENT_TYPE, HEADER_DATE, HEADER_DELIVERED_TO, HEADER_DISP_NOTIFICATION, HEADER_ERRORS_TO, HEADER_FROM,
	HEADER_MAIL_FOLLOWUP_TO, HEADER_MESSAGE_ID, HEADER_MIME_VERSION, HEADER_RECEIVED, HEADER_REPLY_TO, HEADER_RESENT_BCC,
	HEADER_RESENT_CC, HEADER_RESENT_DATE, HEADER_RESENT_FROM, HEADER_RESENT_MESSAGE_ID, HEADER_RESENT_REPLY_TO,
	HEADER_RESENT_SENDER, HEADER_RESENT_TO, HEADER_RETURN_PATH, HEADER_RETURN_RECEIPT_TO, HEADER_SENDER, HEADER_SUBJECT,
	HEADER_TLS_REQUIRED, HEADER_TO,
	HEADER_N
};
enum {
	HEADER_F_SENDER = 1,	/* addresses of senders */
	HEADER_F_RCPT = 2,	/* addresses of recipients */
	HEADER_F_EXTRACT = 4,	/* sendmail -t takes recipients from it */
	HEADER_F_RESENT = 8,
};
struct header_def {
	const char *name;	/* as Postfix spells it where it adds one: "Message-Id" */
	enum header_id id;
	unsigned flags;
};

/* Length of the name when the line begins a header ("Name:" or "Name :"), else 0.  body, when not NULL: offset behind colon and blanks. */
size_t header_name_len(const char *line, size_t n, size_t *body);
/* Never NULL: an unknown name gives the definition of HEADER_OTHER. */
const struct header_def *header_find(const char *name, size_t n);
const struct header_def *header_by_id(enum header_id id);

/* ---- values of Content-Type and Content-Transfer-Encoding, comments and folding aside */
/* "multipart/mixed": type and subtype, lower case, cut to size; false: not of this form. */
bool header_content_type(const char *value, size_t n, char type[static 32], char subtype[static 64]);
/* Parameter of a structured value, unquoted: true when it is there (the first one of that name). */
bool header_param(const char *value, size_t n, const char *name, struct strbuf *out);
enum mime_encoding { MIME_ENC_7BIT, MIME_ENC_8BIT, MIME_ENC_BINARY, MIME_ENC_QP, MIME_ENC_BASE64, MIME_ENC_OTHER };
enum mime_encoding header_encoding(const char *value, size_t n);

#endif
