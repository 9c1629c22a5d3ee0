/* SPDX-License-Identifier: MIT */
/*
 * Calls made inside calls. Each is listed with the call it is part of, from before it is started
 * until its user is through with it, and keeps that one alive. When the outer one is cancelled, the
 * leader ends those listed before it polls again: then it holds no lock, which it does where it is
 * told of the cancel.
 */
#include "call/outcall.h"

static void add(pyr_call *outer, struct outcall *call)
{
	incall_ref(outer);
	call->outer = outer;
	pthread_mutex_lock(&outer->lock);
	call->next_nested = atomic_load(&outer->nested);
	atomic_store(&outer->nested, call);
	pthread_mutex_unlock(&outer->lock);
}

void incall_nest(struct outcall *call)
{
	pyr_call *outer = incall_current();

	if (outer && !call->terms->is_detached)
		add(outer, call);
}

/* With the lock. */
static void take_out(pyr_call *outer, struct outcall *call)
{
	struct outcall *at = atomic_load(&outer->nested);

	if (at == call) {
		atomic_store(&outer->nested, call->next_nested);
		return;
	}
	while (at->next_nested != call)
		at = at->next_nested;
	at->next_nested = call->next_nested;
}

void incall_unnest(struct outcall *call)
{
	pyr_call *outer = call->outer;

	if (!outer)
		return;
	call->outer = NULL;
	pthread_mutex_lock(&outer->lock);
	take_out(outer, call);
	pthread_mutex_unlock(&outer->lock);
	incall_unref(outer);
}

bool incall_is_revoked(const struct outcall *call)
{
	return call->outer && atomic_load(&call->outer->is_cancelled);
}

/* Those that run end here; those that wait for a place, or are about to start, see it themselves.
 */
static void cancel_all(struct engine_hook *hook)
{
	pyr_call *outer = (pyr_call *)((char *)hook - offsetof(pyr_call, cancel_nested));
	struct outcall *call;

	pthread_mutex_lock(&outer->lock);
	for (call = atomic_load(&outer->nested); call; call = call->next_nested) {
		outcall_cancel(call, PYR_CANCELLED, OUTCALL_REVOKED);
		engine_nudge(&call->waiter);
	}
	pthread_mutex_unlock(&outer->lock);
	incall_unref(outer);
}

void incall_cancel_nested(pyr_call *call)
{
	if (!atomic_load(&call->nested))
		return;
	incall_ref(call);
	call->cancel_nested.run = cancel_all;
	engine_before_poll(&call->cancel_nested);
}
