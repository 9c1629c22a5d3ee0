/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUE_DESCRIPTION_OWN_H
#define PYRITE_VALUE_DESCRIPTION_OWN_H
/* What the makers of tables share: description.c (operations, all of it), description_types.c
 * (types and fields), description_check.c (names and numbers). Functions return false with the
 * reason told. */
#include "value/layout.h"
#include "wire/shape.h"

enum {
	DESCRIPTION_TYPES = 4096, /* named types, and operations */
	DESCRIPTION_FIELDS = 4096,
	DESCRIPTION_NAME = 255
};

struct description;

/* A default whose value is still JSON. */
struct waiting {
	struct waiting *next;
	struct pyr__field *field;
	const char *json;
};

struct maker {
	struct arena *arena;
	struct layout layout;
	const struct shape *shape;
	struct layout_type *types; /* of shape->decls, in their order */
	uint32_t *by_name;         /* places in types */
	struct waiting *waiting;
	const struct description *told;
	char *text; /* what is wrong */
	size_t n_text;
};

bool description_fail(struct maker *maker, const char *format, ...) PYR_PRINTF(2, 3);
bool description_no_memory(struct maker *maker);

/* An identifier; is_full: some with dots between. */
bool description_name(struct maker *maker, const char *name, bool is_full);
/* Each stands once. They are sorted. */
bool description_once(struct maker *maker, const char **names, size_t n, const char *of);
bool description_numbers(struct maker *maker, int64_t *numbers, size_t n, const char *of);
/* A copy; NULL when memory is out. */
const char *description_keep(struct maker *maker, const char *text);

/* All types get a place, and can be found; then their contents. */
bool description_open_types(struct maker *maker);
bool description_put_types(struct maker *maker);
/* NULL: there is none. */
struct layout_type *description_type(const struct maker *maker, const char *name);
bool description_field(struct maker *maker, const struct shape_field *told, struct pyr__field *ret);
/* Their names and numbers are different ones; of a union the first has none. */
bool description_fields(struct maker *maker, const struct shape_fields *told, bool is_union,
			const char *of, struct pyr__field *ret);
#endif
