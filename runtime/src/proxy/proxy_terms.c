/* SPDX-License-Identifier: MIT */
#include "proxy/proxy_terms.h"

#include "base/config.h"
#include "context/call_wish.h"
#include "context/context.h"
#include "engine/engine.h"
#include "incall/incall.h"

/* 0: none. */
static uint32_t timeout_of(pyr_proxy *proxy, unsigned operation,
			   const struct pyr_call_options *options)
{
	uint32_t ms = options->timeout_ms;

	if (!ms)
		ms = atomic_load_explicit(&proxy->timeout_ms, memory_order_relaxed);
	if (!ms)
		ms = session_operation(proxy->interface, operation)->timeout_ms;
	return config_or_none(ms, CONFIG_TIMEOUT_MS);
}

void proxy_terms(pyr_proxy *proxy, unsigned operation, struct call_terms *ret)
{
	static const struct pyr_call_options none;
	const struct pyr_call_options *wish = wish_take(proxy), *options = wish ? wish : &none;
	uint32_t ms = timeout_of(proxy, operation, options);
	const pyr_call *outer = options->detached ? NULL : incall_current();

	context_clear_reply();
	ret->deadline = ms ? engine_now() + (int64_t)ms * ENGINE_MS : ENGINE_FOREVER;
	if (outer && outer->deadline < ret->deadline)
		ret->deadline = outer->deadline;
	ret->is_detached = options->detached;
	ret->correlation_id = options->correlation_id;
	ret->traceparent = options->traceparent;
	ret->key = options->key;
	ret->annotations = options->annotations;
	ret->n_annotations = options->annotations ? options->n_annotations : 0;
	ret->as_it_came = NULL;
	ret->own_annotations = (struct span){ proxy->annotations.data, proxy->annotations.n };
}
