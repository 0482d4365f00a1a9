/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of host names, literals, international names and xtext. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address/host.h"
#include "address/xtext.h"

static void
names(void **state UNUSED)
{
	static const char *good[] = { "a", "a.b", "a-b.c_d", "1.a", "xn--bcher-kva.example", "_dmarc.x", NULL };
	static const char *bad[] = { "", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a b", "1.2.3.4", "12", "a/b", "\303\274", NULL };
	char label[70];

	for (const char **p = good; *p != NULL; p++)
		assert_true(host_is_name(*p, NULL));
	for (const char **p = bad; *p != NULL; p++)
		assert_false(host_is_name(*p, NULL));
	memset(label, 'a', sizeof label);
	label[64] = '\0';
	assert_false(host_is_name(label, NULL));
	label[63] = '\0';
	assert_true(host_is_name(label, NULL));
}

static void
addresses(void **state UNUSED)
{
	char out[HOST_ADDR_SIZE];

	assert_true(host_is_ipv4("1.2.3.4") && host_is_ipv4("255.255.255.255"));
	assert_false(host_is_ipv4("1.2.3") || host_is_ipv4("1.2.3.256") || host_is_ipv4("1.2.3.4.5") || host_is_ipv4("0.1.2.3") ||
	    host_is_ipv4("1.2.3.4 ") || host_is_ipv4(""));
	assert_true(host_is_ipv6("::1") && host_is_ipv6("2001:db8::1"));
	assert_false(host_is_ipv6("1.2.3.4") || host_is_ipv6("::g") || host_is_ipv6("fe80::1%lo"));
	assert_int_equal(host_literal_parse("[192.0.2.1]", out), 0);
	assert_string_equal(out, "192.0.2.1");
	assert_int_equal(host_literal_parse("[ipv6:2001:DB8:0:0::1]", out), 0);
	assert_string_equal(out, "2001:db8::1");
	assert_int_equal(host_literal_parse("[::1]", out), -1);
	assert_int_equal(host_literal_parse("[1.2.3.4", out), -1);
	assert_int_equal(host_literal_parse("[]", out), -1);
	assert_int_equal(host_literal_parse("[IPv6:]", out), -1);
}

static void
international(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(HOST_NAME_LEN);
	struct err err = ERR_INIT;

	assert_int_equal(host_to_ascii("b\303\274cher.example", &b, &err), 0);
	assert_string_equal(b.s, "xn--bcher-kva.example");
	strbuf_reset(&b);
	assert_int_equal(host_to_ascii("EXAMPLE.Test", &b, &err), 0);
	assert_string_equal(b.s, "example.test");
	strbuf_reset(&b);
	assert_int_equal(host_to_ascii("\377\376.test", &b, &err), -1);
	host_to_utf8("xn--bcher-kva.example", &b);
	assert_string_equal(b.s, "b\303\274cher.example");
}

static void
xtext(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100);

	xtext_encode(&b, "a+b=c d\303\274", NULL);
	assert_string_equal(b.s, "a+2Bb+3Dc+20d+C3+BC");
	strbuf_reset(&b);
	assert_int_equal(xtext_decode(&b, "QQ314159+2Bx", NULL), 0);
	assert_string_equal(b.s, "QQ314159+x");
	strbuf_reset(&b);
	assert_int_equal(xtext_decode(&b, "a+2", NULL), -1);
	assert_int_equal(xtext_decode(&b, "a+", NULL), -1);
	assert_int_equal(xtext_decode(&b, "a+00", NULL), -1);
	assert_int_equal(xtext_decode(&b, "a+0A", NULL), -1);
	strbuf_reset(&b);
	uxtext_encode(&b, "a+\303\274@b");
	assert_string_equal(b.s, "a\\x{2B}\\x{FC}@b");
	strbuf_reset(&b);
	assert_int_equal(uxtext_decode(&b, "a\\x{2B}\\x{FC}@b", NULL), 0);
	assert_string_equal(b.s, "a+\303\274@b");
	strbuf_reset(&b);
	assert_int_equal(uxtext_decode(&b, "\\x{D800}", NULL), -1);
	assert_int_equal(uxtext_decode(&b, "\\x{}", NULL), -1);
	assert_int_equal(uxtext_decode(&b, "\\x{0A}", NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names), cmocka_unit_test(addresses), cmocka_unit_test(international), cmocka_unit_test(xtext),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
