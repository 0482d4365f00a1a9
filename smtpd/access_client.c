/* SPDX-License-Identifier: Apache-2.0 */
/* access_client - restrictions on the client's address and names, and on the name that it gives in HELO. */
#include "smtpd/access.h"

#include <string.h>

#include "address/host.h"
#include "base/ascii.h"
#include "base/log.h"

enum access_result
rule_mynetworks(struct access *a, const struct rule *r)
{
	struct err err = ERR_INIT;
	int rc = match_host(env.mynetworks, a->s->name, a->s->addr, &err);

	(void)r;
	if (rc >= 0)
		return rc > 0 ? ACCESS_OK : ACCESS_DUNNO;
	log_warning("mynetworks: %s", err.text);
	return access_defer_if_permit(a, 451, "4.3.0", "<%s>: Temporary lookup failure", a->s->who);
}

enum access_result
rule_inet_interfaces(struct access *a, const struct rule *r)
{
	(void)r;
	return localdom_has_addr(rcpt_check_local(env.rcpt), a->s->addr) ? ACCESS_OK : ACCESS_DUNNO;
}

/* Names are what dns_client_name() said: 2 found, 4 temporary trouble, 5 none, 6 a name that does not lead back. */
enum access_result
rule_unknown_client(struct access *a, const struct rule *r)
{
	struct session *s = a->s;

	(void)r;
	if (s->name_status == 2)
		return ACCESS_DUNNO;
	return access_reject(a, s->name_status >= 5 ? (int)conf.unknown_client_code : 450, "4.7.25",
	    "Client host rejected: cannot find your hostname, [%s]", s->addr);
}

enum access_result
rule_unknown_reverse(struct access *a, const struct rule *r)
{
	struct session *s = a->s;

	(void)r;
	if (s->reverse_status == 2)
		return ACCESS_DUNNO;
	return access_reject(a, s->reverse_status >= 5 ? (int)conf.unknown_client_code : 450, "4.7.1",
	    "Client host rejected: cannot find your reverse hostname, [%s]", s->addr);
}

enum access_result
rule_unknown_forward(struct access *a, const struct rule *r)
{
	struct session *s = a->s;

	(void)r;
	if (s->name_status == 2 || s->name_status == 6)
		return ACCESS_DUNNO;
	return access_reject(a, s->name_status >= 5 ? (int)conf.unknown_client_code : 450, "4.7.25",
	    "Client host rejected: cannot find your forward hostname, [%s]", s->addr);
}

/* A host name, an address literal, or an address without brackets (common, and says as much). */
static bool
helo_is_valid(const char *helo)
{
	char addr[HOST_ADDR_SIZE];

	if (helo[0] == '[')
		return host_literal_parse(helo, addr) == 0;
	if (strspn(helo, "0123456789.") == strlen(helo))
		return host_is_ipv4(helo);
	return host_is_name(helo, NULL);
}

enum access_result
rule_invalid_helo(struct access *a, const struct rule *r)
{
	const char *helo = a->s->helo;

	(void)r;
	if (helo == NULL || helo_is_valid(helo))
		return ACCESS_DUNNO;
	return access_reject(a, (int)conf.invalid_host_code, "5.5.2", "<%s>: Helo command rejected: Invalid name", helo);
}

enum access_result
rule_non_fqdn_helo(struct access *a, const struct rule *r)
{
	const char *helo = a->s->helo;

	(void)r;
	if (helo == NULL || (helo_is_valid(helo) && (helo[0] == '[' || strchr(helo, '.') != NULL)))
		return ACCESS_DUNNO;
	return access_reject(a, (int)conf.non_fqdn_code, "5.5.2", "<%s>: Helo command rejected: need fully-qualified hostname", helo);
}

enum access_result
rule_unknown_helo(struct access *a, const struct rule *r)
{
	const char *helo = a->s->helo;
	const struct dns_reply *d;

	if (helo == NULL)
		return ACCESS_DUNNO;
	if (helo[0] == '[' || host_is_addr(helo))
		return rule_invalid_helo(a, r);
	d = dns_addrs(env.dns, a->pool, helo, DNS_WANT_A | DNS_WANT_AAAA, 0);
	if (d->status != DNS_OK && d->status != DNS_TEMP)
		d = dns_lookup(env.dns, a->pool, helo, DNS_MX, 0);
	if (d->status == DNS_OK || d->status == DNS_NULLMX)
		return ACCESS_DUNNO;
	if (d->status == DNS_TEMP && ascii_casecmp(conf.unknown_helo_tempfail, "defer_if_permit") == 0)
		return access_defer_if_permit(a, 450, "4.7.1", "<%s>: Helo command rejected: Host not found", helo);
	return access_reject(a, d->status == DNS_TEMP ? 450 : (int)conf.unknown_host_code, "4.7.1", "<%s>: Helo command rejected: Host not found",
	    helo);
}
