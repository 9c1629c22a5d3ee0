/* SPDX-License-Identifier: MIT */
/* What the modelled caller does: one thing in a step, mostly what a caller may do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_caller.h"
#include "peer/peer.h"
#include "stream/stream.h"
#include "talk.h"

enum { MESSAGE_MOST = 200000 };

/* ---- frames ---- */

void caller_flush(struct caller_world *w, struct caller_link *l)
{
	struct buf out = l->out;

	(void)w;
	l->out = (struct buf){ 0 };
	if (out.n > 0 && l->fake)
		fake_deliver(l->fake, &out);
	buf_free(&out);
}

void caller_put(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	if (!l->fake)
		return;
	if (l->out.n + frame->payload.n > MESSAGE_MOST)
		caller_flush(w, l);
	frame_append(&l->out, frame);
}

struct caller_call *caller_find(struct caller_world *w, const struct caller_link *l,
				uint32_t number)
{
	struct caller_call *call;
	unsigned i;

	for (i = 0; i < w->n_calls; i++) {
		call = &w->calls[i];
		if (call->number == number && &w->links[call->link] == l &&
		    (call->state == CALL_OPEN || call->state == CALL_ANSWERED))
			return call;
	}
	return NULL;
}

void caller_done(struct caller_call *call)
{
	call->state = CALL_DONE;
	call->must_answer = false;
	buf_free(&call->request);
	buf_free(&call->reply);
	buf_free(&call->part);
}

void caller_haunt(struct caller_link *l, uint32_t number, enum ghost ghost)
{
	if (number < CALLER_SMALL + CALLER_CALLS && l->ghosts[number] < ghost)
		l->ghosts[number] = ghost;
}

void caller_left(struct caller_call *call, bool is_known)
{
	enum ghost *ghost;

	if (call->from && call->from_number < CALLER_SMALL + CALLER_CALLS) {
		ghost = &call->from->ghosts[call->from_number];
		if (*ghost == GHOST_MOVING)
			*ghost = is_known ? GHOST_HEARD : GHOST_LIVE;
	}
	call->from = NULL;
}

void caller_doubt_leaving(struct caller_world *w, const struct caller_link *l)
{
	unsigned i;

	for (i = 0; i < w->n_calls; i++)
		if (w->calls[i].from == l) {
			w->calls[i].is_exact = w->calls[i].must_answer = false;
			w->calls[i].from = NULL;
		}
}

void caller_doubt_link(struct caller_world *w, struct caller_link *l)
{
	unsigned i;

	l->may_be_doomed = true;
	caller_doubt_leaving(w, l);
	for (i = 0; i < w->n_calls; i++)
		if (w->calls[i].link == l - w->links && w->calls[i].state != CALL_DONE) {
			w->calls[i].is_exact = false;
			w->calls[i].must_answer = false;
		}
}

void caller_doom(struct caller_world *w, struct caller_link *l, const char *why)
{
	fuzz_say("   %c: that ends the link: %s", l->name, why);
	caller_doubt_link(w, l);
	l->is_doomed = true;
	caller_flush(w, l);
}

/* ---- picking ---- */

struct caller_link *caller_pick_link(struct caller_world *w)
{
	struct caller_link *l = &w->links[chance_below(w->chance, CALLER_LINKS)];

	return l->fake && l->said_hello ? l : NULL;
}

struct caller_session *caller_pick_session(struct caller_world *w, struct caller_link *l)
{
	struct caller_session *s = &l->sessions[chance_below(w->chance, CALLER_SESSIONS)];

	return s->is_bound ? s : NULL;
}

/* ---- links ---- */

static void say_hello(struct caller_world *w, struct caller_link *l)
{
	static const uint32_t windows[] = { 0, 1, 131072, 262144, 1 << 20, UINT32_MAX };
	struct frame frame = { .type = FRAME_HELLO, .min_version = 1, .max_version = 1 };

	l->window = windows[chance_below(w->chance, 6)];
	frame.window = l->window;
	frame.max_calls = 100;
	frame.max_message = chance_one_in(w->chance, 2) ? 64 << 20 : 0;
	frame.agent = span_of("model");
	if (l->window < PEER_WINDOW_FIRST)
		l->window = PEER_WINDOW_FIRST;
	fuzz_say("%u %c: Hello, window %u", w->step, l->name, l->window);
	l->said_hello = !w->ring;
	if (w->ring)
		caller_key_ask(w, l, &frame);
	else
		caller_put(w, l, &frame);
}

