/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of lookup tables: each type, damaged files, hostile patterns, files rebuilt while they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/alias_src.h"
#include "table/table.h"

static char dir[64];
static unsigned warnings;
static char last_warning[600];

static void
tee(enum log_level level, const char *text)
{
	if (level != LOG_LEVEL_WARNING)
		return;
	warnings++;
	snprintf(last_warning, sizeof(last_warning), "%s", text);
}

static char *
path(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static void
put_file(const char *name, const char *text, size_t n)
{
	AUTO(mem_free) char *p = path(name);
	FILE *f = fopen(p, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct table *
open_type(const char *type, const char *name, int flags)
{
	AUTO(mem_free) char *spec = mem_printf("%s:%s/%s", type, dir, name);

	return table_open(spec, flags | TABLE_FOLD | TABLE_QUIET, NULL, NULL);
}

/* expected NULL: not found; "!": a temporary error */
static void
expect(struct table *t, const char *key, const char *expected)
{
	AUTO(strbuf_done) struct strbuf v = STRBUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	int r = table_lookup(t, key, &v, &err);

	if (expected == NULL) {
		assert_int_equal(r, 0);
	} else if (strcmp(expected, "!") == 0) {
		assert_int_equal(r, -1);
		assert_true(err.text[0] != '\0');
		assert_true(err_is_temp(&err));
	} else {
		assert_int_equal(r, 1);
		assert_string_equal(v.s, expected);
	}
}

struct query {
	const char *spec, *key, *expected;
};

static void
types_without_files(void **state UNUSED)
{
	static const struct query v[] = {
		{ "static:a b", "x", "a b" }, { "static:{ a b }", "x", "a b" }, { "static:{a} b", "x", "!" }, { "static:{a", "x", "!" },
		{ "inline:{ x=y, {z = a b} }", "Z", "a b" }, { "inline:{ x=y }", "q", NULL }, { "inline:{ }", "x", "!" },
		{ "inline:{ x }", "x", "!" }, { "inline:x=y", "x", "!" }, { "inline:{ X=y }", "x", "y" }, { "inline:{x=y x=z}", "x", "z" },
		{ "fail:x", "x", "!" }, { "internal:x", "x", NULL }, { "environ:x", "no_such_variable", NULL }, { "environ:x", "T_V", "val" },
		{ "unionmap:{static:one,inline:{x=two},static:three}", "x", "one,two,three" },
		{ "unionmap:{static:one,inline:{x=two}}", "y", "one" }, { "unionmap:{inline:{x=two}}", "y", NULL },
		{ "unionmap:{static:one,fail:x}", "y", "!" }, { "unionmap:{}", "x", "!" }, { "unionmap:{foo:x}", "x", "!" },
		{ "pipemap:{inline:{x=two},inline:{two=five}}", "x", "five" }, { "pipemap:{inline:{x=two},inline:{t=f}}", "x", NULL },
		{ "pipemap:{inline:{x=two},fail:x}", "x", "!" }, { "pipemap:{inline:{x=two},fail:x}", "y", NULL },
		{ "randmap:{same,same}", "x", "same" }, { "randmap:{}", "x", "!" }, { "debug:static:x", "k", "x" },
		{ "ldap:/etc/x.cf", "x", "!" }, { "tcp:127.0.0.1:1", "x", "!" }, { "hash:/no/such/file", "x", "!" },
		{ "texthash:/no/such/file", "x", "!" }, { "pcre:/no/such/file", "x", "!" }, { "unix:foo", "x", "!" },
		{ "cidr:{{10.0.0.0/8 a}, {!192.0.2.0/24 b}}", "10.1.2.3", "a" }, { "cidr:{{10.0.0.0/8 a}}", "nonsense", NULL },
		{ "regexp:{{/^a(.*)z$/ <$1>}}", "a-z", "<->" }, { "pcre:{{/^a(.*)z$/ <$1>}}", "AqZ", "<q>" },
		{ "pcre:{{/a/ x}", "a", "!" }, { "pcre:{foo}", "a", "!" }, { "inline:{{x=y}", "x", "!" },
	};

	setenv("T_V", "val", 1);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct table *t = table_open(v[i].spec, TABLE_FOLD | TABLE_QUIET, NULL, NULL);

		assert_non_null(t);
		expect(t, v[i].key, v[i].expected);
		table_free(&t);
		assert_null(t);
	}
}

static void
names_that_are_none(void **state UNUSED)
{
	static const char *const v[] = { "", "hash", ":", "hash:", ":x", "nosuch:x", "Hash:x" };

	for (size_t i = 0; i < COUNT_OF(v); i++)
		assert_null(table_open(v[i], TABLE_QUIET, NULL, NULL));
}

/* ---- pattern tables */
struct pattern_case {
	const char *type, *text, *key, *expected;
	unsigned warnings;
};

static void
pattern_rules(void **state UNUSED)
{
	static const struct pattern_case v[] = {
		{ "pcre", "/^a(.)c(.*)$/ $2-$1\n", "abcde", "de-b", 0 },
		{ "regexp", "/^a(.)c(.*)$/ $2-$1\n", "ABCDE", "DE-B", 0 },
		{ "pcre", "/^A/i none\n", "abc", NULL, 0 },
		{ "pcre", "!/x/ noX\n", "abc", "noX", 0 },
		{ "pcre", "!/(x)/ $1\n", "abc", NULL, 1 },
		{ "regexp", "if /^xx/\n/y$/ xxy\nendif\n/y$/ other\n", "xxzy", "xxy", 0 },
		{ "regexp", "if /^xx/\n/y$/ xxy\nendif\n/y$/ other\n", "zy", "other", 0 },
		{ "pcre", "if !/^xx/\nif /a/\n/b/ ab\nendif\n/c/ c\nendif\n/./ last\n", "cab", "ab", 0 },
		{ "pcre", "if !/^xx/\nif /a/\n/b/ ab\nendif\n/c/ c\nendif\n/./ last\n", "cb", "c", 0 },
		{ "pcre", "if !/^xx/\nif /a/\n/b/ ab\nendif\n/c/ c\nendif\n/./ last\n", "xxab", "last", 0 },
		{ "pcre", "if /a/\n/b/ ab\n", "ab", "ab", 1 },
		{ "pcre", "endif\n/b/ ab\n", "ab", "ab", 1 },
		{ "pcre", "/(b/ bad\n/b/ good\n", "b", "good", 1 },
		{ "regexp", "/(b/ bad\n/b/ good\n", "b", "good", 1 },
		{ "pcre", "/b bad\n/b/ good\n", "b", "good", 1 },
		{ "pcre", "/b/q bad\n/b/ good\n", "b", "good", 1 },
		{ "pcre", "nonsense\n/b/ good\n", "b", "good", 1 },
		{ "pcre", "/b/ $2\n/b/ good\n", "b", "good", 1 },
		{ "pcre", "/b/ $name\n/b/ good\n", "b", "good", 2 },
		{ "pcre", "/b/ $$1 $$\n", "b", "$1 $", 0 },
		{ "pcre", "/(b)/ ${1}x$(1)\n", "b", "bxb", 0 },
		{ "pcre", "/(a)?b/ <$1>\n", "b", "<>", 0 },
		{ "regexp", "/(a)?b/ <$1>\n", "b", "<>", 0 },
		{ "pcre", "|a\\|b| x\n", "a|b", "x", 0 },
		{ "pcre", "# comment\n\n/a/\n  text\n", "a", "text", 0 },
		{ "cidr", "10.0.0.0/8 ten\n!192.168.0.0/16 np\n192.168.1.1 host\n192.168.0.0/16 priv\n", "192.168.1.1", "host", 0 },
		{ "cidr", "10.0.0.0/8 ten\n!192.168.0.0/16 np\n192.168.1.1 host\n192.168.0.0/16 priv\n", "192.168.9.9", "priv", 0 },
		{ "cidr", "10.0.0.0/8 ten\n!192.168.0.0/16 np\n192.168.1.1 host\n", "1.2.3.4", "np", 0 },
		{ "cidr", "10.1.0.0/16 a\n10.0.0.0/8 b\n10.1.1.0/24 c\n", "10.1.1.1", "a", 0 },
		{ "cidr", "10.1.1.0/24 c\n10.1.0.0/16 a\n0.0.0.0/0 b\n", "10.1.1.1", "c", 0 },
		{ "cidr", "10.1.1.0/24 c\n10.1.0.0/16 a\n0.0.0.0/0 b\n", "9.1.1.1", "b", 0 },
		{ "cidr", "0.0.0.0/0 b\n", "::1", NULL, 0 },
		{ "cidr", "2001:db8::/32 doc\n[::1] lo\n", "2001:db8:1::5", "doc", 0 },
		{ "cidr", "2001:db8::/32 doc\n[::1] lo\n", "::1", "lo", 0 },
		{ "cidr", "if 10.0.0.0/8\n10.1.0.0/16 in\nendif\n10.1.0.0/16 out\n", "10.1.1.1", "in", 0 },
		{ "cidr", "if !10.0.0.0/8\n0.0.0.0/0 in\nendif\n10.1.0.0/16 out\n", "10.1.1.1", "out", 0 },
		{ "cidr", "if 1.0.0.0/8\nif 1.2.0.0/16\n1.2.3.0/24 x\nendif\n0.0.0.0/0 y\nendif\n0.0.0.0/0 z\n", "1.9.9.9", "y", 0 },
		{ "cidr", "10.0.0.1/8 bad\n10.0.0.0/33 bad\nfoo bad\n10.0.0.0/8\n10.0.0.0/8 good\n", "10.2.3.4", "good", 4 },
		{ "texthash", "a b\nA dup\n\"q s\" v\nnovalue\n\"open x\n", "\"q s\"", "v", 3 },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct table *t;

		put_file("p", v[i].text, strlen(v[i].text));
		warnings = 0;
		t = open_type(v[i].type, "p", 0);
		if (warnings != v[i].warnings)
			fail_msg("case %zu: %u warnings, last: %s", i, warnings, last_warning);
		expect(t, v[i].key, v[i].expected);
		table_free(&t);
	}
}

static void
substitution_is_refused_where_it_is_dangerous(void **state UNUSED)
{
	struct table *t = table_open("pcre:{{/^(.*)$/ |$1}, {/x/ ok}}", TABLE_NO_SUBST, NULL, NULL);

	expect(t, "x", "ok");
	assert_non_null(strstr(last_warning, "substitution is not allowed"));
	table_free(&t);
}

static void
hostile_subjects_hit_a_limit(void **state UNUSED)
{
	struct table *t = table_open("pcre:{{/^(a+)+$/ x}}", 0, NULL, NULL);
	char key[200];

	memset(key, 'a', sizeof(key) - 2);
	memcpy(key + sizeof(key) - 2, "b", 2);
	expect(t, key, "!");
	expect(t, "aaaa", "x");
	table_free(&t);
}

static void
many_networks(void **state UNUSED)
{
	FILE *f;
	AUTO(mem_free) char *p = path("many");
	struct table *t;

	f = fopen(p, "w");
	assert_non_null(f);
	for (int i = 0; i < 20000; i++)
		fprintf(f, "%d.%d.%d.0/24 n%d\n", 1 + i / 65536, i / 256 % 256, i % 256, i);
	assert_int_equal(fclose(f), 0);
	t = open_type("cidr", "many", 0);
	expect(t, "1.3.7.99", "n775");
	expect(t, "2.200.7.99", NULL);
	table_free(&t);
}

/* ---- indexed files */
static void
build(const char *type, const char *name, int flags, int from, int to, const char *prefix)
{
	struct table *t = open_type(type, name, TABLE_WRITE | TABLE_REBUILD | flags);
	bool existed;

	assert_null(table_trouble(t));
	for (int i = from; i < to; i++) {
		AUTO(mem_free) char *key = mem_printf("Key%d@example.test", i);
		AUTO(mem_free) char *value = mem_printf("%s%d", prefix, i);

		assert_int_equal(table_put(t, key, value, &existed, NULL), 0);
		assert_false(existed);
	}
	assert_int_equal(table_sync(t, NULL), 0);
	table_free(&t);
}

static const char *const indexed[] = { "hash", "btree",
#ifdef HAVE_LMDB
	"lmdb",
#endif
#ifdef HAVE_CDB
	"cdb",
#endif
};

static void
indexed_files_give_back_what_was_put(void **state UNUSED)
{
	static const int forms[] = { 0, TABLE_NUL, TABLE_NO_NUL };

	for (size_t i = 0; i < COUNT_OF(indexed); i++) {
		for (size_t k = 0; k < COUNT_OF(forms); k++) {
			struct table *t;

			build(indexed[i], "idx", forms[k], 0, 3000, "v");
			t = open_type(indexed[i], "idx", 0);
			for (int n = 0; n < 3000; n += 7) {
				AUTO(mem_free) char *key = mem_printf("KEY%d@example.test", n);
				AUTO(mem_free) char *value = mem_printf("v%d", n);

				expect(t, key, value);
			}
			expect(t, "key3000@example.test", NULL);
			expect(t, "", NULL);
			assert_true(table_takes_partial_keys(t));
			table_free(&t);
		}
	}
}

static void
long_keys_and_values(void **state UNUSED)
{
	AUTO(mem_free) char *big = mem_alloc(40001);
	bool existed;

	memset(big, 'x', 40000);
	for (size_t i = 0; i < 2; i++) {
		struct table *t = open_type(indexed[i], "long", TABLE_WRITE | TABLE_REBUILD);

		assert_int_equal(table_put(t, big, "of long key", &existed, NULL), 0);
		assert_int_equal(table_put(t, "long", big, &existed, NULL), 0);
		assert_int_equal(table_put(t, "a", "short", &existed, NULL), 0);
		table_free(&t);
		t = open_type(indexed[i], "long", 0);
		expect(t, big, "of long key");
		expect(t, "long", big);
		expect(t, "a", "short");
		big[39999] = 'y';
		expect(t, big, NULL);
		big[39999] = 'x';
		table_free(&t);
	}
}

static void
changes_in_place(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(indexed); i++) {
		struct table *t, *reader;
		bool existed;

		if (strcmp(indexed[i], "cdb") == 0)
			continue;
		build(indexed[i], "chg", 0, 0, 10, "v");
		reader = open_type(indexed[i], "chg", 0);
		t = open_type(indexed[i], "chg", TABLE_WRITE);
		assert_int_equal(table_put(t, "key1@example.test", "new", &existed, NULL), 0);
		assert_true(existed);
		assert_int_equal(table_put(t, "more", "new", &existed, NULL), 0);
		assert_false(existed);
		assert_int_equal(table_delete(t, "key2@example.test", NULL), 1);
		assert_int_equal(table_delete(t, "key2@example.test", NULL), 0);
		table_free(&t);
		expect(reader, "key1@example.test", "v1");
		expect(reader, "more", "new");
		expect(reader, "key2@example.test", NULL);
		assert_false(table_is_stale(reader));
		table_free(&reader);
	}
}

static void
walking_through(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(indexed); i++) {
		AUTO(strbuf_done) struct strbuf k = STRBUF_INIT(1000), v = STRBUF_INIT(1000);
		struct table *t;
		int n = 0;

		build(indexed[i], "walk", 0, 0, 500, "v");
		t = open_type(indexed[i], "walk", 0);
		if (strcmp(indexed[i], "cdb") == 0) {
			assert_int_equal(table_each(t, true, &k, &v, NULL), -1);
		} else {
			for (bool first = true; table_each(t, first, &k, &v, NULL) == 1; first = false)
				n++;
			assert_int_equal(n, 500);
		}
		table_free(&t);
	}
}

