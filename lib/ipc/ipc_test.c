/* SPDX-License-Identifier: Apache-2.0 */
/* tests of messages, descriptor passing, pools, muxes and attribute lists */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "ipc/attr.h"
#include "ipc/client.h"
#include "task/task.h"

static void
make_pair(struct stream **a, struct stream **b)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*a = stream_new(fds[0], 4096, 4096);
	*b = stream_new(fds[1], 4096, 4096);
}

static void
test_msg(void **state)
{
	AUTO(stream_free) struct stream *a = NULL;
	AUTO(stream_free) struct stream *b = NULL;
	AUTO(msg_done) struct msg m = MSG_INIT;
	struct err err = ERR_INIT;
	const char *v;
	int64_t n;

	(void)state;
	make_pair(&a, &b);
	msg_begin(&m, 0x1234);
	msg_str(&m, "id", "4ABC");
	msg_str(&m, "empty", "");
	msg_num(&m, "min", -INT64_MAX);
	msg_num(&m, "zero", 0);
	msg_str(&m, "rcpt", "a");
	msg_str(&m, "rcpt", "b");
	assert_int_equal(msg_send(a, &m, &err), 0);
	assert_int_equal(msg_recv(b, &m, &err), 1);
	assert_int_equal(m.type, 0x1234);
	assert_int_equal(m.n_fields, 6);
	assert_string_equal(msg_get(&m, "id"), "4ABC");
	assert_string_equal(msg_get(&m, "empty"), "");
	assert_string_equal(m.fields[5].value, "b");
	assert_int_equal(msg_get_num(&m, "min", INT64_MIN, 0, &n, &err), 0);
	assert_true(n == -INT64_MAX);
	assert_int_equal(msg_get_num(&m, "zero", 1, 9, &n, &err), -1);
	assert_int_equal(err.class, ERR_PROTO);
	assert_int_equal(msg_get_str(&m, "none", &v, &err), -1);
	assert_int_equal(msg_get_num_or(&m, "id", 7), 7);

	/* too large: refused by the sender */
	msg_begin(&m, 1);
	for (int i = 0; i < 5000; i++) {
		char text[1001];

		memset(text, 'x', 1000);
		text[1000] = '\0';
		msg_str(&m, "x", text);
	}
	assert_int_equal(msg_send(a, &m, &err), -1);
	assert_int_equal(err.class, ERR_PERM);
	stream_free(&a);
	assert_int_equal(msg_recv(b, &m, &err), 0);
}

static void
test_bad_frames(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = {
		{ "\xff\xff\xff\xff\x01\x00", 6 },			/* too long */
		{ "\x01\x00\x00\x00\x01", 5 },				/* too short for a type */
		{ "\x06\x00\x00\x00\x01\x00" "ab\0c", 10 },		/* value without end */
		{ "\x04\x00\x00\x00\x01\x00" "a\0", 8 },		/* no value */
		{ "\x05\x00\x00\x00\x01\x00" "\0a\0", 9 },		/* no name */
		{ "\x09\x00\x00\x00\x01\x00" "a\0", 8 },		/* cut off */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(stream_free) struct stream *a = NULL;
		AUTO(stream_free) struct stream *b = NULL;
		AUTO(msg_done) struct msg m = MSG_INIT;
		struct err err = ERR_INIT;

		make_pair(&a, &b);
		assert_int_equal(stream_write(a, cases[i].bytes, cases[i].n, &err), 0);
		assert_int_equal(stream_flush(a, &err), 0);
		stream_free(&a);
		assert_int_equal(msg_recv(b, &m, &err), -1);
		assert_true(err.class == ERR_PROTO || err.class == ERR_EOF);
	}
}