struct caller_link *caller_open_link(struct caller_world *w)
{
	int i, place = -1;
	struct caller_link *l;
	char address[32];

	for (i = 0; i < CALLER_LINKS && place < 0; i++)
		if (!w->links[i].fake)
			place = i;
	if (place < 0 || w->is_stopping || w->n_gone >= 60)
		return NULL;
	l = &w->links[place];
	*l = (struct caller_link){ .name = (char)('A' + place), .last_number = CALLER_SMALL };
	snprintf(address, sizeof(address), "model-%c-%u", l->name, w->n_links++);
	l->fake = fake_new(address, chance_one_in(w->chance, 5) && w->episode->lane == LANE_NONE);
	fuzz_say("%u %c: opened%s", w->step, l->name,
		 l->fake->writes_at_once ? ", writes are done at once" : "");
	w->accept(l->fake);
	if (!chance_one_in(w->chance, 40) || w->is_settling)
		say_hello(w, l);
	return l;
}

static bool is_complete(const struct caller_call *call)
{
	return call->sent >= call->request.n;
}

static bool stays(const struct caller_world *w, const struct caller_link *l,
		  const struct caller_call *call, bool is_orderly)
{
	return call->has_token && !is_orderly && is_complete(call) && w->linger_ms > 0 &&
	       !w->is_stopping && !l->has_goaway;
}

bool caller_is_admitted(const struct caller_world *w, const struct caller_call *call)
{
	return !w->has_hooks || call->is_admitted;
}

/* What becomes of a call whose link is closed. */
static void close_call(struct caller_world *w, struct caller_link *l, struct caller_call *call,
		       bool is_orderly, bool was_closing)
{
	if (call->state ==
	    CALL_DETACHED) /* left behind: with the link its session's hook goes, too */
		call->is_exact &= caller_is_admitted(w, call);
	if (call->state != CALL_OPEN && call->state != CALL_ANSWERED)
		return;
	caller_left(call, false);
	if (call->is_refusal || !stays(w, l, call, is_orderly)) {
		caller_done(call);
		return;
	}
	if (was_closing || l->may_be_doomed || call->is_resuming ||
	    (call->state == CALL_OPEN && !caller_is_admitted(w, call)))
		call->is_exact = false;
	call->state = CALL_DETACHED;
	call->detached_at = engine_now();
	call->must_answer = false;
	call->is_resuming = false;
	buf_reset(&call->reply);
}

void caller_close(struct caller_world *w, struct caller_link *l, bool is_orderly)
{
	bool was_closing;
	unsigned i;

	caller_flush(w, l);
	if (l->fake->cable && chance_one_in(w->chance, 6)) /* what is on its way may be lost */
		caller_doubt_link(w, l);
	else
		fake_sync(l->fake);
	caller_read(w, l);
	was_closing = fake_is_closing(l->fake);
	fuzz_say("%u %c: closed%s%s", w->step, l->name, is_orderly ? " in good order" : "",
		 was_closing ? ", as the daemon wanted" : "");
	for (i = 0; i < w->n_calls; i++)
		if (&w->links[w->calls[i].link] == l)
			close_call(w, l, &w->calls[i], is_orderly, was_closing);
	if (is_orderly || was_closing || l->has_goaway)
		caller_doubt_leaving(w, l);
	for (i = 0; i < w->n_calls; i++) /* the place is another link's from now on */
		if (w->calls[i].from == l)
			w->calls[i].from = NULL;
	w->gone[w->n_gone++] = l->fake;
	fake_close(l->fake, is_orderly);
	buf_free(&l->out);
	l->fake = NULL;
}

