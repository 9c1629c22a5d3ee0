/* SPDX-License-Identifier: MIT */
/* One thread sleeps twice at once: the longer sleep begins first, the shorter one ends first. */
#include "timers.h"
#include <stdio.h>

enum { N = 2, LOOK_MS = 10 };

struct task {
	uint32_t ms;
	pyr_future *sleep; /* NULL once it is over */
};

/*
 * Returns the place of a task whose sleep is over. Whoever waits for one future receives for all of
 * them, so it is enough to look at the others now and then.
 */
static int first_ready(const struct task *tasks)
{
	int i = 0;

	while (!tasks[i].sleep || pyr_future_wait(tasks[i].sleep, LOOK_MS) < 0)
		i = (i + 1) % N;
	return i;
}

int main(void)
{
	struct timers_Clock *clock = timers_Clock_proxy("PYRONAME:example.clock");
	struct task tasks[N] = { { .ms = 2000 }, { .ms = 1000 } };
	int i, n_left;

	for (i = 0; i < N; i++) {
		printf("Task %d running\n", i + 1);
		tasks[i].sleep = timers_Clock_sleep_start(clock, tasks[i].ms);
		if (!tasks[i].sleep)
			return pyr_perror("sleep");
	}
	for (n_left = N; n_left > 0; n_left--) {
		i = first_ready(tasks);
		if (timers_Clock_sleep_get(tasks[i].sleep) < 0)
			return pyr_perror("sleep");
		tasks[i].sleep = NULL;
		printf("Task %d finished\n", i + 1);
	}
	timers_Clock_free(clock);
	return 0;
}
