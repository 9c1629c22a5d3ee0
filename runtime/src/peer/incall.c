/* SPDX-License-Identifier: MIT */
#include "peer/incall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stack.h"
#include "link/engine.h"
#include "peer/context.h"
#include "peer/exec.h"
#include "peer/peer_batch.h"
#include "peer/stream.h"

/*
 * The place of an answer that comes later. `lock` orders the caller's cancel against the answer:
 * on_cancel is called at most once, in a method thread, and not after the answer was given.
 */
struct pyr_deferred {
	pyr_call *call; /* counted */
	pthread_mutex_t lock;
	pyr_cancel_cb on_cancel;
	void *data;
	struct exec_job cancelled; /* the way into a method thread */
	bool is_posted;            /* lock: that job is queued */
	bool is_told;              /* lock: on_cancel was or is being called */
};

static _Thread_local pyr_call *current;

pyr_call *incall_current(void)
{
	return current;
}

pyr_call *incall_enter(pyr_call *call)
{
	pyr_call *before = current;

	current = call;
	return before;
}

pyr_call *incall_new(const struct call_origin *origin, void *origin_data, struct object *object,
		     unsigned operation)
{
	static atomic_uint_fast64_t next_chain;
	uint64_t chain[2] = { 0, atomic_fetch_add(&next_chain, 1) };
	pyr_call *call = malloc(sizeof(*call));

	if (!call)
		return NULL;
	memset(call, 0, offsetof(struct pyr_call, room));
	call->refs = 1;
	call->origin = origin;
	call->origin_data = origin_data;
	call->object = object;
	object_ref(object);
	call->operation = operation;
	call->deadline = ENGINE_FOREVER;
	call->correlation_id = call->traceparent = "";
	pthread_mutex_init(&call->lock, NULL);
	memcpy(call->chain, chain, sizeof(chain)); /* until the origin knows better */
	arena_init(&call->arena, call->room, sizeof(call->room));
	return call;
}

void incall_ref(pyr_call *call)
{
	atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
}

void incall_unref(pyr_call *call)
{
	if (atomic_fetch_sub(&call->refs, 1) != 1)
		return;
	stream_release(call->stream);
	call->origin->release(call);
	object_unref(call->object);
	if (call->executor)
		exec_unref(call->executor);
	arena_clear(&call->arena);
	pthread_mutex_destroy(&call->lock);
	free(call->owned);
	free(call);
}

static const struct codec_operation *operation_of(const pyr_call *call)
{
	static const struct pyr__operation batch = { .name = PEER_BATCH_NAME };
	static const struct codec_operation of_batch = { .table = &batch };

	if (call->origin->hook)
		return call->origin->hook;
	return call->batch ? &of_batch : &call->object->interface->operations[call->operation];
}

const struct pyr__operation *incall_operation(const pyr_call *call)
{
	return operation_of(call)->table;
}

/* Function pointers all have one size, and a methods table holds nothing else. */
bool incall_has_method(const pyr_call *call)
{
	void (*method)(void);

	if (call->batch)
		return true;
	if (call->origin->hook) /* a call that will be refused has an object without methods */
		return false;
	memcpy(&method, (char *)call->object->methods + call->operation * sizeof(method),
	       sizeof(method));
	return method != NULL;
}

void incall_fail(pyr_call *call, int code, const char *format, ...)
{
	struct error_info error = { .code = code };
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error.message = text;
	incall_end(call, &error);
}

/* Packs and sends the results of a method that returned 0. */
static void answer(pyr_call *call, pyr__in *out)
{
	struct codec_problem problem;
	struct codec_packer packer;

	if (call->is_answered)
		return;
	if (codec_prepare(operation_of(call)->reply, out, &call->arena, &packer, &problem) < 0) {
		incall_fail(call,
			    problem.code == PYR_UNIMPLEMENTED ||
					    problem.code == PYR_RESOURCE_EXHAUSTED
				    ? problem.code
				    : PYR_INTERNAL,
			    "the method's result cannot be sent: %s", problem.text);
		return;
	}
	incall_before_answer(call);
	call->is_answered = true;
	call->origin->reply(call, &packer);
}

