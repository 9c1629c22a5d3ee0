/* SPDX-License-Identifier: MIT */
#include "link/engine.h"

#include <pyrite/pyrite.h>

#include <grpc/grpc.h>
#include <grpc/support/time.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/stack.h"
#include "base/tsan.h"
#include "link/engine_locks.h"

/*
 * Locks: engine.lock guards everything in struct engine but the atomics; it is innermost but for
 * core's own locks (a kick starts an empty batch under it).
 */

enum { TICK = 1 * ENGINE_MS, QUIET_TICKS = 100 };

static struct engine {
	pthread_mutex_t lock;
	grpc_completion_queue *queue;
	grpc_call *kick_call; /* an empty batch on it posts an event: the way to wake a leader */
	struct engine_event kick_event;
	struct engine_waiter *leader;    /* polls, or is about to */
	struct engine_waiter *followers; /* circular list, oldest first */
	struct engine_hook *_Atomic hooks;
	struct engine_waiter runtime; /* of the runtime's own thread, as a leader */
	pthread_cond_t runtime_cond;  /* it sleeps here when it does not lead */
	atomic_bool runtime_poked;    /* it is to look at timers and followers again */
	unsigned fast;                /* looks of that thread that are to come every tick */
	int daemons;
	atomic_uint n_followers;
	atomic_uint polls; /* counts each entry into the queue: "has anybody polled since?" */
	atomic_bool is_led;
	atomic_bool is_led_by_runtime;
	atomic_bool is_wanted; /* somebody needs the ticks */
	atomic_bool dormant;   /* the runtime's thread sleeps without ticking */
	atomic_bool is_slow;   /* it looks every QUIET_TICKS */
	atomic_bool has_flush; /* a hook waits that was not added by a leader */
	atomic_bool forked;
	int status; /* of engine_start(): 1 not yet, else its result */
} engine = { .lock = PTHREAD_MUTEX_INITIALIZER, .status = 1 };

static _Thread_local struct engine_waiter *leading;

static void *runtime_main(void *data);

int64_t engine_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_kick(struct engine_event *event, bool ok)
{
	(void)event;
	(void)ok;
}

static void on_fork(void)
{
	atomic_store(&engine.forked, engine.status != 1);
}

bool engine_is_forked(void)
{
	return atomic_load_explicit(&engine.forked, memory_order_relaxed);
}

