/* SPDX-License-Identifier: MIT */
/*
 * Names and what they mean, by OMG's rules: a name is looked up in its scope, in the interfaces
 * that scope inherits from, then outwards.
 */
#include "scope.h"

#include <ctype.h>
#include <string.h>

#include "diag.h"
#include "feed.h"
#include "memory.h"
#include "syntax.h"

const char *scope_kind_name(const struct ast_decl *decl)
{
	static const char *const names[] = {
		"?",          "a module",      "an interface",
		"a struct",   "an exception",  "a union",
		"an enum",    "an enumerator", "a type",
		"a constant", "an operation",  "an attribute",
		"a member",   "a parameter",   "not supported",
	};

	return names[decl->kind];
}

struct raw_decl *scope_outer(struct front *front, const struct raw_decl *scope)
{
	if (scope->decl.parent)
		return raw_of(scope->decl.parent);
	return scope == front->root ? NULL : front->root;
}

struct raw_decl *scope_own(struct front *front, const struct raw_decl *scope, const char *name)
{
	return table_get(&front->names, scope, name);
}

struct raw_decl *scope_home(struct front *front, struct raw_decl *scope)
{
	while (scope->decl.kind != AST_MODULE && scope->decl.kind != AST_INTERFACE)
		scope = scope_outer(front, scope);
	return scope;
}

void scope_add_item(struct front *front, struct raw_decl *scope, struct raw_decl *raw)
{
	struct ast_decl *decl = &scope->decl;

	decl->items = front_grow(front, decl->items, decl->n_items, sizeof(*decl->items));
	decl->items[decl->n_items++] = &raw->decl;
}

