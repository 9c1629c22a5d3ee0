/* SPDX-License-Identifier: MIT */
/* Objects of a pool whose methods run one at a time, as those of a serial daemon do. */
#include "thing.h"

#include "relay.h"
#include "test.h"

#include <sched.h>

enum { THREADS = 4, CALLERS = 6 };

static struct things things;
static struct thing data, other_data;
static struct thing_place place, far;
static char uri[128], other_uri[128], plain_uri[128];
static struct life_Thing *proxy;

static const char *add_serial(struct thing_place *at, const char *id, struct thing *thing)
{
	thing_init(thing, &things);
	return life_Thing_register_with(at->daemon, id, &thing_methods, thing,
					&(struct pyr_register_options){ .serial = true });
}

static void begin(unsigned threads)
{
	things_init(&things);
	REQUIRE(thing_place_open(&place, &(struct pyr_daemon_options){ .threads = threads }));
	REQUIRE(thing_place_open(&far, &(struct pyr_daemon_options){ .threads = THREADS }));
	snprintf(uri, sizeof(uri), "%s", add_serial(&place, "one", &data));
	snprintf(plain_uri, sizeof(plain_uri), "%s",
		 life_Thing_register(place.daemon, "plain", &thing_methods, &data));
	proxy = life_Thing_proxy(uri);
	REQUIRE(proxy != NULL);
}

static void finish(void)
{
	life_Thing_free(proxy);
	CHECK_INT(thing_place_close(&place), 0);
	CHECK_INT(thing_place_close(&far), 0);
	CHECK_INT(atomic_load(&things.n_most), 1);
	things_fini(&things);
}

/* As a pool has it, and as a serial daemon does. */
#define BOTH(name)                                                                                 \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		begin(THREADS);                                                                    \
		name##_body();                                                                     \
		finish();                                                                          \
		begin(1);                                                                          \
		name##_body();                                                                     \
		finish();                                                                          \
	}                                                                                          \
	static void name##_body(void)

TEST(methods_of_a_serial_object_run_one_at_a_time_and_others_beside)
{
	struct life_Thing *callers[CALLERS], *plain;
	pyr_future *futures[CALLERS];
	int32_t ret;
	int i;

	begin(2);
	plain = life_Thing_proxy(plain_uri);
	for (i = 0; i < CALLERS; i++) {
		callers[i] = life_Thing_proxy(uri);
		futures[i] = life_Thing_pass_start(callers[i], i);
		(void)pyr_future_is_ready(futures[i]);
		CHECK(things_reach(&things.n_inside, 1));
	}
	for (i = 0; i < 20; i++) /* no thread of two waits for a turn */
		CHECK_INT(life_Thing_which(plain, &ret), 0);
	atomic_store(&things.n_most, 0); /* both objects have the same data */
	for (i = CALLERS - 1; i >= 0; i--) {
		things_open(&things, i);
		CHECK(i == 0 || !pyr_future_is_ready(futures[i])); /* the first one has it */
	}
	for (i = 0; i < CALLERS; i++) {
		CHECK_INT(life_Thing_pass_get(futures[i]), 0);
		life_Thing_free(callers[i]);
	}
	life_Thing_free(plain);
	finish();
}

TEST(calls_of_many_sessions_have_their_turns_in_order)
{
	struct life_Thing *callers[CALLERS];
	pyr_future *first, *futures[CALLERS][50];
	int32_t sum = 0;
	int i, j;

	begin(THREADS);
	first = life_Thing_pass_start(proxy, 0);
	(void)pyr_future_is_ready(first);
	CHECK(things_reach(&things.n_inside, 1));
	for (i = 0; i < CALLERS; i++) {
		callers[i] = life_Thing_proxy(uri);
		for (j = 0; j < 50; j++)
			futures[i][j] = life_Thing_add_start(callers[i], 1);
	}
	things_open(&things, 0);
	CHECK_INT(life_Thing_pass_get(first), 0);
	for (i = 0; i < CALLERS; i++) {
		int32_t before = 0;

		for (j = 0; j < 50; j++) {
			CHECK_INT(life_Thing_add_get(futures[i][j], &sum), 0);
			CHECK(sum > before); /* in the order sent */
			before = sum;
		}
		life_Thing_free(callers[i]);
	}
	CHECK_INT(life_Thing_add(proxy, 0, &sum), 0);
	CHECK_INT(sum, CALLERS * 50);
	finish();
}

