/* SPDX-License-Identifier: MIT */
/* The objects of a daemon, listed: what each is, and that a list is one moment's. */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"

#include "servant.h"

#include <sched.h>

static struct place place;

/* The linker puts these in malloc()'s place and its like (tests.cmake): the n-th of this thread's
 * fails; 0: none. */
static _Thread_local int failing;

static bool fails(void)
{
	return failing > 0 && --failing == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return fails() ? NULL : __real_realloc(block, size);
}

static int add(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static const struct e2e_Other_methods other_methods = { .add = add };

static struct pyr_daemon_objects *listed(void)
{
	struct pyr_daemon_objects *all = NULL;

	REQUIRE(pyr_daemon_list(place.daemon, &all) == 0 && all != NULL);
	return all;
}

static uint64_t calls_of_work(void)
{
	struct pyr_daemon_objects *all = listed();
	uint64_t n;

	REQUIRE(all->n == 1);
	n = all->items[0]->n_calls;
	pyr_free(all);
	return n;
}

TEST(objects_are_listed_by_id_with_uri_and_interface)
{
	static const char *const ids[] = { "work", "a", "work2", "work.1", "B" };
	static const char *const sorted[] = { "B", "a", "work", "work.1", "work2" };
	struct pyr_daemon_objects *all;
	size_t i;

	REQUIRE(place_open(&place, NULL));
	for (i = 1; i < 5; i++)
		REQUIRE(e2e_Other_register(place.daemon, ids[i], &other_methods, NULL) != NULL);
	all = listed();
	REQUIRE(all->n == 5);
	for (i = 0; i < 5; i++) {
		CHECK_STR(all->items[i]->id, sorted[i]);
		CHECK_STR(all->items[i]->uri, pyr_daemon_uri(place.daemon, sorted[i]));
		CHECK_STR(all->items[i]->interface, i == 2 ? "e2e.Work" : "e2e.Other");
		CHECK_INT(all->items[i]->n_names, 0);
		CHECK_INT(all->items[i]->n_calls, 0);
	}
	pyr_free(all);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "a"), 0);
	all = listed();
	REQUIRE(all->n == 4);
	CHECK_STR(all->items[1]->id, "work");
	CHECK_INT(place_close(&place), 0);
	CHECK_STR(all->items[3]->id, "work2"); /* it is nobody's but ours */
	pyr_free(all);
}

TEST(methods_that_have_begun_are_counted)
{
	struct pyr_daemon_options options = { 0 };
	struct e2e_Work *work;
	pyr_batch *batch;
	int32_t sum;

	for (options.threads = 1; options.threads <= 2; options.threads++) {
		REQUIRE(place_open(&place, &options));
		work = e2e_Work_proxy(place.uri);
		CHECK_INT(calls_of_work(), 0);
		CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0);
		CHECK_INT(e2e_Work_miss(work, "it"), -PYR_NOT_FOUND); /* by its method */
		CHECK_INT(calls_of_work(), 2);
		CHECK_INT(e2e_Work_nobody(work), -PYR_UNIMPLEMENTED); /* there is no method */
		CHECK_INT(calls_of_work(), 2);
		batch = pyr_batch_new(e2e_Work_as_proxy(work));
		CHECK_INT(e2e_Work_add(e2e_Work_batch(batch), 1, 2, &sum), 0);
		CHECK_INT(e2e_Work_add(e2e_Work_batch(batch), 3, 4, &sum), 0);
		CHECK_INT(pyr_batch_run(batch), 0);
		pyr_batch_free(batch);
		CHECK_INT(calls_of_work(), 4);
		CHECK_INT(e2e_Work_at_once(work, 7, &sum), 0); /* deferred: once all the same */
		CHECK_INT(calls_of_work(), 5);
		e2e_Work_free(work);
		CHECK_INT(place_close(&place), 0);
	}
}

static void check_names(const struct pyr_daemon_object *object, const char *first,
			const char *second)
{
	CHECK_INT(object->n_names, second ? 2 : first ? 1 : 0);
	if (first && object->n_names > 0)
		CHECK_STR(object->names[0], first);
	if (second && object->n_names > 1)
		CHECK_STR(object->names[1], second);
}

TEST(an_object_s_names_are_those_that_this_process_holds)
{
	struct pyr_daemon_objects *all;
	pyr_daemon *other = pyr_daemon_new(NULL);
	pyr_ns *ns = locate();
	const char *uri;

	REQUIRE(place_open(&place, NULL));
	uri = e2e_Other_register(place.daemon, "wor", &other_methods, NULL);
	CHECK_INT(pyr_ns_register(ns, "z.work", place.uri), 0);
	CHECK_INT(pyr_ns_register(ns, "a.work", place.uri), 0);
	CHECK_INT(pyr_ns_register(ns, "m.wor", uri), 0);
	uri = e2e_Other_register(other, "work", &other_methods, NULL);
	CHECK_INT(pyr_ns_register(ns, "b.work", uri), 0); /* another daemon's */
	all = listed();
	REQUIRE(all->n == 2);
	check_names(all->items[0], "m.wor", NULL);
	check_names(all->items[1], "a.work", "z.work");
	pyr_free(all);
	CHECK_INT(pyr_ns_remove(ns, "a.work"), 0);
	CHECK_INT(pyr_ns_remove(ns, "m.wor"), 0);
	all = listed();
	check_names(all->items[0], NULL, NULL);
	check_names(all->items[1], "z.work", NULL);
	pyr_free(all);
	CHECK_INT(place_close(&place), 0);
	pyr_daemon_free(other);
	pyr_ns_free(ns);
}

