/* SPDX-License-Identifier: MIT */
/*
 * A gRPC call for one Call frame. Its one batch holds the request, the answer and the status; the
 * leader makes a Reply or an Error of it. It is in the link's table as long as somebody waits.
 */
#include "link_plain.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/time.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain_text.h"
#include "tsan.h"

enum { MAX_METADATA = 3, MAX_VALUE = 256, TEXT = PLAIN_TEXT_MAX + PLAIN_NAME_MAX + 256 };

struct plain_out {
	struct plain_link *l; /* counted while the batch is in flight */
	struct engine_event done;
	grpc_call *call;
	uint32_t number; /* link's lock: 0 when nobody waits */
	bool is_started;
	int64_t deadline;
	grpc_metadata sent[MAX_METADATA];
	size_t n_sent;
	grpc_slice_buffer parts; /* of the request */
	grpc_byte_buffer *request, *reply;
	grpc_metadata_array initial, trailing;
	grpc_status_code status;
	grpc_slice path, text;
	bool has_lost; /* the connection is not there any more, or never was */
};

static void free_out(struct plain_out *out)
{
	size_t i;

	for (i = 0; i < out->n_sent; i++)
		grpc_slice_unref(out->sent[i].value);
	grpc_slice_buffer_destroy(&out->parts);
	if (out->request)
		grpc_byte_buffer_destroy(out->request);
	if (out->reply)
		grpc_byte_buffer_destroy(out->reply);
	grpc_metadata_array_destroy(&out->initial);
	grpc_metadata_array_destroy(&out->trailing);
	grpc_slice_unref(out->path);
	grpc_slice_unref(out->text);
	if (out->call)
		grpc_call_unref(out->call);
	free(out);
}

/* ---- the answer; in the leader ---- */

static struct span span_of_slice(const grpc_slice *slice)
{
	return (struct span){ GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice) };
}

static struct span find_metadata(const grpc_metadata_array *metadata, const char *key)
{
	size_t i;

	for (i = 0; i < metadata->count; i++)
		if (span_is(span_of_slice(&metadata->metadata[i].key), key))
			return span_of_slice(&metadata->metadata[i].value);
	return (struct span){ 0 };
}

/* The reply's bytes, in frames of at most FRAME_FRAGMENT. */
static void put_reply(const struct plain_out *out, struct buf *frames)
{
	const grpc_slice_buffer *parts = &out->reply->data.raw.slice_buffer;
	struct frame frame = { .type = FRAME_REPLY, .number = out->number };
	size_t left = parts->length, n, part = 0, at = 0, have, copied;
	uint8_t *to;

	frame.total = (uint32_t)left;
	do {
		n = left < FRAME_FRAGMENT ? left : FRAME_FRAGMENT;
		left -= n;
		frame.flags |= left > 0 ? FRAME_MORE : 0;
		to = frame_write(frames, &frame, n);
		for (copied = 0; to && copied < n; copied += have) {
			have = GRPC_SLICE_LENGTH(parts->slices[part]) - at;
			have = have < n - copied ? have : n - copied;
			memcpy(to + copied, GRPC_SLICE_START_PTR(parts->slices[part]) + at, have);
			at += have;
			if (at == GRPC_SLICE_LENGTH(parts->slices[part])) {
				part++;
				at = 0;
			}
		}
		frame = (struct frame){ .type = FRAME_REPLY, .number = out->number };
		frame.flags = FRAME_CONTINUES;
	} while (left > 0);
}

/* The server said so. A method that it does not have is named, for a server does not. */
static void put_status(struct plain_out *out, struct frame *frame, struct buf *frames)
{
	struct span path = span_of_slice(&out->path);
	char text[TEXT], said[PLAIN_TEXT_MAX];

	plain_text_copy(said, sizeof(said), span_of_slice(&out->text));
	if (out->status == GRPC_STATUS_UNIMPLEMENTED)
		snprintf(text, sizeof(text), "no method %.*s at %s: %s", (int)path.n,
			 (const char *)path.p, out->l->link.address, said);
	else
		snprintf(text, sizeof(text), "%s", said);
	frame->message = span_of(text);
	frame->code = (uint32_t)out->status;
	frame->correlation_id = find_metadata(&out->trailing, PLAIN_CORRELATION_KEY);
	plain_read_details(find_metadata(&out->trailing, PLAIN_DETAILS_KEY), &frame->exception,
			   &frame->detail);
	frame_append(frames, frame);
}

/* Core says how large it was and might have been. The server says the same of a request. */
static bool is_reply_too_large(const struct plain_out *out)
{
	unsigned long long size, max;
	char text[PLAIN_TEXT_MAX];
	const char *at;

	plain_text_copy(text, sizeof(text), span_of_slice(&out->text));
	at = strstr(text, "larger than max (");
	return at && sscanf(at, "larger than max (%llu vs. %llu)", &size, &max) == 2 &&
	       max == out->l->max_message && size != grpc_byte_buffer_length(out->request);
}

