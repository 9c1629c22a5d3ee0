/* SPDX-License-Identifier: MIT */
/*
 * An item's method may answer before it returns, or later in any thread. `turn` counts the two:
 * whoever comes second goes on with the batch, the thread that runs it at once, another by way of a
 * job that queues the call again in its lane. So one thread at a time has the batch, and only
 * `running` needs a lock: a leaf, which a cancel takes with the peer's.
 */
#include "serve/peer_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "exec/exec.h"
#include "reference/carried.h"

struct peer_batch {
	pyr_call *call;          /* whose batch it is: frees it */
	const uint8_t *at, *end; /* items yet to run */
	struct buf results;
	uint32_t max;     /* bytes of results */
	size_t cost;      /* charged for them */
	uint32_t *places; /* operations named so far */
	size_t cap_places;
	uint32_t n_places, n_items;
	bool is_failed, may_trace;
	const struct codec_carried *carried; /* references that the results pass, kept */
	atomic_int turn;
	struct exec_job again;
	pthread_mutex_t lock;
	pyr_call *running; /* lock: counted */
};

/* Operations of an interface, and items; far more than anybody has use for. */
enum { NAMES_MAX = 4096, ROOM_FOR_ERROR = 1024, STEP = 16384 };

static struct peer_batch *batch_of(const pyr_call *item)
{
	return ((pyr_call *)item->origin_data)->batch;
}

/* ---- answers ---- */

static void go_on(struct exec_job *job)
{
	struct peer_batch *batch =
		(struct peer_batch *)((char *)job - offsetof(struct peer_batch, again));
	pyr_call *call = batch->call;

	if (!incall_submit(call->task.executor, call->task.lane, call))
		incall_fail(call, PYR_UNAVAILABLE, "the daemon has stopped");
	incall_unref(call);
}

/* What runs is what a cancel is told of; it holds the call. */
static void set_running(struct peer_batch *batch, pyr_call *item)
{
	pyr_call *before;

	if (item)
		incall_ref(item);
	pthread_mutex_lock(&batch->lock);
	before = batch->running;
	batch->running = item;
	pthread_mutex_unlock(&batch->lock);
	if (before)
		incall_unref(before);
}

static void answered(struct peer_batch *batch)
{
	pyr_call *call = batch->call;

	set_running(batch, NULL);
	if (atomic_fetch_sub(&batch->turn, 1) != 1)
		return; /* its method has not returned */
	incall_ref(call);
	if (exec_post(call->task.executor, &batch->again))
		return;
	incall_fail(call, PYR_UNAVAILABLE, "the daemon has stopped");
	incall_unref(call);
}

/* Returns false when memory is out. */
static bool carry(struct peer_batch *batch, const struct codec_carried *carried)
{
	bool ok;

	carried_join(&batch->carried, carried_keep(carried, &ok));
	return ok;
}

static void put_error(struct peer_batch *batch, const struct error_info *error)
{
	struct frame frame = { .type = FRAME_ERROR };

	batch->is_failed = true;
	peer_describe_error(error, batch->may_trace, &frame);
	if (frame.detail.n > 0 && !carry(batch, carried_held(error->held)))
		batch->results.broken = true;
	frame_append(&batch->results, &frame);
}

static void PYR_PRINTF(3, 4) fail(struct peer_batch *batch, int code, const char *format, ...)
{
	struct error_info error = { .code = code };
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error.message = text;
	put_error(batch, &error);
}

/* For n bytes more of results, which are charged as they grow. */
static bool has_room(struct peer_batch *batch, size_t n)
{
	size_t all = batch->results.n + n + ROOM_FOR_ERROR, more;

	if (all > batch->max)
		return false;
	if (all <= batch->cost)
		return true;
	more = all - batch->cost < STEP ? STEP : all - batch->cost;
	if (!budget_charge(session_of(batch->call)->peer->budget, more))
		return false;
	batch->cost += more;
	return true;
}

static void on_reply(pyr_call *item, const struct codec_packer *packer)
{
	struct peer_batch *batch = batch_of(item);
	struct frame frame = { .type = FRAME_REPLY };
	char text[128];
	uint8_t *at;

	if (!carry(batch, packer->carried)) {
		fail(batch, PYR_RESOURCE_EXHAUSTED, "out of memory");
	} else if (!has_room(batch, packer->size)) {
		fail(batch, PYR_RESOURCE_EXHAUSTED,
		     "MessageTooLarge: the results of the batch have more than %u bytes, or "
		     "the connection holds too much",
		     batch->max);
	} else if (codec_is_too_large(packer, batch->max, text, sizeof(text))) {
		fail(batch, PYR_RESOURCE_EXHAUSTED, "MessageTooLarge: a reply %s", text);
	} else {
		at = frame_write(&batch->results, &frame, packer->size);
		if (at)
			codec_pack(packer, at);
	}
	answered(batch);
}

static void on_fail(pyr_call *item, const struct error_info *error)
{
	put_error(batch_of(item), error);
	answered(batch_of(item));
}

static void on_release(pyr_call *item)
{
	incall_unref(item->origin_data);
}

static const char *on_peer(const pyr_call *item)
{
	const pyr_call *call = item->origin_data;

	return call->origin->peer(call);
}

static void on_who(const pyr_call *item, struct call_who *ret)
{
	const pyr_call *call = item->origin_data;

	call->origin->who(call, ret);
}

static const struct call_origin item_origin = { .reply = on_reply,
						.fail = on_fail,
						.release = on_release,
						.peer = on_peer,
						.who = on_who,
						.is_part = true };

/* ---- items ---- */

static bool add_place(struct peer_batch *batch, uint32_t place)
{
	if (!array_reserve(&batch->places, &batch->cap_places, batch->n_places + 1,
			   sizeof(batch->places[0])))
		return false;
	batch->places[batch->n_places++] = place;
	return true;
}

