/* SPDX-License-Identifier: MIT */
/*
 * A daemon that stops while calls are made inside calls: A calls B, whose method calls A back.
 * Those that come back are taken until what waits for them is answered; all others are refused.
 */
#include "flow.h"
#include "servant.h"

#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum way { KEPT, FRESH, FUTURE, BATCH, ONEWAY, STREAM, WAYS }; /* how B's method calls A */

static struct place a, b;
static struct e2e_Work *work, *to_a, *to_b; /* the caller's; the methods', bound before */
static struct flow_Flow *flow_of_a;
static const char *uri_of_a;
static enum way way;
static bool goes_on;      /* A's method calls B once more */
static atomic_int n_at_b; /* calls that wait there */

/* ---- the methods ---- */

static int add_of_a(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	return e2e_Work_add(to_b, x, y, ret) < 0 ? pyr_pass(call) : 0;
}

static int at_once_of_a(pyr_call *call, int32_t value, int32_t *ret)
{
	if (goes_on && e2e_Work_at_once(to_b, value, &value) < 0)
		return pyr_pass(call);
	*ret = value + 1;
	return 0;
}

static int post_of_a(pyr_call *call, int32_t gate)
{
	work_pass(&a.work, call, gate);
	return 0;
}

static int in_a_batch(int32_t value, int32_t *ret)
{
	pyr_batch *batch = pyr_batch_new(e2e_Work_as_proxy(to_a));
	int err = e2e_Work_at_once(e2e_Work_batch(batch), value, ret);

	if (err == 0)
		err = pyr_batch_run(batch);
	pyr_batch_free(batch);
	return err;
}

static int with_a_fresh_proxy(int32_t value, int32_t *ret)
{
	struct e2e_Work *fresh = e2e_Work_proxy(uri_of_a);
	int err = e2e_Work_at_once(fresh, value, ret);

	e2e_Work_free(fresh);
	return err;
}

static int in_a_stream(int32_t value, int32_t *ret)
{
	pyr_stream *stream;
	int err = flow_Flow_count(flow_of_a, value, 1, &stream);

	if (err < 0)
		return err;
	err = flow_Flow_count_next(stream, ret);
	pyr_stream_free(stream);
	return err < 0 ? err : 0;
}

static int call_back(int32_t value, int32_t *ret)
{
	switch (way) {
	case FRESH:
		return with_a_fresh_proxy(value, ret);
	case FUTURE:
		return e2e_Work_at_once_get(e2e_Work_at_once_start(to_a, value), ret);
	case BATCH:
		return in_a_batch(value, ret);
	case STREAM:
		return in_a_stream(value, ret);
	case ONEWAY:
		*ret = value + 1;
		return e2e_Work_post(to_a, 2);
	default:
		return e2e_Work_at_once(to_a, value, ret);
	}
}

static int add_of_b(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	atomic_fetch_add(&n_at_b, 1);
	work_pass(&b.work, call, 1);
	if (call_back(x, ret) < 0)
		return pyr_pass(call);
	*ret += y;
	return 0;
}

static int at_once_of_b(pyr_call *call, int32_t value, int32_t *ret)
{
	(void)call;
	*ret = value + 100;
	return 0;
}

static int count_of_a(pyr_call *call, int32_t from, int32_t n, pyr_stream *stream)
{
	(void)call;
	(void)n;
	return flow_Flow_count_yield(stream, from + 1);
}

static const struct flow_Flow_methods flow_methods = { .count = count_of_a };
static const struct e2e_Work_methods methods_of_a = { .add = add_of_a,
						      .at_once = at_once_of_a,
						      .post = post_of_a };
static const struct e2e_Work_methods methods_of_b = { .add = add_of_b, .at_once = at_once_of_b };

/* ---- the daemons ---- */

static struct e2e_Work *bound(const char *uri, bool own_link)
{
	struct pyr_proxy_options options = { .own_link = own_link, .timeout_ms = 30000 };
	struct e2e_Work *proxy = e2e_Work_proxy_with(uri, &options);

	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(proxy)), 0);
	return proxy;
}

static void begin(unsigned threads_of_a, unsigned threads_of_b)
{
	struct pyr_daemon_options options = { .threads = threads_of_a, .drain_ms = 60000 };

	REQUIRE(place_open(&a, &options));
	options.threads = threads_of_b;
	REQUIRE(place_open(&b, &options));
	work_open(&a.work, 2);
	uri_of_a = e2e_Work_register(a.daemon, "there", &methods_of_a, NULL);
	to_a = bound(uri_of_a, false);
	flow_of_a = flow_Flow_proxy(flow_Flow_register(a.daemon, "flow", &flow_methods, NULL));
	CHECK_INT(pyr_proxy_bind(flow_Flow_as_proxy(flow_of_a)), 0);
	to_b = bound(e2e_Work_register(b.daemon, "there", &methods_of_b, NULL), false);
	work = bound(uri_of_a, true);
	atomic_store(&n_at_b, 0);
	goes_on = false;
}

