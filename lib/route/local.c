/* SPDX-License-Identifier: Apache-2.0 */
/* local - own domains (mydestination, myorigin) and own addresses (inet_interfaces, proxy_interfaces) */
#include "route/local.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

#include "address/host.h"
#include "base/ascii.h"
#include "base/mem.h"
#include "table/match.h"

enum { ADDRS_MAX = 10000, DOMAIN_MAX = 1024 };

struct localdom {
	struct match *destinations;
	char *origin;
	struct strvec addrs;
	bool use_v4, use_v6;
};

static void
add_sockaddr(struct localdom *l, const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (sa->sa_family == AF_INET && l->use_v4)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, text, sizeof text);
	else if (sa->sa_family == AF_INET6 && l->use_v6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, text, sizeof text);
	if (text[0] != '\0' && !strvec_has(&l->addrs, text))
		(void)!strvec_add(&l->addrs, text);
}

static int
add_interfaces(struct localdom *l, bool loopback_only, struct err *err)
{
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return err_sys(err, "list the network interfaces");
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr != NULL && (i->ifa_flags & IFF_UP) != 0 && (!loopback_only || (i->ifa_flags & IFF_LOOPBACK) != 0))
			add_sockaddr(l, i->ifa_addr);
	}
	freeifaddrs(list);
	return 0;
}

/* A host name or address, with or without brackets. */
static int
add_host(struct localdom *l, const char *item, const char *param, struct err *err)
{
	AUTO(mem_free) char *name = mem_strdup(item);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	size_t n = strlen(name);
	int r;

	if (n >= 2 && name[0] == '[' && name[n - 1] == ']') {
		name[n - 1] = '\0';
		memmove(name, name + 1, n - 1);
	}
	if (ascii_ncasecmp(name, "IPv6:", 5) == 0)
		memmove(name, name + 5, strlen(name + 5) + 1);
	hints.ai_flags = host_is_addr(name) ? AI_NUMERICHOST : 0;
	r = getaddrinfo(name, NULL, &hints, &list);	/* may block: start-up, before any session */
	if (r != 0)
		return err_set(err, ERR_CONF, "4.3.5", "%s: host %s: %s", param, item, gai_strerror(r));
	for (struct addrinfo *a = list; a != NULL; a = a->ai_next)
		add_sockaddr(l, a->ai_addr);
	freeaddrinfo(list);
	return 0;
}

static int
add_list(struct localdom *l, struct conf *conf, const char *param, struct err *err)
{
	AUTO(strvec_done) struct strvec items = STRVEC_INIT(ADDRS_MAX);
	const char *text = conf_get(conf, param);

	if (text == NULL || conf_split_list(text, &items, err) < 0)
		return text == NULL ? 0 : -1;
	for (size_t i = 0; i < items.n; i++) {
		bool all = strcmp(items.v[i], "all") == 0, loopback = strcmp(items.v[i], "loopback-only") == 0;

		if ((all || loopback ? add_interfaces(l, loopback, err) : add_host(l, items.v[i], param, err)) < 0)
			return -1;
	}
	return 0;
}

static void
set_protocols(struct localdom *l, struct conf *conf)
{
	const char *p = conf_get(conf, "inet_protocols");

	l->use_v4 = p == NULL || strstr(p, "all") != NULL || strstr(p, "ipv4") != NULL;
	l->use_v6 = p == NULL || strstr(p, "all") != NULL || strstr(p, "ipv6") != NULL;
}

struct localdom *
localdom_new(struct conf *conf, struct err *err)
{
	struct localdom *l = NEW(struct localdom);
	const char *dest = conf_get(conf, "mydestination"), *origin = conf_get(conf, "myorigin");

	strvec_init(&l->addrs, ADDRS_MAX);
	set_protocols(l, conf);
	l->origin = mem_strdup(origin != NULL ? origin : "");
	l->destinations = match_open(dest != NULL ? dest : "", MATCH_STRING, conf, err);
	if (l->destinations == NULL) {
		err_prefix(err, "mydestination: ");
		localdom_free(&l);
		return NULL;
	}
	if (add_list(l, conf, "inet_interfaces", err) < 0 || add_list(l, conf, "proxy_interfaces", err) < 0) {
		localdom_free(&l);
		return NULL;
	}
	return l;
}

void
localdom_each_table(struct localdom *l, void (*fn)(struct table *t))
{
	match_each_table(l->destinations, fn);
}

void
localdom_free(struct localdom **lp)
{
	struct localdom *l = *lp;

	if (l == NULL)
		return;
	*lp = NULL;
	match_free(&l->destinations);
	strvec_done(&l->addrs);
	mem_free(&l->origin);
	mem_free(&l);
}

bool
localdom_has_addr(const struct localdom *l, const char *addr)
{
	return strvec_hasi(&l->addrs, addr);
}

size_t
localdom_n_addrs(const struct localdom *l)
{
	return l->addrs.n;
}

const char *
localdom_addr(const struct localdom *l, size_t i)
{
	return l->addrs.v[i];
}

int
localdom_has(struct localdom *l, const char *domain, struct err *err)
{
	char addr[HOST_ADDR_SIZE], name[DOMAIN_MAX];
	size_t n = strlen(domain);

	if (n > 1 && domain[n - 1] == '.')
		n--;
	if (n == 0 || n >= sizeof name)
		return 0;
	memcpy(name, domain, n);
	name[n] = '\0';
	if (name[0] == '[')
		return host_literal_parse(name, addr) == 0 && localdom_has_addr(l, addr);
	return match_name(l->destinations, name, err);
}

int
localdom_has_or_origin(struct localdom *l, const char *domain, struct err *err)
{
	if (l->origin[0] != '\0' && ascii_casecmp(domain, l->origin) == 0)
		return 1;
	return localdom_has(l, domain, err);
}
