/* SPDX-License-Identifier: MIT */
/*
 * Executors whose work the program's own loop does. Each has one worker that no thread belongs to:
 * parked until there is work, which wakes the loop, it is lent to the thread that comes by.
 */
#include "exec/exec_own.h"

#include <pyrite/pyrite.h>

enum { TURN = 64 /* calls and jobs of one executor, before the others' */ };

static struct looped {
	pthread_mutex_t lock; /* before the executors' */
	struct executor *first;
	unsigned round;
} looped = { .lock = PTHREAD_MUTEX_INITIALIZER };

void exec_make_serial(struct executor *e)
{
	pthread_mutex_lock(&e->lock);
	e->n_workers = 1;
	pthread_mutex_unlock(&e->lock);
}

void exec_attach(struct executor *e)
{
	struct worker *w = exec_first_worker(e);

	w->wakes = engine_loop_waiter();
	exec_start_ticking(e);
	pthread_mutex_lock(&looped.lock);
	pthread_mutex_lock(&e->lock);
	e->is_stopping = false;
	e->workers = w;
	e->n_threads = 1;
	exec_park(w);
	e->round = looped.round;
	e->next_looped = looped.first;
	looped.first = e;
	if (e->jobs || e->ready)
		exec_wake_one(e);
	pthread_mutex_unlock(&e->lock);
	pthread_mutex_unlock(&looped.lock);
}

void exec_detach(struct executor *e)
{
	struct executor **at;
	struct worker *w;

	pthread_mutex_lock(&looped.lock);
	for (at = &looped.first; *at != e; at = &(*at)->next_looped)
		;
	*at = e->next_looped;
	pthread_mutex_unlock(&looped.lock);
	pthread_mutex_lock(&e->lock);
	e->is_stopping = true;
	while (e->is_busy)
		pthread_cond_wait(&e->quiet, &e->lock);
	w = e->workers;
	e->workers = NULL;
	e->n_threads = 0;
	if (w->is_parked)
		exec_unpark(w);
	pthread_mutex_unlock(&e->lock);
	exec_stop_ticking(e);
	exec_free_worker(w);
}

/* Marks it busy, and counts it. NULL: none has work that had no turn in this round. */
static struct executor *pick(void)
{
	struct executor *e;
	bool is_found = false;

	pthread_mutex_lock(&looped.lock);
	for (e = looped.first; e; e = e->next_looped) {
		if (e->round == looped.round)
			continue;
		pthread_mutex_lock(&e->lock);
		is_found = !e->workers->is_parked;
		if (is_found) {
			e->round = looped.round;
			e->is_busy = true;
			exec_ref(e);
		}
		pthread_mutex_unlock(&e->lock);
		if (is_found)
			break;
	}
	pthread_mutex_unlock(&looped.lock);
	return e;
}

static void run(struct executor *e)
{
	struct worker *outer = exec_self, *w = e->workers;
	int left = TURN;

	exec_self = w;
	pthread_mutex_lock(&e->lock);
	while (left-- > 0 && !e->is_stopping && exec_run_next(w))
		;
	exec_measure(w);
	w->since = 0;
	pthread_mutex_unlock(&e->lock);
	exec_uncork();
	exec_self = outer;
	pthread_mutex_lock(&e->lock);
	exec_park(w);
	if (!e->is_stopping && (e->jobs || e->ready))
		exec_wake_one(e);
	e->is_busy = false;
	pthread_cond_broadcast(&e->quiet);
	pthread_mutex_unlock(&e->lock);
	exec_unref(e);
}

bool exec_loop_run(void)
{
	struct executor *e;
	bool any = false;

	pthread_mutex_lock(&looped.lock);
	looped.round++;
	pthread_mutex_unlock(&looped.lock);
	while ((e = pick())) {
		run(e);
		any = true;
	}
	return any;
}
