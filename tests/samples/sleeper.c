/* SPDX-License-Identifier: MIT */
/*
 * A client of samples/03-timers: sleeper MS [TIMEOUT_MS] prints "Sleeping" once the server has the
 * call, then the name of the status with which it ended, and stays connected until it is killed.
 */
#include "timers.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void say(const char *what)
{
	puts(what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct timers_Clock *clock = timers_Clock_proxy("PYRONAME:example.clock");
	uint32_t ms = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	uint32_t timeout_ms = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	pyr_future *sleep;

	/* Connecting does not count as time of the call. */
	if (pyr_proxy_bind(timers_Clock_as_proxy(clock)) < 0)
		return pyr_perror("sleeper");
	sleep = timers_Clock_sleep_start(
		timers_Clock_with(clock, &(struct pyr_call_options){ .timeout_ms = timeout_ms }),
		ms);
	/* Methods of a session start in the order sent, so with this answer the server has both. */
	if (!sleep || timers_Clock_sleep(clock, 0) < 0)
		return pyr_perror("sleeper");
	say("Sleeping");
	say(pyr_status_name(timers_Clock_sleep_get(sleep)));
	for (;;)
		pause();
}
