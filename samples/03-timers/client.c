/* SPDX-License-Identifier: MIT */
/* One thread sleeps twice at once: the longer sleep begins first, the shorter one ends first. */
#include "timers.h"
#include <stdio.h>

enum { N = 2 };

int main(void)
{
	struct timers_Clock *clock = timers_Clock_proxy("PYRONAME:example.clock");
	const uint32_t ms[N] = { 2000, 1000 };
	pyr_future *sleeps[N];
	int i, n_left;

	for (i = 0; i < N; i++) {
		printf("Task %d running\n", i + 1);
		sleeps[i] = timers_Clock_sleep_start(clock, ms[i]);
		if (!sleeps[i])
			return pyr_perror("sleep");
	}
	for (n_left = N; n_left > 0; n_left--) {
		i = pyr_future_wait_any(sleeps, N, -1);
		if (i < 0 || timers_Clock_sleep_get(sleeps[i]) < 0)
			return pyr_perror("sleep");
		sleeps[i] = NULL; /* taken: skipped from now on */
		printf("Task %d finished\n", i + 1);
	}
	timers_Clock_free(clock);
	return 0;
}
