/* SPDX-License-Identifier: Apache-2.0 */
/* control - what master is told from outside: signals to reload, stop, abort; and what its processes write on standard error */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "daemon/logconf.h"
#include "master.h"

enum {
	STOP_MS = 4000,		/* for all but the log */
	STOP_LOG_MS = 1500,
};

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		proc_end(pid, status);
}

static void
reload(void)
{
	struct err err = ERR_INIT;

	if (master.is_stopping)
		return;
	notify_reloading();
	if (conf_read(true, &err) < 0)
		log_error("%s: the configuration in use stays as it is", err.text);
	supply_all();
	log_info("reload -- version %s, configuration %s", master.par.version, master.conf_dir);
	notify_ready();
}

static void
on_signal(void *arg)
{
	struct signalfd_siginfo si;
	bool has_child = false;

	(void)arg;
	while (read(master.signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGCHLD: has_child = true; break;
		case SIGHUP: reload(); break;
		case SIGABRT: control_abort(); break;
		default: control_stop((int)si.ssi_signo); break;
		}
	}
	if (has_child)
		reap();
}

/* ---- what processes say in no other way: the C library, sanitizers, a main.cf that cannot be read */

static void
say_line(void)
{
	size_t n = master.stderr_len;

	master.stderr_line[n] = '\0';
	if (n > 0)
		log_warning("%s", master.stderr_line);
	master.stderr_len = 0;
}

static void
on_stderr(void *arg)
{
	char buf[4000];
	ssize_t n;

	(void)arg;
	n = read(master.stderr_pipe[0], buf, sizeof(buf));
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n' || master.stderr_len == sizeof(master.stderr_line) - 1)
			say_line();
		if (buf[i] != '\n')
			master.stderr_line[master.stderr_len++] = buf[i];
	}
}

void
control_init(void)
{
	static const int ours[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGABRT, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		sigaddset(&set, ours[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0 ||
	    (master.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		fatal("signals: %m");
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(master.stderr_pipe, O_CLOEXEC) < 0 || io_set_nonblock(master.stderr_pipe[0], true) < 0)
		fatal("pipe: %m");
	watch_init(&master.signal_watch, master.signal_fd, on_signal, NULL);
	watch_on(&master.signal_watch);
	watch_init(&master.stderr_watch, master.stderr_pipe[0], on_stderr, NULL);
	watch_on(&master.stderr_watch);
}

/* ---- stop: everybody but the log, then the log, each bounded */

static bool
is_log(const struct service *s)
{
	return strcmp(s->program->name, "postlogd") == 0;
}

static unsigned
each_process(bool of_log, bool others, void (*fn)(struct proc *p))
{
	unsigned n = 0;

	for (struct list *l = master.services.next; l != &master.services; l = l->next) {
		struct service *s = LIST_ITEM(l, struct service, link);

		if (is_log(s) ? !of_log : !others)
			continue;
		for (struct list *k = s->procs.next; k != &s->procs; k = k->next, n++) {
			if (fn != NULL)
				fn(LIST_ITEM(k, struct proc, link));
		}
	}
	return n;
}

static void
say_stop(struct proc *p)
{
	proc_send(p, HUB_STOP, 0);
}

static void
kill_hard(struct proc *p)
{
	kill(p->pid, SIGKILL);
}

void
control_stop(int signo)
{
	if (master.is_stopping)
		return;
	log_info("terminating on signal %d", signo);
	notify_stopping();
	master.is_stopping = true;
	master.stop_since = clock_mono_ms();
	supply_all();
	each_process(false, true, say_stop);
}

void
control_abort(void)
{
	log_info("terminating on signal %d", SIGABRT);
	log_flush();
	notify_stopping();
	each_process(false, true, kill_hard);
	each_process(true, false, say_stop);
	master.is_stopping = true;
	master.stop_since = clock_mono_ms();
	master.stop_step = 2;
}

/* What postlogd did not come to write is written here. */
static void
drain_log(void)
{
	struct service *s = NULL;
	struct err err = ERR_INIT;
	static char line[65536];
	ssize_t n;
	int fd;

	log_flush();
	for (struct list *l = master.services.next; l != &master.services; l = l->next) {
		if (is_log(LIST_ITEM(l, struct service, link)))
			s = LIST_ITEM(l, struct service, link);
	}
	if (s == NULL || s->n_endpoints == 0)
		return;
	fd = strcmp(master.par.maillog_file, "/dev/stdout") == 0 ? STDOUT_FILENO : maillog_open(master.conf, &err);
	while (fd >= 0 && (n = recv(s->endpoints[0].watch.fd, line, sizeof(line) - 1, MSG_DONTWAIT)) >= 0) {
		line[n++] = '\n';
		if (io_write_all(fd, line, (size_t)n, &err) < 0)
			return;
	}
}

/* Before the locks go, with our end: who starts the next master then finds the addresses free. */
static void
close_all(void)
{
	for (struct list *l = master.services.next; l != &master.services; l = l->next)
		sockets_close(LIST_ITEM(l, struct service, link), false);
}

uint64_t
control_timers(uint64_t now)
{
	uint64_t limit = master.stop_step < 2 ? STOP_MS : STOP_LOG_MS, due = master.stop_since + limit;

	if (!master.is_stopping)
		return UINT64_MAX;
	if (master.stop_step == 0 && now >= due) {
		log_warning("%u processes do not end: they are killed", each_process(false, true, NULL));
		each_process(false, true, kill_hard);
		master.stop_step = 1;
		return now + 100;
	}
	if (master.stop_step < 2 && each_process(false, true, NULL) == 0) {
		log_flush();
		each_process(true, false, say_stop);
		master.stop_step = 2;
		master.stop_since = now;
		return now + 1;
	}
	if (master.stop_step == 2 && (now >= due || each_process(true, false, NULL) == 0)) {
		each_process(true, true, kill_hard);
		drain_log();
		close_all();
		exit(0);
	}
	return due > now ? due : now + 100;
}
