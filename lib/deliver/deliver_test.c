/* SPDX-License-Identifier: Apache-2.0 */
/* tests of delivery requests and of what is logged, recorded and marked for an outcome */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/deliver_report.h"
#include "deliver/fake_bounce.h"

static void
test_delay(void **state)
{
	static const struct {
		int64_t us;
		int resolution;
		const char *text;
	} cases[] = {
		{ 0, 2, "0" }, { -5, 2, "0" }, { 20000, 2, "0.02" }, { 23456, 2, "0.02" }, { 23456, 6, "0.023" }, { 100000, 2, "0.1" },
		{ 123456, 2, "0.12" }, { 1234567, 2, "1.2" }, { 1800000, 2, "1.8" }, { 9960000, 2, "10" }, { 29400000, 2, "29" },
		{ 193000000, 2, "193" }, { 4000, 2, "0" }, { 6000, 2, "0.01" }, { 1234567, 0, "1" }, { 12, 6, "0.000012" },
		{ 3, 6, "0.000003" }, { 999999, 2, "1" }, { 86400000000, 2, "86400" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char buf[DELIVER_DELAY_SIZE];

		assert_string_equal(deliver_delay(cases[i].us, cases[i].resolution, buf), cases[i].text);
	}
}

static void
test_request(void **state)
{
	static const struct qrcpt rcpts[2] = {
		{ .addr = "a@x.test", .orig = "o@x.test", .dsn_orcpt = "rfc822;q", .dsn_notify = 3, .offset = 100 },
		{ .addr = "", .orig = "", .dsn_orcpt = "", .offset = -1 },
	};
	static const struct qattr attrs[2] = { { "client_name", "unknown" }, { "empty", "" } };
	struct deliver_req out, req = {
		.queue = "active", .id = "4ABC", .nexthop = "x.test", .encoding = "8bit", .sender = "", .dsn_envid = "e", .log_ident = "4ABC",
		.rewrite_context = "remote", .flags = 1024, .dsn_ret = 2, .send_options = 1, .content_offset = 80, .content_size = 1000,
		.arrival = { 10, 20 }, .active_time = { 11, 21 }, .handoff_time = { 12, 22 }, .attrs = attrs, .n_attrs = 2, .rcpts = rcpts,
		.n_rcpts = 2,
	};
	struct deliver_done done = { .n_deferred = 3, .dsn = "4.4.1", .reason = "no route" }, back;
	AUTO(msg_done) struct msg m = MSG_INIT;
	struct err err = ERR_INIT;
	struct stream *a, *b;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	a = stream_new(fds[0], 4096, 4096);
	b = stream_new(fds[1], 4096, 4096);
	deliver_encode(&m, &req);
	assert_int_equal(msg_send(a, &m, &err), 0);
	assert_int_equal(deliver_recv(b, &m, &out, &err), 1);
	assert_string_equal(out.id, "4ABC");
	assert_string_equal(out.encoding, "8bit");
	assert_int_equal(out.n_rcpts, 2);
	assert_string_equal(out.rcpts[0].dsn_orcpt, "rfc822;q");
	assert_int_equal(out.rcpts[0].dsn_notify, 3);
	assert_int_equal(out.rcpts[0].offset, 100);
	assert_string_equal(out.rcpts[1].addr, "");
	assert_string_equal(out.rcpts[1].orig, "");
	assert_int_equal(out.rcpts[1].offset, -1);
	assert_string_equal(deliver_attr(&out, "client_name"), "unknown");
	assert_string_equal(deliver_attr(&out, "none"), "");
	assert_int_equal(out.handoff_time.tv_sec, 12);
	assert_int_equal(out.active_time.tv_usec, 21);
	deliver_req_done(&out);
	assert_int_equal(deliver_reply(b, &done, &err), 0);
	assert_int_equal(msg_recv(a, &m, &err), 1);
	assert_int_equal(deliver_decode_done(&m, &back, &err), 0);
	assert_int_equal(back.n_deferred, 3);
	assert_string_equal(back.reason, "no route");
	/* damaged ones */
	msg_begin(&m, DELIVER_REQUEST);
	msg_str(&m, "queue", "active");
	assert_int_equal(msg_send(a, &m, &err), 0);
	assert_int_equal(deliver_recv(b, &m, &out, &err), -1);
	req.id = "../x";
	deliver_encode(&m, &req);
	assert_int_equal(msg_send(a, &m, &err), 0);
	assert_int_equal(deliver_recv(b, &m, &out, &err), -1);
	assert_int_equal(err.class, ERR_PROTO);
	stream_free(&a);
	stream_free(&b);
}

static char line[2000];

static void
catch_line(enum log_level level, const char *text)
{
	if (level == LOG_LEVEL_INFO)
		snprintf(line, sizeof(line), "%s", text);
}

static void
test_outcomes(void **state)
{
	struct timeval now = clock_wall();
	struct deliver_req req = { .id = "4ABC", .flags = 0, .arrival = now, .active_time = now, .handoff_time = now };
	struct deliver_ctx c = { .req = &req, .resolution = 0 };
	struct qrcpt r = { .addr = "a b@x.test", .orig = "A B@X.test", .dsn_orcpt = "", .offset = 7 };
	struct deliver_outcome o = { .dsn = "2.0.0", .relay = "mx[1.2.3.4]:25", .reason = "250 Ok" };

	(void)state;
	log_set_to(0);
	log_tee(catch_line);
	deliver_sent(&c, &r, &o);
	assert_string_equal(line, "4ABC: to=<\"a b\"@x.test>, relay=mx[1.2.3.4]:25, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (250 Ok)");
	assert_string_equal(fake_bounce_last, "");
	r.orig = "list@x.test";
	r.dsn_notify = 2;
	c.conn_use = 2;
	deliver_sent(&c, &r, &o);
	assert_string_equal(line, "4ABC: to=<\"a b\"@x.test>, orig_to=<list@x.test>, relay=mx[1.2.3.4]:25, conn_use=2, delay=0, "
	    "delays=0/0/0/0, dsn=2.0.0, status=sent (250 Ok)");
	assert_string_equal(fake_bounce_last, "trace 4ABC a b@x.test 2.0.0 delivered delivery via mx[1.2.3.4]:25: 250 Ok");
	r.addr = "a@x.test";
	c.conn_use = 0;
	o = (struct deliver_outcome){ .dsn = "5.1.1", .reason = "unknown" };
	deliver_by_dsn(&c, &r, &o);
	assert_non_null(strstr(line, "relay=none,"));
	assert_non_null(strstr(line, "dsn=5.1.1, status=bounced (unknown)"));
	assert_string_equal(fake_bounce_last, "bounce 4ABC a@x.test 5.1.1 failed unknown");
	assert_int_equal(c.done.n_deferred, 0);
	c.soft_bounce = true;
	deliver_by_dsn(&c, &r, &o);
	assert_non_null(strstr(line, "dsn=4.1.1, status=SOFTBOUNCE (unknown)"));
	assert_string_equal(fake_bounce_last, "defer 4ABC a@x.test 4.1.1 delayed unknown");
	assert_int_equal(c.done.n_deferred, 1);
	c.soft_bounce = false;
	fake_bounce_fails = true;
	deliver_by_dsn(&c, &r, &o);
	assert_non_null(strstr(line, "dsn=4.3.0, status=deferred (bounce or trace service failure)"));
	assert_int_equal(c.done.n_deferred, 2);
	fake_bounce_fails = false;
	req.flags = DELIVER_F_EXPAND;
	deliver_by_dsn(&c, &r, &o);
	assert_non_null(strstr(line, "dsn=5.1.1, status=undeliverable (unknown)"));
	assert_string_equal(fake_bounce_last, "trace 4ABC a@x.test 5.1.1 undeliverable delivery via none: unknown");
	o.dsn = "4.4.1";
	fake_bounce_last[0] = '\0';
	req.flags = DELIVER_F_VERIFY;
	deliver_by_dsn(&c, &r, &o);
	assert_non_null(strstr(line, "dsn=4.4.1, status=undeliverable (unknown)"));
	assert_string_equal(fake_bounce_last, "");
	assert_int_equal(c.done.n_deferred, 2);
	log_tee(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay), cmocka_unit_test(test_request), cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
