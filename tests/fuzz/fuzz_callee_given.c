/* SPDX-License-Identifier: MIT */
/*
 * Objects of the library's, as the modelled daemon has them: its users' own, and those of other
 * modelled daemons, for which the library stands in. They come as a parameter, go home as a result,
 * are called back over the same link, also with streams, and are given back in one or in parts.
 */
#include <pyrite/gen.h>

#include <stdlib.h>
#include <string.h>

#include "fuzz_callee.h"
#include "talk.h"
#include "wire/codec_reference.h"

enum { BACK_KEYS = 7000000, BACK_SESSIONS = 1000 /* the model's numbers: from there */ };

static int index_of(const struct callee_world *w, const struct callee_link *l)
{
	return (int)(l - w->links);
}

/* ---- given, and gone home ---- */

static struct callee_given *find(struct callee_link *l, const uint8_t *id)
{
	unsigned i;

	for (i = 0; i < l->n_given; i++)
		if (memcmp(l->given[i].id, id, sizeof(l->given[i].id)) == 0)
			return &l->given[i];
	return NULL;
}

static void count(struct callee_link *l, const struct frame_reference *told)
{
	struct callee_given *given = find(l, told->id);

	if (!given && l->n_given == CALLEE_GIVEN)
		return; /* it stays with the link */
	if (!given) {
		given = &l->given[l->n_given++];
		*given = (struct callee_given){ .count = 0 };
		memcpy(given->id, told->id, sizeof(given->id));
	}
	memcpy(given->name, told->name, sizeof(given->name));
	given->count++;
}

void callee_take_given(struct callee_world *w, struct callee_link *l, struct callee_call *call,
		       const struct frame *frame)
{
	struct span rest = frame->body;
	struct frame_reference told;
	int more;

	while ((more = frame_next_reference(&rest, FRAME_CALL, &told)) > 0) {
		if (!told.is_home)
			count(l, &told);
		call->is_given = true;
		call->is_home = told.is_home;
		memcpy(call->given, told.id, sizeof(call->given));
		fuzz_say("%u %d:     an object %s", w->step, index_of(w, l),
			 told.is_home ? "comes home" : "is passed");
	}
	if (more < 0)
		fuzz_finding("link %d: references that are none", index_of(w, l));
}

/* The message pyrite.Reference as field 1. */
static void put_reference(struct buf *payload, const uint8_t *name)
{
	struct codec_reference told = { .fingerprint = talk_Server_interface.fingerprint };
	struct buf encoded = { 0 };
	uint8_t head[2] = { 1 << 3 | 2 };

	told.interface = span_of(talk_Server_interface.name);
	told.link_local = (struct span){ name, 16 };
	codec_reference_write(&told, &encoded);
	head[1] = (uint8_t)encoded.n;
	buf_append(payload, head, sizeof(head));
	buf_append(payload, encoded.data, encoded.n);
	buf_free(&encoded);
}

void callee_same(struct callee_world *w, struct callee_link *l, const struct callee_call *call,
		 struct frame *frame, struct buf *body, struct buf *payload)
{
	struct callee_given *given = call->is_given ? find(l, call->given) : NULL;
	struct frame_reference reference = { .is_home = true };

	if (!call->is_given || (!call->is_home && (!given || given->count == 0)))
		return;      /* nil: it was given back meanwhile */
	if (call->is_home) { /* the model's own, once more */
		callee_pass_again(w, l, call->given, frame, body);
		put_reference(payload, call->given);
		return;
	}
	memcpy(reference.id, given->id, sizeof(reference.id));
	memcpy(reference.name, given->name, sizeof(reference.name));
	frame_put_reference(body, FRAME_REPLY, &reference);
	frame->flags |= FRAME_REFERENCES;
	frame->body = span_of_buf(body);
	put_reference(payload, given->name);
}

static struct callee_given *pick(struct callee_world *w, struct callee_link *l)
{
	struct callee_given *given =
		l->n_given ? &l->given[chance_below(w->chance, l->n_given)] : NULL;

	return given && given->count > 0 ? given : NULL;
}

void callee_give_back(struct callee_world *w, struct callee_link *l)
{
	struct callee_given *given = pick(w, l);
	struct frame frame = { .type = FRAME_RELEASE };

	if (!given)
		return;
	frame.reference = (struct span){ given->id, sizeof(given->id) };
	frame.count = chance_one_in(w->chance, 3) ? 1 : given->count;
	given->count -= frame.count;
	callee_put(l, &frame);
	fuzz_say("%u %d: Release, %u", w->step, index_of(w, l), frame.count);
}

/* ---- called back ---- */

static struct callee_back *back_of(struct callee_link *l, uint32_t number)
{
	unsigned i;

	for (i = 0; i < CALLEE_BACK; i++)
		if (l->back[i].is_live && l->back[i].number == number)
			return &l->back[i];
	return NULL;
}

static void put_bind(struct callee_link *l, const struct callee_given *given, uint32_t session)
{
	struct frame frame = { .type = FRAME_BIND, .session = session };

	frame.reference = (struct span){ given->id, sizeof(given->id) };
	frame.interface = span_of(talk_Server_interface.name);
	frame.fingerprint = talk_Server_interface.fingerprint;
	callee_put(l, &frame);
}