TEST(a_daemon_without_objects_gives_an_empty_list)
{
	struct pyr_daemon_objects *all = NULL;

	REQUIRE(place_open(&place, NULL));
	CHECK_INT(pyr_daemon_unregister(place.daemon, "work"), 0);
	all = listed();
	CHECK_INT(all->n, 0);
	pyr_free(all);
	CHECK_INT(place_close(&place), 0);
	all = NULL;
	CHECK_INT(pyr_daemon_list(NULL, &all), -PYR_INVALID_ARGUMENT);
	CHECK(!all);
}

TEST(a_list_without_memory_is_an_error_that_changes_nothing)
{
	struct pyr_daemon_objects *all = NULL;
	pyr_ns *ns = locate();
	int nth, status;

	REQUIRE(place_open(&place, NULL));
	CHECK_INT(pyr_daemon_list(place.daemon, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_register(ns, "a.work", place.uri), 0);
	for (nth = 1; !all && nth < 20; nth++) {
		failing = nth;
		status = pyr_daemon_list(place.daemon, &all);
		failing = 0;
		CHECK_INT(status, all ? 0 : -PYR_RESOURCE_EXHAUSTED);
		if (!all)
			CHECK_INT(pyr_last_error()->code, PYR_RESOURCE_EXHAUSTED);
	}
	CHECK_INT(nth, 6); /* objects, texts, names, the list; then none failed */
	REQUIRE(all != NULL);
	check_names(all->items[0], "a.work", NULL);
	pyr_free(all);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "work"), 0);
	CHECK_INT(place_close(&place), 0);
	pyr_ns_free(ns);
}

/* ---- while objects come and go ---- */

enum { COMERS = 2, AT_A_TIME = 8, LISTS = 500, COME = 2000 };

static atomic_int n_failed, n_came, n_gone;
static atomic_bool is_enough;

static void count_gone(void *data)
{
	(void)data;
	atomic_fetch_add(&n_gone, 1);
}

static void come_and_go(int who, int round)
{
	char ids[AT_A_TIME][40];
	int i;

	for (i = 0; i < AT_A_TIME; i++) {
		snprintf(ids[i], sizeof(ids[i]), "comer-%d-%d-%d", who, round, i);
		if (!e2e_Other_register(place.daemon, ids[i], &other_methods, NULL) ||
		    pyr_daemon_set_destroy(place.daemon, ids[i], count_gone) < 0)
			atomic_fetch_add(&n_failed, 1);
		atomic_fetch_add(&n_came, 1);
	}
	for (i = 0; i < AT_A_TIME; i++)
		if (pyr_daemon_unregister(place.daemon, ids[i]) < 0)
			atomic_fetch_add(&n_failed, 1);
}

static void *comer(void *data)
{
	int round;

	for (round = 0; !atomic_load(&is_enough); round++)
		come_and_go(*(int *)data, round);
	return NULL;
}

/* Who stayed is in it, everybody once, and all belongs together. */
static void check_list(const struct pyr_daemon_objects *all)
{
	char uri[300];
	size_t i, n_stay = 0;

	for (i = 0; i < all->n; i++) {
		const struct pyr_daemon_object *object = all->items[i];

		if (i > 0)
			CHECK(strcmp(all->items[i - 1]->id, object->id) < 0);
		snprintf(uri, sizeof(uri), "PYRO:%s@%s", object->id,
			 pyr_daemon_address(place.daemon));
		CHECK_STR(object->uri, uri);
		n_stay += strncmp(object->id, "stays-", 6) == 0;
		CHECK(strncmp(object->id, "comer-", 6) != 0 ||
		      strcmp(object->interface, "e2e.Other") == 0);
	}
	CHECK_INT(n_stay, 2);
	CHECK(all->n <= 3 + COMERS * AT_A_TIME);
}

TEST(a_list_is_right_while_objects_come_and_go)
{
	static int who[COMERS];
	pthread_t threads[COMERS];
	struct pyr_daemon_objects *all;
	int i, n_lists = 0;

	REQUIRE(place_open(&place, NULL));
	e2e_Other_register(place.daemon, "stays-1", &other_methods, NULL);
	e2e_Other_register(place.daemon, "stays-2", &other_methods, NULL);
	for (i = 0; i < COMERS; i++) {
		who[i] = i;
		REQUIRE(pthread_create(&threads[i], NULL, comer, &who[i]) == 0);
	}
	while (n_lists < LISTS || atomic_load(&n_came) < COME) {
		all = listed();
		check_list(all);
		pyr_free(all);
		n_lists++;
		sched_yield();
	}
	atomic_store(&is_enough, true);
	for (i = 0; i < COMERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(atomic_load(&n_failed), 0);
	CHECK_INT(place_close(&place), 0);
	CHECK_INT(atomic_load(&n_gone), atomic_load(&n_came));
}

TESTS(daemon_list, T(objects_are_listed_by_id_with_uri_and_interface),
      T(methods_that_have_begun_are_counted),
      T(an_object_s_names_are_those_that_this_process_holds),
      T(a_daemon_without_objects_gives_an_empty_list),
      T(a_list_without_memory_is_an_error_that_changes_nothing),
      T(a_list_is_right_while_objects_come_and_go), T(the_name_server_ends_well))
