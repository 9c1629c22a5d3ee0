/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CLAIMS_H
#define PYRITE_CLAIMS_H
/*
 * Who has which C name, while names are chosen: after the tree is checked. Files are gone through
 * includes first, so that a file gets the same names whether it is read by itself or included by
 * another.
 */
#include "front.h"
#include "raw.h"

struct naming {
	struct front *front;
	struct table claims;     /* (NULL, C identifier) -> struct claim */
	struct table members;    /* (struct or operation, C name) -> raw_decl */
	struct table of_file;    /* (file, "d" or "t") -> list of raw_decl or raw_type */
	struct table operations; /* (file, C name) -> operation of an interface of the file */
	struct table parameters; /* the same for parameters of those from other files */
	struct list files;       /* struct ast_file, includes first */
};

struct claim {                       /* who owns a C identifier */
	const struct ast_decl *decl; /* NULL: an anonymous collection */
	const struct ast_file *file;
	struct ast_loc loc;
	const char *what; /* "the interface's own 'free'"; NULL: the declaration itself */
};

/* Whether an identifier of the claims is taken for something in this file. Returns: whose it is. */
const struct claim *names_taken(struct naming *naming, const char *identifier);
void names_claim(struct naming *naming, const char *identifier, const struct ast_decl *decl,
		 const struct ast_loc *loc, const char *what);
/* Whether `from` sees `to` through its includes, or is it. */
bool names_sees(struct naming *naming, const struct ast_file *from, const struct ast_file *to);
/* The constant that is a macro of this name where `from` sees it, or NULL. */
const struct claim *names_macro(struct naming *naming, const struct ast_file *from,
				const char *name);

#endif
