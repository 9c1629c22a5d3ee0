/* SPDX-License-Identifier: MIT */
#include "incall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "exec.h"

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
	call->correlation_id = "";
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
	call->origin->release(call);
	object_unref(call->object);
	if (call->executor)
		exec_unref(call->executor);
	arena_clear(&call->arena);
	free(call->owned);
	free(call);
}

static const struct codec_operation *operation_of(const pyr_call *call)
{
	return &call->object->interface->operations[call->operation];
}

static void answer_error(pyr_call *call, struct error_info *error)
{
	if (call->is_answered)
		return;
	call->is_answered = true;
	error->remote = true;
	if (!error->object)
		error->object = call->object->id;
	if (!error->operation)
		error->operation = operation_of(call)->table->name;
	error->correlation_id = call->correlation_id;
	call->origin->fail(call, error);
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
	answer_error(call, &error);
}

/* Packs and sends the results of a method that returned 0. */
static void answer(pyr_call *call, pyr__in *out)
{
	struct codec_problem problem;
	struct codec_packer packer;

	if (call->is_answered)
		return;
	if (codec_prepare(operation_of(call)->reply, out, &call->arena, &packer, &problem) < 0) {
		incall_fail(call, PYR_INTERNAL, "the method's result cannot be sent: %s",
			    problem.text);
		return;
	}
	call->is_answered = true;
	call->origin->reply(call, &packer);
}

/* What a method's return value other than 0 means. */
static void answer_failure(pyr_call *call, int err)
{
	if (err < 0 && err >= -PYR_UNAUTHENTICATED && call->failure.code == -err) {
		answer_error(call, &call->failure);
	} else if (err < 0 && err >= -PYR_UNAUTHENTICATED) {
		const pyr_error *last = pyr_last_error(); /* of a call it made and hands on */
		struct error_info error = { .code = -err };

		if (last->code == -err) {
			error.message = last->message;
			error.trace = last->trace;
			error.exception = last->exception;
			error.detail = error_detail(&error.n_detail);
		} else {
			error.message = pyr_status_name(err);
		}
		answer_error(call, &error);
	} else {
		incall_fail(call, PYR_UNKNOWN, "%s returned %d, which is no status",
			    operation_of(call)->table->name, err);
	}
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
	err = codec_unpack(op->request, call->payload.p, call->payload.n, &call->arena, in,
			   &problem);
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
		answer_failure(call, err);
}

/* Function pointers all have one size, and a methods table holds nothing else. */
static bool has_method(const pyr_call *call)
{
	void (*method)(void);

	memcpy(&method, (char *)call->object->methods + call->operation * sizeof(method),
	       sizeof(method));
	return method != NULL;
}

void incall_run(pyr_call *call)
{
	const struct pyr__operation *table = operation_of(call)->table;
	pyr_error *error = pyr_error_take(); /* not of this call */
	pyr_call *outer = current;

	current = call;
	if (call->is_oneway && !call->is_answered && !atomic_load(&call->is_cancelled)) {
		call->is_answered = true;
		call->origin->reply(call, NULL);
	}
	if (atomic_load(&call->is_cancelled))
		incall_fail(call, PYR_CANCELLED, "cancelled before it ran");
	else if (call->deadline != ENGINE_FOREVER && engine_now() >= call->deadline)
		incall_fail(call, PYR_DEADLINE_EXCEEDED, "the deadline passed before it ran");
	else if (table->flags & PYR__UNSUPPORTED)
		incall_fail(call, PYR_UNIMPLEMENTED, "streams are not supported yet: %s",
			    table->name);
	else if (!has_method(call))
		incall_fail(call, PYR_UNIMPLEMENTED, "object '%s' does not implement %s",
			    call->object->id, table->name);
	else
		run_method(call);
	current = outer;
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
	d = __atomic_load_n(&call->deferred, __ATOMIC_ACQUIRE);
	if (d)
		tell_deferred(d);
}

/* ---- what a method may do with its call ---- */

void *pyr_call_data(const pyr_call *call)
{
	return call ? call->object->data : NULL;
}

const char *pyr_call_object(const pyr_call *call)
{
	return call ? call->object->id : "";
}

const char *pyr_call_operation(const pyr_call *call)
{
	return call ? operation_of(call)->table->name : "";
}

const char *pyr_call_peer(const pyr_call *call)
{
	return call ? call->origin->peer(call) : "";
}

