/* SPDX-License-Identifier: Apache-2.0 */
/* Folding, templates, VERP addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/strbuf.h"
#include "bounce.h"

static void
add_line(void *arg, const char *line, size_t len)
{
	strbuf_add(arg, line, len);
	strbuf_addc(arg, '\n');
}

static void
test_fold(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "\n" },
		{ "short", "short\n" },
		{ "<bad@relay.test>: host 127.0.12.9[127.0.12.9] said: 550 5.1.1 <bad@relay.test>: no such user here (in reply to RCPT TO command)",
		    "<bad@relay.test>: host 127.0.12.9[127.0.12.9] said: 550 5.1.1 <bad@relay.test>:\n"
		    "    no such user here (in reply to RCPT TO command)\n" },
		{ "Diagnostic-Code: smtp; 550 5.1.1 <u1@far.test>: Recipient address rejected: User unknown in relay recipient table, "
		    "this is a very long reason text that must be folded",
		    "Diagnostic-Code: smtp; 550 5.1.1 <u1@far.test>: Recipient address rejected:\n"
		    "    User unknown in relay recipient table, this is a very long reason text that\n"
		    "    must be folded\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(10000);

		text_fold(cases[i].in, add_line, &b);
		assert_string_equal(b.s, cases[i].out);
	}
}

static void
test_fold_endless_word(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100000);
	char word[3001];

	(void)state;
	memset(word, 'x', 3000);
	word[3000] = '\0';
	text_fold(word, add_line, &b);
	for (const char *p = b.s; *p != '\0'; p += strcspn(p, "\n") + 1)
		assert_true(strcspn(p, "\n") <= 998);
}

static void
test_template(void **state)
{
	static const char text[] = "# comment\n\nfailure_template = <<EOF\nCharset: us-ascii\nFrom: MAILER-DAEMON (Mail System)\n"
	    "subject: Custom failure\nPostmaster-Subject: PM $myhostname\n\nCustom text from $myhostname\n\n  indented\nEOF\n"
	    "delay_template = <<X Y\nSubject: d\n\nEOF\nX Y\n";
	struct pool *p = pool_new(1000);
	struct template set[TEMPLATE_N];
	struct err err;

	(void)state;
	memcpy(set, template_builtin, sizeof(set));
	assert_int_equal(template_parse("f", text, p, set, &err), 0);
	assert_string_equal(set[TEMPLATE_FAILURE].subject, "Custom failure");
	assert_string_equal(set[TEMPLATE_FAILURE].from, "MAILER-DAEMON (Mail System)");
	assert_string_equal(set[TEMPLATE_FAILURE].text, "Custom text from $myhostname\n\n  indented\n");
	assert_string_equal(set[TEMPLATE_DELAY].text, "EOF\n");
	assert_string_equal(set[TEMPLATE_SUCCESS].subject, template_builtin[TEMPLATE_SUCCESS].subject);
	pool_free(&p);
}

static void
test_template_errors(void **state)
{
	static const struct {
		const char *in, *error;
	} cases[] = {
		{ "foo\n", "f, line 1: expected" },
		{ "\nfoo_template = <<EOF\nEOF\n", "f, line 2: no template" },
		{ "failure_template = x\n", "f, line 1: expected \"<<WORD\"" },
		{ "failure_template = <<EOF\nSubject: x\n\ntext\n", "end of file before \"EOF\"" },
		{ "failure_template = <<EOF\nX-Header: x\n\ntext\nEOF\n", "f, line 2: unknown template header" },
		{ "failure_template = <<EOF\nSubject: \xc3\xa4\n\ntext\nEOF\n", "f, line 2: a template header must be ASCII" },
		{ "failure_template = <<EOF\nCharset: us-ascii\n\n\xc3\xa4\nEOF\n", "not us-ascii" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pool *p = pool_new(1000);
		struct template set[TEMPLATE_N];
		struct err err;

		memcpy(set, template_builtin, sizeof(set));
		assert_int_equal(template_parse("f", cases[i].in, p, set, &err), -1);
		pool_free(&p);
		if (strstr(err.text, cases[i].error) == NULL)
			fail_msg("wanted \"%s\", got \"%s\"", cases[i].error, err.text);
	}
}

static void
test_verp(void **state)
{
	struct pool *p = pool_new(1000);

	(void)state;
	assert_string_equal(text_verp(p, "+=", "owner@list.test", "rcpt@dom.test"), "owner+rcpt=dom.test@list.test");
	assert_string_equal(text_verp(p, "+", "owner@list.test", "rcpt@dom.test"), "owner@list.test");
	pool_free(&p);
}

static void
test_words(void **state)
{
	(void)state;
	assert_true(text_is_word_in("resource, 2bounce", "2bounce"));
	assert_false(text_is_word_in("resource, 2bounce", "bounce"));
	assert_false(text_is_word_in("", "bounce"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold), cmocka_unit_test(test_fold_endless_word), cmocka_unit_test(test_template),
		cmocka_unit_test(test_template_errors), cmocka_unit_test(test_verp), cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
