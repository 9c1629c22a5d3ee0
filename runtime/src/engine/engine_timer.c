/* SPDX-License-Identifier: MIT */
/* Timers of the runtime's thread. Their lock is apart from the engine's: they may be set from
 * anywhere. */
#include "engine/engine.h"

#include <pyrite/pyrite.h>

#include <stddef.h>

static struct timers {
	pthread_mutex_t lock;
	pthread_cond_t fired;
	struct time_heap heap;
	struct engine_timer *firing;
	pthread_t thread;
} timers = { .lock = PTHREAD_MUTEX_INITIALIZER, .fired = PTHREAD_COND_INITIALIZER };

/* NULL: there is none. With the lock, as the others here. */
static struct engine_timer *first_timer(void)
{
	struct time_place *first = time_heap_first(&timers.heap);

	return first ? (struct engine_timer *)((char *)first - offsetof(struct engine_timer, when))
		     : NULL;
}

int engine_timer_set(struct engine_timer *timer, int64_t at)
{
	bool first;
	int err = 0;

	pthread_mutex_lock(&timers.lock);
	time_heap_remove(&timers.heap, &timer->when);
	if (time_heap_reserve(&timers.heap, timers.heap.n + 1))
		time_heap_add(&timers.heap, &timer->when, at);
	else
		err = -PYR_RESOURCE_EXHAUSTED;
	first = err == 0 && first_timer() == timer;
	pthread_mutex_unlock(&timers.lock);
	if (first) /* the runtime's thread may sleep past it */
		engine_timers_changed();
	return err;
}

void engine_timer_cancel(struct engine_timer *timer)
{
	pthread_mutex_lock(&timers.lock);
	while (timers.firing == timer && !pthread_equal(timers.thread, pthread_self()))
		pthread_cond_wait(&timers.fired, &timers.lock);
	time_heap_remove(&timers.heap, &timer->when); /* perhaps set again by its own fire() */
	pthread_mutex_unlock(&timers.lock);
}

int64_t engine_fire_timers(void)
{
	struct engine_timer *timer;
	int64_t next = ENGINE_FOREVER;

	pthread_mutex_lock(&timers.lock);
	timers.thread = pthread_self();
	while ((timer = first_timer()) != NULL) {
		next = timer->when.at;
		if (next > engine_now())
			break;
		time_heap_remove(&timers.heap, &timer->when);
		next = ENGINE_FOREVER;
		timers.firing = timer;
		pthread_mutex_unlock(&timers.lock);
		timer->fire(timer);
		pthread_mutex_lock(&timers.lock);
		timers.firing = NULL;
		pthread_cond_broadcast(&timers.fired);
	}
	pthread_mutex_unlock(&timers.lock);
	return next;
}
