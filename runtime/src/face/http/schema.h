/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FACE_HTTP_SCHEMA_H
#define PYRITE_FACE_HTTP_SCHEMA_H
/*
 * Types as JSON Schema (2020-12), of the JSON that docs/values.md has: what is written, and what is
 * read of it. Structs, unions and enums are told once each, by name; what uses them refers to that.
 */
#include <pyrite/gen.h>

#include "base/buf.h"

struct schema {
	struct buf *out;    /* breaks when memory is out */
	const char *prefix; /* where named types are: "#/components/schemas/" */
};

/* A value of the field's type. */
void schema_field(const struct schema *schema, const struct pyr__field *field);
/* An object of the operation's parameters; of one that is a stream a list. */
void schema_parameters(const struct schema *schema, const struct pyr__operation *op);
/* What it returns, of a stream one item. */
void schema_result(const struct schema *schema, const struct pyr__operation *op);
/* Whether it has a name that others refer to. */
bool schema_is_named(const struct pyr__type *type);
/* What that name stands for. */
void schema_type(const struct schema *schema, const struct pyr__type *type);
#endif
