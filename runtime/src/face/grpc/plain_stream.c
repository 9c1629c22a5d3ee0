/* SPDX-License-Identifier: MIT */
/*
 * Streams over plain gRPC: each message is an item, and gRPC's own flow control does the rest. One
 * message is read ahead of what the window takes, one is being written; others wait here until
 * core has taken it. Core reports to the leader; the method's thread puts and gets. All state is
 * under the stream's lock.
 */
#include <stdlib.h>

#include "base/error.h"
#include "engine/core_api.h"
#include "face/grpc/plain_call.h"
#include "incall/incall_stream.h"
#include "peer/peer.h"

struct out_item {
	struct out_item *next;
	grpc_slice slice;
};

struct plain_stream {
	struct plain_call *pc;
	pyr_stream *stream; /* one reference; its lock guards the rest */
	struct engine_event received, sent;
	grpc_byte_buffer *incoming, *outgoing;
	bool is_receiving, is_sending, has_begun;
	size_t sending; /* what that message cost */
	struct out_item *first, **last;
	bool is_answered, has_answer; /* the call is over; its answer waits for the messages */
	int code;
};

static struct plain_stream *plain_of(const pyr_stream *stream)
{
	return stream->plain;
}

/* ---- messages out ---- */

static void send_next(struct plain_stream *ps)
{
	struct out_item *item = ps->first;
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA } };
	size_t n = ps->has_begun ? 0 : 1;

	if (ps->is_sending || !item)
		return;
	ps->first = item->next;
	if (!ps->first)
		ps->last = &ps->first;
	ps->outgoing = grpc_raw_byte_buffer_create(&item->slice, 1);
	ps->sending = GRPC_SLICE_LENGTH(item->slice) + FRAME_ITEM_COST;
	grpc_slice_unref(item->slice);
	free(item);
	ops[n] = (grpc_op){ .op = GRPC_OP_SEND_MESSAGE };
	ops[n++].data.send_message.send_message = ps->outgoing;
	ps->has_begun = true;
	ps->is_sending = plain_start(ps->pc, ops, n, &ps->sent);
	if (!ps->is_sending)
		grpc_call_cancel(ps->pc->call, NULL);
}

static void drop_out(struct plain_stream *ps)
{
	struct out_item *item;

	while ((item = ps->first)) {
		ps->first = item->next;
		grpc_slice_unref(item->slice);
		free(item);
	}
	ps->last = &ps->first;
}

static void on_sent(struct engine_event *event, bool ok)
{
	struct plain_stream *ps =
		(struct plain_stream *)((char *)event - offsetof(struct plain_stream, sent));
	struct plain_call *pc = ps->pc;
	bool answers;

	pthread_mutex_lock(&ps->stream->lock);
	ps->is_sending = false;
	grpc_byte_buffer_destroy(ps->outgoing);
	ps->outgoing = NULL;
	if (!ok) /* the caller is gone: `ended` tells */
		drop_out(ps);
	stream_take_credit(ps->stream, ps->sending);
	send_next(ps);
	answers = ps->has_answer && !ps->is_sending;
	if (answers)
		ps->has_answer = false;
	pthread_mutex_unlock(&ps->stream->lock);
	if (answers)
		plain_send_answer(pc, ps->code, true);
	plain_unref(pc);
}

void plain_stream_answer(struct plain_stream *ps, int code)
{
	bool waits, has_begun;

	pthread_mutex_lock(&ps->stream->lock);
	ps->is_answered = true;
	waits = ps->is_sending || ps->first;
	ps->has_answer = waits;
	ps->code = code;
	has_begun = ps->has_begun;
	pthread_mutex_unlock(&ps->stream->lock);
	if (!waits)
		plain_send_answer(ps->pc, code, has_begun);
}

static uint8_t *append(pyr_stream *stream, const struct stream_part *part)
{
	struct plain_stream *ps = plain_of(stream);
	struct out_item *item = malloc(sizeof(*item));

	if (!item)
		return NULL;
	item->next = NULL;
	item->slice = grpc_slice_malloc(part->payload.n);
	*ps->last = item;
	ps->last = &item->next;
	return GRPC_SLICE_START_PTR(item->slice);
}

static void flush_unlock(pyr_stream *stream, bool waits)
{
	struct plain_stream *ps = plain_of(stream);

	(void)waits; /* core sends at once */
	send_next(ps);
	pthread_mutex_unlock(&ps->stream->lock);
}

/* ---- messages in ---- */

