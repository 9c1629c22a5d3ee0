/* SPDX-License-Identifier: MIT */
/* Proxies as values: those that came as references, and what others are passed as. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/engine.h"
#include "proxy/patience.h"
#include "proxy/proxy.h"
#include "reference/references.h"

/* Of an Object, which nothing is known of. */
static const struct pyr__interface any_object = { .abi = PYR_GEN_ABI, .name = "" };

/* ---- made ---- */

/* For messages; nobody connects to it. */
static pyr_uri *uri_for_people(const char *object, const char *address)
{
	size_t n_object = strlen(object), n = n_object + strlen(address) + sizeof("REFERENCE:@");
	pyr_uri *uri = malloc(sizeof(*uri) + n + n_object + 1);
	char *text = (char *)(uri + 1), *name = text + n;

	if (!uri)
		return NULL;
	snprintf(text, n, "REFERENCE:%s@%s", object, address);
	memcpy(name, object, n_object + 1);
	*uri = (pyr_uri){ .scheme = PYR_URI_PYRO, .object = name, .host = "", .socket = "" };
	uri->text = text;
	uri->address = text + n - 1 - strlen(address);
	return uri;
}

static pyr_uri *uri_of(const struct reference *reference)
{
	const struct object *object = reference->object;
	struct uri_problem problem;
	char name[REFERENCE_NAME];

	if (object)
		return uri_for_people(object->id, object_address(object));
	if (reference->uri)
		return uri_parse(reference->uri, &problem);
	reference_name(reference->id, name);
	return uri_for_people(name, reference->import->peer->link->address);
}

pyr_proxy *proxy_of_reference(struct reference *reference, const struct codec_interface *interface,
			      const struct pyr_proxy_options *options)
{
	pyr_proxy *proxy = NULL;
	struct peer *from;

	if (engine_start() == 0)
		proxy = proxy_make(interface, uri_of(reference), options);
	if (!proxy) {
		reference_unref(reference);
		return NULL;
	}
	proxy->reference = reference;
	proxy->is_reference = true;
	from = reference->import ? reference->import->peer : reference->from;
	if (!proxy->wish.tls && from) /* as what it came over */
		proxy_set_tls(proxy, from->shared.tls, true);
	if (!proxy->wish.keys && !proxy->wish.has_no_key && from)
		proxy_set_keys(proxy, from->shared.keys, false);
	return proxy;
}

static void *make(struct reference *reference, const struct pyr__type *type)
{
	static const struct pyr_proxy_options none;
	const struct pyr__interface *table =
		type && type->interface ? type->interface : &any_object;
	const struct codec_interface *interface =
		reference->object ? reference->object->interface : codec_interface_get(table);
	struct object *object = reference->object;
	pyr_error *kept = pyr_error_take();
	pyr_proxy *proxy;

	proxy = proxy_of_reference(reference, interface, &none);
	error_restore(kept);
	if (proxy && object)
		reference_stand(object, proxy, &proxy->n_users);
	return proxy;
}

/* ---- passed ---- */

/* With the proxy's lock. */
static struct reference *reference_of(pyr_proxy *proxy)
{
	if (!proxy->reference)
		proxy->reference = reference_to_uri(proxy->interface->table, proxy->uri->text);
	return proxy->reference;
}

static struct reference *of(const void *value, const char **why)
{
	pyr_proxy *proxy = (pyr_proxy *)value;
	struct reference *reference;

	if (proxy->batch) {
		*why = "stands for a batch";
		return NULL;
	}
	if (proxy->is_reference)
		return proxy->reference;
	if (proxy->wish.given) {
		*why = "uses a socket that no other process has";
		return NULL;
	}
	pthread_mutex_lock(&proxy->lock);
	reference = reference_of(proxy);
	pthread_mutex_unlock(&proxy->lock);
	*why = NULL;
	return reference;
}

static const struct reference_maker maker = { make, pyr__proxy_dup, pyr__proxy_free, of };

static void __attribute__((constructor)) make_references(void)
{
	reference_set_maker(&maker);
}

/* ---- what they are ---- */

bool pyr_proxy_same(pyr_proxy *a, pyr_proxy *b)
{
	struct reference *x, *y;
	const char *why;

	if (!a || !b || a == b)
		return a == b;
	x = of(a, &why);
	y = of(b, &why);
	return x && y && reference_is_same(x, y);
}
