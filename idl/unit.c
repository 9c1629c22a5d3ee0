/* SPDX-License-Identifier: MIT */
/* One run of the front end, and the unit that owns everything it built. */
#include <stdlib.h>

#include "check.h"
#include "diag.h"
#include "feed.h"
#include "parser.h"
#include "pieces.h"
#include "pp.h"
#include "source.h"

static void read_unit(struct front *front, const char *path)
{
	struct ast_loc nowhere = { .file = NULL };

	front->root = tree_decl(front, AST_MODULE, "", &nowhere);
	front->unit->root = &front->root->decl;
	front->unit->root->wire_name = front->unit->root->c_name = "";
	if (!pp_open(front, path))
		return;
	feed_open(front);
	idl_yyparse(front);
	if (front->options && front->options->keep_pieces)
		pieces_read(front);
	else
		idl_check(front);
}

static struct idl_unit *new_unit(struct front *front)
{
	struct arena *arena = malloc(sizeof(*arena));
	struct idl_unit *unit;

	if (!arena)
		return NULL;
	arena_init(arena, NULL, 0);
	arena->max = LIMIT_MEMORY;
	unit = arena_alloc(arena, sizeof(*unit));
	if (!unit) {
		free(arena);
		return NULL;
	}
	unit->memory = arena;
	front->arena = arena;
	return unit;
}

struct idl_unit *idl_read(const char *path, const struct idl_options *options, struct diag *diag)
{
	struct front *front = calloc(1, sizeof(*front));
	struct ast_loc loc = { .file = NULL };
	struct idl_unit *unit;

	if (!front)
		return NULL;
	front->unit = unit = new_unit(front);
	front->diag = diag;
	front->options = options;
	front->fd = -1;
	if (unit && setjmp(front->no_memory) == 0) {
		read_unit(front, path);
	} else if (unit) {
		unit->is_cut = true;
		loc.file = front->unit->main;
		diag_error(diag, &loc, "out of memory: %d MiB are used", LIMIT_MEMORY >> 20);
	}
	source_forget(front);
	unit = front->unit;
	free(front);
	return unit;
}

void idl_unit_free(struct idl_unit *unit)
{
	struct arena *memory;

	if (!unit)
		return;
	memory = unit->memory;
	arena_clear(memory);
	free(memory);
}
