/* SPDX-License-Identifier: MIT */
/* Objects that are registered only as long as somebody has them; and others that are found, or go,
 * in other ways than by their id. */
#include "thing.h"

#include "test.h"

#include "object/object.h"

/* Else what is passed in this process would be found at once, and not go over a link. */
static bool is_elsewhere;
struct object *__real_reference_find_home(const uint8_t *id);
struct object *__wrap_reference_find_home(const uint8_t *id);

struct object *__wrap_reference_find_home(const uint8_t *id)
{
	return is_elsewhere ? NULL : __real_reference_find_home(id);
}

static struct things things;
static struct thing data;
static struct thing_place place, other_place;
static struct life_Thing *object, *proxy;

static void begin(unsigned threads)
{
	things_init(&things);
	thing_init(&data, &things);
	REQUIRE(thing_place_open(&place, &(struct pyr_daemon_options){ .threads = threads }));
	object = life_Thing_object_with(place.daemon, &thing_methods, &data, thing_released,
					&(struct pyr_object_options){ .id = "weak" });
	REQUIRE(object != NULL);
	proxy = life_Thing_proxy(pyr_daemon_uri(place.daemon, "weak"));
	REQUIRE(proxy != NULL);
}

static void finish(void)
{
	life_Thing_free(object);
	life_Thing_free(proxy);
	CHECK_INT(thing_place_close(&place), 0);
	CHECK_INT(atomic_load(&things.n_gone), 1);
	things_fini(&things);
}

#define BOTH(name)                                                                                 \
	static void name##_body(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		begin(4);                                                                          \
		name##_body();                                                                     \
		finish();                                                                          \
		begin(1);                                                                          \
		name##_body();                                                                     \
		finish();                                                                          \
	}                                                                                          \
	static void name##_body(void)

BOTH(c10_a_weak_object_is_unregistered_when_its_owner_frees_it)
{
	int32_t n = 0;

	CHECK_INT(life_Thing_add(proxy, 1, &n), 0);
	CHECK_INT(life_Thing_add(object, 1, &n), 0);
	CHECK_INT(n, 2);
	life_Thing_free(object);
	object = NULL;
	CHECK(things_reach(&things.n_gone, 1));
	CHECK_INT(life_Thing_add(proxy, 1, &n), -PYR_NOT_FOUND);
	CHECK(pyr_daemon_uri(place.daemon, "weak") == NULL);
	CHECK(!life_Thing_object_of(place.daemon, "weak"));
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "weak"), -PYR_NOT_FOUND);
}

BOTH(c10_its_id_is_free_then_and_proxies_find_the_next_one)
{
	struct thing next;
	int32_t n = 0;

	CHECK_INT(life_Thing_add(proxy, 1, &n), 0);
	CHECK(!life_Thing_register(place.daemon, "weak", &thing_methods, &next));
	CHECK_INT(pyr_last_error()->code, PYR_ALREADY_EXISTS);
	life_Thing_free(object);
	object = NULL;
	CHECK(things_reach(&things.n_gone, 1));
	thing_init(&next, &things);
	CHECK(life_Thing_register(place.daemon, "weak", &thing_methods, &next) != NULL);
	CHECK_INT(life_Thing_which(proxy, &n), 0);
	CHECK_INT(n, 2);
	pyr_proxy_release(life_Thing_as_proxy(proxy));
	CHECK_INT(life_Thing_which(proxy, &n), 0);
}

BOTH(c10_a_call_that_runs_and_a_reference_keep_it)
{
	struct life_Thing *kept = life_Thing_object_of(place.daemon, "weak");
	pyr_future *runs = life_Thing_pass_start(proxy, 1);
	int32_t n = 0;

	(void)pyr_future_is_ready(runs);
	CHECK(things_reach(&things.n_inside, 1));
	life_Thing_free(object);
	object = NULL;
	life_Thing_free(kept);
	CHECK_INT(atomic_load(&things.n_gone), 0);
	kept = life_Thing_object_of(place.daemon, "weak"); /* its call has it */
	CHECK(kept != NULL);
	things_open(&things, 1);
	CHECK_INT(life_Thing_pass_get(runs), 0);
	CHECK_INT(life_Thing_add(proxy, 3, &n), 0);
	CHECK_INT(n, 3);
	CHECK_INT(atomic_load(&things.n_gone), 0);
	life_Thing_free(kept);
	CHECK(things_reach(&things.n_gone, 1));
}

