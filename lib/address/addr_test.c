/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of addresses: real-world and hostile ones, in commands and in headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address/addr.h"

/* ---- arguments of MAIL and RCPT.  want: internal form; NULL: refused; strict: what the strict parser says (1 same, 0 refused) */
static const struct {
	const char *text, *want, *rest;
	int strict;
} paths[] = {
	{ "<a@b.test>", "a@b.test", "", 1 },
	{ " <a@b.test>", "a@b.test", "", 1 },
	{ "< a@b.test >", "a@b.test", "", 1 },
	{ "<a@b.test> SIZE=10 BODY=8BITMIME", "a@b.test", "SIZE=10 BODY=8BITMIME", 1 },
	{ "<a@b.test>  SIZE=10", "a@b.test", "SIZE=10", 1 },
	{ "a@b.test", "a@b.test", "", 0 },
	{ "  a@b.test SIZE=10", "a@b.test", "SIZE=10", 0 },
	{ "<>", "", "", 1 },
	{ "< >", "", "", 1 },
	{ "<> RET=HDRS", "", "RET=HDRS", 1 },
	{ "<postmaster>", "postmaster", "", 1 },
	{ "<\"a b\"@c.test>", "a b@c.test", "", 1 },
	{ "\"a b\"@c.test", "a b@c.test", "", 0 },
	{ "<\"a\\\"b\"@c.test>", "a\"b@c.test", "", 1 },
	{ "<a\\b@c.test>", "ab@c.test", "", 1 },
	{ "<\"x@far.test\"@relay.test>", "x@far.test@relay.test", "", 1 },
	{ "<Joe <a@b.test>>", "a@b.test", "", 0 },
	{ "<(c)a@b.test>", "a@b.test", "", 0 },
	{ "<a(c)@b.test>", "a@b.test", "", 0 },
	{ "<a@b.test(c)>", "a@b.test", "", 0 },
	{ "<a..b@c.test>", "a..b@c.test", "", 1 },
	{ "<.a.@c.test>", ".a.@c.test", "", 1 },
	{ "<a@c.test.>", "a@c.test", "", 1 },
	{ "<@a.test:b@c.test>", "b@c.test", "", 1 },
	{ "<@a.test,@b.test:b@c.test> X=1", "b@c.test", "X=1", 1 },
	{ "<a@[1.2.3.4]>", "a@[1.2.3.4]", "", 1 },
	{ "<a@[IPv6:::1]>", "a@[IPv6:::1]", "", 1 },
	{ "<a@[ipv6:1::2]>", "a@[ipv6:1::2]", "", 1 },
	{ "<a@b@c.test>", "a@b@c.test", "", 1 },
	{ "<a:b@c.test>", "a:b@c.test", "", 1 },
	{ "<a%b!c@d.test>", "a%b!c@d.test", "", 1 },
	{ "<|cmd>", "|cmd", "", 1 },
	{ "<a=b/c'd@e.test>", "a=b/c'd@e.test", "", 1 },
	{ "<a@b_c.test>", "a@b_c.test", "", 1 },
	{ "<SRS0+abcd=XY=b.test=joe@fwd.test>", "SRS0+abcd=XY=b.test=joe@fwd.test", "", 1 },
	{ "<prvs=1234abcd=user@b.test>", "prvs=1234abcd=user@b.test", "", 1 },
	{ "<bounce+a=b.test@list.test>", "bounce+a=b.test@list.test", "", 1 },
	{ "<a @ b.test>", "a@b.test", "", 1 },
	{ "", NULL, NULL, 0 },
	{ "<", NULL, NULL, 0 },
	{ "<a b@c.test>", NULL, NULL, 0 },
	{ "<a@b.test>x", NULL, NULL, 0 },
	{ "<a@b.test", NULL, NULL, 0 },
	{ "<\"a@b.test>", NULL, NULL, 0 },
	{ "<a\"b\"c@d.test>", NULL, NULL, 0 },
	{ "<a,b@c.test>", NULL, NULL, 0 },
	{ "<a@b.test,c@d.test>", NULL, NULL, 0 },
	{ "<friends: a@b.test;>", NULL, NULL, 0 },
	{ "<a@>", NULL, NULL, 0 },
	{ "<@b.test>", NULL, NULL, 0 },
	{ "<@a.test:>", NULL, NULL, 0 },
	{ "<\"\"@c.test>", NULL, NULL, 0 },
	{ "<a@c..test>", NULL, NULL, 0 },
	{ "<a@.c.test>", NULL, NULL, 0 },
	{ "<a@c.test..>", NULL, NULL, 0 },
	{ "<a@.>", NULL, NULL, 0 },
	{ "<a@-b.test>", NULL, NULL, 0 },
	{ "<a@b-.test>", NULL, NULL, 0 },
	{ "<a@b!c.test>", NULL, NULL, 0 },
	{ "<a@c.test:25>", NULL, NULL, 0 },
	{ "<a@c.test/x>", NULL, NULL, 0 },
	{ "<a@1.2.3.4>", NULL, NULL, 0 },
	{ "<a@#16777343>", NULL, NULL, 0 },
	{ "<a@[1.2.3]>", NULL, NULL, 0 },
	{ "<a@[::1]>", NULL, NULL, 0 },
	{ "<a@[foo]>", NULL, NULL, 0 },
	{ "<a@[127.0.0.1]x>", NULL, NULL, 0 },
	{ "<a@x[127.0.0.1]>", NULL, NULL, 0 },
	{ "<-f@c.test>", NULL, NULL, 0 },
	{ "<a\001b@c.test>", NULL, NULL, 0 },
	{ "<\"a\\\nb\"@c.test>", NULL, NULL, 0 },
	{ "<\303\274@c.test>", NULL, NULL, 0 },
	{ "<((((((((((((((((((((((x))))))))))))))))))))))a@b.test>", NULL, NULL, 0 },
};

