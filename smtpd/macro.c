/* SPDX-License-Identifier: Apache-2.0 */
/* macro - expansion of what is known of a session in texts of the administrator's. */
#include "smtpd/macro.h"

#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"

static bool allowed[256];

/* "\t", "\40" (octal), "\\" and the like. */
void
macro_filter_set(const char *p)
{
	memset(allowed, 0, sizeof allowed);
	while (*p != 0) {
		unsigned c = (unsigned char)*p++;

		if (c == '\\' && *p >= '0' && *p <= '7') {
			c = 0;
			for (int i = 0; i < 3 && *p >= '0' && *p <= '7'; i++)
				c = c * 8 + (unsigned)(*p++ - '0');
		} else if (c == '\\' && *p != 0) {
			c = *p == 't' ? '\t' : *p == 'n' ? '\n' : *p == 'r' ? '\r' : (unsigned char)*p;
			p++;
		}
		allowed[c & 255] = true;
	}
}

static void
add_filtered(struct strbuf *out, const char *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)strbuf_addc(out, allowed[(unsigned char)value[i]] ? value[i] : '_');
}

static const char *
find(const struct macro *m, size_t n_m, const char *name, size_t n)
{
	for (size_t i = 0; i < n_m; i++)
		if (strlen(m[i].name) == n && memcmp(m[i].name, name, n) == 0)
			return m[i].value != NULL ? m[i].value : "";
	return NULL;
}

/* sender, sender_name, sender_domain and the same of recipient. */
static const char *
address_part(const char *base, const char *addr, const char *name, size_t n, size_t *len)
{
	size_t k = strlen(base);
	const char *domain;

	if (n < k || memcmp(name, base, k) != 0)
		return NULL;
	addr = addr != NULL ? addr : "";
	*len = strlen(addr);
	if (n == k)
		return addr;
	if (n == k + 5 && memcmp(name + k, "_name", 5) == 0) {
		*len = addr_local_len(addr);
		return addr;
	}
	if (n != k + 7 || memcmp(name + k, "_domain", 7) != 0)
		return NULL;
	domain = addr_domain(addr);
	*len = domain != NULL ? strlen(domain) : 0;
	return domain != NULL ? domain : "";
}

static const char *
session_value(struct session *s, const char *name, size_t n, char now[static CLOCK_SYSLOG_SIZE], size_t *len)
{
	const struct macro macros[] = {
		{ "client", s->who }, { "client_address", s->addr }, { "client_name", s->name }, { "client_port", s->port },
		{ "reverse_client_name", s->reverse_name }, { "helo_name", s->helo }, { "server_name", conf.myhostname },
		{ "server_address", s->server_addr }, { "server_port", s->server_port }, { "localtime", now },
	};
	const char *value = find(macros, COUNT_OF(macros), name, n);

	if (value != NULL)
		*len = strlen(value);
	if (value == NULL)
		value = address_part("sender", s->sender, name, n, len);
	return value != NULL ? value : address_part("recipient", s->recipient, name, n, len);
}

struct expansion {
	struct session *s;
	const struct macro *more;
	size_t n_more;
	struct strbuf *out;
	char now[CLOCK_SYSLOG_SIZE];
};

static void expand(struct expansion *x, const char *p, size_t n, unsigned depth);

/* The matching '}' of what begins at p, or NULL. */
static const char *
closing(const char *p, const char *end, char open, char close)
{
	unsigned depth = 1;

	for (; p < end; p++) {
		if (*p == open)
			depth++;
		else if (*p == close && --depth == 0)
			return p;
	}
	return NULL;
}

/* p points behind '$'; returns behind the macro, or NULL when it is none. */
static const char *
expand_one(struct expansion *x, const char *p, const char *end, unsigned depth)
{
	char close = *p == '{' ? '}' : *p == '(' ? ')' : 0;
	const char *name = close != 0 ? p + 1 : p, *q = name, *last, *value;
	size_t len = 0;

	while (q < end && (ascii_is_alnum(*q) || *q == '_'))
		q++;
	last = close != 0 ? closing(name, end, *p, close) : q;
	if (q == name || last == NULL || (q != last && *q != '?' && *q != ':'))
		return NULL;
	value = find(x->more, x->n_more, name, (size_t)(q - name));
	if (value != NULL)
		len = strlen(value);
	else
		value = session_value(x->s, name, (size_t)(q - name), x->now, &len);
	if (value == NULL)
		return NULL;
	if (q == last)
		add_filtered(x->out, value, len);
	else if ((*q == '?') == (len > 0))
		expand(x, q + 1, (size_t)(last - q - 1), depth + 1);
	return close != 0 ? last + 1 : last;
}

static void
expand(struct expansion *x, const char *p, size_t n, unsigned depth)
{
	const char *end = p + n, *next;

	if (depth > MACRO_DEPTH)
		return;
	while (p < end) {
		if (p[0] == '\\' && p + 1 < end && p[1] == 'n') {
			(void)strbuf_addc(x->out, '\n');
			p += 2;
		} else if (*p == '$' && p + 1 < end && (next = expand_one(x, p + 1, end, depth)) != NULL) {
			p = next;
		} else {
			(void)strbuf_addc(x->out, *p++);
		}
	}
}

void
macro_expand(struct session *s, const char *text, const struct macro *more, size_t n_more, struct strbuf *out)
{
	struct expansion x = { .s = s, .more = more, .n_more = n_more, .out = out };

	(void)clock_syslog(clock_wall_s(), x.now);
	expand(&x, text, strlen(text), 0);
}
