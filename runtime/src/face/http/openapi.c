/* SPDX-License-Identifier: MIT */
/*
 * The document: a path for each operation of each object, the types that all of them use, what
 * errors look like. Which objects there are the daemon's own object says to this visitor, so that
 * nobody sees more than he may; what they do is in their tables.
 */
#include "face/http/openapi.h"

#include <pyrite/gen.h>
#include <pyrite/inspect.h>

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "face/face.h"
#include "face/http/schema.h"
#include "object/object.h"
#include "value/json_write.h"
#include "value/types.h"

struct document {
	struct buf *out;
	struct schema schema;
	const struct pyr__type **types; /* named ones, each name once */
	size_t n_types, room;
	const struct pyr__interface *last; /* whose types are there */
	bool is_first;
};

static void put_text(struct buf *out, const char *text)
{
	json_put_string(out, text, strlen(text));
}

/* ---- types ---- */

/* Of two that have one name and differ, the first: an any tells them apart no better. */
static void meet(struct document *d, const struct pyr__type *type)
{
	size_t i;

	for (i = 0; i < d->n_types; i++)
		if (d->types[i] == type || strcmp(d->types[i]->name, type->name) == 0)
			return;
	if (array_reserve(&d->types, &d->room, d->n_types + 1, sizeof(type)))
		d->types[d->n_types++] = type;
	else
		d->out->broken = true;
}

static void meet_all(struct document *d, const struct pyr__interface *interface)
{
	struct types types;
	size_t i;

	if (interface == d->last)
		return;
	d->last = interface;
	types_of_interface(interface, &types);
	for (i = 0; i < types.n; i++)
		if (schema_is_named(types.items[i]))
			meet(d, types.items[i]);
	d->out->broken |= types.is_broken;
	free(types.items);
}

/* ---- operations ---- */

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static void put_doc(struct buf *out, const struct pyr__interface *interface, uint32_t i)
{
	const char *doc = interface->docs ? interface->docs[i + 1] : NULL;

	if (!doc)
		return;
	json_put(out, ", \"description\": ");
	put_text(out, doc);
}

static void put_answers(struct document *d, const struct pyr__operation *op)
{
	json_put(d->out, ", \"responses\": {\"200\": {\"description\": ");
	if (op->flags & PYR__STREAM_OUT) {
		json_put(d->out,
			 "\"An event for each item of the stream, then 'end' or 'error'.\", "
			 "\"content\": {\"text/event-stream\": {\"schema\": {\"type\": \"string\", "
			 "\"contentMediaType\": \"application/json\", \"contentSchema\": ");
		schema_result(&d->schema, op);
		json_put(d->out, "}}}}");
	} else {
		json_put(d->out, "\"What it returns.\", \"content\": {\"application/json\": "
				 "{\"schema\": ");
		schema_result(&d->schema, op);
		json_put(d->out, "}}}");
	}
	json_put(d->out, ", \"default\": {\"$ref\": \"#/components/responses/Error\"}}}}");
}

/* Other characters than those of URLs as _XX. */
static void put_id(struct buf *out, const char *id)
{
	size_t from = out->n;

	url_put_segment(out, id);
	for (; !out->broken && from < out->n; from++)
		if (out->data[from] == '%')
			out->data[from] = '_';
}

static void put_operation(struct document *d, const struct pyr__interface *interface,
			  const char *id, uint32_t i)
{
	const struct pyr__operation *op = &interface->operations[i];

	json_put(d->out, d->is_first ? "\n\"/v1/objects/" : ",\n\"/v1/objects/");
	d->is_first = false;
	url_put_segment(d->out, id);
	json_put(d->out, "/");
	url_put_segment(d->out, last_part(op->name));
	json_put(d->out, "\": {\"post\": {\"operationId\": \"");
	put_id(d->out, id);
	json_put(d->out, ".");
	json_put(d->out, op->name);
	json_put(d->out, "\", \"tags\": [");
	put_text(d->out, id);
	json_put(d->out, "], \"summary\": ");
	put_text(d->out, op->name);
	put_doc(d->out, interface, i);
	json_put(d->out, ", \"requestBody\": {\"required\": ");
	json_put(d->out, op->n_in > 0 ? "true" : "false");
	json_put(d->out, ", \"content\": {\"application/json\": {\"schema\": ");
	schema_parameters(&d->schema, op);
	json_put(d->out, "}}}");
	put_answers(d, op);
}

