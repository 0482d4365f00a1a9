/* SPDX-License-Identifier: Apache-2.0 */
/* conf_test - main.cf and master.cf grammar, values, families */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "config/conf.h"
#include "config/conf_names.h"
#include "config/master_cf.h"
#include "config/param.h"

static struct conf *
load(const char *text)
{
	struct err err = ERR_INIT;
	struct conf *c = conf_load_text(text, &err);

	if (c == NULL)
		fail_msg("%s", err.text);
	return c;
}

/* text given to mail_name, what it expands to; NULL: an error */
static void
test_expand(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "plain", "plain" },
		{ "$one", "1" },
		{ "${one}$(one)", "11" },
		{ "a$$b", "a$b" },
		{ "$nosuch.x", ".x" },
		{ "${one?yes}${empty?yes}", "yes" },
		{ "${one:no}${empty:no}", "no" },
		{ "${one?{ a }}", "a" },
		{ "${one?{a}:{b}}${empty?{a}:{b}}", "ab" },
		{ "${ one ? {a} : {b} }", "a" },
		{ "${empty?{a}:b}", "b" },
		{ "${one?a:b}", "a:b" },
		{ "${one?{$two}:{x}}", "1x" },
		{ "${{a} == {a}}", "true" },
		{ "${{a} == {b}}x", "x" },
		{ "${{a} == {b}:foo}", "foo" },
		{ "${{10} > {9}?{y}:{n}}", "y" },
		{ "${{10} > {a}?{y}:{n}}", "n" },
		{ "${{b} >= {a}?{y}:{n}}", "y" },
		{ "${{$one} != {1}?{y}:{n}}", "n" },
		{ "${{3.6} <=level {3.10}?{y}:{n}}", "y" },
		{ "${{3.6} <level {3.6}?{y}:{n}}", "n" },
		{ "${{2} >=level {3.6}?{y}:{n}}", "n" },
		{ "${domain_to_ascii{b\xc3\xbc""cher.test}}", "xn--bcher-kva.test" },
		{ "${domain_to_ascii{$one.test}}", "1.test" },
		{ "${{3.6z} <level {3}?{y}}", NULL },
		{ "${one", NULL },
		{ "${}", NULL },
		{ "$", NULL },
		{ "${one-}", NULL },
		{ "${one?{a}b}", NULL },
		{ "${{a} ~ {b}?{y}}", NULL },
		{ "$loop", NULL },
		{ "$mail_name", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(conf_free) struct conf *c = load("one = 1\ntwo = ${one}x\nempty =\nloop = $pool\npool = $loop\n");
		struct { const char *name; } obj = { NULL };
		struct err err = ERR_INIT;
		static const struct conf_bind b = { P_mail_name, CONF_KIND_STR, 0 };
		int rc;

		conf_set(c, "mail_name", cases[i].text);
		rc = conf_bind(c, &b, 1, &obj, &err);
		if (cases[i].expected == NULL) {
			if (rc == 0)
				fail_msg("%s: no error but \"%s\"", cases[i].text, obj.name);
			continue;
		}
		if (rc < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_string_equal(obj.name, cases[i].expected);
	}
}

static void
test_explosion(void **state)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(10000);
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 25; i++)
		strbuf_addf(&text, "v%d = $v%d$v%d$v%d$v%d\n", i, i + 1, i + 1, i + 1, i + 1);
	strbuf_adds(&text, "v25 = 0123456789\n");
	AUTO(conf_free) struct conf *c = load(text.s);
	AUTO(mem_free) char *s = conf_expand(c, "$v0", &err);
	assert_null(s);
	strbuf_reset(&text);
	for (int i = 0; i < 5000; i++)
		strbuf_adds(&text, "${");
	AUTO(mem_free) char *t = conf_expand(c, text.s, &err);
	assert_null(t);
}

