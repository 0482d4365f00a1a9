/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - what changes in the content on its way out: smtp_header_checks and its like, smtp_body_checks, generic maps in headers
 *
 * Only where such tables are configured: otherwise content goes record by record.  Records become lines, lines of the header become
 * logical headers.  A line over MAX_LINE passes as it is, in pieces.
 */
#include "smtp.h"

#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"

enum { MAX_LINE = 128 * 1024, MAX_HEADER = 256 * 1024, MAX_RESULT = 100000, SHOWN = 60 };

struct filter {
	struct delivery *d;
	struct writer *w;
	struct strbuf line, header;	/* not yet passed on; the header with LF between its lines */
	bool is_long;			/* the line passes in pieces */
	bool in_header, in_part_header;
	struct mime *mime;		/* NULL: nobody asks for the structure */
	unsigned part;
	int64_t part_bytes;
};

bool
filter_is_wanted(const struct client *c)
{
	return c->generic != NULL || c->checks[CHECK_HEADER] != NULL || c->checks[CHECK_MIME] != NULL || c->checks[CHECK_NESTED] != NULL ||
	    c->checks[CHECK_BODY] != NULL;
}

struct filter *
filter_new(struct delivery *d, struct writer *w)
{
	struct filter *f = NEW(struct filter);
	const struct client *c = d->c;

	f->d = d;
	f->w = w;
	f->line = (struct strbuf)STRBUF_INIT(MAX_LINE);
	f->header = (struct strbuf)STRBUF_INIT(MAX_HEADER);
	f->in_header = true;
	if (c->checks[CHECK_MIME] != NULL || c->checks[CHECK_NESTED] != NULL || c->checks[CHECK_BODY] != NULL)
		f->mime = mime_new((int)c->conf.mime_depth, (int)c->conf.boundary_length);
	return f;
}

void
filter_free(struct filter **fp)
{
	struct filter *f = *fp;

	if (f == NULL)
		return;
	strbuf_done(&f->line);
	strbuf_done(&f->header);
	mime_free(&f->mime);
	mem_free(fp);
}

static int
put_lines(struct filter *f, const char *text, size_t n, struct err *err)
{
	const char *lf;

	while ((lf = memchr(text, '\n', n)) != NULL) {
		size_t len = (size_t)(lf - text);

		if (content_put(f->w, text, len, true, err) < 0)
			return -1;
		text += len + 1;
		n -= len + 1;
	}
	return content_put(f->w, text, n, true, err);
}

/* ---- checks */
static const char *
map_name(enum check_kind kind)
{
	static const char *const names[] = { [CHECK_HEADER] = "header_checks", [CHECK_MIME] = "mime_header_checks",
		[CHECK_NESTED] = "nested_header_checks", [CHECK_BODY] = "body_checks" };

	return names[kind];
}

static void
log_check(const struct filter *f, const char *action, enum check_kind kind, const char *line, const char *text)
{
	log_info("%s: %s: %s %.*s%s%s", f->d->req->id, action, kind == CHECK_BODY ? "body" : "header", SHOWN, line, *text != '\0' ? ": " : "", text);
}

static bool
is_action(const char *result, const char *word, const char **text)
{
	size_t n = strlen(word);

	if (ascii_ncasecmp(result, word, n) != 0 || (result[n] != '\0' && result[n] != ' ' && result[n] != '\t'))
		return false;
	*text = result + n + strspn(result + n, " \t");
	return true;
}

/* PREPEND and REPLACE of a header need one. */
static bool
is_fit(const struct filter *f, enum check_kind kind, const char *action, const char *text)
{
	if (*text != '\0' && (kind == CHECK_BODY || header_name_len(text, strlen(text), NULL) > 0))
		return true;
	log_warning("bad %s %s text \"%s\" in %s_%s map%s", action, kind == CHECK_BODY ? "body" : "header", text, client_kind(f->d->c),
	    map_name(kind), kind == CHECK_BODY ? "" : " -- need \"headername: headervalue\"");
	return false;
}

