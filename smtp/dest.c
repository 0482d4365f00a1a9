/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dest - from a nexthop to the addresses to be tried: RFC 5321 section 5.1
 *
 * Hosts are looked up preference by preference, and no further than addresses may be tried.  Our own address means that hosts of
 * its preference and worse would bring the mail back to us: they are left out.
 */
#include "smtp.h"

#include <string.h>

#include "address/host.h"
#include "base/ascii.h"

enum { MAX_SPEC = 1000 };

uint32_t
client_random(struct client *c, uint32_t below)
{
	/* xorshift64*: which of equal hosts comes first is no secret */
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (uint32_t)((c->random * UINT64_C(2685821657736338717)) >> 32) % below;
}

static int
bad_dest(const char *spec, struct err *err)
{
	return err_set(err, ERR_CONF, "4.3.5", "bad destination: %.200s", spec);
}

static int
parse_port(const char *text, uint16_t *port)
{
	static const struct {
		const char *name;
		uint16_t port;
	} known[] = { { "smtp", 25 }, { "submission", 587 }, { "smtps", 465 }, { "submissions", 465 }, { "lmtp", 24 } };
	uint64_t n;

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (ascii_casecmp(known[i].name, text) == 0) {
			*port = known[i].port;
			return 0;
		}
	if (num_parse_u64(text, 1, 65535, &n) < 0)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

/* LMTP: "unix:path", relative to the queue directory. */
static int
parse_unix(struct client *c, struct pool *pool, struct dest *out, struct err *err)
{
	const char *path = out->spec + 5;

	if (*path == '\0' || strlen(path) >= UNIX_PATH_MAX_SIZE)
		return bad_dest(out->spec, err);
	out->path = path;
	out->host = c->conf.myhostname;
	out->key = pool_printf(pool, "unix:%s", path);
	out->port = 0;
	return 0;
}

int
dest_parse(struct client *c, struct pool *pool, const char *spec, struct dest *out, struct err *err)
{
	char *copy, *port = NULL, *end;

	*out = (struct dest){ .spec = spec, .port = c->default_port };
	if (c->is_lmtp && ascii_ncasecmp(spec, "unix:", 5) == 0)
		return parse_unix(c, pool, out, err);
	if (ascii_ncasecmp(spec, "inet:", 5) == 0)
		spec += 5;
	if (strlen(spec) > MAX_SPEC)
		return bad_dest(spec, err);
	copy = pool_strdup(pool, spec);
	if (copy[0] == '[') {
		if ((end = strchr(copy, ']')) == NULL || (end[1] != '\0' && end[1] != ':'))
			return bad_dest(spec, err);
		port = end[1] == ':' ? end + 2 : NULL;
		*end = '\0';
		copy++;
		out->is_host = true;
		if (ascii_ncasecmp(copy, "ipv6:", 5) == 0)
			copy += 5;
	} else if ((end = strchr(copy, ':')) != NULL && strchr(end + 1, ':') == NULL) {
		port = end + 1;
		*end = '\0';
	}
	out->host = copy;
	if (*copy == '\0' || (port != NULL && parse_port(port, &out->port) < 0))
		return bad_dest(spec, err);
	out->key = pool_printf(pool, "%s:%u", out->host, out->port);
	return 0;
}

/* ---- addresses */
static void
set_sockaddr(struct smtp_addr *a, int family, const unsigned char *addr, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(&a->sa, 0, sizeof(a->sa));
	if (family == AF_INET) {
		memcpy(&sin.sin_addr, addr, 4);
		memcpy(&a->sa, &sin, sizeof(sin));
		a->sa_len = sizeof(sin);
	} else {
		memcpy(&sin6.sin6_addr, addr, 16);
		memcpy(&a->sa, &sin6, sizeof(sin6));
		a->sa_len = sizeof(sin6);
	}
	if (inet_ntop(family, addr, a->text, sizeof(a->text)) == NULL)
		a->text[0] = '\0';
}

bool
dest_is_own(struct client *c, const struct smtp_addr *a)
{
	return localdom_has_addr(c->local, a->text);
}

static void
swap(struct smtp_addr *a, struct smtp_addr *b)
{
	struct smtp_addr t = *a;

	*a = *b;
	*b = t;
}

static void
shuffle(struct client *c, struct smtp_addr *v, size_t n)
{
	for (size_t i = n; i > 1; i--)
		swap(&v[i - 1], &v[client_random(c, (uint32_t)i)]);
}

/* The family that is preferred comes first; the order within is kept. */
static void
prefer(struct smtp_addr *v, size_t n, int family)
{
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].sa.ss_family != family)
			continue;
		struct smtp_addr t = v[i];
		memmove(&v[first + 1], &v[first], (i - first) * sizeof(*v));
		v[first++] = t;
	}
}

