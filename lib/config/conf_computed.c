/* SPDX-License-Identifier: Apache-2.0 */
/* conf_computed - defaults that depend on the host: its name, its networks, the process */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "config/conf_priv.h"

#define MAX_HOST_NAME 255	/* RFC 1035 section 2.3.4 */
#define MAX_ADDRESSES 1000

static int
make_myhostname(struct conf *c, struct strbuf *out, struct err *err)
{
	char name[MAX_HOST_NAME + 1];
	const char *domain = "localdomain";

	if (gethostname(name, sizeof(name)) < 0)
		return err_sys(err, "gethostname");
	name[sizeof(name) - 1] = '\0';
	strbuf_adds(out, name);
	if (strchr(name, '.') != NULL)
		return 0;
	/* a host name without a domain gets the one that is configured, whose own default would ask for this name */
	if (conf_find_setting(c, "mydomain") != NULL && conf_value(c, "mydomain", &domain, err) < 0)
		return -1;
	return strbuf_addf(out, ".%s", domain);
}

static int
make_mydomain(struct conf *c, struct strbuf *out, struct err *err)
{
	const char *host, *dot;

	if (conf_value(c, "myhostname", &host, err) < 0)
		return -1;
	dot = strchr(host, '.');
	return strbuf_adds(out, dot != NULL ? dot + 1 : "localdomain");
}

/* An address of ours and the mask of its network, in network byte order; 4 or 16 bytes. */
struct address {
	int family;
	unsigned char addr[16], mask[16];
};
struct addresses {
	struct address a[MAX_ADDRESSES];
	size_t n;
};

static size_t
address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

static const void *
sockaddr_bytes(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr
	    : (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
}

static bool
is_loopback(const struct address *a)
{
	static const unsigned char one[16] = { [15] = 1 };

	return a->family == AF_INET ? a->addr[0] == 127 : memcmp(a->addr, one, 16) == 0;
}

static bool
wants_family(const char *protocols, int family)
{
	AUTO(strvec_done) struct strvec list = STRVEC_INIT(10);

	if (strvec_split(&list, protocols, ", \t\r\n") < 0)
		return true;
	return list.n == 0 || strvec_hasi(&list, "all") || strvec_hasi(&list, family == AF_INET ? "ipv4" : "ipv6");
}

static int
read_interfaces(struct addresses *all, const char *protocols, struct err *err)
{
	struct ifaddrs *ifs;

	if (getifaddrs(&ifs) < 0)
		return err_sys(err, "getifaddrs");
	for (struct ifaddrs *i = ifs; i != NULL && all->n < MAX_ADDRESSES; i = i->ifa_next) {
		struct address *a = &all->a[all->n];

		if (i->ifa_addr == NULL || i->ifa_netmask == NULL || !(i->ifa_flags & IFF_UP))
			continue;
		if (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6)
			continue;
		if (!wants_family(protocols, i->ifa_addr->sa_family))
			continue;
		a->family = i->ifa_addr->sa_family;
		memcpy(a->addr, sockaddr_bytes(i->ifa_addr), address_size(a->family));
		/* the mask's own family is not always filled in */
		memcpy(a->mask, a->family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)i->ifa_netmask)->sin_addr
		    : (const void *)&((const struct sockaddr_in6 *)(const void *)i->ifa_netmask)->sin6_addr, address_size(a->family));
		all->n++;
	}
	freeifaddrs(ifs);
	return 0;
}

/* Addresses of a word of inet_interfaces; NULL: it is no address and no name that is known. */
static struct addrinfo *
look_up(const char *host, int family)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = family }, *res;
	char bare[MAX_HOST_NAME + 1];
	size_t n = strlen(host);

	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n >= sizeof(bare))
		return NULL;
	memcpy(bare, host, n);
	bare[n] = '\0';
	return getaddrinfo(bare, NULL, &hints, &res) == 0 ? res : NULL;
}

static bool
is_address_of(const char *host, const struct address *a)
{
	struct addrinfo *res = look_up(host, a->family);
	bool found = false;

	for (struct addrinfo *ai = res; ai != NULL && !found; ai = ai->ai_next)
		found = memcmp(sockaddr_bytes(ai->ai_addr), a->addr, address_size(a->family)) == 0;
	if (res != NULL)
		freeaddrinfo(res);
	return found;
}

/* A name that is not known now is master's to complain about, when it listens. */
static bool
is_known_host(const char *host)
{
	struct addrinfo *res = look_up(host, AF_UNSPEC);

	if (res != NULL)
		freeaddrinfo(res);
	return res != NULL;
}

static bool
is_interface_wanted(const struct strvec *interfaces, const struct address *a)
{
	for (size_t i = 0; i < interfaces->n; i++) {
		const char *word = interfaces->v[i];

		if (ascii_casecmp(word, "all") == 0)
			return true;
		if (ascii_casecmp(word, "loopback-only") == 0 ? is_loopback(a) : is_address_of(word, a))
			return true;
	}
	return false;
}

