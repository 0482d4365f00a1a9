/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - the side of the resolver's clients
 */
#include "dns/dns.h"

#include <string.h>

#include "address/host.h"
#include "base/mem.h"
#include "dns/proto.h"

/* The resolver itself gives up after a minute at most. */
enum { CALL_TIMEOUT_MS = 90 * 1000 };

struct dns {
	struct ipc_mux *mux;
};

struct dns *
dns_new(ipc_connect_fn *connect, void *arg)
{
	struct dns *d = NEW(struct dns);

	d->mux = ipc_mux_new(connect, arg);
	return d;
}

void
dns_free(struct dns **dp)
{
	if (*dp == NULL)
		return;
	ipc_mux_free(&(*dp)->mux);
	mem_free(dp);
}

static void
fail(struct dns_reply *r, struct pool *pool, const struct dns_query *q, enum dns_type type, const char *reason)
{
	*r = (struct dns_reply){ .status = DNS_TEMP, .cname = "", .rr = NULL };
	dns_reply_texts(r, pool, q->name, type);
	r->text = pool_printf(pool, "%s (%s)", r->text, reason);
}

/* All types of q in one request; out has a reply for each. */
static void
ask(struct dns *d, struct pool *pool, const struct dns_query *q, struct dns_reply *out)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	AUTO(msg_done) struct msg reply = MSG_INIT;
	struct err err = ERR_INIT;

	dns_query_encode(&m, q);
	if (ipc_mux_call(d->mux, &m, &reply, CALL_TIMEOUT_MS, &err) < 0 || dns_answer_decode(&reply, q, pool, out, &err) < 0)
		for (size_t i = 0; i < q->n_types; i++)
			fail(&out[i], pool, q, q->types[i], err.text);
}

/* The name as it is asked for: without the dot at the end.  NULL: not a name. */
static const char *
usable_name(struct pool *pool, const char *name)
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n == 0 || n >= DNS_NAME_SIZE)
		return NULL;
	char *s = pool_strndup(pool, name, n);
	return host_is_name(s, NULL) ? s : NULL;
}

static void
set_invalid(struct dns_reply *r, struct pool *pool, const char *name, enum dns_type type)
{
	*r = (struct dns_reply){ .status = DNS_INVALID, .cname = "", .reason = "invalid host or domain name",
		.text = pool_printf(pool, "Name service error for %.255s: invalid host or domain name", name) };
	dns_reply_texts(r, pool, name, type);
}

const struct dns_reply *
dns_lookup(struct dns *d, struct pool *pool, const char *name, enum dns_type type, int flags)
{
	struct dns_query q = { .name = usable_name(pool, name), .types = { type }, .n_types = 1, .flags = flags };
	struct dns_reply *r = pool_alloc(pool, sizeof(*r));

	if (q.name == NULL)
		set_invalid(r, pool, name, type);
	else
		ask(d, pool, &q, r);
	return r;
}

/* Which of two failures to tell: the one that may go away; the later when they are alike. */
static int
severity(const struct dns_reply *r)
{
	static const int rank[] = { [DNS_OK] = 9, [DNS_TEMP] = 6, [DNS_REFUSED] = 5, [DNS_LOOP] = 4, [DNS_INVALID] = 3, [DNS_NODATA] = 2, [DNS_NXNAME] = 1 };

	return rank[r->status];
}

static const struct dns_reply *
merge(struct pool *pool, const struct dns_reply *a, const struct dns_reply *b)
{
	if (a->status != DNS_OK || b->status != DNS_OK)
		return severity(a) > severity(b) ? a : b;
	struct dns_reply *r = pool_alloc(pool, sizeof(*r));
	struct dns_rr *rr = pool_alloc_array(pool, a->n + b->n, sizeof(*rr));

	memcpy(rr, a->rr, a->n * sizeof(*rr));
	memcpy(rr + a->n, b->rr, b->n * sizeof(*rr));
	*r = *a;
	r->rr = rr;
	r->n = a->n + b->n;
	r->is_secure = a->is_secure && b->is_secure;
	r->ttl_s = a->ttl_s < b->ttl_s ? a->ttl_s : b->ttl_s;
	return r;
}

const struct dns_reply *
dns_addrs(struct dns *d, struct pool *pool, const char *name, int want, int flags)
{
	struct dns_query q = { .name = usable_name(pool, name), .n_types = 0, .flags = flags };
	struct dns_reply *r = pool_alloc_array(pool, 2, sizeof(*r));

	if (want & DNS_WANT_A || want == 0)
		q.types[q.n_types++] = DNS_A;
	if (want & DNS_WANT_AAAA)
		q.types[q.n_types++] = DNS_AAAA;
	if (q.name == NULL) {
		set_invalid(r, pool, name, q.types[0]);
		return r;
	}
	ask(d, pool, &q, r);
	return q.n_types == 1 ? r : merge(pool, &r[0], &r[1]);
}
