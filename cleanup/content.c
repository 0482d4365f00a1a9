/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content - the message itself: its header is gathered line by line, its body passed on
 *
 * A body that nobody looks into goes in bulk, as the records came.  Where body_checks, checks of part headers or the depth of a
 * multipart have to be watched it goes by lines; when no part can follow any more it goes in bulk again.
 */
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "cleanup/cleanup.h"


static void
count(struct message *m, size_t n)
{
	uint64_t limit = (uint64_t)m->env->c.message_limit;

	m->content_size += n + 2;
	if (limit > 0 && m->content_size > limit && (m->status & CLEANUP_SIZE) == 0) {
		if (m->status == 0)
			log_warning("%s: queue file size limit exceeded", message_id_of(m));
		message_fail(m, CLEANUP_SIZE, "%s", "");
	}
}

void
content_put_line(struct message *m, const char *line, size_t n)
{
	size_t limit = (size_t)m->env->c.line_limit;

	for (; n >= limit; line += limit, n -= limit)
		message_put(m, REC_CONT, line, limit);
	message_put(m, REC_NORM, line, n);
}

/* ---- stray line ends and unwanted characters */
static bool
needs_filter(const struct message *m, const char *data, size_t n)
{
	const struct env *e = m->env;

	if (e->has_strip || e->has_reject)
		return true;
	return e->c.replace_cr_lf && n > 0 && (memchr(data, '\r', n) != NULL || memchr(data, '\n', n) != NULL);
}

static void
filter(struct message *m, const char *data, size_t n, struct strbuf *out)
{
	const struct env *e = m->env;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];

		if (e->reject[c] && m->status == 0) {
			log_info("%s: reject: message content contains a character of message_reject_characters", message_id_of(m));
			message_fail(m, CLEANUP_CONTENT, "5.7.1 disallowed character");
		}
		if (e->strip[c])
			continue;
		strbuf_addc(out, e->c.replace_cr_lf && (c == '\r' || c == '\n') ? ' ' : (char)c);
	}
}

/* ---- body */
static bool
wants_lines(const struct message *m)
{
	bool checks = (m->flags & CLEANUP_CHECKS) != 0 && !m->skip_checks;

	return (checks && !table_list_is_empty(m->env->body_checks)) || (m->mime != NULL && !mime_is_plain(m->mime)) ||
	    m->env->c.strict_8bit || m->env->c.strict_8bit_body;
}

/* What the end of a header or a boundary brought to light. */
static void
check_structure(struct message *m, const char *line, size_t n)
{
	if (mime_is_too_deep(m->mime))
		check_refuse(m, "MIME nesting exceeds safety limit", line, n);
	else if (m->env->c.strict_domain && mime_is_bad_domain(m->mime))
		check_refuse(m, "invalid message/* or multipart/* encoding domain", line, n);
}

static void
begin_body(struct message *m)
{
	if (m->mime != NULL) {
		mime_primary_end(m->mime);
		check_structure(m, "", 0);
	}
	m->phase = wants_lines(m) ? PHASE_LINES : PHASE_BULK;
}

static void
check_8bit_header(struct message *m)
{
	if ((m->env->c.strict_7bit || m->env->c.strict_8bit) && !ascii_is_all(m->hdr.s, m->hdr.len))
		check_refuse(m, "improper use of 8-bit data in message header", m->hdr.s, m->hdr.len);
}

/* A whole logical header of a part or an attached message. */
static void
end_part_header(struct message *m)
{
	AUTO(strbuf_done) struct strbuf changed = STRBUF_INIT(STRBUF_HUGE);
	struct table_list *tables = mime_context(m->mime) == MIME_NESTED ? m->env->nested_checks : m->env->mime_checks;
	const char *text = m->hdr.s;
	size_t n = m->hdr.len;

	if (!m->in_header_line)
		return;
	m->in_header_line = false;
	check_8bit_header(m);
	mime_header(m->mime, text, n);
	if (check_text(m, tables, "header", text, n, &changed))
		header_put(m, changed.len > 0 ? changed.s : text, changed.len > 0 ? changed.len : n);
	strbuf_reset(&m->hdr);
}

static void
add_to_header(struct message *m, const char *data, size_t n, bool new_line)
{
	if (m->hdr_cut)
		return;
	if (m->hdr.len + n + 1 > m->hdr.max) {
		m->hdr_cut = true;	/* header_size_limit: the rest of this header is left out */
		return;
	}
	if (new_line)
		strbuf_addc(&m->hdr, '\n');
	strbuf_add(&m->hdr, data, n);
}

