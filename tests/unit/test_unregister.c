/* SPDX-License-Identifier: MIT */
/* Objects that are unregistered: calls that wait for their turn, and the end of their data. */
#include "servant.h"

#include "test.h"

#include <sched.h>

static struct place place;
static struct e2e_Work *proxy;
static atomic_int n_destroyed, n_ran;
static pthread_t destroyer;

/* An object's data: `work` is shut gates. */
struct thing {
	struct work work;
	bool is_there;
};

static struct thing thing;

static void destroy(void *data)
{
	struct thing *t = data;

	CHECK(t->is_there);
	t->is_there = false;
	destroyer = pthread_self();
	atomic_fetch_add(&n_destroyed, 1);
}

static int pass(pyr_call *call, int32_t gate)
{
	struct thing *t = pyr_call_data(call);

	atomic_fetch_add(&n_ran, 1);
	work_pass(&t->work, call, gate);
	CHECK(t->is_there); /* as long as a call runs */
	return 0;
}

static pyr_deferred *deferred;

static int hold(pyr_call *call, int32_t key, int32_t *ret)
{
	(void)key;
	(void)ret;
	CHECK_INT(pyr_call_defer(call, &deferred), 0);
	atomic_fetch_add(&n_ran, 1);
	return 0;
}

static const struct e2e_Work_methods methods = { .pass = pass, .post = pass, .hold = hold };

static void begin(unsigned threads)
{
	struct pyr_daemon_options options = { .threads = threads };

	atomic_store(&n_destroyed, 0);
	atomic_store(&n_ran, 0);
	REQUIRE(place_open(&place, &options));
	work_init(&thing.work, place.daemon);
	thing.is_there = true;
	proxy = e2e_Work_proxy(e2e_Work_register(place.daemon, "thing", &methods, &thing));
	REQUIRE(proxy != NULL);
	CHECK_INT(pyr_daemon_set_destroy(place.daemon, "thing", destroy), 0);
}

static void finish(int expected)
{
	e2e_Work_free(proxy);
	CHECK_INT(place_close(&place), 0);
	CHECK_INT(atomic_load(&n_destroyed), expected);
	work_fini(&thing.work);
}

/* Bounded by the test's alarm. */
static void wait_for(atomic_int *n, int value)
{
	while (atomic_load(n) < value)
		sched_yield();
}

TEST(calls_that_wait_when_their_object_is_unregistered_do_not_run_on_it)
{
	pyr_future *running, *waiting[3];
	struct e2e_Work *other;
	int i;

	begin(1);
	running = e2e_Work_pass_start(proxy, 1);
	for (i = 0; i < 3; i++)
		waiting[i] = e2e_Work_pass_start(proxy, 2 + i);
	CHECK(!pyr_future_is_ready(running));
	CHECK(work_logged(&thing.work, "<1 "));
	other = e2e_Work_proxy(place.uri);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(other)), 0); /* those before it are queued */
	e2e_Work_free(other);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "thing"), 0);
	work_open(&thing.work, 1);
	CHECK_INT(e2e_Work_pass_get(running), 0);
	for (i = 0; i < 3; i++) {
		CHECK_INT(e2e_Work_pass_get(waiting[i]), -PYR_NOT_FOUND);
		CHECK_HAS(pyr_errmsg(), "'thing'");
	}
	wait_for(&n_destroyed, 1);
	CHECK_INT(atomic_load(&n_ran), 1);
	CHECK(pthread_equal(destroyer, place.thread)); /* of a serial daemon */
	finish(1);
}

TEST(data_end_after_the_last_call_that_runs)
{
	pyr_future *running[3];
	int i;

	begin(4);
	for (i = 0; i < 3; i++)
		running[i] = e2e_Work_pass_start(proxy, i);
	CHECK(!pyr_future_is_ready(running[0]));
	wait_for(&n_ran, 3);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "thing"), 0);
	for (i = 0; i < 3; i++) {
		CHECK_INT(atomic_load(&n_destroyed), 0);
		work_open(&thing.work, i);
		CHECK_INT(e2e_Work_pass_get(running[i]), 0);
	}
	wait_for(&n_destroyed, 1);
	CHECK_INT(e2e_Work_pass(proxy, 1), -PYR_NOT_FOUND);
	finish(1);
}

