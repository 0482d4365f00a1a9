/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_priv - what the files of lib/task share: the scheduler's state, contexts, stacks and timers
 */
#ifndef TASK_TASK_PRIV_H
#define TASK_TASK_PRIV_H

#include <stddef.h>
#include <sys/resource.h>
#include <uv.h>

#include "task/task.h"

#if !defined(TASK_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define TASK_UCONTEXT 1
#endif
#ifdef TASK_UCONTEXT
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define TASK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TASK_ASAN 1
#endif
#endif
#ifndef TASK_ASAN
#define TASK_ASAN 0
#endif

/* ---- switch.c: the bare switch */
struct task_ctx {
#ifdef TASK_UCONTEXT
	ucontext_t uc;
	void (*fn)(void *);
	void *arg;
#else
	void *sp;
#endif
};
void task_ctx_init(struct task_ctx *c, char *stack, size_t size, void (*fn)(void *), void *arg);
void task_ctx_switch(struct task_ctx *from, struct task_ctx *to);

/* ---- stack.c: mapped stacks, pooled */
struct task_stack {
	char *low;		/* lowest usable byte; the guard page lies below it */
	size_t size;
};
int task_stack_get(struct task_stack *s);	/* 0, or -1 with errno */
void task_stack_put(struct task_stack *s);
void task_stack_trim(char *low, const char *sp);	/* give the pages below sp back to the system */
void task_stack_drain(void);
size_t task_stack_guard(void);			/* bytes of the guard below low */

/* ---- timer.c: a heap over one uv_timer */
struct tnode {
	uint64_t at;
	size_t slot;		/* 1-based place in the heap; 0: not in it */
	void (*fn)(struct tnode *n);
};
void tnode_set(struct tnode *n, uint64_t at);	/* insert or move */
void tnode_clear(struct tnode *n);
void task_timers_arm(void);			/* before the loop waits */
void task_timers_done(void);

/* ---- task.c */
enum task_wake { WAKE_EVENT, WAKE_TIMEOUT, WAKE_CANCEL };
struct task {
	struct list ready, all;
	struct task_ctx ctx;
	struct task_stack stack;
	task_fn *fn;
	void *arg;
	struct tnode timer;	/* stays set after a wait that ended early, and is looked at again when it fires */
	uint64_t deadline;	/* of the current wait */
	uint64_t ran_ms;	/* last time it ran */
	enum task_wake wake;
	bool waiting, deaf /* cancel must not end this wait */, cancelled, done, trimmed;
	void *fake_stack;	/* address sanitizer's */
	char name[48];
};

struct task_sched {
	bool has_loop, running, stopping, ran;
	uv_loop_t loop;
	uv_async_t keep;	/* keeps the loop waiting when only conditions are waited for */
	struct list ready, all;
	unsigned n_tasks, max_tasks, ops, colour;
	struct task *self;
	struct task_ctx main_ctx;
	void *main_fake;
	const void *main_bottom;
	size_t main_size;
	uint64_t stop_ms;
	unsigned long slow_steps;
	bool may_block;
	uint64_t slow_told_us;
	struct rusage turn_ru;	/* what the thread had used when this turn of the loop began */
	unsigned pool_size, jobs;
	bool pool_set;
};
/* One thread, one scheduler: the one mutable global of this folder, with the tables of its files. */
extern struct task_sched task_sched;

uv_loop_t *task_loop(void);			/* made when first needed */
/* Give the processor back until task_wake or the deadline. */
enum task_wake task_suspend(uint64_t deadline_ms, bool deaf);
void task_wake(struct task *t, enum task_wake why);
/* An operation went through without waiting: now and then let others run. */
void task_tick(void);
int task_wake_err(enum task_wake w, struct err *err);	/* 0, or -1 with the error that fits */
void task_pool_start(void);
void task_fd_done(void);
void task_fd_forget_all(void);

#endif
