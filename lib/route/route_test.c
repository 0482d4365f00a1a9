/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of rewriting, resolution, key order and recipient validation; the expectations were taken from a running Postfix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address/addr.h"
#include "route/rcpt.h"
#include "route/resolve.h"
#include "route/rewrite.h"

#define BASE \
	"compatibility_level = 3.6\nmyhostname = mta.example.test\nmydomain = example.test\nmyorigin = $mydomain\n" \
	"mydestination = $mydomain, $myhostname, localhost\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n" \
	"relay_domains = relay.test\nvirtual_alias_domains = va.test\nvirtual_mailbox_domains = vm.test\n" \
	"local_recipient_maps =\nalias_maps =\nparent_domain_matches_subdomains = relay_domains\n"

static struct conf *
conf_of(const char *extra)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100000);
	struct err err = ERR_INIT;
	struct conf *c;

	strbuf_addf(&b, "%s%s\n", BASE, extra);
	if ((c = conf_load_text(b.s, &err)) == NULL)
		fail_msg("%s", err.text);
	return c;
}

static struct route *
route_of(struct conf *conf)
{
	struct err err = ERR_INIT;
	struct route *r = route_new_conf(conf, &err);

	if (r == NULL)
		fail_msg("%s", err.text);
	return r;
}

/* ---- rewriting */
struct rw { const char *in, *local, *remote; };	/* NULL: unchanged */

static void
check_rewrites(const char *extra, const struct rw *v, size_t n)
{
	AUTO(conf_free) struct conf *conf = conf_of(extra);
	AUTO(route_free) struct route *r = route_of(conf);

	for (size_t i = 0; i < n; i++) {
		AUTO(strbuf_done) struct strbuf a = STRBUF_INIT(ADDR_MAX), b = STRBUF_INIT(ADDR_MAX);

		assert_int_equal(route_rewrite(r, REWRITE_LOCAL, v[i].in, &a), v[i].local != NULL);
		if (strcmp(a.s, v[i].local != NULL ? v[i].local : "") != 0)
			fail_msg("local %s: %s", v[i].in, a.s);
		assert_int_equal(route_rewrite(r, REWRITE_REMOTE, v[i].in, &b), v[i].remote != NULL);
		if (strcmp(b.s, v[i].remote != NULL ? v[i].remote : "") != 0)
			fail_msg("remote %s: %s", v[i].in, b.s);
	}
}

static void
rewrites(void **state UNUSED)
{
	static const struct rw plain[] = {
		{ "a", "a@example.test", NULL }, { "a@b", NULL, NULL }, { "a@b.", "a@b", "a@b" }, { "a@b.c", NULL, NULL },
		{ "", NULL, NULL }, { "a!b", "b@a", "b@a" }, { "a!b!c", "b!c@a", "b!c@a" }, { "a%b", "a@b", "a@b" },
		{ "a%b%c", "a%b@c", "a%b@c" }, { "a!b%c", "b%c@a", "b%c@a" }, { "a b", "a b@example.test", NULL },
		{ "a b%c", "a b%c@example.test", NULL }, { "a@b@c", NULL, NULL }, { "a@b.c.", "a@b.c", "a@b.c" }, { "a@.", NULL, NULL },
		{ "a@b..", NULL, NULL }, { ".a", ".a@example.test", NULL }, { "a@[1.2.3.4]", NULL, NULL }, { "a%b@c", NULL, NULL },
		{ "a!b@c", NULL, NULL }, { "a:b", "a:b@example.test", NULL }, { "a@", NULL, NULL },
	};
	static const struct rw dots[] = {
		{ "a", "a@example.test", "a@dom.invalid" }, { "a@b", "a@b.example.test", "a@b.dom.invalid" }, { "a@b.", "a@b", "a@b" },
		{ "a!b", "b@a.example.test", "b@a.dom.invalid" }, { "a@[1.2.3.4]", NULL, NULL }, { "a@b.c", NULL, NULL },
	};
	static const struct rw off[] = {
		{ "a", NULL, NULL }, { "a!b", NULL, NULL }, { "a%b", NULL, NULL }, { "a@b", "a@b.example.test", NULL },
	};

	check_rewrites("", plain, COUNT_OF(plain));
	check_rewrites("append_dot_mydomain = yes\nremote_header_rewrite_domain = dom.invalid\n", dots, COUNT_OF(dots));
	check_rewrites("append_at_myorigin = no\nswap_bangpath = no\nallow_percent_hack = no\nappend_dot_mydomain = yes\n", off, COUNT_OF(off));
}

