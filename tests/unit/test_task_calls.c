/* SPDX-License-Identifier: MIT */
/* Calls and futures in tasks; of pool and serial daemons, by TCP and unix socket. */
#include "task_place.h"

/* ---- calls side by side ---- */

static int hold_and_answer(void *data)
{
	pyr_task *tasks[WORK_PLACES];
	int32_t n = 0, told;
	int i;

	(void)data;
	for (i = 0; i < WORK_PLACES; i++)
		tasks[i] = start(hold_one, i);
	while (n < WORK_PLACES)
		CHECK_INT(e2e_Work_held(work, &n, &told), 0);
	for (i = WORK_PLACES - 1; i >= 0; i--)
		CHECK_INT(e2e_Work_answer(work, i, 100 + i), 0);
	for (i = 0; i < WORK_PLACES; i++)
		CHECK_INT(pyr_task_join(tasks[i]), 0);
	CHECK_STR(story, "15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0 ");
	return 0;
}

TEST(calls_of_tasks_wait_side_by_side_in_one_thread)
{
	run_with_all(hold_and_answer);
}

enum { CALLERS = OFTEN(300), CALLS = 4 };

static int call_often(void *data)
{
	int32_t n = (int32_t)(intptr_t)data, sum, i;
	char text[32], *back;

	for (i = 0; i < CALLS; i++) {
		CHECK_INT(e2e_Work_add(work, n, i, &sum), 0);
		CHECK_INT(sum, n + i);
		snprintf(text, sizeof(text), "task %d call %d", n, i);
		CHECK_INT(e2e_Work_echo(work, text, &back), 0);
		CHECK_STR(back, text);
		pyr_free(back);
	}
	return 0;
}

static int start_callers(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < CALLERS; i++)
		pyr_task_free(start(call_often, i));
	return 0;
}

TEST(each_task_gets_its_own_results)
{
	run_with_all(start_callers);
}

static void *run_callers(void *data)
{
	CHECK_INT(pyr_tasks_run(start_callers, NULL), 0);
	return data;
}

TEST(tasks_of_several_threads_share_a_proxy)
{
	pthread_t threads[3];
	int i;

	begin(NULL);
	for (i = 0; i < 3; i++)
		REQUIRE(pthread_create(&threads[i], NULL, run_callers, NULL) == 0);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	finish();
}

static int send_long(void *data)
{
	size_t n = 1 << 20;
	char *text = malloc(n), *back;

	memset(text, 'a' + (int)(intptr_t)data, n);
	text[n - 1] = '\0';
	CHECK_INT(e2e_Work_echo(work, text, &back), 0);
	CHECK(strcmp(back, text) == 0);
	pyr_free(back);
	free(text);
	return 0;
}

static int start_long(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < 8; i++)
		pyr_task_free(start(send_long, i));
	return 0;
}

TEST(long_texts_come_back_to_tasks)
{
	run_with_all(start_long);
}

/* ---- futures, places, deadlines ---- */

static int use_futures(void *data)
{
	pyr_future *held = e2e_Work_hold_start(work, 1), *ready = e2e_Work_add_start(work, 2, 3);
	int32_t sum = 0;

	(void)data;
	CHECK_INT(pyr_future_wait(ready, -1), 0);
	CHECK_INT(e2e_Work_add_get(ready, &sum), 0);
	CHECK_INT(sum, 5);
	CHECK(!pyr_future_is_ready(held));
	check_error(pyr_future_wait(held, 1), PYR_DEADLINE_EXCEEDED, "within 1 ms");
	CHECK_INT(e2e_Work_answer(work, 1, 77), 0);
	while (!pyr_future_is_ready(held)) /* which lets others run, and the answer in */
		;
	CHECK_INT(e2e_Work_hold_get(held, &sum), 0);
	CHECK_INT(sum, 77);
	pyr_future_free(e2e_Work_hold_start(work, 2));
	return 0;
}

TEST(futures_are_waited_for_in_tasks)
{
	run_with_all(use_futures);
}

static int gather_holds(void *data)
{
	pyr_future *futures[WORK_PLACES];
	int i, err;

	for (i = 0; i < WORK_PLACES; i++)
		futures[i] = e2e_Work_hold_start(work, i);
	err = pyr_future_wait_all(futures, WORK_PLACES, -1);
	for (i = 0; i < WORK_PLACES; i++)
		pyr_future_free(futures[i]);
	if (data)
		check_error(err, PYR_CANCELLED, "the task was cancelled");
	else
		CHECK_INT(err, 0);
	return 0;
}

static int answer_a_gather(void *is_cancelled)
{
	pyr_task *task = start(gather_holds, (intptr_t)is_cancelled);
	int32_t n = 0, told;
	int i;

	while (n < WORK_PLACES && pyr_task_yield() == 0)
		CHECK_INT(e2e_Work_held(work, &n, &told), 0);
	if (is_cancelled)
		pyr_task_cancel(task);
	for (i = 0; !is_cancelled && i < WORK_PLACES; i++)
		CHECK_INT(e2e_Work_answer(work, i, i), 0);
	return pyr_task_join(task);
}

