/* SPDX-License-Identifier: MIT */
/* Methods and callbacks of a pool that wait, by sleeping or calling, leave their places to others.
 */
#include "counter.h"

#include "test.h"

#include <pyrite/pyrite.h>

enum { POOL = 4, CALLS = 200, CALL_MS = 20000 };

static struct counter here, there;
static struct px_Counter *to_there;
static atomic_int n_asleep;
static atomic_bool may_wake;

/* In short naps, so that it ends. */
static int sleeping(pyr_call *call, int32_t *ret)
{
	atomic_fetch_add(&n_asleep, 1);
	while (!atomic_load(&may_wake) && !pyr_call_is_cancelled(call))
		CHECK_INT(pyr_sleep(2), 0);
	*ret = 0;
	return 0;
}

static int runs(pyr_call *call, int32_t *ret)
{
	(void)call;
	*ret = 7;
	return 0;
}

static const struct px_Counter_methods methods = { .runs = runs, .peek = sleeping };

static void begin(void)
{
	struct pyr_daemon_options pool = { .threads = POOL };

	atomic_store(&n_asleep, 0);
	atomic_store(&may_wake, false);
	REQUIRE(counter_open_with(&here, &pool, &methods));
	REQUIRE(counter_open(&there, NULL));
	to_there = px_Counter_proxy(there.uri);
	REQUIRE(to_there != NULL);
}

static void end(void)
{
	px_Counter_free(to_there);
	CHECK_INT(counter_close(&here), 0);
	CHECK_INT(counter_close(&there), 0);
}

static void check_others(void)
{
	struct pyr_proxy_options options = { .timeout_ms = CALL_MS };
	struct px_Counter *other = px_Counter_proxy_with(here.uri, &options);
	int32_t n;
	int i;

	REQUIRE(other != NULL);
	for (i = 0; i < CALLS; i++)
		REQUIRE(px_Counter_runs(other, &n) == 0);
	CHECK_INT(n, 7);
	px_Counter_free(other);
}

/* Bounded by the test's alarm. */
static void wait_for(atomic_int *n, int value)
{
	while (atomic_load(n) < value)
		CHECK_INT(pyr_sleep(1), 0);
}

TEST(methods_that_sleep_leave_the_pool_to_others)
{
	struct px_Counter *proxy;
	pyr_future *futures[2 * POOL];
	int i;

	begin();
	proxy = px_Counter_proxy(here.uri);
	for (i = 0; i < 2 * POOL; i++)
		REQUIRE((futures[i] = px_Counter_peek_start(proxy)) != NULL);
	CHECK(!pyr_future_is_ready(futures[0]));
	wait_for(&n_asleep, 2 * POOL);
	check_others();
	atomic_store(&may_wake, true);
	for (i = 0; i < 2 * POOL; i++)
		CHECK_INT(px_Counter_peek_get(futures[i], NULL), 0);
	px_Counter_free(proxy);
	end();
}

static void call_there(pyr_timer *timer, void *data)
{
	(void)timer;
	(void)data;
	CHECK_INT(px_Counter_peek(to_there, NULL), 0);
}

TEST(callbacks_that_call_leave_the_pool_to_others)
{
	pyr_timer *timers[POOL];
	int i;

	begin();
	counter_shut(&there, true);
	for (i = 0; i < POOL; i++) {
		timers[i] = pyr_timer_new(here.daemon, call_there, NULL);
		CHECK_INT(pyr_timer_set(timers[i], 0), 0);
	}
	CHECK(counter_has_begun(&there, POOL));
	check_others();
	counter_shut(&there, false);
	for (i = 0; i < POOL; i++)
		pyr_timer_free(timers[i]);
	end();
}

TESTS(places, T(methods_that_sleep_leave_the_pool_to_others),
      T(callbacks_that_call_leave_the_pool_to_others))
