/* SPDX-License-Identifier: Apache-2.0 */
/* tests of a pipe service's operands, and of what becomes of its arguments */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pipe/pipe.h"

static int
add_all(struct pipe_opts *o, const char *const *words, struct err *err)
{
	for (; *words != NULL; words++)
		if (pipe_opts_add(o, *words, err) < 0)
			return -1;
	return pipe_opts_check(o, err);
}

static void
operands(void **state UNUSED)
{
	static const char *const words[] = { "flags=DRhu.>", "user=a:b", "null_sender=", "directory=/d", "chroot=/c", "eol=\\r\\n\\041", "size=77",
		"argv=/bin/x", "user=z", "${y}", "", NULL };
	struct pipe_opts o;
	struct err err = ERR_INIT;

	pipe_opts_init(&o);
	assert_int_equal(add_all(&o, words, &err), 0);
	assert_int_equal(o.flags, PIPE_DELIVERED | PIPE_RETURN_PATH | PIPE_FOLD_HOST | PIPE_FOLD_USER | PIPE_DOT | PIPE_QUOTE_FROM);
	assert_string_equal(o.user, "a:b");
	assert_string_equal(o.null_sender, "");
	assert_string_equal(o.dir, "/d");
	assert_string_equal(o.chroot, "/c");
	assert_string_equal(o.eol.s, "\r\n!");
	assert_int_equal(o.size_limit, 77);
	assert_int_equal(o.argv.n, 4);
	assert_string_equal(o.argv.v[1], "user=z");
	assert_string_equal(o.argv.v[3], "");
	pipe_opts_done(&o);
}

static void
wrong_operands(void **state UNUSED)
{
	static const struct {
		const char *words[4], *text;
	} cases[] = {
		{ { "flags=Z", "user=a", "argv=x" }, "unknown flag: Z" },
		{ { "color=red", "user=a", "argv=x" }, "unknown attribute name: color=red" },
		{ { "argv" }, "unknown attribute name: argv" },
		{ { "/bin/cat" }, "unknown attribute name: /bin/cat" },
		{ { "argv=/bin/cat" }, "missing user= command-line attribute" },
		{ { "user=", "argv=/bin/cat" }, "missing user= command-line attribute" },
		{ { "user=a" }, "missing argv= command-line attribute" },
		{ { "user=a", "argv=" }, "missing argv= command-line attribute" },
		{ { "user=a", "size=1k", "argv=x" }, "bad size specification: 1k" },
		{ { "user=a", "size=-1", "argv=x" }, "bad size specification: -1" },
		{ { "user=a", "eol=\\0", "argv=x" }, "eol= may not have a NUL byte" },
		{ { "user=a", "eol=", "argv=x" }, "eol= must have 1 to 100 characters" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = ERR_INIT;
		struct pipe_opts o;

		pipe_opts_init(&o);
		assert_int_equal(add_all(&o, cases[i].words, &err), -1);
		assert_string_equal(err.text, cases[i].text);
		pipe_opts_done(&o);
	}
}

static const struct qrcpt rcpts[] = {
	{ .addr = "U X+Ext@A.Test", .orig = "Orig@B.Test" }, { .addr = "b@c.test", .orig = "" }, { .addr = "nodomain+", .orig = "" },
};
static const struct qattr attrs[] = {
	{ "log_client_address", "192.0.2.1" }, { "log_client_name", "mx.test" }, { "log_client_port", "99" }, { "log_helo_name", "$user;`id`" },
	{ "log_protocol_name", "ESMTP" }, { "sasl_method", "plain" }, { "sasl_sender", "s@x" }, { "sasl_username", "joe" },
};
static const struct deliver_req request = {
	.id = "4ABC", .nexthop = "Hop.Test", .sender = "a b@S.Test", .dsn_envid = "e1", .content_size = 1234, .rcpts = rcpts, .n_rcpts = 1,
	.attrs = attrs, .n_attrs = COUNT_OF(attrs),
};

/* One template's arguments, each in []. */
static int
expand(const char *flags, const char *template, size_t n_rcpts, const char *sender, struct strbuf *out, struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);
	struct deliver_req req = request;
	struct pipe_opts o;
	struct pipe_expand x = { .opts = &o, .req = &req, .delims = "+" };
	int r;

	pipe_opts_init(&o);
	assert_int_equal(pipe_opts_add(&o, flags, err), 0);
	assert_int_equal(pipe_opts_add(&o, "argv=", err), 0);
	assert_int_equal(pipe_opts_add(&o, template, err), 0);
	req.n_rcpts = n_rcpts;
	if (sender != NULL)
		req.sender = sender;
	r = pipe_expand_argv(&x, &v, err);
	for (size_t i = 0; i < v.n; i++)
		strbuf_addf(out, "[%s]", v.v[i]);
	pipe_opts_done(&o);
	return r;
}