/*
 * The server sent the status; else core found it, which looks the same. A server that is told how
 * long it has, and says that it was not enough, is too late. With the lock.
 */
static bool is_from_server(const struct plain_out *out)
{
	switch (out->status) {
	case GRPC_STATUS_UNAVAILABLE:
		return !out->has_lost;
	case GRPC_STATUS_DEADLINE_EXCEEDED:
		return out->deadline == ENGINE_FOREVER || engine_now() < out->deadline;
	case GRPC_STATUS_RESOURCE_EXHAUSTED:
		return !is_reply_too_large(out);
	default:
		return true;
	}
}

/* It was never on a connection. */
static bool is_unconnected(const struct plain_out *out)
{
	return out->status == GRPC_STATUS_UNAVAILABLE && out->has_lost &&
	       plain_is_unconnected(span_of_slice(&out->text));
}

static const char *class_of(grpc_status_code status)
{
	switch (status) {
	case GRPC_STATUS_UNAVAILABLE:
		return "ConnectionClosed";
	case GRPC_STATUS_RESOURCE_EXHAUSTED:
		return "MessageTooLarge";
	default:
		return "ProtocolError";
	}
}

/* Core has said so: the classes of errors that a link has. */
static void put_failure(struct plain_out *out, struct frame *frame, struct buf *frames)
{
	const char *address = out->l->link.address;
	char text[TEXT], said[PLAIN_TEXT_MAX];

	plain_text_copy(said, sizeof(said), span_of_slice(&out->text));
	frame->found_here = 1;
	frame->code = (uint32_t)out->status;
	frame->may_have_run = out->l->is_connected;
	if (out->status == GRPC_STATUS_OK) {
		frame->code = PYR_INTERNAL;
		snprintf(text, sizeof(text), "ProtocolError: %s answered without a message",
			 address);
	} else if (out->status == GRPC_STATUS_DEADLINE_EXCEEDED) {
		snprintf(text, sizeof(text), "TimeoutError: no answer from %s in time", address);
	} else if (is_unconnected(out)) { /* the connection was lost before it left */
		frame->may_have_run = 0;
		frame->was_not_run = 1;
		snprintf(text, sizeof(text), "CommunicationError: cannot connect to %s: %s",
			 address, said);
	} else {
		snprintf(text, sizeof(text), "%s: %s: %s", class_of(out->status), address, said);
	}
	frame->message = span_of(text);
	frame_append(frames, frame);
}

static void put_answer(struct plain_out *out, struct buf *frames)
{
	struct frame frame = { .type = FRAME_ERROR, .number = out->number };

	if (out->status == GRPC_STATUS_OK && out->reply)
		put_reply(out, frames);
	else if (out->status != GRPC_STATUS_OK && is_from_server(out))
		put_status(out, &frame, frames);
	else
		put_failure(out, &frame, frames);
}

/* Somebody is there: what the watch tells too, but perhaps later. */
static bool was_connected(const struct plain_out *out)
{
	return out->status == GRPC_STATUS_UNAVAILABLE ? !is_unconnected(out) : is_from_server(out);
}

static void end_link(struct plain_out *out)
{
	char text[256];

	plain_text_copy(text, sizeof(text), span_of_slice(&out->text));
	plain_link_end(out->l, PYR_UNAVAILABLE, text);
}

static void on_done(struct engine_event *event, bool ok)
{
	struct plain_out *out =
		(struct plain_out *)((char *)event - offsetof(struct plain_out, done));
	struct plain_link *l = out->l;
	bool has_failed;

	(void)ok;
	pthread_mutex_lock(&l->lock);
	l->n_calls--;
	out->has_lost = l->channel &&
			grpc_channel_check_connectivity_state(l->channel, 0) != GRPC_CHANNEL_READY;
	if (was_connected(out))
		plain_link_connected(l);
	has_failed = out->number && !l->is_connected && is_unconnected(out);
	plain_link_take_inbox(l);
	if (out->number && !has_failed) {
		numtab_remove(&l->calls, out->number);
		put_answer(out, l->is_connected ? &l->out : &l->inbox);
	}
	pthread_mutex_unlock(&l->lock);
	plain_link_tell(l, &l->out);
	if (has_failed)
		end_link(out); /* which tells all that call */
	plain_link_ended(l);
	free_out(out);
	plain_link_unref(l);
}

/* ---- the request; with the link's lock ---- */

static gpr_timespec deadline_of(const struct frame *frame)
{
	gpr_timespec left = gpr_time_from_micros((int64_t)frame->time_left, GPR_TIMESPAN);

	if (frame->time_left == 0 || frame->time_left > INT64_MAX / 1000)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), left);
}

/* Adds an entry; false: no header can have this value. */
static bool put_metadata(struct plain_out *out, const char *key, struct span value)
{
	grpc_slice slice;

	if (value.n == 0)
		return true;
	if (value.n > MAX_VALUE)
		return false;
	slice = grpc_slice_from_copied_buffer((const char *)value.p, value.n);
	if (!grpc_header_nonbin_value_is_legal(slice)) {
		grpc_slice_unref(slice);
		return false;
	}
	out->sent[out->n_sent].key = grpc_slice_from_static_string(key);
	out->sent[out->n_sent++].value = slice;
	return true;
}

