/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CONSTANT_H
#define PYRITE_CONSTANT_H
/* Constant expressions. */
#include "front.h"
#include "raw.h"

/* The value of an expression as a type; false after reporting. */
bool constant_evaluate(struct front *front, struct expr *expr, const struct ast_type *type,
		       struct ast_value *ret);
/* A count between 1 and most. */
bool constant_count(struct front *front, struct expr *expr, uint32_t most, const char *what,
		    uint32_t *ret);

#endif
