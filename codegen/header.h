/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_HEADER_H
#define PYRITE_CODEGEN_HEADER_H
/*
 * Parts of the header emitter: header.c walks the file, header_types.c writes what programs pass
 * around, header_interface.c the functions.
 */
#include "buf.h"
#include "set.h"

#include "../idl/ast.h"

struct header {
	struct buf *out;
	struct set tags;                 /* structs that are defined or forward-declared here */
	struct set complete;             /* structs defined here */
	struct set helpers;              /* anonymous collections written here */
	const struct ast_type **pending; /* maps whose entry waits for its value's struct */
	size_t n_pending;

	struct items heads, values; /* constants not yet written: they are aligned */
	size_t head_width, value_width;
	bool in_constants;
};

void header_enum(struct header *header, const struct ast_decl *decl);
/* A struct, exception or union, and before it what it needs. */
void header_struct(struct header *header, const struct ast_decl *decl);
/* A typedef that names a sequence, map or array; others leave no trace in C. */
void header_typedef(struct header *header, const struct ast_decl *decl);
/* Writes the anonymous collections that type is made of, where they are still missing. */
void header_need(struct header *header, const struct ast_type *type);
/* Forward-declares the struct that type points to, where it is still unknown. */
void header_tag(struct header *header, const struct ast_type *type);

void header_interface(struct header *header, const struct ast_decl *decl);
#endif
