/* SPDX-License-Identifier: Apache-2.0 */
/* Copying a message: the lines added in front, then its records as lines. */
#include "deliver/copy.h"

#include <string.h>
#include <time.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"

enum { PIECE = 32 << 10, PIECE_MAX = 1 << 20, HEADER_BYTES_MAX = 4 << 20 };

struct copier {
	struct strbuf buf;
	copy_put_fn *put;
	void *arg;
	const char *eol;
	size_t eol_len;
	bool at_line_start;
};

static int
drain(struct copier *c, struct err *err)
{
	int r = c->buf.len > 0 ? c->put(c->arg, c->buf.s, c->buf.len, err) : 0;

	strbuf_reset(&c->buf);
	return r;
}

static void
add_from_line(struct strbuf *b, const char *sender)
{
	time_t now = (time_t)clock_wall_s();
	char stamp[40] = "";
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%a %b %e %H:%M:%S %Y", &tm);
	strbuf_adds(b, "From ");
	if (*sender == '\0')
		strbuf_adds(b, "MAILER-DAEMON");
	else
		addr_quote(b, sender);
	strbuf_addf(b, "  %s\n", stamp);
}

static void
add_addr_line(struct strbuf *b, const char *name, const char *addr, bool angle)
{
	strbuf_addf(b, "%s: %s", name, angle ? "<" : "");
	addr_quote(b, addr);
	strbuf_adds(b, angle ? ">\n" : "\n");
}

static void
add_head(const struct copy_msg *m, int flags, struct strbuf *b)
{
	if ((flags & COPY_FROM_LINE) != 0)
		add_from_line(b, m->sender);
	if (m->return_path)
		add_addr_line(b, "Return-Path", m->sender, true);
	if (m->orig_to != NULL)
		add_addr_line(b, "X-Original-To", m->orig_to, false);
	if (m->delivered_to != NULL)
		add_addr_line(b, "Delivered-To", m->delivered_to, false);
}

/* The lines in front were made with LF. */
static void
change_eol(struct copier *c)
{
	AUTO(strbuf_done) struct strbuf lines = STRBUF_INIT(PIECE_MAX);

	if (strcmp(c->eol, "\n") == 0)
		return;
	for (size_t i = 0; i < c->buf.len; i++) {
		if (c->buf.s[i] == '\n')
			strbuf_add(&lines, c->eol, c->eol_len);
		else
			strbuf_addc(&lines, c->buf.s[i]);
	}
	strbuf_reset(&c->buf);
	strbuf_add(&c->buf, lines.s, lines.len);
}

static int
add_record(struct copier *c, const struct qrec *r, int flags, struct err *err)
{
	if (c->at_line_start && (flags & COPY_QUOTE_FROM) != 0 && r->len >= 5 && memcmp(r->data, "From ", 5) == 0)
		strbuf_addc(&c->buf, '>');
	if (c->at_line_start && (flags & COPY_DOT) != 0 && r->len > 0 && r->data[0] == '.')
		strbuf_addc(&c->buf, '.');
	c->at_line_start = r->type == REC_NORM;
	if (strbuf_add(&c->buf, r->data, r->len) < 0 || (r->type == REC_NORM && strbuf_add(&c->buf, c->eol, c->eol_len) < 0)) {
		/* a record of unusual size goes by itself */
		if (drain(c, err) < 0 || c->put(c->arg, r->data, r->len, err) < 0)
			return -1;
		if (r->type == REC_NORM)
			strbuf_add(&c->buf, c->eol, c->eol_len);
	}
	return c->buf.len >= PIECE ? drain(c, err) : 0;
}

int
copy_message(const struct copy_msg *m, int flags, copy_put_fn *put, void *arg, struct err *err)
{
	struct copier c = { .buf = STRBUF_INIT(PIECE_MAX), .put = put, .arg = arg, .at_line_start = true };
	struct qrec rec;
	int r;

	c.eol = m->eol != NULL ? m->eol : "\n";
	c.eol_len = strlen(c.eol);
	add_head(m, flags, &c.buf);
	change_eol(&c);
	qfile_seek(m->file, m->content_at);
	while ((r = qfile_next(m->file, &rec, err)) == 1 && (rec.type == REC_NORM || rec.type == REC_CONT))
		if (add_record(&c, &rec, flags, err) < 0) {
			r = -1;
			break;
		}
	if (r == 1 && rec.type != REC_XTRA)
		r = err_set(err, ERR_TEMP, "4.3.0", "queue file: unexpected record in the message content");
	else if (r == 0)
		r = err_set(err, ERR_TEMP, "4.3.0", "queue file: it ends within the message content");
	if (r == 1) {
		if (!c.at_line_start)
			strbuf_add(&c.buf, c.eol, c.eol_len);
		if ((flags & COPY_BLANK_END) != 0)
			strbuf_add(&c.buf, c.eol, c.eol_len);
		r = drain(&c, err);
	}
	strbuf_done(&c.buf);
	return r < 0 ? -1 : 0;
}

static int
put_fd(void *arg, const char *data, size_t n, struct err *err)
{
	return io_write_all(*(int *)arg, data, n, err);
}

int
copy_to_fd(const struct copy_msg *m, int flags, int fd, struct err *err)
{
	return copy_message(m, flags, put_fd, &fd, err);
}

static bool
is_delivered_to(const char *line, const char *addr)
{
	static const char name[] = "Delivered-To:";
	AUTO(strbuf_done) struct strbuf plain = STRBUF_INIT(4 * ADDR_MAX);

	if (ascii_ncasecmp(line, name, sizeof(name) - 1) != 0)
		return false;
	line += sizeof(name) - 1;
	while (ascii_is_space((unsigned char)*line))
		line++;
	addr_unquote(&plain, line);
	while (plain.len > 0 && ascii_is_space((unsigned char)plain.s[plain.len - 1]))
		strbuf_cut(&plain, plain.len - 1);
	return ascii_casecmp(plain.s, addr) == 0;
}

int
copy_was_delivered_to(struct qfile *file, int64_t content_at, const char *addr, struct err *err)
{
	struct qrec rec;
	int64_t bytes = 0;
	bool at_start = true;
	int r;

	qfile_seek(file, content_at);
	while ((r = qfile_next(file, &rec, err)) == 1 && (rec.type == REC_NORM || rec.type == REC_CONT)) {
		bytes += (int64_t)rec.len;
		if ((at_start && rec.len == 0) || bytes > HEADER_BYTES_MAX)
			return 0;
		if (at_start && is_delivered_to(rec.data, addr))
			return 1;
		at_start = rec.type == REC_NORM;
	}
	return r < 0 ? -1 : 0;
}
