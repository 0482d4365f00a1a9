/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task - the scheduler: a list of tasks that may run, and the loop that makes them so
 */
#include "task/task_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#if TASK_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum {
	SLOW_US = 50000,	/* a step that takes longer keeps everybody else waiting */
	ROUNDS = 4,		/* times the list of ready tasks is run through between two looks at descriptors */
	TICKS = 64,		/* operations without waiting before others have their turn */
	TRIM_MS = 5000,		/* a task idle for so long gives back what lies below its stack pointer */
	TRIM_STEP = 2000,	/* tasks looked at in one go */
	SIG_STACK = 64 << 10,
};

struct task_sched task_sched = {
	.ready = { &task_sched.ready, &task_sched.ready }, .all = { &task_sched.all, &task_sched.all }, .max_tasks = 100000,
};
#define S task_sched

/* ---- stack overflow is told by name */
static void
segv(int sig, siginfo_t *si, void *uc)
{
	const struct task *t = S.self;
	const char *at = si->si_addr;

	(void)uc;
	signal(sig, SIG_DFL);
	if (t != NULL && at < t->stack.low && at >= t->stack.low - task_stack_guard()) {
		log_write(LOG_LEVEL_PANIC, "task %s overflowed its stack", t->name);
		log_flush();
	}
	/* returning runs the instruction again, now with the default action: a core with the right registers */
}

