/* SPDX-License-Identifier: MIT */
/* Objects that have an instance for each session, for each call, or one that the first call makes.
 */
#include "thing.h"

#include "relay.h"
#include "test.h"

#include <sched.h>
#include <stdio.h>

enum { CALLS = 8 };

static struct things things;
static struct thing_place place;
static char uri[128];
static struct life_Thing *a, *b;
static int n_registered;

static void begin_with(unsigned threads, const struct pyr_register_options *options)
{
	things_init(&things);
	n_registered = 1;
	REQUIRE(thing_place_open(&place, &(struct pyr_daemon_options){ .threads = threads }));
	snprintf(uri, sizeof(uri), "%s",
		 life_Thing_register_with(place.daemon, "thing", &thing_methods, &things, options));
	a = life_Thing_proxy(uri);
	b = life_Thing_proxy(uri);
	REQUIRE(a && b);
}

static void begin(unsigned threads, enum pyr_instance_mode mode)
{
	begin_with(threads, &(struct pyr_register_options){ .mode = mode,
							    .create = thing_create,
							    .destroy = things_destroy,
							    .destroy_instance = thing_destroy });
}

/* All that was made is gone by then, and what it was made of after it. */
static void finish(void)
{
	life_Thing_free(a);
	life_Thing_free(b);
	CHECK_INT(thing_place_close(&place), 0);
	CHECK_INT(atomic_load(&things.n_gone), atomic_load(&things.n_made));
	CHECK_INT(atomic_load(&things.n_over), n_registered);
	CHECK_STR(things.log + strlen(things.log) - 5, "over ");
	things_fini(&things);
}

/* A pool, and a serial daemon. */
#define BOTH(name, mode)                                                                           \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		begin(4, mode);                                                                    \
		name##_body();                                                                     \
		finish();                                                                          \
		begin(1, mode);                                                                    \
		name##_body();                                                                     \
		finish();                                                                          \
	}                                                                                          \
	static void name##_body(void)

/* ---- a session's ---- */

BOTH(c5_each_session_has_its_own_instance, PYR_PER_SESSION)
{
	int32_t n = 0;

	CHECK_INT(atomic_load(&things.n_made), 0); /* nobody has called */
	CHECK_INT(life_Thing_add(a, 1, &n), 0);
	CHECK_INT(life_Thing_add(a, 2, &n), 0);
	CHECK_INT(n, 3);
	CHECK_INT(life_Thing_add(b, 10, &n), 0);
	CHECK_INT(n, 10);
	CHECK_INT(atomic_load(&things.n_made), 2);
	CHECK_INT(atomic_load(&things.n_gone), 0);
	pyr_proxy_release(life_Thing_as_proxy(a));
	CHECK(things_reach(&things.n_gone, 1));
	CHECK(things_logged(&things, "end 1 "));
	CHECK_INT(life_Thing_add(a, 1, &n), 0); /* a session anew */
	CHECK_INT(n, 1);
	CHECK_INT(life_Thing_which(a, &n), 0);
	CHECK_INT(n, 3);
	CHECK_INT(life_Thing_add(b, 1, &n), 0);
	CHECK_INT(n, 11);
}

BOTH(c5_calls_that_come_together_make_one_instance, PYR_PER_SESSION)
{
	pyr_future *futures[CALLS];
	int32_t n = 0, sum = 0;
	int i;

	for (i = 0; i < CALLS; i++)
		futures[i] = life_Thing_add_start(a, 1);
	for (i = 0; i < CALLS; i++) {
		CHECK_INT(life_Thing_add_get(futures[i], &n), 0);
		sum = n > sum ? n : sum;
	}
	CHECK_INT(atomic_load(&things.n_made), 1);
	CHECK(sum <= CALLS);
}