enum verdict { KEEP, DROP, CHANGED, FAILED };

/* What the table wants done with a header or a line; CHANGED: out has the new one. */
static enum verdict
act(struct filter *f, enum check_kind kind, const char *line, const char *result, struct strbuf *out, struct err *err)
{
	const char *text;

	if (is_action(result, "IGNORE", &text))
		return DROP;
	if (is_action(result, "STRIP", &text)) {
		log_check(f, "strip", kind, line, text);
		return DROP;
	}
	if (is_action(result, "WARN", &text))
		log_check(f, "warning", kind, line, text);
	else if (is_action(result, "INFO", &text))
		log_check(f, "info", kind, line, text);
	else if (is_action(result, "PREPEND", &text)) {
		if (!is_fit(f, kind, "PREPEND", text))
			return KEEP;
		log_check(f, "prepend", kind, line, text);
		return put_lines(f, text, strlen(text), err) < 0 ? FAILED : KEEP;
	} else if (is_action(result, "REPLACE", &text)) {
		if (!is_fit(f, kind, "REPLACE", text))
			return KEEP;
		log_check(f, "replace", kind, line, text);
		strbuf_adds(out, text);
		return CHANGED;
	} else if (!is_action(result, "DUNNO", &text) && !is_action(result, "OK", &text))
		log_warning("unsupported command in %s_%s map: %.200s", client_kind(f->d->c), map_name(kind), result);
	return KEEP;
}

static enum verdict
check(struct filter *f, enum check_kind kind, const char *text, size_t n, struct strbuf *out, struct err *err)
{
	AUTO(strbuf_done) struct strbuf result = STRBUF_INIT(MAX_RESULT);
	struct table_list *tables = f->d->c->checks[kind];
	int rc;

	if (tables == NULL)
		return KEEP;
	AUTO(mem_free) char *line = mem_strndup(text, n);
	if ((rc = table_list_lookup(tables, line, &result, err)) < 0) {
		content_fail(f->w, pool_printf(f->d->pool, "%s_%s lookup error", client_kind(f->d->c), map_name(kind)));
		return FAILED;
	}
	return rc == 0 ? KEEP : act(f, kind, line, result.s, out, err);
}

/* ---- headers and lines */
static int
put_header(struct filter *f, enum check_kind kind, struct err *err)
{
	AUTO(strbuf_done) struct strbuf changed = STRBUF_INIT(MAX_RESULT), mapped = STRBUF_INIT(2 * MAX_HEADER);
	const char *text = f->header.s;
	size_t n = f->header.len;
	enum verdict v;
	int rc;

	if (n == 0)
		return 0;
	if (f->mime != NULL)
		mime_header(f->mime, text, n);
	if ((v = check(f, kind, text, n, &changed, err)) == FAILED)
		return -1;
	if (v == CHANGED) {
		text = changed.s;
		n = changed.len;
	}
	if (v != DROP && kind == CHECK_HEADER && f->d->c->generic != NULL) {
		if ((rc = generic_header(f->d->c, text, n, &mapped, err)) < 0) {
			content_fail(f->w, pool_printf(f->d->pool, "%s_generic_maps lookup error", client_kind(f->d->c)));
			return -1;
		}
		if (rc == 1 && !mapped.overflow) {
			text = mapped.s;
			n = mapped.len;
		}
	}
	rc = v == DROP ? 0 : put_lines(f, text, n, err);
	strbuf_reset(&f->header);
	return rc;
}

static enum check_kind
part_kind(const struct filter *f)
{
	return mime_context(f->mime) == MIME_NESTED ? CHECK_NESTED : CHECK_MIME;
}

