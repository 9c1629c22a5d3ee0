/* SPDX-License-Identifier: MIT */
/*
 * A call in the thread of its caller. It is a pyr_call as any other, run as any other, by a guest
 * of the pool; only its arguments and results stay as they are, and its answer goes to who waits
 * here. One that went well is used again.
 */
#include "direct/direct_own.h"

#include <stdio.h>
#include <string.h>

#include "context/context.h"
#include "incall/deferred.h"
#include "wire/frame.h"

_Static_assert(sizeof(struct direct_run) <= sizeof(((pyr_call *)0)->room),
	       "a run lives in the room of its call, which stays until the call is freed");

static struct direct_run *run_of(const pyr_call *call)
{
	return call->origin_data;
}

static struct direct_call *of_guest(struct exec_guest *guest)
{
	return (struct direct_call *)((char *)guest - offsetof(struct direct_call, guest));
}

/* ---- the answer ---- */

static void wake(struct direct_run *run)
{
	if (atomic_load(&run->has_waiter))
		engine_wake(&run->waiter);
}

/* Returns false if nobody waits for it. Of one that is not deferred it comes in its own thread. */
static bool begin_answer(struct direct_run *run)
{
	int running = DIRECT_RUNNING;

	if (run->call->answer.deferred)
		return atomic_compare_exchange_strong(&run->state, &running, DIRECT_ANSWERING);
	run->is_answered = true;
	return true;
}

static void end_answer(struct direct_run *run)
{
	if (!run->call->answer.deferred)
		return;
	atomic_store(&run->state, DIRECT_ANSWERED);
	wake(run);
}

void direct_give_up(struct direct_run *run, enum direct_why why)
{
	int running = DIRECT_RUNNING;

	if (run->why)
		return;
	run->why = why;
	(void)scope_cancel(&run->call->scope);
	if (atomic_compare_exchange_strong(&run->state, &running, DIRECT_GIVEN_UP))
		wake(run);
}

static void take_numbers(pyr_call *call, pyr__in *out)
{
	struct direct_run *run = run_of(call);

	if (!begin_answer(run))
		return;
	memcpy(run->slots, out, incall_operation(call)->n_out * sizeof(*out));
	end_answer(run);
}

static const char *keep(pyr_call *call, const char *text)
{
	return text ? arena_copy(&call->arena, text, strlen(text) + 1) : NULL;
}

/* Its texts may be on the stack of who fails. */
static void keep_error(pyr_call *call, const struct error_info *error, struct error_info *kept)
{
	kept->code = error->code;
	if (error->n_detail > FRAME_MESSAGE_MAX / 2) { /* as a frame could not hold it */
		kept->code = PYR_RESOURCE_EXHAUSTED;
		kept->message = "MessageTooLarge: the exception that was raised";
		return;
	}
	kept->raised = error->raised;
	kept->may_have_run = error->may_have_run;
	kept->message = keep(call, error->message);
	kept->exception = keep(call, error->exception);
	kept->correlation_id = keep(call, error->correlation_id);
	if (run_of(call)->direct->offer.may_trace)
		kept->trace = keep(call, error->trace);
	if (error->detail)
		kept->detail = arena_copy(&call->arena, error->detail, error->n_detail);
	kept->n_detail = kept->detail ? error->n_detail : 0;
	kept->held = error_held_ref(error->held);
}

static void on_fail(pyr_call *call, const struct error_info *error)
{
	struct direct_run *run = run_of(call);

	if (!begin_answer(run))
		return;
	keep_error(call, error, &run->error);
	end_answer(run);
}

/* ---- what the method may ask ---- */

static const char *peer_of(const pyr_call *call)
{
	return object_address(call->object);
}

static void who(const pyr_call *call, struct call_who *ret)
{
	*ret = run_of(call)->direct->offer.who;
}

static void release(pyr_call *call)
{
	struct direct_run *run = run_of(call);

	if (atomic_load(&run->has_waiter))
		engine_waiter_fini(&run->waiter);
	error_held_unref(run->error.held);
	direct_run_over(run);
}

static const struct call_origin origin = {
	.take = take_numbers, .fail = on_fail, .release = release, .peer = peer_of, .who = who
};

/* ---- a call that begins; with the executor's lock ---- */

static struct direct_run *new_run(struct direct *d)
{
	pyr_call *call = incall_new(&origin, NULL, d->offer.object, 0);
	struct direct_run *run;

	if (!call)
		return NULL;
	run = arena_alloc_raw(&call->arena, sizeof(*run));
	memset(run, 0, offsetof(struct direct_run, slots));
	run->direct = d;
	run->call = call;
	run->mark = call->arena.next;
	call->origin_data = run;
	call->task.executor = d->offer.executor;
	exec_ref(d->offer.executor);
	memcpy(call->task.chain, d->id, sizeof(d->id));
	d->refs++;
	d->n_runs++;
	return run;
}

static struct direct_run *take_run(struct direct *d)
{
	struct direct_run *run = d->idle;

	if (!run)
		return new_run(d);
	d->idle = run->next;
	return run;
}

/* Nothing of a call was kept, nor said. */
static bool is_as_new(const struct direct_run *run)
{
	const pyr_call *call = run->call;

	return !run->why && !run->error.code && !call->answer.deferred && !call->answer.notes &&
	       !call->answer.failure.code && !call->scope.correlation_id[0] &&
	       atomic_load_explicit(&call->refs, memory_order_acquire) == 1 &&
	       !call->arena.chunks && call->arena.next == run->mark;
}

