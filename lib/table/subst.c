/* SPDX-License-Identifier: Apache-2.0 */
/* The result text of regexp and pcre rules: $1, ${1}, $(1) and $$, taken apart when the table is opened. */
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/table_priv.h"

enum { PIECES_MAX = 1000 };

struct piece {
	unsigned group;		/* 0: text */
	size_t at, len;
};

struct subst {
	char *text;		/* literal pieces, one after the other */
	struct piece *pieces;
	size_t n;
	bool has_group;
};

struct parser {
	const struct table *t;
	unsigned line_no, max_group;
	int flags;
	struct strbuf text;
	struct subst *s;
};

static struct piece *
add_piece(struct parser *p)
{
	struct subst *s = p->s;

	s->pieces = mem_realloc_array(s->pieces, s->n + 1, sizeof(*s->pieces));
	s->pieces[s->n] = (struct piece){ .at = p->text.len };
	return &s->pieces[s->n++];
}

static void
add_literal(struct parser *p, const char *text, size_t n)
{
	struct piece *last = p->s->n > 0 ? &p->s->pieces[p->s->n - 1] : NULL;

	if (last == NULL || last->group != 0)
		last = add_piece(p);
	strbuf_add(&p->text, text, n);
	last->len += n;
}

static int
bad_syntax(const struct parser *p)
{
	rule_warn(p->t, p->line_no, "bad replacement syntax: skipping this rule");
	return -1;
}

static int
add_group(struct parser *p, const char *name, size_t n)
{
	char digits[8] = "";
	uint64_t group;

	if (n == 0 || strspn(name, "0123456789") < n) {
		rule_warn(p->t, p->line_no, "non-numeric replacement index \"%.*s\"", (int)n, name);
		return bad_syntax(p);
	}
	if (n < sizeof(digits))
		memcpy(digits, name, n);
	if (num_parse_u64(digits, 1, 99999, &group) < 0) {
		rule_warn(p->t, p->line_no, "out of range replacement index \"%.*s\"", (int)n, name);
		return bad_syntax(p);
	}
	if ((p->flags & SUBST_FORBIDDEN) != 0) {
		rule_warn(p->t, p->line_no, "regular expression substitution is not allowed: skipping this rule");
		return -1;
	}
	if ((p->flags & SUBST_LITERAL_ONLY) != 0) {
		rule_warn(p->t, p->line_no, "$number found in negative match replacement text: skipping this rule");
		return -1;
	}
	if (group > p->max_group) {
		rule_warn(p->t, p->line_no, "out of range replacement index \"%u\": skipping this rule", (unsigned)group);
		return -1;
	}
	add_piece(p)->group = (unsigned)group;
	p->s->has_group = true;
	return 0;
}

/* What stands behind a '$'; *pos is moved behind it. */
static int
add_reference(struct parser *p, const char **pos)
{
	const char *s = *pos, *end;
	char close = *s == '{' ? '}' : *s == '(' ? ')' : '\0';
	size_t n;

	if (close != '\0') {
		end = strchr(++s, close);
		if (end == NULL) {
			log_warning("truncated macro reference: \"$%s\"", s - 1);
			return bad_syntax(p);
		}
		n = (size_t)(end - s);
		*pos = end + 1;
	} else {
		for (n = 0; ascii_is_alnum((unsigned char)s[n]) || s[n] == '_'; n++)
			;
		*pos = s + n;
	}
	if (n == 0) {
		log_warning("empty macro name: \"$%s\"", *pos);
		return bad_syntax(p);
	}
	return add_group(p, s, n);
}

static int
parse(struct parser *p, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "$");

		if (p->s->n >= PIECES_MAX)
			return bad_syntax(p);
		if (n > 0) {
			add_literal(p, text, n);
			text += n;
		} else if (text[1] == '$') {
			add_literal(p, "$", 1);
			text += 2;
		} else {
			text++;
			if (add_reference(p, &text) < 0)
				return -1;
		}
	}
	return 0;
}

struct subst *
subst_compile(const struct table *t, unsigned line_no, const char *text, unsigned max_group, int flags)
{
	struct parser p = { .t = t, .line_no = line_no, .max_group = max_group, .flags = flags,
		.text = STRBUF_INIT(TABLE_VALUE_MAX * 2), .s = NEW(struct subst) };
	int r;

	if ((t->flags & TABLE_NO_SUBST) != 0)
		p.flags |= SUBST_FORBIDDEN;
	r = parse(&p, text);
	p.s->text = strbuf_take(&p.text);
	if (r < 0)
		subst_free(&p.s);
	return p.s;
}

void
subst_free(struct subst **sp)
{
	if (*sp == NULL)
		return;
	mem_free(&(*sp)->text);
	mem_free(&(*sp)->pieces);
	mem_free(sp);
}

bool
subst_is_literal(const struct subst *s)
{
	return !s->has_group;
}

int
subst_apply(const struct subst *s, const struct subst_match *m, struct strbuf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct piece *p = &s->pieces[i];
		const char *text = s->text + p->at;
		size_t len = p->len;

		if (p->group != 0) {
			len = 0;
			text = m->group(m->arg, p->group, &len);
		}
		if (text != NULL && strbuf_add(out, text, len) < 0)
			return -1;
	}
	return 0;
}
