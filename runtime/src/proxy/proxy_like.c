/* SPDX-License-Identifier: MIT */
/* Proxies made of others. */
#include "base/error.h"
#include "key/key.h"
#include "proxy/group.h"
#include "proxy/proxy.h"
#include "tls/tls.h"

static void options_of(pyr_proxy *proxy, struct pyr_proxy_options *ret)
{
	*ret = (struct pyr_proxy_options){
		.timeout_ms = atomic_load(&proxy->timeout_ms),
		.connect_timeout_ms = proxy->wish.connect_timeout_ms,
		.own_link = proxy->wish.is_own,
		.plain = proxy->wish.plain,
		.lane = proxy->wish.lane,
		.wait_ms = PYR_NONE,
		.max_retries = PYR_NONE,
		.pick = proxy->pick,
	};
}

void proxy_set_tls(pyr_proxy *proxy, struct tls_settings *tls, bool only_tcp)
{
	tls_settings_unref(proxy->wish.tls);
	proxy->wish.tls = tls_settings_ref(tls);
	proxy->wish.only_tcp = only_tcp;
}

void proxy_set_keys(pyr_proxy *proxy, struct key_settings *keys, bool has_none)
{
	key_settings_unref(proxy->wish.keys);
	proxy->wish.keys = key_settings_ref(keys);
	proxy->wish.has_no_key = has_none;
}

static pyr_proxy *make_like(pyr_proxy *proxy, const struct pyr__interface *interface,
			    const char *uri, const struct pyr_proxy_options *options)
{
	pyr_proxy *like;

	if (proxy->is_reference)
		like = proxy_of_reference(reference_ref(proxy->reference),
					  codec_interface_get(interface), options);
	else
		like = pyr__proxy_new(interface, uri, options, sizeof(*options));
	if (!like)
		return NULL;
	buf_append(&like->annotations, proxy->annotations.data, proxy->annotations.n);
	like->wish.given = given_ref(proxy->wish.given);
	proxy_set_tls(like, proxy->wish.tls, proxy->wish.only_tcp);
	proxy_set_keys(like, proxy->wish.keys, proxy->wish.has_no_key);
	pthread_mutex_lock(&proxy->lock);
	session_ways_unref(like->ways);
	like->ways = session_ways_ref(proxy->ways);
	pthread_mutex_unlock(&proxy->lock);
	if (like->group) {
		group_set_ways(like, like->ways);
		group_set_tls(like);
	}
	return like;
}

pyr_proxy *proxy_like_at(pyr_proxy *proxy, const struct pyr__interface *interface, const char *uri)
{
	struct pyr_proxy_options options;

	options_of(proxy, &options);
	return make_like(proxy, interface, uri, &options);
}

pyr_proxy *proxy_like(pyr_proxy *proxy, const struct pyr__interface *interface)
{
	uint32_t max_retries = atomic_load(&proxy->max_retries);
	struct pyr_proxy_options options;
	const char *others[GROUP_MAX];

	options_of(proxy, &options);
	options.wait_ms = proxy->wait_ms ? proxy->wait_ms : PYR_NONE;
	options.max_retries = max_retries ? max_retries : PYR_NONE;
	if (proxy->group)
		group_options(proxy, &options, others);
	return make_like(proxy, interface, proxy->uri->text, &options);
}

static void *refuse(const pyr_proxy *proxy, const struct pyr__interface *interface)
{
	const struct object *object = proxy_object(proxy);

	return error_constructor(PYR_FAILED_PRECONDITION,
				 "object '%s' at %s has the interface %s, not %s", object->id,
				 object_address(object), object->interface->table->name,
				 interface->name);
}

/* The proxy is known to be one of that interface, or not, and nobody need be asked: one more of its
 * users, or another proxy; NULL with the last error set. */
static void *narrow_known(pyr_proxy *proxy, const struct pyr__interface *interface, bool *is_known)
{
	bool is_of = reference_is_of(proxy->reference, interface);

	*is_known = is_of || proxy_object(proxy);
	if (!is_of)
		return *is_known ? refuse(proxy, interface) : NULL;
	if (!proxy_object(proxy))
		return proxy_like(proxy, interface);
	reference_share(&proxy->n_users);
	return proxy;
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
	bool is_known = false;

	if (!proxy) {
		error_null("proxy");
		return error_from_constructor();
	}
	if (proxy->is_reference)
		narrow = narrow_known(proxy, interface, &is_known);
	if (is_known)
		return narrow;
	narrow = proxy_like(proxy, interface);
	if (!narrow || (pyr_proxy_bind(narrow) == 0 && check_narrow(narrow, interface) == 0))
		return narrow;
	pyr__proxy_free(narrow);
	return error_from_constructor();
}

pyr_proxy *pyr_proxy_dup(pyr_proxy *proxy)
{
	return pyr__proxy_dup(proxy);
}

void *pyr__proxy_dup(void *self)
{
	pyr_proxy *proxy = self;

	if (!proxy) {
		error_null("proxy");
		return error_from_constructor();
	}
	if (!proxy_object(proxy))
		return proxy_like(proxy, proxy->interface->table);
	reference_share(&proxy->n_users);
	return proxy;
}
