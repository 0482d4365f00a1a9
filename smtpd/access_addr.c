/* SPDX-License-Identifier: Apache-2.0 */
/* access_addr - restrictions on sender and recipient: relaying, existence, form, domains. */
#include "smtpd/access.h"

#include <string.h>

#include "address/addr.h"
#include "address/host.h"
#include "base/ascii.h"
#include "base/log.h"

/* ---- relaying: the recipient is ours or we are to relay for it */
int
access_is_authorized(struct access *a)
{
	const struct target *t = access_recipient(a);

	if (t->failed)
		return -1;
	if (addr_domain(t->addr) == NULL && (t->to.flags & ROUTE_F_ROUTED) == 0 && t->to.class == ROUTE_CLASS_LOCAL)
		return 1;
	if ((t->to.flags & ROUTE_F_ROUTED) != 0 && !conf.untrusted_routing)
		return 0;
	return t->to.class != ROUTE_CLASS_DEFAULT;
}

enum access_result
rule_auth_destination(struct access *a, const struct rule *r)
{
	int rc;

	(void)r;
	if (a->s->recipient == NULL)
		return ACCESS_DUNNO;
	rc = access_is_authorized(a);
	return rc < 0 ? access_trouble(a, a->s->recipient) : rc > 0 ? ACCESS_OK : ACCESS_DUNNO;
}

static enum access_result
unauth(struct access *a, int code)
{
	int rc;

	if (a->s->recipient == NULL)
		return ACCESS_DUNNO;
	rc = access_is_authorized(a);
	if (rc != 0)
		return rc < 0 ? access_trouble(a, a->s->recipient) : ACCESS_DUNNO;
	return access_reject(a, code, "5.7.1", "<%s>: Relay access denied", a->s->recipient);
}

enum access_result
rule_unauth_destination(struct access *a, const struct rule *r)
{
	(void)r;
	return unauth(a, (int)conf.relay_code);
}

enum access_result
rule_defer_unauth(struct access *a, const struct rule *r)
{
	(void)r;
	return unauth(a, (int)conf.relay_code % 100 + 400);
}

/* ---- existence.  param: 1 sender, 0 recipient */
enum access_result
rule_unlisted(struct access *a, const struct rule *r)
{
	bool is_sender = r->kind->param != 0;
	bool *done = is_sender ? &a->unlisted_sender_done : &a->unlisted_rcpt_done;
	const char *class = is_sender ? "Sender address" : "Recipient address";
	const struct target *t = is_sender ? access_sender(a) : access_recipient(a);
	struct rcpt_verdict v = { .code = 0 };
	struct err err = ERR_INIT;
	int rc;

	if (t == NULL || *t->addr == 0 || *done || !env.check_rcpts)
		return ACCESS_DUNNO;
	*done = true;
	if (t->failed)
		return access_trouble(a, t->addr);
	rc = rcpt_check(env.rcpt, t->canonical, &t->to, is_sender, &v, &err);
	if (rc < 0) {
		log_warning("%s: %s", t->addr, err.text);
		return access_trouble(a, t->addr);
	}
	return rc > 0 ? ACCESS_DUNNO : access_reject(a, v.code, v.dsn, "<%s>: %s rejected: %s", t->addr, class, v.text);
}

/* ---- form */
static bool
is_fqdn(const char *addr)
{
	const char *domain = addr_domain(addr);
	char literal[HOST_ADDR_SIZE];

	if (domain == NULL || *domain == 0)
		return false;
	if (*domain == '[')
		return host_literal_parse(domain, literal) == 0;
	return strchr(domain, '.') != NULL && (!ascii_is_all(domain, strlen(domain)) || host_is_name(domain, NULL));
}

enum access_result
rule_non_fqdn_addr(struct access *a, const struct rule *r)
{
	bool is_sender = r->kind->param != 0;
	const char *addr = is_sender ? a->s->sender : a->s->recipient;

	if (addr == NULL || *addr == 0 || is_fqdn(addr))
		return ACCESS_DUNNO;
	return access_reject(a, (int)conf.non_fqdn_code, "5.5.2", "<%s>: %s rejected: need fully-qualified address", addr,
	    is_sender ? "Sender address" : "Recipient address");
}

/* ---- domains: something must be there that takes mail, MX or address (RFC 5321 section 5.1), and it must not say that it takes none
 * (RFC 7505) */
static const struct dns_reply *
look_up(struct access *a, const char *domain)
{
	const struct dns_reply *d = dns_lookup(env.dns, a->pool, domain, DNS_MX, 0);

	if (d->status == DNS_NXNAME || d->status == DNS_NODATA)
		d = dns_addrs(env.dns, a->pool, domain, DNS_WANT_A | DNS_WANT_AAAA, 0);
	return d;
}

enum access_result
rule_unknown_domain(struct access *a, const struct rule *r)
{
	bool is_sender = r->kind->param != 0;
	const struct target *t = is_sender ? access_sender(a) : access_recipient(a);
	const char *class = is_sender ? "Sender address" : "Recipient address", *dsn = is_sender ? "4.1.8" : "4.1.2", *domain;
	const struct dns_reply *d;

	if (t == NULL || *t->addr == 0)
		return ACCESS_DUNNO;
	if (t->failed)
		return access_trouble(a, t->addr);
	domain = addr_domain(t->canonical);
	if (t->to.class == ROUTE_CLASS_LOCAL || t->to.class == ROUTE_CLASS_ALIAS || t->to.class == ROUTE_CLASS_VIRTUAL || domain == NULL || *domain == '[')
		return ACCESS_DUNNO;
	d = look_up(a, domain);
	switch (d->status) {
	case DNS_OK:
		return ACCESS_DUNNO;
	case DNS_NULLMX:
		return access_reject(a, is_sender ? 550 : 556, is_sender ? "5.7.27" : "5.1.10",
		    "<%s>: %s rejected: Domain %s does not accept mail (nullMX)", t->addr, class, domain);
	case DNS_TEMP:
	case DNS_REFUSED:
		if (ascii_casecmp(conf.unknown_address_tempfail, "defer_if_permit") == 0)
			return access_defer_if_permit(a, 450, dsn, "<%s>: %s rejected: Domain not found", t->addr, class);
		return access_reject(a, 450, dsn, "<%s>: %s rejected: Domain not found", t->addr, class);
	default:
		return access_reject(a, (int)conf.unknown_addr_code, dsn, "<%s>: %s rejected: Domain not found", t->addr, class);
	}
}

/* A sender that belongs to a login (smtpd_sender_login_maps), from a client that is not logged in. */
enum access_result
rule_login(struct access *a, const struct rule *r)
{
	AUTO(strbuf_done) struct strbuf owners = STRBUF_INIT(10000);
	const struct target *t = access_sender(a);
	struct err err = ERR_INIT;
	int rc;

	(void)r;
	if (t == NULL || *t->addr == 0)
		return ACCESS_DUNNO;
	rc = mail_key_find(rcpt_check_keys(env.rcpt), env.login_maps, t->canonical, MAIL_KEY_MAPPING, &owners, NULL, &err);
	if (rc < 0) {
		log_warning("%s: %s", t->addr, err.text);
		return access_trouble(a, t->addr);
	}
	return rc == 0 ? ACCESS_DUNNO : access_reject(a, 553, "5.7.1", "<%s>: Sender address rejected: not logged in", t->addr);
}
