/* SPDX-License-Identifier: Apache-2.0 */
/* Match lists: items are taken apart once, when the list is opened; files are read then. */
#include "table/match.h"

#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/cidr.h"
#include "table/source.h"
#include "table/table_priv.h"

enum { ITEMS_MAX = 1000000, FILE_DEPTH_MAX = 10 };

enum kind { ITEM_TEXT, ITEM_NET, ITEM_TABLE, ITEM_BAD };

struct item {
	enum kind kind;
	bool negated;
	char *text;		/* lower case; ITEM_BAD: what is wrong */
	size_t len;
	struct cidr_net net;
	struct table *table;
};

struct match {
	int flags;
	struct conf *conf;
	struct item *v;
	size_t n, cap;
};

static struct item *
add(struct match *m, enum kind kind, bool negated, const char *text)
{
	struct item *i;

	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 8 : m->cap * 2;
		m->v = mem_realloc_array(m->v, m->cap, sizeof(*m->v));
	}
	i = &m->v[m->n++];
	*i = (struct item){ .kind = kind, .negated = negated, .text = mem_strdup(text), .len = strlen(text) };
	return i;
}

static void
add_bad(struct match *m, const char *why)
{
	log_warning("%s", why);
	add(m, ITEM_BAD, false, why);
}

/* An address or network: true when the item is one, right or wrong. */
static bool
add_net(struct match *m, bool negated, const char *text)
{
	struct err err = ERR_INIT;
	struct cidr_net net;
	bool has_slash = strchr(text, '/') != NULL;

	if ((m->flags & MATCH_ADDR) == 0)
		return false;
	if (cidr_parse(text, &net, &err) == 0) {
		add(m, ITEM_NET, negated, text)->net = net;
		return true;
	}
	if (!has_slash || strspn(text, "0123456789./[]:abcdefABCDEF") != strlen(text))
		return false;
	add_bad(m, err.text);
	return true;
}

static int
add_table(struct match *m, bool negated, const char *text, struct err *err)
{
	struct table *t = table_open(text, TABLE_FOLD | TABLE_NO_SUBST, m->conf, err);

	if (t == NULL)
		return -1;
	add(m, ITEM_TABLE, negated, text)->table = t;
	return 0;
}

static int add_list(struct match *m, char *text, bool negated, unsigned depth, struct err *err);

static int
add_file(struct match *m, bool negated, const char *path, unsigned depth, struct err *err)
{
	AUTO(source_free) struct source *src = NULL;
	struct err why = ERR_INIT;
	unsigned line_no;
	char *line;
	int r;

	if (depth >= FILE_DEPTH_MAX)
		return err_set(err, ERR_CONF, NULL, "%s: files that name files are nested too deeply", path);
	src = source_open(path, &why);
	if (src == NULL) {
		add_bad(m, why.text);
		return 0;
	}
	while ((r = source_line(src, &line, &line_no, err)) == 1)
		if (add_list(m, line, negated, depth + 1, err) < 0)
			return -1;
	return r;
}

static int
add_item(struct match *m, char *word, bool negated, unsigned depth, struct err *err)
{
	struct item *i;

	if (m->n >= ITEMS_MAX)
		return err_set(err, ERR_CONF, NULL, "more than %d items in a list", ITEMS_MAX);
	for (; *word == '!'; word++)
		negated = !negated;
	if (*word == '\0') {
		add_bad(m, "no pattern after '!'");
		return 0;
	}
	if (*word == '/')
		return add_file(m, negated, word, depth, err);
	if (add_net(m, negated, word))
		return 0;
	if (*word != '[' && strchr(word, ':') != NULL)
		return add_table(m, negated, word, err);
	i = add(m, ITEM_TEXT, negated, word);
	ascii_lower_str(i->text);
	return 0;
}

static int
add_list(struct match *m, char *text, bool negated, unsigned depth, struct err *err)
{
	char *word;

	while ((word = brace_next(&text)) != NULL)
		if (add_item(m, word, negated, depth, err) < 0)
			return -1;
	return 0;
}

