/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack - memory for the stacks of tasks: mapped with a guard, kept for reuse
 *
 * A few stacks are kept as they are, warm; more of them are kept without their memory; the rest is unmapped.
 */
#include "task/task_priv.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#if TASK_ASAN
#include <sanitizer/asan_interface.h>
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	GUARD = 4096 * 4,
	STACK = TASK_ASAN ? 512 << 10 : 64 << 10,	/* the sanitizer's frames are several times larger */
	WARM = 64, COLD = 4096,
};

static struct {
	char *pool[COLD];
	unsigned n;
	enum { GUARD_UNKNOWN, GUARD_LIGHT, GUARD_MPROTECT } guard;
} st;

size_t
task_stack_guard(void)
{
	return GUARD;
}

/* Since Linux 6.13 a guard needs no mapping of its own, so that vm.max_map_count does not bound the tasks. */
static int
guard_set(char *p)
{
	if (st.guard != GUARD_MPROTECT && madvise(p, GUARD, MADV_GUARD_INSTALL) == 0) {
		st.guard = GUARD_LIGHT;
		return 0;
	}
	st.guard = GUARD_MPROTECT;
	return mprotect(p, GUARD, PROT_NONE);
}

static char *
stack_map(void)
{
	char *p = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (guard_set(p) < 0) {
		munmap(p, GUARD + STACK);
		errno = ENOMEM;
		return NULL;
	}
#ifdef MADV_NOHUGEPAGE
	(void)madvise(p + GUARD, STACK, MADV_NOHUGEPAGE);
#endif
	return p + GUARD;
}

int
task_stack_get(struct task_stack *s)
{
	s->size = STACK;
	s->low = st.n > 0 ? st.pool[--st.n] : stack_map();
	return s->low != NULL ? 0 : -1;
}

void
task_stack_put(struct task_stack *s)
{
	if (s->low == NULL)
		return;
#if TASK_ASAN
	__asan_unpoison_memory_region(s->low, s->size);
#endif
	if (st.n >= COLD) {
		munmap(s->low - GUARD, GUARD + STACK);
	} else {
		if (st.n >= WARM)
			(void)madvise(s->low, s->size, MADV_DONTNEED);
		st.pool[st.n++] = s->low;
	}
	s->low = NULL;
}

void
task_stack_trim(char *low, const char *sp)
{
	uintptr_t end = ((uintptr_t)sp - 256) & ~(uintptr_t)4095;

	if (end > (uintptr_t)low)
		(void)madvise(low, end - (uintptr_t)low, MADV_DONTNEED);
}

void
task_stack_drain(void)
{
	while (st.n > 0)
		munmap(st.pool[--st.n] - GUARD, GUARD + STACK);
}
