/* SPDX-License-Identifier: MIT */
/* Tasks among themselves: order, sleeping, joining, errors. */
#include "task_help.h"

/* ---- the beginning and the end ---- */

static int return_data(void *data)
{
	return (int)(intptr_t)data;
}

TEST(run_returns_what_the_first_task_returned)
{
	CHECK_INT(pyr_tasks_run(return_data, (void *)0), 0);
	CHECK_INT(pyr_tasks_run(return_data, (void *)7), 7);
	check_error(pyr_tasks_run(return_data, (void *)-PYR_NOT_FOUND), PYR_NOT_FOUND,
		    "ended with NOT_FOUND");
}

static int tell_twice(void *data)
{
	tell("a", (int)(intptr_t)data);
	CHECK_INT(pyr_task_yield(), 0);
	tell("b", (int)(intptr_t)data);
	return 0;
}

static int start_three(void *data)
{
	int i;

	(void)data;
	for (i = 1; i <= 3; i++)
		pyr_task_free(start(tell_twice, i));
	tell("main", 0);
	return 0; /* run() waits for all of them */
}

TEST(tasks_begin_in_order_when_their_starter_waits_and_all_end)
{
	run(start_three);
	CHECK_STR(story, "main0 a1 a2 a3 b1 b2 b3 ");
}

static int do_nothing(void *data)
{
	(void)data;
	return 0;
}

static int ask_about_itself(void *data)
{
	pyr_task *self = pyr_task_current();

	(void)data;
	CHECK(self != NULL);
	check_error(pyr_task_join(self), PYR_FAILED_PRECONDITION, "wait for itself");
	check_error(pyr_task_wait(self, 0), PYR_FAILED_PRECONDITION, "wait for itself");
	check_error(pyr_tasks_run(do_nothing, NULL), PYR_FAILED_PRECONDITION, "pyr_task_start()");
	CHECK(!pyr_task_is_done(self));
	pyr_task_free(self); /* the first task has nothing to give up */
	CHECK_INT(pyr_sleep(1), 0);
	return 0;
}

TEST(a_task_knows_itself)
{
	CHECK(pyr_task_current() == NULL);
	run(ask_about_itself);
	CHECK(pyr_task_current() == NULL);
}

TEST(outside_of_tasks_their_functions_say_so)
{
	error_set(PYR_ABORTED, "of no constructor");
	check_error(pyr_tasks_run(NULL, NULL), PYR_INVALID_ARGUMENT, "main is NULL");
	check_error(pyr_task_join(NULL), PYR_INVALID_ARGUMENT, "task is NULL");
	CHECK_INT(pyr_task_wait(NULL, 0), -PYR_INVALID_ARGUMENT);
	CHECK(pyr_task_start(NULL, NULL) == NULL);
	check_error(-pyr_last_error()->code, PYR_INVALID_ARGUMENT, "callback is NULL");
	CHECK(pyr_task_start(do_nothing, NULL) == NULL);
	check_error(-pyr_last_error()->code, PYR_FAILED_PRECONDITION, "pyr_tasks_run()");
	check_error(pyr_task_join(NULL), PYR_FAILED_PRECONDITION, "pyr_tasks_run()");
	pyr_task_cancel(NULL);
	pyr_task_free(NULL);
	CHECK(!pyr_task_is_done(NULL));
	CHECK(!pyr_task_is_cancelled(NULL));
	CHECK_INT(pyr_task_yield(), 0);
}

TEST(outside_of_tasks_sleep_blocks_the_thread)
{
	int64_t begin = now_ms();

	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	CHECK(now_ms() >= begin + SHORT_MS - 1);
}

/* ---- sleeping ---- */

/* Takes how long it took until all the others sleep. */
static int64_t all_asleep;

static int look_at_clock(void *data)
{
	(void)data;
	all_asleep = now_ms();
	return 0;
}

static int sleep_in_all_orders(void *data)
{
	static const int order[] = { 5, 1, 4, 2, 3 };
	size_t i;

	(void)data;
	for (i = 0; i < 5; i++)
		pyr_task_free(start(sleep_and_tell, order[i]));
	pyr_task_free(start(look_at_clock, 0));
	return 0;
}

/* That they were begun in another order and end in this one says that they go side by side. Where
 * they were not begun at once, but so late that one time comes before another's, they begin again.
 */
TEST(sleeps_end_in_the_order_of_their_times_side_by_side)
{
	int64_t begin;

	do {
		begin = now_ms();
		run(sleep_in_all_orders);
		CHECK(now_ms() >= begin + 5 * SHORT_MS - 1);
	} while (all_asleep - begin >= SHORT_MS - 1);
	CHECK_STR(story, "1 2 3 4 5 ");
}

static int n_done;

static int nap(void *data)
{
	uint32_t ms = (uint32_t)(intptr_t)data % 97;

	CHECK_INT(pyr_sleep(ms), 0);
	CHECK_INT(pyr_task_yield(), 0);
	n_done++;
	return 0;
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { MANY = 1500 };
#else
enum { MANY = 8000 };
#endif

static int start_many(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < MANY; i++)
		pyr_task_free(start(nap, i));
	return 0;
}

TEST(thousands_of_tasks_sleep_at_once)
{
	n_done = 0;
	run(start_many);
	CHECK_INT(n_done, MANY);
}

static int start_one_after_another(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < MANY; i++)
		CHECK_INT(pyr_task_join(start(return_data, i)), i);
	return 0;
}

