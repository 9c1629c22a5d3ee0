/* SPDX-License-Identifier: MIT */
/* The same as client.c, with tasks: each waits for its own sleep, and all of them in one thread. */
#include "timers.h"
#include <stdio.h>

struct sleeper {
	int number;
	uint32_t ms;
};

static struct timers_Clock *remote;

static int sleep_once(void *data)
{
	const struct sleeper *me = data;
	int err;

	printf("Task %d running\n", me->number);
	err = timers_Clock_sleep(remote, me->ms);
	if (err < 0)
		return err;
	printf("Task %d finished\n", me->number);
	return 0;
}

static int sleep_both(void *unused)
{
	struct sleeper first = { 1, 2000 };
	struct sleeper second = { 2, 1000 };
	pyr_task *one = pyr_task_start(sleep_once, &first);
	pyr_task *two = pyr_task_start(sleep_once, &second);
	int err = pyr_task_join(one), later = pyr_task_join(two);

	(void)unused;
	return err < 0 ? err : later;
}

int main(void)
{
	remote = timers_Clock_proxy("PYRONAME:example.clock");
	if (pyr_tasks_run(sleep_both, NULL) < 0)
		return pyr_perror("sleep");
	timers_Clock_free(remote);
	return 0;
}
