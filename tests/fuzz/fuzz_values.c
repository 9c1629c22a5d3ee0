/* SPDX-License-Identifier: MIT */
/*
 * Part of fuzz_codec: what the codec takes goes through JSON unchanged; whatever text arrives is
 * refused or becomes a value that goes through JSON unchanged; whatever description of an interface
 * arrives is refused or makes tables of which IDL can be printed.
 */
#include "fuzz_values.h"

#include <stdlib.h>
#include <string.h>

#include "../codec/shapes.h"
#include "value/description.h"
#include "value/idl_print.h"
#include "value/value.h"

static struct pyr__field field_of(const struct pyr__type *type)
{
	return (struct pyr__field){ .name = "x", .kind = type->kind, .type = type };
}

static void write_value(const struct pyr__field *field, const void *value, struct buf *out)
{
	struct json_sink sink;
	struct value_writer writer = { .sink = &sink.sink };

	json_sink(&sink, out);
	value_write_natural(&writer, field, value);
	if (out->broken)
		abort();
}

static int read_value(const struct pyr__field *field, struct arena *arena, const void *text,
		      size_t n, void **ret)
{
	struct codec_problem problem = { 0 };
	struct json json;
	struct value_reading reading = {
		.source = &json.source, .arena = arena, .role = "value", .problem = &problem
	};
	int err;

	arena_init(arena, NULL, 0);
	arena->max = MAX_MESSAGE;
	*ret = arena_alloc(arena, field->type->size);
	json_begin(&json, text, n);
	err = *ret ? value_read_natural(&reading, field, *ret) : -PYR_RESOURCE_EXHAUSTED;
	if (err < 0 && (problem.code != -err || !problem.text[0]))
		abort();
	return err;
}

void fuzz_through_json(const struct pyr__type *type, const void *value)
{
	struct pyr__field field = field_of(type);
	struct buf one = { 0 }, two = { 0 };
	struct arena arena;
	void *again;
	int err;

	write_value(&field, value, &one);
	err = read_value(&field, &arena, one.data, one.n, &again);
	if (err < 0 && err != -PYR_RESOURCE_EXHAUSTED)
		abort();
	if (err == 0) {
		write_value(&field, again, &two);
		if (one.n != two.n || memcmp(one.data, two.data, one.n) != 0)
			abort();
	}
	arena_clear(&arena);
	buf_free(&one);
	buf_free(&two);
}

void fuzz_text(const uint8_t *data, size_t n)
{
	struct pyr__field field = field_of(&shapes_All_type);
	struct arena arena;
	void *value;

	if (read_value(&field, &arena, data, n, &value) == 0)
		fuzz_through_json(&shapes_All_type, value);
	arena_clear(&arena);
}

void fuzz_description(const uint8_t *data, size_t n)
{
	static const char *const bases[] = { "shapes.Base" };
	struct description told = {
		.name = "shapes.Shapes", .bases = bases, .n_bases = 1, .shape = { data, n }
	};
	const struct pyr__interface *table;
	struct buf text = { 0 };
	struct arena arena;
	char why[256] = "";

	arena_init(&arena, NULL, 0);
	arena.max = MAX_MESSAGE;
	table = description_tables(&told, &arena, why, sizeof(why));
	if (!table && !why[0])
		abort();
	if (table)
		idl_print(table, &text);
	buf_free(&text);
	arena_clear(&arena);
}
