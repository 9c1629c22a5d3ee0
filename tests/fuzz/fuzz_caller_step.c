/* SPDX-License-Identifier: MIT */
/* A step of the modelled caller: which thing it does; what it does against the rules; and how an
 * episode is brought to its end. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_cable.h"
#include "fuzz_caller.h"
#include "stream/stream.h"
#include "talk.h"

/* ---- against the rules ---- */

static void bind_again(struct caller_world *w, struct caller_link *l)
{
	struct caller_session *s = caller_pick_session(w, l);
	struct frame frame = { .type = FRAME_BIND };

	if (!s)
		return;
	frame.session = s->number;
	frame.object = span_of("a");
	caller_put(w, l, &frame);
	caller_doom(w, l, "the session is bound already");
}

static void send_garbage(struct caller_world *w, struct caller_link *l)
{
	unsigned i, n = 1 + chance_below(w->chance, 40);
	uint8_t bytes[40];

	caller_flush(w, l);
	for (i = 0; i < n; i++)
		bytes[i] = (uint8_t)chance_next(w->chance);
	buf_append(&l->out, bytes, n);
	fuzz_say("%u %c: %u bytes of chance", w->step, l->name, n);
	caller_doubt_link(w, l);
	caller_flush(w, l);
}

/* A message that was begun well and is cut, or has a byte changed. */
static void mangle(struct caller_world *w, struct caller_link *l)
{
	if (l->out.n < 2)
		return;
	if (chance_one_in(w->chance, 2)) {
		l->out.n -= 1 + chance_below(w->chance, (unsigned)l->out.n - 1);
	} else {
		l->out.data[chance_below(w->chance, (unsigned)l->out.n)] ^=
			(uint8_t)(1 + chance_below(w->chance, 255));
		atomic_store(&w->has_mangled, true);
	}
	fuzz_say("%u %c: what waits is mangled", w->step, l->name);
	caller_doubt_link(w, l);
	caller_flush(w, l);
}

/* What is between two messages, or seems to be. */
static void spoil_cable(struct caller_world *w, struct caller_link *l)
{
	if (!l->fake->cable)
		return;
	caller_flush(w, l);
	caller_doubt_link(w, l);
	fuzz_say("%u %c: what is no message", w->step, l->name);
	cable_spoil(l->fake->cable);
}

static void send_too_much(struct caller_world *w, struct caller_link *l)
{
	caller_flush(w, l);
	if (!buf_grow(&l->out, FRAME_MESSAGE_MAX + 1))
		abort();
	memset(l->out.data, 0, l->out.n);
	caller_doom(w, l, "a message that is too long");
}

/* Something is wrong with a stream: the call fails, the link goes on. */
static void spoil_stream(struct caller_world *w, unsigned how)
{
	struct caller_call *call = caller_pick(w, caller_takes_items);
	struct frame frame = { .type = FRAME_ITEM };
	struct caller_link *l;
	static uint8_t zeros[FRAME_FRAGMENT + 1];
	unsigned i;

	if (!call)
		return;
	l = &w->links[call->link];
	frame.number = call->number;
	call->is_wrong = true;
	call->is_exact = false;
	frame.value = how == 0 ? chance_next(w->chance) : UINT64_MAX;
	frame.flags = chance_below(w->chance, 8);
	frame.total = (uint32_t)chance_next(w->chance);
	frame.payload =
		(struct span){ zeros, how == 1 ? sizeof(zeros) : chance_below(w->chance, 50) };
	if (how == 2)
		frame.type = FRAME_END;
	for (i = 0; i < 2; i++)
		caller_put(w, l, &frame);
	fuzz_say("%u %c: stream %u is spoilt", w->step, l->name, call->number);
}

/* Frames that a daemon is to skip, or to answer without harm. */
static void send_stray(struct caller_world *w, struct caller_link *l)
{
	static const enum frame_type types[] = { FRAME_BOUND,  FRAME_REPLY,   FRAME_ERROR,
						 FRAME_ITEM,   FRAME_RESUMED, FRAME_RELEASE,
						 FRAME_CREDIT, FRAME_END,     FRAME_UNBIND,
						 FRAME_CANCEL, FRAME_PONG,    FRAME_CALL };
	struct frame frame = { .type = types[chance_below(w->chance, 12)] };

	frame.number = 5000 + chance_below(w->chance, 20);
	frame.session = 90;
	frame.to_caller = chance_below(w->chance, 2);
	frame.value = chance_next(w->chance);
	if (frame.type == FRAME_CALL)
		frame.flags = FRAME_CONTINUES;
	caller_put(w, l, &frame);
	fuzz_say("%u %c: a stray frame of type %d", w->step, l->name, (int)frame.type);
	if (frame.type == FRAME_RELEASE)
		caller_doom(w, l, "a Release of nothing");
}

