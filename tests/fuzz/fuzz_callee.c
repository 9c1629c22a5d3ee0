/* SPDX-License-Identifier: MIT */
/* The modelled daemon: what came from the library is judged first, then something is done. */
#include "fuzz_callee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/peer.h"
#include "stream/stream.h"
#include "talk.h"

enum { MESSAGE_MOST = 150000 };

static int index_of(const struct callee_world *w, const struct callee_link *l)
{
	return (int)(l - w->links);
}

void callee_flush(struct callee_link *l)
{
	struct buf out = l->out;

	l->out = (struct buf){ 0 };
	if (out.n > 0 && l->fake)
		fake_deliver(l->fake, &out);
	buf_free(&out);
}

void callee_put(struct callee_link *l, const struct frame *frame)
{
	if (l->out.n + frame->payload.n > MESSAGE_MOST)
		callee_flush(l);
	if (l->fake)
		frame_append(&l->out, frame);
}

static struct callee_call *find(struct callee_world *w, const struct callee_link *l,
				uint32_t number)
{
	unsigned i;

	for (i = 0; i < w->n_calls; i++)
		if (w->calls[i].is_live && w->calls[i].number == number &&
		    w->calls[i].link == index_of(w, l))
			return &w->calls[i];
	return NULL;
}

void callee_forget(struct callee_call *call)
{
	call->is_live = call->is_kept = false;
	buf_free(&call->request);
	buf_free(&call->part);
}

/* ---- what comes ---- */

static bool is_bound(const struct callee_link *l, uint32_t session)
{
	unsigned i;

	for (i = 0; i < l->n_sessions; i++)
		if (l->sessions[i] == session)
			return true;
	return false;
}

static void on_hello(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	if (l->heard_hello)
		fuzz_finding("link %d: a second Hello", index_of(w, l));
	l->heard_hello = true;
	l->window = frame->window;
}

static void on_bind(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	if (is_bound(l, frame->session))
		fuzz_finding("link %d: session %u is bound twice", index_of(w, l), frame->session);
	if (l->n_sessions == CALLEE_SESSIONS || l->n_to_bind == CALLEE_SESSIONS)
		fuzz_finding("link %d: more sessions than proxies", index_of(w, l));
	if (frame->reference.p && !w->is_hostile)
		callee_check_bound(w, l, frame);
	l->sessions[l->n_sessions++] = frame->session;
	l->to_bind[l->n_to_bind++] = frame->session;
}

static void on_unbind(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	unsigned i, n = 0;

	if (!is_bound(l, frame->session))
		fuzz_finding("link %d: session %u is unbound, and was not bound", index_of(w, l),
			     frame->session);
	for (i = 0; i < l->n_sessions; i++)
		if (l->sessions[i] != frame->session)
			l->sessions[n++] = l->sessions[i];
	l->n_sessions = n;
	for (i = n = 0; i < l->n_to_bind; i++)
		if (l->to_bind[i] != frame->session)
			l->to_bind[n++] = l->to_bind[i];
	l->n_to_bind = n;
}

/* Numbers of the request's fields, for the operations that have nothing else but a text. */
static void read_request(struct callee_call *call)
{
	const uint8_t *p = call->request.data, *end = p + call->request.n;
	int64_t *fields[] = { NULL, &call->key, &call->n_down };
	unsigned field, shift;
	uint64_t value;

	while (p < end && (*p & 7) == 0) {
		field = *p++ >> 3;
		for (value = shift = 0; p < end; shift += 7) {
			value |= (uint64_t)(*p & 0x7f) << shift;
			if (!(*p++ & 0x80))
				break;
		}
		if (field == 1 || field == 2)
			*fields[field] = (int64_t)value;
	}
	call->size = callee_size(call->key);
}

static struct callee_call *new_call(struct callee_world *w, struct callee_link *l,
				    const struct frame *frame)
{
	struct callee_call *call;
	unsigned i;

	for (i = 0; i < w->n_calls && (w->calls[i].is_live || w->calls[i].is_kept); i++)
		;
	if (i == CALLEE_CALLS)
		return NULL;
	w->n_calls += i == w->n_calls;
	call = &w->calls[i];
	callee_forget(call);
	*call = (struct callee_call){ .is_used = true, .is_live = true, .number = frame->number };
	call->link = index_of(w, l);
	call->room = l->window;
	call->total = frame->total;
	for (i = 0; i < TALK_OPS; i++)
		if (frame->name.n ? span_is(frame->name, talk_Server_interface.operations[i].name)
				  : i == frame->operation)
			break;
	call->op = frame->flags & FRAME_BATCH ? TALK_BATCH : i;
	call->has_streams = frame->flags & FRAME_STREAMS;
	call->has_token = frame->token.n == 16;
	if (call->has_token)
		memcpy(call->token, frame->token.p, 16);
	return call;
}