/* Its references go on. */
BOTH(a_weak_object_may_be_unregistered_before)
{
	int32_t n = 0;

	CHECK_INT(life_Thing_add(proxy, 1, &n), 0);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "weak"), 0);
	CHECK_INT(life_Thing_add(proxy, 1, &n), -PYR_NOT_FOUND);
	CHECK_INT(life_Thing_add(object, 1, &n), 0);
	CHECK_INT(n, 2);
	CHECK_INT(atomic_load(&things.n_gone), 0);
}

TEST(weak_objects_need_an_id_that_is_free_and_a_daemon)
{
	struct pyr_object_options options = { .id = "weak" };
	struct thing spare = { 0 };

	begin(4);
	CHECK(!life_Thing_object_with(place.daemon, &thing_methods, &spare, thing_released,
				      &options));
	CHECK_INT(pyr_last_error()->code, PYR_ALREADY_EXISTS); /* and nothing is released */
	CHECK(!life_Thing_object_with(NULL, &thing_methods, &spare, thing_released, &options));
	CHECK_HAS(pyr_errmsg(), "daemon");
	options.id = "no id";
	CHECK(!life_Thing_object_with(place.daemon, &thing_methods, &spare, thing_released,
				      &options));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	finish();
}

/* Its data outlive the daemon's table, and its owner may free it later. */
TEST(a_weak_object_may_outlive_its_daemon)
{
	begin(4);
	life_Thing_free(proxy);
	proxy = NULL;
	CHECK_INT(thing_place_close(&place), 0);
	CHECK_INT(atomic_load(&things.n_gone), 0);
	life_Thing_free(object);
	CHECK(things_reach(&things.n_gone, 1));
	things_fini(&things);
}

/* ---- data in two daemons; by data; by id ---- */

TEST(g14_an_object_may_be_registered_in_two_daemons)
{
	struct life_Thing *there;
	int32_t n = 0;

	begin(4);
	REQUIRE(thing_place_open(&other_place, NULL));
	CHECK(life_Thing_register(place.daemon, "same", &thing_methods, &data) != NULL);
	there = life_Thing_proxy(
		life_Thing_register(other_place.daemon, "same", &thing_methods, &data));
	CHECK_INT(life_Thing_add(object, 1, &n), 0);
	CHECK_INT(life_Thing_add(there, 1, &n), 0);
	CHECK_INT(n, 2);
	CHECK_INT(pyr_daemon_unregister_data(place.daemon, &data), 0);
	CHECK(pyr_daemon_uri(place.daemon, "same") == NULL);
	CHECK_INT(life_Thing_add(there, 1, &n), 0); /* each daemon has its own */
	life_Thing_free(there);
	CHECK_INT(thing_place_close(&other_place), 0);
	finish();
}