BOTH(a_call_that_comes_back_runs_while_its_caller_waits)
{
	int32_t n = 0;

	snprintf(other_uri, sizeof(other_uri), "%s", add_serial(&far, "two", &other_data));
	CHECK_INT(life_Thing_to_and_fro(proxy, other_uri, uri, 40, &n), 0);
	CHECK_INT(n, 40);
	CHECK_INT(life_Thing_to_and_fro(proxy, uri, uri, 5, &n), 0); /* straight to itself */
	CHECK_INT(n, 5);
}

BOTH(two_serial_objects_of_one_daemon_call_each_other)
{
	int32_t n = 0;

	snprintf(other_uri, sizeof(other_uri), "%s", add_serial(&place, "two", &other_data));
	CHECK_INT(life_Thing_to_and_fro(proxy, other_uri, uri, 100, &n), 0);
	CHECK_INT(n, 100);
}

BOTH(a_call_that_comes_back_does_not_run_beside_its_caller)
{
	int32_t n = 0;

	snprintf(other_uri, sizeof(other_uri), "%s",
		 life_Thing_register(far.daemon, "two", &thing_methods, &other_data));
	thing_init(&other_data, &things);
	CHECK_INT(life_Thing_meanwhile(proxy, other_uri, uri, &n), 0);
	CHECK_INT(n, 1);
}

BOTH(calls_that_come_back_to_tasks_run_while_these_wait)
{
	int32_t n = 0;

	snprintf(other_uri, sizeof(other_uri), "%s", add_serial(&far, "two", &other_data));
	CHECK_INT(life_Thing_by_tasks(proxy, other_uri, uri, &n), 0);
	CHECK_INT(n, 2);
}

/* Others do not wait for a caller that may come back to its stream. */
BOTH(a_stream_whose_link_is_lost_gives_its_turn_up_when_others_wait)
{
	struct life_Thing *reader, *other = life_Thing_proxy(uri);
	struct pyr_call_options soon = { .timeout_ms = 10000 }; /* it would linger for 30 s */
	struct relay relay;
	pyr_stream *stream = NULL;
	char by_relay[200];
	int32_t ret;

	REQUIRE(relay_open(&relay, pyr_daemon_address(place.daemon)));
	snprintf(by_relay, sizeof(by_relay), "PYRO:one@%s", relay.address);
	reader = life_Thing_proxy_with(by_relay, &(struct pyr_proxy_options){ .own_link = true });
	CHECK_INT(life_Thing_items(reader, 100000, &stream), 0);
	CHECK_INT(life_Thing_items_next(stream, &ret), 1);
	relay_cut(&relay);
	CHECK_INT(life_Thing_add(life_Thing_with(other, &soon), 1, &ret), 0);
	pyr_stream_free(stream);
	life_Thing_free(reader);
	life_Thing_free(other);
	relay_close(&relay);
}

/* Whoever comes meanwhile waits for the whole of it. */
TEST(chains_of_many_callers_take_turns)
{
	struct life_Thing *callers[CALLERS];
	pyr_future *futures[CALLERS];
	int32_t n;
	int i, round;

	begin(THREADS);
	snprintf(other_uri, sizeof(other_uri), "%s",
		 life_Thing_register(far.daemon, "two", &thing_methods, &other_data));
	atomic_store(&things.n_most, 0);
	for (i = 0; i < CALLERS; i++)
		callers[i] = life_Thing_proxy(uri);
	for (round = 0; round < 5; round++) {
		thing_init(&other_data, &things);
		for (i = 0; i < CALLERS; i++)
			futures[i] = life_Thing_to_and_fro_start(callers[i], other_uri, uri, 6);
		for (i = 0; i < CALLERS; i++) {
			CHECK_INT(life_Thing_to_and_fro_get(futures[i], &n), 0);
			CHECK_INT(n, 6);
		}
	}
	for (i = 0; i < CALLERS; i++)
		life_Thing_free(callers[i]);
	finish();
}

