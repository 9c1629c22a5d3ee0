/* SPDX-License-Identifier: MIT */
#include "stream/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "exec/exec.h"
#include "peer/peer.h"
#include "reference/references.h"
#include "stream/stream_references.h"

pyr_stream *stream_new(const struct codec_operation *operation, bool is_callers)
{
	pyr_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->refs = 1;
	stream->is_callers = is_callers;
	stream->operation = operation;
	stream->reads = is_callers ? operation->out_item : operation->in_item;
	stream->writes = is_callers ? operation->in_item : operation->out_item;
	stream->in.last = &stream->in.first;
	queue_init(&stream->out.queue);
	pthread_mutex_init(&stream->lock, NULL);
	stream->max_item = stream->their_max_item = UINT32_MAX;
	pthread_mutex_init(&stream->waits.lock, NULL);
	arena_init(&stream->method.arena, NULL, 0);
	return stream;
}

void stream_ref(pyr_stream *stream)
{
	atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
}

void stream_unref(pyr_stream *stream)
{
	if (!stream || atomic_fetch_sub(&stream->refs, 1) != 1)
		return;
	stream_drop_items(stream);
	queue_clear(&stream->out.queue);
	stream_charge_to(stream, NULL);
	peer_unref(stream->route.peer);
	outbox_fini(&stream->out.box);
	buf_free(&stream->caller.unsent);
	free(stream->out.rest.data);
	arena_clear(&stream->method.arena);
	pthread_mutex_destroy(&stream->waits.lock);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

/* ---- waiting ---- */

static void wake(pyr_stream *stream)
{
	pthread_mutex_lock(&stream->waits.lock);
	if (stream->waits.reader)
		engine_wake(stream->waits.reader);
	if (stream->waits.writer)
		engine_wake(stream->waits.writer);
	if (stream->waits.watch)
		stream->waits.watch->changed(stream->waits.watch);
	pthread_mutex_unlock(&stream->waits.lock);
}

void stream_wake(pyr_stream *stream)
{
	wake(stream);
	stream_tell_room(stream);
}

static void set_waiter(pyr_stream *stream, struct engine_waiter **place,
		       struct engine_waiter *waiter)
{
	pthread_mutex_lock(&stream->waits.lock);
	*place = waiter;
	pthread_mutex_unlock(&stream->waits.lock);
}

/* In a method of a serial daemon calls of its own chain are run meanwhile. */
static void sleep_on(pyr_stream *stream, struct engine_waiter *waiter)
{
	struct exec_nest nest;
	bool nests = exec_nest_enter(&nest, waiter);
	bool is_woken;
	int64_t until;

	while (nests && exec_run_nested())
		;
	until = stream->kind->until(stream);
	is_woken = stream->kind->wait(stream, waiter, until);
	if (nests) {
		exec_nest_leave(&nest);
		while (exec_run_nested())
			;
	}
	if (!is_woken && engine_now() >= until)
		stream->kind->expire(stream);
}

/* Waits for a change, after what is queued was sent. place: &stream->reader or writer. With the
 * lock, not held meanwhile. */
static void wait(pyr_stream *stream, struct engine_waiter **place)
{
	struct engine_waiter waiter;
	bool is_open;

	engine_waiter_init(&waiter, false);
	set_waiter(stream, place, &waiter);
	/* A cancel may come without the lock: before this look, or it wakes. */
	is_open = stream->kind->state(stream) == STREAM_OPEN;
	stream->kind->flush_unlock(stream, true);
	if (is_open)
		sleep_on(stream, &waiter);
	set_waiter(stream, place, NULL);
	engine_waiter_fini(&waiter);
	pthread_mutex_lock(&stream->lock);
}

/* ---- what comes ---- */

void stream_item_free(struct stream_item *item)
{
	import_list_drop(item->held);
	free(item);
}

static void let_go(pyr_stream *stream, struct stream_item *item)
{
	stream_charge(stream, -(ptrdiff_t)item->charged);
	stream_item_free(item);
}

void stream_drop_items(pyr_stream *stream)
{
	struct stream_item *item;

	while ((item = stream->in.first)) {
		stream->in.first = item->next;
		let_go(stream, item);
	}
	stream->in.last = &stream->in.first;
	if (stream->in.partial)
		let_go(stream, stream->in.partial);
	stream->in.partial = NULL;
}

/* What is wrong with a part, NULL if nothing is. */
static const char *fault(const pyr_stream *stream, const struct stream_part *part)
{
	bool continues = part->flags & FRAME_CONTINUES, more = part->flags & FRAME_MORE;
	size_t n = part->payload.n + (continues && stream->in.partial ? stream->in.partial->n : 0);
	size_t total = continues ? stream->in.partial_total : part->total ? part->total : n;

	if (!stream->reads)
		return "an item of a stream that the operation does not have";
	if (stream->in.has_ended)
		return "an item after the end";
	if (part->payload.n > stream->kind->fragment)
		return "an item's fragment of more than 65536 bytes";
	if (part->n_references > (continues ? 0 : STREAM_REFERENCES_MAX))
		return "more references than an item, or its rest, may have";
	if (stream_part_cost(part) > stream->in.room)
		return "more items than there was credit for";
	if (continues != (stream->in.partial != NULL))
		return continues ? "the rest of an item that was not begun"
				 : "an item inside another";
	if (part->sequence != stream->in.n_items + !continues)
		return "an item out of sequence";
	if (more ? n >= total || part->payload.n == 0 : n != total)
		return "fragments that do not make up the item announced";
	return NULL;
}

static struct stream_item *extend(pyr_stream *stream, const struct stream_part *part)
{
	struct stream_item *item = stream->in.partial;
	size_t have = item ? item->n : 0, n = part->payload.n;

	item = realloc(item, sizeof(*item) + have + n);
	if (!item)
		return NULL;
	if (!stream->in.partial)
		*item = (struct stream_item){ 0 };
	if (n > 0)
		memcpy(item->data + have, part->payload.p, n);
	item->n = have + n;
	item->cost += stream_part_cost(part);
	if (part->held)
		item->held = part->held;
	return item;
}

static void consume(pyr_stream *stream, size_t cost)
{
	stream->in.owed += cost;
	stream->in.consumed += cost;
}

/* The other end may go on with an item that is the next to be read. */
static void credit_partial(pyr_stream *stream)
{
	if (!stream->in.partial || stream->in.first || stream->in.is_held)
		return;
	consume(stream, stream->in.partial->cost);
	stream->in.partial->cost = 0;
}

/* Tells what was consumed: much, or all that there is. */
static void grant(pyr_stream *stream, bool all)
{
	if (stream->in.owed == 0 || stream->in.has_ended || stream->is_resuming ||
	    (!all && stream->in.owed < stream->in.window / 4))
		return;
	stream->in.room += stream->in.owed;
	stream->kind->grant(stream, stream->in.owed);
	stream->in.owed = 0;
}

void stream_grant_all(pyr_stream *stream)
{
	grant(stream, true);
}

/* What is kept of it. */
static bool charge(pyr_stream *stream, struct stream_item *item, const struct stream_part *part)
{
	size_t n = part->flags & FRAME_CONTINUES ? part->payload.n : stream_part_cost(part);

	item->charged += n;
	return stream_charge(stream, (ptrdiff_t)n);
}

static int take(pyr_stream *stream, const struct stream_part *part, char *text, size_t n)
{
	const char *wrong = fault(stream, part);
	bool is_first = !(part->flags & FRAME_CONTINUES);
	struct stream_item *item;

	if (wrong) {
		snprintf(text, n, "ProtocolError: %s", wrong);
		return PYR_INTERNAL;
	}
	if (part->total > stream->max_item || part->payload.n > stream->max_item) {
		snprintf(text, n, "MessageTooLarge: an item of %u bytes, the maximum is %u",
			 part->total ? part->total : (uint32_t)part->payload.n, stream->max_item);
		return PYR_RESOURCE_EXHAUSTED;
	}
	item = extend(stream, part);
	if (!item) {
		snprintf(text, n, "out of memory");
		return PYR_RESOURCE_EXHAUSTED;
	}
	stream->in.partial = item;
	if (!charge(stream, item, part)) {
		snprintf(text, n, "more than %zu bytes of this connection would be held",
			 budget_max(stream->budget));
		return PYR_RESOURCE_EXHAUSTED;
	}
	stream->in.room -= stream_part_cost(part);
	stream->in.n_items = part->sequence;
	stream->in.parts++;
	if (is_first)
		stream->in.partial_total = part->total;
	if (part->flags & FRAME_MORE) {
		credit_partial(stream);
		grant(stream, false);
		return 0;
	}
	stream->in.partial = NULL;
	*stream->in.last = item;
	stream->in.last = &item->next;
	wake(stream);
	return 0;
}

int stream_take(pyr_stream *stream, const struct stream_part *part, char *text, size_t n)
{
	int code = take(stream, part, text, n);

	if (code && part->held && (!stream->in.partial || stream->in.partial->held != part->held))
		import_list_drop(part->held);
	return code;
}

bool stream_take_end(pyr_stream *stream)
{
	if (stream->in.has_ended || stream->in.partial || !stream->reads)
		return false;
	stream->in.has_ended = true;
	stream->in.parts++;
	wake(stream);
	return true;
}

void stream_take_credit(pyr_stream *stream, uint64_t n)
{
	uint64_t room = (uint64_t)(stream->out.window - stream->out.room);

	n = n < room ? n : room;
	stream->out.room += (int64_t)n;
	stream->out.consumed += n;
	if (stream->out.queue.keeps) {
		queue_forget(&stream->out.queue, stream->out.consumed);
		stream_charge_queue(stream);
	}
	wake(stream);
	stream_tell_if_room(stream);
}

/* ---- the user's side ---- */

struct stream_item *stream_unlink(pyr_stream *stream)
{
	struct stream_item *item = stream->in.first;

	if (!item)
		return NULL;
	stream->in.first = item->next;
	if (!stream->in.first)
		stream->in.last = &stream->in.first;
	return item;
}

void stream_consume(pyr_stream *stream, const struct stream_item *item)
{
	stream_charge(stream, -(ptrdiff_t)item->charged);
	consume(stream, item->cost);
	credit_partial(stream);
	grant(stream, false);
}

static struct stream_item *pop(pyr_stream *stream)
{
	struct stream_item *item = stream_unlink(stream);

	if (item)
		stream_consume(stream, item);
	return item;
}

int stream_get(pyr_stream *stream, struct stream_item **ret)
{
	enum stream_state state = STREAM_OPEN;
	struct stream_item *item;

	pthread_mutex_lock(&stream->lock);
	if (stream->waits.reader) {
		pthread_mutex_unlock(&stream->lock);
		return error_set(PYR_FAILED_PRECONDITION, "%s: another thread reads the stream",
				 stream->operation->table->name);
	}
	while (!(item = pop(stream)) && !stream->in.has_ended &&
	       (state = stream->kind->state(stream)) == STREAM_OPEN) {
		grant(stream, true);
		wait(stream, &stream->waits.reader);
	}
	stream->kind->flush_unlock(stream, false);
	if (item)
		*ret = item;
	else if (state == STREAM_FAILED || state == STREAM_LOST)
		return stream->kind->error(stream);
	return item != NULL;
}

enum stream_state stream_wait_over(pyr_stream *stream)
{
	enum stream_state state;

	pthread_mutex_lock(&stream->lock);
	while ((state = stream->kind->state(stream)) == STREAM_OPEN && !stream->waits.reader)
		wait(stream, &stream->waits.reader);
	stream->kind->flush_unlock(stream, false);
	return state;
}

/* Waits until what costs that much may go. Returns whether it may. */
static bool wait_room(pyr_stream *stream, int64_t cost)
{
	while (stream->kind->state(stream) == STREAM_OPEN) {
		if (!stream->is_resuming &&
		    stream->out.room >= (cost < stream->out.window ? cost : stream->out.window)) {
			stream->out.room -= cost;
			return true;
		}
		wait(stream, &stream->waits.writer);
	}
	return false;
}

/* Why nothing can be written; 0 if it can. With the lock. */
static int check_write(pyr_stream *stream, const struct codec_packer *packer)
{
	const char *name = stream->operation->table->name;
	char text[128];

	if (stream->out.has_ended)
		return error_set(PYR_FAILED_PRECONDITION, "%s: the stream was ended", name);
	if (stream->out.is_writing)
		return error_set(PYR_FAILED_PRECONDITION, "%s: another thread writes the stream",
				 name);
	if (codec_is_too_large(packer, stream->their_max_item, text, sizeof(text)))
		return error_set(PYR_RESOURCE_EXHAUSTED, "MessageTooLarge: %s: an item %s", name,
				 text);
	return 0;
}

static int cannot_write(pyr_stream *stream, enum stream_state state)
{
	if (state == STREAM_FAILED || state == STREAM_LOST)
		return stream->kind->error(stream);
	return error_set(PYR_OUT_OF_RANGE, "%s: the method has returned: it reads no more",
			 stream->operation->table->name);
}

/* An item on its way: packed already if it goes in several parts. */
struct parts {
	const struct codec_packer *packer; /* else this packs it; NULL: `large` is there */
	const uint8_t *large;
	size_t n, at;
	struct stream_pass *pass; /* references that it passes; NULL: none */
};

/* Sends an item in parts of which each waits for its credit. With the lock. Returns 0 or a status.
 */
static int put_parts(pyr_stream *stream, struct parts *item)
{
	struct stream_part part = { .sequence = stream->out.n_items + (item->at == 0) };
	size_t n;
	uint8_t *to;

	do {
		n = item->n - item->at;
		n = n < stream->kind->fragment ? n : stream->kind->fragment;
		part.flags = (item->at > 0 ? FRAME_CONTINUES : 0) |
			     (item->at + n < item->n ? FRAME_MORE : 0);
		part.total = part.flags == FRAME_MORE ? (uint32_t)item->n : 0;
		part.payload.n = n;
		stream_pass_describe(item->at == 0 ? item->pass : NULL, &part);
		if (!wait_room(stream, (int64_t)stream_part_cost(&part)))
			return PYR_CANCELLED;
		if (item->pass && !stream_pass_may(stream, item->pass))
			return PYR_UNAVAILABLE;
		to = stream->kind->append(stream, &part);
		if (!to)
			return PYR_RESOURCE_EXHAUSTED;
		if (part.n_references > 0)
			stream_pass_done(stream, item->pass);
		if (item->large)
			memcpy(to, item->large + item->at, n);
		else
			codec_pack(item->packer, to);
		stream->out.n_items = part.sequence;
		item->at += n;
	} while (item->at < item->n);
	return 0;
}

/* What is left of an item that was begun on another link. */
static int put_rest(pyr_stream *stream)
{
	struct stream_rest *rest = &stream->out.rest;
	struct parts item = { .large = rest->data, .n = rest->n, .at = rest->at };
	int code;

	if (!rest->data)
		return 0;
	code = put_parts(stream, &item);
	rest->at = item.at;
	if (code)
		return code;
	free(rest->data);
	rest->data = NULL;
	return 0;
}

/* An item of which a part has left counts as written: its rest follows when the stream goes on. */
static bool keep_rest(pyr_stream *stream, const struct parts *item, uint8_t *large)
{
	if (item->at == 0 || !large || stream->kind->state(stream) != STREAM_LOST)
		return false;
	stream->out.rest = (struct stream_rest){ large, item->n, item->at };
	return true;
}

/* Why an item was not written. */
static int explain(pyr_stream *stream, enum stream_state state, int code)
{
	const char *name = stream->operation->table->name;

	if (code == PYR_CANCELLED)
		return cannot_write(stream, state);
	if (code == PYR_UNAVAILABLE)
		return error_set(code, "%s: the link over which the item's references go was lost",
				 name);
	return error_set(code, "%s: no room for an item that is not read yet", name);
}

static int put(pyr_stream *stream, const struct codec_packer *packer, struct stream_pass *pass,
	       bool tries)
{
	bool is_large = packer->size > stream->kind->fragment;
	uint8_t *large = is_large ? malloc(packer->size) : NULL;
	struct parts item = { packer, large, packer->size, 0, pass };
	enum stream_state state;
	int err = 0, code = 0;

	if (is_large && !large)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (large)
		codec_pack(packer, large);
	pthread_mutex_lock(&stream->lock);
	err = check_write(stream, packer);
	if (err == 0 && tries)
		err = stream_look_for_room(stream, packer->size, pass ? pass->n : 0);
	if (err == 0) {
		stream->out.is_writing = true;
		code = put_rest(stream);
		if (code == 0)
			code = put_parts(stream, &item);
		stream->out.is_writing = false;
	}
	if (code == PYR_CANCELLED && keep_rest(stream, &item, large)) {
		large = NULL;
		code = 0;
	}
	state = stream->kind->state(stream);
	stream->kind->flush_unlock(stream, false);
	free(large);
	return code ? explain(stream, state, code) : err;
}

/* They are on the link before the item waits for room there. */
static int put_with_references(pyr_stream *stream, const struct codec_packer *packer, bool tries)
{
	struct stream_pass pass;
	int err = stream_pass_begin(stream, packer->carried, &pass);

	if (err < 0)
		return err;
	err = put(stream, packer, &pass, tries);
	stream_pass_end(&pass, packer->carried);
	return err;
}

int stream_end(pyr_stream *stream)
{
	bool is_lost = false, is_short = false;

	pthread_mutex_lock(&stream->lock);
	if (!stream->out.has_ended && !stream->out.is_writing) {
		stream->out.is_writing = true;
		is_lost = put_rest(stream) && stream->kind->state(stream) == STREAM_LOST;
		stream->out.is_writing = false;
	}
	if (!stream->out.has_ended && !is_lost) {
		is_short = !stream->kind->end(stream);
		stream->out.has_ended = !is_short;
	}
	stream->kind->flush_unlock(stream, false);
	if (is_short)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return is_lost ? stream->kind->error(stream) : 0;
}

static int put_slot(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item,
		    const char *what, bool tries)
{
	_Alignas(16) uint8_t room[512];
	struct codec_problem problem;
	struct codec_packer packer;
	struct arena arena;
	int err;

	arena_init(&arena, room, sizeof(room));
	if (codec_prepare(stream->writes, item, &arena, &packer, &problem) < 0)
		err = error_set(problem.code, "%s_%s: %s", operation->name, what, problem.text);
	else if (packer.carried)
		err = put_with_references(stream, &packer, tries);
	else
		err = put(stream, &packer, NULL, tries);
	arena_clear(&arena);
	return err;
}

int stream_put_slot(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item,
		    const char *what)
{
	return put_slot(stream, operation, item, what, false);
}

int stream_try_slot(pyr_stream *stream, const struct pyr__operation *operation, pyr__in *item,
		    const char *what)
{
	return put_slot(stream, operation, item, what, true);
}
