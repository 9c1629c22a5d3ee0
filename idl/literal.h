/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LITERAL_H
#define PYRITE_LITERAL_H
/* Literals to values. Return false after reporting what is wrong. */
#include "token.h"

struct front;

bool literal_integer(struct front *front, const struct token *token, struct ast_value *ret);
bool literal_float(struct front *front, const struct token *token, struct ast_value *ret);
bool literal_char(struct front *front, const struct token *token, struct ast_value *ret);
bool literal_string(struct front *front, const struct token *token, struct ast_value *ret);

#endif
