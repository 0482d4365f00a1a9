/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name - names of record types, reverse names of addresses
 */
#include "dns/dns.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum dns_type type;
	const char *name;
} types[] = {
	{ DNS_A, "A" }, { DNS_NS, "NS" }, { DNS_CNAME, "CNAME" }, { DNS_PTR, "PTR" }, { DNS_MX, "MX" }, { DNS_TXT, "TXT" }, { DNS_AAAA, "AAAA" },
	{ DNS_SRV, "SRV" }, { DNS_TLSA, "TLSA" },
};

const char *
dns_type_name(enum dns_type t)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].type == t)
			return types[i].name;
	return "?";
}

static int
reverse4(const unsigned char *a, const char *suffix, char *out)
{
	int n = snprintf(out, DNS_NAME_SIZE, "%u.%u.%u.%u.%s", a[3], a[2], a[1], a[0], suffix == NULL ? "in-addr.arpa" : suffix);

	return n > 0 && n < DNS_NAME_SIZE ? 0 : -1;
}

static int
reverse6(const unsigned char *a, const char *suffix, char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	for (int i = 15; i >= 0; i--) {
		out[at++] = hex[a[i] & 15];
		out[at++] = '.';
		out[at++] = hex[a[i] >> 4];
		out[at++] = '.';
	}
	int n = snprintf(out + at, DNS_NAME_SIZE - at, "%s", suffix == NULL ? "ip6.arpa" : suffix);
	return n > 0 && at + (size_t)n < DNS_NAME_SIZE ? 0 : -1;
}

int
dns_reverse_name(const struct sockaddr *sa, const char *suffix, char out[static DNS_NAME_SIZE])
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	if (sa->sa_family == AF_INET) {
		memcpy(&in4, sa, sizeof(in4));
		return reverse4((const unsigned char *)&in4.sin_addr, suffix, out);
	}
	if (sa->sa_family != AF_INET6)
		return -1;
	memcpy(&in6, sa, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return reverse4(in6.sin6_addr.s6_addr + 12, suffix, out);
	return reverse6(in6.sin6_addr.s6_addr, suffix, out);
}
