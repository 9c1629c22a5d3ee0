/* SPDX-License-Identifier: MIT */
#include "proto_decl.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "operation.h"
#include "proto_message.h"
#include "proto_names.h"

/* What is left of an enumerator's name when languages strip the enum's name and join its words. */
static void pascal(struct buf *out, const char *name)
{
	bool word = true;

	for (; *name; name++) {
		char c = (char)(word ? toupper((unsigned char)*name)
				     : tolower((unsigned char)*name));

		word = *name == '_';
		if (!word)
			buf_add(out, &c, 1);
	}
}

/* Adds one enumerator, renamed where protoc would take it for another. taken: names as languages
 * see them. */
static void enumerator(struct buf *out, struct proto *proto, struct set *taken, const char *type,
		       const char *name, const struct ast_decl *decl)
{
	struct buf own = { 0 }, folded = { 0 }, full = { 0 };
	int64_t value = decl ? decl->value.i : 0;

	buf_str(&own, name);
	for (;;) {
		pascal(&folded, buf_text(&own));
		buf_printf(&full, "%s_%s", type, buf_text(&own));
		if (own.failed || folded.failed || full.failed ||
		    (!set_has(taken, folded.data) &&
		     !proto_is_taken(proto->run, proto->run->unit->main, full.data)))
			break;
		buf_free(&folded);
		buf_free(&full);
		buf_str(&own, "_x");
	}
	set_add(taken, proto_keep(proto->run, buf_text(&folded)));
	proto_take(proto->run, proto->run->unit->main, buf_text(&full), "_x");
	if (decl)
		proto_doc(out, 2, decl->doc);
	buf_printf(out, "  %s = %" PRId64 "%s;\n", buf_text(&full), value,
		   decl && decl->deprecated ? " [deprecated = true]" : "");
	out->failed |= own.failed || folded.failed || full.failed;
	buf_free(&own);
	buf_free(&folded);
	buf_free(&full);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static bool has_aliases(struct proto *proto, const struct ast_decl *decl)
{
	int64_t *values = calloc(decl->n_items + 1, sizeof(*values));
	bool found = false;

	if (!values) {
		proto->body.failed = true;
		return false;
	}
	for (size_t i = 0; i < decl->n_items; i++)
		values[i] = decl->items[i]->value.i;
	qsort(values, decl->n_items, sizeof(*values), compare);
	for (size_t i = 1; i < decl->n_items; i++)
		found |= values[i] == values[i - 1];
	free(values);
	return found;
}

/* proto3 wants a zero first: the enumerator that is zero, or one that IDL does not know. */
static void enumeration(struct proto *proto, const struct ast_decl *decl)
{
	const char *name = proto_local_name(proto->run, decl);
	struct buf *out = &proto->body;
	struct set taken = { 0 };
	size_t zero = 0;

	while (zero < decl->n_items && decl->items[zero]->value.i != 0)
		zero++;
	proto_doc(out, 0, decl->doc);
	buf_printf(out, "enum %s {\n", name);
	buf_str(out, has_aliases(proto, decl) ? "  option allow_alias = true;\n" : "");
	buf_str(out, decl->deprecated ? "  option deprecated = true;\n" : "");
	if (zero == decl->n_items)
		enumerator(out, proto, &taken, name, "UNSPECIFIED_", NULL);
	else
		enumerator(out, proto, &taken, name, decl->items[zero]->wire_name,
			   decl->items[zero]);
	for (size_t i = 0; i < decl->n_items; i++)
		if (i != zero)
			enumerator(out, proto, &taken, name, decl->items[i]->wire_name,
				   decl->items[i]);
	buf_str(out, "}\n\n");
	out->failed |= taken.failed;
	set_free(&taken);
}

/* A struct, exception or union. */
static void structure(struct proto *proto, const struct ast_decl *decl)
{
	struct proto_field *fields = calloc(decl->n_items + 1, sizeof(*fields));
	bool is_union = decl->kind == AST_UNION;
	struct proto_message message = {
		.name = proto_local_name(proto->run, decl),
		.decl = decl,
		.fields = fields,
		.oneof = decl->oneof,
	};

	if (!fields) {
		proto->body.failed = true;
		return;
	}
	if (is_union && !decl->oneof)
		fields[message.n_fields++] = (struct proto_field){ .id = 1,
								   .name = "discriminator",
								   .type = decl->type };
	for (size_t i = 0; i < decl->n_items; i++) {
		const struct ast_decl *item = decl->items[i];

		fields[message.n_fields++] = (struct proto_field){
			.id = item->id,
			.name = item->wire_name,
			.type = item->type,
			.has = is_union || item->optional || item->def.kind != VALUE_NONE,
			.optional = item->optional,
			.in_oneof = decl->oneof,
			.decl = item,
		};
	}
	proto_message(proto, &message);
	free(fields);
}

static void operation_field(struct proto_field *ret, const struct operation_value *value,
			    bool is_reply)
{
	*ret = (struct proto_field){
		.id = value->id,
		.name = value->wire_name,
		.type = value->type,
		.has = value->optional || (!is_reply && value->param->def.kind != VALUE_NONE),
		.optional = value->optional,
	};
}

/* stream: what items travel in it; type NULL: none. */
static void operation_message(struct proto *proto, const struct operation *operation,
			      const struct operation_value *values, size_t n,
			      const struct operation_value *stream, const char *which)
{
	struct proto_field *fields = calloc(n + 1, sizeof(*fields));
	bool is_reply = strcmp(which, "reply") == 0;
	struct proto_message message = {
		.fields = fields,
		.n_fields = n + !!stream->type,
		.is_void = is_reply && operation->decl->type->actual->kind == TYPE_VOID,
	};
	struct buf name = { 0 };

	for (size_t i = 0; fields && i < n; i++)
		operation_field(&fields[i], &values[i], is_reply);
	if (fields && stream->type)
		operation_field(&fields[n], stream, is_reply);
	buf_printf(&name, "%s_%s_%s", operation->decl->owner->name, operation->decl->wire_name,
		   which);
	message.name = buf_text(&name);
	if (fields)
		proto_message(proto, &message);
	proto->body.failed |= !fields || name.failed;
	buf_free(&name);
	free(fields);
}

/* The messages of an operation, unless another interface declares it. */
static void operation_messages(struct proto *proto, const struct ast_decl *interface,
			       const struct ast_decl *decl)
{
	struct operation operation = { 0 };

	bool has_own = decl->owner == interface && !decl->is_message;

	if (has_own && !operation_init(&operation, decl))
		proto->body.failed = true;
	if (has_own) {
		operation_message(proto, &operation, operation.ins, operation.n_ins,
				  &operation.in_stream, "request");
		operation_message(proto, &operation, operation.outs, operation.n_outs,
				  &operation.out_stream, "reply");
	}
	operation_clear(&operation);
}

void proto_service(struct proto *proto, struct proto *messages, const struct ast_decl *decl)
{
	struct buf text = { 0 };

	proto_doc(&text, 0, decl->doc);
	buf_printf(&text, "service %s {\n", decl->name);
	buf_str(&text, decl->deprecated ? "  option deprecated = true;\n" : "");
	for (size_t i = 0; i < decl->n_operations; i++) {
		const struct ast_decl *operation = decl->operations[i];

		operation_messages(messages, decl, operation);
		proto_doc(&text, 2, operation->doc);
		buf_printf(&text, "  rpc %s(%s", operation->wire_name,
			   operation->stream_in ? "stream " : "");
		proto_operation_reference(&text, proto, operation, "request");
		buf_printf(&text, ") returns (%s", operation->stream_out ? "stream " : "");
		proto_operation_reference(&text, proto, operation, "reply");
		buf_str(&text, operation->deprecated ? ") {\n    option deprecated = true;\n  }\n"
						     : ");\n");
	}
	buf_str(&text, "}\n\n");
	buf_str(&proto->body, buf_text(&text));
	proto->body.failed |= text.failed;
	buf_free(&text);
}

static void named_collection(struct proto *proto, const struct ast_decl *decl)
{
	if (ctype_is_collection(decl->type) && decl->type->actual->decl == decl)
		proto_wrapper(proto, decl->type, proto_local_name(proto->run, decl));
}

void proto_type(struct proto *proto, const struct ast_decl *decl)
{
	switch (decl->kind) {
	case AST_ENUM:
		enumeration(proto, decl);
		break;
	case AST_STRUCT:
	case AST_EXCEPTION:
	case AST_UNION:
		structure(proto, decl);
		break;
	case AST_TYPEDEF:
		named_collection(proto, decl);
		break;
	default:
		break;
	}
}
