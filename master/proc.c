/* SPDX-License-Identifier: Apache-2.0 */
/* proc - one process of a service: started, heard, ended */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "master.h"

enum { QUICK_ENDS_MAX = 10, QUICK_MS = 5000, HEAR_BATCH = 100 };

static void on_channel(void *arg);

bool
proc_is_serving(const struct proc *p)
{
	return !p->is_told_to_end && (p->flags & HUB_ENDING) == 0;
}

void
proc_send(struct proc *p, enum hub_type type, uint32_t value)
{
	struct hub_msg m = { .type = type, .value = value };

	if (type == HUB_RETIRE || type == HUB_STOP)
		p->told_at = clock_mono_ms();
	if (type == HUB_RETIRE || type == HUB_STOP)
		p->is_told_to_end = true;
	if (hub_send(p->channel.fd, &m, -1) < 0 && errno != EPIPE && errno != ECONNRESET)
		log_warning("process %s pid %ld does not read what it is told: %m", p->service->exe, (long)p->pid);
}

/* ---- start */

static void
add_args(struct service *s, unsigned quota, struct strvec *argv)
{
	bool is_stress = s->stress_until > clock_mono_ms();

	strvec_add(argv, s->program->runs != NULL ? s->program->runs : s->command);
	strvec_add(argv, "-n");
	strvec_add(argv, s->name);
	strvec_add(argv, "-t");
	strvec_add(argv, s->type == MASTER_FIFO ? "unix" : master_type_name(s->type));
	if (s->is_unprivileged)
		strvec_add(argv, "-u");
	if (s->is_chroot)
		strvec_add(argv, "-c");
	if (s->type == MASTER_INET) {
		strvec_add(argv, "-o");
		strvec_add(argv, is_stress ? "stress=yes" : "stress=");
	}
	strvec_addf(argv, "-s%zu", s->n_endpoints);
	strvec_addf(argv, "-m%u", quota);
	for (int i = 0; i < master.verbose; i++)
		strvec_add(argv, "-v");
	for (size_t i = 0; i < s->args.n; i++)
		strvec_add(argv, s->args.v[i]);
}

/* Move what the child keeps to its place; everything else is close-on-exec.  from[] lies above all places. */
static void
place_descriptors(const int *from, int n)
{
	for (int i = 0; i < n; i++) {
		if (dup2(from[i], HUB_FD + i) < 0)
			_exit(1);
	}
}

static void
child(struct service *s, int channel, char **argv)
{
	int from[1 + HUB_LISTEN_MAX], n = 0, top = HUB_LISTEN_FD + HUB_LISTEN_MAX;
	bool keeps_stdout = strcmp(s->program->name, "postlogd") == 0 && (master.is_init || master.is_foreground);
	sigset_t none;

	/* no end of a pipe, no other service's socket: all are close-on-exec; only the order of numbers needs care */
	from[n++] = fcntl(channel, F_DUPFD_CLOEXEC, top);
	for (size_t i = 0; i < s->n_endpoints; i++)
		from[n++] = fcntl(s->endpoints[i].watch.fd, F_DUPFD_CLOEXEC, top);
	dup2(master.stderr_pipe[1], STDERR_FILENO);
	dup2(master.null_fd, STDIN_FILENO);
	if (!keeps_stdout)
		dup2(master.null_fd, STDOUT_FILENO);
	place_descriptors(from, n);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	execve(s->exe, argv, strvec_argv(&master.env));
	dprintf(STDERR_FILENO, "%s: cannot be started: %s\n", s->exe, strerrordesc_np(errno));
	_exit(1);
}

int
proc_start(struct service *s, unsigned quota)
{
	AUTO(strvec_done) struct strvec argv = STRVEC_INIT(10000);
	struct proc *p;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		log_warning("cannot start %s: socketpair: %m", s->exe);
		return -1;
	}
	add_args(s, quota, &argv);
	log_flush();
	pid = fork();
	if (pid == 0)
		child(s, pair[1], strvec_argv(&argv));
	close(pair[1]);
	if (pid < 0) {
		log_warning("cannot start %s: fork: %m", s->exe);
		close(pair[0]);
		return -1;
	}
	p = NEW(struct proc);
	*p = (struct proc){ .service = s, .pid = pid, .quota = quota, .started = clock_mono_ms() };
	watch_init(&p->channel, pair[0], on_channel, p);
	watch_on(&p->channel);
	list_append(&s->procs, &p->link);
	if (master.verbose)
		log_info("started %s pid %ld for service %s", s->exe, (long)pid, s->name);
	return 0;
}

/* ---- hear */

static void
hand_pending(struct service *s, struct proc *p)
{
	struct hub_msg m = { .type = HUB_SESSION };

	for (size_t i = 0; i < s->n_handed; i++) {
		if (hub_send(p->channel.fd, &m, s->handed[i]) < 0)
			log_warning("service %s: a connection was lost: %m", s->name);
		close(s->handed[i]);
	}
	s->n_handed = 0;
}