static void put_call(struct callee_link *l, const struct callee_back *back)
{
	const struct pyr__operation *op = &talk_Server_interface.operations[back->op];
	struct frame frame = { .type = FRAME_CALL, .number = back->number };
	struct buf payload = { 0 };

	frame.session = back->session;
	frame.name = span_of(op->name);
	frame.fingerprint = op->fingerprint;
	talk_put_number(&payload, 1, (uint64_t)back->key);
	if (back->op == TALK_DOWN) {
		talk_put_number(&payload, 2, back->n_items);
		frame.flags = FRAME_STREAMS | FRAME_STREAM_OUT | FRAME_PARAMETERS;
	}
	frame.payload = span_of_buf(&payload);
	callee_put(l, &frame);
	buf_free(&payload);
}

void callee_call_back(struct callee_world *w, struct callee_link *l)
{
	struct callee_given *given = pick(w, l);
	struct callee_back *back = &l->back[chance_below(w->chance, CALLEE_BACK)];

	if (!given || back->is_live)
		return;
	*back = (struct callee_back){ .is_live = true, .number = ++l->n_back };
	back->session = BACK_SESSIONS + back->number;
	back->key = BACK_KEYS + (int64_t)w->step;
	back->op = chance_one_in(w->chance, 3) ? TALK_DOWN : TALK_ASK;
	back->n_items = chance_below(w->chance, 6);
	put_bind(l, given, back->session);
	put_call(l, back);
	fuzz_say("%u %d: calls back, %u, op %u, key %lld", w->step, index_of(w, l), back->number,
		 (unsigned)back->op, (long long)back->key);
}

void callee_cancel_back(struct callee_world *w, struct callee_link *l)
{
	struct callee_back *back = &l->back[chance_below(w->chance, CALLEE_BACK)];
	struct frame frame = { .type = FRAME_CANCEL, .number = back->number };

	if (!back->is_live)
		return;
	frame.code = PYR_CANCELLED;
	back->is_live = false; /* what comes for it is skipped */
	callee_put(l, &frame);
	frame = (struct frame){ .type = FRAME_UNBIND, .session = back->session };
	callee_put(l, &frame);
}

static bool is_accounted_for(const struct callee_back *back, uint32_t code)
{
	return code == PYR_UNAVAILABLE || code == PYR_CANCELLED || code == PYR_RESOURCE_EXHAUSTED ||
	       code == PYR_NOT_FOUND || (code == PYR_ABORTED && callee_refuses(back->key));
}

static void check_answer(const struct callee_world *w, const struct callee_link *l,
			 const struct callee_back *back, const struct frame *frame)
{
	int64_t value = 0;

	if (frame->type == FRAME_ERROR) {
		if (!is_accounted_for(back, frame->code))
			fuzz_finding("link %d: what is called back, key %lld, fails with code %u: "
				     "%.*s",
				     index_of(w, l), (long long)back->key, frame->code,
				     (int)frame->message.n, (const char *)frame->message.p);
		return;
	}
	if (back->op == TALK_ASK &&
	    (!talk_get_number(frame->payload, &value) || value != talk_result(back->key)))
		fuzz_finding("link %d: what is called back, key %lld, gives another value",
			     index_of(w, l), (long long)back->key);
	if (back->op == TALK_DOWN && back->n_got != back->n_items)
		fuzz_finding("link %d: stream %u ends after %u items of %u", index_of(w, l),
			     back->number, back->n_got, back->n_items);
}

void callee_on_answer(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct callee_back *back = back_of(l, frame->number);
	struct frame unbind = { .type = FRAME_UNBIND };

	fuzz_say("%u %d:     what was called back, %u, answers", w->step, index_of(w, l),
		 frame->number);
	if (w->is_hostile)
		return;
	if (!back && (frame->number == 0 || frame->number > l->n_back))
		fuzz_finding("link %d: an answer to %u, which nobody called", index_of(w, l),
			     frame->number);
	if (!back)
		return;
	check_answer(w, l, back, frame);
	back->is_live = false;
	unbind.session = back->session;
	callee_put(l, &unbind);
}

/* In order, and given credit for at once. */
void callee_on_item_back(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	struct callee_back *back = back_of(l, frame->number);
	struct frame credit = { .type = FRAME_CREDIT, .number = frame->number };
	struct span text;
	char *wanted;

	if (!back || w->is_hostile)
		return;
	if (frame->value != back->n_got + 1 || (frame->flags & (FRAME_MORE | FRAME_CONTINUES)))
		fuzz_finding("link %d: item %llu of stream %u comes when %u is due", index_of(w, l),
			     (unsigned long long)frame->value, frame->number, back->n_got + 1);
	wanted = talk_item(back->key, back->n_got, callee_size(back->key));
	if (!talk_get_text(frame->payload, &text) || !span_is(text, wanted))
		fuzz_finding("link %d: item %u of stream %u is another", index_of(w, l),
			     back->n_got, back->number);
	free(wanted);
	back->n_got++;
	credit.value = frame->payload.n + FRAME_ITEM_COST;
	callee_put(l, &credit);
}

/* It may come before what passes the object. */
void callee_on_lost(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	fuzz_say("%u %d:     Lost", w->step, index_of(w, l));
	if (!w->is_hostile && frame->reference.n != 16)
		fuzz_finding("link %d: Lost, of no reference", index_of(w, l));
}
