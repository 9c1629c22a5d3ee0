/* SPDX-License-Identifier: MIT */
#include "import_idl.h"

#include <inttypes.h>
#include <pyrite/pyrite.h>
#include <stdio.h>
#include <string.h>

#include "import_order.h"
#include "import_want.h"

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
static void put_value(struct buf *out, const struct import_file *file,
		      const struct import_field *field)
{
	if (!field->type_name[0])
		buf_str(out, import_scalar(field));
	else if (!field->of)
		buf_str(out, "any");
	else if (field->of->is_enum && !field->of->by_number)
		buf_str(out, "int32");
	else
		put_type_name(out, file, field->of);
}

static void put_values(struct buf *out, const struct import_file *file,
		       const struct import_field *field)
{
	const struct import_field *key =
		field->of && field->of->is_entry ? field->of->fields : NULL;

	if (key) {
		buf_str(out, "map<");
		put_value(out, file, key);
		buf_str(out, ", ");
		put_value(out, file, key->next);
		buf_str(out, ">");
	} else if (field->label == IMPORT_REPEATED || field->is_back) {
		buf_str(out, "sequence<");
		put_value(out, file, field);
		buf_str(out, field->is_back ? ", 1>" : ">");
	} else {
		put_value(out, file, field);
	}
}

static void put_field(struct buf *out, const struct import_type *type,
		      const struct import_field *field, uint32_t *next)
{
	bool is_message = field->type == IMPORT_MESSAGE && field->of;

	put_doc(out, "        ", field->doc);
	buf_str(out, "        ");
	if (field->number != *next)
		buf_printf(out, "@id(%" PRIu32 ") ", field->number);
	*next = field->number + 1 >= 19000 && field->number + 1 <= 19999 ? 20000
									 : field->number + 1;
	if (field->label != IMPORT_REPEATED && !field->is_back && (is_message || field->oneof >= 0))
		buf_str(out, "@optional ");
	put_values(out, type->file, field);
	buf_str(out, " ");
	put_name(out, field->name);
	buf_str(out, ";");
	if (!field->is_proto3_optional && field->oneof >= 0 &&
	    (uint64_t)field->oneof < type->n_oneofs)
		buf_printf(out, " // one of %s", type->by_place[field->oneof]->name);
	buf_str(out, "\n");
}

