/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_bench - what a switch, an idle session and a round trip between two daemons cost
 *
 *	task_bench [switch | idle [SESSIONS] | ipc]		no argument: all three
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/client.h"
#include "task/stream.h"
#include "task/task.h"
#include "task/task_priv.h"

static double
ns_each(uint64_t start_us, uint64_t n)
{
	return (double)(clock_mono_us() - start_us) * 1000 / (double)n;
}

/* ---- switches */
enum { BARE = 10000000, YIELDS = 2000000 };
static struct task_ctx ctx_a, ctx_b;

static void
bounce_back(void *arg)
{
	(void)arg;
	for (;;)
		task_ctx_switch(&ctx_b, &ctx_a);
}

static void
bench_bare(void)
{
	static char stack[65536];
	uint64_t start;

	task_ctx_init(&ctx_b, stack, sizeof(stack), bounce_back, NULL);
	start = clock_mono_us();
	for (int i = 0; i < BARE; i++)
		task_ctx_switch(&ctx_a, &ctx_b);
	printf("bare switch                              %8.1f ns\n", ns_each(start, 2 * (uint64_t)BARE));
}

static unsigned n_yielders;

static void
yielder(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < YIELDS / n_yielders; i++)
		task_yield();
}

static void
yielders(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < n_yielders; i++)
		task_start("y", yielder, NULL);
}

static void
bench_yield(unsigned n)
{
	uint64_t start = clock_mono_us();

	n_yielders = n;
	task_main("first", yielders, NULL);
	printf("task_yield, %5u tasks in turn           %8.1f ns  (to the scheduler and on to the next task)\n", n, ns_each(start, YIELDS));
}

/* ---- idle sessions */
static long
pss_kb(void)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100000);
	const char *p;
	uint64_t kb = 0;

	if (io_read_file("/proc/self/smaps_rollup", &b, NULL) < 0 || (p = strstr(b.s, "\nPss:")) == NULL)
		return 0;
	for (p += 5; *p == ' '; p++)
		;
	for (; ascii_is_digit(*p); p++)
		kb = kb * 10 + (uint64_t)(*p - '0');
	return (long)kb;
}

struct idle {
	unsigned n, served;
	int *fds;
	long before_kb;
	struct task_cond all_served;
};
struct idle_session {
	struct idle *idle;
	int fd;
};

static void
idle_session(void *arg)
{
	struct idle_session *is = arg;
	AUTO(stream_free) struct stream *s = stream_new(is->fd, 4096, 4096);
	struct idle *idle = is->idle;
	char *line;
	size_t len;

	mem_free(&is);
	stream_set_timeout(s, 300000);
	stream_printf(s, "220 ready\r\n");
	while (stream_line(s, &line, &len, 2048, NULL) == 1) {
		stream_printf(s, "250 %s\r\n", line);
		if (++idle->served == idle->n)
			task_cond_signal(&idle->all_served);
	}
}

static void
idle_server(void *arg)
{
	struct idle *idle = arg;
	long kb;

	task_cond_init(&idle->all_served);
	task_limit(idle->n + 10);
	for (unsigned i = 0; i < idle->n; i++) {
		struct idle_session *is = NEW(struct idle_session);

		is->idle = idle;
		is->fd = idle->fds[i];
		task_start("session", idle_session, is);
	}
	if (idle->served < idle->n && task_cond_wait(&idle->all_served, TASK_FOREVER, NULL) < 0)
		return;
	(void)task_sleep(100, NULL);
	kb = pss_kb() - idle->before_kb;
	printf("idle session after one line, of %5u      %8.2f kB PSS\n", idle->n, (double)kb / idle->n);
	(void)task_sleep(11000, NULL);
	kb = pss_kb() - idle->before_kb;
	printf("the same ten seconds later               %8.2f kB PSS\n", (double)kb / idle->n);
	fflush(stdout);
	task_stop(0);
}

