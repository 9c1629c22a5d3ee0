/* SPDX-License-Identifier: MIT */
/* What a plain call's owner hears: replies, items and errors, as frames. */
#include <stdio.h>
#include <string.h>

#include "face/grpc/link_plain_call.h"
#include "face/grpc/plain_annotations.h"

enum { TEXT = PLAIN_TEXT_MAX + PLAIN_NAME_MAX + 256 };

/* Bytes of the answer from reply_at on. */
static void copy_reply(const struct plain_out *out, uint8_t *to, size_t n)
{
	const grpc_slice_buffer *parts = &out->reply->data.raw.slice_buffer;
	size_t i, skip = out->reply_at, have;

	for (i = 0; i < parts->count && n > 0; i++) {
		have = GRPC_SLICE_LENGTH(parts->slices[i]);
		if (skip >= have) {
			skip -= have;
			continue;
		}
		have = have - skip < n ? have - skip : n;
		memcpy(to, GRPC_SLICE_START_PTR(parts->slices[i]) + skip, have);
		to += have;
		n -= have;
		skip = 0;
	}
}

/* The next frame of the answer, which has at most FRAME_FRAGMENT bytes. */
static void put_part(struct plain_out *out, struct frame *frame, size_t n)
{
	size_t total = grpc_byte_buffer_length(out->reply);
	uint8_t *to;

	frame->number = out->number;
	frame->flags = out->reply_at > 0 ? FRAME_CONTINUES : 0;
	frame->total = out->reply_at == 0 ? (uint32_t)total : 0;
	if (out->reply_at + n < total)
		frame->flags |= FRAME_MORE;
	to = frame_write(&out->l->inbox, frame, n);
	if (to)
		copy_reply(out, to, n);
	out->reply_at += n;
	frame->body = (struct span){ 0 };
}

static size_t next_part(const struct plain_out *out)
{
	size_t left = grpc_byte_buffer_length(out->reply) - out->reply_at;

	return left < FRAME_FRAGMENT ? left : FRAME_FRAGMENT;
}

static void put_reply_parts(struct plain_out *out, struct frame *frame)
{
	if (!out->reply) { /* of a stream that has ended */
		frame_append(&out->l->inbox, frame);
		return;
	}
	do
		put_part(out, frame, next_part(out));
	while (out->reply_at < grpc_byte_buffer_length(out->reply));
}

/* What the server sent along. What no annotation can be is of no use to the caller. */
static struct span take_annotations(const struct plain_out *out, enum annotation_field field,
				    struct buf *buf)
{
	plain_annotations_read(&out->initial, field, buf);
	plain_annotations_read(&out->trailing, field, buf);
	if (buf->broken || annotations_problem(span_of_buf(buf), field))
		buf_reset(buf);
	return span_of_buf(buf);
}

static void put_reply(struct plain_out *out)
{
	struct frame frame = { .type = FRAME_REPLY, .number = out->number };
	struct buf along = { 0 };

	frame.body = take_annotations(out, ANNOTATIONS_OF_REPLY, &along);
	put_reply_parts(out, &frame);
	buf_free(&along);
}

bool plain_answer_put_items(struct plain_out *out)
{
	struct frame frame = { .type = FRAME_ITEM, .to_caller = 1, .value = out->n_items + 1 };
	size_t n;

	do {
		n = next_part(out);
		if (out->window < n + FRAME_ITEM_COST)
			return false;
		out->window -= n + FRAME_ITEM_COST;
		put_part(out, &frame, n);
	} while (out->reply_at < grpc_byte_buffer_length(out->reply));
	out->n_items++;
	return true;
}

/* The server said so. A method that it does not have is named, for a server does not. */
static void put_status(struct plain_out *out, struct frame *frame)
{
	struct span path = core_span(&out->path);
	char text[TEXT], said[PLAIN_TEXT_MAX];
	struct buf along = { 0 };

	plain_text_copy(said, sizeof(said), core_span(&out->text));
	if (out->status == GRPC_STATUS_UNIMPLEMENTED)
		snprintf(text, sizeof(text), "no method %.*s at %s: %s", (int)path.n,
			 (const char *)path.p, out->l->link.address, said);
	else
		snprintf(text, sizeof(text), "%s", said);
	frame->message = span_of(text);
	frame->raised = 1; /* its methods' words and its own look the same */
	frame->code = (uint32_t)out->status;
	frame->correlation_id = core_find_metadata(&out->trailing, PLAIN_CORRELATION_KEY);
	plain_read_details(core_find_metadata(&out->trailing, PLAIN_DETAILS_KEY), &frame->exception,
			   &frame->detail);
	frame->body = take_annotations(out, ANNOTATIONS_OF_ERROR, &along);
	frame_append(&out->l->inbox, frame);
	buf_free(&along);
}

