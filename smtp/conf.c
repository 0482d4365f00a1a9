/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf - parameters of the SMTP client, and what is made of them before confinement
 */
#include "smtp.h"

#include <netdb.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/strvec.h"
#include "daemon/daemon.h"
#include "table/table.h"

/* A kernel without IPv6 is no error. */
static bool
has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* inet_protocols: all, ipv4, ipv6 */
static int
wanted_families(const char *protocols)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(10);
	int want = 0;

	(void)!strvec_split(&v, protocols, ", \t");
	if (strvec_hasi(&v, "ipv4") || strvec_hasi(&v, "all"))
		want |= DNS_WANT_A;
	if ((strvec_hasi(&v, "ipv6") || strvec_hasi(&v, "all")) && has_ipv6())
		want |= DNS_WANT_AAAA;
	return want != 0 ? want : DNS_WANT_A;
}

static int
host_flags(const struct smtp_conf *k)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(10);

	(void)!strvec_split(&v, k->host_lookup, ", \t");
	if (k->no_dns || strcmp(k->dns_support_level, "disabled") == 0 || strvec_hasi(&v, "native"))
		return DNS_NATIVE;
	return 0;
}

static int
parse_bind(const struct client *c, const char *text, int family, struct sockaddr_storage *out, struct err *err)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	if (text[0] == '\0')
		return 0;
	if (inet_pton(family, text, family == AF_INET ? (void *)&sin.sin_addr : (void *)&sin6.sin6_addr) != 1)
		return err_set(err, ERR_CONF, NULL, "%s_bind_address%s = %s: not an %s address", client_kind(c),
		    family == AF_INET ? "" : "6", text, family == AF_INET ? "IPv4" : "IPv6");
	if (family == AF_INET)
		memcpy(out, &sin, sizeof(sin));
	else
		memcpy(out, &sin6, sizeof(sin6));
	return 0;
}

/* A machine that listens on a single address (not loopback) of a family also speaks from it. */
static void
bind_to_only_interface(struct client *c)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);
	const char *only4 = NULL, *only6 = NULL;
	unsigned n4 = 0, n6 = 0;

	(void)!strvec_split(&v, c->conf.inet_interfaces, ", \t");
	for (size_t i = 0; i < v.n; i++) {
		unsigned char addr[16];

		if (inet_pton(AF_INET, v.v[i], addr) == 1) {
			n4++;
			only4 = addr[0] == 127 ? NULL : v.v[i];
		} else if (inet_pton(AF_INET6, v.v[i], addr) == 1) {
			n6++;
			only6 = strcmp(v.v[i], "::1") == 0 ? NULL : v.v[i];
		} else
			return;		/* all, loopback-only, or names: not a list of addresses */
	}
	if (n4 == 1 && only4 != NULL && c->bind4.ss_family == 0)
		(void)!parse_bind(c, only4, AF_INET, &c->bind4, NULL);
	if (n6 == 1 && only6 != NULL && c->bind6.ss_family == 0)
		(void)!parse_bind(c, only6, AF_INET6, &c->bind6, NULL);
}

static int
default_port(const struct client *c, uint16_t *port, struct err *err)
{
	const char *text = c->conf.tcp_port;
	struct servent *se;
	uint64_t n;

	if (num_parse_u64(text, 1, 65535, &n) == 0) {
		*port = (uint16_t)n;
		return 0;
	}
	if (strcmp(text, "smtp") == 0) {
		*port = SMTP_PORT;
		return 0;
	}
	if ((se = getservbyname(text, "tcp")) == NULL)
		return err_set(err, ERR_CONF, NULL, "%s_tcp_port = %s: no such service", client_kind(c), text);
	*port = ntohs((uint16_t)se->s_port);
	return 0;
}

static unsigned
discarded(const char *list)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);
	unsigned bits = 0;

	(void)!strvec_split(&v, list, ", \t");
	for (size_t i = 0; i < v.n; i++)
		bits |= ext_by_name(v.v[i]);
	return bits;
}

static int
open_generic(struct client *c, struct conf *conf, struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);

	if (c->conf.generic_maps[0] == '\0')
		return 0;
	if ((c->generic = table_list_open(c->conf.generic_maps, TABLE_FOLD, conf, err)) == NULL)
		return -1;
	(void)!strvec_split(&v, c->conf.propagate, ", \t");
	c->propagate_generic = strvec_hasi(&v, "generic");
	c->keys = (struct mail_key_env){ .local = c->local, .delims = c->conf.delims, .owner_request = c->conf.owner_request };
	return (c->route = route_new(conf_dir(conf), err)) == NULL ? -1 : 0;
}

static int
open_checks(struct client *c, struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < CHECK_N; i++)
		if (c->conf.checks[i][0] != '\0' && (c->checks[i] = table_list_open(c->conf.checks[i], 0, conf, err)) == NULL)
			return -1;
	return 0;
}

static int
open_tables(struct client *c, struct conf *conf, struct err *err)
{
	if ((c->local = localdom_new(conf, err)) == NULL)
		return -1;
	if (c->conf.cache_destinations[0] != '\0' &&
	    (c->cache_dests = match_open(c->conf.cache_destinations, MATCH_DOMAIN | MATCH_STRING, conf, err)) == NULL)
		return -1;
	if (c->conf.tls_policy_maps[0] != '\0' && (c->tls_policy = table_list_open(c->conf.tls_policy_maps, TABLE_FOLD, conf, err)) == NULL)
		return -1;
	if (open_generic(c, conf, err) < 0 || open_checks(c, conf, err) < 0)
		return -1;
	return deliver_agent_init(&c->agent, conf, err);
}

int
client_init(struct client *c, struct conf *conf, struct err *err)
{
	const struct smtp_conf *k = &c->conf;

	if (getrandom(&c->random, sizeof(c->random), 0) != (ssize_t)sizeof(c->random) || c->random == 0)
		c->random = 88172645463325252u;
	c->dns_want = wanted_families(k->inet_protocols);
	c->host_flags = host_flags(k);
	c->discard = discarded(k->discard_keywords);
	if (default_port(c, &c->default_port, err) < 0 ||
	    parse_bind(c, k->bind_address, AF_INET, &c->bind4, err) < 0 ||
	    parse_bind(c, k->bind_address6, AF_INET6, &c->bind6, err) < 0)
		return -1;
	bind_to_only_interface(c);
	tls_warn(c, conf);
	return open_tables(c, conf, err);
}

void
client_start(struct client *c)
{
	static char resolver[] = "resolver";

	cache_init(c);
	c->is_ending = daemon_is_ending;
	c->dns = dns_new(daemon_connect, resolver);
}
