/* SPDX-License-Identifier: MIT */
#include "face/pyro/objects.h"

#include <string.h>

#include "base/error.h"
#include "base/identity.h"
#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"
#include "face/visitor.h"
#include "object/object.h"
#include "rules/rules.h"

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

/* ---- who may know of them ---- */

static bool may_call_some(struct rules *rules, const struct object *object,
			  struct rules_question question)
{
	const struct pyr__interface *interface = object->interface->table;
	unsigned line;
	uint32_t i;

	question.action = "call";
	question.object = object->id;
	for (i = 0; i < interface->n_operations; i++) {
		question.target = interface->operations[i].name;
		if (rules_allow(rules, &question, &line))
			return true;
	}
	return false;
}

static bool may_know(struct rules *rules, const struct object *object, const struct door_peer *who,
		     char *text, size_t n)
{
	const struct pyr_credentials credentials = { who->pid, who->uid, who->gid };
	struct rules_question question = {
		.action = "inspect", .target = "", .object = "", .from = who->address
	};
	char uid[IDENTITY_UID];
	unsigned line;

	rules_refresh(rules, false);
	question.who = identity_of(who->identity, who->has_credentials ? &credentials : NULL, uid);
	if (may_call_some(rules, object, question) || rules_allow(rules, &question, &line))
		return true;
	rules_refuse(rules, &question, line, text, n);
	return false;
}

bool objects_may_know(struct pyro_request *request, struct span id, struct pyro_fault *fault)
{
	struct pyro_connection *connection = request->connection;
	struct rules *rules = connection->face->host->rules;
	struct object *object = objects_find(connection->face->host->objects, id);
	char text[512];
	bool may;

	if (!object) /* an adapter's methods are no secret */
		return true;
	may = !rules || object->is_built_in ||
	      may_know(rules, object, &connection->who, text, sizeof(text));
	object_unref(object);
	if (may)
		return true;
	error_set(PYR_PERMISSION_DENIED, "%s", text);
	return !fault_of_error(fault, (enum ser_protocol)request->header->version, NULL);
}
