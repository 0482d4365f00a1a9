/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr_list - address lists as in headers: found, and changed in place without touching what surrounds them
 *
 * A scanner yields tokens with their place in the text; the parser builds the internal form of each address and remembers which
 * bytes it came from.  Words that stand side by side are separate addresses; '@', '.', '%' and '!' join words, blanks or not.
 */
#include "address/addr.h"

#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

enum token { T_END, T_WORD, T_JOIN, T_COMMENT, T_LANGLE, T_RANGLE, T_COMMA, T_COLON, T_SEMI };

struct scan {
	const char *text;
	size_t len, pos;		/* pos: behind the token */
	size_t at;			/* where the token begins */
	enum token token;
	size_t semi;			/* the next ';' token at or behind pos, as far as it was looked for; len: none */
	bool semi_known;
	struct err *err;
};

struct parse {
	struct scan s;
	struct pool *pool;
	struct addr_item *v;
	size_t n, cap, limit;
	size_t phrase;			/* items from here on are the words before a '<', should one come */
	bool is_cut;
	struct strbuf cur;		/* the address being built */
	size_t at, end, comma;		/* its bytes, and where the comma before it ended */
	bool open, joined;		/* one is being built; its last token was an operator */
	bool comment, route, in_group, in_angle, separated;
};

/* ---- scanner */
static int
skip_comment(struct scan *s)
{
	int depth = 0;

	for (; s->pos < s->len; s->pos++) {
		char c = s->text[s->pos];

		if (c == '\\' && s->pos + 1 < s->len) {
			s->pos++;
		} else if (c == '(') {
			if (++depth > ADDR_COMMENT_DEPTH)
				return err_set(s->err, ERR_PERM, "5.1.3", "comments nested deeper than %d", ADDR_COMMENT_DEPTH);
		} else if (c == ')' && --depth == 0) {
			s->pos++;
			return 0;
		}
	}
	return 0;
}

static void
skip_to_quote(struct scan *s, char close)
{
	for (s->pos++; s->pos < s->len; s->pos++) {
		if (s->text[s->pos] == '\\' && s->pos + 1 < s->len) {
			s->pos++;
		} else if (s->text[s->pos] == close) {
			s->pos++;
			return;
		}
	}
}

static bool
ends_word(char c)
{
	return ascii_is_space((unsigned char)c) || (c != '\0' && strchr("()<>@,;:.\"[%!", c) != NULL);
}

static void
skip_atom(struct scan *s)
{
	while (s->pos < s->len && !ends_word(s->text[s->pos])) {
		if (s->text[s->pos] == '\\' && s->pos + 1 < s->len)
			s->pos++;
		s->pos++;
	}
}

static enum token
special_token(char c)
{
	switch (c) {
	case '<': return T_LANGLE;
	case '>': return T_RANGLE;
	case ',': return T_COMMA;
	case ':': return T_COLON;
	case ';': return T_SEMI;
	case '@': case '.': case '%': case '!': return T_JOIN;
	default: return T_WORD;
	}
}

static int
scan_next(struct scan *s)
{
	char c;

	while (s->pos < s->len && ascii_is_space((unsigned char)s->text[s->pos]))
		s->pos++;
	s->at = s->pos;
	if (s->pos >= s->len) {
		s->token = T_END;
		return 0;
	}
	c = s->text[s->pos];
	s->token = special_token(c);
	if (c == '(') {
		s->token = T_COMMENT;
		return skip_comment(s);
	}
	if (s->token != T_WORD || c == ')')
		s->pos++;
	else if (c == '"')
		skip_to_quote(s, '"');
	else if (c == '[')
		skip_to_quote(s, ']');
	else
		skip_atom(s);
	return 0;
}

/* A group needs its ';': without one a colon is a byte of the local part.  Looked for once for all colons before it. */
static int
has_semicolon(const struct scan *s, struct scan *memo)
{
	struct scan look = *s;

	if (memo->semi_known && memo->semi >= s->pos)
		return memo->semi < s->len;
	do {
		if (scan_next(&look) < 0)
			return -1;
	} while (look.token != T_END && look.token != T_SEMI);
	memo->semi_known = true;
	memo->semi = look.token == T_SEMI ? look.at : s->len;
	return look.token == T_SEMI;
}

/* ---- parser */
static void
begin_address(struct parse *p)
{
	strbuf_reset(&p->cur);
	p->at = p->s.at;
	p->end = p->s.pos;
	p->open = true;
	p->joined = p->comment = false;
}