static void
heard_state(struct proc *p, const struct hub_msg *m)
{
	struct service *s = p->service;
	bool was_ready = p->flags & HUB_READY;

	p->flags = m->flags;
	p->sessions = m->value;
	if (m->flags & HUB_USED) {
		s->is_used = true;
		s->n_quick_ends = 0;
	}
	if ((m->flags & HUB_READY) && proc_is_serving(p)) {
		hand_pending(s, p);
		if (s->wants_wakeup) {
			s->wants_wakeup = false;
			proc_send(p, HUB_WAKEUP, 0);
		}
		if (!was_ready && master.is_stopping)
			proc_send(p, HUB_STOP, 0);
	}
	if (!s->is_removed)
		supply(s);
}

/* A connection to an added service: one end for who asks, the other for the service. */
static void
heard_connect(struct proc *p, const struct hub_msg *m)
{
	struct hub_msg answer = { .type = HUB_CONNECTED, .seq = m->seq };
	struct service *s = service_find_added(m->name);
	int pair[2] = { -1, -1 };

	if (s == NULL || master.is_stopping)
		answer.flags = ENOENT;
	else if (s->n_handed >= HANDED_MAX)
		answer.flags = EAGAIN;
	else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		answer.flags = (uint32_t)errno;
	if (hub_send(p->channel.fd, &answer, pair[0]) < 0 && pair[1] >= 0) {
		close(pair[1]);
		pair[1] = -1;
	}
	if (pair[0] >= 0)
		close(pair[0]);
	if (pair[1] >= 0)
		supply_hand(s, pair[1]);
}

static void
on_channel(void *arg)
{
	struct proc *p = arg;
	struct hub_msg m;
	int fd, got = 0;

	for (int i = 0; i < HEAR_BATCH && (got = hub_recv(p->channel.fd, &m, &fd)) > 0; i++) {
		if (fd >= 0)
			close(fd);	/* processes hand us nothing */
		if (m.type == HUB_STATE)
			heard_state(p, &m);
		else if (m.type == HUB_CONNECT)
			heard_connect(p, &m);
	}
	if (got < 0) {		/* it has ended, or will; how, waitpid tells */
		watch_off(&p->channel);
		p->is_told_to_end = true;
	}
}

/* ---- end */

static struct proc *
proc_find(pid_t pid)
{
	for (struct list *l = master.services.next; l != &master.services; l = l->next) {
		struct service *s = LIST_ITEM(l, struct service, link);

		for (struct list *k = s->procs.next; k != &s->procs; k = k->next) {
			struct proc *p = LIST_ITEM(k, struct proc, link);

			if (p->pid == pid)
				return p;
		}
	}
	return NULL;
}

static void
throttle(struct service *s)
{
	log_warning("%s: bad command startup -- throttling", s->exe);
	s->throttled_until = clock_mono_ms() + master.par.throttle_ms;
}

static void
judge_end(struct proc *p, int status)
{
	struct service *s = p->service;
	bool is_quick = clock_mono_ms() - p->started < QUICK_MS;

	if (WIFSIGNALED(status))
		log_warning("process %s pid %ld killed by signal %d", s->exe, (long)p->pid, WTERMSIG(status));
	else
		log_warning("process %s pid %ld exit status %d", s->exe, (long)p->pid, WEXITSTATUS(status));
	/* one that served somebody may be started again at once; several in a row may not */
	if ((p->flags & HUB_USED) == 0 || (is_quick && ++s->n_quick_ends >= QUICK_ENDS_MAX)) {
		s->n_quick_ends = 0;
		throttle(s);
	}
}

static void
service_free(struct service *s)
{
	list_remove(&s->link);
	sockets_close(s, false);
	mem_free(&s->name);
	mem_free(&s->command);
	mem_free(&s->exe);
	strvec_done(&s->args);
	mem_free(&s);
}

void
proc_end(pid_t pid, int status)
{
	struct proc *p = proc_find(pid);
	struct service *s;

	if (p == NULL)
		return;		/* an orphan that became ours as process 1 */
	s = p->service;
	if (p->channel.is_on)
		on_channel(p);	/* its last words */
	if (status != 0 && !master.is_stopping) {
		judge_end(p, status);
		/* what the queue manager had in hand must not wait for the next client or wake-up */
		if (s->wakeup_ms != 0 && !s->is_wakeup_if_used)
			s->wants_wakeup = true;
	}
	watch_off(&p->channel);
	close(p->channel.fd);
	list_remove(&p->link);
	mem_free(&p);
	if (!s->is_removed)
		supply(s);
	else if (list_is_empty(&s->procs))
		service_free(s);
}
