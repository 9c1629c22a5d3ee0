/* SPDX-License-Identifier: MIT */
#include "exec/callbacks.h"

#include <pyrite/pyrite.h>

#include <pthread.h>

#include "base/log.h"
#include "engine/engine.h"

static struct callbacks {
	pthread_mutex_t lock;
	struct executor *executor;
	bool is_looped;       /* the program's loop runs them, or will when the thread has ended */
	bool has_thread;      /* it has not */
	pthread_cond_t ended; /* it has */
} callbacks = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

static void *callbacks_main(void *data)
{
	(void)exec_work(data); /* for ever, or until they are the loop's */
	exec_attach(data);
	pthread_mutex_lock(&callbacks.lock);
	callbacks.has_thread = false;
	pthread_cond_broadcast(&callbacks.ended);
	pthread_mutex_unlock(&callbacks.lock);
	return NULL;
}

/* With the lock. */
static struct executor *make(void)
{
	struct executor *e = exec_new(1);
	pthread_t thread;

	if (!e)
		return NULL;
	exec_give_way(e);
	if (engine_thread(&thread, callbacks_main, e) < 0) {
		exec_free(e);
		return NULL;
	}
	pthread_detach(thread);
	callbacks.has_thread = true;
	return e;
}

struct executor *callbacks_executor(void)
{
	struct executor *e;

	pthread_mutex_lock(&callbacks.lock);
	if (!callbacks.executor)
		callbacks.executor = make();
	e = callbacks.executor;
	pthread_mutex_unlock(&callbacks.lock);
	return e;
}

/* Returns whether there were some by then. Waits for what their thread runs just now, unless that
 * is what asks. */
static bool move_to_loop(void)
{
	bool are_there;

	pthread_mutex_lock(&callbacks.lock);
	are_there = callbacks.executor != NULL;
	if (are_there && !callbacks.is_looped)
		exec_stop(callbacks.executor);
	callbacks.is_looped |= are_there;
	while (callbacks.has_thread && exec_current() != callbacks.executor)
		pthread_cond_wait(&callbacks.ended, &callbacks.lock);
	pthread_mutex_unlock(&callbacks.lock);
	return are_there;
}

/* Attached before it is known: the tickers' lock is taken before a peer's, and that before this
 * one. */
int callbacks_to_loop(void)
{
	struct executor *e;
	bool is_first;

	if (move_to_loop())
		return 0;
	e = exec_new(1);
	if (!e)
		return -PYR_RESOURCE_EXHAUSTED;
	exec_attach(e);
	pthread_mutex_lock(&callbacks.lock);
	is_first = !callbacks.executor;
	if (is_first) {
		callbacks.executor = e;
		callbacks.is_looped = true;
	}
	pthread_mutex_unlock(&callbacks.lock);
	if (is_first)
		return 0;
	exec_detach(e);
	exec_free(e);
	return callbacks_to_loop();
}

struct executor *callbacks_here(void)
{
	struct executor *e = exec_current();

	return e ? e : callbacks_executor();
}

void callbacks_post(struct executor *executor, struct exec_job *job)
{
	struct executor *e;

	if (exec_post(executor, job))
		return;
	e = callbacks_executor();
	if (!e || !exec_post(e, job))
		log_line(PYR_LOG_ERROR, "a callback is lost: there is no thread for it");
}
