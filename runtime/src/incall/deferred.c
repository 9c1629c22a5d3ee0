/* SPDX-License-Identifier: MIT */
/*
 * Answers that come later. on_cancel is called at most once, in a method thread, and is not begun
 * after the answer was given. Neither waits for the other: no lock is held while on_cancel runs,
 * and what is answered meanwhile stays in memory until it has returned. Who wants to be sure that
 * it is not running takes it back.
 *
 * The lock orders the two. It is a leaf.
 */
#include "incall/deferred.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/stack.h"
#include "exec/callbacks.h"

struct pyr_deferred {
	pyr_call *call;            /* counted, until it is answered; the job counts it too */
	struct exec_job cancelled; /* the way of on_cancel into a method thread */
	pthread_mutex_t lock;      /* guards: */
	pthread_cond_t returned;
	pyr_cancel_cb on_cancel;
	void *data;
	bool is_posted;  /* that job is queued, or about to be */
	bool is_told;    /* on_cancel has begun, or the answer was given */
	bool is_running; /* on_cancel, in `thread` */
	pthread_t thread;
};

static void call_back(pyr_deferred *d)
{
	pyr_cancel_cb on_cancel = d->on_cancel;
	void *data = d->data;

	d->is_told = true;
	d->is_running = true;
	d->thread = pthread_self();
	pthread_mutex_unlock(&d->lock);
	on_cancel(d, data);
	pthread_mutex_lock(&d->lock);
	d->is_running = false;
	pthread_cond_broadcast(&d->returned);
}

static void on_cancelled(struct exec_job *job)
{
	pyr_deferred *d = (pyr_deferred *)((char *)job - offsetof(pyr_deferred, cancelled));
	pyr_call *call = d->call;

	pthread_mutex_lock(&d->lock);
	d->is_posted = false;
	if (d->on_cancel && !d->is_told)
		call_back(d);
	pthread_mutex_unlock(&d->lock);
	object_leave(call->object);
	incall_unref(call);
}

/* The object's data stays as long as on_cancel may look at it. */
void deferred_cancel(pyr_deferred *d)
{
	pyr_call *call = d->call;
	bool posts;

	pthread_mutex_lock(&d->lock);
	posts = !d->is_posted && !d->is_told && d->on_cancel;
	if (posts) {
		d->is_posted = true;
		incall_ref(call);
		(void)object_enter(call->object);
	}
	pthread_mutex_unlock(&d->lock);
	if (posts)
		callbacks_post(call->task.executor, &d->cancelled);
}

void deferred_fini(pyr_deferred *d)
{
	pthread_cond_destroy(&d->returned);
	pthread_mutex_destroy(&d->lock);
}

int pyr_call_defer(pyr_call *call, pyr_deferred **ret)
{
	pyr_deferred *d;

	if (!call)
		return error_null("call");
	if (!ret)
		return error_missing("ret");
	if (call->origin->hook)
		return error_set(PYR_FAILED_PRECONDITION, "%s: a hook cannot defer a call",
				 incall_operation(call)->name);
	if (call->answer.deferred || call->is_creating || call != incall_current())
		return error_set(PYR_FAILED_PRECONDITION, "%s: %s", incall_operation(call)->name,
				 call->answer.deferred ? "the call is deferred already"
						       : "only its own method can defer a call");
	d = arena_alloc(&call->arena, sizeof(*d));
	if (!d)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	d->call = call;
	d->cancelled.run = on_cancelled;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->returned, NULL);
	incall_ref(call);
	(void)object_enter(call->object); /* its method is in it: until the answer */
	__atomic_store_n(&call->answer.deferred, d, __ATOMIC_RELEASE);
	*ret = d;
	return 0;
}

pyr_call *pyr_deferred_call(pyr_deferred *deferred)
{
	return deferred ? deferred->call : NULL;
}

void pyr_deferred_set_on_cancel(pyr_deferred *d, pyr_cancel_cb on_cancel, void *data)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	while (d->is_running && !pthread_equal(d->thread, pthread_self()))
		pthread_cond_wait(&d->returned, &d->lock);
	d->on_cancel = on_cancel;
	d->data = data;
	pthread_mutex_unlock(&d->lock);
	if (on_cancel && atomic_load(&d->call->scope.is_cancelled))
		deferred_cancel(d);
}

/* From here on the caller answers, and on_cancel is not begun any more. */
static pyr_call *take(pyr_deferred *d)
{
	pthread_mutex_lock(&d->lock);
	d->is_told = true;
	pthread_mutex_unlock(&d->lock);
	return d->call;
}

static void give_back(pyr_call *call)
{
	object_leave(call->object);
	incall_unref(call);
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
	const char *name = incall_operation(call)->name;

	if (incall_operation(call) != c->operation) {
		incall_fail(call, PYR_INTERNAL, "the servant answered %s as if it were %s", name,
			    c->operation->name);
		c->err = error_set(PYR_INVALID_ARGUMENT, "the deferred is of %s, not of %s", name,
				   c->operation->name);
	} else {
		incall_answer(call, c->out);
	}
	give_back(call);
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
	struct error_info error = { .code = c->code, .message = c->text, .raised = true };
	pyr_call *call = take(c->deferred);

	incall_end(call, &error);
	give_back(call);
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

static void pass(void *arg)
{
	struct completion *c = arg;
	const pyr_error *last = pyr_last_error();
	struct error_info error = { .code = last->code, .raised = last->raised };
	pyr_call *call = take(c->deferred);

	error.may_have_run = last->may_have_run;
	error.message = last->message;
	error.exception = last->exception;
	error.trace = last->trace[0] ? last->trace : NULL;
	error.detail = error_detail(&error.n_detail);
	error.held = error_detail_held();
	incall_end(call, &error);
	give_back(call);
}

void deferred_pass(pyr_deferred *deferred)
{
	struct completion c = { .deferred = deferred };

	stack_call(pass, &c);
}

void pyr_deferred_free(pyr_deferred *deferred)
{
	if (deferred)
		(void)pyr_deferred_fail(deferred, PYR_INTERNAL, "the servant gave no answer");
}
