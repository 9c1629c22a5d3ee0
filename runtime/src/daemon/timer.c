/* SPDX-License-Identifier: MIT */
/*
 * Timers of users: an engine timer fires in the runtime's thread and posts a job to the daemon's
 * method threads, or to the callback thread.
 *
 * The job is the executor's from when it is posted until it is through with the callback; meanwhile
 * it is not posted again. So a callback is never entered twice at a time, and who frees a timer
 * whose job is under way leaves its memory to the job.
 */
#include <pyrite/pyrite.h>

#include <stdlib.h>

#include "base/error.h"
#include "daemon/daemon.h"
#include "engine/engine.h"
#include "exec/callbacks.h"

struct pyr_timer {
	struct engine_timer timer;
	struct exec_job job;
	struct executor *executor; /* counted */
	pyr_timer_cb callback;
	void *data;
	pthread_mutex_t lock; /* before the timers' and the executor's; guards: */
	pthread_cond_t done;  /* the callback has returned */
	int64_t at;           /* when it is due */
	bool is_armed;        /* that time is to come */
	bool is_due;          /* it has come, and the callback has not begun */
	bool has_job;         /* the executor has the job */
	bool is_running;      /* the callback, in `thread` */
	bool is_closing;      /* being freed: it cannot be set any more */
	bool is_freed;        /* the job, if there is one, frees it */
	pthread_t thread;
};

static pyr_timer *timer_of(struct exec_job *job)
{
	return (pyr_timer *)((char *)job - offsetof(pyr_timer, job));
}

static void destroy(pyr_timer *t)
{
	exec_unref(t->executor);
	pthread_cond_destroy(&t->done);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* With the lock, not held meanwhile. */
static void call_back(pyr_timer *t)
{
	t->is_due = false;
	t->is_running = true;
	t->thread = pthread_self();
	pthread_mutex_unlock(&t->lock);
	t->callback(t, t->data);
	pthread_mutex_lock(&t->lock);
	t->is_running = false;
	pthread_cond_broadcast(&t->done);
}

/* What became due meanwhile goes to the end of the queue: others have their turn. */
static void run(struct exec_job *job)
{
	pyr_timer *t = timer_of(job);
	bool is_freed;

	pthread_mutex_lock(&t->lock);
	if (t->is_due)
		call_back(t);
	is_freed = t->is_freed;
	t->has_job = !is_freed && t->is_due && exec_post(t->executor, &t->job);
	pthread_mutex_unlock(&t->lock);
	if (is_freed)
		destroy(t);
}

/* In the runtime's thread. It may have been set anew since it was found to be due. */
static void fire(struct engine_timer *timer)
{
	pyr_timer *t = (pyr_timer *)timer;

	pthread_mutex_lock(&t->lock);
	if (t->is_armed && engine_now() >= t->at) {
		t->is_armed = false;
		t->is_due = true;
		if (!t->has_job)
			t->has_job = exec_post(t->executor, &t->job);
	}
	pthread_mutex_unlock(&t->lock);
}

pyr_timer *pyr_timer_new(pyr_daemon *daemon, pyr_timer_cb callback, void *data)
{
	struct executor *e;
	pyr_timer *t;
	int err;

	if (!callback)
		return error_constructor(PYR_INVALID_ARGUMENT, "callback is NULL");
	if ((err = engine_start()) < 0)
		return error_constructor(-err, "the runtime cannot be started");
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
	int err = 0;

	if (!timer)
		return error_null("timer");
	pthread_mutex_lock(&timer->lock);
	timer->is_due = timer->is_armed = false;
	timer->at = engine_now() + (int64_t)ms * ENGINE_MS;
	if (!timer->is_closing) {
		err = engine_timer_set(&timer->timer, timer->at);
		timer->is_armed = err == 0;
	}
	pthread_mutex_unlock(&timer->lock);
	return err < 0 ? error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for a timer") : 0;
}

/* The engine's timer may still fire, and finds nothing to do. */
bool pyr_timer_disarm(pyr_timer *timer)
{
	bool was_set;

	if (!timer)
		return false;
	pthread_mutex_lock(&timer->lock);
	was_set = timer->is_armed || timer->is_due;
	timer->is_armed = timer->is_due = false;
	pthread_mutex_unlock(&timer->lock);
	return was_set;
}

void pyr_timer_free(pyr_timer *timer)
{
	bool now;

	if (!timer || engine_is_forked())
		return;
	pthread_mutex_lock(&timer->lock);
	timer->is_closing = true;
	timer->is_armed = timer->is_due = false;
	while (timer->is_running && !pthread_equal(timer->thread, pthread_self()))
		pthread_cond_wait(&timer->done, &timer->lock);
	pthread_mutex_unlock(&timer->lock);
	engine_timer_cancel(&timer->timer);
	pthread_mutex_lock(&timer->lock);
	timer->is_freed = true;
	now = !timer->has_job;
	pthread_mutex_unlock(&timer->lock);
	if (now)
		destroy(timer);
}
