/* SPDX-License-Identifier: MIT */
/*
 * A gRPC call for one Call frame. It is in the link's table as long as somebody waits. A call
 * without streams is two batches: the request with the status, and the answer. Messages of a stream
 * go one at a time, when the one before has left; they are read one at a time, when the owner has
 * room for the next: so gRPC's own flow control holds both ends to what the other takes.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tsan.h"
#include "engine/core_api.h"
#include "face/grpc/link_plain_call.h"

#define FROM(event, member)                                                                        \
	((struct plain_out *)((char *)(event)-offsetof(struct plain_out, member)))

static void free_message(struct plain_message *message)
{
	grpc_byte_buffer_destroy(message->bytes);
	free(message);
}

static void free_out(struct plain_out *out)
{
	struct plain_message *message;

	while ((message = out->first)) {
		out->first = message->next;
		free_message(message);
	}
	plain_metadata_free(&out->metadata);
	grpc_slice_buffer_destroy(&out->parts);
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

static bool start(struct plain_out *out, const grpc_op *ops, size_t n, struct engine_event *event)
{
	TSAN_RELEASE(event);
	if (grpc_call_start_batch(out->call, ops, n, event, NULL) != GRPC_CALL_OK)
		return false;
	out->refs++;
	return true;
}

static void start_read(struct plain_out *out)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	out->reply_at = 0;
	op.data.recv_message.recv_message = &out->reply;
	out->is_reading = start(out, &op, 1, &out->received);
}

/* The next message that waits, or the end of them. */
static void send_next(struct plain_out *out)
{
	grpc_op send = { .op = GRPC_OP_SEND_MESSAGE };
	grpc_op end = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

	if (out->is_sending || out->has_ended || !out->is_open)
		return;
	if (out->first) {
		send.data.send_message.send_message = out->first->bytes;
		out->is_sending = start(out, &send, 1, &out->sent);
	} else if (out->is_half_closed) {
		out->is_sending = true; /* for good */
		(void)start(out, &end, 1, &out->closed);
	}
}

/* With the lock, by who holds another reference to the link. */
static void release(struct plain_out *out)
{
	struct plain_link *l = out->l;

	if (--out->refs > 0)
		return;
	l->n_calls--;
	free_out(out);
	plain_link_unref(l);
}

/* All is in: the owner gets the answer. Returns whether there was no connection to be had, which is
 * the link's end. */
static bool conclude(struct plain_out *out)
{
	struct plain_link *l = out->l;

	if (!out->number || !out->has_ended || out->is_reading ||
	    (out->reply && out->flags & FRAME_STREAM_OUT))
		return false;
	if (plain_answer_was_connected(out))
		plain_link_connected(l);
	if (!l->is_connected && plain_answer_is_unconnected(out))
		return true;
	plain_answer_put(out);
	numtab_remove(&l->calls, out->number);
	out->number = 0;
	release(out);
	return false;
}

/* ---- what core reports; in the leader ---- */

static struct plain_out *enter(struct plain_out *out)
{
	plain_link_ref(out->l);
	pthread_mutex_lock(&out->l->lock);
	return out;
}

/* The end of each report. */
static void leave(struct plain_out *out)
{
	struct plain_link *l = out->l;
	bool has_failed = conclude(out);
	char text[512];

	if (has_failed)
		plain_text_copy(text, sizeof(text), core_span(&out->text));
	release(out);
	plain_link_take_inbox(l);
	pthread_mutex_unlock(&l->lock);
	plain_link_tell(l, &l->out);
	if (has_failed)
		plain_link_unconnected(l, text); /* which tells all that call */
	plain_link_ended(l);
	plain_link_unref(l);
}

static void on_event(struct engine_event *event, size_t offset)
{
	leave(enter((struct plain_out *)((char *)event - offset)));
}

static void on_opened(struct engine_event *event, bool ok)
{
	(void)ok;
	on_event(event, offsetof(struct plain_out, opened));
}

static void on_closed(struct engine_event *event, bool ok)
{
	(void)ok;
	on_event(event, offsetof(struct plain_out, closed));
}

/* Whether core may say so of a call whose connection is lost. UNKNOWN with any other text is the
 * server's answer, after which it left. */
static bool may_be_lost(const struct plain_out *out)
{
	return out->status == GRPC_STATUS_UNAVAILABLE ||
	       (out->status == GRPC_STATUS_UNKNOWN &&
		grpc_slice_str_cmp(out->text, "Stream removed") == 0);
}

static void on_ended(struct engine_event *event, bool ok)
{
	struct plain_out *out = enter(FROM(event, ended));
	struct plain_link *l = out->l;

	(void)ok;
	out->has_ended = true;
	if (may_be_lost(out) && l->channel)
		out->has_lost = !plain_link_stands(l);
	if (out->has_lost) /* one that broke within TLS or HTTP/2: UNKNOWN, "Stream removed" */
		out->status = GRPC_STATUS_UNAVAILABLE;
	leave(out);
}

