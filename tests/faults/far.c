/* SPDX-License-Identifier: MIT */
/*
 * How long it takes until a method two hops away knows that nobody waits any more: client -> A ->
 * B, three ends, a daemon each for A and B. Prints the figures beside their goal, and judges the
 * medians.
 */
#include "hop.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 50, GOAL_MS = 50, TIMEOUT_MS = 100 };

static struct hop hops[2];
static struct hops_Hop *first;

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Returns 0 if the median keeps to the goal. */
static int judge(const char *what, double *ms)
{
	bool is_kept;

	qsort(ms, ROUNDS, sizeof(*ms), by_size);
	is_kept = ms[ROUNDS / 2] < GOAL_MS;
	printf("%s %s is seen two hops away after %.2f ms, at most %.2f ms in %d (goal: %d ms)\n",
	       is_kept ? "ok" : "not ok", what, ms[ROUNDS / 2], ms[ROUNDS - 1], ROUNDS, GOAL_MS);
	return !is_kept;
}

/* Returns the time from `since` until the method saw it; -1 if it never did. */
static double seen_after(int64_t since, int round)
{
	if (!hop_reaches(&hops[1].n_over, round + 1))
		return -1;
	return (double)(atomic_load(&hops[1].over_at) - since) / HOP_MS;
}

static int measure_cancel(void)
{
	const struct string_seq way = { 1, &hops[1].uri };
	double ms[ROUNDS];
	pyr_future *future;
	int64_t began;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		future = hops_Hop_linger_start(first, &way);
		if (!future || pyr_future_is_ready(future) ||
		    !hop_reaches(&hops[1].n_lingering, i + 1))
			return pyr_perror("linger");
		began = hop_now();
		pyr_future_cancel(future);
		ms[i] = seen_after(began, i);
		pyr_future_free(future);
		if (ms[i] < 0)
			return 1;
	}
	return judge("a cancel", ms);
}

static int measure_deadline(void)
{
	const struct string_seq way = { 1, &hops[1].uri };
	int n = atomic_load(&hops[1].n_over), i;
	double ms[ROUNDS];
	int64_t began;

	for (i = 0; i < ROUNDS; i++) {
		began = hop_now();
		pyr_next_call(&(struct pyr_call_options){ .timeout_ms = TIMEOUT_MS });
		if (hops_Hop_linger(first, &way) != -PYR_DEADLINE_EXCEEDED)
			return pyr_perror("linger");
		if (atomic_load(&hops[1].n_lingering) == n + i) { /* too slow to get there */
			ms[i] = 0;
			n--;
			continue;
		}
		ms[i] = seen_after(began, n + i) - TIMEOUT_MS;
		if (ms[i] < -TIMEOUT_MS)
			return 1;
	}
	return judge("a deadline", ms);
}

int main(void)
{
	int failed;

	if (!hop_open(&hops[0], NULL) || !hop_open(&hops[1], NULL))
		return pyr_perror("daemon");
	first = hops_Hop_proxy(hops[0].uri);
	failed = measure_cancel() + measure_deadline();
	hops_Hop_free(first);
	failed += hop_close(&hops[0]) < 0;
	failed += hop_close(&hops[1]) < 0;
	return failed;
}
