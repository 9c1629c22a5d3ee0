/* SPDX-License-Identifier: MIT */
/*
 * What stands where: names of interfaces, structs and unions first, then enums, then each type
 * behind those that it holds, then bases, then the interface. Types stand in their modules, which
 * are opened as often as needed, and are named in full. It is written in the locale of C.
 */
#include "value/idl_print.h"

#include <stdlib.h>
#include <string.h>

#include "value/idl_own.h"
#include "value/json_write.h"

enum idl_state { NEW = 0, BEGUN, DONE };
enum { NESTED_MAX = 512 }; /* types that wait for each other; no file has so many */

/* ---- modules ---- */

static void close_module(struct idl *idl)
{
	while (idl->depth > 0) {
		idl->depth--;
		idl_indent(idl);
		idl_put(idl, "};\n");
	}
	idl->module = "";
	idl->n_module = 0;
}

/* Opens the module that the name is in, if it is not open. */
static void enter(struct idl *idl, const char *full)
{
	size_t n_module, n, at = 0;

	idl_short(full, &n_module);
	if (n_module == idl->n_module && strncmp(full, idl->module, n_module) == 0)
		return;
	close_module(idl);
	idl->module = full;
	idl->n_module = n_module;
	for (; at < n_module; at += n + 1) {
		n = strcspn(full + at, ".");
		idl_indent(idl);
		idl_put(idl, "module %.*s {\n", (int)n, full + at);
		idl->depth++;
	}
}

static void begin(struct idl *idl, const char *what, const char *full)
{
	size_t n;

	enter(idl, full);
	idl_indent(idl);
	idl_put(idl, "%s ", what);
	idl_put_name(idl, idl_short(full, &n));
}

static void open(struct idl *idl)
{
	idl_put(idl, " {\n");
	idl->depth++;
}

static void close(struct idl *idl)
{
	idl->depth--;
	idl_indent(idl);
	idl_put(idl, "};\n");
}

/* ---- members ---- */

static void put_member(struct idl *idl, const struct pyr__field *field, uint32_t *next)
{
	idl_indent(idl);
	idl_put_id(idl, field->id, next);
	idl_put_flags(idl, field);
	idl_put_declarator(idl, field);
	idl_put(idl, ";\n");
}

static bool is_raised(const struct idl *idl, const struct pyr__type *type)
{
	const struct pyr__operation *op = idl->interface->operations;
	uint32_t i, j;

	for (i = 0; i < idl->interface->n_operations; i++)
		for (j = 0; op[i].raises && op[i].raises[j]; j++)
			if (op[i].raises[j] == type)
				return true;
	return false;
}

static void put_status(struct idl *idl, const struct pyr__type *type)
{
	if (type->status == 0 || type->status == PYR_ABORTED)
		return;
	enter(idl, type->name);
	idl_indent(idl);
	idl_put(idl, "@status(%s)\n", pyr_status_name(type->status));
}

static void put_struct(struct idl *idl, const struct pyr__type *type)
{
	bool is_exception = is_raised(idl, type);
	uint32_t next = 1, i;

	if (is_exception)
		put_status(idl, type);
	begin(idl, is_exception ? "exception" : "struct", type->name);
	open(idl);
	for (i = 0; i < type->n_fields; i++)
		put_member(idl, &type->fields[i], &next);
	close(idl);
}

static void put_labels(struct idl *idl, const struct pyr__type *type, uint32_t member)
{
	uint32_t i;

	for (i = 0; i < type->n_labels; i++) {
		if (type->labels[i].field != member)
			continue;
		idl_indent(idl);
		idl_put(idl, "case ");
		idl_put_label(idl, &type->fields[0], type->labels[i].value);
		idl_put(idl, ":\n");
	}
	if (type->default_field == member) {
		idl_indent(idl);
		idl_put(idl, "default:\n");
	}
}

static void put_union(struct idl *idl, const struct pyr__type *type)
{
	uint32_t next = type->oneof ? 1 : 2, i;

	enter(idl, type->name);
	if (type->oneof) {
		idl_indent(idl);
		idl_put(idl, "@oneof\n");
	}
	begin(idl, "union", type->name);
	idl_put(idl, " switch (");
	idl_put_type(idl, &type->fields[0]);
	idl_put(idl, ")");
	open(idl);
	for (i = 1; i < type->n_fields; i++) {
		put_labels(idl, type, i);
		idl->depth++;
		put_member(idl, &type->fields[i], &next);
		idl->depth--;
	}
	close(idl);
}

