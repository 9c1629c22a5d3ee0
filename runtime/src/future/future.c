/* SPDX-License-Identifier: MIT */
#include "future/future.h"

#include <string.h>

#include "base/error.h"
#include "base/spares.h"
#include "engine/engine.h"

enum { SPARE_FUTURES = 512 };
static struct spares spares = SPARES(struct pyr_future, SPARE_FUTURES);

pyr_future *future_new(void)
{
	pyr_future *future = spares_take(&spares);

	return future ? memset(future, 0, sizeof(*future)) : NULL;
}

void future_free(pyr_future *future)
{
	spares_put(&spares, future);
}

/* In this thread: a call that was sent is not made again. */
static void launch_once(struct patience *patience, const struct codec_packer *packer,
			struct outcall *call)
{
	do
		patience_attempt(patience, packer, call, false);
	while ((!call->session || atomic_load(&call->waiter.ready)) &&
	       patience_goes_on(patience, call));
}

bool future_launch(pyr_future *future, pyr_proxy *proxy, unsigned operation,
		   const struct codec_packer *packer)
{
	struct patience patience;

	patience_begin(&patience, proxy, operation);
	if (!patience.is_patient) {
		launch_once(&patience, packer, &future->call);
		return future->call.session;
	}
	future->retry = retry_new(&future->call, &patience, packer);
	patience_done(&patience, future->retry);
	return future->retry;
}

void future_wait(pyr_future *future)
{
	if (!future->retry) {
		outcall_wait(&future->call, ENGINE_FOREVER);
		return;
	}
	while (outcall_watch(&future->call, ENGINE_FOREVER) < 0)
		future_cancel(future, ENGINE_CANCELLED_TEXT);
}

void future_cancel(pyr_future *future, const char *text)
{
	if (future->retry)
		retry_cancel(future->retry, text);
	else
		outcall_cancel(&future->call, PYR_CANCELLED, text);
}

int future_error(pyr_future *future)
{
	if (future->call.session)
		return outcall_error(&future->call);
	return retry_error(future->retry);
}

void future_clear(pyr_future *future)
{
	if (future->retry)
		retry_drop(future->retry);
	outcall_fini(&future->call);
	session_unref(future->call.session);
	if (future->kind)
		future->kind->over(future);
}

bool pyr_future_is_ready(pyr_future *future)
{
	/* With the wait for "now" it also polls, so that a loop around it gets somewhere. */
	return future && !engine_is_forked() && outcall_wait(&future->call, engine_now());
}

int future_watch(pyr_future *future, int64_t until, int64_t timeout_ms)
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
	return future_watch(future, engine_until(timeout_ms), timeout_ms);
}

int pyr_future_status(pyr_future *future)
{
	int err = pyr_future_wait(future, -1);

	if (err < 0)
		return err;
	if (future->call.result.code)
		return future_error(future);
	return future->kind ? future->kind->status(future) : 0;
}

void pyr_future_cancel(pyr_future *future)
{
	if (future && !engine_is_forked())
		future_cancel(future, "the future was cancelled");
}