static int cancel_a_gather(void *data)
{
	(void)data;
	return answer_a_gather(&work);
}

TEST(a_gather_waits_in_a_task_and_ends_with_its_cancel)
{
	run_with_all(answer_a_gather);
	begin(NULL);
	run(cancel_a_gather);
	CHECK(work_told(&place.work, WORK_PLACES));
	finish();
}

static int wait_for_any_hold(void *data)
{
	pyr_future *futures[WORK_PLACES];
	int i, found;

	for (i = 0; i < WORK_PLACES; i++)
		futures[i] = e2e_Work_hold_start(work, i);
	found = pyr_future_wait_any(futures, WORK_PLACES, -1);
	if (data)
		check_error(found, PYR_CANCELLED, "the task was cancelled");
	else
		CHECK_INT(found, WORK_PLACES - 1);
	for (i = 0; data && i < WORK_PLACES; i++)
		CHECK(!pyr_future_is_ready(futures[i]));
	for (i = 0; i < WORK_PLACES; i++)
		pyr_future_free(futures[i]);
	return 0;
}

/* Other tasks run meanwhile. */
static int answer_the_last(void *is_cancelled)
{
	pyr_task *task = start(wait_for_any_hold, (intptr_t)is_cancelled);
	int32_t n = 0, told;

	while (n < WORK_PLACES && pyr_task_yield() == 0)
		CHECK_INT(e2e_Work_held(work, &n, &told), 0);
	if (is_cancelled)
		pyr_task_cancel(task);
	else
		CHECK_INT(e2e_Work_answer(work, WORK_PLACES - 1, 1), 0);
	return pyr_task_join(task);
}

static int cancel_a_wait_for_any(void *data)
{
	(void)data;
	return answer_the_last(&work);
}

TEST(wait_any_waits_in_a_task_and_its_cancel_leaves_the_futures)
{
	run_with_all(answer_the_last);
	begin(NULL);
	run(cancel_a_wait_for_any);
	finish();
}

TEST(callers_wait_for_a_place_in_tasks)
{
	begin(&(struct pyr_daemon_options){ .max_calls = 2 });
	run(start_callers);
	finish();
}

static int be_late(void *data)
{
	CHECK_INT(pyr_task_yield(), 0); /* another's call must not take it */
	check_error(
		e2e_Work_hold(
			e2e_Work_with(work, &(struct pyr_call_options){ .timeout_ms = SHORT_MS }),
			(int32_t)(intptr_t)data, NULL),
		PYR_DEADLINE_EXCEEDED, "TimeoutError");
	CHECK_INT(pyr_task_yield(), 0);
	CHECK_INT(pyr_last_error()->code, PYR_DEADLINE_EXCEEDED);
	return 0;
}

static int look_at_deadline(void *data)
{
	int64_t left = 0;

	(void)data;
	CHECK_INT(e2e_Work_time_left(work, &left), 0);
	CHECK(left == INT64_MAX);
	return 0;
}

static int some_are_late(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < 5; i++) {
		pyr_task_free(start(be_late, i));
		pyr_task_free(start(look_at_deadline, i));
	}
	CHECK_INT(pyr_sleep(1), 0);
	CHECK_INT(e2e_Work_hold_soon(work, 9, NULL), -PYR_DEADLINE_EXCEEDED);
	return 0;
}

TEST(deadlines_are_of_the_task_that_set_them)
{
	run_with_all(some_are_late);
}

static int miss(void *data)
{
	const struct e2e_Refused *refused;
	int32_t n = (int32_t)(intptr_t)data;

	CHECK_INT(e2e_Work_raise(work, n, "no"), -PYR_ABORTED);
	CHECK_INT(pyr_task_yield(), 0);
	refused = e2e_Refused_caught();
	CHECK(refused != NULL);
	if (refused)
		CHECK_INT(refused->number, n);
	return -PYR_ABORTED;
}

static int catch_all(void *data)
{
	const struct e2e_Refused *refused;
	pyr_task *tasks[10];
	int i;

	(void)data;
	for (i = 0; i < 10; i++)
		tasks[i] = start(miss, i);
	for (i = 0; i < 10; i++) {
		CHECK_INT(pyr_task_join(tasks[i]), -PYR_ABORTED);
		refused = e2e_Refused_caught();
		CHECK(refused && refused->number == i);
	}
	return 0;
}

TEST(exceptions_belong_to_the_task_and_to_who_joins_it)
{
	run_with_all(catch_all);
}

static int fail_with_id(void *data)
{
	int n = (int)(intptr_t)data;
	char id[32] = "the starter's";

	if (n > 0) {
		snprintf(id, sizeof(id), "task %d", n);
		CHECK_INT(pyr_set_correlation_id(id), 0);
	}
	CHECK_INT(pyr_task_yield(), 0);
	check_error(e2e_Work_fail(work, PYR_ABORTED, "no"), PYR_ABORTED, "no");
	CHECK_STR(pyr_last_error()->correlation_id, id);
	return 0;
}

