/* SPDX-License-Identifier: MIT */
/*
 * Places for the calls that a peer makes: their numbers, and the callers that wait for one because
 * the other end takes no more. A place that is free is offered to the first of them, who passes it
 * on if he leaves without. All with the peer's lock.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "exec/exec.h"
#include "outcall/outcall.h"

enum { PLACE_BITS = 14 };

/* ---- numbers ---- */

static bool grow_slots(struct peer *peer)
{
	uint32_t n = peer->made.n_slots ? 2 * peer->made.n_slots : 64, i;
	struct call_slot *slots;

	if (n > 1u << PLACE_BITS)
		return false;
	slots = realloc(peer->made.slots, n * sizeof(*slots));
	if (!slots)
		return false;
	for (i = peer->made.n_slots; i < n; i++)
		slots[i] = (struct call_slot){ .next_free = i + 2 }; /* places from 1; 0 = none */
	slots[n - 1].next_free = peer->made.free_slot;
	peer->made.free_slot = peer->made.n_slots + 1;
	peer->made.slots = slots;
	peer->made.n_slots = n;
	return true;
}

/* The lock is what keeps writers apart. */
static void count_in(struct session *session, unsigned by)
{
	unsigned n = atomic_load_explicit(&session->n_calls, memory_order_relaxed);

	atomic_store_explicit(&session->n_calls, n + by, memory_order_relaxed);
}

/* Until the other end has said how many it takes, those who can wait leave it at one. */
bool outcall_take_number(struct peer *peer, struct outcall *call, bool may_block)
{
	uint32_t max = peer->has_hello || !may_block ? peer->made.max_calls : 1;
	struct call_slot *slot;
	uint32_t place;

	if (peer->made.n_calls >= max || (!peer->made.free_slot && !grow_slots(peer)))
		return false;
	place = peer->made.free_slot - 1;
	slot = &peer->made.slots[place];
	peer->made.free_slot = slot->next_free;
	slot->call = call;
	slot->generation = (slot->generation + 1) & ((1u << (32 - PLACE_BITS)) - 1);
	if (slot->generation == 0)
		slot->generation = 1;
	call->sent.number = slot->generation << PLACE_BITS | place;
	peer->made.n_calls++;
	count_in(call->session, 1);
	return true;
}

struct outcall *peer_live_call(struct peer *peer, uint32_t number)
{
	uint32_t place = number & ((1u << PLACE_BITS) - 1);

	if (place >= peer->made.n_slots || !peer->made.slots[place].call ||
	    peer->made.slots[place].call->sent.number != number)
		return NULL;
	return peer->made.slots[place].call;
}

/* Behind those who wait already: there may be thousands. */
static void line_up(struct peer *peer, struct outcall *call)
{
	struct outcall **end =
		peer->made.blocked_end ? peer->made.blocked_end : &peer->made.blocked;

	call->sent.next_blocked = NULL;
	call->sent.blocked_link = end;
	*end = call;
	peer->made.blocked_end = &call->sent.next_blocked;
}

/* Unless it has left already. */
static void leave_line(struct peer *peer, struct outcall *call)
{
	struct outcall **link = call->sent.blocked_link, *next = call->sent.next_blocked;

	if (!link)
		return;
	*link = next;
	if (next)
		next->sent.blocked_link = link;
	else
		peer->made.blocked_end = link;
	call->sent.blocked_link = NULL;
}

/* If there is a place, the first of those who wait may have it. */
static void offer_place(struct peer *peer)
{
	struct outcall *first = peer->made.blocked;

	if (!first || peer->made.n_calls >= peer->made.max_calls)
		return;
	leave_line(peer, first);
	engine_wake(&first->waiter);
}

void outcall_free_number(struct peer *peer, struct outcall *call)
{
	uint32_t place = call->sent.number & ((1u << PLACE_BITS) - 1);

	peer->made.slots[place].call = NULL;
	peer->made.slots[place].next_free = peer->made.free_slot;
	peer->made.free_slot = place + 1;
	peer->made.n_calls--;
	count_in(call->session, UINT_MAX);
	call->sent.number = 0;
	if (peer->is_left)
		peer_leave_if_idle(peer);
	offer_place(peer);
}

