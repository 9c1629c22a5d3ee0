/* SPDX-License-Identifier: MIT */
/* What is said of a call: its own options, then its proxy's, its operation's, the settings'. In the
 * calling thread. */
#include "base/abi.h"
#include "base/config.h"
#include "base/error.h"
#include "context/context.h"
#include "engine/engine.h"
#include "incall/incall.h"
#include "proxy/proxy.h"

static _Thread_local struct call_wish wished;

void *pyr__with(void *self, const struct pyr_call_options *options, size_t size)
{
	wished.proxy = self;
	if (abi_options(&wished.options, sizeof(wished.options), options, size,
			"pyr_call_options") == 0)
		return self;
	wished.proxy = NULL;
	return error_from_constructor(); /* which the stub tells */
}

void proxy_swap_wish(struct call_wish *other)
{
	struct call_wish mine = wished;

	wished = *other;
	*other = mine;
}

void proxy_drop_wish(const pyr_proxy *proxy)
{
	if (wished.proxy == proxy)
		wished.proxy = NULL;
}

bool proxy_has_wish(const pyr_proxy *proxy)
{
	return wished.proxy == proxy;
}

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
	const struct pyr_call_options *options = proxy_has_wish(proxy) ? &wished.options : &none;
	uint32_t ms = timeout_of(proxy, operation, options);
	const pyr_call *outer = options->detached ? NULL : incall_current();

	context_clear_reply();
	ret->deadline = ms ? engine_now() + (int64_t)ms * ENGINE_MS : ENGINE_FOREVER;
	if (outer && outer->deadline < ret->deadline)
		ret->deadline = outer->deadline;
	ret->is_detached = options->detached;
	ret->correlation_id = options->correlation_id;
	ret->traceparent = options->traceparent;
	ret->annotations = options->annotations;
	ret->n_annotations = options->annotations ? options->n_annotations : 0;
	ret->own_annotations = (struct span){ proxy->annotations.data, proxy->annotations.n };
	proxy_drop_wish(proxy);
}
