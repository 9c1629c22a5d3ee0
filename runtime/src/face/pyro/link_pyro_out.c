/* SPDX-License-Identifier: MIT */
/* Frames that are written to a link to a Pyro daemon, as Pyro's requests. All with the lock. */
#include <pyrite/pyrite.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/pyro/link_pyro_own.h"

static void fail(struct pyro_link *l, uint32_t number, int code, const char *text)
{
	form_put_error(number, code, text, &l->inbox);
	pyro_link_look_soon(l);
}

static struct form_request head_of(struct pyro_link *l, const struct pyro_request *request,
				   const struct pyro_session *session)
{
	return (struct form_request){ l->version, request->seq, request->is_oneway,
				      session->object };
}

/* It was put into `out`. A oneway call has no answer, and its caller hears that it is on its way.
 */
static void sent(struct pyro_link *l, struct pyro_request *request)
{
	struct frame reply = { .type = FRAME_REPLY, .number = request->number };

	request->is_made = true;
	buf_free(&request->arguments);
	if (request->is_oneway) {
		pyro_link_put(l, &reply);
		numtab_take(&l->calls, request->number, request);
		pyro_request_free(request);
		return;
	}
	pyro_link_wait(l, request);
}

/* ---- frames that are written to it; with the lock ---- */

void pyro_link_put_bound(struct pyro_link *l, uint32_t session, uint64_t fingerprint, int code,
			 const char *text)
{
	struct frame frame = { .type = FRAME_BOUND,
			       .session = session,
			       .fingerprint = fingerprint };

	frame.code = (uint32_t)code;
	frame.message = span_of(text);
	pyro_link_put(l, &frame);
}

static struct pyro_session *new_session(const struct frame *frame)
{
	struct pyro_session *session = calloc(1, sizeof(*session) + frame->object.n + 1);

	if (!session)
		return NULL;
	if (frame->object.n > 0)
		memcpy(session->object, frame->object.p, frame->object.n);
	session->interface = codec_interface_find(frame->interface, frame->fingerprint);
	return session;
}

/* What is said of the object is asked for. Returns 0 or a status. */
static int ask_meta(struct pyro_link *l, const struct frame *frame,
		    const struct pyro_session *session)
{
	struct pyro_request *request = calloc(1, sizeof(*request));
	struct form_request head;

	if (!request)
		return PYR_RESOURCE_EXHAUSTED;
	request->is_bind = true;
	request->session = frame->session;
	request->seq = ++l->seq;
	head = head_of(l, request, session);
	if (!form_ask_meta(&head, &l->out)) {
		pyro_request_free(request);
		return PYR_RESOURCE_EXHAUSTED;
	}
	l->is_binding = true;
	sent(l, request);
	return 0;
}

static void on_bind(struct pyro_link *l, const struct frame *frame)
{
	struct pyro_session *session = new_session(frame);
	int code = PYR_RESOURCE_EXHAUSTED;
	const char *why = "out of memory";

	if (frame->handshake.n > 0 || frame->reference.n > 0) {
		code = PYR_FAILED_PRECONDITION;
		why = "a daemon of Pyro takes neither handshake data nor references";
	} else if (session && !session->interface) {
		code = PYR_FAILED_PRECONDITION;
		why = "the interface is not known here";
	} else if (session && numtab_put(&l->sessions, frame->session, session)) {
		code = ask_meta(l, frame, session);
		if (code)
			numtab_remove(&l->sessions, frame->session);
	}
	if (!code)
		return;
	pyro_session_free(session);
	pyro_link_put_bound(l, frame->session, frame->fingerprint, code, why);
}

/* All of its arguments are there. */
static void send_call(struct pyro_link *l, struct pyro_request *request)
{
	const struct pyro_session *session = numtab_get(&l->sessions, request->session);
	struct form_request head;
	char text[512] = "the session is gone";
	int code = PYR_CANCELLED;

	request->seq = ++l->seq;
	if (session) {
		head = head_of(l, request, session);
		snprintf(request->object, sizeof(request->object), "%s", session->object);
		code = form_call(&head, &session->meta, request->operation,
				 span_of_buf(&request->arguments), l->max_message, &l->out, text,
				 sizeof(text));
	}
	if (code) {
		fail(l, request->number, code, text);
		numtab_take(&l->calls, request->number, request);
		pyro_request_free(request);
		return;
	}
	sent(l, request);
}

static const struct codec_operation *find_operation(const struct pyro_session *session,
						    struct span name)
{
	const struct pyr__interface *table = session->interface->table;
	uint32_t i;

	for (i = 0; i < table->n_operations; i++)
		if (span_is(name, table->operations[i].name))
			return &session->interface->operations[i];
	return NULL;
}

static const char *refusal_of(const struct frame *frame)
{
	if (frame->flags & FRAME_BATCH)
		return "batches are not sent over Pyro's protocol";
	if (frame->flags & FRAME_STREAM_IN)
		return "a stream cannot be passed over Pyro's protocol";
	if (frame->flags & FRAME_REFERENCES)
		return "a reference to an object without an address is of no use to a daemon of "
		       "Pyro";
	return NULL;
}