static int
put_body(struct filter *f, const char *text, size_t n, struct err *err)
{
	AUTO(strbuf_done) struct strbuf changed = STRBUF_INIT(MAX_RESULT);
	enum verdict v = KEEP;

	if (f->mime != NULL && mime_part_number(f->mime) != f->part) {
		f->part = mime_part_number(f->mime);
		f->part_bytes = 0;
	}
	if (n > 0 && f->part_bytes < f->d->c->conf.body_checks_limit)
		v = check(f, CHECK_BODY, text, n, &changed, err);
	f->part_bytes += (int64_t)n;
	if (v == FAILED)
		return -1;
	if (v == CHANGED)
		return put_lines(f, changed.s, changed.len, err);
	return v == DROP ? 0 : content_put(f->w, text, n, true, err);
}

static int
body_line(struct filter *f, const char *text, size_t n, struct err *err)
{
	if (f->mime == NULL)
		return content_put(f->w, text, n, true, err);
	if (f->in_part_header && !(n > 0 && ascii_is_blank((unsigned char)text[0]))) {
		f->in_part_header = false;
		if (put_header(f, part_kind(f), err) < 0)
			return -1;
	}
	if (mime_line(f->mime, text, n) != MIME_HEADER_LINE)
		return put_body(f, text, n, err);
	if (f->in_part_header && f->header.len > 0)
		strbuf_addc(&f->header, '\n');
	f->in_part_header = true;
	strbuf_add(&f->header, text, n);
	return 0;
}

static int
header_line(struct filter *f, const char *text, size_t n, struct err *err)
{
	if (n > 0 && ascii_is_blank((unsigned char)text[0]) && f->header.len > 0) {
		strbuf_addc(&f->header, '\n');
		strbuf_add(&f->header, text, n);
		return 0;
	}
	if (put_header(f, CHECK_HEADER, err) < 0)
		return -1;
	if (n > 0 && header_name_len(text, n, NULL) > 0) {
		strbuf_add(&f->header, text, n);
		return 0;
	}
	f->in_header = false;
	if (f->mime != NULL)
		mime_primary_end(f->mime);
	return n == 0 ? content_put(f->w, "", 0, true, err) : body_line(f, text, n, err);
}

/* What was held back passes as it is: the header, or the line, is longer than anybody's patterns look at. */
static int
let_pass(struct filter *f, struct err *err)
{
	int rc = f->header.len > 0 ? put_lines(f, f->header.s, f->header.len, err) : 0;

	strbuf_reset(&f->header);
	return rc;
}

static int
add(struct filter *f, const char *text, size_t n, struct err *err)
{
	if (!f->is_long && f->line.len + n < MAX_LINE) {
		strbuf_add(&f->line, text, n);
		return 0;
	}
	if (!f->is_long) {
		f->is_long = true;
		if (let_pass(f, err) < 0 || content_put(f->w, f->line.s, f->line.len, false, err) < 0)
			return -1;
		strbuf_reset(&f->line);
	}
	return content_put(f->w, text, n, false, err);
}

static int
end_line(struct filter *f, struct err *err)
{
	int rc;

	if (f->is_long) {
		f->is_long = false;
		return content_put(f->w, "", 0, true, err);
	}
	if (f->header.len + f->line.len + 2 > MAX_HEADER && let_pass(f, err) < 0)
		return -1;
	rc = f->in_header ? header_line(f, f->line.s, f->line.len, err) : body_line(f, f->line.s, f->line.len, err);
	strbuf_reset(&f->line);
	return rc;
}

int
filter_record(struct filter *f, const struct qrec *rec, struct err *err)
{
	const char *p = rec->data, *lf;
	size_t n = rec->len;

	while (n > 0 && (lf = memchr(p, '\n', n)) != NULL) {
		if (add(f, p, (size_t)(lf - p), err) < 0 || end_line(f, err) < 0)
			return -1;
		n -= (size_t)(lf - p) + 1;
		p = lf + 1;
	}
	if (add(f, p, n, err) < 0)
		return -1;
	return rec->type == REC_NORM ? end_line(f, err) : 0;
}

int
filter_end(struct filter *f, struct err *err)
{
	if ((f->line.len > 0 || f->is_long) && end_line(f, err) < 0)
		return -1;
	return put_header(f, f->in_header ? CHECK_HEADER : f->in_part_header ? part_kind(f) : CHECK_BODY, err);
}
