/* SPDX-License-Identifier: Apache-2.0 */
/* Running commands: input and output at once under one deadline, then the judgement of the exit status. */
#include "deliver/pipe_cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "deliver/cmd_env.h"
#include "deliver/deliver_serve.h"

enum { EXEC_FAILED = 75, ARGS_MAX = 1000, LINGER_MS = 200 };

struct run {
	const struct pipe_cmd *p;
	pid_t pid;
	int in, out;		/* our ends */
	uint64_t end;
	struct strbuf output;
	bool timed_out, has_status;
	int status;
};

static const struct {
	int status;
	const char *dsn, *text;
} sysexits[] = {
	{ 64, "5.3.0", "command line usage error" }, { 65, "5.6.0", "data format error" }, { 66, "5.3.0", "cannot open input" },
	{ 67, "5.1.1", "user unknown" }, { 68, "5.1.2", "host name unknown" }, { 69, "5.3.0", "service unavailable" },
	{ 70, "5.3.0", "internal software error" }, { 71, "4.3.0", "system resource problem" }, { 72, "5.3.0", "critical OS file missing" },
	{ 73, "5.2.0", "can't create user output file" }, { 74, "4.3.0", "input/output error" }, { 75, "4.3.0", "temporary failure" },
	{ 76, "5.5.0", "remote error in protocol" }, { 77, "5.7.0", "permission denied" }, { 78, "5.3.5", "local configuration error" },
};

/* ---- the child */
static bool
needs_shell(const char *command)
{
	return command[strcspn(command, "$&*(){}[]|;<>?~`'\"\\\n#=%")] != '\0';
}

static void
make_argv(const struct pipe_cmd *p, struct strvec *v)
{
	if (p->command == NULL) {
		for (char *const *a = p->argv; *a != NULL; a++)
			(void)strvec_add(v, *a);
	} else if (*p->shell != '\0') {
		(void)strvec_split(v, p->shell, " \t");
		(void)strvec_add(v, "-c");
		(void)strvec_add(v, p->command);
	} else if (needs_shell(p->command)) {
		(void)strvec_add(v, "sh");
		(void)strvec_add(v, "-c");
		(void)strvec_add(v, p->command);
	} else {
		(void)strvec_split(v, p->command, " \t\r\n");
	}
}

NORETURN static void
start_failed(const struct pipe_cmd *p, const char *what, const char *name)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(2000);
	struct err err = ERR_INIT;

	err_sys(&err, "%s: fatal: %s %s", p->program, what, name);
	strbuf_addf(&b, "%s\n", err.text);
	if (io_write_all(STDERR_FILENO, b.s, b.len, NULL) < 0)
		_exit(EXEC_FAILED);
	_exit(EXEC_FAILED);
}

NORETURN static void
child(const struct pipe_cmd *p, int in, int out)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(ARGS_MAX);
	extern char **environ;

	(void)setsid();
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(EXEC_FAILED);
	(void)close_range(3, ~0U, 0);
	cmd_env_reset_process();
	if (p->chroot != NULL && (chroot(p->chroot) < 0 || chdir("/") < 0))
		start_failed(p, "chroot", p->chroot);
	if (p->rights != NULL)
		rights_drop(p->rights);
	if (p->dir != NULL && chdir(p->dir) < 0)
		start_failed(p, "chdir", p->dir);
	make_argv(p, &v);
	if (v.n == 0)
		_exit(0);
	memcpy(&environ, &p->env, sizeof(environ));
	execvp(v.v[0], v.v);
	/* perhaps something that the shell does itself ("exit 75") */
	if (errno == ENOENT && p->command != NULL && strchr(v.v[0], '/') == NULL)
		execl("/bin/sh", "sh", "-c", p->command, (char *)NULL);
	start_failed(p, "execvp", v.v[0]);
}

static int
start(struct run *r, struct err *err)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return err_sys(err, "pipe");
	}
	r->pid = fork();
	if (r->pid == 0)
		child(r->p, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	r->in = in[1];
	r->out = out[0];
	(void)io_set_nonblock(r->in, true);
	(void)io_set_nonblock(r->out, true);
	return r->pid < 0 ? err_sys(err, "fork") : 0;
}