/* Once it is there, its methods run side by side. */
TEST(methods_of_an_instance_run_side_by_side_unless_it_is_serial)
{
	struct pyr_register_options options = { .mode = PYR_PER_SESSION,
						.create = thing_create,
						.destroy = things_destroy,
						.destroy_instance = thing_destroy };
	pyr_future *futures[3], *other;
	int i, round;

	for (round = 0; round < 2; round++) {
		options.serial = round;
		begin_with(4, &options);
		for (i = 0; i < 3; i++)
			futures[i] = life_Thing_pass_start(a, 0);
		(void)pyr_future_is_ready(futures[0]);
		CHECK(things_reach(&things.n_inside, round ? 1 : 3));
		other = life_Thing_pass_start(b, 0); /* of another instance: beside */
		(void)pyr_future_is_ready(other);
		CHECK(things_reach(&things.n_inside, round ? 2 : 4));
		things_open(&things, 0);
		for (i = 0; i < 3; i++)
			CHECK_INT(life_Thing_pass_get(futures[i]), 0);
		CHECK_INT(life_Thing_pass_get(other), 0);
		CHECK_INT(atomic_load(&things.n_most), round ? 1 : 3);
		finish();
	}
}

BOTH(c8_what_create_refuses_is_the_calls_error_and_the_next_tries_again, PYR_PER_SESSION)
{
	const struct life_Refused *refused;
	int32_t n = 0;

	atomic_store(&things.refuse, 2);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(life_Thing_add(a, 1, &n), -PYR_ABORTED);
		refused = life_Refused_caught();
		CHECK(refused && strcmp(refused->why, "not now") == 0);
		CHECK_HAS(pyr_last_error()->trace, "thing.c:");
	}
	CHECK_INT(atomic_load(&things.n_made), 0);
	CHECK_INT(life_Thing_add(a, 1, &n), 0);
	CHECK_INT(n, 1);
	CHECK_INT(atomic_load(&things.n_made), 1);
}

BOTH(c5_a_batch_works_with_the_instance_of_its_session, PYR_PER_SESSION)
{
	pyr_batch *batch = pyr_batch_new(life_Thing_as_proxy(a));
	struct life_Thing *queued = life_Thing_batch(batch);
	int32_t results[5] = { 0 }, n = 0;
	int i;

	for (i = 0; i < 5; i++)
		CHECK_INT(life_Thing_add(queued, 1, &results[i]), 0);
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(results[4], 5);
	pyr_batch_free(batch);
	CHECK_INT(life_Thing_add(a, 1, &n), 0);
	CHECK_INT(n, 6);
	CHECK_INT(atomic_load(&things.n_made), 1);
}

BOTH(an_instance_goes_when_its_connection_is_cut, PYR_PER_SESSION)
{
	struct pyr_proxy_options own = { .own_link = true };
	struct life_Thing *c;
	struct relay relay;
	char by_relay[200];
	pyr_future *runs;
	int32_t n = 0;
	int err;

	REQUIRE(relay_open(&relay, pyr_daemon_address(place.daemon)));
	snprintf(by_relay, sizeof(by_relay), "PYRO:thing@%s", relay.address);
	c = life_Thing_proxy_with(by_relay, &own);
	CHECK_INT(life_Thing_add(c, 1, &n), 0);
	relay_cut(&relay);
	CHECK(things_reach(&things.n_gone, 1));
	while ((err = life_Thing_add(c, 1, &n)) == -PYR_UNAVAILABLE)
		; /* this end has not heard of it */
	CHECK_INT(err, 0);
	CHECK_INT(n, 1); /* of another */
	runs = life_Thing_pass_start(c, 1);
	(void)pyr_future_is_ready(runs);
	CHECK(things_reach(&things.n_inside, 1));
	relay_cut(&relay); /* the method is told, and the instance stays for it */
	CHECK(things_reach(&things.n_gone, 2));
	CHECK_INT(life_Thing_pass_get(runs), -PYR_UNAVAILABLE);
	life_Thing_free(c);
	relay_close(&relay);
}

