/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of match lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "table/match.h"

enum { HOSTS = MATCH_DOMAIN | MATCH_ADDR, PARENT = HOSTS | MATCH_PARENT };

static void
lists(void **state UNUSED)
{
	static const struct { const char *list; int flags; const char *name, *addr; int expected; } v[] = {
		{ "", HOSTS, "a.test", "192.0.2.1", 0 },
		{ "a.test", HOSTS, "A.TEST", NULL, 1 }, { "a.test", HOSTS, "x.a.test", NULL, 0 }, { ".a.test", HOSTS, "x.a.test", NULL, 1 },
		{ ".a.test", HOSTS, "a.test", NULL, 0 }, { "a.test", PARENT, "x.y.a.test", NULL, 1 }, { "a.test", PARENT, "xa.test", NULL, 0 },
		{ "!a.test, .test", HOSTS, "a.test", NULL, 0 }, { "!a.test, .test", HOSTS, "b.test", NULL, 1 },
		{ "192.0.2.0/24", HOSTS, NULL, "192.0.2.77", 1 }, { "192.0.2.0/24", HOSTS, NULL, "192.0.3.77", 0 },
		{ "192.0.2.1", HOSTS, NULL, "192.0.2.1", 1 }, { "!192.0.2.1 192.0.2.0/24", HOSTS, NULL, "192.0.2.1", 0 },
		{ "[2001:db8::]/32", HOSTS, NULL, "2001:db8::5", 1 }, { "[::1]", HOSTS, NULL, "::1", 1 }, { "[::1]/128", HOSTS, NULL, "::2", 0 },
		{ "[2001:db8::/32]", HOSTS, NULL, "2001:0DB8:0::5", 1 }, { "127.0.0.0/8 [::1]/128", HOSTS, "x", "127.0.0.1", 1 },
		{ "192.0.2.1/24", HOSTS, NULL, "192.0.2.1", -1 }, { "10.0.0.0/8 192.0.2.1/24", HOSTS, NULL, "10.2.2.1", 1 },
		{ "192.0.2.0/240", HOSTS, NULL, "192.0.2.1", -1 },
		{ "inline:{a.test=x}", HOSTS, "a.test", NULL, 1 }, { "inline:{.a.test=x}", HOSTS, "b.a.test", NULL, 1 },
		{ "inline:{a.test=x}", HOSTS, "b.a.test", NULL, 0 }, { "inline:{a.test=x}", PARENT, "c.b.a.test", NULL, 1 },
		{ "inline:{192.0.2.1=x}", HOSTS, "b", "192.0.2.1", 1 }, { "cidr:{{10.0.0.0/8 x}}", HOSTS, NULL, "10.9.9.9", 1 },
		{ "!cidr:{{10.0.0.0/8 x}} 0.0.0.0/0", HOSTS, NULL, "10.9.9.9", 0 }, { "fail:x", HOSTS, "a", NULL, -1 },
		{ "static:all", MATCH_STRING, "root", NULL, 1 }, { "root, joe", MATCH_STRING, "JOE", NULL, 1 },
		{ ".joe", MATCH_STRING, "a.joe", NULL, 0 }, { "!root static:all", MATCH_STRING, "root", NULL, 0 },
		{ "/tmp/match_test.list", HOSTS, "c.test", NULL, 1 }, { "/tmp/match_test.list", HOSTS, "b.test", NULL, 0 },
		{ "!/tmp/match_test.list .test", HOSTS, "c.test", NULL, 0 }, { "/no/such/file", HOSTS, "c.test", NULL, -1 },
		{ "/tmp/match_test.list", HOSTS, NULL, "10.1.1.1", 1 }, { "!", HOSTS, "a", NULL, -1 },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct err err = ERR_INIT;
		struct match *m = match_open(v[i].list, v[i].flags, NULL, &err);
		int r;

		if (m == NULL)
			fail_msg("case %zu: %s", i, err.text);
		r = match_host(m, v[i].name, v[i].addr, &err);
		if (r != v[i].expected)
			fail_msg("case %zu: %d instead of %d", i, r, v[i].expected);
		match_free(&m);
	}
}

static void
unknown_types_and_endless_files(void **state UNUSED)
{
	assert_null(match_open("nosuch:x", HOSTS, NULL, NULL));
	assert_null(match_open("/tmp/match_test.loop", HOSTS, NULL, NULL));
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(unknown_types_and_endless_files),
	};
	int r;

	log_set_to(0);
	write_file("/tmp/match_test.list", "# comment\n!b.test\n.test 10.0.0.0/8\n");
	write_file("/tmp/match_test.loop", "/tmp/match_test.loop\n");
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink("/tmp/match_test.list");
	unlink("/tmp/match_test.loop");
	return r;
}
