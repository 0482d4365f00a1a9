/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch - the bare change from one stack to another
 *
 * Saved are the registers that a called function must keep, and the floating point modes (MXCSR and x87 control word, FPCR).
 * The jump to the saved address is a plain jump: a return would be predicted wrongly each time.
 */
#include "task/task_priv.h"

#include <string.h>

#include "base/bug.h"

#ifdef TASK_UCONTEXT

static void
enter(unsigned hi, unsigned lo)
{
	struct task_ctx *c = (struct task_ctx *)(uintptr_t)((uint64_t)hi << 32 | lo);

	c->fn(c->arg);
	bug("a task's function returned into nothing");
}

void
task_ctx_init(struct task_ctx *c, char *stack, size_t size, void (*fn)(void *), void *arg)
{
	uint64_t p = (uintptr_t)c;

	ASSERT(getcontext(&c->uc) == 0);
	c->uc.uc_stack.ss_sp = stack;
	c->uc.uc_stack.ss_size = size;
	c->uc.uc_link = NULL;
	c->fn = fn;
	c->arg = arg;
	makecontext(&c->uc, (void (*)(void))enter, 2, (unsigned)(p >> 32), (unsigned)p);
}

void
task_ctx_switch(struct task_ctx *from, struct task_ctx *to)
{
	ASSERT(swapcontext(&from->uc, &to->uc) == 0);
}

#else

void task_switch_asm(void **save_sp, void *to_sp);
void task_enter_asm(void);

#if defined(__x86_64__)

__asm__(
"	.text\n"
"	.p2align 4\n"
"	.globl task_switch_asm\n"
"	.hidden task_switch_asm\n"
"	.type task_switch_asm, @function\n"
"task_switch_asm:\n"
"	.cfi_startproc\n"
"	endbr64\n"
"	pushq %rbp\n"
"	pushq %rbx\n"
"	pushq %r12\n"
"	pushq %r13\n"
"	pushq %r14\n"
"	pushq %r15\n"
"	subq $8, %rsp\n"
"	stmxcsr (%rsp)\n"
"	fnstcw 4(%rsp)\n"
"	movq %rsp, (%rdi)\n"
"	movq %rsi, %rsp\n"
"	ldmxcsr (%rsp)\n"
"	fldcw 4(%rsp)\n"
"	addq $8, %rsp\n"
"	popq %r15\n"
"	popq %r14\n"
"	popq %r13\n"
"	popq %r12\n"
"	popq %rbx\n"
"	popq %rbp\n"
"	popq %rcx\n"
"	notrack jmp *%rcx\n"
"	.cfi_endproc\n"
"	.size task_switch_asm, .-task_switch_asm\n"
"	.p2align 4\n"
"	.globl task_enter_asm\n"
"	.hidden task_enter_asm\n"
"	.type task_enter_asm, @function\n"
"task_enter_asm:\n"
"	.cfi_startproc\n"
"	.cfi_undefined rip\n"
"	endbr64\n"
"	xorl %ebp, %ebp\n"
"	movq %r12, %rdi\n"
"	callq *%r13\n"
"	ud2\n"
"	.cfi_endproc\n"
"	.size task_enter_asm, .-task_enter_asm\n");

enum { FRAME_WORDS = 8, FRAME_R13 = 3, FRAME_R12 = 4, FRAME_PC = 7 };

static void
frame_fill(void **frame, void (*fn)(void *), void *arg)
{
	uint32_t modes[2] = { 0, 0 };
	uint16_t cw;

	__asm__ volatile("stmxcsr %0" : "=m"(modes[0]));
	__asm__ volatile("fnstcw %0" : "=m"(cw));
	modes[1] = cw;
	memcpy(&frame[0], modes, sizeof(modes));
	frame[FRAME_R12] = arg;
	frame[FRAME_R13] = (void *)fn;
	frame[FRAME_PC] = (void *)task_enter_asm;
}

#else

__asm__(
"	.text\n"
"	.p2align 4\n"
"	.globl task_switch_asm\n"
"	.hidden task_switch_asm\n"
"	.type task_switch_asm, %function\n"
"task_switch_asm:\n"
"	.cfi_startproc\n"
"	hint #34\n"			/* bti c */
"	sub sp, sp, #176\n"
"	stp x19, x20, [sp, #0]\n"
"	stp x21, x22, [sp, #16]\n"
"	stp x23, x24, [sp, #32]\n"
"	stp x25, x26, [sp, #48]\n"
"	stp x27, x28, [sp, #64]\n"
"	stp x29, x30, [sp, #80]\n"
"	stp d8, d9, [sp, #96]\n"
"	stp d10, d11, [sp, #112]\n"
"	stp d12, d13, [sp, #128]\n"
"	stp d14, d15, [sp, #144]\n"
"	mrs x9, fpcr\n"
"	str x9, [sp, #160]\n"
"	mov x9, sp\n"
"	str x9, [x0]\n"
"	mov sp, x1\n"
"	ldr x9, [sp, #160]\n"
"	msr fpcr, x9\n"
"	ldp d14, d15, [sp, #144]\n"
"	ldp d12, d13, [sp, #128]\n"
"	ldp d10, d11, [sp, #112]\n"
"	ldp d8, d9, [sp, #96]\n"
"	ldp x29, x30, [sp, #80]\n"
"	ldp x27, x28, [sp, #64]\n"
"	ldp x25, x26, [sp, #48]\n"
"	ldp x23, x24, [sp, #32]\n"
"	ldp x21, x22, [sp, #16]\n"
"	ldp x19, x20, [sp, #0]\n"
"	add sp, sp, #176\n"
"	ret\n"
"	.cfi_endproc\n"
"	.size task_switch_asm, .-task_switch_asm\n"
"	.p2align 4\n"
"	.globl task_enter_asm\n"
"	.hidden task_enter_asm\n"
"	.type task_enter_asm, %function\n"
"task_enter_asm:\n"
"	.cfi_startproc\n"
"	.cfi_undefined x30\n"
"	hint #36\n"			/* bti j */
"	mov x29, xzr\n"
"	mov x30, xzr\n"
"	mov x0, x19\n"
"	blr x20\n"
"	brk #1\n"
"	.cfi_endproc\n"
"	.size task_enter_asm, .-task_enter_asm\n");

enum { FRAME_WORDS = 22, FRAME_X19 = 0, FRAME_X20 = 1, FRAME_PC = 11, FRAME_FPCR = 20 };

static void
frame_fill(void **frame, void (*fn)(void *), void *arg)
{
	uint64_t fpcr;

	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	memcpy(&frame[FRAME_FPCR], &fpcr, sizeof(fpcr));
	frame[FRAME_X19] = arg;
	frame[FRAME_X20] = (void *)fn;
	frame[FRAME_PC] = (void *)task_enter_asm;
}

#endif

void
task_ctx_init(struct task_ctx *c, char *stack, size_t size, void (*fn)(void *), void *arg)
{
	uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
	/* one spare word pair keeps the stack 16-byte aligned at the first call */
	void **frame = (void **)(top - 16 - FRAME_WORDS * sizeof(void *));

	memset(frame, 0, top - (uintptr_t)frame);
	frame_fill(frame, fn, arg);
	c->sp = frame;
}

void
task_ctx_switch(struct task_ctx *from, struct task_ctx *to)
{
	task_switch_asm(&from->sp, to->sp);
}

#endif
