/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet - DNS packets, built and read by ldns; what comes out is checked text
 *
 * The header is judged here before ldns sees the packet.  Of the answer section only what belongs to the question is used:
 * the alias chain that begins at its name, and the records at the end of it.
 */
#include "resolver.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address/host.h"
#include "base/ascii.h"
#include "base/strbuf.h"

enum { HEADER_SIZE = 12, FLAG_QR = 0x80, FLAG_TC = 0x02, OPCODE_MASK = 0x78 };

static void
free_pkt(ldns_pkt **p)
{
	ldns_pkt_free(*p);
	*p = NULL;
}

size_t
packet_query(const struct question *q, uint16_t id, bool edns, bool want_ad, uint8_t *out, size_t size)
{
	AUTO(free_pkt) ldns_pkt *pkt = NULL;
	ldns_rdf *name = ldns_dname_new_frm_str(q->name);
	uint8_t *wire = NULL;
	size_t n = 0;

	if (name == NULL)
		return 0;
	pkt = ldns_pkt_query_new(name, (ldns_rr_type)q->type, LDNS_RR_CLASS_IN, LDNS_RD);
	if (pkt == NULL) {
		ldns_rdf_deep_free(name);
		return 0;
	}
	ldns_pkt_set_id(pkt, id);
	if (edns)
		ldns_pkt_set_edns_udp_size(pkt, UDP_SIZE);
	if (want_ad)
		ldns_pkt_set_ad(pkt, true);
	if (ldns_pkt2wire(&wire, pkt, &n) != LDNS_STATUS_OK || n > size)
		n = 0;
	if (n > 0)
		memcpy(out, wire, n);
	free(wire);
	return n;
}

/* A name in wire form (uncompressed by ldns) as text; "" is the root.  -1: it holds what no host name has. */
static int
name_text(const ldns_rdf *rdf, char out[static DNS_NAME_SIZE])
{
	const uint8_t *p = ldns_rdf_data(rdf);
	size_t size = ldns_rdf_size(rdf), at = 0, n = 0;

	if (ldns_rdf_get_type(rdf) != LDNS_RDF_TYPE_DNAME)
		return -1;
	while (at < size && p[at] != 0) {
		size_t label = p[at++];

		if (label > 63 || at + label > size || n + label + 2 > DNS_NAME_SIZE)
			return -1;
		if (n > 0)
			out[n++] = '.';
		for (size_t i = 0; i < label; i++) {
			int c = p[at + i];

			if (!ascii_is_print(c) || c == ' ' || c == '.' || c == '\\')
				return -1;
			out[n++] = (char)c;
		}
		at += label;
	}
	out[n] = '\0';
	return at < size ? 0 : -1;
}

/* The owner is the name we are at. */
static bool
is_owner(const ldns_rr *rr, const char *name)
{
	char owner[DNS_NAME_SIZE];

	return ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN && name_text(ldns_rr_owner(rr), owner) == 0 && ascii_casecmp(owner, name) == 0;
}

static uint32_t
rdf_num(const ldns_rr *rr, size_t i, size_t bytes)
{
	const ldns_rdf *f = ldns_rr_rdf(rr, i);
	const uint8_t *p;
	uint32_t v = 0;

	if (f == NULL || ldns_rdf_size(f) != bytes)
		return 0;
	p = ldns_rdf_data(f);
	for (size_t k = 0; k < bytes; k++)
		v = v << 8 | p[k];
	return v;
}

static const char *
addr_data(const ldns_rr *rr, enum dns_type type, struct pool *pool, struct dns_rr *out)
{
	const ldns_rdf *f = ldns_rr_rdf(rr, 0);
	size_t want = type == DNS_A ? 4 : 16;
	char text[INET6_ADDRSTRLEN];

	if (f == NULL || ldns_rdf_size(f) != want)
		return NULL;
	memcpy(out->addr, ldns_rdf_data(f), want);
	if (inet_ntop(type == DNS_A ? AF_INET : AF_INET6, out->addr, text, sizeof(text)) == NULL)
		return NULL;
	return pool_strdup(pool, text);
}

static const char *
host_data(const ldns_rr *rr, size_t field, bool is_mx, struct pool *pool)
{
	const ldns_rdf *f = ldns_rr_rdf(rr, field);
	char name[DNS_NAME_SIZE];

	if (f == NULL || name_text(f, name) < 0)
		return NULL;
	/* The root says something there, and an address is what some mean. */
	if (!(is_mx && (name[0] == '\0' || host_is_addr(name))) && !host_is_name(name, NULL))
		return NULL;
	return pool_strdup(pool, name);
}

/* All strings of a TXT record in one; control characters become '?'. */
static const char *
txt_data(const ldns_rr *rr, struct pool *pool)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(DNS_DATA_MAX);

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		const uint8_t *p = ldns_rdf_data(f);
		size_t n = ldns_rdf_size(f);

		if (n == 0 || p[0] >= n)
			return NULL;
		if (strbuf_add(&b, p + 1, p[0]) < 0)
			break;
	}
	for (size_t i = 0; i < b.len; i++)
		if (ascii_is_cntrl((unsigned char)b.s[i]))
			b.s[i] = '?';
	return pool_strndup(pool, b.s, b.len);
}

