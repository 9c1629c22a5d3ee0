/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_IMPORT_SET_H
#define PYRITE_CODEGEN_IMPORT_SET_H
/* A FileDescriptorSet, as protoc writes it, read into lists. All of it lies in the arena. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* FieldDescriptorProto's numbers */
enum { IMPORT_ENUM = 14, IMPORT_MESSAGE = 11, IMPORT_REPEATED = 3 };

struct import_file;

struct import_field {
	struct import_field *next;
	const char *name, *type_name; /* type_name: ".package.Type"; "": a scalar */
	const char *doc;
	uint32_t number, label, type;
	int64_t oneof; /* its place in the message; minus 1: none */
	bool is_proto3_optional;
};

struct import_name {
	struct import_name *next;
	const char *name, *doc;
	int64_t number; /* of an enumerator */
};

/* A message or an enum. */
struct import_type {
	struct import_type *next;
	struct import_file *file;
	const char *full; /* ".package.Outer.Inner" */
	const char *idl;  /* "Outer_Inner" */
	const char *doc;
	bool is_enum, is_entry; /* is_entry: of a map */
	bool is_nested;
	struct import_field *fields;
	struct import_name *values; /* of an enum */
	struct import_name *oneofs;
	enum { IMPORT_NEW, IMPORT_OPEN, IMPORT_WRITTEN } state;
	bool is_forward; /* declared before it is written */
};

struct import_method {
	struct import_method *next;
	const char *name, *in, *out, *doc;
	bool is_in_stream, is_out_stream;
};

struct import_service {
	struct import_service *next;
	const char *name, *doc;
	struct import_method *methods;
};

struct import_file {
	struct import_file *next;
	const char *name, *package;
	bool is_proto3, is_wanted;
	struct import_type *types, **last_type;
	struct import_service *services;
};

struct import_set {
	struct arena *arena;
	struct import_file *files;
	bool failed; /* memory is out */
};

/* Returns false if that is no such set, or memory is out. */
bool import_set_read(struct import_set *set, const uint8_t *data, size_t n);
struct import_type *import_find(const struct import_set *set, const char *full);
#endif
