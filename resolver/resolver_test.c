/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver_test - the resolver against a name server of its own, over UDP and TCP, honest and not
 */
#include "resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dns/dns.h"
#include "task/stream.h"
#include "task/task.h"

/* ---- packets by hand */
struct wire {
	uint8_t b[65536];
	size_t n;
};

static void
w8(struct wire *w, unsigned v)
{
	w->b[w->n++] = (uint8_t)v;
}

static void
w16(struct wire *w, unsigned v)
{
	w8(w, v >> 8);
	w8(w, v);
}

static void
wname(struct wire *w, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		w8(w, (unsigned)n);
		memcpy(w->b + w->n, name, n);
		w->n += n;
		name += n + (name[n] == '.');
	}
	w8(w, 0);
}

static void
whead(struct wire *w, unsigned id, unsigned flags, unsigned qd, unsigned an, unsigned ns)
{
	w->n = 0;
	w16(w, id);
	w16(w, flags);
	w16(w, qd);
	w16(w, an);
	w16(w, ns);
	w16(w, 0);
}

static void
wquestion(struct wire *w, const char *name, unsigned type)
{
	wname(w, name);
	w16(w, type);
	w16(w, 1);
}

static size_t
wrr(struct wire *w, const char *owner, unsigned type, unsigned ttl)
{
	wname(w, owner);
	w16(w, type);
	w16(w, 1);
	w16(w, ttl >> 16);
	w16(w, ttl);
	w16(w, 0);
	return w->n;
}

static void
wend(struct wire *w, size_t at)
{
	size_t len = w->n - at;

	w->b[at - 2] = (uint8_t)(len >> 8);
	w->b[at - 1] = (uint8_t)len;
}

static void
wa(struct wire *w, const char *owner, unsigned ttl, unsigned last)
{
	size_t at = wrr(w, owner, DNS_A, ttl);

	w8(w, 192), w8(w, 0), w8(w, 2), w8(w, last);
	wend(w, at);
}

static void
whost(struct wire *w, const char *owner, unsigned type, unsigned ttl, int pref, const char *host)
{
	size_t at = wrr(w, owner, type, ttl);

	if (pref >= 0)
		w16(w, (unsigned)pref);
	wname(w, host);
	wend(w, at);
}

static void
wsoa(struct wire *w, unsigned ttl, unsigned minimum)
{
	size_t at = wrr(w, "test", 6, ttl);

	wname(w, "ns.test");
	wname(w, "root.test");
	for (int i = 0; i < 4; i++)
		w16(w, 0), w16(w, 1);
	w16(w, minimum >> 16), w16(w, minimum);
	wend(w, at);
}

/* ---- the name server */
struct fake {
	struct resolver *r;
	int udp, tcp;
	uint16_t port;
	unsigned n_udp, n_tcp;
	struct wire w;
	bool is_tcp;
};

/* The question's name in a packet, dots between labels. */
static void
read_question(const uint8_t *q, size_t n, char *name, unsigned *type)
{
	size_t at = 12, o = 0;

	while (at < n && q[at] != 0) {
		if (o > 0)
			name[o++] = '.';
		memcpy(name + o, q + at + 1, q[at]);
		o += q[at];
		at += q[at] + 1u;
	}
	name[o] = '\0';
	*type = (unsigned)(q[at + 1] << 8 | q[at + 2]);
}

