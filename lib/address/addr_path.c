/* SPDX-License-Identifier: Apache-2.0 */
/* addr_path - the address arguments of MAIL and RCPT (RFC 5321 section 4.1.2), strict and as lenient as Postfix is */
#include "address/addr.h"

#include <string.h>

#include "address/host.h"
#include "base/ascii.h"
#include "base/mem.h"

/* End of the path that begins with '<' at text: its '>', or NULL. */
static const char *
find_close(const char *text)
{
	bool quoted = false;
	int depth = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '<')
			depth++;
		else if (!quoted && *p == '>' && --depth == 0)
			return p;
	}
	return NULL;
}

/* An argument without brackets ends at the first blank outside quotes. */
static const char *
find_blank(const char *text)
{
	bool quoted = false;
	const char *p;

	for (p = text; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && ascii_is_blank((unsigned char)*p))
			break;
	}
	return p;
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if (ascii_is_cntrl((unsigned char)*s))
			return true;
	}
	return false;
}

static int
check_domain(const char *domain, int flags, struct strbuf *addr, struct err *err)
{
	AUTO(strbuf_done) struct strbuf ascii = STRBUF_INIT(HOST_NAME_LEN);
	char literal[HOST_ADDR_SIZE];
	const char *why = "";

	if (*domain == '[') {
		if (host_literal_parse(domain, literal) < 0)
			return err_set(err, ERR_PERM, NULL, "bad address literal");
		return 0;
	}
	if (host_is_ipv4(domain)) {
		AUTO(mem_free) char *copy = mem_strdup(domain);

		if ((flags & ADDR_PATH_NUMERIC) == 0)
			return err_set(err, ERR_PERM, NULL, "numeric domain without brackets");
		strbuf_cut(addr, (size_t)(domain - addr->s));
		strbuf_addf(addr, "[%s]", copy);
		return 0;
	}
	if (!ascii_is_all(domain, strlen(domain))) {
		if (host_to_ascii(domain, &ascii, err) < 0)
			return -1;
		domain = ascii.s;
	}
	if (!host_is_name(domain, &why))
		return err_set(err, ERR_PERM, NULL, "bad domain name: %s", why);
	return 0;
}

/* What both the strict and the lenient form must satisfy. */
static int
check_addr(struct strbuf *addr, int flags, struct err *err)
{
	const char *domain;

	if (addr->overflow)
		return err_set(err, ERR_PERM, NULL, "address too long");
	if (has_control(addr->s))
		return err_set(err, ERR_PERM, NULL, "control character in address");
	if (!ascii_is_all(addr->s, addr->len) && ((flags & ADDR_PATH_UTF8) == 0 || !utf8_is_valid(addr->s, addr->len)))
		return err_set(err, ERR_PERM, "5.6.7", "address is not ASCII");
	if (addr->s[0] == '-' && (flags & ADDR_PATH_MINUS) == 0)
		return err_set(err, ERR_PERM, NULL, "address begins with '-'");
	if ((domain = addr_domain(addr->s)) == NULL)
		return 0;
	if (addr_local_len(addr->s) == 0)
		return err_set(err, ERR_PERM, NULL, "no local part");
	if (addr->len >= 2 && addr->s[addr->len - 1] == '.' && addr->s[addr->len - 2] != '@')
		strbuf_cut(addr, addr->len - 1);
	return check_domain(domain, flags, addr, err);
}

static bool
is_blank(const char *s, size_t n)
{
	while (n > 0 && ascii_is_blank((unsigned char)*s))
		s++, n--;
	return n == 0;
}

/* Nothing but brackets and blanks around the address, and no comment within. */
static bool
is_pure(const char *text, size_t n, const struct addr_item *item)
{
	size_t end = item->at + item->len;

	return !item->has_comment && item->at >= 1 && end < n && is_blank(text + 1, item->at - 1) && is_blank(text + end, n - 1 - end);
}

/* The text between the brackets, or the bare argument. */
static int
parse_inside(const char *text, size_t n, int flags, struct strbuf *addr, struct err *err)
{
	AUTO(pool_free) struct pool *pool = pool_new(512);
	struct addr_list list;
	const struct addr_item *item;
	bool strict = (flags & ADDR_PATH_STRICT) != 0;

	if (addr_list_parse(pool, text, n, 2, &list, err) < 0)
		return -1;
	if (list.n != 1)
		return err_set(err, ERR_PERM, NULL, list.n == 0 ? "no address" : "more than one address");
	item = &list.v[0];
	if (item->in_group || memchr(text + item->at + item->len, ';', n - item->at - item->len) != NULL || (strict && !is_pure(text, n, item)))
		return err_set(err, ERR_PERM, NULL, "not an address only");
	strbuf_adds(addr, item->addr);
	if (item->addr[0] == '\0' || item->len >= ADDR_MAX)
		return err_set(err, ERR_PERM, NULL, item->len >= ADDR_MAX ? "address too long" : "empty address");
	return check_addr(addr, flags, err);
}

int
addr_path_parse(const char *text, int flags, struct strbuf *addr, const char **rest, struct err *err)
{
	const char *end, *p;
	size_t n;

	strbuf_reset(addr);
	while (ascii_is_blank((unsigned char)*text))
		text++;
	if (*text == '<') {
		if ((end = find_close(text)) == NULL)
			return err_set(err, ERR_PERM, NULL, "no '>' at the end");
		end++;
	} else {
		if ((flags & ADDR_PATH_STRICT) != 0 || *text == '\0')
			return err_set(err, ERR_PERM, NULL, "no '<' at the beginning");
		end = find_blank(text);
	}
	if (*end != '\0' && !ascii_is_blank((unsigned char)*end))
		return err_set(err, ERR_PERM, NULL, "text behind '>'");
	for (p = end; ascii_is_blank((unsigned char)*p); p++)
		;
	if (rest != NULL)
		*rest = p;
	n = (size_t)(end - text);
	if (*text == '<' && is_blank(text + 1, n - 2)) {
		if ((flags & ADDR_PATH_NULL) == 0)
			return err_set(err, ERR_PERM, NULL, "null address");
		return 0;
	}
	return parse_inside(text, n, flags, addr, err);
}