static int fail_with_ids(void *data)
{
	int i;

	(void)data;
	CHECK_INT(pyr_set_correlation_id("the starter's"), 0);
	for (i = 0; i < 6; i++)
		pyr_task_free(start(fail_with_id, i));
	CHECK_INT(pyr_set_correlation_id("another"), 0); /* they have their own by now */
	CHECK_INT(pyr_sleep(1), 0);
	return 0;
}

TEST(ids_of_calls_belong_to_the_task_and_begin_as_those_of_its_starter)
{
	run_with_all(fail_with_ids);
	begin(NULL);
	CHECK_INT(e2e_Work_fail(work, PYR_ABORTED, "no"), -PYR_ABORTED);
	CHECK(strcmp(pyr_last_error()->correlation_id, "another") != 0); /* the thread's */
	finish();
}

/* ---- cancelling ---- */

static int hold_until_cancelled(void *data)
{
	check_error(e2e_Work_hold(work, (int32_t)(intptr_t)data, NULL), PYR_CANCELLED,
		    "the task was cancelled");
	CHECK(pyr_last_error()->may_have_run);
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0); /* once is once */
	return 0;
}

static int get_until_cancelled(void *data)
{
	pyr_future *future = e2e_Work_hold_start(work, (int32_t)(intptr_t)data);

	CHECK_INT(e2e_Work_hold_get(future, NULL), -PYR_CANCELLED);
	return 0;
}

static int wait_until_cancelled(void *data)
{
	pyr_future *future = e2e_Work_hold_start(work, (int32_t)(intptr_t)data);
	int32_t value = 0;

	check_error(pyr_future_wait(future, -1), PYR_CANCELLED, "the task was cancelled");
	CHECK_INT(e2e_Work_answer(work, (int32_t)(intptr_t)data, 5), 0); /* the call went on */
	CHECK_INT(e2e_Work_hold_get(future, &value), 0);
	CHECK_INT(value, 5);
	return 0;
}

static int cancel_three(void *data)
{
	pyr_task *tasks[3] = { start(hold_until_cancelled, 1), start(get_until_cancelled, 2),
			       start(wait_until_cancelled, 3) };
	int32_t n = 0, told = 0;
	int i;

	(void)data;
	while (n < 3)
		CHECK_INT(e2e_Work_held(work, &n, &told), 0);
	for (i = 0; i < 3; i++)
		pyr_task_cancel(tasks[i]);
	for (i = 0; i < 3; i++)
		CHECK_INT(pyr_task_join(tasks[i]), 0);
	return 0;
}

TEST(a_cancel_ends_the_call_here_and_there)
{
	begin(NULL);
	run(cancel_three);
	CHECK(work_told(&place.work, 2));
	finish();
	begin(&(struct pyr_daemon_options){ .threads = 1 });
	run(cancel_three);
	CHECK(work_told(&place.work, 2));
	finish();
}

static int call_while_cancelled(void *data)
{
	(void)data;
	pyr_task_cancel(pyr_task_current());
	CHECK_INT(e2e_Work_hold(work, 3, NULL), -PYR_CANCELLED);
	return 0;
}

static int cancel_one_who_waits_for_a_place(void *data)
{
	pyr_task *holder, *blocked;

	(void)data;
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	CHECK_INT(pyr_task_join(start(call_while_cancelled, 0)), 0);
	holder = start(hold_and_expect_cancel, 1);
	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	blocked = start(hold_and_expect_cancel, 2);
	CHECK_INT(pyr_task_yield(), 0);
	pyr_task_cancel(blocked);
	CHECK_INT(pyr_task_join(blocked), 0);
	pyr_task_cancel(holder);
	CHECK_INT(pyr_task_join(holder), 0);
	return 0;
}

TEST(a_cancel_ends_a_wait_for_a_place_and_a_call_not_yet_made)
{
	begin(&(struct pyr_daemon_options){ .max_calls = 1 });
	run(cancel_one_who_waits_for_a_place);
	finish();
}

TESTS(task_calls, T(calls_of_tasks_wait_side_by_side_in_one_thread),
      T(each_task_gets_its_own_results), T(tasks_of_several_threads_share_a_proxy),
      T(long_texts_come_back_to_tasks), T(futures_are_waited_for_in_tasks),
      T(a_gather_waits_in_a_task_and_ends_with_its_cancel),
      T(wait_any_waits_in_a_task_and_its_cancel_leaves_the_futures),
      T(callers_wait_for_a_place_in_tasks), T(deadlines_are_of_the_task_that_set_them),
      T(exceptions_belong_to_the_task_and_to_who_joins_it),
      T(ids_of_calls_belong_to_the_task_and_begin_as_those_of_its_starter),
      T(a_cancel_ends_the_call_here_and_there),
      T(a_cancel_ends_a_wait_for_a_place_and_a_call_not_yet_made))