static const char *
hex_data(const ldns_rr *rr, size_t field, struct pool *pool)
{
	static const char hex[] = "0123456789abcdef";
	const ldns_rdf *f = ldns_rr_rdf(rr, field);

	if (f == NULL || ldns_rdf_size(f) == 0 || ldns_rdf_size(f) > DNS_DATA_MAX / 2)
		return NULL;
	const uint8_t *p = ldns_rdf_data(f);
	size_t n = ldns_rdf_size(f);
	char *s = pool_alloc(pool, 2 * n + 1);
	for (size_t i = 0; i < n; i++) {
		s[2 * i] = hex[p[i] >> 4];
		s[2 * i + 1] = hex[p[i] & 15];
	}
	return s;
}

/* 0, or -1 for a record that is malformed or names what cannot be a host. */
static int
read_rr(const ldns_rr *rr, enum dns_type type, const char *owner, struct pool *pool, struct dns_rr *out)
{
	uint32_t ttl = ldns_rr_ttl(rr);

	/* RFC 2181 section 8: a TTL with the top bit set is 0. */
	*out = (struct dns_rr){ .type = type, .owner = owner, .ttl_s = ttl > INT32_MAX ? 0 : ttl };
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		out->data = addr_data(rr, type, pool, out);
		break;
	case DNS_MX:
		out->pref = (uint16_t)rdf_num(rr, 0, 2);
		out->data = host_data(rr, 1, true, pool);
		break;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		out->data = host_data(rr, 0, false, pool);
		break;
	case DNS_SRV:
		out->pref = (uint16_t)rdf_num(rr, 0, 2);
		out->weight = (uint16_t)rdf_num(rr, 1, 2);
		out->port = (uint16_t)rdf_num(rr, 2, 2);
		out->data = host_data(rr, 3, true, pool);
		break;
	case DNS_TXT:
		out->data = txt_data(rr, pool);
		break;
	case DNS_TLSA:
		out->usage = (uint8_t)rdf_num(rr, 0, 1);
		out->selector = (uint8_t)rdf_num(rr, 1, 1);
		out->mtype = (uint8_t)rdf_num(rr, 2, 1);
		out->data = hex_data(rr, 3, pool);
		break;
	}
	return out->data == NULL ? -1 : 0;
}

static uint32_t
min_ttl(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Follow the aliases from the question's name; returns the name at the end, NULL when the chain is too long or malformed. */
static const char *
follow_aliases(const ldns_rr_list *rrs, const struct question *q, struct pool *pool, struct packet_answer *a)
{
	const char *name = q->name;
	bool found = true;

	while (found && q->type != DNS_CNAME) {
		found = false;
		for (size_t i = 0; i < ldns_rr_list_rr_count(rrs); i++) {
			const ldns_rr *rr = ldns_rr_list_rr(rrs, i);
			const char *target;

			if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_CNAME || !is_owner(rr, name))
				continue;
			if (++a->n_cnames > MAX_CNAMES || (target = host_data(rr, 0, false, pool)) == NULL)
				return NULL;
			a->reply.ttl_s = min_ttl(a->reply.ttl_s, ldns_rr_ttl(rr));
			name = a->reply.cname = target;
			found = true;
			break;
		}
	}
	return name;
}

static int
by_pref(const void *x, const void *y)
{
	const struct dns_rr *a = x, *b = y;

	if (a->pref != b->pref)
		return a->pref < b->pref ? -1 : 1;
	return a->weight < b->weight ? -1 : a->weight > b->weight;
}

/* Records by preference, not more than we keep.  The weight of an MX record holds its place, so that the order of equal ones stays. */
static void
sort_and_cut(enum dns_type type, struct dns_rr *rr, size_t *n)
{
	if (type == DNS_MX) {
		for (size_t i = 0; i < *n; i++)
			rr[i].weight = (uint16_t)i;
		qsort(rr, *n, sizeof(*rr), by_pref);
		for (size_t i = 0; i < *n; i++)
			rr[i].weight = 0;
	} else if (type == DNS_SRV)
		qsort(rr, *n, sizeof(*rr), by_pref);
	if (*n > DNS_MAX_RECORDS)
		*n = DNS_MAX_RECORDS;
}

/* Collect the records of name.  Returns how many there were, good ones or not. */
static size_t
collect(const ldns_rr_list *rrs, const struct question *q, const char *name, struct pool *pool, struct dns_reply *r)
{
	size_t total = ldns_rr_list_rr_count(rrs), seen = 0, n = 0;
	struct dns_rr *v = pool_alloc_array(pool, total > 0 ? total : 1, sizeof(*v));
	const char *owner = pool_strdup(pool, name);

	for (size_t i = 0; i < total; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(rrs, i);

		if (ldns_rr_get_type(rr) != (ldns_rr_type)q->type || !is_owner(rr, name))
			continue;
		seen++;
		if (read_rr(rr, q->type, owner, pool, &v[n]) < 0)
			continue;
		r->ttl_s = min_ttl(r->ttl_s, v[n].ttl_s);
		n++;
	}
	sort_and_cut(q->type, v, &n);
	r->rr = v;
	r->n = n;
	return seen;
}