TEST(thousands_of_tasks_come_and_go)
{
	run(start_one_after_another);
}

/* ---- waiting for tasks ---- */

static int sum_of_squares(void *data)
{
	pyr_task *tasks[10];
	int i, sum = 0;

	for (i = 0; i < 10; i++)
		tasks[i] = start(return_data, i * i);
	for (i = 0; i < 10; i++) /* gather */
		sum += pyr_task_join(tasks[i]);
	*(int *)data = sum;
	return 0;
}

TEST(joins_gather_results)
{
	int sum = 0;

	CHECK_INT(pyr_tasks_run(sum_of_squares, &sum), 0);
	CHECK_INT(sum, 285);
}

static struct engine_waiter gate;

static int wait_at_gate(void *data)
{
	(void)data;
	return engine_wait(&gate, ENGINE_FOREVER) ? 0 : -PYR_INTERNAL;
}

static int wait_with_a_limit(void *data)
{
	pyr_task *task = start(wait_at_gate, 0);

	(void)data;
	check_error(pyr_task_wait(task, 1), PYR_DEADLINE_EXCEEDED, "within 1 ms");
	CHECK(!pyr_task_is_done(task));
	engine_wake(&gate);
	CHECK_INT(pyr_task_wait(task, -1), 0);
	CHECK(pyr_task_is_done(task));
	CHECK_INT(pyr_task_wait(task, 0), 0);
	CHECK_INT(pyr_task_join(task), 0);
	return 0;
}

TEST(a_wait_for_a_task_has_a_limit)
{
	engine_waiter_init(&gate, false);
	run(wait_with_a_limit);
	engine_waiter_fini(&gate);
}

static pyr_task *shared;

static int wait_for_shared(void *data)
{
	CHECK_INT(pyr_task_wait(shared, SOON_MS), 0);
	tell("", (int)(intptr_t)data);
	return 0;
}

static int several_wait_for_one(void *data)
{
	int i;

	(void)data;
	shared = start(sleep_and_tell, 1);
	for (i = 11; i <= 13; i++)
		pyr_task_free(start(wait_for_shared, i));
	CHECK_INT(pyr_task_yield(), 0);
	pyr_task_free(shared); /* they wait all the same */
	return 0;
}

TEST(several_tasks_wait_for_one_that_is_given_up)
{
	run(several_wait_for_one);
	CHECK_HAS(story, "1 ");
	CHECK_HAS(story, "11 ");
	CHECK_HAS(story, "12 ");
	CHECK_HAS(story, "13 ");
}

/* ---- errors ---- */

static int fail_in_turn(void *data)
{
	pyr_task *tasks[16];
	char text[32];
	int code;

	(void)data;
	CHECK_INT(pyr_last_error()->code, 0);
	for (code = 1; code < 16; code++)
		tasks[code] = start(fail_as, code);
	error_set(PYR_DATA_LOSS, "the starter's");
	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	check_error(-PYR_DATA_LOSS, PYR_DATA_LOSS, "the starter's");
	for (code = 1; code < 16; code++) {
		snprintf(text, sizeof(text), "mine is %d", code);
		check_error(pyr_task_join(tasks[code]), code, text);
	}
	return error_set(PYR_ABORTED, "in the end");
}

TEST(each_task_has_its_own_last_error_and_join_hands_it_on)
{
	error_set(PYR_OUT_OF_RANGE, "before all");
	check_error(pyr_tasks_run(fail_in_turn, NULL), PYR_ABORTED, "in the end");
}

static int fail_inside(void *data)
{
	(void)data;
	error_set(PYR_NOT_FOUND, "it was handled");
	return 0;
}

TEST(errors_of_tasks_that_succeed_stay_in_them)
{
	error_set(PYR_OUT_OF_RANGE, "before all");
	CHECK_INT(pyr_tasks_run(fail_inside, NULL), 0);
	check_error(-PYR_OUT_OF_RANGE, PYR_OUT_OF_RANGE, "before all");
}

static char logged[256];

static void log_it(enum pyr_log_level level, const char *text, void *data)
{
	(void)level;
	(void)data;
	snprintf(logged, sizeof(logged), "%s", text);
}

static int fail_unasked(void *data)
{
	(void)data;
	return start(fail_as, PYR_NOT_FOUND) ? 0 : -PYR_INTERNAL;
}

TEST(a_failure_that_nobody_asks_for_is_logged)
{
	pyr_set_log(log_it, PYR_LOG_WARNING, NULL);
	CHECK_INT(pyr_tasks_run(fail_unasked, NULL), 0);
	pyr_set_log(NULL, 0, NULL);
	CHECK_HAS(logged, "NOT_FOUND");
	CHECK_HAS(logged, "mine is 5");
}

TESTS(task, T(run_returns_what_the_first_task_returned),
      T(tasks_begin_in_order_when_their_starter_waits_and_all_end), T(a_task_knows_itself),
      T(outside_of_tasks_their_functions_say_so), T(outside_of_tasks_sleep_blocks_the_thread),
      T(sleeps_end_in_the_order_of_their_times_side_by_side), T(thousands_of_tasks_sleep_at_once),
      T(thousands_of_tasks_come_and_go), T(joins_gather_results), T(a_wait_for_a_task_has_a_limit),
      T(several_tasks_wait_for_one_that_is_given_up),
      T(each_task_has_its_own_last_error_and_join_hands_it_on),
      T(errors_of_tasks_that_succeed_stay_in_them), T(a_failure_that_nobody_asks_for_is_logged))
