/* SPDX-License-Identifier: Apache-2.0 */
/* header - recognition of headers, the table of known ones, and structured values */
#include "mime/header.h"

#include <string.h>

#include "base/ascii.h"

enum { S = HEADER_F_SENDER, R = HEADER_F_RCPT, X = HEADER_F_EXTRACT, RE = HEADER_F_RESENT };

static const struct header_def defs[HEADER_N] = {
	[HEADER_OTHER] = { "", HEADER_OTHER, 0 },
	[HEADER_APPARENTLY_TO] = { "Apparently-To", HEADER_APPARENTLY_TO, R },
	[HEADER_BCC] = { "Bcc", HEADER_BCC, R | X },
	[HEADER_CC] = { "Cc", HEADER_CC, R | X },
	[HEADER_CONTENT_LENGTH] = { "Content-Length", HEADER_CONTENT_LENGTH, 0 },
	[HEADER_CONTENT_TRANSFER_ENCODING] = { "Content-Transfer-Encoding", HEADER_CONTENT_TRANSFER_ENCODING, 0 },
	[HEADER_CONTENT_TYPE] = { "Content-Type", HEADER_CONTENT_TYPE, 0 },
	[HEADER_DATE] = { "Date", HEADER_DATE, 0 },
	[HEADER_DELIVERED_TO] = { "Delivered-To", HEADER_DELIVERED_TO, 0 },
	[HEADER_DISP_NOTIFICATION] = { "Disposition-Notification-To", HEADER_DISP_NOTIFICATION, S },
	[HEADER_ERRORS_TO] = { "Errors-To", HEADER_ERRORS_TO, S },
	[HEADER_FROM] = { "From", HEADER_FROM, S },
	[HEADER_MAIL_FOLLOWUP_TO] = { "Mail-Followup-To", HEADER_MAIL_FOLLOWUP_TO, S },
	[HEADER_MESSAGE_ID] = { "Message-Id", HEADER_MESSAGE_ID, 0 },
	[HEADER_MIME_VERSION] = { "MIME-Version", HEADER_MIME_VERSION, 0 },
	[HEADER_RECEIVED] = { "Received", HEADER_RECEIVED, 0 },
	[HEADER_REPLY_TO] = { "Reply-To", HEADER_REPLY_TO, S },
	[HEADER_RESENT_BCC] = { "Resent-Bcc", HEADER_RESENT_BCC, R | X | RE },
	[HEADER_RESENT_CC] = { "Resent-Cc", HEADER_RESENT_CC, R | X | RE },
	[HEADER_RESENT_DATE] = { "Resent-Date", HEADER_RESENT_DATE, RE },
	[HEADER_RESENT_FROM] = { "Resent-From", HEADER_RESENT_FROM, S | RE },
	[HEADER_RESENT_MESSAGE_ID] = { "Resent-Message-Id", HEADER_RESENT_MESSAGE_ID, RE },
	[HEADER_RESENT_REPLY_TO] = { "Resent-Reply-To", HEADER_RESENT_REPLY_TO, S | RE },
	[HEADER_RESENT_SENDER] = { "Resent-Sender", HEADER_RESENT_SENDER, S | RE },
	[HEADER_RESENT_TO] = { "Resent-To", HEADER_RESENT_TO, R | X | RE },
	[HEADER_RETURN_PATH] = { "Return-Path", HEADER_RETURN_PATH, S },
	[HEADER_RETURN_RECEIPT_TO] = { "Return-Receipt-To", HEADER_RETURN_RECEIPT_TO, S },
	[HEADER_SENDER] = { "Sender", HEADER_SENDER, S },
	[HEADER_SUBJECT] = { "Subject", HEADER_SUBJECT, 0 },
	[HEADER_TLS_REQUIRED] = { "TLS-Required", HEADER_TLS_REQUIRED, 0 },
	[HEADER_TO] = { "To", HEADER_TO, R | X },
};

size_t
header_name_len(const char *line, size_t n, size_t *body)
{
	size_t len = 0, at;

	while (len < n && line[len] > ' ' && line[len] < 127 && line[len] != ':')
		len++;
	at = len;
	while (at < n && ascii_is_blank((unsigned char)line[at]))
		at++;
	if (len == 0 || at >= n || line[at] != ':')
		return 0;
	if (body != NULL) {
		for (at++; at < n && ascii_is_blank((unsigned char)line[at]); at++)
			;
		*body = at;
	}
	return len;
}

