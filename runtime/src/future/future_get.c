/* SPDX-License-Identifier: MIT */
/* Futures started, taken and freed. */
#include "future/future.h"

#include "base/error.h"
#include "engine/engine.h"
#include "proxy/request.h"

static pyr_future *start_future(const struct request *request)
{
	pyr_future *future = future_new();

	if (!future)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	future->operation = request->codec;
	if (future_launch(future, request->proxy, request->operation, &request->packer))
		return future;
	future_free(future);
	return error_from_constructor();
}

pyr_future *pyr__start(void *self, const struct pyr__interface *interface, unsigned op, pyr__in *in)
{
	pyr_proxy *proxy = self;
	int operation = request_operation(proxy, interface, op);
	struct request request;
	pyr_future *future;

	if (operation < 0)
		return error_from_constructor();
	if (proxy->batch)
		return error_constructor(
			PYR_FAILED_PRECONDITION,
			"%s: a batch has no futures of single calls: start the batch",
			interface->operations[op].name);
	if (!request_begin(&request, proxy, (unsigned)operation, in))
		return error_from_constructor();
	future = start_future(&request);
	request_end(&request);
	return future;
}

void future_drop(pyr_future *future)
{
	if (future->executor) {
		future_take_back(future);
		return;
	}
	future_clear(future);
	future_free(future);
}

int pyr__get(pyr_future *future, const struct pyr__operation *operation, void *const *out)
{
	int err;

	if (!future)
		return error_null("future");
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	if (future->batch || future->operation->table != operation) {
		err = error_set(PYR_INVALID_ARGUMENT, "the future is of %s, not of %s",
				future->batch ? "a batch" : future->operation->table->name,
				operation->name);
		pyr_future_free(future);
		return err;
	}
	future_wait(future);
	err = future->call.result.code ? future_error(future)
				       : request_results(future->operation, &future->call, out);
	future_drop(future);
	return err;
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
