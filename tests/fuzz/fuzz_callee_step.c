/* SPDX-License-Identifier: MIT */
/* What the modelled daemon does in a step. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_cable.h"
#include "fuzz_callee.h"
#include "peer/peer.h"
#include "stream/stream.h"
#include "talk.h"

struct link *callee_accept(struct callee_world *w, const struct link_target *target,
			   const struct link_events *events, void *owner)
{
	struct fake *fake = NULL;
	bool ok = true;

	pthread_mutex_lock(&w->lock);
	if (w->n_links < CALLEE_LINKS) {
		fake = fake_new(target->address, false);
		fake->link.events = events; /* before a step sees it */
		fake->link.owner = owner;
		if (w->episode->lane != LANE_NONE)
			ok = cable_connect(fake, target, events, owner,
					   fuzz_mix(w->episode->seed, w->n_links));
		w->made[w->n_links++] = fake;
	}
	pthread_mutex_unlock(&w->lock);
	if (!ok)
		fuzz_finding("%s: no connection is begun", target->address);
	return fake ? &fake->link : NULL;
}

static void say_hello(struct callee_world *w, struct callee_link *l)
{
	struct frame frame = { .type = FRAME_HELLO, .min_version = 1, .max_version = 1 };

	l->said_hello = true;
	frame.window = PEER_WINDOW_NEAR;
	frame.max_calls = chance_one_in(w->chance, 3) ? 1 + chance_below(w->chance, 4) : 100;
	frame.max_message = 64 << 20;
	frame.stream_linger_ms = w->linger_ms;
	frame.from = span_of("model:1");
	if (w->is_hostile && chance_one_in(w->chance, 4))
		frame.window = (uint32_t)chance_next(w->chance);
	if (w->is_hostile && chance_one_in(w->chance, 10))
		frame.min_version = frame.max_version = 7;
	callee_put(l, &frame);
}

static void answer_bind(struct callee_world *w, struct callee_link *l)
{
	struct frame frame = { .type = FRAME_BOUND };

	if (l->n_to_bind == 0 || !l->said_hello)
		return;
	frame.session = l->to_bind[--l->n_to_bind];
	frame.fingerprint = talk_Server_interface.fingerprint;
	frame.handshake = span_of("welcome");
	if (chance_one_in(w->chance, 20)) {
		frame.code = PYR_NOT_FOUND;
		frame.message = span_of("no such object");
	}
	callee_put(l, &frame);
	fuzz_say("%u: Bound %u, code %u", w->step, frame.session, frame.code);
}

static void close_link(struct callee_world *w, struct callee_link *l)
{
	struct fake *fake = l->fake;
	unsigned i;

	callee_flush(l);
	callee_read(w, l);
	fuzz_say("%u %d: closed%s", w->step, (int)(l - w->links),
		 fake_is_closing(fake) ? ", as the caller wanted" : "");
	for (i = 0; i < w->n_calls; i++) {
		if (w->calls[i].link != l - w->links || !w->calls[i].is_live)
			continue;
		if (w->calls[i].has_token && w->linger_ms > 0)
			w->calls[i].is_live = false, w->calls[i].is_kept = true;
		else
			callee_forget(&w->calls[i]);
	}
	l->fake = NULL;
	buf_free(&l->out);
	fake_close(fake, false);
}

/* Anything may come, about calls that are live and others. */
static void do_harm(struct callee_world *w, struct callee_link *l)
{
	struct callee_call *call =
		w->n_calls ? &w->calls[chance_below(w->chance, w->n_calls)] : NULL;
	struct frame frame = { .type = FRAME_HELLO +
				       chance_below(w->chance, FRAME_TYPES - FRAME_HELLO) };
	static uint8_t zeros[FRAME_FRAGMENT + 1];
	struct buf body = { 0 };
	uint8_t id[16];

	if (l->fake->cable && chance_one_in(w->chance, 15))
		cable_spoil(l->fake->cable);
	frame.number = call && !chance_one_in(w->chance, 4) ? call->number
							    : chance_below(w->chance, 70000);
	frame.session = chance_below(w->chance, 8);
	frame.flags = chance_below(w->chance, 8);
	frame.to_caller = !chance_one_in(w->chance, 5);
	frame.value =
		chance_one_in(w->chance, 2) ? chance_below(w->chance, 10) : chance_next(w->chance);
	frame.code = chance_below(w->chance, 20);
	frame.total = chance_below(w->chance, 200000);
	frame.received = chance_one_in(w->chance, 2) ? 0 : chance_next(w->chance);
	frame.consumed = chance_one_in(w->chance, 2) ? 0 : chance_next(w->chance);
	frame.was_not_run = chance_one_in(w->chance, 2);
	frame.critical = chance_one_in(w->chance, 3);
	frame.max_version = frame.min_version = 1;
	frame.fingerprint = chance_one_in(w->chance, 2) ? talk_Server_interface.fingerprint : 5;
	frame.payload =
		(struct span){ zeros, chance_one_in(w->chance, 10) ? sizeof(zeros)
								   : chance_below(w->chance, 60) };
	callee_spoil(w, l, &frame, &body, id);
	if (frame.type == FRAME_GOAWAY && !chance_one_in(w->chance, 20))
		frame.type = FRAME_PING;
	callee_put(l, &frame);
	buf_free(&body);
	fuzz_say("%u %d: harm: type %d, number %u", w->step, (int)(l - w->links), (int)frame.type,
		 frame.number);
}