TEST(data_end_after_the_answer_of_a_deferred_call)
{
	pyr_future *future;

	begin(4);
	future = e2e_Work_hold_start(proxy, 1);
	CHECK(!pyr_future_is_ready(future));
	wait_for(&n_ran, 1);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "thing"), 0);
	CHECK_INT(e2e_Work_pass(proxy, 1), -PYR_NOT_FOUND);
	CHECK(pyr_call_data(pyr_deferred_call(deferred)) == &thing);
	CHECK_INT(atomic_load(&n_destroyed), 0);
	CHECK_INT(e2e_Work_hold_reply(deferred, 5), 0);
	CHECK_INT(e2e_Work_hold_get(future, NULL), 0);
	wait_for(&n_destroyed, 1);
	finish(1);
}

TEST(data_end_with_their_daemon)
{
	begin(4);
	CHECK_INT(pyr_daemon_set_destroy(place.daemon, "thing", destroy), 0); /* set again */
	finish(1);
}

TEST(data_end_after_a_deferred_that_outlives_its_daemon)
{
	pyr_future *future;

	begin(4);
	future = e2e_Work_hold_start(proxy, 1);
	CHECK(!pyr_future_is_ready(future));
	wait_for(&n_ran, 1);
	pyr_future_free(future);
	finish(0);
	CHECK(thing.is_there);
	CHECK_INT(e2e_Work_hold_reply(deferred, 5), 0);
	wait_for(&n_destroyed, 1); /* in the callback thread */
	CHECK(!pthread_equal(destroyer, pthread_self()));
}

/* Registered and unregistered while it is called: data are there whenever a method runs. */
TEST(an_object_may_come_and_go_while_it_is_called)
{
	pyr_future *futures[16];
	int i, round, err;

	begin(4);
	for (i = 0; i < 16; i++)
		work_open(&thing.work, i);
	for (round = 1; round <= 100; round++) {
		for (i = 0; i < 16; i++)
			REQUIRE((futures[i] = e2e_Work_pass_start(proxy, i)) != NULL);
		CHECK_INT(pyr_daemon_unregister(place.daemon, "thing"), 0);
		for (i = 0; i < 16; i++) {
			err = e2e_Work_pass_get(futures[i]);
			CHECK(err == 0 || err == -PYR_NOT_FOUND);
		}
		wait_for(&n_destroyed, round);
		thing.is_there = true;
		CHECK(e2e_Work_register(place.daemon, "thing", &methods, &thing) != NULL);
		CHECK_INT(pyr_daemon_set_destroy(place.daemon, "thing", destroy), 0);
	}
	finish(101);
}

TEST(what_has_no_data_to_destroy_is_told)
{
	begin(4);
	CHECK_INT(pyr_daemon_set_destroy(place.daemon, "nothing", destroy), -PYR_NOT_FOUND);
	CHECK_INT(pyr_daemon_set_destroy(NULL, "thing", destroy), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_daemon_set_destroy(place.daemon, NULL, destroy), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_daemon_set_destroy(place.daemon, "thing", NULL), -PYR_INVALID_ARGUMENT);
	finish(1);
}

TESTS(unregister, T(calls_that_wait_when_their_object_is_unregistered_do_not_run_on_it),
      T(data_end_after_the_last_call_that_runs), T(data_end_after_the_answer_of_a_deferred_call),
      T(data_end_with_their_daemon), T(data_end_after_a_deferred_that_outlives_its_daemon),
      T(an_object_may_come_and_go_while_it_is_called), T(what_has_no_data_to_destroy_is_told))
