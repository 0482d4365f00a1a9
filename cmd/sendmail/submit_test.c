/* SPDX-License-Identifier: Apache-2.0 */
/* submit_test - sendmail and postdrop together: what ends up in maildrop, and that nothing does when it should not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "queue/rec.h"

static char top[] = "/tmp/submit_test.XXXXXX";
static char bin[4000];

static char *
below(const char *name)
{
	return mem_printf("%s/%s", top, name);
}

static void
write_conf(const char *extra)
{
	AUTO(mem_free) char *path = below("main.cf");
	AUTO(mem_free) char *text = mem_printf("queue_directory = %s\ndata_directory = %s\ncommand_directory = %s\nmyhostname = h.test\n"
	    "sendmail_path = x\ncompatibility_level = 3.6\n%s", top, top, bin, extra);
	struct err err = ERR_INIT;

	assert_int_equal(io_replace_file(path, text, strlen(text), 0644, &err), 0);
}

static int
set_up(void **state)
{
	(void)state;
	if (getuid() != 0)
		return 0;
	assert_non_null(getcwd(bin, sizeof(bin) - 5));
	strncpy(bin + strlen(bin), "/bin", 5);
	assert_non_null(mkdtemp(top));
	AUTO(mem_free) char *maildrop = below("maildrop");
	assert_int_equal(mkdir(maildrop, 0700), 0);
	setenv("MAIL_CONFIG", top, 1);
	setenv("NAME", "Full Name", 1);
	write_conf("");
	return 0;
}

static int
tear_down(void **state)
{
	AUTO(mem_free) char *maildrop = below("maildrop"), *conf = below("main.cf");

	(void)state;
	if (getuid() == 0) {
		unlink(conf);
		rmdir(maildrop);
		rmdir(top);
	}
	return 0;
}

/* The records of a file, one a line: type and data; times left out. */
static char *
show_records(const char *path)
{
	AUTO(strbuf_done) struct strbuf raw = STRBUF_INIT(1 << 24), out = STRBUF_INIT(1 << 24);
	struct err err = ERR_INIT;
	const char *data;
	size_t at = 0, len, used;
	int type;

	assert_int_equal(io_read_file(path, &raw, &err), 0);
	while (rec_parse(raw.s + at, raw.len - at, &type, &data, &len, &used) > 0) {
		if (type == REC_TIME)
			strbuf_adds(&out, "T\n");
		else if (len > 100)
			strbuf_addf(&out, "%c<%zu bytes>\n", type, len);
		else
			strbuf_addf(&out, "%c%.*s\n", type, (int)len, data);
		at += used;
	}
	assert_int_equal(at, raw.len);
	return strbuf_take(&out);
}

/* What is in maildrop: the records of the one file, "" for none; it is removed. */
static char *
take_maildrop(void)
{
	AUTO(mem_free) char *dir = below("maildrop");
	DIR *d = opendir(dir);
	char *records = NULL;
	struct stat st;

	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		AUTO(mem_free) char *path = mem_printf("%s/%s", dir, e->d_name);

		if (e->d_name[0] == '.')
			continue;
		assert_null(records);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0744);
		records = show_records(path);
		unlink(path);
	}
	closedir(d);
	return records != NULL ? records : mem_strdup("");
}

static pid_t
start(const char *program, const char *const *args, int in, bool close_all)
{
	AUTO(mem_free) char *path = mem_printf("%s/%s", bin, program);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char *argv[20] = { strdup(program) };
		int null = open("/dev/null", O_RDWR);

		for (int i = 0; args[i] != NULL && i < 18; i++)
			argv[i + 1] = strdup(args[i]);
		dup2(in, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (close_all) {
			close(1);
			close(2);
		}
		execv(path, argv);
		_exit(99);
	}
	return pid;
}

