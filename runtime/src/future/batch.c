/* SPDX-License-Identifier: MIT */
/*
 * Batches, the caller's side: stubs of the batch's proxy append Call frames to a run of them, which
 * is the payload of one call. Its reply is a run of Reply and Error frames, one for each item that
 * was run. An operation is named by its first item; later ones give the number that it has in this
 * batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "base/array.h"
#include "base/config.h"
#include "base/error.h"
#include "context/call_wish.h"
#include "future/future.h"
#include "proxy/request.h"
#include "proxy/unreadable.h"
#include "reference/carried.h"
#include "reference/taker.h"

struct item {
	unsigned operation;
	size_t out; /* where its result pointers begin in `outs` */
};

struct pyr_batch {
	atomic_int refs;  /* its user's, its future's */
	pyr_proxy *proxy; /* counted: the batch's future may outlive it */
	pyr_proxy *stub;  /* what the stubs take */
	struct buf frames;
	struct item *items;
	size_t n_items, cap_items;
	void **outs;
	size_t n_outs, cap_outs;
	uint32_t
		*numbers; /* of the interface's operations: 1 + the number here; 0: not named yet */
	uint32_t n_named;
	size_t memory;                       /* the most that one of its requests takes */
	const struct codec_carried *carried; /* references that they pass, kept */
	bool may_run_twice;                  /* each operation in it may */
	size_t n_done;
	atomic_bool is_running; /* it has a future */
	bool has_options;       /* of the next run */
	struct pyr_call_options options;
};

static int add(pyr_batch *batch, unsigned operation, pyr__in *in, void *const *out);

static void batch_unref(pyr_batch *batch)
{
	if (atomic_fetch_sub(&batch->refs, 1) != 1)
		return;
	buf_free(&batch->frames);
	carried_drop(batch->carried);
	free(batch->items);
	free(batch->outs);
	free(batch->numbers);
	proxy_unref(batch->proxy);
	free(batch);
}

