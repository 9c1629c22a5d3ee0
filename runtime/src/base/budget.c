/* SPDX-License-Identifier: MIT */
#include "base/budget.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Eight messages of the largest size, and all that is small: one that takes four times its size
 * when it is unpacked, with its bytes and its answer; or the requests, arguments and replies of
 * several. */
enum { MESSAGES = 8, SMALL = 32 << 20 };

struct budget_pool {
	atomic_int refs;
	atomic_size_t used;
	size_t max;
};

struct budget {
	atomic_int refs;
	atomic_size_t used;
	atomic_size_t granted; /* by the pool, with the share */
	atomic_uint n_places, n_calls;
	atomic_uint n_handed; /* calls that core has handed over */
	size_t max;
	struct budget_pool *pool; /* counted; NULL: none */
};

struct budget_pool *budget_pool_new(size_t max)
{
	struct budget_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->refs = 1;
	pool->max = max;
	return pool;
}

void budget_pool_unref(struct budget_pool *pool)
{
	if (pool && atomic_fetch_sub(&pool->refs, 1) == 1)
		free(pool);
}

bool budget_pool_take(struct budget_pool *pool, size_t n)
{
	if (!pool || atomic_fetch_add(&pool->used, n) + n <= pool->max)
		return true;
	atomic_fetch_sub(&pool->used, n);
	return false;
}

void budget_pool_give(struct budget_pool *pool, size_t n)
{
	if (pool)
		atomic_fetch_sub(&pool->used, n);
}

struct budget *budget_new(struct budget_pool *pool, size_t max)
{
	struct budget *budget = calloc(1, sizeof(*budget));

	if (!budget)
		return NULL;
	budget->refs = 1;
	budget->max = max;
	budget->granted = pool ? BUDGET_SHARE : SIZE_MAX;
	budget->pool = pool;
	if (pool)
		atomic_fetch_add(&pool->refs, 1);
	return budget;
}

void budget_ref(struct budget *budget)
{
	if (budget)
		atomic_fetch_add_explicit(&budget->refs, 1, memory_order_relaxed);
}

void budget_unref(struct budget *budget)
{
	if (!budget || atomic_fetch_sub(&budget->refs, 1) != 1)
		return;
	if (budget->pool)
		budget_pool_give(budget->pool, budget->granted - BUDGET_SHARE);
	budget_pool_unref(budget->pool);
	free(budget);
}

/* Has the pool grant so much in all. What two threads take too much, a release gives back. */
static bool extend(struct budget *budget, size_t used)
{
	while (atomic_load(&budget->granted) < used) {
		if (!budget_pool_take(budget->pool, BUDGET_CHUNK))
			return false;
		atomic_fetch_add(&budget->granted, BUDGET_CHUNK);
	}
	return true;
}

bool budget_add(struct budget *budget, size_t n)
{
	size_t used;

	if (!budget)
		return true;
	used = atomic_fetch_add(&budget->used, n) + n;
	return used <= budget->max &&
	       (used <= atomic_load_explicit(&budget->granted, memory_order_relaxed) ||
		extend(budget, used));
}

bool budget_charge(struct budget *budget, size_t n)
{
	if (budget_add(budget, n))
		return true;
	budget_release(budget, n);
	return false;
}

bool budget_fits(const struct budget *budget, size_t n)
{
	return !budget || atomic_load(&budget->used) + n <= budget->max;
}

/* A chunk stays at hand, so that who goes to and fro does not ask the pool each time. */
static void shrink(struct budget *budget, size_t used)
{
	size_t granted = atomic_load(&budget->granted);

	while (granted >= BUDGET_SHARE + BUDGET_CHUNK && granted >= used + 2 * BUDGET_CHUNK)
		if (atomic_compare_exchange_weak(&budget->granted, &granted,
						 granted - BUDGET_CHUNK)) {
			budget_pool_give(budget->pool, BUDGET_CHUNK);
			granted -= BUDGET_CHUNK;
		}
}

void budget_release(struct budget *budget, size_t n)
{
	size_t used;

	if (!budget)
		return;
	used = atomic_fetch_sub(&budget->used, n) - n;
	if (budget->pool &&
	    atomic_load_explicit(&budget->granted, memory_order_relaxed) >= used + 2 * BUDGET_CHUNK)
		shrink(budget, used);
}

size_t budget_used(const struct budget *budget)
{
	return budget ? atomic_load(&budget->used) : 0;
}

size_t budget_max(const struct budget *budget)
{
	return budget ? budget->max : SIZE_MAX;
}

bool budget_enter(struct budget *budget, unsigned most)
{
	if (!budget || atomic_fetch_add(&budget->n_places, 1) < most)
		return true;
	atomic_fetch_sub(&budget->n_places, 1);
	return false;
}

void budget_leave(struct budget *budget)
{
	if (budget)
		atomic_fetch_sub(&budget->n_places, 1);
}

void budget_count_handed(struct budget *budget)
{
	if (budget)
		atomic_fetch_add(&budget->n_handed, 1);
}

unsigned budget_n_handed(const struct budget *budget)
{
	return budget ? atomic_load(&budget->n_handed) : 0;
}

bool budget_call(struct budget *budget, unsigned most)
{
	return !budget || atomic_fetch_add(&budget->n_calls, 1) < most;
}

void budget_call_over(struct budget *budget)
{
	if (budget)
		atomic_fetch_sub(&budget->n_calls, 1);
}

size_t budget_of_connection(size_t max_message)
{
	return MESSAGES * max_message + SMALL;
}
