/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content - the message's content out of the queue file: RFC 5321 sections 4.5.2 (dots) and 4.5.3.1.6 (long lines)
 *
 * Records go into the stream's buffer, which leaves in large writes.  A line end inside a record (a foreign file) becomes a real one,
 * so that nothing hides behind it.
 */
#include "smtp.h"

#include <string.h>

#include "queue/rec.h"

struct writer {
	struct stream *stream;
	struct err *err;
	size_t limit;		/* of a line; 0: none */
	size_t column;		/* bytes of the current line so far */
	bool is_line_start;
	const char *trouble;	/* content_fail() */
};

static int
put(struct writer *w, const char *p, size_t n)
{
	return stream_write(w->stream, p, n, w->err);
}

static int
end_line(struct writer *w)
{
	w->is_line_start = true;
	w->column = 0;
	return put(w, "\r\n", 2);
}

/* Bytes without LF. */
static int
put_text(struct writer *w, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	if (w->is_line_start && *p == '.' && put(w, ".", 1) < 0)
		return -1;
	w->is_line_start = false;
	while (w->limit > 0 && w->column + n > w->limit) {
		size_t part = w->limit - w->column;

		/* Not every server takes a long line: it goes on in the next one, which begins with a blank. */
		if (put(w, p, part) < 0 || put(w, "\r\n ", 3) < 0)
			return -1;
		p += part;
		n -= part;
		w->column = 1;
	}
	w->column += n;
	return put(w, p, n);
}

int
content_put(struct writer *w, const char *text, size_t n, bool is_end, struct err *err)
{
	(void)err;	/* the writer's */
	if (put_text(w, text, n) < 0)
		return -1;
	return is_end ? end_line(w) : 0;
}

void
content_fail(struct writer *w, const char *why)
{
	w->trouble = why;
}

static int
put_record(struct writer *w, const struct qrec *rec)
{
	const char *p = rec->data, *lf;
	size_t n = rec->len;

	while (n > 0 && (lf = memchr(p, '\n', n)) != NULL) {
		if (put_text(w, p, (size_t)(lf - p)) < 0 || end_line(w) < 0)
			return -1;
		n -= (size_t)(lf - p) + 1;
		p = lf + 1;
	}
	if (put_text(w, p, n) < 0)
		return -1;
	return rec->type == REC_NORM ? end_line(w) : 0;
}

/* All records of the content: 0, or -1 with *result. */
static int
send_records(struct delivery *d, struct writer *w, struct filter *f, enum content_result *result)
{
	struct qrec rec;
	int rc;

	*result = CONTENT_NO_FILE;
	while ((rc = qfile_next(d->ctx->file, &rec, w->err)) == 1) {
		if (rec.type == REC_XTRA || rec.type == REC_END)
			return 0;
		if (rec.type != REC_NORM && rec.type != REC_CONT)
			continue;
		if ((f == NULL ? put_record(w, &rec) : filter_record(f, &rec, w->err)) < 0) {
			*result = CONTENT_NO_PEER;
			return -1;
		}
	}
	return rc < 0 ? -1 : err_set(w->err, ERR_PERM, "4.3.0", "the file ends within the content");
}

enum content_result
content_send(struct delivery *d, struct session *s, const char **trouble, struct err *err)
{
	struct writer w = { .stream = s->stream, .err = err, .limit = (size_t)d->c->conf.line_limit, .is_line_start = true };
	AUTO(filter_free) struct filter *f = filter_is_wanted(d->c) ? filter_new(d, &w) : NULL;
	enum content_result result;

	if (w.limit > 0 && w.limit < 2)
		w.limit = 2;
	stream_set_deadline(s->stream, TASK_FOREVER);
	stream_set_timeout(s->stream, d->c->conf.data_xfer_ms);
	qfile_seek(d->ctx->file, d->req->content_offset);
	if (send_records(d, &w, f, &result) == 0) {
		/* What is left in the buffer leaves together with the final dot. */
		bool is_sent = (f == NULL || filter_end(f, err) == 0) && (w.is_line_start || end_line(&w) == 0);
		result = is_sent ? CONTENT_SENT : CONTENT_NO_PEER;
	}
	if (w.trouble == NULL)
		return result;
	*trouble = w.trouble;
	return CONTENT_TROUBLE;
}