static void
finish_address(struct parse *p)
{
	struct addr_item *item;

	if (!p->open)
		return;
	p->open = false;
	if (p->n == p->limit) {
		p->is_cut = true;
		return;
	}
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 8 : p->cap * 2;
		p->v = mem_realloc_array(p->v, p->cap, sizeof *p->v);
	}
	item = &p->v[p->n++];
	*item = (struct addr_item){ .addr = pool_strndup(p->pool, p->cur.s, p->cur.len), .comma = p->comma, .at = p->at, .len = p->end - p->at,
	    .has_route = p->route, .has_comment = p->comment, .in_group = p->in_group, .in_angle = p->in_angle,
	    .is_bare_next = !p->separated };
	p->route = false;
	p->separated = false;
	p->comma = 0;
}

/* The bytes of the token, quotes and backslashes taken off. */
static void
add_word(struct parse *p)
{
	const char *t = p->s.text + p->s.at;
	size_t n = p->s.pos - p->s.at;
	bool literal = t[0] == '[';

	for (size_t i = 0; i < n; i++) {
		if (t[i] == '\\' && i + 1 < n)
			i++;
		else if (!literal && t[i] == '"')
			continue;
		strbuf_addc(&p->cur, t[i]);
	}
}

static void
add_token(struct parse *p, bool joins)
{
	if (p->open && !joins && !p->joined)
		finish_address(p);
	if (!p->open)
		begin_address(p);
	add_word(p);
	p->end = p->s.pos;
	p->joined = joins;
}

/* RFC 5322 section 4.4: <@a,@b:user@c>.  Looks ahead from the '@' behind '<'; leaves the scanner behind the ':' when there is one. */
static int
skip_route(struct parse *p)
{
	struct scan look = p->s;

	for (;;) {
		if (scan_next(&look) < 0)
			return -1;
		if (look.token == T_COLON) {
			p->at = p->s.at;
			p->s.pos = look.pos;
			p->route = true;
			return 1;
		}
		if (look.token == T_END || look.token == T_RANGLE || look.token == T_LANGLE || look.token == T_SEMI)
			return 0;
	}
}

/* What looked like addresses since the last separator was a phrase. */
static void
drop_phrase(struct parse *p)
{
	p->open = false;
	if (p->n == p->phrase)
		return;
	p->comma = p->v[p->phrase].comma;
	p->separated = !p->v[p->phrase].is_bare_next;
	p->n = p->phrase;
}

/* Inside <>: the address after an optional route. */
static int
open_angle(struct parse *p)
{
	size_t route_at;
	int r = 0;

	drop_phrase(p);
	p->in_angle = true;
	do {
		if (scan_next(&p->s) < 0)
			return -1;
	} while (p->s.token == T_COMMENT);
	route_at = p->s.at;
	if (p->s.token == T_JOIN && p->s.text[p->s.at] == '@') {
		if ((r = skip_route(p)) < 0)
			return -1;
	}
	if (r == 0) {
		p->s.pos = p->s.at;	/* read it again */
		return 0;
	}
	do {
		if (scan_next(&p->s) < 0)
			return -1;
	} while (p->s.token == T_COMMENT);
	if (p->s.token == T_WORD) {
		add_token(p, false);
		p->at = route_at;
	} else {
		p->s.pos = p->s.at;
		p->route = false;
	}
	return 0;
}

static int
take_colon(struct parse *p)
{
	int group;

	if (p->in_angle || p->in_group) {
		add_token(p, true);
		return 0;
	}
	if ((group = has_semicolon(&p->s, &p->s)) < 0)
		return -1;
	if (!group) {
		add_token(p, true);
		return 0;
	}
	p->open = false;	/* the group's name */
	p->n = p->phrase;
	p->in_group = true;
	p->separated = true;
	return 0;
}

static void
separate(struct parse *p)
{
	finish_address(p);
	p->separated = true;
	p->comma = p->s.pos;
	p->phrase = p->n;
}

static int
take_token(struct parse *p)
{
	switch (p->s.token) {
	case T_WORD:
		add_token(p, false);
		return 0;
	case T_JOIN:
		add_token(p, true);
		return 0;
	case T_COMMENT:
		p->comment = true;
		return 0;
	case T_LANGLE:
		return open_angle(p);
	case T_RANGLE:
		finish_address(p);
		p->in_angle = false;
		p->phrase = p->n;
		return 0;
	case T_COMMA:
		separate(p);
		return 0;
	case T_COLON:
		return take_colon(p);
	case T_SEMI:
		separate(p);
		p->in_group = false;
		return 0;
	default:
		finish_address(p);
		return 0;
	}
}

