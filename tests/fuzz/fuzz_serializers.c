/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer's targets for Pyro's serializers, one for each: FUZZ_NAME is its name. Whatever bytes
 * arrive, they are refused, or become values that are written again and then are the same; a struct
 * with everything and the arguments of a call are read out of them, or refused by name.
 */
#include "../codec/shapes.h"
#include "../interop/copy_value.h"

#include <stdlib.h>
#include <string.h>

#include "value/value.h"

enum { MEMORY = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ser_kind *kind_of(const char *name)
{
	unsigned id = 1;

	while (!ser_find(SER_PYRO4, id) || strcmp(ser_name(ser_find(SER_PYRO4, id)), name) != 0)
		id++;
	return ser_find(SER_PYRO4, id);
}

static bool parse(struct span bytes, struct arena *arena, struct ser_data *ret)
{
	char text[200] = "";

	arena_init(arena, NULL, 0);
	arena->max = MEMORY;
	if (ser_parse(kind_of(FUZZ_NAME), bytes, arena, ret, text, sizeof(text)))
		return true;
	if (!text[0])
		abort();
	return false;
}

/* What can be written is read again, and written the same. */
static void copy_twice(const struct ser_data *data)
{
	struct buf one = { 0 }, two = { 0 };
	struct ser_data again;
	struct arena arena;
	char text[200] = "";

	if (copy_value(data, SER_PYRO4, &one, text, sizeof(text))) {
		if (parse(span_of_buf(&one), &arena, &again) &&
		    copy_value(&again, SER_PYRO4, &two, text, sizeof(text)) &&
		    (one.n != two.n || memcmp(one.data, two.data, one.n) != 0))
			abort();
		arena_clear(&arena);
	} else if (!text[0]) {
		abort();
	}
	buf_free(&one);
	buf_free(&two);
}

/* Also as JSON, which is read again. A large real may then be an integer, so it may be written
 * otherwise. */
static void copy_to_json(const struct ser_data *data, struct arena *arena)
{
	struct buf one = { 0 }, two = { 0 };
	struct ser_source source;
	struct json_sink sink;
	struct json json;

	ser_source(&source, data, 0);
	json_sink(&sink, &one);
	if (value_copy(&source.source, arena, &sink.sink) && !one.broken) {
		json_begin(&json, (const char *)one.data, one.n);
		json_sink(&sink, &two);
		if (!value_copy(&json.source, arena, &sink.sink) || !json_at_end(&json))
			abort();
	} else if (!one.broken && !source.source.wrong) {
		abort();
	}
	buf_free(&one);
	buf_free(&two);
}

static void check(int err, const struct codec_problem *problem)
{
	if (err < 0 && (problem->code != -err || !problem->text[0]))
		abort();
}

static void read_struct(const struct ser_data *data, struct arena *arena)
{
	struct pyr__field field = { .name = "x", .kind = PYR__STRUCT, .type = &shapes_All_type };
	struct codec_problem problem = { 0 };
	struct ser_source source;
	struct value_reading reading = {
		.source = &source.source, .arena = arena, .role = "value", .problem = &problem
	};
	void *value = arena_alloc(arena, shapes_All_type.size);

	ser_source(&source, data, 0);
	if (value)
		check(value_read_natural(&reading, &field, value), &problem);
}

static void read_call(const struct ser_data *data, struct arena *arena)
{
	struct codec_problem problem = { 0 };
	struct ser_source positional, named;
	struct value_reading reading = { .arena = arena, .role = "parameter", .problem = &problem };
	const struct pyr__type *type = &shapes_All_type;
	union pyr__slot *slots = calloc(type->n_fields, sizeof(*slots));
	struct ser_call call;
	struct ser_exception exception;
	char text[200] = "";

	ser_exception_take(data, 0, &exception);
	if (slots && ser_call_take(data, &call, text, sizeof(text))) {
		ser_source(&positional, data, call.vargs);
		ser_source(&named, data, call.kwargs);
		check(value_read_call(&reading, "all", &positional.source, &named.source,
				      type->fields, type->n_fields, slots),
		      &problem);
	} else if (!text[0]) {
		abort();
	}
	free(slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ser_data values;
	struct arena arena;

	if (parse((struct span){ data, size }, &arena, &values)) {
		copy_twice(&values);
		copy_to_json(&values, &arena);
		read_struct(&values, &arena);
		read_call(&values, &arena);
	}
	arena_clear(&arena);
	return 0;
}
