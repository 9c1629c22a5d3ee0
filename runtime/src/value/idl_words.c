/* SPDX-License-Identifier: MIT */
#include "value/idl_own.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "wire/codec_kinds.h"

void idl_put(struct idl *idl, const char *format, ...)
{
	uint8_t *room;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	room = n < 0 ? NULL : buf_grow(idl->out, (size_t)n + 1);
	if (!room) {
		idl->out->broken = true;
		return;
	}
	va_start(args, format);
	vsnprintf((char *)room, (size_t)n + 1, format, args);
	va_end(args);
	idl->out->n--; /* without what terminates it */
}

void idl_indent(struct idl *idl)
{
	unsigned i;

	for (i = 0; i < idl->depth; i++)
		idl_put(idl, "    ");
}

/* ---- names ---- */

const char *idl_short(const char *full, size_t *n_module)
{
	const char *dot = strrchr(full, '.');

	*n_module = dot ? (size_t)(dot - full) : 0;
	return dot ? dot + 1 : full;
}

static bool is_keyword(const char *name, size_t n)
{
	static const char words[] =
		" abstract any attribute bitmask bitset boolean case char component connector "
		"const "
		"custom default double enum eventtype exception FALSE float home import in inout "
		"interface local long map module native Object octet oneway out porttype raises "
		"readonly sequence short stream string struct switch TRUE typedef typeid "
		"typeprefix "
		"union unsigned valuetype void wchar wstring int8 int16 int32 int64 uint8 uint16 "
		"uint32 uint64 ";
	const char *at = words;

	for (; (at = memchr(at, ' ', sizeof(words) - (size_t)(at - words))); at++)
		if (strncmp(at + 1, name, n) == 0 && at[n + 1] == ' ')
			return true;
	return false;
}

static void put_part(struct idl *idl, const char *name, size_t n)
{
	idl_put(idl, "%s%.*s", name[0] == '_' || is_keyword(name, n) ? "_" : "", (int)n, name);
}

/* One line of it. What would end the comment is taken apart, as is what would begin another; what a
 * terminal might obey is a space. */
static void put_doc_line(struct idl *idl, const char *text, size_t n)
{
	size_t i, length;
	char last = ' ';
	uint32_t c;

	for (i = 0; i < n; i += length) {
		length = text_char(text + i, n - i, &c);
		if ((last == '*' && text[i] == '/') || (last == '/' && text[i] == '*'))
			idl_put(idl, " ");
		last = text[i];
		if (length > 0 && !text_is_control(c)) {
			buf_append(idl->out, text + i, length);
			continue;
		}
		idl_put(idl, " ");
		last = ' ';
		length = length > 0 ? length : 1;
	}
}

void idl_put_doc(struct idl *idl, const char *doc)
{
	bool is_short = doc && !strchr(doc, '\n');
	size_t n;

	if (!doc || !*doc)
		return;
	idl_indent(idl);
	idl_put(idl, is_short ? "/** " : "/**");
	for (; *doc; doc += n + (doc[n] == '\n')) {
		n = strcspn(doc, "\n");
		if (!is_short) {
			idl_put(idl, "\n");
			idl_indent(idl);
			idl_put(idl, n > 0 ? " * " : " *");
		}
		put_doc_line(idl, doc, n);
	}
	if (!is_short) {
		idl_put(idl, "\n");
		idl_indent(idl);
	}
	idl_put(idl, " */\n");
}

void idl_put_name(struct idl *idl, const char *name)
{
	put_part(idl, name, strlen(name));
}

