/* SPDX-License-Identifier: MIT */
#include "face/http/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "value/json_write.h"
#include "value/types.h"
#include "value/value.h"

static void put_number(struct buf *out, const char *name, int64_t number)
{
	char text[96];

	snprintf(text, sizeof(text), ", \"%s\": %" PRId64, name, number);
	json_put(out, text);
}

static void put_text(struct buf *out, const char *text)
{
	json_put_string(out, text, strlen(text));
}

static void put_integer(struct buf *out, const char *format, int64_t least, int64_t most)
{
	json_put(out, "{\"type\": \"integer\", \"format\": \"");
	json_put(out, format);
	json_put(out, "\"");
	put_number(out, "minimum", least);
	put_number(out, "maximum", most);
	json_put(out, "}");
}

/* Returns false if it is no scalar. */
static bool put_scalar(const struct schema *schema, const struct pyr__field *field)
{
	struct buf *out = schema->out;

	switch (field->kind) {
	case PYR__BOOL:
		json_put(out, "{\"type\": \"boolean\"}");
		return true;
	case PYR__CHAR:
		put_integer(out, "char", 0, 255);
		return true;
	case PYR__WCHAR:
		put_integer(out, "wchar", 0, 0x10ffff);
		return true;
	case PYR__INT8:
		put_integer(out, "int8", INT8_MIN, INT8_MAX);
		return true;
	case PYR__UINT8:
		put_integer(out, "uint8", 0, UINT8_MAX);
		return true;
	case PYR__INT16:
		put_integer(out, "int16", INT16_MIN, INT16_MAX);
		return true;
	case PYR__UINT16:
		put_integer(out, "uint16", 0, UINT16_MAX);
		return true;
	case PYR__INT32:
		put_integer(out, "int32", INT32_MIN, INT32_MAX);
		return true;
	case PYR__UINT32:
		put_integer(out, "uint32", 0, UINT32_MAX);
		return true;
	case PYR__INT64:
		json_put(out, "{\"type\": [\"string\", \"integer\"], \"format\": \"int64\", "
			      "\"pattern\": \"^-?[0-9]+$\"}");
		return true;
	case PYR__UINT64:
		json_put(out, "{\"type\": [\"string\", \"integer\"], \"format\": \"uint64\", "
			      "\"pattern\": \"^[0-9]+$\"}");
		return true;
	case PYR__FLOAT:
		json_put(out, "{\"type\": [\"number\", \"string\"], \"format\": \"float\"}");
		return true;
	case PYR__DOUBLE:
		json_put(out, "{\"type\": [\"number\", \"string\"], \"format\": \"double\"}");
		return true;
	case PYR__STRING:
		json_put(out, "{\"type\": \"string\"");
		if (field->bound > 0)
			put_number(out, "maxLength", field->bound);
		json_put(out, "}");
		return true;
	case PYR__BYTES:
		json_put(out, "{\"type\": \"string\", \"contentEncoding\": \"base64\"}");
		return true;
	default:
		return false;
	}
}

bool schema_is_named(const struct pyr__type *type)
{
	return type->kind == PYR__STRUCT || type->kind == PYR__UNION || type->kind == PYR__ENUM;
}

static void put_reference(const struct schema *schema, const struct pyr__type *type)
{
	json_put(schema->out, "{\"$ref\": \"");
	json_put(schema->out, schema->prefix);
	json_put(schema->out, type->name);
	json_put(schema->out, "\"}");
}

/* Inside another collection, and so on: as values are. */
static bool is_wrapped(const struct pyr__type *owner, const struct pyr__field *field)
{
	return types_is_collection(field->kind) &&
	       ((field->flags & PYR__OPTIONAL) ||
		(owner && (owner->oneof || types_is_collection(owner->kind))));
}

static void put_value(const struct schema *schema, const struct pyr__type *owner,
		      const struct pyr__field *field);

static void put_collection(const struct schema *schema, const struct pyr__type *type)
{
	if (type->kind == PYR__MAP) {
		json_put(schema->out, "{\"type\": \"object\", \"additionalProperties\": ");
		put_value(schema, type, &type->fields[1]);
		json_put(schema->out, "}");
		return;
	}
	json_put(schema->out, "{\"type\": \"array\"");
	if (type->kind == PYR__ARRAY)
		put_number(schema->out, "minItems", type->bound);
	if (type->bound > 0)
		put_number(schema->out, "maxItems", type->bound);
	json_put(schema->out, ", \"items\": ");
	put_value(schema, type, &type->fields[0]);
	json_put(schema->out, "}");
}

static void put_value(const struct schema *schema, const struct pyr__type *owner,
		      const struct pyr__field *field)
{
	struct buf *out = schema->out;

	if (put_scalar(schema, field))
		return;
	switch (field->kind) {
	case PYR__ENUM:
	case PYR__STRUCT:
	case PYR__UNION:
		put_reference(schema, field->type);
		return;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		if (is_wrapped(owner, field))
			json_put(out, "{\"type\": \"object\", \"properties\": {\"items\": ");
		put_collection(schema, field->type);
		if (is_wrapped(owner, field))
			json_put(out, "}, \"additionalProperties\": false}");
		return;
	case PYR__ANY:
		json_put(out, "{\"type\": \"object\", \"properties\": {\"@type\": {\"type\": "
			      "\"string\"}}}");
		return;
	default:
		json_put(out, "{\"type\": [\"string\", \"null\"], \"format\": \"uri\"}");
	}
}

