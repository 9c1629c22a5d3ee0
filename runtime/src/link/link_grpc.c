/* SPDX-License-Identifier: MIT */
/*
 * A link over one bidirectional gRPC stream, /pyrite.Link/Open. Both ends run the same code but for
 * how the call comes to be and which operation tells its end. Each batch in flight holds a
 * reference; the owner holds one more.
 *
 * After a message was received, the next receive is put off until the leader polls again. By then
 * the answer has usually been sent, and core has sent the WINDOW_UPDATE along with it for which it
 * else makes a write of its own: that would double the cost of a serial call.
 */
#include "link/link.h"

#include <pyrite/pyrite.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/block.h"
#include "base/config.h"
#include "base/tsan.h"
#include "engine/core_api.h"
#include "engine/engine.h"
#include "link/link_core.h"
#include "link/link_shake.h"
#include "link/link_tunnel.h"
#include "wire/frame.h"

enum { BLOCK_WORTH = 32768 }; /* bytes of a message that is put into a block */

struct grpc_link {
	struct link link;
	grpc_call *call;       /* lock: NULL when it is over */
	grpc_channel *channel; /* client */
	atomic_int refs;
	struct engine_event opened, received, sent, ended, closed;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *incoming, *outgoing;
	grpc_status_code status;
	grpc_slice details;
	int cancelled;
	struct engine_hook put_off; /* starts the next receive */
	bool is_opening;            /* leader: `opened` is to come */
	bool is_tunneled;           /* what core connects to is ours */
	bool was_connected;         /* leader: the server may have got something */
	bool is_reading;            /* leader: a receive is in flight */
	bool has_ended;             /* leader: `ended` came */
	bool is_finished;           /* leader: closed() was called */
	struct link_failure why;    /* leader: of a client's tunnel; code 0: nothing is known */
	pthread_mutex_t lock;       /* after the owner's; before core's and the engine's */
	bool is_client;
	bool is_closing;      /* lock: no new writes */
	bool is_writing;      /* lock: a send is in flight */
	bool close_after;     /* lock: end the stream once that is written */
	int close_code;       /* lock: told instead of the network's when this end closed */
	char close_text[256]; /* lock */
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
	release_call(l);
	grpc_metadata_array_destroy(&l->initial);
	grpc_metadata_array_destroy(&l->trailing);
	grpc_slice_unref(l->details);
	engine_core_leave();
	free(l->link.identity);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Starts a batch whose completion is `event`. */
/* The batch has the caller's reference from now on, if it is started. */
static bool hand_over(struct grpc_link *l, const grpc_op *ops, size_t n, struct engine_event *event)
{
	TSAN_RELEASE(event);
	return l->call && grpc_call_start_batch(l->call, ops, n, event, NULL) == GRPC_CALL_OK;
}

static bool start(struct grpc_link *l, const grpc_op *ops, size_t n, struct engine_event *event)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	if (hand_over(l, ops, n, event))
		return true;
	unref(l);
	return false;
}

/* The read has the caller's reference from now on, if it is started. */
static bool start_read(struct grpc_link *l)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &l->incoming;
	return hand_over(l, &op, 1, &l->received);
}

/* Why it ended: what this end closed it with, else what the other said, or core. */
static void describe_end(const struct grpc_link *l, struct link_end *end, char *text, size_t n)
{
	if (end->code == 0 && l->why.end.code != 0) {
		*end = l->why.end;
		return;
	}
	if (end->code == 0 && l->is_client) {
		end->code = (int)l->status;
		snprintf(text, n, "%.*s", (int)GRPC_SLICE_LENGTH(l->details),
			 (const char *)GRPC_SLICE_START_PTR(l->details));
		if (!end->was_connected)
			end->text = link_reason(text);
		end->is_other = end->code == PYR_UNIMPLEMENTED;
	}
	if (end->is_other) {
		end->code = PYR_FAILED_PRECONDITION;
		snprintf(text, n, "%s speaks plain gRPC only", l->link.address);
	}
	if (end->code == 0)
		end->code = PYR_UNAVAILABLE;
	if (text[0] == '\0')
		end->text = "connection closed";
}

