/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of alias files, taken apart into the tokens of RFC 822 and written again. */
#include "table/alias_src.h"

#include <string.h>

#include "base/ascii.h"

enum token { TOK_END, TOK_WORD, TOK_QUOTED, TOK_COMMENT, TOK_SPECIAL };

static bool
is_special(int c)
{
	return c != '\0' && strchr("()<>@,;:\"[]", c) != NULL;
}

/* A quoted string; the text is added without quotes and backslashes. */
static void
scan_quoted(const char **pos, struct strbuf *text)
{
	const char *p = *pos + 1;

	for (; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		strbuf_addc(text, *p);
	}
	*pos = *p == '"' ? p + 1 : p;
}

static void
scan_comment(const char **pos, struct strbuf *text)
{
	const char *p = *pos;
	size_t depth = 0;

	do {
		if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
		else if (*p == '\\' && p[1] != '\0')
			strbuf_addc(text, *p++);
		strbuf_addc(text, *p++);
	} while (*p != '\0' && depth > 0);
	*pos = p;
}

static void
scan_literal(const char **pos, struct strbuf *text)
{
	const char *p = *pos;

	while (*p != '\0' && *p != ']')
		strbuf_addc(text, *p++);
	if (*p == ']')
		strbuf_addc(text, *p++);
	*pos = p;
}

static void
scan_word(const char **pos, struct strbuf *text)
{
	const char *p = *pos;

	for (; *p != '\0' && !ascii_is_space((unsigned char)*p) && !is_special((unsigned char)*p); p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		strbuf_addc(text, *p);
	}
	*pos = p;
}

static enum token
scan(const char **pos, struct strbuf *text)
{
	const char *p = *pos;

	strbuf_reset(text);
	while (ascii_is_space((unsigned char)*p))
		p++;
	*pos = p;
	switch (*p) {
	case '\0':
		return TOK_END;
	case '"':
		scan_quoted(pos, text);
		return TOK_QUOTED;
	case '(':
		scan_comment(pos, text);
		return TOK_COMMENT;
	case '[':
		scan_literal(pos, text);
		return TOK_WORD;
	default:
		if (is_special((unsigned char)*p)) {
			strbuf_addc(text, *p);
			(*pos)++;
			return TOK_SPECIAL;
		}
		scan_word(pos, text);
		return TOK_WORD;
	}
}

static void
add_quoted(struct strbuf *out, const char *s)
{
	strbuf_addc(out, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *s);
	}
	strbuf_addc(out, '"');
}

static bool
needs_quotes(const char *s)
{
	if (*s == '\0')
		return true;
	for (; *s != '\0'; s++)
		if (is_special((unsigned char)*s) || ascii_is_space((unsigned char)*s) || *s == '\\')
			return true;
	return false;
}

void
alias_quote(const char *name, struct strbuf *out)
{
	if (needs_quotes(name))
		add_quoted(out, name);
	else
		strbuf_adds(out, name);
}

/* Write one token behind the one before. */
static void
emit(struct strbuf *out, enum token before, bool after_comma, enum token tok, const char *text)
{
	bool words = before != TOK_END && before != TOK_SPECIAL && tok != TOK_SPECIAL;
	bool comment = before != TOK_END && (tok == TOK_COMMENT || (before == TOK_COMMENT && tok != TOK_SPECIAL));

	if (after_comma || words || comment)
		strbuf_addc(out, ' ');
	if (tok == TOK_QUOTED || (tok == TOK_WORD && *text != '[' && needs_quotes(text)))
		add_quoted(out, text);
	else
		strbuf_adds(out, text);
}

static void
write_value(const char *p, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(out->max);
	enum token tok, before = TOK_END;
	bool after_comma = false;

	while ((tok = scan(&p, &text)) != TOK_END) {
		emit(out, before, after_comma, tok, text.s);
		after_comma = tok == TOK_SPECIAL && text.s[0] == ',';
		before = tok;
	}
}

/* The name up to the colon, without quotes; -1: it is none. */
static int
scan_name(const char **pos, struct strbuf *name, const char **problem)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(name->max);
	bool has_at = false, has_comma = false;
	enum token tok, before = TOK_END;

	*problem = "need name:value pair";
	while ((tok = scan(pos, &text)) != TOK_END && !(tok == TOK_SPECIAL && text.s[0] == ':')) {
		has_at |= tok == TOK_SPECIAL && text.s[0] == '@';
		has_comma |= tok == TOK_SPECIAL && (text.s[0] == ',' || text.s[0] == ';');
		if (name->len > 0 && tok != TOK_SPECIAL && before != TOK_SPECIAL)
			strbuf_addc(name, ' ');
		strbuf_add(name, text.s, text.len);
		before = tok;
	}
	if (tok == TOK_END || name->len == 0 || has_comma || name->overflow)
		return -1;
	if (has_at) {
		*problem = "name must be local";
		return -1;
	}
	return 0;
}

int
alias_split(const char *line, struct strbuf *key, struct strbuf *value, const char **problem)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF_INIT(key->max);
	const char *p = line;

	if (scan_name(&p, &name, problem) < 0)
		return -1;
	alias_quote(name.s, key);
	write_value(p, value);
	if (value->len == 0) {
		*problem = "need name:value pair";
		return -1;
	}
	if (key->overflow || value->overflow) {
		*problem = "the line is too long";
		return -1;
	}
	return 0;
}
