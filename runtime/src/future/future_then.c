/* SPDX-License-Identifier: MIT */
/*
 * Callbacks of futures. When the call is over its hook posts a job to an executor; the job calls
 * back and frees the future, and is the only one to free one that has a callback. Nobody waits for
 * such a call, so a timer of the engine sees to its deadline.
 *
 * The lock is one for all futures, and a leaf: it is taken when a callback begins and ends, and to
 * take a future back.
 */
#include "future/future.h"

#include "base/error.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* With the lock. Returns false if the future was taken back before. */
static bool begin(pyr_future *future)
{
	if (future->is_taken)
		return false;
	future->is_running = true;
	future->thread = pthread_self();
	return true;
}

static void call_back(pyr_future *future)
{
	if (future->on_error && pyr_future_status(future) < 0)
		future->on_error(future, future->error_data);
	else if (future->then)
		future->then(future, future->then_data);
}

/* The job. */
static void run(struct exec_job *job)
{
	pyr_future *future = (pyr_future *)((char *)job - offsetof(pyr_future, job));
	bool is_taken;

	future_wait(future); /* until who completed it is done with it */
	engine_timer_cancel(&future->timer);
	pthread_mutex_lock(&lock);
	if (begin(future)) {
		pthread_mutex_unlock(&lock);
		call_back(future);
		pthread_mutex_lock(&lock);
		future->is_running = false;
		pthread_cond_broadcast(&changed);
	}
	while (future->n_users > 0)
		pthread_cond_wait(&changed, &lock);
	is_taken = future->is_taken;
	pthread_mutex_unlock(&lock);
	if (!is_taken)
		future_clear(future);
	exec_unref(future->executor);
	future_free(future);
}

/* The hook: perhaps with a peer's lock. */
static void on_over(struct outcall_hook *hook)
{
	pyr_future *future = (pyr_future *)((char *)hook - offsetof(pyr_future, hook));

	callbacks_post(future->executor, &future->job);
}

static void on_time(struct engine_timer *timer)
{
	pyr_future *future = (pyr_future *)((char *)timer - offsetof(pyr_future, timer));
	int64_t next = outcall_look(&future->call);

	if (next != ENGINE_FOREVER)
		engine_timer_set(timer, next);
}

/* Sets the last error if the future cannot have a callback now. */
static int check(pyr_future *future)
{
	if (!future)
		return error_null("future");
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	if (future->executor)
		return error_set(PYR_FAILED_PRECONDITION, "the future already has a callback");
	return 0;
}

int pyr_future_on_error(pyr_future *future, pyr_future_cb callback, void *data)
{
	int err = check(future);

	if (err < 0)
		return err;
	future->on_error = callback;
	future->error_data = data;
	return 0;
}

int pyr_future_then(pyr_future *future, pyr_future_cb callback, void *data)
{
	int err = check(future);
	struct executor *e;
	int64_t next;

	if (err < 0)
		return err;
	e = callbacks_here();
	next = outcall_look(&future->call);
	future->timer.fire = on_time;
	if (!e || (next != ENGINE_FOREVER && engine_timer_set(&future->timer, next) < 0)) {
		pyr_future_cancel(future);
		future_wait(future);
		future_clear(future);
		future_free(future);
		return error_set(PYR_RESOURCE_EXHAUSTED, "no memory or thread for a callback");
	}
	exec_ref(e);
	future->executor = e;
	future->then = callback;
	future->then_data = data;
	future->hook.run = on_over;
	future->job.run = run;
	if (!outcall_set_hook(&future->call, &future->hook))
		on_over(&future->hook);
	return 0;
}

void future_take_back(pyr_future *future)
{
	bool was_taken;

	pthread_mutex_lock(&lock);
	future->n_users++;
	while (future->is_running && !pthread_equal(future->thread, pthread_self()))
		pthread_cond_wait(&changed, &lock);
	was_taken = future->is_taken;
	future->is_taken = true;
	pthread_mutex_unlock(&lock);
	if (!was_taken) {
		future_cancel(future, "the future was cancelled");
		future_wait(future);
		engine_timer_cancel(&future->timer);
		future_clear(future);
	}
	pthread_mutex_lock(&lock);
	future->n_users--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}
