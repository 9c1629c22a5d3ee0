/* SPDX-License-Identifier: MIT */
/*
 * A link over gRPC streams, /pyrite.Link/Open and Side. Both ends run the same code but for how a
 * call comes to be and which operation tells its end.
 *
 * Why two streams. Core pays a write of its own (a WINDOW_UPDATE) for each receive that is started
 * apart from a send, which doubles the cost of a serial call. A batch of both saves it, but core
 * then takes no other send on that stream until something was received. So each link may have a
 * second, side stream for what has to be sent meanwhile; only a link that has one joins sends with
 * receives, and only when its peer expects an answer next. After a message was received on the main
 * stream its next receive is put off until the answer is written, or the leader polls again.
 *
 * Order over both streams: a message on the side says how many went before it on the main stream,
 * and the other way round (Message.after); a receiver holds one back until those have come.
 */
#include "link_grpc.h"

#include <pyrite/pyrite.h>

#include <grpc/grpc_security.h>

#include <openssl/rand.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

static struct grpc_link *of(struct link *link)
{
	return (struct grpc_link *)link;
}

/* Links of this process that were accepted and may get a side stream. Leader only. */
static struct grpc_link *accepted;

static void forget_accepted(struct grpc_link *l)
{
	struct grpc_link **at;

	for (at = &accepted; *at && *at != l; at = &(*at)->next)
		;
	if (*at)
		*at = l->next;
}

void link_ref(struct grpc_link *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

/* Lets core close the connection, also while the link itself is still held. */
static void release_calls(struct grpc_link *l)
{
	grpc_call *calls[2];
	int i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < 2; i++) {
		calls[i] = l->streams[i].call;
		l->streams[i].call = NULL;
	}
	pthread_mutex_unlock(&l->lock);
	for (i = 0; i < 2; i++)
		if (calls[i])
			grpc_call_unref(calls[i]);
	if (calls[0] && l->channel)
		grpc_channel_destroy(l->channel);
}