static void
fake_answer(struct fake *f, const uint8_t *q, size_t n)
{
	struct wire *w = &f->w;
	char name[300];
	unsigned type, id = (unsigned)(q[0] << 8 | q[1]);

	read_question(q, n, name, &type);
	whead(w, id, 0x8180, 1, 1, 0);
	wquestion(w, name, type);
	if (strcmp(name, "host.test") == 0 && type == DNS_A)
		wa(w, name, 60, 7);
	else if (strcmp(name, "short.test") == 0 && type == DNS_A)
		wa(w, name, 0, 8);
	else if (strcmp(name, "alias.test") == 0) {
		whost(w, name, DNS_CNAME, 60, -1, "host.test");	/* the target must be asked for */
	} else if (strcmp(name, "loop.test") == 0) {
		whost(w, name, DNS_CNAME, 60, -1, "loop2.test");
	} else if (strcmp(name, "loop2.test") == 0) {
		whost(w, name, DNS_CNAME, 60, -1, "loop.test");
	} else if (strcmp(name, "mx.test") == 0 && type == DNS_MX) {
		whead(w, id, 0x8180, 1, 4, 0);
		wquestion(w, name, type);
		whost(w, name, DNS_MX, 60, 20, "b.test");
		whost(w, name, DNS_MX, 60, 10, "a.test");
		whost(w, name, DNS_MX, 60, 20, "c.test");
		whost(w, name, DNS_MX, 60, 5, "1.2.3.4");
	} else if (strcmp(name, "null.test") == 0 && type == DNS_MX)
		whost(w, name, DNS_MX, 60, 0, "");
	else if (strcmp(name, "big.test") == 0 && !f->is_tcp)
		whead(w, id, 0x8380, 1, 0, 0), wquestion(w, name, type);
	else if (strcmp(name, "big.test") == 0) {
		whead(w, id, 0x8180, 1, 400, 0);
		wquestion(w, name, type);
		for (int i = 0; i < 400; i++)
			whost(w, name, DNS_MX, 60, 1000 - i, "x.test");
	} else if (strcmp(name, "fail.test") == 0)
		whead(w, id, 0x8182, 1, 0, 0), wquestion(w, name, type);
	else if (strcmp(name, "refuse.test") == 0)
		whead(w, id, 0x8185, 0, 0, 0);
	else if (strcmp(name, "silent.test") == 0)
		w->n = 0;
	else if (strcmp(name, "cut.test") == 0)
		wa(w, name, 60, 1), w->n -= 3;
	else if (strcmp(name, "pointer.test") == 0)
		w8(w, 0xc0), w8(w, (unsigned)w->n - 1), w16(w, 1), w16(w, 1), w16(w, 0), w16(w, 60), w16(w, 4), w16(w, 0), w16(w, 0);
	else if (strcmp(name, "wrongid.test") == 0)
		wa(w, name, 60, 1), w->b[0] ^= 1;
	else if (strcmp(name, "other.test") == 0)
		whead(w, id, 0x8180, 1, 1, 0), wquestion(w, "elsewhere.test", type), wa(w, "elsewhere.test", 60, 1);
	else if (strcmp(name, "nodata.test") == 0)
		whead(w, id, 0x8180, 1, 0, 1), wquestion(w, name, type), wsoa(w, 60, 30);
	else if (strcmp(name, "nosoa.test") == 0)
		whead(w, id, 0x8183, 1, 0, 0), wquestion(w, name, type);
	else if (strcmp(name, "7.2.0.192.in-addr.arpa") == 0)
		whost(w, name, DNS_PTR, 60, -1, "host.test");
	else if (strcmp(name, "8.2.0.192.in-addr.arpa") == 0)
		whost(w, name, DNS_PTR, 60, -1, "host.test");
	else if (strcmp(name, "9.2.0.192.in-addr.arpa") == 0)
		whost(w, name, DNS_PTR, 60, -1, "gone.test");
	else
		whead(w, id, 0x8183, 1, 0, 1), wquestion(w, name, type), wsoa(w, 60, 30);
}

static void
fake_udp(void *arg)
{
	struct fake *f = arg;
	uint8_t q[2048];

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(f->udp, q, sizeof(q), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

		if (n < 0) {
			if (task_wait_fd(f->udp, true, false, TASK_FOREVER, NULL) < 0)
				break;
			continue;
		}
		f->n_udp++;
		f->is_tcp = false;
		fake_answer(f, q, (size_t)n);
		if (f->w.n > 0)
			(void)!sendto(f->udp, f->w.b, f->w.n, 0, (struct sockaddr *)&from, len);
	}
}

