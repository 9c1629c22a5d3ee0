/* SPDX-License-Identifier: MIT */
/* What is counted of operations. */
#include "tally/tally.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "test.h"

enum { THREADS = 4, TIMES = 20000 };

static const struct pyr__operation operations[2] = { { .name = "a.B.x" }, { .name = "a.B.y" } };
static const struct pyr__interface interface = { .name = "a.B",
						 .operations = operations,
						 .n_operations = 2 };
static const struct pyr__interface other = { .name = "a.C",
					     .operations = operations,
					     .n_operations = 2 };

static uint64_t ended(const struct tally_operation *op)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < TALLY_TIMES; i++)
		n += atomic_load(&op->n_in[i]);
	return n;
}

static void count_one(void *data, const struct tally *tally)
{
	*(unsigned *)data += strcmp(tally->interface->name, interface.name) == 0 ||
			     strcmp(tally->interface->name, other.name) == 0;
}

TEST(an_interface_has_one_tally)
{
	struct tallies *tallies = tallies_new();
	struct tally *first = tallies_get(tallies, &interface);
	unsigned n = 0;

	REQUIRE(first != NULL);
	CHECK(tallies_get(tallies, &interface) == first);
	tally_unref(first);
	tally_unref(first);
	tally_unref(tallies_get(tallies, &other));
	tallies_each(tallies, count_one, &n);
	CHECK_INT(n, 2);
	CHECK(tallies_get(NULL, &interface) == NULL);
	tally_unref(NULL);
	tallies_free(NULL);
	tallies_free(tallies);
}

/* A library that is unloaded takes its tables with it, and the next one may have others there. */
TEST(a_tally_outlives_its_table)
{
	static const struct pyr__operation more[3] = { { .name = "b.C.x" },
						       { .name = "b.C.y" },
						       { .name = "b.C.z" } };
	char name[] = "a.B", operation[] = "a.B.x";
	struct pyr__operation own[1] = { { .name = operation } };
	struct pyr__interface table = { .name = name, .operations = own, .n_operations = 1 };
	struct tallies *tallies = tallies_new();
	struct tally *before = tallies_get(tallies, &table), *after;

	REQUIRE(before != NULL);
	memset(operation, 'z', 5);
	memset(name, 'z', 3);
	table = (struct pyr__interface){ .name = "b.C", .operations = more, .n_operations = 3 };
	CHECK_STR(before->interface->name, "a.B");
	CHECK_STR(before->interface->operations[0].name, "a.B.x");
	CHECK_INT(before->interface->n_operations, 1);
	after = tallies_get(tallies, &table);
	REQUIRE(after != NULL && after != before);
	tally_end(after, 2, tally_begin(after, 2), PYR_OK);
	CHECK_INT(ended(&after->operations[2]), 1);
	tally_unref(before);
	tally_unref(after);
	tallies_free(tallies);
}

TEST(a_tally_outlives_its_daemon)
{
	struct tallies *tallies = tallies_new();
	struct tally *tally = tallies_get(tallies, &interface);

	REQUIRE(tally != NULL);
	tallies_free(tallies);
	tally_end(tally, 0, tally_begin(tally, 0), PYR_OK);
	CHECK_INT(ended(&tally->operations[0]), 1);
	tally_unref(tally);
}

TEST(a_call_is_in_the_bucket_of_its_time)
{
	struct tallies *tallies = tallies_new();
	struct tally *tally = tallies_get(tallies, &interface);
	const struct tally_operation *op;
	unsigned i;

	REQUIRE(tally != NULL);
	op = &tally->operations[1];
	for (i = 1; i < TALLY_TIMES - 1; i++)
		CHECK(tally_bounds[i] > tally_bounds[i - 1]);
	tally_end(tally, 1, tally_begin(tally, 1) - 20000000, PYR_NOT_FOUND); /* 20 ms ago */
	CHECK_INT(atomic_load(&op->n_begun), 1);
	for (i = 0; i < TALLY_TIMES; i++)
		if (atomic_load(&op->n_in[i]) > 0)
			break;
	CHECK(i < TALLY_TIMES - 1 && tally_bounds[i] >= 20000000);
	tally_end(tally, 1, tally_begin(tally, 1) - 3600000000000, PYR_OK); /* an hour */
	CHECK_INT(atomic_load(&op->n_in[TALLY_TIMES - 1]), 1);
	CHECK_INT(atomic_load(&op->n_failed[PYR_NOT_FOUND]), 1);
	CHECK_INT(atomic_load(&op->n_failed[PYR_OK]), 0);
	CHECK(atomic_load(&op->ns) > 3600000000000);
	CHECK_INT(atomic_load(&tally->operations[0].n_begun), 0);
	tally_unref(tally);
	tallies_free(tallies);
}

static void *count_many(void *tally)
{
	int i;

	for (i = 0; i < OFTEN(TIMES); i++)
		tally_end(tally, 0, tally_begin(tally, 0), i % 2 ? PYR_ABORTED : PYR_OK);
	return NULL;
}

TEST(many_threads_count_without_loss)
{
	struct tallies *tallies = tallies_new();
	struct tally *tally = tallies_get(tallies, &interface);
	pthread_t threads[THREADS];
	int i;

	REQUIRE(tally != NULL);
	for (i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, count_many, tally) == 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(atomic_load(&tally->operations[0].n_begun), THREADS * OFTEN(TIMES));
	CHECK_INT(ended(&tally->operations[0]), THREADS * OFTEN(TIMES));
	CHECK_INT(atomic_load(&tally->operations[0].n_failed[PYR_ABORTED]),
		  THREADS * OFTEN(TIMES) / 2);
	tally_unref(tally);
	tallies_free(tallies);
}

TESTS(tally, T(an_interface_has_one_tally), T(a_tally_outlives_its_table),
      T(a_tally_outlives_its_daemon), T(a_call_is_in_the_bucket_of_its_time),
      T(many_threads_count_without_loss))