/* First those who may be inside a method that uses the proxies. */
static void end(void)
{
	CHECK_INT(place_close(&a), 0);
	CHECK_INT(place_close(&b), 0);
	e2e_Work_free(work);
	e2e_Work_free(to_a);
	e2e_Work_free(to_b);
	flow_Flow_free(flow_of_a);
}

static void wait_at_b(void)
{
	time_t until = time(NULL) + PATIENCE_MS / 1000;

	while (atomic_load(&n_at_b) < 1 && time(NULL) < until)
		poll(NULL, 0, 1);
	REQUIRE(atomic_load(&n_at_b) == 1);
}

/* Until the stop has taken effect: calls that start a chain are not run. Before, they wait behind
 * the one that is inside a serial daemon. */
static void wait_refused(struct e2e_Work *proxy)
{
	struct pyr_call_options soon = { .timeout_ms = 20 };
	time_t until = time(NULL) + PATIENCE_MS / 1000;
	int err;

	do
		err = e2e_Work_at_once(e2e_Work_with(proxy, &soon), 1, &(int32_t){ 0 });
	while (err != -PYR_UNAVAILABLE && time(NULL) < until);
	CHECK_INT(err, -PYR_UNAVAILABLE);
	CHECK(!pyr_last_error()->may_have_run);
}

/* Stops one of the daemons while B's method is inside A's, and has the call end as it should.
 * proxy: what calls that start a chain are made through meanwhile. */
static void stop_inside(struct place *which, struct e2e_Work *proxy, int32_t expected)
{
	pyr_future *outer = e2e_Work_add_start(work, 10, 1);
	int32_t sum = 0;

	REQUIRE(outer != NULL);
	CHECK(!pyr_future_is_ready(outer));
	wait_at_b();
	pyr_daemon_stop(which->daemon);
	wait_refused(proxy);
	work_open(&b.work, 1);
	CHECK_INT(e2e_Work_add_get(outer, &sum), 0);
	CHECK_INT(sum, expected);
}

static const unsigned threads[][2] = { { 4, 4 }, { 1, 4 }, { 4, 1 }, { 1, 1 } };

static void everywhere(void (*body)(void))
{
	size_t i;

	for (i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		begin(threads[i][0], threads[i][1]);
		body();
		end();
	}
}

/* ---- the tests ---- */

static void stop_a_beside_another_proxy(void)
{
	struct e2e_Work *other = bound(uri_of_a, true);

	stop_inside(&a, other, 12);
	e2e_Work_free(other);
}

TEST(what_comes_back_to_a_daemon_that_stops_is_taken)
{
	for (way = 0; way < WAYS; way++)
		everywhere(stop_a_beside_another_proxy);
}

static void stop_a_beside_the_same_proxy(void)
{
	stop_inside(&a, to_a, 12);
}

TEST(a_proxy_that_looked_for_another_link_still_calls_back_over_the_old_one)
{
	for (way = 0; way < WAYS; way++)
		everywhere(stop_a_beside_the_same_proxy);
}

static void stop_b(void)
{
	struct e2e_Work *other = bound(pyr_daemon_uri(b.daemon, "there"), true);

	goes_on = true;
	stop_inside(&b, other, 112);
	e2e_Work_free(other);
}

TEST(one_in_the_middle_of_a_chain_finishes_what_it_has_begun)
{
	way = KEPT;
	everywhere(stop_b);
}

static void stop_a_and_wait(void)
{
	time_t begin = time(NULL);

	stop_inside(&a, to_a, 12);
	pthread_join(a.thread, NULL);
	CHECK(time(NULL) - begin < 30); /* of the minute that it has */
	CHECK_INT(e2e_Work_at_once(to_a, 1, &(int32_t){ 0 }), -PYR_UNAVAILABLE);
}

/* ---- calls of other chains ---- */

static int at_once_of_next(pyr_call *call, int32_t value, int32_t *ret)
{
	(void)call;
	*ret = value + 1000;
	return 0;
}

static int post_of_next(pyr_call *call, int32_t gate)
{
	(void)call;
	(void)gate;
	return 0;
}

static int count_of_next(pyr_call *call, int32_t from, int32_t n, pyr_stream *stream)
{
	(void)call;
	(void)n;
	return flow_Flow_count_yield(stream, from + 1000);
}

static const struct e2e_Work_methods methods_of_next = { .at_once = at_once_of_next,
							 .post = post_of_next };
static const struct flow_Flow_methods flow_of_next = { .count = count_of_next };