/* ---- resolution */
struct rs { const char *sender, *addr; enum route_class class; int flags; const char *transport, *nexthop, *recipient; };

static void
check_resolves(const char *extra, const struct rs *v, size_t n)
{
	AUTO(conf_free) struct conf *conf = conf_of(extra);
	AUTO(route_free) struct route *r = route_of(conf);
	AUTO(pool_free) struct pool *pool = pool_new(4096);

	for (size_t i = 0; i < n; i++) {
		struct route_to to;
		struct err err = ERR_INIT;
		int ret = route_resolve(r, v[i].sender, v[i].addr, pool, &to, &err);

		assert_int_equal(ret, (v[i].flags & ROUTE_F_FAIL) != 0 ? -1 : 0);
		if (to.flags != v[i].flags || (to.flags & (ROUTE_F_ERROR | ROUTE_F_FAIL)) != 0) {
			if (to.flags != v[i].flags)
				fail_msg("%s: flags %d %s %s %s", v[i].addr, to.flags, to.transport, to.nexthop, to.recipient);
			continue;
		}
		if (to.class != v[i].class || strcmp(to.transport, v[i].transport) != 0 || strcmp(to.nexthop, v[i].nexthop) != 0 ||
		    strcmp(to.recipient, v[i].recipient) != 0)
			fail_msg("%s from %s: class %d %s:%s %s", v[i].addr, v[i].sender, to.class, to.transport, to.nexthop, to.recipient);
	}
}

#define L ROUTE_CLASS_LOCAL
#define A ROUTE_CLASS_ALIAS
#define V ROUTE_CLASS_VIRTUAL
#define R ROUTE_CLASS_RELAY
#define D ROUTE_CLASS_DEFAULT
#define ME "mta.example.test"

