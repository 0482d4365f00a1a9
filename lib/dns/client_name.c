/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_name - the verified name of a client's address
 */
#include "dns/dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Address bytes of a socket address, a mapped IPv4 address as IPv4.  Returns the record type that holds such an address. */
static enum dns_type
addr_bytes(const struct sockaddr *sa, unsigned char out[static 16])
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	if (sa->sa_family == AF_INET) {
		memcpy(&in4, sa, sizeof(in4));
		memcpy(out, &in4.sin_addr, 4);
		return DNS_A;
	}
	memcpy(&in6, sa, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		memcpy(out, in6.sin6_addr.s6_addr + 12, 4);
		return DNS_A;
	}
	memcpy(out, &in6.sin6_addr, 16);
	return DNS_AAAA;
}

/* What getaddrinfo(3) calls it: this text is in the log. */
static const char *
native_reason(const struct dns_reply *r)
{
	switch (r->status) {
	case DNS_NODATA:
		return "No address associated with hostname";
	case DNS_TEMP:
		return "Temporary failure in name resolution";
	case DNS_REFUSED:
		return "Non-recoverable failure in name resolution";
	default:
		return "Name or service not known";
	}
}

static int
fail_status(const struct dns_reply *r)
{
	return r->status == DNS_TEMP || r->status == DNS_REFUSED ? 4 : 5;
}

static bool
has_addr(const struct dns_reply *r, enum dns_type type, const unsigned char *addr)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rr[i].type == type && memcmp(r->rr[i].addr, addr, type == DNS_A ? 4 : 16) == 0)
			return true;
	return false;
}

static void
verify_name(struct dns *d, struct pool *pool, const struct sockaddr *sa, int want, struct dns_client *out)
{
	unsigned char addr[16];
	enum dns_type type = addr_bytes(sa, addr);
	char text[INET6_ADDRSTRLEN];
	const struct dns_reply *r;

	if (inet_ntop(type == DNS_A ? AF_INET : AF_INET6, addr, text, sizeof(text)) == NULL)
		text[0] = '\0';
	r = dns_addrs(d, pool, out->reverse_name, want, DNS_NATIVE);
	if (r->status != DNS_OK) {
		out->name_status = fail_status(r);
		snprintf(out->warning, sizeof(out->warning), "hostname %s does not resolve to address %s: %s", out->reverse_name, text,
		    native_reason(r));
	} else if (!has_addr(r, type, addr)) {
		out->name_status = 6;
		snprintf(out->warning, sizeof(out->warning), "hostname %s does not resolve to address %s", out->reverse_name, text);
	} else {
		out->name_status = 2;
		memcpy(out->name, out->reverse_name, sizeof(out->name));
	}
}

void
dns_client_name(struct dns *d, const struct sockaddr *sa, bool verify, int want, struct dns_client *out)
{
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	char reverse[DNS_NAME_SIZE];
	const struct dns_reply *r;

	*out = (struct dns_client){ .name = "unknown", .reverse_name = "unknown", .name_status = 5, .reverse_status = 5 };
	if (dns_reverse_name(sa, NULL, reverse) < 0)
		return;
	r = dns_lookup(d, pool, reverse, DNS_PTR, DNS_NATIVE);
	if (r->status != DNS_OK) {
		out->name_status = out->reverse_status = fail_status(r);
		return;
	}
	out->reverse_status = 2;
	snprintf(out->reverse_name, sizeof(out->reverse_name), "%s", r->rr[0].data);
	if (verify)
		verify_name(d, pool, sa, want, out);
	else {
		out->name_status = 2;
		memcpy(out->name, out->reverse_name, sizeof(out->name));
	}
}
