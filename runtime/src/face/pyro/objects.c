/* SPDX-License-Identifier: MIT */
#include "face/pyro/objects.h"

#include <string.h>

#include "base/error.h"
#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"
#include "face/visitor.h"
#include "object/object.h"

/* The daemon has answered a session's handshake. */
static int on_handshake(const struct pyr_bytes *answer, char *why, size_t n_why, void *data)
{
	struct pyro_connection *connection = data;

	(void)why;
	(void)n_why;
	buf_reset(&connection->answer);
	buf_append(&connection->answer, answer->items, answer->n);
	return 0;
}

/* A oneway holds its place among the calls of its session. Pyro's do not hold anybody up: where
 * sessions make no difference, they have one of their own. */
static struct visitor *visitor_for(const struct pyro_request *request, const char *id)
{
	struct pyro_connection *connection = request->connection;
	struct object *object = NULL;
	bool is_for_all;

	if (!(request->header->flags & PYRO_ONEWAY))
		return connection->callers->visitor;
	object = objects_find(connection->face->host->objects, span_of(id));
	is_for_all = object && !object->life;
	if (object)
		object_unref(object);
	return is_for_all ? caller_aside(connection) : connection->callers->visitor;
}

pyr_proxy *objects_proxy(struct pyro_request *request, struct span object, struct pyro_fault *fault)
{
	struct pyro_connection *connection = request->connection;
	enum ser_protocol protocol = (enum ser_protocol)request->header->version;
	struct pyr_proxy_options options = {
		.handshake = { connection->handshake.n,
			       (uint8_t *)(uintptr_t)connection->handshake.p },
		.on_handshake = connection->face->host->is_guarded ? on_handshake : NULL,
		.hook_data = connection
	};
	char *id = arena_alloc(&request->arena, object.n + 1);
	struct visitor *visitor;
	pyr_proxy *proxy = NULL;

	if (id && (object.n == 0 || !memchr(object.p, '\0', object.n))) {
		memcpy(id, object.p ? object.p : (const uint8_t *)"", object.n);
		visitor = visitor_for(request, id);
		if (visitor)
			proxy = visitor_proxy(visitor, id, &options);
		else
			error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	} else {
		error_set(PYR_NOT_FOUND, "no such object");
	}
	if (!proxy && pyr_last_error()->code == PYR_NOT_FOUND)
		fault_say(fault, protocol, "DaemonError", "unknown object");
	else if (!proxy)
		fault_of_error(fault, protocol, NULL);
	return proxy;
}

pyr_proxy *objects_get(struct pyro_request *request, struct span id,
		       const struct pyro_adapter **ret, struct pyro_fault *fault)
{
	pyr_proxy *proxy = objects_proxy(request, id, fault);

	*ret = proxy ? NULL : adapter_find(id);
	return *ret ? objects_proxy(request, span_of((*ret)->of), fault) : proxy;
}
