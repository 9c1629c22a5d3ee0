/* SPDX-License-Identifier: MIT */
/* A thousand add() one after the other, as futures, and as one batch: microseconds for each, the
 * best of twenty runs. Client and daemon share the process. */
#include "servant.h"

#include <stdio.h>
#include <time.h>

enum { N = 1000, RUNS = 20 };

static struct place place;
static struct e2e_Work *work;
static pyr_batch *batch;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int one_by_one(void)
{
	int32_t sum;
	int i;

	for (i = 0; i < N; i++)
		if (e2e_Work_add(work, i, 1, &sum) < 0 || sum != i + 1)
			return pyr_perror("add");
	return 0;
}

static pyr_future *start(size_t i, void *data)
{
	(void)data;
	return e2e_Work_add_start(work, (int32_t)i, 1);
}

static int get(size_t i, pyr_future *future, void *data)
{
	int32_t sum;
	int err = e2e_Work_add_get(future, &sum);

	(void)data;
	return err < 0 || sum == (int32_t)i + 1 ? err : -PYR_DATA_LOSS;
}

static int as_futures(void)
{
	return pyr_map(N, N, start, get, NULL) < 0 ? pyr_perror("map") : 0;
}

static int as_a_batch(void)
{
	static int32_t sums[N];
	int i;

	for (i = 0; i < N; i++)
		if (e2e_Work_add(e2e_Work_batch(batch), i, 1, &sums[i]) < 0)
			return pyr_perror("add");
	if (pyr_batch_run(batch) < 0)
		return pyr_perror("batch");
	for (i = 0; i < N; i++)
		if (sums[i] != i + 1)
			return 1;
	return 0;
}

static int measure(const char *name, int (*run)(void))
{
	double best = 0, took;
	int i;

	for (i = 0; i < RUNS; i++) {
		took = now_us();
		if (run() != 0)
			return 1;
		took = now_us() - took;
		if (i == 0 || took < best)
			best = took;
	}
	printf("%-11s %8.2f us each\n", name, best / N);
	return 0;
}

int main(void)
{
	int failed;

	if (!place_open(&place, NULL))
		return pyr_perror("daemon");
	work = e2e_Work_proxy(place.uri);
	batch = pyr_batch_new(e2e_Work_as_proxy(work));
	if (!batch)
		return pyr_perror("batch");
	failed = measure("one by one", one_by_one) || measure("futures", as_futures) ||
		 measure("a batch", as_a_batch);
	pyr_batch_free(batch);
	e2e_Work_free(work);
	return place_close(&place) < 0 || failed;
}