struct grpc_completion_queue *engine_queue(void)
{
	return engine.queue;
}

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static int start_locked(void)
{
	grpc_channel *lame;
	pthread_t thread;

	pthread_atfork(NULL, NULL, on_fork);
	engine_locks_init();
	grpc_init();
	engine.queue = grpc_completion_queue_create_for_next(NULL);
	lame = grpc_lame_client_channel_create("kick", GRPC_STATUS_UNAVAILABLE, "kick");
	engine.kick_call =
		grpc_channel_create_call(lame, NULL, GRPC_PROPAGATE_DEFAULTS, engine.queue,
					 grpc_slice_from_static_string("/kick"), NULL,
					 gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_channel_destroy(lame);
	engine.kick_event.done = on_kick;
	engine_waiter_init(&engine.runtime, false);
	init_cond(&engine.runtime_cond);
	if (pthread_create(&thread, NULL, runtime_main, NULL) != 0)
		return -PYR_RESOURCE_EXHAUSTED;
	pthread_detach(thread);
	return 0;
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
	int err;

	if (engine_is_forked())
		return -PYR_FAILED_PRECONDITION;
	pthread_mutex_lock(&engine.lock);
	if (engine.status == 1) { /* core's threads and ours inherit a full mask */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		engine.status = start_locked();
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	err = engine.status;
	pthread_mutex_unlock(&engine.lock);
	return err;
}

/* ---- waiting ---- */

void engine_waiter_init(struct engine_waiter *waiter, bool is_worker)
{
	*waiter = (struct engine_waiter){ .is_worker = is_worker, .is_brief = is_worker };
	init_cond(&waiter->cond);
}

void engine_waiter_fini(struct engine_waiter *waiter)
{
	pthread_cond_destroy(&waiter->cond);
}

struct engine_waiter *engine_leading(void)
{
	return leading;
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
	atomic_fetch_add(&engine.n_followers, 1);
}

static void unfollow(struct engine_waiter *waiter)
{
	if (engine.followers == waiter)
		engine.followers = waiter->next == waiter ? NULL : waiter->next;
	waiter->next->prev = waiter->prev;
	waiter->prev->next = waiter->next;
	waiter->queued = false;
	atomic_fetch_sub(&engine.n_followers, 1);
}

static void timed_wait(pthread_cond_t *cond, int64_t until)
{
	struct timespec t = { until / 1000000000, until % 1000000000 };

	if (until == ENGINE_FOREVER)
		pthread_cond_wait(cond, &engine.lock);
	else
		pthread_cond_timedwait(cond, &engine.lock, &t);
}

static void start_empty_batch(void *unused)
{
	(void)unused;
	TSAN_RELEASE(&engine.kick_event);
	grpc_call_start_batch(engine.kick_call, NULL, 0, &engine.kick_event, NULL);
}

static void kick(void)
{
	stack_call(start_empty_batch, NULL);
}

/* The runtime's thread is to look again. With the lock. */
static void poke(void)
{
	engine.runtime_poked = true;
	pthread_cond_signal(&engine.runtime_cond);
}

void engine_want_ticks(void)
{
	if (atomic_exchange(&engine.is_wanted, true)) /* who was first has seen to it */
		return;
	/* That thread looks for what is wanted after it has set these. */
	if (!atomic_load(&engine.dormant) && !atomic_load(&engine.is_slow) &&
	    !atomic_load(&engine.is_led_by_runtime))
		return;
	pthread_mutex_lock(&engine.lock);
	if (engine.leader == &engine.runtime)
		kick();
	else
		poke();
	pthread_mutex_unlock(&engine.lock);
}

void engine_before_poll(struct engine_hook *hook)
{
	hook->next = atomic_load(&engine.hooks);
	while (!atomic_compare_exchange_weak(&engine.hooks, &hook->next, hook))
		;
	if (leading)
		return;
	atomic_store(&engine.has_flush, true);
	engine_want_ticks();
}

static void run_hooks(void)
{
	struct engine_hook *hook, *next;

	if (!atomic_load_explicit(&engine.hooks, memory_order_relaxed))
		return;
	if (atomic_load(&engine.has_flush))
		atomic_store(&engine.has_flush, false);
	for (hook = atomic_exchange(&engine.hooks, NULL); hook; hook = next) {
		next = hook->next;
		hook->run(hook);
	}
}

static bool is_ready(struct engine_waiter *waiter)
{
	return atomic_load_explicit(&waiter->ready, memory_order_acquire);
}

static bool may_leave(struct engine_waiter *waiter)
{
	return is_ready(waiter) || atomic_load_explicit(&waiter->is_nudged, memory_order_relaxed);
}

/* Handles one event, or returns at `until`. Called without the lock. */
static void poll_once(int64_t until)
{
	gpr_timespec t = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	struct engine_event *tag;
	grpc_event event;

	if (until != ENGINE_FOREVER)
		t = (gpr_timespec){ until / 1000000000, (int32_t)(until % 1000000000),
				    GPR_CLOCK_MONOTONIC };
	run_hooks();
	if (may_leave(leading)) /* a hook had what it waits for */
		return;
	if (atomic_load_explicit(&engine.hooks, memory_order_relaxed)) /* added by a hook */
		t = gpr_time_0(GPR_CLOCK_MONOTONIC);
	atomic_store_explicit(&engine.polls, /* which the leader alone writes */
			      atomic_load_explicit(&engine.polls, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	event = grpc_completion_queue_next(engine.queue, t, NULL);
	if (event.type != GRPC_OP_COMPLETE)
		return;
	tag = event.tag;
	TSAN_ACQUIRE(tag);
	tag->done(tag, event.success != 0);
}

/* Leads until there is no more reason to. Called with the lock, which is not held meanwhile. */
static void lead(struct engine_waiter *waiter, int64_t until)
{
	engine.leader = waiter;
	atomic_store(&engine.is_led, true);
	pthread_mutex_unlock(&engine.lock);
	leading = waiter;
	while (!may_leave(waiter)) {
		poll_once(until);
		if (until != ENGINE_FOREVER && engine_now() >= until)
			break;
	}
	leading = NULL;
	pthread_mutex_lock(&engine.lock);
	engine.leader = NULL;
	atomic_store_explicit(&engine.is_led, false, memory_order_relaxed);
}

/*
 * The runtime's thread leads, until the next timer or until somebody waits, who then polls for
 * himself. The ticks that are wanted meanwhile come. Called with the lock, not held meanwhile.
 */
static void lead_for_others(int64_t until)
{
	int64_t tick = ENGINE_FOREVER;

	engine.leader = leading = &engine.runtime;
	atomic_store(&engine.is_led, true);
	atomic_store(&engine.is_led_by_runtime, true); /* before the look at what is wanted */
	pthread_mutex_unlock(&engine.lock);
	do {
		if (tick == ENGINE_FOREVER && atomic_load(&engine.is_wanted))
			tick = engine_now() + TICK;
		poll_once(tick < until ? tick : until);
		if (tick != ENGINE_FOREVER && engine_now() >= tick) {
			tick = ENGINE_FOREVER;
			atomic_store(&engine.is_wanted, false);
			engine_tick();
		}
	} while (atomic_load(&engine.n_followers) == 0 && !atomic_load(&engine.runtime_poked) &&
		 (until == ENGINE_FOREVER || engine_now() < until));
	pthread_mutex_lock(&engine.lock);
	engine.leader = leading = NULL;
	atomic_store(&engine.is_led_by_runtime, false);
	atomic_store_explicit(&engine.is_led, false, memory_order_relaxed);
}

/*
 * Nobody leads any more: asks a follower to. A thread that waits for a reply goes first. Method
 * threads are left asleep when one of them leaves the queue to run a short method: it will be back,
 * else a tick finds out.
 */
static void promote(bool is_brief)
{
	struct engine_waiter *w = engine.followers;

	if (!w || engine.leader)
		return;
	while (w->is_worker && w->next != engine.followers)
		w = w->next;
	if (!w->is_worker || !is_brief)
		pthread_cond_signal(&w->cond);
}

bool engine_wait(struct engine_waiter *waiter, int64_t until)
{
	bool timed = until != ENGINE_FOREVER, has_led = false;

	if (engine_fiber())
		return engine_fiber_wait(waiter, until, false) > 0;

	pthread_mutex_lock(
		&engine.lock); /* also if it is ready: engine_wake() is then done with it */
	while (!may_leave(waiter)) {
		if (timed && (has_led || engine.leader) && engine_now() >= until)
			break;
		if (!engine.leader) { /* also when there is no time: what has come is handled */
			lead(waiter, until);
			has_led = true;
			continue;
		}
		follow(waiter);
		if (engine.leader == &engine.runtime)
			kick(); /* it has its own work: who waits polls for itself */
		timed_wait(&waiter->cond, until);
		unfollow(waiter);
	}
	atomic_store_explicit(&waiter->is_nudged, false, memory_order_relaxed);
	promote(waiter->is_brief);
	if (atomic_load_explicit(&engine.dormant, memory_order_relaxed))
		poke();
	pthread_mutex_unlock(&engine.lock);
	return is_ready(waiter);
}

static void raise_locked(struct engine_waiter *waiter, atomic_bool *flag)
{
	atomic_store_explicit(flag, true, memory_order_release);
	if (waiter->fiber)
		engine_fiber_wake(waiter->fiber);
	else if (engine.leader == waiter && leading != waiter)
		kick();
	else if (waiter->queued)
		pthread_cond_signal(&waiter->cond);
}

void engine_wake_locked(struct engine_waiter *waiter)
{
	raise_locked(waiter, &waiter->ready);
}

void engine_lock(void)
{
	pthread_mutex_lock(&engine.lock);
}

void engine_unlock(void)
{
	pthread_mutex_unlock(&engine.lock);
}

static void raise_flag(struct engine_waiter *waiter, atomic_bool *flag)
{
	if (leading == waiter) {
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

bool engine_is_led(void)
{
	return atomic_load(&engine.is_led);
}

void engine_add_daemon(int n)
{
	pthread_mutex_lock(&engine.lock);
	engine.daemons += n;
	poke();
	pthread_mutex_unlock(&engine.lock);
}

void engine_timers_changed(void)
{
	pthread_mutex_lock(&engine.lock);
	poke();
	if (engine.leader == &engine.runtime && leading != &engine.runtime)
		kick();
	pthread_mutex_unlock(&engine.lock);
}

/* ---- the runtime's thread ---- */

/*
 * Where no methods run and nothing waits to be sent, nobody misses the ticks: a look every
 * QUIET_TICKS will do, and does not disturb who makes calls. A hook brings the ticks back. With the
 * lock.
 */
static bool may_be_slow(void)
{
	atomic_store(&engine.is_slow, true); /* before the look: who comes later sees it */
	if (engine.daemons > 0 || atomic_load(&engine.has_flush))
		engine.fast = QUIET_TICKS;
	if (engine.fast == 0)
		return true;
	engine.fast--;
	atomic_store(&engine.is_slow, false);
	return false;
}

/*
 * One look, every tick: is the engine led? If nobody has polled since the last look and nobody
 * leads, a follower is asked to, and if there is none the runtime's thread leads itself until one
 * comes. Returns how long to sleep.
 */
static int64_t watch(unsigned *last_polls, unsigned *quiet, int64_t next_timer)
{
	unsigned polls = atomic_load(&engine.polls);
	bool still = polls == *last_polls;

	*last_polls = polls;
	*quiet = still ? *quiet + (engine.is_slow ? QUIET_TICKS : 1) : 0;
	if (still && !engine.leader && !engine.followers && !atomic_load(&engine.runtime_poked)) {
		if (engine.daemons > 0 || *quiet >= QUIET_TICKS)
			lead_for_others(next_timer);
		else if (atomic_load(&engine.hooks)) /* what was to be sent with the next poll */
			lead_for_others(engine_now());
	}
	if (still)
		promote(false);
	if (*quiet >= QUIET_TICKS && engine.leader)
		return ENGINE_FOREVER;
	return engine_now() + (may_be_slow() ? QUIET_TICKS * TICK : TICK);
}

static void *runtime_main(void *data)
{
	unsigned last_polls = 0, quiet = 0;
	int64_t next_timer, until;

	(void)data;
	for (;;) {
		next_timer = engine_fire_timers();
		engine_tick();
		pthread_mutex_lock(&engine.lock);
		until = watch(&last_polls, &quiet, next_timer);
		atomic_store(&engine.dormant, until == ENGINE_FOREVER);
		if (atomic_exchange(&engine.is_wanted, false) && until > engine_now() + TICK)
			until = engine_now() + TICK;
		if (next_timer < until)
			until = next_timer;
		if (!engine.runtime_poked && until > engine_now())
			timed_wait(&engine.runtime_cond, until);
		if (engine.runtime_poked) {
			quiet = 0;
			engine.fast = QUIET_TICKS;
			atomic_store(&engine.is_slow, false);
		}
		engine.runtime_poked = false;
		atomic_store(&engine.dormant, false);
		pthread_mutex_unlock(&engine.lock);
	}
	return NULL;
}
