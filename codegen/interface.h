/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_INTERFACE_H
#define PYRITE_CODEGEN_INTERFACE_H
/*
 * The functions that every interface has beside its operations' stubs, and exceptions: heads
 * that are the same in header and source.
 */
#include "buf.h"

#include "../idl/ast.h"

enum interface_function {
	INTERFACE_PROXY,
	INTERFACE_PROXY_WITH,
	INTERFACE_PROXY_FROM_FD,
	INTERFACE_NARROW,
	INTERFACE_DUP,
	INTERFACE_WITH,
	INTERFACE_BATCH,
	INTERFACE_AS_PROXY,
	INTERFACE_FREE,
	INTERFACE_REGISTER,
	INTERFACE_OBJECT,
	INTERFACE_OBJECT_OF,
	INTERFACE_GIVE,
	INTERFACE_FUNCTIONS, /* those above */
	INTERFACE_AS         /* one for each base */
};

/* base: for INTERFACE_AS, which of all_bases. */
void interface_function(struct buf *out, const struct ast_decl *decl, enum interface_function which,
			size_t base, const char *tail);

/* X_raise_at() and X_caught() of an exception. */
void interface_raise_at(struct buf *out, const struct ast_decl *exception, const char *tail);
void interface_caught(struct buf *out, const struct ast_decl *exception, const char *tail);
#endif
