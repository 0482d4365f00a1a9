/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of what delivery agents do with a message: mailboxes, Maildirs, commands. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "deliver/copy.h"
#include "deliver/mailbox.h"
#include "deliver/maildir.h"
#include "deliver/pipe_cmd.h"

static char dir[64];

static char *
in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static struct qfile *
make_message(struct queue *q, const char *const *lines, int64_t *content_at)
{
	struct qfile *f = qfile_create(q, QUEUE_INCOMING, NULL);
	AUTO(mem_free) char *id = mem_strdup(qfile_id(f));

	qfile_putf(f, REC_TIME, "1 0");
	qfile_put(f, REC_MESG, "", 0);
	*content_at = qfile_tell(f);
	for (; *lines != NULL; lines++)
		qfile_put(f, REC_NORM, *lines, strlen(*lines));
	qfile_put(f, REC_XTRA, "", 0);
	qfile_put(f, REC_END, "", 0);
	assert_int_equal(qfile_commit(f, false, NULL), 0);
	qfile_free(&f);
	return qfile_open(q, QUEUE_INCOMING, id, QFILE_LOCK_NONE, NULL);
}

static const char *const plain[] = { "Subject: s", "Delivered-To: Joe@example.test", "", "From here", ">From there", "end", NULL };

struct fixture {
	struct queue *q;
	struct copy_msg m;
};

static void
fixture_init(struct fixture *x, const char *const *lines)
{
	x->q = queue_open_memory();
	x->m = (struct copy_msg){ .sender = "a@b.test", .orig_to = "o@b.test", .delivered_to = "d@b.test", .return_path = true };
	x->m.file = make_message(x->q, lines, &x->m.content_at);
	assert_non_null(x->m.file);
}

static void
fixture_done(struct fixture *x)
{
	qfile_free(&x->m.file);
	queue_free(&x->q);
}

static const struct mailbox_opts opts = { .locks = MAILBOX_LOCK_FCNTL | MAILBOX_LOCK_FLOCK | MAILBOX_LOCK_DOT, .lock_attempts = 2,
	.lock_delay_ms = 10, .stale_lock_s = 500 };

static void
read_all(const char *path, struct strbuf *b)
{
	strbuf_reset(b);
	assert_int_equal(io_read_file(path, b, NULL), 0);
}

static void
mailbox_form_and_append(void **state UNUSED)
{
	AUTO(mem_free) char *path = in_dir("box");
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(10000);
	struct fixture x;
	struct stat st;
	size_t first;

	fixture_init(&x, plain);
	assert_int_equal(mailbox_deliver(path, &opts, &x.m, "4.2.0", &(struct err)ERR_INIT), 0);
	read_all(path, &b);
	first = b.len;
	assert_int_equal(strncmp(b.s, "From a@b.test  ", 15), 0);
	assert_non_null(strstr(b.s, "\nReturn-Path: <a@b.test>\nX-Original-To: o@b.test\nDelivered-To: d@b.test\nSubject: s\n"));
	assert_non_null(strstr(b.s, "\n>From here\n>From there\nend\n\n"));
	x.m.sender = "";
	assert_int_equal(mailbox_deliver(path, &opts, &x.m, "4.2.0", &(struct err)ERR_INIT), 0);
	read_all(path, &b);
	assert_int_equal(strncmp(b.s + first, "From MAILER-DAEMON  ", 20), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(path);
	fixture_done(&x);
}

static int
put_strbuf(void *arg, const char *data, size_t n, struct err *err UNUSED)
{
	return strbuf_add(arg, data, n);
}

static void
line_ends_and_dots(void **state UNUSED)
{
	static const char *const lines[] = { "Subject: s", "", ".", "..x", "a.b", "From me", "", NULL };
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(10000);
	struct fixture x;

	fixture_init(&x, lines);
	x.m.orig_to = NULL;
	x.m.eol = "\r\n";
	assert_int_equal(copy_message(&x.m, COPY_DOT | COPY_QUOTE_FROM | COPY_BLANK_END, put_strbuf, &b, NULL), 0);
	assert_string_equal(b.s, "Return-Path: <a@b.test>\r\nDelivered-To: d@b.test\r\nSubject: s\r\n\r\n..\r\n...x\r\na.b\r\n>From me\r\n\r\n\r\n");
	strbuf_reset(&b);
	x.m.eol = "\n";
	x.m.return_path = false;
	assert_int_equal(copy_message(&x.m, 0, put_strbuf, &b, NULL), 0);
	assert_string_equal(b.s, "Delivered-To: d@b.test\nSubject: s\n\n.\n..x\na.b\nFrom me\n\n");
	fixture_done(&x);
}

struct refused {
	const char *name;
	void (*prepare)(const char *path);
	const char *text;
};

static void
touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old\n", 4), 4);
	close(fd);
}

