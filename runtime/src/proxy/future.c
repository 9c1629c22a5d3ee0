/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/config.h"
#include "base/error.h"
#include "proxy/future_patience.h"
#include "proxy/unreadable.h"

enum { MAP_WINDOW = 64 };

/* As proxy_perform(), but a call that was sent is not made again. */
static bool launch_once(struct outcall *call, pyr_proxy *proxy, unsigned operation,
			const struct call_terms *terms, const struct codec_packer *packer)
{
	struct session *session;
	int tries = 2;

	for (;;) {
		session = proxy_session(proxy);
		if (!session)
			return false;
		outcall_init(call, terms);
		outcall_start(call, session, operation, packer, false);
		if (!atomic_load(&call->waiter.ready) || !call->was_not_run || --tries == 0)
			return true;
		outcall_fini(call);
		proxy_forget(proxy, session);
		session_unref(session);
	}
}

bool future_launch(pyr_future *future, pyr_proxy *proxy, unsigned operation,
		   const struct codec_packer *packer)
{
	struct patience patience;
	struct call_terms terms;

	proxy_terms(proxy, operation, &terms);
	patience_begin(&patience, proxy, operation, terms.deadline);
	if (!patience.is_patient)
		return launch_once(&future->call, proxy, operation, &terms, packer);
	future->patience = future_patience_new(&future->call, &patience, operation, &terms, packer);
	patience_done(&patience, future->patience);
	return future->patience;
}

static pyr_future *start_future(pyr_proxy *proxy, unsigned operation, pyr__in *in,
				struct arena *arena)
{
	const struct codec_operation *codec = &proxy->interface->operations[operation];
	struct codec_problem problem;
	struct codec_packer packer;
	pyr_future *future;

	if (codec_prepare(codec->request, in, arena, &packer, &problem) < 0) {
		proxy_drop_wish(proxy);
		return error_constructor(problem.code, "%s: %s", codec->table->name, problem.text);
	}
	future = calloc(1, sizeof(*future));
	if (!future)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	future->operation = codec;
	if (future_launch(future, proxy, operation, &packer))
		return future;
	free(future);
	return error_from_constructor();
}

pyr_future *pyr__start(void *self, const struct pyr__interface *interface, unsigned op, pyr__in *in)
{
	pyr_proxy *proxy = self;
	int operation = proxy_operation(proxy, interface, op);
	_Alignas(16) uint8_t room[512];
	struct arena arena;
	pyr_future *future;

	if (operation < 0)
		return error_from_constructor();
	if (proxy->batch)
		return error_constructor(PYR_FAILED_PRECONDITION,
					 "%s: a batch takes no futures: start the batch itself",
					 interface->operations[op].name);
	proxy_ref(proxy); /* it may be freed meanwhile */
	arena_init(&arena, room, sizeof(room));
	future = start_future(proxy, (unsigned)operation, in, &arena);
	arena_clear(&arena);
	proxy_unref(proxy);
	return future;
}

void future_wait(pyr_future *future)
{
	if (!future->patience) {
		outcall_wait(&future->call, ENGINE_FOREVER);
		return;
	}
	while (outcall_watch(&future->call, ENGINE_FOREVER) < 0)
		future_cancel(future, ENGINE_CANCELLED_TEXT);
}

void future_cancel(pyr_future *future, const char *text)
{
	if (future->patience)
		future_patience_cancel(future->patience, text);
	else
		outcall_cancel(&future->call, PYR_CANCELLED, text);
}

int future_error(pyr_future *future)
{
	if (future->call.session)
		return outcall_error(&future->call);
	return future_patience_error(future->patience);
}

void future_clear(pyr_future *future)
{
	if (future->patience)
		future_patience_drop(future->patience);
	outcall_fini(&future->call);
	session_unref(future->call.session);
	if (future->batch)
		batch_over(future->batch);
}

/* Its call is over. The struct of one with a callback is freed after that. */
void future_drop(pyr_future *future)
{
	if (future->executor) {
		future_take_back(future);
		return;
	}
	future_clear(future);
	free(future);
}

