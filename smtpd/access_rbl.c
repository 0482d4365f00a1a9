/* SPDX-License-Identifier: Apache-2.0 */
/* access_rbl - DNS block and allow lists: by address (reject_rbl_client) and by name (reject_rhsbl_*), RFC 5782. */
#include "smtpd/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "address/host.h"
#include "base/ascii.h"
#include "base/log.h"
#include "smtpd/macro.h"

enum { TEXT_MAX = 3000 };

/* ---- "domain=127.0.[0;2..5].1": which answers count */

/* One number, or [alternatives and ranges], at *p; true when byte is among them.  bad is set for what is neither. */
static bool
match_byte(const char **p, unsigned byte, bool *bad)
{
	bool in_brackets = **p == '[', hit = false;

	if (in_brackets)
		(*p)++;
	for (;;) {
		unsigned from = 0, to;
		size_t n = strspn(*p, "0123456789");

		if (n == 0 || n > 3)
			break;
		for (; n > 0; n--)
			from = from * 10 + (unsigned)(*(*p)++ - '0');
		to = from;
		if (in_brackets && (*p)[0] == '.' && (*p)[1] == '.') {
			*p += 2;
			n = strspn(*p, "0123456789");
			if (n == 0 || n > 3)
				break;
			for (to = 0; n > 0; n--)
				to = to * 10 + (unsigned)(*(*p)++ - '0');
		}
		hit = hit || (byte >= from && byte <= to);
		if (!in_brackets)
			return hit;
		if (**p == ']') {
			(*p)++;
			return hit;
		}
		if (**p != ';')
			break;
		(*p)++;
	}
	*bad = true;
	return false;
}

static bool
match_pattern(const char *p, const unsigned char addr[4], bool *bad)
{
	bool hit = true;

	for (int i = 0; i < 4 && !*bad; i++) {
		if (i > 0 && *p != '.') {
			*bad = true;
			break;
		}
		p += i > 0;
		if (!match_byte(&p, addr[i], bad))
			hit = false;
	}
	if (*p != 0)
		*bad = true;
	return hit && !*bad;
}

int
access_rbl_check(const char *arg, struct err *err)
{
	static const unsigned char none[4];
	const char *eq = strchr(arg, '=');
	AUTO(strbuf_done) struct strbuf domain = STRBUF_INIT(DNS_NAME_SIZE);
	bool bad = false;

	(void)strbuf_add(&domain, arg, eq != NULL ? (size_t)(eq - arg) : strlen(arg));
	if (domain.overflow || !host_is_name(domain.s, NULL))
		return err_set(err, ERR_CONF, NULL, "%s: not a domain name", arg);
	if (eq != NULL)
		(void)match_pattern(eq + 1, none, &bad);
	return bad ? err_set(err, ERR_CONF, NULL, "%s: bad pattern; d.d.d.d is expected, each d a number or [n;n..n]", arg) : 0;
}

/* ---- asking */

struct listing {
	char query[DNS_NAME_SIZE];
	const char *domain;	/* of the list */
	const char *what, *class;
};

/* 1 listed, 0 not, -1 no answer. */
static int
is_listed(struct access *a, const struct rule *r, const struct listing *l)
{
	const char *pattern = strchr(r->arg, '=');
	const struct dns_reply *d = dns_lookup(env.dns, a->pool, l->query, DNS_A, 0);
	bool bad = false;

	if (d->status == DNS_TEMP || d->status == DNS_REFUSED) {
		log_warning("%s: RBL lookup error: %s", l->query, d->text != NULL ? d->text : "no answer");
		return -1;
	}
	if (d->status != DNS_OK)
		return 0;
	for (size_t i = 0; i < d->n; i++)
		if (d->rr[i].type == DNS_A && (pattern == NULL || match_pattern(pattern + 1, d->rr[i].addr, &bad)))
			return 1;
	return 0;
}

/* The text record is fetched only for a template that shows it. */
static const char *
reason(struct access *a, const char *template, const char *query)
{
	const struct dns_reply *d;

	if (strstr(template, "rbl_reason") == NULL && strstr(template, "rbl_txt") == NULL)
		return "";
	d = dns_lookup(env.dns, a->pool, query, DNS_TXT, 0);
	return d->status == DNS_OK && d->n > 0 && d->rr[0].data != NULL ? d->rr[0].data : "";
}