BOTH(resources_of_a_session_are_closed_before_its_instance_goes, PYR_PER_SESSION)
{
	CHECK_INT(life_Thing_hold(a, 3), 0);
	pyr_proxy_release(life_Thing_as_proxy(a));
	CHECK(things_logged(&things, "end 1 "));
	CHECK_STR(things.log, "closed closed closed end 1 ");
}

BOTH(an_instance_stays_for_a_deferred_call_of_a_session_that_is_over, PYR_PER_SESSION)
{
	pyr_future *future = life_Thing_later_start(a);

	(void)pyr_future_is_ready(future);
	CHECK(things_logged(&things, "deferred "));
	pyr_proxy_release(life_Thing_as_proxy(a));
	CHECK_INT(life_Thing_later_get(future, NULL), -PYR_CANCELLED);
	CHECK(pyr_call_data(pyr_deferred_call(things.deferred)) != NULL);
	CHECK_INT(atomic_load(&things.n_gone), 0);
	CHECK_INT(life_Thing_later_reply(things.deferred, 1), 0);
	things.deferred = NULL;
	CHECK(things_reach(&things.n_gone, 1));
}

BOTH(an_object_that_is_registered_anew_makes_instances_of_its_own, PYR_PER_SESSION)
{
	const char *end;
	int32_t n = 0;

	CHECK_INT(life_Thing_add(a, 5, &n), 0);
	CHECK(life_Thing_register_with(
		      place.daemon, "thing", &thing_methods, &things,
		      &(struct pyr_register_options){ .replace = true,
						      .mode = PYR_PER_SESSION,
						      .create = thing_create,
						      .destroy = things_destroy,
						      .destroy_instance = thing_destroy }) != NULL);
	CHECK_INT(life_Thing_add(a, 1, &n), 0);
	CHECK_INT(n, 1);
	CHECK(things_logged(&things, "over ")); /* of the one before, and after its instance */
	end = strstr(things.log, "end 1 ");
	CHECK(end && end < strstr(things.log, "over "));
	n_registered++;
	CHECK_INT(life_Thing_which(a, &n), 0);
	CHECK_INT(n, 2);
}

/* ---- what create may do ---- */

static char seen[256];

static int look(pyr_call *call, void *data, void **ret)
{
	pyr_deferred *deferred = NULL;
	struct life_Thing *self;
	int32_t n;
	int err;

	(void)data;
	(void)ret;
	CHECK(pyr_call_current() == call);
	CHECK(pyr_call_data(call) == NULL);
	CHECK_INT(pyr_call_defer(call, &deferred), -PYR_FAILED_PRECONDITION);
	snprintf(seen, sizeof(seen), "%s %s", pyr_call_operation(call), pyr_call_session(call));
	self = life_Thing_proxy(uri); /* another session: that has another instance */
	things.first = NULL;
	err = life_Thing_which(self, &n);
	CHECK_INT(err, 0);
	life_Thing_free(self);
	CHECK_INT(life_Thing_which(a, &n), -PYR_FAILED_PRECONDITION); /* its own */
	CHECK_HAS(pyr_errmsg(), "what creates its instance calls it");
	return 0;
}

BOTH(c8_create_may_ask_who_calls_and_make_calls, PYR_PER_SESSION)
{
	int32_t n = 0;

	things.first = look;
	CHECK_INT(life_Thing_add(a, 1, &n), 0);
	CHECK_INT(n, 1);
	CHECK_HAS(seen, "life.Thing.add ");
	CHECK(strlen(seen) > strlen("life.Thing.add "));
	CHECK_INT(atomic_load(&things.n_made), 2);
}

static atomic_int n_creating, may_create;

static int slowly(pyr_call *call, void *data, void **ret)
{
	(void)call;
	(void)data;
	(void)ret;
	atomic_fetch_add(&n_creating, 1);
	while (!atomic_load(&may_create))
		sched_yield();
	return 0;
}

