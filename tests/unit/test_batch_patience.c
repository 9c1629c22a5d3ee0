/* SPDX-License-Identifier: MIT */
/* Batches of patient proxies; futures of such proxies in tasks and inside methods. */
#define _GNU_SOURCE /* pipe2() */
#include "hears.h"
#include "patient_places.h"

/* A batch that waits in a thread of its own. */
struct running {
	pthread_t thread;
	pyr_batch *batch;
	bool is_oneway;
	int err;
	bool may_have_run;
};

static void *run(void *data)
{
	struct running *running = data;

	running->err = running->is_oneway ? pyr_batch_run_oneway(running->batch)
					  : pyr_batch_run(running->batch);
	running->may_have_run = pyr_last_error()->may_have_run;
	return NULL;
}

static void begin(struct running *running, pyr_batch *batch)
{
	*running = (struct running){ .batch = batch };
	REQUIRE(pthread_create(&running->thread, NULL, run, running) == 0);
}

/* ---- batches wait ---- */

IN_PLACES(a_batch_waits_for_a_server_that_starts_later)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_batch *batch = pyr_batch_new(px_Counter_as_proxy(proxy));
	struct running running;
	int32_t n[2] = { 0, 0 };

	CHECK_INT(px_Counter_bump(px_Counter_batch(batch), &n[0]), 0); /* it has not run */
	CHECK_INT(px_Counter_bump(px_Counter_batch(batch), &n[1]), 0);
	begin(&running, batch);
	see_it_pause(proxy);
	REQUIRE(place_opens());
	CHECK_INT(pthread_join(running.thread, NULL), 0);
	CHECK_INT(running.err, 0);
	CHECK_INT(n[0], 1);
	CHECK_INT(n[1], 2);
	pyr_batch_free(batch);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(a_batch_that_was_started_waits_for_a_server_that_starts_later)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_batch *batch = pyr_batch_new(px_Counter_as_proxy(proxy));
	pyr_future *future;
	int32_t n[2] = { 0, 0 };

	CHECK_INT(px_Counter_bump(px_Counter_batch(batch), &n[0]), 0);
	CHECK_INT(px_Counter_bump(px_Counter_batch(batch), &n[1]), 0);
	future = pyr_batch_start(batch);
	see_futures_pause(proxy, 1);
	CHECK_INT(px_Counter_bump(px_Counter_batch(batch), NULL), -PYR_FAILED_PRECONDITION);
	REQUIRE(place_opens());
	CHECK_INT(pyr_batch_get(future), 0);
	CHECK_INT(pyr_batch_done(batch), 2);
	CHECK_INT(n[0], 1);
	CHECK_INT(n[1], 2);
	pyr_batch_free(batch);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(a_batch_that_is_freed_while_it_waits_does_not_run)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_batch *batch = pyr_batch_new(px_Counter_as_proxy(proxy));
	pyr_future *future;
	int32_t n = 0;

	CHECK_INT(px_Counter_bump(px_Counter_batch(batch), &n), 0);
	future = pyr_batch_start(batch);
	see_futures_pause(proxy, 1);
	pyr_batch_free(batch); /* what the future holds stays */
	pyr_future_cancel(future);
	check_fails(pyr_batch_get(future), PYR_CANCELLED, "the future was cancelled");
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_bump(proxy, &n), 0);
	CHECK_INT(n, 1);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

/* ---- batches are run again ---- */

/* Two operations, of which the first is lost. */
static pyr_batch *batch_of(struct px_Counter *proxy, bool is_idempotent)
{
	pyr_batch *batch = pyr_batch_new(px_Counter_as_proxy(proxy));
	struct px_Counter *queue = px_Counter_batch(batch);

	counter_shut(&counter, true);
	CHECK_INT(px_Counter_peek(queue, NULL), 0);
	CHECK_INT((is_idempotent ? px_Counter_peek : px_Counter_bump)(queue, NULL), 0);
	return batch;
}

static void lose_first(struct px_Counter *proxy)
{
	CHECK(counter_has_begun(&counter, 1));
	cut(proxy);
	counter_let(&counter, 1); /* the rest of a lost batch is not run */
}

