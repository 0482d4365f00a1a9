/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts - names and addresses of the hosts file
 */
#include "resolver.h"

#include <arpa/inet.h>
#include <string.h>

#include "address/host.h"
#include "base/ascii.h"
#include "base/mem.h"

enum { MAX_ADDRS = 32, MAX_LINES = 500000 };

struct host {
	struct host_addr {
		enum dns_type type;
		char text[INET6_ADDRSTRLEN];
		unsigned char addr[16];
	} *v;
	size_t n;
};
struct hosts {
	struct pool *pool;
	struct map *names;	/* name to struct host */
	struct map *reverse;	/* reverse name to the first name of the address's first line */
};

static void
add_name(struct hosts *h, const char *name, const struct host_addr *addr)
{
	struct host *host;
	char low[DNS_NAME_SIZE];

	if (strlen(name) >= sizeof(low) || !host_is_name(name, NULL))
		return;
	memcpy(low, name, strlen(name) + 1);
	ascii_lower_str(low);
	if ((host = map_get(h->names, low)) == NULL) {
		host = pool_alloc(h->pool, sizeof(*host));
		(void)map_put(h->names, low, host);
	}
	if (host->n == MAX_ADDRS)
		return;
	/* Few names have more than one address, so the vector grows by one. */
	struct host_addr *v = pool_alloc_array(h->pool, host->n + 1, sizeof(*v));
	if (host->n > 0)
		memcpy(v, host->v, host->n * sizeof(*v));
	v[host->n++] = *addr;
	host->v = v;
}

static int
parse_addr(const char *text, struct host_addr *a)
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	*a = (struct host_addr){ .type = family == AF_INET ? DNS_A : DNS_AAAA };
	if (inet_pton(family, text, a->addr) != 1 || inet_ntop(family, a->addr, a->text, sizeof(a->text)) == NULL)
		return -1;
	return 0;
}

static void
add_reverse(struct hosts *h, const struct host_addr *a, const char *name)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	char key[DNS_NAME_SIZE];
	struct sockaddr_storage ss;

	memset(&ss, 0, sizeof(ss));
	memcpy(&sin.sin_addr, a->addr, 4);
	memcpy(&sin6.sin6_addr, a->addr, 16);
	if (a->type == DNS_A)
		memcpy(&ss, &sin, sizeof(sin));
	else
		memcpy(&ss, &sin6, sizeof(sin6));
	if (!host_is_name(name, NULL) || dns_reverse_name((const struct sockaddr *)&ss, NULL, key) < 0 ||
	    map_get(h->reverse, key) != NULL)
		return;
	(void)map_put(h->reverse, key, pool_strdup(h->pool, name));
}

static void
parse_line(struct hosts *h, char *line)
{
	struct host_addr addr;
	bool is_first = true, has_addr = false;

	line[strcspn(line, "#")] = '\0';
	for (char *p = line; *(p += strspn(p, " \t\r\f\v")) != '\0';) {
		char *word = p;
		p += strcspn(p, " \t\r\f\v");
		if (*p != '\0')
			*p++ = '\0';
		if (!has_addr) {
			if (parse_addr(word, &addr) < 0)
				return;
			has_addr = true;
			continue;
		}
		if (is_first)
			add_reverse(h, &addr, word);
		is_first = false;
		add_name(h, word, &addr);
	}
}

struct hosts *
hosts_parse(char *text)
{
	struct hosts *h = NEW(struct hosts);
	size_t n_lines = 0;

	h->pool = pool_new(4096);
	h->names = map_new();
	h->reverse = map_new();
	while (*text != '\0' && n_lines++ < MAX_LINES) {
		char *end = text + strcspn(text, "\n");
		bool last = *end == '\0';

		*end = '\0';
		parse_line(h, text);
		text = last ? end : end + 1;
	}
	return h;
}

void
hosts_free(struct hosts **hp)
{
	if (*hp == NULL)
		return;
	map_free(&(*hp)->names, NULL);
	map_free(&(*hp)->reverse, NULL);
	pool_free(&(*hp)->pool);
	mem_free(hp);
}

static bool
lookup_reverse(const struct hosts *h, const char *name, struct pool *pool, struct dns_reply *r)
{
	const char *host = map_get(h->reverse, name);
	struct dns_rr *rr;

	if (host == NULL)
		return false;
	r->rr = rr = pool_alloc(pool, sizeof(*rr));
	*rr = (struct dns_rr){ .type = DNS_PTR, .owner = pool_strdup(pool, name), .data = pool_strdup(pool, host) };
	r->n = 1;
	reply_set(r, DNS_OK, 0);
	return true;
}

bool
hosts_lookup(const struct hosts *h, const char *name, enum dns_type type, struct pool *pool, struct dns_reply *r)
{
	const struct host *host;
	struct dns_rr *rr;

	*r = (struct dns_reply){ .cname = "" };
	if (type == DNS_PTR)
		return lookup_reverse(h, name, pool, r);
	if ((type != DNS_A && type != DNS_AAAA) || (host = map_get(h->names, name)) == NULL)
		return false;
	r->rr = rr = pool_alloc_array(pool, host->n, sizeof(*rr));
	for (size_t i = 0; i < host->n; i++) {
		if (host->v[i].type != type)
			continue;
		rr[r->n] = (struct dns_rr){ .type = type, .owner = pool_strdup(pool, name), .data = pool_strdup(pool, host->v[i].text) };
		memcpy(rr[r->n++].addr, host->v[i].addr, 16);
	}
	reply_set(r, r->n > 0 ? DNS_OK : DNS_NODATA, 0);
	return true;
}