/* ---- both pipes at once */
static void
read_output(struct run *r)
{
	char buf[1024];
	ssize_t n;

	while ((n = read(r->out, buf, sizeof(buf))) > 0) {
		size_t room = r->output.max - r->output.len;

		(void)strbuf_add(&r->output, buf, (size_t)n < room ? (size_t)n : room);
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		io_close(&r->out);
}

/* Wait until something can be done, at most ms: false when the deadline is past. */
static bool
wait_pipes(struct run *r, bool want_write, uint64_t ms)
{
	struct pollfd v[2] = { { .fd = r->out, .events = POLLIN }, { .fd = want_write ? r->in : -1, .events = POLLOUT } };
	uint64_t now = clock_mono_ms();

	if (now >= r->end) {
		r->timed_out = true;
		return false;
	}
	if (ms > r->end - now)
		ms = r->end - now;
	(void)poll(v, 2, ms > 60000 ? 60000 : (int)ms);
	if (r->out >= 0 && v[0].revents != 0)
		read_output(r);
	return true;
}

static int
put(void *arg, const char *data, size_t n, struct err *err)
{
	struct run *r = arg;

	while (n > 0 && r->in >= 0) {
		ssize_t w = write(r->in, data, n);

		if (w > 0) {
			data += w;
			n -= (size_t)w;
		} else if (errno == EPIPE) {
			io_close(&r->in);	/* it does not want to read on, which is its right */
		} else if (errno != EAGAIN && errno != EINTR) {
			return err_sys(err, "write to command");
		} else if (!wait_pipes(r, true, r->end)) {
			return err_set(err, ERR_TIMEOUT, NULL, "time limit");
		}
	}
	return 0;
}

/* The command has ended: 1; not yet: 0. */
static bool
reap(struct run *r, int flags)
{
	pid_t pid;

	if (r->has_status)
		return true;
	do
		pid = waitpid(r->pid, &r->status, flags);
	while (pid < 0 && errno == EINTR);
	r->has_status = pid == r->pid || pid < 0;
	if (pid < 0)
		r->status = EXEC_FAILED << 8;
	return r->has_status;
}

/* Until its output ends, or it has ended itself and what it left running says nothing more. */
static void
wait_end(struct run *r)
{
	uint64_t ended = 0;

	while (!r->timed_out && (r->out >= 0 || !reap(r, WNOHANG))) {
		if (ended == 0 && reap(r, WNOHANG))
			ended = clock_mono_ms();
		if (ended != 0 && clock_mono_ms() - ended >= LINGER_MS)
			break;
		(void)wait_pipes(r, false, r->out >= 0 ? 100 : 10);
	}
	if (r->timed_out)
		(void)kill(-r->pid, SIGKILL);
	(void)reap(r, 0);
}

/* ---- judgement */
static void
one_line(struct strbuf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->s[i] == '\0' || ascii_is_space((unsigned char)b->s[i]))
			b->s[i] = ' ';
}

static void
set(char dsn[static 12], const char *code)
{
	snprintf(dsn, 12, "%s", code);
}

static void
add_output(const struct run *r, struct strbuf *text)
{
	if (r->output.len > 0)
		strbuf_addf(text, ". Command output: %s", r->output.s);
}

static void
judge_status(struct run *r, const char *name, char dsn[static 12], struct strbuf *text)
{
	int status = WEXITSTATUS(r->status);
	char own[12];
	const char *rest = deliver_split_dsn(r->output.s, "", own);

	if (own[0] != '\0') {
		/* the command knows best; but it did not succeed */
		set(dsn, own[0] == '2' ? "5.0.0" : own);
		strbuf_adds(text, rest);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(sysexits); i++) {
		if (sysexits[i].status != status)
			continue;
		set(dsn, sysexits[i].dsn);
		strbuf_adds(text, sysexits[i].text);
		add_output(r, text);
		return;
	}
	set(dsn, "5.3.0");
	strbuf_addf(text, "Command died with status %d: \"%s\"", status, name);
	add_output(r, text);
}

static void
judge(struct run *r, char dsn[static 12], struct strbuf *text)
{
	const char *name = r->p->command != NULL ? r->p->command : r->p->argv[0];

	one_line(&r->output);
	if (r->timed_out) {
		set(dsn, "5.3.0");
		strbuf_addf(text, "Command time limit exceeded: \"%s\"", name);
		add_output(r, text);
	} else if (WIFSIGNALED(r->status)) {
		set(dsn, "4.3.0");
		strbuf_addf(text, "Command died with signal %d: \"%s\"", WTERMSIG(r->status), name);
		add_output(r, text);
	} else if (WEXITSTATUS(r->status) != 0) {
		judge_status(r, name, dsn, text);
	} else if (r->p->output != NULL) {
		strbuf_add(r->p->output, r->output.s, r->output.len);
	}
}

void
pipe_cmd_run(const struct pipe_cmd *p, const struct copy_msg *m, char dsn[static 12], struct strbuf *text)
{
	struct run r = { .p = p, .in = -1, .out = -1, .end = clock_mono_ms() + p->time_limit_ms, .output = STRBUF_INIT(PIPE_CMD_OUTPUT_MAX) };
	struct err err = ERR_INIT;
	bool copied;

	set(dsn, "2.0.0");
	(void)signal(SIGPIPE, SIG_IGN);
	if (start(&r, &err) < 0) {
		set(dsn, "4.3.0");
		strbuf_adds(text, err.text);
		io_close(&r.in);
		io_close(&r.out);
		return;
	}
	copied = copy_message(m, p->copy_flags, put, &r, &err) == 0;
	io_close(&r.in);
	if (!copied && !r.timed_out) {
		/* it got half a message: whatever it says, this is to be tried again */
		(void)kill(-r.pid, SIGKILL);
		(void)reap(&r, 0);
		set(dsn, "4.3.0");
		strbuf_adds(text, err.text);
	} else {
		wait_end(&r);
		judge(&r, dsn, text);
	}
	io_close(&r.out);
	strbuf_done(&r.output);
}
