/* SPDX-License-Identifier: MIT */
#include "base/numtab.h"

#include "test.h"

#include <stdint.h>
#include <time.h>

static int values[4096];

/* xorshift: the same numbers in each run. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

TEST(an_empty_table_has_nothing)
{
	struct numtab table = { 0 };

	CHECK(numtab_get(&table, 0) == NULL);
	CHECK(numtab_get(&table, 7) == NULL);
	CHECK(numtab_remove(&table, 7) == NULL);
	CHECK(numtab_pop(&table) == NULL);
	numtab_free(&table);
}

TEST(zero_and_the_largest_are_numbers_like_others)
{
	struct numtab table = { 0 };

	CHECK(numtab_put(&table, 0, &values[0]));
	CHECK(numtab_put(&table, UINT32_MAX, &values[1]));
	CHECK(numtab_get(&table, 0) == &values[0]);
	CHECK(numtab_get(&table, UINT32_MAX) == &values[1]);
	CHECK(numtab_remove(&table, 0) == &values[0]);
	CHECK(numtab_get(&table, 0) == NULL);
	CHECK(numtab_get(&table, UINT32_MAX) == &values[1]);
	numtab_free(&table);
}

/*
 * Against an array of what ought to be in it. Numbers have few different low bits, as those of
 * calls and of sessions have, so that places collide and runs wrap around.
 */
static void compare_with_model(uint32_t seed, uint32_t stride)
{
	void *model[512] = { NULL };
	struct numtab table = { 0 };
	uint32_t state = seed, r, i;
	size_t n = 0;
	int step;

	for (step = 0; step < 20000; step++) {
		r = next_random(&state);
		i = r % 512;
		if (r >> 9 & 1 && !model[i]) {
			REQUIRE(numtab_put(&table, i * stride, &values[i]));
			model[i] = &values[i];
			n++;
		} else if (r >> 10 & 1) {
			CHECK(numtab_remove(&table, i * stride) == model[i]);
			n -= model[i] != NULL;
			model[i] = NULL;
		}
		i = next_random(&state) % 512;
		if (numtab_get(&table, i * stride) != model[i] || table.n != n)
			break;
	}
	CHECK_INT(step, 20000);
	for (i = 0; i < 512; i++)
		CHECK(numtab_get(&table, i * stride) == model[i]);
	numtab_free(&table);
}

TEST(a_table_does_what_a_model_does)
{
	compare_with_model(1, 1);
	compare_with_model(2, 1 << 14);
	compare_with_model(3, 1 << 23);
	compare_with_model(4, 0x9e3779b1);
	compare_with_model(5, 64);
}

TEST(pop_empties_a_table_of_each_value_once)
{
	bool seen[4096] = { false };
	struct numtab table = { 0 };
	int *value, n = 0, i;

	for (i = 0; i < 4096; i++)
		REQUIRE(numtab_put(&table, (uint32_t)i * 3, &values[i]));
	while ((value = numtab_pop(&table))) {
		CHECK(!seen[value - values]);
		seen[value - values] = true;
		n++;
	}
	CHECK_INT(n, 4096);
	CHECK_INT(table.n, 0);
	for (i = 0; i < 4096; i++)
		CHECK(numtab_get(&table, (uint32_t)i * 3) == NULL);
	numtab_free(&table);
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A peer may have so many sessions, and go. */
TEST(pop_empties_a_large_table_about_as_quickly_as_it_was_filled)
{
	enum { N = 100000 };
	struct numtab table = { 0 };
	double begun = cpu_ms(), filled, emptied;
	int n = 0, i;

	for (i = 0; i < N; i++)
		REQUIRE(numtab_put(&table, (uint32_t)i, &values[i % 4096]));
	filled = cpu_ms() - begun;
	while (numtab_pop(&table))
		n++;
	emptied = cpu_ms() - begun - filled;
	CHECK_INT(n, N);
	CHECK(emptied < 20 * filled);
	numtab_free(&table);
}

/* Fills a table with numbers, finds and removes each. Returns the time it took. */
static double time_of(const uint32_t *numbers, int n)
{
	struct numtab table = { 0 };
	double begun = cpu_ms(), took;
	int i, found = 0;

	for (i = 0; i < n; i++)
		if (!numtab_put(&table, numbers[i], &values[i % 4096]))
			return -1;
	for (i = 0; i < n; i++)
		found += numtab_get(&table, numbers[i]) == &values[i % 4096];
	for (i = 0; i < n; i++)
		found += numtab_remove(&table, numbers[i]) == &values[i % 4096];
	took = cpu_ms() - begun;
	CHECK_INT(found, 2 * n);
	numtab_free(&table);
	return took;
}

/* Multiplied by the golden ratio, as the table once placed them, these have bits 7 to 23 in common:
 * one place for all in a table of up to 131,072. */
TEST(numbers_chosen_to_collide_take_no_longer_than_others)
{
	enum { N = 32768, GOLDEN_INVERSE = 0x4cbc89 };
	static uint32_t chosen[N], ordinary[N];
	int i;

	for (i = 0; i < N; i++) {
		chosen[i] = ((uint32_t)GOLDEN_INVERSE * (uint32_t)(i % 128) & 0xffffff) |
			    (uint32_t)(i / 128) << 24;
		ordinary[i] = (uint32_t)i + 1;
		REQUIRE((chosen[i] * UINT64_C(2654435769) >> 7 & 0x1ffff) == 0);
	}
	CHECK(time_of(chosen, N) < 20 * time_of(ordinary, N));
}

TEST(what_is_taken_is_the_value_that_was_meant)
{
	struct numtab table = { 0 };

	CHECK(!numtab_take(&table, 5, &values[0]));
	REQUIRE(numtab_put(&table, 5, &values[0]));
	CHECK(!numtab_take(&table, 5, &values[1]));
	CHECK(numtab_get(&table, 5) == &values[0]);
	CHECK(numtab_take(&table, 5, &values[0]));
	CHECK(numtab_get(&table, 5) == NULL);
	CHECK_INT(table.n, 0);
	numtab_free(&table);
}

TESTS(numtab, T(an_empty_table_has_nothing), T(zero_and_the_largest_are_numbers_like_others),
      T(a_table_does_what_a_model_does), T(pop_empties_a_table_of_each_value_once),
      T(pop_empties_a_large_table_about_as_quickly_as_it_was_filled),
      T(numbers_chosen_to_collide_take_no_longer_than_others),
      T(what_is_taken_is_the_value_that_was_meant))