static const char *lower_case(struct front *front, const char *name)
{
	char *lower = front_copy(front, name, strlen(name)), *p;

	for (p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return lower;
}

static void check_case(struct front *front, struct raw_decl *scope, struct raw_decl *raw)
{
	const char *folded = lower_case(front, raw->decl.name);
	struct raw_decl *other = table_get(&front->folded, scope, folded);

	if (other && front_in_main(&raw->decl.loc)) {
		diag_warning(front->diag, &raw->decl.loc, "'%s' and '%s' differ only in case",
			     raw->decl.name, other->decl.name);
		diag_note(front->diag, &other->decl.loc, "'%s' is declared here", other->decl.name);
	}
	if (!other)
		table_set(front, &front->folded, scope, folded, raw);
}

bool scope_declare(struct front *front, struct raw_decl *scope, struct raw_decl *raw)
{
	struct raw_decl *other;

	raw->decl.parent = scope == front->root ? NULL : &scope->decl;
	raw->order = front->order.n;
	list_add(front, &front->order, raw);
	if (raw->decl.name[0] == '\0')
		return true;
	other = scope_own(front, scope, raw->decl.name);
	if (!other) {
		check_case(front, scope, raw);
		table_set(front, &front->names, scope, raw->decl.name, raw);
		return true;
	}
	if (raw->decl.kind == AST_POISONED || other->decl.kind == AST_POISONED)
		return true; /* forward and full declarations of it, say */
	raw->duplicate = true;
	diag_error(front->diag, &raw->decl.loc, "'%s' is already declared, as %s", raw->decl.name,
		   scope_kind_name(&other->decl));
	diag_note(front->diag, &other->decl.loc, "'%s' is declared here", other->decl.name);
	return false;
}

static bool is_base_of(const struct ast_decl *base, const struct ast_decl *decl)
{
	size_t i;

	for (i = 0; i < decl->n_all_bases; i++)
		if (decl->all_bases[i] == base)
			return true;
	return false;
}

/*
 * Looks in one scope and, if it is not there, in what that inherits. A base's name hides those of
 * its own bases; *other is set if two bases answer differently all the same.
 */
static struct raw_decl *find_in(struct front *front, const struct raw_decl *scope, const char *name,
				struct raw_decl **other)
{
	struct raw_decl *found = scope_own(front, scope, name), *one;
	const struct ast_decl *owner = NULL, *base;
	size_t i;

	*other = NULL;
	if (found)
		return found;
	for (i = scope->decl.n_all_bases; i-- > 0;) { /* nearest first */
		base = scope->decl.all_bases[i];
		one = scope_own(front, raw_of(scope->decl.all_bases[i]), name);
		if (!one || (owner && is_base_of(base, owner)))
			continue;
		if (found)
			*other = found;
		found = one;
		owner = base;
	}
	return found;
}

const char *scope_name_text(struct front *front, const struct name *name)
{
	const char *text = name->absolute ? "::" : "";
	size_t i;

	for (i = 0; i < name->n_parts && i < 16; i++)
		text = front_printf(front, "%s%s%s", text, i ? "::" : "", name->parts[i]);
	return text;
}

struct raw_decl *scope_lookup(struct front *front, const struct name *name, bool quiet)
{
	struct raw_decl *scope = name->absolute ? front->root : front->scope, *found = NULL, *other;
	size_t i;

	for (; scope && !found; scope = name->absolute ? NULL : scope_outer(front, scope))
		found = find_in(front, scope, name->parts[0], &other);
	for (i = 1; found && i < name->n_parts; i++) {
		if (found->decl.kind == AST_POISONED)
			return found;
		found = find_in(front, found, name->parts[i], &other);
	}
	if (found && other && !quiet) {
		diag_error(front->diag, &name->loc, "'%s' means two things here",
			   scope_name_text(front, name));
		diag_note(front->diag, &found->decl.loc, "inherited from '%s'",
			  found->decl.parent ? found->decl.parent->name : "");
		diag_note(front->diag, &other->decl.loc, "inherited from '%s'",
			  other->decl.parent ? other->decl.parent->name : "");
	}
	return found;
}

struct nearest {
	const char *word, *best;
	size_t distance;
};

static void consider(struct nearest *nearest, const char *candidate)
{
	size_t distance = syntax_distance(nearest->word, candidate);

	if (distance < nearest->distance || (distance == nearest->distance && nearest->best &&
					     strcmp(candidate, nearest->best) < 0)) {
		nearest->distance = distance;
		nearest->best = candidate;
	}
}

static bool is_visible(struct front *front, const void *scope)
{
	const struct raw_decl *at;
	size_t i;

	for (at = front->scope; at; at = scope_outer(front, at)) {
		if (at == scope)
			return true;
		for (i = 0; i < at->decl.n_all_bases; i++)
			if ((const void *)at->decl.all_bases[i] == scope)
				return true;
	}
	return false;
}

static bool could_be_type(const struct ast_decl *decl)
{
	return decl->kind == AST_MODULE || decl->kind == AST_INTERFACE ||
	       decl->kind == AST_STRUCT || decl->kind == AST_UNION || decl->kind == AST_ENUM ||
	       decl->kind == AST_TYPEDEF;
}

static void consider_types(struct nearest *nearest)
{
	static const char *const words[] = {
		"boolean", "char",  "double", "float",  "int16",    "int32",  "int64",  "int8",
		"long",    "octet", "short",  "string", "uint16",   "uint32", "uint64", "uint8",
		"wchar",   "any",   "Object", "bytes",  "sequence", "map",    "stream", "wstring",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		consider(nearest, words[i]);
}

/* Types as other languages call them. */
static const char *foreign_type(const char *word)
{
	static const char *const pairs[][2] = {
		{ "int", "int32" },     { "uint", "uint32" },    { "bool", "boolean" },
		{ "byte", "octet" },    { "int32_t", "int32" },  { "uint32_t", "uint32" },
		{ "String", "string" }, { "list", "sequence" },  { "vector", "sequence" },
		{ "real", "double" },   { "float64", "double" }, { "float32", "float" },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(word, pairs[i][0]) == 0)
			return pairs[i][1];
	return NULL;
}

const char *scope_corba(struct front *front, const struct name *name)
{
	const struct raw_decl *scope = front->scope, *outer;
	const char *text = scope_name_text(front, name);

	if (name->n_parts > 1 && strcmp(name->parts[0], "CORBA") == 0)
		return name->absolute ? text + 2 : text;
	if (name->n_parts > 1 || name->absolute || front_in_main(&name->loc))
		return NULL;
	while ((outer = scope_outer(front, scope)) && outer != front->root)
		scope = outer;
	return strcmp(scope->decl.name, "CORBA") == 0 ? front_printf(front, "CORBA::%s", text)
						      : NULL;
}

void scope_unknown(struct front *front, const struct name *name, bool is_type)
{
	const char *word = name->parts[0];
	size_t n = strlen(word), i;
	struct nearest nearest = { .word = word, .distance = n < 4 ? 2 : n < 8 ? 3 : 4 };

	diag_error(front->diag, &name->loc, "nothing named '%s' is known here",
		   scope_name_text(front, name));
	if (name->n_parts > 1 || diag_errors(front->diag) > 100)
		return;
	if (is_type && foreign_type(word)) {
		diag_suggest(front->diag, "did you mean '%s'?", foreign_type(word));
		return;
	}
	if (is_type)
		consider_types(&nearest);
	for (i = 0; i < front->names.room; i++) {
		const struct table_slot *slot = &front->names.slots[i];
		const struct raw_decl *raw = slot->value;

		if (slot->name && is_visible(front, slot->scope) &&
		    could_be_type(&raw->decl) == is_type)
			consider(&nearest, slot->name);
	}
	if (nearest.best)
		diag_suggest(front->diag, "did you mean '%s'?", nearest.best);
}
