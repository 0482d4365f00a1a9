/* SPDX-License-Identifier: Apache-2.0 */
/* drop - submission of a message through postdrop, when smtpd is run by a user (sendmail -bs): one session, which may block. */
#include "smtpd/smtpd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "queue/rec.h"

extern char **environ;

enum { BUFFER = 32768 };

struct drop {
	pid_t pid;
	int fd;			/* postdrop's standard input */
	struct strbuf out;
	bool failed;
};

static int
start_postdrop(struct drop *d, int in, int out, struct err *err)
{
	const char *dir = conf_get(daemon_conf(), "command_directory");
	AUTO(mem_free) char *path = mem_printf("%s/postdrop", dir != NULL ? dir : PN_COMMAND_DIRECTORY);
	char name[] = "postdrop";
	char *argv[] = { name, NULL };
	posix_spawn_file_actions_t fa;
	int e;

	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	(void)posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);	/* our output is the dialogue */
	(void)posix_spawn_file_actions_addclose(&fa, out);
	e = posix_spawn(&d->pid, path, &fa, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (e == 0)
		return 0;
	errno = e;
	return err_sys(err, "run %s", path);
}

struct drop *
drop_open(struct err *err)
{
	struct drop *d;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		(void)err_sys(err, "pipe");
		return NULL;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	d = NEW(struct drop);
	d->fd = fds[1];
	strbuf_init(&d->out, BUFFER * 2);
	if (start_postdrop(d, fds[0], fds[1], err) < 0)
		d->pid = -1;
	(void)close(fds[0]);
	if (d->pid < 0)
		drop_free(&d);
	return d;
}

static void
flush(struct drop *d)
{
	if (!d->failed && io_write_all(d->fd, d->out.s, d->out.len, NULL) < 0)
		d->failed = true;
	strbuf_reset(&d->out);
}

void
drop_put(struct drop *d, int type, const void *data, size_t n)
{
	if (rec_add(&d->out, type, data, n) < 0)
		d->failed = true;
	if (d->out.len >= BUFFER)
		flush(d);
}

bool
drop_failed(const struct drop *d)
{
	return d->failed;
}

int
drop_end(struct drop *d, struct cleanup_result *r, struct err *err)
{
	int status = 0;

	flush(d);
	io_close(&d->fd);
	while (waitpid(d->pid, &status, 0) < 0)		/* may block: one session, a user's own */
		if (errno != EINTR)
			return err_sys(err, "wait for postdrop");
	d->pid = -1;
	if (d->failed || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_TEMP, NULL, "postdrop did not take the message (status %d)", status);
	r->status = 0;
	return 0;
}

void
drop_free(struct drop **dp)
{
	struct drop *d = *dp;

	if (d == NULL)
		return;
	*dp = NULL;
	io_close(&d->fd);		/* without the end record nothing stays in the queue */
	if (d->pid > 0) {
		(void)kill(d->pid, SIGTERM);
		(void)waitpid(d->pid, NULL, 0);		/* may block: one session, a user's own */
	}
	strbuf_done(&d->out);
	mem_free(&d);
}