static void on_sent(struct engine_event *event, bool ok)
{
	struct plain_out *out = enter(FROM(event, sent));
	struct frame frame = { .type = FRAME_CREDIT, .number = out->number, .to_caller = 1 };
	struct plain_message *message = out->first;

	out->first = message->next;
	if (!out->first)
		out->last = &out->first;
	out->is_sending = false;
	frame.value = message->credit;
	if (ok && frame.value > 0 && out->number)
		frame_append(&out->l->inbox, &frame);
	free_message(message);
	if (ok)
		send_next(out);
	leave(out);
}

/* An answer is in, and there should be no other. Core tells the status after all has been read;
 * only where it does not come soon a second answer is looked for. */
static void put_off(struct plain_out *out)
{
	out->refs++;
	engine_before_poll(&out->put_off);
}

static void on_before_poll(struct engine_hook *hook)
{
	struct plain_out *out = enter(FROM(hook, put_off));
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	if (!out->has_ended && !out->is_put_off) {
		out->is_put_off = true;
		put_off(out);
	} else if (!out->has_ended) {
		op.data.recv_message.recv_message = &out->second;
		(void)start(out, &op, 1, &out->doubled);
	}
	leave(out);
}

static void on_doubled(struct engine_event *event, bool ok)
{
	struct plain_out *out = enter(FROM(event, doubled));

	(void)ok;
	out->is_odd = out->second != NULL;
	if (out->is_odd) {
		grpc_byte_buffer_destroy(out->second);
		out->second = NULL;
		grpc_call_cancel(out->call, NULL);
	}
	leave(out);
}

/* What was read goes to the owner as far as it has room; then the next is read. */
static void pass_on(struct plain_out *out)
{
	if (!out->reply || out->is_reading || !out->number || !plain_answer_put_items(out))
		return;
	grpc_byte_buffer_destroy(out->reply);
	out->reply = NULL;
	start_read(out);
}

/* It is never inflated: a few bytes may become many. */
static void refuse_compressed(struct plain_out *out)
{
	grpc_byte_buffer_destroy(out->reply);
	out->reply = NULL;
	out->has_compressed = true;
	grpc_call_cancel(out->call, NULL);
}

static void on_received(struct engine_event *event, bool ok)
{
	struct plain_out *out = enter(FROM(event, received));

	out->is_reading = false;
	out->has_failed = !ok;
	if (out->reply && out->reply->data.raw.compression != GRPC_COMPRESS_NONE)
		refuse_compressed(out);
	if (!ok || !out->reply)
		; /* the end */
	else if (out->flags & FRAME_STREAM_OUT)
		pass_on(out);
	else
		put_off(out);
	leave(out);
}

/* ---- the request; with the link's lock ---- */

static gpr_timespec deadline_of(const struct frame *frame)
{
	gpr_timespec left = gpr_time_from_micros((int64_t)frame->time_left, GPR_TIMESPAN);

	if (frame->time_left == 0 || frame->time_left > INT64_MAX / 1000)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), left);
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
	out->refs = 1; /* the table's */
	l->n_calls++;
	plain_link_ref(l);
	out->opened.done = on_opened;
	out->received.done = on_received;
	out->doubled.done = on_doubled;
	out->sent.done = on_sent;
	out->closed.done = on_closed;
	out->ended.done = on_ended;
	out->put_off.run = on_before_poll;
	out->last = &out->first;
	out->number = frame->number;
	out->flags = frame->flags;
	out->window = l->window;
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

static grpc_op open_op(struct plain_out *out)
{
	grpc_op op = { .op = GRPC_OP_SEND_INITIAL_METADATA };

	op.data.send_initial_metadata.count = out->metadata.n;
	op.data.send_initial_metadata.metadata = out->metadata.entries;
	return op;
}

static grpc_op status_op(struct plain_out *out)
{
	grpc_op op = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	op.data.recv_status_on_client.trailing_metadata = &out->trailing;
	op.data.recv_status_on_client.status = &out->status;
	op.data.recv_status_on_client.status_details = &out->text;
	return op;
}

/*
 * All of a call without a stream of requests. A batch with the status does not fail, and that of
 * the reads fails only if they do: is_from_server().
 */
