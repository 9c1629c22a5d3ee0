/* SPDX-License-Identifier: MIT */
/*
 * How long it takes until a method two hops away knows that nobody waits any more: client -> A ->
 * B, three ends, a daemon each for A and B. Prints the figures beside their goal, and judges the
 * medians.
 */
#include "hop.h"

#include <stdio.h>
#include <stdlib.h>

enum { CANCELS = 50, DEADLINES = 10, GOAL_MS = 50, TIMEOUT_MS = 500 };

static struct hop hops[2];
static struct hops_Hop *first;

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Returns 0 if the median keeps to the goal. */
static int judge(const char *what, double *ms, int n)
{
	bool is_kept;

	qsort(ms, (size_t)n, sizeof(*ms), by_size);
	is_kept = ms[n / 2] < GOAL_MS;
	printf("%s %s is seen two hops away after %.2f ms, at most %.2f ms in %d (goal: %d ms)\n",
	       is_kept ? "ok" : "not ok", what, ms[n / 2], ms[n - 1], n, GOAL_MS);
	return !is_kept;
}

/* Returns the time from `since` until the method saw it; -1 if it never did. */
static double seen_after(int64_t since, int round)
{
	if (!hop_reaches(&hops[1].n_over, round + 1))
		return -1;
	return (double)(atomic_load(&hops[1].over_at) - since) / HOP_MS;
}

/* Starts a call, and meets it two hops away. Returns NULL if it does not get there. */
static pyr_future *start(int round, const struct pyr_call_options *options)
{
	const struct pyr_string_seq way = { 1, &hops[1].uri };
	pyr_future *future = hops_Hop_linger_start(hops_Hop_with(first, options), &way);

	if (future && !pyr_future_is_ready(future) && hop_reaches(&hops[1].n_lingering, round + 1))
		return future;
	pyr_future_free(future);
	return NULL;
}

static int measure_cancel(void)
{
	double ms[CANCELS];
	pyr_future *future;
	int64_t began;
	int i;

	for (i = 0; i < CANCELS; i++) {
		future = start(i, NULL);
		began = hop_now();
		pyr_future_cancel(future);
		ms[i] = seen_after(began, i);
		pyr_future_free(future);
		if (!future || ms[i] < 0)
			return pyr_perror("linger");
	}
	return judge("a cancel", ms, CANCELS);
}

static int measure_deadline(void)
{
	struct pyr_call_options options = { .timeout_ms = TIMEOUT_MS };
	double ms[DEADLINES];
	pyr_future *future;
	int64_t began;
	int i, err;

	for (i = 0; i < DEADLINES; i++) {
		began = hop_now();
		future = start(CANCELS + i, &options);
		err = hops_Hop_linger_get(future);
		ms[i] = seen_after(began + (int64_t)TIMEOUT_MS * HOP_MS, CANCELS + i);
		if (err != -PYR_DEADLINE_EXCEEDED ||
		    atomic_load(&hops[1].n_over) != CANCELS + i + 1)
			return pyr_perror("linger");
	}
	return judge("a deadline", ms, DEADLINES);
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