static void
test_fd(void **state)
{
	struct err err = ERR_INIT;
	int s[2], p[2], got;
	char c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(msg_send_fd(s[0], p[1], clock_mono_ms() + 1000, &err), 0);
	assert_int_equal(msg_recv_fd(s[1], &got, clock_mono_ms() + 1000, &err), 0);
	assert_int_equal(write(got, "x", 1), 1);
	assert_int_equal(read(p[0], &c, 1), 1);
	assert_int_equal(msg_recv_fd(s[1], &got, clock_mono_ms() + 10, &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	assert_int_equal(write(s[0], "y", 1), 1);
	assert_int_equal(msg_recv_fd(s[1], &got, clock_mono_ms() + 10, &err), -1);
	assert_int_equal(err.class, ERR_PROTO);
	close(s[0]);
	assert_int_equal(msg_recv_fd(s[1], &got, clock_mono_ms() + 10, &err), -1);
	assert_int_equal(err.class, ERR_EOF);
	close(s[1]);
	close(p[0]);
	close(p[1]);
}

/* ---- a service in the same process */
static int n_connects, die_after;
static int served;

static void
handler(void *arg, struct msg *request, struct msg *reply)
{
	int64_t n = msg_get_num_or(request, "n", -1);

	(void)arg;
	served++;
	if (request->type == 2)		/* posted: no answer */
		return;
	if (n % 3 == 0)
		(void)task_sleep((uint64_t)(n % 7), NULL);	/* answers come out of order */
	if (n == 1000)
		(void)task_sleep(200, NULL);
	msg_begin(reply, 1);
	msg_num(reply, "square", n * n);
}

static void
serve(void *arg)
{
	struct stream *s = arg;

	ipc_mux_serve(s, handler, NULL, 8);
	stream_free(&s);
}

/* A service that reads a little and goes away. */
static void
serve_badly(void *arg)
{
	struct stream *s = arg;
	char c;

	if (stream_read(s, &c, 1, NULL) < 0)
		served--;
	stream_free(&s);
}

static int
connect_here(void *arg, struct err *err)
{
	int fds[2];

	(void)arg;
	(void)err;
	n_connects++;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	task_start("serve", die_after-- > 0 ? serve_badly : serve, stream_new(fds[0], 4096, 4096));
	return fds[1];
}

static struct ipc_mux *mux;
static int callers, answers;

static void
caller(void *arg)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	int64_t n = (intptr_t)arg, square;
	struct err err = ERR_INIT;

	for (int i = 0; i < 20; i++, n++) {
		msg_begin(&m, 1);
		msg_num(&m, "n", n);
		assert_int_equal(ipc_mux_call(mux, &m, &m, 5000, &err), 0);
		assert_int_equal(msg_get_num(&m, "square", 0, INT64_MAX, &square, &err), 0);
		assert_true(square == n * n);
		answers++;
	}
	if (--callers == 0)
		ipc_mux_free(&mux);
}

static void
mux_first(void *arg)
{
	(void)arg;
	mux = ipc_mux_new(connect_here, NULL);
	callers = 40;
	for (int i = 0; i < 40; i++)
		task_start("caller", caller, (void *)(intptr_t)(i * 13));
}

static void
test_mux(void **state)
{
	(void)state;
	n_connects = answers = 0;
	task_main("mux", mux_first, NULL);
	assert_int_equal(answers, 800);
	assert_int_equal(n_connects, 1);
}

/* All callers lose their connection once, and are served by the next. */
static void
test_mux_lost(void **state)
{
	(void)state;
	n_connects = answers = 0;
	die_after = 1;
	task_main("mux", mux_first, NULL);
	assert_int_equal(answers, 800);
	assert_int_equal(n_connects, 2);
}

static void
mux_edges(void *arg)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	AUTO(msg_done) struct msg reply = MSG_INIT;
	struct err err = ERR_INIT;

	(void)arg;
	mux = ipc_mux_new(connect_here, NULL);
	/* gives up, and the late answer does not confuse the next */
	msg_begin(&m, 1);
	msg_num(&m, "n", 1000);
	assert_int_equal(ipc_mux_call(mux, &m, &reply, 20, &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	(void)task_sleep(250, NULL);
	msg_begin(&m, 1);
	msg_num(&m, "n", 5);
	assert_int_equal(ipc_mux_call(mux, &m, &reply, 1000, &err), 0);
	assert_int_equal(msg_get_num_or(&reply, "square", 0), 25);
	/* posted: no answer */
	msg_begin(&m, 2);
	served = 0;
	assert_int_equal(ipc_mux_post(mux, &m, &err), 0);
	(void)task_sleep(10, NULL);
	assert_int_equal(served, 1);
	/* a service that always dies is an error, not a loop */
	ipc_mux_free(&mux);
	mux = ipc_mux_new(connect_here, NULL);
	die_after = 100;
	n_connects = 0;
	msg_begin(&m, 1);
	assert_int_equal(ipc_mux_call(mux, &m, &m, 1000, &err), -1);
	assert_int_equal(err.class, ERR_EOF);
	assert_int_equal(n_connects, 2);
	die_after = 0;
	ipc_mux_free(&mux);
}

static void
test_mux_edges(void **state)
{
	(void)state;
	task_main("mux", mux_edges, NULL);
}

/* ---- pool */
static int pool_ends[10], n_ends;

static int
connect_pair(void *arg, struct err *err)
{
	int fds[2];

	(void)arg;
	(void)err;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pool_ends[n_ends++] = fds[0];
	return fds[1];
}

static void
pooled(void *arg)
{
	struct ipc_pool *p = ipc_pool_new(connect_pair, NULL, 50, 1);
	struct stream *a, *b;
	struct err err = ERR_INIT;
	int fd;

	(void)arg;
	a = ipc_pool_get(p, &err);
	fd = stream_fd(a);
	ipc_pool_put(p, &a);
	assert_null(a);
	a = ipc_pool_get(p, &err);
	assert_int_equal(stream_fd(a), fd);	/* the same again */
	b = ipc_pool_get(p, &err);
	assert_int_equal(n_ends, 2);
	ipc_pool_put(p, &a);
	ipc_pool_put(p, &b);			/* one too many: closed */
	close(pool_ends[0]);
	a = ipc_pool_get(p, &err);		/* the idle one had gone stale */
	assert_int_equal(n_ends, 3);
	ipc_pool_put(p, &a);
	(void)task_sleep(150, NULL);		/* idle too long */
	a = ipc_pool_get(p, &err);
	assert_int_equal(n_ends, 4);
	ipc_pool_drop(p, &a);
	ipc_pool_free(&p);
	for (int i = 1; i < n_ends; i++)
		close(pool_ends[i]);
}

static void
test_pool(void **state)
{
	(void)state;
	task_main("pooled", pooled, NULL);
}

/* ---- attribute lists */
static void
test_attr(void **state)
{
	(void)state;
	for (int style = ATTR_NUL; style <= ATTR_LINE; style++) {
		AUTO(stream_free) struct stream *a = NULL;
		AUTO(stream_free) struct stream *b = NULL;
		AUTO(attr_done) struct attr_list l = ATTR_LIST_INIT;
		struct err err = ERR_INIT;
		uint64_t n;

		make_pair(&a, &b);
		attr_put(a, style, "request", "connect");
		attr_put(a, style, "ident", "smtp:1.2.3.4=x");
		attr_put_num(a, style, "count", -1);
		attr_put(a, style, "empty", "");
		attr_end(a, style);
		attr_put(a, style, "next", "two\nlines");
		attr_end(a, style);
		assert_int_equal(stream_flush(a, &err), 0);
		assert_int_equal(attr_read(b, style, &l, 10, 1000, &err), 1);
		assert_int_equal(l.n, 4);
		assert_string_equal(attr_get(&l, "ident"), "smtp:1.2.3.4=x");
		assert_string_equal(attr_get(&l, "empty"), "");
		assert_int_equal(attr_get_num(&l, "count", UINT32_MAX, &n, &err), 0);
		assert_int_equal(n, 4294967295u);
		assert_int_equal(attr_read(b, style, &l, 10, 1000, &err), 1);
		assert_string_equal(attr_get(&l, "next"), style == ATTR_NUL ? "two\nlines" : "two?lines");
		/* limits and bad ends */
		attr_put(a, style, "x", "1");
		attr_put(a, style, "y", "2");
		attr_end(a, style);
		assert_int_equal(stream_flush(a, &err), 0);
		assert_int_equal(attr_read(b, style, &l, 1, 1000, &err), -1);
		assert_int_equal(err.class, ERR_PROTO);
		stream_free(&a);
		while (attr_read(b, style, &l, 10, 1000, &err) == 1)
			;
		assert_int_equal(attr_read(b, style, &l, 10, 1000, &err), 0);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_msg), cmocka_unit_test(test_bad_frames), cmocka_unit_test(test_fd), cmocka_unit_test(test_mux),
		cmocka_unit_test(test_mux_lost), cmocka_unit_test(test_mux_edges), cmocka_unit_test(test_pool),
		cmocka_unit_test(test_attr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
