/* SPDX-License-Identifier: Apache-2.0 */
/* postmap -h -b -m: what header and body checks would look up for a message on standard input. */
#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "mapcmd.h"
#include "mime/mime.h"

enum { TEXT_MAX = 64 << 20, NESTING_MAX = 100, BOUNDARY_MAX = 2048 };

struct walk {
	struct mapcmd *c;
	struct table **tables;
	struct mime *mime;		/* NULL without -m */
	struct strbuf header;		/* one logical header, as far as it has come */
	bool has_header, in_primary;
	int status;
};

static void
query(struct walk *w, const char *key)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(TEXT_MAX);

	if (!mapcmd_find(w->c, w->tables, key, &value))
		return;
	w->status = 0;
	mapcmd_print(w->c, key, "\t", value.s);
}

static void
end_header(struct walk *w)
{
	if (!w->has_header)
		return;
	w->has_header = false;
	if (w->mime != NULL)
		mime_header(w->mime, w->header.s, w->header.len);
	if (w->c->header_query)
		query(w, w->header.s);
}

static bool
continues_header(const struct walk *w, const char *line)
{
	return w->has_header && ascii_is_blank((unsigned char)*line);
}

static void
add_header_line(struct walk *w, const char *line, size_t n)
{
	if (continues_header(w, line)) {
		(void)strbuf_addc(&w->header, '\n');
	} else {
		end_header(w);
		strbuf_reset(&w->header);
	}
	w->has_header = true;
	(void)strbuf_add(&w->header, line, n);
}

/* RFC 5322 section 2.2: a name without blanks, and a colon. */
static bool
is_header(const char *line)
{
	const char *p = line;

	while (*p > ' ' && *p < 0x7f && *p != ':')
		p++;
	return p > line && *p == ':';
}

static void
body_line(struct walk *w, const char *line, size_t n)
{
	if (w->mime != NULL) {
		if (!continues_header(w, line))
			end_header(w);
		if (mime_line(w->mime, line, n) == MIME_HEADER_LINE) {
			add_header_line(w, line, n);
			return;
		}
		end_header(w);
	}
	if (w->c->body_query)
		query(w, line);
}

static void
end_primary(struct walk *w)
{
	end_header(w);
	w->in_primary = false;
	if (w->mime != NULL)
		mime_primary_end(w->mime);
}

static void
take_line(struct walk *w, const char *line, size_t n)
{
	if (!w->in_primary) {
		body_line(w, line, n);
	} else if (continues_header(w, line) || is_header(line)) {
		add_header_line(w, line, n);
	} else {
		/* a header that ends without its empty line is taken as if it had one */
		end_primary(w);
		if (w->c->body_query)
			query(w, "");
		if (n > 0)
			body_line(w, line, n);
	}
}

int
mapcmd_query_message(struct mapcmd *c, char **operands)
{
	AUTO(mapcmd_close_all) struct table **tables = mapcmd_open_all(c, operands);
	struct walk w = { .c = c, .tables = tables, .header = STRBUF_INIT(TEXT_MAX), .in_primary = true, .status = 1 };
	AUTO(mem_free) char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (c->mime_query)
		w.mime = mime_new(NESTING_MAX, BOUNDARY_MAX);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		take_line(&w, line, (size_t)n);
	}
	end_header(&w);
	mime_free(&w.mime);
	strbuf_done(&w.header);
	return mapcmd_flush(w.status);
}
