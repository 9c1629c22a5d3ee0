/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_OWN_H
#define PYRITE_VALUE_OWN_H
/* What the files of this module share. A field "is wrapped" where the wire has a message with the
 * one field `items` around a collection: inside another, where it is @optional, and in a @oneof
 * union. */
#include "value/types.h"
#include "value/value.h"
#include "wire/codec_kinds.h"

/* owner: the type that has the field; NULL: it is a parameter or result. */
static inline bool value_is_wrapped(const struct pyr__type *owner, const struct pyr__field *field)
{
	return types_is_collection(field->kind) &&
	       ((field->flags & PYR__OPTIONAL) ||
		(owner && (owner->oneof || types_is_collection(owner->kind))));
}

/* ---- reading: all return 0, or minus a status with the problem told ---- */

int value_fail(struct value_reading *reading, const struct codec_path *path, const char *format,
	       ...) PYR_PRINTF(3, 4);
/* What was wanted is not what comes. wanted: "a string". */
int value_wrong(struct value_reading *reading, const struct codec_path *path, const char *wanted);
int value_memory(struct value_reading *reading);
/* ret: zeroed. */
int value_read(struct value_reading *reading, const struct pyr__field *field, bool is_wrapped,
	       const struct codec_path *path, void *ret);
int value_read_scalar(struct value_reading *reading, const struct pyr__field *field,
		      const struct codec_path *path, void *ret);
/* key: of a map. */
int value_read_key(struct value_reading *reading, const struct pyr__field *field,
		   const struct source_key *key, const struct codec_path *path, void *ret);
int value_read_any(struct value_reading *reading, const struct codec_path *path, void *ret);
/* The members of a struct or union; skips: the name of one that is something else, or NULL. */
int value_read_members(struct value_reading *reading, const struct pyr__type *type,
		       const char *skips, const struct codec_path *path, void *ret);
/* A slot, or what stands for one that is not there; whether null stands for nothing. */
int value_read_one(struct value_reading *reading, const struct pyr__field *field,
		   union pyr__slot *ret);
int value_absent(struct value_reading *reading, const struct pyr__field *field,
		 union pyr__slot *ret);
bool value_is_absent(struct value_reading *reading, const struct pyr__field *field);
/* Values of any inside each other that are shown: what is deeper are bytes. One more is taken. */
enum { VALUE_ANYS = 8 };

/* What is recursive, on the thread's own stack, in the locale of C. */
void value_on_stack(void (*fn)(void *work), void *work);
/* The same, with an index of the types that an any may have. */
void value_read_on_stack(struct value_reading *reading, void (*fn)(void *work), void *work);
/* A terminated copy. */
const char *value_keep(struct value_reading *reading, struct span text);
/* What stands for a field that is absent. ret: zeroed. */
void value_zero(const struct pyr__field *field, void *ret);
/* The field with that name, as the IDL or as protobuf's JSON has it; -1: none. */
int value_find_field(const struct pyr__field *fields, unsigned from, unsigned n, struct span name);

/* ---- writing ---- */

struct value_writing {
	struct sink *sink;
	const struct pyr__interface *interface;
	const struct value_objects *objects;
	unsigned n_anys; /* around this one */
	struct types_index *index;
};

void value_write(const struct value_writing *writing, const struct pyr__field *field,
		 bool is_wrapped, const void *value);
void value_write_scalar(struct sink *sink, const struct pyr__field *field, const void *value);
void value_write_any(const struct value_writing *writing, const pyr_any *any);
/* Of an object that is open. */
void value_write_members(const struct value_writing *writing, const struct pyr__type *type,
			 const void *value);
#endif