static void
fake_tcp(void *arg)
{
	struct fake *f = arg;
	uint8_t q[2048], len[2];

	while (task_wait_fd(f->tcp, true, false, TASK_FOREVER, NULL) == 0) {
		int fd = accept4(f->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		struct stream *s = stream_new(fd, 4096, 4096);
		if (stream_read_exact(s, len, 2, NULL) == 1) {
			size_t n = (size_t)len[0] << 8 | len[1];
			if (n <= sizeof(q) && stream_read_exact(s, q, n, NULL) == 1) {
				f->n_tcp++;
				f->is_tcp = true;
				fake_answer(f, q, n);
				len[0] = (uint8_t)(f->w.n >> 8);
				len[1] = (uint8_t)f->w.n;
				(void)!stream_write(s, len, 2, NULL);
				(void)!stream_write(s, f->w.b, f->w.n, NULL);
				(void)!stream_flush(s, NULL);
			}
		}
		stream_free(&s);
	}
}

static void
fake_open(struct fake *f)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	f->tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	for (int i = 0; ; i++) {	/* a port that is free for both */
		f->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		sin.sin_port = 0;
		assert_int_equal(bind(f->udp, (struct sockaddr *)&sin, sizeof(sin)), 0);
		assert_int_equal(getsockname(f->udp, (struct sockaddr *)&sin, &len), 0);
		if (bind(f->tcp, (struct sockaddr *)&sin, sizeof(sin)) == 0)
			break;
		assert_true(i < 50);
		close(f->udp);
	}
	f->port = ntohs(sin.sin_port);
	assert_int_equal(listen(f->tcp, 5), 0);
}

/* ---- a resolver with a client, in one process */
static char conf_path[] = "/tmp/resolv.XXXXXX", hosts_path[] = "/tmp/hosts.XXXXXX";
static struct fake *fake;
static struct dns *dns;

static void
write_file(const char *path, const char *text)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	fputs(text, fp);
	fclose(fp);
}

static void
serve(void *arg)
{
	struct stream *s = arg;

	ipc_mux_serve(s, resolver_handle, fake->r, 100);
	stream_free(&s);
}

static int
connect_pair(void *arg, struct err *err)
{
	int fd[2];

	(void)arg;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0)
		return err_sys(err, "socketpair");
	task_start("serve", serve, stream_new(fd[1], 4096, 4096));
	return fd[0];
}

static void (*body)(struct pool *pool);

static void
run(void *arg)
{
	AUTO(pool_free) struct pool *pool = pool_new(1000);

	(void)arg;
	fake = NEW(struct fake);
	fake_open(fake);
	task_start("udp", fake_udp, fake);
	task_start("tcp", fake_tcp, fake);
	fake->r = resolver_new(conf_path, hosts_path, fake->port);
	resolver_refresh(fake->r);
	dns = dns_new(connect_pair, NULL);
	body(pool);
	dns_free(&dns);
	task_stop(100);
}

static void
with_server(const char *resolv_conf, const char *hosts, void (*fn)(struct pool *pool))
{
	write_file(conf_path, resolv_conf);
	write_file(hosts_path, hosts);
	body = fn;
	task_main("test", run, NULL);
	resolver_free(&fake->r);
	close(fake->udp);
	close(fake->tcp);
	mem_free(&fake);
}

static const struct dns_reply *
ask(struct pool *pool, const char *name, enum dns_type type)
{
	return dns_lookup(dns, pool, name, type, 0);
}

