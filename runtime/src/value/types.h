/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_TYPES_H
#define PYRITE_VALUE_TYPES_H
/* The types that the operations of an interface reach, each once, as they are met. */
#include <pyrite/gen.h>

#include "base/buf.h"

struct types {
	const struct pyr__type **items; /* free() */
	size_t n, room;
	bool is_broken; /* memory is out */
};

void types_of_interface(const struct pyr__interface *interface, struct types *ret);

/* The one of that name, NULL if there is none: not of an interface. */
const struct pyr__type *types_find(const struct pyr__interface *interface, struct span name);

/* The same for many names: all types are looked at once, when the first name is asked for. */
struct types_index {
	struct types_named *items; /* sorted; NULL: not made yet, or none */
	size_t n;
	bool is_made, is_broken; /* broken: memory is out, and each name costs as before */
};
/* Of zeros. */
const struct pyr__type *types_index_find(struct types_index *index,
					 const struct pyr__interface *interface, struct span name);
void types_index_fini(struct types_index *index);

/* How many fields an operation has, streams' items among them; a type. */
unsigned types_operation_fields(const struct pyr__operation *operation);
unsigned types_fields(const struct pyr__type *type);

/* Whether its request and reply are the messages of structs, as @message says. */
static inline bool types_is_message(const struct pyr__operation *operation)
{
	return types_operation_fields(operation) > 0 && (operation->fields[0].flags & PYR__WHOLE);
}

static inline bool types_is_collection(uint8_t kind)
{
	return kind == PYR__SEQUENCE || kind == PYR__ARRAY || kind == PYR__MAP;
}
#endif
