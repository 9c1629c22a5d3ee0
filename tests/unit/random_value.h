/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_RANDOM_VALUE_H
#define PYRITE_TEST_RANDOM_VALUE_H
/* C values of any table, by a seed: what a program could pass. They lie in an arena. */
#include "base/arena.h"
#include "wire/codec.h"
#include "wire/codec_kinds.h"

#include "test.h"

#include <math.h>

struct random_value {
	uint64_t state;
	struct arena *arena;
	int depth; /* lists are empty below 0 */
};

static inline uint64_t random_next(struct random_value *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state;
}

static inline void random_fill(struct random_value *r, const struct pyr__field *field, void *ret);

static inline void random_fields(struct random_value *r, const struct pyr__type *type, void *ret)
{
	const struct pyr__field *field;
	uint32_t i;

	for (i = 0; i < type->n_fields; i++) {
		field = &type->fields[i];
		if (field->flags & PYR__OPTIONAL) {
			if (r->depth < 0 || random_next(r) % 2)
				continue;
			*((bool *)ret + field->has_offset) = true;
		}
		random_fill(r, field, (char *)ret + field->offset);
	}
}

static inline void random_union(struct random_value *r, const struct pyr__type *type, void *ret)
{
	const struct pyr__field *field;
	unsigned member = (unsigned)(random_next(r) % type->n_fields);
	int64_t label = codec_union_label(type, member);

	codec_integer_set(type->fields[0].kind, label, (char *)ret + type->fields[0].offset);
	member = codec_union_member(type, label);
	field = &type->fields[member];
	if (member > 0)
		random_fill(r, field, (char *)ret + field->offset);
}

static inline const char *random_text(struct random_value *r, uint32_t bound)
{
	static const char *const texts[] = { "",      "a",      "one",        "\"",
					     "\\n\n", "\u20ac", "\u00fc\x01", "\U0001F600" };
	const char *text = texts[random_next(r) % 8];

	return bound > 0 && strlen(text) > bound ? "" : text;
}

static inline void random_list(struct random_value *r, const struct pyr__type *type, void *ret)
{
	size_t n = r->depth < 0 ? 0 : random_next(r) % 4, i, step;
	struct {
		size_t n;
		char *items;
	} list;

	if (type->kind == PYR__ARRAY)
		n = type->bound;
	else if (type->bound > 0 && n > type->bound)
		n = type->bound;
	step = type->kind == PYR__MAP ? type->entry_size : codec_natural_size(&type->fields[0]);
	list.n = n;
	list.items = type->kind == PYR__ARRAY ? ret : arena_alloc(r->arena, n * step);
	REQUIRE(list.items != NULL);
	for (i = 0; i < n; i++) {
		random_fill(r, &type->fields[0], list.items + i * step + type->fields[0].offset);
		if (type->kind == PYR__MAP)
			random_fill(r, &type->fields[1],
				    list.items + i * step + type->fields[1].offset);
	}
	if (type->kind != PYR__ARRAY)
		memcpy(ret, &list, sizeof(list));
}

static inline void random_real(struct random_value *r, uint8_t kind, void *ret)
{
	static const double doubles[] = { 0, -0.0, 1, -2.5, 0.1, 1e300, 5e-324, 123456789.125 };
	double value = doubles[random_next(r) % 8];
	uint64_t bits = random_next(r);

	if (bits % 5 == 0)
		value = bits % 2 ? (double)NAN : bits % 3 ? (double)INFINITY : -(double)INFINITY;
	else if (bits % 5 > 2)
		memcpy(&value, &bits, sizeof(value));
	if (isnan(value))
		value = (double)NAN;
	if (kind == PYR__DOUBLE)
		memcpy(ret, &value, sizeof(value));
	else
		*(float *)ret = (float)value;
}

static inline void random_scalar(struct random_value *r, const struct pyr__field *field, void *ret)
{
	uint64_t bits = random_next(r);
	const char *text;

	if (bits % 7 == 0)
		bits = bits % 2 ? UINT64_MAX : (uint64_t)INT64_MIN;
	else if (bits % 7 < 3)
		bits &= 255;
	if (field->kind == PYR__STRING) {
		text = random_text(r, field->bound);
		memcpy(ret, &text, sizeof(text));
	} else if (field->kind == PYR__WCHAR) {
		codec_integer_set(PYR__WCHAR, (int64_t)(bits % 0xd800), ret);
	} else if (field->kind == PYR__ENUM) {
		codec_integer_set(PYR__ENUM, (int64_t)(bits % 5), ret);
	} else if (field->kind == PYR__FLOAT || field->kind == PYR__DOUBLE) {
		random_real(r, field->kind, ret);
	} else {
		codec_integer_set(field->kind,
				  (int64_t)(field->kind == PYR__BOOL ? bits & 1 : bits), ret);
	}
}

static inline void random_bytes_value(struct random_value *r, uint32_t bound, void *ret)
{
	struct pyr_bytes bytes = { .n = random_next(r) % 7 };
	size_t i;

	if (bound > 0 && bytes.n > bound)
		bytes.n = bound;
	bytes.items = arena_alloc(r->arena, bytes.n);
	for (i = 0; i < bytes.n; i++)
		bytes.items[i] = (uint8_t)random_next(r);
	memcpy(ret, &bytes, sizeof(bytes));
}

static inline void random_any(struct random_value *r, void *ret)
{
	static const char *const types[] = { "values.Point", "google.protobuf.Int32Value",
					     "x.Unknown" };
	static const uint8_t bytes[] = { 0x08, 0x05 };
	size_t i = random_next(r) % 4;
	pyr_any *any;

	if (i == 3)
		return;
	any = codec_any_of_bytes(span_of(types[i]), (struct span){ bytes, sizeof(bytes) },
				 i == 2 ? 77 : 0, r->arena);
	REQUIRE(any != NULL);
	memcpy(ret, &any, sizeof(any));
}

static inline void random_fill(struct random_value *r, const struct pyr__field *field, void *ret)
{
	r->depth--;
	switch (field->kind) {
	case PYR__STRUCT:
		random_fields(r, field->type, ret);
		break;
	case PYR__UNION:
		random_union(r, field->type, ret);
		break;
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		random_list(r, field->type, ret);
		break;
	case PYR__BYTES:
		random_bytes_value(r, field->bound, ret);
		break;
	case PYR__ANY:
		random_any(r, ret);
		break;
	case PYR__INTERFACE:
	case PYR__OBJECT:
		break; /* nil */
	default:
		random_scalar(r, field, ret);
	}
	r->depth++;
}
#endif