static int
mask_bits(const unsigned char *mask, size_t n)
{
	int bits = 0;

	for (size_t i = 0; i < n; i++)
		bits += __builtin_popcount(mask[i]);
	return bits;
}

static void
set_mask(struct address *a, int bits)
{
	for (size_t i = 0; i < address_size(a->family); i++, bits -= 8)
		a->mask[i] = bits >= 8 ? 0xff : bits > 0 ? (unsigned char)(0xff << (8 - bits)) : 0;
}

static void
apply_style(struct address *a, const char *style)
{
	if (ascii_casecmp(style, "host") == 0)
		set_mask(a, (int)address_size(a->family) * 8);
	else if (ascii_casecmp(style, "class") == 0 && a->family == AF_INET)
		set_mask(a, a->addr[0] < 128 ? 8 : a->addr[0] < 192 ? 16 : 24);
	for (size_t i = 0; i < address_size(a->family); i++)
		a->addr[i] &= a->mask[i];
}

static void
add_network(const struct address *a, struct strbuf *out)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(a->family, a->addr, text, sizeof(text)) == NULL)
		return;
	strbuf_addf(out, a->family == AF_INET ? "%s%s/%d" : "%s[%s]/%d", out->len > 0 ? " " : "", text,
	    mask_bits(a->mask, address_size(a->family)));
}

static bool
is_same_network(const struct address *a, const struct address *b)
{
	size_t n = address_size(a->family);

	return a->family == b->family && memcmp(a->addr, b->addr, n) == 0 && memcmp(a->mask, b->mask, n) == 0;
}

/* An address in inet_interfaces that is none of ours is a mistake that would leave us with the wrong networks. */
static int
check_interfaces(const struct addresses *all, const struct strvec *interfaces, struct err *err)
{
	for (size_t i = 0; i < interfaces->n; i++) {
		const char *word = interfaces->v[i];
		bool found = ascii_casecmp(word, "all") == 0 || ascii_casecmp(word, "loopback-only") == 0;

		for (size_t k = 0; k < all->n && !found; k++)
			found = is_address_of(word, &all->a[k]);
		if (!found && is_known_host(word))
			return err_set(err, ERR_CONF, NULL, "parameter inet_interfaces: no local interface found for %s", word);
	}
	return 0;
}

static int
add_networks(struct addresses *all, const struct strvec *interfaces, const char *style, struct strbuf *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct address a = all->a[i];
		bool is_new = true;

		if (!is_interface_wanted(interfaces, &a))
			continue;
		apply_style(&a, style);
		for (size_t k = 0; k < kept && is_new; k++)
			is_new = !is_same_network(&all->a[k], &a);
		if (!is_new)
			continue;
		all->a[kept++] = a;
		add_network(&a, out);
	}
	return 0;
}

static int
make_mynetworks(struct conf *c, struct strbuf *out, struct err *err)
{
	AUTO(strvec_done) struct strvec list = STRVEC_INIT(1000);
	const char *interfaces, *protocols, *style;
	struct addresses *all;
	int rc;

	if (conf_value(c, "inet_interfaces", &interfaces, err) < 0 || conf_value(c, "inet_protocols", &protocols, err) < 0 ||
	    conf_value(c, "mynetworks_style", &style, err) < 0)
		return -1;
	if (ascii_casecmp(style, "host") != 0 && ascii_casecmp(style, "subnet") != 0 && ascii_casecmp(style, "class") != 0)
		return err_set(err, ERR_CONF, NULL, "unknown mynetworks mask style value \"%s\" in \"%s\"", style, style);
	if (strvec_split(&list, interfaces, ", \t\r\n") < 0)
		return err_set(err, ERR_CONF, NULL, "inet_interfaces: too many items");
	all = pool_alloc(c->pool, sizeof(*all));
	rc = read_interfaces(all, protocols, err);
	return rc < 0 || check_interfaces(all, &list, err) < 0 ? -1 : add_networks(all, &list, style, out);
}

static const char *
database_type(bool is_cache)
{
#if defined(HAVE_DB)
	return is_cache ? "btree" : "hash";
#elif defined(HAVE_LMDB)
	return "lmdb";
#elif defined(HAVE_CDB)
	return is_cache ? "" : "cdb";
#else
	return is_cache ? "" : "texthash";
#endif
}

int
conf_computed(struct conf *c, const struct param *p, struct strbuf *out, struct err *err)
{
	switch ((enum conf_param)(p - param_table)) {
	case P_myhostname: return make_myhostname(c, out, err);
	case P_mydomain: return make_mydomain(c, out, err);
	case P_mynetworks: return make_mynetworks(c, out, err);
	case P_process_id: return strbuf_addf(out, "%ld", (long)getpid());
	case P_process_name: return strbuf_adds(out, program_invocation_short_name);
	case P_service_name: return 0;
	case P_default_database_type: return strbuf_adds(out, database_type(false));
	case P_default_cache_db_type: return strbuf_adds(out, database_type(true));
	default: return err_set(err, ERR_CONF, NULL, "parameter %s: no way to compute its default", p->name);
	}
}
