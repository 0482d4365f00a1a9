/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dest_test - nexthops, and which addresses are tried in which order; look-ups are answered from a table
 */
#include "smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/proto.h"

/* ---- look-ups: "name type pref value", '!' is a temporary failure, '.' null MX */
static const struct {
	const char *name;
	enum dns_type type;
	uint16_t pref;
	const char *value;
} zone[] = {
	{ "plain.test", DNS_MX, 20, "b.test" }, { "plain.test", DNS_MX, 10, "a.test" },
	{ "a.test", DNS_A, 0, "192.0.2.1" }, { "b.test", DNS_A, 0, "192.0.2.2" }, { "b.test", DNS_AAAA, 0, "2001:db8::2" },
	{ "c.test", DNS_A, 0, "192.0.2.3" },
	{ "equal.test", DNS_MX, 10, "a.test" }, { "equal.test", DNS_MX, 10, "b.test" }, { "equal.test", DNS_MX, 10, "c.test" },
	{ "null.test", DNS_MX, 0, "." },
	{ "temp.test", DNS_MX, 0, "!" }, { "temp.test", DNS_A, 0, "192.0.2.9" },
	{ "aonly.test", DNS_A, 0, "192.0.2.4" },
	{ "gone.test", DNS_MX, 10, "nowhere.test" },
	{ "half.test", DNS_MX, 10, "nowhere.test" }, { "half.test", DNS_MX, 20, "a.test" },
	{ "soft.test", DNS_MX, 10, "soft-host.test" }, { "soft-host.test", DNS_A, 0, "!" },
	{ "own.test", DNS_MX, 10, "me.test" }, { "own.test", DNS_MX, 20, "a.test" }, { "me.test", DNS_A, 0, "192.0.2.99" },
	{ "backup.test", DNS_MX, 10, "a.test" }, { "backup.test", DNS_MX, 20, "me.test" }, { "backup.test", DNS_MX, 30, "b.test" },
	{ "primary.test", DNS_MX, 10, "nowhere.test" }, { "primary.test", DNS_MX, 20, "me.test" },
};

static struct dns_reply *
find(struct pool *pool, const char *name, enum dns_type type)
{
	struct dns_reply *r = pool_alloc(pool, sizeof(*r));
	struct dns_rr *rr = pool_alloc_array(pool, COUNT_OF(zone) + 30, sizeof(*rr));

	*r = (struct dns_reply){ .status = DNS_NXNAME, .cname = "", .rr = rr };
	if (strcmp(name, "many.test") == 0 && type == DNS_MX)
		for (; r->n < 30; r->n++)
			rr[r->n] = (struct dns_rr){ .type = type, .pref = (uint16_t)(r->n + 1), .data = r->n % 2 ? "b.test" : "c.test" };
	for (size_t i = 0; i < COUNT_OF(zone); i++) {
		if (strcmp(zone[i].name, name) != 0 || zone[i].type != type)
			continue;
		if (zone[i].value[0] == '!' || zone[i].value[0] == '.') {
			r->status = zone[i].value[0] == '!' ? DNS_TEMP : DNS_NULLMX;
			dns_reply_texts(r, pool, name, type);
			return r;
		}
		size_t at = r->n++;
		while (at > 0 && rr[at - 1].pref > zone[i].pref) {
			rr[at] = rr[at - 1];
			at--;
		}
		rr[at] = (struct dns_rr){ .type = type, .pref = zone[i].pref, .data = zone[i].value };
		if (type != DNS_MX)
			assert_int_equal(inet_pton(type == DNS_A ? AF_INET : AF_INET6, zone[i].value, rr[at].addr), 1);
	}
	if (r->n > 0)
		r->status = DNS_OK;
	dns_reply_texts(r, pool, name, type);
	return r;
}

const struct dns_reply *
dns_lookup(struct dns *d, struct pool *pool, const char *name, enum dns_type type, int flags)
{
	(void)d;
	(void)flags;
	return find(pool, name, type);
}

const struct dns_reply *
dns_addrs(struct dns *d, struct pool *pool, const char *name, int want, int flags)
{
	struct dns_reply *r = find(pool, name, DNS_A), *r6 = find(pool, name, DNS_AAAA);
	struct dns_rr *rr = pool_alloc_array(pool, r->n + r6->n + 1, sizeof(*rr));

	(void)d;
	(void)flags;
	if (!(want & DNS_WANT_AAAA))
		return r;
	if (r->status != DNS_OK)
		return r6->status == DNS_OK ? r6 : r;
	memcpy(rr, r->rr, r->n * sizeof(*rr));
	memcpy(rr + r->n, r6->rr, r6->n * sizeof(*rr));
	r->n += r6->n;
	r->rr = rr;
	return r;
}

/* ---- */
static struct client client;

static int
setup(void **state)
{
	struct err err = ERR_INIT;
	static struct conf *conf;

	(void)state;
	conf = conf_load_text("inet_interfaces = 192.0.2.99\nmydestination =\nmyorigin = me.test\nproxy_interfaces =\n", &err);
	if (conf == NULL)
		return -1;
	client = (struct client){ .dns_want = DNS_WANT_A | DNS_WANT_AAAA, .default_port = 25, .random = 12345 };
	client.conf = (struct smtp_conf){ .address_preference = "ipv4", .best_mx_transport = "", .dns_support_level = "", .addr_limit = 5,
		.randomize = true };
	client.local = localdom_new(conf, &err);
	return client.local == NULL ? -1 : 0;
}

