/* SPDX-License-Identifier: MIT */
/* The connection is core's channel, which is watched: when it stands, Hello and Bound are answered;
 * when it is lost, the owner hears Goaway, so that later calls go over another link while those
 * that run end by themselves. A link never uses a second connection. */
#include "face/grpc/link_plain.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tsan.h"
#include "engine/core_api.h"
#include "face/grpc/link_plain_open.h"
#include "face/grpc/link_plain_why.h"
#include "link/link_core.h"
#include "link/link_tunnel.h"

enum {
	MAX_CALLS = 16384,     /* at a time, as a daemon's default */
	KEEPALIVE_MS = 310000, /* a gRPC server ends a link with more than a ping in 5 minutes */
	KEEPALIVE_TIMEOUT_MS = 20000,
	WINDOW = 262144 /* core holds as much again */
};

static struct plain_link *of(struct link *link)
{
	return (struct plain_link *)link;
}

#define FROM(event, member)                                                                        \
	((struct plain_link *)((char *)(event)-offsetof(struct plain_link, member)))

void plain_link_ref(struct plain_link *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

void plain_link_unref(struct plain_link *l)
{
	struct plain_session *session;

	if (atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	while ((session = numtab_pop(&l->sessions)))
		free(session);
	numtab_free(&l->sessions);
	numtab_free(&l->calls);
	buf_free(&l->inbox);
	buf_free(&l->out);
	free(l->link.identity);
	pthread_mutex_destroy(&l->lock);
	free(l);
	engine_core_leave();
}

/* ---- to the owner ---- */

void plain_link_tell(struct plain_link *l, struct buf *frames)
{
	size_t at = 0, n, size;

	while (at < frames->n) {
		n = 0;
		while ((size = frame_size(frames->data + at + n, frames->n - at - n)) > 0 &&
		       (n == 0 || n + size <= FRAME_MESSAGE_MAX))
			n += size;
		if (n == 0)
			break;
		l->link.events->message(l->link.owner, (struct span){ frames->data + at, n });
		at += n;
	}
	buf_reset(frames);
}

void plain_link_deliver_soon(struct plain_link *l)
{
	if (l->will_deliver)
		return;
	l->will_deliver = true;
	plain_link_ref(l);
	engine_before_poll(&l->deliver);
}

void plain_link_put(struct plain_link *l, const struct frame *frame)
{
	frame_append(&l->inbox, frame);
	if (l->is_connected)
		plain_link_deliver_soon(l);
}

void plain_link_connected(struct plain_link *l)
{
	l->is_connected = true;
	if (l->inbox.n > 0 || l->inbox.broken)
		plain_link_deliver_soon(l);
}

void plain_link_take_inbox(struct plain_link *l)
{
	struct buf swap = l->out;

	if (l->inbox.broken && !l->is_closing) {
		l->inbox.broken = false;
		l->has_lost = true;
		plain_link_deliver_soon(l);
	}
	if (l->is_closing)
		buf_reset(&l->inbox);
	if (!l->is_connected || l->inbox.n == 0)
		return;
	l->out = l->inbox; /* out was told, and is empty */
	l->inbox = swap;
}

void plain_link_fail(struct plain_link *l, uint32_t number, int code, const char *text)
{
	struct frame frame = { .type = FRAME_ERROR, .number = number, .found_here = 1 };

	frame.code = (uint32_t)code;
	frame.message = span_of(text);
	plain_link_put(l, &frame);
}

static void on_before_poll(struct engine_hook *hook)
{
	struct plain_link *l = FROM(hook, deliver);
	bool has_lost;

	pthread_mutex_lock(&l->lock);
	l->will_deliver = false;
	plain_link_take_inbox(l);
	has_lost = l->has_lost && !l->is_closing;
	pthread_mutex_unlock(&l->lock);
	if (has_lost)
		plain_link_end(l, PYR_RESOURCE_EXHAUSTED, "out of memory for an answer");
	plain_link_tell(l, &l->out);
	plain_link_ended(l);
	plain_link_unref(l);
}

/* ---- the end ---- */

void plain_link_ended(struct plain_link *l)
{
	char text[sizeof(l->close_text)];
	struct link_end end = { .text = text };
	bool is_over;

	pthread_mutex_lock(&l->lock);
	is_over = l->is_closing && l->n_calls == 0 && !l->is_watching;
	end.code = l->close_code ? l->close_code : PYR_UNAVAILABLE;
	end.was_connected = l->is_connected;
	end.is_refusal = l->is_refusal;
	snprintf(text, sizeof(text), "%s", l->close_text[0] ? l->close_text : "connection closed");
	pthread_mutex_unlock(&l->lock);
	if (!is_over || l->is_finished)
		return;
	l->is_finished = true;
	l->link.events->closed(l->link.owner, &end);
}

void plain_link_end(struct plain_link *l, int code, const char *text)
{
	grpc_channel *channel = NULL;
	struct plain_out *out;

	pthread_mutex_lock(&l->lock);
	if (!l->is_closing) {
		l->is_closing = true;
		l->close_code = code;
		snprintf(l->close_text, sizeof(l->close_text), "%s", text);
		channel = l->channel;
		l->channel = NULL;
	}
	while ((out = numtab_pop(&l->calls)))
		plain_out_cancel(out);
	plain_link_deliver_soon(l);
	pthread_mutex_unlock(&l->lock);
	if (channel)
		grpc_channel_destroy(channel); /* which ends the watch */
}

bool plain_link_stands(const struct plain_link *l)
{
	if (l->is_tunneled)
		return l->is_watching && l->is_connected;
	return grpc_channel_check_connectivity_state(l->channel, 0) == GRPC_CHANNEL_READY;
}

void plain_link_unconnected(struct plain_link *l, const char *text)
{
	plain_link_end(l, PYR_UNAVAILABLE, link_reason(text));
}

static void close_link(struct link *link, int code, const char *text)
{
	plain_link_end(of(link), code, text);
}

static void free_link(struct link *link)
{
	plain_link_unref(of(link));
}

/* ---- the connection ---- */

/* With the lock. */
static void watch(struct plain_link *l)
{
	l->is_watching = true;
	plain_link_ref(l);
	TSAN_RELEASE(&l->watched);
	grpc_channel_watch_connectivity_state(l->channel, l->state,
					      gpr_inf_future(GPR_CLOCK_MONOTONIC), engine_queue(),
					      &l->watched);
}

static void say_hello(struct plain_link *l)
{
	struct frame frame = { .type = FRAME_HELLO,
			       .min_version = FRAME_VERSION_MIN,
			       .max_version = FRAME_VERSION_MAX,
			       .max_calls = MAX_CALLS,
			       .window = WINDOW };

	plain_link_put(l, &frame);
}

/* The connection is gone, or taken from us. Those that have a call in it may still be answered. */
static void say_goaway(struct plain_link *l)
{
	struct frame frame = { .type = FRAME_GOAWAY, .takes_none = true };

	l->is_leaving = true;
	plain_link_put(l, &frame);
}

/* The channel has failed to connect, and tells why. If it connects after all, the watch knows. */
static void on_told(void *data, const char *text)
{
	struct plain_link *l = data;
	bool has_failed;

	pthread_mutex_lock(&l->lock);
	l->n_calls--;
	has_failed = l->channel && !l->is_connected &&
		     grpc_channel_check_connectivity_state(l->channel, 0) ==
			     GRPC_CHANNEL_TRANSIENT_FAILURE;
	pthread_mutex_unlock(&l->lock);
	if (has_failed)
		plain_link_unconnected(l, text);
	plain_link_ended(l);
	plain_link_unref(l);
}

/* Without memory for it, the owner's time to connect passes. With the lock. */
static void ask_why(struct plain_link *l)
{
	if (!why_ask(l->channel, on_told, l))
		return;
	l->n_calls++;
	plain_link_ref(l);
}

/* A channel that is idle again had a connection, if it has not failed. With the lock. */
static void look(struct plain_link *l)
{
	bool has_failed = l->state == GRPC_CHANNEL_TRANSIENT_FAILURE;

	l->state = grpc_channel_check_connectivity_state(l->channel, 0);
	if (!l->is_connected &&
	    (l->state == GRPC_CHANNEL_READY || (l->state == GRPC_CHANNEL_IDLE && !has_failed)))
		plain_link_connected(l);
	if (l->is_connected && l->state != GRPC_CHANNEL_READY) {
		say_goaway(l);
		return;
	}
	if (!l->is_connected && l->state == GRPC_CHANNEL_TRANSIENT_FAILURE && l->n_calls == 0)
		ask_why(l); /* else a call knows */
	watch(l);
}

static void on_watched(struct engine_event *event, bool ok)
{
	struct plain_link *l = FROM(event, watched);

	(void)ok;
	pthread_mutex_lock(&l->lock);
	l->is_watching = false;
	if (!l->is_closing)
		look(l);
	pthread_mutex_unlock(&l->lock);
	plain_link_ended(l);
	plain_link_unref(l);
}

/* ---- the connection through a tunnel; in the leader ---- */

static void on_tunnel(void *owner, const char *identity)
{
	struct plain_link *l = owner;

	pthread_mutex_lock(&l->lock);
	l->link.identity = identity ? strdup(identity) : NULL;
	if (!l->is_closing)
		plain_link_connected(l);
	pthread_mutex_unlock(&l->lock);
}

static void on_tunnel_ended(void *owner, const struct link_end *end)
{
	struct plain_link *l = owner;
	bool was_connected;

	pthread_mutex_lock(&l->lock);
	l->is_watching = false;
	was_connected = l->is_connected;
	if (!was_connected && !l->is_closing)
		l->is_refusal = end->is_refusal;
	if (was_connected && !l->is_closing)
		say_goaway(l);
	pthread_mutex_unlock(&l->lock);
	if (!was_connected)
		plain_link_end(l, end->code ? end->code : PYR_UNAVAILABLE, end->text);
	plain_link_ended(l);
	plain_link_unref(l);
}

static const struct tunnel_events tunnel_events = { on_tunnel, on_tunnel_ended };

/* Its frames in one piece; NULL: memory is out. *own: to be freed. */
static const uint8_t *in_one_piece(const struct link_message *message, uint8_t **own)
{
	*own = NULL;
	if (message->n_parts == 1)
		return message->parts[0].p;
	*own = malloc(message->n);
	if (*own)
		link_message_copy(message, *own);
	return *own;
}

static enum link_write write_link(struct link *link, const struct link_message *message)
{
	uint8_t *own;
	const uint8_t *p = in_one_piece(message, &own), *end = p ? p + message->n : NULL;
	struct plain_link *l = of(link);
	struct frame frame;
	bool is_over;

	pthread_mutex_lock(&l->lock);
	while (!l->is_closing && p && frame_read(&p, end, &frame) > 0)
		plain_link_take(l, &frame);
	is_over = l->is_closing;
	pthread_mutex_unlock(&l->lock);
	free(own);
	if (!end && !is_over)
		close_link(link, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return is_over || !end ? LINK_OVER : LINK_WRITTEN;
}

/* ---- beginnings ---- */

static const struct link_kind plain_kind = { .write = write_link,
					     .close = close_link,
					     .free = free_link };

static grpc_channel *new_channel(const struct link_target *target, int fd)
{
	uint32_t max = target->max_message;
	grpc_arg args[] = {
		core_int_arg("grpc.use_local_subchannel_pool", 1),
		core_int_arg("grpc.enable_retries", 0),
		core_int_arg("grpc.enable_http_proxy", 0),
		core_int_arg("grpc.service_config_disable_resolution", 1),
		core_int_arg("grpc.compression_enabled_algorithms_bitset", 1),
		core_int_arg("grpc.per_message_decompression", 0),
		core_int_arg("grpc.max_receive_message_length", max < INT_MAX ? (int)max : -1),
		core_int_arg("grpc.keepalive_time_ms", KEEPALIVE_MS),
		core_int_arg("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
		core_int_arg("grpc.http2.bdp_probe", target->is_local ? 0 : 1),
		{ .key = NULL }, /* LINK_CORE_ARGS */
		{ .key = NULL },
	};

	return link_core_channel(target, fd, args, sizeof(args) / sizeof(args[0]) - LINK_CORE_ARGS);
}

/* Core's own connection, whose state core tells. */
static void connect_by_core(struct plain_link *l, const struct link_target *target)
{
	l->channel = new_channel(target, -1);
	pthread_mutex_lock(&l->lock);
	say_hello(l);
	l->state = grpc_channel_check_connectivity_state(l->channel, 1);
	watch(l);
	pthread_mutex_unlock(&l->lock);
}

/* One of ours. Returns false when memory or descriptors are out. The lock: events may come. */
static bool connect_by_tunnel(struct plain_link *l, const struct link_target *target)
{
	int fd;

	pthread_mutex_lock(&l->lock);
	l->is_tunneled = true;
	plain_link_ref(l);
	fd = link_tunnel(target, &tunnel_events, l);
	if (fd >= 0) {
		l->is_watching = true;
		l->channel = new_channel(target, fd);
		say_hello(l);
	}
	pthread_mutex_unlock(&l->lock);
	if (fd < 0)
		plain_link_unref(l);
	return fd >= 0;
}

struct link *link_plain_connect(const struct link_target *target, const struct link_events *events,
				void *owner)
{
	struct plain_link *l = calloc(1, sizeof(*l));

	if (!l || !engine_core_enter()) {
		free(l);
		return NULL;
	}
	l->link = (struct link){ .kind = &plain_kind, .events = events, .owner = owner };
	l->link.is_local = target->is_local;
	l->link.is_plain = true;
	l->link.lane = "plain gRPC";
	snprintf(l->link.address, sizeof(l->link.address), "%s", target->address);
	l->refs = 1;
	l->max_message = target->max_message;
	l->watched.done = on_watched;
	l->deliver.run = on_before_poll;
	pthread_mutex_init(&l->lock, NULL);
	if (!link_tunnel_is_needed(target)) {
		connect_by_core(l, target);
	} else if (!connect_by_tunnel(l, target)) {
		plain_link_unref(l);
		return NULL;
	}
	return &l->link;
}
