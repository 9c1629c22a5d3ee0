/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PP_EXPR_H
#define PYRITE_PP_EXPR_H
/* Conditions of the preprocessor. */
#include "front.h"
#include "token.h"

/* The value of an #if line, macros expanded and defined() answered. */
bool pp_evaluate(struct front *front, const struct token *tokens, size_t n,
		 const struct ast_loc *loc);

#endif
