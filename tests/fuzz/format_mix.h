/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUZZ_FORMAT_MIX_H
#define PYRITE_FUZZ_FORMAT_MIX_H
/* Layout at random: the tokens of a file with other white space, comments and directives between
 * them. */
#include <stdint.h>

#include "buf.h"

#include "../idl/ast.h"

/* The unit has pieces. The same state makes the same text. */
void format_mix(struct buf *out, const struct idl_unit *unit, uint64_t *state);
#endif
