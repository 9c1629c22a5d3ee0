/* SPDX-License-Identifier: MIT */
/* Types: names to declarations, bounds to numbers, typedefs resolved away. */
#include "resolve.h"

#include <string.h>

#include "constant.h"
#include "diag.h"
#include "memory.h"
#include "poison.h"
#include "scalar.h"
#include "scope.h"

struct builtin {
	const char *name;
	enum ast_type_kind kind; /* 0: known, but not supported */
};

/* Names that mean a type unless the file declares them itself. */
static const struct builtin builtins[] = {
	{ "int8", TYPE_INT8 },   { "uint8", TYPE_UINT8 },
	{ "int16", TYPE_INT16 }, { "uint16", TYPE_UINT16 },
	{ "int32", TYPE_INT32 }, { "uint32", TYPE_UINT32 },
	{ "int64", TYPE_INT64 }, { "uint64", TYPE_UINT64 },
	{ "bytes", TYPE_BYTES }, { "fixed", 0 },
	{ "TypeCode", 0 },       { "ValueBase", 0 },
	{ "AbstractBase", 0 },   { "Principal", 0 },
	{ "NamedValue", 0 },
};

/* The plain ones of module CORBA; what else it has needs an ORB. */
static const struct builtin corba_builtins[] = {
	{ "Flags", TYPE_UINT32 },         { "Identifier", TYPE_STRING },
	{ "Object", TYPE_OBJECT },        { "OctetSeq", TYPE_BYTES },
	{ "PolicyType", TYPE_UINT32 },    { "RepositoryId", TYPE_STRING },
	{ "ScopedName", TYPE_STRING },    { "ServiceDetailType", TYPE_UINT32 },
	{ "ServiceOption", TYPE_UINT32 }, { "ServiceType", TYPE_UINT16 },
	{ "VersionSpec", TYPE_STRING },
};

