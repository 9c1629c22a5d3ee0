/* SPDX-License-Identifier: MIT */
/*
 * References, as the modelled caller has them: objects of its own that it passes and nobody looks
 * at, which the daemon must give back as often; and objects that the daemon makes, which it binds,
 * calls, gives back, and binds again in vain.
 */
#include <string.h>

#include "fuzz_caller.h"

/* ---- the model's own ---- */

static void own_id(const struct caller_link *l, unsigned i, uint8_t ret[16])
{
	memset(ret, 0x40 + l->name, 16);
	ret[0] = (uint8_t)i;
}

static struct caller_given *pick_given(struct caller_world *w, struct caller_link *l)
{
	return l->n_given ? &l->given[chance_below(w->chance, l->n_given)] : NULL;
}

static void list(struct buf *body, const uint8_t *id, bool is_home)
{
	struct frame_reference reference = { .is_home = is_home };

	memcpy(reference.id, id, sizeof(reference.id));
	memcpy(reference.name, id, sizeof(reference.name));
	frame_put_reference(body, FRAME_CALL, &reference);
}

void caller_pass(struct caller_world *w, struct caller_link *l, struct frame *frame,
		 struct buf *body)
{
	unsigned i, which, n = 1 + chance_below(w->chance, 3);
	struct caller_given *given = pick_given(w, l);
	uint8_t id[16];

	for (i = 0; i < n; i++) {
		which = chance_below(w->chance, CALLER_OWN);
		own_id(l, which, id);
		list(body, id, false);
		l->own[which].n_passed++;
	}
	if (given &&
	    chance_one_in(w->chance, 2)) /* it comes home, whether it was given back or not */
		list(body, given->id, true);
	frame->flags |= FRAME_REFERENCES;
	frame->body = span_of_buf(body);
	fuzz_say("   %c: with %u references%s", l->name, n, given ? ", perhaps one home" : "");
}

void caller_on_release(struct caller_world *w, struct caller_link *l, const struct frame *frame)
{
	unsigned i = 0;
	uint8_t id[16];

	fuzz_say("%u %c:     Release, %u", w->step, l->name, frame->count);
	for (i = 0; i < CALLER_OWN; i++) {
		own_id(l, i, id);
		if (frame->reference.n == 16 && memcmp(frame->reference.p, id, 16) == 0)
			break;
	}
	if (l->may_be_doomed)
		return;
	if (i == CALLER_OWN || frame->count == 0)
		fuzz_finding("%c: what is given back was never passed", l->name);
	l->own[i].n_back += frame->count;
	if (l->own[i].n_back > l->own[i].n_passed)
		fuzz_finding("%c: object %u was passed %u times and is given back %u times",
			     l->name, i, l->own[i].n_passed, l->own[i].n_back);
}

bool caller_has_all_back(const struct caller_link *l)
{
	unsigned i;

	for (i = 0; l->fake && !l->may_be_doomed && i < CALLER_OWN; i++)
		if (l->own[i].n_back < l->own[i].n_passed)
			return false;
	return true;
}

void caller_pass_too_many(struct caller_world *w, struct caller_link *l)
{
	struct frame frame = { .type = FRAME_CALL, .session = 1, .number = 4999 };
	struct buf body = { 0 };
	uint8_t id[16] = { 1 };
	unsigned i;

	for (i = 0; i < 4097; i++)
		list(&body, id, false);
	frame.flags = FRAME_REFERENCES;
	frame.body = span_of_buf(&body);
	caller_put(w, l, &frame);
	buf_free(&body);
	caller_doom(w, l, "too many references");
}

/* ---- the daemon's ---- */

void caller_take_references(struct caller_world *w, struct caller_link *l,
			    const struct frame *frame)
{
	struct span rest = frame->body;
	struct frame_reference told;
	int more;

	while ((more = frame_next_reference(&rest, frame->type, &told)) > 0) {
		if (told.is_home)
			fuzz_finding("%c: what nobody passed comes home", l->name);
		if (l->n_given == CALLER_GIVEN)
			continue; /* it stays with the link */
		memcpy(l->given[l->n_given].id, told.id, 16);
		l->given[l->n_given++].count = 1;
		fuzz_say("%u %c:     an object is passed", w->step, l->name);
	}
	if (more < 0)
		fuzz_finding("%c: references that are none", l->name);
}

void caller_give_back(struct caller_world *w)
{
	struct caller_link *l = caller_pick_link(w);
	struct caller_given *given = l ? pick_given(w, l) : NULL;
	bool too_often = given && chance_one_in(w->chance, given->count ? 40 : 20);
	struct frame frame = { .type = FRAME_RELEASE };

	if (!given || l->may_be_doomed || (given->count == 0 && !too_often))
		return;
	frame.reference = (struct span){ given->id, 16 };
	frame.count = given->count + too_often;
	given->count = 0;
	caller_put(w, l, &frame);
	fuzz_say("%u %c: Release, %u", w->step, l->name, frame.count);
	if (too_often)
		caller_doom(w, l, "it was not passed so often");
}

const uint8_t *caller_bind_reference(struct caller_world *w, struct caller_link *l,
				     struct caller_session *s)
{
	static const uint8_t unknown[16] = { 7 };
	struct caller_given *given = pick_given(w, l);

	s->object = 'r';
	s->is_refused = !given || given->count == 0;
	return given ? given->id : unknown;
}
