/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of regexp and pcre tables: their grammar, nesting and order; the engine compiles and matches one pattern. */
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "table/table_priv.h"

struct rule {
	void *code;
	struct subst *result;
	bool is_if, negated;
	unsigned line_no;
	size_t outer;	/* 1 + index of the if around it, 0 for none */
	size_t skip;	/* if: where to go on when it does not match */
};

struct patterns {
	const struct pattern_engine *engine;
	struct rule *v;
	size_t n, cap;
	size_t open;	/* 1 + index of the innermost if that waits for its endif */
};

static char *
skip_blanks(char *p)
{
	while (ascii_is_space((unsigned char)*p))
		p++;
	return p;
}

/* "if" and "endif" are words: not followed by a letter or digit. */
static bool
take_word(char **p, const char *word)
{
	size_t n = strlen(word);

	if (ascii_ncasecmp(*p, word, n) != 0 || ascii_is_alnum((unsigned char)(*p)[n]))
		return false;
	*p = skip_blanks(*p + n);
	return true;
}

/* Cut "/pattern/flags" out; *pos is moved to what follows.  An escaped delimiter keeps its backslash. */
static bool
take_pattern(const struct table *t, char **pos, struct pattern_rule *r)
{
	char *p = *pos, delim;

	for (; *p == '!'; p = skip_blanks(p + 1))
		r->negated = !r->negated;
	if (*p == '\0') {
		rule_warn(t, r->line_no, "no regexp: skipping this rule");
		return false;
	}
	delim = *p++;
	r->pattern = p;
	while (*p != '\0' && *p != delim)
		p += *p == '\\' && p[1] != '\0' ? 2 : 1;
	if (*p == '\0') {
		rule_warn(t, r->line_no, "no closing regexp delimiter \"%c\": %s this rule", delim,
		    t->driver == &table_pcre ? "ignoring" : "skipping");
		return false;
	}
	*p++ = '\0';
	r->flags = p;
	while (*p != '\0' && !ascii_is_space((unsigned char)*p))
		p++;
	if (*p != '\0')
		*p++ = '\0';
	*pos = skip_blanks(p);
	return true;
}

static bool
parse_rule(const struct table *t, char *line, struct pattern_rule *r)
{
	char *p = skip_blanks(line);

	if (take_word(&p, "endif")) {
		r->is_endif = true;
		r->result = p;
		return true;
	}
	r->is_if = take_word(&p, "if");
	if (!r->is_if && ascii_is_alnum((unsigned char)*p)) {
		rule_warn(t, r->line_no, "ignoring unrecognized request");
		return false;
	}
	if (!take_pattern(t, &p, r))
		return false;
	r->result = p;
	if (r->is_if && *p != '\0') {
		rule_warn(t, r->line_no, "ignoring extra text after IF statement: \"%s\"", p);
		rule_warn(t, r->line_no, "do not prepend whitespace to statements between IF and ENDIF");
	} else if (!r->is_if && *p == '\0') {
		rule_warn(t, r->line_no, "no replacement text: using empty string");
	}
	return true;
}

static void
close_if(const struct table *t, struct patterns *p, const struct pattern_rule *r)
{
	struct rule *opened;

	if (p->open == 0) {
		rule_warn(t, r->line_no, "ignoring ENDIF without matching IF");
		return;
	}
	if (*r->result != '\0')
		rule_warn(t, r->line_no, "ignoring extra text after ENDIF");
	opened = &p->v[p->open - 1];
	opened->skip = p->n;
	p->open = opened->outer;
}

static void
add_rule(const struct table *t, struct patterns *p, const struct pattern_rule *r)
{
	struct rule rule = { .is_if = r->is_if, .negated = r->negated, .line_no = r->line_no, .outer = p->open };
	unsigned max_group = 0;

	rule.code = p->engine->compile(t, r, &max_group);
	if (rule.code == NULL)
		return;
	if (!r->is_if) {
		rule.result = subst_compile(t, r->line_no, r->result, max_group, r->negated ? SUBST_LITERAL_ONLY : 0);
		if (rule.result == NULL) {
			p->engine->free(rule.code);
			return;
		}
	}
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		p->v = mem_realloc_array(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = rule;
	if (r->is_if)
		p->open = p->n;
}

static int
load(struct table *t, struct patterns *p, struct rules *src, struct err *err)
{
	struct pattern_rule r;
	unsigned line_no;
	char *line;
	int got;

	while ((got = rules_next(src, &line, &line_no, err)) == 1) {
		r = (struct pattern_rule){ .line_no = line_no };
		if (p->n >= TABLE_RULES_MAX)
			return err_set(err, ERR_CONF, NULL, "%s: more than %d rules", t->spec, TABLE_RULES_MAX);
		if (!parse_rule(t, line, &r))
			continue;
		if (r.is_endif)
			close_if(t, p, &r);
		else
			add_rule(t, p, &r);
	}
	for (; p->open > 0; p->open = p->v[p->open - 1].outer) {
		rule_warn(t, p->v[p->open - 1].line_no, "IF has no matching ENDIF");
		p->v[p->open - 1].skip = p->n;
	}
	return got;
}

struct patterns *
patterns_load(struct table *t, const struct pattern_engine *e, struct err *err)
{
	struct rules *src = rules_open(t, err);
	struct patterns *p;

	if (src == NULL)
		return NULL;
	p = NEW(struct patterns);
	p->engine = e;
	if (load(t, p, src, err) < 0)
		patterns_free(&p);
	rules_close(&src);
	return p;
}

void
patterns_free(struct patterns **pp)
{
	struct patterns *p = *pp;

	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++) {
		p->engine->free(p->v[i].code);
		subst_free(&p->v[i].result);
	}
	mem_free(&p->v);
	mem_free(pp);
}

int
patterns_lookup(const struct patterns *p, void *scratch, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	const struct subst_match m = { .group = p->engine->group, .arg = scratch };

	for (size_t i = 0; i < p->n; ) {
		const struct rule *r = &p->v[i];
		int hit = p->engine->match(scratch, r->code, key, len, err);

		if (hit < 0)
			return err_prefix(err, "line %u: ", r->line_no);
		if ((hit == 1) == r->negated) {
			i = r->is_if ? r->skip : i + 1;
			continue;
		}
		if (!r->is_if)
			return subst_apply(r->result, &m, value) < 0 && !value->overflow ? 0 : 1;
		i++;
	}
	return 0;
}
