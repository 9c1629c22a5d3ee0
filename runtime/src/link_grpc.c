/* SPDX-License-Identifier: MIT */
/*
 * A link over one bidirectional gRPC stream, /pyrite.Link/Open. Both ends run the same code but for
 * how the call comes to be and which operation tells its end. Each batch in flight holds a
 * reference; the owner holds one more.
 */
#include "link.h"

#include <pyrite/pyrite.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "tsan.h"

struct grpc_link {
	struct link link;
	grpc_call *call;
	grpc_channel *channel; /* client */
	atomic_int refs;       /* the owner, and each batch in flight */
	struct engine_event opened, received, sent, ended;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *incoming, *outgoing;
	grpc_status_code status;
	grpc_slice details;
	int cancelled;
	pthread_mutex_t lock;
	bool is_client;
	bool is_closing;  /* lock: close() was called, so no new write */
	bool is_writing;  /* lock */
	bool close_after; /* lock: half-close or status once the write in flight is done */
	bool has_ended;   /* leader only: `ended` came */
	bool is_reading;  /* leader only: a receive is in flight */
	int close_code;   /* lock: reported instead of the network's when this end closed */
	char close_text[256];
};

static struct grpc_link *of(struct link *link)
{
	return (struct grpc_link *)link;
}

#define FROM(event, member)                                                                        \
	((struct grpc_link *)((char *)(event)-offsetof(struct grpc_link, member)))

/* Lets core close the connection, also while the link itself is still held. */
static void release_call(struct grpc_link *l)
{
	grpc_call *call;

	pthread_mutex_lock(&l->lock);
	call = l->call;
	l->call = NULL;
	pthread_mutex_unlock(&l->lock);
	if (!call)
		return;
	grpc_call_unref(call);
	if (l->channel)
		grpc_channel_destroy(l->channel);
}

static void unref(struct grpc_link *l)
{
	if (atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	grpc_metadata_array_destroy(&l->initial);
	grpc_metadata_array_destroy(&l->trailing);
	grpc_slice_unref(l->details);
	release_call(l);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Starts a batch whose completion is `event`. Returns false if core refuses it (the call is over).
 */
static bool start(struct grpc_link *l, const grpc_op *ops, size_t n, struct engine_event *event)
{
	atomic_fetch_add(&l->refs, 1);
	TSAN_RELEASE(event);
	if (grpc_call_start_batch(l->call, ops, n, event, NULL) == GRPC_CALL_OK)
		return true;
	atomic_fetch_sub(&l->refs, 1);
	return false;
}

static bool start_read(struct grpc_link *l)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &l->incoming;
	return start(l, &op, 1, &l->received);
}

/* Tells the owner, once the end is known and nothing is being read any more. */
static void finish(struct grpc_link *l)
{
	char text[256];
	int code;

	if (!l->has_ended || l->is_reading)
		return;
	pthread_mutex_lock(&l->lock);
	l->is_closing = true;
	code = l->close_code;
	snprintf(text, sizeof(text), "%s", l->close_text);
	pthread_mutex_unlock(&l->lock);
	if (code == 0 && l->is_client) {
		code = (int)l->status;
		snprintf(text, sizeof(text), "%.*s", (int)GRPC_SLICE_LENGTH(l->details),
			 (const char *)GRPC_SLICE_START_PTR(l->details));
	}
	if (code == 0)
		code = PYR_UNAVAILABLE;
	if (text[0] == '\0')
		snprintf(text, sizeof(text), "connection closed");
	l->link.events->closed(l->link.owner, code, text);
	release_call(l);
}

static void deliver(struct grpc_link *l, grpc_byte_buffer *message)
{
	grpc_byte_buffer_reader reader;
	grpc_slice slice, *peeked;
	struct span span;

	if (!grpc_byte_buffer_reader_init(&reader, message))
		return;
	if (message->data.raw.slice_buffer.count == 1 &&
	    grpc_byte_buffer_reader_peek(&reader, &peeked)) {
		span = (struct span){ GRPC_SLICE_START_PTR(*peeked), GRPC_SLICE_LENGTH(*peeked) };
		l->link.events->message(l->link.owner, span);
	} else {
		slice = grpc_byte_buffer_reader_readall(&reader);
		span = (struct span){ GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice) };
		l->link.events->message(l->link.owner, span);
		grpc_slice_unref(slice);
	}
	grpc_byte_buffer_reader_destroy(&reader);
}

