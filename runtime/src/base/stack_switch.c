/* SPDX-License-Identifier: MIT */
#include "base/stack_switch.h"

#include <stdint.h>
#include <string.h>

#ifdef PYRITE_SWITCH_UCONTEXT

/* makecontext() passes ints, so a pointer goes in two halves. */
struct entry {
	void (*main)(void *arg);
	void *arg;
};

static void enter(unsigned high, unsigned low)
{
	struct entry *entry = (struct entry *)(((uintptr_t)high << 16 << 16) | low);

	entry->main(entry->arg);
}

void switch_make(struct switch_point *ret, void *base, size_t size, void (*main)(void *arg),
		 void *arg)
{
	struct entry *entry = (struct entry *)((char *)base + size) - 1;
	uintptr_t at = (uintptr_t)entry;

	*entry = (struct entry){ main, arg };
	memset(ret, 0, sizeof(*ret));
	getcontext(&ret->context);
	ret->context.uc_stack.ss_sp = base;
	ret->context.uc_stack.ss_size = size - sizeof(*entry);
	makecontext(&ret->context, (void (*)(void))enter, 2, (unsigned)(at >> 16 >> 16),
		    (unsigned)at);
}

void switch_to(struct switch_point *from, struct switch_point *to)
{
	swapcontext(&from->context, &to->context);
}

#elif defined(__x86_64__)

/* System V ABI: rbx, rbp, r12 to r15 and the two control words are the callee's to preserve. */
__asm__(".text\n"
	".p2align 4\n"
	".globl switch_to\n"
	".hidden switch_to\n"
	".type switch_to, @function\n"
	"switch_to:\n"
	"	.cfi_startproc\n"
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
	"	movq (%rsi), %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size switch_to, . - switch_to\n"
	/* The end of all backtraces of a stack. */
	".p2align 4\n"
	".globl switch_begin\n"
	".hidden switch_begin\n"
	".type switch_begin, @function\n"
	"switch_begin:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined rip\n"
	"	movq %r13, %rdi\n"
	"	callq *%r12\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	".size switch_begin, . - switch_begin\n");

void switch_begin(void) __asm__("switch_begin");

void switch_make(struct switch_point *ret, void *base, size_t size, void (*main)(void *arg),
		 void *arg)
{
	uintptr_t *top = (uintptr_t *)(((uintptr_t)base + size) & ~(uintptr_t)15);
	uintptr_t *sp = top - 10;
	uint32_t sse;
	uint16_t x87;

	__asm__ volatile("stmxcsr %0" : "=m"(sse));
	__asm__ volatile("fnstcw %0" : "=m"(x87));
	memset(sp, 0, 10 * sizeof(*sp));
	sp[0] = (uintptr_t)x87 << 32 | sse;
	sp[3] = (uintptr_t)arg;          /* r13 */
	sp[4] = (uintptr_t)main;         /* r12 */
	sp[7] = (uintptr_t)switch_begin; /* where switch_to() returns, with the stack aligned */
	ret->sp = sp;
}

#else /* aarch64 */

/* AAPCS64: x19 to x30 and the low halves of v8 to v15 are the callee's to preserve. */
__asm__(".text\n"
	".p2align 4\n"
	".globl switch_to\n"
	".hidden switch_to\n"
	".type switch_to, %function\n"
	"switch_to:\n"
	"	.cfi_startproc\n"
	"	sub sp, sp, #160\n"
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
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	ldr x9, [x1]\n"
	"	mov sp, x9\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size switch_to, . - switch_to\n"
	/* The end of all backtraces of a stack. */
	".p2align 4\n"
	".globl switch_begin\n"
	".hidden switch_begin\n"
	".type switch_begin, %function\n"
	"switch_begin:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined x30\n"
	"	mov x0, x20\n"
	"	blr x19\n"
	"	brk #0\n"
	"	.cfi_endproc\n"
	".size switch_begin, . - switch_begin\n");

void switch_begin(void) __asm__("switch_begin");

void switch_make(struct switch_point *ret, void *base, size_t size, void (*main)(void *arg),
		 void *arg)
{
	uintptr_t *top = (uintptr_t *)(((uintptr_t)base + size) & ~(uintptr_t)15);
	uintptr_t *sp = top - 20;

	memset(sp, 0, 20 * sizeof(*sp));
	sp[0] = (uintptr_t)main;          /* x19 */
	sp[1] = (uintptr_t)arg;           /* x20 */
	sp[11] = (uintptr_t)switch_begin; /* x30: where switch_to() returns */
	ret->sp = sp;
}

#endif
