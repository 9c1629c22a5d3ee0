/* SPDX-License-Identifier: MIT */
/*
 * References, as the modelled daemon has them: objects that it makes, and such as it passes along
 * with an answer that does not need them. Each end counts them; the library gives back no more than
 * it was passed, and binds what it has.
 */
#include <pyrite/gen.h>

#include <string.h>

#include "fuzz_callee.h"
#include "talk.h"
#include "wire/codec_reference.h"

/* The same few over and over, so that one is passed again while it is given back. */
static void id_of(const struct callee_world *w, const struct callee_link *l, unsigned i,
		  uint8_t ret[16])
{
	memset(ret, 0x40 + (int)(l - w->links), 16);
	ret[0] = (uint8_t)i;
}

static unsigned find(const struct callee_world *w, const struct callee_link *l, struct span id)
{
	uint8_t own[16];
	unsigned i;

	for (i = 0; i < CALLEE_PASSED; i++) {
		id_of(w, l, i, own);
		if (id.n == sizeof(own) && memcmp(id.p, own, sizeof(own)) == 0)
			break;
	}
	return i;
}

static unsigned pass(struct callee_world *w, struct callee_link *l, const struct frame *frame,
		     struct buf *body)
{
	struct frame_reference reference = { .is_home = false };
	unsigned i = chance_below(w->chance, CALLEE_PASSED);

	id_of(w, l, i, reference.id);
	memcpy(reference.name, reference.id, sizeof(reference.name));
	frame_put_reference(body, frame->type, &reference);
	l->passed[i].n++;
	return i;
}

void callee_pass_some(struct callee_world *w, struct callee_link *l, struct frame *frame,
		      struct buf *body)
{
	unsigned n = 1 + chance_below(w->chance, 3);

	while (n-- > 0)
		(void)pass(w, l, frame, body);
	frame->flags |= FRAME_REFERENCES;
	frame->body = span_of_buf(body);
}

void callee_make(struct callee_world *w, struct callee_link *l, struct frame *frame,
		 struct buf *body, struct buf *payload)
{
	struct codec_reference told = { .fingerprint = talk_Server_interface.fingerprint };
	struct buf encoded = { 0 };
	uint8_t id[16], head[2] = { 1 << 3 | 2 };

	id_of(w, l, pass(w, l, frame, body), id);
	told.interface = span_of(talk_Server_interface.name);
	told.link_local = (struct span){ id, sizeof(id) };
	codec_reference_write(&told, &encoded);
	head[1] = (uint8_t)encoded.n;
	buf_append(payload, head, sizeof(head));
	buf_append(payload, encoded.data, encoded.n);
	buf_free(&encoded);
	frame->flags |= FRAME_REFERENCES;
	frame->body = span_of_buf(body);
}

void callee_pass_again(struct callee_world *w, struct callee_link *l, const uint8_t id[16],
		       struct frame *frame, struct buf *body)
{
	struct frame_reference reference = { .is_home = false };
	unsigned i = find(w, l, (struct span){ id, 16 });

	if (i == CALLEE_PASSED || l->passed[i].n_back == l->passed[i].n)
		fuzz_finding("link %d: what comes home was never passed", (int)(l - w->links));
	memcpy(reference.id, id, sizeof(reference.id));
	memcpy(reference.name, id, sizeof(reference.name));
	frame_put_reference(body, frame->type, &reference);
	l->passed[i].n++;
	frame->flags |= FRAME_REFERENCES;
	frame->body = span_of_buf(body);
}

void callee_check_bound(const struct callee_world *w, const struct callee_link *l,
			const struct frame *frame)
{
	unsigned i = find(w, l, frame->reference);

	if (i == CALLEE_PASSED || l->passed[i].n_back == l->passed[i].n)
		fuzz_finding("link %d: a reference is bound that is not there: %02x%02x, passed %u "
			     "times, given back %u times",
			     (int)(l - w->links), frame->reference.p[0], frame->reference.p[1],
			     i < CALLEE_PASSED ? l->passed[i].n : 0,
			     i < CALLEE_PASSED ? l->passed[i].n_back : 0);
}

void callee_on_release(struct callee_world *w, struct callee_link *l, const struct frame *frame)
{
	unsigned i = find(w, l, frame->reference);

	fuzz_say("%u %d:     Release, %u", w->step, (int)(l - w->links), frame->count);
	if (w->is_hostile)
		return;
	if (i == CALLEE_PASSED || frame->count == 0)
		fuzz_finding("link %d: what is given back was never passed", (int)(l - w->links));
	l->passed[i].n_back += frame->count;
	if (l->passed[i].n_back > l->passed[i].n)
		fuzz_finding("link %d: an object was passed %u times and is given back %u times",
			     (int)(l - w->links), l->passed[i].n, l->passed[i].n_back);
}

void callee_lose(struct callee_world *w, struct callee_link *l)
{
	struct frame frame = { .type = FRAME_LOST };
	uint8_t id[16];

	id_of(w, l, chance_below(w->chance, CALLEE_PASSED), id);
	frame.reference = (struct span){ id, sizeof(id) };
	callee_put(l, &frame);
	fuzz_say("%u %d: Lost", w->step, (int)(l - w->links));
}

void callee_spoil(struct callee_world *w, struct callee_link *l, struct frame *frame,
		  struct buf *body, uint8_t id[16])
{
	id_of(w, l, chance_below(w->chance, CALLEE_PASSED + 1), id);
	frame->reference = (struct span){ id, chance_one_in(w->chance, 5) ? 7 : 16 };
	frame->count = chance_below(w->chance, 4);
	if (chance_one_in(w->chance, 3) &&
	    (frame->type == FRAME_CALL || frame->type == FRAME_REPLY || frame->type == FRAME_ITEM))
		callee_pass_some(w, l, frame, body);
}