static void flood_credit(struct caller_world *w)
{
	struct caller_call *call = caller_pick(w, caller_takes_items);
	struct frame frame = { .type = FRAME_CREDIT, .value = UINT64_MAX };

	if (!call)
		return;
	frame.number = call->number;
	frame.value -= chance_below(w->chance, 2);
	call->is_exact = false; /* what was consumed is unclear from now on */
	caller_put(w, &w->links[call->link], &frame);
	fuzz_say("%u: Credit without end for call %u", w->step, call->number);
}

static void resume_live(struct caller_world *w, struct caller_link *l)
{
	struct frame frame = { .type = FRAME_RESUME, .attempt = 1, .session = 1 };

	caller_put(w, l, &frame);
	caller_doom(w, l, "a Resume without a number");
}

static void call_without_number(struct caller_world *w, struct caller_link *l)
{
	struct frame frame = { .type = FRAME_CALL, .session = 1 };

	caller_put(w, l, &frame);
	caller_doom(w, l, "a call without a number");
}

static void second_hello(struct caller_world *w, struct caller_link *l)
{
	struct frame frame = { .type = FRAME_HELLO, .min_version = 1, .max_version = 1 };

	caller_put(w, l, &frame);
	caller_doom(w, l, "a second Hello");
}

static void stray_auth(struct caller_world *w, struct caller_link *l)
{
	struct frame frame = { .type = FRAME_AUTH, .token = { l->nonce, sizeof(l->nonce) } };

	caller_put(w, l, &frame);
	caller_doom(w, l, "an unexpected Auth");
}

static void break_rules(struct caller_world *w)
{
	struct caller_link *l = caller_pick_link(w);
	unsigned how = chance_below(w->chance, 40);

	if (!l || l->may_be_doomed)
		return;
	switch (how) {
	case 0:
		if (chance_one_in(w->chance, 2))
			second_hello(w, l);
		else
			stray_auth(w, l);
		break;
	case 1:
		bind_again(w, l);
		break;
	case 2:
		call_without_number(w, l);
		break;
	case 3:
		send_garbage(w, l);
		break;
	case 4:
		send_too_much(w, l);
		break;
	case 5:
		resume_live(w, l);
		break;
	case 6:
		mangle(w, l);
		break;
	case 7:
		if (chance_one_in(w->chance, 4))
			caller_pass_too_many(w, l);
		else
			spoil_cable(w, l);
		break;
	case 8:
	case 9:
		flood_credit(w);
		break;
	default:
		if (how < 28)
			spoil_stream(w, how % 3);
		else
			send_stray(w, l);
	}
}

/* ---- a step ---- */

static void send_ping(struct caller_world *w)
{
	struct caller_link *l = caller_pick_link(w);
	struct frame frame = { .type = FRAME_PING };

	if (!l)
		return;
	frame.value = ++l->pings;
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Ping %llu", w->step, l->name, (unsigned long long)frame.value);
}

static void say_goaway(struct caller_world *w)
{
	struct caller_link *l = caller_pick_link(w);
	struct frame frame = { .type = FRAME_GOAWAY };

	if (!l)
		return;
	frame.code = chance_below(w->chance, 3);
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Goaway, code %u", w->step, l->name, frame.code);
}

static void close_some(struct caller_world *w)
{
	struct caller_link *l = &w->links[chance_below(w->chance, CALLER_LINKS)];

	if (l->fake)
		caller_close(w, l, chance_one_in(w->chance, 4));
}

/* Reads what has come; mostly takes it as written, too: a slow reader is a rare one. */
static void tend(struct caller_world *w)
{
	struct caller_link *l;
	int i;

	for (i = 0; i < CALLER_LINKS; i++) {
		l = &w->links[i];
		if (!l->fake)
			continue;
		if (w->is_settling || chance_one_in(w->chance, 2))
			fake_written(l->fake);
		if (w->is_settling || chance_one_in(w->chance, 3))
			caller_read(w, l);
		if (w->is_settling || chance_one_in(w->chance, 3))
			caller_flush(w, l);
		if (w->is_settling)
			fake_sync(l->fake);
		if (fake_is_closing(l->fake) && (w->is_settling || chance_one_in(w->chance, 10)))
			caller_close(w, l, chance_one_in(w->chance, 2));
		else if (w->is_settling && l->fake->cable && cable_is_spoilt(l->fake->cable))
			caller_close(w, l, false); /* nothing that is said there may be heard */
	}
}

static void send_parts(struct caller_world *w)
{
	struct caller_call *call = caller_pick(w, caller_takes_items);
	unsigned n = 1 + chance_below(w->chance, 3);

	while (call && n-- > 0 && caller_takes_items(call) && caller_send_part(w, call))
		;
}

static void go_on(struct caller_world *w)
{
	struct caller_call *call = caller_pick(w, caller_is_in_parts);

	if (call)
		caller_continue(w, call);
}

static bool is_answered(const struct caller_call *call)
{
	return call->state == CALL_ANSWERED;
}

static void acknowledge(struct caller_world *w)
{
	struct caller_call *call = caller_pick(w, is_answered);

	if (call)
		caller_acknowledge(w, call, 0);
}

