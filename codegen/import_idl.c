/* SPDX-License-Identifier: MIT */
#include "import_idl.h"

#include <inttypes.h>
#include <pyrite/pyrite.h>
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

/* ---- what can be said ---- */

static bool fail(const struct import_file *file, const char *what, const char *name,
		 const char *why)
{
	fprintf(stderr, "pyrite-idl: %s: %s '%s' %s\n", file->name, what, name, why);
	return false;
}

/* Its values are 0, 1, 2 and so on, but for a few gaps: else it is a number with constants. */
static bool is_plain_enum(const struct import_type *type)
{
	const struct import_name *value, *other;
	int64_t most = 0, n = 0;

	for (value = type->values; value; value = value->next) {
		if (value->number < 0)
			return false;
		for (other = type->values; other != value; other = other->next)
			if (other->number == value->number)
				return false;
		most = value->number > most ? value->number : most;
		n++;
	}
	return n > 0 && most + 1 - n <= GAPS_MAX;
}

static bool want_type(struct import_set *set, const struct import_file *file, const char *full);

static bool want_field(struct import_set *set, const struct import_file *file,
		       const struct import_type *type, const struct import_field *field)
{
	char name[256];

	if (field->type_name[0])
		return strcmp(field->type_name, ANY) == 0 || want_type(set, file, field->type_name);
	if (field->type < sizeof(scalars) / sizeof(scalars[0]) && scalars[field->type])
		return true;
	snprintf(name, sizeof(name), "%s.%s", type->full + 1, field->name);
	fprintf(stderr, "pyrite-idl: %s: field '%s' is a %s, which IDL has not\n", file->name, name,
		field->type < sizeof(others) / sizeof(others[0]) && others[field->type]
			? others[field->type]
			: "type of its own");
	return false;
}

static bool want_type(struct import_set *set, const struct import_file *file, const char *full)
{
	struct import_type *type = import_find(set, full);

	if (!type)
		return fail(file, "type", full + 1, "is not known");
	return import_want(set, type->file);
}

bool import_want(struct import_set *set, struct import_file *file)
{
	const struct import_type *type;
	const struct import_field *field;
	const struct import_service *service;
	const struct import_method *method;

	if (file->is_wanted)
		return true;
	file->is_wanted = true;
	if (!file->is_proto3)
		return fail(file, "syntax", "proto2", "is not supported: only proto3 is");
	for (type = file->types; type; type = type->next)
		for (field = type->fields; field; field = field->next)
			if (!want_field(set, file, type, field))
				return false;
	for (service = file->services; service; service = service->next)
		for (method = service->methods; method; method = method->next)
			if (!want_type(set, file, method->in) || !want_type(set, file, method->out))
				return false;
	return true;
}

/* ---- names ---- */

static bool is_keyword(const char *name)
{
	static const char words[] =
		" abstract any attribute bitmask bitset boolean case char component connector "
		"const "
		"consumes context custom default double emits enum eventtype exception factory "
		"false "
		"finder fixed float getraises home import in inout interface local long manages "
		"map "
		"mirrorport module multiple native object octet oneway out port porttype "
		"primarykey "
		"private provides public publishes raises readonly sequence setraises short stream "
		"string struct supports switch true truncatable typedef typeid typename typeprefix "
		"union unsigned uses valuebase valuetype void wchar wstring int8 int16 int32 int64 "
		"uint8 uint16 uint32 uint64 ";
	char word[64];
	size_t i, n = strlen(name);

	if (n + 3 > sizeof(word))
		return false;
	word[0] = ' ';
	for (i = 0; i < n; i++)
		word[i + 1] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	word[n + 1] = ' ';
	word[n + 2] = '\0';
	return strstr(words, word);
}

static void put_name(struct buf *out, const char *name)
{
	buf_printf(out, "%s%s", name[0] == '_' || is_keyword(name) ? "_" : "", name);
}

/* "::a::b", of "a.b". */
static void put_package(struct buf *out, const char *package)
{
	char part[256];
	size_t n;

	for (; *package; package += n + (package[n] == '.')) {
		n = strcspn(package, ".");
		snprintf(part, sizeof(part), "%.*s", (int)n, package);
		buf_str(out, "::");
		put_name(out, part);
	}
}

static void put_type_name(struct buf *out, const struct import_file *from,
			  const struct import_type *type)
{
	if (strcmp(from->package, type->file->package) != 0) {
		put_package(out, type->file->package);
		buf_str(out, "::");
	}
	put_name(out, type->idl);
}

void import_file_name(const struct import_file *file, struct buf *out)
{
	const char *base = strrchr(file->name, '/'), *dot;

	base = base ? base + 1 : file->name;
	dot = strrchr(base, '.');
	buf_add(out, base, dot ? (size_t)(dot - base) : strlen(base));
	buf_str(out, ".idl");
}

/* ---- types ---- */