static void
test_grammar(void **state)
{
	AUTO(conf_free) struct conf *c = load("# comment\nmydestination = a,\n   # inside\n\n  b\n\tc   \nmydomain=x.test\r\nmyhostname=\n");

	(void)state;
	assert_string_equal(conf_get(c, "mydestination"), "a,  b\tc");
	assert_string_equal(conf_get(c, "mydomain"), "x.test");
	assert_string_equal(conf_get(c, "myhostname"), "");
	assert_null(conf_get(c, "no_such_name"));
	assert_string_equal(conf_get(c, "smtpd_timeout"), "300s");
	conf_set(c, "stress", "yes");
	assert_string_equal(conf_get(c, "smtpd_timeout"), "10s");
}

static void
test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "a = b\nfoo bar\n", "main.cf, line 2: missing '=' after attribute name: \"foo bar\"" },
		{ "foo bar = x\n", "main.cf, line 1: missing '=' after attribute name: \"foo bar = x\"" },
		{ "\n= x\n", "main.cf, line 2: missing attribute name: \"= x\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = ERR_INIT;
		AUTO(conf_free) struct conf *c = conf_load_text(cases[i].text, &err);

		assert_null(c);
		assert_string_equal(err.text, cases[i].error);
	}
	AUTO(conf_free) struct conf *c = load("biff = a\nbiff = b\n  \n");
	assert_int_equal(conf_file_warnings(c)->n, 1);
	assert_string_equal(conf_file_warnings(c)->v[0], "main.cf, line 2: overriding earlier entry: biff=a");
}

struct fields {
	const char *banner, *owner;
	uint64_t timeout, lifetime;
	int64_t limit, size;
	bool vrfy;
};
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct fields, banner, smtpd_banner),
	CONF_BIND_STR(struct fields, owner, mail_owner),
	CONF_BIND_TIME(struct fields, timeout, smtpd_timeout),
	CONF_BIND_TIME(struct fields, lifetime, maximal_queue_lifetime),
	CONF_BIND_INT(struct fields, limit, smtpd_hard_error_limit),
	CONF_BIND_INT(struct fields, size, message_size_limit),
	CONF_BIND_BOOL(struct fields, vrfy, disable_vrfy_command),
};

static void
test_bind(void **state)
{
	static const struct {
		const char *setting, *error;
	} cases[] = {
		{ "smtpd_hard_error_limit = abc", "bad numerical configuration: smtpd_hard_error_limit = abc (main.cf, line 1)" },
		{ "smtpd_hard_error_limit = 0", "invalid smtpd_hard_error_limit parameter value 0 < 1 (main.cf, line 1)" },
		{ "smtpd_hard_error_limit = 99999999999", "bad numerical configuration: smtpd_hard_error_limit = 99999999999 (main.cf, line 1)" },
		{ "smtpd_timeout = 3x", "parameter smtpd_timeout: bad time value or unit: 3x (main.cf, line 1)" },
		{ "smtpd_timeout = 5 m", "parameter smtpd_timeout: bad time value or unit: 5 m (main.cf, line 1)" },
		{ "smtpd_timeout = 0", "invalid smtpd_timeout: 0 (min 1) (main.cf, line 1)" },
		{ "smtpd_timeout =", "parameter smtpd_timeout: bad time value or unit:  (main.cf, line 1)" },
		{ "maximal_queue_lifetime = 101", "invalid maximal_queue_lifetime: 8726400 (max 8640000) (main.cf, line 1)" },
		{ "mail_owner =", "bad string length 0 < 1: mail_owner =  (main.cf, line 1)" },
		{ "disable_vrfy_command = maybe", "bad boolean configuration: disable_vrfy_command = maybe (main.cf, line 1)" },
		{ "smtpd_helo_restrictions = ${x", "parameter smtpd_helo_restrictions: truncated macro reference: \"${x\" (main.cf, line 1)" },
	};
	AUTO(conf_free) struct conf *c = load("myhostname = h.test\nmaximal_queue_lifetime = 2\nmessage_size_limit = 99999999999\n");
	struct fields f = { .limit = 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(conf_bind(c, binds, COUNT_OF(binds), &f, &err), 0);
	assert_string_equal(f.banner, "h.test ESMTP Postfix");
	assert_int_equal(f.timeout, 300000);
	assert_int_equal(f.lifetime, 2 * UINT64_C(86400000));
	assert_int_equal(f.limit, 20);
	assert_int_equal(f.size, INT64_C(99999999999));
	assert_false(f.vrfy);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(conf_free) struct conf *bad = load(cases[i].setting);

		assert_int_equal(conf_bind(bad, binds, COUNT_OF(binds), &f, &err), -1);
		assert_string_equal(err.text, cases[i].error);
	}
}