pyr_batch *pyr_batch_new(pyr_proxy *proxy)
{
	pyr_batch *batch;

	if (!proxy) {
		error_null("proxy");
		return error_from_constructor();
	}
	if (proxy->batch)
		return error_constructor(PYR_INVALID_ARGUMENT, "the proxy stands for a batch");
	batch = calloc(1, sizeof(*batch));
	if (!batch)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	batch->refs = 1;
	proxy_ref(proxy);
	batch->proxy = proxy;
	batch->numbers = calloc(proxy->interface->table->n_operations + 1, sizeof(*batch->numbers));
	batch->stub = batch->numbers ? proxy_like(proxy, proxy->interface->table) : NULL;
	if (!batch->stub) {
		batch_unref(batch);
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	batch->stub->batch = batch;
	batch->stub->queue = add;
	batch->may_run_twice = true;
	return batch;
}

void *pyr__batch(pyr_batch *batch, const struct pyr__interface *interface)
{
	const struct pyr__interface *own;

	if (!batch) {
		error_null("batch");
		return error_from_constructor();
	}
	own = batch->stub->interface->table;
	if (codec_has_interface(own, span_of(interface->name)))
		return batch->stub;
	return error_constructor(PYR_INVALID_ARGUMENT, "a batch of %s is not a batch of %s",
				 own->name, interface->name);
}

void pyr__batch_set_options(pyr_batch *batch, const struct pyr_call_options *options, size_t size)
{
	if (batch)
		batch->has_options = abi_options(&batch->options, sizeof(batch->options), options,
						 size, "pyr_call_options") == 0;
}

/* The options of its next run become those of the next call. */
static void wish_for(pyr_batch *batch)
{
	if (batch->has_options)
		(void)pyr__with(batch->proxy, &batch->options, sizeof(batch->options));
	batch->has_options = false;
}

void pyr_batch_free(pyr_batch *batch)
{
	if (!batch)
		return;
	batch->stub->batch = NULL;
	pyr__proxy_free(batch->stub);
	batch_unref(batch);
}

size_t pyr_batch_done(const pyr_batch *batch)
{
	return batch ? batch->n_done : 0;
}

/* ---- queueing ---- */

static bool put(pyr_batch *batch, unsigned operation, const struct codec_packer *packer,
		void *const *out)
{
	const struct pyr__operation *table = &batch->proxy->interface->table->operations[operation];
	struct frame frame = { .type = FRAME_CALL };
	bool is_named = batch->numbers[operation] > 0;
	uint8_t *at;

	if (!array_reserve(&batch->items, &batch->cap_items, batch->n_items + 1,
			   sizeof(*batch->items)) ||
	    !array_reserve(&batch->outs, &batch->cap_outs, batch->n_outs + table->n_out,
			   sizeof(void *)))
		return false;
	if (is_named) {
		frame.operation = batch->numbers[operation] - 1;
	} else {
		frame.name = span_of(table->name);
		frame.fingerprint = table->fingerprint;
	}
	at = frame_write(&batch->frames, &frame, packer->size);
	if (!at) {
		batch->frames.broken = false; /* what it holds is whole */
		return false;
	}
	codec_pack(packer, at);
	if (!is_named)
		batch->numbers[operation] = ++batch->n_named;
	batch->items[batch->n_items++] = (struct item){ operation, batch->n_outs };
	if (table->n_out > 0)
		memcpy(batch->outs + batch->n_outs, out, table->n_out * sizeof(void *));
	batch->n_outs += table->n_out;
	if (packer->memory > batch->memory)
		batch->memory = packer->memory;
	batch->may_run_twice &= (table->flags & PYR__IDEMPOTENT) != 0;
	return true;
}

static int add(pyr_batch *batch, unsigned operation, pyr__in *in, void *const *out)
{
	const char *name = batch->proxy->interface->operations[operation].table->name;
	const struct codec_carried *kept;
	struct request request;
	bool is_kept;
	int err = 0;

	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	if (wish_take(batch->stub))
		return error_set(PYR_FAILED_PRECONDITION,
				 "%s: a call in a batch has no options of its own: "
				 "pyr_batch_set_options()",
				 name);
	if (atomic_load(&batch->is_running))
		return error_set(PYR_FAILED_PRECONDITION, "%s: the batch is running", name);
	if (batch->n_items >= PEER_MAX_BATCH)
		return error_set(PYR_RESOURCE_EXHAUSTED, "%s: the batch has %d calls, the maximum",
				 name, PEER_MAX_BATCH);
	if (!request_begin(&request, batch->stub, operation, in))
		return -pyr_last_error()->code;
	kept = carried_keep(request.packer.carried, &is_kept);
	if (is_kept && put(batch, operation, &request.packer, out)) {
		carried_join(&batch->carried, kept);
	} else {
		carried_drop(kept);
		err = error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	request_end(&request);
	return err;
}

static void empty(pyr_batch *batch)
{
	buf_reset(&batch->frames);
	carried_drop(batch->carried);
	batch->carried = NULL;
	batch->n_items = batch->n_outs = 0;
	batch->n_named = 0;
	batch->memory = 0;
	batch->may_run_twice = true;
	memset(batch->numbers, 0,
	       batch->proxy->interface->table->n_operations * sizeof(*batch->numbers));
}

/* ---- results ---- */

/* The last error of item i, whose answer is an Error. */
static int item_error(pyr_batch *batch, const struct outcall *call, size_t i, struct frame *frame)
{
	struct outcall one = { .session = call->session, .operation = batch->items[i].operation };
	char text[2048];
	struct frame again = { 0 };
	struct buf buf = { 0 };
	const uint8_t *at;
	int err;

	snprintf(text, sizeof(text), "call %zu of %zu in the batch: %.*s", i + 1, batch->n_items,
		 (int)(frame->message.n < 1900 ? frame->message.n : 1900),
		 frame->message.n ? (const char *)frame->message.p : "");
	frame->message = span_of(text);
	frame->body = (struct span){ 0 };
	frame_append(&buf, frame);
	at = buf.data;
	if (buf.broken || frame_read(&at, buf.data + buf.n, &again) != 1) {
		buf_free(&buf);
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for the error of a call");
	}
	one.result.code = frame->code >= 1 && frame->code <= PYR_UNAUTHENTICATED ? (int)frame->code
										 : PYR_UNKNOWN;
	one.result.is_remote = true;
	one.result.held = call->result.held;
	one.result.may_have_run = frame->may_have_run;
	one.result.answer = (struct buf){ .data = (uint8_t *)again.body.p, .n = again.body.n };
	err = outcall_error(&one);
	buf_free(&buf);
	return err;
}

static int store(pyr_batch *batch, const struct outcall *call, size_t i, const struct frame *frame)
{
	const struct item *item = &batch->items[i];
	const struct codec_operation *codec = &batch->proxy->interface->operations[item->operation];
	struct codec_problem problem;
	struct taker taker;

	taker_init(&taker, call->result.held);
	taker.from = call->session ? call->session->peer : NULL;
	if (codec_take_results(codec->reply, &taker.base, frame->payload,
			       config_number(CONFIG_MAX_MESSAGE), batch->outs + item->out,
			       &problem) == 0) {
		taker_give(&taker);
		return 0;
	}
	taker_drop(&taker);
	return unreadable(&problem, "the reply of %s, call %zu in the batch", codec->table->name,
			  i + 1);
}

/* Goes through the answers, in order, to the first failure. stores: the results too. */
static int read_answers(pyr_batch *batch, const struct outcall *call, bool stores)
{
	const uint8_t *at = call->result.answer.data, *end = at + call->result.answer.n;
	struct frame frame;
	size_t i;
	int err;

	for (i = 0; i < batch->n_items; i++) {
		if (frame_read(&at, end, &frame) != 1 ||
		    (frame.type != FRAME_REPLY && frame.type != FRAME_ERROR))
			return error_set(PYR_INTERNAL,
					 "ProtocolError: no answer to call %zu of %zu in the batch",
					 i + 1, batch->n_items);
		if (frame.type == FRAME_ERROR)
			return item_error(batch, call, i, &frame);
		if (!stores)
			continue;
		err = store(batch, call, i, &frame);
		if (err < 0)
			return err;
		batch->n_done++;
	}
	return 0;
}

static int status(pyr_future *future)
{
	return read_answers(future->batch, &future->call, false);
}

/* ---- running ---- */

/* Whether there is something to run. With *err set there is not. */
static bool begin(pyr_batch *batch, int *err)
{
	*err = 0;
	if (!batch)
		*err = error_null("batch");
	else if (proxy_is_forked())
		*err = -PYR_FAILED_PRECONDITION;
	else if (atomic_load(&batch->is_running))
		*err = error_set(PYR_FAILED_PRECONDITION, "the batch is running");
	else
		batch->n_done = 0;
	return *err == 0;
}

static unsigned operation_of(const pyr_batch *batch, bool is_oneway)
{
	if (batch->may_run_twice)
		return (unsigned)(is_oneway ? SESSION_BATCH_ONEWAY_IDEMPOTENT
					    : SESSION_BATCH_IDEMPOTENT);
	return (unsigned)(is_oneway ? SESSION_BATCH_ONEWAY : SESSION_BATCH);
}

static struct codec_packer packer_of(const pyr_batch *batch)
{
	const uint8_t *bytes = batch->frames.n ? batch->frames.data : (const uint8_t *)"";

	return (struct codec_packer){ .bytes = bytes,
				      .size = batch->frames.n,
				      .memory = batch->memory,
				      .carried = batch->carried };
}

static int run(pyr_batch *batch, bool is_oneway)
{
	struct codec_packer packer;
	struct outcall call;
	int err;

	if (!begin(batch, &err) || batch->n_items == 0)
		return err;
	wish_for(batch);
	packer = packer_of(batch);
	if (!proxy_perform(batch->proxy, operation_of(batch, is_oneway), &packer, &call)) {
		err = -pyr_last_error()->code;
	} else {
		if (call.result.code)
			err = outcall_error(&call);
		else if (!is_oneway)
			err = read_answers(batch, &call, true);
		outcall_fini(&call);
		session_unref(call.session);
	}
	empty(batch);
	return err;
}

int pyr_batch_run(pyr_batch *batch)
{
	return run(batch, false);
}

int pyr_batch_run_oneway(pyr_batch *batch)
{
	return run(batch, true);
}

static void over(pyr_future *future)
{
	empty(future->batch);
	atomic_store(&future->batch->is_running, false);
	batch_unref(future->batch);
}

static const struct future_kind batch_kind = { status, over };

pyr_future *pyr_batch_start(pyr_batch *batch)
{
	struct codec_packer packer;
	pyr_future *future;
	int err;

	if (!begin(batch, &err))
		return error_from_constructor();
	future = future_new();
	if (!future)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	wish_for(batch);
	packer = packer_of(batch);
	if (!future_launch(future, batch->proxy, operation_of(batch, false), &packer)) {
		future_free(future);
		return error_from_constructor();
	}
	atomic_fetch_add(&batch->refs, 1);
	atomic_store(&batch->is_running, true);
	future->kind = &batch_kind;
	future->batch = batch;
	return future;
}

int pyr_batch_get(pyr_future *future)
{
	int err;

	if (!future)
		return error_null("future");
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	if (!future->batch) {
		err = error_set(PYR_INVALID_ARGUMENT, "the future is of %s, not of a batch",
				future->operation->table->name);
		pyr_future_free(future);
		return err;
	}
	future_wait(future);
	err = future->call.result.code ? future_error(future)
				       : read_answers(future->batch, &future->call, true);
	future_drop(future);
	return err;
}