const struct header_def *
header_find(const char *name, size_t n)
{
	for (int i = 1; i < HEADER_N; i++) {
		if (ascii_lower((unsigned char)name[0]) == ascii_lower((unsigned char)defs[i].name[0]) && strlen(defs[i].name) == n &&
		    ascii_ncasecmp(defs[i].name, name, n) == 0)
			return &defs[i];
	}
	return &defs[HEADER_OTHER];
}

const struct header_def *
header_by_id(enum header_id id)
{
	return &defs[id];
}

/* ---- tokens of structured values (RFC 2045 section 5.1) */
struct value {
	const char *s;
	size_t n, pos;
	const char *tok;	/* the token's text, without the quotes of a quoted string */
	size_t len;
	char kind;		/* 'a'tom, 'q'uoted string, the byte itself, or 0 at the end */
};

static void
skip_blanks(struct value *v)
{
	int depth = 0;

	for (; v->pos < v->n; v->pos++) {
		char c = v->s[v->pos];

		if (c == '\\' && depth > 0 && v->pos + 1 < v->n)
			v->pos++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !ascii_is_space((unsigned char)c))
			return;
	}
}

static bool
is_special(char c)
{
	return c == '\0' || ascii_is_space((unsigned char)c) || strchr("()<>@,;:\\\"/[]?=", c) != NULL;
}

static char
next_token(struct value *v)
{
	skip_blanks(v);
	if (v->pos >= v->n)
		return v->kind = 0;
	v->tok = v->s + v->pos;
	if (*v->tok == '"') {
		v->tok++;
		for (v->pos++; v->pos < v->n && v->s[v->pos] != '"'; v->pos++) {
			if (v->s[v->pos] == '\\' && v->pos + 1 < v->n)
				v->pos++;
		}
		v->len = (size_t)(v->s + v->pos - v->tok);
		v->pos += v->pos < v->n;
		return v->kind = 'q';
	}
	if (is_special(*v->tok)) {
		v->pos++;
		v->len = 1;
		return v->kind = *v->tok != '\0' && *v->tok != 'a' && *v->tok != 'q' ? *v->tok : '?';
	}
	while (v->pos < v->n && !is_special(v->s[v->pos]))
		v->pos++;
	v->len = (size_t)(v->s + v->pos - v->tok);
	return v->kind = 'a';
}

static void
copy_lower(char *out, size_t size, const struct value *v)
{
	size_t n = v->len < size ? v->len : size - 1;

	memcpy(out, v->tok, n);
	out[n] = '\0';
	ascii_lower_str(out);
}

bool
header_content_type(const char *value, size_t n, char type[static 32], char subtype[static 64])
{
	struct value v = { .s = value, .n = n };

	if (next_token(&v) != 'a')
		return false;
	copy_lower(type, 32, &v);
	if (next_token(&v) != '/' || next_token(&v) != 'a')
		return false;
	copy_lower(subtype, 64, &v);
	return true;
}

bool
header_param(const char *value, size_t n, const char *name, struct strbuf *out)
{
	struct value v = { .s = value, .n = n };

	while (next_token(&v) != 0) {
		if (v.kind != ';' || next_token(&v) != 'a' || strlen(name) != v.len || ascii_ncasecmp(v.tok, name, v.len) != 0)
			continue;
		if (next_token(&v) != '=')
			continue;
		if (next_token(&v) != 'a' && v.kind != 'q')
			continue;
		if (v.kind == 'q') {
			for (size_t i = 0; i < v.len; i++) {
				if (v.tok[i] == '\\' && i + 1 < v.len)
					i++;
				strbuf_addc(out, v.tok[i]);
			}
			return true;
		}
		/* "boundary=a=b/c" unquoted is common: up to the next separator */
		for (; (size_t)(v.tok - v.s) < v.n && !ascii_is_space((unsigned char)*v.tok) && *v.tok != ';'; v.tok++)
			strbuf_addc(out, *v.tok);
		return true;
	}
	return false;
}

enum mime_encoding
header_encoding(const char *value, size_t n)
{
	static const struct { const char *name; enum mime_encoding enc; } names[] = {
		{ "7bit", MIME_ENC_7BIT }, { "8bit", MIME_ENC_8BIT }, { "binary", MIME_ENC_BINARY },
		{ "quoted-printable", MIME_ENC_QP }, { "base64", MIME_ENC_BASE64 },
	};
	struct value v = { .s = value, .n = n };

	if (next_token(&v) != 'a')
		return MIME_ENC_OTHER;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strlen(names[i].name) == v.len && ascii_ncasecmp(names[i].name, v.tok, v.len) == 0)
			return names[i].enc;
	}
	return MIME_ENC_OTHER;
}
