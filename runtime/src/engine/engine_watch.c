/* SPDX-License-Identifier: MIT */
/*
 * The runtime's thread. It fires timers, calls tickers that are wanted, and sees to it that
 * somebody polls: once nobody has for a tick in a process with a daemon, whose method threads may
 * all be busy, and for a hundred in others, it polls itself until somebody waits.
 *
 * It sleeps on an alarm that every leader which leaves puts off again, as one feeds a watchdog. So
 * a process that is busy with short methods or calls does not wake it: a leader sets the alarm
 * about once a tick, and it rings one to two ticks after the last one has left.
 */
#define _GNU_SOURCE /* pthread_setname_np() */
#include "engine/engine_own.h"

#include <sys/timerfd.h>
#include <unistd.h>

bool engine_watch_init(void)
{
	atomic_store(&engine.tick, ENGINE_FOREVER);
	engine.next_timer = engine.look_at = ENGINE_FOREVER;
	atomic_store(&engine.left_at, engine_now());
	engine.alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	return engine.alarm >= 0;
}

void engine_watch_fini(void)
{
	close(engine.alarm);
}

static void set_alarm(int64_t at)
{
	struct itimerspec t = { { 0, 0 }, { at / 1000000000, at % 1000000000 } };

	engine.look_at = at;
	if (at == ENGINE_FOREVER)
		t.it_value.tv_sec = 0;
	else if (at <= 0)
		t.it_value = (struct timespec){ 0, 1 }; /* long ago; 0 would stop it */
	if (at == ENGINE_FOREVER)
		t.it_value.tv_nsec = 0;
	timerfd_settime(engine.alarm, TFD_TIMER_ABSTIME, &t, NULL);
}

static void look_by(int64_t at)
{
	if (at < engine.look_at)
		set_alarm(at);
}

static bool is_here(void)
{
	return pthread_equal(engine.thread, pthread_self());
}

void engine_poke(void)
{
	atomic_store(&engine.runtime.is_nudged, true);
	if (is_here()) /* it looks before it sleeps */
		return;
	if (engine.leader == &engine.runtime)
		engine_kick();
	else
		look_by(0);
}

void engine_timers_changed(void)
{
	pthread_mutex_lock(&engine.lock);
	engine_poke();
	pthread_mutex_unlock(&engine.lock);
}

void engine_want_tick(void)
{
	if (atomic_load(&engine.tick) != ENGINE_FOREVER)
		return;
	pthread_mutex_lock(&engine.lock);
	if (atomic_load(&engine.tick) == ENGINE_FOREVER) {
		atomic_store(&engine.tick, engine_now() + ENGINE_TICK);
		if (engine.leader == &engine.runtime)
			engine_poke();
		else
			look_by(atomic_load(&engine.tick));
	}
	pthread_mutex_unlock(&engine.lock);
}

void engine_watch_hooks(void)
{
	int64_t now = engine_now();

	engine.lively_until = now + ENGINE_QUIET;
	look_by(now + 2 * ENGINE_TICK);
}

/* How long nobody need poll. */
static int64_t patience(int64_t now)
{
	return engine.daemons > 0 || engine.has_flush || now < engine.lively_until ? ENGINE_TICK
										   : ENGINE_QUIET;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What is to happen at a time of its own. */
static int64_t next_date(void)
{
	return earlier(engine.next_timer, atomic_load(&engine.tick));
}

void engine_watch_left(void)
{
	int64_t now = engine_now(), most = patience(now), at;

	atomic_store_explicit(&engine.left_at, now, memory_order_relaxed);
	at = engine_loop_covers() ? next_date() : earlier(now + 2 * most, next_date());
	if (at < engine.look_at || (engine.look_at < now + most && engine.look_at < at &&
				    !atomic_load(&engine.runtime.is_nudged)))
		set_alarm(at);
}

/* Sees to it that somebody polls, perhaps this thread itself, `until` its next date. Returns when
 * to look again. */
static int64_t watch(int64_t until)
{
	int64_t now = engine_now(), most = engine.daemons > 0 ? ENGINE_TICK : ENGINE_QUIET;
	bool is_left = now - engine.left_at >= most;

	if (engine.leader || engine_loop_covers())
		return ENGINE_FOREVER; /* who leaves, or comes in, sets the alarm */
	if (!is_left && !engine.has_flush)
		return engine.left_at + most;
	if (!engine.followers) {
		engine_lead(&engine.runtime, is_left ? until : now);
		now = engine_now();
	}
	engine_promote(false);
	return now + ENGINE_TICK; /* by then somebody leads */
}

/* Sleeps until there is something to do, if there is nothing now. */
static void sleep_until(int64_t at)
{
	uint64_t n;

	if (atomic_load(&engine.runtime.is_nudged) || at <= engine_now())
		return;
	set_alarm(at);
	pthread_mutex_unlock(&engine.lock);
	(void)!read(engine.alarm, &n, sizeof(n));
	pthread_mutex_lock(&engine.lock);
}

/* Calls the tickers if that is wanted by now. */
static void tick(void)
{
	if (engine_now() < atomic_load(&engine.tick))
		return;
	atomic_store(&engine.tick, ENGINE_FOREVER); /* before they look at what has been wanted */
	pthread_mutex_unlock(&engine.lock);
	engine_tick();
	pthread_mutex_lock(&engine.lock);
}

void *engine_watch_main(void *unused)
{
	int64_t next;

	(void)unused;
	pthread_setname_np(pthread_self(), "pyrite-runtime");
	pthread_mutex_lock(&engine.lock);
	for (;;) {
		atomic_store(&engine.runtime.is_nudged, false);
		pthread_mutex_unlock(&engine.lock);
		next = engine_fire_timers();
		pthread_mutex_lock(&engine.lock);
		engine.next_timer = next;
		tick();
		next = watch(next_date());
		sleep_until(earlier(next, next_date()));
	}
	return NULL;
}