BOTH(a_wait_for_a_turn_ends_with_deadline_and_cancel)
{
	pyr_future *first, *second;
	struct life_Thing *other = life_Thing_proxy(uri), *third;
	int32_t ret = -1;

	first = life_Thing_pass_start(proxy, 1);
	(void)pyr_future_is_ready(first);
	CHECK(things_reach(&things.n_inside, 1));
	CHECK_INT(life_Thing_add(
			  life_Thing_with(other, &(struct pyr_call_options){ .timeout_ms = 30 }), 7,
			  &ret),
		  -PYR_DEADLINE_EXCEEDED);
	second = life_Thing_add_start(other, 7);
	CHECK(!pyr_future_is_ready(second));
	pyr_future_cancel(second);
	CHECK_INT(life_Thing_add_get(second, &ret), -PYR_CANCELLED);
	third = life_Thing_proxy(plain_uri);
	CHECK_INT(pyr_proxy_bind(life_Thing_as_proxy(third)), 0); /* the daemon knows by then */
	life_Thing_free(third);
	things_open(&things, 1);
	CHECK_INT(life_Thing_pass_get(first), 0);
	CHECK_INT(life_Thing_add(other, 1, &ret), 0);
	CHECK_INT(ret, 1); /* neither has run */
	life_Thing_free(other);
}

BOTH(a_deferred_call_gives_its_turn_up_and_a_sleeping_one_does_not)
{
	pyr_future *deferred, *asleep;
	int32_t ret = 0;

	deferred = life_Thing_later_start(proxy);
	(void)pyr_future_is_ready(deferred);
	CHECK(things_logged(&things, "deferred "));
	CHECK_INT(life_Thing_add(proxy, 1, &ret), 0);
	CHECK_INT(life_Thing_later_reply(things.deferred, 5), 0);
	things.deferred = NULL;
	CHECK_INT(life_Thing_later_get(deferred, &ret), 0);
	CHECK_INT(ret, 5);
	asleep = life_Thing_doze_start(proxy, 50);
	(void)pyr_future_is_ready(asleep);
	CHECK_INT(life_Thing_add(proxy, 1, &ret), 0);
	CHECK(pyr_future_is_ready(asleep) || !"it was overtaken");
	CHECK_INT(life_Thing_doze_get(asleep), 0);
}

BOTH(a_method_with_a_stream_keeps_its_turn_while_it_waits_for_the_reader)
{
	pyr_stream *stream = NULL;
	pyr_future *waits;
	struct life_Thing *other = life_Thing_proxy(uri);
	int32_t ret, n = 0;

	CHECK_INT(life_Thing_items(proxy, 100000, &stream), 0);
	CHECK_INT(life_Thing_items_next(stream, &ret), 1);
	waits = life_Thing_add_start(other, 1);
	while (life_Thing_items_next(stream, &ret) == 1 && ++n < 5000)
		CHECK(!pyr_future_is_ready(waits) || !"it was overtaken");
	pyr_stream_free(stream); /* nobody reads on */
	CHECK_INT(life_Thing_add_get(waits, &ret), 0);
	life_Thing_free(other);
}

BOTH(calls_that_wait_when_their_object_is_unregistered_do_not_run)
{
	struct life_Thing *callers[CALLERS];
	pyr_future *first, *futures[CALLERS];
	int32_t ret;
	int i;

	first = life_Thing_pass_start(proxy, 2);
	(void)pyr_future_is_ready(first);
	CHECK(things_reach(&things.n_inside, 1));
	for (i = 0; i < CALLERS; i++) {
		callers[i] = life_Thing_proxy(uri);
		futures[i] = life_Thing_add_start(callers[i], 1);
		CHECK(!pyr_future_is_ready(futures[i]));
	}
	CHECK_INT(pyr_daemon_unregister(place.daemon, "one"), 0);
	things_open(&things, 2);
	CHECK_INT(life_Thing_pass_get(first), 0);
	for (i = 0; i < CALLERS; i++) {
		CHECK_INT(life_Thing_add_get(futures[i], &ret), -PYR_NOT_FOUND);
		life_Thing_free(callers[i]);
	}
	CHECK_INT(data.number, 0);
}