static void begin_call(struct pyro_link *l, const struct frame *frame)
{
	const struct pyro_session *session = numtab_get(&l->sessions, frame->session);
	struct pyro_request *request = calloc(1, sizeof(*request));
	const char *why = refusal_of(frame);
	int code = PYR_FAILED_PRECONDITION;

	if (request && session)
		request->operation = find_operation(session, frame->name);
	if (!why && session && session->code) {
		code = session->code;
		why = session->why;
	}
	if (!why && !session) {
		code = PYR_UNAVAILABLE;
		why = "the session could not be begun";
	}
	if (!why && (!request || !request->operation)) {
		code = request ? PYR_UNIMPLEMENTED : PYR_RESOURCE_EXHAUSTED;
		why = !request ? "out of memory" : "there is no such operation";
	}
	if (!why) {
		request->number = frame->number;
		request->session = frame->session;
		request->is_oneway = frame->flags & FRAME_ONEWAY;
		request->is_stream = frame->flags & FRAME_STREAM_OUT;
		request->window = l->window;
		if (numtab_put(&l->calls, frame->number, request))
			return;
		code = PYR_RESOURCE_EXHAUSTED;
		why = "out of memory";
	}
	free(request);
	fail(l, frame->number, code, why);
}

/* It came before its sender knew that this link takes no more: it is made again on another. */
static void turn_away(struct pyro_link *l, uint32_t number)
{
	struct frame frame = { .type = FRAME_ERROR, .number = number, .found_here = 1 };

	frame.was_not_run = 1;
	frame.code = PYR_UNAVAILABLE;
	frame.message = span_of("ConnectionClosed: the connection waits for a late answer");
	pyro_link_put(l, &frame);
}

static void on_call(struct pyro_link *l, const struct frame *frame)
{
	struct pyro_request *request;

	if (!(frame->flags & FRAME_CONTINUES) && l->is_leaving)
		turn_away(l, frame->number);
	else if (!(frame->flags & FRAME_CONTINUES))
		begin_call(l, frame);
	request = numtab_get(&l->calls, frame->number);
	if (!request || request->is_made)
		return; /* it has failed */
	buf_append(&request->arguments, frame->payload.p, frame->payload.n);
	if (request->arguments.broken) {
		fail(l, frame->number, PYR_RESOURCE_EXHAUSTED, "out of memory");
		numtab_remove(&l->calls, frame->number);
		pyro_request_free(request);
	} else if (!(frame->flags & FRAME_MORE)) {
		send_call(l, request);
	}
}

/* Later calls would wait for an answer that nobody waits for: as with Pyro, they go over another
 * connection. Those that were sent go on here. */
static void leave(struct pyro_link *l)
{
	struct frame frame = { .type = FRAME_GOAWAY, .takes_none = true };

	if (!l->is_leaving)
		pyro_link_put(l, &frame);
	l->is_leaving = true;
}

static void on_cancel(struct pyro_link *l, uint32_t number)
{
	struct pyro_request *request = numtab_remove(&l->calls, number);

	if (!request)
		return;
	request->number = 0;
	if (request->is_sent && !request->stream[0])
		leave(l);
	if (request->is_sent)
		return;
	pyro_stream_close(l, request);
	pyro_request_free(request);
}

static void on_credit(struct pyro_link *l, const struct frame *frame)
{
	struct pyro_request *request = numtab_get(&l->calls, frame->number);

	if (!request || !request->is_stream || !pyro_stream_credit(l, request, frame->value))
		return;
	numtab_take(&l->calls, frame->number, request);
	pyro_request_free(request);
}

static void on_frame(struct pyro_link *l, const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_BIND:
		on_bind(l, frame);
		break;
	case FRAME_UNBIND:
		pyro_session_free(numtab_remove(&l->sessions, frame->session));
		break;
	case FRAME_CALL:
		on_call(l, frame);
		break;
	case FRAME_CANCEL:
		on_cancel(l, frame->number);
		break;
	case FRAME_CREDIT:
		on_credit(l, frame);
		break;
	case FRAME_HELLO:
		l->window = frame->window > l->window ? frame->window : l->window;
		break;
	case FRAME_END:
	case FRAME_PING:
	case FRAME_PONG:
	case FRAME_GOAWAY:
	case FRAME_RELEASE:
		break;
	default:
		if (frame->number)
			fail(l, frame->number, PYR_FAILED_PRECONDITION,
			     "this is not sent over Pyro's protocol");
	}
}

/* The frames of a call that was held back: it is not made. */
static void void_held(struct pyro_link *l, uint32_t number)
{
	const uint8_t *p, *end = l->held.data + l->held.n;
	struct frame frame;
	size_t at = 0, size;

	while (at < l->held.n && (size = frame_size(l->held.data + at, l->held.n - at)) > 0) {
		p = l->held.data + at;
		if (frame_read(&p, end, &frame) > 0 && frame.number == number)
			frame_void(l->held.data + at);
		at += size;
	}
}

/* Frames from there on, until one has to be waited for. */
static void take_frames(struct pyro_link *l, const uint8_t *data, size_t n)
{
	const uint8_t *p = data, *end = data + n;
	struct frame frame;

	while (!l->is_closing && p < end && l->state == PYRO_OPEN && !l->is_binding) {
		if (frame_read(&p, end, &frame) <= 0)
			return;
		on_frame(l, &frame);
	}
	if (!l->is_closing && p < end)
		buf_append(&l->held, p, (size_t)(end - p));
	if (l->held.broken)
		pyro_link_stop(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

/* Those that were held back. */
void pyro_link_go_on(struct pyro_link *l)
{
	struct buf held = l->held;

	l->held = (struct buf){ 0 };
	take_frames(l, held.data, held.n);
	buf_free(&held);
	pyro_link_send(l);
}

static void cancel_held(struct pyro_link *l, const uint8_t *p, size_t n)
{
	const uint8_t *at = p, *end = p + n;
	struct frame frame;

	while (at < end && frame_read(&at, end, &frame) > 0)
		if (frame.type == FRAME_CANCEL)
			void_held(l, frame.number);
}

void pyro_link_take(struct pyro_link *l, const uint8_t *data, size_t n)
{
	if (l->held.n > 0)
		cancel_held(l, data, n);
	take_frames(l, data, n);
	pyro_link_send(l);
}
