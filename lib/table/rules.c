/* SPDX-License-Identifier: Apache-2.0 */
/* Where the rules of pattern tables come from: a file, or the table's own name. */
#include <stdarg.h>
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/source.h"
#include "table/table_priv.h"

struct rules {
	const struct table *t;
	struct source *src;	/* a file */
	char *text, *pos;	/* or inline */
	unsigned count;
};

struct rules *
rules_open(struct table *t, struct err *err)
{
	struct rules *r = NEW(struct rules);

	r->t = t;
	if (*t->name == '{') {
		r->text = r->pos = mem_strdup(t->name);
		if (brace_strip(&r->pos, err) == 0)
			return r;
		err_prefix(err, "%s map: ", t->driver->type);
	} else {
		r->src = source_open(t->name, err);
		if (r->src != NULL)
			return r;
	}
	rules_close(&r);
	return NULL;
}

void
rules_close(struct rules **rp)
{
	if (*rp == NULL)
		return;
	source_free(&(*rp)->src);
	mem_free(&(*rp)->text);
	mem_free(rp);
}

int
rules_next(struct rules *r, char **line, unsigned *line_no, struct err *err)
{
	if (r->src != NULL)
		return source_line(r->src, line, line_no, err);
	*line = brace_next(&r->pos);
	if (*line == NULL)
		return 0;
	*line_no = ++r->count;
	if (brace_strip(line, err) < 0)
		return err_prefix(err, "%s map: ", r->t->driver->type);
	return 1;
}

void
rule_warn(const struct table *t, unsigned line_no, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(2000);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	log_warning("%s map %s, line %u: %s", t->driver->type, t->name, line_no, b.s);
}
