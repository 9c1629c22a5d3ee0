/* SPDX-License-Identifier: MIT */
/* The method's end of a stream. */
#include <stdlib.h>

#include "base/error.h"
#include "call/call_stream.h"
#include "call/peer_linger.h"
#include "engine/engine.h"
#include "exec/exec.h"

pyr_stream *pyr__stream(pyr_call *call)
{
	return call ? call->stream : NULL;
}

bool stream_is_wanted(const pyr_stream *stream)
{
	return stream->call && !atomic_load(&stream->is_left) &&
	       !pyr_call_is_cancelled(stream->call);
}

/* Each wait ends with a use of the stream: so its life counts from the last one. */
int64_t stream_method_until(pyr_stream *stream)
{
	int64_t until = stream->call->deadline, end;

	if (stream->lifetime_ms == 0)
		return until;
	end = engine_now() + (int64_t)stream->lifetime_ms * ENGINE_MS;
	return end < until ? end : until;
}

void stream_method_expire(pyr_stream *stream)
{
	if (engine_now() < stream->call->deadline)
		atomic_store(&stream->is_left, true);
}

/* Until when a caller whose link was lost holds up others; ENGINE_FOREVER: it has one. */
static int64_t grace_of(pyr_stream *stream)
{
	int64_t end = ENGINE_FOREVER;

	pthread_mutex_lock(&stream->lock);
	if (!stream->route.peer && stream->linger)
		end = stream->lost_at + STREAM_GRACE_MS * (int64_t)ENGINE_MS;
	pthread_mutex_unlock(&stream->lock);
	return end;
}

bool stream_wait_method(pyr_stream *stream, struct engine_waiter *waiter, int64_t until)
{
	int64_t grace = grace_of(stream);
	bool is_woken;

	if (grace == ENGINE_FOREVER || !exec_watch(waiter))
		return engine_wait(waiter, until);
	if (!exec_has_work()) {
		is_woken = engine_wait(waiter, until); /* work that comes ends it */
	} else if (engine_now() < grace) {
		is_woken = engine_wait(waiter, grace < until ? grace : until);
	} else {
		peer_linger_give_way(stream);
		is_woken = true;
	}
	exec_unwatch();
	return is_woken;
}

int stream_method_error(pyr_stream *stream)
{
	const pyr_call *call = stream->call;
	const char *name = stream->operation->table->name;

	if (call && atomic_load(&call->is_cancelled))
		return error_set(PYR_CANCELLED, "%s: the caller has closed the stream", name);
	if (call && engine_now() >= call->deadline)
		return error_set(PYR_DEADLINE_EXCEEDED,
				 "TimeoutError: %s: the caller's deadline has passed", name);
	if (call && atomic_load(&stream->is_left))
		return error_set(PYR_DEADLINE_EXCEEDED,
				 "%s: item stream terminated: its caller left it alone for %u ms",
				 name, stream->lifetime_ms);
	return error_set(PYR_FAILED_PRECONDITION, "%s: the call was answered", name);
}

/* The item lives in the stream's arena until the next read. */
static int unpack(pyr_stream *stream, const struct stream_item *item, void *ret)
{
	struct codec_problem problem;
	union pyr__slot slot = { 0 };

	arena_clear(&stream->arena);
	arena_init(&stream->arena, NULL, 0);
	if (codec_unpack(stream->reads, item->data, item->n, stream->max_item, &stream->arena,
			 &slot, &problem) < 0)
		return error_set(problem.code, "%s: %s", stream->operation->table->name,
				 problem.text);
	codec_store(stream->reads, &slot, (void *[]){ ret });
	return 1;
}

int pyr__read(pyr_stream *stream, const struct pyr__operation *operation, void *ret)
{
	struct stream_item *item;
	int n;

	if (!stream_is_of(stream, operation, stream ? stream->reads : NULL, false, "read"))
		return -pyr_last_error()->code;
	if ((n = stream_get(stream, &item)) <= 0)
		return n;
	n = unpack(stream, item, ret);
	free(item);
	return n;
}

int pyr__yield(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item)
{
	if (!stream_is_of(stream, operation, stream ? stream->writes : NULL, false, "yield"))
		return -pyr_last_error()->code;
	return stream_put_slot(stream, operation, item, "yield");
}
