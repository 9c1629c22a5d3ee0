/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_IDL_PRINT_H
#define PYRITE_VALUE_IDL_PRINT_H
/*
 * An interface's tables as IDL that pyrite-idl reads back to the same fingerprints. Tables know
 * less than a file: of doc comments those of the interface and its operations; bases are printed
 * with their own operations and without bases of theirs, attributes as operations, types that were
 * declared in an interface beside it, arrays of several dimensions with their product; arrays that
 * need a typedef get one.
 */
#include <pyrite/gen.h>

#include "base/buf.h"

/* Breaks out when memory is out. */
void idl_print(const struct pyr__interface *interface, struct buf *out);
#endif
