/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the small things in lib/base. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/strbuf.h"
#include "base/strvec.h"

static void
strbuf_grows_to_its_maximum(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(10);

	assert_string_equal(b.s, "");
	assert_int_equal(strbuf_adds(&b, "12345"), 0);
	assert_int_equal(strbuf_addf(&b, "%d", 6789), 0);
	assert_int_equal(strbuf_adds(&b, "xy"), -1);
	assert_true(b.overflow);
	assert_string_equal(b.s, "123456789");
	assert_int_equal(strbuf_addc(&b, '0'), 0);
	strbuf_remove(&b, 0, 5);
	assert_string_equal(b.s, "67890");
	assert_int_equal(strbuf_insert(&b, 2, "--", 2), 0);
	assert_string_equal(b.s, "67--890");
	strbuf_reset(&b);
	assert_false(b.overflow);
	assert_int_equal(b.len, 0);
}

static void
strbuf_formats_long_text(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(5000);
	char big[2001];

	memset(big, 'x', 2000);
	big[2000] = '\0';
	assert_int_equal(strbuf_addf(&b, "<%s>", big), 0);
	assert_int_equal(b.len, 2002);
	assert_int_equal(strbuf_addf(&b, "<%s%s>", big, big), -1);
	assert_int_equal(b.len, 2002);
}

static void
strvec_limits_and_splits(void **state UNUSED)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(3);

	assert_int_equal(strvec_split(&v, " a, b  ,c", " ,"), 0);
	assert_int_equal(v.n, 3);
	assert_string_equal(v.v[2], "c");
	assert_null(v.v[3]);
	assert_int_equal(strvec_add(&v, "d"), -1);
	strvec_remove(&v, 0);
	assert_true(strvec_hasi(&v, "B"));
	assert_false(strvec_has(&v, "B"));
	assert_int_equal(strvec_split(&v, "x y", " "), -1);
}

static void
map_survives_many_changes(void **state UNUSED)
{
	struct map *m = map_new();
	char key[32];
	size_t seen = 0;
	struct map_iter it = { 0 };

	for (uintptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key%lu", (unsigned long)i);
		assert_null(map_put(m, key, (void *)i));
	}
	for (uintptr_t i = 1; i <= 5000; i += 3) {
		snprintf(key, sizeof(key), "key%lu", (unsigned long)i);
		assert_ptr_equal(map_del(m, key), (void *)i);
	}
	for (uintptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key%lu", (unsigned long)i);
		assert_ptr_equal(map_get(m, key), i % 3 == 1 ? NULL : (void *)i);
	}
	while (map_next(m, &it))
		seen++;
	assert_int_equal(seen, map_count(m));
	assert_ptr_equal(map_getn(m, "key2xyz", 4), (void *)2);
	it = (struct map_iter){ 0 };
	while (map_next(m, &it))
		assert_ptr_equal(map_del(m, it.key), it.value);
	assert_int_equal(map_count(m), 0);	/* deleting on the way skips none */
	map_free(&m, NULL);
	assert_null(m);
}

static void
numbers_are_strict(void **state UNUSED)
{
	uint64_t u;
	int64_t i;

	assert_int_equal(num_parse_u64("18446744073709551615", 0, UINT64_MAX, &u), 0);
	assert_int_equal(num_parse_u64("18446744073709551616", 0, UINT64_MAX, &u), -1);
	assert_int_equal(num_parse_u64("", 0, 9, &u), -1);
	assert_int_equal(num_parse_u64("1 ", 0, 9, &u), -1);
	assert_int_equal(num_parse_u64("+1", 0, 9, &u), -1);
	assert_int_equal(num_parse_i64("-5", -9, 9, &i), 0);
	assert_int_equal(i, -5);
	assert_int_equal(num_parse_i64("-10", -9, 9, &i), -1);
}

static void
text_for_the_log_is_printable(void **state UNUSED)
{
	char a[] = "a\n\x7f\xc3\xa9\xff\xc0\xaf", b[] = "\xc3\xa9";

	ascii_printable(a, true);
	assert_string_equal(a, "a??\xc3\xa9???");
	ascii_printable(b, false);
	assert_string_equal(b, "??");
	assert_false(utf8_is_valid("\xed\xa0\x80", 3));
	assert_true(utf8_is_valid("\xf0\x9f\x92\xa9", 4));
}

static void
errors_keep_their_class(void **state UNUSED)
{
	struct err e = ERR_INIT;

	errno = ENOSPC;
	assert_int_equal(err_sys(&e, "write %s", "x"), -1);
	assert_int_equal(e.class, ERR_NOSPACE);
	assert_string_equal(e.dsn, "4.3.1");
	assert_string_equal(e.text, "write x: No space left on device");
	err_prefix(&e, "queue: ");
	assert_string_equal(e.text, "queue: write x: No space left on device");
	assert_true(err_is_temp(&e));
}

static void
pool_hands_out_zeroed_memory(void **state UNUSED)
{
	struct pool *p = pool_new(300);
	char *big = pool_alloc(p, 100000), *s = pool_printf(p, "%s-%d", "a", 1);

	assert_int_equal(big[99999], 0);
	assert_string_equal(s, "a-1");
	pool_reset(p);
	assert_int_equal(pool_used(p), 0);
	assert_string_equal(pool_strndup(p, "abcdef", 3), "abc");
	pool_free(&p);
}

static void
file_is_replaced_whole(void **state UNUSED)
{
	char dir[] = "/tmp/base_test.XXXXXX", path[64];
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100);
	struct err e = ERR_INIT;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	assert_int_equal(io_replace_file(path, "one", 3, 0600, &e), 0);
	assert_int_equal(io_replace_file(path, "two!", 4, 0600, &e), 0);
	assert_int_equal(io_read_file(path, &b, &e), 0);
	assert_string_equal(b.s, "two!");
	unlink(path);
	assert_int_equal(io_read_file(path, &b, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	rmdir(dir);
}

static void
dates_are_english(void **state UNUSED)
{
	char a[CLOCK_RFC5322_SIZE], b[CLOCK_SYSLOG_SIZE];

	setenv("TZ", "UTC", 1);
	clock_init_zone();
	assert_string_equal(clock_rfc5322(1795295143, a), "Sat, 21 Nov 2026 21:05:43 +0000 (UTC)");
	assert_string_equal(clock_syslog(1795295143 - 16 * 86400, b), "Nov  5 21:05:43");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strbuf_grows_to_its_maximum),
		cmocka_unit_test(strbuf_formats_long_text),
		cmocka_unit_test(strvec_limits_and_splits),
		cmocka_unit_test(map_survives_many_changes),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(text_for_the_log_is_printable),
		cmocka_unit_test(errors_keep_their_class),
		cmocka_unit_test(pool_hands_out_zeroed_memory),
		cmocka_unit_test(file_is_replaced_whole),
		cmocka_unit_test(dates_are_english),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