void caller_bind(struct caller_world *w)
{
	static const char *const handshakes[] = { "", "yes", "yes, please", "no", "defer" };
	struct caller_link *l = caller_pick_link(w);
	struct caller_session *s;
	struct frame frame = { .type = FRAME_BIND };
	const char *handshake = handshakes[chance_below(w->chance, 5)];
	unsigned place = chance_below(w->chance, CALLER_SESSIONS);
	bool is_again;

	if (!l || l->sessions[place].is_bound)
		return;
	s = &l->sessions[place];
	is_again = s->is_again || (s->uid && !s->is_answered);
	*s = (struct caller_session){ .is_bound = true, .is_again = is_again };
	s->uid = ++w->n_sessions;
	s->number = place + 1;
	s->object = "aaabbx"[chance_below(w->chance, 6)];
	s->is_equal = !chance_one_in(w->chance, 6);
	if (w->is_settling) {
		s->object = 'a';
		handshake = "yes";
	}
	s->is_refused = s->object == 'x' || (w->has_hooks && handshake[0] == 'n');
	frame.session = s->number;
	if (!w->is_settling && chance_one_in(w->chance, 5))
		frame.reference = (struct span){ caller_bind_reference(w, l, s), 16 };
	else
		frame.object = (struct span){ (const uint8_t *)&s->object, 1 };
	frame.interface = span_of(talk_Server_interface.name);
	frame.fingerprint = talk_Server_interface.fingerprint ^ !s->is_equal;
	frame.handshake = span_of(handshake);
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Bind %u on %c%s, \"%s\"", w->step, l->name, s->number, s->object,
		 s->is_equal ? "" : ", another version", handshake);
}

void caller_unbind(struct caller_world *w)
{
	struct caller_link *l = caller_pick_link(w);
	struct caller_session *s = l ? caller_pick_session(w, l) : NULL;
	struct frame frame = { .type = FRAME_UNBIND };
	unsigned i;

	if (!s)
		return;
	frame.session = s->number;
	caller_put(w, l, &frame);
	s->is_bound = false;
	fuzz_say("%u %c: Unbind %u", w->step, l->name, s->number);
	for (i = 0; w->has_hooks && !s->is_answered && i < w->n_calls; i++)
		w->calls[i].may_fail |= w->calls[i].uid == s->uid;
}

/* ---- calls ---- */

struct caller_call *caller_new_call(struct caller_world *w, struct caller_link *l, uint32_t number)
{
	struct caller_call *call;

	if (w->n_calls >= CALLER_CALLS)
		return NULL;
	call = &w->calls[w->n_calls++];
	*call = (struct caller_call){ .state = CALL_OPEN, .number = number };
	call->link = (int)(l - w->links);
	call->is_exact = !l->may_be_doomed;
	call->must_answer = call->is_exact;
	call->window_down = call->room_down = l->window;
	call->window_up = call->room_up = l->heard_hello ? l->their_window : PEER_WINDOW_FIRST;
	return call;
}

/* What a number that is used again may do. */
struct number {
	uint32_t number;
	bool is_doubtful; /* whose answer comes is not known */
	bool is_live, may_be_live;
};

/* It cannot have been answered yet, whatever is on the way: its method still reads. */
static bool is_live_for_sure(const struct caller_world *w, const struct caller_call *call)
{
	return call->state == CALL_OPEN && call->is_exact && !call->is_wrong && !call->may_fail &&
	       (call->op == TALK_UP || call->op == TALK_BOTH) && !call->up_ended &&
	       !call->has_deadline && !call->is_resuming && w->max_calls == 0 &&
	       w->max_message == 0 && !w->has_lifetime && !w->has_unregistered && !w->is_stopping;
}

/* A number for a call; one that is live sometimes, which ends the link. */
static struct number pick_number(struct caller_world *w, struct caller_link *l)
{
	struct number ret = { .number = 1 + chance_below(w->chance, CALLER_SMALL - 1) };
	struct caller_call *other = caller_find(w, l, ret.number);
	unsigned how = chance_below(w->chance, 100);
	bool is_answered = other && other->state == CALL_ANSWERED;
	unsigned i;

	for (i = 0; how >= 90 && i < w->n_calls && !is_answered && !l->may_be_doomed; i++)
		if (w->calls[i].state == CALL_ANSWERED && &w->links[w->calls[i].link] == l)
			return (struct number){ .number = w->calls[i].number,
						.is_live = w->calls[i].is_kept,
						.may_be_live = !w->calls[i].is_kept };
	if (l->ghosts[ret.number] == GHOST_MOVING || how < 55 ||
	    (other && !is_answered && how < 97) ||
	    (l->ghosts[ret.number] == GHOST_LIVE && how < 97) || (is_answered && how < 80) ||
	    w->is_settling)
		return (struct number){ .number = ++l->last_number };
	ret.is_doubtful = l->ghosts[ret.number] != GHOST_NONE;
	ret.may_be_live = l->ghosts[ret.number] == GHOST_LIVE;
	ret.is_live = other && !l->may_be_doomed &&
		      (is_answered ? other->is_kept : is_live_for_sure(w, other));
	ret.may_be_live |= other && !ret.is_live;
	return ret;
}