void schema_field(const struct schema *schema, const struct pyr__field *field)
{
	put_value(schema, NULL, field);
}

/* What stands for it when it is absent: into the object that was just closed. */
static void put_default(const struct schema *schema, const struct pyr__field *field)
{
	struct json_sink sink;
	const struct value_writer writer = { .sink = &sink.sink };
	locale_t before;

	if (!(field->flags & PYR__DEFAULT) || !field->value || schema->out->broken)
		return;
	schema->out->n--;
	json_put(schema->out, ", \"default\": ");
	json_sink(&sink, schema->out);
	before = json_locale();
	value_write_natural(&writer, field, field->value);
	json_locale_back(before);
	json_put(schema->out, "}");
}

/* ---- named types ---- */

static void put_properties(const struct schema *schema, const struct pyr__type *owner,
			   const struct pyr__field *fields, uint32_t from, uint32_t n)
{
	uint32_t i;

	json_put(schema->out, "{\"type\": \"object\", \"properties\": {");
	for (i = from; i < n; i++) {
		json_put(schema->out, i > from ? ", " : "");
		put_text(schema->out, fields[i].name);
		json_put(schema->out, ": ");
		put_value(schema, owner, &fields[i]);
		put_default(schema, &fields[i]);
	}
	json_put(schema->out, "}, \"additionalProperties\": false");
}

/* Those that may be absent; others that are not there are zero. */
static void put_optional(struct buf *out, const struct pyr__field *fields, uint32_t n)
{
	bool is_first = true;
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (!(fields[i].flags & PYR__OPTIONAL))
			continue;
		json_put(out, is_first ? ", \"x-optional\": [" : ", ");
		put_text(out, fields[i].name);
		is_first = false;
	}
	json_put(out, is_first ? "" : "]");
}

static void put_enum(struct buf *out, const struct pyr__type *type)
{
	uint32_t i;

	json_put(out, "{\"type\": \"string\", \"enum\": [");
	for (i = 0; i < type->n_enumerators; i++) {
		json_put(out, i > 0 ? ", " : "");
		put_text(out, type->enumerators[i].name);
	}
	json_put(out, "]}");
}

void schema_type(const struct schema *schema, const struct pyr__type *type)
{
	if (type->kind == PYR__ENUM) {
		put_enum(schema->out, type);
		return;
	}
	put_properties(schema, type, type->fields, type->kind == PYR__UNION && type->oneof ? 1 : 0,
		       type->n_fields);
	if (type->kind == PYR__STRUCT)
		put_optional(schema->out, type->fields, type->n_fields);
	if (type->kind == PYR__UNION)
		put_number(schema->out, "maxProperties", type->oneof ? 1 : 2);
	json_put(schema->out, "}");
}

/* ---- operations ---- */

static void put_list_of(const struct schema *schema, const struct pyr__field *item)
{
	json_put(schema->out, "{\"type\": \"array\", \"items\": ");
	put_value(schema, NULL, item);
	json_put(schema->out, ", \"description\": \"the items of a stream\"}");
}

static void put_required(struct buf *out, const struct pyr__operation *op)
{
	const char *separator = "";
	unsigned i;

	json_put(out, ", \"required\": [");
	for (i = 0; i < op->n_in; i++) {
		if (op->fields[i].flags & (PYR__OPTIONAL | PYR__DEFAULT))
			continue;
		json_put(out, separator);
		put_text(out, op->fields[i].name);
		separator = ", ";
	}
	json_put(out, "]");
}

void schema_parameters(const struct schema *schema, const struct pyr__operation *op)
{
	const struct pyr__field *item = &op->fields[op->n_in + op->n_out];
	struct buf *out = schema->out;
	unsigned i;

	json_put(out, "{\"type\": \"object\", \"properties\": {");
	for (i = 0; i < op->n_in; i++) {
		json_put(out, i > 0 ? ", " : "");
		put_text(out, op->fields[i].name);
		json_put(out, ": ");
		put_value(schema, NULL, &op->fields[i]);
		put_default(schema, &op->fields[i]);
	}
	if (op->flags & PYR__STREAM_IN) {
		json_put(out, op->n_in > 0 ? ", " : "");
		put_text(out, item->name);
		json_put(out, ": ");
		put_list_of(schema, item);
	}
	json_put(out, "}, \"additionalProperties\": false");
	put_required(out, op);
	put_optional(out, op->fields, op->n_in);
	json_put(out, "}");
}

void schema_result(const struct schema *schema, const struct pyr__operation *op)
{
	const struct pyr__field *results = op->fields ? op->fields + op->n_in : NULL;

	if (op->flags & PYR__STREAM_OUT) {
		put_value(schema, NULL, results + op->n_out + (op->flags & PYR__STREAM_IN ? 1 : 0));
	} else if (op->n_out == 0) {
		json_put(schema->out, "{\"type\": \"null\"}");
	} else if (op->n_out == 1 && strcmp(results[0].name, "ret") == 0) {
		put_value(schema, NULL, &results[0]);
	} else {
		put_properties(schema, NULL, results, 0, op->n_out);
		json_put(schema->out, "}");
	}
}