/* Every 37th byte in turn, then cut at many lengths: an answer or an error, never a crash or a loop. */
static void
damaged_files_are_errors(void **state UNUSED)
{
	for (size_t i = 0; i < 2; i++) {
		AUTO(strbuf_done) struct strbuf good = STRBUF_INIT(1 << 24);
		AUTO(strbuf_done) struct strbuf v = STRBUF_INIT(1 << 20);
		AUTO(mem_free) char *file = path("dmg.db");
		struct table *t;

		build(indexed[i], "dmg", 0, 0, 400, "v");
		assert_int_equal(io_read_file(file, &good, NULL), 0);
		for (size_t at = 0; at < good.len; at += at < 600 ? 1 : 37) {
			char old = good.s[at];

			good.s[at] = (char)(old ^ (at % 2 == 0 ? 0xff : 0x11));
			put_file("dmg.db", good.s, good.len);
			good.s[at] = old;
			t = open_type(indexed[i], "dmg", 0);
			for (int n = 0; n < 400; n += 50) {
				AUTO(mem_free) char *key = mem_printf("key%d@example.test", n);

				assert_in_range(table_lookup(t, key, &v, NULL) + 1, 0, 2);
			}
			table_free(&t);
		}
		for (size_t n = 0; n < good.len; n += 501) {
			put_file("dmg.db", good.s, n);
			t = open_type(indexed[i], "dmg", 0);
			assert_in_range(table_lookup(t, "key1@example.test", &v, NULL) + 1, 0, 2);
			table_free(&t);
		}
	}
	put_file("dmg.lmdb", "nonsense", 8);
	put_file("dmg.cdb", "nonsense", 8);
	for (size_t i = 2; i < COUNT_OF(indexed); i++) {
		struct table *t = open_type(indexed[i], "dmg", 0);

		expect(t, "x", "!");
		table_free(&t);
	}
}

