/* SPDX-License-Identifier: MIT */
/*
 * Timers of users: an engine timer fires in the runtime's thread and posts a job to the daemon's
 * method threads, or to the callback thread.
 */
#include <pyrite/pyrite.h>

#include <stdlib.h>

#include "base/error.h"
#include "daemon/daemon.h"
#include "link/engine.h"
#include "peer/callbacks.h"

struct pyr_timer {
	struct engine_timer timer;
	struct exec_job job;
	struct executor *executor; /* counted */
	pyr_timer_cb callback;
	void *data;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_posted;  /* lock: the job is queued */
	bool is_due;     /* lock: it was not set again or freed since */
	bool is_running; /* lock: by `thread` */
	bool is_freed;   /* lock: the job frees it */
	pthread_t thread;
};

static void destroy(pyr_timer *t)
{
	exec_unref(t->executor);
	pthread_cond_destroy(&t->done);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void run(struct exec_job *job)
{
	pyr_timer *t = (pyr_timer *)((char *)job - offsetof(pyr_timer, job));
	bool is_freed;

	pthread_mutex_lock(&t->lock);
	t->is_posted = false;
	if (t->is_due && !t->is_freed) {
		t->is_due = false;
		t->is_running = true;
		t->thread = pthread_self();
		pthread_mutex_unlock(&t->lock);
		t->callback(t, t->data);
		pthread_mutex_lock(&t->lock);
		t->is_running = false;
		pthread_cond_broadcast(&t->done);
	}
	is_freed = t->is_freed;
	pthread_mutex_unlock(&t->lock);
	if (is_freed)
		destroy(t);
}

/* In the runtime's thread. */
static void fire(struct engine_timer *timer)
{
	pyr_timer *t = (pyr_timer *)timer;

	pthread_mutex_lock(&t->lock);
	t->is_due = true;
	if (!t->is_posted)
		t->is_posted = exec_post(t->executor, &t->job);
	pthread_mutex_unlock(&t->lock);
}

pyr_timer *pyr_timer_new(pyr_daemon *daemon, pyr_timer_cb callback, void *data)
{
	struct executor *e;
	pyr_timer *t;

	if (!callback)
		return error_constructor(PYR_INVALID_ARGUMENT, "callback is NULL");
	if (engine_start() < 0)
		return error_constructor(PYR_FAILED_PRECONDITION, "the runtime cannot be started");
	e = daemon ? daemon_executor(daemon) : callbacks_executor();
	t = e ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	exec_ref(e);
	t->executor = e;
	t->timer.fire = fire;
	t->job.run = run;
	t->callback = callback;
	t->data = data;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->done, NULL);
	return t;
}

int pyr_timer_set(pyr_timer *timer, uint32_t ms)
{
	if (!timer)
		return error_null("timer");
	pthread_mutex_lock(&timer->lock);
	timer->is_due = false;
	pthread_mutex_unlock(&timer->lock);
	if (engine_timer_set(&timer->timer, engine_now() + (int64_t)ms * ENGINE_MS) == 0)
		return 0;
	return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for a timer");
}

void pyr_timer_free(pyr_timer *timer)
{
	bool now;

	if (!timer || engine_is_forked())
		return;
	engine_timer_cancel(&timer->timer);
	pthread_mutex_lock(&timer->lock);
	while (timer->is_running && !pthread_equal(timer->thread, pthread_self()))
		pthread_cond_wait(&timer->done, &timer->lock);
	timer->is_freed = true;
	now = !timer->is_posted && !timer->is_running;
	pthread_mutex_unlock(&timer->lock);
	if (now)
		destroy(timer);
}
