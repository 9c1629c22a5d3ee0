/* SPDX-License-Identifier: MIT */
/* One gRPC call of a link: its batches, and what they report to link_grpc.c. */
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/time.h>

#include <stddef.h>

#include "link_grpc.h"
#include "tsan.h"

#define FROM(event, member) ((struct stream *)((char *)(event)-offsetof(struct stream, member)))

/* Starts a batch whose completion is `event`. */
static bool start(struct stream *s, const grpc_op *ops, size_t n, struct engine_event *event)
{
	link_ref(s->link);
	TSAN_RELEASE(event);
	if (s->call && grpc_call_start_batch(s->call, ops, n, event, NULL) == GRPC_CALL_OK)
		return true;
	link_unref(s->link);
	return false;
}

static bool has_id(const grpc_metadata_array *metadata)
{
	size_t i;

	for (i = 0; i < metadata->count; i++)
		if (grpc_slice_str_cmp(metadata->metadata[i].key, LINK_GRPC_ID) == 0)
			return true;
	return false;
}

static void on_opened(struct engine_event *event, bool ok)
{
	struct stream *s = FROM(event, opened);

	if (ok && s->link->is_client && s == &s->link->streams[MAIN] && has_id(&s->initial))
		link_opened(s->link);
	/* A server that has no side streams answers without the id. */
	if (ok && s->link->is_client && s == &s->link->streams[SIDE] && has_id(&s->initial))
		atomic_store(&s->link->may_join, true);
	link_unref(s->link);
}

static void on_received(struct engine_event *event, bool ok)
{
	struct stream *s = FROM(event, received);
	grpc_byte_buffer *message = s->incoming;

	s->incoming = NULL;
	s->is_reading = false;
	if (!ok && message) {
		grpc_byte_buffer_destroy(message);
		message = NULL;
	}
	link_received(s, message);
	link_unref(s->link);
}

static void on_sent(struct engine_event *event, bool ok)
{
	struct stream *s = FROM(event, sent);

	grpc_byte_buffer_destroy(s->outgoing);
	s->outgoing = NULL;
	link_sent(s, ok);
	link_unref(s->link);
}

static void on_joined(struct engine_event *event, bool ok)
{
	struct stream *s = FROM(event, joined);
	grpc_byte_buffer *message = s->incoming;

	grpc_byte_buffer_destroy(s->outgoing);
	pthread_mutex_lock(&s->link->lock);
	s->outgoing = NULL;
	s->is_joined = false;
	pthread_mutex_unlock(&s->link->lock);
	s->incoming = NULL;
	if (!ok && message) {
		grpc_byte_buffer_destroy(message);
		message = NULL;
	}
	link_received(s, message);
	link_unref(s->link);
}

static void on_ended(struct engine_event *event, bool ok)
{
	struct stream *s = FROM(event, ended);

	(void)ok;
	link_ended(s);
	link_unref(s->link);
}

static void on_closed(struct engine_event *event, bool ok)
{
	(void)ok;
	link_unref(FROM(event, closed)->link);
}

void stream_init(struct stream *s, struct grpc_link *link)
{
	s->link = link;
	s->details = grpc_empty_slice();
	s->opened.done = on_opened;
	s->received.done = on_received;
	s->sent.done = on_sent;
	s->joined.done = on_joined;
	s->ended.done = on_ended;
	s->closed.done = on_closed;
	grpc_metadata_array_init(&s->initial);
	grpc_metadata_array_init(&s->trailing);
}

void stream_fini(struct stream *s)
{
	if (s->held)
		grpc_byte_buffer_destroy(s->held);
	grpc_metadata_array_destroy(&s->initial);
	grpc_metadata_array_destroy(&s->trailing);
	grpc_slice_unref(s->details);
}

/*
 * A fresh call takes its first batches; if core does not, it is over before it began. A client is
 * not in the leader here, which may see the end before this returns: what it reads is set before.
 */
static void begin(struct stream *s, const grpc_op *open, size_t n_open, const grpc_op *end)
{
	s->is_open = true;
	s->is_reading = true;
	if (start(s, end, 1, &s->ended)) {
		if (!start(s, open, n_open, &s->opened))
			grpc_call_cancel(s->call, NULL);
		if (!stream_read(s))
			s->is_reading = false;
	}
}

static grpc_metadata id_of(const struct stream *s)
{
	return (grpc_metadata){ .key = grpc_slice_from_static_string(LINK_GRPC_ID),
				.value = grpc_slice_from_static_string(s->link->id) };
}

void stream_open(struct stream *s, const char *method)
{
	grpc_metadata id = id_of(s);
	grpc_op open[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
			    { .op = GRPC_OP_RECV_INITIAL_METADATA } };
	grpc_op end = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	s->call = grpc_channel_create_call(s->link->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
					   engine_queue(), grpc_slice_from_static_string(method),
					   NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	open[0].data.send_initial_metadata.count = 1;
	open[0].data.send_initial_metadata.metadata = &id;
	open[1].data.recv_initial_metadata.recv_initial_metadata = &s->initial;
	end.data.recv_status_on_client.trailing_metadata = &s->trailing;
	end.data.recv_status_on_client.status = &s->status;
	end.data.recv_status_on_client.status_details = &s->details;
	begin(s, open, 2, &end);
}

void stream_accept(struct stream *s)
{
	grpc_metadata id = id_of(s);
	grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA };
	grpc_op end = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	open.data.send_initial_metadata.count = s->link->id[0] ? 1 : 0;
	open.data.send_initial_metadata.metadata = &id;
	end.data.recv_close_on_server.cancelled = &s->cancelled;
	begin(s, &open, 1, &end);
}

bool stream_read(struct stream *s)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &s->incoming;
	return start(s, &op, 1, &s->received);
}

bool stream_write(struct stream *s, grpc_byte_buffer *message, bool joined)
{
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_MESSAGE }, { .op = GRPC_OP_RECV_MESSAGE } };

	ops[0].data.send_message.send_message = message;
	ops[1].data.recv_message.recv_message = &s->incoming;
	s->outgoing = message;
	s->is_joined = joined;
	if (start(s, ops, joined ? 2 : 1, joined ? &s->joined : &s->sent))
		return true;
	s->outgoing = NULL;
	s->is_joined = false;
	return false;
}

void streams_send_end(struct grpc_link *l)
{
	grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };
	int i;

	if (!l->is_client) {
		op.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
		op.data.send_status_from_server.status = GRPC_STATUS_OK;
	}
	for (i = 0; i < 2; i++)
		if (l->streams[i].call && !start(&l->streams[i], &op, 1, &l->streams[i].closed))
			grpc_call_cancel(l->streams[i].call, NULL);
}

grpc_slice stream_slice(grpc_byte_buffer *message)
{
	grpc_byte_buffer_reader reader;
	grpc_slice slice;

	if (message->data.raw.slice_buffer.count == 1)
		return grpc_slice_ref(message->data.raw.slice_buffer.slices[0]);
	if (!grpc_byte_buffer_reader_init(&reader, message))
		return grpc_empty_slice();
	slice = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	return slice;
}