static void end_now(struct grpc_link *l);

static void on_received(struct engine_event *event, bool ok)
{
	struct grpc_link *l = FROM(event, received);
	grpc_byte_buffer *message = l->incoming;

	l->incoming = NULL;
	if (ok && message) {
		deliver(l, message);
		grpc_byte_buffer_destroy(message);
		l->is_reading = start_read(l);
	} else { /* the other end sends no more: a link is not half of one */
		if (message)
			grpc_byte_buffer_destroy(message);
		l->is_reading = false;
		if (!l->has_ended)
			end_now(l);
	}
	finish(l);
	unref(l);
}

static void on_opened(struct engine_event *event, bool ok)
{
	(void)ok;
	unref(FROM(event, opened));
}

static void on_ended(struct engine_event *event, bool ok)
{
	struct grpc_link *l = FROM(event, ended);

	(void)ok;
	l->has_ended = true;
	finish(l);
	unref(l);
}

/* The orderly end of this side's half, with nothing being written. Called with the lock. */
static void send_end(struct grpc_link *l)
{
	grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

	if (!l->is_client) {
		op.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
		op.data.send_status_from_server.status = GRPC_STATUS_OK;
	}
	if (!start(l, &op, 1, &l->opened))
		grpc_call_cancel(l->call, NULL);
}

static void on_sent(struct engine_event *event, bool ok)
{
	struct grpc_link *l = FROM(event, sent);
	bool close_after;

	grpc_byte_buffer_destroy(l->outgoing);
	pthread_mutex_lock(&l->lock);
	l->is_writing = false;
	close_after = l->close_after;
	if (close_after)
		send_end(l);
	pthread_mutex_unlock(&l->lock);
	if (ok && !close_after)
		l->link.events->written(l->link.owner);
	unref(l);
}

static bool grpc_write(struct link *link, struct span first, struct span second)
{
	struct grpc_link *l = of(link);
	grpc_slice slice = grpc_slice_malloc(first.n + second.n);
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };
	grpc_byte_buffer *message;
	bool started = false;

	if (first.n > 0)
		memcpy(GRPC_SLICE_START_PTR(slice), first.p, first.n);
	if (second.n > 0)
		memcpy(GRPC_SLICE_START_PTR(slice) + first.n, second.p, second.n);
	message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	pthread_mutex_lock(&l->lock);
	if (!l->is_closing) {
		l->is_writing = true;
		l->outgoing = message;
		op.data.send_message.send_message = message;
		started = start(l, &op, 1, &l->sent);
		l->is_writing = started;
	}
	pthread_mutex_unlock(&l->lock);
	if (!started)
		grpc_byte_buffer_destroy(message);
	return started;
}

static void grpc_close(struct link *link, int code, const char *text)
{
	struct grpc_link *l = of(link);
	bool cancel = false;

	pthread_mutex_lock(&l->lock);
	if (l->is_closing) {
		cancel = code != 0;
	} else {
		l->is_closing = true;
		l->close_code = code;
		snprintf(l->close_text, sizeof(l->close_text), "%s", text);
		if (code != 0)
			cancel = true;
		else if (l->is_writing)
			l->close_after = true;
		else
			send_end(l);
	}
	if (cancel && l->call)
		grpc_call_cancel(l->call, NULL);
	pthread_mutex_unlock(&l->lock);
}

/* The other end is done, in the leader. */
static void end_now(struct grpc_link *l)
{
	if (!l->is_client)
		grpc_close(&l->link, 0, "");
}

static void grpc_free(struct link *link)
{
	unref(of(link));
}