/* Core ends a call whose answer is compressed, but a message may come before. */
static bool is_compressed(const struct plain_out *out)
{
	static const char said[] = "Compression algorithm ";

	return out->has_compressed ||
	       (GRPC_SLICE_LENGTH(out->text) >= sizeof(said) - 1 &&
		memcmp(GRPC_SLICE_START_PTR(out->text), said, sizeof(said) - 1) == 0);
}

/*
 * The server sent the status; else core found it, which looks the same. But where a call ends on a
 * connection, a read of what has not come succeeds, without a message; it fails if core ends the
 * call: it found no connection, or the reply too large. A connection that is lost, and a server
 * that is told how long it has and says that it was not enough, are told by the channel and the
 * clock. With the lock.
 */
static bool is_from_server(const struct plain_out *out)
{
	switch (out->status) {
	case GRPC_STATUS_UNAVAILABLE:
		return !out->has_failed && !out->has_lost;
	case GRPC_STATUS_DEADLINE_EXCEEDED:
		return out->deadline == ENGINE_FOREVER || engine_now() < out->deadline;
	case GRPC_STATUS_RESOURCE_EXHAUSTED:
		return !out->has_failed;
	case GRPC_STATUS_UNIMPLEMENTED:
		return !is_compressed(out);
	default:
		return true;
	}
}

/* A read also fails if the connection is lost within an answer, of a call that has run. Only the
 * text tells that from a connection that was not to be had. */
static bool says_no_connection(const grpc_slice *text)
{
	static const char *const parts[] = { "failed to connect to all addresses",
					     "resolution failed", "mpty address list" };
	char said[PLAIN_TEXT_MAX];
	size_t i;

	plain_text_copy(said, sizeof(said), core_span(text));
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(said, parts[i]))
			return true;
	return false;
}

bool plain_answer_is_unconnected(const struct plain_out *out)
{
	return out->status == GRPC_STATUS_UNAVAILABLE && out->has_failed &&
	       says_no_connection(&out->text);
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
static void put_failure(struct plain_out *out, struct frame *frame)
{
	const char *address = out->l->link.address;
	char text[TEXT], said[PLAIN_TEXT_MAX];

	plain_text_copy(said, sizeof(said), core_span(&out->text));
	frame->found_here = 1;
	frame->code = (uint32_t)out->status;
	frame->may_have_run = out->l->is_connected;
	if (out->is_odd) {
		frame->code = PYR_INTERNAL;
		snprintf(text, sizeof(text), "ProtocolError: %s answered twice", address);
	} else if (is_compressed(out)) {
		frame->code = PYR_UNIMPLEMENTED;
		snprintf(text, sizeof(text),
			 "ProtocolError: %s sends compressed messages, which cannot be read",
			 address);
	} else if (out->status == GRPC_STATUS_OK) {
		frame->code = PYR_INTERNAL;
		snprintf(text, sizeof(text), "ProtocolError: %s answered without a message",
			 address);
	} else if (out->status == GRPC_STATUS_DEADLINE_EXCEEDED) {
		snprintf(text, sizeof(text), "TimeoutError: no answer from %s in time", address);
	} else if (plain_answer_is_unconnected(out)) { /* the connection was lost before it left */
		frame->may_have_run = 0;
		frame->was_not_run = 1;
		snprintf(text, sizeof(text), "CommunicationError: cannot connect to %s: %s",
			 address, link_reason(said));
	} else {
		snprintf(text, sizeof(text), "%s: %s: %s", class_of(out->status), address, said);
	}
	frame->message = span_of(text);
	frame_append(&out->l->inbox, frame);
}

bool plain_answer_was_connected(const struct plain_out *out)
{
	if (out->status == GRPC_STATUS_UNAVAILABLE)
		return !plain_answer_is_unconnected(out);
	return out->status == GRPC_STATUS_UNIMPLEMENTED || is_from_server(out);
}

void plain_answer_put(struct plain_out *out)
{
	struct frame frame = { .type = FRAME_ERROR, .number = out->number };
	bool is_good = out->status == GRPC_STATUS_OK && !out->is_odd && !out->has_compressed;

	if (is_good && (out->reply || out->flags & FRAME_STREAM_OUT))
		put_reply(out);
	else if (!is_good && !out->is_odd && !out->has_compressed && is_from_server(out))
		put_status(out, &frame);
	else
		put_failure(out, &frame);
}