static void put_doc(struct buf *out, const char *indent, const char *doc)
{
	size_t n;

	if (!doc || !*doc)
		return;
	for (; *doc; doc += n + (doc[n] == '\n')) {
		n = strcspn(doc, "\n");
		buf_printf(out, "%s///%s%.*s\n", indent, n > 0 && doc[0] != ' ' ? " " : "", (int)n,
			   doc);
	}
}

/* One value of a field. */
static void put_value(struct buf *out, const struct import_set *set, const struct import_file *file,
		      const struct import_field *field)
{
	const struct import_type *type;

	if (!field->type_name[0]) {
		buf_str(out, scalars[field->type]);
		return;
	}
	if (strcmp(field->type_name, ANY) == 0) {
		buf_str(out, "any");
		return;
	}
	type = import_find(set, field->type_name);
	if (type->is_enum && !is_plain_enum(type))
		buf_str(out, "int32");
	else
		put_type_name(out, file, type);
}

/* The entry that a map is a list of; NULL: it is none. */
static const struct import_type *entry_of(const struct import_set *set,
					  const struct import_field *field)
{
	const struct import_type *type =
		field->type == IMPORT_MESSAGE ? import_find(set, field->type_name) : NULL;

	return type && type->is_entry ? type : NULL;
}

static void put_field(struct buf *out, const struct import_set *set, const struct import_type *type,
		      const struct import_field *field, uint32_t *next)
{
	const struct import_type *entry = entry_of(set, field);
	bool is_message = field->type == IMPORT_MESSAGE && strcmp(field->type_name, ANY) != 0;
	const struct import_name *oneof = type->oneofs;
	int64_t i;

	put_doc(out, "        ", field->doc);
	buf_str(out, "        ");
	if (field->number != *next)
		buf_printf(out, "@id(%" PRIu32 ") ", field->number);
	*next = field->number + 1 >= 19000 && field->number + 1 <= 19999 ? 20000
									 : field->number + 1;
	if (field->label != IMPORT_REPEATED && (is_message || field->oneof >= 0))
		buf_str(out, "@optional ");
	if (entry) {
		buf_str(out, "map<");
		put_value(out, set, type->file, entry->fields);
		buf_str(out, ", ");
		put_value(out, set, type->file, entry->fields->next);
		buf_str(out, ">");
	} else {
		buf_str(out, field->label == IMPORT_REPEATED ? "sequence<" : "");
		put_value(out, set, type->file, field);
		buf_str(out, field->label == IMPORT_REPEATED ? ">" : "");
	}
	buf_str(out, " ");
	put_name(out, field->name);
	buf_str(out, ";");
	for (i = 0; oneof && i < field->oneof; i++)
		oneof = oneof->next;
	if (field->oneof >= 0 && !field->is_proto3_optional && oneof)
		buf_printf(out, " // one of %s", oneof->name);
	buf_str(out, "\n");
}

/* What its values are called: those of an enum inside a message would be the package's. */
static void put_enumerator(struct buf *out, const struct import_type *type, const char *name)
{
	size_t own = strlen(strrchr(type->full, '.') + 1);

	if (type->is_nested)
		buf_printf(out, "%.*s%s", (int)(strlen(type->idl) - own), type->idl, name);
	else
		put_name(out, name);
}

static void put_constants(struct buf *out, const struct import_type *type)
{
	const struct import_name *value;

	buf_printf(out, "    // %s travels as a number.\n", type->idl);
	for (value = type->values; value; value = value->next) {
		put_doc(out, "    ", value->doc);
		buf_str(out, "    const int32 ");
		put_enumerator(out, type, value->name);
		buf_printf(out, " = %" PRId32 ";\n", (int32_t)value->number);
	}
	buf_str(out, "\n");
}

static const struct import_name *value_of(const struct import_type *type, int64_t number)
{
	const struct import_name *value = type->values;

	while (value && value->number != number)
		value = value->next;
	return value;
}

static void put_enum(struct buf *out, const struct import_type *type)
{
	const struct import_name *value;
	int64_t most = 0, i;
	char gap[32];

	put_doc(out, "    ", type->doc);
	if (!is_plain_enum(type)) {
		put_constants(out, type);
		return;
	}
	for (value = type->values; value; value = value->next)
		most = value->number > most ? value->number : most;
	buf_str(out, "    enum ");
	put_name(out, type->idl);
	buf_str(out, " {\n");
	for (i = 0; i <= most; i++) {
		value = value_of(type, i);
		snprintf(gap, sizeof(gap), "NUMBER_%" PRId64, i);
		if (value)
			put_doc(out, "        ", value->doc);
		buf_str(out, "        ");
		if (value) {
			put_enumerator(out, type, value->name);
		} else { /* of no name there */
			put_name(out, type->idl);
			buf_printf(out, "_%s", gap);
		}
		buf_str(out, i < most ? ",\n" : "\n");
	}
	buf_str(out, "    };\n\n");
}

static void write_type(struct import_set *set, struct import_type *type, struct buf *forward,
		       struct buf *out);

