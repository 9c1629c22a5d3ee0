/* SPDX-License-Identifier: MIT */
#include "proxy/proxy.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"
#include "key/key.h"
#include "proxy/group.h"
#include "proxy/proxy_follow.h"
#include "tls/tls.h"

bool proxy_is_forked(void)
{
	if (!engine_is_forked())
		return false;
	error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	return true;
}

void proxy_ref(pyr_proxy *proxy)
{
	atomic_fetch_add_explicit(&proxy->refs, 1, memory_order_relaxed);
}

void proxy_unref(pyr_proxy *proxy)
{
	if (atomic_fetch_sub(&proxy->refs, 1) != 1)
		return;
	group_free(proxy);
	proxy_follow_end(atomic_load(&proxy->follow));
	pyr_uri_free(proxy->uri);
	reference_unref(proxy->reference);
	buf_free(&proxy->annotations);
	session_ways_unref(proxy->ways);
	given_unref(proxy->wish.given);
	tls_settings_unref(proxy->wish.tls);
	key_settings_unref(proxy->wish.keys);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}

bool proxy_is_freed(pyr_proxy *proxy)
{
	bool is_freed;

	pthread_mutex_lock(&proxy->lock);
	is_freed = proxy->is_freed;
	pthread_mutex_unlock(&proxy->lock);
	return is_freed;
}

int proxy_was_released(const pyr_proxy *proxy)
{
	return error_set(PYR_CANCELLED, "%s: the proxy was released", proxy->uri->text);
}

int proxy_wait(pyr_proxy *proxy, struct proxy_waiter **list, struct proxy_waiter *self,
	       int64_t until)
{
	struct proxy_waiter **at = list;
	bool is_cancelled, is_woken;

	*self = (struct proxy_waiter){ .next = NULL };
	engine_waiter_init(&self->waiter, false);
	while (*at)
		at = &(*at)->next;
	*at = self;
	pthread_mutex_unlock(&proxy->lock);
	is_cancelled = engine_wait_or_cancel(&self->waiter, until) < 0;
	pthread_mutex_lock(&proxy->lock);
	engine_waiter_fini(&self->waiter);
	for (at = list; *at && *at != self; at = &(*at)->next)
		;
	is_woken = !*at;
	if (!is_woken)
		*at = self->next;
	return is_cancelled ? -PYR_CANCELLED : is_woken;
}

void proxy_wake(struct proxy_waiter **list, bool has_failed)
{
	struct proxy_waiter *self, *next;

	for (self = *list; self; self = next) {
		next = self->next; /* once woken, it may be gone */
		self->has_failed = has_failed;
		self->error = has_failed ? error_copy() : NULL;
		engine_wake(&self->waiter);
	}
	*list = NULL;
}

void pyr_proxy_set_timeout(pyr_proxy *proxy, uint32_t timeout_ms)
{
	if (proxy)
		atomic_store(&proxy->timeout_ms, timeout_ms);
}

const char *pyr_proxy_uri(const pyr_proxy *proxy)
{
	return proxy ? proxy->uri->text : "";
}
