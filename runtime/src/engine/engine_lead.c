/* SPDX-License-Identifier: MIT */
/*
 * Who polls: the leader. It handles events until it may leave. Others give it something to do by a
 * flag of its waiter or by a hook, and kick it if it polls.
 */
#include "engine/engine_own.h"

#include <grpc/grpc.h>
#include <grpc/support/time.h>

#include "base/stack.h"
#include "base/tsan.h"

enum {
	CATCH_UP_ALL =
		20 * ENGINE_MS, /* nobody has polled: receives that were put off are started */
	CATCH_UP_MISSES = 3, /* core looks at one descriptor in a poll, which may have no event */
	CATCH_UP_MAX = 256   /* events; the rest comes when somebody waits */
};

static _Thread_local struct engine_waiter *leading;

struct engine_waiter *engine_leading(void)
{
	return leading;
}

bool engine_is_led(void)
{
	return atomic_load(&engine.leader) != NULL;
}

/* ---- what others give it to do ---- */

static void start_empty_batch(void *unused)
{
	(void)unused;
	TSAN_RELEASE(&engine.kick_event);
	grpc_call_start_batch(engine.kick_call, NULL, 0, &engine.kick_event, NULL);
}

void engine_kick(void)
{
	if (atomic_exchange(&engine.is_polling, false))
		stack_call(start_empty_batch, NULL);
}

void engine_before_poll(struct engine_hook *hook)
{
	hook->next = atomic_load(&engine.hooks);
	while (!atomic_compare_exchange_weak(&engine.hooks, &hook->next, hook))
		;
	if (leading) /* it runs it itself */
		return;
	pthread_mutex_lock(&engine.lock);
	engine.has_flush = true;
	if (engine.leader)
		engine_kick();
	else
		engine_watch_hooks();
	pthread_mutex_unlock(&engine.lock);
}

static void run_hooks(void)
{
	struct engine_hook *hook, *next;

	if (!atomic_load_explicit(&engine.hooks, memory_order_relaxed))
		return;
	for (hook = atomic_exchange(&engine.hooks, NULL); hook; hook = next) {
		next = hook->next;
		hook->run(hook);
	}
}

/* ---- polling ---- */

/* How long a poll may wait; 0: not at all. */
static gpr_timespec limit_of(int64_t until)
{
	if (until == ENGINE_FOREVER)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return (gpr_timespec){ until / 1000000000, (int32_t)(until % 1000000000),
			       GPR_CLOCK_MONOTONIC };
}

/* Returns whether there was an event by then, which is handled. */
static bool handle_next(int64_t until)
{
	grpc_event event = grpc_completion_queue_next(engine.queue, limit_of(until), NULL);
	struct engine_event *tag = event.tag;

	atomic_store_explicit(&engine.is_polling, false, memory_order_relaxed);
	if (event.type != GRPC_OP_COMPLETE)
		return false;
	TSAN_ACQUIRE(tag);
	tag->done(tag, event.success != 0);
	return true;
}

/* Handles one event, or returns at `until`. */
static bool poll_once(int64_t until)
{
	run_hooks();
	atomic_store(&engine.is_polling, true);
	if (engine_may_leave(leading)) {
		atomic_store_explicit(&engine.is_polling, false, memory_order_relaxed);
		return false;
	}
	if (atomic_load(&engine.hooks)) /* added by a hook, or just now */
		until = 0;
	return handle_next(until);
}

/* Called with the lock, which the leader does not hold until it calls resign(). */
static void take_lead(struct engine_waiter *waiter)
{
	engine.leader = leading = waiter;
	pthread_mutex_unlock(&engine.lock);
}

static void resign(void)
{
	leading = NULL;
	pthread_mutex_lock(&engine.lock);
	engine.leader = NULL;
	if (!atomic_load(&engine.hooks))
		engine.has_flush = false;
}

void engine_lead(struct engine_waiter *waiter, int64_t until)
{
	take_lead(waiter);
	while (!engine_may_leave(waiter)) {
		(void)poll_once(until);
		if (until != ENGINE_FOREVER && engine_now() >= until)
			break;
	}
	resign();
}

/*
 * A thread that waits for a reply goes first. Method threads are left asleep when one of them
 * leaves the queue to run a short method: it will be back, else the runtime's thread finds out.
 */
void engine_promote(bool is_brief)
{
	struct engine_waiter *w = engine.followers;

	if (!w || engine.leader)
		return;
	while (w->is_worker && w->next != engine.followers)
		w = w->next;
	if (!w->is_worker || !is_brief)
		pthread_cond_signal(&w->cond);
}

/* ---- catching up ---- */

/*
 * A receive that is started before what is about to be sent costs a write of its own (link_grpc.c).
 * So hooks run only if something has come, or if it is long ago: what then comes may wait for one.
 */
static void handle_all(int64_t idle)
{
	int n, misses = 0;
	bool any = handle_next(0) || idle >= CATCH_UP_ALL;

	for (n = 0; any && n < CATCH_UP_MAX && misses < CATCH_UP_MISSES; n++)
		misses = poll_once(0) ? 0 : misses + 1;
}

static void catch_up(void *arg)
{
	struct engine_waiter self;

	engine_waiter_init(&self, false);
	pthread_mutex_lock(&engine.lock);
	if (!engine.leader) {
		take_lead(&self);
		handle_all(*(int64_t *)arg);
		resign();
		engine_promote(false);
		engine_watch_left();
	}
	pthread_mutex_unlock(&engine.lock);
	engine_waiter_fini(&self);
}

void engine_catch_up(void)
{
	int64_t idle;

	if (atomic_load_explicit(&engine.leader, memory_order_relaxed))
		return; /* who handles what comes at once */
	idle = engine_now() - atomic_load_explicit(&engine.left_at, memory_order_relaxed);
	if (idle >= ENGINE_TICK)
		stack_call(catch_up, &idle);
}