IN_PLACES(b9_a_batch_of_idempotent_operations_is_run_again)
{
	struct px_Counter *proxy;
	struct running running;
	pyr_batch *batch;

	REQUIRE(place_opens());
	proxy = patient(place.uri, 0, 100);
	batch = batch_of(proxy, true);
	begin(&running, batch);
	lose_first(proxy);
	CHECK(counter_has_begun(&counter, 2));
	counter_shut(&counter, false);
	CHECK_INT(pthread_join(running.thread, NULL), 0);
	CHECK_INT(running.err, 0);
	CHECK_INT(pyr_batch_done(batch), 2);
	pyr_batch_free(batch);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(b9_a_batch_with_one_that_is_not_idempotent_is_not_run_again)
{
	struct px_Counter *proxy;
	struct running running;
	pyr_batch *batch;

	REQUIRE(place_opens());
	proxy = patient(place.uri, 30000, 100);
	batch = batch_of(proxy, false);
	begin(&running, batch);
	lose_first(proxy);
	CHECK_INT(pthread_join(running.thread, NULL), 0);
	CHECK_INT(running.err, -PYR_UNAVAILABLE);
	CHECK(running.may_have_run);
	CHECK_INT(px_Counter_peek(px_Counter_batch(batch), NULL), 0); /* it is another one now */
	counter_shut(&counter, false);
	CHECK_INT(pyr_batch_run(batch), 0);
	pyr_batch_free(batch);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

static void started_and_lost(bool is_idempotent, int expected)
{
	struct px_Counter *proxy;
	pyr_future *future;
	pyr_batch *batch;

	REQUIRE(place_opens());
	proxy = patient(place.uri, 0, 100);
	batch = batch_of(proxy, is_idempotent);
	future = pyr_batch_start(batch);
	lose_first(proxy);
	if (expected == 0)
		CHECK(counter_has_begun(&counter, 2));
	counter_shut(&counter, false);
	CHECK_INT(pyr_batch_get(future), expected);
	CHECK_INT(pyr_batch_done(batch), expected == 0 ? 2 : 0);
	pyr_batch_free(batch);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(b9_a_batch_that_was_started_is_run_again_if_it_may)
{
	started_and_lost(true, 0);
	started_and_lost(false, -PYR_UNAVAILABLE);
}

IN_PLACES(b9_retries_of_a_batch_are_counted)
{
	struct px_Counter *proxy = patient(place.uri, 0, 2);
	pyr_batch *batch = pyr_batch_new(px_Counter_as_proxy(proxy));
	int64_t begun = engine_now();

	CHECK_INT(px_Counter_peek(px_Counter_batch(batch), NULL), 0);
	check_fails(pyr_batch_run(batch), PYR_UNAVAILABLE, "cannot connect");
	CHECK(engine_now() - begun >= 15 * (int64_t)ENGINE_MS); /* half of 10 and 20 ms at least */
	CHECK_INT(px_Counter_peek(px_Counter_batch(batch), NULL), 0);
	check_fails(pyr_batch_get(pyr_batch_start(batch)), PYR_UNAVAILABLE, "cannot connect");
	CHECK_INT(px_Counter_peek(px_Counter_batch(batch), NULL), 0);
	check_fails(pyr_batch_run_oneway(batch), PYR_UNAVAILABLE, "cannot connect");
	pyr_batch_free(batch);
	px_Counter_free(proxy);
}

/* ---- in tasks ---- */

static struct {
	struct px_Counter *proxy;
	pyr_task *waiting[2];
	int results[2];
} tasks;

static int get_in_task(void *data)
{
	int i = *(int *)data;

	tasks.results[i] = px_Counter_bump_get(px_Counter_bump_start(tasks.proxy), NULL);
	return tasks.results[i];
}

static int wait_in_tasks(void *data)
{
	static int numbers[2] = { 0, 1 };
	int i;

	(void)data;
	for (i = 0; i < 2; i++)
		tasks.waiting[i] = pyr_task_start(get_in_task, &numbers[i]);
	while (count_pausing_futures(tasks.proxy) < 2)
		if (pyr_sleep(1) < 0)
			return -1;
	pyr_task_cancel(tasks.waiting[1]);
	if (pyr_task_join(tasks.waiting[1]) != -PYR_CANCELLED || !place_opens())
		return -1;
	return pyr_task_join(tasks.waiting[0]);
}

IN_PLACES(futures_of_tasks_wait_side_by_side_and_are_cancelled)
{
	tasks.proxy = patient(place.uri, 30000, 0);
	CHECK_INT(pyr_tasks_run(wait_in_tasks, NULL), 0);
	CHECK_INT(tasks.results[0], 0);
	CHECK_INT(tasks.results[1], -PYR_CANCELLED);
	px_Counter_free(tasks.proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(counter.n_runs, 1);
}

/* ---- inside methods ---- */

/* An object whose bump() answers with what another's bump() comes to, in time. */
struct relay {
	struct counter counter;
	struct px_Counter *proxy, *target;
};

static void on_bump(pyr_future *future, void *data)
{
	pyr_deferred *deferred = data;
	int32_t n;

	if (px_Counter_bump_get(future, &n) < 0)
		CHECK_INT(pyr_deferred_fail(deferred, pyr_last_error()->code, "%s", pyr_errmsg()),
			  0);
	else
		CHECK_INT(px_Counter_bump_reply(deferred, n), 0);
}

static struct relay relay;

static int bump_later(pyr_call *call, int32_t *ret)
{
	pyr_deferred *deferred;
	int err = pyr_call_defer(call, &deferred);

	(void)ret;
	return err < 0 ? err : px_Counter_bump_async(relay.target, on_bump, deferred);
}

/* Waits in the method. */
static int bump_now(pyr_call *call, int32_t *ret)
{
	(void)call;
	return px_Counter_bump_get(px_Counter_bump_start(relay.target), ret);
}

/* The object at the end; calls the relay back, if it is the same chain's. */
static int bump_and_ask_back(pyr_call *call, int32_t *ret)
{
	int64_t left;
	int err = px_Counter_time_left(relay.proxy, &left);

	(void)call;
	*ret = 7;
	return err;
}

static int time_left(pyr_call *call, int64_t *ret)
{
	*ret = pyr_call_time_left(call);
	return 0;
}

static void relay_open(const struct px_Counter_methods *methods)
{
	struct pyr_daemon_options options = { .threads = place.options.threads };

	relay.target = patient(place.uri, 30000, 0);
	REQUIRE(counter_open_with(&relay.counter, &options, methods));
	relay.proxy = px_Counter_proxy(relay.counter.uri);
}

static void relay_close(void)
{
	px_Counter_free(relay.proxy);
	px_Counter_free(relay.target);
	CHECK_INT(counter_close(&relay.counter), 0);
}

static const struct px_Counter_methods later = { .bump = bump_later },
				       now = { .bump = bump_now, .time_left = time_left };

IN_PLACES(what_a_method_started_calls_back_after_the_last_attempt)
{
	pyr_future *future;
	int32_t n = 0;

	relay_open(&later);
	future = px_Counter_bump_start(relay.proxy);
	see_futures_pause(relay.target, 1);
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_bump_get(future, &n), 0);
	CHECK_INT(n, 1);
	relay_close();
	CHECK_INT(counter_close(&counter), 0);
}

/* In a serial daemon only a call of the same chain gets through. */
IN_PLACES(later_attempts_belong_to_the_chain_of_the_method_that_waits)
{
	static const struct px_Counter_methods back = { .bump = bump_and_ask_back };
	pyr_future *future;
	int32_t n = 0;

	relay_open(&now);
	future = px_Counter_bump_start(relay.proxy);
	see_futures_pause(relay.target, 1);
	REQUIRE(place_opens_with(&back));
	CHECK_INT(px_Counter_bump_get(future, &n), 0);
	CHECK_INT(n, 7);
	relay_close();
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(what_a_method_waits_for_ends_with_the_method_s_call)
{
	pyr_future *future;

	relay_open(&now);
	future = px_Counter_bump_start(relay.proxy);
	see_futures_pause(relay.target, 1);
	pyr_future_free(future);
	CHECK_INT(px_Counter_time_left(relay.proxy, &(int64_t){ 0 }), 0); /* a serial one is free */
	while (count_pausing_futures(relay.target) > 0)
		sched_yield();
	relay_close();
}

TESTS(batch_patience, T(a_batch_waits_for_a_server_that_starts_later),
      T(a_batch_that_was_started_waits_for_a_server_that_starts_later),
      T(a_batch_that_is_freed_while_it_waits_does_not_run),
      T(b9_a_batch_of_idempotent_operations_is_run_again),
      T(b9_a_batch_with_one_that_is_not_idempotent_is_not_run_again),
      T(b9_a_batch_that_was_started_is_run_again_if_it_may), T(b9_retries_of_a_batch_are_counted),
      T(futures_of_tasks_wait_side_by_side_and_are_cancelled),
      T(what_a_method_started_calls_back_after_the_last_attempt),
      T(later_attempts_belong_to_the_chain_of_the_method_that_waits),
      T(what_a_method_waits_for_ends_with_the_method_s_call))
