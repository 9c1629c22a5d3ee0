/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_C_TYPE_H
#define PYRITE_CODEGEN_C_TYPE_H
/*
 * How IDL types look in C: as a member, as a parameter, as a result at the caller and in the
 * servant's method (docs/mapping-c.md has the table).
 */
#include "buf.h"

#include "../idl/ast.h"

/* The four ways of passing a value. */
enum ctype_shape {
	CTYPE_VALUE,    /* numbers, boolean, char, enum */
	CTYPE_STRING,   /* const char * */
	CTYPE_BLOCK,    /* struct, union, sequence, map, bytes, array */
	CTYPE_REFERENCE /* interface, any, Object */
};

enum ctype_role {
	CTYPE_IN,      /* a parameter of stub and method, a value of I_op_reply() */
	CTYPE_OUT,     /* a result at the caller */
	CTYPE_SERVANT, /* a result in the method */
	CTYPE_EACH     /* an array of parameters; of scalars and strings only */
};

enum ctype_shape ctype_shape(const struct ast_type *type);

/* PYR__x of the type, without the prefix: "INT32". */
const char *ctype_kind(const struct ast_type *type);

/* The member of union pyr__slot that carries it: "i32". */
const char *ctype_slot(const struct ast_type *type, bool optional);

/* The type of a value, ready for a name to follow: "int32_t ", "const char *", "struct X ". */
void ctype_value(struct buf *out, const struct ast_type *type);

/* A parameter or result: "const struct example_Point *" and the name. */
void ctype_parameter(struct buf *out, enum ctype_role role, const struct ast_type *type,
		     bool optional, const char *name);

/* A member, arrays with their dimensions: "int32_t x[2][3]". */
void ctype_member(struct buf *out, const struct ast_type *type, const char *name);

/* The argument of sizeof for a value in memory: "struct example_Point", "int32_t[2][3]". */
void ctype_sizeof(struct buf *out, const struct ast_type *type);

/* A sequence, map or array without a typedef of its own. */
bool ctype_is_anonymous(const struct ast_type *type);
bool ctype_is_collection(const struct ast_type *type);

/* A constant of the given type as a C expression. */
void ctype_constant(struct buf *out, const struct ast_type *type, const struct ast_value *value);
#endif
