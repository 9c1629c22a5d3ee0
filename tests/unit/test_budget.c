/* SPDX-License-Identifier: MIT */
/* Budgets of connections and their pool: what is charged is bounded, and comes back. */
#include "base/budget.h"

#include <pthread.h>
#include <stdint.h>

#include "test.h"

enum { MIB = 1 << 20 };

TEST(what_is_beyond_a_budget_is_refused_and_charges_nothing)
{
	struct budget *budget = budget_new(NULL, 10 * MIB);

	REQUIRE(budget != NULL);
	CHECK(budget_charge(budget, 10 * MIB));
	CHECK(!budget_charge(budget, 1));
	CHECK_INT(budget_used(budget), 10 * MIB);
	budget_release(budget, MIB);
	CHECK(budget_charge(budget, MIB));
	CHECK(!budget_charge(budget, SIZE_MAX / 2));
	budget_release(budget, 10 * MIB);
	CHECK_INT(budget_used(budget), 0);
	budget_unref(budget);
}

TEST(a_pool_bounds_its_budgets_together)
{
	struct budget_pool *pool = budget_pool_new(8 * MIB);
	struct budget *a = budget_new(pool, 100 * MIB), *b = budget_new(pool, 100 * MIB);

	REQUIRE(pool && a && b);
	CHECK(budget_charge(a, 8 * MIB));
	CHECK(!budget_charge(b, 2 * MIB));
	CHECK(budget_charge(b, BUDGET_SHARE)); /* that much has everybody */
	CHECK(!budget_charge(b, MIB));
	budget_release(a, 8 * MIB);
	CHECK(budget_charge(b, 5 * MIB));
	budget_unref(a);
	budget_release(b, 5 * MIB + BUDGET_SHARE);
	budget_unref(b);
	CHECK(budget_pool_take(pool, 8 * MIB)); /* all came back */
	CHECK(!budget_pool_take(pool, 1));
	budget_pool_give(pool, 8 * MIB);
	budget_pool_unref(pool);
}

TEST(what_is_held_already_is_counted_and_told)
{
	struct budget *budget = budget_new(NULL, 4 * MIB);

	REQUIRE(budget != NULL);
	CHECK(budget_add(budget, 3 * MIB));
	CHECK(budget_fits(budget, MIB) && !budget_fits(budget, MIB + 1));
	CHECK(!budget_add(budget, 2 * MIB));
	CHECK_INT(budget_used(budget), 5 * MIB);
	CHECK(!budget_add(budget, 0));
	budget_release(budget, 5 * MIB);
	CHECK(budget_add(budget, 0));
	budget_unref(budget);
}

static void *to_and_fro(void *data)
{
	struct budget *budget = data;
	size_t n;
	int i;

	for (i = 0; i < 20000; i++) {
		n = (size_t)(i * 7919 % (3 * MIB));
		if (budget_charge(budget, n))
			budget_release(budget, n);
	}
	return NULL;
}

TEST(threads_leave_nothing_charged)
{
	struct budget_pool *pool = budget_pool_new(10 * MIB);
	struct budget *budget = budget_new(pool, 6 * MIB);
	pthread_t threads[4];
	int i;

	REQUIRE(pool && budget);
	for (i = 0; i < 4; i++)
		REQUIRE(pthread_create(&threads[i], NULL, to_and_fro, budget) == 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(budget_used(budget), 0);
	budget_unref(budget);
	CHECK(budget_pool_take(pool, 10 * MIB));
	budget_pool_unref(pool);
}

TEST(without_a_budget_there_is_no_bound)
{
	CHECK(budget_charge(NULL, SIZE_MAX));
	budget_release(NULL, SIZE_MAX);
	CHECK(budget_pool_take(NULL, 1));
	budget_unref(NULL);
	budget_pool_unref(NULL);
}

TESTS(budget, T(what_is_beyond_a_budget_is_refused_and_charges_nothing),
      T(a_pool_bounds_its_budgets_together), T(what_is_held_already_is_counted_and_told),
      T(threads_leave_nothing_charged), T(without_a_budget_there_is_no_bound))
