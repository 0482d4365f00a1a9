/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task - many sessions in one thread, written straight down
 *
 * A task is a stackful coroutine: it runs until it waits (for a descriptor, a time, a worker, another task) and lets others
 * run meanwhile.  Functions that may wait say MAY_WAIT in their declaration; between two of them a task has the process to
 * itself.  Hold no lock, database cursor, static buffer or iterator over a shared list across one of them.
 *
 *	static void session(void *arg) { ... stream_line() ... }
 *	task_start("session", session, s);		runs when the loop comes round
 *
 * A task ends by returning from its function.  task_cancel() makes every wait of it fail with ERR_CANCEL from then on, so
 * that it unwinds by return; nothing ever drops a suspended stack.  Waits outside any task (start-up, commands) block the
 * process and are allowed there, so that the same code serves one-shot programs.
 *
 * A wait of a cancelled task lets others run before it fails, so a loop that overlooks the error does not stop the process.
 *
 * errno survives a switch.  Tasks never move between threads.  Stacks are 64 KiB with a guard page: no large frames
 * (-Wframe-larger-than), no recursion steered by input without a limit.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/list.h"

struct task;
typedef void task_fn(void *arg);

#define TASK_FOREVER UINT64_MAX

/* Run fn as the first task, and the loop, until task_stop() or until no task is left.  Creates loop and worker pool, so it
 * comes after confinement.  SIGPIPE is ignored from here on: who starts other programs sets it back to default. */
void task_main(const char *name, task_fn *fn, void *arg);
/* Make task_main return once the current callbacks are through; suspended tasks are cancelled and given grace_ms to end. */
void task_stop(uint64_t grace_ms);

/* NULL (err says why) when the limit of tasks or memory is reached. */
struct task *task_start_err(const char *name, task_fn *fn, void *arg, struct err *err);
/* The same, for tasks whose number is bounded by the program itself: ends the process when it fails. */
struct task *task_start(const char *name, task_fn *fn, void *arg);
struct task *task_self(void);			/* NULL outside tasks */
void task_cancel(struct task *t);
bool task_is_cancelled(void);			/* the calling task */
void task_limit(unsigned max_tasks);
unsigned task_count(void);
const char *task_name(const struct task *t);
void task_set_name(const char *fmt, ...) PRINTF(1, 2);	/* the calling task, for diagnosis */

/* Deadlines are absolute, in clock_mono_ms() time; TASK_FOREVER for none.  0, or -1 with ERR_TIMEOUT or ERR_CANCEL. */
NODISCARD int task_wait_fd(int fd, bool for_read, bool for_write, uint64_t deadline_ms, struct err *err) MAY_WAIT;
/* Forget what is remembered of a descriptor; call before close() when task_wait_fd() was ever used on it. */
void task_forget_fd(int fd);
int task_sleep(uint64_t ms, struct err *err) MAY_WAIT;
void task_yield(void) MAY_WAIT;			/* let others run, go on when the loop comes round */
uint64_t task_now_ms(void);			/* the loop's idea of clock_mono_ms(), cheap */

/* Condition: tasks wait until another says so.  Wake-ups are queued, never run inside the caller. */
struct task_cond {
	struct list waiters;
};
void task_cond_init(struct task_cond *c);
NODISCARD int task_cond_wait(struct task_cond *c, uint64_t deadline_ms, struct err *err) MAY_WAIT;
void task_cond_signal(struct task_cond *c);	/* the one that waits longest */
void task_cond_broadcast(struct task_cond *c);

/* Run fn(arg) in the worker pool and wait for it, whatever happens: the job owns what it works on until it returns.  For
 * what blocks: fsync, large reads, password hashing.  Outside tasks it runs at once.  errno of fn is handed back. */
void task_offload(void (*fn)(void *arg), void *arg) MAY_WAIT;
/* How many jobs may be in flight; set before task_main, which then starts the threads.  Not called: 16, started when first
 * needed.  0: no threads, jobs run (and block) in place - for agents that fork. */
void task_pool_size(unsigned n);

/* A callback by time without a task of its own; runs from the loop, must not wait.  period_ms 0: once. */
struct task_timer;
struct task_timer *task_timer_start(uint64_t ms, uint64_t period_ms, task_fn *fn, void *arg);
void task_timer_stop(struct task_timer **t);
/* fn runs from the loop for each arrival (coalesced); must not wait. */
void task_on_signal(int signo, task_fn *fn, void *arg);
/* fn runs from the loop whenever fd is readable, until task_forget_fd(fd); must not wait (listening sockets). */
void task_on_readable(int fd, task_fn *fn, void *arg);

/* Steps (a task's run between two waits) longer than 50 ms since the start, those not counted in which only other processes kept
 * us from running; also logged as warnings, one a second at most. */
unsigned long task_slow_steps(void);
/* For programs that serve one session and may block: steps are not watched. */
void task_may_block(void);

/* In a child that was forked and goes on in the same program: what waits now blocks, loop and tasks of the parent are let be. */
void task_forked(void);

#endif