static bool open_whole(struct plain_out *out)
{
	grpc_op send[4] = { open_op(out),
			    { .op = GRPC_OP_SEND_MESSAGE },
			    { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
			    status_op(out) };
	grpc_op receive[2] = { { .op = GRPC_OP_RECV_INITIAL_METADATA },
			       { .op = GRPC_OP_RECV_MESSAGE } };

	send[1].data.send_message.send_message = out->first->bytes;
	receive[0].data.recv_initial_metadata.recv_initial_metadata = &out->initial;
	receive[1].data.recv_message.recv_message = &out->reply;
	out->is_sending = true; /* for good */
	if (!start(out, send, 4, &out->ended))
		return false;
	out->is_reading = start(out, receive, 2, &out->received);
	return out->is_reading;
}

/* All but the requests. */
static bool open_stream(struct plain_out *out)
{
	grpc_op ops[2] = { open_op(out), { .op = GRPC_OP_RECV_INITIAL_METADATA } };
	grpc_op end = status_op(out);

	ops[1].data.recv_initial_metadata.recv_initial_metadata = &out->initial;
	if (!start(out, ops, 2, &out->opened))
		return false;
	start_read(out);
	return out->is_reading && start(out, &end, 1, &out->ended);
}

/* Without the initial metadata the status need not come. */
static void open_call(struct plain_out *out)
{
	out->is_open = true;
	if (!(out->flags & FRAME_STREAM_IN ? open_stream(out) : open_whole(out)))
		grpc_call_cancel(out->call, NULL);
	send_next(out);
}

/* A message is whole: it waits to be sent. */
static void add_message(struct plain_out *out, size_t credit)
{
	struct plain_message *message = calloc(1, sizeof(*message));

	if (!message) {
		plain_link_fail(out->l, out->number, PYR_RESOURCE_EXHAUSTED, "out of memory");
		numtab_remove(&out->l->calls, out->number);
		plain_out_cancel(out);
		return;
	}
	message->credit = credit;
	message->bytes = grpc_raw_byte_buffer_create(out->parts.slices, out->parts.count);
	grpc_slice_buffer_reset_and_unref(&out->parts);
	*out->last = message;
	out->last = &message->next;
	if (out->is_open)
		send_next(out);
	else
		open_call(out);
}

static void add_part(struct plain_out *out, struct span payload)
{
	grpc_slice_buffer_add(&out->parts,
			      grpc_slice_from_copied_buffer((const char *)payload.p, payload.n));
}

/* Bytes of a Call. */
static void add_request(struct plain_out *out, const struct frame *frame)
{
	add_part(out, frame->payload);
	if (!(frame->flags & FRAME_MORE))
		add_message(out, 0);
}

/* All that goes with it. Returns 0, or minus a status with what is wrong in text. */
static int put_metadata(struct plain_out *out, const struct plain_session *session,
			const struct frame *frame, char *text, size_t n)
{
	struct plain_metadata *metadata = &out->metadata;
	const char *wrong;
	int status;

	if (!plain_metadata_put(metadata, PLAIN_OBJECT_KEY, span_of(session->object))) {
		snprintf(text, n, "object id '%.255s' cannot be sent to %s as metadata",
			 session->object, out->l->link.address);
		return -PYR_INVALID_ARGUMENT;
	}
	/* Without these it is the same call. */
	(void)plain_metadata_put(metadata, PLAIN_CORRELATION_KEY, frame->correlation_id);
	(void)plain_metadata_put(metadata, PLAIN_TRACEPARENT_KEY, frame->traceparent);
	status = plain_metadata_annotate(metadata, frame, &wrong);
	if (status < 0)
		snprintf(text, n, "%s", wrong);
	return status;
}

void plain_out_start(struct plain_link *l, const struct plain_session *session,
		     const struct frame *frame)
{
	struct plain_out *out = new_out(l, session, frame);
	char text[512];
	int status = out ? put_metadata(out, session, frame, text, sizeof(text)) : 0;

	if (status < 0) {
		plain_link_fail(l, frame->number, -status, text);
	} else if (!out || !numtab_put(&l->calls, frame->number, out)) {
		plain_link_fail(l, frame->number, PYR_RESOURCE_EXHAUSTED, "out of memory");
	} else {
		if (out->flags & FRAME_STREAM_IN && !(out->flags & FRAME_PARAMETERS))
			open_call(out); /* whose items are all there is */
		else
			add_request(out, frame);
		return;
	}
	if (out)
		release(out);
}

void plain_out_continue(struct plain_out *out, const struct frame *frame)
{
	if (!out->is_open)
		add_request(out, frame);
}

void plain_out_item(struct plain_out *out, const struct frame *frame)
{
	struct frame credit = { .type = FRAME_CREDIT, .number = frame->number, .to_caller = 1 };
	size_t cost = frame->payload.n + FRAME_ITEM_COST;

	if (!(out->flags & FRAME_STREAM_IN) || out->is_half_closed)
		return;
	add_part(out, frame->payload);
	if (!(frame->flags & FRAME_MORE)) {
		add_message(out, cost);
		return;
	}
	credit.value = cost; /* the rest may come */
	frame_append(&out->l->inbox, &credit);
}

void plain_out_end(struct plain_out *out)
{
	out->is_half_closed = true;
	send_next(out);
}

void plain_out_credit(struct plain_out *out, uint64_t n)
{
	if (n > UINT32_MAX || out->window > UINT32_MAX)
		return;
	out->window += n;
	if (!(out->flags & FRAME_STREAM_OUT))
		return;
	pass_on(out);
	(void)conclude(out);
}

void plain_out_cancel(struct plain_out *out)
{
	out->number = 0;
	if (out->is_open)
		grpc_call_cancel(out->call, NULL);
	release(out);
}
