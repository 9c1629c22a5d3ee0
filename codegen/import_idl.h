/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_IMPORT_IDL_H
#define PYRITE_CODEGEN_IMPORT_IDL_H
/* The text of an IDL file for one of a descriptor set's files. */
#include "buf.h"
#include "import_set.h"

/* The file is wanted: import_want(). Its types are brought into order. */
void import_write(struct import_file *file, struct buf *out);
/* "health.idl" of "grpc/health/v1/health.proto". */
void import_file_name(const struct import_file *file, struct buf *out);
#endif