static enum access_result
reject_listed(struct access *a, const struct rule *r, const struct listing *l)
{
	AUTO(strbuf_done) struct strbuf found = STRBUF_INIT(TEXT_MAX), out = STRBUF_INIT(TEXT_MAX);
	const char *template = conf.rbl_reply, *text, *why;
	char code_text[12], dsn[12] = "5.7.1";
	uint64_t code = (uint64_t)conf.rbl_code;

	if (env.rbl_reply_maps != NULL && (table_list_lookup(env.rbl_reply_maps, r->arg, &found, NULL) == 1 ||
	    table_list_lookup(env.rbl_reply_maps, l->domain, &found, NULL) == 1))
		template = found.s;
	why = reason(a, template, l->query);
	(void)snprintf(code_text, sizeof code_text, "%d", (int)conf.rbl_code);
	{
		const struct macro more[] = { { "rbl_code", code_text }, { "rbl_class", l->class }, { "rbl_what", l->what },
			{ "rbl_domain", l->domain }, { "rbl_reason", why }, { "rbl_txt", why } };

		macro_expand(a->s, template, more, COUNT_OF(more), &out);
	}
	text = out.s;
	if (strspn(text, "0123456789") == 3 && (text[0] == '4' || text[0] == '5') && ascii_is_blank(text[3])) {
		code = (uint64_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0');
		text += 4;
	}
	text = access_split_dsn(text, dsn);
	return access_reject(a, (int)code, dsn, "%s", text);
}

static const char *
list_domain(struct access *a, const struct rule *r)
{
	return pool_strndup(a->pool, r->arg, strcspn(r->arg, "="));
}

static int
client_query(struct session *s, struct listing *l)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (const struct sockaddr *)&v4;

	if (s->family == AF_INET6) {
		sa = (const struct sockaddr *)&v6;
		if (inet_pton(AF_INET6, s->addr, &v6.sin6_addr) != 1)
			return -1;
	} else if (inet_pton(AF_INET, s->addr, &v4.sin_addr) != 1) {
		return -1;
	}
	return dns_reverse_name(sa, l->domain, l->query);
}

/* The name that a kind of list is about: 0 and l filled, -1 when there is none to ask for. */
static int
name_query(struct access *a, const struct rule *r, struct listing *l)
{
	struct session *s = a->s;
	const char *name = NULL;
	int n;

	switch (r->kind->param) {
	case RBL_CLIENT: name = s->name; l->class = "Client host"; break;
	case RBL_REVERSE: name = s->reverse_name; l->class = "Unverified Client host"; break;
	case RBL_HELO: name = s->helo; l->class = "Helo command"; break;
	case RBL_SENDER: name = s->sender != NULL ? addr_domain(s->sender) : NULL; l->class = "Sender address"; break;
	default: name = s->recipient != NULL ? addr_domain(s->recipient) : NULL; l->class = "Recipient address"; break;
	}
	if (name == NULL || !host_is_name(name, NULL) || strcmp(name, "unknown") == 0)
		return -1;
	l->what = r->kind->param == RBL_SENDER ? s->sender : r->kind->param == RBL_RECIPIENT ? s->recipient : name;
	n = snprintf(l->query, sizeof l->query, "%s.%s", name, l->domain);
	return n > 0 && (size_t)n < sizeof l->query ? 0 : -1;
}

enum access_result
rule_rbl(struct access *a, const struct rule *r)
{
	struct listing l = { .domain = list_domain(a, r), .what = a->s->addr, .class = "Client host" };

	if (client_query(a->s, &l) < 0 || is_listed(a, r, &l) <= 0)
		return ACCESS_DUNNO;
	return reject_listed(a, r, &l);
}

enum access_result
rule_rhsbl(struct access *a, const struct rule *r)
{
	struct listing l = { .domain = list_domain(a, r) };

	if (name_query(a, r, &l) < 0 || is_listed(a, r, &l) <= 0)
		return ACCESS_DUNNO;
	return reject_listed(a, r, &l);
}

/* An allow list never opens the relay; and while it does not answer nothing is refused for good. */
enum access_result
rule_dnswl(struct access *a, const struct rule *r)
{
	struct listing l = { .domain = list_domain(a, r), .what = a->s->addr };
	int rc;

	if (r->kind->param == RBL_ADDR ? client_query(a->s, &l) < 0 : name_query(a, r, &l) < 0)
		return ACCESS_DUNNO;
	rc = is_listed(a, r, &l);
	if (rc < 0)
		access_defer_if_reject(a, 450, "4.7.0", "Service unavailable; allow list lookup error");
	if (rc <= 0 || (a->s->recipient != NULL && access_is_authorized(a) != 1))
		return ACCESS_DUNNO;
	return ACCESS_OK;
}
