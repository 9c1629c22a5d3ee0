/* SPDX-License-Identifier: MIT */
/* What a daemon sends, judged by what the modelled caller has sent. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_caller.h"
#include "stream/stream.h"
#include "talk.h"

/* A frame for a number that is not live: something that crossed a Cancel, or else wrong. */
static void check_ghost(const struct caller_link *l, const struct frame *frame)
{
	if (l->may_be_doomed ||
	    (frame->number < CALLER_SMALL + CALLER_CALLS && l->ghosts[frame->number]))
		return;
	fuzz_finding("%c: a frame of type %d for number %u, which is not live", l->name,
		     (int)frame->type, frame->number);
}

/* A call is over here. One that may be kept there until it is acknowledged stays answered. */
static void answered(struct caller_world *w, struct caller_link *l, struct caller_call *call,
		     bool is_reply)
{
	call->must_answer = false;
	if (call->has_token && w->linger_ms > 0) {
		call->state = CALL_ANSWERED;
		call->is_kept = call->is_exact && is_reply && !w->is_stopping;
		return;
	}
	if (!call->is_exact)
		caller_haunt(l, call->number, GHOST_LIVE);
	caller_done(call);
}

/* ---- errors ---- */

static bool is_protocol_error(const struct frame *frame)
{
	static const char name[] = "ProtocolError";

	return frame->message.n >= sizeof(name) - 1 &&
	       memcmp(frame->message.p, name, sizeof(name) - 1) == 0;
}

/* Whether a call may end so. */
static bool may_end(const struct caller_world *w, const struct caller_call *call, uint32_t code)
{
	if (call->may_fail)
		return true;
	switch (code) {
	case PYR_ABORTED: /* what methods say */
		return call->op == TALK_REFUSE || call->op == TALK_LATER || call->op == TALK_BATCH;
	case PYR_NOT_FOUND:
		return w->has_unregistered ||
		       (call->is_resuming && w->linger_ms < CALLER_LINGER_MS);
	case PYR_RESOURCE_EXHAUSTED:
		return w->max_calls > 0 || w->max_message > 0;
	case PYR_CANCELLED: /* also if it lingered for too long before it was resumed */
		return w->is_stopping || call->has_deadline ||
		       (call->attempt > 0 && w->linger_ms < CALLER_LINGER_MS);
	case PYR_UNAVAILABLE:
		return w->is_stopping;
	case PYR_DEADLINE_EXCEEDED:
		return call->has_deadline || w->has_lifetime;
	default:
		return false;
	}
}

static void on_error(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct caller_call *call = caller_find(w, l, frame->number);

	fuzz_say("%u %c:     Error %u, code %u: %.*s", w->step, l->name, frame->number, frame->code,
		 (int)(frame->message.n < 120 ? frame->message.n : 120),
		 frame->message.n ? (const char *)frame->message.p : "");
	if (!call || call->state != CALL_OPEN) {
		check_ghost(l, frame);
		return;
	}
	if (call->is_refusal) {
		if (frame->code != PYR_NOT_FOUND && call->is_exact)
			fuzz_finding("%c: Resume %u is refused with code %u", l->name, call->number,
				     frame->code);
		caller_done(call);
		return;
	}
	if (call->is_exact && is_protocol_error(frame) && !call->is_wrong)
		fuzz_finding("%c: call %u fails with a ProtocolError for no reason", l->name,
			     call->number);
	if (call->is_exact && !call->is_wrong && !may_end(w, call, frame->code))
		fuzz_finding("%c: call %u, key %llx, fails with code %u for no reason", l->name,
			     call->number, (long long)call->key, frame->code);
	caller_left(call, false);
	if (call->is_resuming) { /* it is gone there, or there was no place for it */
		call->is_resuming = call->is_exact = call->must_answer = false;
		call->state = CALL_DETACHED;
		if (++call->n_refused > 10 || w->linger_ms < CALLER_LINGER_MS)
			caller_done(call);
		return;
	}
	answered(w, l, call, false);
}

/* ---- replies ---- */

