/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_IMPORT_ORDER_H
#define PYRITE_CODEGEN_IMPORT_ORDER_H
/*
 * The order in which IDL can define a file's types: those that a struct holds come before it. A
 * list or map of structs needs only their declaration. A struct cannot hold itself.
 */
#include "import_set.h"

/*
 * Brings file->types into that order, without the entries of maps. Sets is_forward of types that
 * must be declared before, and is_back of fields whose message would hold itself; a list holds
 * their values. The file is wanted: its types are found. Takes time in proportion to fields, and no
 * stack.
 */
void import_order(struct import_file *file);
#endif