/* Calls whose request comes in pieces may be overtaken: their methods start in no known order. */
static int64_t next_key(struct caller_session *s, bool may_be_overtaken)
{
	return (int64_t)s->uid << KEY_SEQ_BITS | (may_be_overtaken ? KEY_UNORDERED : 0) | ++s->seq;
}

static void put_batch(struct caller_world *w, struct caller_call *call, struct caller_session *s)
{
	static const enum talk_op ops[] = { TALK_ASK, TALK_LATER, TALK_NOTE, TALK_REFUSE };
	bool is_named[TALK_OPS] = { false };
	uint32_t place[TALK_OPS] = { 0 }, n_named = 0;
	struct buf payload = { 0 };
	unsigned i, n = chance_below(w->chance, 6);

	for (i = 0; i < n; i++) {
		enum talk_op op = i == 0 || !chance_one_in(w->chance, 3)
					  ? TALK_ASK
					  : ops[chance_below(w->chance, 4)];
		const struct pyr__operation *table = &talk_Server_interface.operations[op];
		struct frame frame = { .type = FRAME_CALL };

		buf_reset(&payload);
		talk_put_number(&payload, 1,
				(uint64_t)next_key(s, call->is_in_pieces || is_named[TALK_LATER]));
		frame.payload = span_of_buf(&payload);
		if (!is_named[op]) {
			frame.name = span_of(table->name);
			frame.fingerprint = table->fingerprint;
			is_named[op] = true;
			place[op] = n_named++;
		} else {
			frame.operation = place[op];
		}
		frame_append(&call->request, &frame);
	}
	call->n_batch = n;
	buf_free(&payload);
}

static void put_request(struct caller_world *w, struct caller_call *call)
{
	unsigned size = chance_below(w->chance, 40);
	char *text;

	talk_put_number(&call->request, 1, (uint64_t)call->key);
	if (call->op == TALK_ECHO) {
		if (chance_one_in(w->chance, 4))
			size = chance_below(w->chance, 180000);
		call->size_down = size;
		text = talk_item(call->key, 0, size);
		talk_put_text(&call->request, 2, text);
		free(text);
	} else if (call->op == TALK_DOWN) {
		call->n_down = chance_below(w->chance, 12);
		call->size_down = chance_below(w->chance, 100);
		if (chance_one_in(w->chance, 4))
			call->size_down = chance_below(w->chance, 150000);
		talk_put_number(&call->request, 2, call->n_down);
		talk_put_number(&call->request, 3, call->size_down);
	} else if (call->op == TALK_UP || call->op == TALK_BOTH) {
		call->n_up = call->n_down = chance_below(w->chance, 8);
	}
}

/* Sends the next piece of the request. */
static void put_piece(struct caller_world *w, struct caller_call *call, struct frame *frame)
{
	size_t n = call->request.n - call->sent, most = FRAME_FRAGMENT;

	if (call->is_in_pieces && n > 1 && (call->sent == 0 || chance_one_in(w->chance, 4)))
		most = 1 + chance_below(w->chance, (unsigned)n - 1);
	if (n > most)
		n = most;
	if (n > FRAME_FRAGMENT)
		n = FRAME_FRAGMENT;
	frame->flags |= call->sent + n < call->request.n ? FRAME_MORE : 0;
	if (call->sent == 0)
		frame->total = (uint32_t)call->request.n;
	else
		frame->flags |= FRAME_CONTINUES;
	frame->payload = (struct span){ call->request.data + call->sent, n };
	call->sent += n;
}

static void describe(struct caller_world *w, struct caller_call *call, struct caller_session *s,
		     struct frame *frame)
{
	const struct pyr__operation *table;

