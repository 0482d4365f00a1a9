/* SPDX-License-Identifier: Apache-2.0 */
/* tests of tasks: order, waits, cancel, errno, floating point modes, conditions, offload, overflow, many of them */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "task/task.h"

static char order[64];

static void
note(char c)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order)) {
		order[n] = c;
		order[n + 1] = '\0';
	}
}

static void
letter(void *arg)
{
	const char *c = arg;

	for (int i = 0; i < 3; i++) {
		note(*c);
		task_yield();
	}
}

static void
two_letters(void *arg)
{
	(void)arg;
	task_start("a", letter, (void *)(uintptr_t)"a");
	task_start("b", letter, (void *)(uintptr_t)"b");
}

static void
test_interleaved(void **state)
{
	(void)state;
	order[0] = '\0';
	task_main("first", two_letters, NULL);
	assert_string_equal(order, "ababab");
	assert_int_equal(task_count(), 0);
	assert_null(task_self());
}

static int errnos_ok;

static void
errno_keeper(void *arg)
{
	int mine = *(int *)arg;

	for (int i = 0; i < 100; i++) {
		errno = mine;
		task_yield();
		errnos_ok += errno == mine;
	}
}

static void
errno_first(void *arg)
{
	static int a = EAGAIN, b = ENOENT;

	(void)arg;
	task_start("a", errno_keeper, &a);
	task_start("b", errno_keeper, &b);
}

static void
test_errno(void **state)
{
	(void)state;
	errnos_ok = 0;
	task_main("first", errno_first, NULL);
	assert_int_equal(errnos_ok, 200);
}

static int round_ok;

/* the rounding mode's bits: by hand, as fesetround() would need libm */
enum { FE_NEAR = 0, FE_UP = 1 };

static void
round_set(int up)
{
#if defined(__x86_64__)
	unsigned v = __builtin_ia32_stmxcsr();

	__builtin_ia32_ldmxcsr((v & ~0x6000u) | (up ? 0x4000u : 0));
#elif defined(__aarch64__)
	uint64_t v;

	__asm__ volatile("mrs %0, fpcr" : "=r"(v));
	v = (v & ~(3ull << 22)) | (up ? 1ull << 22 : 0);
	__asm__ volatile("msr fpcr, %0" : : "r"(v));
#else
	(void)up;
#endif
}

static int
round_get(int expected)
{
#if defined(__x86_64__)
	(void)expected;
	return (__builtin_ia32_stmxcsr() & 0x6000u) == 0x4000u;
#elif defined(__aarch64__)
	uint64_t v;

	(void)expected;
	__asm__ volatile("mrs %0, fpcr" : "=r"(v));
	return (v >> 22 & 3) == 1;
#else
	return expected;
#endif
}

static void
rounder(void *arg)
{
	int mode = *(int *)arg;

	round_set(mode);
	for (int i = 0; i < 10; i++) {
		task_yield();
		round_ok += round_get(mode) == mode;
	}
}

static void
round_first(void *arg)
{
	static int up = FE_UP, near = FE_NEAR;

	(void)arg;
	task_start("a", rounder, &up);
	task_start("b", rounder, &near);
}

static void
test_float_modes(void **state)
{
	(void)state;
	round_ok = 0;
	task_main("first", round_first, NULL);
	assert_int_equal(round_ok, 20);
	assert_int_equal(round_get(FE_NEAR), FE_NEAR);
}

/* ---- cancel at each kind of wait */
static struct task_cond never = { { &never.waiters, &never.waiters } };
static int pair[2];
static enum err_class seen_class[5];

static void
wait_somehow(void *arg)
{
	int how = *(int *)arg;
	struct err err = ERR_INIT;
	int r = 0;

	switch (how) {
	case 0:
		r = task_sleep(100000, &err);
		break;
	case 1:
		r = task_wait_fd(pair[0], true, false, TASK_FOREVER, &err);
		break;
	case 2:
		r = task_cond_wait(&never, TASK_FOREVER, &err);
		break;
	case 3:
		r = task_wait_fd(pair[1], true, false, clock_mono_ms() + 100000, &err);
		break;
	default:	/* cancelled before it ever ran */
		r = task_sleep(100000, &err);
		break;
	}
	assert_int_equal(r, -1);
	assert_true(task_is_cancelled());
	seen_class[how] = err.class;
	/* all later waits fail as well, and let others run */
	assert_int_equal(task_sleep(1000, NULL), -1);
}

static void
cancel_first(void *arg)
{
	static int how[5] = { 0, 1, 2, 3, 4 };
	struct task *t[5];

	(void)arg;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 4; i++)
		t[i] = task_start("waiter", wait_somehow, &how[i]);
	task_yield();
	t[4] = task_start("waiter", wait_somehow, &how[4]);
	for (int i = 0; i < 5; i++)
		task_cancel(t[i]);
}