static void
path_cases(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(ADDR_MAX);
		const char *rest = "none";
		struct err err = ERR_INIT;
		int r = addr_path_parse(paths[i].text, ADDR_PATH_NULL, &addr, &rest, &err);
		int s;

		if ((r == 0) != (paths[i].want != NULL))
			fail_msg("%s: %d %s %s", paths[i].text, r, addr.s, err.text);
		if (r == 0) {
			assert_string_equal(addr.s, paths[i].want);
			assert_string_equal(rest, paths[i].rest);
		} else {
			assert_int_equal(err.class, ERR_PERM);
		}
		s = addr_path_parse(paths[i].text, ADDR_PATH_NULL | ADDR_PATH_STRICT, &addr, &rest, &err);
		if ((s == 0) != (paths[i].strict == 1))
			fail_msg("strict %s: %d %s", paths[i].text, s, err.text);
	}
}

static void
path_options(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(ADDR_MAX);
	char big[3000];

	assert_int_equal(addr_path_parse("<>", 0, &addr, NULL, NULL), -1);
	assert_int_equal(addr_path_parse("<j\303\274rgen@b\303\274cher.test>", ADDR_PATH_UTF8, &addr, NULL, NULL), 0);
	assert_string_equal(addr.s, "j\303\274rgen@b\303\274cher.test");
	assert_int_equal(addr_path_parse("<j\374rgen@b.test>", ADDR_PATH_UTF8, &addr, NULL, NULL), -1);
	assert_int_equal(addr_path_parse("<-f@b.test>", ADDR_PATH_MINUS, &addr, NULL, NULL), 0);
	assert_int_equal(addr_path_parse("<a@192.0.2.1>", ADDR_PATH_NUMERIC, &addr, NULL, NULL), 0);
	assert_string_equal(addr.s, "a@[192.0.2.1]");
	memset(big, 'x', sizeof big);
	big[0] = '<';
	memcpy(big + sizeof big - 10, "@b.test>", 9);
	assert_int_equal(addr_path_parse(big, 0, &addr, NULL, NULL), -1);
}