static const struct builtin *find_in_list(const struct builtin *list, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const struct builtin *find_builtin(const struct name *name)
{
	const char *last = name->parts[name->n_parts - 1];

	if (name->n_parts == 1)
		return find_in_list(builtins, N(builtins), last);
	if (name->n_parts == 2 && strcmp(name->parts[0], "CORBA") == 0)
		return find_in_list(corba_builtins, N(corba_builtins), last);
	return NULL;
}

static bool fail(struct raw_type *raw)
{
	raw->bad = true;
	return false;
}

static bool resolve_builtin(struct front *front, struct raw_type *raw)
{
	const struct builtin *builtin = find_builtin(raw->name);

	if (!builtin && scope_corba(front, raw->name)) {
		poison_meet(front, &raw->type.loc, scope_corba(front, raw->name));
		return fail(raw);
	}
	if (!builtin) {
		scope_unknown(front, raw->name, true);
		return fail(raw);
	}
	if (builtin->kind == 0) {
		poison_meet(front, &raw->type.loc, builtin->name);
		return fail(raw);
	}
	raw->type.kind = builtin->kind;
	return true;
}

static bool resolve_decl(struct front *front, struct raw_type *raw, struct raw_decl *found)
{
	struct ast_decl *decl = &found->decl;

	switch (decl->kind) {
	case AST_POISONED:
		poison_use(front, &raw->type.loc, found);
		return fail(raw);
	case AST_TYPEDEF:
		poison_watch(front, &raw->type.loc, found);
		raw->type.decl = decl;
		raw->type.actual = decl->type->actual;
		return raw_type_of(decl->type)->bad ? fail(raw) : true;
	case AST_INTERFACE:
	case AST_STRUCT:
	case AST_UNION:
	case AST_ENUM:
		raw->type.decl = decl;
		poison_watch(front, &raw->type.loc, found);
		return true;
	case AST_EXCEPTION:
		diag_error(front->diag, &raw->type.loc,
			   "exception '%s' can be used in raises() only", decl->name);
		return fail(raw);
	default:
		diag_error(front->diag, &raw->type.loc, "'%s' is %s, not a type", decl->name,
			   scope_kind_name(decl));
		diag_note(front->diag, &decl->loc, "'%s' is declared here", decl->name);
		return fail(raw);
	}
}

static bool resolve_named(struct front *front, struct raw_type *raw)
{
	struct raw_decl *found;

	if (!raw->name)
		return true; /* defined in place */
	found = scope_lookup(front, raw->name, false);
	return found ? resolve_decl(front, raw, found) : resolve_builtin(front, raw);
}

static bool resolve_bound(struct front *front, struct raw_type *raw)
{
	if (!raw->bound)
		return true;
	if (!constant_count(front, raw->bound, INT32_MAX, "a bound", &raw->type.bound))
		return fail(raw);
	return true;
}

static bool resolve_elem(struct front *front, struct raw_type *raw)
{
	struct ast_type *elem = raw->type.elem;

	if (!resolve_type(front, raw_type_of(elem), PLACE_DATA))
		return fail(raw);
	if (raw->type.kind == TYPE_SEQUENCE && elem->actual->kind == TYPE_OCTET)
		raw->type.kind = TYPE_BYTES;
	return true;
}

static bool resolve_key(struct front *front, struct raw_type *raw)
{
	struct ast_type *key = raw->type.key;

	if (!resolve_type(front, raw_type_of(key), PLACE_DATA))
		return fail(raw);
	if (!scalar_is_integer(key->actual) && key->actual->kind != TYPE_BOOLEAN &&
	    key->actual->kind != TYPE_STRING) {
		diag_error(front->diag, &key->loc,
			   "'%s' cannot be the key of a map: only integers, boolean and string can",
			   scalar_name(key->actual));
		return fail(raw);
	}
	return true;
}

static bool resolve_array(struct front *front, struct raw_type *raw)
{
	enum { MOST_ELEMENTS = 1 << 24 };
	uint64_t total = 1;
	size_t i;

	raw->type.dims = front_alloc(front, raw->type.n_dims * sizeof(*raw->type.dims));
	for (i = 0; i < raw->type.n_dims; i++) {
		struct expr *dim = raw->dims.items[i];

		if (!constant_count(front, dim, MOST_ELEMENTS, "an array's size",
				    &raw->type.dims[i]))
			return fail(raw);
		total *= raw->type.dims[i];
		if (total > MOST_ELEMENTS) {
			diag_error(front->diag, &dim->loc, "array of more than %d elements",
				   MOST_ELEMENTS);
			return fail(raw);
		}
	}
	if (!resolve_elem(front, raw) || !resolve_complete(front, raw->type.elem))
		return fail(raw);
	return true;
}

static bool resolve_stream(struct front *front, struct raw_type *raw, enum resolve_place place)
{
	if (place != PLACE_PARAM) {
		diag_error(front->diag, &raw->type.loc,
			   "a stream can be a parameter or a result only");
		return fail(raw);
	}
	return resolve_elem(front, raw);
}

static bool resolve_now(struct front *front, struct raw_type *raw, enum resolve_place place)
{
	if (raw->poison) {
		poison_meet(front, &raw->type.loc, raw->poison);
		return fail(raw);
	}
	switch (raw->type.kind) {
	case TYPE_NAMED:
		return resolve_named(front, raw);
	case TYPE_STRING:
		return resolve_bound(front, raw);
	case TYPE_SEQUENCE:
		return resolve_elem(front, raw) && resolve_bound(front, raw);
	case TYPE_MAP:
		return resolve_key(front, raw) && resolve_elem(front, raw) &&
		       resolve_bound(front, raw);
	case TYPE_ARRAY:
		return resolve_array(front, raw);
	case TYPE_STREAM:
		return resolve_stream(front, raw, place);
	default:
		return true;
	}
}

bool resolve_type(struct front *front, struct raw_type *raw, enum resolve_place place)
{
	bool ok;

	if (raw->resolved)
		return !raw->bad;
	raw->resolved = true;
	raw->scope = front->scope;
	ok = resolve_now(front, raw, place);
	if (ok && (raw->type.kind == TYPE_SEQUENCE || raw->type.kind == TYPE_MAP ||
		   raw->type.kind == TYPE_ARRAY))
		list_add(front, &front->collections, raw);
	return ok;
}

bool resolve_complete(struct front *front, const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;
	struct ast_decl *decl = actual->decl;

	if (actual->kind != TYPE_NAMED || decl->kind == AST_INTERFACE || decl->kind == AST_ENUM ||
	    raw_of(decl)->complete)
		return true;
	diag_error(front->diag, &type->loc, "%s '%s' would hold itself or is not defined yet",
		   decl->kind == AST_UNION ? "union" : "struct", decl->name);
	diag_suggest(front->diag, "a sequence<%s> may hold it", decl->name);
	return false;
}

uint64_t resolve_size(const struct ast_type *type)
{
	const struct ast_type *actual = type->actual;
	static const uint8_t sizes[] = { 0, 0, 1, 1, 4, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8 };
	uint64_t size, most = (uint64_t)1 << 40;
	size_t i;

	if (actual->kind == TYPE_NAMED &&
	    (actual->decl->kind == AST_STRUCT || actual->decl->kind == AST_UNION))
		return raw_of(actual->decl)->size;
	if (actual->kind != TYPE_ARRAY)
		return actual->kind <= TYPE_DOUBLE ? sizes[actual->kind] : 16;
	size = raw_type_of(actual->elem)->bad ? 1 : resolve_size(actual->elem);
	for (i = 0; i < actual->n_dims; i++)
		size = size > most ? most : size * (actual->dims ? actual->dims[i] : 1);
	return size;
}
