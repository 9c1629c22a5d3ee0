/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CODEGEN_IMPORT_SET_H
#define PYRITE_CODEGEN_IMPORT_SET_H
/* A FileDescriptorSet, as protoc writes it, read into lists. All of it lies in the arena. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "set.h"

/* FieldDescriptorProto's numbers */
enum { IMPORT_MESSAGE = 11, IMPORT_REPEATED = 3 };

#define IMPORT_GAP "_NUMBER_%zu" /* after an enum's name: a number that has none */

struct import_file;
struct import_type;

struct import_field {
	struct import_field *next;
	const char *name, *type_name; /* type_name: ".package.Type"; "": a scalar */
	struct import_type *of;       /* what type_name names, once it is wanted; NULL: an any */
	const char *doc;
	uint32_t number, label, type;
	int64_t oneof; /* its place in the message; minus 1: none */
	bool is_proto3_optional;
	bool is_back; /* its message would hold itself: import_order() */
};

struct import_name {
	struct import_name *next;
	const char *name, *doc;
	int64_t number; /* of an enumerator */
};

/* How import_order() goes through the types. */
struct import_place {
	enum { IMPORT_NEW, IMPORT_OPEN, IMPORT_PLACED } state;
	struct import_type *from;   /* which needs this one */
	struct import_field *field; /* to be looked at next */
	struct import_type *below;  /* on the stack of those whose circle is open */
	struct import_type *after;  /* which is placed next */
	uint32_t index, low, circle;
	bool is_stacked;
};

/* A message or an enum. */
struct import_type {
	struct import_type *next;
	struct import_file *file;
	const char *full;  /* ".package.Outer.Inner" */
	const char *idl;   /* "Outer_Inner" */
	const char *scope; /* "Outer_", before the names of an enum's values */
	const char *doc;
	bool is_enum, is_entry; /* is_entry: of a map */
	bool is_nested;
	struct import_field *fields, *last_field;
	struct import_name *values, *last_value; /* of an enum */
	struct import_name *oneofs, *last_oneof;
	struct import_name **by_number; /* of an enum that stays one: n_numbers, NULL for a gap */
	struct import_name **by_place;  /* the oneofs: n_oneofs */
	size_t n_numbers, n_oneofs;
	struct import_place place;
	bool is_forward; /* declared before it is written */
};

struct import_method {
	struct import_method *next;
	const char *name, *in, *out, *doc;
	struct import_type *in_type, *out_type; /* once they are wanted */
	bool is_in_stream, is_out_stream;
};

struct import_service {
	struct import_service *next;
	const char *name, *doc;
	struct import_method *methods, *last_method;
};

struct import_file {
	struct import_file *next;
	const char *name, *package;
	bool is_proto3, is_wanted;
	struct import_type *types, *last_type;
	struct import_service *services, *last_service;
	const struct import_file *includer; /* the last that has listed it */
};

struct import_set {
	struct arena *arena;
	struct import_file *files, *last_file;
	struct set by_full; /* the types */
	struct set by_idl;  /* what the names that IDL has, ".package.Outer_Inner", stand for */
	bool failed;        /* memory is out */
};

/* Returns false if that is no such set, or memory is out. */
bool import_set_read(struct import_set *set, const uint8_t *data, size_t n);
void import_set_free(struct import_set *set);
struct import_type *import_find(const struct import_set *set, const char *full);
#endif