static void on_call(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct callee_call *call = find(w, l, frame->number);

	if (frame->flags & FRAME_CONTINUES) {
		if (call)
			buf_append(&call->request, frame->payload.p, frame->payload.n);
	} else {
		if (call || frame->number == 0)
			fuzz_finding("link %d: call number %u is used again", index_of(w, l),
				     frame->number);
		if (!is_bound(l, frame->session))
			fuzz_finding("link %d: a call in session %u, which is not bound",
				     index_of(w, l), frame->session);
		call = new_call(w, l, frame);
		if (call && !w->is_hostile && (frame->flags & FRAME_REFERENCES))
			callee_take_given(w, l, call, frame);
		if (call)
			buf_append(&call->request, frame->payload.p, frame->payload.n);
	}
	if (call && !(frame->flags & FRAME_MORE) && call->op != TALK_BATCH)
		read_request(call);
	fuzz_say("%u %d:     Call %u in %u, op %u, key %lld", w->step, index_of(w, l),
		 frame->number, frame->session, call ? call->op : 0,
		 call ? (long long)call->key : 0);
}

static void on_cancel(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct callee_call *call = find(w, l, frame->number);

	fuzz_say("%u %d:     Cancel %u, code %u", w->step, index_of(w, l), frame->number,
		 frame->code);
	if (!call)
		return;
	if (frame->code == PYR_UNAVAILABLE && call->has_token)
		call->is_live = false, call->is_kept = true;
	else
		callee_forget(call);
}

/* An item of a parameter: in its order, whole or in parts, within the window. */
static void on_item(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct callee_call *call = find(w, l, frame->number);
	struct span packed, text;
	char *wanted;

	if (!call || w->is_hostile)
		return;
	call->got++;
	call->cost += frame->payload.n + FRAME_ITEM_COST;
	if (call->has_ended || frame->value != call->got_items + 1)
		fuzz_finding("link %d: item %llu of stream %u comes when %llu is due",
			     index_of(w, l), (unsigned long long)frame->value, frame->number,
			     (unsigned long long)call->got_items + 1);
	if (call->cost - call->told > PEER_WINDOW_NEAR)
		fuzz_finding("link %d: stream %u sends more than there is credit for",
			     index_of(w, l), frame->number);
	buf_append(&call->part, frame->payload.p, frame->payload.n);
	if (frame->flags & FRAME_MORE)
		return;
	/* Field 2 is the stream's: as field 1 it is read by what reads results. */
	call->part.data[0] = 1 << 3 | 2;
	packed = span_of_buf(&call->part);
	wanted = talk_item(call->key, call->got_items, talk_size_up(call->key, call->got_items));
	if (!talk_get_text(packed, &text) || !span_is(text, wanted))
		fuzz_finding("link %d: item %llu of stream %u, key %lld, is another",
			     index_of(w, l), (unsigned long long)frame->value, frame->number,
			     (long long)call->key);
	free(wanted);
	buf_reset(&call->part);
	call->got_items++;
}

static void on_end(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct callee_call *call = find(w, l, frame->number);

	if (!call)
		return;
	if (call->has_ended && !w->is_hostile)
		fuzz_finding("link %d: stream %u ends twice", index_of(w, l), frame->number);
	call->has_ended = true;
	call->got++;
}

static void on_credit(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct callee_call *call = find(w, l, frame->number);

	if (call)
		call->room += (int64_t)frame->value;
	if (call && !w->is_hostile && call->room > PEER_WINDOW_NEAR)
		fuzz_finding("link %d: stream %u is given credit for what was not sent",
			     index_of(w, l), frame->number);
}

/* What the first n items of the result cost. */
static int64_t cost_of(const struct callee_call *call, uint64_t n)
{
	struct buf packed = { 0 };
	int64_t cost = 0;
	uint64_t i;
	char *text;

	for (i = 0; i < n && i < call->sent; i++) {
		buf_reset(&packed);
		text = talk_item(call->key, i, call->size);
		talk_put_text(&packed, 1, text);
		free(text);
		cost += (int64_t)packed.n + FRAME_ITEM_COST;
	}
	buf_free(&packed);
	return cost;
}

