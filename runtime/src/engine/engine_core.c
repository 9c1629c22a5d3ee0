/* SPDX-License-Identifier: MIT */
/*
 * gRPC core as far as the engine is concerned: started when it is first needed, and polled by the
 * leader, or, while there are descriptors for that to poll, by a thread that hands over each event.
 */
#define _GNU_SOURCE /* pthread_setname_np() */
#include <pyrite/pyrite.h>

#include <signal.h>
#include <stdlib.h>

#include "base/stack.h"
#include "base/tsan.h"
#include "engine/core_api.h"
#include "engine/engine_locks.h"
#include "engine/engine_own.h"

enum {
	HANDED = 64,            /* events that wait for the leader */
	UNSEEN = 64,            /* events after which core looks at its sockets */
	LOOK = 1000 * ENGINE_MS /* how often the helper looks whether it is needed */
};

struct handed {
	struct engine_event *event;
	bool ok;
};

static struct core {
	struct grpc_completion_queue *queue;
	struct grpc_completion_queue *look; /* always empty */
	atomic_uint n_unseen;               /* events since it looked */
	struct grpc_call *kick_call; /* an empty batch on it posts an event: it ends a poll */
	struct engine_event kick_event;
	bool has_started, has_helper;
	atomic_bool is_led;         /* the leader itself polls it, or is about to */
	pthread_mutex_t start_lock; /* guards: */
	bool is_there;              /* it has been loaded and started */
	void (*at_exit)(void);

	pthread_mutex_t lock; /* a leaf; guards: */
	pthread_cond_t room;  /* or the helper is needed */
	atomic_bool is_idle;  /* the helper waits for that, or there is none */
	struct handed handed[HANDED];
	unsigned first;
	atomic_uint n; /* in it */
} core = { .start_lock = PTHREAD_MUTEX_INITIALIZER,
	   .lock = PTHREAD_MUTEX_INITIALIZER,
	   .room = PTHREAD_COND_INITIALIZER,
	   .is_idle = true };

struct grpc_completion_queue *engine_queue(void)
{
	return core.queue;
}

static void on_kick(struct engine_event *event, bool ok)
{
	(void)event;
	(void)ok;
}

