/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RESOLVE_H
#define PYRITE_RESOLVE_H
/* Types: from what was written to what is meant. */
#include "front.h"
#include "raw.h"

enum resolve_place { PLACE_DATA, PLACE_PARAM /* stream<T> may stand here */ };
bool resolve_type(struct front *front, struct raw_type *raw, enum resolve_place place);
/* The type is held by value: it must be complete. */
bool resolve_complete(struct front *front, const struct ast_type *type);
uint64_t resolve_size(const struct ast_type *type);

#endif
