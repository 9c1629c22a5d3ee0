/* SPDX-License-Identifier: MIT */
/*
 * Writers that do not wait: whether there is room, and who is told when there is. One callback is
 * set at a time; its job is posted once, and finds out itself whether it was taken back meanwhile.
 */
#include <pyrite/pyrite.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "exec/callbacks.h"
#include "stream/stream.h"

struct stream_room {
	struct exec_job job;
	struct executor *executor; /* counted */
	pyr_stream *stream;        /* counted */
	pyr_room_cb callback;
	void *data;
	bool is_posted; /* waits.lock */
};

static int64_t cost_of(const pyr_stream *stream, size_t n)
{
	size_t fragment = stream->kind->fragment, parts = n > 0 ? (n + fragment - 1) / fragment : 1;

	return (int64_t)(n + parts * FRAME_ITEM_COST);
}

static bool is_there(const pyr_stream *stream)
{
	return !stream->is_resuming && stream->out.room >= stream->out.wanted;
}

int stream_look_for_room(pyr_stream *stream, size_t n, unsigned n_references)
{
	if (stream->kind->state(stream) != STREAM_OPEN)
		return 0;
	stream->out.wanted = cost_of(stream, n) + (int64_t)n_references * FRAME_ITEM_COST;
	if (stream->out.rest.data)
		stream->out.wanted += cost_of(stream, stream->out.rest.n - stream->out.rest.at);
	if (is_there(stream))
		return 0;
	if (stream->out.wanted <= stream->out.window ||
	    (stream->is_callers && !stream->out.has_window))
		return 1;
	return error_set(PYR_RESOURCE_EXHAUSTED,
			 "MessageTooLarge: %s: an item of %zu bytes never has room at once: write "
			 "it without trying",
			 stream->operation->table->name, n);
}

static void destroy(struct stream_room *room)
{
	exec_unref(room->executor);
	stream_unref(room->stream);
	free(room);
}

/* The job. */
static void run(struct exec_job *job)
{
	struct stream_room *room = (struct stream_room *)job;
	pyr_stream *stream = room->stream;
	bool is_set;

	pthread_mutex_lock(&stream->waits.lock);
	is_set = stream->waits.room == room;
	if (is_set)
		stream->waits.room = NULL;
	pthread_mutex_unlock(&stream->waits.lock);
	if (is_set)
		room->callback(stream, room->data);
	destroy(room);
}

void stream_tell_room(pyr_stream *stream)
{
	struct stream_room *room;

	pthread_mutex_lock(&stream->waits.lock);
	room = stream->waits.room;
	if (room && !room->is_posted)
		room->is_posted = true;
	else
		room = NULL;
	pthread_mutex_unlock(&stream->waits.lock);
	if (room)
		callbacks_post(room->executor, &room->job);
}

void stream_tell_if_room(pyr_stream *stream)
{
	if (stream->out.wanted > 0 && is_there(stream))
		stream_tell_room(stream);
}

void stream_forget_room(pyr_stream *stream)
{
	struct stream_room *room;
	bool is_posted;

	pthread_mutex_lock(&stream->waits.lock);
	room = stream->waits.room;
	is_posted = room && room->is_posted;
	stream->waits.room = NULL;
	pthread_mutex_unlock(&stream->waits.lock);
	if (room && !is_posted)
		destroy(room);
}

static void set(pyr_stream *stream, struct stream_room *room)
{
	stream_forget_room(stream);
	pthread_mutex_lock(&stream->lock);
	pthread_mutex_lock(&stream->waits.lock);
	stream->waits.room = room;
	pthread_mutex_unlock(&stream->waits.lock);
	if (stream->kind->state(stream) != STREAM_OPEN || is_there(stream))
		stream_tell_room(stream);
	pthread_mutex_unlock(&stream->lock);
}

int pyr_stream_on_room(pyr_stream *stream, pyr_room_cb callback, void *data)
{
	struct stream_room *room;
	struct executor *e;

	if (!stream)
		return error_null("stream");
	if (!stream->writes)
		return error_set(PYR_INVALID_ARGUMENT, "%s: this end of the stream does not write",
				 stream->operation->table->name);
	if (engine_is_forked())
		return error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	if (!callback) {
		stream_forget_room(stream);
		return 0;
	}
	e = callbacks_here();
	room = e ? calloc(1, sizeof(*room)) : NULL;
	if (!room)
		return error_set(PYR_RESOURCE_EXHAUSTED, "no memory or thread for a callback");
	exec_ref(e);
	stream_ref(stream);
	*room = (struct stream_room){ { .run = run }, e, stream, callback, data, false };
	set(stream, room);
	return 0;
}

size_t pyr_stream_unsent(pyr_stream *stream)
{
	int64_t n = 0;

	if (!stream || !stream->writes)
		return 0;
	pthread_mutex_lock(&stream->lock);
	if (stream->plain) /* has room again for what was written */
		n = stream->out.window - stream->out.room;
	else
		n = (int64_t)stream->out.queue.n_unsent;
	pthread_mutex_unlock(&stream->lock);
	return n > 0 ? (size_t)n : 0;
}

bool stream_is_of(const pyr_stream *stream, const struct pyr__operation *operation,
		  const struct codec_message *item, bool is_callers, const char *what)
{
	if (!stream) {
		error_null("stream");
	} else if (stream->operation->table != operation &&
		   strcmp(stream->operation->table->name, operation->name) != 0) {
		error_set(PYR_INVALID_ARGUMENT, "the stream is of %s, not of %s",
			  stream->operation->table->name, operation->name);
	} else if (!item || stream->is_callers != is_callers) {
		error_set(PYR_INVALID_ARGUMENT, "%s_%s is for the %s's end of the stream",
			  operation->name, what, is_callers ? "caller" : "method");
	} else {
		return true;
	}
	return false;
}