static void on_resume(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct frame answer = { .type = FRAME_RESUMED, .number = frame->number };
	struct callee_call *call = NULL;
	unsigned i;

	for (i = 0; i < w->n_calls && !call; i++)
		if (w->calls[i].has_token && (w->calls[i].is_kept || w->calls[i].is_live) &&
		    frame->token.n == 16 && memcmp(w->calls[i].token, frame->token.p, 16) == 0)
			call = &w->calls[i];
	fuzz_say("%u %d:     Resume %u, has %llu parts%s", w->step, index_of(w, l), frame->number,
		 (unsigned long long)frame->received, call ? "" : ": it is not known");
	if (!call || frame->attempt <= call->attempt) {
		answer.type = FRAME_ERROR;
		answer.code = PYR_NOT_FOUND;
		answer.message = span_of("item stream terminated");
		callee_put(l, &answer);
		return;
	}
	if (frame->received > call->sent && !w->is_hostile)
		fuzz_finding("link %d: Resume %u has more items than were sent", index_of(w, l),
			     frame->number);
	call->attempt = frame->attempt;
	call->is_live = call->is_kept = true;
	call->link = index_of(w, l);
	call->number = frame->number;
	call->sent = frame->received;
	call->told = call->cost;
	call->is_answered = false;
	call->room = l->window - (cost_of(call, frame->received) - (int64_t)frame->consumed);
	answer.received = call->got;
	answer.consumed = call->cost;
	callee_put(l, &answer);
}

static void on_frame(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct frame pong;

	if (!l->heard_hello && frame->type != FRAME_HELLO)
		fuzz_finding("link %d: a frame of type %d before Hello", index_of(w, l),
			     (int)frame->type);
	switch (frame->type) {
	case FRAME_HELLO:
		on_hello(w, l, frame);
		break;
	case FRAME_BIND:
		on_bind(w, l, frame);
		break;
	case FRAME_UNBIND:
		on_unbind(w, l, frame);
		break;
	case FRAME_CALL:
		on_call(w, l, frame);
		break;
	case FRAME_CANCEL:
		on_cancel(w, l, frame);
		break;
	case FRAME_ITEM:
		if (frame->to_caller)
			callee_on_item_back(w, l, frame);
		else
			on_item(w, l, frame);
		break;
	case FRAME_REPLY:
	case FRAME_ERROR:
		callee_on_answer(w, l, frame);
		break;
	case FRAME_LOST:
		callee_on_lost(w, l, frame);
		break;
	case FRAME_BOUND: /* its call is answered all the same */
		break;
	case FRAME_END:
		on_end(w, l, frame);
		break;
	case FRAME_CREDIT:
		on_credit(w, l, frame);
		break;
	case FRAME_RESUME:
		on_resume(w, l, frame);
		break;
	case FRAME_GOAWAY:
		if (!w->is_hostile)
			fuzz_finding("link %d: the caller ends it: %.*s", index_of(w, l),
				     (int)frame->message.n, (const char *)frame->message.p);
		break;
	case FRAME_RELEASE:
		callee_on_release(w, l, frame);
		break;
	case FRAME_PING:
		pong = (struct frame){ .type = FRAME_PONG, .value = frame->value };
		callee_put(l, &pong);
		break;
	case FRAME_PONG:
		break;
	default:
		if (!w->is_hostile)
			fuzz_finding("link %d: a frame of type %d", index_of(w, l),
				     (int)frame->type);
	}
}

void callee_read(struct callee_world *w, struct callee_link *l)
{
	struct buf taken = fake_take(l->fake);
	const uint8_t *p = taken.data, *end = p + taken.n;
	struct frame frame;
	int more = 0;

	while (taken.n > 0 && (more = frame_read(&p, end, &frame)) > 0)
		on_frame(w, l, &frame);
	if (more < 0)
		fuzz_finding("link %d: what the caller sends is no run of frames", index_of(w, l));
	buf_free(&taken);
}

/* ---- what goes out ---- */

