/* SPDX-License-Identifier: MIT */
#include "face/pyro/objects.h"

#include <string.h>

#include "base/error.h"
#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"
#include "face/visitor.h"

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
	pyr_proxy *proxy = NULL;

	if (id && (object.n == 0 || !memchr(object.p, '\0', object.n))) {
		memcpy(id, object.p ? object.p : (const uint8_t *)"", object.n);
		proxy = visitor_proxy(connection->callers->visitor, id, &options);
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
