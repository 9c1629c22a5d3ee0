/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STACK_SWITCH_H
#define PYRITE_STACK_SWITCH_H
/*
 * From one stack of a thread to another: a few instructions of x86-64 and aarch64, the C library's
 * ucontext elsewhere (and wherever PYRITE_SWITCH_UCONTEXT is defined), which also saves the signal
 * mask and so costs a system call.
 */
#include <stddef.h>

#if !defined(PYRITE_SWITCH_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define PYRITE_SWITCH_UCONTEXT
#endif

#ifdef PYRITE_SWITCH_UCONTEXT
#include <ucontext.h>
#endif

/* Where a stack that is not run goes on. */
struct switch_point {
#ifdef PYRITE_SWITCH_UCONTEXT
	ucontext_t context;
#else
	void *sp; /* of what it keeps for itself: the registers that a function must preserve */
#endif
};

/* The first switch to it calls main(arg) on the stack of `size` bytes at `base`. main never
 * returns. */
void switch_make(struct switch_point *ret, void *base, size_t size, void (*main)(void *arg),
		 void *arg);
/* Goes to `to`; returns when somebody goes back to `from`. */
void switch_to(struct switch_point *from, struct switch_point *to);
#endif
