/* SPDX-License-Identifier: MIT */
#include "face/pyro/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "face/pyro/pyro_own.h"
#include "face/visitor.h"

enum { LEAVE_MS = 300 };

/* In the face's table, with its lock. Read by its caller's connection alone. */
struct pyro_stream {
	char id[STREAM_ID + 1];
	pyr_stream *stream;
	struct pyro_caller *caller;
	bool is_closed; /* over another connection: cancelled, and to be freed by its own */
	struct pyro_stream *next, *sibling; /* in the table, of the caller */
};

void stream_uuid(const uint8_t bytes[16], char ret[STREAM_ID + 1])
{
	unsigned i;

	for (i = 0; i < 16; i++)
		ret += snprintf(ret, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
				bytes[i]);
}

/* ---- the table: with the lock ---- */

/* Ids are random: their first bytes spread them. */
static struct pyro_stream **bucket(struct face *face, const uint8_t *id)
{
	return &face->streams[(id[0] * 16u + id[1]) % PYRO_BUCKETS];
}

static struct pyro_stream *look_up(struct face *face, struct span id)
{
	struct pyro_stream *stream;

	if (id.n != STREAM_ID)
		return NULL;
	stream = *bucket(face, id.p);
	while (stream && !span_is(id, stream->id))
		stream = stream->next;
	return stream;
}

static void put(struct face *face, struct pyro_caller *caller, struct pyro_stream *stream)
{
	struct pyro_stream **first = bucket(face, (const uint8_t *)stream->id);

	stream->caller = caller;
	stream->next = *first;
	*first = stream;
	stream->sibling = caller->streams;
	caller->streams = stream;
	caller->n++;
}

static void take(struct face *face, struct pyro_stream *stream)
{
	struct pyro_stream **at = bucket(face, (const uint8_t *)stream->id);

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	for (at = &stream->caller->streams; *at != stream;)
		at = &(*at)->sibling;
	*at = stream->sibling;
	stream->caller->n--;
}

/* Those that others closed. Returns them, out of the table. */
static struct pyro_stream *take_closed(struct face *face, struct pyro_caller *caller)
{
	struct pyro_stream *stream, *next, *taken = NULL;

	for (stream = caller->streams; stream; stream = next) {
		next = stream->sibling;
		if (!stream->is_closed)
			continue;
		take(face, stream);
		stream->sibling = taken;
		taken = stream;
	}
	return taken;
}

/* ---- without it ---- */

static void free_all(struct pyro_stream *streams)
{
	struct pyro_stream *next;

	for (; streams; streams = next) {
		next = streams->sibling;
		pyr_stream_free(streams->stream);
		free(streams);
	}
}

static void caller_free(struct face *face, struct pyro_caller *caller)
{
	struct pyro_stream *streams;

	pthread_mutex_lock(&face->lock);
	streams = caller->streams;
	while (caller->streams)
		take(face, caller->streams);
	pthread_mutex_unlock(&face->lock);
	free_all(streams);
	visitor_free(caller->visitor);
	visitor_free(caller->aside);
	free(caller);
}

/* ---- callers ---- */

bool caller_let_in(struct pyro_connection *connection)
{
	struct face *face = connection->face;
	struct pyro_caller *caller = calloc(1, sizeof(*caller));
	bool is_here;

	if (caller)
		caller->visitor = visitor_new(face->host, &connection->who);
	if (!caller || !caller->visitor) {
		free(caller);
		return false;
	}
	snprintf(caller->identity, sizeof(caller->identity), "%s", connection->who.identity);
	pthread_mutex_lock(&face->lock);
	is_here = !face->is_over;
	if (is_here)
		connection->callers = caller;
	pthread_mutex_unlock(&face->lock);
	if (!is_here)
		caller_free(face, caller);
	return is_here;
}

struct visitor *caller_aside(struct pyro_connection *connection)
{
	struct pyro_caller *caller = connection->callers;
	struct face *face = connection->face;
	struct visitor *visitor;

	if (caller->aside)
		return caller->aside;
	visitor = visitor_new(face->host, &connection->who);
	pthread_mutex_lock(&face->lock);
	if (!face->is_over)
		caller->aside = visitor;
	pthread_mutex_unlock(&face->lock);
	if (!caller->aside)
		visitor_free(visitor);
	return caller->aside;
}

void callers_end(struct pyro_connection *connection, bool with_oneways)
{
	struct pyro_caller *caller;

	for (caller = connection->callers; caller; caller = caller->next) {
		visitor_end(caller->visitor);
		if (with_oneways && caller->aside)
			visitor_end(caller->aside);
	}
}

/* Returns who has to go for that; NULL: nobody. With the lock. */
static struct pyro_caller *linger(struct face *face, struct pyro_caller *caller)
{
	struct pyro_caller **oldest = &face->lingering, *gone = NULL;

