/* SPDX-License-Identifier: Apache-2.0 */
/* Right-hand sides of aliases, lines of .forward and :include: files: addresses, files, commands, lists (aliases(5)). */
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/mem.h"
#include "local.h"

struct parser {
	struct pool *pool;
	const char *home;
	size_t *count;
	item_fn *fn;
	void *arg;
};

static int
emit(struct parser *p, enum item_kind kind, const char *text, struct err *err)
{
	struct item it = { .kind = kind, .text = pool_strdup(p->pool, text) };

	if (++*p->count > ITEMS_MAX)
		return err_set(err, ERR_PERM, "5.4.6", "more than %d destinations", ITEMS_MAX);
	p->fn(p->arg, &it);
	return 0;
}

/* A piece that is one quoted string as a whole, without quotes and backslashes; else as it is. */
static const char *
unquoted(struct parser *p, const char *s)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(STRBUF_HUGE);
	const char *q = s + 1;

	if (*s != '"')
		return s;
	for (; *q != '\0' && *q != '"'; q++) {
		if (*q == '\\' && q[1] != '\0')
			q++;
		strbuf_addc(&b, *q);
	}
	if (q[0] != '\0' && q[1] != '\0')
		return s;
	return pool_strdup(p->pool, b.s);
}

static int
add_addresses(struct parser *p, const char *s, struct err *err)
{
	struct addr_list list;

	if (addr_list_parse(p->pool, s, strlen(s), ITEMS_MAX, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (emit(p, ITEM_ADDR, *list.v[i].addr != '\0' ? list.v[i].addr : "MAILER-DAEMON", err) < 0)
			return -1;
	return 0;
}

static int
add_piece(struct parser *p, char *piece, struct err *err)
{
	static const char include[] = ":include:";
	const char *s = unquoted(p, ascii_trim(piece));

	if (*s == '\0')
		return *piece == '"' ? emit(p, ITEM_ADDR, "MAILER-DAEMON", err) : 0;
	if (*s == '|')
		return emit(p, ITEM_COMMAND, s + 1 + strspn(s + 1, " \t"), err);
	if (*s == '/')
		return emit(p, ITEM_FILE, s, err);
	if (*s == '~' && s[1] == '/' && p->home != NULL)
		return emit(p, ITEM_FILE, pool_printf(p->pool, "%s%s", p->home, s + 1), err);
	if (ascii_ncasecmp(s, include, sizeof(include) - 1) == 0)
		return emit(p, ITEM_INCLUDE, s + sizeof(include) - 1 + strspn(s + sizeof(include) - 1, " \t"), err);
	if (*s == '\\')
		return emit(p, ITEM_LITERAL, s + 1, err);
	return add_addresses(p, s == piece || *piece != '"' ? s : piece, err);
}

/* The end of the piece that begins at s: a comma outside quotes, comments, angle brackets and groups ("name: a, b;"). */
static char *
piece_end(char *s)
{
	unsigned depth = 0;
	bool quoted = false, angle = false, group = false;
	bool is_addr = strchr("|/:\"\\~", s[strspn(s, " \t")]) == NULL;

	for (; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '"' && depth == 0)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (*s == '(')
			depth++;
		else if (*s == ')' && depth > 0)
			depth--;
		else if (*s == '<' || *s == '>')
			angle = *s == '<';
		else if (is_addr && depth == 0 && !angle && (*s == ':' || *s == ';'))
			group = *s == ':';
		else if (*s == ',' && depth == 0 && !angle && !group)
			break;
	}
	return s;
}

int
items_parse(struct pool *pool, const char *text, const char *home, size_t *count, item_fn *fn, void *arg, struct err *err)
{
	struct parser p = { .pool = pool, .home = home, .count = count, .fn = fn, .arg = arg };
	AUTO(mem_free) char *copy = mem_strdup(text);
	char *s = copy;

	while (*s != '\0') {
		char *end = piece_end(s);
		bool last = *end == '\0';

		*end = '\0';
		if (add_piece(&p, ascii_trim(s), err) < 0)
			return -1;
		if (last)
			break;
		s = end + 1;
	}
	return 0;
}
