/* SPDX-License-Identifier: MIT */
/*
 * Bare C names: members of structs and unions, parameters. Each struct or operation has a table of
 * its own; macros (constants outside modules) reach into all of them.
 */
#include <string.h>

#include "names.h"

/* Parameter names that generated stubs use themselves. */
static bool is_stub_word(const char *name)
{
	static const char *const words[] = { "call", "self", "future", "deferred", "methods" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return strncmp(name, "ret", 3) == 0;
}

/* Returns: why a bare name cannot be had, or NULL. */
static const char *trouble(struct naming *naming, const struct raw_decl *raw, const char *name)
{
	const struct claim *by = names_taken(naming, name);

	if (reserved_word(name))
		return "reserved in C";
	if (raw->decl.kind == AST_PARAM && is_stub_word(name))
		return "used by stubs themselves";
	if (by && by->decl && by->decl->kind == AST_CONST &&
	    names_sees(naming, raw->decl.loc.file, by->file))
		return "a macro";
	if (table_get(&naming->members, raw->decl.parent, name))
		return "taken already";
	return NULL;
}

static void name_one(struct naming *naming, struct raw_decl *raw)
{
	struct front *front = naming->front;
	struct ast_decl *decl = &raw->decl;
	const char *why;

	decl->c_name = raw->cname ? raw->cname : decl->name;
	why = trouble(naming, raw, decl->c_name);
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
	table_set(front, &naming->members, decl->parent, decl->c_name, raw);
	if (decl->kind == AST_MEMBER && decl->optional)
		table_set(front, &naming->members, decl->parent,
			  front_printf(front, "has_%s", decl->c_name), raw);
	if (decl->kind == AST_PARAM && decl->direction != DIR_IN)
		table_set(front, &naming->members, decl->parent,
			  front_printf(front, "ret_%s", decl->c_name), raw);
}

void c_names_inside(struct naming *naming, struct raw_decl *raw)
{
	if (raw->decl.kind == AST_ATTRIBUTE)
		raw->decl.c_name = raw->decl.name;
	if (raw->decl.kind == AST_MEMBER || raw->decl.kind == AST_PARAM)
		name_one(naming, raw);
}
