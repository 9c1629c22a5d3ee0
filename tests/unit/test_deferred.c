/* SPDX-License-Identifier: MIT */
/* Answers that come later, from elsewhere, or never. */
#include "servant.h"

#include "test.h"

#include <sched.h>
#include <stdio.h>

static struct place place;
static struct e2e_Work *work, *control; /* sessions of their own */

static void begin(void)
{
	REQUIRE(place_open(&place, NULL));
	work = e2e_Work_proxy(place.uri);
	control = e2e_Work_proxy(place.uri);
	REQUIRE(work && control);
}

static void finish(void)
{
	e2e_Work_free(work);
	e2e_Work_free(control);
	CHECK_INT(place_close(&place), 0);
}

TEST(an_answer_may_come_from_another_thread)
{
	pyr_future *future;
	int32_t ret = 0;

	begin();
	future = e2e_Work_hold_start(work, 1);
	CHECK(!pyr_future_is_ready(future));
	CHECK(work_holds(&place.work, 1));
	CHECK_INT(e2e_Work_answer(control, 1, 42), 0);
	CHECK_INT(e2e_Work_hold_get(future, &ret), 0);
	CHECK_INT(ret, 42);
	finish();
}

TEST(an_answer_may_come_before_the_method_returns)
{
	int32_t ret = 0;
	int i;

	begin();
	for (i = 0; i < 100; i++) {
		CHECK_INT(e2e_Work_at_once(work, i, &ret), 0);
		CHECK_INT(ret, i);
	}
	finish();
}

TEST(a_deferred_can_fail)
{
	pyr_future *future;
	int32_t ret = 7;

	begin();
	future = e2e_Work_hold_start(work, 2);
	CHECK(!pyr_future_is_ready(future));
	CHECK(work_holds(&place.work, 1));
	CHECK_INT(e2e_Work_refuse(control, 2, "not today"), 0);
	CHECK_INT(e2e_Work_hold_get(future, &ret), -PYR_OUT_OF_RANGE);
	CHECK_STR(pyr_errmsg(), "not today");
	CHECK_STR(pyr_last_error()->operation, "e2e.Work.hold");
	CHECK_STR(pyr_last_error()->object, "work");
	CHECK_INT(ret, 7);
	finish();
}

TEST(a_deferred_that_is_freed_has_failed)
{
	pyr_future *future;
	int32_t ret;

	begin();
	future = e2e_Work_hold_start(work, 3);
	CHECK(!pyr_future_is_ready(future));
	CHECK(work_holds(&place.work, 1));
	CHECK_INT(e2e_Work_drop(control, 3), 0);
	CHECK_INT(e2e_Work_hold_get(future, &ret), -PYR_INTERNAL);
	CHECK_HAS(pyr_errmsg(), "no answer");
	finish();
}

TEST(calls_that_are_held_keep_no_thread)
{
	pyr_future *futures[WORK_PLACES];
	int32_t ret, sum;
	int i;

	begin();
	for (i = 0; i < WORK_PLACES; i++)
		futures[i] = e2e_Work_hold_start(work, i);
	CHECK(!pyr_future_is_ready(futures[0]));
	CHECK(work_holds(&place.work, WORK_PLACES)); /* more than there are threads */
	CHECK_INT(e2e_Work_add(work, 2, 2, &sum), 0);
	for (i = 0; i < WORK_PLACES; i++)
		CHECK_INT(e2e_Work_answer(control, i, i * i), 0);
	for (i = 0; i < WORK_PLACES; i++) {
		CHECK_INT(e2e_Work_hold_get(futures[i], &ret), 0);
		CHECK_INT(ret, i * i);
	}
	finish();
}

static void check_told_once(void)
{
	int32_t n_held, told;

	CHECK(work_told(&place.work, 1));
	CHECK_INT(e2e_Work_answer(control, 4, 1), 0); /* goes nowhere, and is no error */
	CHECK_INT(e2e_Work_held(control, &n_held, &told), 0);
	CHECK_INT(n_held, 0);
	CHECK_INT(told, 1);
}