struct match *
match_open(const char *list, int flags, struct conf *conf, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(list);
	struct match *m = NEW(struct match);

	m->flags = flags;
	m->conf = conf;
	if (add_list(m, copy, false, 0, err) < 0)
		match_free(&m);
	return m;
}

void
match_free(struct match **mp)
{
	struct match *m = *mp;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++) {
		mem_free(&m->v[i].text);
		table_free(&m->v[i].table);
	}
	mem_free(&m->v);
	mem_free(mp);
}

void
match_each_table(struct match *m, void (*fn)(struct table *t))
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].kind == ITEM_TABLE)
			fn(m->v[i].table);
	}
}

bool
match_is_empty(const struct match *m)
{
	return m == NULL || m->n == 0;
}

/* A table holds the name itself or a parent domain: without its dot with MATCH_PARENT, with it otherwise. */
static int
name_in_table(struct match *m, struct item *it, const char *name, struct err *err)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(TABLE_VALUE_MAX);
	int r = table_lookup(it->table, name, &value, err);

	if ((m->flags & MATCH_DOMAIN) == 0 || !table_takes_partial_keys(it->table))
		return r;
	for (const char *dot = strchr(name, '.'); r == 0 && dot != NULL && dot[1] != '\0'; dot = strchr(dot + 1, '.'))
		if (dot > name)
			r = table_lookup(it->table, (m->flags & MATCH_PARENT) != 0 ? dot + 1 : dot, &value, err);
	return r;
}

static bool
name_is(const struct match *m, const struct item *it, const char *name, size_t len)
{
	const char *tail;

	if (len == it->len)
		return ascii_casecmp(name, it->text) == 0;
	if ((m->flags & MATCH_DOMAIN) == 0 || len < it->len)
		return false;
	tail = name + (len - it->len);
	if ((m->flags & MATCH_PARENT) != 0)
		return tail[-1] == '.' && ascii_casecmp(tail, it->text) == 0;
	return it->text[0] == '.' && ascii_casecmp(tail, it->text) == 0;
}

static int
item_name(struct match *m, struct item *it, const char *name, size_t len, struct err *err)
{
	switch (it->kind) {
	case ITEM_TEXT:
		return name_is(m, it, name, len);
	case ITEM_TABLE:
		return name_in_table(m, it, name, err);
	case ITEM_NET:
		return 0;
	case ITEM_BAD:
		return err_set(err, ERR_CONF, "4.3.0", "%s", it->text);
	}
	return 0;
}

static int
item_addr(const struct item *it, const char *addr, const struct cidr_addr *parsed, struct err *err)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(TABLE_VALUE_MAX);

	switch (it->kind) {
	case ITEM_TEXT:
		return ascii_casecmp(it->text, addr) == 0;
	case ITEM_TABLE:
		return table_lookup(it->table, addr, &value, err);
	case ITEM_NET:
		return parsed != NULL && cidr_contains(&it->net, parsed);
	case ITEM_BAD:
		return err_set(err, ERR_CONF, "4.3.0", "%s", it->text);
	}
	return 0;
}

int
match_host(struct match *m, const char *name, const char *addr, struct err *err)
{
	struct cidr_addr parsed;
	size_t len = name != NULL ? strlen(name) : 0;
	bool is_addr = addr != NULL && cidr_parse_addr(addr, strlen(addr), &parsed) == 0;

	for (size_t i = 0; m != NULL && i < m->n; i++) {
		struct item *it = &m->v[i];
		int r = 0;

		if (name != NULL)
			r = item_name(m, it, name, len, err);
		if (r == 0 && addr != NULL)
			r = item_addr(it, addr, is_addr ? &parsed : NULL, err);
		if (r < 0)
			return -1;
		if (r == 1)
			return it->negated ? 0 : 1;
	}
	return 0;
}

int
match_name(struct match *m, const char *name, struct err *err)
{
	return match_host(m, name, NULL, err);
}

int
match_addr(struct match *m, const char *addr, struct err *err)
{
	return match_host(m, NULL, addr, err);
}
