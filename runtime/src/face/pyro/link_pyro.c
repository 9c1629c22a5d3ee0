/* SPDX-License-Identifier: MIT */
/*
 * A link to a daemon of Python's Pyro, which speaks Pyro's protocol alone: frames that are written
 * to it become Pyro's messages, and answers come back as frames. The connection is made to the
 * daemon's own object; a Bind asks that for the metadata of the object that is wanted. A daemon
 * answers one request after the other, in order, so answers need only be counted.
 *
 * Pyro4's protocol is tried first; a Pyro5 daemon says in its refusal what it speaks.
 *
 * What is written while the connection, or a Bind, is under way is held back. References: the
 * owner's, and one from the beginning until closed() was told, beside those of hooks.
 */
#include "face/pyro/link_pyro.h"

#include <pyrite/pyrite.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/stack.h"
#include "face/pyro/link_pyro_own.h"
#include "link/link_auto.h"

enum {
	MAX_CALLS = 1024, /* at a time: they wait for each other */
	WINDOW = 131072,  /* of streams, of which there are none */
	MUCH = 1 << 20,   /* bytes that wait to be sent: the owner is to wait, too */
	PIECE = 65536
};

static struct pyro_link *of(struct link *link)
{
	return (struct pyro_link *)link;
}

#define FROM(part, member) ((struct pyro_link *)((char *)(part)-offsetof(struct pyro_link, member)))

