/* SPDX-License-Identifier: Apache-2.0 */
/* One message: buffered writing, reading along pointers, marks.  Bytes come from and go to the back end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/mem.h"
#include "queue/queue_priv.h"

enum { VISITED_SLACK = 64 << 10 };

struct qfile *
qfile_new(struct queue *q, enum queue_name n)
{
	struct qfile *f = NEW(struct qfile);

	f->q = q;
	f->where = n;
	f->fd = -1;
	f->size = -1;
	return f;
}

struct qfile *
qfile_create(struct queue *q, enum queue_name n, struct err *err)
{
	struct qfile *f = qfile_new(q, n);

	f->is_new = f->can_write = true;
	if (q->ops->create(f, err) < 0)
		qfile_free(&f);
	return f;
}

struct qfile *
qfile_open(struct queue *q, enum queue_name n, const char *id, enum qfile_lock lock, struct err *err)
{
	struct qfile *f;

	if (!queue_id_is_valid(id)) {
		err_set(err, ERR_PERM, NULL, "bad queue id");
		if (err != NULL)
			err->sys = EINVAL;
		return NULL;
	}
	f = qfile_new(q, n);
	snprintf(f->id, sizeof(f->id), "%s", id);
	if (q->ops->open(f, lock, err) < 0)
		qfile_free(&f);
	return f;
}

/* What the next message must not inherit goes, the memory stays. */
static void
look_reset(struct qfile *f, enum queue_name n, const char *id)
{
	struct queue *q = f->q;
	char *rbuf = f->rbuf;
	size_t rcap = f->rcap;

	q->ops->close(f);
	*f = (struct qfile){
		.q = q, .where = n, .fd = -1, .size = -1, .is_look = true, .rbuf = rbuf, .rcap = rcap < QFILE_READ_FIRST ? rcap : QFILE_READ_FIRST,
	};
	snprintf(f->id, sizeof(f->id), "%s", id);
}

int
qfile_look(struct qfile **fp, struct queue *q, enum queue_name n, const char *id, struct qstat *st, struct err *err)
{
	if (!queue_id_is_valid(id))
		return err_set(err, ERR_PERM, NULL, "bad queue id");
	if (*fp == NULL)
		*fp = qfile_new(q, n);
	look_reset(*fp, n, id);
	if (q->ops->open(*fp, QFILE_LOCK_NONE, err) < 0)
		return -1;
	if ((*fp)->has_st)
		*st = (*fp)->st;
	else if (q->ops->stat_open(*fp, st, err) < 0)
		return -1;
	(*fp)->size = st->size;
	return 0;
}

void
qfile_free(struct qfile **fp)
{
	struct qfile *f = *fp;
	int saved = errno;

	if (f == NULL)
		return;
	f->q->ops->close(f);
	mem_free(&f->buf);
	mem_free(&f->rbuf);
	mem_free(fp);
	errno = saved;
}

const char *
qfile_id(const struct qfile *f)
{
	return f->id;
}

int
qfile_fd(const struct qfile *f)
{
	return f->fd;
}

/* ---- writing */

static void
flush_buf(struct qfile *f)
{
	if (f->buf_len == 0 || f->werr.class != ERR_NONE)
		return;
	if (f->q->ops->flush(f, &f->werr) < 0)
		return;
	f->flushed += (off_t)f->buf_len;
	f->buf_len = 0;
}

static void
put_bytes(struct qfile *f, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0 && f->werr.class == ERR_NONE) {
		size_t room;

		if (f->buf_len == f->buf_cap && f->buf_cap < QFILE_BUF_MAX) {
			f->buf_cap = f->buf_cap == 0 ? QFILE_BUF_FIRST : f->buf_cap * 2;
			f->buf = mem_realloc_array(f->buf, f->buf_cap, 1);
		} else if (f->buf_len == f->buf_cap) {
			flush_buf(f);
			continue;
		}
		room = f->buf_cap - f->buf_len;
		if (room > n)
			room = n;
		memcpy(f->buf + f->buf_len, p, room);
		f->buf_len += room;
		p += room;
		n -= room;
	}
}

void
qfile_put_raw(struct qfile *f, const void *records, size_t n)
{
	ASSERT(f->is_new && !f->is_committed);
	put_bytes(f, records, n);
}

void
qfile_put(struct qfile *f, int type, const void *data, size_t len)
{
	unsigned char h[REC_HEADER_MAX];

	ASSERT(f->is_new && !f->is_committed);
	if (len > QFILE_REC_MAX) {
		if (f->werr.class == ERR_NONE)
			err_set(&f->werr, ERR_PERM, "5.3.4", "queue record of %zu bytes is too long", len);
		return;
	}
	put_bytes(f, h, rec_header(h, type, len));
	put_bytes(f, data, len);
}

