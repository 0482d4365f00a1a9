/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netquery - queries made of keys, and values made of what came back
 *
 * A query is cut into pieces once.  Each place for a part of the key knows the quotes around it, so that the part is quoted for just that
 * place, and a place where no quoting would help (a comment) is refused when the table is opened.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "table/netconf.h"

enum { PIECES_MAX = 200, LABELS_MAX = 9 };

struct piece {
	char what;		/* 0: text; else the letter behind the % */
	char quote;		/* within '...', "..." or `...`, else 0 */
	char *text;
};
struct nettext {
	size_t n;
	struct piece pieces[PIECES_MAX];
};

static void
nettext_free(struct nettext **tp)
{
	if (*tp == NULL)
		return;
	for (size_t i = 0; i < (*tp)->n; i++)
		mem_free(&(*tp)->pieces[i].text);
	mem_free(tp);
}

/* ---- where in a query a character stands */
struct place {
	enum netquery_kind kind;
	char quote;
	enum { IN_CODE, IN_LINE_COMMENT, IN_COMMENT } in;
};

/* *s is the next character; how many are taken together. */
static size_t
place_step(struct place *p, const char *s)
{
	if (p->kind == NETQUERY_PLAIN)
		return 1;
	if (p->in != IN_CODE) {
		bool ends = p->in == IN_COMMENT ? s[0] == '*' && s[1] == '/' : s[0] == '\n';

		if (ends)
			p->in = IN_CODE;
		return ends && s[0] == '*' ? 2 : 1;
	}
	if (p->quote != 0) {
		if (p->kind == NETQUERY_SQL_BACKSLASH && s[0] == '\\' && s[1] != '\0' && s[1] != '%')
			return 2;
		if (s[0] == p->quote)	/* a doubled one ends and begins again */
			p->quote = 0;
		return 1;
	}
	if (s[0] == '\'' || s[0] == '"' || s[0] == '`')
		p->quote = s[0];
	else if ((s[0] == '-' && s[1] == '-') || (s[0] == '#' && p->kind == NETQUERY_SQL_BACKSLASH))
		p->in = IN_LINE_COMMENT;
	else if (s[0] == '/' && s[1] == '*') {
		p->in = IN_COMMENT;
		return 2;
	}
	return 1;
}

static int
add_piece(struct nettext *t, char what, char quote, char *text)
{
	if (t->n >= PIECES_MAX)
		return -1;
	t->pieces[t->n++] = (struct piece){ .what = what, .quote = quote, .text = text };
	return 0;
}

static int
add_text(struct nettext *t, struct strbuf *text)
{
	AUTO(mem_free) char *copy = mem_strdup(text->s);

	if (text->len == 0)
		return 0;
	if (text->overflow || add_piece(t, 0, 0, copy) < 0)
		return -1;
	copy = NULL;	/* it is the piece's now */
	strbuf_reset(text);
	return 0;
}

static int
place_check(const struct place *p, const char *attr, const char *s, struct err *err)
{
	if (s[1] == '\0' || strchr("sudSUD123456789", s[1]) == NULL)
		return err_set(err, ERR_CONF, NULL, "%s: \"%%%.1s\" means nothing; a percent sign is written %%%%", attr, s + 1);
	if (p->in != IN_CODE)
		return err_set(err, ERR_CONF, NULL, "%s: \"%%%c\" within a comment", attr, s[1]);
	return 0;
}

static struct nettext *
nettext_parse(const char *attr, const char *s, enum netquery_kind kind, struct err *err)
{
	struct nettext *t = NEW(struct nettext);
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TABLE_KEY_MAX);
	struct place place = { .kind = kind };
	int r = 0;

	while (*s != '\0' && r == 0) {
		if (s[0] == '%' && s[1] == '%') {
			strbuf_addc(&text, '%');
			s += 2;
		} else if (s[0] == '%') {
			if (place_check(&place, attr, s, err) < 0)
				break;
			r = add_text(t, &text) < 0 ? -1 : add_piece(t, s[1], place.quote, NULL);
			s += 2;
		} else {
			size_t n = place_step(&place, s);

			strbuf_add(&text, s, n);
			s += n;
		}
	}
	if (*s == '\0' && r == 0 && add_text(t, &text) == 0 && place.quote == 0 && place.in != IN_COMMENT)
		return t;
	if (err->class == ERR_NONE)
		err_set(err, ERR_CONF, NULL, place.quote != 0 ? "%s: a quote has no end" : "%s: too long, or a comment has no end", attr);
	nettext_free(&t);
	return NULL;
}

