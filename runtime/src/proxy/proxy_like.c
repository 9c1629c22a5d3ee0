/* SPDX-License-Identifier: MIT */
/* Proxies made of others: copies, and the same object by another interface. */
#include "proxy/proxy.h"

#include "base/error.h"

pyr_proxy *proxy_like(pyr_proxy *proxy, const struct pyr__interface *interface)
{
	struct pyr_proxy_options options = { 0 };
	uint32_t max_retries = atomic_load(&proxy->max_retries);
	pyr_proxy *like;

	options.timeout_ms = atomic_load(&proxy->timeout_ms);
	options.connect_timeout_ms = proxy->wish.connect_timeout_ms;
	options.own_link = proxy->wish.is_own;
	options.plain = proxy->wish.plain;
	options.wait_ms = proxy->wait_ms ? proxy->wait_ms : PYR_NONE;
	options.max_retries = max_retries ? max_retries : PYR_NONE;
	like = pyr__proxy_new(interface, proxy->uri->text, &options, sizeof(options));
	if (!like)
		return NULL;
	buf_append(&like->annotations, proxy->annotations.data, proxy->annotations.n);
	like->wish.given = given_ref(proxy->wish.given);
	pthread_mutex_lock(&proxy->lock);
	session_ways_unref(like->ways);
	like->ways = session_ways_ref(proxy->ways);
	pthread_mutex_unlock(&proxy->lock);
	return like;
}

/* A plain server cannot be asked what an object is. */
static int check_narrow(pyr_proxy *proxy, const struct pyr__interface *interface)
{
	if (!pyr_proxy_is_plain(proxy))
		return 0;
	return error_set(PYR_FAILED_PRECONDITION,
			 "%s speaks plain gRPC only: whether it is a %s needs a session",
			 proxy->uri->text, interface->name);
}

void *pyr__narrow(void *self, const struct pyr__interface *interface)
{
	pyr_proxy *proxy = self, *narrow;

	if (!proxy) {
		error_null("proxy");
		return error_from_constructor();
	}
	narrow = proxy_like(proxy, interface);
	if (!narrow || (pyr_proxy_bind(narrow) == 0 && check_narrow(narrow, interface) == 0))
		return narrow;
	pyr__proxy_free(narrow);
	return error_from_constructor();
}