static void put_enum(struct idl *idl, const struct pyr__type *type)
{
	uint32_t i;

	begin(idl, "enum", type->name);
	open(idl);
	for (i = 0; i < type->n_enumerators; i++) {
		idl_indent(idl);
		idl_put_name(idl, type->enumerators[i].name);
		idl_put(idl, i + 1 < type->n_enumerators ? ",\n" : "\n");
	}
	close(idl);
}

/* ---- types, those before that they hold ---- */

static uint8_t *state_of(struct idl *idl, const struct pyr__type *type)
{
	size_t i;

	for (i = 0; i < idl->types.n; i++)
		if (idl->types.items[i] == type)
			return &idl->states[i];
	return NULL;
}

static void put_type(struct idl *idl, const struct pyr__type *type);

/* In a declarator an array needs no typedef, but its elements may. */
static void put_types_of(struct idl *idl, const struct pyr__field *field, bool in_declarator)
{
	const struct pyr__type *type = field->type;

	if (field->kind == PYR__STRUCT || field->kind == PYR__UNION) {
		put_type(idl, type);
	} else if (field->kind == PYR__ARRAY && in_declarator) {
		put_types_of(idl, &type->fields[0], false);
	} else if (types_is_collection(field->kind)) {
		put_type(idl, type);
	}
}

/* What is not inside, but only pointed to, can be declared later: but for arrays. */
static void put_elements(struct idl *idl, const struct pyr__type *type)
{
	unsigned i;

	for (i = 0; i < types_fields(type); i++)
		if (types_is_collection(type->fields[i].kind))
			put_type(idl, type->fields[i].type);
}

static void put_array(struct idl *idl, const struct pyr__type *type)
{
	struct pyr__field element = type->fields[0];
	struct idl_array *array;
	char name[32];

	put_types_of(idl, &element, false);
	if (idl_find_array(idl, type))
		return;
	array = calloc(1, sizeof(*array));
	if (!array) {
		idl->out->broken = true;
		return;
	}
	array->type = type;
	array->number = ++idl->n_arrays;
	enter(idl, "pyrite_arrays.Array");
	idl_indent(idl);
	idl_put(idl, "typedef ");
	idl_put_type(idl, &element);
	snprintf(name, sizeof(name), "Array%u", array->number);
	idl_put(idl, " %s[%u];\n", name, type->bound);
	array->next = idl->arrays;
	idl->arrays = array;
}

static void put_new_type(struct idl *idl, const struct pyr__type *type)
{
	uint32_t i;

	switch (type->kind) {
	case PYR__STRUCT:
	case PYR__UNION:
		for (i = 0; i < type->n_fields; i++)
			put_types_of(idl, &type->fields[i], true);
		if (type->kind == PYR__STRUCT)
			put_struct(idl, type);
		else
			put_union(idl, type);
		return;
	case PYR__ARRAY:
		put_array(idl, type);
		return;
	default:
		put_elements(idl, type);
	}
}

static void put_type(struct idl *idl, const struct pyr__type *type)
{
	uint8_t *state = state_of(idl, type);

	if (!state || *state != NEW || idl->n_nested == NESTED_MAX)
		return;
	*state = BEGUN;
	idl->n_nested++;
	put_new_type(idl, type);
	idl->n_nested--;
	*state = DONE;
}

static void put_enums(struct idl *idl)
{
	size_t i;

	for (i = 0; i < idl->types.n; i++)
		if (idl->types.items[i]->kind == PYR__ENUM)
			put_enum(idl, idl->types.items[i]);
}

static bool is_base(const struct pyr__interface *interface, const char *name)
{
	const char *const *base;

	for (base = interface->bases; base && *base; base++)
		if (strcmp(*base, name) == 0)
			return true;
	return strcmp(interface->name, name) == 0;
}

/* One table of a name is enough. */
static bool is_first(const struct idl *idl, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (idl->types.items[i]->kind == idl->types.items[at]->kind &&
		    strcmp(idl->types.items[i]->name, idl->types.items[at]->name) == 0)
			return false;
	return true;
}

/* Of an interface that is written in full: only where it is passed before. */
static void put_forward_of(struct idl *idl, const char *name)
{
	size_t i;

	for (i = 0; i < idl->types.n; i++)
		if (idl->types.items[i]->kind == PYR__INTERFACE &&
		    strcmp(idl->types.items[i]->name, name) == 0)
			break;
	if (i == idl->types.n)
		return;
	begin(idl, "interface", name);
	idl_put(idl, ";\n");
}

