/* SPDX-License-Identifier: MIT */
/* The method's end of a stream. */
#include "incall/incall_stream.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"
#include "incall/incall.h"
#include "reference/references.h"

enum { UNPACKED_FREE = 4096 }; /* bytes of an unpacked item that are not charged */

pyr_stream *pyr__stream(pyr_call *call)
{
	return call ? call->stream : NULL;
}

bool stream_is_wanted(const pyr_stream *stream)
{
	return stream->method.call && !atomic_load(&stream->method.is_left) &&
	       !pyr_call_is_cancelled(stream->method.call);
}

/* Each wait ends with a use of the stream: so its life counts from the last one. */
int64_t stream_method_until(pyr_stream *stream)
{
	int64_t until = stream->method.call->deadline, end;

	if (stream->method.lifetime_ms == 0)
		return until;
	end = engine_now() + (int64_t)stream->method.lifetime_ms * ENGINE_MS;
	return end < until ? end : until;
}

void stream_method_expire(pyr_stream *stream)
{
	if (engine_now() < stream->method.call->deadline)
		atomic_store(&stream->method.is_left, true);
}

int stream_method_error(pyr_stream *stream)
{
	const pyr_call *call = stream->method.call;
	const char *name = stream->operation->table->name;

	if (call && atomic_load(&call->scope.is_cancelled))
		return error_set(PYR_CANCELLED, "%s: the caller has closed the stream", name);
	if (call && engine_now() >= call->deadline)
		return error_set(PYR_DEADLINE_EXCEEDED,
				 "TimeoutError: %s: the caller's deadline has passed", name);
	if (call && atomic_load(&stream->method.is_left))
		return error_set(PYR_DEADLINE_EXCEEDED,
				 "%s: item stream terminated: its caller did not use it for %u ms",
				 name, stream->method.lifetime_ms);
	return error_set(PYR_FAILED_PRECONDITION, "%s: the call was answered", name);
}

/* What the last item takes unpacked is charged in its place, unless it is small. */
static bool charge_unpacked(pyr_stream *stream, size_t n)
{
	ptrdiff_t more;
	bool fits;

	if (n <= UNPACKED_FREE)
		n = 0;
	more = (ptrdiff_t)n - (ptrdiff_t)stream->method.n_unpacked;
	if (more == 0)
		return true;
	pthread_mutex_lock(&stream->lock);
	fits = stream_charge(stream, more);
	pthread_mutex_unlock(&stream->lock);
	stream->method.n_unpacked = n;
	return fits;
}

static void forget_unpacked(pyr_stream *stream)
{
	taken_free(&stream->method.taken);
	arena_clear(&stream->method.arena);
	arena_init(&stream->method.arena, NULL, 0);
}

/* The item lives in the stream's arena until the next read. */
static int unpack(pyr_stream *stream, const struct stream_item *item, void *ret)
{
	struct codec_problem problem;
	union pyr__slot slot = { 0 };
	struct taker taker;
	int err;

	forget_unpacked(stream);
	taker_init(&taker, item->held);
	taker.budget = item->held ? item->held->budget : NULL; /* the stream's may change */
	err = codec_take(stream->reads, &taker.base, (struct span){ item->data, item->n }, false,
			 stream->max_item, &stream->method.arena, &slot, &problem);
	if (taker.taken.n > 0 && !taker_move(&taker, &stream->method.taken)) {
		taker_drop(&taker);
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	if (err < 0)
		return error_set(problem.code, "%s: %s", stream->operation->table->name,
				 problem.text);
	if (!charge_unpacked(stream, stream->method.arena.used)) {
		forget_unpacked(stream);
		(void)charge_unpacked(stream, 0);
		return error_set(PYR_RESOURCE_EXHAUSTED,
				 "%s: with this item the connection holds too much",
				 stream->operation->table->name);
	}
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
	stream_item_free(item);
	return n;
}

int pyr__yield(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item)
{
	if (!stream_is_of(stream, operation, stream ? stream->writes : NULL, false, "yield"))
		return -pyr_last_error()->code;
	return stream_put_slot(stream, operation, item, "yield");
}

int pyr__try_yield(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item)
{
	if (!stream_is_of(stream, operation, stream ? stream->writes : NULL, false, "try_yield"))
		return -pyr_last_error()->code;
	return stream_try_slot(stream, operation, item, "try_yield");
}

void stream_let_go(pyr_stream *stream)
{
	taken_free(&stream->method.taken);
}

struct taken stream_leave_taken(pyr_stream *stream)
{
	struct taken taken = stream->method.taken;

	stream->method.taken = (struct taken){ 0 };
	return taken;
}

void stream_release(pyr_stream *stream)
{
	if (!stream)
		return;
	stream_forget_room(stream);
	/* No frame finds it any more; only its outbox may still be in the peer's ring. */
	pthread_mutex_lock(&stream->lock);
	stream_drop_items(stream);
	stream->method.call = NULL;
	pthread_mutex_unlock(&stream->lock);
	stream_unref(stream);
}