static void
idle_client(const int *fds, unsigned n)
{
	char buf[200];

	for (unsigned i = 0; i < n; i++)
		if (read(fds[i], buf, sizeof(buf)) <= 0 || write(fds[i], "EHLO client.example.com\r\n", 25) != 25)
			_exit(1);
	for (unsigned i = 0; i < n; i++)
		if (read(fds[i], buf, sizeof(buf)) <= 0)
			_exit(1);
	pause();
}

static void
bench_idle(unsigned n)
{
	struct rlimit rl;
	struct idle idle = { .n = n };
	int *mine, *theirs;
	pid_t pid;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (n > rl.rlim_cur / 2 - 50)		/* both ends are opened here */
		n = idle.n = (unsigned)(rl.rlim_cur / 2 - 50);
	mine = mem_alloc_array(n, sizeof(int));
	theirs = mem_alloc_array(n, sizeof(int));
	for (unsigned i = 0; i < n; i++) {
		int p[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0)
			fatal("socketpair %u: %s (descriptor limit %lu)", i, strerrorname_np(errno), (unsigned long)rl.rlim_cur);
		mine[i] = p[0];
		theirs[i] = p[1];
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		idle_client(theirs, n);
	for (unsigned i = 0; i < n; i++)
		close(theirs[i]);
	idle.fds = mine;
	idle.before_kb = pss_kb();
	task_main("server", idle_server, &idle);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- round trips between two processes */
static void
answer(void *arg, struct msg *request, struct msg *reply)
{
	(void)arg;
	msg_begin(reply, 2);
	msg_str(reply, "answer", msg_get(request, "question"));
	msg_num(reply, "status", 0);
}

static void
ipc_server(void *arg)
{
	AUTO(stream_free) struct stream *s = stream_new(*(int *)arg, 16384, 16384);

	ipc_mux_serve(s, answer, NULL, 100);
}

static struct ipc_mux *mux;
static unsigned n_callers, n_calls, callers_left;

static void
caller(void *arg)
{
	AUTO(msg_done) struct msg q = MSG_INIT;
	AUTO(msg_done) struct msg a = MSG_INIT;
	struct err err = ERR_INIT;

	(void)arg;
	for (unsigned i = 0; i < n_calls / n_callers; i++) {
		msg_begin(&q, 1);
		msg_str(&q, "question", "what is the class of user@example.com");
		msg_num(&q, "number", i);
		if (ipc_mux_call(mux, &q, &a, 10000, &err) < 0 || msg_get(&a, "answer") == NULL)
			fatal("call: %s", err.text);
	}
	if (--callers_left == 0)
		ipc_mux_free(&mux);
}

static int
connect_given(void *arg, struct err *err)
{
	(void)err;
	return *(int *)arg;
}

static void
ipc_client(void *arg)
{
	mux = ipc_mux_new(connect_given, arg);
	callers_left = n_callers;
	for (unsigned i = 0; i < n_callers; i++)
		task_start("caller", caller, NULL);
}

static void
bench_ipc(unsigned in_flight, unsigned calls)
{
	uint64_t start;
	int p[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0)
		fatal("socketpair");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		task_main("server", ipc_server, &p[0]);
		_exit(0);
	}
	close(p[0]);
	n_callers = in_flight;
	n_calls = calls;
	start = clock_mono_us();
	task_main("client", ipc_client, &p[1]);
	printf("ipc round trips, %2u in flight            %8.0f /s\n", in_flight, (double)calls * 1e6 / (double)(clock_mono_us() - start));
	waitpid(pid, NULL, 0);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "all";
	bool all = strcmp(what, "all") == 0;
	uint64_t n = 10000;

	if (argc > 2 && num_parse_u64(argv[2], 1, 500000, &n) < 0)
		fatal("usage: task_bench [switch | idle [SESSIONS] | ipc]");
	log_set_to(0);		/* ten thousand first steps at once are slow, and said to be */
	if (all || strcmp(what, "switch") == 0) {
		bench_bare();
		bench_yield(2);
		bench_yield(10000);
	}
	if (all || strcmp(what, "ipc") == 0) {
		bench_ipc(1, 100000);
		bench_ipc(32, 320000);
	}
	if (all || strcmp(what, "idle") == 0)
		bench_idle((unsigned)n);
	return 0;
}
