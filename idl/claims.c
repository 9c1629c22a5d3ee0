/* SPDX-License-Identifier: MIT */

/* The include graph is at most LIMIT_INCLUDES deep; `seen` ends its circles. */
#include "claims.h"

#include "memory.h"

static bool reach(struct naming *naming, struct table *seen, const struct ast_file *from,
		  const struct ast_file *to)
{
	size_t i;

	if (from == to)
		return true;
	if (table_get(seen, from, ""))
		return false;
	table_set(naming->front, seen, from, "", (void *)(uintptr_t)from);
	for (i = 0; i < from->n_includes; i++)
		if (reach(naming, seen, from->includes[i], to))
			return true;
	return false;
}

bool names_sees(struct naming *naming, const struct ast_file *from, const struct ast_file *to)
{
	struct table seen = { .n = 0 };

	return reach(naming, &seen, from, to);
}

const struct claim *names_taken(struct naming *naming, const char *identifier)
{
	return table_get(&naming->claims, NULL, identifier);
}

const struct claim *names_macro(struct naming *naming, const struct ast_file *from,
				const char *name)
{
	const struct claim *by = names_taken(naming, name);

	return by && by->decl && by->decl->kind == AST_CONST && ast_is_macro(by->decl) &&
			       names_sees(naming, from, by->file)
		       ? by
		       : NULL;
}

void names_claim(struct naming *naming, const char *identifier, const struct ast_decl *decl,
		 const struct ast_loc *loc, const char *what)
{
	struct claim *claim = front_alloc(naming->front, sizeof(*claim));

	*claim = (struct claim){ .decl = decl, .file = loc->file, .loc = *loc, .what = what };
	table_set(naming->front, &naming->claims, NULL, identifier, claim);
}