TEST(a_cancel_is_told_once)
{
	pyr_future *future;

	begin();
	future = e2e_Work_hold_start(work, 4);
	CHECK(!pyr_future_is_ready(future));
	CHECK(work_holds(&place.work, 1));
	pyr_future_cancel(future);
	pyr_future_cancel(future);
	pyr_future_free(future);
	check_told_once();
	finish();
}

/* Returns false if the deadline passed before the method ran, which then may not run at all. */
static bool is_told_after(uint32_t ms)
{
	struct pyr_call_options options = { .timeout_ms = ms };
	int32_t ret, n_held = 0, told;

	begin();
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(work)), 0);
	CHECK_INT(e2e_Work_hold(e2e_Work_with(work, &options), 4, &ret), -PYR_DEADLINE_EXCEEDED);
	CHECK_INT(e2e_Work_held(control, &n_held, &told), 0);
	if (n_held)
		check_told_once();
	finish();
	return n_held;
}

TEST(a_deadline_is_told)
{
	uint32_t ms = 50;

	while (!is_told_after(ms))
		ms *= 2;
}

TEST(a_proxy_that_is_freed_is_told)
{
	pyr_future *future;

	begin();
	future = e2e_Work_hold_start(work, 4);
	CHECK(!pyr_future_is_ready(future));
	CHECK(work_holds(&place.work, 1));
	e2e_Work_free(work);
	work = NULL;
	CHECK_INT(e2e_Work_hold_get(future, NULL), -PYR_CANCELLED);
	check_told_once();
	finish();
}

/* ---- servants of their own ---- */

static atomic_int n_told, step;
static pyr_deferred *kept;

static void on_cancel(pyr_deferred *deferred, void *data)
{
	(void)deferred;
	(void)data;
	atomic_fetch_add(&n_told, 1);
}

/* Sets on_cancel long after the caller has gone. */
static int hold_late(pyr_call *call, int32_t key, int32_t *ret)
{
	(void)ret;
	atomic_store(&step, 1);
	while (!pyr_call_is_cancelled(call))
		sched_yield();
	if (pyr_call_defer(call, &kept) < 0)
		return -pyr_last_error()->code;
	if (key == 2)
		while (atomic_load(&step) != 2)
			sched_yield();
	pyr_deferred_set_on_cancel(kept, on_cancel, NULL);
	pyr_deferred_set_on_cancel(kept, on_cancel, NULL);
	return 0;
}

static int answer_of_another(pyr_call *call, int32_t value, int32_t *ret)
{
	pyr_deferred *deferred;
	int err;

	(void)ret;
	CHECK_INT(pyr_call_defer(call, &deferred), 0);
	CHECK(pyr_deferred_call(deferred) == call);
	CHECK_INT(pyr_call_defer(call, &deferred), -PYR_FAILED_PRECONDITION);
	CHECK_INT(pyr_call_defer(call, NULL), -PYR_INVALID_ARGUMENT);
	err = e2e_Work_add_reply(deferred, value);
	CHECK_INT(err, -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "e2e.Work.at_once");
	return 0;
}

static const struct e2e_Work_methods odd_methods = { .hold = hold_late,
						     .at_once = answer_of_another };

static void *run(void *data)
{
	CHECK_INT(pyr_daemon_run(data), 0);
	return NULL;
}

static void begin_odd(pyr_daemon **daemon, pthread_t *thread)
{
	*daemon = pyr_daemon_new(NULL);
	work = e2e_Work_proxy(e2e_Work_register(*daemon, "odd", &odd_methods, NULL));
	REQUIRE(work != NULL);
	REQUIRE(pthread_create(thread, NULL, run, *daemon) == 0);
	atomic_store(&n_told, 0);
	atomic_store(&step, 0);
}

static void finish_odd(pyr_daemon *daemon, pthread_t thread)
{
	e2e_Work_free(work);
	pyr_daemon_stop(daemon);
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon);
}