static void
segv_watch(void)
{
	struct sigaction sa = { .sa_sigaction = segv, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_size = SIG_STACK };
	static void *mem;

	if (mem == NULL)
		mem = mmap(NULL, SIG_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return;
	ss.ss_sp = mem;
	if (sigaltstack(&ss, NULL) < 0)
		return;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/* ---- switching */
static void
fiber_start(void **fake, const void *bottom, size_t size)
{
#if TASK_ASAN
	__sanitizer_start_switch_fiber(fake, bottom, size);
#else
	(void)fake, (void)bottom, (void)size;
#endif
}

static void
fiber_finish(void *fake, const void **bottom, size_t *size)
{
#if TASK_ASAN
	__sanitizer_finish_switch_fiber(fake, bottom, size);
#else
	(void)fake, (void)bottom, (void)size;
#endif
}

static void
switch_to_task(struct task *t)
{
	int saved = errno;

	S.self = t;
	S.ops = 0;
	fiber_start(&S.main_fake, t->stack.low, t->stack.size);
	task_ctx_switch(&S.main_ctx, &t->ctx);
	fiber_finish(S.main_fake, NULL, NULL);
	S.self = NULL;
	errno = saved;
}

/* ending: the task's fake stack is given up */
static void
switch_to_main(struct task *t, bool ending)
{
	int saved = errno;

	fiber_start(ending ? NULL : &t->fake_stack, S.main_bottom, S.main_size);
	task_ctx_switch(&t->ctx, &S.main_ctx);
	fiber_finish(t->fake_stack, &S.main_bottom, &S.main_size);
	errno = saved;
}

static void
entry(void *arg)
{
	struct task *t = arg;

	fiber_finish(NULL, &S.main_bottom, &S.main_size);
	t->fn(t->arg);
	t->done = true;
	switch_to_main(t, true);
	bug("a task that ended was run again");
}

static void
task_free(struct task *t)
{
	tnode_clear(&t->timer);
	list_remove(&t->all);
	list_remove(&t->ready);
	task_stack_put(&t->stack);
	S.n_tasks--;
	mem_free(&t);
}

static uint64_t
cpu_us(const struct rusage *ru)
{
	return (uint64_t)(ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * 1000000 + (uint64_t)(ru->ru_utime.tv_usec + ru->ru_stime.tv_usec);
}

/* Did this turn of the loop work for long or sleep in a call, or had another process the processor? */
static bool
is_our_fault(void)
{
	struct rusage now;

	if (getrusage(RUSAGE_THREAD, &now) < 0)
		return true;
	return now.ru_nvcsw > S.turn_ru.ru_nvcsw || cpu_us(&now) - cpu_us(&S.turn_ru) >= SLOW_US / 2;
}

static void
slow_step(const struct task *t, uint64_t start_us, uint64_t end_us)
{
	if (!is_our_fault())
		return;
	S.slow_steps++;
	if (S.slow_told_us != 0 && end_us - S.slow_told_us < 1000000)
		return;
	S.slow_told_us = end_us;
	log_warning("task %s ran %llu ms without giving way", t->name, (unsigned long long)((end_us - start_us) / 1000));
}

static void
run_ready(void)
{
	struct list batch;
	uint64_t start_us = clock_mono_us();

	S.ran = true;
	list_init(&batch);
	while (!list_is_empty(&S.ready)) {
		struct list *l = S.ready.next;

		list_remove(l);
		list_append(&batch, l);
	}
	while (!list_is_empty(&batch)) {
		struct task *t = LIST_ITEM(batch.next, struct task, ready);
		uint64_t end_us;

		list_remove(&t->ready);
		switch_to_task(t);
		end_us = clock_mono_us();
		t->ran_ms = end_us / 1000;
		t->trimmed = false;
		if (end_us - start_us >= SLOW_US && !S.may_block)
			slow_step(t, start_us, end_us);
		if (t->done)
			task_free(t);
		start_us = end_us;
	}
}

void
task_wake(struct task *t, enum task_wake why)
{
	if (!t->waiting)
		return;
	t->waiting = false;
	t->wake = why;
	list_append(&S.ready, &t->ready);
}

static void
wait_timer(struct tnode *n)
{
	struct task *t = LIST_ITEM(n, struct task, timer);

	if (!t->waiting || t->deadline == TASK_FOREVER)
		return;
	if (t->deadline > task_now_ms())
		tnode_set(n, t->deadline);
	else
		task_wake(t, WAKE_TIMEOUT);
}

enum task_wake
task_suspend(uint64_t deadline_ms, bool deaf)
{
	struct task *t = S.self;

	ASSERT(t != NULL);
	if (t->cancelled && !deaf) {
		task_yield();
		return WAKE_CANCEL;
	}
	t->deadline = deadline_ms;
	/* a timer that is set earlier stays: when it fires it is set again, which is rare */
	if (deadline_ms != TASK_FOREVER && (t->timer.slot == 0 || t->timer.at > deadline_ms))
		tnode_set(&t->timer, deadline_ms);
	t->deaf = deaf;
	t->waiting = true;
	switch_to_main(t, false);
	return t->wake;
}

void
task_yield(void)
{
	struct task *t = S.self;

	if (t == NULL)
		return;
	list_append(&S.ready, &t->ready);
	switch_to_main(t, false);
}

void
task_tick(void)
{
	if (S.self != NULL && ++S.ops >= TICKS)
		task_yield();
}

int
task_wake_err(enum task_wake w, struct err *err)
{
	switch (w) {
	case WAKE_TIMEOUT:
		return err_set(err, ERR_TIMEOUT, NULL, "timed out");
	case WAKE_CANCEL:
		return err_set(err, ERR_CANCEL, NULL, "cancelled");
	default:
		return 0;
	}
}

/* ---- tasks */
/* Stacks lie at equal distances: without this the hot ends of all of them would share a few sets of the cache. */
static size_t
stack_colour(void)
{
	return (size_t)(S.colour++ % 32) * 64;
}

struct task *
task_start_err(const char *name, task_fn *fn, void *arg, struct err *err)
{
	struct task *t;

	if (S.n_tasks >= S.max_tasks) {
		err_set(err, ERR_TEMP, "4.3.2", "limit of %u tasks reached", S.max_tasks);
		return NULL;
	}
	t = NEW(struct task);
	if (task_stack_get(&t->stack) < 0) {
		err_sys(err, "memory for a task's stack");
		mem_free(&t);
		return NULL;
	}
	t->fn = fn;
	t->arg = arg;
	t->timer.fn = wait_timer;
	snprintf(t->name, sizeof(t->name), "%s", name);
	task_ctx_init(&t->ctx, t->stack.low, t->stack.size - stack_colour(), entry, t);
	list_append(&S.all, &t->all);
	list_init(&t->ready);
	list_append(&S.ready, &t->ready);
	S.n_tasks++;
	return t;
}

struct task *
task_start(const char *name, task_fn *fn, void *arg)
{
	struct err err = ERR_INIT;
	struct task *t = task_start_err(name, fn, arg, &err);

	if (t == NULL)
		fatal("cannot start task %s: %s", name, err.text);
	return t;
}

struct task *
task_self(void)
{
	return S.self;
}

void
task_cancel(struct task *t)
{
	t->cancelled = true;
	if (t->waiting && !t->deaf)
		task_wake(t, WAKE_CANCEL);
}

bool
task_is_cancelled(void)
{
	return S.self != NULL && S.self->cancelled;
}

void
task_limit(unsigned max_tasks)
{
	S.max_tasks = max_tasks;
}

unsigned
task_count(void)
{
	return S.n_tasks;
}

const char *
task_name(const struct task *t)
{
	return t->name;
}

void
task_set_name(const char *fmt, ...)
{
	va_list ap;

	if (S.self == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(S.self->name, sizeof(S.self->name), fmt, ap);
	va_end(ap);
}

void
task_may_block(void)
{
	S.may_block = true;
}

unsigned long
task_slow_steps(void)
{
	return S.slow_steps;
}

uint64_t
task_now_ms(void)
{
	return S.running ? uv_now(&S.loop) : clock_mono_ms();
}

int
task_sleep(uint64_t ms, struct err *err)
{
	enum task_wake w;

	if (S.self == NULL) {
		struct timespec ts = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

		log_flush();
		while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
			;
		return 0;
	}
	w = task_suspend(clock_mono_ms() + ms, false);
	return w == WAKE_TIMEOUT ? 0 : task_wake_err(w, err);
}

/* ---- conditions */
struct waiter {
	struct list link;
	struct task *task;
};

void
task_cond_init(struct task_cond *c)
{
	list_init(&c->waiters);
}

int
task_cond_wait(struct task_cond *c, uint64_t deadline_ms, struct err *err)
{
	struct waiter w = { .task = S.self };
	enum task_wake wake;

	if (w.task == NULL)
		bug("a condition cannot be waited for outside tasks");
	list_append(&c->waiters, &w.link);
	wake = task_suspend(deadline_ms, false);
	list_remove(&w.link);
	return task_wake_err(wake, err);
}

/* Whoever was woken already, by time or cancel, is passed over: the signal goes to one who takes it. */
void
task_cond_signal(struct task_cond *c)
{
	while (!list_is_empty(&c->waiters)) {
		struct waiter *w = LIST_ITEM(c->waiters.next, struct waiter, link);
		bool waits = w->task->waiting;

		list_remove(&w->link);
		task_wake(w->task, WAKE_EVENT);
		if (waits)
			return;
	}
}

void
task_cond_broadcast(struct task_cond *c)
{
	while (!list_is_empty(&c->waiters)) {
		struct waiter *w = LIST_ITEM(c->waiters.next, struct waiter, link);

		list_remove(&w->link);
		task_wake(w->task, WAKE_EVENT);
	}
}

/* ---- signals */
struct sig {
	uv_signal_t uv;
	task_fn *fn;
	void *arg;
	struct sig *next;
};
static struct sig *sigs;

static void
sig_arrived(uv_signal_t *uv, int signo)
{
	struct sig *s = uv->data;

	(void)signo;
	s->fn(s->arg);
}

void
task_on_signal(int signo, task_fn *fn, void *arg)
{
	struct sig *s = NEW(struct sig);

	s->fn = fn;
	s->arg = arg;
	s->uv.data = s;
	if (uv_signal_init(task_loop(), &s->uv) != 0 || uv_signal_start(&s->uv, sig_arrived, signo) != 0)
		fatal("cannot catch signal %d", signo);
	s->next = sigs;
	sigs = s;
}

static void
sig_closed(uv_handle_t *h)
{
	struct sig *s = h->data;

	mem_free(&s);
}

static void
sigs_done(void)
{
	while (sigs != NULL) {
		struct sig *s = sigs;

		sigs = s->next;
		uv_close((uv_handle_t *)&s->uv, sig_closed);
	}
}

/* ---- the loop */
static void
keep_woken(uv_async_t *a)
{
	(void)a;
}

uv_loop_t *
task_loop(void)
{
	if (!S.has_loop) {
		if (uv_loop_init(&S.loop) != 0 || uv_async_init(&S.loop, &S.keep, keep_woken) != 0)
			fatal("cannot create the event loop: %s", strerrorname_np(errno));
		S.has_loop = true;
	}
	return &S.loop;
}

/* Memory of tasks that have been idle for a while goes back; runs only while there is something to look at. */
static void
trim_idle(struct tnode *n)
{
	uint64_t now = task_now_ms();
	unsigned looked = 0;
	bool more = false;

	for (struct list *l = S.all.next; l != &S.all && looked < TRIM_STEP; l = l->next) {
		struct task *t = LIST_ITEM(l, struct task, all);

		if (t->trimmed)
			continue;
		more = true;
		if (!t->waiting || now - t->ran_ms < TRIM_MS)
			continue;
		looked++;
		t->trimmed = true;
#ifndef TASK_UCONTEXT
		task_stack_trim(t->stack.low, t->ctx.sp);
#endif
	}
	if (more)
		tnode_set(n, now + TRIM_MS);
}
static struct tnode trimmer = { .fn = trim_idle };

static bool
loop_goes_on(void)
{
	if (S.n_tasks == 0)
		return false;
	return !S.stopping || task_now_ms() < S.stop_ms;
}

static void
loop_turn(void)
{
	(void)getrusage(RUSAGE_THREAD, &S.turn_ru);
	for (int i = 0; i < ROUNDS && !list_is_empty(&S.ready); i++)
		run_ready();
	if (!loop_goes_on())
		return;
	log_flush();
	if (S.ran && trimmer.slot == 0 && !TASK_ASAN)
		tnode_set(&trimmer, task_now_ms() + TRIM_MS);
	S.ran = false;
	task_timers_arm();
	uv_run(&S.loop, list_is_empty(&S.ready) ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

/* All handles are closed where nothing uses them any more; after a stop with tasks left the process ends soon anyway. */
static void
loop_done(void)
{
	if (S.n_tasks > 0 || S.jobs > 0)
		return;
	tnode_clear(&trimmer);
	task_fd_done();
	sigs_done();
	task_timers_done();
	uv_close((uv_handle_t *)&S.keep, NULL);
	uv_run(&S.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&S.loop) == 0)
		S.has_loop = false;
	task_stack_drain();
}

static void
stop_timer(struct tnode *n)
{
	(void)n;
}
static struct tnode stopper = { .fn = stop_timer };

void
task_main(const char *name, task_fn *fn, void *arg)
{
	ASSERT(!S.running);
	task_loop();
	signal(SIGPIPE, SIG_IGN);
	segv_watch();
	task_pool_start();
	uv_update_time(&S.loop);
	S.running = true;
	S.stopping = false;
	task_start(name, fn, arg);
	while (loop_goes_on())
		loop_turn();
	log_flush();
	tnode_clear(&stopper);
	S.running = false;
	loop_done();
}

void
task_stop(uint64_t grace_ms)
{
	S.stop_ms = clock_mono_ms() + grace_ms;
	S.stopping = true;
	tnode_set(&stopper, S.stop_ms);		/* so that the loop does not wait longer */
	for (struct list *l = S.all.next; l != &S.all; l = l->next)
		task_cancel(LIST_ITEM(l, struct task, all));
}

void
task_forked(void)
{
	task_fd_forget_all();
	S.self = NULL;
	S.running = false;
	S.has_loop = false;
	list_init(&S.ready);
	list_init(&S.all);
	S.n_tasks = 0;
	S.jobs = 0;
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
}
