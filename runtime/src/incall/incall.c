/* SPDX-License-Identifier: MIT */
#include "incall/incall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/spares.h"
#include "base/stack.h"
#include "context/context.h"
#include "engine/engine.h"
#include "exec/callbacks.h"
#include "exec/exec.h"
#include "incall/deferred.h"
#include "incall/incall_stream.h"
#include "reference/references.h"
#include "wire/frame.h"

static pyr_call *of_scope(struct scope *scope)
{
	return (pyr_call *)scope;
}

pyr_call *incall_current(void)
{
	return of_scope(scope_current());
}

pyr_call *incall_enter(pyr_call *call)
{
	exec_set_chain(call ? call->task.chain : NULL);
	return of_scope(scope_enter(call ? &call->scope : NULL));
}

static void ref_scope(struct scope *scope)
{
	incall_ref(of_scope(scope));
}

static void unref_scope(struct scope *scope)
{
	incall_unref(of_scope(scope));
}

static char *copy_into(struct scope *scope, const char *data, size_t n)
{
	return arena_copy(&of_scope(scope)->arena, data, n);
}

static const struct scope_kind scope_kind = { ref_scope, unref_scope, copy_into };

static pyr_call *of(struct exec_task *task)
{
	return (pyr_call *)((char *)task - offsetof(pyr_call, task));
}

/* It has been answered by its method, and nobody but who runs it and its origin has it: its memory
 * is of no more use. */
static bool is_through(pyr_call *call)
{
	return call->origin->lingers && !call->answer.deferred && call->answer.is_given &&
	       !call->stream && !call->batch && atomic_load(&call->refs) == 2;
}

static void run_task(struct exec_task *task)
{
	pyr_call *call = of(task);

	incall_run(call);
	if (is_through(call))
		arena_clear(&call->arena);
}

static void drop_task(struct exec_task *task)
{
	incall_fail(of(task), PYR_UNAVAILABLE, "the daemon has stopped");
}

static void ref_task(struct exec_task *task)
{
	incall_ref(of(task));
}

static void unref_task(struct exec_task *task)
{
	incall_unref(of(task));
}

static const struct exec_task_kind task_kind = { run_task, drop_task, ref_task, unref_task };

bool incall_submit(struct executor *executor, struct lane *lane, pyr_call *call)
{
	call->task.keeps_lane = call->is_oneway || call->origin->keeps_lane;
	call->task.keeps_turn = call->is_guarded;
	if (call->instance && !call->origin->run)
		call->task.turn = instance_turn(call->instance);
	return exec_submit(executor, lane, &call->task);
}

enum { SPARE = 512 };

static struct spares spares = SPARES(pyr_call, SPARE);

pyr_call *incall_new(const struct call_origin *origin, void *origin_data, struct object *object,
		     unsigned operation)
{
	static atomic_uint_fast64_t next_chain;
	uint64_t chain[2] = { 0, atomic_fetch_add(&next_chain, 1) };
	pyr_call *call = spares_take(&spares);

	if (!call)
		return NULL;
	memset(call, 0, offsetof(struct pyr_call, room));
	call->refs = 1;
	call->origin = origin;
	call->task.kind = &task_kind;
	call->origin_data = origin_data;
	call->object = object;
	object_ref(object);
	call->operation = operation;
	if (object->life && object->life->mode == PYR_SINGLE)
		call->instance = &object->life->single;
	call->deadline = ENGINE_FOREVER;
	scope_init(&call->scope, &scope_kind, call->task.chain);
	memcpy(call->task.chain, chain, sizeof(chain)); /* until the origin knows better */
	arena_init(&call->arena, call->room, sizeof(call->room));
	return call;
}

void incall_ref(pyr_call *call)
{
	atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
}

void incall_let_go(pyr_call *call)
{
	struct import_list *held = call->request.held;

	call->request.held = NULL;
	if (call->stream)
		stream_let_go(call->stream);
	taken_free(&call->taken);
	import_list_drop(held);
}

/* What outlived its call, with whatever lock that ended. */
struct left_over {
	struct exec_job job;
	struct taken taken, item;
};

static void free_left_over(struct exec_job *job)
{
	struct left_over *left = (struct left_over *)job;

	taken_free(&left->taken);
	taken_free(&left->item);
	free(left);
}

/* Proxies are freed without locks. */
static void leave_taken(pyr_call *call)
{
	struct left_over *left;
	struct taken item = { 0 };

	if (call->stream)
		item = stream_leave_taken(call->stream);
	if (call->taken.n == 0 && item.n == 0)
		return;
	left = malloc(sizeof(*left));
	if (!left)
		return; /* they leak: there is no memory to do better */
	*left = (struct left_over){ { .run = free_left_over }, call->taken, item };
	callbacks_post(call->task.executor, &left->job);
}