static void
macros(void **state UNUSED)
{
	static const struct {
		const char *flags, *template, *sender;
		size_t n;
		const char *text;
	} cases[] = {
		{ "flags=", "plain words; | here", NULL, 1, "[plain words; | here]" },
		{ "flags=", "$$ $queue_id ${nexthop} $(size) ${envid}", NULL, 1, "[$ 4ABC Hop.Test 1234 e1]" },
		{ "flags=", "$client_address $client_hostname $client_port $client_protocol", NULL, 1, "[192.0.2.1 mx.test 99 ESMTP]" },
		{ "flags=", "$client_helo", NULL, 1, "[$user;`id`]" },
		{ "flags=", "$sasl_method $sasl_sender $sasl_username", NULL, 1, "[plain s@x joe]" },
		{ "flags=", "$user|$extension|$mailbox|$domain|$recipient|$original_recipient", NULL, 1,
		    "[U X|Ext|U X+Ext|A.Test|U X+Ext@A.Test|Orig@B.Test]" },
		{ "flags=hu", "$user|$extension|$mailbox|$domain|$recipient|$original_recipient|$nexthop|$sender", NULL, 1,
		    "[u x|ext|u x+ext|a.test|u x+ext@a.test|orig@b.test|hop.test|a b@S.Test]" },
		{ "flags=h", "$recipient", NULL, 1, "[U X+Ext@a.test]" },
		{ "flags=u", "$recipient", NULL, 1, "[u x+ext@A.Test]" },
		{ "flags=q", "$user|$recipient|$sender", NULL, 1, "[U X|\"U X+Ext\"@A.Test|\"a b\"@S.Test]" },
		{ "flags=", "-r $recipient", NULL, 2, "[-r U X+Ext@A.Test][-r b@c.test]" },
		{ "flags=", "${recipient}", NULL, 3, "[U X+Ext@A.Test][b@c.test][nodomain+]" },
		{ "flags=", "$user,$extension,$domain", NULL, 3, "[U X,Ext,A.Test][b,,c.test][nodomain,,]" },
		{ "flags=", "${extension?{yes}:{no}}", NULL, 2, "[yes][no]" },
		{ "flags=", "$size", NULL, 3, "[1234]" },
		{ "flags=q", "$sender", "", 1, "[MAILER-DAEMON]" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(10000);
		struct err err = ERR_INIT;

		assert_int_equal(expand(cases[i].flags, cases[i].template, cases[i].n, cases[i].sender, &out, &err), 0);
		assert_string_equal(out.s, cases[i].text);
	}
}

static void
empty_null_sender(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(10000);
	struct err err = ERR_INIT;

	assert_int_equal(expand("null_sender=", "$sender", 1, "", &out, &err), 0);
	assert_string_equal(out.s, "[]");
}

static void
unknown_macro(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(10000);
	struct err err = ERR_INIT;

	assert_int_equal(expand("flags=", "$nosuch", 1, NULL, &out, &err), -1);
	assert_string_equal(err.text, "unknown macro name: \"nosuch\"");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(operands), cmocka_unit_test(wrong_operands), cmocka_unit_test(macros), cmocka_unit_test(empty_null_sender),
		cmocka_unit_test(unknown_macro),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
