/* SPDX-License-Identifier: MIT */
/* What is known of a stack lies at its top, in the page that its first frames touch anyway. */
#define _GNU_SOURCE /* pthread_getattr_np() */
#include "base/stack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/stack_switch.h"
#include "base/stack_tools.h"

/* Wide, so that a function with large locals does not step over it. It costs addresses alone. */
enum { GUARD = 65536 };

struct stack {
	struct switch_point own, home; /* where it goes on; where the thread does */
	void (*main)(void *arg);
	void *arg;
	void (*asked)(void *arg); /* what it left for: stack_call(); NULL: nothing */
	void *asked_arg;
	bool is_over;
	char *mapping;
	size_t n_mapping;
	struct stack_tools tools;
};

static struct stacks {
	pthread_once_t once;
	long most;
	atomic_long n;
} stacks = { .once = PTHREAD_ONCE_INIT };

static _Thread_local struct stack *current;

struct stack *stack_current(void)
{
	return current;
}

/* Each stack takes two of the mappings that a process may have; some must be left to the rest of
 * it, which may not bear to get none. */
static void count_mappings(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	long most = 65530;

	if (file) {
		if (fscanf(file, "%ld", &most) != 1 || most < 1024)
			most = 65530;
		fclose(file);
	}
	stacks.most = (most - most / 16) / 2;
}

static bool take_place(void)
{
	pthread_once(&stacks.once, count_mappings);
	if (atomic_fetch_add(&stacks.n, 1) < stacks.most)
		return true;
	atomic_fetch_sub(&stacks.n, 1);
	return false;
}

struct stack *stack_new(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), guard = GUARD > page ? GUARD : page, n;
	struct stack *stack;
	char *at;

	if (size < STACK_MIN)
		size = STACK_MIN;
	if (size > SIZE_MAX / 2 || !take_place())
		return NULL;
	n = guard + (size + sizeof(*stack) + page - 1) / page * page;
	at = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1,
		  0);
	if (at != MAP_FAILED && mprotect(at + guard, n - guard, PROT_READ | PROT_WRITE) != 0) {
		munmap(at, n);
		at = MAP_FAILED;
	}
	if (at == MAP_FAILED) {
		atomic_fetch_sub(&stacks.n, 1);
		return NULL;
	}
	stack = (struct stack *)(((uintptr_t)at + n - sizeof(*stack)) & ~(uintptr_t)63);
	stack->mapping = at;
	stack->n_mapping = n;
	stack->is_over = true;
	tools_mapped(&stack->tools, at + guard, (size_t)((char *)stack - at) - guard);
	return stack;
}

void stack_free(struct stack *stack)
{
	if (!stack)
		return;
	tools_unmapped(&stack->tools);
	munmap(stack->mapping, stack->n_mapping);
	atomic_fetch_sub(&stacks.n, 1);
}

/* ---- to and fro ---- */

STACK_UNTOLD static void go_in(struct stack *stack)
{
	current = stack;
	tools_entering(&stack->tools);
	switch_to(&stack->home, &stack->own);
	tools_left(&stack->tools, stack->is_over);
	current = NULL;
}

STACK_UNTOLD static void go_out(struct stack *stack)
{
	tools_leaving(&stack->tools, stack->is_over);
	switch_to(&stack->own, &stack->home);
	tools_entered(&stack->tools);
}

STACK_UNTOLD static void run(void *data)
{
	struct stack *stack = data;

	tools_entered(&stack->tools);
	stack->main(stack->arg);
	stack->is_over = true;
	go_out(stack);
}

void stack_begin(struct stack *stack, void (*main)(void *arg), void *arg)
{
	stack->main = main;
	stack->arg = arg;
	stack->is_over = false;
	switch_make(&stack->own, stack->tools.base, stack->tools.size, run, stack);
}

bool stack_enter(struct stack *stack)
{
	void (*asked)(void *arg);

	go_in(stack);
	while ((asked = stack->asked)) {
		stack->asked = NULL;
		asked(stack->asked_arg);
		go_in(stack);
	}
	return !stack->is_over;
}

void stack_leave(void)
{
	go_out(current);
}

/* ---- the thread's own ---- */

static _Thread_local uintptr_t own_low, own_high; /* 0: not known yet; equal: not to be known */

static void measure_own(void)
{
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;

	own_low = own_high = 1;
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	if (pthread_attr_getstack(&attr, &low, &size) == 0) {
		own_low = (uintptr_t)low;
		own_high = own_low + size;
	}
	pthread_attr_destroy(&attr);
}

size_t stack_room(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (!own_high)
		measure_own();
	return here > own_low && here < own_high ? here - own_low : 0;
}

void stack_call(void (*fn)(void *arg), void *arg)
{
	struct stack *stack = current;

	if (!stack) {
		fn(arg);
		return;
	}
	stack->asked = fn;
	stack->asked_arg = arg;
	go_out(stack);
}
