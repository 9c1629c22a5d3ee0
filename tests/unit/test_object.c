/* SPDX-License-Identifier: MIT */
#include "object/object.h"

#include "test.h"

#include <pyrite/pyrite.h>

#include "base/uri.h"
#include "engine/engine.h"

static int nothing(pyr_call *call, const void *methods, pyr__in *in, pyr__out *out)
{
	(void)call;
	(void)methods;
	(void)in;
	(void)out;
	return 0;
}

static const struct pyr__operation base_operations[] = {
	{ .name = "test.Base.who", .shim = nothing, .fingerprint = 1 },
};
static const struct pyr__operation derived_operations[] = {
	{ .name = "test.Base.who", .shim = nothing, .fingerprint = 1 },
	{ .name = "test.Derived.what", .shim = nothing, .fingerprint = 2 },
};
static const char *const bases[] = { "test.Base", NULL };
static const struct pyr__interface base = { PYR_GEN_ABI, "test.Base", base_operations, 1, 11,
					    NULL,        NULL };
static const struct pyr__interface derived = {
	PYR_GEN_ABI, "test.Derived", derived_operations, 2, 22, bases, NULL
};
static void (*const methods[2])(void);

static struct object *add(struct object_table *table, const struct pyr__interface *interface,
			  const char *id, int *code)
{
	return objects_add(table, codec_interface_get(interface), id, "127.0.0.1:9", methods, NULL,
			   code);
}

TEST(an_object_is_found_until_it_is_removed)
{
	struct object_table table;
	struct object *object, *found;
	int code = 0;

	REQUIRE(objects_init(&table) == 0);
	object = add(&table, &base, "bank", &code);
	REQUIRE(object != NULL);
	CHECK_STR(object->uri, "PYRO:bank@127.0.0.1:9");
	found = objects_find(&table, span_of("bank"));
	CHECK(found == object);
	CHECK(objects_find(&table, span_of("ban")) == NULL);
	CHECK(objects_find(&table, span_of("")) == NULL);
	CHECK(objects_find(&table, (struct span){ NULL, 0 }) == NULL);
	CHECK(objects_remove(&table, "bank"));
	CHECK(!objects_remove(&table, "bank"));
	CHECK(objects_find(&table, span_of("bank")) == NULL);
	CHECK(atomic_load(&found->is_gone)); /* who still has it can see so */
	CHECK_STR(found->id, "bank");
	object_unref(found);
	objects_free(&table);
}

TEST(an_id_is_there_once)
{
	struct object_table table;
	int code = 0;

	REQUIRE(objects_init(&table) == 0);
	CHECK(add(&table, &base, "bank", &code) != NULL);
	CHECK(add(&table, &derived, "bank", &code) == NULL);
	CHECK_INT(code, PYR_ALREADY_EXISTS);
	CHECK(objects_remove(&table, "bank"));
	CHECK(add(&table, &derived, "bank", &code) != NULL);
	objects_free(&table);
}

TEST(ids_that_are_made_here_are_long_and_differ)
{
	struct object_table table;
	struct object *one, *two;
	int code = 0;

	REQUIRE(objects_init(&table) == 0);
	one = add(&table, &base, NULL, &code);
	two = add(&table, &base, NULL, &code);
	REQUIRE(one && two);
	CHECK_INT(strlen(one->id), 36);
	CHECK_INT(strncmp(one->id, "obj_", 4), 0);
	CHECK(strcmp(one->id, two->id) != 0);
	objects_free(&table);
}

TEST(many_objects_are_found_as_few_are)
{
	enum { N = 5000 };
	struct object_table table;
	struct object *object;
	char id[32];
	int i, n_found = 0, code = 0;

	REQUIRE(objects_init(&table) == 0);
	for (i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "object-%d", i);
		REQUIRE(add(&table, &base, id, &code) != NULL);
	}
	for (i = 0; i < N; i += 2) {
		snprintf(id, sizeof(id), "object-%d", i);
		CHECK(objects_remove(&table, id));
	}
	for (i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "object-%d", i);
		object = objects_find(&table, span_of(id));
		CHECK((object != NULL) == (i % 2 == 1));
		n_found += object && strcmp(object->id, id) == 0;
		object_unref(object);
	}
	CHECK_INT(n_found, N / 2);
	CHECK_INT(table.n, N / 2);
	objects_free(&table);
}

static struct object *default_of(struct object_table *table, const char *interface, size_t *n)
{
	struct object *object = objects_default(table, span_of(interface), n);

	object_unref(object);
	return object;
}

