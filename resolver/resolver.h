/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - all name look-ups of the suite: a stub resolver with one cache
 *
 * From top to bottom: serve.c takes requests; local.c answers what needs no server (hosts file, localhost); cache.c keeps answers and
 * makes one query of equal questions; exchange.c asks the servers of resolv.conf (servers.c) over UDP and TCP; packet.c builds
 * and reads packets by ldns.  All of it works on one struct resolver, so that tests have as many as they like.
 */
#ifndef RESOLVER_RESOLVER_H
#define RESOLVER_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"
#include "dns/proto.h"
#include "task/task.h"

enum {
	MAX_SERVERS = 3,		/* as the C library */
	MAX_CNAMES = 10,		/* length of an alias chain */
	MAX_PENDING = 1000,		/* queries in flight */
	MAX_ENTRIES = 50000,		/* answers kept */
	MAX_CACHE_BYTES = 32 << 20,
	MAX_TTL_S = 86400, MAX_NEGATIVE_TTL_S = 900,
	FAILURE_TTL_MS = 1000,		/* RFC 9520 section 3.2: not less */
	QUERY_LIMIT_MS = 60 * 1000,	/* all attempts of one question together */
	UDP_SIZE = 1232,		/* EDNS buffer size that does not fragment */
};

/* ---- servers.c: resolv.conf */
struct server {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	uint64_t failed_at_ms;		/* last time-out or refusal; 0: none */
	bool no_edns;
};
struct servers {
	struct server v[MAX_SERVERS];
	size_t n;
	uint64_t timeout_ms;
	unsigned attempts;
	bool rotate, trust_ad, use_tcp;
};
/* A text without a usable name server means 127.0.0.1, as in the C library.  port: 53 but for tests. */
void servers_parse(struct servers *s, char *text, uint16_t port);
void server_print(const struct server *s, char *out, size_t size);

/* ---- hosts.c: the hosts file */
struct hosts;
NODISCARD struct hosts *hosts_parse(char *text);
void hosts_free(struct hosts **hp);
/* True when the file knows the name (or, for PTR, the reverse name); r may then still be DNS_NODATA. */
bool hosts_lookup(const struct hosts *h, const char *name, enum dns_type type, struct pool *pool, struct dns_reply *r);

/* ---- packet.c */
struct question {
	const char *name;	/* lower case, no dot at the end */
	enum dns_type type;
};
enum packet_verdict {
	PACKET_FOREIGN,		/* not an answer to this question: wait for another */
	PACKET_MALFORMED,	/* the answer cannot be read */
	PACKET_CUT,		/* TC bit: ask over TCP */
	PACKET_READ,
};
struct packet_answer {
	int rcode;
	struct dns_reply reply;	/* status by rcode and records; strings belong to the pool */
	const char *chase;	/* the alias chain ends in this name, of which the answer says nothing; else NULL */
	unsigned n_cnames;
};
/* Length of the packet, or 0 when the name does not fit. */
size_t packet_query(const struct question *q, uint16_t id, bool edns, bool want_ad, uint8_t *out, size_t size);
enum packet_verdict packet_read(const uint8_t *wire, size_t n, const struct question *q, uint16_t id, struct pool *pool,
    struct packet_answer *a);

/* ---- the whole */
struct watched_file {
	const char *path;
	struct stat st;		/* as it was when last read */
	bool was_read;
};
struct resolver {
	struct watched_file resolv_conf, hosts_file;
	uint16_t port;
	uint64_t checked_ms, warned_ms;
	bool is_reading;
	struct servers servers;
	struct hosts *hosts;
	struct map *questions;	/* "TYPE/name" to struct entry */
	struct list by_use;	/* answered entries, the one longest unused first */
	size_t n_bytes;
	unsigned n_pending;
	unsigned next_server;	/* rotate */
};
NODISCARD struct resolver *resolver_new(const char *resolv_conf, const char *hosts_file, uint16_t port);
void resolver_free(struct resolver **rp);	/* no query may be pending */
/* Read resolv.conf and the hosts file again when they changed; looks at most once a second. */
void resolver_refresh(struct resolver *r) MAY_WAIT;

/* exchange.c: one question to the servers, without alias chasing, until end_ms at most.  reply->status is DNS_TEMP when nobody answered. */
void exchange(struct resolver *r, const struct question *q, uint64_t end_ms, struct pool *pool, struct packet_answer *a) MAY_WAIT;

/* cache.c: an answer that is kept or being asked for; hold it while using it. */
struct entry;
struct entry *cache_get(struct resolver *r, const char *name, enum dns_type type);	/* starts a query when needed; NULL: too many */
const struct dns_reply *entry_wait(struct entry *e) MAY_WAIT;	/* NULL: cancelled */
void entry_put(struct resolver *r, struct entry **ep);
void cache_clear(struct resolver *r);
/* Answers without records that live as long as the program. */
void reply_set(struct dns_reply *r, enum dns_status status, uint32_t ttl_s);

/* local.c: true when no server needs to be asked. */
bool local_lookup(const struct resolver *r, const char *name, enum dns_type type, int flags, struct pool *pool, struct dns_reply *out);

/* serve.c: ipc_handler_fn; arg is the resolver. */
void resolver_handle(void *arg, struct msg *request, struct msg *reply) MAY_WAIT;

#endif