static void
readers_see_old_or_new_while_rebuilt(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT_OF(indexed); i++) {
		AUTO(strbuf_done) struct strbuf v = STRBUF_INIT(1000);
		bool is_cdb = strcmp(indexed[i], "cdb") == 0;
		struct table *t;
		int status;
		pid_t pid;

		build(indexed[i], "live", 0, 0, 2000, "v");
		t = open_type(indexed[i], "live", 0);
		pid = fork();
		if (pid == 0) {
			for (int n = 0; n < 5; n++)
				build(indexed[i], "live", 0, 0, 2000, n % 2 == 0 ? "w" : "v");
			_exit(0);
		}
		while (waitpid(pid, &status, WNOHANG) == 0) {
			struct err err = ERR_INIT;
			int r = table_lookup(t, "key777@example.test", &v, &err);

			if (r != 1)
				fail_msg("%s: %d %s", indexed[i], r, err.text);
			assert_true(strcmp(v.s, "v777") == 0 || strcmp(v.s, "w777") == 0);
		}
		assert_int_equal(status, 0);
		assert_int_equal(table_is_stale(t), is_cdb);
		expect(t, "key5@example.test", is_cdb ? "v5" : "w5");
		table_free(&t);
	}
}

static void
alias_lines(void **state UNUSED)
{
	static const struct { const char *line, *key, *value; } v[] = {
		{ "One: a, b,  c", "One", "a, b, c" }, { "\"two words\": x", "\"two words\"", "x" }, { "foo : a,b , c   d", "foo", "a, b, c d" },
		{ "p: \"|cmd \\\"a  b\\\"\"", "p", "\"|cmd \\\"a  b\\\"\"" }, { "i: :include:/a/b  , c#d", "i", ":include:/a/b, c#d" },
		{ "u: \"abc", "u", "\"abc\"" }, { "a@b: c", NULL, NULL }, { "none", NULL, NULL }, { ": x", NULL, NULL }, { "x:", NULL, NULL },
		{ "x:  ", NULL, NULL }, { "a,b: c", NULL, NULL }, { ":include:/x", NULL, NULL }, { "\"a:b\": c", "\"a:b\"", "c" },
		{ "l: x@[1.2.3.4] , y", "l", "x@[1.2.3.4], y" },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strbuf_done) struct strbuf k = STRBUF_INIT(1000), val = STRBUF_INIT(1000);
		const char *problem;
		int r = alias_split(v[i].line, &k, &val, &problem);

		assert_int_equal(r, v[i].key == NULL ? -1 : 0);
		if (r == 0) {
			assert_string_equal(k.s, v[i].key);
			assert_string_equal(val.s, v[i].value);
		}
	}
}

