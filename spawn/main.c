/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn - a program for each connection, as inetd does: standard input, output and error are the connection
 *
 * The program and as whom it runs stand in master.cf.  This process stays root, keeps no hold of the connection, and only waits for the
 * program's end or its time limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "deliver/cmd_env.h"
#include "deliver/rights.h"

enum { ARGS_MAX = 1000, ENV_MAX = 1100, EXEC_FAILED = 1, POLL_MS = 100 };

static struct spawn_conf {
	const char *export_environment, *mail_owner, *setgid_group;
	uint64_t time_limit_ms;
	struct rights rights;
	const char *user;
	struct strvec argv;
	bool has_argv, is_usable;
	struct err opts_err;
} conf = { .argv = STRVEC_INIT(ARGS_MAX) };

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct spawn_conf, export_environment, export_environment),
	CONF_BIND_STR(struct spawn_conf, mail_owner, mail_owner),
	CONF_BIND_STR(struct spawn_conf, setgid_group, setgid_group),
};

/* ---- operands of the service */
static int
add_operand(const char *arg, struct err *err)
{
	if (!conf.has_argv && strncmp(arg, "user=", 5) == 0) {
		conf.user = arg + 5;
		return 0;
	}
	if (!conf.has_argv && strncmp(arg, "argv=", 5) != 0)
		return err_set(err, ERR_CONF, NULL, "unknown attribute name: %.200s", arg);
	if (!conf.has_argv)
		arg += 5;
	if ((conf.has_argv || *arg != '\0') && strvec_add(&conf.argv, arg) < 0)
		return err_set(err, ERR_CONF, NULL, "more than %d arguments", ARGS_MAX);
	conf.has_argv = true;
	return 0;
}

static int
option(int opt, const char *arg)
{
	if (opt != 0)
		return -1;
	/* the first one that is wrong is told with each connection */
	if (conf.opts_err.class == ERR_NONE)
		(void)!add_operand(arg, &conf.opts_err);
	return 0;
}

static int
check(struct err *err)
{
	if (conf.opts_err.class != ERR_NONE) {
		*err = conf.opts_err;
		return -1;
	}
	if (conf.user == NULL || *conf.user == '\0')
		return err_set(err, ERR_CONF, NULL, "missing user= attribute");
	if (conf.argv.n == 0)
		return err_set(err, ERR_CONF, NULL, "missing argv= attribute");
	if (rights_of_program(conf.user, conf.mail_owner, conf.setgid_group, &conf.rights, err) < 0)
		return -1;
	return conf_family_time(daemon_conf(), daemon_service(), "time_limit", &conf.time_limit_ms, err);
}

/* A service that is wrong closes its connections and says why; it may be right later, when a look-up of its user failed. */
static bool
is_usable(void)
{
	struct err err = ERR_INIT;

	if (!conf.is_usable && check(&err) < 0)
		log_error("master.cf: service %s: %s", daemon_service(), err.text);
	else
		conf.is_usable = true;
	return conf.is_usable;
}

/* ---- one connection */
NORETURN static void
child(int fd)
{
	AUTO(strvec_done) struct strvec env = STRVEC_INIT(ENV_MAX);
	extern char **environ;
	char **envp;

	(void)setsid();
	(void)io_set_nonblock(fd, false);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0 || close_range(3, ~0U, 0) < 0)
		_exit(EXEC_FAILED);
	cmd_env_reset_process();
	rights_drop(&conf.rights);
	cmd_env_add(&env, conf.export_environment);
	envp = strvec_argv(&env);
	memcpy(&environ, &envp, sizeof(environ));
	execvp(conf.argv.v[0], strvec_argv(&conf.argv));
	_exit(EXEC_FAILED);	/* the peer is not told why */
}

/* 1 it has ended, 0 not yet. */
static bool
reap(pid_t pid, int *status)
{
	pid_t r;

	do
		r = waitpid(pid, status, WNOHANG);
	while (r < 0 && errno == EINTR);
	return r != 0;
}

/* Until it ends or the deadline is past; others (the end of this process) are served meanwhile. */
static bool
wait_end(pid_t pid, int *status)
{
	uint64_t end = clock_mono_ms() + conf.time_limit_ms;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct err err = ERR_INIT;
	bool ended;

	while (!(ended = reap(pid, status)) && clock_mono_ms() < end) {
		/* without such descriptors (Linux before 5.3) look now and then */
		if ((fd >= 0 ? task_wait_fd(fd, true, false, end, &err) : task_sleep(POLL_MS, &err)) < 0 && err.class != ERR_TIMEOUT)
			break;
	}
	if (fd >= 0) {
		task_forget_fd(fd);
		io_close(&fd);
	}
	return ended;
}

static void
watch(pid_t pid)
{
	const char *name = conf.argv.v[0];
	int status = 0;

	if (!wait_end(pid, &status)) {
		log_warning("%s: process id %ld: command time limit exceeded", name, (long)pid);
		(void)kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	} else if (WIFSIGNALED(status)) {
		log_warning("command %s killed by signal %d", name, WTERMSIG(status));
	} else if (WEXITSTATUS(status) != 0) {
		log_warning("command %s exit status %d", name, WEXITSTATUS(status));
	}
}

static void
serve(struct daemon_session *s)
{
	pid_t pid;

	if (!is_usable())
		return;
	if (access(conf.argv.v[0], F_OK) < 0 && strchr(conf.argv.v[0], '/') != NULL)
		log_error("master.cf: service %s: %s: %s", daemon_service(), conf.argv.v[0], strerrordesc_np(errno));
	log_flush();
	pid = fork();
	if (pid == 0)
		child(stream_fd(s->stream));
	if (pid < 0) {
		log_warning("fork: %m");
		return;
	}
	/* the connection is the program's: when that closes it, it is closed */
	stream_free(&s->stream);
	watch(pid);
}

static const struct daemon spawn = {
	.name = "spawn", .sessions = DAEMON_ONE, .user = DAEMON_USER_ROOT, .sandbox = "none", .binds = binds, .n_binds = COUNT_OF(binds),
	.conf = &conf, .option = option, .serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&spawn, argc, argv);
}