void idl_add_name(struct idl *idl, const char *name)
{
	if (array_reserve(&idl->names, &idl->room_names, idl->n_names + 1, sizeof(name)))
		idl->names[idl->n_names++] = name;
	else
		idl->out->broken = true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void idl_sort_names(struct idl *idl)
{
	if (idl->n_names > 1)
		qsort(idl->names, idl->n_names, sizeof(idl->names[0]), by_text);
}

static bool is_plain(const struct idl *idl, const char *full)
{
	size_t n_module;
	const char *name = idl_short(full, &n_module);

	return n_module == idl->n_module && strncmp(full, idl->module, n_module) == 0 &&
	       !(idl->n_names > 0 &&
		 bsearch(&name, idl->names, idl->n_names, sizeof(name), by_text));
}

void idl_put_full(struct idl *idl, const char *full)
{
	size_t n;

	if (is_plain(idl, full)) {
		idl_put_name(idl, idl_short(full, &n));
		return;
	}
	for (;; full += n + 1) {
		n = strcspn(full, ".");
		idl_put(idl, "::");
		put_part(idl, full, n);
		if (!full[n])
			return;
	}
}

/* ---- types ---- */

static const char *const scalars[] = {
	[PYR__BOOL] = "boolean",  [PYR__CHAR] = "char",     [PYR__WCHAR] = "wchar",
	[PYR__INT8] = "int8",     [PYR__UINT8] = "uint8",   [PYR__INT16] = "int16",
	[PYR__UINT16] = "uint16", [PYR__INT32] = "int32",   [PYR__UINT32] = "uint32",
	[PYR__INT64] = "int64",   [PYR__UINT64] = "uint64", [PYR__FLOAT] = "float",
	[PYR__DOUBLE] = "double",
};

static bool is_same_field(const struct pyr__field *a, const struct pyr__field *b);

/* Two tables of one collection: a file of generated code has one for each place where it is used.
 */
static bool is_same_type(const struct pyr__type *a, const struct pyr__type *b)
{
	if (a == b || !a || !b)
		return a == b;
	if (a->kind != b->kind || a->bound != b->bound || !types_is_collection(a->kind))
		return a->kind == b->kind && !types_is_collection(a->kind) &&
		       strcmp(a->name, b->name) == 0;
	return is_same_field(&a->fields[0], &b->fields[0]) &&
	       (a->kind != PYR__MAP || is_same_field(&a->fields[1], &b->fields[1]));
}

static bool is_same_field(const struct pyr__field *a, const struct pyr__field *b)
{
	return a->kind == b->kind && a->bound == b->bound && is_same_type(a->type, b->type);
}

struct idl_array *idl_find_array(const struct idl *idl, const struct pyr__type *type)
{
	struct idl_array *array;

	for (array = idl->arrays; array; array = array->next)
		if (is_same_type(array->type, type))
			return array;
	return NULL;
}

static void put_bound(struct idl *idl, uint32_t bound)
{
	if (bound > 0)
		idl_put(idl, ", %u", bound);
	idl_put(idl, ">");
}

static void put_collection(struct idl *idl, const struct pyr__field *field)
{
	const struct pyr__type *type = field->type;
	const struct idl_array *array;

	switch (field->kind) {
	case PYR__SEQUENCE:
		idl_put(idl, "sequence<");
		idl_put_type(idl, &type->fields[0]);
		put_bound(idl, type->bound);
		return;
	case PYR__MAP:
		idl_put(idl, "map<");
		idl_put_type(idl, &type->fields[0]);
		idl_put(idl, ", ");
		idl_put_type(idl, &type->fields[1]);
		put_bound(idl, type->bound);
		return;
	default:
		array = idl_find_array(idl, type);
		idl_put(idl, "::pyrite_arrays::Array%u", array ? array->number : 0);
	}
}

void idl_put_type(struct idl *idl, const struct pyr__field *field)
{
	switch (field->kind) {
	case PYR__STRING:
		idl_put(idl, field->bound > 0 ? "string<%u>" : "string", field->bound);
		return;
	case PYR__BYTES:
		idl_put(idl, "sequence<octet");
		put_bound(idl, field->bound);
		return;
	case PYR__ENUM:
	case PYR__STRUCT:
	case PYR__UNION:
	case PYR__INTERFACE:
		idl_put_full(idl, field->type->name);
		return;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		put_collection(idl, field);
		return;
	case PYR__ANY:
	case PYR__OBJECT:
		idl_put(idl, field->kind == PYR__ANY ? "any" : "Object");
		return;
	default:
		idl_put(idl, "%s", scalars[field->kind]);
	}
}

void idl_put_declarator(struct idl *idl, const struct pyr__field *field)
{
	bool is_array = field->kind == PYR__ARRAY;

	idl_put_type(idl, is_array ? &field->type->fields[0] : field);
	idl_put(idl, " ");
	idl_put_name(idl, field->name);
	if (is_array)
		idl_put(idl, "[%u]", field->type->bound);
}

/* ---- values ---- */

/* Bytes that are not plain ASCII as \xNN, in pieces: the next letter may be a digit of it. */
static void put_string(struct idl *idl, const char *text)
{
	idl_put(idl, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			idl_put(idl, "\\%c", *text);
		else if (*text >= ' ' && *text < 127)
			idl_put(idl, "%c", *text);
		else
			idl_put(idl, "\\x%02x%s", (unsigned)(unsigned char)*text,
				text[1] ? "\" \"" : "");
	}
	idl_put(idl, "\"");
}

static void put_enumerator(struct idl *idl, const struct pyr__type *type, int64_t value)
{
	uint32_t i;

	for (i = 0; i < type->n_enumerators; i++)
		if (type->enumerators[i].value == value) {
			idl_put_full(idl, type->name);
			idl_put(idl, "::");
			idl_put_name(idl, type->enumerators[i].name);
			return;
		}
	idl_put(idl, "%" PRId64, value);
}

void idl_put_label(struct idl *idl, const struct pyr__field *discriminator, int64_t label)
{
	switch (discriminator->kind) {
	case PYR__BOOL:
		idl_put(idl, label ? "TRUE" : "FALSE");
		return;
	case PYR__CHAR:
		idl_put(idl, "'\\x%02x'", (unsigned)(label & 255));
		return;
	case PYR__WCHAR:
		idl_put(idl, "L'\\u%04x'", (unsigned)(label & 0xffff));
		return;
	case PYR__UINT64:
		idl_put(idl, "%" PRIu64, (uint64_t)label);
		return;
	case PYR__ENUM:
		put_enumerator(idl, discriminator->type, label);
		return;
	default:
		idl_put(idl, "%" PRId64, label);
	}
}

void idl_put_value(struct idl *idl, const struct pyr__field *field, const void *value)
{
	const char *text;
	double number;

	switch (field->kind) {
	case PYR__STRING:
		memcpy(&text, value, sizeof(text));
		put_string(idl, text);
		return;
	case PYR__FLOAT:
		number = (double)*(const float *)value;
		break;
	case PYR__DOUBLE:
		memcpy(&number, value, sizeof(number));
		break;
	default:
		idl_put_label(idl, field, codec_integer_get(field->kind, value));
		return;
	}
	text = fabs(number) < 1e15 && number == (double)(int64_t)number ? "%.1f" : "%.17g";
	if (text[1] == '.' && text[2] == '1' && text[3] == 'f')
		idl_put(idl, "%.1f", number);
	else
		idl_put(idl, "%.17g", number);
}

/* ---- members ---- */

void idl_put_id(struct idl *idl, uint32_t id, uint32_t *next)
{
	if (id != *next)
		idl_put(idl, "@id(%u) ", id);
	*next = id + 1 >= 19000 && id + 1 <= 19999 ? 20000 : id + 1;
}

void idl_put_flags(struct idl *idl, const struct pyr__field *field)
{
	if (field->flags & PYR__OPTIONAL)
		idl_put(idl, "@optional ");
	if (!(field->flags & PYR__DEFAULT))
		return;
	idl_put(idl, "@default(");
	idl_put_value(idl, field, field->value);
	idl_put(idl, ") ");
}