/* Which operation an item calls: one that it names, or the n-th that was named before. Returns its
 * place, or -1 with the batch failed. */
static int place_of(struct peer_batch *batch, const struct frame *frame)
{
	const struct pyr__interface *interface = batch->call->object->interface->table;
	char text[512];
	int place;

	if (frame->name.n == 0 && frame->operation < batch->n_places)
		return (int)batch->places[frame->operation];
	if (frame->name.n == 0 || batch->n_places >= NAMES_MAX) {
		fail(batch, PYR_INTERNAL, "ProtocolError: %s",
		     frame->name.n ? "too many operations are named in the batch"
				   : "an item of the batch names no operation");
		return -1;
	}
	place = peer_find_operation(session_of(batch->call), batch->call->object, frame, text,
				    sizeof(text));
	if (place < 0)
		fail(batch, -place, "%s", text);
	else if (interface->operations[place].flags & (PYR__STREAM_IN | PYR__STREAM_OUT))
		fail(batch, PYR_FAILED_PRECONDITION, "%s: no streams in a batch",
		     interface->operations[place].name);
	else if (!add_place(batch, (uint32_t)place))
		fail(batch, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return batch->is_failed ? -1 : place;
}

static pyr_call *item_new(pyr_call *call, unsigned place, const struct frame *frame)
{
	pyr_call *item = incall_new(&item_origin, call, call->object, place);

	if (!item)
		return NULL;
	incall_ref(call);
	exec_ref(call->task.executor);
	item->task.executor = call->task.executor;
	item->task.lane = call->task.lane;
	if (call->instance)
		item->instance = instance_ref(call->instance);
	item->request.number = call->request.number;
	item->deadline = call->deadline;
	item->request.payload = frame->payload;
	arena_charge_to(&item->arena, call->arena.budget);
	memcpy(item->task.chain, call->task.chain, sizeof(item->task.chain));
	item->scope.depth = call->scope.depth;
	item->request.max_message = call->request.max_message;
	item->scope.correlation_id = call->scope.correlation_id;
	item->scope.traceparent = call->scope.traceparent;
	item->request.annotations = call->request.annotations;
	item->request.n_annotations = call->request.n_annotations;
	return item;
}

/* The next item to run, one reference; NULL if there is none, or the batch has failed. */
static pyr_call *next(struct peer_batch *batch)
{
	pyr_call *item = NULL;
	struct frame frame;
	int got, place;

	if (batch->is_failed || (got = frame_read(&batch->at, batch->end, &frame)) == 0)
		return NULL;
	if (got < 0 || frame.type != FRAME_CALL || frame.flags != 0)
		fail(batch, PYR_INTERNAL, "ProtocolError: a frame of the batch is not a call");
	else if (batch->n_items++ >= PEER_MAX_BATCH)
		fail(batch, PYR_RESOURCE_EXHAUSTED, "more than %d calls in a batch",
		     PEER_MAX_BATCH);
	else if ((place = place_of(batch, &frame)) >= 0 &&
		 !(item = item_new(batch->call, (unsigned)place, &frame)))
		fail(batch, PYR_RESOURCE_EXHAUSTED, "out of memory");
	return item;
}

/* Returns false if the item's answer is yet to come: then the batch is another's. */
static bool run_item(struct peer_batch *batch, pyr_call *item)
{
	bool is_answered;

	atomic_store(&batch->turn, 2);
	set_running(batch, item);
	if (atomic_load(&batch->call->scope.is_cancelled))
		incall_cancel(item);
	incall_run(item);
	is_answered = atomic_fetch_sub(&batch->turn, 1) == 1;
	incall_unref(item);
	return is_answered;
}

static void finish(struct peer_batch *batch)
{
	struct codec_packer packer = { .bytes = (const uint8_t *)"", .size = batch->results.n };
	pyr_call *call = batch->call;

	if (call->answer.is_given)
		return;
	if (batch->results.broken) {
		incall_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	packer.carried = batch->carried;
	if (packer.size > 0)
		packer.bytes = batch->results.data;
	incall_reply(call, &packer);
}

void peer_batch_run(pyr_call *call)
{
	struct peer_batch *batch = call->batch;
	pyr_call *item;

	if (!batch->at) {
		batch->at = call->request.payload.p;
		batch->end = span_end(call->request.payload);
	}
	while ((item = next(batch)))
		if (!run_item(batch, item))
			return;
	finish(batch);
}

bool peer_batch_init(pyr_call *call)
{
	struct peer *peer = session_of(call)->peer;
	struct peer_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return false;
	batch->call = call;
	batch->max = peer->limits.max_message < peer->theirs.max_message ? peer->limits.max_message
									 : peer->theirs.max_message;
	batch->may_trace = peer_may_trace(peer); /* the daemon may go before an answer comes */
	batch->again.run = go_on;
	pthread_mutex_init(&batch->lock, NULL);
	call->batch = batch;
	return true;
}

void peer_batch_free(struct peer_batch *batch)
{
	if (!batch)
		return;
	budget_release(session_of(batch->call)->peer->budget, batch->cost);
	buf_free(&batch->results);
	carried_drop(batch->carried);
	pthread_mutex_destroy(&batch->lock);
	free(batch->places);
	free(batch);
}

void peer_batch_cancel(pyr_call *call)
{
	struct peer_batch *batch = call->batch;
	pyr_call *item;

	pthread_mutex_lock(&batch->lock);
	item = batch->running;
	if (item)
		incall_ref(item);
	pthread_mutex_unlock(&batch->lock);
	if (!item)
		return;
	incall_cancel(item);
	incall_unref(item);
}