int
addr_list_parse(struct pool *pool, const char *text, size_t len, size_t limit, struct addr_list *out, struct err *err)
{
	struct parse p = { .s = { .text = text, .len = len, .err = err }, .pool = pool, .limit = limit,
	    .cur = STRBUF_INIT(ADDR_MAX), .separated = true };
	int r = 0;

	*out = (struct addr_list){ 0 };
	do {
		if ((r = scan_next(&p.s)) == 0)
			r = take_token(&p);
	} while (r == 0 && p.s.token != T_END);
	if (r == 0) {
		struct addr_item *v = pool_alloc_array(pool, p.n > 0 ? p.n : 1, sizeof *v);

		if (p.n > 0)
			memcpy(v, p.v, p.n * sizeof *v);
		*out = (struct addr_list){ .v = v, .n = p.n, .is_cut = p.is_cut };
	}
	strbuf_done(&p.cur);
	mem_free(&p.v);
	return r;
}

/* ---- rewriting */
enum { FOLD_AT = 990 };	/* RFC 5322 section 2.1.1 allows 998 */

struct rewrite {
	const char *text;
	size_t done;			/* bytes of text already in out */
	size_t line;			/* where the current line begins in out */
	struct strbuf *out;
};

static void
copy_text(struct rewrite *w, size_t to)
{
	for (size_t i = w->done; i < to; i++) {
		if (w->text[i] == '\n')
			w->line = w->out->len + (i - w->done) + 1;
	}
	strbuf_add(w->out, w->text + w->done, to - w->done);
	w->done = to;
}

/* Comments inside the replaced bytes are kept, behind the new address. */
static void
keep_comments(struct rewrite *w, const struct addr_item *item)
{
	struct scan s = { .text = w->text + item->at, .len = item->len };

	while (scan_next(&s) == 0 && s.token != T_END) {
		if (s.token == T_COMMENT) {
			strbuf_addc(w->out, ' ');
			strbuf_add(w->out, s.text + s.at, s.pos - s.at);
		}
	}
}

/* The text up to the item, with a line break behind the comma when the line would get too long. */
static void
copy_before(struct rewrite *w, const struct addr_item *item, bool first, size_t grown)
{
	size_t comma;

	if (item->is_bare_next && !item->in_angle && !first)
		strbuf_addc(w->out, ',');
	if (item->comma > w->done)
		copy_text(w, item->comma);
	comma = w->out->len;
	copy_text(w, item->at);
	if (item->comma == 0 || w->line > comma || w->out->len - w->line + grown < FOLD_AT)
		return;
	while (comma < w->out->len && ascii_is_blank((unsigned char)w->out->s[comma]))
		strbuf_remove(w->out, comma, 1);
	strbuf_insert(w->out, comma, "\n\t", 2);
	w->line = comma + 1;
}

static int
rewrite_items(struct rewrite *w, const struct addr_list *list, addr_rewrite_fn *fn, void *arg, struct err *err)
{
	AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(ADDR_MAX), external = STRBUF_INIT(2 * ADDR_MAX);
	bool any = false;

	for (size_t i = 0; i < list->n; i++) {
		const struct addr_item *item = &list->v[i];
		int r;

		strbuf_reset(&addr);
		if ((r = fn(arg, item->addr, &addr, err)) < 0)
			return -1;
		if (r == 0 && !item->has_route)
			continue;
		strbuf_reset(&external);
		addr_quote(&external, r == 1 ? addr.s : item->addr);
		copy_before(w, item, i == 0, external.len);
		strbuf_add(w->out, external.s, external.len);
		if (item->has_comment)
			keep_comments(w, item);
		w->done = item->at + item->len;
		any = true;
	}
	return any;
}

int
addr_list_rewrite(const char *text, size_t len, size_t limit, struct strbuf *out, addr_rewrite_fn *fn, void *arg, struct err *err)
{
	AUTO(pool_free) struct pool *pool = pool_new(1024);
	struct addr_list list;
	struct rewrite w = { .text = text, .out = out, .line = out->len };
	int r;

	if (addr_list_parse(pool, text, len, limit, &list, err) < 0)
		return -1;
	if ((r = rewrite_items(&w, &list, fn, arg, err)) != 1)
		return r;
	copy_text(&w, len);
	if (out->overflow)
		return err_set(err, ERR_PERM, "5.6.0", "header too long after rewriting");
	return 1;
}
