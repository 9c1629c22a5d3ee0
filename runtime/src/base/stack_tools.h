/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_STACK_TOOLS_H
#define PYRITE_STACK_TOOLS_H
/*
 * What is told to AddressSanitizer, LeakSanitizer, ThreadSanitizer and valgrind about stacks. For
 * stack.c alone. The functions around a switch are not instrumented: their beginning and their end
 * belong to different stacks.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/checked.h"

#if defined(CHECKED_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#elif defined(CHECKED_TSAN)
#include <sanitizer/tsan_interface.h>
#elif defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#define STACK_VALGRIND 1
#include <valgrind/valgrind.h>
#endif
#endif

#if defined(CHECKED_TSAN)
#define STACK_UNTOLD __attribute__((no_sanitize("thread")))
#else
#define STACK_UNTOLD
#endif

struct stack_tools {
	void *base;
	size_t size;
#if defined(CHECKED_ASAN)
	void *fake, *home_fake; /* of use-after-return: the frames of this stack, of the thread's */
	const void *home_base;
	size_t home_size;
#elif defined(CHECKED_TSAN)
	void *fiber, *home;
#elif defined(STACK_VALGRIND)
	unsigned id;
#endif
};

static inline void tools_mapped(struct stack_tools *t, void *base, size_t size)
{
	t->base = base;
	t->size = size;
#if defined(CHECKED_ASAN)
	__lsan_register_root_region(base, size);
#elif defined(CHECKED_TSAN)
	t->fiber = __tsan_create_fiber(0);
#elif defined(STACK_VALGRIND)
	t->id = (unsigned)VALGRIND_STACK_REGISTER(base, (char *)base + size);
#endif
}

static inline void tools_unmapped(struct stack_tools *t)
{
#if defined(CHECKED_ASAN)
	__lsan_unregister_root_region(t->base, t->size);
#elif defined(CHECKED_TSAN)
	__tsan_destroy_fiber(t->fiber);
#elif defined(STACK_VALGRIND)
	VALGRIND_STACK_DEREGISTER(t->id);
#endif
	(void)t;
}

/* On the thread's own stack, before it enters. */
STACK_UNTOLD static inline void tools_entering(struct stack_tools *t)
{
#if defined(CHECKED_ASAN)
	__sanitizer_start_switch_fiber(&t->home_fake, t->base, t->size);
#elif defined(CHECKED_TSAN)
	t->home = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(t->fiber, 0);
#endif
	(void)t;
}

/* On the stack, just entered. */
STACK_UNTOLD static inline void tools_entered(struct stack_tools *t)
{
#if defined(CHECKED_ASAN)
	__sanitizer_finish_switch_fiber(t->fake, &t->home_base, &t->home_size);
#endif
	(void)t;
}

/* On the stack, before it leaves, for good if it is over. */
STACK_UNTOLD static inline void tools_leaving(struct stack_tools *t, bool is_over)
{
#if defined(CHECKED_ASAN)
	__sanitizer_start_switch_fiber(is_over ? NULL : &t->fake, t->home_base, t->home_size);
	if (is_over)
		t->fake = NULL;
#elif defined(CHECKED_TSAN)
	__tsan_switch_to_fiber(t->home, 0);
#endif
	(void)t;
	(void)is_over;
}

/* On the thread's own stack again. Frames that never returned are forgotten. */
STACK_UNTOLD static inline void tools_left(struct stack_tools *t, bool is_over)
{
#if defined(CHECKED_ASAN)
	__sanitizer_finish_switch_fiber(t->home_fake, NULL, NULL);
	if (is_over)
		__asan_unpoison_memory_region(t->base, t->size);
#endif
	(void)t;
	(void)is_over;
}
#endif