/* Runs it with that input; exit status, or -1 for a signal. */
static int
run(const char *program, const char *const *args, const void *input, size_t n, bool close_all)
{
	AUTO(mem_free) char *path = below("input");
	struct err err = ERR_INIT;
	int fd, status;

	assert_int_equal(io_replace_file(path, input, n, 0600, &err), 0);
	fd = open(path, O_RDONLY);
	pid_t pid = start(program, args, fd, close_all);
	close(fd);
	unlink(path);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_messages(void **state)
{
	static const struct {
		const char *args[10];
		const char *input, *records;
		int status;
	} cases[] = {
		{ { "-f", "a@b", "c@d" }, "Subject: x\n\nbody\n", "T\nArewrite_context=local\nFFull Name\nSa@b\nRc@d\nM\nNSubject: x\nN\nNbody\nX\nE\n", 0 },
		{ { "c@d,e@f", "G H <g@h>" }, "x", "T\nArewrite_context=local\nFFull Name\nSroot\nRc@d\nRe@f\nRg@h\nM\nNx\nX\nE\n", 0 },
		{ { "-f", "<>", "-F", "N\nBcc: x", "c" }, "", "T\nArewrite_context=local\nFN Bcc: x\nS\nRc\nM\nX\nE\n", 0 },
		{ { "-i", "c" }, ".\n\n..\n.x\n", "T\nArewrite_context=local\nFFull Name\nSroot\nRc\nM\nN.\nN\nN..\nN.x\nX\nE\n", 0 },
		{ { "c" }, "a\n.\nb\n", "T\nArewrite_context=local\nFFull Name\nSroot\nRc\nM\nNa\nX\nE\n", 0 },
		{ { "c" }, "From x y\n>From z\nSubject: s\r\n\r\nb\r\n", "T\nArewrite_context=local\nFFull Name\nSroot\nRc\nM\nNSubject: s\nN\nNb\nX\nE\n", 0 },
		{ { "-G", "-v", "-B8BITMIME", "-Ndelay,failure", "-Rhdrs", "-VENV1", "-XV+=", "c" }, "a\n",
		    "T\nAenvelope_id=ENV1\nAret_flags=2\nArewrite_context=remote\nFFull Name\nSroot\nAencoding=8bit\nAtrace_flags=1024\nV+=\n"
		    "Anotify_flags=12\nRc\nM\nNa\nX\nE\n", 0 },
		{ { "-bv", "c" }, "ignored", "T\nArewrite_context=local\nFFull Name\nSroot\nAtrace_flags=512\nRc\nM\nX\nE\n", 0 },
		{ { "-t", "x@y" }, "To: \"Q, R\" <a@b>,\n\tc (x)\nBcc: d\nX-To: no\n\nTo: e\n", "T\nArewrite_context=local\nFFull Name\nSroot\nRx@y\nM\n"
		    "NTo: \"Q, R\" <a@b>,\nN\tc (x)\nNBcc: d\nNX-To: no\nN\nNTo: e\nX\nRa@b\nRc\nRd\nE\n", 0 },
		{ { "-t" }, "To: a\nResent-To: b\nResent-Cc: c\n", "T\nArewrite_context=local\nFFull Name\nSroot\nM\nNTo: a\nNResent-To: b\nNResent-Cc: c\nX\nRb\nRc\nE\n", 0 },
		{ { "-t" }, "Subject: s\n\nTo: a\n", "", 75 },
		{ { "-t" }, "no header at all\nTo: a\n", "", 75 },
		{ { NULL }, "a\n", "", 75 },
		{ { "-bz", "c" }, "a\n", "", 75 },
		{ { "-t", "-bv" }, "To: a\n", "", 75 },
		{ { "-N", "sometimes", "-R", "all", "-V", "a\001b", "c" }, "a\n", "T\nArewrite_context=local\nFFull Name\nSroot\nRc\nM\nNa\nX\nE\n", 0 },
		{ { "-O", "requiretls=yes", "c" }, "a\n", "", 75 },
	};

	(void)state;
	if (getuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = run("sendmail", cases[i].args, cases[i].input, strlen(cases[i].input), i % 2 == 1);
		AUTO(mem_free) char *records = take_maildrop();

		if (status != cases[i].status || strcmp(records, cases[i].records) != 0)
			fail_msg("case %zu: status %d, records\n%s", i, status, records);
	}
}

static void
test_long_lines(void **state)
{
	AUTO(strbuf_done) struct strbuf in = STRBUF_INIT(1 << 20);
	AUTO(mem_free) char *records = NULL;

	(void)state;
	if (getuid() != 0)
		skip();
	strbuf_adds(&in, "a\n\n");
	for (int i = 0; i < 4096; i++)
		strbuf_addc(&in, 'x');
	strbuf_adds(&in, "\n");
	for (int i = 0; i < 2047; i++)
		strbuf_addc(&in, 'y');
	strbuf_addc(&in, '\n');
	strbuf_add(&in, "n\0l", 3);
	assert_int_equal(run("sendmail", (const char *const[]){ "-i", "c", NULL }, in.s, in.len, false), 0);
	records = take_maildrop();
	assert_non_null(strstr(records, "M\nNa\nN\nL<2048 bytes>\nL<2048 bytes>\nN\nN<2047 bytes>\nNn"));
}

static void
test_limits(void **state)
{
	AUTO(strbuf_done) struct strbuf in = STRBUF_INIT(1 << 22);
	struct rlimit small = { 100000, 100000 }, before;
	AUTO(mem_free) char *none = NULL, *none2 = NULL;

	(void)state;
	if (getuid() != 0)
		skip();
	for (int i = 0; i < 50000; i++)
		strbuf_adds(&in, "0123456789 abcdefg\n");
	/* a full disk, as far as the program can tell */
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	pid_t pid = fork();
	if (pid == 0) {
		AUTO(mem_free) char *path = mem_printf("%s/sendmail", bin);
		int fds[2];

		if (pipe(fds) < 0)
			_exit(1);
		if (fork() == 0) {
			close(fds[0]);
			signal(SIGPIPE, SIG_IGN);
			_exit(io_write_all(fds[1], in.s, in.len, NULL) < 0);
		}
		close(fds[1]);
		dup2(fds[0], 0);
		dup2(open("/dev/null", O_RDWR), 2);
		setrlimit(RLIMIT_FSIZE, &small);
		execl(path, "sendmail", "c", (char *)NULL);
		_exit(99);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 75);
	none = take_maildrop();
	assert_string_equal(none, "");
	write_conf("message_size_limit = 500000\n");
	assert_int_equal(run("sendmail", (const char *const[]){ "c", NULL }, in.s, in.len, false), 75);
	none2 = take_maildrop();
	assert_string_equal(none2, "");
	write_conf("");
}

static void
test_users(void **state)
{
	static const struct {
		const char *list;
		int status;
	} cases[] = { { "root", 0 }, { "!root, static:all", 75 }, { "nobody", 75 }, { "ROOT", 0 }, { "", 75 }, { "/no/such/file", 75 }, { "static:x", 0 } };

	(void)state;
	if (getuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(mem_free) char *extra = mem_printf("authorized_submit_users = %s\n", cases[i].list), *records = NULL;

		write_conf(extra);
		assert_int_equal(run("sendmail", (const char *const[]){ "c", NULL }, "a\n", 2, false), cases[i].status);
		records = take_maildrop();
		assert_int_equal(*records == '\0', cases[i].status != 0);
	}
	write_conf("");
}

/* postdrop gets half a message and then a signal, or an end. */
static void
test_cut_off(void **state)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, 0 };
	static const char half[] = "S\x04" "root" "R\x01" "c" "M\x00" "N\x01" "a";

	(void)state;
	if (getuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		AUTO(mem_free) char *none = NULL;
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = start("postdrop", (const char *const[]){ NULL }, fds[0], false);
		assert_int_equal(io_write_all(fds[1], half, sizeof(half) - 1, NULL), 0);
		nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
		if (signals[i] != 0)
			kill(pid, signals[i]);
		else
			close(fds[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
		close(fds[0]);
		if (signals[i] != 0)
			close(fds[1]);
		none = take_maildrop();
		assert_string_equal(none, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages), cmocka_unit_test(test_long_lines), cmocka_unit_test(test_limits), cmocka_unit_test(test_users),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