/* Tells the owner, once the end is known and nothing is being read or written any more. */
static void finish(struct grpc_link *l)
{
	char text[512];
	struct link_end end = { .was_connected = l->was_connected, .text = text };
	bool is_writing;

	if (l->is_finished || !l->has_ended || l->is_reading || l->is_opening)
		return;
	pthread_mutex_lock(&l->lock);
	is_writing = l->is_writing;
	l->is_closing = true;
	end.code = l->close_code;
	snprintf(text, sizeof(text), "%s", l->close_text);
	pthread_mutex_unlock(&l->lock);
	if (is_writing)
		return;
	l->is_finished = true;
	l->link.is_orderly = !l->is_client && end.code == 0 && !l->cancelled;
	describe_end(l, &end, text, sizeof(text));
	l->link.events->closed(l->link.owner, &end);
	release_call(l);
}

/* The orderly end of this side's half, with nothing being written. With the lock. */
static void send_end(struct grpc_link *l)
{
	grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };

	if (!l->is_client) {
		op.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
		op.data.send_status_from_server.status = GRPC_STATUS_OK;
	}
	if (l->call && !start(l, &op, 1, &l->closed))
		grpc_call_cancel(l->call, NULL);
}

static void close_link(struct link *link, int code, const char *text)
{
	struct grpc_link *l = of(link);

	pthread_mutex_lock(&l->lock);
	if (!l->is_closing) {
		l->is_closing = true;
		l->close_code = code;
		snprintf(l->close_text, sizeof(l->close_text), "%s", text);
		if (code == 0 && l->is_writing)
			l->close_after = true;
		else if (code == 0)
			send_end(l);
	}
	if (code != 0 && l->call)
		grpc_call_cancel(l->call, NULL);
	pthread_mutex_unlock(&l->lock);
}

/* ---- batches that are through; in the leader ---- */

static void release_block(void *block)
{
	block_unref(block);
}

/* A slice in a block, to be written. Returns an empty one when memory is out. */
static grpc_slice new_slice(size_t n)
{
	struct block *block = n >= BLOCK_WORTH ? block_new(n) : NULL;

	if (n < BLOCK_WORTH)
		return grpc_slice_malloc(n);
	if (!block)
		return grpc_empty_slice();
	return grpc_slice_new_with_user_data(block->data, n, release_block, block);
}

/* What came in pieces, in one. */
static grpc_slice join(grpc_byte_buffer *message)
{
	const grpc_slice_buffer *parts = &message->data.raw.slice_buffer;
	grpc_byte_buffer_reader reader;
	grpc_slice ret = grpc_empty_slice();
	uint8_t *at;
	size_t i;

	if (message->data.raw.compression != GRPC_COMPRESS_NONE) {
		if (grpc_byte_buffer_reader_init(&reader, message)) {
			ret = grpc_byte_buffer_reader_readall(&reader);
			grpc_byte_buffer_reader_destroy(&reader);
		}
		return ret;
	}
	ret = new_slice(parts->length);
	at = GRPC_SLICE_START_PTR(ret);
	for (i = 0; GRPC_SLICE_LENGTH(ret) > 0 && i < parts->count; i++) {
		memcpy(at, GRPC_SLICE_START_PTR(parts->slices[i]),
		       GRPC_SLICE_LENGTH(parts->slices[i]));
		at += GRPC_SLICE_LENGTH(parts->slices[i]);
	}
	return ret;
}

static void deliver(struct grpc_link *l, grpc_byte_buffer *message)
{
	const grpc_slice_buffer *parts = &message->data.raw.slice_buffer;
	bool is_too_long = parts->length > FRAME_MESSAGE_MAX; /* only the length is of use */
	grpc_slice slice =
		parts->count == 1 || is_too_long ? grpc_slice_ref(parts->slices[0]) : join(message);
	size_t n = is_too_long ? parts->length : GRPC_SLICE_LENGTH(slice);

	if (n > 0)
		l->link.events->message(l->link.owner,
					(struct span){ GRPC_SLICE_START_PTR(slice), n });
	else if (parts->length > 0)
		close_link(&l->link, PYR_RESOURCE_EXHAUSTED, "out of memory");
	grpc_slice_unref(slice);
}

static void on_before_poll(struct engine_hook *hook)
{
	struct grpc_link *l = FROM(hook, put_off);

	l->is_reading = start_read(l);
	if (l->is_reading)
		return;
	finish(l);
	unref(l);
}