/* ---- */
static void
ask_plain(struct pool *pool)
{
	const struct dns_reply *r = ask(pool, "Host.TEST.", DNS_A);

	assert_int_equal(r->status, DNS_OK);
	assert_int_equal(r->n, 1);
	assert_string_equal(r->rr[0].data, "192.0.2.7");
	assert_int_equal(r->rr[0].addr[3], 7);
	assert_string_equal(r->dsn, "");
	assert_int_equal(fake->n_udp, 1);
	r = ask(pool, "host.test", DNS_A);	/* from the cache */
	assert_int_equal(fake->n_udp, 1);
	assert_int_equal(ask(pool, "short.test", DNS_A)->status, DNS_OK);
	assert_int_equal(ask(pool, "short.test", DNS_A)->status, DNS_OK);
	assert_int_equal(fake->n_udp, 3);	/* TTL 0 is not kept */
	r = ask(pool, "nx.test", DNS_A);
	assert_int_equal(r->status, DNS_NXNAME);
	assert_string_equal(r->dsn, "5.4.4");
	assert_string_equal(r->text, "Host or domain name not found. Name service error for name=nx.test type=A: Host not found");
	assert_int_equal(r->ttl_s, 30);
	assert_int_equal(ask(pool, "nx.test", DNS_A)->status, DNS_NXNAME);
	assert_int_equal(fake->n_udp, 4);
	assert_int_equal(ask(pool, "nosoa.test", DNS_A)->status, DNS_NXNAME);
	assert_int_equal(ask(pool, "nosoa.test", DNS_A)->status, DNS_NXNAME);
	assert_int_equal(fake->n_udp, 6);
	r = ask(pool, "nodata.test", DNS_AAAA);
	assert_int_equal(r->status, DNS_NODATA);
	assert_string_equal(r->reason, "Host found but no data record of requested type");
	assert_int_equal(ask(pool, "not a name", DNS_A)->status, DNS_INVALID);
	assert_int_equal(ask(pool, "", DNS_A)->status, DNS_INVALID);
	assert_int_equal(fake->n_tcp, 0);
}

static void
test_plain(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.1\n", "", ask_plain);
}

static void
ask_mail(struct pool *pool)
{
	const struct dns_reply *r = ask(pool, "mx.test", DNS_MX);

	assert_int_equal(r->status, DNS_OK);
	assert_int_equal(r->n, 4);
	assert_string_equal(r->rr[0].data, "1.2.3.4");
	assert_string_equal(r->rr[1].data, "a.test");
	assert_string_equal(r->rr[2].data, "b.test");
	assert_string_equal(r->rr[3].data, "c.test");
	assert_int_equal(r->rr[3].pref, 20);
	r = ask(pool, "null.test", DNS_MX);
	assert_int_equal(r->status, DNS_NULLMX);
	assert_string_equal(r->dsn, "5.1.0");
	assert_string_equal(r->text, "Domain null.test does not accept mail (nullMX)");
	r = ask(pool, "big.test", DNS_MX);
	assert_int_equal(r->status, DNS_OK);
	assert_int_equal(r->n, DNS_MAX_RECORDS);
	assert_int_equal(r->rr[0].pref, 601);	/* cut at the far end */
	assert_int_equal(fake->n_tcp, 1);
}

static void
test_mail(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.1\n", "", ask_mail);
}

static void
ask_aliases(struct pool *pool)
{
	const struct dns_reply *r = ask(pool, "alias.test", DNS_A);

	assert_int_equal(r->status, DNS_OK);
	assert_string_equal(r->rr[0].owner, "host.test");
	assert_string_equal(r->cname, "host.test");
	assert_int_equal(ask(pool, "loop.test", DNS_A)->status, DNS_LOOP);
	r = dns_addrs(dns, pool, "host.test", DNS_WANT_A | DNS_WANT_AAAA, 0);
	assert_int_equal(r->status, DNS_OK);
	assert_int_equal(r->n, 1);
	r = dns_addrs(dns, pool, "nx.test", DNS_WANT_A | DNS_WANT_AAAA, 0);
	assert_string_equal(r->text, "Host or domain name not found. Name service error for name=nx.test type=AAAA: Host not found");
}

static void
test_aliases(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.1\n", "", ask_aliases);
}

static void
ask_trouble(struct pool *pool)
{
	static const char *const bad[] = { "silent.test", "cut.test", "pointer.test", "wrongid.test", "other.test" };
	const struct dns_reply *r = ask(pool, "fail.test", DNS_MX);

	assert_int_equal(r->status, DNS_TEMP);
	assert_string_equal(r->dsn, "4.4.3");
	assert_string_equal(r->text, "Host or domain name not found. Name service error for name=fail.test type=MX: Host not found, try again");
	assert_int_equal(ask(pool, "refuse.test", DNS_A)->status, DNS_TEMP);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		uint64_t began = clock_mono_ms();
		assert_int_equal(ask(pool, bad[i], DNS_A)->status, DNS_TEMP);
		assert_true(clock_mono_ms() - began < 2500);
	}
	assert_int_equal(ask(pool, "host.test", DNS_A)->status, DNS_OK);
}

