/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_DEPFILE_H
#define PYRITE_CODEGEN_DEPFILE_H
/*
 * Dependencies in make's syntax, as compilers write them with -MD -MP.
 */
#include "buf.h"

#include "../idl/ast.h"

/* targets depend on every file that was read; each of these has an empty rule too, so that make
 * goes on when one is deleted. */
void depfile_rule(struct buf *out, const struct items *targets, const struct idl_unit *unit);
#endif
