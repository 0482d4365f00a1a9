/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto - queries and answers between the resolver and its clients, written and read
 */
#include "dns/proto.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"

bool
dns_type_is_known(int64_t t)
{
	return t > 0 && t < 65536 && strcmp(dns_type_name((enum dns_type)t), "?") != 0;
}

void
dns_query_encode(struct msg *m, const struct dns_query *q)
{
	msg_begin(m, DNS_QUERY);
	msg_str(m, "name", q->name);
	for (size_t i = 0; i < q->n_types; i++)
		msg_num(m, "type", q->types[i]);
	msg_num(m, "flags", q->flags);
}

int
dns_query_decode(const struct msg *m, struct dns_query *q, struct err *err)
{
	int64_t n;

	q->n_types = 0;
	if (m->type != DNS_QUERY)
		return err_set(err, ERR_PROTO, NULL, "DNS query: message type %u", m->type);
	if (msg_get_str(m, "name", &q->name, err) < 0 || msg_get_num(m, "flags", 0, 255, &n, err) < 0)
		return -1;
	q->flags = (int)n;
	for (size_t i = 0; i < m->n_fields; i++) {
		if (strcmp(m->fields[i].name, "type") != 0)
			continue;
		if (num_parse_i64(m->fields[i].value, 1, 65535, &n) < 0 || !dns_type_is_known(n) || q->n_types == DNS_MAX_TYPES)
			return err_set(err, ERR_PROTO, NULL, "DNS query: bad type %s", m->fields[i].value);
		q->types[q->n_types++] = (enum dns_type)n;
	}
	return q->n_types > 0 ? 0 : err_set(err, ERR_PROTO, NULL, "DNS query without a type");
}

void
dns_answer_begin(struct msg *m)
{
	msg_begin(m, DNS_ANSWER);
}

void
dns_answer_encode(struct msg *m, enum dns_type type, const struct dns_reply *r)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(DNS_DATA_MAX + 1024);

	strbuf_addf(&b, "%d %d %d %u", (int)type, (int)r->status, r->is_secure, r->ttl_s);
	msg_str(m, "an", b.s);
	if (r->cname[0] != '\0')
		msg_str(m, "cn", r->cname);
	for (size_t i = 0; i < r->n && i < DNS_MAX_RECORDS; i++) {
		const struct dns_rr *rr = &r->rr[i];

		strbuf_reset(&b);
		strbuf_addf(&b, "%u %u %u %u %u %u %u %s %s", rr->ttl_s, rr->pref, rr->weight, rr->port, rr->usage, rr->selector,
		    rr->mtype, rr->owner, rr->data);
		if (!b.overflow)
			msg_str(m, "rr", b.s);
	}
}

/* Take one number and the blank behind it from *p. */
static int
take_num(const char **p, uint64_t max, uint64_t *out)
{
	char buf[24];
	size_t n = strcspn(*p, " ");

	if (n == 0 || n >= sizeof(buf))
		return -1;
	memcpy(buf, *p, n);
	buf[n] = '\0';
	*p += n;
	if (**p == ' ')
		++*p;
	return num_parse_u64(buf, 0, max, out);
}

static int
decode_head(const char *v, enum dns_type want, struct dns_reply *r)
{
	uint64_t type, status, secure, ttl;

	if (take_num(&v, 65535, &type) < 0 || take_num(&v, DNS_LOOP, &status) < 0 || take_num(&v, 1, &secure) < 0 ||
	    take_num(&v, UINT32_MAX, &ttl) < 0 || type != want)
		return -1;
	r->status = (enum dns_status)status;
	r->is_secure = secure != 0;
	r->ttl_s = (uint32_t)ttl;
	return 0;
}