static void
test_trouble(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", "", ask_trouble);
}

/* The first server is not there: the second is asked at once. */
static void
ask_second(struct pool *pool)
{
	uint64_t began = clock_mono_ms();

	assert_int_equal(ask(pool, "host.test", DNS_A)->status, DNS_OK);
	assert_true(clock_mono_ms() - began < 500);
}

static void
test_failover(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.2\nnameserver 127.0.0.1\noptions timeout:1\n", "", ask_second);
}

struct parallel {
	struct pool *pool;
	unsigned left;
	struct task_cond done;
};

static void
ask_one(void *arg)
{
	struct parallel *p = arg;

	assert_int_equal(ask(p->pool, "host.test", DNS_A)->status, DNS_OK);
	if (--p->left == 0)
		task_cond_signal(&p->done);
}

static void
ask_many(struct pool *pool)
{
	struct parallel p = { .pool = pool, .left = 50 };

	task_cond_init(&p.done);
	for (int i = 0; i < 50; i++)
		task_start("ask", ask_one, &p);
	while (p.left > 0)
		assert_int_equal(task_cond_wait(&p.done, TASK_FOREVER, NULL), 0);
	assert_int_equal(fake->n_udp, 1);
}

static void
test_one_query(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.1\n", "", ask_many);
}

static void
set_addr(struct sockaddr_in *sin, unsigned last)
{
	*sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000200u | last) };
}

static void
ask_native(struct pool *pool)
{
	const struct dns_reply *r = dns_lookup(dns, pool, "inhosts.test", DNS_A, DNS_NATIVE);
	struct sockaddr_in sin;
	struct dns_client c;

	assert_int_equal(r->status, DNS_OK);
	assert_string_equal(r->rr[0].data, "192.0.2.20");
	assert_int_equal(dns_lookup(dns, pool, "inhosts.test", DNS_AAAA, DNS_NATIVE)->status, DNS_NODATA);
	assert_int_equal(ask(pool, "inhosts.test", DNS_A)->status, DNS_NXNAME);
	assert_int_equal(dns_lookup(dns, pool, "host.test", DNS_A, DNS_NATIVE)->status, DNS_OK);
	assert_int_equal(dns_lookup(dns, pool, "host.test", DNS_A, DNS_NATIVE | DNS_NO_DNS)->status, DNS_NXNAME);
	assert_string_equal(ask(pool, "localhost", DNS_A)->rr[0].data, "127.0.0.1");
	assert_string_equal(ask(pool, "localhost", DNS_AAAA)->rr[0].data, "::1");

	set_addr(&sin, 7);
	dns_client_name(dns, (struct sockaddr *)&sin, true, DNS_WANT_A, &c);
	assert_string_equal(c.name, "host.test");
	assert_int_equal(c.name_status, 2);
	assert_string_equal(c.warning, "");
	set_addr(&sin, 8);
	dns_client_name(dns, (struct sockaddr *)&sin, true, DNS_WANT_A, &c);
	assert_string_equal(c.name, "unknown");
	assert_string_equal(c.reverse_name, "host.test");
	assert_int_equal(c.name_status, 6);
	assert_string_equal(c.warning, "hostname host.test does not resolve to address 192.0.2.8");
	set_addr(&sin, 9);
	dns_client_name(dns, (struct sockaddr *)&sin, true, DNS_WANT_A, &c);
	assert_int_equal(c.name_status, 5);
	assert_string_equal(c.warning, "hostname gone.test does not resolve to address 192.0.2.9: Name or service not known");
	set_addr(&sin, 20);
	dns_client_name(dns, (struct sockaddr *)&sin, true, DNS_WANT_A, &c);
	assert_string_equal(c.name, "inhosts.test");
	set_addr(&sin, 30);
	dns_client_name(dns, (struct sockaddr *)&sin, true, DNS_WANT_A, &c);
	assert_string_equal(c.reverse_name, "unknown");
	assert_int_equal(c.name_status, 5);
}

