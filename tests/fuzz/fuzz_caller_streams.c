/* SPDX-License-Identifier: MIT */
/* The modelled caller's streams: parts, credit, cancels, and calls that go on over another link. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_caller.h"
#include "stream/stream.h"

/* One in a state; NULL if chance does not find one. */
struct caller_call *caller_pick(struct caller_world *w, bool (*fits)(const struct caller_call *))
{
	unsigned i, at;

	if (w->n_calls == 0)
		return NULL;
	at = chance_below(w->chance, w->n_calls);
	if (w->n_calls > 30 && chance_one_in(w->chance, 2)) /* the later ones have more to say */
		at = w->n_calls - 1 - chance_below(w->chance, 30);
	for (i = 0; i < w->n_calls; i++, at = (at + 1) % w->n_calls)
		if (fits(&w->calls[at]))
			return &w->calls[at];
	return NULL;
}

static bool is_cancelable(const struct caller_call *call)
{
	return (call->state == CALL_OPEN || call->state == CALL_ANSWERED) && !call->is_refusal;
}

bool caller_is_in_parts(const struct caller_call *call)
{
	return call->state == CALL_OPEN && call->sent < call->request.n;
}

static bool is_complete(const struct caller_call *call)
{
	return call->sent >= call->request.n;
}

bool caller_takes_items(const struct caller_call *call)
{
	return call->state == CALL_OPEN && (call->op == TALK_UP || call->op == TALK_BOTH) &&
	       !call->is_resuming && !call->up_ended && !call->is_refusal;
}

static bool gives_items(const struct caller_call *call)
{
	return call->state == CALL_OPEN && (call->op == TALK_DOWN || call->op == TALK_BOTH) &&
	       !call->is_resuming && !call->is_refusal;
}

static bool may_resume(const struct caller_call *call)
{
	return call->has_token && !call->is_resuming && is_complete(call) &&
	       (call->state == CALL_DETACHED || call->state == CALL_OPEN ||
		call->state == CALL_ANSWERED);
}

bool caller_is_detached(const struct caller_call *call)
{
	return call->state == CALL_DETACHED;
}

/* ---- the parameter ---- */

static size_t packed_size(const struct caller_call *call, unsigned item)
{
	char *text = talk_item(call->key, item, talk_size_up(call->key, item));
	struct buf packed = { 0 };
	size_t n;

	talk_put_text(&packed, TALK_ITEMS, text);
	n = packed.n;
	buf_free(&packed);
	free(text);
	return n;
}

/* Which item the part belongs to, and where in it. Returns false: it is the End. */
static bool find_part(const struct caller_call *call, uint64_t part, unsigned *ret_item,
		      size_t *ret_at)
{
	uint64_t n_parts;

	for (*ret_item = 0; *ret_item < call->n_up; ++*ret_item) {
		n_parts = (packed_size(call, *ret_item) + FRAME_FRAGMENT - 1) / FRAME_FRAGMENT;
		if (part < n_parts) {
			*ret_at = (size_t)part * FRAME_FRAGMENT;
			return true;
		}
		part -= n_parts;
	}
	return false;
}

static size_t part_size(const struct caller_call *call, unsigned item, size_t at)
{
	size_t n = packed_size(call, item) - at;

	return n < FRAME_FRAGMENT ? n : FRAME_FRAGMENT;
}

uint64_t caller_cost_up(const struct caller_call *call, uint64_t n_parts)
{
	uint64_t i, cost = 0;
	unsigned item;
	size_t at;

	for (i = 0; i < n_parts; i++)
		if (find_part(call, i, &item, &at))
			cost += part_size(call, item, at) + FRAME_ITEM_COST;
	return cost;
}

static void put_part(struct caller_world *w, struct caller_call *call, unsigned item, size_t at)
{
	struct caller_link *l = &w->links[call->link];
	struct frame frame = { .type = FRAME_ITEM, .number = call->number, .value = item + 1 };
	char *text = talk_item(call->key, item, talk_size_up(call->key, item));
	struct buf packed = { 0 };

	talk_put_text(&packed, TALK_ITEMS, text);
	frame.payload = (struct span){ packed.data + at, part_size(call, item, at) };
	frame.flags =
		(at > 0 ? FRAME_CONTINUES : 0) | (at + frame.payload.n < packed.n ? FRAME_MORE : 0);
	if (frame.flags == FRAME_MORE)
		frame.total = (uint32_t)packed.n;
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Item %u of call %u, %zu bytes", w->step, l->name, item + 1, call->number,
		 frame.payload.n);
	buf_free(&packed);
	free(text);
}

