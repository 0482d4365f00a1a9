/* SPDX-License-Identifier: Apache-2.0 */
/* mime - the walker over a message's parts: a stack of boundaries and what the header read last announced */
#include "mime/mime.h"

#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

enum content { CONTENT_PLAIN, CONTENT_MULTIPART, CONTENT_MESSAGE };

struct level {
	char *boundary;
	size_t len;
	enum content dflt;	/* of its parts: multipart/digest has messages */
};

struct mime {
	struct level *stack;
	int depth, limit;
	int nested;		/* attached messages entered */
	size_t boundary_limit;
	enum mime_context context;
	bool in_header;
	unsigned part;
	bool too_deep, bad_domain;
	/* what the header being read said so far */
	enum content content;
	enum mime_encoding encoding;
	bool is_digest, is_composite;
	struct strbuf boundary;
};

struct mime *
mime_new(int nesting_limit, int boundary_limit)
{
	struct mime *m = NEW(struct mime);

	m->limit = nesting_limit > 0 ? nesting_limit : 1;
	m->boundary_limit = boundary_limit > 0 ? (size_t)boundary_limit : 1;
	m->stack = mem_alloc_array((size_t)m->limit, sizeof *m->stack);
	strbuf_init(&m->boundary, m->boundary_limit);
	m->in_header = true;
	return m;
}

static void
pop_to(struct mime *m, int depth)
{
	while (m->depth > depth)
		mem_free(&m->stack[--m->depth].boundary);
}

void
mime_free(struct mime **mp)
{
	struct mime *m = *mp;

	if (m == NULL)
		return;
	*mp = NULL;
	pop_to(m, 0);
	strbuf_done(&m->boundary);
	mem_free(&m->stack);
	mem_free(&m);
}

enum mime_context
mime_context(const struct mime *m)
{
	return m->context;
}

unsigned
mime_part_number(const struct mime *m)
{
	return m->part;
}

bool
mime_is_too_deep(const struct mime *m)
{
	return m->too_deep;
}

bool
mime_is_bad_domain(const struct mime *m)
{
	return m->bad_domain;
}

enum mime_encoding
mime_encoding(const struct mime *m)
{
	return m->encoding;
}

bool
mime_is_plain(const struct mime *m)
{
	return !m->in_header && m->depth == 0;
}

static void
take_type(struct mime *m, const char *value, size_t n)
{
	char type[32], subtype[64];

	m->content = CONTENT_PLAIN;
	strbuf_reset(&m->boundary);
	if (!header_content_type(value, n, type, subtype))
		return;
	m->is_composite = strcmp(type, "multipart") == 0 || strcmp(type, "message") == 0;
	if (strcmp(type, "multipart") == 0) {
		m->is_digest = strcmp(subtype, "digest") == 0;
		(void)header_param(value, n, "boundary", &m->boundary);
		if (m->boundary.len > 0)
			m->content = CONTENT_MULTIPART;
	} else if (strcmp(type, "message") == 0 && (strcmp(subtype, "rfc822") == 0 || strcmp(subtype, "global") == 0)) {
		m->content = CONTENT_MESSAGE;
	}
}

void
mime_header(struct mime *m, const char *text, size_t n)
{
	size_t body, len = header_name_len(text, n, &body);
	enum header_id id;

	if (len == 0 || ascii_lower((unsigned char)text[0]) != 'c')
		return;
	id = header_find(text, len)->id;
	if (id == HEADER_CONTENT_TYPE)
		take_type(m, text + body, n - body);
	else if (id == HEADER_CONTENT_TRANSFER_ENCODING)
		m->encoding = header_encoding(text + body, n - body);
}

static void
begin_header(struct mime *m, enum mime_context context, enum content dflt)
{
	m->in_header = true;
	m->context = context;
	m->content = dflt;
	m->encoding = MIME_ENC_7BIT;
	m->is_digest = m->is_composite = false;
	strbuf_reset(&m->boundary);
}

static void
push(struct mime *m)
{
	struct level *l;

	if (m->depth == m->limit) {
		m->too_deep = true;
		return;
	}
	l = &m->stack[m->depth++];
	l->boundary = mem_strndup(m->boundary.s, m->boundary.len);
	l->len = m->boundary.len;
	l->dflt = m->is_digest ? CONTENT_MESSAGE : CONTENT_PLAIN;
}

/* The header has ended: what it announced begins. */
static void
end_header(struct mime *m)
{
	m->in_header = false;
	m->part++;
	if (m->is_composite && (m->encoding == MIME_ENC_QP || m->encoding == MIME_ENC_BASE64))
		m->bad_domain = true;
	if (m->content == CONTENT_MULTIPART) {
		push(m);
	} else if (m->content == CONTENT_MESSAGE && m->encoding != MIME_ENC_BASE64 && m->encoding != MIME_ENC_QP) {
		if (m->nested + m->depth >= m->limit) {
			m->too_deep = true;
			return;
		}
		m->nested++;
		begin_header(m, MIME_NESTED, CONTENT_PLAIN);
	}
}

void
mime_primary_end(struct mime *m)
{
	if (m->in_header)
		end_header(m);
}

/* "--boundary" and "--boundary--" of an open multipart, the innermost first (RFC 2046 section 5.1.1). */
static bool
take_boundary(struct mime *m, const char *line, size_t n)
{
	if (n < 3 || line[0] != '-' || line[1] != '-')
		return false;
	line += 2;
	n -= 2;
	for (int i = m->depth - 1; i >= 0; i--) {
		const struct level *l = &m->stack[i];

		if (n < l->len || memcmp(line, l->boundary, l->len) != 0)
			continue;
		if (n >= l->len + 2 && line[l->len] == '-' && line[l->len + 1] == '-') {
			pop_to(m, i);
			m->in_header = false;
			m->part++;
		} else {
			pop_to(m, i + 1);
			begin_header(m, MIME_PART, m->stack[i].dflt);
		}
		m->nested = 0;
		return true;
	}
	return false;
}

enum mime_kind
mime_line(struct mime *m, const char *line, size_t n)
{
	if (m->depth > 0 && take_boundary(m, line, n))
		return MIME_BODY;
	if (!m->in_header)
		return MIME_BODY;
	if (n == 0 || (n == 1 && line[0] == '\r')) {
		end_header(m);
		return MIME_HEADER_END;
	}
	if (ascii_is_blank((unsigned char)line[0]) || header_name_len(line, n, NULL) > 0)
		return MIME_HEADER_LINE;
	m->content = CONTENT_PLAIN;	/* no header: all of it is text */
	end_header(m);
	return MIME_BODY;
}
