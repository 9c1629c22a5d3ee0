/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DESCRIPTOR_OWN_H
#define PYRITE_DESCRIPTOR_OWN_H
/*
 * How descriptors are made: types are collected and named (descriptor_types.c), put into files
 * (descriptor.c), and written (descriptor_message.c, descriptor_known.c for those that are not made
 * of tables).
 */
#include "base/arena.h"
#include "face/grpc/descriptor.h"

enum { DESCRIPTOR_NONE = UINT32_MAX };

/* Where a field stands decides how it is sent. */
enum descriptor_place {
	IN_MESSAGE, /* of a struct, or of an operation */
	IN_UNION,   /* a member of one that is no oneof */
	IN_ONEOF,
	IN_ENTRY,  /* of a map */
	IN_WRAPPER /* what stands for a collection where there can be none */
};

struct descriptor_numbers {
	uint32_t *items;
	size_t n, cap;
};

/* A message or an enum. */
struct made_type {
	const struct pyr__type *table;
	const char *name;               /* full, as it is written */
	struct descriptor_numbers uses; /* places of those that its fields are of */
	bool has_any, has_reference;
	uint32_t order, low, file; /* order: 0: not seen yet; file: NONE: in none yet */
};

struct made_file {
	struct descriptor_file file;
	const char *package;
	struct buf body; /* messages, enums, services */
	struct descriptor_numbers needs;
};

struct made_symbol {
	const char *name;
	uint32_t file;
	bool is_message;
};

struct made_interface {
	const struct pyr__interface *table; /* NULL: only its operations were met */
	const char *name;
	uint32_t messages; /* the file with those of its own operations */
};

struct descriptors {
	struct arena memory;
	struct made_type *types;
	size_t n_types, cap_types;
	struct made_file *files;
	size_t n_files, cap_files;
	struct made_symbol *symbols;
	size_t n_symbols, cap_symbols;
	const char **services; /* sorted at the end */
	size_t n_services, cap_services;
	struct made_interface *interfaces; /* of services, and of what they inherit; sorted */
	size_t n_interfaces, cap_interfaces;
	const char **taken; /* names of packages' messages, enums, values, services */
	size_t n_taken, cap_taken;
	bool failed; /* memory is out */
};

/* ---- descriptor.c ---- */
const char *descriptor_text(struct descriptors *d, const char *format, ...) PYR_PRINTF(2, 3);
void descriptor_number_add(struct descriptors *d, struct descriptor_numbers *numbers,
			   uint32_t number);
void descriptor_symbol(struct descriptors *d, uint32_t file, bool is_message, const char *full);
/* How much of a full name is its package. */
size_t descriptor_package(const char *full);
/* Returns its place; NONE when memory is out. */
uint32_t descriptor_file_add(struct descriptors *d, const char *name, const char *package);
/* The file imports another; nothing happens if that is itself. */
void descriptor_need(struct descriptors *d, uint32_t file, uint32_t other);

/* ---- descriptor_types.c ---- */
/* How a field is sent. */
struct descriptor_sent {
	bool is_many, is_map;
	const struct pyr__field *value; /* one of it; of a map: the field itself */
	const struct pyr__type *type;   /* the message or enum that one is; NULL: a scalar, any,
					   reference or map */
};
struct descriptor_sent descriptor_sent(const struct pyr__field *field, enum descriptor_place place);
/* The fields of a type, in order. */
typedef void descriptor_see(void *data, const struct pyr__field *field,
			    enum descriptor_place place);
void descriptor_each_field(const struct pyr__type *type, descriptor_see *see, void *data);
bool descriptor_is_collection(unsigned kind);

/* Finds all types that operations reach, names them, and puts them into files. */
void descriptor_collect(struct descriptors *d);
void descriptor_name_types(struct descriptors *d);
void descriptor_place_types(struct descriptors *d);
/* The full name that nothing in d has yet: with as many suffixes as it needs. */
const char *descriptor_take(struct descriptors *d, const char *full, const char *suffix);
/* NULL: it was not collected, as memory was out. */
const struct made_type *descriptor_find_type(const struct descriptors *d,
					     const struct pyr__type *table);

/* ---- descriptor_message.c ---- */
void descriptor_put_type(struct descriptors *d, const struct made_type *type);
/* fields: stand in that order; full: the message's name. A void reply has number 1 reserved. */
void descriptor_put_slots(struct descriptors *d, uint32_t file, const char *full,
			  const struct pyr__field *const *fields, size_t n, bool is_void);

/* ---- descriptor_known.c ---- */
/* Files that are the same everywhere. Returns the place; they are added when they are first asked
 * for. */
uint32_t descriptor_any(struct descriptors *d);
uint32_t descriptor_reference(struct descriptors *d);
/* Adds the file of a service that gRPC itself defines. Returns false if it is none of these. */
bool descriptor_known_service(struct descriptors *d, const char *name);
#endif
