/* SPDX-License-Identifier: MIT */
/* What there is, as the daemon's own object tells it to this visitor. */
#include <pyrite/inspect.h>
#include <pyrite/value.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/http/exchange.h"
#include "face/http/schema.h"
#include "generic/generic.h"
#include "value/json_write.h"
#include "value/types.h"

static void put_member(struct buf *out, const char *name, const char *text)
{
	json_put(out, "\"");
	json_put(out, name);
	json_put(out, "\": ");
	json_put_string(out, text, strlen(text));
}

static void put_texts(struct buf *out, const char *name, const struct pyr_string_seq *texts)
{
	size_t i;

	json_put(out, ", \"");
	json_put(out, name);
	json_put(out, "\": [");
	for (i = 0; i < texts->n; i++) {
		json_put(out, i > 0 ? ", " : "");
		json_put_string(out, texts->items[i], strlen(texts->items[i]));
	}
	json_put(out, "]");
}

/* 64-bit numbers are strings, as everywhere in JSON here. */
static void put_number(struct buf *out, const char *name, uint64_t number, bool is_wide)
{
	char text[64];

	snprintf(text, sizeof(text), is_wide ? ", \"%s\": \"%" PRIu64 "\"" : ", \"%s\": %" PRIu64,
		 name, number);
	json_put(out, text);
}

static void put_bool(struct buf *out, const char *name, bool value)
{
	json_put(out, ", \"");
	json_put(out, name);
	json_put(out, value ? "\": true" : "\": false");
}

static struct pyrite_Daemon *daemon_of(struct http_request *request, struct http_answer *answer)
{
	pyr_proxy *daemon = http_proxy(request, pyrite_DAEMON_ID);

	if (!daemon)
		answer_error(request, answer, NULL);
	return (struct pyrite_Daemon *)daemon;
}

static void begin_json(struct http_answer *answer)
{
	answer->status = 200;
	answer->type = "application/json";
}

/* ---- the list ---- */

static void put_page(struct buf *out, const struct pyrite_DaemonPage *page)
{
	const struct pyrite_DaemonObject *object;
	size_t i;

	json_put(out, "{\"objects\": [");
	for (i = 0; i < page->objects.n; i++) {
		object = &page->objects.items[i];
		json_put(out, i > 0 ? ", {" : "{");
		put_member(out, "id", object->id);
		json_put(out, ", ");
		put_member(out, "interface", object->interface_name);
		put_texts(out, "names", &object->names);
		put_number(out, "calls", object->n_calls, true);
		json_put(out, "}");
	}
	json_put(out, "], ");
	put_member(out, "next", page->next);
	json_put(out, "}\n");
}

/* The parameter `after`; false, answered, if there is another. */
static bool read_after(struct http_request *request, struct http_answer *answer, const char **ret)
{
	struct url_parameters parameters;
	const char *wrong = url_parameters(&request->arena, request->query, &parameters);

	*ret = "";
	if (!wrong && parameters.n == 1 && strcmp(parameters.items[0].name, "after") == 0)
		*ret = parameters.items[0].value;
	else if (!wrong && parameters.n > 0)
		wrong = "'after' is the only one";
	if (wrong)
		answer_problem(request, answer, 400, "the parameters: %s", wrong);
	return !wrong;
}

void objects_list(struct http_request *request, struct http_answer *answer)
{
	struct pyrite_DaemonPage *page = NULL;
	struct pyrite_Daemon *daemon;
	const char *after;

	if (!read_after(request, answer, &after) || !(daemon = daemon_of(request, answer)))
		return;
	if (pyrite_Daemon_objects(daemon, after, &page) < 0) {
		answer_error(request, answer, (pyr_proxy *)daemon);
	} else {
		begin_json(answer);
		put_page(&answer->body, page);
		pyr_free(page);
	}
}

/* ---- one ---- */

static void put_doc(struct buf *out, const char *doc)
{
	json_put(out, ", ");
	put_member(out, "doc", doc ? doc : "");
}

/* What goes in and comes out, as JSON Schema. */
static void put_schemas(struct buf *out, const struct pyr__operation *op)
{
	const struct schema schema = { out, "#/types/" };

	json_put(out, ", \"parameters\": ");
	schema_parameters(&schema, op);
	json_put(out, ", \"result\": ");
	schema_result(&schema, op);
	put_bool(out, "writes_stream", op->flags & PYR__STREAM_IN);
	put_bool(out, "reads_stream", op->flags & PYR__STREAM_OUT);
}

static void put_types(struct buf *out, const struct pyr__interface *interface)
{
	const struct schema schema = { out, "#/types/" };
	const char *separator = "";
	struct types types;
	size_t i;

	types_of_interface(interface, &types);
	json_put(out, ", \"types\": {");
	for (i = 0; i < types.n; i++) {
		if (!schema_is_named(types.items[i]))
			continue;
		json_put(out, separator);
		json_put_string(out, types.items[i]->name, strlen(types.items[i]->name));
		json_put(out, ": ");
		schema_type(&schema, types.items[i]);
		separator = ", ";
	}
	json_put(out, "}");
	out->broken |= types.is_broken;
	free(types.items);
}

static void put_operation(struct buf *out, const struct pyrite_OperationMetadata *op)
{
	json_put(out, "{");
	put_member(out, "name", op->name);
	json_put(out, ", ");
	put_member(out, "signature", op->signature);
	put_bool(out, "oneway", op->is_oneway);
	put_bool(out, "idempotent", op->is_idempotent);
	put_number(out, "timeout_ms", op->timeout_ms, false);
	put_texts(out, "exceptions", &op->exceptions);
}

static void put_operations(struct buf *out, const struct pyrite_ObjectMetadata *object,
			   const struct pyr__interface *interface)
{
	size_t i;

	json_put(out, ", \"operations\": [");
	for (i = 0; i < object->operations.n && i < interface->n_operations; i++) {
		json_put(out, i > 0 ? ", " : "");
		put_operation(out, &object->operations.items[i]);
		put_doc(out, interface->docs ? interface->docs[i + 1] : NULL);
		put_schemas(out, &interface->operations[i]);
		json_put(out, "}");
	}
	json_put(out, "]");
}

static void put_object(struct buf *out, const struct pyrite_ObjectMetadata *object,
		       const struct pyr__interface *interface, const char *idl)
{
	json_put(out, "{");
	put_member(out, "id", object->id);
	json_put(out, ", ");
	put_member(out, "uri", object->uri);
	json_put(out, ", ");
	put_member(out, "interface", object->interface_name);
	put_number(out, "fingerprint", object->fingerprint, true);
	put_texts(out, "bases", &object->bases);
	put_doc(out, interface->docs ? interface->docs[0] : NULL);
	put_operations(out, object, interface);
	put_types(out, interface);
	json_put(out, ", ");
	put_member(out, "idl", idl);
	json_put(out, "}\n");
}

void objects_describe(struct http_request *request, struct http_answer *answer)
{
	struct pyrite_Daemon *daemon = daemon_of(request, answer);
	struct pyrite_ObjectMetadata *object = NULL;
	const char *id = request->url.segments[2];
	pyr_proxy *proxy = NULL;
	char *idl = NULL;

	if (!daemon)
		return;
	if (pyrite_Daemon_describe(daemon, id, &object) < 0 || !(proxy = http_proxy(request, id)) ||
	    pyr_proxy_describe(proxy, &idl) < 0) {
		answer_error(request, answer, NULL);
	} else {
		begin_json(answer);
		put_object(&answer->body, object, generic_interface(proxy), idl);
	}
	pyr_free(object);
	pyr_free(idl);
}