void
qfile_putf(struct qfile *f, int type, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf t = STRBUF_INIT(QFILE_REC_MAX);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&t, fmt, ap);
	va_end(ap);
	qfile_put(f, type, t.s, t.len);
}

off_t
qfile_tell(const struct qfile *f)
{
	return f->flushed + (off_t)f->buf_len;
}

void
qfile_patch(struct qfile *f, off_t at, int type, const void *data, size_t len)
{
	unsigned char h[REC_HEADER_MAX];
	size_t hn = rec_header(h, type, len);
	off_t end = at + (off_t)(hn + len);

	ASSERT(f->is_new && !f->is_committed && at >= 0 && end <= qfile_tell(f));
	if (at < f->flushed && end > f->flushed)
		flush_buf(f);
	if (f->werr.class != ERR_NONE)
		return;
	if (at >= f->flushed) {
		memcpy(f->buf + (at - f->flushed), h, hn);
		if (len > 0)
			memcpy(f->buf + (at - f->flushed) + hn, data, len);
	} else if (f->q->ops->write_at(f, h, hn, at, &f->werr) == 0 && len > 0) {
		/* werr holds what went wrong */
		(void)!f->q->ops->write_at(f, data, len, at + (off_t)hn, &f->werr);
	}
}

int
qfile_check(struct qfile *f, struct err *err)
{
	if (f->werr.class == ERR_NONE)
		return 0;
	if (err != NULL)
		*err = f->werr;
	return -1;
}

int
qfile_commit(struct qfile *f, bool hold, struct err *err)
{
	ASSERT(f->is_new && !f->is_committed);
	if (qfile_check(f, err) < 0 || f->q->ops->commit(f, hold, err) < 0)
		return -1;
	f->is_committed = true;
	return 0;
}

/* ---- reading */

static void
uncut(struct qfile *f)
{
	if (f->cut != NULL)
		*f->cut = f->cut_byte;
	f->cut = NULL;
}

void
qfile_seek(struct qfile *f, off_t at)
{
	uncut(f);
	f->pos = at < 0 ? 0 : at;
	f->back_jumps = 0;
	f->visited = 0;
	f->is_at_end = false;
	f->jump = 0;
}

off_t
qfile_pos(const struct qfile *f)
{
	return f->jump > 0 ? f->jump : f->pos;
}

static int
damaged(struct err *err, const char *what, off_t at)
{
	return err_set(err, ERR_PERM, "5.3.0", "%s at offset %lld", what, (long long)at);
}

/* Have n bytes from pos on in the buffer; returns how many there are (fewer at the end of the file), or -1. */
static ssize_t
fill(struct qfile *f, size_t n, struct err *err)
{
	size_t have = 0;

	if (f->pos >= f->rbase && f->pos < f->rbase + (off_t)f->rlen)
		have = f->rlen - (size_t)(f->pos - f->rbase);
	if (have >= n)
		return (ssize_t)have;
	if (have > 0)
		memmove(f->rbuf, f->rbuf + (f->pos - f->rbase), have);
	f->rbase = f->pos;
	f->rlen = have;
	if (n > f->rcap || (f->rcap < QFILE_READ_MAX && f->pos > QFILE_READ_FIRST / 2)) {
		f->rcap = f->rcap == 0 ? QFILE_READ_FIRST : QFILE_READ_MAX;
		if (f->rcap < n)
			f->rcap = n;
		f->rbuf = mem_realloc_array(f->rbuf, f->rcap + 1, 1);
	}
	while (f->rlen < n && (!f->is_look || f->rbase + (off_t)f->rlen < f->size)) {
		ssize_t r = f->q->ops->read_at(f, f->rbuf + f->rlen, f->rcap - f->rlen, f->rbase + (off_t)f->rlen);

		if (r < 0)
			return err_sys(err, "read %s/%s", queue_name_str(f->where), f->id);
		if (r == 0)
			break;
		f->rlen += (size_t)r;
	}
	return (ssize_t)f->rlen;
}

static int
begin_reading(struct qfile *f, struct err *err)
{
	struct qstat st;

	if (f->is_new && !f->is_committed) {
		flush_buf(f);
		if (qfile_check(f, err) < 0)
			return -1;
		f->size = -1;
	}
	if (f->size < 0) {
		if (f->q->ops->stat_open(f, &st, err) < 0)
			return -1;
		f->size = st.size;
	}
	return 0;
}

/* Number in a pointer record: blanks and digits. */
static int
pointer_target(const char *s, size_t n, off_t *out)
{
	uint64_t v;

	while (n > 0 && *s == ' ')
		s++, n--;
	if (n == 0 || n > 18 || num_parse_u64(s, 0, INT64_MAX, &v) < 0)
		return -1;
	*out = (off_t)v;
	return 0;
}

