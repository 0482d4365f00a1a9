/* SPDX-License-Identifier: Apache-2.0 */
/* tests of the parts of the skeleton that need no process of their own: hub packets, queue directories, log settings */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/hub.h"
#include "daemon/layout.h"
#include "daemon/logconf.h"

static void
test_hub(void **state)
{
	struct hub_msg m = { .type = HUB_STATE, .flags = HUB_READY | HUB_ROOM, .value = 7, .seq = 9, .name = "resolver" }, got;
	int pair[2], fd = -1, pipefd[2];
	char c = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(hub_recv(pair[1], &got, &fd), 0);	/* nothing there: does not wait */
	assert_int_equal(hub_send(pair[0], &m, -1), 0);
	assert_int_equal(hub_send(pair[0], &m, pipefd[1]), 0);
	assert_int_equal(hub_recv(pair[1], &got, &fd), 1);
	assert_int_equal(fd, -1);
	assert_memory_equal(&got, &m, sizeof(m));
	assert_int_equal(hub_recv(pair[1], &got, &fd), 1);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(pipefd[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	close(fd);
	/* a packet of another size is as bad as a lost peer */
	assert_int_equal(send(pair[0], "short", 5, 0), 5);
	assert_int_equal(hub_recv(pair[1], &got, &fd), -1);
	close(pair[0]);
	assert_int_equal(hub_recv(pair[1], &got, &fd), -1);
	close(pair[1]);
	close(pipefd[0]);
	close(pipefd[1]);
}

/* Until nobody reads the sender is told so, and never waits. */
static void
test_hub_full(void **state)
{
	struct hub_msg m = { .type = HUB_STATE };
	int pair[2], n = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	while (n < 1000000 && hub_send(pair[0], &m, -1) == 0)
		n++;
	assert_in_range(n, 10, 999999);
	close(pair[0]);
	close(pair[1]);
}

static unsigned told;

static void
on_wrong(void *arg, const char *what, const char *command)
{
	(void)arg;
	assert_non_null(strstr(what, "/spool/"));
	assert_non_null(strstr(command, "/spool/"));
	told++;
}

static void
test_layout(void **state)
{
	char dir[] = "/tmp/layout.XXXXXX", path[300], command[200];
	struct layout_owner o = { .uid = geteuid() == 0 ? 65534 : geteuid(), .setgid = geteuid() == 0 ? 65534 : getegid() };
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/spool", dir);
	assert_int_equal(layout_make(path, &o, &err), 0);
	assert_int_equal(layout_make(path, &o, &err), 0);
	snprintf(path, sizeof(path), "%s/spool/maildrop", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0730);
	assert_int_equal(chmod(path, 01777), 0);
	snprintf(path, sizeof(path), "%s/spool/hold", dir);
	assert_int_equal(rmdir(path), 0);
	if (geteuid() == 0) {	/* owners can be right only then */
		snprintf(path, sizeof(path), "%s/spool", dir);
		assert_int_equal(layout_check(path, &o, false, on_wrong, NULL), 2);
		assert_int_equal(told, 2);
		assert_int_equal(layout_check(path, &o, true, NULL, NULL), 2);
		assert_int_equal(layout_check(path, &o, false, on_wrong, NULL), 1);	/* the missing one */
	}
	snprintf(command, sizeof(command), "%s/spool", dir);
	for (size_t i = 0; i < layout_dirs_n; i++) {
		snprintf(path, sizeof(path), "%s/%s", command, layout_dirs[i].name);
		rmdir(path);
	}
	rmdir(command);
	rmdir(dir);
}

static void
test_facility(void **state)
{
	(void)state;
	assert_int_equal(log_facility_parse("mail"), LOG_MAIL);
	assert_int_equal(log_facility_parse("LOCAL3"), LOG_LOCAL3);
	assert_int_equal(log_facility_parse("nonsense"), -1);
}

static void
test_maillog(void **state)
{
	static const struct {
		const char *prefixes, *path;
		int r;
	} cases[] = {
		{ "/var, /dev/stdout", "/var/log/mail.log", 0 }, { "/var, /dev/stdout", "/dev/stdout", 0 },
		{ "/var", "/variety/log", -1 }, { "/var/", "/var/x", 0 }, { "/", "/anything", 0 }, { "/var", "var/log", -1 },
		{ "/var", "/var/../etc/passwd", -1 }, { "", "/var/log/x", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = ERR_INIT;
		struct conf *c = conf_load_text("", &err);

		assert_non_null(c);
		conf_set(c, "maillog_file_prefixes", cases[i].prefixes);
		assert_int_equal(maillog_check(c, cases[i].path, &err), cases[i].r);
		conf_free(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hub), cmocka_unit_test(test_hub_full), cmocka_unit_test(test_layout), cmocka_unit_test(test_facility),
		cmocka_unit_test(test_maillog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
