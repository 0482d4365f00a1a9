/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns - look-ups of names, asked of the resolver daemon
 *
 *	struct dns *d = dns_new(daemon_connect, "resolver");		one a process
 *	const struct dns_reply *r = dns_lookup(d, pool, "example.com", DNS_MX, 0);
 *	if (r->status == DNS_OK)
 *		for (size_t i = 0; i < r->n; i++) use(r->rr[i].pref, r->rr[i].data);
 *	else
 *		defer_or_bounce(r->dsn, r->text);
 *
 * A reply is never NULL and always has a status; trouble with the resolver itself is DNS_TEMP.  Replies belong to the pool that
 * is passed in.  The number of records and the length of each are bounded by the resolver and again here.  Names in replies were
 * checked with host_is_name() (address/host.h); records with bad ones are left out.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/pool.h"
#include "ipc/client.h"

enum { DNS_NAME_SIZE = 256, DNS_MAX_RECORDS = 100 };	/* a name in text form with its NUL; records kept of one answer */

enum dns_type {		/* RFC 1035 section 3.2.2 and later */
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33, DNS_TLSA = 52,
};
const char *dns_type_name(enum dns_type t);		/* "A", "MX"; "TYPE99" is not made, "?" instead */

enum dns_status {
	DNS_OK,		/* at least one record */
	DNS_NXNAME,	/* no such name */
	DNS_NODATA,	/* the name exists, records of this type do not */
	DNS_NULLMX,	/* the domain says that it takes no mail: MX 0 "." (RFC 7505) */
	DNS_INVALID,	/* not a domain name, or nothing but malformed records */
	DNS_TEMP,	/* no answer, or a server's temporary failure, or the resolver is away: try later */
	DNS_REFUSED,	/* the server refuses to answer (other codes); trying later may help */
	DNS_LOOP,	/* an alias of itself, or a chain of too many aliases */
};

enum {			/* flags */
	DNS_NATIVE = 1,	/* hosts file first, then DNS (smtp_host_lookup native, client names, dns support disabled) */
	DNS_NO_DNS = 2,	/* with DNS_NATIVE: hosts file only */
};

struct dns_rr {
	enum dns_type type;
	uint32_t ttl_s;
	uint16_t pref;			/* MX preference, SRV priority */
	uint16_t weight, port;		/* SRV */
	uint8_t usage, selector, mtype;	/* TLSA; data is the rest in hexadecimal */
	const char *owner;		/* the name that has the record: the end of a CNAME chain */
	const char *data;		/* MX, PTR, CNAME, SRV: host name (of MX also an address, as some write it); A, AAAA: address as text; TXT: all strings in one, no control characters */
	unsigned char addr[16];		/* A: 4 bytes, AAAA: 16, network order */
};

struct dns_reply {
	enum dns_status status;
	bool is_secure;			/* AD bit of a server that may be trusted (resolv.conf: options trust-ad) */
	uint32_t ttl_s;			/* of the whole answer when the resolver got it, also of a negative one; 0: not to be cached */
	const char *cname;		/* what the name is an alias of, "" when it is none */
	const struct dns_rr *rr;	/* MX and SRV by ascending preference (equal ones in the order of the answer) */
	size_t n;
	const char *dsn;		/* "" when found; "5.4.4" no such name or data or invalid or a loop, "4.4.3" temporary, "5.1.0" null MX */
	const char *reason;		/* "Host not found", "Host not found, try again" ... */
	const char *text;		/* "Host or domain name not found. Name service error for name=nx.test type=A: Host not found" */
};

struct dns;
NODISCARD struct dns *dns_new(ipc_connect_fn *connect, void *arg);
void dns_free(struct dns **dp);

/* The name may end in a dot; it is never completed by search lists. */
NODISCARD const struct dns_reply *dns_lookup(struct dns *d, struct pool *pool, const char *name, enum dns_type type, int flags) MAY_WAIT;
enum { DNS_WANT_A = 1, DNS_WANT_AAAA = 2 };
/* Both kinds of addresses in one request, asked for at once; A records stand before AAAA.  Found when one kind is; otherwise the more
 * temporary failure. */
NODISCARD const struct dns_reply *dns_addrs(struct dns *d, struct pool *pool, const char *name, int want, int flags) MAY_WAIT;

/*
 * The name of a client, as smtpd logs and judges it: reverse look-up, then whether that name has the address.  Hosts file first.
 * status is Postfix's class digit: 2 found, 4 temporary failure, 5 none; and 6 for a name that does not have the address (forged).
 */
struct dns_client {
	char name[DNS_NAME_SIZE];		/* verified, or "unknown" */
	char reverse_name[DNS_NAME_SIZE];	/* what the reverse look-up said, or "unknown" */
	int name_status, reverse_status;
	char warning[700];	/* to be logged, or "": "hostname x does not resolve to address y[: Name or service not known]" */
};
/* verify false: the reverse name is not checked and is name as well.  want: DNS_WANT_A, DNS_WANT_AAAA by inet_protocols. */
void dns_client_name(struct dns *d, const struct sockaddr *sa, bool verify, int want, struct dns_client *out) MAY_WAIT;

/* "4.3.2.1.in-addr.arpa", "....ip6.arpa". out has DNS_NAME_SIZE bytes.  suffix NULL: arpa; DNSBL otherwise. 0 or -1 (family, length). */
NODISCARD int dns_reverse_name(const struct sockaddr *sa, const char *suffix, char out[static DNS_NAME_SIZE]);

#endif
