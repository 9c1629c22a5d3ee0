/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_IMPORT_H
#define PYRITE_CODEGEN_IMPORT_H
/*
 * IDL of a .proto, so that programs in C call a gRPC service that exists already, or serve it: each
 * message becomes a struct, each method an operation with @message. protoc reads the file.
 */
#include <stdbool.h>
#include <stddef.h>

#include "output.h"

/* The files of one .proto and of those that it needs, "health.idl". Returns false after saying what
 * is wrong. */
bool import_proto(const char *file, const char *const *include_dirs, size_t n_include_dirs,
		  const char *dir, struct outputs *outputs);
#endif
