/* SPDX-License-Identifier: MIT */
/* The engine's beginning, and who waits: as the leader, behind it, or as a task. */
#include "engine/engine_own.h"

#include <pyrite/pyrite.h>

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/cond.h"

struct engine engine = { .lock = PTHREAD_MUTEX_INITIALIZER };

int64_t engine_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t engine_until(int64_t timeout_ms)
{
	if (timeout_ms < 0 || timeout_ms >= INT64_MAX / ENGINE_MS / 2)
		return ENGINE_FOREVER;
	return engine_now() + timeout_ms * ENGINE_MS;
}

static void on_fork(void)
{
	atomic_store(&engine.forked, engine.is_started);
}

bool engine_is_forked(void)
{
	return atomic_load_explicit(&engine.forked, memory_order_relaxed);
}

static bool start_thread(void)
{
	if (!engine_watch_init())
		return false;
	if (pthread_create(&engine.thread, NULL, engine_watch_main, NULL) != 0) {
		engine_watch_fini();
		return false;
	}
	pthread_detach(engine.thread);
	return true;
}

/* What fails for lack of memory or descriptors may be tried again. */
static int start_locked(void)
{
	if (!engine.hears_forks && pthread_atfork(NULL, NULL, on_fork) != 0)
		return -PYR_RESOURCE_EXHAUSTED;
	engine.hears_forks = true;
	if (!engine_poll_init())
		return -PYR_RESOURCE_EXHAUSTED;
	engine_waiter_init(&engine.runtime, false);
	if (start_thread())
		return 0;
	engine_waiter_fini(&engine.runtime);
	engine_poll_fini();
	return -PYR_RESOURCE_EXHAUSTED;
}

int engine_thread(pthread_t *ret, void *(*main)(void *), void *data)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(ret, NULL, main, data);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err ? -PYR_RESOURCE_EXHAUSTED : 0;
}

int engine_start(void)
{
	sigset_t all, old;
	int err = 0;

	if (engine_is_forked())
		return -PYR_FAILED_PRECONDITION;
	pthread_mutex_lock(&engine.lock);
	if (!engine.is_started) { /* ours inherit a full mask */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		err = start_locked();
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		engine.is_started = err == 0;
	}
	pthread_mutex_unlock(&engine.lock);
	return err;
}

void engine_add_daemon(int n)
{
	pthread_mutex_lock(&engine.lock);
	engine.daemons += n;
	engine_poke();
	pthread_mutex_unlock(&engine.lock);
}

bool engine_has_daemon(void)
{
	bool has;

	pthread_mutex_lock(&engine.lock);
	has = engine.daemons > 0;
	pthread_mutex_unlock(&engine.lock);
	return has;
}

/* ---- waiting ---- */

void engine_waiter_init(struct engine_waiter *waiter, bool is_worker)
{
	*waiter = (struct engine_waiter){ .is_worker = is_worker, .is_brief = is_worker };
	cond_init(&waiter->cond);
}

void engine_waiter_fini(struct engine_waiter *waiter)
{
	pthread_cond_destroy(&waiter->cond);
}

static void follow(struct engine_waiter *waiter)
{
	struct engine_waiter *first = engine.followers;

	if (first) {
		waiter->next = first;
		waiter->prev = first->prev;
		first->prev->next = waiter;
		first->prev = waiter;
	} else {
		engine.followers = waiter->next = waiter->prev = waiter;
	}
	waiter->queued = true;
}

static void unfollow(struct engine_waiter *waiter)
{
	if (engine.followers == waiter)
		engine.followers = waiter->next == waiter ? NULL : waiter->next;
	waiter->next->prev = waiter->prev;
	waiter->prev->next = waiter->next;
	waiter->queued = false;
}

static void timed_wait(pthread_cond_t *cond, int64_t until)
{
	struct timespec t = { until / 1000000000, until % 1000000000 };

	if (until == ENGINE_FOREVER)
		pthread_cond_wait(cond, &engine.lock);
	else
		pthread_cond_timedwait(cond, &engine.lock, &t);
}

bool engine_wait(struct engine_waiter *waiter, int64_t until)
{
	bool timed = until != ENGINE_FOREVER, has_led = false, has_ceded = false, is_ready;

	if (engine_fiber())
		return engine_fiber_wait(waiter, until, false) > 0;

	pthread_mutex_lock(
		&engine.lock); /* also if it is ready: engine_wake() is then done with it */
	while (!engine_may_leave(waiter)) {
		if (timed && (has_led || engine.leader) && engine_now() >= until)
			break;
		/* also when there is no time: what has come is handled */
		if (!engine.leader && !has_ceded) {
			has_ceded = engine_lead(waiter, until);
			has_led = true;
			continue;
		}
		if (has_ceded)
			engine_watch_left();
		has_ceded = false;
		engine_want_lead(waiter);
		follow(waiter);
		if (engine.leader == &engine.runtime)
			engine_poke(); /* it has its own work: who waits polls for itself */
		timed_wait(&waiter->cond, until);
		unfollow(waiter);
	}
	atomic_store_explicit(&waiter->is_nudged, false, memory_order_relaxed);
	engine_pass_on(waiter);
	if (has_led && !engine.leader)
		engine_watch_left();
	/* With the lock: whoever sets the flag after this has yet to look at the waiter, which its
	 * owner may free only once that is over. */
	is_ready = engine_is_ready(waiter);
	pthread_mutex_unlock(&engine.lock);
	return is_ready;
}

static void raise_locked(struct engine_waiter *waiter, atomic_bool *flag)
{
	atomic_store(flag, true);
	if (waiter->fiber)
		engine_fiber_wake(waiter->fiber);
	else if (engine.leader == waiter)
		engine_kick();
	else if (waiter->queued) {
		engine_shift_lead(waiter);
		pthread_cond_signal(&waiter->cond);
	} else if (waiter->is_loop)
		engine_loop_ring();
}

void engine_wake_locked(struct engine_waiter *waiter)
{
	raise_locked(waiter, &waiter->ready);
}

static void raise_flag(struct engine_waiter *waiter, atomic_bool *flag)
{
	if (engine_leading() == waiter) {
		atomic_store_explicit(flag, true, memory_order_release);
		return;
	}
	pthread_mutex_lock(&engine.lock);
	raise_locked(waiter, flag);
	pthread_mutex_unlock(&engine.lock);
}

void engine_wake(struct engine_waiter *waiter)
{
	raise_flag(waiter, &waiter->ready);
}

void engine_nudge(struct engine_waiter *waiter)
{
	raise_flag(waiter, &waiter->is_nudged);
}