/* Decode the record at pos; r->data is NUL-terminated within the buffer. */
static int
read_record(struct qfile *f, struct qrec *r, struct err *err)
{
	ssize_t have = fill(f, REC_HEADER_MAX + 1, err);
	size_t used = 0;
	int k;

	if (have < 0)
		return -1;
	if (have == 0)
		return damaged(err, "missing end record", f->pos);
	r->type = (unsigned char)f->rbuf[f->pos - f->rbase];
	r->len = 0;
	k = rec_parse(f->rbuf + (f->pos - f->rbase), (size_t)have, &r->type, &r->data, &r->len, &used);
	if (k < 0)
		return err_set(err, ERR_PERM, "5.3.0", "too many length bits, record type %d, at offset %lld", r->type,
		    (long long)f->pos);
	if (k == 0 && used == 0)
		return err_set(err, ERR_PERM, "5.3.0", "unexpected EOF reading length, record type %d, at offset %lld", r->type,
		    (long long)f->pos);
	if (used > QFILE_REC_MAX && (off_t)used <= f->size - f->pos)
		return err_set(err, ERR_PERM, "5.3.0", "record type %d is too long, %zu bytes, at offset %lld", r->type, r->len,
		    (long long)f->pos);
	if (k == 0 && (off_t)used <= f->size - f->pos) {
		have = fill(f, used, err);
		if (have < 0)
			return -1;
		k = rec_parse(f->rbuf + (f->pos - f->rbase), (size_t)have, &r->type, &r->data, &r->len, &used);
	}
	if (k <= 0)
		return err_set(err, ERR_PERM, "5.3.0", "unexpected EOF in data, record type %d length %zu, at offset %lld", r->type,
		    r->len, (long long)f->pos);
	r->at = f->pos;
	r->next = f->pos + (off_t)used;
	f->cut = f->rbuf + (r->next - f->rbase);	/* at most rcap: there is one byte more */
	f->cut_byte = *f->cut;
	*f->cut = '\0';
	return 1;
}

static int
take_jump(struct qfile *f, struct err *err)
{
	off_t to = f->jump;

	f->jump = 0;
	if (to < f->pos && ++f->back_jumps > QFILE_BACK_JUMPS)
		return damaged(err, "too many backward jumps, the last one", f->pos);
	f->pos = to;
	return 0;
}

static int
next_any(struct qfile *f, struct qrec *r, bool follow, struct err *err)
{
	if (f->jump > 0 && take_jump(f, err) < 0)
		return -1;
	if (read_record(f, r, err) < 0)
		return -1;
	f->pos = r->next;
	f->visited += r->next - r->at;
	if (f->visited > f->size + VISITED_SLACK)
		return damaged(err, "pointers lead round and round, last", r->at);
	if (r->type == REC_PTR && follow) {
		off_t to;

		if (pointer_target(r->data, r->len, &to) < 0)
			return damaged(err, "bad pointer record", r->at);
		if (to >= f->size)
			return damaged(err, "pointer behind the end of the file", r->at);
		f->jump = to;
	}
	return 1;
}

int
qfile_next_any(struct qfile *f, struct qrec *r, bool follow, struct err *err)
{
	off_t from;

	uncut(f);
	if (f->is_at_end)
		return 0;
	if (begin_reading(f, err) < 0)
		return -1;
	from = f->pos;
	if (next_any(f, r, follow, err) < 0)
		return -1;
	r->from = from;
	if (r->type == REC_END)
		f->is_at_end = true;
	return 1;
}

int
qfile_next(struct qfile *f, struct qrec *r, struct err *err)
{
	off_t from = f->pos;
	int n;

	do
		n = qfile_next_any(f, r, true, err);
	while (n == 1 && (r->type == REC_PTR || r->type == REC_PAD));
	r->from = from;
	return n;
}

/* ---- marks */

static int
check_writable(const struct qfile *f, struct err *err)
{
	return f->can_write ? 0 : err_set(err, ERR_TEMP, NULL, "no right to write %s/%s", queue_name_str(f->where), f->id);
}

int
qfile_mark(struct qfile *f, off_t at, int type, struct err *err)
{
	char c = (char)type;

	if (at <= 0)
		return 0;
	if (check_writable(f, err) < 0)
		return -1;
	uncut(f);
	f->rlen = 0;	/* what was read ahead is stale */
	return f->q->ops->write_at(f, &c, 1, at, err);
}

int
qfile_overwrite(struct qfile *f, off_t at, int type, const void *data, size_t len, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(QFILE_REC_MAX);

	if (check_writable(f, err) < 0)
		return -1;
	uncut(f);
	f->rlen = 0;
	if (rec_add(&b, type, data, len) < 0)
		return err_set(err, ERR_TEMP, NULL, "record of %zu bytes is too long", len);
	return f->q->ops->write_at(f, b.s, b.len, at, err);
}

int
qfile_stat(struct qfile *f, struct qstat *st, struct err *err)
{
	return f->q->ops->stat_open(f, st, err);
}