void link_unref(struct grpc_link *l)
{
	if (atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	release_calls(l);
	stream_fini(&l->streams[0]);
	stream_fini(&l->streams[1]);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool is_over(struct grpc_link *l, struct stream *s)
{
	bool is_joined;

	pthread_mutex_lock(&l->lock);
	is_joined = s->is_joined;
	pthread_mutex_unlock(&l->lock);
	return !s->is_open || (s->has_ended && !s->is_reading && !is_joined);
}

/* Tells the owner, once the end is known and nothing is being read any more. */
static void finish(struct grpc_link *l)
{
	struct stream *main = &l->streams[MAIN], *side = &l->streams[SIDE];
	char text[256];
	int code;

	if (l->is_finished || !is_over(l, main) || !is_over(l, side))
		return;
	l->is_finished = true;
	forget_accepted(l);
	pthread_mutex_lock(&l->lock);
	l->is_closing = true;
	code = l->close_code;
	snprintf(text, sizeof(text), "%s", l->close_text);
	pthread_mutex_unlock(&l->lock);
	if (code == 0 && l->is_client) {
		code = (int)main->status;
		snprintf(text, sizeof(text), "%.*s", (int)GRPC_SLICE_LENGTH(main->details),
			 (const char *)GRPC_SLICE_START_PTR(main->details));
	}
	if (code == 0)
		code = PYR_UNAVAILABLE;
	if (text[0] == '\0')
		snprintf(text, sizeof(text), "connection closed");
	l->link.events->closed(l->link.owner, code, text);
	release_calls(l);
}

static void cancel_calls(struct grpc_link *l)
{
	int i;

	for (i = 0; i < 2; i++)
		if (l->streams[i].call)
			grpc_call_cancel(l->streams[i].call, NULL);
}

static void close_link(struct link *link, int code, const char *text)
{
	struct grpc_link *l = of(link);

	pthread_mutex_lock(&l->lock);
	if (!l->is_closing) {
		l->is_closing = true;
		l->close_code = code;
		snprintf(l->close_text, sizeof(l->close_text), "%s", text);
		if (code == 0 && (l->streams[MAIN].is_writing || l->streams[SIDE].is_writing))
			l->close_after = true;
		else if (code == 0)
			streams_send_end(l);
	}
	if (code != 0)
		cancel_calls(l);
	pthread_mutex_unlock(&l->lock);
}

/* ---- what comes in; in the leader ---- */

/* How many messages of the other stream are to go before this one. */
static uint32_t after_of(struct span message)
{
	uint32_t after = 0;

	frame_message_after(message, &after);
	return after;
}

static void read_on(struct stream *s)
{
	struct grpc_link *l = s->link;

	if (s == &l->streams[MAIN] && l->streams[SIDE].is_open && l->may_join) {
		pthread_mutex_lock(&l->lock);
		s->is_put_off = true;
		pthread_mutex_unlock(&l->lock);
		link_ref(l);
		engine_before_poll(&l->put_off);
		return;
	}
	s->is_reading = stream_read(s);
}

/* Hands a message to the owner unless it came too early. Returns whether it did. */
static bool deliver(struct stream *s, grpc_byte_buffer *message)
{
	struct grpc_link *l = s->link;
	struct stream *other = &l->streams[s == &l->streams[MAIN] ? SIDE : MAIN];
	grpc_slice slice;
	struct span span;
	bool is_due;

	slice = stream_slice(message);
	span = (struct span){ GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice) };
	is_due = !l->has_side || (int32_t)(other->n_received - after_of(span)) >= 0;
	if (is_due) {
		s->n_received++;
		l->link.events->message(l->link.owner, span);
	}
	grpc_slice_unref(slice);
	return is_due;
}

/* Delivers what is due of both streams, in order. */
static void take(struct stream *s, grpc_byte_buffer *message)
{
	struct grpc_link *l = s->link;

	s->held = message;
	while (s->held && deliver(s, s->held)) {
		grpc_byte_buffer_destroy(s->held);
		s->held = NULL;
		read_on(s);
		s = &l->streams[s == &l->streams[MAIN] ? SIDE : MAIN];
	}
}

void link_received(struct stream *s, grpc_byte_buffer *message)
{
	struct grpc_link *l = s->link;

	if (message)
		take(s, message);
	else if (!l->is_client) /* the other end sends no more: a link is not half of one */
		close_link(&l->link, 0, "");
	finish(l);
}

static void on_before_poll(struct engine_hook *hook)
{
	struct grpc_link *l =
		(struct grpc_link *)((char *)hook - offsetof(struct grpc_link, put_off));
	struct stream *s = &l->streams[MAIN];
	bool was_put_off;

	pthread_mutex_lock(&l->lock);
	was_put_off = s->is_put_off;
	s->is_put_off = false;
	pthread_mutex_unlock(&l->lock);
	if (was_put_off)
		s->is_reading = stream_read(s);
	if (was_put_off && !s->is_reading)
		finish(l);
	link_unref(l);
}

/* One stream without the other is no link; but a side that the other end refused never was one. */
void link_ended(struct stream *s)
{
	struct grpc_link *l = s->link;

	s->has_ended = true;
	if (s == &l->streams[MAIN] || atomic_load(&l->may_join)) {
		pthread_mutex_lock(&l->lock);
		cancel_calls(l);
		pthread_mutex_unlock(&l->lock);
	}
	finish(l);
}

/* The server knows the link by now, so that it finds what the side belongs to. */
void link_opened(struct grpc_link *l)
{
	bool is_closing;

	pthread_mutex_lock(&l->lock);
	is_closing = l->is_closing;
	pthread_mutex_unlock(&l->lock);
	if (is_closing || l->is_finished || l->has_side)
		return;
	l->has_side = true;
	stream_open(&l->streams[SIDE], "/pyrite.Link/Side");
}

void link_sent(struct stream *s, bool ok)
{
	struct grpc_link *l = s->link;
	bool close_after;

	pthread_mutex_lock(&l->lock);
	s->is_writing = false;
	close_after =
		l->close_after && !l->streams[MAIN].is_writing && !l->streams[SIDE].is_writing;
	if (close_after) {
		l->close_after = false;
		streams_send_end(l);
	}
	pthread_mutex_unlock(&l->lock);
	if (ok && !close_after)
		l->link.events->written(l->link.owner);
}

/* ---- what goes out ---- */

static grpc_byte_buffer *make_message(struct span bytes, uint32_t after)
{
	uint8_t head[8];
	size_t n = after ? frame_put_after(head, after) : 0;
	grpc_slice slice = grpc_slice_malloc(n + bytes.n);
	grpc_byte_buffer *message;

	memcpy(GRPC_SLICE_START_PTR(slice), head, n);
	if (bytes.n > 0)
		memcpy(GRPC_SLICE_START_PTR(slice) + n, bytes.p, bytes.n);
	message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return message;
}

/* Chooses the stream, and whether to join. With the lock. */
static enum link_state start_write(struct grpc_link *l, struct span bytes, bool is_answer)
{
	struct stream *main = &l->streams[MAIN], *side = &l->streams[SIDE];
	struct stream *s = main->is_joined ? side : main;
	bool join = s == main && is_answer && l->may_join && main->is_put_off;
	grpc_byte_buffer *message;

	if (l->is_closing || !s->call)
		return LINK_DEAD;
	message = make_message(bytes, s == main ? side->n_sent : main->n_sent);
	if (!stream_write(s, message, join)) {
		grpc_byte_buffer_destroy(message);
		return LINK_DEAD;
	}
	s->n_sent++;
	if (join) {
		main->is_put_off = false;
		return LINK_READY;
	}
	s->is_writing = true;
	return LINK_BUSY;
}

static enum link_state write_link(struct link *link, struct span message, bool is_answer)
{
	struct grpc_link *l = of(link);
	enum link_state state;

	pthread_mutex_lock(&l->lock);
	state = start_write(l, message, is_answer);
	pthread_mutex_unlock(&l->lock);
	return state;
}

static void free_link(struct link *link)
{
	link_unref(of(link));
}

/* ---- beginnings ---- */

static const struct link_kind grpc_kind = { write_link, close_link, free_link };

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
	l->put_off.run = on_before_poll;
	stream_init(&l->streams[MAIN], l);
	stream_init(&l->streams[SIDE], l);
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

static void make_id(char id[33])
{
	uint8_t bits[16];
	size_t i;

	RAND_bytes(bits, sizeof(bits));
	for (i = 0; i < sizeof(bits); i++)
		snprintf(id + 2 * i, 3, "%02x", bits[i]);
}

struct link *link_grpc_connect(const char *target, const char *address, bool is_local,
			       const struct link_events *events, void *owner)
{
	struct grpc_link *l = new_link(address, is_local, true);

	if (!l)
		return NULL;
	l->link.events = events;
	l->link.owner = owner;
	make_id(l->id);
	l->channel = new_channel(target, is_local);
	stream_open(&l->streams[MAIN], "/pyrite.Link/Open");
	return &l->link;
}

struct link *link_grpc_accept(grpc_call *call, struct span id, const char *address, bool is_local)
{
	struct grpc_link *l = new_link(address, is_local, false);

	if (!l)
		return NULL;
	l->streams[MAIN].call = call;
	if (id.n == sizeof(l->id) - 1) {
		memcpy(l->id, id.p, id.n);
		l->next = accepted;
		accepted = l;
	}
	return &l->link;
}

void link_grpc_start(struct link *link, const struct link_events *events, void *owner)
{
	link->events = events;
	link->owner = owner;
	stream_accept(&of(link)->streams[MAIN]);
}

void link_grpc_attach(grpc_call *call, struct span id)
{
	struct grpc_link *l = accepted;

	while (l && !(span_is(id, l->id) && !l->has_side))
		l = l->next;
	if (!l) { /* the other end then does without */
		grpc_call_cancel_with_status(call, GRPC_STATUS_NOT_FOUND, "no such link", NULL);
		grpc_call_unref(call);
		return;
	}
	l->has_side = true;
	pthread_mutex_lock(&l->lock);
	l->streams[SIDE].call = call;
	pthread_mutex_unlock(&l->lock);
	stream_accept(&l->streams[SIDE]);
	l->may_join = true;
}