/* An operation of a base stands there once more under the same last name when a derived one has it
 * too: the first that is found by that name is what is called. */
static bool is_hidden(const struct pyr__interface *interface, uint32_t i)
{
	uint32_t j;

	for (j = 0; j < i; j++)
		if (strcmp(last_part(interface->operations[j].name),
			   last_part(interface->operations[i].name)) == 0)
			return true;
	return false;
}

static void put_object(struct document *d, struct object_table *objects, const char *id)
{
	struct object *object = objects_find(objects, span_of(id));
	const struct pyr__interface *interface;
	uint32_t i;

	if (!object)
		return; /* it is gone */
	interface = object->interface->table;
	meet_all(d, interface);
	for (i = 0; i < interface->n_operations; i++)
		if (!is_hidden(interface, i))
			put_operation(d, interface, id, i);
	object_unref(object);
}

/* ---- the document ---- */

static void put_head(struct buf *out, const char *address)
{
	json_put(out, "{\"openapi\": \"3.1.0\", \"info\": {\"title\": ");
	put_text(out, "The objects of a Pyrite daemon");
	json_put(out, ", \"description\": ");
	put_text(out, address);
	json_put(out, ", \"version\": ");
	put_text(out, pyr_version());
	json_put(out, "}, \"servers\": [{\"url\": \"/\"}], \"security\": [], \"paths\": {");
}

static void put_tail(struct document *d)
{
	size_t i;

	json_put(d->out,
		 "}, \"components\": {\"responses\": {\"Error\": {\"description\": \"It failed.\", "
		 "\"content\": {\"application/json\": {\"schema\": {\"$ref\": "
		 "\"#/components/schemas/Error\"}}}}}, \"schemas\": {\n\"Error\": {\"type\": "
		 "\"object\", \"required\": [\"code\", \"status\", \"message\"], \"properties\": "
		 "{\"code\": {\"type\": \"integer\"}, \"status\": {\"type\": \"string\"}, "
		 "\"message\": {\"type\": \"string\"}, \"object\": {\"type\": \"string\"}, "
		 "\"operation\": {\"type\": \"string\"}, \"exception\": {\"type\": [\"object\", "
		 "\"null\"]}, \"trace\": {\"type\": \"array\", \"items\": {\"type\": "
		 "\"string\"}}, \"correlation_id\": {\"type\": \"string\"}, \"may_have_run\": "
		 "{\"type\": \"boolean\"}}}");
	for (i = 0; i < d->n_types; i++) {
		json_put(d->out, ",\n");
		put_text(d->out, d->types[i]->name);
		json_put(d->out, ": ");
		schema_type(&d->schema, d->types[i]);
	}
	json_put(d->out, "}}}\n");
}

/* Returns false, answered, if it may not be seen, or is too large. */
static bool put_objects(struct document *d, struct http_request *request,
			struct http_answer *answer)
{
	pyr_proxy *daemon = http_proxy(request, pyrite_DAEMON_ID);
	struct pyrite_DaemonPage *page;
	const char *after = "";
	size_t i;

	do {
		page = NULL;
		if (!daemon ||
		    pyrite_Daemon_objects((struct pyrite_Daemon *)daemon, after, &page) < 0) {
			answer_error(request, answer, daemon);
			return false;
		}
		for (i = 0; i < page->objects.n && d->out->n < HTTP_DOCUMENT; i++)
			put_object(d, request->host->objects, page->objects.items[i].id);
		after = arena_copy(&request->arena, page->next, strlen(page->next) + 1);
		pyr_free(page);
	} while (after && *after && d->out->n < HTTP_DOCUMENT);
	if (after && d->out->n < HTTP_DOCUMENT)
		return true;
	answer_problem(request, answer, 507,
		       "the description of all objects is too large: "
		       "/v1/objects has them one by one");
	return false;
}

void openapi_get(struct http_request *request, struct http_answer *answer)
{
	struct document d = { .out = &answer->body,
			      .schema = { &answer->body, "#/components/schemas/" },
			      .is_first = true };

	put_head(d.out, request->host->address);
	if (put_objects(&d, request, answer)) {
		put_tail(&d);
		answer->status = 200;
		answer->type = "application/json";
	}
	free(d.types);
}