static const struct link_kind grpc_kind = { grpc_write, grpc_close, grpc_free };

static struct grpc_link *new_link(const char *address, bool is_local, bool is_client)
{
	struct grpc_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->link.kind = &grpc_kind;
	l->link.is_local = is_local;
	snprintf(l->link.address, sizeof(l->link.address), "%s", address);
	l->is_client = is_client;
	l->refs = 1;
	l->details = grpc_empty_slice();
	l->opened.done = on_opened;
	l->received.done = on_received;
	l->sent.done = on_sent;
	l->ended.done = on_ended;
	grpc_metadata_array_init(&l->initial);
	grpc_metadata_array_init(&l->trailing);
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

static grpc_arg int_arg(const char *key, int value)
{
	grpc_arg arg = { .type = GRPC_ARG_INTEGER, .key = (char *)key };

	arg.value.integer = value;
	return arg;
}

/* One channel for one link: no back-off or connection is shared behind our back. */
static grpc_channel *new_channel(const char *target, bool is_local)
{
	grpc_arg args[] = {
		int_arg("grpc.use_local_subchannel_pool", 1),
		int_arg("grpc.enable_retries", 0),
		int_arg("grpc.enable_http_proxy", 0),
		int_arg("grpc.compression_enabled_algorithms_bitset", 1),
		int_arg("grpc.max_receive_message_length", 1 << 20),
		int_arg("grpc.keepalive_time_ms", 10000),
		int_arg("grpc.keepalive_timeout_ms", 5000),
		int_arg("grpc.http2.max_pings_without_data", 0),
		int_arg("grpc.http2.bdp_probe", is_local ? 0 : 1),
	};
	grpc_channel_args all = { sizeof(args) / sizeof(args[0]), args };
	grpc_channel_credentials *plain = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create(target, plain, &all);

	grpc_channel_credentials_release(plain);
	return channel;
}

struct link *link_grpc_connect(const char *target, const char *address, bool is_local,
			       const struct link_events *events, void *owner)
{
	struct grpc_link *l = new_link(address, is_local, true);
	grpc_op ops[2] = { { .op = GRPC_OP_SEND_INITIAL_METADATA },
			   { .op = GRPC_OP_RECV_INITIAL_METADATA } };
	grpc_op end = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	if (!l)
		return NULL;
	l->link.events = events;
	l->link.owner = owner;
	l->channel = new_channel(target, is_local);
	l->call =
		grpc_channel_create_call(l->channel, NULL, GRPC_PROPAGATE_DEFAULTS, engine_queue(),
					 grpc_slice_from_static_string("/pyrite.Link/Open"), NULL,
					 gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	ops[1].data.recv_initial_metadata.recv_initial_metadata = &l->initial;
	end.data.recv_status_on_client.trailing_metadata = &l->trailing;
	end.data.recv_status_on_client.status = &l->status;
	end.data.recv_status_on_client.status_details = &l->details;
	l->is_reading = true;
	if (!start(l, ops, 2, &l->opened) || !start(l, &end, 1, &l->ended) || !start_read(l)) {
		grpc_call_cancel(l->call, NULL); /* cannot be: a fresh call takes these */
		l->is_reading = false;
	}
	return &l->link;
}

struct link *link_grpc_accept(grpc_call *call, const char *address, bool is_local)
{
	struct grpc_link *l = new_link(address, is_local, false);

	if (l)
		l->call = call;
	return l ? &l->link : NULL;
}

void link_grpc_start(struct link *link, const struct link_events *events, void *owner)
{
	struct grpc_link *l = of(link);
	grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA };
	grpc_op end = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	link->events = events;
	link->owner = owner;
	end.data.recv_close_on_server.cancelled = &l->cancelled;
	l->is_reading = true;
	if (!start(l, &open, 1, &l->opened) || !start(l, &end, 1, &l->ended) || !start_read(l)) {
		grpc_call_cancel(l->call, NULL);
		l->is_reading = false;
	}
}