bool caller_send_part(struct caller_world *w, struct caller_call *call)
{
	struct caller_link *l = &w->links[call->link];
	struct frame frame = { .type = FRAME_END, .number = call->number };
	unsigned item;
	size_t at;
	int64_t cost;

	if (!find_part(call, call->up_sent, &item, &at)) {
		caller_put(w, l, &frame);
		call->up_sent++;
		call->up_ended = true;
		fuzz_say("%u %c: End of call %u", w->step, l->name, call->number);
		return true;
	}
	cost = (int64_t)(part_size(call, item, at) + FRAME_ITEM_COST);
	if (cost > call->room_up)
		return false;
	put_part(w, call, item, at);
	call->up_sent++;
	call->room_up -= cost;
	return true;
}

/* ---- the result ---- */

void caller_credit(struct caller_world *w, struct caller_call *call, bool all)
{
	struct caller_link *l = &w->links[call->link];
	struct frame frame = { .type = FRAME_CREDIT, .number = call->number };

	frame.value = call->got_cost - call->told_cost;
	if (!all && frame.value > 0)
		frame.value = 1 + chance_next(w->chance) % frame.value;
	if (frame.value == 0)
		return;
	call->told_cost += frame.value;
	call->room_down += (int64_t)frame.value;
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Credit %llu for call %u", w->step, l->name,
		 (unsigned long long)frame.value, call->number);
}

void caller_credit_some(struct caller_world *w)
{
	struct caller_call *call = caller_pick(w, gives_items);

	if (call)
		caller_credit(w, call, chance_one_in(w->chance, 2));
}

/* ---- the end ---- */

void caller_acknowledge(struct caller_world *w, struct caller_call *call, uint32_t code)
{
	struct caller_link *l = &w->links[call->link];
	struct frame frame = { .type = FRAME_CANCEL, .number = call->number, .code = code };
	bool was_open = call->state == CALL_OPEN;

	caller_put(w, l, &frame);
	fuzz_say("%u %c: Cancel %u, code %u", w->step, l->name, call->number, code);
	if (was_open)
		caller_haunt(l, call->number, GHOST_HEARD);
	caller_left(call, false);
	call->is_kept = false;
	if (code != PYR_UNAVAILABLE || !call->has_token || !is_complete(call) ||
	    w->linger_ms == 0 || w->is_stopping) {
		caller_done(call);
		return;
	}
	if (l->may_be_doomed || call->is_resuming)
		call->is_exact = false;
	call->state = CALL_DETACHED;
	call->detached_at = engine_now();
	call->must_answer = call->is_resuming = false;
	buf_reset(&call->reply);
}

void caller_cancel(struct caller_world *w)
{
	static const uint32_t codes[] = {
		PYR_CANCELLED, PYR_DEADLINE_EXCEEDED, PYR_UNAVAILABLE, PYR_UNAVAILABLE, 0, 99
	};
	struct caller_call *call = caller_pick(w, is_cancelable);

	if (call)
		caller_acknowledge(w, call, codes[chance_below(w->chance, 6)]);
}

/* ---- another link ---- */

/* It has not waited so long that it may be given up just now. */
static bool will_linger(const struct caller_world *w, const struct caller_call *call)
{
	return w->linger_ms >= CALLER_LINGER_MS &&
	       (call->state != CALL_DETACHED ||
		engine_now() - call->detached_at < CALLER_LINGER_MS / 2 * (int64_t)ENGINE_MS);
}

static bool is_sure_to_go_on(const struct caller_world *w, const struct caller_call *call,
			     const struct caller_link *l, const struct caller_session *s)
{
	return call->is_exact && !call->may_fail && !l->may_be_doomed && !s->is_again &&
	       caller_is_admitted(w, call) && !s->is_refused && s->object == call->object &&
	       will_linger(w, call) && !w->is_stopping && !w->has_lifetime &&
	       !w->has_unregistered && !l->has_goaway && w->max_calls == 0;
}

