/* SPDX-License-Identifier: MIT */
/* Calls that were given up while their methods ran: what is answered late is no success. */
#include "counter.h"

#include "test.h"

#include <pyrite/pyrite.h>

enum { TIMES = 20, SOON_MS = 20 };

static struct counter counter;
static atomic_int n_told, n_errors, n_other_errors;

/* Works until nobody waits any more, and answers with what it has. */
static int until_told(pyr_call *call, int32_t *ret)
{
	while (!pyr_call_is_cancelled(call))
		(void)pyr_sleep(1); /* it may be told there first */
	atomic_fetch_add(&n_told, 1);
	*ret = 1;
	return 0;
}

static int fail_when_told(pyr_call *call, int32_t *ret)
{
	(void)until_told(call, ret);
	return pyr_fail(call, PYR_ABORTED, "half done");
}

static atomic_int n_answering; /* threads that have not answered yet */

/* The same from another thread, as a deferred. */
static void *answer_later(void *data)
{
	pyr_deferred *deferred = data;
	int32_t n;

	(void)until_told(pyr_deferred_call(deferred), &n);
	px_Counter_slow_reply(deferred, n);
	atomic_fetch_sub(&n_answering, 1);
	return NULL;
}

static int defer_until_told(pyr_call *call, int32_t *ret)
{
	pyr_deferred *deferred;
	pthread_t thread;

	(void)ret;
	CHECK_INT(pyr_call_defer(call, &deferred), 0);
	atomic_fetch_add(&n_answering, 1);
	REQUIRE(pthread_create(&thread, NULL, answer_later, deferred) == 0);
	pthread_detach(thread);
	return 0;
}

static const struct px_Counter_methods methods = { .peek = until_told,
						   .bump = fail_when_told,
						   .slow = defer_until_told };

static void on_error(const pyr_call *call, const pyr_error *error, void *data)
{
	(void)call;
	(void)data;
	if (error->code == PYR_DEADLINE_EXCEEDED || error->code == PYR_CANCELLED)
		atomic_fetch_add(&n_errors, 1);
	else
		atomic_fetch_add(&n_other_errors, 1);
}

typedef int (*operation)(struct px_Counter *proxy, int32_t *ret);

/* Bounded by the test's alarm: the daemon's hook hears of each call once. */
static void check(operation call, const struct pyr_proxy_options *how, unsigned threads)
{
	struct pyr_daemon_options daemon = { .threads = threads, .on_call_error = on_error };
	struct pyr_proxy_options options = *how;
	int32_t n = 7;
	int i, n_late = 0;
	struct px_Counter *proxy;

	atomic_store(&n_told, 0);
	atomic_store(&n_errors, 0);
	atomic_store(&n_other_errors, 0);
	REQUIRE(counter_open_with(&counter, &daemon, &methods));
	options.timeout_ms = SOON_MS;
	proxy = px_Counter_proxy_with(counter.uri, &options);
	REQUIRE(proxy != NULL);
	for (i = 0; i < TIMES; i++)
		n_late += call(proxy, &n) == -PYR_DEADLINE_EXCEEDED;
	CHECK_INT(n_late, TIMES);
	CHECK_INT(n, 7);
	while (atomic_load(&n_answering) > 0) /* a stop does not wait for a cancelled deferred */
		CHECK_INT(pyr_sleep(1), 0);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK(atomic_load(&n_told) > 0);
	CHECK(atomic_load(&n_errors) >= atomic_load(&n_told));
	CHECK_INT(atomic_load(&n_other_errors), 0);
}

TEST(a_method_that_was_told_does_not_succeed)
{
	check(px_Counter_peek, &(struct pyr_proxy_options){ .timeout_ms = 0 }, 4);
	check(px_Counter_peek, &(struct pyr_proxy_options){ .timeout_ms = 0 }, 1);
}

TEST(a_method_that_was_told_and_fails_is_late_all_the_same)
{
	check(px_Counter_bump, &(struct pyr_proxy_options){ .timeout_ms = 0 }, 4);
}

TEST(a_deferred_that_was_told_does_not_succeed)
{
	check(px_Counter_slow, &(struct pyr_proxy_options){ .timeout_ms = 0 }, 4);
}

TEST(a_call_of_plain_grpc_that_was_told_does_not_succeed)
{
	check(px_Counter_peek, &(struct pyr_proxy_options){ .plain = PYR_PLAIN_ONLY }, 4);
}

static int in_batch(struct px_Counter *proxy, int32_t *ret)
{
	pyr_batch *batch = pyr_batch_new(px_Counter_as_proxy(proxy));
	int err = px_Counter_peek(px_Counter_batch(batch), ret);

	if (err == 0)
		err = pyr_batch_run(batch);
	pyr_batch_free(batch);
	return err;
}

TEST(a_batch_that_was_told_does_not_succeed)
{
	check(in_batch, &(struct pyr_proxy_options){ .timeout_ms = 0 }, 4);
}

/* ---- a method that sleeps ---- */

static atomic_int n_cut, n_slept;

static int sleep_long(pyr_call *call, int32_t *ret)
{
	int err = pyr_sleep(600000);

	(void)ret;
	atomic_fetch_add(&n_slept, err == 0);
	CHECK_INT(pyr_sleep(600000), -PYR_CANCELLED);
	CHECK(pyr_call_is_cancelled(call));
	atomic_fetch_add(&n_cut, err == -PYR_CANCELLED);
	return pyr_pass(call);
}

static int sleep_in_task(void *data)
{
	(void)data;
	return pyr_sleep(600000);
}

static int sleep_in_tasks(pyr_call *call, int32_t *ret)
{
	(void)ret;
	CHECK_INT(pyr_tasks_run(sleep_in_task, NULL), -PYR_CANCELLED);
	atomic_fetch_add(&n_cut, 1);
	return pyr_fail(call, PYR_CANCELLED, "so it is");
}

static const struct px_Counter_methods sleepers = { .peek = sleep_long, .bump = sleep_in_tasks };

/* The end of the daemon waits for the methods. Bounded by the test's alarm. */
static void sleep_and_go(unsigned threads, bool is_plain)
{
	struct pyr_daemon_options daemon = { .threads = threads };
	struct pyr_proxy_options options = { .timeout_ms = 50 };
	struct px_Counter *proxy;
	int32_t n;

	options.plain = is_plain ? PYR_PLAIN_ONLY : PYR_PLAIN_NEVER;
	atomic_store(&n_cut, 0);
	REQUIRE(counter_open_with(&counter, &daemon, &sleepers));
	proxy = px_Counter_proxy_with(counter.uri, &options);
	while (atomic_load(&n_cut) < 1) /* a deadline may pass before its call runs */
		CHECK_INT(px_Counter_peek(proxy, &n), -PYR_DEADLINE_EXCEEDED);
	while (atomic_load(&n_cut) < 2)
		CHECK_INT(px_Counter_bump(proxy, &n), -PYR_DEADLINE_EXCEEDED);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(atomic_load(&n_slept), 0);
}

TEST(a_method_that_sleeps_wakes_when_its_call_is_cancelled)
{
	sleep_and_go(4, false);
	sleep_and_go(1, false);
	sleep_and_go(4, true);
}

TESTS(given_up, T(a_method_that_sleeps_wakes_when_its_call_is_cancelled),
      T(a_method_that_was_told_does_not_succeed),
      T(a_method_that_was_told_and_fails_is_late_all_the_same),
      T(a_deferred_that_was_told_does_not_succeed),
      T(a_call_of_plain_grpc_that_was_told_does_not_succeed),
      T(a_batch_that_was_told_does_not_succeed))