static void check_late(int key)
{
	pyr_daemon *daemon;
	pyr_future *future;
	pthread_t thread;

	begin_odd(&daemon, &thread);
	future = e2e_Work_hold_start(work, key);
	CHECK(!pyr_future_is_ready(future));
	while (!atomic_load(&step))
		sched_yield();
	pyr_future_free(future);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(work)), 0);
	if (key == 2)
		atomic_store(&step, 2);
	while (!atomic_load(&n_told))
		sched_yield();
	finish_odd(daemon, thread);
	CHECK_INT(atomic_load(&n_told), 1);
	pyr_deferred_free(kept); /* after its daemon's end */
}

TEST(on_cancel_that_is_set_too_late_is_called_all_the_same)
{
	check_late(1);
	check_late(2);
}

TEST(a_reply_of_another_operation_is_refused_and_the_caller_told)
{
	pyr_daemon *daemon;
	pthread_t thread;
	int32_t ret;

	begin_odd(&daemon, &thread);
	CHECK_INT(e2e_Work_at_once(work, 1, &ret), -PYR_INTERNAL);
	CHECK_HAS(pyr_errmsg(), "e2e.Work.add");
	finish_odd(daemon, thread);
}

/* ---- on_cancel against a lock of the program's own ---- */

static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
static atomic_int n_begun, n_returned;
static pyr_deferred *shared; /* own: NULL once somebody has taken it to answer */

static void on_cancel_with_lock(pyr_deferred *deferred, void *data)
{
	(void)data;
	atomic_fetch_add(&n_begun, 1);
	pthread_mutex_lock(&own);
	if (shared == deferred) {
		shared = NULL;
		pyr_deferred_fail(deferred, PYR_CANCELLED, "nobody waits");
	}
	pthread_mutex_unlock(&own);
	atomic_fetch_add(&n_returned, 1);
}

static int hold_shared(pyr_call *call, int32_t key, int32_t *ret)
{
	(void)key;
	(void)ret;
	pthread_mutex_lock(&own);
	CHECK_INT(pyr_call_defer(call, &shared), 0);
	pthread_mutex_unlock(&own);
	pyr_deferred_set_on_cancel(shared, on_cancel_with_lock, NULL);
	atomic_store(&step, 3);
	return 0;
}

/* Answers with the lock that a running on_cancel waits for. */
TEST(an_answer_does_not_wait_for_an_on_cancel_that_runs)
{
	static const struct e2e_Work_methods methods = { .hold = hold_shared };
	pyr_future *future;

	begin();
	atomic_store(&n_begun, 0);
	atomic_store(&n_returned, 0);
	atomic_store(&step, 0);
	e2e_Work_free(work);
	work = e2e_Work_proxy(e2e_Work_register(place.daemon, "own", &methods, NULL));
	future = e2e_Work_hold_start(work, 1);
	CHECK(!pyr_future_is_ready(future));
	while (atomic_load(&step) != 3)
		sched_yield();
	pthread_mutex_lock(&own);
	pyr_future_free(future);
	while (atomic_load(&n_begun) == 0)
		sched_yield();
	CHECK_INT(e2e_Work_hold_reply(shared, 1), 0);
	shared = NULL;
	pthread_mutex_unlock(&own);
	while (atomic_load(&n_returned) == 0)
		sched_yield();
	finish();
}

TEST(null_deferreds_are_answered)
{
	CHECK_INT(e2e_Work_hold_reply(NULL, 1), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_deferred_fail(NULL, PYR_NOT_FOUND, "x"), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_call_defer(NULL, &kept), -PYR_INVALID_ARGUMENT);
	CHECK(pyr_deferred_call(NULL) == NULL);
	pyr_deferred_set_on_cancel(NULL, on_cancel, NULL);
	pyr_deferred_free(NULL);
}

TESTS(deferred, T(an_answer_may_come_from_another_thread),
      T(an_answer_may_come_before_the_method_returns), T(a_deferred_can_fail),
      T(a_deferred_that_is_freed_has_failed), T(calls_that_are_held_keep_no_thread),
      T(a_cancel_is_told_once), T(a_deadline_is_told), T(a_proxy_that_is_freed_is_told),
      T(on_cancel_that_is_set_too_late_is_called_all_the_same),
      T(a_reply_of_another_operation_is_refused_and_the_caller_told),
      T(an_answer_does_not_wait_for_an_on_cancel_that_runs), T(null_deferreds_are_answered))