static void
lists_are_searched_in_order(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf v = STRBUF_INIT(1000);
	struct table_list *l = table_list_open("inline:{a=1, b=2}, inline:{b=3,c=4} static:5", TABLE_FOLD, NULL, NULL);

	assert_non_null(l);
	assert_int_equal(table_list_count(l), 3);
	assert_int_equal(table_list_lookup(l, "B", &v, NULL), 1);
	assert_string_equal(v.s, "2");
	assert_int_equal(table_list_lookup(l, "c", &v, NULL), 1);
	assert_string_equal(v.s, "4");
	assert_int_equal(table_list_lookup_part(l, "d", true, &v, NULL), 0);
	assert_int_equal(table_list_lookup(l, "d", &v, NULL), 1);
	assert_string_equal(v.s, "5");
	table_list_free(&l);
	assert_true(table_list_is_empty(l));
}

static int
set_up(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/table_test.XXXXXX");
	log_set_to(0);
	log_tee(tee);
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
tear_down(void **state UNUSED)
{
	static const char *const names[] = { "p", "many", "idx.db", "idx.lmdb", "idx.cdb", "long.db", "chg.db", "chg.lmdb", "walk.db",
		"walk.lmdb", "walk.cdb", "dmg.db", "dmg.lmdb", "dmg.cdb", "live.db", "live.lmdb", "live.cdb" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(mem_free) char *p = path(names[i]);

		unlink(p);
	}
	return rmdir(dir);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_without_files),
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(pattern_rules),
		cmocka_unit_test(substitution_is_refused_where_it_is_dangerous),
		cmocka_unit_test(hostile_subjects_hit_a_limit),
		cmocka_unit_test(many_networks),
		cmocka_unit_test(indexed_files_give_back_what_was_put),
		cmocka_unit_test(long_keys_and_values),
		cmocka_unit_test(changes_in_place),
		cmocka_unit_test(walking_through),
		cmocka_unit_test(damaged_files_are_errors),
		cmocka_unit_test(readers_see_old_or_new_while_rebuilt),
		cmocka_unit_test(alias_lines),
		cmocka_unit_test(lists_are_searched_in_order),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
