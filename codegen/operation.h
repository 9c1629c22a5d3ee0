/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_OPERATION_H
#define PYRITE_CODEGEN_OPERATION_H
/*
 * The values of an operation in the order of its slots: in-parameters, then results (the return
 * value first), and the parameter lists of the functions made from it.
 */
#include "c_type.h"

struct operation_value {
	const struct ast_type *type;
	bool optional;
	const struct ast_decl *param; /* NULL: the return value */
	const char *prefix, *name;    /* C name: "ret_" "x" */
	const char *wire_name;
	uint32_t id;
};

struct operation {
	const struct ast_decl *decl;
	struct operation_value *ins, *outs;
	size_t n_ins, n_outs;
	struct operation_value in_stream, out_stream; /* their items; type NULL: none */
	bool has_streams;
};

/* Returns false if memory is out; operation_clear() is safe all the same. */
bool operation_init(struct operation *operation, const struct ast_decl *decl);
void operation_clear(struct operation *operation);

/* The functions of an operation. */
enum operation_form {
	FORM_METHOD,    /* servant: call, ins, outs */
	FORM_PLAIN,     /* self, ins, outs */
	FORM_START,     /* self, ins */
	FORM_ASYNC,     /* self, ins, callback, data */
	FORM_GET,       /* future, outs */
	FORM_MAP,       /* self, count, ins and outs as arrays, options */
	FORM_REPLY,     /* deferred, outs by value */
	FORM_NEXT,      /* stream, an item of the result's */
	FORM_YIELD,     /* stream, such an item by value */
	FORM_WRITE,     /* stream, an item of the parameter's by value */
	FORM_READ,      /* stream, such an item as a servant gets it */
	FORM_FINISH,    /* stream, outs */
	FORM_TRY_YIELD, /* as FORM_YIELD */
	FORM_TRY_WRITE, /* as FORM_WRITE */
	OPERATION_FORMS
};

/* Whether the operation has it. */
bool operation_has(const struct operation *operation, enum operation_form form);

/* Whether the header defines it. Not where it is deprecated: gcc warns of a deprecated function
 * that another calls, even if that is one, too. */
bool operation_is_inline(const struct operation *operation, enum operation_form form);

/* interface: whose functions they are (a derived one has its own of inherited operations). */
void operation_parameters(struct items *list, const struct operation *operation,
			  const struct ast_decl *interface, enum operation_form form);

/* The names of FORM_ASYNC's last two parameters: no other has them. */
void operation_callback(struct items *list, const struct operation *operation, bool with_types);

/* Writes "int example_Server_add(...)" and tail, for any form but FORM_METHOD. */
void operation_function(struct buf *out, const struct operation *operation,
			const struct ast_decl *interface, enum operation_form form,
			const char *tail);
#endif
