/* SPDX-License-Identifier: Apache-2.0 */
/* postconf_test - the program's output against what Postfix's prints, and editing */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strvec.h"

static const char *
golden_dir(void)
{
	static char dir[4096];
	const char *slash = strrchr(__FILE__, '/');

	snprintf(dir, sizeof(dir), "%.*s/../../tests/golden/postconf", (int)(slash - __FILE__), __FILE__);
	return dir;
}

/* Runs bin/postconf; its standard output, and exit status in *status. */
static char *
run_postconf(const char *const *args, int *status)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char *argv[20] = { strdup("postconf") };

		for (int i = 0; args[i] != NULL && i < 18; i++)
			argv[i + 1] = strdup(args[i]);
		dup2(p[1], 1);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(99);
		execv("bin/postconf", argv);
		_exit(98);
	}
	close(p[1]);
	assert_int_equal(io_read_fd(p[0], &out, &err), 0);
	close(p[0]);
	assert_int_equal(waitpid(pid, status, 0), pid);
	return strbuf_take(&out);
}

static char *
read_file(const char *path)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	if (io_read_file(path, &b, &err) < 0)
		fail_msg("%s", err.text);
	return strbuf_take(&b);
}

/* Takes out the line that begins with prefix. */
static void
drop_line(char *text, const char *prefix)
{
	char *p = strstr(text, prefix), *end = p != NULL ? strchr(p, '\n') : NULL;

	if (end != NULL)
		memmove(p, end + 1, strlen(end + 1) + 1);
}

static void
compare_one(const char *name)
{
	for (const char *letter = "nMP"; *letter != '\0'; letter++) {
		AUTO(mem_free) char *dir = mem_printf("%s/%s", golden_dir(), name), *path = mem_printf("%s/expected.%c", dir, *letter);
		AUTO(mem_free) char *option = mem_printf("-%c", *letter), *expected = read_file(path), *got = NULL;
		int status;

		got = run_postconf((const char *const[]){ "-c", dir, option, NULL }, &status);
		drop_line(got, "config_directory = ");
		assert_int_equal(status, 0);
		assert_string_equal(got, expected);
	}
}

static void
test_golden(void **state)
{
	DIR *d = opendir(golden_dir());
	int n = 0;

	(void)state;
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9') {
			compare_one(e->d_name);
			n++;
		}
	closedir(d);
	assert_int_equal(n, 10);
}

static void
write_file(const char *dir, const char *name, const char *text)
{
	AUTO(mem_free) char *path = mem_printf("%s/%s", dir, name);
	struct err err = ERR_INIT;

	assert_int_equal(io_replace_file(path, text, strlen(text), 0640, &err), 0);
}

static const char main_cf[] = "# c1\na = 1,\n # in\n  2\nb = 3\n\n#b = 4\nmyhostname=x\n";
static const char master_cf[] = "# top\nsmtp      inet  n       -       y       -       -       smtpd\n  -o syslog_name=x/y\n# mid\n"
    "  -o { smtpd_banner = a b c }\npickup    unix  n       -       y       60      1       pickup\n# end\n";

static void
test_edit(void **state)
{
	static const struct {
		const char *args[6];
		const char *file, *expected;	/* NULL: as before, and a failure */
	} cases[] = {
		{ { "-e", "a=9", "new = { y }" }, "main.cf", "# c1\na = 9\n # in\nb = 3\n\n#b = 4\nmyhostname=x\nnew = { y }\n" },
		{ { "myhostname=" }, "main.cf", "# c1\na = 1,\n # in\n  2\nb = 3\n\n#b = 4\nmyhostname =\n" },
		{ { "-X", "a" }, "main.cf", "# c1\n # in\nb = 3\n\n#b = 4\nmyhostname=x\n" },
		{ { "-#", "a" }, "main.cf", "# c1\n#a = 1,\n # in\n#  2\nb = 3\n\n#b = 4\nmyhostname=x\n" },
		{ { "-e", "foo bar" }, "main.cf", NULL },
		{ { "-e", "a=b\nc" }, "main.cf", NULL },
		{ { "-e", "#a=b" }, "main.cf", NULL },
		{ { "-X", "a=b" }, "main.cf", NULL },
		{ { "-Me", "x/unix=x unix - - n - 5 smtp -o { a = b c } -v" }, "master.cf", "# top\nsmtp      inet  n       -       y       -       -       smtpd\n"
		    "  -o syslog_name=x/y\n# mid\n  -o { smtpd_banner = a b c }\npickup    unix  n       -       y       60      1       pickup\n# end\n"
		    "x          unix  -       -       n       -       5       smtp\n    -o {a=b c}\n    -v\n" },
		{ { "-MX", "smtp/inet" }, "master.cf", "# top\n# mid\npickup    unix  n       -       y       60      1       pickup\n# end\n" },
		{ { "-M#", "pickup/unix" }, "master.cf", "# top\nsmtp      inet  n       -       y       -       -       smtpd\n  -o syslog_name=x/y\n# mid\n"
		    "  -o { smtpd_banner = a b c }\n#pickup    unix  n       -       y       60      1       pickup\n# end\n" },
		{ { "-Fe", "pickup/unix/chroot=n", "pickup/unix/wakeup=9?" }, "master.cf", "# top\nsmtp      inet  n       -       y       -       -       smtpd\n"
		    "  -o syslog_name=x/y\n# mid\n  -o { smtpd_banner = a b c }\npickup     unix  n       -       n       9?      1       pickup\n# end\n" },
		{ { "-Pe", "smtp/inet/smtpd_banner=z", "smtp/inet/q=w" }, "master.cf", "# top\nsmtp       inet  n       -       y       -       -       smtpd\n"
		    "    -o syslog_name=x/y\n    -o smtpd_banner=z\n    -o q=w\n# mid\npickup    unix  n       -       y       60      1       pickup\n# end\n" },
		{ { "-PX", "smtp/inet/syslog_name" }, "master.cf", "# top\nsmtp       inet  n       -       y       -       -       smtpd\n"
		    "    -o {smtpd_banner=a b c}\n# mid\npickup    unix  n       -       y       60      1       pickup\n# end\n" },
		{ { "-Me", "x/unix=x unix" }, "master.cf", NULL },
		{ { "-Fe", "pickup/unix/chroot=q" }, "master.cf", NULL },
	};
	char dir[] = "/tmp/postconf_test.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *args[9] = { "-c", dir };
		AUTO(mem_free) char *path = mem_printf("%s/%s", dir, cases[i].file), *out = NULL, *got = NULL;
		int status;

		for (int k = 0; k < 6; k++)
			args[k + 2] = cases[i].args[k];
		write_file(dir, "main.cf", main_cf);
		write_file(dir, "master.cf", master_cf);
		out = run_postconf(args, &status);
		got = read_file(path);
		assert_int_equal(status != 0, cases[i].expected == NULL);
		assert_string_equal(got, cases[i].expected != NULL ? cases[i].expected : *cases[i].file == 'm' && cases[i].file[2] == 'i' ? main_cf : master_cf);
	}
	for (const char *const *f = (const char *const[]){ "main.cf", "master.cf", "main.cf.tmp", "master.cf.tmp", NULL }; *f != NULL; f++) {
		AUTO(mem_free) char *path = mem_printf("%s/%s", dir, *f);

		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden), cmocka_unit_test(test_edit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