int pyr__get(pyr_future *future, const struct pyr__operation *operation, void *const *out)
{
	struct codec_problem problem;
	struct outcall *call;
	int err = 0;

	if (!future)
		return error_null("future");
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	call = &future->call;
	if (future->batch || future->operation->table != operation) {
		err = error_set(PYR_INVALID_ARGUMENT, "the future is of %s, not of %s",
				future->batch ? "a batch" : future->operation->table->name,
				operation->name);
		pyr_future_free(future);
		return err;
	}
	future_wait(future);
	if (call->code)
		err = future_error(future);
	else if (codec_unpack_results(future->operation->reply, call->answer.data, call->answer.n,
				      config_number(CONFIG_MAX_MESSAGE), out, &problem) < 0)
		err = unreadable(&problem, "the reply of %s", operation->name);
	future_drop(future);
	return err;
}

bool pyr_future_is_ready(pyr_future *future)
{
	/* With the wait for "now" it also polls, so that a loop around it gets somewhere. */
	return future && !engine_is_forked() && outcall_wait(&future->call, engine_now());
}

static int64_t end_of(int64_t timeout_ms)
{
	if (timeout_ms < 0 || timeout_ms >= INT64_MAX / ENGINE_MS / 2)
		return ENGINE_FOREVER;
	return engine_now() + timeout_ms * ENGINE_MS;
}

static int watch(pyr_future *future, int64_t until, int64_t timeout_ms)
{
	int ready = outcall_watch(&future->call, until);

	if (ready > 0)
		return 0;
	if (ready < 0)
		return error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	return error_set(PYR_DEADLINE_EXCEEDED, "TimeoutError: not ready within %lld ms",
			 (long long)timeout_ms);
}

int pyr_future_wait(pyr_future *future, int64_t timeout_ms)
{
	if (!future)
		return error_null("future");
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	return watch(future, end_of(timeout_ms), timeout_ms);
}

int pyr_future_status(pyr_future *future)
{
	int err = pyr_future_wait(future, -1);

	if (err < 0)
		return err;
	if (future->call.code)
		return future_error(future);
	return future->batch ? batch_status(future->batch, &future->call) : 0;
}

void pyr_future_cancel(pyr_future *future)
{
	if (future && !engine_is_forked())
		future_cancel(future, "the future was cancelled");
}

void pyr_future_free(pyr_future *future)
{
	if (!future || engine_is_forked())
		return;
	if (!future->executor) {
		pyr_future_cancel(future);
		future_wait(future);
	}
	future_drop(future);
}

/* ---- many ---- */

int pyr_gather(pyr_future *const *futures, size_t n, int64_t timeout_ms)
{
	int64_t until = end_of(timeout_ms);
	int err = 0;
	size_t i;

	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	if (!futures && n > 0)
		return error_missing("futures");
	for (i = 0; i < n && err == 0; i++)
		if (futures[i])
			err = watch(futures[i], until, timeout_ms);
	if (err < 0)
		return err;
	for (i = 0; i < n && err == 0; i++)
		err = futures[i] ? pyr_future_status(futures[i])
				 : error_set(PYR_INVALID_ARGUMENT, "futures[%zu] is NULL", i);
	return err;
}

/* A callback says that it failed. */
static int failure(void)
{
	int code = pyr_last_error()->code;

	return code ? -code : error_set(PYR_UNKNOWN, "a callback of pyr_map() returned no future");
}

int pyr_map(size_t n, size_t window, pyr_map_start_cb start, pyr_map_get_cb get, void *data)
{
	pyr_future **ring; /* of calls begun and not yet taken; call i at i % window */
	size_t begun = 0, taken = 0;
	int err = 0;

	if (!start || !get)
		return error_set(PYR_INVALID_ARGUMENT, "%s is NULL", start ? "get" : "start");
	if (window == 0)
		window = MAP_WINDOW;
	if (window > n)
		window = n;
	ring = calloc(window + 1, sizeof(pyr_future *));
	if (!ring)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	while (taken < n && err == 0) {
		if (begun < n && begun < taken + window) {
			ring[begun % window] = start(begun, data);
			err = ring[begun++ % window] ? 0 : failure();
		} else {
			err = get(taken, ring[taken % window], data);
			taken++;
		}
	}
	for (; taken < begun; taken++)
		pyr_future_free(ring[taken % window]);
	free(ring);
	return err;
}
