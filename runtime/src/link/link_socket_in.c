/* SPDX-License-Identifier: MIT */
/* What comes over a socket; in the leader. How links share the scratch stands in link_socket.c. */
#include "link/link_socket_own.h"

#include <pyrite/pyrite.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RECORDS = 16 }; /* of TLS, that are read at a time */
enum { SCRATCH = FRAME_MESSAGE_MAX + 65536 };

static struct {
	uint8_t data[SCRATCH];
	size_t begin, end;         /* what of it is the owner's */
	struct socket_link *owner; /* not counted: forgotten when it ends */
} scratch;                         /* the leader's */

void socket_forget(struct socket_link *l)
{
	if (scratch.owner == l)
		scratch.owner = NULL;
}

static size_t length_at(const uint8_t *p)
{
	return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

/* Another link wants the scratch: this one keeps what it has there. */
static bool leave_scratch(struct socket_link *l)
{
	size_t n = scratch.end - scratch.begin;

	scratch.owner = NULL;
	if (n == 0)
		return true;
	l->kept = malloc(n);
	if (!l->kept)
		return false;
	memcpy(l->kept, scratch.data + scratch.begin, n);
	l->n_kept = n;
	return true;
}

static void take_scratch(struct socket_link *l)
{
	struct socket_link *other = scratch.owner;

	if (other == l)
		return;
	if (other && !leave_scratch(other))
		socket_finish(other, (struct link_end){ .code = PYR_RESOURCE_EXHAUSTED,
							.text = "out of memory" });
	scratch.owner = l;
	scratch.begin = 0;
	scratch.end = l->n_kept;
	if (l->kept)
		memcpy(scratch.data, l->kept, l->n_kept);
	free(l->kept);
	l->kept = NULL;
	l->n_kept = 0;
}

/* Room for the whole of the next message, and as much of others as there is. */
static void make_room(void)
{
	size_t n = scratch.end - scratch.begin, needed = HEAD + FRAME_MESSAGE_MAX;

	if (n == 0)
		scratch.begin = scratch.end = 0;
	if (scratch.begin == 0 || SCRATCH - scratch.begin >= needed)
		return;
	memmove(scratch.data, scratch.data + scratch.begin, n);
	scratch.begin = 0;
	scratch.end = n;
}

static void deliver(struct socket_link *l, size_t n)
{
	struct span message = { scratch.data + scratch.begin + HEAD, n };

	scratch.begin += HEAD + n;
	l->link.events->message(l->link.owner, message);
}

/* The other end sends no more: a link is not half of one. */
static void on_other_end(struct socket_link *l)
{
	bool is_writing;

	pthread_mutex_lock(&l->lock);
	l->is_deaf = true;
	is_writing = (l->n_out > 0 || l->is_writing) && l->has_ended;
	if (is_writing)
		socket_watch(l);
	pthread_mutex_unlock(&l->lock);
	socket_close(&l->link, 0, "");
	if (!is_writing)
		socket_lost(l, 0);
}

static void stop_reading(struct socket_link *l)
{
	pthread_mutex_lock(&l->lock);
	l->is_deaf = true;
	socket_watch(l);
	pthread_mutex_unlock(&l->lock);
}

/* Hands on the messages that are there. */
static void take_messages(struct socket_link *l)
{
	size_t n, length;

	while (!l->is_finished && !l->is_deaf) {
		n = scratch.end - scratch.begin;
		if (n < HEAD)
			return;
		length = length_at(scratch.data + scratch.begin);
		if (length == 0) {
			l->has_ended = true;
			on_other_end(l);
			return;
		}
		if (length > FRAME_MESSAGE_MAX) { /* the owner says what is wrong with it */
			stop_reading(l);
			l->link.events->message(l->link.owner,
						(struct span){ scratch.data, length });
			return;
		}
		if (n < HEAD + length)
			return;
		deliver(l, length);
	}
}

/* The other end begins with something else, or says nothing before it goes: a client may try
 * another kind. said: n bytes. */
static void on_stranger(struct socket_link *l, const uint8_t *said, size_t n)
{
	struct link_end end = { .code = PYR_UNAVAILABLE, .text = "connection closed" };
	char text[sizeof(l->link.address) + 64];

	end.is_other = true;
	end.is_pyro = n >= 4 && memcmp(said, "PYRO", 4) == 0;
	if (n > 0) {
		snprintf(text, sizeof(text), "%s does not speak frames", l->link.address);
		end.code = PYR_FAILED_PRECONDITION;
		end.text = text;
	}
	socket_finish(l, end);
}

/* TLS failed after it was agreed on: the other end may not like what this one has shown. */
static void on_broken(struct socket_link *l)
{
	char text[512];

	snprintf(text, sizeof(text), "SecurityError: %s: %s", l->link.address, tls_why(l->tls));
	socket_finish(l, (struct link_end){
				 .code = PYR_UNAUTHENTICATED, .is_refusal = true, .text = text });
}

/* What wants TLS answers anything else with an alert (RFC 8446, 6). */
static void on_tls_wanted(struct socket_link *l)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "SecurityError: %s requires TLS: set PYRITE_KEYS, or the proxy's option tls",
		 l->link.address);
	socket_finish(l, (struct link_end){ .code = PYR_FAILED_PRECONDITION,
					    .is_refusal = true,
					    .text = text });
}

