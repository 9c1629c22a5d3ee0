/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_IMPORT_IDL_H
#define PYRITE_CODEGEN_IMPORT_IDL_H
/* The text of an IDL file for one of a descriptor set's files. */
#include "buf.h"
#include "import_set.h"

/* Marks the file, and all whose types it reaches, as wanted. Returns false after saying what IDL
 * cannot say of them. */
bool import_want(struct import_set *set, struct import_file *file);
void import_write(struct import_set *set, struct import_file *file, struct buf *out);
/* "health.idl" of "grpc/health/v1/health.proto". */
void import_file_name(const struct import_file *file, struct buf *out);
#endif