/* Its threads inherit a full mask. */
static void start(void *unused)
{
	grpc_channel *lame;
	sigset_t all, old;

	(void)unused;
	if (!core_api_load())
		return;
	if (core.at_exit)
		(void)atexit(
			core.at_exit); /* once more: the last that is registered is the first */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	engine_locks_init();
	grpc_init();
	core.queue = grpc_completion_queue_create_for_next(NULL);
	core.look = grpc_completion_queue_create_for_next(NULL);
	lame = grpc_lame_client_channel_create("kick", GRPC_STATUS_UNAVAILABLE, "kick");
	core.kick_call = grpc_channel_create_call(lame, NULL, GRPC_PROPAGATE_DEFAULTS, core.queue,
						  grpc_slice_from_static_string("/kick"), NULL,
						  gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	grpc_channel_destroy(lame);
	core.kick_event.done = on_kick;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	core.is_there = true;
}

void engine_at_exit(void (*fn)(void))
{
	pthread_mutex_lock(&core.start_lock);
	core.at_exit = fn;
	(void)atexit(fn);
	pthread_mutex_unlock(&core.start_lock);
}

const char *engine_core_why(void)
{
	return core_api_why();
}

bool engine_core_enter(void)
{
	bool is_there;

	pthread_mutex_lock(&core.start_lock);
	if (!core.has_started)
		stack_call(start, NULL);
	core.has_started = true;
	is_there = core.is_there;
	pthread_mutex_unlock(&core.start_lock);
	if (!is_there || atomic_fetch_add(&engine.n_core, 1) > 0)
		return is_there;
	pthread_mutex_lock(&engine.lock);
	engine_kick(); /* the leader chooses anew what it polls */
	pthread_mutex_unlock(&engine.lock);
	return true;
}

void engine_core_leave(void)
{
	atomic_fetch_sub(&engine.n_core, 1);
}

static void start_empty_batch(void *unused)
{
	(void)unused;
	TSAN_RELEASE(&core.kick_event);
	grpc_call_start_batch(core.kick_call, NULL, 0, &core.kick_event, NULL);
}

void engine_core_kick(void)
{
	stack_call(start_empty_batch, NULL);
}

/* ---- the leader polls ---- */

/* How long a poll may wait; 0: not at all. */
static gpr_timespec limit_of(int64_t until)
{
	if (until == ENGINE_FOREVER)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return (gpr_timespec){ until / 1000000000, (int32_t)(until % 1000000000),
			       GPR_CLOCK_MONOTONIC };
}

/*
 * Core looks at its sockets only when its queue is empty. Where each event begets another, as the
 * messages of a stream do while the window is open, it never would be, and nothing would be read: a
 * queue that is always empty makes it look.
 */
static void look_now_and_then(void)
{
	if (atomic_fetch_add_explicit(&core.n_unseen, 1, memory_order_relaxed) < UNSEEN)
		return;
	atomic_store_explicit(&core.n_unseen, 0, memory_order_relaxed);
	(void)grpc_completion_queue_next(core.look, limit_of(0), NULL);
}

/* Returns false if there was no event by then. */
static bool next(int64_t until, struct handed *ret)
{
	grpc_event event;

	look_now_and_then();
	event = grpc_completion_queue_next(core.queue, limit_of(until), NULL);
	*ret = (struct handed){ event.tag, event.success != 0 };
	if (event.type != GRPC_OP_COMPLETE)
		return false;
	TSAN_ACQUIRE(ret->event);
	return true;
}

void engine_core_lead(bool is_led)
{
	if (atomic_load_explicit(&core.is_led, memory_order_relaxed) != is_led)
		atomic_store(&core.is_led, is_led);
}

bool engine_poll_core(int64_t until)
{
	struct handed handed;
	bool any = next(until, &handed);

	atomic_store_explicit(&engine.polls, ENGINE_POLLS_NOTHING, memory_order_relaxed);
	if (any)
		handed.event->done(handed.event, handed.ok);
	return any;
}

/* ---- the helper polls ---- */

bool engine_core_has_handed(void)
{
	return atomic_load(&core.n) > 0;
}

bool engine_core_take(void)
{
	struct handed handed;

	if (!engine_core_has_handed())
		return false;
	pthread_mutex_lock(&core.lock);
	handed = core.handed[core.first];
	core.first = (core.first + 1) % HANDED;
	atomic_fetch_sub(&core.n, 1);
	pthread_cond_signal(&core.room);
	pthread_mutex_unlock(&core.lock);
	handed.event->done(handed.event, handed.ok);
	return true;
}

static bool is_needed(void)
{
	return atomic_load(&engine.n_core) > 0 && !atomic_load(&core.is_led) &&
	       (atomic_load(&engine.n_sources) > 0 || atomic_load(&engine.loop.is_made));
}

static void hand_over(struct handed handed)
{
	pthread_mutex_lock(&core.lock);
	while (atomic_load(&core.n) == HANDED)
		pthread_cond_wait(&core.room, &core.lock);
	core.handed[(core.first + atomic_load(&core.n)) % HANDED] = handed;
	atomic_fetch_add(&core.n, 1);
	pthread_mutex_unlock(&core.lock);
	pthread_mutex_lock(&engine.lock);
	engine_kick();
	pthread_mutex_unlock(&engine.lock);
}

static void *help(void *unused)
{
	struct handed handed;

	(void)unused;
	pthread_setname_np(pthread_self(), "pyrite-core");
	for (;;) {
		pthread_mutex_lock(&core.lock);
		/* Before it looks whether it is needed: who makes it so looks here. */
		atomic_store(&core.is_idle, true);
		while (!is_needed())
			pthread_cond_wait(&core.room, &core.lock);
		atomic_store(&core.is_idle, false);
		pthread_mutex_unlock(&core.lock);
		if (!next(engine_now() + LOOK, &handed))
			continue;
		if (handed.event != &core.kick_event)
			hand_over(handed);
		else if (atomic_load(&core.is_led)) /* it was meant for the leader */
			engine_core_kick();
	}
	return NULL;
}

bool engine_core_help(void)
{
	pthread_t thread;
	bool has_helper;

	if (!atomic_load(&core.is_idle))
		return true;
	pthread_mutex_lock(&core.lock);
	if (!core.has_helper && engine_thread(&thread, help, NULL) == 0) {
		core.has_helper = true;
		pthread_detach(thread);
	}
	has_helper = core.has_helper;
	pthread_cond_broadcast(&core.room);
	pthread_mutex_unlock(&core.lock);
	return has_helper;
}
