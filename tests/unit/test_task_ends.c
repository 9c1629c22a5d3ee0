/* SPDX-License-Identifier: MIT */
/* Tasks that are cancelled, tasks of several threads, their stacks, and forks beside them. */
#include "task_help.h"

/* ---- cancelling ---- */

static pyr_task *shared;

static int sleep_long(void *data)
{
	(void)data;
	return pyr_sleep(LONG_MS);
}

static int cancel_a_sleeper(void *data)
{
	pyr_task *task = start(sleep_long, 0);

	(void)data;
	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	CHECK(!pyr_task_is_cancelled(task));
	pyr_task_cancel(task);
	CHECK(pyr_task_is_cancelled(task));
	check_error(pyr_task_join(task), PYR_CANCELLED, "the task was cancelled");
	return 0;
}

TEST(a_cancel_ends_a_sleep)
{
	int64_t begin = now_ms();

	run(cancel_a_sleeper);
	CHECK(now_ms() < begin + SOON_MS);
}

static int sleep_twice(void *data)
{
	(void)data;
	CHECK_INT(pyr_sleep(LONG_MS), -PYR_CANCELLED);
	CHECK_INT(pyr_sleep(1), 0); /* to clean up */
	CHECK_INT(pyr_task_yield(), 0);
	return 5;
}

static int cancel_before_it_begins(void *data)
{
	pyr_task *task = start(sleep_twice, 0);

	(void)data;
	pyr_task_cancel(task);
	pyr_task_cancel(task);
	CHECK_INT(pyr_task_join(task), 5);
	task = start(sleep_twice, 0);
	CHECK_INT(pyr_task_yield(), 0);
	pyr_task_cancel(task);
	CHECK_INT(pyr_task_wait(task, SOON_MS), 0);
	pyr_task_cancel(task); /* it is over */
	CHECK_INT(pyr_task_join(task), 5);
	pyr_task_cancel(pyr_task_current());
	CHECK_INT(pyr_task_yield(), -PYR_CANCELLED);
	CHECK_INT(pyr_task_yield(), 0);
	return 0;
}

TEST(a_cancel_ends_one_wait_the_one_at_hand_or_the_next)
{
	run(cancel_before_it_begins);
}

static int join_long(void *data)
{
	(void)data;
	return pyr_task_join(shared);
}

static int wait_long(void *data)
{
	(void)data;
	return pyr_task_wait(shared, -1);
}

static int cancel_those_who_wait(void *data)
{
	pyr_task *task;

	(void)data;
	shared = start(sleep_long, 0);
	task = start(wait_long, 0);
	CHECK_INT(pyr_task_yield(), 0);
	pyr_task_cancel(task);
	CHECK_INT(pyr_task_join(task), -PYR_CANCELLED);
	CHECK(!pyr_task_is_done(shared)); /* who only waits leaves it alone */
	task = start(join_long, 0);
	CHECK_INT(pyr_task_yield(), 0);
	pyr_task_cancel(task);
	CHECK_INT(pyr_task_join(task), -PYR_CANCELLED); /* and both are over */
	return 0;
}

TEST(a_cancelled_join_cancels_the_task_it_waits_for)
{
	run(cancel_those_who_wait);
}

static void *cancel_soon(void *task)
{
	struct timespec t = { 0, SHORT_MS * 1000000 };

	nanosleep(&t, NULL);
	pyr_task_cancel(task);
	return NULL;
}

static int be_cancelled(void *data)
{
	pthread_t thread;

	(void)data;
	CHECK(pthread_create(&thread, NULL, cancel_soon, pyr_task_current()) == 0);
	CHECK_INT(pyr_sleep(LONG_MS), -PYR_CANCELLED);
	pthread_join(thread, NULL);
	return 0;
}

TEST(another_thread_cancels_a_task)
{
	int64_t begin = now_ms();

	run(be_cancelled);
	CHECK(now_ms() < begin + SOON_MS);
}

/* ---- threads ---- */

static pyr_task *of_another_thread;

static int nap_and_join(void *data)
{
	pyr_task *tasks[50];
	int i;

	for (i = 0; i < 50; i++)
		tasks[i] = start(fail_as, 1 + i % 15);
	for (i = 0; i < 50; i++)
		CHECK_INT(pyr_task_join(tasks[i]), -(1 + i % 15));
	atomic_fetch_add((atomic_int *)data, 1);
	return 0;
}

static void *run_tasks(void *data)
{
	int i;

	for (i = 0; i < 5; i++)
		CHECK_INT(pyr_tasks_run(nap_and_join, data), 0);
	return NULL;
}

TEST(threads_run_tasks_side_by_side)
{
	pthread_t threads[4];
	atomic_int n = 0;
	int i;

	for (i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, run_tasks, &n) == 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(n, 20);
}