/* Of two threads, one creates: the other is there for everybody else. */
TEST(calls_that_wait_for_an_instance_block_no_thread)
{
	struct life_Thing *plain;
	struct thing data;
	pyr_future *futures[CALLS];
	int32_t n;
	int i;

	begin(2, PYR_PER_SESSION);
	thing_init(&data, &things);
	atomic_store(&n_creating, 0);
	atomic_store(&may_create, 0);
	things.first = slowly;
	plain = life_Thing_proxy(life_Thing_register(place.daemon, "plain", &thing_methods, &data));
	for (i = 0; i < CALLS; i++)
		futures[i] = life_Thing_add_start(a, 1);
	(void)pyr_future_is_ready(futures[0]);
	CHECK(things_reach(&n_creating, 1));
	for (i = 0; i < 20; i++)
		CHECK_INT(life_Thing_which(plain, &n), 0);
	CHECK_INT(atomic_load(&n_creating), 1);
	atomic_store(&may_create, 1);
	for (i = 0; i < CALLS; i++)
		CHECK_INT(life_Thing_add_get(futures[i], &n), 0);
	CHECK_INT(atomic_load(&n_creating), 1);
	life_Thing_free(plain);
	atomic_fetch_sub(&things.n_made, 1); /* data */
	finish();
}

/* ---- a call's ---- */

BOTH(c7_each_call_has_its_own_instance, PYR_PER_CALL)
{
	int32_t n = 0, i;

	for (i = 1; i < 4; i++) {
		CHECK_INT(life_Thing_add(a, 7, &n), 0);
		CHECK_INT(n, 7);
		CHECK(things_reach(&things.n_gone, i));
	}
	CHECK_INT(atomic_load(&things.n_made), 3);
	CHECK_INT(life_Thing_post(a, 1), 0);
	CHECK(things_logged(&things, "!1 end 4 "));
	atomic_store(&things.refuse, 1);
	CHECK_INT(life_Thing_add(a, 1, &n), -PYR_ABORTED);
	CHECK_INT(atomic_load(&things.n_made), 4);
}

BOTH(c7_a_deferred_calls_instance_stays_until_the_answer, PYR_PER_CALL)
{
	pyr_future *future = life_Thing_later_start(a);
	int32_t n = 0;

	(void)pyr_future_is_ready(future);
	CHECK(things_logged(&things, "deferred "));
	CHECK_INT(life_Thing_which(a, &n), 0);
	CHECK(things_reach(&things.n_gone, 1));
	CHECK_INT(life_Thing_later_reply(things.deferred, 1), 0);
	things.deferred = NULL;
	CHECK_INT(life_Thing_later_get(future, &n), 0);
	CHECK(things_reach(&things.n_gone, 2));
	CHECK(things_logged(&things, "end 2 end 1 "));
}

BOTH(c7_each_call_of_a_batch_has_its_own_instance, PYR_PER_CALL)
{
	pyr_batch *batch = pyr_batch_new(life_Thing_as_proxy(a));
	struct life_Thing *queued = life_Thing_batch(batch);
	int32_t results[5] = { 0 };
	int i;

	for (i = 0; i < 5; i++)
		CHECK_INT(life_Thing_add(queued, 1, &results[i]), 0);
	CHECK_INT(pyr_batch_run(batch), 0);
	CHECK_INT(results[4], 1);
	pyr_batch_free(batch);
	CHECK(things_reach(&things.n_gone, 5));
}

/* ---- one for all ---- */