static void say_goaway(struct callee_world *w, struct callee_link *l)
{
	struct frame frame = { .type = FRAME_GOAWAY };

	frame.message = span_of("the daemon is stopping");
	l->is_leaving = true;
	callee_put(l, &frame);
	fuzz_say("%u %d: Goaway", w->step, (int)(l - w->links));
}

static void tend(struct callee_world *w, struct callee_link *l)
{
	bool is_closing = fake_is_closing(l->fake);

	if (!l->said_hello && chance_one_in(w->chance, 3))
		say_hello(w, l);
	if (w->is_finishing || chance_one_in(w->chance, 2))
		fake_written(l->fake);
	if (l->said_hello && (w->is_finishing || chance_one_in(w->chance, 2)))
		callee_read(w, l);
	if (w->is_finishing || chance_one_in(w->chance, 3))
		answer_bind(w, l);
	if (w->is_hostile && l->said_hello && chance_one_in(w->chance, 15))
		do_harm(w, l);
	if (l->said_hello && chance_one_in(w->chance, 40))
		callee_lose(w, l);
	if (l->said_hello && chance_one_in(w->chance, 8))
		callee_give_back(w, l);
	if (!w->is_finishing && l->said_hello && chance_one_in(w->chance, 6))
		callee_call_back(w, l);
	if (l->said_hello && chance_one_in(w->chance, 60))
		callee_cancel_back(w, l);
	if (!w->is_finishing && l->said_hello && chance_one_in(w->chance, 400))
		say_goaway(w, l);
	if (w->is_finishing || chance_one_in(w->chance, 2))
		callee_flush(l);
	if ((is_closing && chance_one_in(w->chance, 4)) ||
	    (!w->is_finishing && chance_one_in(w->chance, 120)))
		close_link(w, l);
}

/* Links that were made since. */
static unsigned take_links(struct callee_world *w)
{
	struct fake *fake;
	unsigned i, n;

	pthread_mutex_lock(&w->lock);
	n = w->n_links;
	pthread_mutex_unlock(&w->lock);
	if (w->episode->lane != LANE_NONE) {
		while ((fake = cable_accept(w->made, n, w->is_hostile)) != NULL)
			for (i = 0; i < n; i++)
				if (w->made[i] == fake)
					w->links[i].fake = fake;
		return n;
	}
	for (i = w->n_taken; i < n; i++)
		w->links[i].fake = w->made[i];
	w->n_taken = n;
	return n;
}

void callee_step(struct callee_world *w)
{
	unsigned i, n = take_links(w);

	for (i = 0; i < w->n_calls; i++)
		if (w->is_finishing || chance_one_in(w->chance, 6))
			callee_serve(w, &w->calls[i]);
	for (i = 0; i < n; i++)
		if (w->links[i].fake)
			tend(w, &w->links[i]);
}

bool callee_end(struct callee_world *w)
{
	unsigned i, n = take_links(w);
	bool is_over = true;

	for (i = 0; i < n; i++) {
		if (w->links[i].fake)
			close_link(w, &w->links[i]);
		is_over &= atomic_load(&w->made[i]->is_free);
	}
	return is_over;
}

void callee_fini(struct callee_world *w)
{
	unsigned i;

	for (i = 0; i < w->n_links; i++)
		fake_free(w->made[i]);
	for (i = 0; i < w->n_calls; i++)
		callee_forget(&w->calls[i]);
	pthread_mutex_destroy(&w->lock);
}