static void do_one(struct caller_world *w)
{
	unsigned what = chance_below(w->chance, 1000);

	if (what < 40)
		(void)caller_open_link(w);
	else if (what < 130)
		caller_bind(w);
	else if (what < 142)
		caller_unbind(w);
	else if (what < 160)
		caller_give_back(w);
	else if (what < 430)
		caller_call(w);
	else if (what < 500)
		go_on(w);
	else if (what < 620)
		send_parts(w);
	else if (what < 700)
		caller_credit_some(w);
	else if (what < 740)
		caller_cancel(w);
	else if (what < 760)
		acknowledge(w);
	else if (what < 880)
		caller_resume_some(w);
	else if (what < 900)
		caller_resume_wrongly(w);
	else if (what < 925)
		close_some(w);
	else if (what < 945)
		send_ping(w);
	else if (what < 948)
		say_goaway(w);
	else if (what < 990)
		break_rules(w);
	else if (w->knock)
		w->knock(w->chance);
}

void caller_step(struct caller_world *w)
{
	do_one(w);
	tend(w);
}

/* ---- the end ---- */

/* A link with a session on the object that is known to be there. */
static struct caller_session *safe_session(struct caller_world *w, char object,
					   struct caller_link **ret)
{
	struct caller_session *s;
	int i, k;

	for (i = 0; i < CALLER_LINKS; i++) {
		*ret = &w->links[i];
		if (!(*ret)->fake || (*ret)->may_be_doomed || !(*ret)->said_hello)
			continue;
		for (k = 0; k < CALLER_SESSIONS; k++) {
			s = &(*ret)->sessions[k];
			if (s->is_bound && !s->is_refused && s->object == object && s->is_answered)
				return s;
		}
	}
	return NULL;
}

/* One call a little nearer to its end. */
static void push(struct caller_world *w, struct caller_call *call)
{
	struct caller_session *s;
	struct caller_link *l;

	if (call->state == CALL_ANSWERED) {
		caller_acknowledge(w, call, 0);
	} else if (call->state == CALL_DETACHED) {
		s = safe_session(w, call->object, &l);
		if (s)
			caller_resume(w, call, l, s);
	} else if (call->state == CALL_OPEN && !call->is_exact && !call->is_refusal) {
		caller_acknowledge(w, call, PYR_CANCELLED);
	} else if (call->state == CALL_OPEN && !call->is_refusal) {
		if (caller_is_in_parts(call))
			caller_continue(w, call);
		while (caller_takes_items(call) && caller_send_part(w, call))
			;
		if (!call->is_resuming)
			caller_credit(w, call, true);
	}
}

static bool has_doomed(const struct caller_world *w)
{
	int i;

	for (i = 0; i < CALLER_LINKS; i++)
		if (w->links[i].fake && w->links[i].is_doomed && !w->links[i].has_goaway)
			return true;
	return false;
}

/* Calls that the model has lost sight of may hold the only method thread, too. */
static void cancel_ghosts(struct caller_world *w, struct caller_link *l)
{
	struct frame frame = { .type = FRAME_CANCEL };

	if (!l->fake || !l->said_hello)
		return;
	for (frame.number = 1; frame.number < CALLER_SMALL + CALLER_CALLS; frame.number++)
		if (l->ghosts[frame.number] == GHOST_LIVE && !caller_find(w, l, frame.number)) {
			caller_put(w, l, &frame);
			l->ghosts[frame.number] = GHOST_HEARD;
		}
}

/* One that no link has a place for may hold the only method thread. */
static void make_place(struct caller_world *w)
{
	unsigned i;

	for (i = 0; i < w->n_calls; i++)
		if (w->calls[i].state == CALL_DETACHED && w->calls[i].n_refused == 5 &&
		    w->links[0].fake) {
			w->calls[i].n_refused++;
			caller_close(w, &w->links[0], true);
			return;
		}
}

bool caller_settle(struct caller_world *w)
{
	bool is_over = true;
	unsigned i;

	w->is_settling = true;
	if (caller_pick(w, caller_is_detached)) {
		(void)caller_open_link(w);
		caller_bind(w);
	}
	for (i = 0; i < CALLER_LINKS; i++)
		cancel_ghosts(w, &w->links[i]);
	for (i = 0; i < w->n_calls; i++)
		push(w, &w->calls[i]);
	tend(w);
	make_place(w);
	for (i = 0; i < w->n_calls; i++)
		is_over &= !w->calls[i].must_answer;
	for (i = 0; i < CALLER_LINKS; i++)
		is_over &= caller_has_all_back(&w->links[i]);
	return is_over && !has_doomed(w);
}

void caller_fini(struct caller_world *w)
{
	unsigned i;

	for (i = 0; i < CALLER_LINKS; i++)
		if (w->links[i].fake)
			caller_close(w, &w->links[i], i == 0);
	for (i = 0; i < w->n_calls; i++)
		caller_done(&w->calls[i]);
}