static void
test_cancel(void **state)
{
	(void)state;
	task_main("first", cancel_first, NULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(seen_class[i], ERR_CANCEL);
	close(pair[0]);
	close(pair[1]);
}

/* ---- time */
static void
timeouts(void *arg)
{
	struct err err = ERR_INIT;
	uint64_t start = clock_mono_ms();
	int p[2];

	(void)arg;
	assert_int_equal(task_sleep(20, &err), 0);
	assert_true(clock_mono_ms() - start >= 20);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(task_wait_fd(p[0], true, false, clock_mono_ms() + 10, &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	assert_int_equal(task_wait_fd(p[1], false, true, clock_mono_ms() + 1000, &err), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(task_wait_fd(p[0], true, false, clock_mono_ms() + 1000, &err), 0);
	/* a wait with an earlier end than the one before, and a later one */
	assert_int_equal(task_cond_wait(&never, clock_mono_ms() + 5, &err), -1);
	assert_int_equal(task_cond_wait(&never, clock_mono_ms() + 30, &err), -1);
	assert_int_equal(task_cond_wait(&never, clock_mono_ms(), &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	task_forget_fd(p[0]);
	task_forget_fd(p[1]);
	close(p[0]);
	close(p[1]);
}

static int ticks;
static struct task_timer *ticker;

static void
tick(void *arg)
{
	(void)arg;
	if (++ticks == 3)
		task_timer_stop(&ticker);
}

static void
timers(void *arg)
{
	(void)arg;
	ticker = task_timer_start(1, 2, tick, NULL);
	(void)task_sleep(50, NULL);
}

static void
test_time(void **state)
{
	(void)state;
	task_main("timeouts", timeouts, NULL);
	ticks = 0;
	task_main("timers", timers, NULL);
	assert_int_equal(ticks, 3);
}

/* ---- conditions */
static struct task_cond cond;
static int woken;

static void
cond_waiter(void *arg)
{
	(void)arg;
	if (task_cond_wait(&cond, TASK_FOREVER, NULL) == 0)
		woken++;
}

static void
cond_first(void *arg)
{
	struct task *victim;

	(void)arg;
	task_cond_init(&cond);
	victim = task_start("victim", cond_waiter, NULL);
	for (int i = 0; i < 3; i++)
		task_start("w", cond_waiter, NULL);
	task_yield();
	task_cancel(victim);
	task_cond_signal(&cond);	/* goes to one that waits still */
	task_yield();
	task_yield();
	assert_int_equal(woken, 1);
	task_cond_broadcast(&cond);
}

static void
test_cond(void **state)
{
	(void)state;
	woken = 0;
	task_main("first", cond_first, NULL);
	assert_int_equal(woken, 3);
}

/* ---- worker pool */
static void
job(void *arg)
{
	struct timespec ts = { .tv_nsec = 20000000 };

	nanosleep(&ts, NULL);
	++*(int *)arg;
	errno = EXDEV;
}

static int jobs_done;

static void
offloader(void *arg)
{
	int n = 0;

	(void)arg;
	task_offload(job, &n);
	assert_int_equal(errno, EXDEV);
	jobs_done += n;
}

static void
offload_first(void *arg)
{
	(void)arg;
	for (int i = 0; i < 8; i++)
		task_cancel(task_start("o", offloader, NULL));	/* a cancelled task waits for its job */
}

static void
test_offload(void **state)
{
	uint64_t start = clock_mono_ms();
	int n = 0;

	(void)state;
	jobs_done = 0;
	task_main("first", offload_first, NULL);
	assert_int_equal(jobs_done, 8);
	assert_true(clock_mono_ms() - start < 8 * 20);
	task_offload(job, &n);		/* outside tasks */
	assert_int_equal(n, 1);
}

/* ---- signals, stop */
static void
on_usr1(void *arg)
{
	(void)arg;
	task_stop(1000);
}

static void
signal_first(void *arg)
{
	struct err err = ERR_INIT;

	(void)arg;
	task_on_signal(SIGUSR1, on_usr1, NULL);
	raise(SIGUSR1);
	assert_int_equal(task_sleep(60000, &err), -1);
	assert_int_equal(err.class, ERR_CANCEL);
}

static void
stubborn(void *arg)
{
	(void)arg;
	for (;;)
		(void)task_sleep(1000, NULL);	/* overlooks its cancelling */
}

static void
stop_first(void *arg)
{
	task_start("stubborn", stubborn, arg);
	task_stop(50);
}

static void
test_stop(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	task_main("first", signal_first, NULL);
	/* the loop ends although a task does not; in a child, as its stack is left behind */
	pid = fork();
	if (pid == 0) {
		alarm(10);
		task_main("first", stop_first, NULL);
		_exit(task_count() == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- limits and many */
static int started;

static void
sleeper(void *arg)
{
	(void)arg;
	started++;
	(void)task_sleep(100, NULL);
}

static void
many(void *arg)
{
	int n = *(int *)arg;
	struct err err = ERR_INIT;

	task_limit((unsigned)n);
	for (int i = 0; i < n - 1; i++)
		assert_non_null(task_start_err("s", sleeper, NULL, &err));
	assert_null(task_start_err("s", sleeper, NULL, &err));
	assert_int_equal(err.class, ERR_TEMP);
}

static void
test_many(void **state)
{
	int n = 10000;

	(void)state;
	started = 0;
	task_main("first", many, &n);
	assert_int_equal(started, n - 1);
	task_limit(100000);
}

/* ---- overflow */
static volatile char sink;

static int
dig(int depth)
{
	volatile char room[1000];

	memset((char *)(uintptr_t)room, depth, sizeof(room));
	sink = room[depth % 1000];
	return depth == 0 ? 0 : dig(depth - 1) + room[0];
}

static void
digger(void *arg)
{
	task_set_name("digger %d", 7);
	sink = (char)dig(*(int *)arg);
}

static void
test_overflow(void **state)
{
	int out[2], status, deep = 100000;
	char text[2000];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		task_main("first", digger, &deep);
		_exit(0);
	}
	close(out[1]);
	while (n < sizeof(text) - 1 && (r = read(out[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
	assert_non_null(strstr(text, "task digger 7 overflowed its stack"));
}

/* ---- slow steps */
static char told[200];

static void
tee_warning(enum log_level level, const char *text)
{
	if (level == LOG_LEVEL_WARNING && strlen(text) < sizeof(told))
		memcpy(told, text, strlen(text) + 1);
}

static long start_cpu_ms;

static void
slow(void *arg)
{
	struct timespec ts;

	(void)arg;
	/* 60 ms of our own: on a busy machine the clock also counts what others had, and that is nobody's slow step */
	do
		assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
	while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < start_cpu_ms + 60);
}

static void
test_slow(void **state)
{
	unsigned long before = task_slow_steps();
	struct timespec ts;

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
	start_cpu_ms = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	log_set_to(0);
	log_tee(tee_warning);
	task_main("slow one", slow, NULL);
	log_tee(NULL);
	log_set_to(LOG_TO_STDERR);
	assert_true(task_slow_steps() > before);
	assert_non_null(strstr(told, "task slow one ran"));
}

/* ---- the same code outside tasks */
static void
test_outside(void **state)
{
	struct err err = ERR_INIT;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(task_wait_fd(p[0], true, false, clock_mono_ms() + 10, &err), -1);
	assert_int_equal(err.class, ERR_TIMEOUT);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(task_wait_fd(p[0], true, false, TASK_FOREVER, &err), 0);
	assert_int_equal(task_sleep(1, &err), 0);
	task_yield();
	close(p[0]);
	close(p[1]);
}

/* ---- a child that goes on in the same program */
static void
forker(void *arg)
{
	int p[2], status;
	char c;
	pid_t pid;

	(void)arg;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(task_wait_fd(p[1], false, true, TASK_FOREVER, NULL), 0);
	pid = fork();
	if (pid == 0) {
		task_forked();
		if (task_sleep(5, NULL) != 0 || task_wait_fd(p[1], false, true, TASK_FOREVER, NULL) != 0)
			_exit(1);
		task_forget_fd(p[1]);
		_exit(write(p[1], "x", 1) == 1 ? 0 : 1);
	}
	assert_int_equal(task_wait_fd(p[0], true, false, clock_mono_ms() + 5000, NULL), 0);
	assert_int_equal(read(p[0], &c, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	task_forget_fd(p[0]);
	task_forget_fd(p[1]);
	close(p[0]);
	close(p[1]);
}

static void
test_forked(void **state)
{
	(void)state;
	task_main("forker", forker, NULL);
}

/* ---- listening callbacks and closing under a waiter */
static int readable_calls;

static void
on_readable(void *arg)
{
	int fd = *(int *)arg;
	char c;

	readable_calls++;
	assert_int_equal(read(fd, &c, 1), 1);
	if (readable_calls == 3) {
		task_forget_fd(fd);
		close(fd);
	}
}

static enum err_class closed_class;

static void
closed_waiter(void *arg)
{
	struct err err = ERR_INIT;

	assert_int_equal(task_wait_fd(*(int *)arg, true, false, TASK_FOREVER, &err), -1);
	closed_class = err.class;
}

static void
readable_first(void *arg)
{
	static int p[2], q[2];

	(void)arg;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	task_on_readable(p[0], on_readable, &p[0]);
	assert_int_equal(write(p[1], "xyz", 3), 3);
	task_start("w", closed_waiter, &q[0]);
	(void)task_sleep(20, NULL);
	assert_int_equal(readable_calls, 3);
	task_forget_fd(q[0]);
	close(q[0]);
	close(q[1]);
	close(p[1]);
}

static void
test_readable(void **state)
{
	(void)state;
	task_main("first", readable_first, NULL);
	assert_int_equal(closed_class, ERR_CANCEL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow), cmocka_unit_test(test_interleaved), cmocka_unit_test(test_errno), cmocka_unit_test(test_float_modes),
		cmocka_unit_test(test_cancel), cmocka_unit_test(test_time), cmocka_unit_test(test_cond),
		cmocka_unit_test(test_offload), cmocka_unit_test(test_stop), cmocka_unit_test(test_many),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_outside),
		cmocka_unit_test(test_forked), cmocka_unit_test(test_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