static void
test_families(void **state)
{
	AUTO(conf_free) struct conf *c = load("slow_destination_concurrency_limit = 3\ndefault_destination_rate_delay = 2m\nslow_initial_destination_concurrency=x\n");
	struct err err = ERR_INIT;
	uint64_t ms;
	int64_t n;

	(void)state;
	assert_int_equal(conf_family_int(c, "slow", "destination_concurrency_limit", &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(conf_family_int(c, "smtp", "destination_concurrency_limit", &n, &err), 0);
	assert_int_equal(n, 20);
	assert_int_equal(conf_family_int(c, "local", "destination_concurrency_limit", &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(conf_family_time(c, "x-y", "destination_rate_delay", &ms, &err), 0);
	assert_int_equal(ms, 120000);
	assert_int_equal(conf_family_time(c, "mypipe", "time_limit", &ms, &err), 0);
	assert_int_equal(ms, 1000000);
	assert_int_equal(conf_family_int(c, "slow", "initial_destination_concurrency", &n, &err), -1);
	assert_int_equal(conf_family_int(c, "slow", "no_such_thing", &n, &err), -1);
}

static void
test_override(void **state)
{
	AUTO(conf_free) struct conf *c = load("mydomain = a.test\n");
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(conf_override(c, "mydomain=b.test", &err), 0);
	assert_string_equal(conf_get(c, "mydomain"), "b.test");
	assert_int_equal(conf_override(c, "{ smtpd_banner = $mydomain {x} y }", &err), 0);
	assert_string_equal(conf_get(c, "smtpd_banner"), "b.test {x} y");
	assert_int_equal(conf_override(c, "nonsense", &err), -1);
	assert_string_equal(conf_raw(c, "smtpd_banner"), "$mydomain {x} y");
	assert_null(conf_raw(c, "biff"));
}

static void
test_lists(void **state)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(10);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(conf_split_list(" a, b,,{ c, d {e} } f{g h}\t", &v, &err), 0);
	assert_int_equal(v.n, 4);
	assert_string_equal(v.v[2], "{ c, d {e} }");
	assert_string_equal(v.v[3], "f{g h}");
	assert_int_equal(conf_split_list("{ a", &v, &err), -1);
}

static void
count_line(void *arg, const char *text)
{
	struct strvec *v = arg;

	strvec_add(v, text);
}

static void
test_warn(void **state)
{
	AUTO(conf_free) struct conf *c = load("smptd_banner = x\nuser1 = 1\nmail_name = $user1\nvirtual_alias_maps = ldap:src\nsrc_server_host = h\n"
	    "src_nonsense = h\nsmtpd_restriction_classes = rc\nrc = permit\nfallback_relay = x\n");
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);
	bool has_typo = false;

	(void)state;
	conf_warn(c, count_line, &v);
	for (size_t i = 0; i < v.n; i++) {
		assert_null(strstr(v.v[i], "user1"));
		assert_null(strstr(v.v[i], "server_host"));
		assert_null(strstr(v.v[i], ": rc"));
		if (strcmp(v.v[i], "main.cf, line 1: unused parameter: smptd_banner=x (did you mean smtpd_banner?)") == 0)
			has_typo = true;
	}
	assert_true(has_typo);
}

static void
test_params(void **state)
{
	(void)state;
	assert_ptr_equal(param_find("smtpd_banner"), &param_table[P_smtpd_banner]);
	assert_ptr_equal(param_find("2bounce_notice_recipient"), &param_table[0]);
	assert_null(param_find("smtpd_banne"));
	for (size_t i = 1; i < P_COUNT; i++)
		assert_true(strcmp(param_table[i - 1].name, param_table[i].name) < 0);
	/* each default that is a number, time or truth is one, within its own bounds */
	AUTO(conf_free) struct conf *c = load("myhostname = h.test\n");
	for (size_t i = 0; i < P_COUNT; i++) {
		const struct param *p = &param_table[i];
		struct conf_bind b = { (enum conf_param)i, CONF_KIND_STR, 0 };
		struct err err = ERR_INIT;
		union {
			int64_t n;
			uint64_t ms;
			const char *s;
			bool is;
		} u;

		b.kind = p->type == PARAM_INT || p->type == PARAM_SIZE ? CONF_KIND_INT : p->type == PARAM_TIME ? CONF_KIND_TIME :
		    p->type == PARAM_BOOL ? CONF_KIND_BOOL : CONF_KIND_STR;
		if (p->status != PARAM_OBSOLETE && conf_bind(c, &b, 1, &u, &err) < 0)
			fail_msg("%s: %s", p->name, err.text);
	}
}

static void
test_master(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "smtp inet n\n", "file m: line 1: bad field count" },
		{ "#\nsmtp foo n - y - - smtpd\n", "file m: line 2: invalid type field \"foo\" in \"smtp foo n - y - - smtpd\"" },
		{ "smtp inet q - y - - smtpd\n", "file m: line 1: invalid private field \"q\" in \"smtp inet q - y - - smtpd\"" },
		{ "smtp inet n - y x - smtpd\n", "file m: line 1: invalid wakeup field \"x\" in \"smtp inet n - y x - smtpd\"" },
		{ "smtp inet n - y - -1 smtpd\n", "file m: line 1: invalid process_limit field \"-1\" in \"smtp inet n - y - -1 smtpd\"" },
		{ "smtp inet n - y - - smtpd -o { a\n", "file m: line 1: missing '}' in \"{ a\"" },
		{ "smtp inet n - y - - smtpd -o { a }\n", "file m: line 1: missing '=' after attribute name: \"a\"" },
	};
	struct err err = ERR_INIT;
	AUTO(master_cf_free) struct master_cf *m = master_cf_parse("m", "# c\n[::1]:smtp inet n - n 60? 5 smtpd\n  -o a=b\n# c\n\n  -o { c = d e }\n"
	    "p unix - n y 1000 - pipe flags=F argv=/x ${user} {a b}\npostlog unix-dgram - - - - 0 postlogd\n", &err);

	(void)state;
	assert_non_null(m);
	assert_int_equal(m->n, 3);
	assert_string_equal(m->entries[0].name, "[::1]:smtp");
	assert_int_equal(m->entries[0].type, MASTER_INET);
	assert_false(m->entries[0].is_private);
	assert_true(m->entries[0].unprivileged);
	assert_false(m->entries[0].chroot);
	assert_int_equal(m->entries[0].wakeup_s, 60);
	assert_true(m->entries[0].wakeup_if_used);
	assert_int_equal(m->entries[0].maxproc, 5);
	assert_int_equal(m->entries[0].argv.n, 4);
	assert_string_equal(m->entries[0].argv.v[3], "c=d e");
	assert_string_equal(m->entries[0].raw.v[11], "{ c = d e }");
	assert_int_equal(m->entries[0].line, 2);
	assert_false(m->entries[1].unprivileged);
	assert_true(m->entries[1].chroot);
	assert_int_equal(m->entries[1].maxproc, -1);
	assert_string_equal(m->entries[1].argv.v[3], "a b");
	assert_int_equal(m->entries[2].type, MASTER_UNIX_DGRAM);
	assert_true(m->entries[2].is_private);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(master_cf_free) struct master_cf *bad = master_cf_parse("m", cases[i].text, &err);

		assert_null(bad);
		assert_string_equal(err.text, cases[i].error);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expand), cmocka_unit_test(test_explosion), cmocka_unit_test(test_grammar), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bind), cmocka_unit_test(test_families), cmocka_unit_test(test_override), cmocka_unit_test(test_lists),
		cmocka_unit_test(test_warn), cmocka_unit_test(test_params), cmocka_unit_test(test_master),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