static void *wait_for_foreign(void *data)
{
	check_error(pyr_task_wait(of_another_thread, 0), PYR_FAILED_PRECONDITION, "its own thread");
	return data;
}

static int be_waited_for(void *data)
{
	pthread_t thread;

	of_another_thread = pyr_task_current();
	CHECK(pthread_create(&thread, NULL, wait_for_foreign, data) == 0);
	pthread_join(thread, NULL);
	return 0;
}

TEST(only_tasks_of_its_thread_wait_for_a_task)
{
	run(be_waited_for);
}

/* Wakes of other threads meet the loop at any moment. */
static struct engine_waiter woken[64];
static atomic_int n_done;

static int wait_to_be_woken(void *data)
{
	struct engine_waiter *w = &woken[(intptr_t)data];

	CHECK(engine_wait(w, ENGINE_FOREVER));
	atomic_fetch_add(&n_done, 1);
	return 0;
}

static void *wake_all(void *data)
{
	int i;

	for (i = 0; i < 64; i++)
		engine_wake(&woken[i * 29 % 64]);
	return data;
}

static int be_woken(void *data)
{
	pyr_task *tasks[64];
	pthread_t thread;
	int round, i;

	for (round = 0; round < 50; round++) {
		for (i = 0; i < 64; i++) {
			engine_waiter_init(&woken[i], false);
			tasks[i] = start(wait_to_be_woken, i);
		}
		CHECK(pthread_create(&thread, NULL, wake_all, data) == 0);
		for (i = 0; i < 64; i++)
			CHECK_INT(pyr_task_join(tasks[i]), 0);
		pthread_join(thread, NULL);
		for (i = 0; i < 64; i++)
			engine_waiter_fini(&woken[i]);
	}
	return 0;
}

TEST(each_task_is_woken_by_another_thread)
{
	atomic_store(&n_done, 0);
	run(be_woken);
	CHECK_INT(n_done, 50 * 64);
}

/* ---- stacks and forks ---- */

static int use_stack(void *data)
{
	size_t n = *(size_t *)data;
	volatile char *room = __builtin_alloca(n);
	size_t i;

	for (i = 0; i < n; i += 512)
		room[i] = (char)i;
	return room[0];
}

TEST(a_stack_is_as_large_as_was_asked_for)
{
	struct pyr_tasks_options options = { .stack_size = 1 << 20 };
	size_t n = 900000;

	CHECK_INT(pyr_tasks_run_with(use_stack, &n, &options), 0);
	n = 50000;
	CHECK_INT(pyr_tasks_run_with(use_stack, &n, NULL), 0);
	options.stack_size = 1; /* the least there is */
	n = 8000;
	CHECK_INT(pyr_tasks_run_with(use_stack, &n, &options), 0);
	options.stack_size = SIZE_MAX;
	check_error(pyr_tasks_run_with(use_stack, &n, &options), PYR_RESOURCE_EXHAUSTED,
		    "out of memory");
}

static int fork_in_a_task(void *data)
{
	int status, bad;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child > 0) {
		CHECK(waitpid(child, &status, 0) == child);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		return 0;
	}
	bad = pyr_sleep(0) != -PYR_FAILED_PRECONDITION;
	bad += pyr_task_yield() != -PYR_FAILED_PRECONDITION;
	bad += pyr_task_start(fork_in_a_task, NULL) != NULL;
	bad += pyr_task_join(data) != -PYR_FAILED_PRECONDITION;
	pyr_task_cancel(data);
	pyr_task_free(data);
	_exit(bad);
}

static int fork_beside_a_task(void *data)
{
	pyr_task *sleeper = start(sleep_and_tell, 2);

	(void)data;
	CHECK_INT(pyr_task_join(start(fork_in_a_task, (intptr_t)sleeper)), 0);
	return pyr_task_join(sleeper);
}

TEST(in_a_forked_child_tasks_wait_no_more)
{
	run(fork_beside_a_task);
}

static pid_t forked;

static int fork_and_return(void *data)
{
	(void)data;
	forked = fork();
	return 0;
}

TEST(in_a_forked_child_run_returns)
{
	int status, err = pyr_tasks_run(fork_and_return, NULL);

	if (forked == 0)
		_exit(err == -PYR_FAILED_PRECONDITION ? 0 : 1);
	CHECK_INT(err, 0);
	CHECK(waitpid(forked, &status, 0) == forked);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TESTS(task_ends, T(a_cancel_ends_a_sleep), T(a_cancel_ends_one_wait_the_one_at_hand_or_the_next),
      T(a_cancelled_join_cancels_the_task_it_waits_for), T(another_thread_cancels_a_task),
      T(threads_run_tasks_side_by_side), T(only_tasks_of_its_thread_wait_for_a_task),
      T(each_task_is_woken_by_another_thread), T(a_stack_is_as_large_as_was_asked_for),
      T(in_a_forked_child_tasks_wait_no_more), T(in_a_forked_child_run_returns))