/* Those of this file that a struct needs come before it; one that needs it back is declared. */
static void write_needs(struct import_set *set, const struct import_type *type, struct buf *forward,
			struct buf *out)
{
	const struct import_field *field;
	struct import_type *other;

	for (field = type->fields; field; field = field->next) {
		other = field->type_name[0] ? import_find(set, field->type_name) : NULL;
		if (!other || other->file != type->file)
			continue;
		if (other->is_entry)
			write_needs(set, other, forward, out);
		else
			write_type(set, other, forward, out);
	}
}

static void write_type(struct import_set *set, struct import_type *type, struct buf *forward,
		       struct buf *out)
{
	const struct import_field *field;
	uint32_t id = 1;

	if (type->state == IMPORT_OPEN && !type->is_forward) {
		type->is_forward = true;
		buf_str(forward, "    struct ");
		put_name(forward, type->idl);
		buf_str(forward, ";\n");
	}
	if (type->state != IMPORT_NEW)
		return;
	type->state = IMPORT_OPEN;
	if (type->is_enum) {
		put_enum(out, type);
	} else {
		write_needs(set, type, forward, out);
		put_doc(out, "    ", type->doc);
		buf_str(out, "    struct ");
		put_name(out, type->idl);
		buf_str(out, " {\n");
		for (field = type->fields; field; field = field->next)
			put_field(out, set, type, field, &id);
		buf_str(out, "    };\n\n");
	}
	type->state = IMPORT_WRITTEN;
}

/* ---- services ---- */

static void put_message(struct buf *out, const struct import_set *set,
			const struct import_file *file, const char *full, bool is_stream)
{
	buf_str(out, is_stream ? "stream<" : "");
	put_type_name(out, file, import_find(set, full));
	buf_str(out, is_stream ? ">" : "");
}

static void put_service(struct buf *out, const struct import_set *set,
			const struct import_file *file, const struct import_service *service)
{
	const struct import_method *method;

	put_doc(out, "    ", service->doc);
	buf_str(out, "    interface ");
	put_name(out, service->name);
	buf_str(out, " {\n");
	for (method = service->methods; method; method = method->next) {
		put_doc(out, "        ", method->doc);
		buf_str(out, "        @message ");
		put_message(out, set, file, method->out, method->is_out_stream);
		buf_str(out, " ");
		put_name(out, method->name);
		buf_str(out, "(in ");
		put_message(out, set, file, method->in, method->is_in_stream);
		buf_printf(out, " request%s);\n", method->is_in_stream ? "s" : "");
	}
	buf_str(out, "    };\n\n");
}

/* ---- files ---- */

static void put_includes(struct buf *out, const struct import_set *set,
			 const struct import_file *file)
{
	const struct import_file *other;

	for (other = set->files; other != file; other = other->next) { /* imports come first */
		if (!other->is_wanted)
			continue;
		buf_str(out, "#include \"");
		import_file_name(other, out);
		buf_str(out, "\"\n");
	}
}

static unsigned put_modules(struct buf *out, const char *package)
{
	char part[256];
	unsigned n_modules = 0;
	size_t n;

	for (; *package; package += n + (package[n] == '.'), n_modules++) {
		n = strcspn(package, ".");
		snprintf(part, sizeof(part), "%.*s", (int)n, package);
		buf_str(out, n_modules ? " module " : "module ");
		put_name(out, part);
		buf_str(out, " {");
	}
	return n_modules;
}

void import_write(struct import_set *set, struct import_file *file, struct buf *out)
{
	struct buf forward = { 0 }, body = { 0 }, guard = { 0 };
	const struct import_service *service;
	struct import_type *type;
	unsigned n, i;
	char *c;

	for (type = file->types; type; type = type->next)
		if (!type->is_entry)
			write_type(set, type, &forward, &body);
	for (service = file->services; service; service = service->next)
		put_service(&body, set, file, service);
	import_file_name(file, &guard);
	for (c = guard.data; c && *c; c++)
		*c = (*c >= 'a' && *c <= 'z')                               ? (char)(*c - 32)
		     : (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ? *c
									    : '_';
	buf_printf(out, "// Generated by pyrite-idl %s from %s; do not edit.\n", PYR_VERSION,
		   file->name);
	buf_printf(out, "#ifndef IMPORTED_%s\n#define IMPORTED_%s\n", buf_text(&guard),
		   buf_text(&guard));
	put_includes(out, set, file);
	n = put_modules(out, file->package);
	buf_printf(out, "%s%s%s", n ? "\n" : "", buf_text(&forward), forward.n ? "\n" : "");
	if (body.n > 0 && !body.failed)
		buf_add(out, body.data, body.n - (body.n > 1));
	for (i = 0; i < n; i++)
		buf_str(out, i ? " };" : "};");
	buf_str(out, n ? "\n#endif\n" : "#endif\n");
	out->failed |= forward.failed || body.failed || guard.failed;
	buf_free(&forward);
	buf_free(&body);
	buf_free(&guard);
}
