/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_VALUE_H
#define PYRITE_VALUE_VALUE_H
/*
 * Values from sources and into sinks, by the tables of <pyrite/gen.h>: as JSON protobuf's mapping
 * with the names of the IDL (docs/values.md). A value is what it is for stubs, C laid out as a
 * table says; it is read straight into that. The codec, which packs it, has the last word on what
 * may be sent.
 */
#include <pyrite/gen.h>

#include "base/arena.h"
#include "base/buf.h"
#include "value/json_read.h"
#include "value/json_write.h"
#include "wire/codec.h"

struct types_index;

/* What references are is told by who has proxies. */
struct value_objects {
	/* A new value for this URI. type: NULL: an Object. Returns NULL with text told. */
	void *(*open)(void *data, const struct pyr__type *type, const char *uri, char *text,
		      size_t n);
	/* Borrowed from the value. */
	const char *(*uri)(const void *value);
	void *data;
};

/* What is read. What is made lies in the arena, whose bound is the value's. */
struct value_reading {
	struct source *source;
	struct arena *arena;
	const char *role;                       /* "parameter": of what has no name but its own */
	const struct pyr__interface *interface; /* whose types an any may have; NULL: none */
	const struct value_objects *objects;    /* NULL: references are refused */
	struct codec_problem *problem;
	unsigned n_anys;           /* inside each other, that are being read */
	struct types_index *index; /* of the interface; only while it is read */
};

/*
 * Slots from an object with their names, or an array in their order; an empty text is an empty
 * object. What is missing is an error, unless it is @optional or has a @default. Returns 0 or minus
 * a status with *problem told: "items[3].name: expected a string, got 7".
 */
int value_read_slots(struct value_reading *reading, const struct pyr__field *fields, unsigned n,
		     union pyr__slot *ret);
/* One slot from the text as a whole. */
int value_read_slot(struct value_reading *reading, const struct pyr__field *field,
		    union pyr__slot *ret);
/* A value of that field's type, as a struct would hold it. */
int value_read_natural(struct value_reading *reading, const struct pyr__field *field, void *ret);

/* As people type a value: strings, numbers and names of enumerators without quotes, all else as
 * JSON. Writes JSON, which is not checked. */
void value_text_to_json(const struct pyr__field *field, const char *text, struct buf *out);

/*
 * The same from arguments as Python passes them: an array of those in order, then an object of
 * those by name; NULL: there are none. name: of the operation, for messages: "add() got an
 * unexpected argument 'z'". reading->source is not looked at.
 */
int value_read_call(struct value_reading *reading, const char *name, struct source *positional,
		    struct source *named, const struct pyr__field *fields, unsigned n,
		    union pyr__slot *ret);

/* Where and how values are written. */
struct value_writer {
	struct sink *sink;
	const struct pyr__interface *interface; /* as in value_reading */
	const struct value_objects *objects;    /* NULL: references are null */
};

/* Slots as results are: an object with their names; one alone that is called "ret" is a value by
 * itself, none is null. */
void value_write_slots(const struct value_writer *writer, const struct pyr__field *fields,
		       unsigned n, const union pyr__slot *slots);
void value_write_slot(const struct value_writer *writer, const struct pyr__field *field,
		      const union pyr__slot *slot);
/* One that a struct would hold; a struct, union or exception as a whole. */
void value_write_natural(const struct value_writer *writer, const struct pyr__field *field,
			 const void *value);
/* An object of its members; is_named: with its name as "@type". */
void value_write_exception(const struct value_writer *writer, const struct pyr__type *type,
			   bool is_named, const void *value);

/*
 * Of what has no type. A string whose field has this flag is JSON of any value; no table has it
 * that was generated or told. As the one parameter of an operation it holds a list with those in
 * order, and an object with those by name: [[1, 2], {"z": 3}].
 */
enum { VALUE_ANY_JSON = 0x80 };
static inline bool value_is_json(const struct pyr__field *field, unsigned n)
{
	return n == 1 && field->kind == PYR__STRING && (field->flags & VALUE_ANY_JSON);
}
/* One value of any kind; inside: of the array or object that comes, what is in it. Returns false
 * with the source's `wrong`. */
bool value_copy(struct source *from, struct arena *arena, struct sink *to);
bool value_copy_inside(struct source *from, struct arena *arena, struct sink *to);

/* In the slot of a parameter or result: the value itself, not a pointer to it. */
bool value_is_bare(const struct pyr__field *field);
#endif
