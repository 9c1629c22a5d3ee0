/* SPDX-License-Identifier: MIT */
/*
 * Objects of other processes, passed on to a third one by who holds a reference to them. The holder
 * offers an object of its own, which stands in: each call of it is made anew, as part of it, over
 * the link that the reference came over. So it is cancelled, late and nested as that call is, and
 * no thread waits for it. Calls are started in the order in which they come.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "exec/callbacks.h"
#include "future/future.h"
#include "incall/deferred.h"
#include "incall/incall.h"
#include "proxy/proxy.h"
#include "reference/references.h"

struct forward {
	struct reference *reference; /* counted: its own */
	const struct codec_interface *interface;
	struct exec_job end;
	struct executor *executor; /* counted: runs that */
	pthread_mutex_t lock;      /* a leaf but for what makes proxies */
	pyr_proxy *proxy;          /* lock: made for the first call */
};

/* ---- a call ---- */

static pyr_proxy *proxy_of(struct forward *forward)
{
	static const struct pyr_proxy_options none;
	pyr_proxy *proxy;

	pthread_mutex_lock(&forward->lock);
	if (!forward->proxy)
		forward->proxy = proxy_of_reference(reference_ref(forward->reference),
						    forward->interface, &none);
	proxy = forward->proxy;
	pthread_mutex_unlock(&forward->lock);
	return proxy;
}

static bool is_number(const struct pyr__field *field)
{
	return field->kind <= PYR__ENUM && !(field->flags & PYR__OPTIONAL);
}

static void free_results(const struct pyr__operation *table, union pyr__slot *slots)
{
	const struct pyr__field *field = table->fields + table->n_in;
	size_t i;

	for (i = 0; i < table->n_out; i++, field++)
		if (field->kind == PYR__INTERFACE || field->kind == PYR__OBJECT)
			pyr__proxy_free((void *)slots[i].p);
		else if (!is_number(field))
			pyr_free((void *)slots[i].p);
}

/* Takes the future. Returns 0, or minus a status with the last error set. */
static int take(pyr_future *future, const struct pyr__operation *table, union pyr__slot *slots)
{
	void **outs = calloc(table->n_out + 1, sizeof(*outs));
	size_t i;
	int err;

	if (!outs || !slots) {
		free(outs);
		pyr_future_free(future);
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	for (i = 0; i < table->n_out; i++)
		outs[i] = &slots[i];
	err = pyr__get(future, table, outs);
	free(outs);
	return err;
}

static void on_over(pyr_future *future, void *data)
{
	pyr_deferred *deferred = data;
	const struct pyr__operation *table = incall_operation(pyr_deferred_call(deferred));
	union pyr__slot *slots = calloc(table->n_out + 1, sizeof(*slots));
	pyr_error *kept = pyr_error_take(); /* else the thread's error would hold what came */

	if (take(future, table, slots) < 0) {
		deferred_pass(deferred);
	} else {
		(void)pyr__reply(deferred, table, slots);
		free_results(table, slots);
	}
	error_restore(kept);
	free(slots);
}

/* Returns 0 if the answer will come, or minus a status with the last error set. */
static int start(pyr_call *call, pyr_proxy *proxy, pyr__in *in)
{
	pyr_future *future = pyr__start(proxy, proxy->interface->table, call->operation, in);
	pyr_deferred *deferred;
	int err;

	if (!future)
		return -pyr_last_error()->code;
	err = pyr_call_defer(call, &deferred);
	if (err < 0) {
		pyr_future_free(future);
		return err;
	}
	if (pyr_future_then(future, on_over, deferred) < 0)
		deferred_pass(deferred);
	return 0;
}

static int forward_call(pyr_call *call, pyr__in *in)
{
	const struct pyr__operation *table = incall_operation(call);
	pyr_proxy *proxy;

	if (table->flags & (PYR__STREAM_IN | PYR__STREAM_OUT))
		return pyr_call_fail(call, NULL, 0, PYR_UNIMPLEMENTED,
				     "%s: '%s' was passed on by who holds it: streams are not",
				     table->name, call->object->id);
	proxy = proxy_of(call->object->data);
	return proxy ? start(call, proxy, in) : -pyr_last_error()->code;
}

/* ---- the object ---- */

static void destroy(struct forward *forward)
{
	reference_unref(forward->reference);
	if (forward->executor)
		exec_unref(forward->executor);
	pthread_mutex_destroy(&forward->lock);
	free(forward);
}

/* The job: proxies are freed without locks. */
static void end(struct exec_job *job)
{
	struct forward *forward = (struct forward *)((char *)job - offsetof(struct forward, end));

	pyr__proxy_free(forward->proxy);
	destroy(forward);
}

static void on_unused(struct object *object)
{
	struct forward *forward = object->data;

	callbacks_post(forward->executor, &forward->end);
}

static struct forward *new_forward(struct reference *reference,
				   const struct codec_interface *interface)
{
	struct executor *e = callbacks_executor();
	struct forward *forward = e ? calloc(1, sizeof(*forward)) : NULL;

	if (!forward)
		return NULL;
	exec_ref(e);
	forward->executor = e;
	forward->interface = interface;
	forward->end.run = end;
	pthread_mutex_init(&forward->lock, NULL);
	forward->reference = reference_copy(reference);
	if (forward->reference)
		return forward;
	destroy(forward);
	return NULL;
}

/* Its methods are none, and never called. */
static struct object *new_object(struct forward *forward)
{
	const struct codec_interface *interface = forward->interface;
	void *methods = calloc(interface->table->n_operations + 1, sizeof(void (*)(void)));
	struct object *object = NULL;

	if (methods)
		object = reference_object(interface, NULL,
					  forward->reference->import->peer->link->address, methods,
					  forward);
	free(methods);
	if (object)
		reference_set_executor(object, forward->executor);
	return object;
}

static struct object *make(struct reference *reference, const struct codec_interface *interface)
{
	struct forward *forward = new_forward(reference, interface);
	struct object *object = forward ? new_object(forward) : NULL;

	if (!object) {
		if (forward)
			destroy(forward);
		return NULL;
	}
	object->forward = forward_call;
	object->stands_for = forward->reference->import;
	atomic_store(&object->on_unused, on_unused);
	return object;
}

static void __attribute__((constructor)) offer(void)
{
	reference_set_forwarder(make);
}