static int
decode_rr(const char *v, enum dns_type type, struct pool *pool, struct dns_rr *rr)
{
	uint64_t n[7];
	static const uint64_t max[7] = { UINT32_MAX, 65535, 65535, 65535, 255, 255, 255 };

	for (size_t i = 0; i < COUNT_OF(n); i++)
		if (take_num(&v, max[i], &n[i]) < 0)
			return -1;
	size_t owner = strcspn(v, " ");
	if (v[owner] != ' ' || owner >= DNS_NAME_SIZE)
		return -1;
	*rr = (struct dns_rr){ .type = type, .ttl_s = (uint32_t)n[0], .pref = (uint16_t)n[1], .weight = (uint16_t)n[2],
		.port = (uint16_t)n[3], .usage = (uint8_t)n[4], .selector = (uint8_t)n[5], .mtype = (uint8_t)n[6],
		.owner = pool_strndup(pool, v, owner), .data = pool_strdup(pool, v + owner + 1) };
	if (type == DNS_A || type == DNS_AAAA)
		return inet_pton(type == DNS_A ? AF_INET : AF_INET6, rr->data, rr->addr) == 1 ? 0 : -1;
	return strlen(rr->data) <= DNS_DATA_MAX ? 0 : -1;
}

/* The fields of one answer begin at m->fields[at]; returns where they end, or 0 when they are no answer. */
static size_t
decode_one(const struct msg *m, size_t at, enum dns_type type, struct pool *pool, struct dns_reply *r)
{
	struct dns_rr *rr;
	size_t end = at + 1;

	*r = (struct dns_reply){ .cname = "" };
	if (decode_head(m->fields[at].value, type, r) < 0)
		return 0;
	while (end < m->n_fields && strcmp(m->fields[end].name, "an") != 0)
		end++;
	r->rr = rr = pool_alloc_array(pool, DNS_MAX_RECORDS < end - at ? DNS_MAX_RECORDS : end - at, sizeof(*rr));
	for (size_t i = at + 1; i < end; i++) {
		const struct msg_field *f = &m->fields[i];

		if (strcmp(f->name, "cn") == 0)
			r->cname = pool_strdup(pool, f->value);
		else if (strcmp(f->name, "rr") == 0 && r->n < DNS_MAX_RECORDS) {
			if (decode_rr(f->value, type, pool, &rr[r->n]) < 0)
				return 0;
			r->n++;
		}
	}
	return r->n > 0 || r->status != DNS_OK ? end : 0;
}

int
dns_answer_decode(const struct msg *m, const struct dns_query *q, struct pool *pool, struct dns_reply *out, struct err *err)
{
	size_t at = 0;

	if (m->type != DNS_ANSWER)
		return err_set(err, ERR_PROTO, NULL, "resolver: message type %u", m->type);
	for (size_t i = 0; i < q->n_types; i++) {
		while (at < m->n_fields && strcmp(m->fields[at].name, "an") != 0)
			at++;
		if (at >= m->n_fields || (at = decode_one(m, at, q->types[i], pool, &out[i])) == 0)
			return err_set(err, ERR_PROTO, NULL, "resolver: malformed answer");
		dns_reply_texts(&out[i], pool, q->name, q->types[i]);
	}
	return 0;
}

static const struct {
	const char *dsn, *reason;
} status_texts[] = {
	[DNS_OK] = { "", "" },
	[DNS_NXNAME] = { "5.4.4", "Host not found" },
	[DNS_NODATA] = { "5.4.4", "Host found but no data record of requested type" },
	[DNS_NULLMX] = { "5.1.0", "Domain does not accept mail" },
	[DNS_INVALID] = { "5.4.4", "Malformed or unexpected name server reply" },
	[DNS_TEMP] = { "4.4.3", "Host not found, try again" },
	[DNS_REFUSED] = { "4.4.3", "Non-recoverable error" },
	[DNS_LOOP] = { "5.4.4", "Name server loop" },
};

void
dns_reply_texts(struct dns_reply *r, struct pool *pool, const char *name, enum dns_type type)
{
	const char *why = status_texts[r->status].reason;

	r->dsn = status_texts[r->status].dsn;
	if (r->reason == NULL)
		r->reason = why;
	if (r->text != NULL)
		return;
	if (r->status == DNS_OK)
		r->text = "";
	else if (r->status == DNS_NULLMX)
		r->text = pool_printf(pool, "Domain %s does not accept mail (nullMX)", name);
	else if (r->status == DNS_LOOP)
		r->text = pool_printf(pool, "Name server loop for %s", name);
	else if (r->status == DNS_INVALID)
		r->text = pool_printf(pool, "Name service error for name=%s type=%s: %s", name, dns_type_name(type), why);
	else
		r->text = pool_printf(pool, "Host or domain name not found. Name service error for name=%s type=%s: %s", name,
		    dns_type_name(type), why);
}
