/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of tables behind servers: queries that no key can break, and servers that lie, hang up, say too much or come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "table/netconf.h"
#include "task/stream.h"
#include "task/task.h"
#ifdef HAVE_SQLITE3
#include <sqlite3.h>
#endif

enum { FLAGS = TABLE_FOLD | TABLE_QUIET | TABLE_NO_PROXY };
static char dir[64];

static void
put_file(const char *name, const char *text)
{
	AUTO(mem_free) char *p = mem_printf("%s/%s", dir, name);

	assert_int_equal(io_replace_file(p, text, strlen(text), 0600, NULL), 0);
}

static struct netconf *
conf_of(const char *text)
{
	AUTO(mem_free) char *name = mem_printf("%s/q.cf", dir);
	struct table t = { .spec = name, .name = name };
	struct netconf *nc;

	put_file("q.cf", text);
	nc = netconf_open(&t, NULL);
	assert_non_null(nc);
	return nc;
}

/* expected NULL: suppressed; "!": refused when loaded */
static void
expect_query(const char *query, const char *key, const char *expected)
{
	AUTO(netconf_free) struct netconf *nc = conf_of("x = y\n");
	AUTO(netquery_done) struct netquery q = { 0 };
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(1000);
	struct err err = ERR_INIT;
	int r = netquery_load(&q, nc, NETQUERY_SQL, "query", query, &err);

	if (expected != NULL && strcmp(expected, "!") == 0) {
		assert_int_equal(r, -1);
		assert_true(err.text[0] != '\0');
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(netquery_build(&q, key, netquery_quote_sql, NULL, &out, &err), expected != NULL);
	if (expected != NULL)
		assert_string_equal(out.s, expected);
}

static void
queries(void **state UNUSED)
{
	static const struct { const char *query, *key, *expected; } v[] = {
		{ "k='%s'", "o'x", "k='o''x'" }, { "k=\"%s\"", "a\"b'c", "k=\"a\"\"b'c\"" }, { "k=%s", "1 or 1=1", "k='1 or 1=1'" },
		{ "k=%s", "a'b", "k='a''b'" }, { "%u %d", "a@b@c.d", "'a@b' 'c.d'" }, { "%d", "a", NULL }, { "%u", "@d", NULL },
		{ "%u", "a", "'a'" }, { "'%1/%2'", "u@mail.example.com", "'com/example'" }, { "%4", "u@mail.example.com", NULL },
		{ "'%3'", "u@mail.example.com", "'mail'" }, { "%S%U%D", "u@d", "'u@d''u''d'" }, { "100%%", "k", "100%" }, { "%x", "k", "!" },
		{ "%", "k", "!" }, { "-- it's %s", "k", "!" }, { "/* ' */ '%s'", "a'b", "/* ' */ 'a''b'" }, { "/* %s */", "k", "!" },
		{ "'%s", "k", "!" }, { "'it''s %s'", "a'b", "'it''s a''b'" }, { "k='%s'", "", NULL }, { "'%1'", "u@a..", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++)
		expect_query(v[i].query, v[i].key, v[i].expected);
}

static void
results(void **state UNUSED)
{
	static const struct { const char *format, *result, *expected; } v[] = {
		{ "%s", "v", "v" }, { "%s@%D", "v", "v@d.e" }, { "%u/%d", "a@b", "a/b" }, { "%d", "a", "" }, { "%s", "", "" },
		{ "<%1>%U", "v", "<e>k" }, { "lit", "v", "lit" },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(mem_free) char *text = mem_printf("result_format = %s\nexpansion_limit = 2\n", v[i].format);
		AUTO(netconf_free) struct netconf *nc = conf_of(text);
		AUTO(netquery_done) struct netquery q = { 0 };
		AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(1000);
		size_t n = 0;

		assert_int_equal(netquery_load(&q, nc, NETQUERY_SQL, "query", "q", NULL), 0);
		assert_int_equal(netquery_add(&q, "k@d.e", v[i].result, &n, &out, NULL), 0);
		assert_string_equal(out.s, v[i].expected);
		if (n == 0)
			continue;
		assert_int_equal(netquery_add(&q, "k@d.e", v[i].result, &n, &out, NULL), 0);
		assert_int_equal(netquery_add(&q, "k@d.e", v[i].result, &n, &out, NULL), -1);
	}
}

static void
sqlite_answers(void **state UNUSED)
{
#ifdef HAVE_SQLITE3
	static const struct { const char *key, *expected; } v[] = {
		{ "info@va.example", "one@t" }, { "O'X@va.example", "two@t" }, { "x' or '1'='1@va.example", NULL }, { "info@other", NULL },
		{ "many@va.example", "!" }, { "@va.example", NULL },
	};
	AUTO(mem_free) char *path = mem_printf("%s/db", dir);
	AUTO(mem_free) char *text = mem_printf("dbpath = %s\nquery = select v from a where k='%%s'\nresult_format = %%s@t\n"
	    "domain = va.example\nexpansion_limit = 1\n", path);
	AUTO(mem_free) char *spec = mem_printf("sqlite:%s/q.cf", dir);
	struct table *t;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), 0);
	assert_int_equal(sqlite3_exec(db, "create table a(k,v); insert into a values('info@va.example','one'),('o''x@va.example','two'),"
	    "('many@va.example','a'),('many@va.example','b')", NULL, NULL, NULL), 0);
	assert_int_equal(sqlite3_close(db), 0);
	put_file("q.cf", text);
	t = table_open(spec, FLAGS, NULL, NULL);
	assert_non_null(t);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(1000);
		bool fails = v[i].expected != NULL && *v[i].expected == '!';

		assert_int_equal(table_lookup(t, v[i].key, &out, NULL), fails ? -1 : v[i].expected != NULL);
		if (v[i].expected != NULL && !fails)
			assert_string_equal(out.s, v[i].expected);
	}
	table_free(&t);