BOTH(c6_a_single_instance_is_made_by_the_first_call, PYR_SINGLE)
{
	pyr_future *futures[2 * CALLS];
	int32_t n = 0;
	int i;

	CHECK_INT(atomic_load(&things.n_made), 0);
	for (i = 0; i < CALLS; i++) {
		futures[2 * i] = life_Thing_which_start(a);
		futures[2 * i + 1] = life_Thing_which_start(b);
	}
	for (i = 0; i < 2 * CALLS; i++) {
		CHECK_INT(life_Thing_which_get(futures[i], &n), 0);
		CHECK_INT(n, 1);
	}
	CHECK_INT(atomic_load(&things.n_made), 1);
	pyr_proxy_release(life_Thing_as_proxy(a));
	CHECK_INT(life_Thing_which(b, &n), 0);
	CHECK_INT(atomic_load(&things.n_gone), 0);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "thing"), 0);
	CHECK(things_reach(&things.n_gone, 1));
	CHECK(things_logged(&things, "end 1 over "));
	CHECK_INT(life_Thing_which(b, &n), -PYR_NOT_FOUND);
}

TEST(c4_modes_that_cannot_be_are_refused)
{
	struct pyr_register_options options = { .mode = (enum pyr_instance_mode)3 };

	begin(4, PYR_SINGLE);
	CHECK(!life_Thing_register_with(place.daemon, "x", &thing_methods, &things, &options));
	CHECK_HAS(pyr_errmsg(), "invalid instance mode: 3");
	options.mode = PYR_PER_SESSION;
	CHECK(!life_Thing_register_with(place.daemon, "x", &thing_methods, &things, &options));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "create");
	options = (struct pyr_register_options){ .destroy_instance = thing_destroy };
	CHECK(!life_Thing_register_with(place.daemon, "x", &thing_methods, &things, &options));
	options = (struct pyr_register_options){ .destroy = things_destroy };
	CHECK(!life_Thing_register_with(place.daemon, "thing", &thing_methods, &things, &options));
	CHECK_INT(pyr_last_error()->code, PYR_ALREADY_EXISTS);
	CHECK_INT(atomic_load(&things.n_over), 0); /* what was not registered is not destroyed */
	CHECK(life_Thing_register_with(place.daemon, "x", &thing_methods, &things, NULL) != NULL);
	finish();
}

/* ---- many ---- */

enum { SESSIONS = 200 };

BOTH(instances_are_as_many_as_sessions_and_all_go, PYR_PER_SESSION)
{
	struct life_Thing *many[SESSIONS];
	int32_t n;
	int i;

	for (i = 0; i < SESSIONS; i++) {
		many[i] = life_Thing_proxy(uri);
		CHECK_INT(life_Thing_add(many[i], i, &n), 0);
		CHECK_INT(n, i);
	}
	CHECK_INT(atomic_load(&things.n_made), SESSIONS);
	for (i = 0; i < SESSIONS; i++)
		life_Thing_free(many[i]);
	CHECK(things_reach(&things.n_gone, SESSIONS));
	things.log[0] = '\0';
}

TESTS(instances, T(c5_each_session_has_its_own_instance),
      T(c5_calls_that_come_together_make_one_instance),
      T(methods_of_an_instance_run_side_by_side_unless_it_is_serial),
      T(c8_what_create_refuses_is_the_calls_error_and_the_next_tries_again),
      T(c5_a_batch_works_with_the_instance_of_its_session),
      T(an_instance_goes_when_its_connection_is_cut),
      T(resources_of_a_session_are_closed_before_its_instance_goes),
      T(an_instance_stays_for_a_deferred_call_of_a_session_that_is_over),
      T(an_object_that_is_registered_anew_makes_instances_of_its_own),
      T(c8_create_may_ask_who_calls_and_make_calls),
      T(calls_that_wait_for_an_instance_block_no_thread), T(c7_each_call_has_its_own_instance),
      T(c7_a_deferred_calls_instance_stays_until_the_answer),
      T(c7_each_call_of_a_batch_has_its_own_instance),
      T(c6_a_single_instance_is_made_by_the_first_call), T(c4_modes_that_cannot_be_are_refused),
      T(instances_are_as_many_as_sessions_and_all_go))