static void check_number(const struct caller_link *l, const struct caller_call *call,
			 struct span reply, int64_t wanted)
{
	int64_t value;

	if (!talk_get_number(reply, &value) || value != wanted)
		fuzz_finding("%c: call %u, key %llx, is answered with something else", l->name,
			     call->number, (long long)call->key);
}

static void check_text(const struct caller_link *l, const struct caller_call *call,
		       struct span message, uint64_t item, unsigned size)
{
	char *wanted = talk_item(call->key, item, size);
	struct span text;

	if (!talk_get_text(message, &text) || !span_is(text, wanted))
		fuzz_finding("%c: call %u, key %llx: text %llu is not what was sent, but %.*s",
			     l->name, call->number, (long long)call->key, (unsigned long long)item,
			     (int)(text.n < 60 ? text.n : 60), (const char *)text.p);
	free(wanted);
}

/* As many answers as calls, unless one failed. */
static void check_batch(const struct caller_link *l, const struct caller_call *call)
{
	const uint8_t *p = call->reply.data, *end = p + call->reply.n;
	struct frame frame;
	unsigned n = 0;
	bool failed = false;
	int more = 0;

	while (call->reply.n > 0 && (more = frame_read(&p, end, &frame)) > 0) {
		failed |= frame.type == FRAME_ERROR;
		n += frame.type == FRAME_REPLY;
	}
	if (more < 0 || n > call->n_batch || (n < call->n_batch && !failed))
		fuzz_finding("%c: batch %u of %u calls is answered with %u", l->name, call->number,
			     call->n_batch, n);
}

static void check_reply(const struct caller_link *l, const struct caller_call *call)
{
	struct span reply = span_of_buf(&call->reply);

	if (call->op == TALK_ECHO)
		check_text(l, call, reply, 0, call->size_down);
	else if (call->op == TALK_BATCH)
		check_batch(l, call);
	else if (call->op == TALK_UP)
		check_number(l, call, reply, call->n_up);
	else if (call->op == TALK_ASK || call->op == TALK_LATER || call->op == TALK_MEDDLE)
		check_number(l, call, reply, talk_result(call->key));
	else if (call->op == TALK_ANOTHER) {
		if (reply.n == 0)
			fuzz_finding("%c: call %u is answered with nil", l->name, call->number);
	} else if (call->op == TALK_REFUSE || reply.n > 0)
		fuzz_finding("%c: call %u has a result", l->name, call->number);
	if ((call->op == TALK_DOWN || call->op == TALK_BOTH) && call->got_items < call->n_down)
		fuzz_finding("%c: stream %u ends after %llu items of %u", l->name, call->number,
			     (unsigned long long)call->got_items, call->n_down);
	if ((call->op == TALK_UP || call->op == TALK_BOTH) && !call->up_ended)
		fuzz_finding("%c: stream %u is answered before its end", l->name, call->number);
}

static void on_reply(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct caller_call *call = caller_find(w, l, frame->number);

	fuzz_say("%u %c:     Reply %u, %zu bytes%s", w->step, l->name, frame->number,
		 frame->payload.n, frame->flags & FRAME_MORE ? ", more" : "");
	if (!call || call->state != CALL_OPEN) {
		check_ghost(l, frame);
		return;
	}
	if (call->is_exact && (call->is_refusal || call->is_resuming))
		fuzz_finding("%c: Resume %u is answered with a Reply", l->name, call->number);
	if (call->is_exact && (call->reply.n > 0) != !!(frame->flags & FRAME_CONTINUES))
		fuzz_finding("%c: fragments of the reply to %u are out of order", l->name,
			     call->number);
	buf_append(&call->reply, frame->payload.p, frame->payload.n);
	if (frame->flags & FRAME_MORE)
		return;
	if (call->is_exact)
		check_reply(l, call);
	answered(w, l, call, true);
}

/* ---- streams ---- */