static void unref(struct pyro_link *l)
{
	struct pyro_request *request, *next;
	struct pyro_session *session;

	if (atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	while ((session = numtab_pop(&l->sessions)))
		pyro_session_free(session);
	while ((request = numtab_pop(&l->calls)))
		if (!request->is_sent)
			pyro_request_free(request);
	for (request = l->first; request; request = next) {
		next = request->next;
		pyro_request_free(request);
	}
	numtab_free(&l->sessions);
	numtab_free(&l->calls);
	buf_free(&l->in);
	buf_free(&l->telling);
	buf_free(&l->held);
	buf_free(&l->inbox);
	buf_free(&l->out);
	free(l->host);
	free(l->socket);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static enum link_write write_link(struct link *link, const struct link_message *message)
{
	struct pyro_link *l = of(link);
	uint8_t *copy = malloc(message->n + 1);
	enum link_write written = LINK_WRITTEN;

	if (copy)
		link_message_copy(message, copy);
	pthread_mutex_lock(&l->lock);
	if (!copy)
		pyro_link_stop(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (l->is_closing) {
		written = LINK_OVER;
	} else {
		pyro_link_take(l, copy, message->n);
	}
	if (written == LINK_WRITTEN && l->out.n - l->n_sent > MUCH) {
		l->owes_written = true;
		written = LINK_WRITING;
	}
	pthread_mutex_unlock(&l->lock);
	free(copy);
	return written;
}

static void close_link(struct link *link, int code, const char *text)
{
	struct pyro_link *l = of(link);

	pthread_mutex_lock(&l->lock);
	pyro_link_stop(l, code, text);
	pthread_mutex_unlock(&l->lock);
}

static void free_link(struct link *link)
{
	unref(of(link));
}

static bool is_drained(const struct pyro_link *l)
{
	return l->out.n == 0 && l->held.n == 0;
}

/* ---- to the owner; in the leader ---- */

static void finish(struct pyro_link *l)
{
	char text[sizeof(l->close_text)];
	struct link_end told = { .text = text };
	int fd;

	pthread_mutex_lock(&l->lock);
	fd = l->source.fd;
	if (fd >= 0)
		engine_source_remove(&l->source);
	l->source.fd = -1;
	told.code = l->close_code ? l->close_code : PYR_UNAVAILABLE;
	told.was_connected = l->state == PYRO_OPEN;
	told.is_refusal = l->is_refusal;
	snprintf(text, sizeof(text), "%s", l->close_text[0] ? l->close_text : "connection closed");
	pthread_mutex_unlock(&l->lock);
	if (fd >= 0)
		close(fd);
	l->is_finished = true;
	dial_cancel(l->dial);
	l->dial = NULL;
	l->link.events->closed(l->link.owner, &told);
	unref(l);
}

/* Messages of whole frames, as large as they may be. */
static void tell(struct pyro_link *l)
{
	size_t at = 0, n, size;

	while (at < l->telling.n) {
		n = 0;
		while ((size = frame_size(l->telling.data + at + n, l->telling.n - at - n)) > 0 &&
		       (n == 0 || n + size <= FRAME_MESSAGE_MAX))
			n += size;
		if (n == 0)
			break;
		l->link.events->message(l->link.owner, (struct span){ l->telling.data + at, n });
		at += n;
	}
	buf_reset(&l->telling);
}

/* Somebody waits for an answer. With the lock. */
static bool is_awaited(const struct pyro_link *l)
{
	const struct pyro_request *request;

	for (request = l->first; request; request = request->next)
		if (request->number || request->is_bind)
			return true;
	return false;
}

static void on_look(struct engine_hook *hook)
{
	struct pyro_link *l = FROM(hook, look);
	struct buf swap = l->telling; /* empty */
	bool is_over, tells_written;

	pthread_mutex_lock(&l->lock);
	l->will_look = false;
	if (l->inbox.broken)
		pyro_link_stop(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (l->state == PYRO_OPEN || l->is_closing) {
		l->telling = l->inbox;
		l->inbox = swap;
	}
	tells_written = l->owes_written && is_drained(l);
	l->owes_written &= !tells_written;
	is_over = l->is_closing &&
		  (l->close_code || l->state != PYRO_OPEN || (is_drained(l) && !is_awaited(l)));
	pthread_mutex_unlock(&l->lock);
	if (!l->is_finished) {
		tell(l);
		if (tells_written && !is_over)
			l->link.events->written(l->link.owner);
		if (is_over)
			finish(l);
	}
	unref(l);
}

/* ---- what comes; in the leader, with the lock ---- */

static void say_hello(struct pyro_link *l)
{
	struct frame frame = { .type = FRAME_HELLO,
			       .min_version = FRAME_VERSION_MIN,
			       .max_version = FRAME_VERSION_MAX,
			       .max_calls = MAX_CALLS,
			       .window = WINDOW };

	pyro_link_put(l, &frame);
}

static void redial(struct pyro_link *l);

static void on_greeting(struct pyro_link *l, const struct pyro_header *header, struct span data)
{
	char why[400], text[sizeof(l->close_text)];

	if (header->type == PYRO_CONNECT_OK && header->version == l->version) {
		l->state = PYRO_OPEN;
		say_hello(l);
		pyro_link_go_on(l);
		return;
	}
	if (header->version == PYRO_5 && l->version == PYRO_4) {
		l->version = PYRO_5;
		redial(l);
		return;
	}
	snprintf(text, sizeof(text), "CommunicationError: %s rejects the connection: %s",
		 l->link.address, form_reason(header, data, why, sizeof(why)));
	l->is_refusal = true;
	pyro_link_stop(l, PYR_PERMISSION_DENIED, text);
}

static void on_bound(struct pyro_link *l, const struct pyro_request *request,
		     const struct pyro_header *header, struct span data)
{
	struct pyro_session *session = numtab_get(&l->sessions, request->session);
	char why[256];

	l->is_binding = false;
	if (!session) { /* cannot be: an Unbind is held back meanwhile */
		pyro_link_go_on(l);
		return;
	}
	if (form_meta_take(&session->meta, header, data, why, sizeof(why))) {
		pyro_link_put_bound(l, request->session, session->interface->table->fingerprint, 0,
				    "");
	} else {
		session->code =
			session->meta.arena.is_short ? PYR_RESOURCE_EXHAUSTED : PYR_NOT_FOUND;
		snprintf(session->why, sizeof(session->why),
			 "DaemonError: object '%.100s' at %.128s: %s", session->object,
			 l->link.address, why);
		pyro_link_put_bound(l, request->session, 0, session->code, session->why);
	}
	pyro_link_go_on(l);
}

/* Calls of one number are told in the order of its answers. */
static void on_answer(struct pyro_link *l, const struct pyro_header *header,
		      struct span annotations, struct span data)
{
	struct pyro_request *request = l->first;
	struct form_answer answer;

	if (!request || header->type != PYRO_RESULT || header->seq != request->seq) {
		pyro_link_stop(l, PYR_INTERNAL, "ProtocolError: an answer that was not asked for");
		return;
	}
	l->first = request->next;
	if (!l->first)
		l->last = &l->first;
	request->is_sent = false;
	if (request->is_stream && !pyro_stream_answer(l, request, header, annotations, data))
		return; /* it goes on */
	numtab_take(&l->calls, request->number, request);
	if (request->is_bind) {
		on_bound(l, request, header, data);
	} else if (request->number && !request->is_stream) {
		answer = (struct form_answer){ request->number, request->operation, request->object,
					       l->link.address, l->max_message };
		form_put_answer(&answer, header, data, &l->inbox);
		pyro_link_look_soon(l);
	}
	pyro_request_free(request);
}

/* Whole messages of what came. Returns false if it is none. */
static bool take_messages(struct pyro_link *l)
{
	struct pyro_header header;
	struct pyro_wrong wrong;
	size_t at = 0, n;
	struct span annotations, data;
	int size = 1;

	while (!l->close_code && l->source.fd >= 0 && at < l->in.n) {
		size = pyro_header_read(l->in.data + at, l->in.n - at, l->max_message, &header,
					&wrong);
		n = size > 0 ? (size_t)size + header.n_annotations + header.n_data : 0;
		if (size <= 0 || l->in.n - at < n)
			break;
		annotations = (struct span){ l->in.data + at + size, header.n_annotations };
		data = (struct span){ span_end(annotations), header.n_data };
		at += n;
		if (l->state == PYRO_OPEN)
			on_answer(l, &header, annotations, data);
		else
			on_greeting(l, &header, data);
	}
	if (l->source.fd >= 0)
		buf_drop(&l->in, at);
	else
		buf_reset(&l->in); /* of a connection that was given up */
	if (size < 0)
		pyro_link_stop(l, PYR_INTERNAL, wrong.text);
	return size >= 0;
}

static void receive(struct pyro_link *l)
{
	uint8_t *p = buf_grow(&l->in, PIECE);
	ssize_t n = -1;

	if (!p) {
		pyro_link_stop(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	do
		n = recv(l->source.fd, p, PIECE, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	l->in.n -= PIECE - (n > 0 ? (size_t)n : 0);
	if (n > 0)
		(void)take_messages(l);
	else if (n == 0)
		pyro_link_stop(l, PYR_UNAVAILABLE, "connection closed");
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		pyro_link_stop(l, PYR_UNAVAILABLE, strerror(errno));
}

static void on_ready_here(void *arg)
{
	struct pyro_link *l = arg;

	pthread_mutex_lock(&l->lock);
	if (l->source.fd >= 0 && !l->close_code)
		receive(l);
	if (l->source.fd >= 0 && l->out.n > 0)
		pyro_link_send(l);
	if (l->owes_written || l->is_closing)
		pyro_link_look_soon(l);
	pthread_mutex_unlock(&l->lock);
}

static void on_ready(struct engine_source *source, uint32_t events)
{
	struct pyro_link *l = FROM(source, source);

	(void)events;
	pyro_link_ref(l);
	stack_call(on_ready_here, l);
	unref(l);
}

/* ---- the connection; in the leader ---- */

/* Returns false if the system has no room for it. With the lock. */
static bool greet(struct pyro_link *l, int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	l->source.fd = fd;
	if (!engine_source_add(&l->source, EPOLLIN)) {
		l->source.fd = -1;
		close(fd);
		return false;
	}
	l->state = PYRO_GREETING;
	if (!form_connect(l->version, &l->out))
		return false;
	pyro_link_send(l);
	return true;
}

static void on_dialed(void *owner, int fd, const char *why)
{
	struct pyro_link *l = owner;

	l->dial = NULL;
	pthread_mutex_lock(&l->lock);
	if (fd < 0)
		pyro_link_stop(l, PYR_UNAVAILABLE, why);
	else if (!greet(l, fd))
		pyro_link_stop(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
	pthread_mutex_unlock(&l->lock);
}

/* Once more, in another version. With the lock. */
static void redial(struct pyro_link *l)
{
	int fd = l->source.fd;

	engine_source_remove(&l->source);
	l->source.fd = -1;
	close(fd);
	buf_reset(&l->out);
	l->n_sent = 0;
	l->state = PYRO_DIALING;
	if (!dial_begin(&l->dial, &l->uri, on_dialed, l))
		pyro_link_stop(l, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

static const struct link_kind pyro_kind = { .write = write_link,
					    .close = close_link,
					    .free = free_link };

/* What is dialled: port, host and socket alone. Returns false when memory is out. */
static bool copy_uri(struct pyro_link *l, const pyr_uri *uri)
{
	l->uri.port = uri->port;
	l->uri.host = l->host = strdup(uri->host);
	l->uri.socket = l->socket = strdup(uri->socket);
	return l->host && l->socket;
}

struct link *link_pyro_connect(const struct link_target *target, const struct link_events *events,
			       void *owner)
{
	struct pyro_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->link.kind = &pyro_kind;
	l->link.events = events;
	l->link.owner = owner;
	l->link.is_local = target->is_local;
	l->link.is_plain = true;
	l->link.lane = "pyro";
	snprintf(l->link.address, sizeof(l->link.address), "%s", target->address);
	l->refs = 2;
	l->source = (struct engine_source){ .fd = -1, .ready = on_ready };
	l->look.run = on_look;
	l->max_message = target->max_message;
	l->window = WINDOW;
	l->version = PYRO_4;
	l->last = &l->first;
	pthread_mutex_init(&l->lock, NULL);
	if (copy_uri(l, target->uri) && dial_begin(&l->dial, &l->uri, on_dialed, l))
		return &l->link;
	unref(l);
	unref(l);
	return NULL;
}

static void __attribute__((constructor)) serve_links(void)
{
	link_auto_set_pyro(link_pyro_connect);
}