static void
resolves(void **state UNUSED)
{
	static const struct rs v[] = {
		{ "", "a@example.test", L, 0, "local", ME, "a@example.test" },
		{ "", "a", L, 0, "local", ME, "a@mta.example.test" },
		{ "", "", L, 0, "local", ME, "MAILER-DAEMON@mta.example.test" },
		{ "", "a@far.test", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "a@relay.test", R, 0, "relay", "relay.test", "a@relay.test" },
		{ "", "a@sub.relay.test", R, 0, "relay", "sub.relay.test", "a@sub.relay.test" },
		{ "", "a%far.test@example.test", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "far.test!a@example.test", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "a@far.test@example.test", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "a%far.test@relay.test", R, ROUTE_F_ROUTED, "relay", "relay.test", "a%far.test@relay.test" },
		{ "", "a@far.test@relay.test", R, ROUTE_F_ROUTED, "relay", "relay.test", "a@far.test@relay.test" },
		{ "", "far.test!a@relay.test", R, ROUTE_F_ROUTED, "relay", "relay.test", "far.test!a@relay.test" },
		{ "", "a%b%c@example.test", D, ROUTE_F_ROUTED, "smtp", "c", "a%b@c" },
		{ "", "a@[127.0.0.1]", L, 0, "local", ME, "a@[127.0.0.1]" },
		{ "", "a@[1.2.3.4]", D, 0, "smtp", "[1.2.3.4]", "a@[1.2.3.4]" },
		{ "", "a@127.0.0.1", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "@example.test", L, 0, "local", ME, "MAILER-DAEMON@example.test" },
		{ "", "@far.test", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@far.test.", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "a@FAR.test", D, 0, "smtp", "FAR.test", "a@FAR.test" },
		{ "", "A@Example.TEST", L, 0, "local", ME, "A@Example.TEST" },
		{ "", "-a@far.test", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@-b.test", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@b!c", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@va.test", A, 0, "error", "5.1.1 User unknown in virtual alias table", "a@va.test" },
		{ "", "a@vm.test", V, 0, "virtual", "vm.test", "a@vm.test" },
		{ "", "a@localhost", L, 0, "local", ME, "a@localhost" },
		{ "", "a%far.test@[127.0.0.1]", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "a@example.test@example.test", L, 0, "local", ME, "a@example.test" },
		{ "", "a%@example.test", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@vt.test", D, 0, "smtp", "[vt]:26", "a@vt.test" },
		{ "", "u@vt.test", D, 0, "smtp", "user", "u@vt.test" },
		{ "", "a@sub.vt.test", D, 0, "smtp", "dotvt", "a@sub.vt.test" },
		{ "", "u+e@vt.test", D, 0, "smtp", "[vt]:26", "u+e@vt.test" },
		{ "", "a@err.test", D, 0, "error", "5.1.2 not accepted", "a@err.test" },
		{ "", "gone@example.test", L, ROUTE_F_RELOCATED, "error", "5.1.6 User has moved to new@x.test", "gone@example.test" },
		{ "", "a@[foo]", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@empty.test", D, 0, "smtp", "empty.test", "a@empty.test" },
		{ "", "a@nh.test", D, 0, "smtp", "newhop", "a@nh.test" },
		{ "", "a@tr.test", D, 0, "lmtp", "tr.test", "a@tr.test" },
		{ "", "a%far.test", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "a!b", D, 0, "smtp", "a", "b@a" },
		{ "", "|true", L, 0, "local", ME, "|true@mta.example.test" },
		{ "", "mail::x@far.test", D, 0, "smtp", "far.test", "mail::x@far.test" },
		{ "", "x@far.test:25", D, ROUTE_F_ERROR, "", "", "" },
		{ "", "a@[127.0.0.1]@example.test", L, 0, "local", ME, "a@[127.0.0.1]" },
		{ "", "a b@far.test", D, 0, "smtp", "far.test", "a b@far.test" },
		{ "", "j@b\303\274cher.test", D, 0, "smtp", "b\303\274cher.test", "j@b\303\274cher.test" },
	};

	check_resolves("transport_maps = inline:{ {vt.test=smtp:[vt]:26} {u@vt.test=smtp:user} {.vt.test=smtp:dotvt}"
	    " {err.test=error:5.1.2 not accepted} {empty.test=:} {nh.test=:newhop} {tr.test=lmtp:} {va.test=smtp:no} }\n"
	    "relocated_maps = inline:{ {gone@example.test=new@x.test} }\n", v, COUNT_OF(v));
}

static void
resolves_by_precedence(void **state UNUSED)
{
	static const struct rs relayhost[] = {
		{ "", "a@far.test", D, 0, "smtp", "star", "a@far.test" },
		{ "", "a@relay.test", R, 0, "smtp", "star", "a@relay.test" },
		{ "", "a@x.test", D, 0, "lmtp", "x.test", "a@x.test" },
		{ "", "a@y.test", D, 0, "smtp", "[rh]", "a@y.test" },
		{ "", "a@z.test", D, 0, "smtp", "nh", "a@z.test" },
		{ "", "a@w.test", D, 0, "lmtp", "w.test", "a@w.test" },
		{ "", "a@example.test", L, 0, "smtp", "star", "a@example.test" },
	};
	static const struct rs by_sender[] = {
		{ "s@s.test", "a@far.test", D, 0, "smtp", "[srh]", "a@far.test" },
		{ "s+1@s.test", "a@far.test", D, 0, "smtp", "[srh]", "a@far.test" },
		{ "s@s.test", "a@relay.test", R, 0, "relay", "[srh]", "a@relay.test" },
		{ "x@d.test", "a@far.test", D, 0, "smtp", "[rh]", "a@far.test" },
		{ "", "a@far.test", D, 0, "smtp", "[nul]", "a@far.test" },
		{ "z@e.test", "a@far.test", D, 0, "smtp", "[eat]", "a@far.test" },
		{ "s@s.test", "a@example.test", L, 0, "local", ME, "a@example.test" },
		{ "s@s.test", "a@vm.test", V, 0, "virtual", "vm.test", "a@vm.test" },
		{ "t@t.test", "a@far.test", D, 0, "smtp", "[sd]:27", "a@far.test" },
		{ "l@l.test", "a@far.test", D, 0, "lmtp", "[rh]", "a@far.test" },
		{ "t@t.test", "a@relay.test", R, 0, "relay", "[rh]", "a@relay.test" },
	};
	static const struct rs dequoted_off[] = {
		{ "", "a@far.test@example.test", L, ROUTE_F_ROUTED, "local", ME, "a@far.test@example.test" },
		{ "", "a@1.2.3.4", D, 0, "smtp", "[1.2.3.4]", "a@[1.2.3.4]" },
		{ "", "a@127.0.0.1", L, 0, "local", ME, "a@[127.0.0.1]" },
		{ "", "a%far.test@example.test", D, 0, "smtp", "far.test", "a@far.test" },
		{ "", "a b%far.test@example.test", L, ROUTE_F_ROUTED, "local", ME, "a b%far.test@example.test" },
	};
	static const struct rs no_hack[] = {
		{ "", "a%far.test@example.test", L, ROUTE_F_ROUTED, "local", ME, "a%far.test@example.test" },
		{ "", "far!a@relay.test", R, ROUTE_F_ROUTED, "relay", "relay.test", "far!a@relay.test" },
		{ "", "a@b@example.test", D, 0, "smtp", "b", "a@b" },
	};
	static const struct rs local[] = {
		{ "", "a@example.test", L, 0, "lmtp", "example.test", "a@example.test" },
		{ "", "a@localhost", L, 0, "local", "localhost", "a@localhost" },
		{ "", "a@vm.test", V, 0, "virtual", "xx", "a@vm.test" },
	};

	check_resolves("relayhost = [rh]\ntransport_maps = inline:{ {x.test=lmtp:} {y.test=:} {z.test=:nh} {w.test=lmtp} {*=smtp:star} }\n",
	    relayhost, COUNT_OF(relayhost));
	check_resolves("relayhost = [rh]\nrecipient_delimiter = +\nsender_dependent_relayhost_maps = inline:{ {s@s.test=[srh]} "
	    "{@d.test=DUNNO} {<>=[nul]} {@e.test=[eat]} }\nsender_dependent_default_transport_maps = inline:{ {t@t.test=smtp:[sd]:27} "
	    "{l@l.test=lmtp:} {@d.test=DUNNO} }\n", by_sender, COUNT_OF(by_sender));
	check_resolves("resolve_dequoted_address = no\nresolve_numeric_domain = yes\n", dequoted_off, COUNT_OF(dequoted_off));
	check_resolves("swap_bangpath = no\nallow_percent_hack = no\n", no_hack, COUNT_OF(no_hack));
	check_resolves("local_transport = local\ntransport_maps = inline:{ {example.test=lmtp:} {vm.test=:xx} }\n", local, COUNT_OF(local));
}

static void
failing_tables_are_temporary(void **state UNUSED)
{
	static const struct rs v[] = {
		{ "", "a@far.test", D, ROUTE_F_FAIL, "", "", "" },
	};

	check_resolves("transport_maps = fail:x\n", v, COUNT_OF(v));
	check_resolves("relay_domains = fail:x\n", v, COUNT_OF(v));
	check_resolves("default_transport = :x\n", v, COUNT_OF(v));
}

/* ---- keys and mappings */
static void
key_order(void **state UNUSED)
{
	AUTO(conf_free) struct conf *conf = conf_of("");
	AUTO(localdom_free) struct localdom *local = localdom_new(conf, NULL);
	struct mail_key_env e = { .local = local, .delims = "+-", .owner_request = true };
	static const struct { const char *addr; unsigned forms; bool is_local; const char *want; } v[] = {
		{ "u+x@d.test", MAIL_KEY_MAPPING, false, "u+x@d.test|u@d.test|@d.test|" },
		{ "u+x@d.test", MAIL_KEY_MAPPING, true, "u+x@d.test|u@d.test|u+x|u|@d.test|" },
		{ "u@d.test", MAIL_KEY_MAPPING, false, "u@d.test|@d.test|" },
		{ "u+x@d.test", MAIL_KEY_LOCAL_RCPT, false, "u+x@d.test|u@d.test|u+x|u|@d.test|" },
		{ "u+x@a.b.test", MAIL_KEY_TRANSPORT, false, "u+x@a.b.test|u@a.b.test|a.b.test|.b.test|.test|" },
		{ "u-x@b.test", MAIL_KEY_FULL | MAIL_KEY_NOEXT | MAIL_KEY_DOMAIN | MAIL_KEY_PARENT_BARE | MAIL_KEY_USER_AT, false,
		  "u-x@b.test|u@b.test|b.test|test|u-x@|u@|" },
		{ "u@[1.2.3.4]", MAIL_KEY_TRANSPORT, false, "u@[1.2.3.4]|[1.2.3.4]|" },
		{ "u+x", MAIL_KEY_MAPPING, false, "u+x|u|" },
		{ "u+x", MAIL_KEY_USER_NAME, false, "u+x|u|" },
		{ "a b@c", MAIL_KEY_FULL | MAIL_KEY_AT_DOMAIN, false, "\"a b\"@c|a b@c|@c|" },
		{ "owner-l@d", MAIL_KEY_MAILBOX, false, "owner-l@d|@d|" },
		{ "", MAIL_KEY_MAPPING, false, "" },
	};

	assert_non_null(local);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strvec_done) struct strvec keys = STRVEC_INIT(100);
		AUTO(strbuf_done) struct strbuf got = STRBUF_INIT(10000);

		mail_key_list(&e, v[i].addr, v[i].forms, v[i].is_local, &keys);
		for (size_t k = 0; k < keys.n; k++)
			strbuf_addf(&got, "%s|", keys.v[k]);
		assert_string_equal(got.s, v[i].want);
	}
}

static void
mappings(void **state UNUSED)
{
	AUTO(conf_free) struct conf *conf = conf_of("recipient_delimiter = +\n");
	AUTO(route_free) struct route *r = route_of(conf);
	AUTO(localdom_free) struct localdom *local = localdom_new(conf, NULL);
	struct mail_key_env e = { .local = local, .delims = "+", .owner_request = true };
	struct err err = ERR_INIT;
	AUTO(table_list_free) struct table_list *t = table_list_open("inline:{ {@at.test=joe@x.test} {@ad.test=@new.test} {u@u.test=j@x.test}"
	    " {k@u.test=@kk.test} {m@u.test=a,b@c.test} {n@u.test=<>} {loc=locx@x.test} {b@u.test=bare}"
	    " {g@u.test=friends: a@x.test, Bob <b@x.test>;} {full+ext@u.test=fe@x.test} {big@u.test=a,b,c,d,e,f,g,h,i,j,k} }",
	    TABLE_FOLD, conf, &err);
	static const struct { const char *addr, *want; } v[] = {
		{ "foo+bar@at.test", "joe@x.test|" }, { "foo+bar@ad.test", "foo+bar@new.test|" }, { "u+e@u.test", "j+e@x.test|" },
		{ "k+e@u.test", "k+e@kk.test|" }, { "m+z@u.test", "a+z@example.test|b+z@c.test|" }, { "n@u.test", "|" },
		{ "loc", "locx@x.test|" }, { "loc+e@mta.example.test", "locx+e@x.test|" }, { "loc@far.test", NULL },
		{ "b+x@u.test", "bare+x@example.test|" }, { "g@u.test", "a@x.test|b@x.test|" }, { "full+ext@u.test", "fe@x.test|" },
		{ "FULL+EXT@U.TEST", "fe@x.test|" }, { "other@u.test", NULL },
	};

	assert_non_null(t);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strvec_done) struct strvec out = STRVEC_INIT(10);
		AUTO(strbuf_done) struct strbuf got = STRBUF_INIT(10000);

		assert_int_equal(mail_key_map(&e, r, t, v[i].addr, MAIL_KEY_MAPPING, true, &out, &err), v[i].want != NULL);
		for (size_t k = 0; k < out.n; k++)
			strbuf_addf(&got, "%s|", out.v[k]);
		if (strcmp(got.s, v[i].want != NULL ? v[i].want : "") != 0)
			fail_msg("%s: %s", v[i].addr, got.s);
	}
	AUTO(strvec_done) struct strvec out = STRVEC_INIT(10);
	assert_int_equal(mail_key_map(&e, r, t, "big@u.test", MAIL_KEY_MAPPING, true, &out, &err), -1);
}

