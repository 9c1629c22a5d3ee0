/* SPDX-License-Identifier: MIT */
/*
 * A daemon that is served by the program's own loop. Its keeper is the same as for
 * pyr_daemon_run(), and does at the end what that does after it: nobody waits for it in the loop,
 * which may be the thread that frees the daemon.
 */
#include "daemon/daemon_own.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/signals.h"
#include "exec/callbacks.h"

/* What the program is told when it has stopped; it may free the daemon before. */
struct daemon_stopped {
	struct exec_job job;
	pyr_daemon *daemon; /* lock; NULL: freed */
	pyr_stopped_cb callback;
	void *data;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */

static void tell(struct exec_job *job)
{
	struct daemon_stopped *s = (struct daemon_stopped *)job;
	pyr_daemon *d;

	pthread_mutex_lock(&lock);
	d = s->daemon;
	if (d)
		d->stopped = NULL;
	pthread_mutex_unlock(&lock);
	if (d && s->callback)
		s->callback(d, s->data);
	free(s);
}

void daemon_loop_free(pyr_daemon *d)
{
	pthread_mutex_lock(&lock);
	if (d->stopped)
		d->stopped->daemon = NULL;
	pthread_mutex_unlock(&lock);
	if (d->is_looped)
		pthread_join(d->keeper, NULL);
}

static void *keep(void *data)
{
	pyr_daemon *d = data;

	daemon_keep(d);
	exec_detach(d->executor);
	callbacks_post(callbacks_executor(), &d->stopped->job);
	daemon_ran(d);
	return NULL;
}

static int start(pyr_daemon *d)
{
	int err;

	exec_attach(d->executor);
	d->is_looped = true;
	err = engine_thread(&d->keeper, keep, d);
	if (err == 0)
		return 0;
	d->is_looped = false;
	exec_detach(d->executor);
	return err;
}

int pyr_daemon_start(pyr_daemon *daemon, pyr_stopped_cb on_stopped, void *data)
{
	struct daemon_stopped *s;
	int err = daemon ? pyr_fd() : error_null("daemon");

	if (err < 0)
		return err;
	if (daemon->threads > 1)
		return error_set(PYR_FAILED_PRECONDITION,
				 "DaemonError: the daemon at %s has %u method threads: with an "
				 "event loop, set threads = 1",
				 daemon->host.address, daemon->threads);
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	*s = (struct daemon_stopped){ { .run = tell }, daemon, on_stopped, data };
	err = daemon_will_run(daemon);
	if (err < 0) {
		free(s);
		return err;
	}
	fflush(stdout); /* as pyr_daemon_run() does */
	exec_make_serial(daemon->executor);
	daemon->stopped = s;
	err = start(daemon);
	if (err == 0)
		return 0;
	daemon->stopped = NULL;
	free(s);
	daemon_ran(daemon);
	return error_set(PYR_RESOURCE_EXHAUSTED, "DaemonError: no memory or thread to run");
}
