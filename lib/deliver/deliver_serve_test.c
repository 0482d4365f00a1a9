/* SPDX-License-Identifier: Apache-2.0 */
/* tests of the enhanced status code at the beginning of a reason */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "deliver/deliver_serve.h"

static void
test_split(void **state)
{
	static const struct {
		const char *in, *dsn, *text;
	} cases[] = {
		{ "5.1.2 mail to x is not accepted", "5.1.2", "mail to x is not accepted" }, { "no code", "4.0.0", "no code" },
		{ "  4.999.888\ttabs", "4.999.888", "tabs" }, { "5.1.2", "5.1.2", "" }, { "5.1", "4.0.0", "5.1" }, { "", "4.0.0", "" },
		{ "5.1.2x", "4.0.0", "5.1.2x" }, { "3.1.2 x", "4.0.0", "3.1.2 x" }, { "5.1234.1 x", "4.0.0", "5.1234.1 x" },
		{ "5..1 x", "4.0.0", "5..1 x" }, { "2.0.0 ok", "2.0.0", "ok" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char dsn[12];

		assert_string_equal(deliver_split_dsn(cases[i].in, "4.0.0", dsn), cases[i].text);
		assert_string_equal(dsn, cases[i].dsn);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_split) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
