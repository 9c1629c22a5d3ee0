/* SPDX-License-Identifier: MIT */
/*
 * Tasks as the engine sees them: how one waits, and how it is woken from any thread. A task waits
 * on one waiter at a time, which leads to it while it is suspended; all under the engine's lock.
 */
#include "engine/engine_own.h"

#include <pyrite/pyrite.h>

#include "base/stack.h"

static _Thread_local struct engine_fiber *fiber; /* of the stack that is entered, if one is */

struct engine_fiber *engine_set_fiber(struct engine_fiber *f)
{
	struct engine_fiber *before = fiber;

	fiber = f;
	return before;
}

struct engine_fiber *engine_fiber(void)
{
	return stack_current() ? fiber : NULL;
}

/* Lets the other tasks run at least once: what somebody asks for in a loop, without waiting for it,
 * comes in meanwhile. */
int engine_fiber_wait(struct engine_waiter *waiter, int64_t until, bool may_be_cancelled)
{
	struct engine_fiber *self = fiber;
	bool has_waited = false, is_cancelled, is_ready;

	pthread_mutex_lock(&engine.lock);
	while (!engine_may_leave(waiter) && !(may_be_cancelled && self->is_cancelled)) {
		if (has_waited && until != ENGINE_FOREVER && engine_now() >= until)
			break;
		waiter->fiber = self;
		pthread_mutex_unlock(&engine.lock);
		self->suspend(self, until);
		has_waited = true;
		pthread_mutex_lock(&engine.lock);
		waiter->fiber = NULL;
	}
	is_ready = atomic_load(&waiter->ready); /* with the lock, as in engine_wait() */
	is_cancelled = may_be_cancelled && self->is_cancelled && !is_ready;
	if (is_cancelled)
		self->is_cancelled = false;
	atomic_store(&waiter->is_nudged, false);
	pthread_mutex_unlock(&engine.lock);
	return is_cancelled ? -PYR_CANCELLED : is_ready;
}

int engine_wait_or_cancel(struct engine_waiter *waiter, int64_t until)
{
	return engine_fiber() ? engine_fiber_wait(waiter, until, true) : engine_wait(waiter, until);
}

/* ---- the yard ---- */

void engine_yard_init(struct engine_yard *yard)
{
	engine_waiter_init(&yard->waiter, false);
	yard->waiter.is_brief = true;
	yard->woken = NULL;
	yard->woken_end = &yard->woken;
}

void engine_yard_fini(struct engine_yard *yard)
{
	engine_waiter_fini(&yard->waiter);
}

void engine_fiber_wake(struct engine_fiber *f)
{
	struct engine_yard *yard = f->yard;

	if (f->is_woken || f->is_over)
		return;
	f->is_woken = true;
	f->next = NULL;
	f->link = yard->woken_end;
	*yard->woken_end = f;
	yard->woken_end = &f->next;
	engine_wake_locked(&yard->waiter);
}

/* With the lock. */
static void leave_yard(struct engine_fiber *f)
{
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	else
		f->yard->woken_end = f->link;
	f->is_woken = false;
}

struct engine_fiber *engine_yard_take(struct engine_yard *yard)
{
	struct engine_fiber *f;

	pthread_mutex_lock(&engine.lock);
	f = yard->woken;
	if (f)
		leave_yard(f);
	else
		atomic_store(&yard->waiter.ready, false);
	pthread_mutex_unlock(&engine.lock);
	return f;
}

void engine_fiber_cancel(struct engine_fiber *f)
{
	pthread_mutex_lock(&engine.lock);
	f->is_cancelled = true;
	engine_fiber_wake(f);
	pthread_mutex_unlock(&engine.lock);
}

void engine_fiber_end(struct engine_fiber *f)
{
	pthread_mutex_lock(&engine.lock);
	if (f->is_woken)
		leave_yard(f);
	f->is_over = true;
	pthread_mutex_unlock(&engine.lock);
}
