/* SPDX-License-Identifier: MIT */
/* What the owner writes to a plain link: the frames of a session, of which only calls leave. All
 * with the lock. */
#include "face/grpc/link_plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_WINDOW = 131072 /* of a stream: link.proto */ };

static struct plain_session *new_session(const struct frame *frame)
{
	size_t n_path = frame->interface.n + 3, n_object = frame->object.n + 1;
	struct plain_session *session = calloc(1, sizeof(*session) + n_path + n_object);
	char *path = (char *)(session + 1), *object = path + n_path;

	if (!session)
		return NULL;
	path[0] = '/';
	memcpy(path + 1, frame->interface.p, frame->interface.n);
	path[n_path - 2] = '/';
	if (frame->object.n > 0)
		memcpy(object, frame->object.p, frame->object.n);
	session->path = path;
	session->object = object;
	if (frame->handshake.n > 0)
		session->needs = "handshake data";
	return session;
}

static const char *refusal(const struct plain_link *l, const char *what, char *text, size_t n)
{
	snprintf(text, n, "%s speaks plain gRPC only: %s needs a session", l->link.address, what);
	return text;
}

static void on_bind(struct plain_link *l, const struct frame *frame)
{
	struct frame bound = { .type = FRAME_BOUND, .session = frame->session };
	struct plain_session *session = new_session(frame);
	char text[256];

	bound.fingerprint = frame->fingerprint;
	if (!session || !numtab_put(&l->sessions, frame->session, session)) {
		free(session);
		bound.code = PYR_RESOURCE_EXHAUSTED;
		bound.message = span_of("out of memory");
	} else if (session->needs) {
		bound.code = PYR_FAILED_PRECONDITION;
		bound.message = span_of(refusal(l, session->needs, text, sizeof(text)));
	}
	plain_link_put(l, &bound);
}

static void refuse_call(struct plain_link *l, uint32_t number, const char *what)
{
	char text[256];

	plain_link_fail(l, number, PYR_FAILED_PRECONDITION, refusal(l, what, text, sizeof(text)));
}

/* A server that knows gRPC alone has no use for them. */
static void refuse_references(struct plain_link *l, const struct frame *frame)
{
	struct frame release = { .type = FRAME_RELEASE, .count = 1 };
	struct span rest = frame->body;
	struct frame_reference told;

	refuse_call(l, frame->number, "a reference to an object without an address");
	while (frame_next_reference(&rest, FRAME_CALL, &told) > 0) {
		release.reference = (struct span){ told.id, sizeof(told.id) };
		if (!told.is_home)
			plain_link_put(l, &release);
	}
}

static void on_call(struct plain_link *l, const struct frame *frame)
{
	const struct plain_session *session = numtab_get(&l->sessions, frame->session);
	struct plain_out *out = numtab_get(&l->calls, frame->number);

	if (out && frame->flags & FRAME_CONTINUES)
		plain_out_continue(out, frame);
	else if (frame->flags & FRAME_CONTINUES)
		; /* it has failed */
	else if (frame->flags & FRAME_BATCH)
		refuse_call(l, frame->number, "a batch");
	else if (frame->flags & FRAME_REFERENCES)
		refuse_references(l, frame);
	else if (frame->flags & ~(uint32_t)(FRAME_ONEWAY | FRAME_MORE | FRAME_STREAMS |
					    FRAME_STREAM_IN | FRAME_STREAM_OUT | FRAME_PARAMETERS))
		refuse_call(l, frame->number, "this kind of call");
	else if (session && session->needs)
		refuse_call(l, frame->number, session->needs);
	else if (session)
		plain_out_start(l, session, frame);
	else
		plain_link_fail(l, frame->number, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

/* Of a call that may be over. */
static void on_stream(struct plain_link *l, const struct frame *frame)
{
	struct plain_out *out = numtab_get(&l->calls, frame->number);

	if (!out)
		return;
	if (frame->type == FRAME_ITEM)
		plain_out_item(out, frame);
	else if (frame->type == FRAME_END)
		plain_out_end(out);
	else
		plain_out_credit(out, frame->value);
	if (l->inbox.n > 0 && l->is_connected)
		plain_link_deliver_soon(l);
}

void plain_link_take(struct plain_link *l, const struct frame *frame)
{
	struct plain_out *out;

	switch (frame->type) {
	case FRAME_BIND:
		on_bind(l, frame);
		break;
	case FRAME_UNBIND:
		free(numtab_remove(&l->sessions, frame->session));
		break;
	case FRAME_CALL:
		on_call(l, frame);
		break;
	case FRAME_CANCEL:
		out = numtab_remove(&l->calls, frame->number);
		if (out)
			plain_out_cancel(out);
		break;
	case FRAME_ITEM:
	case FRAME_END:
	case FRAME_CREDIT:
		on_stream(l, frame);
		break;
	case FRAME_HELLO:
		l->window = frame->window > LEAST_WINDOW ? frame->window : LEAST_WINDOW;
		break;
	case FRAME_PING:
	case FRAME_PONG:
	case FRAME_GOAWAY:
	case FRAME_RELEASE:
		break;
	default:
		if (frame->number)
			refuse_call(l, frame->number, "this kind of call");
		break;
	}
}
