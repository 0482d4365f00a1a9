/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local - names that are answered without a name server: the hosts file, and localhost (RFC 6761 section 6.3)
 */
#include "resolver.h"

#include <string.h>

void
reply_set(struct dns_reply *r, enum dns_status status, uint32_t ttl_s)
{
	r->status = status;
	r->ttl_s = ttl_s;
	if (r->cname == NULL)
		r->cname = "";
}

static bool
is_localhost(const char *name)
{
	size_t n = strlen(name);

	return strcmp(name, "localhost") == 0 || (n > 10 && strcmp(name + n - 10, ".localhost") == 0);
}

static const char *
localhost_data(const char *name, enum dns_type type)
{
	if (type == DNS_PTR)
		return strcmp(name, "1.0.0.127.in-addr.arpa") == 0 ? "localhost" : NULL;
	return !is_localhost(name) ? NULL : type == DNS_A ? "127.0.0.1" : type == DNS_AAAA ? "::1" : NULL;
}

static bool
lookup_localhost(const char *name, enum dns_type type, struct pool *pool, struct dns_reply *out)
{
	static const unsigned char a[4] = { 127, 0, 0, 1 }, aaaa[16] = { [15] = 1 };
	const char *data = localhost_data(name, type);
	struct dns_rr *rr;

	*out = (struct dns_reply){ .cname = "" };
	if (data == NULL && !is_localhost(name))
		return false;
	reply_set(out, data == NULL ? DNS_NODATA : DNS_OK, 0);
	if (data == NULL)
		return true;
	out->rr = rr = pool_alloc(pool, sizeof(*rr));
	out->n = 1;
	*rr = (struct dns_rr){ .type = type, .owner = pool_strdup(pool, name), .data = data };
	if (type == DNS_A)
		memcpy(rr->addr, a, sizeof(a));
	else if (type == DNS_AAAA)
		memcpy(rr->addr, aaaa, sizeof(aaaa));
	return true;
}

bool
local_lookup(const struct resolver *r, const char *name, enum dns_type type, int flags, struct pool *pool, struct dns_reply *out)
{
	if (flags & DNS_NATIVE && r->hosts != NULL && hosts_lookup(r->hosts, name, type, pool, out))
		return true;
	if (lookup_localhost(name, type, pool, out))
		return true;
	if (!(flags & DNS_NATIVE) || !(flags & DNS_NO_DNS))
		return false;
	*out = (struct dns_reply){ .cname = "" };
	reply_set(out, DNS_NXNAME, 0);
	return true;
}
