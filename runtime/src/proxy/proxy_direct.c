/* SPDX-License-Identifier: MIT */
/*
 * Which calls need no frames: those of which nothing is said besides their numbers, of a thread of
 * the program. One that has a deadline, or may be made again, is answered here while its method
 * goes on; so it goes by frames, as does what a method calls, for its own call may be cancelled.
 */
#include "proxy/proxy_direct.h"

#include "base/config.h"
#include "base/stack.h"
#include "context/call_wish.h"
#include "context/context.h"
#include "direct/direct.h"
#include "proxy/proxy_follow.h"

/* Of the thread's stack, for the method: others run where there are 8 MiB, as a rule. */
enum { ROOM = 1 << 20 };

static bool is_said_more(pyr_proxy *proxy, const struct pyr__operation *table)
{
	uint32_t ms = atomic_load_explicit(&proxy->timeout_ms, memory_order_relaxed);
	struct span correlation_id = { 0 }, traceparent = { 0 };

	if (proxy->annotations.n > 0 || wish_is_for(proxy) ||
	    config_or_none(ms ? ms : table->timeout_ms, CONFIG_TIMEOUT_MS) > 0)
		return true;
	if ((table->flags & PYR__IDEMPOTENT) &&
	    atomic_load_explicit(&proxy->max_retries, memory_order_relaxed) > 0)
		return true;
	context_ids(&correlation_id, &traceparent);
	return correlation_id.n > 0 || traceparent.n > 0;
}

/* Not one that has a method or a job at hand. */
static bool is_thread_of_program(void)
{
	return !exec_current() && !scope_current() && !stack_current() && !engine_leading() &&
	       stack_room() > ROOM;
}

bool proxy_goes_direct(pyr_proxy *proxy, unsigned operation)
{
	const struct codec_operation *codec = &proxy->interface->operations[operation];

	return atomic_load_explicit(&proxy->is_near, memory_order_relaxed) &&
	       direct_may_be(codec) && is_thread_of_program() &&
	       !is_said_more(proxy, codec->table) && !engine_is_forked();
}

/* Where the session leads, if its calls have no hooks. With the proxy's lock. */
static struct direct *direct_way(pyr_proxy *proxy)
{
	const struct session *session =
		proxy->is_freed || proxy_has_news(proxy) ? NULL : proxy->session;
	const struct session_ways *ways = session ? session->ways : NULL;
	struct link_gift *gift = session ? atomic_load(&session->gift) : NULL;

	return gift && !(ways && (ways->on_call || ways->on_reply)) ? direct_of(gift) : NULL;
}

int proxy_call_direct(pyr_proxy *proxy, unsigned operation, pyr__in *in, void *const *out)
{
	struct direct_call call;
	struct direct *direct;
	bool is_in;

	pthread_mutex_lock(&proxy->lock);
	direct = direct_way(proxy);
	is_in = direct &&
		direct_enter(&call, direct, operation,
			     atomic_load_explicit(&proxy->session->n_sent, memory_order_relaxed));
	pthread_mutex_unlock(&proxy->lock);
	return is_in ? direct_perform(&call, in, out) : PROXY_BY_FRAMES;
}
