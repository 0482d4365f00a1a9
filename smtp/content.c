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

enum content_result
content_send(struct delivery *d, struct session *s, struct err *err)
{
	struct writer w = { .stream = s->stream, .err = err, .limit = (size_t)d->c->conf.line_limit, .is_line_start = true };
	struct qrec rec;
	int rc;

	if (w.limit > 0 && w.limit < 2)
		w.limit = 2;
	stream_set_deadline(s->stream, TASK_FOREVER);
	stream_set_timeout(s->stream, d->c->conf.data_xfer_ms);
	qfile_seek(d->ctx->file, d->req->content_offset);
	while ((rc = qfile_next(d->ctx->file, &rec, err)) == 1) {
		if (rec.type == REC_XTRA || rec.type == REC_END)
			break;
		if ((rec.type == REC_NORM || rec.type == REC_CONT) && put_record(&w, &rec) < 0)
			return CONTENT_NO_PEER;
	}
	if (rc < 0)
		return CONTENT_NO_FILE;
	if (rc == 0) {
		(void)err_set(err, ERR_PERM, "4.3.0", "the file ends within the content");
		return CONTENT_NO_FILE;
	}
	/* What is left in the buffer leaves together with the final dot. */
	return !w.is_line_start && end_line(&w) < 0 ? CONTENT_NO_PEER : CONTENT_SENT;
}