int
netquery_load(struct netquery *q, struct netconf *nc, enum netquery_kind kind, const char *attr, const char *text, struct err *err)
{
	struct err local = ERR_INIT;
	const char *domains = netconf_get(nc, "domain", "");

	if (*domains != '\0') {
		q->domains = match_open(domains, MATCH_STRING, NULL, err);
		if (q->domains == NULL)
			return err_prefix(err, "domain: ");
	}
	if (netconf_int(nc, "expansion_limit", 0, 0, INT32_MAX, &q->expansion_limit, err) < 0)
		return -1;
	q->query = nettext_parse(attr, text, kind, &local);
	if (q->query != NULL)
		q->format = nettext_parse("result_format", netconf_get(nc, "result_format", "%s"), NETQUERY_PLAIN, &local);
	if (q->format == NULL)
		return err_set(err, local.class, NULL, "%s", local.text);
	return 0;
}

void
netquery_done(struct netquery *q)
{
	nettext_free(&q->query);
	nettext_free(&q->format);
	match_free(&q->domains);
}

/* ---- parts of a key or result */
struct span {
	const char *s;
	size_t n;
};

/* The n-th label of the domain, the rightmost is 1. */
static bool
find_label(const char *domain, unsigned n, struct span *out)
{
	const char *end = domain + strlen(domain);

	while (n-- > 0) {
		const char *start = end;

		while (start > domain && start[-1] != '.')
			start--;
		*out = (struct span){ start, (size_t)(end - start) };
		if (n > 0 && start == domain)
			return false;
		end = start > domain ? start - 1 : start;
	}
	return out->n > 0;
}

/* false: text has no such part. */
static bool
find_part(const char *text, char what, struct span *out)
{
	const char *at = strrchr(text, '@');

	if (what == 's' || what == 'S' || ((what == 'u' || what == 'U') && at == NULL))
		*out = (struct span){ text, strlen(text) };
	else if (at == NULL)
		return false;
	else if (what == 'u' || what == 'U')
		*out = (struct span){ text, (size_t)(at - text) };
	else if (what == 'd' || what == 'D')
		*out = (struct span){ at + 1, strlen(at + 1) };
	else if (!find_label(at + 1, (unsigned)(what - '0'), out))
		return false;
	return out->n > 0;
}

static int
has_domain(const struct netquery *q, const char *key, struct err *err)
{
	const char *at = strrchr(key, '@');

	if (q->domains == NULL)
		return 1;
	return at == NULL || at == key || at[1] == '\0' ? 0 : match_name(q->domains, at + 1, err);
}

int
netquery_quote_sql(void *arg UNUSED, char quote, const char *s, size_t n, struct strbuf *out)
{
	char mark = quote != 0 ? quote : '\'';

	if (quote == 0)
		strbuf_addc(out, mark);
	for (size_t i = 0; i < n; i++) {
		if (s[i] == mark)
			strbuf_addc(out, mark);
		strbuf_addc(out, s[i]);
	}
	if (quote == 0)
		strbuf_addc(out, mark);
	return out->overflow ? -1 : 0;
}

int
netquery_build(const struct netquery *q, const char *key, netquery_quote_fn *quote, void *arg, struct strbuf *out, struct err *err)
{
	int r = *key == '\0' ? 0 : has_domain(q, key, err);

	for (size_t i = 0; r == 1 && i < q->query->n; i++) {
		const struct piece *p = &q->query->pieces[i];
		struct span part;

		if (p->what == 0)
			strbuf_adds(out, p->text);
		else if (!find_part(key, p->what, &part))
			return 0;
		else if (quote == NULL)
			strbuf_add(out, part.s, part.n);
		else if (quote(arg, p->quote, part.s, part.n, out) < 0)
			return err_set(err, ERR_TEMP, "4.3.0", "cannot be quoted: \"%.100s\"", key);
	}
	if (r == 1 && out->overflow)
		return err_set(err, ERR_TEMP, "4.3.0", "the query for \"%.100s\" is longer than %zu bytes", key, out->max);
	return r;
}

static bool
is_of_result(char what)
{
	return what == 's' || what == 'u' || what == 'd';
}

int
netquery_add(const struct netquery *q, const char *key, const char *result, size_t *n, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf one = STRBUF_INIT(value->max);

	if (*result == '\0')
		return 0;
	for (size_t i = 0; i < q->format->n; i++) {
		const struct piece *p = &q->format->pieces[i];
		struct span part;

		if (p->what == 0)
			strbuf_adds(&one, p->text);
		else if (find_part(is_of_result(p->what) ? result : key, p->what, &part))
			strbuf_add(&one, part.s, part.n);
		else
			return 0;
	}
	if (q->expansion_limit > 0 && *n >= (size_t)q->expansion_limit)
		return err_set(err, ERR_TEMP, "4.3.0", "more than %lld results (expansion_limit) for \"%.100s\"",
		    (long long)q->expansion_limit, key);
	if (*n > 0)
		strbuf_addc(value, ',');
	strbuf_add(value, one.s, one.len);
	*n += 1;
	return one.overflow || value->overflow ? err_set(err, ERR_TEMP, "4.3.0", "too long a result for \"%.100s\"", key) : 0;
}
