/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_SOURCE_STUB_H
#define PYRITE_CODEGEN_SOURCE_STUB_H
/*
 * The functions of an interface's source: a shim for each operation, its stubs, and what makes and
 * frees proxies and objects.
 */
#include "operation.h"
#include "source.h"

struct source_operation {
	struct operation operation;
	const char *shim, *raises;
	const char *number;  /* its enumerator */
	size_t first;        /* its rows in the table of parameters */
	bool is_new;         /* they are no earlier operation's */
	const char **values; /* names of its defaults' constants */
};

struct source_interface {
	const struct ast_decl *decl;
	const char *args, *operations, *bases, *docs, *macro, *op; /* static names */
	struct source_operation *rows;                             /* as decl->operations */
	size_t n_defaults; /* constants of defaults written */
};

void source_shims(struct buf *out, const struct source_interface *interface);
void source_stubs(struct buf *out, const struct source_interface *interface, size_t number);
void source_constructors(struct buf *out, const struct ast_decl *decl);
#endif