static void check_item(const struct caller_link *l, struct caller_call *call,
		       const struct frame *frame)
{
	bool continues = frame->flags & FRAME_CONTINUES;
	uint64_t i = call->got_items;

	if (frame->value != i + 1 || continues != (call->part.n > 0))
		fuzz_finding("%c: item %llu of stream %u comes when %llu is due", l->name,
			     (unsigned long long)frame->value, call->number,
			     (unsigned long long)i + 1);
	if (call->room_down < 0)
		fuzz_finding("%c: stream %u sends %lld bytes more than there is credit for",
			     l->name, call->number, -(long long)call->room_down);
	if (i >= call->n_down)
		fuzz_finding("%c: stream %u has more than %u items", l->name, call->number,
			     call->n_down);
	buf_append(&call->part, frame->payload.p, frame->payload.n);
	if (frame->flags & FRAME_MORE)
		return;
	check_text(l, call, span_of_buf(&call->part), i,
		   call->op == TALK_DOWN ? call->size_down : talk_size_up(call->key, i));
	buf_reset(&call->part);
	call->got_items++;
}

static void on_item(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct caller_call *call = caller_find(w, l, frame->number);
	int64_t cost = (int64_t)frame->payload.n + FRAME_ITEM_COST;

	fuzz_say("%u %c:     Item %llu of %u, %zu bytes", w->step, l->name,
		 (unsigned long long)frame->value, frame->number, frame->payload.n);
	if (!call || call->state != CALL_OPEN) {
		check_ghost(l, frame);
		return;
	}
	if (call->is_exact && call->is_resuming)
		fuzz_finding("%c: an item of stream %u comes before Resumed", l->name,
			     call->number);
	call->got_parts++;
	call->got_cost += (uint64_t)cost;
	call->room_down -= cost;
	if (call->is_exact && !call->is_wrong)
		check_item(l, call, frame);
}

static void on_credit(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct caller_call *call = caller_find(w, l, frame->number);

	fuzz_say("%u %c:     Credit %llu for %u", w->step, l->name,
		 (unsigned long long)frame->value, frame->number);
	if (!call || call->state != CALL_OPEN) {
		check_ghost(l, frame);
		return;
	}
	call->room_up += (int64_t)frame->value;
	if (call->is_exact && !call->is_resuming && call->room_up > call->window_up)
		fuzz_finding("%c: stream %u is given credit for what it did not send", l->name,
			     call->number);
}

static void on_resumed(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct caller_call *call = caller_find(w, l, frame->number);
	uint64_t cost;

	fuzz_say("%u %c:     Resumed %u, has %llu parts, consumed %llu", w->step, l->name,
		 frame->number, (unsigned long long)frame->received,
		 (unsigned long long)frame->consumed);
	if (!call || !call->is_resuming) {
		if (call && call->is_exact)
			fuzz_finding("%c: call %u was resumed in vain, or twice", l->name,
				     frame->number);
		check_ghost(l, frame);
		return;
	}
	if (call->is_in_vain && !l->may_be_doomed)
		fuzz_finding("%c: call %u is resumed in a session that is rejected", l->name,
			     frame->number);
	caller_left(call, true);
	call->is_resuming = false;
	call->is_admitted = true;
	cost = caller_cost_up(call, frame->received);
	if (call->is_exact && (frame->received > call->up_sent || frame->consumed > cost))
		fuzz_finding("%c: stream %u: %llu parts have come of %llu that were sent", l->name,
			     call->number, (unsigned long long)frame->received,
			     (unsigned long long)call->up_sent);
	call->up_ended &= frame->received >= call->up_sent;
	call->up_sent = frame->received;
	call->room_up = call->window_up - (int64_t)(cost - frame->consumed);
}

/* ---- the link ---- */

static void on_hello(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	if (l->heard_hello)
		fuzz_finding("%c: a second Hello", l->name);
	l->heard_hello = true;
	l->their_window = frame->window;
	caller_key_on_hello(w, l, frame);
	fuzz_say("%u %c:     Hello, window %u, max_calls %u", w->step, l->name, frame->window,
		 frame->max_calls);
}

/* The hook has said yes to the calls of that session, too. */
static void admit(struct caller_world *w, const struct caller_session *s)
{
	unsigned i;

	for (i = 0; i < w->n_calls; i++)
		w->calls[i].is_admitted |= w->calls[i].uid == s->uid;
}

