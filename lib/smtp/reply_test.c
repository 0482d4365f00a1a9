/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply_test - replies whole, in pieces, and such as no server should send
 */
#include "smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "task/task.h"

static const struct {
	const char *in;
	int code;		/* 0: an error of this class */
	enum err_class class;
	const char *dsn, *text;
} cases[] = {
	{ "250 ok\r\n", 250, 0, "2.0.0", "250 ok" },
	{ "250 2.1.5 Ok\n", 250, 0, "2.1.5", "250 2.1.5 Ok" },
	{ "250\r\n", 250, 0, "2.0.0", "250" },
	{ "250-a\r\n250-b\r\n250 c\r\n", 250, 0, "2.0.0", "250-a\n250-b\n250 c" },
	{ "550-5.1.1 one\r\n550 5.1.1 two\r\n", 550, 0, "5.1.1", "550-5.1.1 one\n550 5.1.1 two" },
	{ "250 5.5.5 contradictory\r\n", 250, 0, "2.0.0", "250 5.5.5 contradictory" },
	{ "550 5.1.1234 x\r\n", 550, 0, "5.0.0", "550 5.1.1234 x" },
	{ "354 go\r\n", 354, 0, "2.0.0", "354 go" },
	{ "450-a\r\n550 b\r\n", 550, 0, "5.0.0", "450-a\n550 b" },
	{ "450-4.2.0 a\r\n550 b\r\n", 550, 0, "5.0.0", "450-4.2.0 a\n550 b" },
	{ "250 a\001b\r\n", 250, 0, "2.0.0", "250 a?b" },
	{ "hello there\r\n", 0, ERR_PROTO, NULL, NULL },
	{ "999 what\r\n", 0, ERR_PROTO, NULL, NULL },
	{ "150 what\r\n", 0, ERR_PROTO, NULL, NULL },
	{ "25\r\n", 0, ERR_PROTO, NULL, NULL },
	{ "2500 x\r\n", 0, ERR_PROTO, NULL, NULL },
	{ "\r\n", 0, ERR_PROTO, NULL, NULL },
	{ "250-a\r\n", 0, ERR_EOF, NULL, NULL },
	{ "250 a", 0, ERR_EOF, NULL, NULL },
	{ "", 0, ERR_EOF, NULL, NULL },
};

struct run {
	const char *in;
	size_t len, piece;
	int fd;
};

static void
writer(void *arg)
{
	struct run *r = arg;

	for (size_t at = 0; at < r->len; at += r->piece) {
		size_t n = r->len - at < r->piece ? r->len - at : r->piece;
		while (write(r->fd, r->in + at, n) < 0)
			if (errno != EAGAIN || task_wait_fd(r->fd, false, true, task_now_ms() + 1000, NULL) < 0) {
				at = r->len;	/* the reader has had enough */
				break;
			}
		task_yield();
	}
	task_forget_fd(r->fd);
	close(r->fd);
}

static int
read_one(const char *in, size_t len, size_t piece, struct smtp_reply *reply, struct err *err)
{
	struct run r = { .in = in, .len = len, .piece = piece };
	int fd[2], rc;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	struct stream *s = stream_new(fd[0], 8192, 1024);
	r.fd = fd[1];
	task_start("writer", writer, &r);
	stream_set_deadline(s, task_now_ms() + 2000);
	rc = smtp_reply_read(s, reply, err);
	stream_free(&s);
	task_sleep(1, NULL);
	return rc;
}

static void
run_cases(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t piece = 1; piece < 50; piece += 24) {
			AUTO(smtp_reply_done) struct smtp_reply r = SMTP_REPLY_INIT;
			struct err err = ERR_INIT;
			int rc = read_one(cases[i].in, strlen(cases[i].in), piece, &r, &err);

			assert_int_equal(rc, cases[i].code == 0 ? -1 : 0);
			if (rc < 0) {
				assert_int_equal(err.class, cases[i].class);
				continue;
			}
			assert_int_equal(r.code, cases[i].code);
			assert_string_equal(r.dsn, cases[i].dsn);
			assert_string_equal(r.text.s, cases[i].text);
		}
}

static char *
repeat(const char *what, size_t n, const char *end, size_t *len)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(STRBUF_HUGE);

	for (size_t i = 0; i < n; i++)
		strbuf_adds(&b, what);
	strbuf_adds(&b, end);
	*len = b.len;
	return strbuf_take(&b);
}

static void
run_large(void *arg)
{
	static const struct {
		const char *what;
		size_t n;
		const char *end;
		int rc;
	} large[] = {
		{ "250-KEYWORD\r\n", 300, "250 x\r\n", 0 },
		{ "250-KEYWORD\r\n", 5000, "250 x\r\n", -1 },
		{ "250 ", 30000, "\r\n", 0 },
		{ "250 ", 300000, "\r\n", -1 },
	};

	(void)arg;
	for (size_t i = 0; i < COUNT_OF(large); i++) {
		AUTO(smtp_reply_done) struct smtp_reply r = SMTP_REPLY_INIT;
		struct err err = ERR_INIT;
		size_t len;
		AUTO(mem_free) char *text = repeat(large[i].what, large[i].n, large[i].end, &len);

		assert_int_equal(read_one(text, len, 4000, &r, &err), large[i].rc);
		assert_true(r.text.len <= SMTP_REPLY_TEXT);
		if (large[i].rc < 0)
			assert_int_equal(err.class, ERR_PROTO);
	}
}

static void
test_cases(void **state)
{
	(void)state;
	task_main("cases", run_cases, NULL);
}

static void
test_large(void **state)
{
	(void)state;
	task_main("large", run_large, NULL);
}

static void
test_dsn(void **state)
{
	char out[SMTP_REPLY_DSN_SIZE];

	(void)state;
	assert_int_equal(smtp_dsn_parse("5.7.1 x", '5', out), 5);
	assert_string_equal(out, "5.7.1");
	assert_int_equal(smtp_dsn_parse("5.123.456", 0, out), 9);
	assert_int_equal(smtp_dsn_parse("5.7.1 x", '4', out), 0);
	assert_int_equal(smtp_dsn_parse("3.7.1", 0, out), 0);
	assert_int_equal(smtp_dsn_parse("5.7", 0, out), 0);
	assert_int_equal(smtp_dsn_parse("5.7.1x", 0, out), 0);
	assert_int_equal(smtp_dsn_parse("5..1", 0, out), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_large), cmocka_unit_test(test_dsn) };

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
