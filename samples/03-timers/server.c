/* SPDX-License-Identifier: MIT */
/*
 * Any number of callers sleep at the same time, in a server of one thread: the method does not wait
 * but sets a timer, and its answer is given when that goes off.
 *
 * The daemon is serial: method, timers and on_cancel all run in main()'s thread, one after the
 * other. So none of them can meet another at work on the same call, and no lock is needed.
 */
#include "timers.h"
#include <stdio.h>

static void wake(pyr_timer *timer, void *deferred)
{
	pyr_timer_free(timer);
	timers_Clock_sleep_reply(deferred);
}

/* The caller is gone, or has lost patience. The answer reaches nobody, but must be given. */
static void give_up(pyr_deferred *deferred, void *timer)
{
	pyr_timer_free(timer);
	pyr_deferred_fail(deferred, PYR_CANCELLED, "nobody waits any more");
}

static int sleep_later(pyr_call *call, uint32_t ms)
{
	pyr_daemon *daemon = pyr_call_data(call);
	pyr_deferred *deferred;
	pyr_timer *timer;
	int status = pyr_call_defer(call, &deferred);

	if (status < 0)
		return status;
	timer = pyr_timer_new(daemon, wake, deferred);
	if (pyr_timer_set(timer, ms) < 0) {
		pyr_timer_free(timer);
		return pyr_deferred_fail(deferred, PYR_RESOURCE_EXHAUSTED, "%s", pyr_errmsg());
	}
	pyr_deferred_set_on_cancel(deferred, give_up, timer);
	return 0;
}

static const struct timers_Clock_methods methods = { .sleep = sleep_later };

int main(void)
{
	pyr_daemon *daemon = pyr_daemon_new(&(struct pyr_daemon_options){ .threads = 1 });
	pyr_ns *ns = pyr_ns_locate(NULL);
	const char *uri = timers_Clock_register(daemon, NULL, &methods, daemon);

	if (pyr_ns_register(ns, "example.clock", uri) < 0)
		return pyr_perror("example.clock");
	puts("Ready");
	return pyr_daemon_run(daemon);
}