static void
prepare_symlink(const char *path)
{
	AUTO(mem_free) char *victim = in_dir("victim");

	assert_int_equal(symlink(victim, path), 0);
}

static void
prepare_hard_link(const char *path)
{
	AUTO(mem_free) char *victim = in_dir("victim");

	assert_int_equal(link(victim, path), 0);
}

static void
prepare_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void
prepare_lock(const char *path)
{
	AUTO(mem_free) char *lock = mem_printf("%s.lock", path);

	touch(lock);
}

/* The reason is told, and what the name leads to is as it was. */
static void
mailboxes_that_are_refused(void **state UNUSED)
{
	static const struct refused v[] = {
		{ "sym", prepare_symlink, "symbolic link" }, { "hard", prepare_hard_link, "hard links" },
		{ "fifo", prepare_fifo, "cannot open file" }, { "locked", prepare_lock, "lock file" },
	};
	AUTO(mem_free) char *victim = in_dir("victim");
	struct fixture x;

	fixture_init(&x, plain);
	touch(victim);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(mem_free) char *path = in_dir(v[i].name);
		AUTO(mem_free) char *lock = mem_printf("%s.lock", path);
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1000);
		struct err err = ERR_INIT;

		v[i].prepare(path);
		assert_int_equal(mailbox_deliver(path, &opts, &x.m, "4.2.0", &err), -1);
		assert_non_null(strstr(err.text, v[i].text));
		assert_int_equal(err.dsn[0], '4');
		read_all(victim, &b);
		assert_string_equal(b.s, "old\n");
		unlink(path);
		unlink(lock);
	}
	unlink(victim);
	fixture_done(&x);
}

static void
stale_lock_is_broken_and_limit_cuts_back(void **state UNUSED)
{
	AUTO(mem_free) char *path = in_dir("box"), *lock = in_dir("box.lock");
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(10000);
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct mailbox_opts o = opts;
	struct err err = ERR_INIT;
	struct fixture x;

	fixture_init(&x, plain);
	touch(path);
	touch(lock);
	assert_int_equal(utimensat(AT_FDCWD, lock, old, 0), 0);
	o.size_limit = 20;
	assert_int_equal(mailbox_deliver(path, &o, &x.m, "4.2.0", &err), -1);
	assert_string_equal(err.dsn, "5.2.2");
	read_all(path, &b);
	assert_string_equal(b.s, "old\n");
	assert_int_equal(access(lock, F_OK), -1);
	o.size_limit = 0;
	assert_int_equal(mailbox_deliver(path, &o, &x.m, "4.2.0", &err), 0);
	o.strict_owner = true;
	o.owner = getuid() + 1;
	assert_int_equal(mailbox_deliver(path, &o, &x.m, "4.2.0", &err), -1);
	unlink(path);
	fixture_done(&x);
}

