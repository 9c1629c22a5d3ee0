/* SPDX-License-Identifier: MIT */
/* Stacks: entered, left, called from, reused. Built twice, the second time with ucontext. */
#include "base/stack.h"

#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { STEPS = 1000, MANY = 500 };

struct counter {
	struct stack *stack;
	int n, end;
};

/* Counts one step each time it is entered. */
static void count(void *arg)
{
	struct counter *c = arg;

	CHECK(stack_current() == c->stack);
	for (c->n = 1; c->n < c->end; c->n++)
		stack_leave();
}

static void begin(struct counter *c, int end)
{
	*c = (struct counter){ .stack = stack_new(STACK_DEFAULT), .end = end };
	REQUIRE(c->stack != NULL);
	stack_begin(c->stack, count, c);
}

TEST(what_runs_on_a_stack_goes_on_where_it_left)
{
	struct counter c;
	int i;

	begin(&c, STEPS);
	for (i = 1; i < STEPS; i++) {
		CHECK(stack_enter(c.stack));
		CHECK_INT(c.n, i);
		CHECK(stack_current() == NULL);
	}
	CHECK(!stack_enter(c.stack));
	CHECK_INT(c.n, STEPS);
	stack_free(c.stack);
	stack_free(NULL);
}

TEST(a_stack_is_used_again)
{
	struct counter c;
	int i;

	begin(&c, 1);
	CHECK(!stack_enter(c.stack));
	for (i = 0; i < 10; i++) {
		c.end = 2;
		stack_begin(c.stack, count, &c);
		CHECK(stack_enter(c.stack));
		CHECK(!stack_enter(c.stack));
		CHECK_INT(c.n, 2);
	}
	stack_free(c.stack);
}

TEST(many_stacks_take_turns)
{
	static struct counter all[MANY];
	int round, i;

	for (i = 0; i < MANY; i++)
		begin(&all[i], 3);
	for (round = 1; round <= 3; round++)
		for (i = MANY - 1; i >= 0; i--) {
			CHECK_INT(stack_enter(all[i].stack), round < 3);
			CHECK_INT(all[i].n, round);
		}
	for (i = 0; i < MANY; i++)
		stack_free(all[i].stack);
}

/* ---- what a switch must preserve ---- */

struct numbers {
	volatile double in;
	double out;
	long sum;
};

static void keep_numbers(void *arg)
{
	struct numbers *n = arg;
	double a = n->in * 2, b = n->in * 3, c = n->in * 5, d = n->in * 7;
	long i = 11, j = 13, k = 17, l = 19, m = 23;

	for (int round = 0; round < 100; round++) {
		stack_leave();
		i += round;
		j += i;
		k ^= j;
		l += k;
		m += l;
		a += 1;
		b += a;
		c += b;
		d += c;
	}
	n->sum = i + j + k + l + m;
	n->out = a + b + c + d;
}

TEST(numbers_in_flight_survive_a_switch)
{
	struct numbers numbers[2] = { { .in = 1.5 }, { .in = -2.5 } }, again;
	struct stack *stacks[2] = { stack_new(0), stack_new(0) };
	volatile double here = 0.1;
	int i, alive = 1;

	for (i = 0; i < 2; i++)
		stack_begin(stacks[i], keep_numbers, &numbers[i]);
	while (alive) {
		here = here * 1.01 + 1;
		alive = stack_enter(stacks[0]) + stack_enter(stacks[1]);
	}
	CHECK(numbers[0].sum == numbers[1].sum);
	again = (struct numbers){ .in = 1.5 };
	stack_begin(stacks[0], keep_numbers, &again);
	while (stack_enter(stacks[0]))
		;
	CHECK(again.out == numbers[0].out);
	CHECK(again.sum == numbers[0].sum);
	CHECK(numbers[0].out != numbers[1].out);
	for (i = 0; i < 2; i++)
		stack_free(stacks[i]);
}

static void print_numbers(void *arg)
{
	char text[64];

	CHECK(((uintptr_t)__builtin_frame_address(0) & 7) == 0);
	snprintf(text, sizeof(text), "%.3f %Lg", 2.5,
		 (long double)1.25); /* needs an aligned stack */
	*(int *)arg = strcmp(text, "2.500 1.25") == 0;
}

