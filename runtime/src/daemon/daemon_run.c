/* SPDX-License-Identifier: MIT */
/*
 * How a daemon runs. Its state goes from idle over running to stopped; a keeper thread waits for
 * the stop (a signal, pyr_daemon_stop()), drains, and lets the method threads go.
 */
#define _GNU_SOURCE /* pthread_setname_np() */
#include "daemon/daemon_own.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/signals.h"
#include "base/stack.h"
#include "exec/exec.h"

void daemon_keep(pyr_daemon *d)
{
	struct pollfd wait = { .fd = d->stop_fd, .events = POLLIN };

	pthread_setname_np(pthread_self(), "pyrite-keeper");
	while (poll(&wait, 1, -1) < 0 && errno == EINTR)
		;
	daemon_drain(d);
}

static void *keeper_main(void *data)
{
	struct pyr_daemon *d = data;

	daemon_keep(d);
	exec_stop(d->executor);
	return NULL;
}

void pyr_daemon_stop(pyr_daemon *daemon)
{
	static const uint64_t one = 1;

	if (daemon && !engine_is_forked() && write(daemon->stop_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: it was told */
}

int daemon_will_run(pyr_daemon *d)
{
	const char *why = NULL;

	if (engine_is_forked())
		return error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	if (stack_current())
		return error_set(PYR_FAILED_PRECONDITION,
				 "DaemonError: a daemon runs in a thread, not in a task");
	pthread_mutex_lock(&d->lock);
	if (d->is_running)
		why = "is running already";
	else if (d->has_stopped)
		why = "was stopped: make another";
	else
		d->is_running = true;
	pthread_mutex_unlock(&d->lock);
	if (why)
		return error_set(PYR_FAILED_PRECONDITION, "DaemonError: the daemon at %s %s",
				 d->host.address, why);
	if (d->signals)
		d->signals = signals_watch(d->stop_fd);
	return 0;
}

void daemon_ran(pyr_daemon *d)
{
	if (d->signals)
		signals_forget(d->stop_fd);
	exec_close(d->executor); /* over links of others its objects may be called still */
	pthread_mutex_lock(&d->lock);
	d->is_running = false;
	d->has_stopped = true;
	pthread_cond_broadcast(&d->ended);
	pthread_mutex_unlock(&d->lock);
}

int pyr_daemon_run(pyr_daemon *daemon)
{
	pthread_t keeper;
	int err;

	if (!daemon)
		return error_null("daemon");
	err = daemon_will_run(daemon);
	if (err < 0)
		return err;
	fflush(stdout); /* "Ready" would stay in the buffer of a pipe for as long as it waits */
	err = engine_thread(&keeper, keeper_main, daemon);
	if (err == 0) {
		err = exec_work(daemon->executor);
		if (err < 0) { /* who called already is not to wait for threads that are not */
			atomic_store(&daemon->drain_ms, 0);
			pyr_daemon_stop(daemon);
		}
		pthread_join(keeper, NULL);
	}
	daemon_ran(daemon);
	return err < 0 ? error_set(-err, "DaemonError: no threads for methods") : 0;
}
