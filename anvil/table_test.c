/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of anvil's counters: rates by time unit, connections, maxima, forgetting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "anvil/anvil.h"
#include "base/strbuf.h"

static struct strbuf reported = STRBUF_INIT(4000);

static void
note(const char *text, int64_t when_s)
{
	(void)strbuf_addf(&reported, "%s @%lld|", text, (long long)when_s);
}

static void
test_counts(void **state)
{
	struct anvil_table *t = anvil_table_new(60000);
	const struct anvil_client *c;

	(void)state;
	c = anvil_count(t, "smtp:1.2.3.4", ANVIL_CONNECTIONS, 1000, 1);
	assert_int_equal(c->count, 1);
	c = anvil_count(t, "smtp:1.2.3.4", ANVIL_CONNECTIONS, 2000, 2);
	assert_int_equal(c->count, 2);
	assert_int_equal(c->rate[ANVIL_CONNECTIONS], 2);
	anvil_leave(t, "smtp:1.2.3.4");
	anvil_leave(t, "nobody");
	c = anvil_count(t, "smtp:1.2.3.4", ANVIL_MESSAGES, 59999, 3);
	assert_int_equal(c->count, 1);
	assert_int_equal(c->rate[ANVIL_MESSAGES], 1);
	c = anvil_count(t, "smtp:1.2.3.4", ANVIL_MESSAGES, 61000, 4);
	assert_int_equal(c->rate[ANVIL_MESSAGES], 1);
	assert_int_equal(c->rate[ANVIL_CONNECTIONS], 0);
	assert_int_equal(anvil_look(t, "smtp:1.2.3.4", 61000).count, 1);
	assert_int_equal(anvil_look(t, "x", 61000).count, 0);
	anvil_sweep(t, 500000);
	assert_int_equal(anvil_size(t), 1);		/* it still has a connection */
	anvil_leave(t, "smtp:1.2.3.4");
	anvil_leave(t, "smtp:1.2.3.4");
	anvil_sweep(t, 500000);
	assert_int_equal(anvil_size(t), 0);
	anvil_table_free(&t);
}

static void
test_report(void **state)
{
	struct anvil_table *t = anvil_table_new(60000);

	(void)state;
	(void)anvil_count(t, "a", ANVIL_CONNECTIONS, 1, 1);
	(void)anvil_count(t, "b", ANVIL_CONNECTIONS, 1, 2);
	(void)anvil_count(t, "b", ANVIL_CONNECTIONS, 1, 3);
	(void)anvil_count(t, "a", ANVIL_RECIPIENTS, 1, 4);
	anvil_report(t, note);
	assert_string_equal(reported.s, "max connection rate 2/60s for (b) @3|max connection count 2 for (b) @3|"
	    "max recipient rate 1/60s for (a) @4|max cache size 2 @2|");
	strbuf_reset(&reported);
	anvil_report(t, note);
	assert_string_equal(reported.s, "");
	anvil_table_free(&t);
	strbuf_done(&reported);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_counts), cmocka_unit_test(test_report) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