/* Those that have not begun by then are not answered by anybody else. */
BOTH(a_daemon_that_is_freed_ends_the_calls_that_wait)
{
	struct pyr_daemon_options options = { .threads = THREADS, .drain_ms = PYR_NONE };
	struct thing_place third;
	struct life_Thing *callers[CALLERS];
	pyr_future *futures[CALLERS];
	char there[128];
	int i, n_ran = 0, err;

	REQUIRE(thing_place_open(&third, &options));
	snprintf(there, sizeof(there), "%s", add_serial(&third, "three", &other_data));
	for (i = 0; i < CALLERS; i++) {
		callers[i] = life_Thing_proxy(there);
		futures[i] = life_Thing_pass_start(callers[i], 3);
		(void)pyr_future_is_ready(futures[i]);
		CHECK(things_reach(&things.n_inside, 1));
	}
	CHECK_INT(thing_place_close(&third), 0);
	for (i = 0; i < CALLERS; i++) {
		err = life_Thing_pass_get(futures[i]);
		CHECK(err == -PYR_UNAVAILABLE || err == -PYR_CANCELLED);
		n_ran += err == 0;
		life_Thing_free(callers[i]);
	}
	CHECK_INT(n_ran, 0);
}

BOTH(oneways_of_a_serial_object_keep_their_place)
{
	pyr_future *first = life_Thing_pass_start(proxy, 4);
	int i;

	(void)pyr_future_is_ready(first);
	CHECK(things_reach(&things.n_inside, 1));
	for (i = 0; i < 5; i++)
		CHECK_INT(life_Thing_post(proxy, i), 0); /* which waits for nothing */
	things_open(&things, 4);
	CHECK_INT(life_Thing_pass_get(first), 0);
	CHECK(things_logged(&things, "!0 !1 !2 !3 !4 "));
}

BOTH(a_batch_has_its_turn_as_one_call)
{
	pyr_batch *batch = pyr_batch_new(life_Thing_as_proxy(proxy));
	struct life_Thing *queued = life_Thing_batch(batch);
	int32_t results[10] = { 0 };
	int i;

	for (i = 0; i < 10; i++)
		CHECK_INT(life_Thing_add(queued, 1, &results[i]), 0);
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(results[9], 10);
	pyr_batch_free(batch);
}

/* An object that was not registered, called over the link of who has it. */
TEST(a_local_object_may_be_serial)
{
	struct life_Thing *server, *object;
	pyr_future *futures[4];
	int i;

	begin(THREADS);
	thing_init(&other_data, &things);
	object = life_Thing_object_with(place.daemon, &thing_methods, &other_data, thing_released,
					&(struct pyr_object_options){ .serial = true });
	server = life_Thing_proxy(plain_uri);
	for (i = 0; i < 4; i++)
		futures[i] = life_Thing_pass_start(object, 5);
	(void)pyr_future_is_ready(futures[0]);
	CHECK(things_reach(&things.n_inside, 1));
	things_open(&things, 5);
	for (i = 0; i < 4; i++)
		CHECK_INT(life_Thing_pass_get(futures[i]), 0);
	life_Thing_free(object);
	CHECK(things_reach(&things.n_gone, 1));
	life_Thing_free(server);
	finish();
}

TESTS(serial_objects, T(methods_of_a_serial_object_run_one_at_a_time_and_others_beside),
      T(calls_of_many_sessions_have_their_turns_in_order),
      T(a_call_that_comes_back_runs_while_its_caller_waits),
      T(two_serial_objects_of_one_daemon_call_each_other),
      T(a_call_that_comes_back_does_not_run_beside_its_caller),
      T(chains_of_many_callers_take_turns), T(calls_that_come_back_to_tasks_run_while_these_wait),
      T(a_stream_whose_link_is_lost_gives_its_turn_up_when_others_wait),
      T(a_wait_for_a_turn_ends_with_deadline_and_cancel),
      T(a_deferred_call_gives_its_turn_up_and_a_sleeping_one_does_not),
      T(a_method_with_a_stream_keeps_its_turn_while_it_waits_for_the_reader),
      T(calls_that_wait_when_their_object_is_unregistered_do_not_run),
      T(a_daemon_that_is_freed_ends_the_calls_that_wait),
      T(oneways_of_a_serial_object_keep_their_place), T(a_batch_has_its_turn_as_one_call),
      T(a_local_object_may_be_serial))