static void on_received(struct engine_event *event, bool ok)
{
	struct grpc_link *l = FROM(event, received);
	grpc_byte_buffer *message = l->incoming;
	bool goes_on = ok && message;

	l->incoming = NULL;
	l->is_reading = false;
	if (goes_on) {
		deliver(l, message);
		engine_before_poll(&l->put_off); /* with the reference, for the next read */
	} else if (!l->is_client) { /* the other end sends no more: a link is not half of one */
		close_link(&l->link, 0, "");
	}
	if (message)
		grpc_byte_buffer_destroy(message);
	finish(l);
	if (!goes_on)
		unref(l);
}

static void on_sent(struct engine_event *event, bool ok)
{
	struct grpc_link *l = FROM(event, sent);
	bool close_after;

	grpc_byte_buffer_destroy(l->outgoing);
	pthread_mutex_lock(&l->lock);
	l->is_writing = false;
	close_after = l->close_after;
	l->close_after = false;
	if (close_after)
		send_end(l);
	pthread_mutex_unlock(&l->lock);
	if (ok && !close_after)
		l->link.events->written(l->link.owner);
	finish(l); /* closed() is the last that the owner hears */
	unref(l);
}

static void on_ended(struct engine_event *event, bool ok)
{
	struct grpc_link *l = FROM(event, ended);

	(void)ok;
	l->has_ended = true;
	finish(l);
	unref(l);
}

/* Core has put the beginning on a connection, or found that there is none to be had. */
static void on_opened(struct engine_event *event, bool ok)
{
	struct grpc_link *l = FROM(event, opened);

	l->is_opening = false;
	if (!l->is_tunneled)
		l->was_connected = ok || !l->is_client;
	finish(l);
	unref(l);
}

static void on_closed(struct engine_event *event, bool ok)
{
	(void)ok;
	unref(FROM(event, closed));
}

/* ---- what goes out ---- */

static enum link_write write_link(struct link *link, const struct link_message *message)
{
	struct grpc_link *l = of(link);
	grpc_slice slice = new_slice(message->n);
	grpc_op op = { .op = GRPC_OP_SEND_MESSAGE };
	grpc_byte_buffer *buffer;
	bool started = false;

	if (GRPC_SLICE_LENGTH(slice) == 0) {
		close_link(link, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return LINK_OVER;
	}
	link_message_copy(message, GRPC_SLICE_START_PTR(slice));
	buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	op.data.send_message.send_message = buffer;
	pthread_mutex_lock(&l->lock);
	if (!l->is_closing) {
		l->is_writing = true;
		l->outgoing = buffer;
		started = start(l, &op, 1, &l->sent);
		l->is_writing = started;
	}
	pthread_mutex_unlock(&l->lock);
	if (!started)
		grpc_byte_buffer_destroy(buffer);
	return started ? LINK_WRITING : LINK_OVER;
}

static void free_link(struct link *link)
{
	unref(of(link));
}

/* ---- beginnings ---- */

static void start_link(struct link *link);
static const struct link_kind grpc_kind = {
	.write = write_link, .close = close_link, .free = free_link, .start = start_link
};

static struct grpc_link *new_link(const char *address, bool is_local, bool is_client)
{
	struct grpc_link *l = calloc(1, sizeof(*l));