/* Another daemon where A was, which has something to finish. */
static bool open_next(struct place *next)
{
	const char *port = strrchr(pyr_daemon_address(a.daemon), ':');
	struct pyr_daemon_options options = { .port = (uint16_t)atoi(port + 1) };

	return place_open(next, &options) &&
	       e2e_Work_register(next->daemon, "there", &methods_of_next, NULL) &&
	       flow_Flow_register(next->daemon, "flow", &flow_of_next, NULL);
}

static void stop_a_with_another_chain(void)
{
	struct e2e_Work *busy = e2e_Work_proxy(a.uri);
	pyr_future *running = e2e_Work_pass_start(busy, 3);
	struct place next;
	int32_t sum = 0;

	CHECK(!pyr_future_is_ready(running));
	REQUIRE(work_has_inside(&a.work, 1));
	pyr_daemon_stop(a.daemon);
	wait_refused(to_a);
	REQUIRE(open_next(&next));
	work_open(&b.work, 1);
	CHECK_INT(e2e_Work_add(to_b, 10, 1, &sum), 0);
	CHECK_INT(sum, way == ONEWAY ? 12 : 1011);
	CHECK(!pyr_future_is_ready(running)); /* A was still there */
	work_open(&a.work, 3);
	CHECK_INT(e2e_Work_pass_get(running), 0);
	CHECK_INT(place_close(&next), 0);
	e2e_Work_free(busy);
}

TEST(what_is_of_no_such_chain_goes_to_the_next_daemon_at_once)
{
	for (way = 0; way < WAYS; way++) {
		begin(4, 4);
		stop_a_with_another_chain();
		end();
	}
}

static void stop_both(void)
{
	struct e2e_Work *other = bound(pyr_daemon_uri(b.daemon, "there"), true);
	struct e2e_Work *another = bound(uri_of_a, true);
	pyr_future *outer = e2e_Work_add_start(work, 10, 1);
	int32_t sum = 0;

	goes_on = true;
	CHECK(!pyr_future_is_ready(outer));
	wait_at_b();
	pyr_daemon_stop(a.daemon);
	pyr_daemon_stop(b.daemon);
	wait_refused(other);
	wait_refused(another);
	work_open(&b.work, 1);
	CHECK_INT(e2e_Work_add_get(outer, &sum), 0);
	CHECK_INT(sum, 112);
	e2e_Work_free(other);
	e2e_Work_free(another);
}

TEST(a_chain_goes_on_though_all_its_daemons_stop)
{
	way = KEPT;
	everywhere(stop_both);
}

TEST(it_ends_when_the_chain_is_through)
{
	size_t i;

	way = KEPT;
	for (i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		begin(threads[i][0], threads[i][1]);
		stop_a_and_wait();
		e2e_Work_free(work);
		e2e_Work_free(to_a);
		e2e_Work_free(to_b);
		flow_Flow_free(flow_of_a);
		CHECK_INT(a.result, 0);
		pyr_daemon_free(a.daemon);
		work_fini(&a.work);
		CHECK_INT(place_close(&b), 0);
	}
}

TEST(a_chain_that_is_cut_off_ends_the_drain_in_time)
{
	struct pyr_daemon_options hasty = { .drain_ms = 100 };
	struct timespec from, to;
	pyr_future *outer;

	way = KEPT;
	begin(4, 4);
	CHECK_INT(place_close(&a), 0);
	REQUIRE(place_open(&a, &hasty));
	uri_of_a = e2e_Work_register(a.daemon, "there", &methods_of_a, NULL);
	e2e_Work_free(to_a);
	e2e_Work_free(work);
	to_a = bound(uri_of_a, false);
	work = bound(uri_of_a, true);
	outer = e2e_Work_add_start(work, 10, 1);
	CHECK(!pyr_future_is_ready(outer));
	wait_at_b();
	clock_gettime(CLOCK_MONOTONIC, &from);
	pyr_daemon_stop(a.daemon);
	CHECK_INT(e2e_Work_add_get(outer, &(int32_t){ 0 }), -PYR_UNAVAILABLE);
	CHECK(pyr_last_error()->may_have_run);
	work_open(&b.work, 1);
	end();
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK(to.tv_sec - from.tv_sec < 10);
}

TESTS(drain, T(what_comes_back_to_a_daemon_that_stops_is_taken),
      T(a_proxy_that_looked_for_another_link_still_calls_back_over_the_old_one),
      T(one_in_the_middle_of_a_chain_finishes_what_it_has_begun),
      T(a_chain_goes_on_though_all_its_daemons_stop), T(it_ends_when_the_chain_is_through),
      T(what_is_of_no_such_chain_goes_to_the_next_daemon_at_once),
      T(a_chain_that_is_cut_off_ends_the_drain_in_time))
