/* SPDX-License-Identifier: MIT */
#include "proto_message.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c_type.h"
#include "emit.h"
#include "proto_names.h"

static const char *const scalars[] = {
	[TYPE_BOOLEAN] = "bool",  [TYPE_CHAR] = "uint32",   [TYPE_WCHAR] = "uint32",
	[TYPE_OCTET] = "uint32",  [TYPE_INT8] = "int32",    [TYPE_UINT8] = "uint32",
	[TYPE_INT16] = "int32",   [TYPE_UINT16] = "uint32", [TYPE_INT32] = "int32",
	[TYPE_UINT32] = "uint32", [TYPE_INT64] = "int64",   [TYPE_UINT64] = "uint64",
	[TYPE_FLOAT] = "float",   [TYPE_DOUBLE] = "double", [TYPE_STRING] = "string",
	[TYPE_BYTES] = "bytes",
};

/* Two files of one package must not call two messages the same: a wrapper's name begins with its
 * file's, unless that is the module's anyway. */
static void wrapper_name(struct buf *out, struct proto_run *run, const struct ast_type *type)
{
	const struct ast_file *file = run->unit->main;
	const char *package = proto_package(run, file);
	const char *module = strrchr(package, '.'), *name = strrchr(type->wire_name, '.');

	if (strcmp(file->stem, module ? module + 1 : package) != 0) {
		emit_identifier(out, file->stem);
		buf_str(out, "_");
	}
	buf_str(out, name ? name + 1 : type->wire_name);
}

/* Refers to the wrapper of an anonymous collection, which is written when it is first needed. */
static void wrapper_reference(struct buf *out, struct proto *proto, const struct ast_type *type)
{
	struct proto_run *run = proto->run;
	const char *known = set_get(&run->wrappers, type->c_name);
	struct buf name = { 0 };

	if (!known) {
		wrapper_name(&name, run, type);
		known = proto_take(run, run->unit->main, buf_text(&name), "_");
		set_put(&run->wrappers, type->c_name, known);
		run->failed |= name.failed || run->wrappers.failed;
		buf_free(&name);
		proto_wrapper(run->types, type, known);
	}
	proto_name_reference(out, proto, run->unit->main, known);
}

/* The type of one value of a field, never repeated. */
static void type_name(struct buf *out, struct proto *proto, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;
	size_t kind = actual->kind;

	if (kind < sizeof(scalars) / sizeof(scalars[0]) && scalars[kind]) {
		buf_str(out, scalars[kind]);
	} else if (kind == TYPE_ANY) {
		proto_import(proto, "google/protobuf/any.proto");
		buf_str(out, "google.protobuf.Any");
	} else if (ctype_shape(actual) == CTYPE_REFERENCE) {
		proto_import(proto, "pyrite/reference.proto");
		buf_str(out, ".pyrite.Reference");
	} else if (ctype_is_anonymous(actual)) {
		wrapper_reference(out, proto, actual);
	} else {
		proto_reference(out, proto, actual->decl);
	}
}

/* "repeated int32", "map<string, Point>", "optional string". */
static void field_type(struct buf *out, struct proto *proto, const struct proto_field *field)
{
	const struct ast_type *actual = field->type->actual;
	enum ctype_shape shape = ctype_shape(actual);
	bool wrapped = field->optional || field->in_oneof;

	if (ctype_is_collection(actual) && !wrapped && actual->kind == TYPE_MAP) {
		buf_str(out, "map<");
		type_name(out, proto, actual->key);
		buf_str(out, ", ");
		type_name(out, proto, actual->elem);
		buf_str(out, ">");
		return;
	}
	if (ctype_is_collection(actual) && !wrapped) {
		buf_str(out, "repeated ");
		type_name(out, proto, actual->elem);
		return;
	}
	if (field->has && !field->in_oneof &&
	    (shape == CTYPE_VALUE || shape == CTYPE_STRING || actual->kind == TYPE_BYTES))
		buf_str(out, "optional ");
	type_name(out, proto, actual);
}

/* A name as protoc compares them: without case and underscores. */
static void fold(struct buf *out, const char *name)
{
	for (; *name; name++) {
		char c = (char)tolower((unsigned char)*name);

		if (c != '_')
			buf_add(out, &c, 1);
	}
}

/* The name of a field, made different from the ones before it, whatever language's case rules
 * apply. Only JSON and generated code see it. */
static void field_name(struct buf *out, struct proto *proto, struct set *taken, const char *name,
		       uint32_t id)
{
	struct buf folded = { 0 };

	buf_str(out, name);
	fold(&folded, buf_text(out));
	while (!folded.failed && set_has(taken, buf_text(&folded))) {
		buf_free(&folded);
		buf_printf(out, "_%" PRIu32, id);
		fold(&folded, buf_text(out));
	}
	set_add(taken, proto_keep(proto->run, buf_text(&folded)));
	buf_free(&folded);
}

static void field_line(struct buf *out, struct proto *proto, const struct proto_field *field,
		       struct set *taken)
{
	int indent = field->in_oneof ? 4 : 2;
	struct buf name = { 0 };

	field_name(&name, proto, taken, field->name, field->id);
	if (field->decl)
		proto_doc(out, (size_t)indent, field->decl->doc);
	buf_printf(out, "%*s", indent, "");
	field_type(out, proto, field);
	buf_printf(out, " %s = %" PRIu32 "%s;\n", buf_text(&name), field->id,
		   field->decl && field->decl->deprecated ? " [deprecated = true]" : "");
	out->failed |= name.failed;
	buf_free(&name);
}

static bool has_field(const struct proto_message *message, const char *name)
{
	for (size_t i = 0; i < message->n_fields; i++)
		if (strcmp(message->fields[i].name, name) == 0)
			return true;
	return false;
}

void proto_message(struct proto *proto, const struct proto_message *message)
{
	struct buf text = { 0 };
	struct set taken = { 0 };
	bool is_deprecated = message->decl && message->decl->deprecated;

	if (message->decl)
		proto_doc(&text, 0, message->decl->doc);
	buf_printf(&text, "message %s {\n", message->name);
	buf_str(&text, is_deprecated ? "  option deprecated = true;\n" : "");
	buf_str(&text, message->is_void ? "  reserved 1;\n" : "");
	if (message->oneof)
		buf_printf(&text, "  oneof %s {\n",
			   has_field(message, "value") ? "value_" : "value");
	for (size_t i = 0; i < message->n_fields; i++)
		field_line(&text, proto, &message->fields[i], &taken);
	buf_str(&text, message->oneof ? "  }\n}\n\n" : "}\n\n");
	buf_str(&proto->body, buf_text(&text));
	proto->body.failed |= text.failed || taken.failed;
	buf_free(&text);
	set_free(&taken);
}

void proto_wrapper(struct proto *proto, const struct ast_type *type, const char *name)
{
	struct proto_field field = { .id = 1, .name = "items", .type = type->actual };
	struct proto_message message = { .name = name, .fields = &field, .n_fields = 1 };

	proto_message(proto, &message);
}
