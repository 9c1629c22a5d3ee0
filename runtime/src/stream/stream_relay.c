/* SPDX-License-Identifier: MIT */
/* Items that are handed on from one stream to another, as bytes, by who does not wait. */
#include "base/error.h"
#include "reference/carried.h"
#include "reference/references.h"
#include "stream/stream.h"
#include "stream/stream_references.h"

#include <string.h>

void stream_set_watch(pyr_stream *stream, struct stream_watch *watch)
{
	pthread_mutex_lock(&stream->waits.lock);
	stream->waits.watch = watch;
	pthread_mutex_unlock(&stream->waits.lock);
}

void stream_flush(pyr_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->kind->flush_unlock(stream, true);
}

/* ---- read ---- */

struct stream_item *stream_take_item(pyr_stream *stream, bool *has_ended)
{
	struct stream_item *item;

	pthread_mutex_lock(&stream->lock);
	item = stream_unlink(stream);
	stream->in.is_held = item;
	*has_ended = !item && stream->in.has_ended;
	if (item) {
		pthread_mutex_unlock(&stream->lock);
		return item;
	}
	stream_grant_all(stream);
	stream->kind->flush_unlock(stream, true);
	return NULL;
}

void stream_let_go_item(pyr_stream *stream, struct stream_item *item)
{
	pthread_mutex_lock(&stream->lock);
	stream->in.is_held = false;
	stream_consume(stream, item);
	stream->kind->flush_unlock(stream, false);
	stream_item_free(item);
}

/* ---- written ---- */

/* The next part. */
static struct stream_part part_of(const pyr_stream *stream, const struct stream_item *item,
				  size_t at)
{
	struct stream_part part = { .sequence = stream->out.n_items + (at == 0) };
	size_t n = item->n - at;

	n = n < stream->kind->fragment ? n : stream->kind->fragment;
	part.payload = (struct span){ item->data + at, n };
	part.flags = (at > 0 ? FRAME_CONTINUES : 0) | (at + n < item->n ? FRAME_MORE : 0);
	part.total = part.flags == FRAME_MORE ? (uint32_t)item->n : 0;
	return part;
}

static bool has_room(const pyr_stream *stream, size_t cost)
{
	int64_t wanted = (int64_t)cost;

	return stream->out.room >= (wanted < stream->out.window ? wanted : stream->out.window);
}

/* With the lock. Returns 1 if there is no room for it. */
static int put_part(pyr_stream *stream, const struct stream_item *item, size_t *at,
		    struct stream_pass *pass)
{
	struct stream_part part = part_of(stream, item, *at);
	uint8_t *to;

	stream_pass_describe(*at == 0 ? pass : NULL, &part);
	if (stream->kind->state(stream) != STREAM_OPEN)
		return -PYR_CANCELLED;
	if (!has_room(stream, stream_part_cost(&part)))
		return 1;
	if (part.n_references > 0 && !stream_pass_may(stream, pass))
		return -PYR_CANCELLED; /* its link is gone, and so is its call */
	to = stream->kind->append(stream, &part);
	if (!to)
		return -PYR_RESOURCE_EXHAUSTED;
	stream->out.room -= (int64_t)stream_part_cost(&part);
	if (part.n_references > 0)
		stream_pass_done(stream, pass);
	if (part.payload.n > 0)
		memcpy(to, part.payload.p, part.payload.n);
	stream->out.n_items = part.sequence;
	*at += part.payload.n;
	return 0;
}

static int put_parts(pyr_stream *stream, const struct stream_item *item, size_t *at,
		     struct stream_pass *pass)
{
	const char *name = stream->operation->table->name;
	int err;

	pthread_mutex_lock(&stream->lock);
	do
		err = put_part(stream, item, at, pass);
	while (err == 0 && *at < item->n);
	pthread_mutex_unlock(&stream->lock);
	if (err == -PYR_RESOURCE_EXHAUSTED)
		error_set(PYR_RESOURCE_EXHAUSTED, "%s: no room for an item that is not read yet",
			  name);
	return err;
}

/* Whether it is worth while to pass its references. */
static bool may_begin(pyr_stream *stream, const struct stream_item *item)
{
	struct stream_part part;
	bool may;

	pthread_mutex_lock(&stream->lock);
	part = part_of(stream, item, 0);
	part.n_references = item->held->n;
	may = has_room(stream, stream_part_cost(&part)) ||
	      stream->kind->state(stream) != STREAM_OPEN;
	pthread_mutex_unlock(&stream->lock);
	return may;
}

/* If it finds no room after all, they are passed anew the next time. */
static int put_with_references(pyr_stream *stream, const struct stream_item *item, size_t *at)
{
	bool ok;
	const struct codec_carried *carried = carried_of_brought(item->held, &ok);
	struct stream_pass pass;
	int err;

	if (!ok)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	err = stream_pass_begin(stream, carried, &pass);
	if (err == 0) {
		err = put_parts(stream, item, at, &pass);
		stream_pass_end(&pass, carried);
	}
	carried_drop(carried);
	return err;
}

int stream_hand_on(pyr_stream *stream, const struct stream_item *item, size_t *at)
{
	if (item->n > stream->their_max_item)
		return error_set(PYR_RESOURCE_EXHAUSTED,
				 "MessageTooLarge: %s: an item of %zu bytes, the maximum is %u",
				 stream->operation->table->name, item->n, stream->their_max_item);
	if (!item->held || *at > 0)
		return put_parts(stream, item, at, NULL);
	return may_begin(stream, item) ? put_with_references(stream, item, at) : 1;
}