/* Returns false when there is nothing to be had. */
static bool receive(struct socket_link *l)
{
	ssize_t n;

	take_scratch(l);
	make_room();
	if (l->tls)
		n = socket_tls_receive(l, scratch.data + scratch.end, SCRATCH - scratch.end);
	else
		do
			n = recv(l->source.fd, scratch.data + scratch.end, SCRATCH - scratch.end,
				 MSG_DONTWAIT);
		while (n < 0 && errno == EINTR);
	if (n > 0) {
		scratch.end += (size_t)n;
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n == -2)
		on_broken(l);
	else if (l->is_client && !l->is_greeted &&
		 !l->tls) /* what came of a preface was one, so far */
		on_stranger(l, NULL, 0);
	else if (n == 0)
		on_other_end(l);
	else
		socket_lost(l, errno);
	return false;
}

/* What was written while there was nobody yet to send it to. */
static void open_now(struct socket_link *l)
{
	pthread_mutex_lock(&l->lock);
	l->state = OPEN;
	l->is_reached = true;
	if (l->n_out > 0)
		socket_watch(l); /* which sends it */
	pthread_mutex_unlock(&l->lock);
}

static void greet(struct socket_link *l)
{
	size_t n = scratch.end - scratch.begin, common = n < PREFACE ? n : PREFACE;

	if (scratch.data[scratch.begin] == TLS_ALERT && l->is_client) {
		on_tls_wanted(l);
	} else if (memcmp(scratch.data + scratch.begin, FRAME_PREFACE, common) != 0) {
		on_stranger(l, scratch.data + scratch.begin, n);
	} else if (common == PREFACE) {
		scratch.begin += PREFACE;
		l->is_greeted = true;
		if (l->is_client)
			open_now(l);
		take_messages(l);
	}
}

/* Returns whether there was something. */
static bool read_once(struct socket_link *l)
{
	if (!receive(l))
		return false;
	if (l->is_greeted)
		take_messages(l);
	else
		greet(l);
	return true;
}

/* What TLS keeps is read now, or, after a while, when others have had their turn. */
static void read_records(struct socket_link *l)
{
	unsigned n = 0;
	bool more;

	do
		more = read_once(l) && !l->is_finished && !l->is_deaf && socket_tls_has_more(l);
	while (more && ++n < RECORDS);
	if (l->is_finished || more == l->is_behind)
		return;
	pthread_mutex_lock(&l->lock);
	l->is_behind = more;
	socket_watch(l);
	pthread_mutex_unlock(&l->lock);
}

void socket_read(struct socket_link *l)
{
	if (l->tls)
		read_records(l);
	else
		(void)read_once(l);
	if (scratch.owner == l && scratch.begin == scratch.end)
		scratch.owner = NULL;
}
