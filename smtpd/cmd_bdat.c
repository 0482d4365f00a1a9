/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bdat - BDAT: content in chunks of known size (RFC 3030 section 2). */
#include "smtpd/smtpd.h"

#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"

enum { CHUNK_MAX = 1 << 30 };

/* The end of one chunk and the beginning of the next may be one line: until it is whole it is collected apart. */
static enum smtp_data_result
feed_tail(struct session *s, const char *p, size_t n, size_t *used)
{
	const char *nl = memchr(p, '\n', n);
	size_t take = nl != NULL ? (size_t)(nl - p) + 1 : n, done;
	size_t room = s->tail.max - s->tail.len;
	enum smtp_data_result r;

	if (take > room)
		take = room;
	(void)strbuf_add(&s->tail, p, take);
	r = smtp_data_feed(&s->data, s->tail.s, s->tail.len, &done, content_piece, s);
	strbuf_remove(&s->tail, 0, done);
	*used = take;
	return r;
}

static enum smtp_data_result
feed(struct session *s, const char *p, size_t n, bool ends_chunk, size_t *used)
{
	enum smtp_data_result r;

	if (s->tail.len > 0)
		return feed_tail(s, p, n, used);
	r = smtp_data_feed(&s->data, p, n, used, content_piece, s);
	if (r == SMTP_DATA_MORE && ends_chunk) {
		(void)strbuf_add(&s->tail, p + *used, n - *used);
		*used = n;
	}
	return r;
}

/* size bytes from the client, for the message or (keep false) for nothing. 0, or -1 when the session is over. */
static int
receive(struct session *s, uint64_t size, bool keep)
{
	struct err err = ERR_INIT;
	enum smtp_data_result r = SMTP_DATA_MORE;
	size_t n, used;
	const char *p;

	s->in_content = true;
	s->deadline_ms = clock_mono_ms() + conf.timeout_ms;
	for (content_time(s, 0); size > 0; content_time(s, used)) {
		p = stream_peek(s->st, &n);
		used = n < size ? n : (size_t)size;
		if (keep && n > 0)
			r = feed(s, p, used, used == size, &used);
		stream_consume(s->st, used);
		s->content_octets += used;
		size -= used;
		if (r == SMTP_DATA_BARE_LF) {
			content_bare_lf(s);
			return -1;
		}
		if (size > 0 && used == 0 && stream_fill(s->st, &err) != 1) {
			s->content_octets += n;		/* had come and was not a whole line */
			content_lost(s, &err);
			return -1;
		}
	}
	s->in_content = false;
	return 0;
}

static int
syntax_error(struct session *s, const char *args)
{
	log_warning("%s: malformed BDAT command syntax from %s: BDAT %.100s", log_id(s), s->who, args);
	(void)reply(s, 501, "5.5.4", "Syntax: BDAT count [LAST]");
	s->is_closing = true;		/* what follows is content, as far as the client knows */
	return -1;
}

static int
parse(char *args, uint64_t *size, bool *last)
{
	size_t n = strcspn(args, " \t");
	char *word = args + n + strspn(args + n, " \t");

	args[n] = 0;
	*last = *word != 0;
	if (*word != 0 && ascii_casecmp(word, "LAST") != 0)
		return -1;
	return num_parse_u64(args, 0, CHUNK_MAX, size);
}

/* Refused, and so is every further chunk; but this one must be read. */
static int
refuse(struct session *s, uint64_t size, bool last, int code, const char *dsn, const char *text)
{
	message_drop(s);
	s->bdat_failed = true;
	if (receive(s, size, false) < 0)
		return -1;
	(void)reply(s, code, dsn, "%s", text);
	if (last)
		session_reset_mail(s);
	else if (s->state > ST_READY)
		s->state = ST_BDAT;
	return -1;
}

static int
check(struct session *s, uint64_t size, bool last)
{
	if (s->state < ST_RCPT || s->bdat_failed)
		return s->state == ST_MAIL ? refuse(s, size, last, 554, "5.5.1", "Error: no valid recipients") :
		    refuse(s, size, last, 503, "5.5.1", "Error: need RCPT command");
	if (conf.size_limit > 0 && size > (uint64_t)(conf.size_limit - (s->state == ST_BDAT ? s->content_size : 0)))
		return refuse(s, size, last, 552, "5.3.4", "Chunk exceeds message size limit");
	if (s->state == ST_BDAT)
		return 0;
	if (access_data(s) < 0)
		return refuse(s, size, last, s->verdict.code, s->verdict.dsn, s->verdict.text.s);
	content_begin(s, false);
	strbuf_init(&s->tail, (size_t)conf.line_limit + SMTP_DATA_SLACK * 2);
	s->state = ST_BDAT;
	return 0;
}

static int
finish(struct session *s)
{
	int rc;

	if (s->tail.len > 0)		/* a last line without its end */
		content_piece(s, true, s->tail.s, s->tail.len);
	rc = content_end(s);
	session_reset_mail(s);
	return rc;
}

int
cmd_bdat(struct session *s, char *args)
{
	uint64_t size;
	bool last;

	if (((env.offered & ~s->discard) & SMTP_EXT_CHUNKING) == 0) {
		s->is_closing = true;
		return reply(s, 502, "5.5.1", "Error: command not implemented");
	}
	if (parse(args, &size, &last) < 0)
		return syntax_error(s, args);
	if (check(s, size, last) < 0 || receive(s, size, true) < 0)
		return -1;
	return last ? finish(s) : reply(s, 250, "2.0.0", "Ok: %llu bytes", (unsigned long long)size);
}