#endif
}

/* ---- servers: each connection is answered with the next of these texts, then closed (text "" at once) */
struct scene {
	const char *spec, *expected;	/* as above */
	const char *answers[3];
};
static const struct scene *scene;
static unsigned n_conns;
static int listener;

static void
serve_one(void *arg)
{
	struct stream *s = arg;
	char buf[200];
	const char *text = n_conns < 3 ? scene->answers[n_conns] : NULL;

	n_conns++;
	stream_set_timeout(s, 2000);
	if (text != NULL && *text != '\0' && stream_read(s, buf, sizeof(buf), NULL) > 0) {
		if (stream_write(s, text, strlen(text), NULL) == 0 && stream_flush(s, NULL) == 0)
			task_sleep(1, NULL);
	}
	stream_free(&s);
}

static void
accept_one(void *arg UNUSED)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		task_start("server", serve_one, stream_new(fd, 4096, 4096));
}

static void
play(const struct scene *s)
{
	AUTO(mem_free) char *spec = *s->spec == 's' ? mem_printf("socketmap:unix:%s/sock:m", dir) : mem_printf("memcache:%s/mc.cf", dir);
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(200000);
	struct err err = ERR_INIT;
	struct table *t = table_open(spec, FLAGS, NULL, NULL);
	bool fails = s->expected != NULL && *s->expected == '!';

	scene = s;
	n_conns = 0;
	assert_non_null(t);
	assert_int_equal(table_lookup(t, "key", &out, &err), fails ? -1 : s->expected != NULL);
	if (fails) {
		assert_true(err.class == ERR_TEMP);
		assert_true(err.text[0] != '\0');
	} else if (s->expected != NULL) {
		assert_string_equal(out.s, s->expected);
	}
	/* again: what was left behind on the connection must not be taken for an answer, and a closed one is replaced */
	if (s->answers[1] != NULL) {
		task_sleep(20, NULL);
		assert_int_equal(table_lookup(t, "key", &out, &err), 1);
		assert_string_equal(out.s, "again");
	}
	table_free(&t);
}

static void
play_all(void *arg UNUSED)
{
	static const char s[] = "socketmap", m[] = "memcache";
	const struct scene v[] = {
		{ s, "v w", { "6:OK v w,", "8:OK again," } }, { s, NULL, { "9:NOTFOUND ,", "8:OK again," } }, { s, NULL, { "8:NOTFOUND," } },
		{ s, "!", { "10:TEMP later,", "8:OK again," } }, { s, "!", { "7:PERM no," } }, { s, "!", { "9:TIMEOUT x," } },
		{ s, "!", { "3:YES," } }, { s, "!", { "" , "8:OK again," } }, { s, "!", { "6:OK", "8:OK again," } }, { s, "!", { "4:OK vv," } },
		{ s, "!", { "999999999999:" } }, { s, "!", { "100001:" } }, { s, "!", { ":" } }, { s, "!", { "-1:x" } }, { s, "!", { "OK v" } },
		{ s, "v", { "4:OK v,8:OK false,", "8:OK again," } }, { s, "", { "3:OK ," } },
		{ m, "v", { "VALUE p-key 0 1\r\nv\r\nEND\r\n", "VALUE p-key 0 5\r\nagain\r\nEND\r\n" } }, { m, NULL, { "END\r\n" } },
		{ m, "!", { "ERROR\r\n", "VALUE p-key 0 5\r\nagain\r\nEND\r\n" } }, { m, "!", { "VALUE other 0 1\r\nv\r\nEND\r\n" } },
		{ m, "!", { "VALUE p-key 0 9999999999\r\n" } }, { m, "!", { "VALUE p-key 0 1\r\nvv\r\nEND\r\n" } },
		{ m, "!", { "VALUE p-key 0 1\r\nv\r\nVALUE p-key 0 1\r\nv\r\nEND\r\n" } }, { m, "!", { "SERVER_ERROR out of memory\r\n" } },
	};
	AUTO(mem_free) char *path = mem_printf("%s/sock", dir);
	AUTO(mem_free) char *conf = mem_printf("memcache = unix:%s\nkey_format = p-%%s\nmax_try = 1\n", path);

	put_file("mc.cf", conf);
	listener = io_unix_listen(path, 0600, 10, NULL);
	assert_true(listener >= 0);
	task_on_readable(listener, accept_one, NULL);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		print_message("%s: %s\n", v[i].spec, v[i].answers[0]);
		play(&v[i]);
	}
	task_forget_fd(listener);
	io_close(&listener);
	task_stop(100);
}

static void
servers(void **state UNUSED)
{
	task_main("test", play_all, NULL);
}

static int
setup(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/net_test.XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state UNUSED)
{
	static const char *const names[] = { "q.cf", "mc.cf", "db", "sock" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(mem_free) char *p = mem_printf("%s/%s", dir, names[i]);

		unlink(p);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries), cmocka_unit_test(results), cmocka_unit_test(sqlite_answers), cmocka_unit_test(servers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