static void
count_warning(void *arg, const char *text)
{
	assert_string_equal(text, "do not list domain VA.test in BOTH virtual_alias_domains and virtual_mailbox_domains");
	++*(int *)arg;
}

static void
overlaps(void **state UNUSED)
{
	AUTO(conf_free) struct conf *conf = conf_of("virtual_mailbox_domains = VA.test, hash:va.test, !va.test\n");
	struct err err = ERR_INIT;
	struct route *r = route_new_conf(conf, &err);
	int n = 0;

	assert_non_null(r);
	route_warn(r, count_warning, &n);
	assert_int_equal(n, 1);
	route_free(&r);
}

/* ---- validation */
static void
validation(void **state UNUSED)
{
	AUTO(conf_free) struct conf *conf = conf_of("local_recipient_maps = inline:{joe=x, postmaster=x}\n"
	    "virtual_alias_maps = inline:{ {x@va.test=y@far.test} {big@example.test=joe} }\n"
	    "virtual_mailbox_maps = inline:{ {m@vm.test=m/} }\nrecipient_delimiter = +\nrelay_recipient_maps = inline:{ {r@relay.test=x} }\n"
	    "transport_maps = inline:{ {err.test=error:5.1.2 not accepted} {wait.test=error:4.7.0 later} }\n"
	    "relocated_maps = inline:{ {gone@example.test=new@x.test} }\n");
	AUTO(route_free) struct route *r = route_of(conf);
	AUTO(rcpt_check_free) struct rcpt_check *c = rcpt_check_new(conf, NULL);
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	static const struct { const char *addr; int code; const char *dsn, *text; } v[] = {
		{ "joe@example.test", 0, "", "" }, { "joe+x@example.test", 0, "", "" }, { "JOE@example.test", 0, "", "" },
		{ "ann@example.test", 550, "5.1.1", "User unknown in local recipient table" },
		{ "big@example.test", 0, "", "" }, { "x@va.test", 0, "", "" },
		{ "z@va.test", 550, "5.1.1", "User unknown in virtual alias table" },
		{ "m+q@vm.test", 0, "", "" }, { "n@vm.test", 550, "5.1.1", "User unknown in virtual mailbox table" },
		{ "r@relay.test", 0, "", "" }, { "s@relay.test", 550, "5.1.1", "User unknown in relay recipient table" },
		{ "any@far.test", 0, "", "" }, { "a@err.test", 550, "5.1.2", "not accepted" }, { "a@wait.test", 450, "4.7.0", "later" },
		{ "gone@example.test", 550, "5.1.6", "User has moved to new@x.test" },
		{ "a@b!c", 550, "5.1.3", "bad address syntax" },
	};

	assert_non_null(c);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct rcpt_verdict got = { 0 };
		struct route_to to;
		int ret;

		assert_int_equal(route_resolve(r, "", v[i].addr, pool, &to, NULL), 0);
		ret = rcpt_check(c, v[i].addr, &to, false, &got, NULL);
		assert_int_equal(ret, v[i].code == 0);
		if (ret == 0 && (got.code != v[i].code || strcmp(got.dsn, v[i].dsn) != 0 || strcmp(got.text, v[i].text) != 0))
			fail_msg("%s: %d %s %s", v[i].addr, got.code, got.dsn, got.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewrites), cmocka_unit_test(resolves), cmocka_unit_test(resolves_by_precedence),
		cmocka_unit_test(failing_tables_are_temporary), cmocka_unit_test(key_order), cmocka_unit_test(mappings), cmocka_unit_test(overlaps),
		cmocka_unit_test(validation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
