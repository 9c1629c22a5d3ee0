/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SCALAR_H
#define PYRITE_SCALAR_H
/* The types of the language that have names. */
#include "ast.h"

const char *scalar_name(const struct ast_type *type); /* "int32"; of scalars */
bool scalar_is_integer(const struct ast_type *type);

#endif
