/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply - reading of replies, one line after the other out of the stream's buffer
 */
#include "smtp/reply.h"

#include <string.h>

#include "base/ascii.h"

void
smtp_reply_done(struct smtp_reply *r)
{
	strbuf_done(&r->text);
}

/* One to max digits, as RFC 3463 has it: returns how many. */
static size_t
digits(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && ascii_is_digit(s[n]))
		n++;
	return n;
}

size_t
smtp_dsn_parse(const char *s, char class, char out[static SMTP_REPLY_DSN_SIZE])
{
	size_t n = 1, part;

	if ((s[0] != '2' && s[0] != '4' && s[0] != '5') || (class != '\0' && s[0] != class))
		return 0;
	for (int i = 0; i < 2; i++) {
		if (s[n] != '.' || (part = digits(s + n + 1, 3)) == 0)
			return 0;
		n += part + 1;
	}
	if (s[n] != '\0' && s[n] != ' ' && s[n] != '\t')
		return 0;
	memcpy(out, s, n);
	out[n] = '\0';
	return n;
}

/*
 * Append the next line to out, without its end and cut at SMTP_REPLY_LINE; *n_bytes counts all that was read for this reply.
 */
static int
read_line(struct stream *s, struct strbuf *out, size_t *n_bytes, struct err *err)
{
	for (;;) {
		size_t n;
		const char *p = stream_peek(s, &n);
		const char *lf = n > 0 ? memchr(p, '\n', n) : NULL;
		size_t take = lf != NULL ? (size_t)(lf - p) + 1 : n;
		size_t keep = lf != NULL ? take - 1 : take;

		*n_bytes += take;
		if (keep > SMTP_REPLY_LINE - out->len)
			keep = SMTP_REPLY_LINE - out->len;
		(void)strbuf_add(out, p, keep);
		stream_consume(s, take);
		if (lf != NULL)
			break;
		if (*n_bytes > SMTP_REPLY_MAX_BYTES)
			return err_set(err, ERR_PROTO, NULL, "the reply is too long");
		int rc = stream_fill(s, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return err_set(err, ERR_EOF, NULL, "the server closed the connection");
	}
	if (out->len > 0 && out->s[out->len - 1] == '\r')
		strbuf_cut(out, out->len - 1);
	return 0;
}

/* What a NUL or another control character hides must not be hidden; bytes above 127 stay when they are UTF-8. */
static void
clean_line(struct strbuf *line)
{
	for (size_t i = 0; i < line->len; i++)
		if (line->s[i] == '\0')
			line->s[i] = '?';
	ascii_printable(line->s, true);
}

/* 1: more lines follow, 0: the last one, -1: not a line of a reply. */
static int
judge_line(struct smtp_reply *r, const char *line)
{
	int code = 0;

	for (int i = 0; i < 3; i++) {
		if (!ascii_is_digit(line[i]))
			return -1;
		code = code * 10 + (line[i] - '0');
	}
	if (code < 200 || code > 599 || (line[3] != '\0' && line[3] != ' ' && line[3] != '-'))
		return -1;
	/* RFC 5321 section 4.2.1 wants the same code on all lines; of liars the last line counts. */
	r->code = code;
	if (line[3] != '\0')
		(void)smtp_dsn_parse(line + 4, line[0], r->dsn);
	return line[3] == '-' ? 1 : 0;
}

static void
default_dsn(struct smtp_reply *r)
{
	char class = (char)('0' + r->code / 100);

	if (class == '3')
		class = '2';
	if (r->dsn[0] == class)
		return;
	memcpy(r->dsn, "0.0.0", 6);
	r->dsn[0] = class;
}

int
smtp_reply_read(struct stream *s, struct smtp_reply *r, struct err *err)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF_INIT(SMTP_REPLY_LINE);
	size_t n_bytes = 0;
	int more = 1;

	strbuf_reset(&r->text);
	r->code = 0;
	r->n_lines = 0;
	r->dsn[0] = '\0';
	while (more) {
		strbuf_reset(&line);
		if (read_line(s, &line, &n_bytes, err) < 0)
			return -1;
		clean_line(&line);
		if (r->n_lines++ > 0)
			(void)strbuf_addc(&r->text, '\n');
		(void)strbuf_add(&r->text, line.s, line.len);
		if ((more = judge_line(r, line.s)) < 0) {
			strbuf_reset(&r->text);
			(void)strbuf_add(&r->text, line.s, line.len < 200 ? line.len : 200);
			return err_set(err, ERR_PROTO, NULL, "not an SMTP reply: %.200s", line.s);
		}
		if (r->n_lines > SMTP_REPLY_MAX_LINES || n_bytes > SMTP_REPLY_MAX_BYTES)
			return err_set(err, ERR_PROTO, NULL, "the reply is too long");
	}
	default_dsn(r);
	return 0;
}

void
smtp_reply_flat(const struct smtp_reply *r, size_t max, struct strbuf *out)
{
	size_t at = out->len, n = r->text.len < max ? r->text.len : max;

	(void)strbuf_add(out, r->text.s, n);
	for (; at < out->len; at++)
		if (out->s[at] == '\n')
			out->s[at] = ' ';
}
