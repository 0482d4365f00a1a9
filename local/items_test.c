/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of right-hand sides: what a line of an alias, .forward or :include: file names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "local.h"

static void
collect(void *arg, const struct item *it)
{
	static const char letters[] = "alfci";	/* address, literal, file, command, include */

	strbuf_addf(arg, "%c<%s> ", letters[it->kind], it->text);
}

static void
lines(void **state UNUSED)
{
	static const struct { const char *text, *expected; } v[] = {
		{ "joe", "a<joe> " }, { "joe, jim@b.test", "a<joe> a<jim@b.test> " }, { "joe jim", "a<joe> a<jim> " },
		{ "\\joe", "l<joe> " }, { "\"\\\\joe\"", "l<joe> " }, { "/file", "f</file> " }, { "\"/a b\"", "f</a b> " }, { "~/box", "f</home/u/box> " },
		{ "|cmd a, joe", "c<cmd a> a<joe> " }, { "\"|cmd a, b\", joe", "c<cmd a, b> a<joe> " },
		{ "\"|cmd \\\"a  b\\\"\"", "c<cmd \"a  b\"> " }, { ":include:/list", "i</list> " }, { "\":include:/a b\"", "i</a b> " },
		{ ":INCLUDE: /list, x", "i</list> a<x> " }, { "Joe <joe@b.test> (x, y), z", "a<joe@b.test> a<z> " },
		{ "g: a, b;, c", "a<a> a<b> a<c> " }, { "", "" }, { " , ,", "" }, { "\"\"", "a<MAILER-DAEMON> " },
		{ "\"a b\"@c.test", "a<a b@c.test> " }, { "\"unclosed", "a<unclosed> " }, { "|", "c<> " },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(2000);
		AUTO(pool_free) struct pool *pool = pool_new(1000);
		size_t count = 0;

		assert_int_equal(items_parse(pool, v[i].text, "/home/u", &count, collect, &out, NULL), 0);
		assert_string_equal(out.s, v[i].expected);
	}
}

static void
ignore(void *arg UNUSED, const struct item *it UNUSED)
{
}

static void
too_many_are_an_error(void **state UNUSED)
{
	AUTO(pool_free) struct pool *pool = pool_new(1000);
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(STRBUF_HUGE);
	size_t count = 0;

	for (int i = 0; i <= ITEMS_MAX; i++)
		strbuf_adds(&b, "a,");
	assert_int_equal(items_parse(pool, b.s, NULL, &count, ignore, NULL, NULL), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(too_many_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