bool pyr_call_is_cancelled(const pyr_call *call)
{
	return call && (atomic_load(&call->is_cancelled) ||
			(call->deadline != ENGINE_FOREVER && engine_now() >= call->deadline));
}

int64_t pyr_call_time_left(const pyr_call *call)
{
	int64_t left;

	if (!call || call->deadline == ENGINE_FOREVER)
		return INT64_MAX;
	left = call->deadline - engine_now();
	return left > 0 ? left / ENGINE_MS : 0;
}

void *pyr_alloc(pyr_call *call, size_t n)
{
	void *block = call ? arena_alloc(&call->arena, n) : NULL;

	if (!block)
		error_set(call ? PYR_RESOURCE_EXHAUSTED : PYR_INVALID_ARGUMENT, "%s",
			  call ? "out of memory" : "call is NULL");
	return block;
}

char *pyr_strdup(pyr_call *call, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *copy = s ? pyr_alloc(call, n) : NULL;

	return copy ? memcpy(copy, s, n) : NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "file:line in operation", and what a nested call had gone through before. */
static const char *trace_of(pyr_call *call, const char *file, int line)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s:%d in %s\n", base_name(file), line,
			 operation_of(call)->table->name);

	return arena_copy(&call->arena, text, n < (int)sizeof(text) ? (size_t)n + 1 : sizeof(text));
}

int pyr_call_fail(pyr_call *call, const char *file, int line, int code, const char *format, ...)
{
	char text[2048];
	va_list args;

	if (code < 0)
		code = -code;
	if (!call || code < 1 || code > PYR_UNAUTHENTICATED)
		return error_set(PYR_INVALID_ARGUMENT, "pyr_fail: %s",
				 call ? "the code is no status" : "call is NULL");
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	call->failure = (struct error_info){ .code = code };
	call->failure.message = arena_copy(&call->arena, text, strlen(text) + 1);
	call->failure.trace = trace_of(call, file, line);
	return -code;
}

int pyr__raise(pyr_call *call, const char *file, int line, const struct pyr__type *type,
	       const void *value)
{
	struct codec_problem problem;
	struct codec_packer packer;
	uint8_t *detail;
	int code = type->status ? type->status : PYR_ABORTED;

	if (!call)
		return error_null("call");
	if (!value || codec_prepare_value(type, value, &call->arena, &packer, &problem) < 0)
		return pyr_call_fail(call, file, line, PYR_INTERNAL,
				     "exception %s cannot be sent: %s", type->name,
				     value ? problem.text : "it is NULL");
	detail = arena_alloc_raw(&call->arena, packer.size ? packer.size : 1);
	if (!detail)
		return pyr_call_fail(call, file, line, PYR_RESOURCE_EXHAUSTED, "out of memory");
	codec_pack(&packer, detail);
	pyr_call_fail(call, file, line, code, "%s", type->name);
	call->failure.exception = type->name;
	call->failure.detail = detail;
	call->failure.n_detail = packer.size;
	return -code;
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
		return error_null("ret");
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

int pyr__reply(pyr_deferred *deferred, const struct pyr__operation *operation, pyr__in *out)
{
	pyr_call *call;
	int err = 0;

	if (!deferred)
		return error_null("deferred");
	call = take(deferred);
	if (operation_of(call)->table != operation) {
		incall_fail(call, PYR_INTERNAL, "the servant answered %s as if it were %s",
			    operation_of(call)->table->name, operation->name);
		err = error_set(PYR_INVALID_ARGUMENT, "the deferred is of %s, not of %s",
				operation_of(call)->table->name, operation->name);
	} else {
		answer(call, out);
	}
	incall_unref(call);
	return err;
}

int pyr_deferred_fail(pyr_deferred *deferred, int code, const char *format, ...)
{
	char text[2048];
	va_list args;

	if (!deferred)
		return error_null("deferred");
	if (code < 0)
		code = -code;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	incall_fail(take(deferred), code >= 1 && code <= PYR_UNAUTHENTICATED ? code : PYR_UNKNOWN,
		    "%s", text);
	incall_unref(deferred->call);
	return 0;
}

void pyr_deferred_free(pyr_deferred *deferred)
{
	if (deferred)
		(void)pyr_deferred_fail(deferred, PYR_INTERNAL, "the servant gave no answer");
}