static bool admit(struct exec_guest *guest)
{
	struct direct_call *c = of_guest(guest);
	struct direct *d = c->direct;
	struct direct_run *run;

	if (d->is_closed || c->n_sent != atomic_load(d->offer.n_came) ||
	    atomic_load(d->offer.n_users) > d->offer.n_idle || object_is_gone(d->offer.object))
		return false;
	c->run = run = take_run(d);
	if (!run)
		return false;
	run->link = &d->runs;
	run->next = d->runs;
	if (run->next)
		run->next->link = &run->next;
	d->runs = run;
	d->n_chains++;
	memcpy(run->call->task.chain + sizeof(d->id), &d->n_chains, sizeof(d->n_chains));
	guest->chain = run->call->task.chain;
	return true;
}

/* c->run: NULL if it is nothing to look at any more. */
static void left(struct exec_guest *guest)
{
	struct direct_call *c = of_guest(guest);
	struct direct *d = c->direct;
	struct direct_run *run = c->run;

	*run->link = run->next;
	if (run->next)
		run->next->link = run->link;
	if (d->is_closed || d->idle || !is_as_new(run))
		return;
	run->is_answered = run->call->answer.is_given = run->call->has_begun = false;
	run->next = d->idle;
	d->idle = run;
	c->run = NULL;
}

static void cut(struct exec_guest *guest)
{
	direct_give_up(of_guest(guest)->run, DIRECT_STOPPED);
}

bool direct_may_be(const struct codec_operation *operation)
{
	enum { OTHERS = PYR__ONEWAY | PYR__STREAM_IN | PYR__STREAM_OUT };
	const struct pyr__operation *table = operation->table;

	return !(table->flags & OTHERS) && table->n_in <= DIRECT_NUMBERS &&
	       table->n_out <= DIRECT_NUMBERS && codec_holds_numbers(operation->request) &&
	       codec_holds_numbers(operation->reply);
}

bool direct_enter(struct direct_call *c, struct direct *d, unsigned operation, unsigned n_sent)
{
	c->guest.admit = admit;
	c->guest.left = left;
	c->guest.cut = cut;
	c->direct = d;
	c->operation = operation;
	c->n_sent = n_sent;
	return exec_guest_enter(d->offer.executor, &c->guest);
}

/* ---- its end ---- */

/* Its method has deferred the answer, and its thread waits as that of a method does. */
static void await(struct direct_run *run)
{
	struct exec_nest nest;

	engine_waiter_init(&run->waiter, false);
	atomic_store(&run->has_waiter, true);
	(void)exec_nest_enter(&nest, &run->waiter);
	while (atomic_load(&run->state) < DIRECT_ANSWERED)
		if (!exec_run_nested())
			engine_wait(&run->waiter, ENGINE_FOREVER);
	exec_nest_leave(&nest);
}

/* The annotations of the answer. */
static void take_notes(const struct direct_run *run)
{
	enum annotation_field field = run->error.code ? ANNOTATIONS_OF_ERROR : ANNOTATIONS_OF_REPLY;
	struct buf notes = { 0 };

	incall_put_notes(run->call, &notes, field);
	context_set_reply(notes.broken ? (struct span){ 0 } : span_of_buf(&notes), field);
	buf_free(&notes);
}

static int fail(const struct direct_run *run, struct error_info *error)
{
	error->object = run->call->object->id;
	error->operation = incall_operation(run->call)->name;
	error->address = object_address(run->call->object);
	return error_set_info(error);
}

/* Whatever its method did, it was for nothing. */
static int given_up(const struct direct_run *run)
{
	struct error_info error = { .code = PYR_UNAVAILABLE, .may_have_run = true };
	char text[256];

	if (run->call->answer.deferred)
		deferred_cancel(run->call->answer.deferred);
	if (run->why == DIRECT_RELEASED) {
		error.code = PYR_CANCELLED;
		error.message = "the proxy was released";
	} else {
		snprintf(text, sizeof(text), "ConnectionClosed: %s: %s",
			 object_address(run->call->object),
			 run->why == DIRECT_LOST ? "connection closed" : "the daemon has stopped");
		error.message = text;
	}
	return fail(run, &error);
}

/* Of one that is not as new. */
static int finish(struct direct_run *run)
{
	bool is_answered = run->call->answer.deferred ? atomic_load(&run->state) == DIRECT_ANSWERED
						      : run->is_answered && !run->why;
	int err = 0;

	if (!is_answered) {
		err = given_up(run);
	} else {
		take_notes(run);
		run->error.remote = true;
		if (run->error.code)
			err = fail(run, &run->error);
	}
	incall_unref(run->call);
	return err;
}

int direct_perform(struct direct_call *c, pyr__in *in, void *const *out)
{
	struct direct_run *run = c->run;
	pyr_call *call = run->call;
	const struct codec_operation *codec = &call->object->interface->operations[c->operation];
	union pyr__slot slots[DIRECT_NUMBERS];
	int err = 0;

	call->operation = c->operation;
	call->given = in;
	incall_run(call);
	if (call->answer.deferred)
		await(run);
	call->given = NULL;
	memcpy(slots, run->slots, codec->table->n_out * sizeof(*slots));
	exec_guest_leave(call->task.executor, &c->guest);
	context_clear_reply();
	if (c->run)
		err = finish(run);
	if (err == 0)
		codec_store(codec->reply, slots, out);
	return err;
}