static void run_method(pyr_call *call)
{
	const struct codec_operation *op = operation_of(call);
	size_t n_out = op->table->n_out, n_in = op->table->n_in;
	union pyr__slot few[16], *in = few, *out = few + n_in;
	struct codec_problem problem;
	int err;

	if (n_in + n_out > 16) {
		in = arena_alloc(&call->arena, (n_in + n_out) * sizeof(*in));
		out = in ? in + n_in : NULL;
	}
	if (!in) {
		incall_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	err = codec_unpack(op->request, call->payload.p, call->payload.n, call->max_message,
			   &call->arena, in, &problem);
	if (err < 0) {
		incall_fail(call, problem.code, "%s", problem.text);
		return;
	}
	memset(out, 0, n_out * sizeof(*out));
	err = op->table->shim(call, call->object->methods, in, out);
	if (call->deferred)
		return; /* it owns the answer, and may have given it */
	if (err == 0)
		answer(call, out);
	else
		incall_returned(call, err);
}

/* Whether anybody still wants it. Answers otherwise. */
static bool is_wanted(pyr_call *call)
{
	bool is_cancelled = atomic_load(&call->is_cancelled);

	if (is_cancelled)
		incall_fail(call, PYR_CANCELLED, "cancelled before it ran");
	else if (call->deadline != ENGINE_FOREVER && engine_now() >= call->deadline)
		incall_fail(call, PYR_DEADLINE_EXCEEDED, "the deadline passed before it ran");
	else
		return true;
	return false;
}

/* A oneway's caller waits for this alone: no deadline of his reaches further. */
static void acknowledge(pyr_call *call)
{
	call->is_answered = true;
	call->deadline = ENGINE_FOREVER;
	call->origin->reply(call, NULL);
}

static void run_wanted(pyr_call *call)
{
	const struct pyr__operation *table = operation_of(call)->table;

	if (call->is_oneway && !call->is_answered)
		acknowledge(call);
	if (call->batch)
		peer_batch_run(call);
	else if ((table->flags & (PYR__STREAM_IN | PYR__STREAM_OUT)) && !call->stream)
		incall_fail(call, PYR_UNIMPLEMENTED, "%s: no streams here", table->name);
	else if (!incall_has_method(call))
		incall_fail(call, PYR_UNIMPLEMENTED, "object '%s' does not implement %s",
			    call->object->id, table->name);
	else
		run_method(call);
}

void incall_run(pyr_call *call)
{
	pyr_error *error = pyr_error_take(); /* not of this call */
	pyr_call *outer = incall_enter(call);

	call->has_begun = true;
	context_clear_reply();
	if (call->origin->run)
		call->origin->run(call);
	else if (is_wanted(call) && (!call->is_guarded || call->origin->admit(call)))
		run_wanted(call);
	incall_enter(outer);
	error_restore(error);
}

static void on_cancelled(struct exec_job *job)
{
	pyr_deferred *d = (pyr_deferred *)((char *)job - offsetof(pyr_deferred, cancelled));
	pyr_call *call = d->call;

	pthread_mutex_lock(&d->lock); /* also while it runs: who answers meanwhile waits */
	d->is_posted = false;
	if (d->on_cancel && !d->is_told) {
		d->is_told = true;
		d->on_cancel(d, d->data);
	}
	pthread_mutex_unlock(&d->lock);
	incall_unref(call);
}

static void tell_deferred(pyr_deferred *d)
{
	bool post;

	pthread_mutex_lock(&d->lock);
	post = !d->is_posted && !d->is_told && d->on_cancel;
	if (post) {
		incall_ref(d->call);
		d->is_posted = exec_post(d->call->executor, &d->cancelled);
		if (!d->is_posted)
			incall_unref(d->call); /* not the last: the deferred has one */
	}
	pthread_mutex_unlock(&d->lock);
}

void incall_cancel(pyr_call *call)
{
	pyr_deferred *d;

	if (atomic_exchange(&call->is_cancelled, true))
		return;
	if (call->stream)
		stream_wake(call->stream);
	if (call->batch)
		peer_batch_cancel(call->batch);
	incall_cancel_nested(call);
	d = __atomic_load_n(&call->deferred, __ATOMIC_ACQUIRE);
	if (d)
		tell_deferred(d);
}

/* ---- answers that come later ---- */

/* Recursive, so that an on_cancel may give the answer itself. */
static void init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

int pyr_call_defer(pyr_call *call, pyr_deferred **ret)
{
	pyr_deferred *d;

	if (!call)
		return error_null("call");
	if (!ret)
		return error_missing("ret");
	if (call->origin->hook)
		return error_set(PYR_FAILED_PRECONDITION, "%s: a hook answers before it returns",
				 operation_of(call)->table->name);
	if (call->deferred || call != current)
		return error_set(PYR_FAILED_PRECONDITION, "%s: %s", operation_of(call)->table->name,
				 call->deferred ? "the call is deferred already"
						: "only its own method can defer a call");
	d = arena_alloc(&call->arena, sizeof(*d));
	if (!d)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	d->call = call;
	d->cancelled.run = on_cancelled;
	init_lock(&d->lock);
	incall_ref(call);
	__atomic_store_n(&call->deferred, d, __ATOMIC_RELEASE);
	*ret = d;
	return 0;
}

pyr_call *pyr_deferred_call(pyr_deferred *deferred)
{
	return deferred ? deferred->call : NULL;
}

void pyr_deferred_set_on_cancel(pyr_deferred *deferred, pyr_cancel_cb on_cancel, void *data)
{
	if (!deferred)
		return;
	pthread_mutex_lock(&deferred->lock);
	deferred->on_cancel = on_cancel;
	deferred->data = data;
	pthread_mutex_unlock(&deferred->lock);
	if (on_cancel && atomic_load(&deferred->call->is_cancelled))
		tell_deferred(deferred);
}

/* From here on the caller answers, and on_cancel is not called any more. */
static pyr_call *take(pyr_deferred *d)
{
	pthread_mutex_lock(&d->lock);
	d->is_told = true;
	pthread_mutex_unlock(&d->lock);
	return d->call;
}

/* An answer on its way through the stack that has room for it. */
struct completion {
	pyr_deferred *deferred;
	const struct pyr__operation *operation;
	pyr__in *out;
	int code;
	const char *text;
	int err;
};

static void reply(void *arg)
{
	struct completion *c = arg;
	pyr_call *call = take(c->deferred);

	if (operation_of(call)->table != c->operation) {
		incall_fail(call, PYR_INTERNAL, "the servant answered %s as if it were %s",
			    operation_of(call)->table->name, c->operation->name);
		c->err = error_set(PYR_INVALID_ARGUMENT, "the deferred is of %s, not of %s",
				   operation_of(call)->table->name, c->operation->name);
	} else {
		answer(call, c->out);
	}
	incall_unref(call);
}

int pyr__reply(pyr_deferred *deferred, const struct pyr__operation *operation, pyr__in *out)
{
	struct completion c = { .deferred = deferred, .operation = operation, .out = out };

	if (!deferred)
		return error_null("deferred");
	stack_call(reply, &c);
	return c.err;
}

static void fail(void *arg)
{
	struct completion *c = arg;
	pyr_call *call = take(c->deferred);

	incall_fail(call, c->code, "%s", c->text);
	incall_unref(call);
}

int pyr_deferred_fail(pyr_deferred *deferred, int code, const char *format, ...)
{
	struct completion c = { .deferred = deferred, .code = code < 0 ? -code : code };
	char text[2048];
	va_list args;

	if (!deferred)
		return error_null("deferred");
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (c.code < 1 || c.code > PYR_UNAUTHENTICATED)
		c.code = PYR_UNKNOWN;
	c.text = text;
	stack_call(fail, &c);
	return 0;
}

void pyr_deferred_free(pyr_deferred *deferred)
{
	if (deferred)
		(void)pyr_deferred_fail(deferred, PYR_INTERNAL, "the servant gave no answer");
}