static void
put_body(struct message *m, int type, const char *data, size_t n)
{
	AUTO(strbuf_done) struct strbuf changed = STRBUF_INIT(STRBUF_HUGE);
	bool strict = m->env->c.strict_8bit || m->env->c.strict_8bit_body, keep = true;

	if (strict && (m->mime == NULL || mime_encoding(m->mime) == MIME_ENC_7BIT) && !ascii_is_all(data, n))
		check_refuse(m, "improper use of 8-bit data in message body", data, n);
	if (m->mime != NULL && mime_part_number(m->mime) != m->part) {
		m->part = mime_part_number(m->mime);
		m->part_bytes = 0;
	}
	if (n > 0 && m->part_bytes < m->env->c.body_checks_limit)
		keep = check_text(m, m->env->body_checks, "body", data, n, &changed);
	m->part_bytes += (int64_t)n;
	if (!keep)
		return;
	if (changed.len > 0)
		content_put_line(m, changed.s, changed.len);
	else
		message_put(m, type, data, n);
}

/* One record of a body that is looked into. */
static void
take_line(struct message *m, int type, const char *data, size_t n)
{
	enum mime_kind kind = MIME_BODY;

	if (!m->line_start) {	/* a piece of a long line */
		if (m->in_header_line)
			add_to_header(m, data, n, false);
		else
			put_body(m, type, data, n);
		return;
	}
	if (m->in_header_line && !(n > 0 && ascii_is_blank((unsigned char)data[0])))
		end_part_header(m);
	if (m->mime != NULL)
		kind = mime_line(m->mime, data, n);
	if (kind == MIME_HEADER_LINE) {
		if (!m->in_header_line)
			m->hdr_cut = false;
		add_to_header(m, data, n, m->in_header_line);
		m->in_header_line = true;
		return;
	}
	if (m->mime != NULL)
		check_structure(m, data, n);
	if (kind == MIME_HEADER_END)
		message_put(m, type, data, n);
	else
		put_body(m, type, data, n);
	if (!wants_lines(m) && type == REC_NORM)
		m->phase = PHASE_BULK;
}

/* ---- header */
static void
end_header(struct message *m)
{
	if (!m->in_header_line)
		return;
	m->in_header_line = false;
	check_8bit_header(m);
	if (m->mime != NULL)
		mime_header(m->mime, m->hdr.s, m->hdr.len);
	header_take(m, m->hdr.s, m->hdr.len);
	strbuf_reset(&m->hdr);
}

/* One record of the message's own header; at its end the body begins. */
static void
take_header_line(struct message *m, int type, const char *data, size_t n)
{
	bool continues = n > 0 && ascii_is_blank((unsigned char)data[0]);

	if (!m->line_start) {
		add_to_header(m, data, n, false);
		return;
	}
	if (continues && m->in_header_line) {
		add_to_header(m, data, n, true);
		return;
	}
	end_header(m);
	if (header_name_len(data, n, NULL) > 0) {
		m->in_header_line = true;
		m->hdr_cut = false;
		add_to_header(m, data, n, false);
		return;
	}
	header_missing(m);
	begin_body(m);
	message_put(m, REC_NORM, "", 0);
	if (n == 0 && type == REC_NORM)
		return;
	if (m->phase == PHASE_LINES)	/* no empty line before the text: now there is one */
		take_line(m, type, data, n);
	else
		message_put(m, type, data, n);
}

/* ---- entry points */
void
content_begin(struct message *m)
{
	m->phase = PHASE_HEADER;
	m->data_offset = qfile_tell(m->qf);
	if (!m->env->c.no_mime)
		m->mime = mime_new((int)m->env->c.mime_depth, (int)m->env->c.boundary_length);
}

static void
take_record(struct message *m, int type, const char *data, size_t n)
{
	if (m->phase == PHASE_HEADER)
		take_header_line(m, type, data, n);
	else if (m->phase == PHASE_LINES)
		take_line(m, type, data, n);
	else
		message_put(m, type, data, n);
}

void
content_record(struct message *m, int type, const char *data, size_t n)
{
	count(m, n);
	if (!message_is_stored(m)) {
		m->line_start = type == REC_NORM;
		return;
	}
	if (needs_filter(m, data, n)) {
		AUTO(strbuf_done) struct strbuf clean = STRBUF_INIT(STRBUF_HUGE);

		filter(m, data, n, &clean);
		take_record(m, type, clean.s, clean.len);
	} else {
		take_record(m, type, data, n);
	}
	m->line_start = type == REC_NORM;
}

size_t
content_bulk(struct message *m, const char *p, size_t n)
{
	size_t used = 0, one, len;
	const char *data;
	int type;

	while (rec_parse(p + used, n - used, &type, &data, &len, &one) == 1) {
		if ((type != REC_NORM && type != REC_CONT) || needs_filter(m, data, len))
			break;
		count(m, len);
		m->line_start = type == REC_NORM;
		used += one;
	}
	if (used > 0 && message_is_stored(m))
		qfile_put_raw(m->qf, p, used);
	return used;
}

void
content_end(struct message *m)
{
	if (m->phase == PHASE_HEADER) {	/* no body at all */
		end_header(m);
		header_missing(m);
	} else if (m->phase == PHASE_LINES && m->in_header_line) {
		end_part_header(m);
	}
	if (!m->line_start)
		message_put(m, REC_NORM, "", 0);
	m->end_offset = qfile_tell(m->qf);
}