static atomic_int n_released;

static void released(struct object *object)
{
	(void)object;
	atomic_fetch_add(&n_released, 1);
}

/* Its table does not count, and keeps the memory of those that are gone only until it grows. */
TEST(weak_objects_are_there_as_long_as_they_are_used)
{
	enum { N = 5000 };
	struct object_table table;
	struct object *object, **all;
	char id[32];
	int i;

	REQUIRE(objects_init(&table) == 0);
	atomic_store(&n_released, 0);
	for (i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "weak-%d", i);
		object = object_new(codec_interface_get(&base), id, "127.0.0.1:9", methods, NULL);
		REQUIRE(object != NULL);
		object->is_weak = object->is_listed = true;
		atomic_store(&object->on_unused, released);
		object_ref(object);
		CHECK_INT(objects_put(&table, object, false, false), 0);
		object_leave(object); /* its only user */
		CHECK(!object_enter(object));
		CHECK(object_is_gone(object));
		object_unref(object);
		CHECK(objects_find(&table, span_of(id)) == NULL);
	}
	CHECK_INT(atomic_load(&n_released), N);
	CHECK(table.n < 1000);
	CHECK_INT(objects_all(&table, &all), 0);
	free(all);
	CHECK(!objects_remove(&table, id));
	objects_free(&table);
}

TEST(the_only_object_of_an_interface_or_the_default_answers_for_it)
{
	struct object_table table;
	struct object *one, *two;
	int code = 0;
	size_t n;

	REQUIRE(objects_init(&table) == 0);
	CHECK(default_of(&table, "test.Base", &n) == NULL);
	CHECK_INT(n, 0);
	one = add(&table, &base, "one", &code);
	CHECK(default_of(&table, "test.Base", &n) == one);
	two = add(&table, &derived, "two", &code);
	CHECK(default_of(&table, "test.Base", &n) == NULL);
	CHECK_INT(n, 2);
	CHECK(default_of(&table, "test.Derived", &n) == two);
	CHECK(objects_set_default(&table, "one"));
	CHECK(default_of(&table, "test.Base", &n) == one);
	CHECK(objects_set_default(&table, "two"));
	CHECK(default_of(&table, "test.Base", &n) == two);
	CHECK(!objects_set_default(&table, "three"));
	CHECK(default_of(&table, "test.Other", &n) == NULL);
	objects_free(&table);
}

TEST(an_operation_has_the_names_of_its_interface_and_of_those_that_inherit_it)
{
	struct object_table table;
	struct object *object;
	int code = 0;

	REQUIRE(objects_init(&table) == 0);
	object = add(&table, &derived, "o", &code);
	REQUIRE(object != NULL);
	CHECK_INT(object_operation(object, span_of("test.Base.who")), 0);
	CHECK_INT(object_operation(object, span_of("test.Derived.who")), 0);
	CHECK_INT(object_operation(object, span_of("test.Derived.what")), 1);
	CHECK_INT(object_operation(object, span_of("test.Other.what")), -1);
	CHECK_INT(object_operation(object, span_of("what")), -1);
	CHECK_INT(object_operation(object, span_of(".what")), -1);
	CHECK_INT(object_operation(object, span_of("test.Derived.")), -1);
	CHECK_INT(object_operation(object, span_of("")), -1);
	objects_free(&table);
}

static struct object_table shared;

static void *come_and_go(void *data)
{
	char id[32];
	int code, i;

	for (i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "%d-%d", (int)(intptr_t)data, i % 50);
		if (!add(&shared, &base, id, &code))
			objects_remove(&shared, id);
		object_unref(objects_find(&shared, span_of("0-1")));
	}
	return NULL;
}

TEST(threads_may_add_find_and_remove_at_once)
{
	pthread_t threads[4];
	int i;

	REQUIRE(objects_init(&shared) == 0);
	for (i = 0; i < 4; i++)
		REQUIRE(engine_thread(&threads[i], come_and_go, (void *)(intptr_t)i) == 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(shared.n <= 200);
	objects_free(&shared);
}

TESTS(object, T(an_object_is_found_until_it_is_removed), T(an_id_is_there_once),
      T(ids_that_are_made_here_are_long_and_differ), T(many_objects_are_found_as_few_are),
      T(weak_objects_are_there_as_long_as_they_are_used),
      T(the_only_object_of_an_interface_or_the_default_answers_for_it),
      T(an_operation_has_the_names_of_its_interface_and_of_those_that_inherit_it),
      T(threads_may_add_find_and_remove_at_once))