static void answer(struct callee_world *w, struct callee_call *call)
{
	struct callee_link *l = &w->links[call->link];
	struct frame frame = { .type = FRAME_REPLY, .number = call->number };
	struct buf payload = { 0 }, body = { 0 };
	struct span text;

	if (callee_refuses(call->key) && call->op != TALK_BATCH) {
		frame.type = FRAME_ERROR;
		frame.code = PYR_ABORTED;
		frame.message = span_of("refused");
	} else if (call->op == TALK_ECHO) {
		text = span_of_buf(&call->request);
		while (text.n > 0 && (*text.p & 0x80 || text.p == call->request.data))
			text.p++, text.n--; /* the key's tag and all bytes of it but the last */
		text.p++, text.n--;
		buf_append(&payload, text.p, text.n);
		if (payload.n > 0)
			payload.data[0] = 1 << 3 | 2;
	} else if (call->op == TALK_UP) {
		talk_put_number(&payload, 1, call->got_items);
	} else if (call->op == TALK_ASK || call->op == TALK_LATER || call->op == TALK_MEDDLE) {
		talk_put_number(&payload, 1, (uint64_t)talk_result(call->key));
	}
	if (call->op == TALK_ANOTHER && frame.type == FRAME_REPLY)
		callee_make(w, l, &frame, &body, &payload);
	else if (call->op == TALK_SAME && frame.type == FRAME_REPLY)
		callee_same(w, l, call, &frame, &body, &payload);
	else if (!call->has_streams && frame.type == FRAME_REPLY && chance_one_in(w->chance, 10))
		callee_pass_some(w, l, &frame, &body);
	frame.payload = span_of_buf(&payload);
	callee_put(l, &frame);
	buf_free(&body);
	call->is_answered = true;
	fuzz_say("%u %d: call %u is answered", w->step, index_of(w, l), call->number);
	buf_free(&payload);
	if (!call->has_token)
		callee_forget(call);
}

/* For each of a batch's calls one answer, up to one that is refused. */
static void answer_batch(struct callee_world *w, struct callee_call *call)
{
	const uint8_t *p = call->request.data, *end = p + call->request.n;
	struct frame item, frame = { .type = FRAME_REPLY, .number = call->number }, one;
	struct buf results = { 0 }, payload = { 0 };
	struct callee_call key = { 0 };

	while (call->request.n > 0 && frame_read(&p, end, &item) > 0) {
		buf_reset(&payload);
		buf_reset(&key.request);
		buf_append(&key.request, item.payload.p, item.payload.n);
		read_request(&key);
		one = (struct frame){ .type = FRAME_REPLY };
		talk_put_number(&payload, 1, (uint64_t)talk_result(key.key));
		one.payload = span_of_buf(&payload);
		frame_append(&results, &one);
	}
	frame.payload = span_of_buf(&results);
	callee_put(&w->links[call->link], &frame);
	fuzz_say("%u %d: batch %u is answered", w->step, call->link, call->number);
	buf_free(&results);
	buf_free(&payload);
	buf_free(&key.request);
	callee_forget(call);
}

static bool gives(const struct callee_call *call)
{
	return call->op == TALK_DOWN && (int64_t)call->sent < call->n_down;
}

static void send_item(struct callee_world *w, struct callee_call *call)
{
	struct frame frame = { .type = FRAME_ITEM, .number = call->number, .to_caller = 1 };
	char *text = talk_item(call->key, call->sent, call->size);
	struct buf packed = { 0 };

	talk_put_text(&packed, 1, text);
	free(text);
	if ((int64_t)(packed.n + FRAME_ITEM_COST) <= call->room) {
		frame.value = ++call->sent;
		frame.payload = span_of_buf(&packed);
		call->room -= (int64_t)(packed.n + FRAME_ITEM_COST);
		callee_put(&w->links[call->link], &frame);
	}
	buf_free(&packed);
}

static void give_credit(struct callee_world *w, struct callee_call *call)
{
	struct frame frame = { .type = FRAME_CREDIT, .number = call->number, .to_caller = 1 };

	frame.value = call->cost - call->told;
	if (frame.value == 0)
		return;
	call->told = call->cost;
	callee_put(&w->links[call->link], &frame);
}

/* One call a little further. */
void callee_serve(struct callee_world *w, struct callee_call *call)
{
	const struct callee_link *l = &w->links[call->link];

	if (!call->is_live || !l->fake || !l->said_hello || call->request.n < call->total)
		return;
	if (call->op == TALK_UP && !call->has_ended)
		give_credit(w, call);
	else if (gives(call) && !callee_refuses(call->key))
		send_item(w, call);
	else if (call->op == TALK_BATCH)
		answer_batch(w, call);
	else if (!call->is_answered)
		answer(w, call);
}
