/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_IDL_OWN_H
#define PYRITE_VALUE_IDL_OWN_H
/* What idl_print.c (declarations, their order) and idl_words.c (names, types, values) share. */
#include <pyrite/gen.h>

#include "base/buf.h"
#include "value/types.h"

/* An array that cannot be declared where it is used. */
struct idl_array {
	struct idl_array *next;
	const struct pyr__type *type;
	unsigned number; /* of its name */
};

struct idl {
	struct buf *out;
	const struct pyr__interface *interface;
	struct types types;
	uint8_t *states;    /* of types, by place: enum idl_state */
	const char **names; /* of operations, members and enumerators, sorted */
	size_t n_names, room_names;
	struct idl_array *arrays;
	unsigned n_arrays;
	const char *module; /* open; not terminated */
	size_t n_module;
	unsigned depth;    /* modules that are open, and declarations */
	unsigned n_nested; /* types that are being printed */
};

/* As printf, at the beginning of a line or in it. */
void idl_put(struct idl *idl, const char *format, ...) PYR_PRINTF(2, 3);
void idl_indent(struct idl *idl);

/* The part behind the last dot, and how long the part before it is. */
const char *idl_short(const char *full, size_t *n_module);
/* A name as IDL has it: with '_' if it is a keyword. */
void idl_put_name(struct idl *idl, const char *name);
/* What a type's name may be taken for. */
void idl_add_name(struct idl *idl, const char *name);
void idl_sort_names(struct idl *idl);
/* "Point" in its own module, if nothing else there has that name, else "::example::Point". */
void idl_put_full(struct idl *idl, const char *full);
/* One that is no array, or has a typedef. */
void idl_put_type(struct idl *idl, const struct pyr__field *field);
/* "int32 sizes[3]" */
void idl_put_declarator(struct idl *idl, const struct pyr__field *field);
/* A value of a scalar type, a label. */
void idl_put_value(struct idl *idl, const struct pyr__field *field, const void *value);
void idl_put_label(struct idl *idl, const struct pyr__field *discriminator, int64_t label);
/* @id, unless the number is the next; @optional, @default. */
void idl_put_id(struct idl *idl, uint32_t id, uint32_t *next);
void idl_put_flags(struct idl *idl, const struct pyr__field *field);
/* A doc comment, above what follows; NULL: nothing. */
void idl_put_doc(struct idl *idl, const char *doc);
/* idl_operation.c */
void idl_put_operation(struct idl *idl, const struct pyr__operation *op);
/* The typedef of an array that stands in no declarator; NULL: there is none yet. */
struct idl_array *idl_find_array(const struct idl *idl, const struct pyr__type *type);
#endif