/* ---- lists: the addresses found, with '|' between them */
static const struct {
	const char *text, *want;
} lists[] = {
	{ "a", "a" },
	{ "a b", "a|b" },
	{ "a, b@c.test", "a|b@c.test" },
	{ "\"a b\"", "a b" },
	{ "a (comment)", "a" },
	{ "Joe <a>", "a" },
	{ "\"Doe, John (x)\" <acct1@example.test>,\n (a, comment) acct2@example.test (more),\n"
	  "  friends: acct3, Mrs. Four <acct4@example.test>;, \"acct5\"@example.test",
	  "acct1@example.test|acct2@example.test|acct3|acct4@example.test|acct5@example.test" },
	{ "undisclosed-recipients:;", "" },
	{ "<>", "" },
	{ "", "" },
	{ " , ,, ", "" },
	{ "a,,b", "a|b" },
	{ "a;b", "a|b" },
	{ "a:b", "a:b" },
	{ "a: b, c; d: e;", "b|c|e" },
	{ "a@b.", "a@b." },
	{ "a % b", "a%b" },
	{ "a!b!c", "a!b!c" },
	{ "<@x,@y:a@z>", "a@z" },
	{ "Joe Q. Public <joe>", "joe" },
	{ "Joe@x <a>", "a" },
	{ "a <b> c", "b|c" },
	{ "<a> <b>", "a|b" },
	{ "a \"b\" c@d", "a|b|c@d" },
	{ "joe\\ x", "joe x" },
	{ "a\\@b", "a@b" },
	{ "Joe (x) Bloe (y) <a (z) @ b (w)>", "a@b" },
	{ "\"unterminated <a>", "unterminated <a>" },
	{ "a (unterminated", "a" },
	{ "Joe <a", "a" },
	{ "=?utf-8?q?x?= <a@b>, (=?x?=) c", "a@b|c" },
	{ "J\303\274rgen <j@b>, \303\274@c", "j@b|\303\274@c" },
	{ "a@[1.2.3.4]", "a@[1.2.3.4]" },
	{ "MAILER-DAEMON@x.test (Mail Delivery System)", "MAILER-DAEMON@x.test" },
	{ "\"(Cron Daemon)\" <root>", "root" },
};

static void
list_cases(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		AUTO(pool_free) struct pool *pool = pool_new(256);
		AUTO(strbuf_done) struct strbuf got = STRBUF_INIT(10000);
		struct addr_list list;

		assert_int_equal(addr_list_parse(pool, lists[i].text, strlen(lists[i].text), 100, &list, NULL), 0);
		for (size_t k = 0; k < list.n; k++)
			strbuf_addf(&got, "%s%s", k > 0 ? "|" : "", list.v[k].addr);
		if (strcmp(got.s, lists[i].want) != 0)
			fail_msg("%s: %s", lists[i].text, got.s);
	}
}

/* Adds a domain to what has none; changes "old" to "new x". */
static int
complete(void *arg UNUSED, const char *addr, struct strbuf *out, struct err *err UNUSED)
{
	if (strncmp(addr, "old", 3) == 0) {
		strbuf_addf(out, "new x%s", addr + 3);
		return 1;
	}
	if (*addr == '\0' || addr_domain(addr) != NULL)
		return 0;
	strbuf_addf(out, "%s@d.test", addr);
	return 1;
}

static const struct {
	const char *text, *want;	/* want NULL: nothing changed */
} rewrites[] = {
	{ "a@b.test", NULL },
	{ "<>", NULL },
	{ "a", "a@d.test" },
	{ "  a  ,\n\tb (c), Joe <e>", "  a@d.test  ,\n\tb@d.test (c), Joe <e@d.test>" },
	{ "a b", "a@d.test, b@d.test" },
	{ "\"a b\"", "\"a b\"@d.test" },
	{ "friends: a, \"N, M\" <b@x>;", "friends: a@d.test, \"N, M\" <b@x>;" },
	{ "<@x,@y:a@z>", "<a@z>" },
	{ "old@x.test (keep)", "\"new x\"@x.test (keep)" },
	{ "<old (in) @ x.test>", "<\"new x\"@x.test (in)>" },
	{ "Joe (x) <a (y)>", "Joe (x) <a@d.test (y)>" },
};

static void
rewrite_cases(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(rewrites); i++) {
		AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(10000);
		int r = addr_list_rewrite(rewrites[i].text, strlen(rewrites[i].text), 100, &out, complete, NULL, NULL);

		assert_int_equal(r, rewrites[i].want != NULL);
		if (r == 1 && strcmp(out.s, rewrites[i].want) != 0)
			fail_msg("%s: %s", rewrites[i].text, out.s);
	}
}

