/* SPDX-License-Identifier: MIT */
#include "face/visitor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/uri.h"
#include "face/face.h"
#include "link/link_process.h"
#include "object/object.h"
#include "proxy/proxy.h"

struct visitor {
	struct link_visitor who;
	const struct face_host *host;
	pthread_mutex_t lock; /* proxies and is_over, which visitor_end() looks at */
	bool is_over;
	pyr_proxy **proxies;
	size_t n, room;
};

struct visitor *visitor_new(const struct face_host *host, const struct door_peer *who)
{
	static atomic_uint_fast64_t last;
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor)
		return NULL;
	pthread_mutex_init(&visitor->lock, NULL);
	visitor->host = host;
	visitor->who.number = atomic_fetch_add(&last, 1) + 1;
	atomic_init(&visitor->who.place, host->place);
	visitor->who.is_local = who->is_local;
	visitor->who.has_credentials = who->has_credentials;
	visitor->who.credentials = (struct pyr_credentials){ who->pid, who->uid, who->gid };
	snprintf(visitor->who.identity, sizeof(visitor->who.identity), "%s", who->identity);
	snprintf(visitor->who.address, sizeof(visitor->who.address), "%s", who->address);
	return visitor;
}

/* ---- proxies ---- */

static const char *id_of(const pyr_proxy *proxy)
{
	return proxy->uri->object;
}

/* Its place, or that where there is room for it; -1 when he has too many. */
static ptrdiff_t find(const struct visitor *visitor, const char *id)
{
	size_t i;

	for (i = 0; i < visitor->n; i++)
		if (strcmp(id_of(visitor->proxies[i]), id) == 0)
			return (ptrdiff_t)i;
	return i < VISITOR_OBJECTS ? (ptrdiff_t)i : -1;
}

static pyr_proxy *make(struct visitor *visitor, const struct object *object,
		       const struct pyr_proxy_options *options)
{
	static const struct pyr_proxy_options standard;
	struct uri_problem problem = { .code = PYR_RESOURCE_EXHAUSTED, .text = "out of memory" };
	pyr_uri *uri = uri_parse(object->uri, &problem);
	pyr_proxy *proxy;

	if (!uri)
		return error_constructor(problem.code, "%s", problem.text);
	proxy = proxy_make(object->interface, uri, options ? options : &standard);
	if (!proxy)
		return NULL;
	proxy->wish.lane = PYR_LANE_PROCESS;
	proxy->wish.plain = PYR_PLAIN_NEVER;
	proxy->wish.visitor = &visitor->who;
	return proxy;
}

/* In that place; frees what was there. Returns false, the proxy freed, if he is gone or memory is
 * out. */
static bool keep(struct visitor *visitor, size_t place, pyr_proxy *proxy)
{
	pyr_proxy **grown = visitor->proxies, *before = NULL;
	bool is_kept;

	pthread_mutex_lock(&visitor->lock);
	if (place == visitor->room) {
		grown = realloc(grown, (2 * place + 4) * sizeof(pyr_proxy *));
		visitor->room = grown ? 2 * place + 4 : place;
		visitor->proxies = grown ? grown : visitor->proxies;
	}
	is_kept = grown && !visitor->is_over;
	if (is_kept) {
		before = place < visitor->n ? grown[place] : NULL;
		visitor->n += place == visitor->n;
		grown[place] = proxy;
	}
	pthread_mutex_unlock(&visitor->lock);
	pyr_proxy_free(is_kept ? before : proxy);
	if (!is_kept)
		error_set(grown ? PYR_CANCELLED : PYR_RESOURCE_EXHAUSTED, "%s",
			  grown ? "the caller is gone" : "out of memory");
	return is_kept;
}

pyr_proxy *visitor_proxy(struct visitor *visitor, const char *id,
			 const struct pyr_proxy_options *options)
{
	struct object *object = objects_find(visitor->host->objects, span_of(id));
	ptrdiff_t place = find(visitor, id);
	pyr_proxy *proxy = NULL;

	if (!object && objects_would_make(visitor->host->objects, span_of(id)))
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory for object '%s'",
					 id);
	if (!object)
		return error_constructor(PYR_NOT_FOUND, "no object '%.100s' at %s", id,
					 visitor->host->address);
	if (place < 0)
		error_constructor(PYR_RESOURCE_EXHAUSTED,
				  "%s has called %d objects over one connection, the maximum",
				  visitor->who.address, VISITOR_OBJECTS);
	else if ((size_t)place < visitor->n &&
		 visitor->proxies[place]->interface == object->interface)
		proxy = visitor->proxies[place];
	else if ((proxy = make(visitor, object, options)) && !keep(visitor, (size_t)place, proxy))
		proxy = NULL;
	object_unref(object);
	return proxy;
}

/* ---- the end ---- */

void visitor_end(struct visitor *visitor)
{
	size_t i;

	pthread_mutex_lock(&visitor->lock);
	visitor->is_over = true;
	atomic_store(&visitor->who.place, NULL);
	for (i = 0; i < visitor->n; i++)
		pyr_proxy_release(visitor->proxies[i]);
	pthread_mutex_unlock(&visitor->lock);
}

void visitor_free(struct visitor *visitor)
{
	size_t i;

	if (!visitor)
		return;
	for (i = 0; i < visitor->n; i++)
		pyr_proxy_free(visitor->proxies[i]);
	free(visitor->proxies);
	pthread_mutex_destroy(&visitor->lock);
	free(visitor);
}
