/* SPDX-License-Identifier: MIT */
/*
 * What a scalar call of an object in the same process costs: run by its caller's thread, by frames
 * that stay in the process (of a serial daemon), and over a socket. CPU time of the process, both
 * ends together; rounds of each in turn, medians and the least. By hand:
 *
 *	bench_direct [rounds [calls]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "servant.h"

enum { MOST = 1001, WAYS = 3 };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds a call. */
static double measure(struct e2e_Work *work, int n)
{
	double begin = now_ns();
	int32_t sum = 0;
	int i;

	for (i = 0; i < n; i++)
		if (e2e_Work_add(work, sum, 1, &sum) < 0)
			exit(pyr_perror("add"));
	return (now_ns() - begin) / n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const char *const names[WAYS] = { "direct", "frames", "socket" };
	struct pyr_daemon_options pool = { .threads = 4 }, serial = { .threads = 1 };
	struct pyr_proxy_options near = { .lane = PYR_LANE_PROCESS },
				 far = { .lane = PYR_LANE_WIRE };
	int rounds = argc > 1 ? atoi(argv[1]) : 21, calls = argc > 2 ? atoi(argv[2]) : 200000, i, w;
	static double ns[WAYS][MOST];
	struct e2e_Work *works[WAYS];
	struct place places[2];

	if (rounds < 1 || rounds > MOST || calls < 100 || !place_open(&places[0], &pool) ||
	    !place_open(&places[1], &serial))
		return 1;
	works[0] = e2e_Work_proxy_with(places[0].uri, &near);
	works[1] = e2e_Work_proxy_with(places[1].uri, &near);
	works[2] = e2e_Work_proxy_with(places[0].uri, &far);
	for (i = 0; i < rounds; i++)
		for (w = 0; w < WAYS; w++)
			ns[w][i] = measure(works[w], w == 0 ? calls : calls / 100);
	for (w = 0; w < WAYS; w++) {
		qsort(ns[w], (size_t)rounds, sizeof(*ns[w]), compare);
		printf("%-8s %8.0f ns a call, the least %.0f\n", names[w], ns[w][rounds / 2],
		       ns[w][0]);
		e2e_Work_free(works[w]);
	}
	return place_close(&places[0]) < 0 || place_close(&places[1]) < 0;
}