/* What its values are called: those of an enum inside a message would be the package's. */
static void put_enumerator(struct buf *out, const struct import_type *type, const char *name)
{
	if (type->is_nested)
		buf_printf(out, "%s%s", type->scope, name);
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

static void put_enum(struct buf *out, const struct import_type *type)
{
	const struct import_name *value;
	size_t i;

	put_doc(out, "    ", type->doc);
	if (!type->by_number) {
		put_constants(out, type);
		return;
	}
	buf_str(out, "    enum ");
	put_name(out, type->idl);
	buf_str(out, " {\n");
	for (i = 0; i < type->n_numbers; i++) {
		value = type->by_number[i];
		if (value)
			put_doc(out, "        ", value->doc);
		buf_str(out, "        ");
		if (value) {
			put_enumerator(out, type, value->name);
		} else { /* of no name there */
			put_name(out, type->idl);
			buf_printf(out, IMPORT_GAP, i);
		}
		buf_str(out, i + 1 < type->n_numbers ? ",\n" : "\n");
	}
	buf_str(out, "    };\n\n");
}

static void put_forward(struct buf *out, const struct import_type *type)
{
	buf_str(out, "    struct ");
	put_name(out, type->idl);
	buf_str(out, ";\n");
}

static void put_struct(struct buf *out, const struct import_type *type)
{
	const struct import_field *field;
	uint32_t id = 1;

	put_doc(out, "    ", type->doc);
	buf_str(out, "    struct ");
	put_name(out, type->idl);
	buf_str(out, " {\n");
	for (field = type->fields; field; field = field->next)
		put_field(out, type, field, &id);
	buf_str(out, "    };\n\n");
}

/* ---- services ---- */

static void put_message(struct buf *out, const struct import_file *file,
			const struct import_type *type, bool is_stream)
{
	buf_str(out, is_stream ? "stream<" : "");
	put_type_name(out, file, type);
	buf_str(out, is_stream ? ">" : "");
}

static void put_service(struct buf *out, const struct import_file *file,
			const struct import_service *service)
{
	const struct import_method *method;

	put_doc(out, "    ", service->doc);
	buf_str(out, "    interface ");
	put_name(out, service->name);
	buf_str(out, " {\n");
	for (method = service->methods; method; method = method->next) {
		put_doc(out, "        ", method->doc);
		buf_str(out, "        @message ");
		put_message(out, file, method->out_type, method->is_out_stream);
		buf_str(out, " ");
		put_name(out, method->name);
		buf_str(out, "(in ");
		put_message(out, file, method->in_type, method->is_in_stream);
		buf_printf(out, " request%s);\n", method->is_in_stream ? "s" : "");
	}
	buf_str(out, "    };\n\n");
}

/* ---- files ---- */

/* Of the file of a type, once. */
static void put_include(struct buf *out, const struct import_file *file,
			const struct import_type *type)
{
	if (!type || type->file == file || type->file->includer == file)
		return;
	type->file->includer = file;
	buf_str(out, "#include \"");
	import_file_name(type->file, out);
	buf_str(out, "\"\n");
}

static void put_includes(struct buf *out, const struct import_file *file)
{
	const struct import_type *type;
	const struct import_field *field;
	const struct import_service *service;
	const struct import_method *method;

	for (type = file->types; type; type = type->next)
		for (field = type->fields; field; field = field->next)
			put_include(out, file, field->of);
	for (service = file->services; service; service = service->next) {
		for (method = service->methods; method; method = method->next) {
			put_include(out, file, method->in_type);
			put_include(out, file, method->out_type);
		}
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

static void put_guard(struct buf *out, const struct import_file *file)
{
	struct buf guard = { 0 };
	char *c;

	import_file_name(file, &guard);
	for (c = guard.data; c && *c; c++)
		*c = (*c >= 'a' && *c <= 'z')                               ? (char)(*c - 32)
		     : (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ? *c
									    : '_';
	buf_printf(out, "#ifndef IMPORTED_%s\n#define IMPORTED_%s\n", buf_text(&guard),
		   buf_text(&guard));
	out->failed |= guard.failed;
	buf_free(&guard);
}

static void put_types(struct buf *out, struct import_file *file)
{
	const struct import_type *type;
	size_t n = out->n;

	for (type = file->types; type; type = type->next)
		if (type->is_forward)
			put_forward(out, type);
	if (out->n > n)
		buf_str(out, "\n");
	for (type = file->types; type; type = type->next)
		if (type->is_enum)
			put_enum(out, type);
		else
			put_struct(out, type);
}

void import_write(struct import_file *file, struct buf *out)
{
	const struct import_service *service;
	struct buf body = { 0 };
	unsigned n, i;

	buf_printf(out, "// Generated by pyrite-idl %s from %s; do not edit.\n", PYR_VERSION,
		   file->name);
	put_guard(out, file);
	put_includes(out, file); /* for the entries of maps too, which are dropped next */
	import_order(file);
	put_types(&body, file);
	for (service = file->services; service; service = service->next)
		put_service(&body, file, service);
	n = put_modules(out, file->package);
	buf_str(out, n ? "\n" : "");
	if (body.n > 0 && !body.failed) /* its last line is empty */
		buf_add(out, body.data, body.n - 1);
	for (i = 0; i < n; i++)
		buf_str(out, i ? " };" : "};");
	buf_str(out, n ? "\n#endif\n" : "#endif\n");
	out->failed |= body.failed;
	buf_free(&body);
}
