/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SHAPE_H
#define PYRITE_SHAPE_H
/*
 * What two versions of an interface must agree on: names, numbers and types of what operations take
 * and give, without anything of C. pyrite-idl --breaking makes it of two IDL files, the two ends of
 * a link of their tables; one end sends it to the other (message Shape of link.proto). The rules
 * are in shape_compare.c alone, and told in docs/evolution.md.
 *
 * Lists are sorted, by number or by name, each once, so that what a peer sends is compared in one
 * go. No state; any thread. Of the C library alone: the generator compiles it in.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers of enum pyr__kind: they travel. */
enum shape_kind {
	SHAPE_BOOL = 1,
	SHAPE_CHAR,
	SHAPE_WCHAR,
	SHAPE_INT8,
	SHAPE_UINT8,
	SHAPE_INT16,
	SHAPE_UINT16,
	SHAPE_INT32,
	SHAPE_UINT32,
	SHAPE_INT64,
	SHAPE_UINT64,
	SHAPE_FLOAT,
	SHAPE_DOUBLE,
	SHAPE_ENUM,
	SHAPE_STRING,
	SHAPE_BYTES,
	SHAPE_STRUCT,
	SHAPE_UNION,
	SHAPE_SEQUENCE,
	SHAPE_ARRAY,
	SHAPE_MAP,
	SHAPE_INTERFACE,
	SHAPE_ANY,
	SHAPE_OBJECT
};
enum shape_flags { SHAPE_OPTIONAL = 1, SHAPE_DEFAULT = 2, SHAPE_WHOLE = 4 }; /* pyr__field_flags */
enum { SHAPE_STREAM_IN = 1, SHAPE_STREAM_OUT = 2, SHAPE_DEPTH = 64 };        /* ids of items */

struct shape_type;
struct shape_types {
	size_t n;
	struct shape_type *items;
};
struct shape_type {
	uint32_t kind;         /* enum shape_kind */
	uint32_t bound;        /* as of string<n> or a sequence, count of an array; 0 = none */
	const char *name;      /* of an enum, struct, union, interface; else "" */
	struct shape_types of; /* a collection's element, or key and value */
};

/* A parameter, result, item of a stream, or member. */
struct shape_field {
	uint32_t id, flags;
	const char *name;
	struct shape_type type;
	const char *value;  /* of a @default, as JSON; "": not told */
	const void *origin; /* for who made it; does not travel */
};
struct shape_fields {
	size_t n;
	struct shape_field *items;
};

/* An enumerator, or a label and the member it selects. */
struct shape_number {
	int64_t value;
	const char *name;
	const void *origin;
};
struct shape_numbers {
	size_t n;
	struct shape_number *items;
};

struct shape_decl { /* an enum, struct, exception or union */
	const char *name;
	uint32_t kind;
	bool is_oneof;
	const char *other;            /* member of other values of the discriminator; "" = none */
	struct shape_fields fields;   /* of a union the discriminator first, with id 0 */
	struct shape_numbers numbers; /* of an enum and a union */
	uint32_t status;              /* of an exception; 0: not told */
	const void *origin;
};
struct shape_decls {
	size_t n;
	struct shape_decl *items;
};

struct shape_names {
	size_t n;
	const char **items;
};
struct shape_operation {
	const char *name; /* "example.Server.add" */
	uint64_t fingerprint;
	bool is_oneway;
	struct shape_fields in, out, streams;
	struct shape_names raises;
	uint32_t flags, timeout_ms; /* pyr__operation's; 0: not told */
	const void *origin;
};
struct shape_operations {
	size_t n;
	struct shape_operation *items;
};

struct shape {
	struct shape_operations operations;
	struct shape_decls decls; /* that the operations reach */
};

/* Brings the lists into order; false: two have one name or number. For who makes a shape. */
bool shape_sort(struct shape *shape);
/* Whether all lists are in order: for what came from a peer. */
bool shape_is_sorted(const struct shape *shape);
const struct shape_operation *shape_operation(const struct shape *shape, const char *name);
const struct shape_decl *shape_decl(const struct shape *shape, const char *name);

/* Writes a type in the words of the IDL, cut to n bytes: "map<string, example.Point>". */
void shape_type_text(const struct shape_type *type, char *buf, size_t n);

struct shape_difference {
	bool breaks;           /* else both ends go on as they are */
	const void *origin;    /* of the second one's part; NULL if it has none */
	const void *container; /* of what it would stand in there; NULL: the operation */
	char text[400];
};
typedef void (*shape_tell)(const struct shape_difference *difference, void *data);

/* Of one comparison after another of the same two shapes. */
struct shape_compare {
	const struct shape *a, *b;
	bool is_history; /* in the words of "was" and "is", else of "here" and "there" */
	bool tells_once; /* what several operations reach */
	/* Tells the first difference of an operation that breaks, and no other. So what an end sent
	 * that this one does not know is stepped over, however much it is. */
	bool only_breaks;
	shape_tell tell;
	void *data;
	/* its own: */
	uint32_t *marks, mark; /* by place in a->decls */
	struct shape_pair *queue;
	size_t n_queue;
	const void *container;
	bool has_broken; /* the operation at hand: nothing more is told of it */
};

/* Returns false when memory is out. */
bool shape_compare_begin(struct shape_compare *compare);
/* Tells all differences of an operation that both have. */
void shape_compare_operation(struct shape_compare *compare, const struct shape_operation *a,
			     const struct shape_operation *b);
void shape_compare_end(struct shape_compare *compare);
#endif