/* ---- who waits ---- */

/* One that goes away takes calls of chains that are in flight there: this may be one. */
static bool takes_new(const struct peer *peer)
{
	return !peer->is_going_away || (peer->takes_chains && outcall_chain());
}

/* Returns whether the task was cancelled. */
static bool wait_in_line(struct peer *peer, struct outcall *call)
{
	bool is_cancelled;

	line_up(peer, call);
	pthread_mutex_unlock(&peer->lock);
	is_cancelled = engine_wait_or_cancel(&call->waiter, call->deadline) < 0;
	pthread_mutex_lock(&peer->lock);
	atomic_store(&call->waiter.ready, false);
	leave_line(peer, call);
	return is_cancelled;
}

/* Nobody has a place that will be free again. */
static bool lacks_memory(const struct peer *peer)
{
	return peer->made.n_calls == 0;
}

static int wait_for_place(struct peer *peer, struct outcall *call, bool may_block)
{
	call->result.was_not_run = true; /* if there will be none, and another link may have one */
	while (session_is_open(call->session) && !scope_is_revoked(&call->part) &&
	       !outcall_take_number(peer, call, may_block)) {
		if (!may_block || lacks_memory(peer))
			return PYR_RESOURCE_EXHAUSTED;
		if (call->deadline != ENGINE_FOREVER && engine_now() >= call->deadline)
			return PYR_DEADLINE_EXCEEDED;
		if (wait_in_line(peer, call))
			return PYR_CANCELLED;
		call->result.was_not_run = !peer->is_closed || peer->was_connected;
	}
	if (scope_is_revoked(&call->part))
		return PYR_CANCELLED;
	if (session_is_open(call->session) && takes_new(peer) &&
	    call->session->state != SESSION_FAILED) {
		call->result.was_not_run = false;
		return 0;
	}
	return call->session->is_released ? PYR_CANCELLED : PYR_UNAVAILABLE;
}

int outcall_wait_for_place(struct peer *peer, struct outcall *call, bool may_block)
{
	int code = wait_for_place(peer, call, may_block);

	if (code && !call->sent.number)
		offer_place(peer); /* which may have been offered to it */
	return code;
}

int outcall_explain(struct outcall *call, int code, char *text, size_t n)
{
	const struct peer *peer = call->session->peer;

	call->result.was_not_run &= code == PYR_UNAVAILABLE;
	if (code == PYR_UNAVAILABLE) {
		session_loss(peer, text, n, false);
		if (!peer->was_connected && peer->closed_code) /* nobody was let in */
			code = peer->closed_code;
	} else if (code == PYR_CANCELLED) {
		snprintf(text, n, "%s",
			 scope_is_revoked(&call->part) ? OUTCALL_REVOKED
			 : call->session->is_released  ? OUTCALL_RELEASED
						       : ENGINE_CANCELLED_TEXT);
	} else if (code == PYR_DEADLINE_EXCEEDED) {
		snprintf(text, n,
			 "TimeoutError: %u calls to %s are unanswered, and no place was free in "
			 "time",
			 peer->made.n_calls, peer->link->address);
	} else if (lacks_memory(peer)) {
		snprintf(text, n, "out of memory");
	} else {
		snprintf(text, n, "%u calls to %s are unanswered, the maximum", peer->made.n_calls,
			 peer->link->address);
	}
	return code;
}

void session_wake_blocked(struct session *session)
{
	struct outcall *call;

	for (call = session->peer->made.blocked; call; call = call->sent.next_blocked)
		if (call->session == session)
			engine_wake(&call->waiter);
}

void outcall_wake_blocked(struct peer *peer)
{
	struct outcall *call;

	while ((call = peer->made.blocked)) { /* each looks again */
		leave_line(peer, call);
		engine_wake(&call->waiter);
	}
}
