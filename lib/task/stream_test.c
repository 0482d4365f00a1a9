/* SPDX-License-Identifier: Apache-2.0 */
/* tests of streams: lines, limits, deadlines, large writes both ways, filters */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "task/stream.h"
#include "task/task.h"

static void
make_pair(struct stream **a, struct stream **b)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*a = stream_new(fds[0], 256, 256);
	*b = stream_new(fds[1], 256, 256);
}

static void
lines(void *arg)
{
	AUTO(stream_free) struct stream *a = NULL;
	AUTO(stream_free) struct stream *b = NULL;
	struct err err = ERR_INIT;
	char *line;
	size_t len;
	char raw[200];

	(void)arg;
	make_pair(&a, &b);
	stream_printf(a, "one\r\ntwo\n\n%s", "thr");
	assert_int_equal(stream_flush(a, &err), 0);
	assert_int_equal(stream_line(b, &line, &len, 256, &err), 1);
	assert_int_equal(len, 4);
	assert_string_equal(line, "one\r");
	assert_true(stream_readable(b));
	assert_int_equal(stream_line(b, &line, &len, 256, &err), 1);
	assert_string_equal(line, "two");
	assert_int_equal(stream_line(b, &line, &len, 256, &err), 1);
	assert_int_equal(len, 0);
	stream_printf(a, "ee\n");
	assert_int_equal(stream_flush(a, &err), 0);
	assert_int_equal(stream_line(b, &line, &len, 256, &err), 1);
	assert_string_equal(line, "three");
	assert_false(stream_readable(b));

	/* a line that is too long stays where it is */
	memset(raw, 'x', sizeof(raw));
	assert_int_equal(stream_write(a, raw, sizeof(raw), &err), 0);
	assert_int_equal(stream_flush(a, &err), 0);
	assert_int_equal(stream_line(b, &line, &len, 100, &err), -1);
	assert_int_equal(err.class, ERR_PROTO);
	assert_int_equal(stream_read_exact(b, raw, sizeof(raw), &err), 1);

	/* deadline */
	stream_set_timeout(b, 10);
	assert_int_equal(stream_line(b, &line, &len, 100, &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	stream_set_timeout(b, TASK_FOREVER);
	stream_set_deadline(b, clock_mono_ms() + 10);
	assert_int_equal(stream_line(b, &line, &len, 100, &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	stream_set_deadline(b, TASK_FOREVER);

	/* end: in the middle, then clean */
	stream_printf(a, "half");
	assert_int_equal(stream_flush(a, &err), 0);
	stream_free(&a);
	assert_int_equal(stream_line(b, &line, &len, 100, &err), -1);
	assert_int_equal(err.class, ERR_EOF);
	assert_int_equal(stream_read_exact(b, raw, 4, &err), 1);
	assert_int_equal(stream_line(b, &line, &len, 100, &err), 0);
	/* a write to one who left: an error, no signal, and it sticks */
	stream_printf(b, "x");
	assert_int_equal(stream_flush(b, &err), -1);
	assert_int_equal(stream_write(b, "x", 1, &err), -1);
	assert_int_equal(err.sys, EPIPE);
}

static void
test_lines(void **state)
{
	(void)state;
	task_main("lines", lines, NULL);
	lines(NULL);		/* and outside tasks */
}

/* ---- much data */
enum { MUCH = 3 << 20 };

static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 2654435761u >> 13);
}

static void
sender(void *arg)
{
	struct stream *s = arg;
	unsigned char buf[1000];
	size_t at = 0, step = 1;

	while (at < MUCH) {
		size_t n = step % sizeof(buf) + 1;

		if (n > MUCH - at)
			n = MUCH - at;
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(at + i);
		assert_int_equal(stream_write(s, buf, n, NULL), 0);
		at += n;
		step = step * 7 + 3;
	}
	assert_int_equal(stream_flush(s, NULL), 0);
	stream_free(&s);
}

static void
much(void *arg)
{
	AUTO(stream_free) struct stream *b = NULL;
	struct stream *a;
	unsigned char buf[700];
	size_t at = 0, step = 5;
	ssize_t r;

	(void)arg;
	make_pair(&a, &b);
	task_start("sender", sender, a);
	while ((r = stream_read(b, buf, step % sizeof(buf) + 1, NULL)) > 0) {
		for (ssize_t i = 0; i < r; i++)
			assert_int_equal(buf[i], byte_at(at + (size_t)i));
		at += (size_t)r;
		step = step * 5 + 1;
	}
	assert_int_equal(r, 0);
	assert_int_equal(at, MUCH);
}

static void
test_much(void **state)
{
	(void)state;
	task_main("much", much, NULL);
}

/* ---- a filter: every byte changed by xor */
static ssize_t
xor_read(void *arg, int fd, void *buf, size_t n, uint64_t deadline, struct err *err)
{
	unsigned char *p = buf;
	ssize_t r;

	if (task_wait_fd(fd, true, false, deadline, err) < 0)
		return -1;
	r = read(fd, buf, n);
	for (ssize_t i = 0; i < r; i++)
		p[i] ^= *(unsigned char *)arg;
	return r;
}

static ssize_t
xor_write(void *arg, int fd, const void *buf, size_t n, uint64_t deadline, struct err *err)
{
	unsigned char c = *(const unsigned char *)buf ^ *(unsigned char *)arg;

	(void)n;
	if (task_wait_fd(fd, false, true, deadline, err) < 0)
		return -1;
	return write(fd, &c, 1);
}

static int freed;

static void
xor_free(void *arg)
{
	(void)arg;
	freed++;
}

static void
filtered(void *arg)
{
	static const struct stream_ops ops = { .read = xor_read, .write = xor_write, .free = xor_free };
	static unsigned char key = 0x55;
	AUTO(stream_free) struct stream *a = NULL;
	AUTO(stream_free) struct stream *b = NULL;
	char *line;
	size_t len;

	(void)arg;
	make_pair(&a, &b);
	stream_set_ops(a, &ops, &key);
	stream_set_ops(b, &ops, &key);
	stream_printf(a, "secret\n");
	assert_int_equal(stream_flush(a, NULL), 0);
	assert_int_equal(stream_line(b, &line, &len, 100, NULL), 1);
	assert_string_equal(line, "secret");
}

static void
test_filter(void **state)
{
	(void)state;
	task_main("filtered", filtered, NULL);
	assert_int_equal(freed, 2);
}

/* ---- TCP */
static void
tcp(void *arg)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0), fd;
	struct err err = ERR_INIT;

	(void)arg;
	assert_int_equal(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l, 5), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	fd = stream_connect_tcp((struct sockaddr *)&sin, sizeof(sin), NULL, 0, clock_mono_ms() + 5000, &err);
	assert_true(fd >= 0);
	task_forget_fd(fd);
	close(fd);
	close(l);
	fd = stream_connect_tcp((struct sockaddr *)&sin, sizeof(sin), NULL, 0, clock_mono_ms() + 5000, &err);
	assert_int_equal(fd, -1);
	assert_int_equal(err.sys, ECONNREFUSED);
}

static void
test_tcp(void **state)
{
	(void)state;
	task_main("tcp", tcp, NULL);
	tcp(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_much), cmocka_unit_test(test_filter), cmocka_unit_test(test_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
