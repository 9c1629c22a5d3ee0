/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RAW_H
#define PYRITE_RAW_H
/*
 * The tree as the parser leaves it: names unresolved, expressions unevaluated. The checks complete
 * it in place.
 */
#include "ast.h"
#include "lists.h"

struct name { /* a::b or ::a::b as written */
	struct ast_loc loc;
	bool absolute;
	const char **parts;
	size_t n_parts;
};

enum expr_op {
	EXPR_VALUE = 1,
	EXPR_NAME,
	EXPR_NEGATE,
	EXPR_PLUS,
	EXPR_INVERT,
	EXPR_OR,
	EXPR_XOR,
	EXPR_AND,
	EXPR_SHL,
	EXPR_SHR,
	EXPR_ADD,
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_MOD
};

struct expr {
	enum expr_op op;
	struct ast_loc loc;
	struct expr *left, *right;
	struct ast_value value; /* EXPR_VALUE */
	struct name *name;      /* EXPR_NAME */
	int depth;
	size_t n_text, room; /* of a string being joined from several */
	bool fixed;          /* a fixed-point literal: not supported */
	bool bad;            /* already reported */
};

struct argument {         /* of an annotation */
	const char *name; /* NULL: by position */
	struct expr *expr;
};

struct annotation {
	const char *name;
	struct ast_loc loc;
	struct list args; /* struct argument */
};

struct raw_type {
	struct ast_type type;
	struct name *name;      /* TYPE_NAMED, unresolved */
	struct expr *bound;     /* NULL = none */
	struct list dims;       /* struct expr */
	const char *poison;     /* "long double": no such type here */
	const char *text;       /* canonical; made when first needed */
	struct raw_decl *scope; /* where it was written */
	bool resolved;
	bool bad; /* an error was reported; nothing more is said about it */
};

struct raw_decl {
	struct ast_decl decl;
	struct list annotations;      /* struct annotation */
	struct list body;             /* struct raw_decl, as parsed; decl.items is built from it */
	struct expr *value;           /* const */
	struct list labels;           /* struct expr, of a union member */
	const int64_t *sorted_labels; /* their values, for the fingerprint; NULL: not needed yet */
	struct list raises, set_raises, bases; /* struct name */
	const char *poison; /* "fixed is not supported"; interface: why something was left out */
	struct ast_loc poison_loc;
	const char *clause; /* operation: what it ends with, not supported */
	struct ast_loc clause_loc;
	struct list uses;     /* struct use: who named it; poison.c */
	const char *left_out; /* interface: the first operation, attribute or base left out */
	size_t n_left_out;
	bool duplicate; /* its name is another's: an error, so it gets no names in C */
	bool complete;  /* its contents are known: may be used by value */
	bool was_forward;
	const char *cname; /* @cname */
	uint64_t size;     /* rough size of its C value, to refuse what no compiler takes */
	size_t order;      /* position among all declarations */
	unsigned mark;     /* of the last walk that met it */
};

static inline struct raw_decl *raw_of(struct ast_decl *decl)
{
	return (struct raw_decl *)decl; /* decl is its first member */
}

static inline struct raw_type *raw_type_of(struct ast_type *type)
{
	return (struct raw_type *)type;
}

#endif
