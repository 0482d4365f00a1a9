/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange - put one question to the name servers: UDP from a port and with an id of its own, TCP when the answer was cut
 *
 * Each attempt goes through all servers, those that failed lately last; each further attempt waits twice as long.
 */
#include "resolver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"
#include "task/stream.h"

enum { AVOID_MS = 30 * 1000, UDP_BUFFER = 4096, WARN_EVERY_MS = 60 * 1000, QUERY_SIZE = 512 };

/* What came of asking one server once. */
enum result { GOT_ANSWER, GOT_CUT, GOT_RUBBISH, GOT_NOTHING };

struct attempt {
	const struct question *q;
	struct pool *pool;
	struct packet_answer *a;
	uint8_t query[QUERY_SIZE];
	size_t query_len;
	uint16_t id;
	uint64_t deadline_ms;
};

static int
attempt_init(struct attempt *t, const struct server *s, bool want_ad)
{
	if (getrandom(&t->id, sizeof(t->id), 0) != (ssize_t)sizeof(t->id))
		return -1;
	t->query_len = packet_query(t->q, t->id, !s->no_edns, want_ad, t->query, sizeof(t->query));
	return t->query_len > 0 ? 0 : -1;
}

static enum result
by_verdict(enum packet_verdict v)
{
	return v == PACKET_CUT ? GOT_CUT : v == PACKET_READ ? GOT_ANSWER : GOT_RUBBISH;
}

/* Wait on a connected socket for the packet that answers; others are passed over until time is up. */
static enum result
udp_wait(struct attempt *t, int fd, uint8_t *buf)
{
	for (;;) {
		ssize_t n = recv(fd, buf, UDP_BUFFER, MSG_DONTWAIT);

		if (n >= 0) {
			enum packet_verdict v = packet_read(buf, (size_t)n, t->q, t->id, t->pool, t->a);
			if (v != PACKET_FOREIGN)
				return by_verdict(v);
		} else if (errno != EAGAIN && errno != EINTR)
			return GOT_NOTHING;
		else if (task_wait_fd(fd, true, false, t->deadline_ms, NULL) < 0)
			return GOT_NOTHING;
	}
}

static enum result
ask_udp(struct attempt *t, const struct server *s)
{
	AUTO(mem_free) uint8_t *buf = NULL;
	enum result res = GOT_NOTHING;
	int fd = socket(s->addr.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return GOT_NOTHING;
	buf = mem_alloc(UDP_BUFFER);
	/* The kernel chooses a random port; packets of other senders are dropped by it. */
	if (connect(fd, (const struct sockaddr *)&s->addr, s->addr_len) == 0 &&	/* may block: not a datagram socket */
	    send(fd, t->query, t->query_len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)t->query_len)
		res = udp_wait(t, fd, buf);
	task_forget_fd(fd);
	close(fd);
	return res;
}

static void
stream_drop(struct stream **sp)
{
	if (*sp != NULL)
		stream_free(sp);
}

/* RFC 7766: two bytes of length before each message. */
static enum result
ask_tcp(struct attempt *t, const struct server *s)
{
	AUTO(stream_drop) struct stream *st = NULL;
	AUTO(mem_free) uint8_t *buf = NULL;
	uint8_t len[2] = { (uint8_t)(t->query_len >> 8), (uint8_t)t->query_len };
	int fd = stream_connect_tcp((const struct sockaddr *)&s->addr, s->addr_len, NULL, 0, t->deadline_ms, NULL);

	if (fd < 0 || (st = stream_new(fd, 4096, 1024)) == NULL)
		return GOT_NOTHING;
	stream_set_deadline(st, t->deadline_ms);
	if (stream_write(st, len, 2, NULL) < 0 || stream_write(st, t->query, t->query_len, NULL) < 0 || stream_flush(st, NULL) < 0 ||
	    stream_read_exact(st, len, 2, NULL) != 1)
		return GOT_NOTHING;
	size_t n = (size_t)len[0] << 8 | len[1];
	buf = mem_alloc(n + 1);
	if (stream_read_exact(st, buf, n, NULL) != 1)
		return GOT_NOTHING;
	enum packet_verdict v = packet_read(buf, n, t->q, t->id, t->pool, t->a);
	return v == PACKET_READ ? GOT_ANSWER : GOT_RUBBISH;
}

static bool
is_edns_trouble(const struct packet_answer *a)
{
	return a->rcode == 1 || a->rcode == 4;	/* FORMERR, NOTIMP: RFC 6891 section 7 */
}

/* s and how are copies: the list may be read anew while we wait. */
static enum result
ask_server(struct attempt *t, struct server *s, const struct servers *how, uint64_t timeout_ms)
{
	enum result res = GOT_CUT;

	for (int edns_try = 0; edns_try < 2; edns_try++) {
		if (attempt_init(t, s, how->trust_ad) < 0)
			return GOT_NOTHING;
		t->deadline_ms = task_now_ms() + timeout_ms;
		if (!how->use_tcp)
			res = ask_udp(t, s);
		if (res == GOT_CUT) {
			t->deadline_ms = task_now_ms() + timeout_ms;
			res = ask_tcp(t, s);
		}
		if (res != GOT_ANSWER || s->no_edns || !is_edns_trouble(t->a))
			break;
		s->no_edns = true;
	}
	return res;
}

static struct server *
find_server(struct resolver *r, const struct server *s)
{
	for (size_t i = 0; i < r->servers.n; i++)
		if (r->servers.v[i].addr_len == s->addr_len && memcmp(&r->servers.v[i].addr, &s->addr, s->addr_len) == 0)
			return &r->servers.v[i];
	return NULL;
}

/* Remember what was learned of a server, if it is still one. */
static void
note_server(struct resolver *r, const struct server *s, bool is_well)
{
	struct server *now = find_server(r, s);

	if (now == NULL)
		return;
	now->failed_at_ms = is_well ? 0 : task_now_ms();
	now->no_edns = s->no_edns;
}

/* Order in which to ask: as configured (or rotated), those that failed a short while ago last. */
static size_t
order_servers(struct resolver *r, struct servers *copy, struct server *out[MAX_SERVERS])
{
	uint64_t now = task_now_ms();
	size_t n = 0, first = 0;

	*copy = r->servers;
	if (copy->rotate)
		first = r->next_server++ % copy->n;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < copy->n; i++) {
			struct server *s = &copy->v[(first + i) % copy->n];
			bool is_avoided = s->failed_at_ms != 0 && now - s->failed_at_ms < AVOID_MS;
			if (is_avoided == (pass == 1))
				out[n++] = s;
		}
	return n;
}

