/* SPDX-License-Identifier: MIT */
#include "import_want.h"

#include <stdio.h>
#include <string.h>

enum { GAPS_MAX = 64 }; /* values of an enum that no name has */

#define ANY ".google.protobuf.Any"

/* By FieldDescriptorProto.Type; NULL: IDL has nothing that travels so. */
static const char *const scalars[] = {
	[1] = "double",  [2] = "float",   [3] = "int64",  [4] = "uint64",
	[5] = "int32",   [8] = "boolean", [9] = "string", [12] = "sequence<octet>",
	[13] = "uint32",
};
static const char *const others[] = {
	[6] = "fixed64",   [7] = "fixed32", [10] = "group",  [15] = "sfixed32",
	[16] = "sfixed64", [17] = "sint32", [18] = "sint64",
};

const char *import_scalar(const struct import_field *field)
{
	return field->type < sizeof(scalars) / sizeof(scalars[0]) ? scalars[field->type] : NULL;
}

static bool fail(const struct import_file *file, const char *what, const char *name,
		 const char *why)
{
	fprintf(stderr, "pyrite-idl: %s: %s '%s' %s\n", file->name, what, name, why);
	return false;
}

static void *take(struct import_set *set, size_t n, size_t size)
{
	void *ret = arena_alloc(set->arena, (n + 1) * size);

	set->failed |= !ret;
	return ret;
}

/* An enum stays one if its values are 0, 1, 2 and so on, but for a few gaps: else it is a number
 * with constants. */
static void number_values(struct import_set *set, struct import_type *type)
{
	struct import_name *value, **by_number;
	int64_t most = -1, n = 0;

	for (value = type->values; value; value = value->next, n++) {
		if (value->number < 0)
			return;
		most = value->number > most ? value->number : most;
	}
	if (n == 0 || most >= n + GAPS_MAX)
		return;
	if (!(by_number = take(set, (size_t)most + 1, sizeof(*by_number))))
		return;
	for (value = type->values; value; value = value->next) {
		if (by_number[value->number])
			return;
		by_number[value->number] = value;
	}
	type->by_number = by_number;
	type->n_numbers = (size_t)most + 1;
}

static void place_oneofs(struct import_set *set, struct import_type *type)
{
	struct import_name *oneof;
	size_t n = 0;

	for (oneof = type->oneofs; oneof; oneof = oneof->next)
		n++;
	if (n == 0 || !(type->by_place = take(set, n, sizeof(*type->by_place))))
		return;
	for (oneof = type->oneofs; oneof; oneof = oneof->next)
		type->by_place[type->n_oneofs++] = oneof;
}

static bool want_type(struct import_set *set, const struct import_file *file, const char *full,
		      bool is_message, struct import_type **ret)
{
	*ret = import_find(set, full);
	if (!*ret || (is_message && ((*ret)->is_enum || (*ret)->is_entry)))
		return fail(file, "type", full[0] ? full + 1 : "",
			    *ret ? "is no message" : "is not known");
	return import_want(set, (*ret)->file);
}

static bool want_field(struct import_set *set, const struct import_type *type,
		       struct import_field *field)
{
	char name[256];

	if (field->type_name[0])
		return strcmp(field->type_name, ANY) == 0 ||
		       want_type(set, type->file, field->type_name, false, &field->of);
	if (import_scalar(field))
		return true;
	snprintf(name, sizeof(name), "%s.%s", type->full + 1, field->name);
	fprintf(stderr, "pyrite-idl: %s: field '%s' is a %s, which IDL has not\n", type->file->name,
		name,
		field->type < sizeof(others) / sizeof(others[0]) && others[field->type]
			? others[field->type]
			: "type of its own");
	return false;
}

static bool want_fields(struct import_set *set, struct import_type *type)
{
	struct import_field *field;

	for (field = type->fields; field; field = field->next)
		if (!want_field(set, type, field))
			return false;
	if (type->is_entry && (!type->fields || !type->fields->next))
		return fail(type->file, "map entry", type->full + 1, "has no key and value");
	if (type->is_enum)
		number_values(set, type);
	else
		place_oneofs(set, type);
	return true;
}

/* Whether a package's name is free in IDL, which has no scopes inside a message. */
static bool claim(struct import_set *set, const struct import_file *file, const char *prefix,
		  const char *name, const char *full)
{
	size_t n = strlen(file->package) + strlen(prefix) + strlen(name) + 2;
	char *key = take(set, n, 1);

	if (!key)
		return false;
	snprintf(key, n, "%s.%s%s", file->package, prefix, name);
	if (set_put(&set->by_idl, key, full))
		return true;
	fprintf(stderr, "pyrite-idl: %s: '%s' and '%s' would both be '%s%s' in IDL\n", file->name,
		(const char *)set_get(&set->by_idl, key), full, prefix, name);
	return false;
}

static bool claim_values(struct import_set *set, const struct import_type *type)
{
	const struct import_name *value;
	char gap[32];
	size_t i;

	for (value = type->values; value; value = value->next)
		if (!claim(set, type->file, type->scope, value->name, value->name))
			return false;
	for (i = 0; i < type->n_numbers; i++) {
		snprintf(gap, sizeof(gap), IMPORT_GAP, i);
		if (!type->by_number[i] && !claim(set, type->file, type->idl, gap, type->full + 1))
			return false;
	}
	return true;
}

static bool claim_type(struct import_set *set, const struct import_type *type)
{
	return type->is_entry || (claim(set, type->file, "", type->idl, type->full + 1) &&
				  (!type->is_enum || claim_values(set, type)));
}

static bool want_methods(struct import_set *set, const struct import_file *file,
			 struct import_service *service)
{
	struct import_method *method;

	for (method = service->methods; method; method = method->next)
		if (!want_type(set, file, method->in, true, &method->in_type) ||
		    !want_type(set, file, method->out, true, &method->out_type))
			return false;
	return true;
}

bool import_want(struct import_set *set, struct import_file *file)
{
	struct import_type *type;
	struct import_service *service;

	if (file->is_wanted)
		return true;
	file->is_wanted = true;
	if (!file->is_proto3)
		return fail(file, "syntax", "proto2", "is not supported: only proto3 is");
	for (type = file->types; type; type = type->next)
		if (!want_fields(set, type) || !claim_type(set, type))
			return false;
	for (service = file->services; service; service = service->next)
		if (!want_methods(set, file, service) ||
		    !claim(set, file, "", service->name, service->name))
			return false;
	set->failed |= set->by_idl.failed;
	return !set->failed;
}
