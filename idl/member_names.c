/* SPDX-License-Identifier: MIT */
/*
 * Bare C names: members of structs and unions, parameters. Each struct or operation has a table of
 * its own; macros (constants that are no int) reach into all of them.
 */
#include "member_names.h"

#include <string.h>

#include "diag.h"
#include "memory.h"
#include "reserved.h"

/* Parameter names that generated stubs use themselves. */
static bool is_stub_word(const struct ast_decl *operation, const char *name)
{
	static const char *const words[] = { "call", "self", "future", "deferred", "methods" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	if (strcmp(name, "stream") == 0)
		return operation->stream_in || operation->stream_out;
	return strncmp(name, "ret", 3) == 0;
}

/* What stands beside a name in C: has_x of an optional member, ret_x of a result; else NULL. */
static const char *companion(struct front *front, const struct ast_decl *decl, const char *name)
{
	if (decl->kind == AST_MEMBER && decl->optional)
		return front_printf(front, "has_%s", name);
	if (decl->kind == AST_PARAM && decl->direction != DIR_IN)
		return front_printf(front, "ret_%s", name);
	return NULL;
}

/* A function, table, enumerator or constant has the name, so that a parameter would hide it. */
static bool is_value(struct naming *naming, const struct ast_file *from, const char *name)
{
	const struct claim *by = names_taken(naming, name);

	if (!by || !by->decl || !names_sees(naming, from, by->file))
		return false;
	return by->what || by->decl->kind == AST_CONST || by->decl->kind == AST_ENUMERATOR ||
	       by->decl->kind == AST_OPERATION;
}

/* Returns: why a bare name cannot be had, or NULL. */
static const char *trouble(struct naming *naming, const struct raw_decl *raw, const char *name)
{
	const char *beside = companion(naming->front, &raw->decl, name);
	const struct ast_file *file = raw->decl.loc.file;

	if (reserved_bare(name))
		return "reserved in C";
	if (names_macro(naming, file, name) || (beside && names_macro(naming, file, beside)))
		return "a macro";
	if (raw->decl.kind == AST_PARAM &&
	    (is_value(naming, file, name) || (beside && is_value(naming, file, beside))))
		return "the C name of something else";
	if (table_get(&naming->members, raw->decl.parent, name) ||
	    (beside && table_get(&naming->members, raw->decl.parent, beside)))
		return "taken already";
	return NULL;
}

static void claim_member(struct naming *naming, struct raw_decl *raw)
{
	const struct ast_decl *decl = &raw->decl;
	const char *beside = companion(naming->front, decl, decl->c_name);

	table_set(naming->front, &naming->members, decl->parent, decl->c_name, raw);
	if (beside)
		table_set(naming->front, &naming->members, decl->parent, beside, raw);
}

static void name_one(struct naming *naming, struct raw_decl *raw)
{
	struct front *front = naming->front;
	struct ast_decl *decl = &raw->decl;
	const char *why;

	decl->c_name = raw->cname ? raw->cname : decl->name;
	if (raw->duplicate)
		return;
	why = trouble(naming, raw, decl->c_name);
	if (!why && decl->kind == AST_PARAM && is_stub_word(decl->parent, decl->c_name))
		why = "used by stubs themselves";
	if (why && !raw->cname) {
		decl->c_name = front_printf(front, "%s_", decl->name);
		if (!trouble(naming, raw, decl->c_name)) {
			if (front_in_main(&decl->loc))
				diag_warning(front->diag, &decl->loc,
					     "'%s' is %s: in C it becomes '%s'", decl->name, why,
					     decl->c_name);
			why = NULL;
		}
	}
	if (why && front_in_main(&decl->loc)) {
		diag_error(front->diag, &decl->loc, "the C name '%s' of '%s' is %s", decl->c_name,
			   decl->name, why);
		diag_suggest(front->diag, "give it another one with @cname(\"name\")");
	}
	claim_member(naming, raw);
}

/* A name that neither a parameter nor a value has. */
static const char *apart(struct naming *naming, const struct raw_decl *raw, const char *name)
{
	while (table_get(&naming->members, &raw->decl, name) ||
	       is_value(naming, raw->decl.loc.file, name))
		name = front_printf(naming->front, "%s_", name);
	return name;
}

void c_names_of_forms(struct naming *naming, struct raw_decl *raw)
{
	if (raw->decl.kind != AST_OPERATION)
		return;
	raw->decl.callback_name = apart(naming, raw, "callback");
	raw->decl.data_name = apart(naming, raw, "data");
	raw->decl.count_name = apart(naming, raw, "count");
	raw->decl.options_name = apart(naming, raw, "options");
}

void c_names_inside(struct naming *naming, struct raw_decl *raw)
{
	if (raw->decl.kind == AST_ATTRIBUTE)
		raw->decl.c_name = raw->decl.name;
	if (raw->decl.kind == AST_MEMBER || raw->decl.kind == AST_PARAM)
		name_one(naming, raw);
}