	*frame = (struct frame){ .type = FRAME_CALL, .number = call->number };
	frame->session = s->number;
	if (call->op == TALK_BATCH) {
		frame->name = span_of("<batch>");
		frame->flags = FRAME_BATCH;
	} else {
		table = &talk_Server_interface.operations[call->op];
		frame->operation = call->op;
		if (!s->is_equal || chance_one_in(w->chance, 3)) {
			frame->name = span_of(table->name);
			frame->fingerprint = table->fingerprint;
		}
		frame->flags = table->flags & PYR__ONEWAY ? FRAME_ONEWAY : 0;
		if (table->flags & (PYR__STREAM_IN | PYR__STREAM_OUT))
			frame->flags |= FRAME_STREAMS;
	}
	if (chance_one_in(w->chance, 15)) {
		frame->time_left = 1 + chance_below(w->chance, 30000);
		call->has_deadline = true;
	}
	if (chance_one_in(w->chance, 60)) {
		frame->depth = 250 + chance_below(w->chance, 12);
		call->may_fail = true;
	}
	if (call->has_token)
		frame->token = (struct span){ call->token, sizeof(call->token) };
}

static void set_token(struct caller_world *w, struct caller_call *call)
{
	uint64_t words[2] = { chance_next(w->chance), chance_next(w->chance) };

	call->has_token = (call->op == TALK_DOWN || call->op == TALK_UP || call->op == TALK_BOTH) &&
			  call->object != 'r' && !chance_one_in(w->chance, 6);
	memcpy(call->token, words, sizeof(words));
}

static const char *const op_names[] = { "ask", "later", "echo",   "note",    "refuse", "down",
					"up",  "both",  "meddle", "another", "same",   "<batch>" };

/* The rest of a request that comes in pieces. */
void caller_continue(struct caller_world *w, struct caller_call *call)
{
	struct caller_link *l = &w->links[call->link];
	struct frame frame = { .type = FRAME_CALL, .number = call->number };

	put_piece(w, call, &frame);
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Call %u goes on: %zu of %zu bytes", w->step, l->name, call->number,
		 call->sent, call->request.n);
}

void caller_call(struct caller_world *w)
{
	static const uint8_t ops[] = { 0, 0, 0, 1, 1, 2, 3, 3, 4, 5,  5,
				       5, 6, 6, 6, 7, 7, 8, 9, 9, 10, 10 };
	struct caller_link *l = caller_pick_link(w);
	struct caller_session *s = l ? caller_pick_session(w, l) : NULL, nobody = { .number = 77 };
	struct caller_call *call;
	struct buf body = { 0 };
	struct number number;
	struct frame frame;

	if (l && !s && chance_one_in(w->chance, 20))
		s = &nobody;
	if (!s || w->n_calls >= CALLER_CALLS)
		return;
	number = pick_number(w, l);
	call = caller_new_call(w, l, number.number);
	call->op = ops[chance_below(w->chance, sizeof(ops))];
	if (number.may_be_live && chance_one_in(w->chance, 2))
		call->op = TALK_DOWN; /* what is kept under its number, too, if it is taken */
	call->uid = s->uid;
	call->is_admitted = s->is_answered && !s->is_again;
	call->object = s->object;
	call->is_in_pieces =
		(call->op == TALK_ECHO || call->op == TALK_BATCH) && chance_one_in(w->chance, 2);
	call->key = next_key(s, call->op == TALK_ECHO || call->is_in_pieces);
	call->is_wrong = s == &nobody;
	call->may_fail |= s->is_refused || call->is_wrong;
	set_token(w, call);
	if (call->op == TALK_BATCH)
		put_batch(w, call, s);
	else
		put_request(w, call);
	describe(w, call, s, &frame);
	put_piece(w, call, &frame);
	if (call->op <= TALK_REFUSE && chance_one_in(w->chance, 4))
		caller_pass(w, l, &frame, &body);
	w->has_unregistered |= call->op == TALK_MEDDLE;
	caller_put(w, l, &frame);
	buf_free(&body);
	fuzz_say("%u %c: Call %u in %u: %s, key %llx, %zu of %zu bytes%s%s", w->step, l->name,
		 call->number, frame.session, op_names[call->op], (long long)call->key, call->sent,
		 call->request.n, call->has_token ? ", token" : "",
		 call->has_deadline ? ", deadline" : "");
	if (number.is_doubtful)
		call->is_exact = call->must_answer = false;
	if (number.is_live)
		caller_doom(w, l, "the number is live");
	else if (number.may_be_live)
		caller_doubt_link(w, l);
}