void incall_unref(pyr_call *call)
{
	if (atomic_fetch_sub(&call->refs, 1) != 1)
		return;
	if (call->taken.n > 0 || call->stream)
		leave_taken(call);
	import_list_drop(call->request.held);
	error_held_unref(call->answer.failure.held);
	stream_release(call->stream);
	if (call->answer.deferred)
		deferred_fini(call->answer.deferred);
	arena_clear(&call->arena); /* it is charged to what the origin holds */
	instance_unref(call->instance);
	call->origin->release(call);
	object_unref(call->object);
	if (call->task.executor)
		exec_unref(call->task.executor);
	scope_fini(&call->scope);
	block_unref(call->request.owned);
	spares_put(&spares, call);
}

static const struct codec_operation *operation_of(const pyr_call *call)
{
	static const struct pyr__operation batch = { .name = FRAME_BATCH_NAME };
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

void incall_reply(pyr_call *call, const struct codec_packer *packer)
{
	if (incall_is_given_up(call))
		return;
	incall_before_answer(call);
	call->answer.is_given = true;
	incall_count(call, PYR_OK);
	call->origin->reply(call, packer);
}

/* The same, of results as they are. */
static void hand_over(pyr_call *call, pyr__in *out)
{
	if (incall_is_given_up(call))
		return;
	incall_before_answer(call);
	call->answer.is_given = true;
	incall_count(call, PYR_OK);
	call->origin->take(call, out);
}

/* Packs and sends the results of a method that returned 0. */
void incall_answer(pyr_call *call, pyr__in *out)
{
	struct codec_problem problem;
	struct codec_packer packer;

	if (call->answer.is_given) {
		incall_count(call, PYR_OK);
		return;
	}
	if (call->origin->take) {
		hand_over(call, out);
		return;
	}
	if (codec_prepare(operation_of(call)->reply, out, &call->arena, &packer, &problem) < 0) {
		incall_fail(call,
			    problem.code == PYR_UNIMPLEMENTED ||
					    problem.code == PYR_RESOURCE_EXHAUSTED
				    ? problem.code
				    : PYR_INTERNAL,
			    "the method's result cannot be sent: %s", problem.text);
		return;
	}
	incall_reply(call, &packer);
}

/* Those of a batch came all together. */
static const struct import_list *brought_by(const pyr_call *call)
{
	const pyr_call *whole = call->origin->is_part ? call->origin_data : call;

	return whole->request.held;
}

/* The arguments go into the call's memory and are charged to its connection; so is what the method
 * then allocates, but that is not refused: what a peer holds never makes a method fail. */
static bool unpack(pyr_call *call, const struct codec_operation *op, union pyr__slot *in)
{
	struct codec_problem problem;
	struct taker taker;
	int err;

	taker_init(&taker, brought_by(call));
	taker.budget = call->peer ? call->peer->budget : NULL;
	taker.from = call->peer;
	err = codec_take(op->request, &taker.base, call->request.payload, true,
			 call->request.max_message, &call->arena, in, &problem);
	if (taker.taken.n > 0 && !taker_move(&taker, &call->taken)) {
		taker_drop(&taker);
		call->arena.is_refused = false;
		problem.code = PYR_RESOURCE_EXHAUSTED;
		snprintf(problem.text, sizeof(problem.text), "out of memory");
		err = -problem.code;
	}
	call->arena.may_exceed = true;
	if (err == 0)
		return true;
	if (call->arena.is_refused)
		incall_fail(call, PYR_RESOURCE_EXHAUSTED,
			    "MessageTooLarge: with the arguments of this request more than %zu "
			    "bytes of this connection's are held",
			    budget_max(call->arena.budget));
	else
		incall_fail(call, problem.code, "%s", problem.text);
	return false;
}

static void run_method(pyr_call *call)
{
	const struct codec_operation *op = operation_of(call);
	size_t n_out = op->table->n_out, n_in = call->given ? 0 : op->table->n_in;
	union pyr__slot few[16], *in = few, *out = few + n_in;
	int err;

	if (n_in + n_out > 16) {
		in = arena_alloc(&call->arena, (n_in + n_out) * sizeof(*in));
		out = in ? in + n_in : NULL;
	}
	if (!in) {
		incall_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	if (!call->given && !unpack(call, op, in))
		return;
	memset(out, 0, n_out * sizeof(*out));
	err = op->table->shim(call, call->object->methods, call->given ? call->given : in, out);
	if (call->answer.deferred)
		return; /* it owns the answer, and may have given it */
	if (err == 0)
		incall_answer(call, out);
	else
		incall_returned(call, err);
}

/* Whether anybody still wants it. Answers otherwise. */
static bool is_wanted(pyr_call *call)
{
	bool is_cancelled = atomic_load(&call->scope.is_cancelled);

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
	call->answer.is_given = true;
	call->deadline = ENGINE_FOREVER;
	call->origin->reply(call, NULL);
}

/* ---- instances ---- */

/* One at a time, for each instance: who runs it has the turn. Answers if it fails. */
static bool make_instance(pyr_call *call, struct instance *instance)
{
	void *data = NULL;
	int err;

	if (instance->is_being_made) {
		incall_fail(call, PYR_FAILED_PRECONDITION,
			    "object '%s': what creates its instance calls it", call->object->id);
		return false;
	}
	instance->is_being_made = call->is_creating = true;
	err = call->object->life->create(call, call->object->data, &data);
	instance->is_being_made = call->is_creating = false;
	if (err) {
		incall_returned(call, err);
		return false;
	}
	instance_made(instance, data);
	return true;
}

/* Of an object that has any. Answers if there is none. */
static bool has_instance(pyr_call *call)
{
	struct instance *instance = call->instance;

	if (!instance) {
		instance = call->instance = instance_new(call->object);
		if (instance)
			return make_instance(call, instance);
		incall_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return false;
	}
	if (atomic_load(&instance->is_made))
		return true;
	if (!make_instance(call, instance))
		return false;
	if (!instance_turn(instance))
		exec_open_turn(call->task.executor, &instance->turn);
	return true;
}

/* It was made for this call, which is through. */
static void end_instance(pyr_call *call)
{
	struct instance *instance = call->instance;
	pyr_call *outer = incall_enter(NULL);

	call->instance = NULL;
	instance_end(instance);
	incall_enter(outer);
}

static void run_wanted(pyr_call *call)
{
	const struct pyr__operation *table = operation_of(call)->table;

	if (call->is_oneway && !call->answer.is_given)
		acknowledge(call);
	if (call->batch)
		call->origin->run_batch(call);
	else if ((table->flags & (PYR__STREAM_IN | PYR__STREAM_OUT)) && !call->stream)
		incall_fail(call, PYR_UNIMPLEMENTED, "%s: no streams here", table->name);
	else if (!incall_has_method(call))
		incall_fail(call, PYR_UNIMPLEMENTED, "object '%s' does not implement %s",
			    call->object->id, table->name);
	else if (!call->object->life || has_instance(call)) {
		atomic_fetch_add_explicit(&call->object->n_calls, 1, memory_order_relaxed);
		if (call->object->tally)
			call->begun_ns = tally_begin(call->object->tally, call->operation);
		run_method(call);
	}
}

/* Whether its object was not unregistered while it waited. Answers otherwise. Each call of a batch
 * is asked about for itself. */
static bool has_object(pyr_call *call)
{
	if (call->has_data || call->batch)
		return true;
	incall_fail(call, PYR_NOT_FOUND, "no object '%s' at %s: it was unregistered",
		    call->object->id, object_address(call->object));
	return false;
}

void incall_run(pyr_call *call)
{
	pyr_error *error = pyr_error_take(); /* not of this call */
	pyr_call *outer = incall_enter(call);
	bool has_own = call->object->life && !call->instance;

	call->has_data = object_enter(call->object);
	call->has_begun = true;
	context_clear_reply();
	if (call->origin->run)
		call->origin->run(call);
	else if (is_wanted(call) && (!call->is_guarded || call->origin->admit(call)) &&
		 has_object(call))
		run_wanted(call);
	incall_enter(outer);
	if ((call->taken.n > 0 || call->request.held || call->stream) && !call->answer.deferred &&
	    !call->batch)
		incall_let_go(call);
	exec_uncork_brief(); /* what was given back goes with the answer */
	if (has_own && call->instance && !call->answer.deferred)
		end_instance(call);
	if (call->has_data)
		object_leave(call->object);
	error_restore(error);
}

void incall_cancel(pyr_call *call)
{
	pyr_deferred *d;

	if (!scope_cancel(&call->scope))
		return;
	if (call->stream)
		stream_wake(call->stream);
	if (call->batch)
		call->origin->cancel_batch(call);
	d = __atomic_load_n(&call->answer.deferred, __ATOMIC_ACQUIRE);
	if (d)
		deferred_cancel(d);
}
