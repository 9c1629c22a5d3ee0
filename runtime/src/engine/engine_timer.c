/* SPDX-License-Identifier: MIT */
/* Timers of the runtime's thread. Their lock is apart from the engine's: they may be set from
 * anywhere. */
#include "engine/engine.h"

#include <pyrite/pyrite.h>

#include <stdlib.h>

static struct timers {
	pthread_mutex_t lock;
	pthread_cond_t fired;
	struct engine_timer **heap; /* heap[1] is the next; places are indexes */
	size_t n, cap;
	struct engine_timer *firing;
	pthread_t thread;
} timers = { .lock = PTHREAD_MUTEX_INITIALIZER, .fired = PTHREAD_COND_INITIALIZER };

static void place(struct engine_timer *timer, size_t i)
{
	timers.heap[i] = timer;
	timer->place = i;
}

static void sift_up(struct engine_timer *timer, size_t i)
{
	for (; i > 1 && timers.heap[i / 2]->at > timer->at; i /= 2)
		place(timers.heap[i / 2], i);
	place(timer, i);
}

static void sift_down(struct engine_timer *timer, size_t i)
{
	size_t child;

	for (; (child = 2 * i) <= timers.n; i = child) {
		if (child < timers.n && timers.heap[child + 1]->at < timers.heap[child]->at)
			child++;
		if (timers.heap[child]->at >= timer->at)
			break;
		place(timers.heap[child], i);
	}
	place(timer, i);
}

static void remove_timer(struct engine_timer *timer)
{
	struct engine_timer *last = timers.heap[timers.n--];
	size_t i = timer->place;

	timer->place = 0;
	if (last == timer)
		return;
	if (i > 1 && timers.heap[i / 2]->at > last->at)
		sift_up(last, i);
	else
		sift_down(last, i);
}

static int insert_timer(struct engine_timer *timer)
{
	size_t cap = timers.cap ? 2 * timers.cap : 64;
	struct engine_timer **heap;

	if (timers.n + 2 > timers.cap) {
		heap = realloc(timers.heap, cap * sizeof(struct engine_timer *));
		if (!heap)
			return -PYR_RESOURCE_EXHAUSTED;
		timers.heap = heap;
		timers.cap = cap;
	}
	sift_up(timer, ++timers.n);
	return 0;
}

int engine_timer_set(struct engine_timer *timer, int64_t at)
{
	bool first;
	int err;

	pthread_mutex_lock(&timers.lock);
	if (timer->place)
		remove_timer(timer);
	timer->at = at;
	err = insert_timer(timer);
	first = err == 0 && timers.heap[1] == timer;
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
	if (timer->place) /* perhaps set again by its own fire() */
		remove_timer(timer);
	pthread_mutex_unlock(&timers.lock);
}

int64_t engine_fire_timers(void)
{
	struct engine_timer *timer;
	int64_t next = ENGINE_FOREVER;

	pthread_mutex_lock(&timers.lock);
	timers.thread = pthread_self();
	while (timers.n > 0) {
		timer = timers.heap[1];
		next = timer->at;
		if (next > engine_now())
			break;
		remove_timer(timer);
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