static unsigned
count_files(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL; )
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
remove_tree(const char *path)
{
	AUTO(mem_free) char *arg = mem_strdup(path);
	char rm[] = "rm", rf[] = "-rf", *argv[] = { rm, rf, arg, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execvp("rm", argv);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
maildir_is_made_and_filled(void **state UNUSED)
{
	AUTO(mem_free) char *path = in_dir("a/b/Maildir"), *new = in_dir("a/b/Maildir/new"), *tmp = in_dir("a/b/Maildir/tmp"), *top = in_dir("a");
	struct fixture x;
	struct stat st;

	fixture_init(&x, plain);
	for (unsigned i = 1; i <= 20; i++) {
		assert_int_equal(maildir_deliver(path, "h.test", &x.m, "4.2.0", &(struct err)ERR_INIT), 0);
		assert_int_equal(count_files(new), i);
		assert_int_equal(count_files(tmp), 0);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	remove_tree(top);
	fixture_done(&x);
}

static void
maildir_that_cannot_be(void **state UNUSED)
{
	AUTO(mem_free) char *file = in_dir("file"), *path = in_dir("file/Maildir");
	struct err err = ERR_INIT;
	struct fixture x;

	fixture_init(&x, plain);
	touch(file);
	assert_int_equal(maildir_deliver(path, "h.test", &x.m, "4.2.0", &err), -1);
	assert_string_equal(err.dsn, "4.2.0");
	unlink(file);
	fixture_done(&x);
}

static void
delivered_to_is_found(void **state UNUSED)
{
	static const char *const in_body[] = { "Subject: s", "", "Delivered-To: joe@example.test", NULL };
	struct fixture x;

	fixture_init(&x, plain);
	assert_int_equal(copy_was_delivered_to(x.m.file, x.m.content_at, "joe@example.test", NULL), 1);
	assert_int_equal(copy_was_delivered_to(x.m.file, x.m.content_at, "jo@example.test", NULL), 0);
	fixture_done(&x);
	fixture_init(&x, in_body);
	assert_int_equal(copy_was_delivered_to(x.m.file, x.m.content_at, "joe@example.test", NULL), 0);
	fixture_done(&x);
}

/* ---- commands */
static char *const env[] = { (char[]){ "PATH=/usr/bin:/bin" }, (char[]){ "WORD=it" }, NULL };

static void
commands_are_judged(void **state UNUSED)
{
	static const struct { const char *command, *dsn, *text; } v[] = {
		{ "cat >/dev/null", "2.0.0", "" }, { "true", "2.0.0", "" }, { "test $WORD = it", "2.0.0", "" },
		{ "exit 75", "4.3.0", "temporary failure" }, { "exit 67", "5.1.1", "user unknown" },
		{ "echo some output; exit 1", "5.3.0", "Command died with status 1: \"echo some output; exit 1\". Command output: some output " },
		{ "echo 5.7.9 not you; exit 77", "5.7.9", "not you " }, { "echo 2.0.0 fine; exit 77", "5.0.0", "fine " },
		{ "echo 5.1.1 gone; exit 75", "5.1.1", "gone " }, { "echo 4.2.9 slow; exit 1", "4.2.9", "slow " }, { "kill -9 $$", "4.3.0", "Command died with signal 9: \"kill -9 $$\"" },
		{ "/no/such/prog", "4.3.0", "temporary failure. Command output: t: fatal: execvp /no/such/prog: No such file or directory " },
		{ "cat; exit 0", "2.0.0", "" }, { "head -c 100000 /dev/zero; exit 0", "2.0.0", "" },
	};
	struct fixture x;

	fixture_init(&x, plain);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct pipe_cmd p = { .command = v[i].command, .env = env, .shell = "", .program = "t", .time_limit_ms = 20000 };
		AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(PIPE_CMD_TEXT_MAX);
		char dsn[12];

		pipe_cmd_run(&p, &x.m, dsn, &text);
		assert_string_equal(dsn, v[i].dsn);
		assert_string_equal(text.s, v[i].text);
	}
	fixture_done(&x);
}

static void
slow_commands_are_killed_with_their_children(void **state UNUSED)
{
	AUTO(mem_free) char *mark = in_dir("mark"), *command = mem_printf("(sleep 1; touch %s) & sleep 30", mark);
	struct pipe_cmd p = { .command = command, .env = env, .shell = "", .program = "t", .time_limit_ms = 200 };
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(PIPE_CMD_TEXT_MAX);
	struct timespec ts = { .tv_sec = 1, .tv_nsec = 300000000 };
	uint64_t start = clock_mono_ms();
	struct fixture x;
	char dsn[12];

	fixture_init(&x, plain);
	pipe_cmd_run(&p, &x.m, dsn, &text);
	assert_true(clock_mono_ms() - start < 5000);
	assert_string_equal(dsn, "5.3.0");
	assert_non_null(strstr(text.s, "Command time limit exceeded"));
	nanosleep(&ts, NULL);
	assert_int_equal(access(mark, F_OK), -1);
	fixture_done(&x);
}

static void
commands_inherit_no_descriptor(void **state UNUSED)
{
	struct pipe_cmd p = { .command = "test \"$(ls /proc/self/fd | wc -l)\" -le 4", .env = env, .shell = "", .program = "t", .time_limit_ms = 20000 };
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(PIPE_CMD_TEXT_MAX);
	struct fixture x;
	char dsn[12];
	int fd = open("/dev/null", O_RDONLY);

	fixture_init(&x, plain);
	pipe_cmd_run(&p, &x.m, dsn, &text);
	assert_string_equal(dsn, "2.0.0");
	close(fd);
	fixture_done(&x);
}

static int
set_up(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/agent_test.XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
tear_down(void **state UNUSED)
{
	remove_tree(dir);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailbox_form_and_append), cmocka_unit_test(line_ends_and_dots),
		cmocka_unit_test(mailboxes_that_are_refused),
		cmocka_unit_test(stale_lock_is_broken_and_limit_cuts_back),
		cmocka_unit_test(maildir_is_made_and_filled),
		cmocka_unit_test(maildir_that_cannot_be),
		cmocka_unit_test(delivered_to_is_found),
		cmocka_unit_test(commands_are_judged),
		cmocka_unit_test(slow_commands_are_killed_with_their_children),
		cmocka_unit_test(commands_inherit_no_descriptor),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