TEST(a_stack_is_aligned_for_floating_point)
{
	struct stack *stack = stack_new(0);
	int ok = 0;

	stack_begin(stack, print_numbers, &ok);
	CHECK(!stack_enter(stack));
	CHECK(ok);
	stack_free(stack);
}

/* ---- calls on the thread's own stack ---- */

struct called {
	struct stack *stack;
	uintptr_t at[3];
	int n;
};

static void note_place(void *arg)
{
	struct called *c = arg;

	c->at[c->n++] = (uintptr_t)__builtin_frame_address(0);
	CHECK((stack_current() == NULL) == (c->n != 2));
}

static void call_there(void *arg)
{
	struct called *c = arg;

	stack_call(note_place, c);
	note_place(c);
	stack_leave();
	stack_call(note_place, c);
}

static uintptr_t distance(uintptr_t a, const void *b)
{
	return a > (uintptr_t)b ? a - (uintptr_t)b : (uintptr_t)b - a;
}

TEST(a_call_runs_on_the_threads_own_stack)
{
	struct called c = { .stack = stack_new(0) };

	stack_begin(c.stack, call_there, &c);
	CHECK(stack_enter(c.stack)); /* a call is no leave */
	CHECK_INT(c.n, 2);
	CHECK(!stack_enter(c.stack));
	CHECK_INT(c.n, 3);
	CHECK(distance(c.at[0], __builtin_frame_address(0)) < 65536);
	CHECK(distance(c.at[1], __builtin_frame_address(0)) > 65536);
	CHECK(distance(c.at[2], __builtin_frame_address(0)) < 65536);
	stack_free(c.stack);
}

TEST(a_call_outside_of_stacks_is_a_call)
{
	struct called c = { .n = 0 };

	stack_call(note_place, &c);
	CHECK_INT(c.n, 1);
}

static void *count_in_thread(void *arg)
{
	struct counter c;
	int i;

	(void)arg;
	begin(&c, STEPS);
	for (i = 1; stack_enter(c.stack); i++)
		CHECK_INT(c.n, i);
	stack_free(c.stack);
	return NULL;
}

TEST(each_thread_has_stacks_of_its_own)
{
	pthread_t threads[4];
	int i;

	for (i = 0; i < 4; i++)
		REQUIRE(pthread_create(&threads[i], NULL, count_in_thread, NULL) == 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* ---- overflow ---- */

static int dig(int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	return depth <= 0 ? room[0] : dig(depth - 1) + room[0];
}

static void overflow(void *arg)
{
	*(int *)arg = dig(100000); /* 50 MB of 64 KiB */
}

/* In a child: its stack ends where nobody may write. A sanitizer would tell a long story first. */
TEST(an_overflow_ends_the_process)
{
	struct rlimit none = { 0, 0 };
	struct stack *stack;
	int status, result = 0;
	pid_t child = fork();

	REQUIRE(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		stack = stack_new(STACK_DEFAULT);
		stack_begin(stack, overflow, &result);
		stack_enter(stack);
		_exit(0); /* never */
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* The sanitizers would end before. */
TEST(stacks_leave_mappings_to_the_rest_of_the_process)
{
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	static struct stack *all[40000];
	size_t i, n = 0;
	void *large;

	while (n < 40000 && (all[n] = stack_new(0)))
		n++;
	CHECK(n >= 10000);
	for (i = 0; i < 50; i++) {
		large = malloc(1 << 20); /* a mapping */
		CHECK(large != NULL);
		free(large);
	}
	for (i = 0; i < n; i++)
		stack_free(all[i]);
	all[0] = stack_new(0); /* they were given back */
	CHECK(all[0] != NULL);
	stack_free(all[0]);
#endif
}

TEST(a_stack_that_is_too_large_is_not_had)
{
	CHECK(stack_new(SIZE_MAX) == NULL);
	CHECK(stack_new(SIZE_MAX / 2) == NULL);
}

TESTS(stack, T(what_runs_on_a_stack_goes_on_where_it_left), T(a_stack_is_used_again),
      T(many_stacks_take_turns), T(numbers_in_flight_survive_a_switch),
      T(a_stack_is_aligned_for_floating_point), T(a_call_runs_on_the_threads_own_stack),
      T(a_call_outside_of_stacks_is_a_call), T(each_thread_has_stacks_of_its_own),
      T(an_overflow_ends_the_process), T(stacks_leave_mappings_to_the_rest_of_the_process),
      T(a_stack_that_is_too_large_is_not_had))