/* The addresses of a nexthop in one string, or "dsn text". */
static const char *
look(const char *spec)
{
	static char out[2000];
	static struct host_list list;
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	struct err err = ERR_INIT;
	struct dest d;
	size_t at = 0;

	out[0] = '\0';
	if (dest_parse(&client, pool, spec, &d, &err) < 0 || dest_find(&client, pool, &d, &list, &err) < 0) {
		snprintf(out, sizeof(out), "%s %s", err.dsn, err.text);
		return out;
	}
	for (size_t i = 0; i < list.n; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s", i > 0 ? " " : "", list.v[i].text);
	return out;
}

static void
test_parse(void **state)
{
	static const struct {
		const char *spec, *host;
		unsigned port;
		bool is_host;
	} cases[] = {
		{ "a.test", "a.test", 25, false }, { "[a.test]", "a.test", 25, true }, { "a.test:587", "a.test", 587, false },
		{ "[a.test]:submission", "a.test", 587, true }, { "[192.0.2.1]:26", "192.0.2.1", 26, true },
		{ "[IPv6:2001:db8::1]:26", "2001:db8::1", 26, true }, { "[2001:db8::1]", "2001:db8::1", 25, true },
		{ "2001:db8::1", "2001:db8::1", 25, false }, { "inet:[a.test]:24", "a.test", 24, true },
		{ "[a.test", NULL, 0, false }, { "[a.test]x", NULL, 0, false }, { "a.test:0", NULL, 0, false }, { "a.test:99999", NULL, 0, false },
		{ "a.test:nosuch", NULL, 0, false }, { "[]", NULL, 0, false }, { ":25", NULL, 0, false }, { "", NULL, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(pool_free) struct pool *pool = pool_new(4096);
		struct err err = ERR_INIT;
		struct dest d;

		if (dest_parse(&client, pool, cases[i].spec, &d, &err) < 0) {
			assert_null(cases[i].host);
			assert_string_equal(err.dsn, "4.3.5");
			continue;
		}
		assert_non_null(cases[i].host);
		assert_string_equal(d.host, cases[i].host);
		assert_int_equal(d.port, cases[i].port);
		assert_int_equal(d.is_host, cases[i].is_host);
	}
}

static void
test_find(void **state)
{
	static const struct {
		const char *spec, *want;
	} cases[] = {
		{ "plain.test", "192.0.2.1 192.0.2.2 2001:db8::2" },
		{ "aonly.test", "192.0.2.4" },
		{ "[b.test]", "192.0.2.2 2001:db8::2" },
		{ "192.0.2.77", "192.0.2.77" },
		{ "[2001:db8::77]:26", "2001:db8::77" },
		{ "half.test", "192.0.2.1" },
		{ "backup.test", "192.0.2.1" },
		{ "null.test", "5.1.0 Domain null.test does not accept mail (nullMX)" },
		{ "temp.test", "4.4.3 Host or domain name not found. Name service error for name=temp.test type=MX: Host not found, try again" },
		{ "nx.test", "5.4.4 Host or domain name not found. Name service error for name=nx.test type=A: Host not found" },
		{ "gone.test", "5.4.4 Host or domain name not found. Name service error for name=nowhere.test type=A: Host not found" },
		{ "soft.test", "4.4.3 Host or domain name not found. Name service error for name=soft-host.test type=A: Host not found, try again" },
		{ "own.test", "5.4.6 mail for own.test loops back to myself" },
		{ "[me.test]", "5.4.6 mail for me.test loops back to myself" },
		{ "[192.0.2.99]", "5.4.6 mail for 192.0.2.99 loops back to myself" },
		{ "[192.0.2.99]:26", "192.0.2.99" },
		{ "primary.test", "4.4.4 unable to find primary relay for primary.test" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(look(cases[i].spec), cases[i].want);
	client.conf.ignore_mx_error = client.conf.defer_no_mx_addr = true;
	assert_string_equal(look("temp.test"), "192.0.2.9");
	assert_int_equal(strncmp(look("gone.test"), "4.4.4 ", 6), 0);
	client.conf.ignore_mx_error = client.conf.defer_no_mx_addr = false;
}

static void
test_order(void **state)
{
	unsigned first[3] = { 0 };

	(void)state;
	client.dns_want = DNS_WANT_A;
	for (int i = 0; i < 300; i++) {
		const char *s = look("equal.test");

		assert_int_equal(strlen(s), 29);
		first[s[8] - '1']++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(first[i], 60, 140);
	client.conf.randomize = false;
	assert_string_equal(look("equal.test"), "192.0.2.1 192.0.2.2 192.0.2.3");
	/* no further than addresses may be tried */
	assert_string_equal(look("many.test"), "192.0.2.3 192.0.2.2 192.0.2.3 192.0.2.2 192.0.2.3");
	client.dns_want = DNS_WANT_A | DNS_WANT_AAAA;
	client.conf.address_preference = "ipv6";
	assert_string_equal(look("[b.test]"), "2001:db8::2 192.0.2.2");
	client.conf.addr_limit = 2;
	client.conf.balance = true;
	client.conf.address_preference = "any";
	assert_string_equal(look("equal.test"), "192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse), cmocka_unit_test(test_find), cmocka_unit_test(test_order) };

	return cmocka_run_group_tests_name("dest", tests, setup, NULL);
}