static void
warn_silent(struct resolver *r)
{
	char buf[64];
	uint64_t now = task_now_ms();

	if (r->warned_ms != 0 && now - r->warned_ms < WARN_EVERY_MS)
		return;
	r->warned_ms = now;
	for (size_t i = 0; i < r->servers.n; i++) {
		server_print(&r->servers.v[i], buf, sizeof(buf));
		log_warning("name server %s does not answer", buf);
	}
}

/* One round through the servers: true when the question is answered for good. *n_silent counts those that said nothing of use. */
static bool
ask_round(struct resolver *r, struct attempt *t, struct server **list, size_t n, const struct servers *how, uint64_t timeout_ms,
    uint64_t end_ms, struct packet_answer *best, unsigned *n_silent)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t now = task_now_ms();

		if (now >= end_ms || task_is_cancelled())
			return false;
		enum result res = ask_server(t, list[i], how, timeout_ms < end_ms - now ? timeout_ms : end_ms - now);
		note_server(r, list[i], res == GOT_ANSWER);
		if (res != GOT_ANSWER) {
			++*n_silent;
			continue;
		}
		*best = *t->a;
		if (best->reply.status != DNS_TEMP && best->reply.status != DNS_REFUSED)
			return true;
	}
	return false;
}

void
exchange(struct resolver *r, const struct question *q, uint64_t end_ms, struct pool *pool, struct packet_answer *a)
{
	struct packet_answer last;
	struct attempt t = { .q = q, .pool = pool, .a = &last };
	struct server *list[MAX_SERVERS];
	struct servers copy;
	size_t n = order_servers(r, &copy, list);

	*a = (struct packet_answer){ .reply = { .status = DNS_TEMP, .cname = "" } };
	for (unsigned i = 0; i < copy.attempts; i++) {
		unsigned n_silent = 0;

		if (ask_round(r, &t, list, n, &copy, copy.timeout_ms << i, end_ms, a, &n_silent))
			break;
		if (n_silent == n && i + 1 == copy.attempts)
			warn_silent(r);
		if (n_silent == 0)
			break;	/* all of them say that they cannot tell: no use to ask the same again */
	}
	if (!copy.trust_ad)
		a->reply.is_secure = false;
}