static void put_forwards(struct idl *idl)
{
	const char *const *base;
	const struct pyr__type *type;
	size_t i;

	for (base = idl->interface->bases; base && *base; base++)
		put_forward_of(idl, *base);
	put_forward_of(idl, idl->interface->name);
	for (i = 0; i < idl->types.n; i++) {
		type = idl->types.items[i];
		if ((type->kind != PYR__STRUCT || is_raised(idl, type)) &&
		    type->kind != PYR__UNION &&
		    (type->kind != PYR__INTERFACE || is_base(idl->interface, type->name) ||
		     !is_first(idl, i)))
			continue;
		begin(idl,
		      type->kind == PYR__STRUCT  ? "struct"
		      : type->kind == PYR__UNION ? "union"
						 : "interface",
		      type->name);
		idl_put(idl, ";\n");
	}
}

/* ---- interfaces ---- */

static void put_interface(struct idl *idl, const char *name, const char *const *bases)
{
	const struct pyr__interface *interface = idl->interface;
	size_t n = strlen(name), n_owner;
	uint32_t i;

	enter(idl, name);
	if (interface->docs && strcmp(name, interface->name) == 0)
		idl_put_doc(idl, interface->docs[0]);
	begin(idl, "interface", name);
	for (i = 0; bases && bases[i]; i++) {
		idl_put(idl, i == 0 ? " : " : ", ");
		idl_put_full(idl, bases[i]);
	}
	open(idl);
	for (i = 0; i < interface->n_operations; i++) {
		idl_short(interface->operations[i].name, &n_owner);
		if (n_owner != n || strncmp(interface->operations[i].name, name, n) != 0)
			continue;
		if (interface->docs)
			idl_put_doc(idl, interface->docs[i + 1]);
		idl_put_operation(idl, &interface->operations[i]);
	}
	close(idl);
}

/* What operations pass needs its arrays, too: they have no declarators but names of types. */
static void put_operations_types(struct idl *idl)
{
	const struct pyr__operation *op = idl->interface->operations;
	uint32_t i, j;

	for (i = 0; i < idl->interface->n_operations; i++)
		for (j = 0; j < types_operation_fields(&op[i]); j++)
			put_types_of(idl, &op[i].fields[j], false);
}

static void add_names(struct idl *idl, const struct pyr__field *fields, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		idl_add_name(idl, fields[i].name);
}

/* Of all that is no type. */
static void collect_names(struct idl *idl)
{
	const struct pyr__operation *op = idl->interface->operations;
	const struct pyr__type *type;
	size_t i, n;
	uint32_t j;

	for (i = 0; i < idl->interface->n_operations; i++) {
		idl_add_name(idl, idl_short(op[i].name, &n));
		add_names(idl, op[i].fields, types_operation_fields(&op[i]));
	}
	for (i = 0; i < idl->types.n; i++) {
		type = idl->types.items[i];
		add_names(idl, type->fields, types_fields(type));
		for (j = 0; type->kind == PYR__ENUM && j < type->n_enumerators; j++)
			idl_add_name(idl, type->enumerators[j].name);
	}
	idl_sort_names(idl);
}

static void put_all(struct idl *idl)
{
	const char *const *base;
	size_t i;

	collect_names(idl);
	put_forwards(idl);
	put_enums(idl);
	for (i = 0; i < idl->types.n; i++)
		if (idl->types.items[i]->kind == PYR__STRUCT ||
		    idl->types.items[i]->kind == PYR__UNION)
			put_type(idl, idl->types.items[i]);
	put_operations_types(idl);
	for (base = idl->interface->bases; base && *base; base++)
		put_interface(idl, *base, NULL);
	put_interface(idl, idl->interface->name, idl->interface->bases);
	close_module(idl);
}

void idl_print(const struct pyr__interface *interface, struct buf *out)
{
	struct idl idl = { .out = out, .interface = interface, .module = "" };
	locale_t before = json_locale();
	struct idl_array *array;

	types_of_interface(interface, &idl.types);
	idl.states = calloc(idl.types.n + 1, 1);
	if (idl.states && !idl.types.is_broken)
		put_all(&idl);
	else
		out->broken = true;
	while ((array = idl.arrays)) {
		idl.arrays = array->next;
		free(array);
	}
	free(idl.names);
	free(idl.states);
	free(idl.types.items);
	json_locale_back(before);
}
