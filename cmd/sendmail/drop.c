/* SPDX-License-Identifier: Apache-2.0 */
/* drop - the pipe to postdrop */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "queue/rec.h"
#include "sendmail.h"

extern char **environ;

enum { BUFFER = 60000, REPLY_MAX = 4096 };

struct drop {
	char *program;
	pid_t pid;		/* 0: not started yet */
	int to, from;
	struct strbuf out;
};

static struct drop *unfinished;

/* We end without a message: postdrop has taken its file away when the caller goes on. */
static void
abandon(void)
{
	struct drop *d = unfinished;

	if (d == NULL || d->pid == 0)
		return;
	unfinished = NULL;
	io_close(&d->to);
	while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

struct drop *
drop_new(const char *program)
{
	struct drop *d = NEW(struct drop);

	unfinished = d;
	fatal_hook(abandon);
	d->program = mem_strdup(program);
	d->to = d->from = -1;
	strbuf_init(&d->out, (size_t)BUFFER * 8);
	return d;
}

static void
start(struct drop *d)
{
	char name[] = "postdrop", option[] = "-r";
	char *argv[] = { name, option, NULL };
	posix_spawn_file_actions_t fa;
	int in[2], out[2], e;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		fatal("%s: pipe: %m", caller_text());
	(void)signal(SIGPIPE, SIG_IGN);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out[1], STDOUT_FILENO);
	e = posix_spawn(&d->pid, d->program, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (e != 0) {
		errno = e;
		fatal("%s: unable to execute %s: %m", caller_text(), d->program);
	}
	close(in[0]);
	close(out[1]);
	d->to = in[1];
	d->from = out[0];
}

/* A write that fails means that postdrop has ended: its reply says why. */
static void
flush(struct drop *d)
{
	if (d->pid == 0)
		start(d);
	if (d->to >= 0 && io_write_all(d->to, d->out.s, d->out.len, NULL) < 0)
		io_close(&d->to);
	strbuf_reset(&d->out);
}

void
drop_put(struct drop *d, int type, const void *data, size_t len)
{
	if (rec_add(&d->out, type, data, len) < 0)
		fatal("%s: record too long", caller_text());
	if (d->out.len >= BUFFER)
		flush(d);
}

void
drop_putf(struct drop *d, int type, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100000);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	drop_put(d, type, b.s, b.len);
}

/* status NUL number NUL reason NUL text NUL NUL */
static const char *
reply_reason(const struct strbuf *reply)
{
	static const char head[] = "status", key[] = "reason";
	const char *p = reply->s, *end = p + reply->len;

	if (reply->len < sizeof(head) || memcmp(p, head, sizeof(head)) != 0)
		return NULL;
	p += sizeof(head);
	p += strnlen(p, (size_t)(end - p)) + 1;
	if (end - p <= (ptrdiff_t)sizeof(key) || memcmp(p, key, sizeof(key)) != 0)
		return NULL;
	return p + sizeof(key);
}

void
drop_finish(struct drop **dp)
{
	AUTO(strbuf_done) struct strbuf reply = STRBUF_INIT(REPLY_MAX);
	struct drop *d = *dp;
	const char *reason;
	int status = 0;

	flush(d);
	io_close(&d->to);
	if (io_read_fd(d->from, &reply, NULL) < 0)
		strbuf_reset(&reply);
	while (waitpid(d->pid, &status, 0) < 0)
		if (errno != EINTR)
			fatal("%s: wait for %s: %m", caller_text(), d->program);
	unfinished = NULL;
	reason = reply_reason(&reply);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fatal("%s: %s", caller_text(), reason != NULL && *reason != '\0' ? reason : "queue file write error");
	io_close(&d->from);
	strbuf_done(&d->out);
	mem_free(&d->program);
	mem_free(dp);
}