static void
test_native(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.1\n", "# comment\n192.0.2.20\tinhosts.test alias # x\nbroken line\n::ffff:1 v6.test\n", ask_native);
}

static void
ask_reread(struct pool *pool)
{
	assert_int_equal(dns_lookup(dns, pool, "later.test", DNS_A, DNS_NATIVE)->status, DNS_NXNAME);
	write_file(hosts_path, "192.0.2.21 later.test\n");
	task_sleep(1100, NULL);
	assert_int_equal(dns_lookup(dns, pool, "later.test", DNS_A, DNS_NATIVE)->status, DNS_OK);
}

static void
test_reread(void **state)
{
	(void)state;
	with_server("nameserver 127.0.0.1\n", "", ask_reread);
}

/* ---- without a server */
static void
test_servers(void **state)
{
	struct servers s;
	char a[] = "; c\nnameserver 192.0.2.1\nnameserver  ::1 x\nsearch a b\noptions timeout:3 attempts:9 trust-ad rotate\nnameserver junk\n"
	    "nameserver 10.0.0.1\nnameserver 10.0.0.2";
	char b[] = "", c[] = "options timeout:0 attempts:0 timeout:x\n#nameserver 1.2.3.4\n\n";

	(void)state;
	servers_parse(&s, a, 53);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.timeout_ms, 3000);
	assert_int_equal(s.attempts, 5);
	assert_true(s.trust_ad && s.rotate);
	assert_int_equal(s.v[1].addr.ss_family, AF_INET6);
	servers_parse(&s, b, 53);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.timeout_ms, 5000);
	servers_parse(&s, c, 53);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.timeout_ms, 1000);
	assert_int_equal(s.attempts, 1);
}

/* Every cut and every changed byte of an answer: no crash, and never an answer to another question. */
static void
test_mangled(void **state)
{
	static struct wire w, bad;
	struct question q = { .name = "mx.test", .type = DNS_MX };

	(void)state;
	whead(&w, 77, 0x8180, 1, 3, 1);
	wquestion(&w, "mx.test", DNS_MX);
	whost(&w, "mx.test", DNS_CNAME, 60, -1, "x.test");
	whost(&w, "x.test", DNS_MX, 60, 10, "a.test");
	whost(&w, "x.test", DNS_MX, 60, 20, "b.test");
	wsoa(&w, 60, 60);
	for (size_t i = 0; i < w.n; i++)
		for (unsigned v = 0; v < 256; v += i < 60 ? 1 : 37) {
			AUTO(pool_free) struct pool *pool = pool_new(1000);
			struct packet_answer a;

			bad = w;
			bad.b[i] = (uint8_t)v;
			enum packet_verdict verdict = packet_read(bad.b, bad.n, &q, 77, pool, &a);
			if (verdict == PACKET_READ)
				assert_true(a.reply.n <= DNS_MAX_RECORDS);
			if (i < 2 && v != w.b[i])
				assert_int_equal(verdict, PACKET_FOREIGN);
		}
	for (size_t n = 0; n < w.n; n++) {
		AUTO(pool_free) struct pool *pool = pool_new(1000);
		struct packet_answer a;
		assert_int_not_equal(packet_read(w.b, n, &q, 77, pool, &a), PACKET_READ);
	}
}

static int
setup(void **state)
{
	int a = mkstemp(conf_path), b = mkstemp(hosts_path);

	(void)state;
	close(a);
	close(b);
	return a < 0 || b < 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(conf_path);
	unlink(hosts_path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers), cmocka_unit_test(test_mangled), cmocka_unit_test(test_plain), cmocka_unit_test(test_mail),
		cmocka_unit_test(test_aliases), cmocka_unit_test(test_trouble), cmocka_unit_test(test_failover),
		cmocka_unit_test(test_one_query), cmocka_unit_test(test_native), cmocka_unit_test(test_reread),
	};

	return cmocka_run_group_tests_name("resolver", tests, setup, teardown);
}
