/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FRONT_H
#define PYRITE_FRONT_H
/*
 * The state of one idl_read(), which all parts of the front end share and emitters do not see.
 *
 * Memory comes from the unit's arena and is never freed singly. When the arena's bound is reached
 * front_alloc() does not return: it unwinds to idl_read(), so nothing here checks for NULL.
 */
#include <setjmp.h>

#include "base/arena.h"
#include "idl.h"
#include "lists.h"

enum front_limits {
	LIMIT_FILE = 1 << 20,
	LIMIT_INCLUDE_DEPTH = 16,
	LIMIT_INCLUDES = 1024,  /* #include lines followed in one run */
	LIMIT_TOTAL = 16 << 20, /* bytes of all files read in one run */
	LIMIT_NESTING = 64,     /* brackets open at once, macros inside macros */
	LIMIT_DECLARATIONS = 65536,
	LIMIT_IDENTIFIER = 128,
	LIMIT_EXPANSION = 1 << 20, /* tokens that macros may make in one run */
	LIMIT_EXPR_DEPTH = 256,
	LIMIT_MEMORY = 256 << 20,
	LIMIT_SYNTAX_ERRORS = 500,
	LIMIT_FIELD_ID = 536870911 /* protobuf's */
};

struct front {
	struct idl_unit *unit;
	struct arena *arena;
	struct diag *diag;
	const struct idl_options *options;
	jmp_buf no_memory;
	int fd; /* being read, else -1 */
	struct table strings;
	struct pp *pp;
	struct feed *feed;
	struct raw_decl *root; /* as parsed */
	size_t n_declarations;
	size_t n_syntax_errors;
	bool stopped; /* a limit was met: the rest is not read and its absence not reported */

	/* check */
	struct table names;      /* (scope, name) -> raw_decl */
	struct table folded;     /* (scope, lower case name) -> raw_decl */
	struct table wire;       /* (NULL, wire name) -> ast_decl or ast_type */
	struct list order;       /* every raw_decl kept, in the order of the text */
	struct list collections; /* raw_type: sequences, maps, arrays; elements first */
	struct raw_decl *scope;  /* where names are looked up */
	struct raw_decl *part;   /* being checked: what falls if something in it is unsupported */
	struct table inherited;  /* (interface, name) -> ast_decl of a base */
	unsigned mark;           /* last one given to a walk */
	struct table listed;     /* (NULL, C name) -> ast_type in unit->collections */
	struct table anonymous;  /* (NULL, C name) -> ast_type of collections without a typedef */
};

static inline bool front_in_main(const struct ast_loc *loc)
{
	return loc->file && loc->file->is_main;
}

#endif