static void on_bound(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct caller_session *s;

	fuzz_say("%u %c:     Bound %u, code %u", w->step, l->name, frame->session, frame->code);
	if (l->may_be_doomed)
		return;
	if (frame->session == 0 || frame->session > CALLER_SESSIONS)
		fuzz_finding("%c: a Bound for session %u", l->name, frame->session);
	s = &l->sessions[frame->session - 1];
	if (!s->is_bound)
		return;
	if (s->is_answered && !s->is_again)
		fuzz_finding("%c: session %u is answered twice", l->name, frame->session);
	s->is_answered = true;
	if (!s->is_again && !w->has_unregistered && !w->is_stopping && w->max_calls == 0 &&
	    s->is_refused != (frame->code != 0))
		fuzz_finding("%c: session %u is answered with code %u", l->name, frame->session,
			     frame->code);
	s->is_refused |= frame->code != 0;
	if (!s->is_again)
		admit(w, s);
}

static void on_goaway(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	fuzz_say("%u %c:     Goaway, code %u: %.*s", w->step, l->name, frame->code,
		 (int)frame->message.n, frame->message.n ? (const char *)frame->message.p : "");
	if (frame->code && !l->may_be_doomed)
		fuzz_finding("%c: the daemon ends the link for no reason", l->name);
	if (!frame->code && !w->is_stopping)
		fuzz_finding("%c: the daemon goes away for no reason", l->name);
	l->has_goaway = true;
	if (frame->code)
		caller_doubt_link(w, l);
}

static void on_frame(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	struct frame pong;

	if (!l->heard_hello && frame->type != FRAME_HELLO &&
	    !(w->ring && frame->type == FRAME_GOAWAY)) /* who proves no key is told no more */
		fuzz_finding("%c: a frame of type %d before Hello", l->name, (int)frame->type);
	if ((frame->type == FRAME_ITEM || frame->type == FRAME_CREDIT) && !frame->to_caller)
		fuzz_finding("%c: a frame of type %d of a call that the daemon did not make",
			     l->name, (int)frame->type);
	if (frame->flags & FRAME_REFERENCES)
		caller_take_references(w, l, frame);
	switch (frame->type) {
	case FRAME_RELEASE:
		caller_on_release(w, l, frame);
		break;
	case FRAME_HELLO:
		on_hello(w, l, frame);
		break;
	case FRAME_AUTH:
		caller_key_on_auth(w, l, frame);
		break;
	case FRAME_BOUND:
		on_bound(w, l, frame);
		break;
	case FRAME_REPLY:
		on_reply(w, l, frame);
		break;
	case FRAME_ERROR:
		on_error(w, l, frame);
		break;
	case FRAME_ITEM:
		on_item(w, l, frame);
		break;
	case FRAME_CREDIT:
		on_credit(w, l, frame);
		break;
	case FRAME_RESUMED:
		on_resumed(w, l, frame);
		break;
	case FRAME_GOAWAY:
		on_goaway(w, l, frame);
		break;
	case FRAME_PING:
		pong = (struct frame){ .type = FRAME_PONG, .value = frame->value };
		caller_put(w, l, &pong);
		break;
	case FRAME_PONG:
		if (frame->value != ++l->pongs && !l->may_be_doomed)
			fuzz_finding("%c: Pong %llu comes as the %lluth", l->name,
				     (unsigned long long)frame->value,
				     (unsigned long long)l->pongs);
		break;
	default:
		fuzz_finding("%c: a frame of type %d", l->name, (int)frame->type);
	}
}

void caller_read(struct caller_world *w, struct caller_link *l)
{
	struct buf taken = fake_take(l->fake);
	const uint8_t *p = taken.data, *end = p + taken.n;
	struct frame frame;
	int more = 0;

	while (taken.n > 0 && (more = frame_read(&p, end, &frame)) > 0)
		on_frame(w, l, &frame);
	if (more < 0)
		fuzz_finding("%c: what the daemon sends is no run of frames", l->name);
	buf_free(&taken);
}