static void
arrange(struct client *c, struct smtp_addr *v, size_t n)
{
	if (c->conf.randomize)
		shuffle(c, v, n);
	if (strcmp(c->conf.address_preference, "ipv4") == 0)
		prefer(v, n, AF_INET);
	else if (strcmp(c->conf.address_preference, "ipv6") == 0)
		prefer(v, n, AF_INET6);
}

/* smtp_balance_inet_protocols: not all that will be tried are to be of one family when there are both. */
static void
balance(struct client *c, struct host_list *l)
{
	size_t limit = (size_t)c->conf.addr_limit, other;

	if (!c->conf.balance || limit < 2 || l->n <= limit || strcmp(c->conf.address_preference, "any") != 0)
		return;
	for (size_t i = 1; i < limit; i++)
		if (l->v[i].sa.ss_family != l->v[0].sa.ss_family)
			return;
	for (other = limit; other < l->n && l->v[other].sa.ss_family == l->v[0].sa.ss_family; other++)
		;
	if (other < l->n)
		swap(&l->v[limit - 1], &l->v[other]);
}

static int
add_literal(struct client *c, const char *text, unsigned pref, bool is_best, uint16_t port, struct host_list *out, struct err *err)
{
	unsigned char addr[16];
	int family = inet_pton(AF_INET, text, addr) == 1 ? AF_INET : AF_INET6;

	if (family == AF_INET6 && inet_pton(AF_INET6, text, addr) != 1)
		return bad_dest(text, err);
	if (!(c->dns_want & (family == AF_INET ? DNS_WANT_A : DNS_WANT_AAAA)))
		return err_set(err, ERR_CONF, "4.4.4", "address family of %s is switched off by inet_protocols", text);
	if (out->n == MAX_ADDRS)
		return 0;
	struct smtp_addr *a = &out->v[out->n++];
	*a = (struct smtp_addr){ .host = text, .pref = pref, .is_best = is_best };
	set_sockaddr(a, family, addr, port);
	return 0;
}

/* Append the addresses of a host. 0, or -1 with why there are none. */
static int
add_host(struct client *c, struct pool *pool, const char *host, unsigned pref, bool is_best, uint16_t port, struct host_list *out,
    struct err *err)
{
	const struct dns_reply *r;

	if (host_is_addr(host))
		return add_literal(c, host, pref, is_best, port, out, err);
	r = dns_addrs(c->dns, pool, host, c->dns_want, c->host_flags);
	if (r->status != DNS_OK)
		return err_set(err, r->dsn[0] == '4' ? ERR_TEMP : ERR_PERM, r->dsn, "%s", r->text);
	for (size_t i = 0; i < r->n && out->n < MAX_ADDRS; i++) {
		struct smtp_addr *a = &out->v[out->n++];

		*a = (struct smtp_addr){ .host = host, .pref = pref, .is_best = is_best };
		set_sockaddr(a, r->rr[i].type == DNS_A ? AF_INET : AF_INET6, r->rr[i].addr, port);
	}
	return 0;
}

static bool
has_own(struct client *c, const struct host_list *l, size_t from)
{
	for (size_t i = from; i < l->n; i++)
		if (dest_is_own(c, &l->v[i]))
			return true;
	return false;
}

static int
loops_back(struct client *c, const char *host, struct err *err)
{
	if (c->conf.best_mx_transport[0] != '\0')
		return err_set(err, ERR_CONF, "4.3.5", "mail for %s is ours to deliver, but best_mx_transport is not built yet", host);
	return err_set(err, ERR_PERM, "5.4.6", "mail for %s loops back to myself", host);
}

static int
find_host(struct client *c, struct pool *pool, const struct dest *d, struct host_list *out, struct err *err)
{
	if (add_host(c, pool, d->host, 0, true, d->port, out, err) < 0)
		return -1;
	if (d->port == SMTP_PORT && !c->is_lmtp && has_own(c, out, 0))
		return loops_back(c, d->host, err);
	arrange(c, out->v, out->n);
	balance(c, out);
	return 0;
}