static void
rewrite_breaks_long_lines(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf in = STRBUF_INIT(100000), out = STRBUF_INIT(100000);
	size_t line = 0;

	for (int i = 0; i < 300; i++)
		strbuf_addf(&in, "%suser%d", i > 0 ? ", " : "", i);
	assert_int_equal(addr_list_rewrite(in.s, in.len, 1000, &out, complete, NULL, NULL), 1);
	for (const char *p = out.s; *p != '\0'; p++) {
		line = *p == '\n' ? 0 : line + 1;
		assert_true(line <= 998);
	}
	assert_non_null(strstr(out.s, "user299@d.test"));
	assert_non_null(strstr(out.s, ",\n\tuser"));
}

static void
two_forms(void **state UNUSED)
{
	static const struct { const char *internal, *external; } v[] = {
		{ "a@b", "a@b" }, { "a b@c", "\"a b\"@c" }, { "a@b@c", "\"a@b\"@c" }, { "a\"b\\@c", "\"a\\\"b\\\\\"@c" },
		{ ".a@b", "\".a\"@b" }, { "a..b@c", "\"a..b\"@c" }, { "a.@b", "\"a.\"@b" }, { "@b", "\"\"@b" }, { "joe", "joe" },
		{ "a:b", "\"a:b\"" }, { "\303\274@b", "\303\274@b" }, { "", "" }, { "a+b=c%d!e@f", "a+b=c%d!e@f" },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(ADDR_MAX);

		addr_quote(&b, v[i].internal);
		assert_string_equal(b.s, v[i].external);
		strbuf_reset(&b);
		addr_unquote(&b, v[i].external);
		assert_string_equal(b.s, v[i].internal);
	}
	assert_string_equal(addr_domain("a@b@c"), "c");
	assert_null(addr_domain("a"));
	assert_true(addr_equal("a@B.test", "a@b.TEST"));
	assert_false(addr_equal("A@b.test", "a@b.test"));
}

static void
extensions(void **state UNUSED)
{
	static const struct { const char *local, *delims; bool special; size_t at; } v[] = {
		{ "joe+x", "+", true, 3 }, { "joe+x+y", "+", true, 3 }, { "joe-x+y", "+-", true, 3 }, { "joe", "+", true, 0 },
		{ "+x", "+", true, 0 }, { "joe+", "+", true, 3 }, { "owner-list", "-", true, 0 }, { "owner-list", "-", false, 5 },
		{ "list-request", "-", true, 0 }, { "list-request", "+-", false, 4 }, { "mailer-daemon", "-", true, 0 },
		{ "Double-Bounce", "-", false, 0 }, { "joe+x", "", true, 0 }, { "owner-l+x", "+", true, 7 },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++)
		assert_int_equal(addr_ext_at(v[i].local, strlen(v[i].local), v[i].delims, v[i].special), v[i].at);
}

static void
limits_hold(void **state UNUSED)
{
	AUTO(pool_free) struct pool *pool = pool_new(256);
	AUTO(strbuf_done) struct strbuf in = STRBUF_INIT(1000000);
	struct addr_list list;

	for (int i = 0; i < 5000; i++)
		strbuf_addf(&in, "u%d,", i);
	assert_int_equal(addr_list_parse(pool, in.s, in.len, 1000, &list, NULL), 0);
	assert_int_equal(list.n, 1000);
	assert_true(list.is_cut);
	strbuf_reset(&in);
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&in, '(');
	assert_int_equal(addr_list_parse(pool, in.s, in.len, 1000, &list, NULL), -1);
	strbuf_reset(&in);
	for (int i = 0; i < 100000; i++)
		strbuf_adds(&in, "a:");
	assert_int_equal(addr_list_parse(pool, in.s, in.len, 1000, &list, NULL), 0);
	strbuf_reset(&in);
	for (int i = 0; i < 50000; i++)
		strbuf_adds(&in, "<@");
	assert_int_equal(addr_list_parse(pool, in.s, in.len, 1000, &list, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_cases), cmocka_unit_test(path_options), cmocka_unit_test(list_cases),
		cmocka_unit_test(rewrite_cases), cmocka_unit_test(rewrite_breaks_long_lines), cmocka_unit_test(two_forms),
		cmocka_unit_test(extensions), cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