BOTH(c11_objects_are_unregistered_by_their_data)
{
	static struct thing own;
	struct life_Thing *x;
	int32_t n = 0;

	thing_init(&own, &things);
	x = life_Thing_proxy(life_Thing_register(place.daemon, "x", &thing_methods, &own));
	CHECK(life_Thing_register(place.daemon, "y", &thing_methods, &own) != NULL);
	CHECK_INT(life_Thing_add(x, 1, &n), 0);
	CHECK_INT(pyr_daemon_unregister_data(place.daemon, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_daemon_unregister_data(place.daemon, &things), -PYR_NOT_FOUND);
	CHECK_INT(pyr_daemon_unregister_data(place.daemon, &own), 0);
	CHECK_INT(life_Thing_add(x, 1, &n), -PYR_NOT_FOUND);
	CHECK(pyr_daemon_uri(place.daemon, "y") == NULL);
	CHECK_INT(pyr_daemon_unregister_data(place.daemon, &own), -PYR_NOT_FOUND);
	CHECK_INT(life_Thing_add(proxy, 1, &n), 0); /* of other data */
	life_Thing_free(x);
}

BOTH(c9_an_object_takes_the_place_of_another_if_it_is_told)
{
	struct pyr_register_options options = { .replace = true, .destroy = things_destroy };
	struct life_Thing *x;
	struct thing first, second;
	int32_t n = 0;

	thing_init(&first, &things);
	thing_init(&second, &things);
	CHECK(life_Thing_register(place.daemon, "x", &thing_methods, &first) != NULL);
	x = life_Thing_proxy(pyr_daemon_uri(place.daemon, "x"));
	CHECK_INT(life_Thing_which(x, &n), 0);
	CHECK_INT(n, 2);
	options.destroy = NULL;
	CHECK(life_Thing_register_with(place.daemon, "x", &thing_methods, &second, &options) !=
	      NULL);
	CHECK_INT(life_Thing_which(x, &n), 0); /* in the same session */
	CHECK_INT(n, 3);
	life_Thing_free(x);
}

/* ---- references ---- */

/* What a session of the other end holds is closed when that gives its reference back. */
BOTH(f6_resources_of_a_passed_object_are_closed_when_it_is_given_back)
{
	struct thing mine;
	struct life_Thing *passed;

	thing_init(&mine, &things);
	passed = life_Thing_object(NULL, &thing_methods, &mine, NULL);
	is_elsewhere = true;
	CHECK_INT(life_Thing_keep(proxy, passed), 0);
	is_elsewhere = false;
	CHECK_INT(life_Thing_hold_kept(proxy, 2), 0);
	CHECK_STR(things.log, "");
	CHECK_INT(life_Thing_let_go(proxy), 0);
	CHECK(things_logged(&things, "closed closed "));
	life_Thing_free(passed);
}

/* A registered object that is passed over a link runs where it is at home. */
BOTH(a_registered_object_that_was_passed_runs_in_its_daemons_threads)
{
	struct thing_place home;
	struct thing mine;
	struct life_Thing *passed;

	thing_init(&mine, &things);
	REQUIRE(thing_place_open(&home, &(struct pyr_daemon_options){ .threads = 1 }));
	CHECK(life_Thing_register(home.daemon, "mine", &thing_methods, &mine) != NULL);
	passed = life_Thing_object_of(home.daemon, "mine");
	is_elsewhere = true;
	CHECK_INT(life_Thing_keep(proxy, passed), 0);
	is_elsewhere = false;
	mine.things = &(struct things){ .n_most = 0 };
	things_init(mine.things);
	CHECK_INT(life_Thing_hold_kept(proxy, 0), 0);
	CHECK(pthread_equal(atomic_load(&mine.things->last_thread), home.thread));
	CHECK_INT(life_Thing_let_go(proxy), 0);
	life_Thing_free(passed);
	CHECK_INT(thing_place_close(&home), 0);
	things_fini(mine.things);
}

TESTS(weak, T(c10_a_weak_object_is_unregistered_when_its_owner_frees_it),
      T(c10_its_id_is_free_then_and_proxies_find_the_next_one),
      T(c10_a_call_that_runs_and_a_reference_keep_it), T(a_weak_object_may_be_unregistered_before),
      T(weak_objects_need_an_id_that_is_free_and_a_daemon), T(a_weak_object_may_outlive_its_daemon),
      T(g14_an_object_may_be_registered_in_two_daemons),
      T(c11_objects_are_unregistered_by_their_data),
      T(c9_an_object_takes_the_place_of_another_if_it_is_told),
      T(f6_resources_of_a_passed_object_are_closed_when_it_is_given_back),
      T(a_registered_object_that_was_passed_runs_in_its_daemons_threads))