/* ---- mail exchangers */
struct mx_search {
	struct client *c;
	struct pool *pool;
	const struct dest *d;
	const struct dns_reply *r;
	struct host_list *out;
	struct err soft, hard;	/* why hosts had no addresses */
	bool is_own_best, is_own;
};

static size_t
group_end(const struct dns_reply *r, size_t from)
{
	size_t i = from;

	while (i < r->n && r->rr[i].pref == r->rr[from].pref)
		i++;
	return i;
}

/* Look up the hosts of one preference, a random choice of them when they are many. */
static void
add_group(struct mx_search *m, size_t from, size_t end)
{
	const struct dns_rr *v[DNS_MAX_RECORDS];
	size_t n = 0, first = m->out->n;
	struct err err = ERR_INIT;

	for (size_t i = from; i < end && n < DNS_MAX_RECORDS; i++)
		v[n++] = &m->r->rr[i];
	for (size_t i = 0; i < n && i < MAX_GROUP; i++) {
		size_t k = n > MAX_GROUP ? i + client_random(m->c, (uint32_t)(n - i)) : i;
		const struct dns_rr *rr = v[k];

		v[k] = v[i];
		if (add_host(m->c, m->pool, rr->data, rr->pref, from == 0, m->d->port, m->out, &err) < 0)
			*(err.dsn[0] == '4' ? &m->soft : &m->hard) = err;
	}
	if (m->d->port == SMTP_PORT && has_own(m->c, m->out, first)) {
		m->is_own = true;
		m->is_own_best = from == 0;
		m->out->n = first;
		return;
	}
	arrange(m->c, m->out->v + first, m->out->n - first);
}

static int
no_address(struct mx_search *m, struct err *err)
{
	if (m->is_own_best)
		return loops_back(m->c, m->d->host, err);
	if (m->soft.class != ERR_NONE) {
		*err = m->soft;
		return -1;
	}
	if (m->is_own)
		return err_set(err, ERR_TEMP, "4.4.4", "unable to find primary relay for %s", m->d->host);
	*err = m->hard;
	if (m->c->conf.defer_no_mx_addr)
		err->dsn[0] = '4';
	return -1;
}

static int
find_mx_hosts(struct client *c, struct pool *pool, const struct dest *d, const struct dns_reply *r, struct host_list *out, struct err *err)
{
	struct mx_search m = { .c = c, .pool = pool, .d = d, .r = r, .out = out, .soft = ERR_INIT, .hard = ERR_INIT };
	size_t enough = c->conf.addr_limit > 0 && c->conf.addr_limit < MAX_ADDRS ? (size_t)c->conf.addr_limit : MAX_ADDRS;

	for (size_t i = 0, end; i < r->n && out->n < enough && !m.is_own; i = end) {
		end = group_end(r, i);
		add_group(&m, i, end);
	}
	if (out->n == 0)
		return no_address(&m, err);
	balance(c, out);
	return 0;
}

static int
find_domain(struct client *c, struct pool *pool, const struct dest *d, struct host_list *out, struct err *err)
{
	const struct dns_reply *r = dns_lookup(c->dns, pool, d->host, DNS_MX, 0);

	switch (r->status) {
	case DNS_OK:
		return find_mx_hosts(c, pool, d, r, out, err);
	case DNS_NXNAME:
	case DNS_NODATA:
		/* RFC 5321 section 5.1: the domain itself is then the host.  It also words the error. */
		return find_host(c, pool, d, out, err);
	case DNS_TEMP:
	case DNS_REFUSED:
		if (c->conf.ignore_mx_error)
			return find_host(c, pool, d, out, err);
		break;
	default:
		break;
	}
	return err_set(err, r->dsn[0] == '4' ? ERR_TEMP : ERR_PERM, r->dsn, "%s", r->text);
}

int
dest_find(struct client *c, struct pool *pool, const struct dest *d, struct host_list *out, struct err *err)
{
	out->n = 0;
	/* LMTP is for the last hop: it knows no mail exchangers (RFC 2033 section 5). */
	if (c->is_lmtp || d->is_host || host_is_addr(d->host) || c->conf.no_dns || strcmp(c->conf.dns_support_level, "disabled") == 0)
		return find_host(c, pool, d, out, err);
	return find_domain(c, pool, d, out, err);
}