	if (!l || !engine_core_enter()) {
		free(l);
		return NULL;
	}
	l->link.kind = &grpc_kind;
	l->link.lane = "gRPC";
	l->link.is_local = is_local;
	snprintf(l->link.address, sizeof(l->link.address), "%s", address);
	l->is_client = is_client;
	l->refs = 1;
	l->details = grpc_empty_slice();
	l->opened.done = on_opened;
	l->received.done = on_received;
	l->sent.done = on_sent;
	l->ended.done = on_ended;
	l->closed.done = on_closed;
	l->put_off.run = on_before_poll;
	grpc_metadata_array_init(&l->initial);
	grpc_metadata_array_init(&l->trailing);
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

/* ---- a client's tunnel; in the leader ---- */

static void on_tunnel(void *owner, const char *identity)
{
	struct grpc_link *l = owner;

	l->was_connected = true;
	l->link.identity = identity ? strdup(identity) : NULL;
}

static void on_tunnel_ended(void *owner, const struct link_end *end)
{
	struct grpc_link *l = owner;

	l->why.end = *end;
	l->why.end.text = l->why.text;
	snprintf(l->why.text, sizeof(l->why.text), "%s", end->text);
	unref(l);
}

static const struct tunnel_events tunnel_events = { on_tunnel, on_tunnel_ended };

/* Stores what core is to use: -1, it connects by itself. Returns false when memory or descriptors
 * are out. */
static bool begin_tunnel(struct grpc_link *l, const struct link_target *target, int *ret)
{
	*ret = target->uri ? -1 : target->fd;
	if (!link_tunnel_is_needed(target))
		return true;
	l->is_tunneled = true;
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	*ret = link_tunnel(target, &tunnel_events, l);
	if (*ret < 0)
		unref(l);
	return *ret >= 0;
}

/* ---- beginnings ---- */

/* One channel for one link: no back-off or connection is shared behind our back. */
static grpc_channel *new_channel(const struct link_target *target, int fd)
{
	int keepalive = (int)config_number(CONFIG_KEEPALIVE_MS);
	grpc_arg args[] = {
		core_int_arg("grpc.use_local_subchannel_pool", 1),
		core_int_arg("grpc.enable_retries", 0),
		core_int_arg("grpc.enable_http_proxy", 0),
		core_int_arg("grpc.compression_enabled_algorithms_bitset", 1),
		core_int_arg("grpc.per_message_decompression", 0),
		core_int_arg("grpc.max_receive_message_length", 1 << 20),
		core_int_arg("grpc.keepalive_time_ms", keepalive),
		core_int_arg("grpc.keepalive_timeout_ms", keepalive / 2),
		core_int_arg("grpc.http2.max_pings_without_data", 0),
		core_int_arg("grpc.http2.bdp_probe", target->is_local ? 0 : 1),
		core_int_arg("grpc.http2.lookahead_bytes", 2 * FRAME_MESSAGE_MAX),
		core_int_arg("grpc.http2.max_frame_size", FRAME_MESSAGE_MAX),
		{ .key = NULL }, /* LINK_CORE_ARGS */
		{ .key = NULL },
	};

	return link_core_channel(target, fd, args, sizeof(args) / sizeof(args[0]) - LINK_CORE_ARGS);
}

/*
 * A fresh call takes its first batches; if core does not, it is over before it began. A client is
 * not the leader here, who may see the end before this returns: what that reads is set before.
 */
static void begin(struct grpc_link *l, const grpc_op *end, size_t n_end)
{
	grpc_op open = { .op = GRPC_OP_SEND_INITIAL_METADATA };

	l->is_reading = l->is_opening = true;
	if (!start(l, end, n_end, &l->ended) || !start(l, &open, 1, &l->opened)) {
		l->is_opening = false;
		grpc_call_cancel(l->call, NULL);
	}
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	if (!start_read(l)) {
		l->is_reading = false;
		unref(l);
	}
}

struct link *link_grpc_connect(const struct link_target *target, const struct link_events *events,
			       void *owner)
{
	struct grpc_link *l = new_link(target->address, target->is_local, true);
	grpc_op end[2] = { { .op = GRPC_OP_RECV_INITIAL_METADATA },
			   { .op = GRPC_OP_RECV_STATUS_ON_CLIENT } };
	int fd;

	if (!l) {
		if (!target->uri)
			close(target->fd);
		return NULL;
	}
	if (!begin_tunnel(l, target, &fd)) {
		unref(l);
		return NULL;
	}
	l->link.events = events;
	l->link.owner = owner;
	l->link.is_unbound = target->tls;
	l->channel = new_channel(target, fd);
	l->call =
		grpc_channel_create_call(l->channel, NULL, GRPC_PROPAGATE_DEFAULTS, engine_queue(),
					 grpc_slice_from_static_string("/pyrite.Link/Open"), NULL,
					 gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	end[0].data.recv_initial_metadata.recv_initial_metadata = &l->initial;
	end[1].data.recv_status_on_client.trailing_metadata = &l->trailing;
	end[1].data.recv_status_on_client.status = &l->status;
	end[1].data.recv_status_on_client.status_details = &l->details;
	begin(l, end, 2);
	return &l->link;
}

struct link *link_grpc_accept(grpc_call *call, const char *address, bool is_local)
{
	struct grpc_link *l = new_link(address, is_local, false);

	if (l)
		l->call = call;
	return l ? &l->link : NULL;
}

static void start_link(struct link *link)
{
	struct grpc_link *l = of(link);
	grpc_op end = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	end.data.recv_close_on_server.cancelled = &l->cancelled;
	begin(l, &end, 1);
}