/* Where the caller stands: what it has, and what of that it has consumed. */
static void tell(struct caller_world *w, struct caller_call *call, struct frame *frame)
{
	uint64_t more = call->got_cost - call->told_cost;

	call->told_cost += more ? chance_next(w->chance) % (more + 1) : 0;
	frame->received = call->got_parts;
	frame->consumed = call->told_cost;
	call->room_down = call->window_down - (int64_t)(call->got_cost - call->told_cost);
}

void caller_resume(struct caller_world *w, struct caller_call *call, struct caller_link *l,
		   struct caller_session *s)
{
	struct caller_link *old = &w->links[call->link];
	struct frame frame = { .type = FRAME_RESUME, .critical = 1, .session = s->number };

	if (call->state != CALL_DETACHED) { /* what comes there from now on is not looked at */
		caller_flush(w, old);
		fake_sync(old->fake);
		caller_read(w, old);
		if (call->state == CALL_DONE || call->is_resuming)
			return;
		call->is_exact &= !old->may_be_doomed && is_sure_to_go_on(w, call, l, s);
		caller_haunt(old, call->number, call->is_exact ? GHOST_MOVING : GHOST_LIVE);
		call->from = old;
		call->from_number = call->number;
	}
	call->is_exact &= is_sure_to_go_on(w, call, l, s);
	frame.number = ++l->last_number;
	frame.token = (struct span){ call->token, sizeof(call->token) };
	frame.attempt = ++call->attempt;
	tell(w, call, &frame);
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Resume %u of %c as %u in %u, attempt %u, has %llu parts%s", w->step,
		 l->name, call->number, old->name, frame.number, s->number, call->attempt,
		 (unsigned long long)frame.received, call->is_exact ? "" : ", perhaps in vain");
	call->link = (int)(l - w->links);
	call->number = frame.number;
	call->state = CALL_OPEN;
	call->is_resuming = true;
	call->is_in_vain = s->is_refused && !s->is_again && !w->has_unregistered;
	call->is_kept = false;
	buf_reset(&call->reply); /* the answer comes again */
	call->must_answer = call->is_exact;
}

void caller_resume_some(struct caller_world *w)
{
	bool wants_detached = !chance_one_in(w->chance, 3);
	struct caller_call *call = caller_pick(w, wants_detached ? caller_is_detached : may_resume);
	struct caller_link *l = caller_pick_link(w);
	struct caller_session *s = l ? caller_pick_session(w, l) : NULL;

	if (call && s && (s->object == call->object || chance_one_in(w->chance, 10)))
		caller_resume(w, call, l, s);
}

/* A Resume that is refused, and leaves the call alone or ends it. */
void caller_resume_wrongly(struct caller_world *w)
{
	struct caller_call *call = caller_pick(w, may_resume), *refusal;
	struct caller_link *l = caller_pick_link(w);
	struct caller_session *s = l ? caller_pick_session(w, l) : NULL;
	struct frame frame = { .type = FRAME_RESUME, .critical = 1 };
	uint64_t token[2] = { chance_next(w->chance), chance_next(w->chance) };
	unsigned how = chance_below(w->chance, 3);

	if (!s || (how > 0 && !call) || (how == 1 && !call->is_exact))
		return;
	refusal = caller_new_call(w, l, ++l->last_number);
	if (!refusal)
		return;
	refusal->is_refusal = true;
	frame.number = refusal->number;
	frame.session = s->number;
	frame.token = how ? (struct span){ call->token, 16 } : (struct span){ (void *)token, 16 };
	frame.attempt = how == 1   ? call->attempt - (call->attempt > 0)
			: how == 2 ? ++call->attempt
				   : 1;
	frame.received = how == 2 ? UINT64_MAX - chance_below(w->chance, 3) : 0;
	if (how == 2) /* it cannot go on there, and ends, unless the session was none for it */
		call->is_exact = call->must_answer = call->is_kept = false;
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Resume as %u with %s", w->step, l->name, frame.number,
		 how == 0   ? "a token of nobody"
		 : how == 1 ? "an old attempt"
			    : "a false count");
}
