/* SPDX-License-Identifier: Apache-2.0 */
/* access_host - check_*_a_access, _mx_access, _ns_access: access tables asked about the hosts behind a name. */
#include "smtpd/access.h"

#include <string.h>

#include "address/addr.h"
#include "address/host.h"
#include "base/log.h"

enum { HOSTS_MAX = 20, VALUE_MAX = 10000 };

/* The name that a kind is about, and its words; NULL: none is known, or it is an address. */
static const char *
subject(struct access *a, int what, const char **class)
{
	struct session *s = a->s;
	const char *name = NULL;

	switch (what) {
	case HOST_CLIENT: name = s->name; *class = "Client host"; break;
	case HOST_REVERSE: name = s->reverse_name; *class = "Unverified Client host"; break;
	case HOST_HELO: name = s->helo; *class = "Helo command"; break;
	case HOST_SENDER: name = s->sender != NULL ? addr_domain(s->sender) : NULL; *class = "Sender address"; break;
	default: name = s->recipient != NULL ? addr_domain(s->recipient) : NULL; *class = "Recipient address"; break;
	}
	return name != NULL && strcmp(name, "unknown") != 0 && host_is_name(name, NULL) ? name : NULL;
}

static const char *
reply_name(const struct access *a, int what, const char *name)
{
	return what == HOST_SENDER ? a->s->sender : what == HOST_RECIPIENT ? a->s->recipient : what == HOST_CLIENT ? a->s->who : name;
}

/* MX hosts, the name itself when it has none; name servers of the nearest parent that has some. */
static const struct dns_reply *
look_up(struct access *a, int kind, const char *name)
{
	const struct dns_reply *d;

	if (kind == HOST_BY_MX)
		return dns_lookup(env.dns, a->pool, name, DNS_MX, 0);
	for (;;) {
		d = dns_lookup(env.dns, a->pool, name, DNS_NS, 0);
		name = strchr(name, '.');
		if ((d->status != DNS_NXNAME && d->status != DNS_NODATA) || name == NULL || strchr(++name, '.') == NULL)
			return d;
	}
}

static enum access_result
trouble(struct access *a, const char *who, const char *class, const char *kind, const char *host)
{
	return access_defer_if_permit(a, 450, "4.4.4", "<%s>: %s rejected: Unable to look up %s host %s", who, class, kind, host);
}

/* One host: its name and parents, then each address and its networks. 1 found, 0 not, -1 table, -2 the name has no answer. */
static int
find_host(struct access *a, const struct rule *r, const char *host, struct strbuf *value, struct err *err)
{
	const struct dns_reply *d;
	int rc = access_find_domain(r, host, value, err);

	if (rc != 0)
		return rc;
	d = dns_addrs(env.dns, a->pool, host, env.want_addrs, 0);
	if (d->status == DNS_TEMP || d->status == DNS_REFUSED)
		return -2;
	for (size_t i = 0; rc == 0 && d->status == DNS_OK && i < d->n && i < HOSTS_MAX; i++)
		rc = access_find_addr(r, d->rr[i].data, value, err);
	return rc;
}

static enum access_result
check_host(struct access *a, const struct rule *r, const char *host, const char *who, const char *class)
{
	static const char *const kinds[] = { "address of", "mail server for", "nameserver for" };
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	int kind = r->kind->param / HOST_KINDS;
	struct err err = ERR_INIT;
	enum access_result res;
	int rc = find_host(a, r, host, &value, &err);

	if (rc == -2)
		return trouble(a, who, class, kinds[kind], host);
	if (rc < 0) {
		log_warning("%s: %s", a->s->who, err.text);
		return access_misconfigured(a, who, class);
	}
	if (rc == 0)
		return ACCESS_DUNNO;
	res = access_action(a, value.s, who, class);
	if (res != ACCESS_OK)
		return res;
	/* servers are chosen by whoever owns the domain: they must not open anything */
	log_warning("%s: a table about the hosts behind a name must not permit: \"%s\" for %s", r->kind->name, value.s, host);
	return access_misconfigured(a, who, class);
}

/* param: HOST_KINDS * how (address, MX, name servers) + whose name */
enum access_result
rule_check_host(struct access *a, const struct rule *r)
{
	static const char *const kinds[] = { "A", "MX", "NS" };
	int kind = r->kind->param / HOST_KINDS, what = r->kind->param % HOST_KINDS;
	const char *class, *name = subject(a, what, &class), *who;
	const struct dns_reply *d;
	enum access_result res = ACCESS_DUNNO;

	if (name == NULL)
		return ACCESS_DUNNO;
	who = reply_name(a, what, name);
	if (kind == HOST_BY_A)
		return check_host(a, r, name, who, class);
	d = look_up(a, kind, name);
	if (d->status == DNS_TEMP || d->status == DNS_REFUSED)
		return trouble(a, who, class, kinds[kind], name);
	if (d->status != DNS_OK)
		return kind == HOST_BY_MX && d->status == DNS_NODATA ? check_host(a, r, name, who, class) : ACCESS_DUNNO;
	for (size_t i = 0; res == ACCESS_DUNNO && i < d->n && i < HOSTS_MAX; i++)
		if (d->rr[i].data != NULL)
			res = check_host(a, r, d->rr[i].data, who, class);
	return res;
}
