/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_SHAPES_H
#define PYRITE_TEST_SHAPES_H
/*
 * Types of every kind, in C as generated code has them, with their tables (shapes.c) and a value of
 * each. shapes.proto holds the same messages for protoc.
 */
#include <pyrite/gen.h>

enum { MAX_MESSAGE = 64 << 20 }; /* as both ends have it by default */

enum shapes_Color { shapes_RED, shapes_GREEN, shapes_BLUE = 7 };

struct shapes_Point {
	int32_t x;
	int32_t y;
};

struct int32_seq {
	size_t n;
	int32_t *items;
};
struct int8_seq {
	size_t n;
	int8_t *items;
};
struct bool_seq {
	size_t n;
	bool *items;
};
struct double_seq {
	size_t n;
	double *items;
};
struct string_seq {
	size_t n;
	const char **items;
};
struct bytes_seq {
	size_t n;
	struct pyr_bytes *items;
};
struct Color_seq {
	size_t n;
	enum shapes_Color *items;
};
struct Point_seq {
	size_t n;
	struct shapes_Point *items;
};
struct Grid {
	size_t n;
	struct int32_seq *items;
};

struct Scores_entry {
	const char *key;
	int32_t value;
};
struct Scores {
	size_t n;
	struct Scores_entry *items;
};
struct Places_entry {
	int32_t key;
	struct shapes_Point value;
};
struct Places {
	size_t n;
	struct Places_entry *items;
};
struct Lists_entry {
	uint64_t key;
	struct int32_seq value;
};
struct Lists {
	size_t n;
	struct Lists_entry *items;
};

struct shapes_Shape { /* union switch (int16) { case 1: Point; case 2: case 3: string; case 4:
			 sequence; default: double } */
	int16_t _d;
	union {
		struct shapes_Point point;
		const char *name;
		struct int32_seq numbers;
		double ratio;
	} _u;
};

struct shapes_Choice { /* @oneof union switch (int32), 0 = none */
	int32_t _d;
	union {
		int32_t number;
		const char *text;
		struct shapes_Point point;
		struct pyr_bytes blob;
		struct int32_seq list;
	} _u;
};

struct shapes_Node;
struct Node_seq {
	size_t n;
	struct shapes_Node *items;
};
struct shapes_Node {
	int32_t value;
	struct Node_seq children;
};

struct Shape_seq {
	size_t n;
	struct shapes_Shape *items;
};
struct Choice_seq {
	size_t n;
	struct shapes_Choice *items;
};

struct shapes_Scalars {
	bool b;
	char c;
	uint32_t w;
	int8_t i8;
	uint8_t u8;
	int16_t i16;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	float f;
	double d;
};

struct shapes_All {
	struct shapes_Scalars scalars;
	const char *text;      /* string<10> */
	struct pyr_bytes blob; /* sequence<octet, 8> */
	struct shapes_Point point;
	struct int32_seq numbers; /* sequence<int32, 5> */
	struct string_seq names;
	struct Point_seq points;
	struct Color_seq colors;
	struct int8_seq small;
	struct bytes_seq blobs;
	struct Grid grid;
	struct Scores scores; /* map<string, int32, 3> */
	struct Places places;
	struct Lists lists;
	int32_t matrix[2][3];
	bool has_maybe;
	int32_t maybe;
	bool has_maybe_text;
	const char *maybe_text;
	bool has_maybe_point;
	struct shapes_Point maybe_point;
	bool has_maybe_numbers;
	struct int32_seq maybe_numbers;
	bool has_maybe_blob;
	struct pyr_bytes maybe_blob;
	int32_t count;     /* @default(42) */
	const char *title; /* @default("untitled") */
	struct shapes_Shape shape;
	struct shapes_Choice choice;
	struct Shape_seq shapes;
	struct Choice_seq choices;
	struct shapes_Node tree;
	enum shapes_Color color;
	struct bool_seq flags;
	struct double_seq ratios;
};

/* Indexes of All's fields. */
enum shapes_field {
	F_SCALARS,
	F_TEXT,
	F_BLOB,
	F_POINT,
	F_NUMBERS,
	F_NAMES,
	F_POINTS,
	F_COLORS,
	F_SMALL,
	F_BLOBS,
	F_GRID,
	F_SCORES,
	F_PLACES,
	F_LISTS,
	F_MATRIX,
	F_MAYBE,
	F_MAYBE_TEXT,
	F_MAYBE_POINT,
	F_MAYBE_NUMBERS,
	F_MAYBE_BLOB,
	F_COUNT,
	F_TITLE,
	F_SHAPE,
	F_CHOICE,
	F_SHAPES,
	F_CHOICES,
	F_TREE,
	F_COLOR,
	F_FLAGS,
	F_RATIOS,
	SHAPES_ALL
};

extern const struct pyr__type shapes_Point_type, shapes_Scalars_type, shapes_Shape_type,
	shapes_Choice_type, shapes_Node_type, shapes_All_type, shapes_Refs_type;

/* echo takes All's fields as parameters and returns them as results; refs has references. */
extern const struct pyr__interface shapes_interface;
enum { SHAPES_ECHO, SHAPES_REFS, SHAPES_GREET };

struct shapes_Refs {
	void *one;
	struct {
		size_t n;
		void **items;
	} many;
	pyr_any *any;
};

/* A value with something everywhere; constant, so that a codec that writes to it crashes. */
extern const struct shapes_All shapes_sample;

/* The slots of echo for a value. */
void shapes_slots(const struct shapes_All *value, union pyr__slot *ret);
#endif
