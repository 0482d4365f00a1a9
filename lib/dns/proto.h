/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto - what the resolver and its clients say to each other
 *
 *	DNS_QUERY {name, type (once or more), flags}
 *	DNS_ANSWER {for each type asked, in the same order: an "TYPE STATUS SECURE TTL", cn (when there is an alias), rr ...}
 *
 * A record is one field: "TTL PREF WEIGHT PORT USAGE SELECTOR MTYPE OWNER DATA", data to the end.
 */
#ifndef DNS_PROTO_H
#define DNS_PROTO_H

#include "dns/dns.h"
#include "ipc/msg.h"

enum { DNS_QUERY = 0x500, DNS_ANSWER };
enum { DNS_MAX_TYPES = 4, DNS_DATA_MAX = 4096 };	/* types in one query; length of a record's data as text */

struct dns_query {
	const char *name;	/* borrowed from the message */
	enum dns_type types[DNS_MAX_TYPES];
	size_t n_types;
	int flags;
};

bool dns_type_is_known(int64_t t);
void dns_query_encode(struct msg *m, const struct dns_query *q);
NODISCARD int dns_query_decode(const struct msg *m, struct dns_query *q, struct err *err);

void dns_answer_begin(struct msg *m);
void dns_answer_encode(struct msg *m, enum dns_type type, const struct dns_reply *r);
/* out has room for q->n_types replies, in the order of q; texts are made here. */
NODISCARD int dns_answer_decode(const struct msg *m, const struct dns_query *q, struct pool *pool, struct dns_reply *out, struct err *err);

/* Fill dsn, reason and text by status. */
void dns_reply_texts(struct dns_reply *r, struct pool *pool, const char *name, enum dns_type type);

#endif
