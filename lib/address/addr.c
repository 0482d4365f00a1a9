/* SPDX-License-Identifier: Apache-2.0 */
/* addr - the two forms of an address, its parts, and extensions */
#include "address/addr.h"

#include <string.h>

#include "base/ascii.h"

/* RFC 5322 section 3.2.3, and RFC 6532 for bytes above 127 */
static bool
is_atext(unsigned char c)
{
	return c > 127 || ascii_is_alnum(c) || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

bool
addr_local_needs_quotes(const char *local, size_t n)
{
	bool word = false;	/* the last byte was part of an atom */

	for (size_t i = 0; i < n; i++) {
		if (local[i] == '.') {
			if (!word)
				return true;
			word = false;
		} else if (is_atext((unsigned char)local[i])) {
			word = true;
		} else {
			return true;
		}
	}
	return !word;
}

void
addr_quote_local(struct strbuf *out, const char *local, size_t n)
{
	if (!addr_local_needs_quotes(local, n)) {
		strbuf_add(out, local, n);
		return;
	}
	strbuf_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (local[i] == '"' || local[i] == '\\' || local[i] == '\r' || local[i] == '\n')
			strbuf_addc(out, '\\');
		strbuf_addc(out, local[i]);
	}
	strbuf_addc(out, '"');
}

void
addr_quote(struct strbuf *out, const char *addr)
{
	size_t n = addr_local_len(addr);

	if (*addr == '\0')
		return;
	addr_quote_local(out, addr, n);
	strbuf_adds(out, addr + n);
}

void
addr_quote_phrase(struct strbuf *out, const char *name)
{
	bool plain = *name != '\0';

	for (const char *p = name; *p != '\0' && plain; p++)
		plain = is_atext((unsigned char)*p) || *p == ' ';
	if (plain) {
		strbuf_adds(out, name);
		return;
	}
	strbuf_addc(out, '"');
	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, ascii_is_cntrl((unsigned char)*p) ? ' ' : *p);
	}
	strbuf_addc(out, '"');
}

const char *
addr_find_at(const char *external, size_t n)
{
	const char *at = NULL;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (external[i] == '\\')
			i++;
		else if (external[i] == '"')
			quoted = !quoted;
		else if (external[i] == '@' && !quoted)
			at = external + i;
	}
	return at;
}

void
addr_unquote(struct strbuf *out, const char *external)
{
	const char *at = addr_find_at(external, strlen(external));
	const char *end = at != NULL ? at : external + strlen(external);

	for (const char *p = external; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"' || *p == '\\')
			continue;
		strbuf_addc(out, *p);
	}
	strbuf_adds(out, end);
}

const char *
addr_domain(const char *addr)
{
	const char *at = strrchr(addr, '@');

	return at != NULL ? at + 1 : NULL;
}

size_t
addr_local_len(const char *addr)
{
	const char *at = strrchr(addr, '@');

	return at != NULL ? (size_t)(at - addr) : strlen(addr);
}

void
addr_fold_domain(char *addr)
{
	ascii_lower_str(addr + addr_local_len(addr));
}

bool
addr_equal(const char *a, const char *b)
{
	size_t n = addr_local_len(a);

	return n == addr_local_len(b) && memcmp(a, b, n) == 0 && ascii_casecmp(a + n, b + n) == 0;
}

static bool
is_whole(const char *local, size_t n, const char *name)
{
	return strlen(name) == n && ascii_ncasecmp(local, name, n) == 0;
}

size_t
addr_ext_at(const char *local, size_t n, const char *delims, bool owner_request)
{
	size_t at = 0;

	if (delims == NULL || *delims == '\0')
		return 0;
	while (at < n && (local[at] == '\0' || strchr(delims, local[at]) == NULL))
		at++;
	if (at == 0 || at == n)
		return 0;
	if (is_whole(local, n, "mailer-daemon") || is_whole(local, n, "double-bounce") || is_whole(local, n, "postmaster"))
		return 0;
	if (owner_request && strchr(delims, '-') != NULL) {
		if (n >= 6 && ascii_ncasecmp(local, "owner-", 6) == 0)
			return 0;
		if (n >= 8 && ascii_ncasecmp(local + n - 8, "-request", 8) == 0)
			return 0;
	}
	return at;
}