	if (face->n_lingering == PYRO_LINGERING) {
		while ((*oldest)->next)
			oldest = &(*oldest)->next;
		gone = *oldest;
		*oldest = NULL;
		face->n_lingering--;
	}
	caller->until = pyro_now() + face->host->stream_linger_ms;
	caller->next = face->lingering;
	face->lingering = caller;
	face->n_lingering++;
	pthread_cond_broadcast(&face->has_left);
	return gone;
}

void callers_leave(struct pyro_connection *connection)
{
	struct face *face = connection->face;
	struct pyro_caller *caller = connection->callers, *next, *gone;

	for (; caller; caller = next) {
		gone = caller;
		pthread_mutex_lock(&face->lock);
		next = caller->next;
		caller->next = NULL;
		if (caller->n > 0 && face->host->stream_linger_ms > 0 && !connection->is_ended &&
		    !face->is_stopping && !face->is_over)
			gone = linger(face, caller);
		pthread_mutex_unlock(&face->lock);
		if (gone)
			caller_free(face, gone);
	}
	connection->callers = NULL;
}

void callers_expire(struct face *face, int64_t now)
{
	struct pyro_caller **at, *caller, *gone = NULL;

	pthread_mutex_lock(&face->lock);
	for (at = &face->lingering; (caller = *at) != NULL;) {
		if (caller->until > now && !face->is_stopping && !face->is_over) {
			at = &caller->next;
			continue;
		}
		*at = caller->next;
		face->n_lingering--;
		caller->next = gone;
		gone = caller;
	}
	pthread_mutex_unlock(&face->lock);
	for (; gone; gone = caller) {
		caller = gone->next;
		caller_free(face, gone);
	}
}

/* Whether he is one of the connection's; who lingers, and is the same, becomes one. With the lock.
 */
static bool is_own(struct pyro_connection *connection, struct pyro_caller *caller)
{
	struct face *face = connection->face;
	struct pyro_caller **at;

	for (at = &connection->callers; *at; at = &(*at)->next)
		if (*at == caller)
			return true;
	for (at = &face->lingering; *at && *at != caller;)
		at = &(*at)->next;
	if (!*at || strcmp(caller->identity, connection->who.identity) != 0)
		return false;
	*at = caller->next;
	face->n_lingering--;
	caller->next = NULL;
	for (at = &connection->callers; *at;)
		at = &(*at)->next;
	*at = caller;
	return true;
}

/* ---- streams ---- */

int stream_add(struct pyro_connection *connection, pyr_stream *stream, char ret_id[STREAM_ID + 1])
{
	struct face *face = connection->face;
	struct pyro_stream *added = calloc(1, sizeof(*added)), *closed;
	uint8_t id[16];
	bool is_added;

	if (!added || !random_bytes(id, sizeof(id))) {
		pyr_stream_free(stream);
		free(added);
		return -1;
	}
	stream_uuid(id, added->id);
	memcpy(ret_id, added->id, sizeof(added->id));
	added->stream = stream;
	pthread_mutex_lock(&face->lock);
	closed = take_closed(face, connection->callers);
	is_added = connection->callers->n < PYRO_STREAMS;
	if (is_added)
		put(face, connection->callers, added);
	pthread_mutex_unlock(&face->lock);
	free_all(closed);
	if (!is_added)
		free_all(added);
	return is_added;
}

/* Whether to wait for its caller to leave: who has just connected again may be faster than the end
 * of the connection that he had. With the lock. */
static bool may_come(const struct pyro_connection *connection, const struct pyro_stream *stream)
{
	return !stream->is_closed && !connection->is_gone &&
	       strcmp(stream->caller->identity, connection->who.identity) == 0;
}

pyr_stream *stream_find(struct pyro_connection *connection, struct span id)
{
	struct face *face = connection->face;
	struct pyro_stream *stream;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LEAVE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&face->lock);
	while ((stream = look_up(face, id)) != NULL && !is_own(connection, stream->caller) &&
	       may_come(connection, stream))
		if (pthread_cond_timedwait(&face->has_left, &face->lock, &until) != 0) {
			stream = NULL;
			break;
		}
	if (stream && (stream->is_closed || !is_own(connection, stream->caller)))
		stream = NULL;
	pthread_mutex_unlock(&face->lock);
	return stream ? stream->stream : NULL;
}

void stream_close(struct pyro_connection *connection, struct span id)
{
	struct face *face = connection->face;
	struct pyro_stream *stream, *taken = NULL;

	pthread_mutex_lock(&face->lock);
	stream = look_up(face, id);
	if (stream && is_own(connection, stream->caller)) {
		take(face, stream);
		stream->sibling = NULL;
		taken = stream;
	} else if (stream && strcmp(stream->caller->identity, connection->who.identity) == 0) {
		stream->is_closed = true;
		pyr_stream_cancel(stream->stream);
	}
	pthread_mutex_unlock(&face->lock);
	free_all(taken);
}
