/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the server's side of the syntax: command lines, parameters, keyword lists, and the end of data cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "smtp/ehlo.h"

static void
test_split(void **state)
{
	static const struct {
		const char *line, *verb, *args;
	} t[] = {
		{ "NOOP", "NOOP", "" }, { " NOOP ", "NOOP", "" }, { "", "", "" }, { "  ", "", "" }, { "mail from:<a@b>  SIZE=3 ", "mail", "from:<a@b>  SIZE=3" },
		{ "RCPT\tTO:<x>", "RCPT", "TO:<x>" }, { "MAIL FROM: <a b@c>", "MAIL", "FROM: <a b@c>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100);
		struct smtp_command c;

		(void)strbuf_adds(&b, t[i].line);
		if (b.len == 0)
			(void)strbuf_room(&b, 1);
		smtp_command_split(b.s, &c);
		assert_string_equal(c.verb, t[i].verb);
		assert_string_equal(c.args, t[i].args);
	}
	assert_string_equal(smtp_command_path("from: <a>", "FROM"), "<a>");
	assert_null(smtp_command_path("FROM <a>", "FROM"));
	assert_null(smtp_command_path("FROM:", "FROM"));
	assert_null(smtp_command_path("FROM:  ", "FROM"));
	assert_null(smtp_command_path("TO:<a>", "FROM"));
	assert_null(smtp_command_path("", "FROM"));
}

enum { ALL = SMTP_ARG_SIZE | SMTP_ARG_BODY | SMTP_ARG_DSN | SMTP_ARG_SMTPUTF8 | SMTP_ARG_AUTH };

static void
test_mail_args(void **state)
{
	static const struct {
		const char *text;
		unsigned offered;
		int code;
		const char *fault;
	} t[] = {
		{ "", ALL, 0, NULL }, { "SIZE=100", ALL, 0, NULL }, { "size=0 body=8bitmime RET=HDRS ENVID=a+2Bb SMTPUTF8 AUTH=<>", ALL, 0, NULL },
		{ "SIZE", ALL, 555, "Unsupported option: SIZE" }, { "SIZE=", ALL, 501, "Bad message size syntax" },
		{ "SIZE=abc", ALL, 501, "Bad message size syntax" }, { "SIZE=-1", ALL, 501, "Bad message size syntax" },
		{ "SIZE=9999999999999999999999999", ALL, 552, "Message size exceeds file system imposed limit" },
		{ "x y", ALL, 555, "Unsupported option: x" }, { "BODY=9BIT", ALL, 555, "Unsupported option: BODY=9BIT" },
		{ "BODY=BINARYMIME", ALL, 555, "Unsupported option: BODY=BINARYMIME" }, { "RET=X", ALL, 501, "Bad RET parameter syntax" },
		{ "ENVID=", ALL, 501, "Bad ENVID parameter syntax" }, { "ENVID=a+", ALL, 501, "Bad ENVID parameter syntax" },
		{ "ENVID=a+00", ALL, 501, "Bad ENVID parameter syntax" }, { "SMTPUTF8=x", ALL, 555, "Unsupported option: SMTPUTF8=x" },
		{ "SMTPUTF8", ALL & ~SMTP_ARG_SMTPUTF8, 555, "Unsupported option: SMTPUTF8" }, { "RET=FULL", SMTP_ARG_SIZE, 555, "Unsupported option: RET=FULL" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		AUTO(pool_free) struct pool *pool = pool_new(1024);
		struct smtp_mail_args a;
		struct smtp_fault f = { .code = 0 };

		assert_int_equal(smtp_mail_args_parse(pool, t[i].text, t[i].offered, &a, &f), t[i].code == 0 ? 0 : -1);
		assert_int_equal(f.code, t[i].code);
		if (t[i].fault != NULL)
			assert_string_equal(f.text, t[i].fault);
		if (i == 2) {
			assert_int_equal(a.body, SMTP_BODY_8BIT);
			assert_int_equal(a.ret, 2);
			assert_string_equal(a.envid, "a+b");
			assert_true(a.smtputf8);
		}
	}
}

static void
test_rcpt_args(void **state)
{
	static const struct {
		const char *text;
		int code, notify;
		const char *orcpt;
	} t[] = {
		{ "", 0, 0, NULL }, { "NOTIFY=NEVER", 0, 1, NULL }, { "notify=success,delay", 0, 10, NULL }, { "NOTIFY=x", 501, 0, NULL },
		{ "NOTIFY=", 501, 0, NULL }, { "NOTIFY=NEVER,SUCCESS", 501, 0, NULL }, { "NOTIFY=SUCCESS,", 501, 0, NULL },
		{ "ORCPT=rfc822;a+2Bb@c", 0, 0, "rfc822;a+b@c" }, { "ORCPT=rfc822;", 0, 0, "rfc822;" }, { "ORCPT=x", 501, 0, NULL },
		{ "ORCPT=;x", 501, 0, NULL }, { "ORCPT=rfc822;a+z", 501, 0, NULL }, { "FOO", 555, 0, NULL }, { "NOTIFY", 555, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		AUTO(pool_free) struct pool *pool = pool_new(1024);
		struct smtp_rcpt_args a;
		struct smtp_fault f = { .code = 0 };

		assert_int_equal(smtp_rcpt_args_parse(pool, t[i].text, ALL, &a, &f), t[i].code == 0 ? 0 : -1);
		assert_int_equal(f.code, t[i].code);
		if (t[i].code == 0) {
			assert_int_equal(a.notify, t[i].notify);
			assert_int_equal(a.orcpt != NULL, t[i].orcpt != NULL);
			if (t[i].orcpt != NULL)
				assert_string_equal(a.orcpt, t[i].orcpt);
		}
	}
}

static void
test_ehlo(void **state)
{
	AUTO(strbuf_done) struct strbuf u = STRBUF_INIT(100);
	unsigned bit;

	(void)state;
	assert_int_equal(smtp_ehlo_mask("chunking, dsn etrn,silent-discard foo", &u), SMTP_EXT_CHUNKING | SMTP_EXT_DSN | SMTP_EXT_ETRN | SMTP_EXT_SILENT);
	assert_string_equal(u.s, "foo");
	assert_int_equal(smtp_ehlo_mask("", NULL), 0);
	assert_string_equal(smtp_ehlo_name(SMTP_EXT_DSN | SMTP_EXT_CHUNKING, &bit), "DSN");
	assert_int_equal(bit, SMTP_EXT_DSN);
	assert_null(smtp_ehlo_name(0, &bit));
}

/* ---- end of data */
static void
collect(void *arg, bool ends_line, const char *data, size_t n)
{
	(void)strbuf_add(arg, data, n);
	(void)strbuf_adds(arg, ends_line ? "|" : "+");
}

/* Feeds in pieces that end at byte cut; text: "a|b+|" where | ends a line and + a piece; rest: how many bytes were not consumed at the end. */
static enum smtp_data_result
feed(enum smtp_lf mode, const char *in, size_t n, size_t cut, size_t step, struct strbuf *out, size_t *rest)
{
	struct smtp_data d;
	size_t at = 0, have = cut, used;
	enum smtp_data_result r;

	smtp_data_init(&d, mode, 8);
	for (;;) {
		r = smtp_data_feed(&d, in + at, have - at, &used, collect, out);
		assert_true(used <= have - at);
		at += used;
		if (r != SMTP_DATA_MORE || have == n)
			break;
		have += step < n - have ? step : n - have;
	}
	assert_int_equal(d.octets, at);
	*rest = n - at;
	return r;
}

static void
test_data(void **state)
{
	static const struct {
		enum smtp_lf mode;
		const char *in;
		enum smtp_data_result r;
		const char *out;
		size_t rest;
	} t[] = {
		{ SMTP_LF_STRICT, ".\r\n", SMTP_DATA_END, "", 0 },
		{ SMTP_LF_STRICT, "a\r\n.\r\nNOOP\r\n", SMTP_DATA_END, "a|", 6 },
		{ SMTP_LF_STRICT, "\r\n..\r\n.x\r\n...\r\n.\r\n", SMTP_DATA_END, "|.|x|..|", 0 },
		/* smuggling: none of these ends the content */
		{ SMTP_LF_STRICT, "a\n.\nM\r\n.\r\n", SMTP_DATA_END, "a|.|M|", 0 },
		{ SMTP_LF_STRICT, "a\n.\r\nM\r\n.\r\n", SMTP_DATA_END, "a|.|M|", 0 },
		{ SMTP_LF_STRICT, "a\r\n.\nM\r\n.\r\n", SMTP_DATA_END, "a|.|M|", 0 },
		{ SMTP_LF_STRICT, "a\r.\r\nM\r\n.\r\n", SMTP_DATA_END, "a\r.|M|", 0 },
		{ SMTP_LF_STRICT, "a\r\n.\rM\r\n.\r\n", SMTP_DATA_END, "a|\rM|", 0 },
		{ SMTP_LF_STRICT, "a\r.\rM\r\n.\r\n", SMTP_DATA_END, "a\r.\rM|", 0 },
		{ SMTP_LF_STRICT, "a\n.\rM\r\n.\r\n", SMTP_DATA_END, "a|\rM|", 0 },
		{ SMTP_LF_STRICT, "a\r\r\n.\r\r\nM\r\n.\r\n", SMTP_DATA_END, "a\r|\r|M|", 0 },
		{ SMTP_LF_STRICT, ".\n.\r\n.\r\n", SMTP_DATA_END, ".|.|", 0 },
		{ SMTP_LF_LAX, "a\n.\nM", SMTP_DATA_END, "a|", 1 },
		{ SMTP_LF_LAX, "a\r\n.\nM", SMTP_DATA_END, "a|", 1 },
		{ SMTP_LF_LAX, "a\n.\r\nM", SMTP_DATA_END, "a|", 1 },
		{ SMTP_LF_REJECT, "a\r\nb\nc\r\n.\r\n", SMTP_DATA_BARE_LF, "a|", 6 },
		{ SMTP_LF_REJECT, "\n", SMTP_DATA_BARE_LF, "", 0 },
		/* long lines: pieces of 8 */
		{ SMTP_LF_STRICT, "12345678\r\n.\r\n", SMTP_DATA_END, "12345678+|", 0 },
		{ SMTP_LF_STRICT, "1234567\r\n.\r\n", SMTP_DATA_END, "1234567|", 0 },
		{ SMTP_LF_STRICT, "123456789\r\n.\r\n", SMTP_DATA_END, "12345678+9|", 0 },
		{ SMTP_LF_STRICT, ".12345678123456781\r\n.\r\n", SMTP_DATA_END, "12345678+12345678+1|", 0 },
		{ SMTP_LF_STRICT, "1234567812345678.\r\n.\r\n", SMTP_DATA_END, "12345678+12345678+.|", 0 },
		{ SMTP_LF_STRICT, "1234567812345678.\n\r\n.\r\n", SMTP_DATA_END, "12345678+12345678+.||", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		size_t n = strlen(t[i].in);

		for (size_t cut = 0; cut <= n; cut++)
			for (size_t step = 1; step <= n; step++) {
				AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1000);
				size_t rest;

				assert_int_equal(feed(t[i].mode, t[i].in, n, cut, step, &b, &rest), t[i].r);
				assert_string_equal(b.s, t[i].out);
				if (cut + step >= n)
					assert_true(rest == t[i].rest);
			}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_split), cmocka_unit_test(test_mail_args), cmocka_unit_test(test_rcpt_args),
		cmocka_unit_test(test_ehlo), cmocka_unit_test(test_data) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
