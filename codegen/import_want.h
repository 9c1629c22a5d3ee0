/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_IMPORT_WANT_H
#define PYRITE_CODEGEN_IMPORT_WANT_H
/* What of a descriptor set is needed, and whether IDL can say it. */
#include "import_set.h"

/* Marks the file, and all whose types it reaches, as wanted, and finds the types that their fields
 * and methods name. Returns false after saying what IDL cannot say of them. */
bool import_want(struct import_set *set, struct import_file *file);
/* What IDL calls the scalar type of a field. */
const char *import_scalar(const struct import_field *field);
#endif