/* RFC 2308 section 5: the lesser of the SOA's own TTL and its minimum; nothing to go by means not to keep it. */
static uint32_t
negative_ttl(const ldns_pkt *pkt)
{
	const ldns_rr_list *auth = ldns_pkt_authority(pkt);

	for (size_t i = 0; auth != NULL && i < ldns_rr_list_rr_count(auth); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(auth, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA)
			return min_ttl(min_ttl(ldns_rr_ttl(rr), rdf_num(rr, 6, 4)), MAX_NEGATIVE_TTL_S);
	}
	return 0;
}

/* RFC 7505: an MX record that names the root.  It should be the only one; whatever stands beside it, the domain says that it takes no
 * mail. */
static void
judge_root_mx(struct dns_reply *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rr[i].data[0] == '\0')
			r->status = DNS_NULLMX;
	if (r->status == DNS_NULLMX)
		r->n = 0;
}

static void
judge_records(const struct question *q, size_t seen, struct dns_reply *r)
{
	if (q->type == DNS_MX && r->n > 0)
		judge_root_mx(r);
	if (r->status == DNS_NULLMX)
		return;
	r->status = r->n > 0 ? DNS_OK : seen > 0 ? DNS_INVALID : DNS_NODATA;
}

static void
read_sections(const ldns_pkt *pkt, const struct question *q, struct pool *pool, struct packet_answer *a)
{
	const ldns_rr_list *rrs = ldns_pkt_answer(pkt);
	struct dns_reply *r = &a->reply;
	const char *name;

	r->ttl_s = MAX_TTL_S;
	r->is_secure = ldns_pkt_ad(pkt);
	if ((name = follow_aliases(rrs, q, pool, a)) == NULL) {
		reply_set(r, a->n_cnames > MAX_CNAMES ? DNS_LOOP : DNS_INVALID, 0);
		return;
	}
	if (a->rcode == LDNS_RCODE_NXDOMAIN) {
		reply_set(r, DNS_NXNAME, negative_ttl(pkt));
		return;
	}
	size_t seen = collect(rrs, q, name, pool, r);
	judge_records(q, seen, r);
	if (r->status != DNS_NODATA)
		return;
	uint32_t ttl = negative_ttl(pkt);
	/* Without an SOA record it is not "no such records" but "ask for them": what the alias is worth is its own life time. */
	if (a->n_cnames > 0 && ttl == 0)
		a->chase = name;
	else
		r->ttl_s = ttl;
}

static bool
is_same_question(const ldns_pkt *pkt, const struct question *q)
{
	const ldns_rr_list *list = ldns_pkt_question(pkt);
	const ldns_rr *rr;

	if (list == NULL || ldns_rr_list_rr_count(list) != 1)
		return false;
	rr = ldns_rr_list_rr(list, 0);
	return ldns_rr_get_type(rr) == (ldns_rr_type)q->type && is_owner(rr, q->name);
}

/* As the C library has it: another server, or this one later, may know more. */
static bool
is_temporary(int rcode)
{
	return rcode == LDNS_RCODE_SERVFAIL || rcode == LDNS_RCODE_NOTIMPL || rcode == LDNS_RCODE_REFUSED;
}

enum packet_verdict
packet_read(const uint8_t *wire, size_t n, const struct question *q, uint16_t id, struct pool *pool, struct packet_answer *a)
{
	AUTO(free_pkt) ldns_pkt *pkt = NULL;

	*a = (struct packet_answer){ .reply = { .status = DNS_TEMP, .cname = "" } };
	if (n < HEADER_SIZE || (wire[0] << 8 | wire[1]) != id || !(wire[2] & FLAG_QR) || wire[2] & OPCODE_MASK)
		return PACKET_FOREIGN;
	/* The question is checked too, but a cut or broken packet may not have got that far. */
	if (wire[2] & FLAG_TC)
		return PACKET_CUT;
	if (ldns_wire2pkt(&pkt, wire, n) != LDNS_STATUS_OK)
		return PACKET_MALFORMED;
	a->rcode = ldns_pkt_get_rcode(pkt);
	bool is_answer = a->rcode == LDNS_RCODE_NOERROR || a->rcode == LDNS_RCODE_NXDOMAIN;
	/* Servers that refuse may leave the question out. */
	if (!is_same_question(pkt, q) && (is_answer || ldns_pkt_qdcount(pkt) != 0))
		return PACKET_FOREIGN;
	if (is_answer)
		read_sections(pkt, q, pool, a);
	else
		reply_set(&a->reply, is_temporary(a->rcode) ? DNS_TEMP : DNS_REFUSED, 0);
	return PACKET_READ;
}