static void receive(struct plain_stream *ps)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	if (ps->is_receiving || !ps->stream->reads || ps->stream->in.has_ended || ps->is_answered ||
	    ps->stream->in.room < PEER_WINDOW_FIRST)
		return;
	op.data.recv_message.recv_message = &ps->incoming;
	ps->is_receiving = plain_start(ps->pc, &op, 1, &ps->received);
}

/* Takes a message as the next item. A message may be larger than the window: it is the last then,
 * until it has been read. Returns 0 or a status. */
static int take(struct plain_stream *ps, struct span payload, char *text, size_t n)
{
	pyr_stream *stream = ps->stream;
	struct stream_part part = { .sequence = stream->in.n_items + 1, .payload = payload };

	if (stream->in.room < payload.n + FRAME_ITEM_COST)
		stream->in.room = payload.n + FRAME_ITEM_COST;
	return stream_take(stream, &part, text, n);
}

static int take_message(struct plain_stream *ps, char *text, size_t n)
{
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	int code;

	if (!grpc_byte_buffer_reader_init(&reader, ps->incoming))
		return PYR_INTERNAL;
	slice = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	code = take(ps, core_span(&slice), text, n);
	grpc_slice_unref(slice);
	return code;
}

static void on_received(struct engine_event *event, bool ok)
{
	struct plain_stream *ps =
		(struct plain_stream *)((char *)event - offsetof(struct plain_stream, received));
	struct plain_call *pc = ps->pc;
	char text[192] = "";
	int code = 0;

	pthread_mutex_lock(&ps->stream->lock);
	ps->is_receiving = false;
	if (pc->has_ended || ps->is_answered)
		; /* nobody reads any more */
	else if (!ok || !ps->incoming)
		(void)stream_take_end(ps->stream);
	else
		code = take_message(ps, text, sizeof(text));
	if (ps->incoming)
		grpc_byte_buffer_destroy(ps->incoming);
	ps->incoming = NULL;
	if (code == 0 && !pc->has_ended)
		receive(ps);
	pthread_mutex_unlock(&ps->stream->lock);
	if (code) /* the method sees a cancelled call */
		grpc_call_cancel_with_status(pc->call, (grpc_status_code)code, text, NULL);
	plain_unref(pc);
}

static void grant(pyr_stream *stream, size_t n)
{
	(void)n;
	receive(plain_of(stream));
}

/* ---- the method's end ---- */

static enum stream_state state(const pyr_stream *stream)
{
	return !plain_of(stream)->is_answered && stream_is_wanted(stream) ? STREAM_OPEN
									  : STREAM_FAILED;
}

static bool wait_on(pyr_stream *stream, struct engine_waiter *waiter, int64_t until)
{
	(void)stream;
	return engine_wait(waiter, until);
}

static const struct stream_kind kind = {
	SIZE_MAX,
	state,
	append,
	grant,
	NULL,
	flush_unlock,
	stream_method_until,
	stream_method_expire,
	wait_on,
	stream_method_error,
	NULL,
	NULL,
};

bool plain_stream_serve(struct plain_call *pc, const struct plain_options *options)
{
	pyr_call *call = pc->incall;
	const struct codec_operation *op = &call->object->interface->operations[call->operation];
	struct plain_stream *ps = calloc(1, sizeof(*ps));
	pyr_stream *stream = ps ? stream_new(op, false) : NULL;

	if (!stream) {
		free(ps);
		return false;
	}
	ps->pc = pc;
	ps->last = &ps->first;
	ps->received.done = on_received;
	ps->sent.done = on_sent;
	stream->kind = &kind;
	stream->plain = ps;
	stream->method.call = call;
	stream->budget = pc->budget;
	budget_ref(pc->budget);
	stream->max_item = stream->their_max_item = options->max_message;
	stream->method.lifetime_ms = options->stream_lifetime_ms;
	stream->in.window = stream->in.room = PEER_WINDOW_NEAR;
	stream->out.window = stream->out.room = PEER_WINDOW_NEAR;
	stream_ref(stream);
	ps->stream = call->stream = stream;
	pc->stream = ps;
	return true;
}

int plain_stream_begin(struct plain_stream *ps, const struct span *first, bool has_ended,
		       char *text, size_t n)
{
	int code = 0;

	pthread_mutex_lock(&ps->stream->lock);
	if (first)
		code = take(ps, *first, text, n);
	if (has_ended)
		(void)stream_take_end(ps->stream);
	if (code == 0)
		receive(ps);
	pthread_mutex_unlock(&ps->stream->lock);
	return code;
}

void plain_stream_free(struct plain_stream *ps)
{
	if (!ps)
		return;
	drop_out(ps);
	stream_unref(ps->stream);
	free(ps);
}