/* "/example.Server/" and the last part of "example.Base.who": a service has all its operations. */
static grpc_slice path_of(const struct plain_session *session, const struct frame *frame)
{
	size_t n_path = strlen(session->path), n = 0;
	grpc_slice path;

	while (n < frame->name.n && frame->name.p[frame->name.n - n - 1] != '.')
		n++;
	path = grpc_slice_malloc(n_path + n);
	memcpy(GRPC_SLICE_START_PTR(path), session->path, n_path);
	memcpy(GRPC_SLICE_START_PTR(path) + n_path, frame->name.p + frame->name.n - n, n);
	return path;
}

static struct plain_out *new_out(struct plain_link *l, const struct plain_session *session,
				 const struct frame *frame)
{
	struct plain_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->l = l;
	out->done.done = on_done;
	out->number = frame->number;
	out->text = grpc_empty_slice();
	grpc_slice_buffer_init(&out->parts);
	grpc_metadata_array_init(&out->initial);
	grpc_metadata_array_init(&out->trailing);
	out->deadline =
		frame->time_left ? engine_now() + (int64_t)frame->time_left * 1000 : ENGINE_FOREVER;
	out->path = path_of(session, frame);
	out->call =
		grpc_channel_create_call(l->channel, NULL, GRPC_PROPAGATE_DEFAULTS, engine_queue(),
					 out->path, NULL, deadline_of(frame), NULL);
	return out;
}

static void set_ops(struct plain_out *out, grpc_op ops[6])
{
	ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[0].data.send_initial_metadata.count = out->n_sent;
	ops[0].data.send_initial_metadata.metadata = out->sent;
	ops[1].op = GRPC_OP_SEND_MESSAGE;
	ops[1].data.send_message.send_message = out->request;
	ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	ops[3].op = GRPC_OP_RECV_INITIAL_METADATA; /* without it the status need not come */
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &out->initial;
	ops[4].op = GRPC_OP_RECV_MESSAGE;
	ops[4].data.recv_message.recv_message = &out->reply;
	ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
	ops[5].data.recv_status_on_client.trailing_metadata = &out->trailing;
	ops[5].data.recv_status_on_client.status = &out->status;
	ops[5].data.recv_status_on_client.status_details = &out->text;
}

static void start(struct plain_out *out)
{
	struct plain_link *l = out->l;
	grpc_op ops[6] = { 0 };

	out->request = grpc_raw_byte_buffer_create(out->parts.slices, out->parts.count);
	grpc_slice_buffer_reset_and_unref(&out->parts);
	set_ops(out, ops);
	out->is_started = true;
	l->n_calls++;
	plain_link_ref(l);
	TSAN_RELEASE(&out->done);
	if (grpc_call_start_batch(out->call, ops, 6, &out->done, NULL) == GRPC_CALL_OK)
		return;
	l->n_calls--;
	plain_link_unref(l);
	numtab_remove(&l->calls, out->number);
	plain_link_fail(l, out->number, PYR_INTERNAL, "gRPC does not take the call");
	free_out(out);
}

static void add_part(struct plain_out *out, const struct frame *frame)
{
	grpc_slice_buffer_add(
		&out->parts,
		grpc_slice_from_copied_buffer((const char *)frame->payload.p, frame->payload.n));
	if (!(frame->flags & FRAME_MORE))
		start(out);
}

void plain_out_start(struct plain_link *l, const struct plain_session *session,
		     const struct frame *frame)
{
	struct plain_out *out = new_out(l, session, frame);
	char text[512];

	if (!out || !put_metadata(out, PLAIN_OBJECT_KEY, span_of(session->object))) {
		snprintf(text, sizeof(text), "object id '%.255s' cannot be sent to %s as metadata",
			 session->object, l->link.address);
		plain_link_fail(l, frame->number,
				out ? PYR_INVALID_ARGUMENT : PYR_RESOURCE_EXHAUSTED,
				out ? text : "out of memory");
	} else if (!numtab_put(&l->calls, frame->number, out)) {
		plain_link_fail(l, frame->number, PYR_RESOURCE_EXHAUSTED, "out of memory");
	} else {
		/* Without these it is the same call. */
		(void)put_metadata(out, PLAIN_CORRELATION_KEY, frame->correlation_id);
		(void)put_metadata(out, PLAIN_TRACEPARENT_KEY, frame->traceparent);
		add_part(out, frame);
		return;
	}
	if (out)
		free_out(out);
}

void plain_out_continue(struct plain_out *out, const struct frame *frame)
{
	if (!out->is_started)
		add_part(out, frame);
}

void plain_out_cancel(struct plain_out *out)
{
	out->number = 0;
	if (out->is_started)
		grpc_call_cancel(out->call, NULL);
	else
		free_out(out);
}
