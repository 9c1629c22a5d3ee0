/* SPDX-License-Identifier: MIT */
/* Arguments as Python passes them: in order, then by name. What is wrong is said as Python does:
 * "add() takes 2 arguments but 3 were given", "add(): parameter 'x': expected a string, got 7". */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "value/value_own.h"

struct arguments {
	struct value_reading *reading;
	const char *name; /* of the operation */
	struct source *positional, *named;
	const struct pyr__field *fields;
	unsigned n;
	bool *has; /* n: of fields that were passed, also as null */
	union pyr__slot *slots;
	int err;
};

static int fail(const struct arguments *arguments, const char *format, ...) PYR_PRINTF(2, 3);

/* wrong: a text whose beginning is the operation's name. */
static int say(const struct arguments *arguments, int err, const char *sign, const char *wrong)
{
	struct codec_problem *problem = arguments->reading->problem;

	problem->code = -err;
	snprintf(problem->text, sizeof(problem->text), "%.50s()%s %s", arguments->name, sign,
		 wrong);
	return err;
}

static int fail(const struct arguments *arguments, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return say(arguments, -PYR_INVALID_ARGUMENT, "", text);
}

/* The problem is told, without the operation's name. */
static int named(const struct arguments *arguments, int err)
{
	char text[sizeof(arguments->reading->problem->text)];

	if (err == 0)
		return 0;
	memcpy(text, arguments->reading->problem->text, sizeof(text));
	return say(arguments, err, ":", text);
}

static int malformed(const struct arguments *arguments)
{
	return named(arguments, value_fail(arguments->reading, NULL, " "));
}

/* The source is malformed, or not what a caller sends. */
static int no_arguments(const struct arguments *arguments, enum source_next wanted)
{
	return named(arguments,
		     value_wrong(arguments->reading, NULL,
				 wanted == SOURCE_ARRAY ? "a list of arguments"
							: "an object of arguments by name"));
}

static int read_argument(const struct arguments *arguments, unsigned i)
{
	const struct pyr__field *field = &arguments->fields[i];
	union pyr__slot *slot = &arguments->slots[i];

	arguments->has[i] = true;
	return named(arguments, value_is_absent(arguments->reading, field)
					? value_absent(arguments->reading, field, slot)
					: value_read_one(arguments->reading, field, slot));
}

static int too_many(const struct arguments *arguments)
{
	struct source *source = arguments->positional;
	size_t given = arguments->n;

	do
		given++;
	while (source_skip(source) && source_more(source, SOURCE_ARRAY, given));
	if (source->wrong)
		return malformed(arguments);
	return fail(arguments, "takes %u argument%s but %zu %s given", arguments->n,
		    arguments->n == 1 ? "" : "s", given, given == 1 ? "was" : "were");
}

static int read_positional(const struct arguments *arguments)
{
	struct source *source = arguments->positional;
	unsigned i;
	int err = 0;

	arguments->reading->source = source;
	if (source_peek(source) != SOURCE_ARRAY)
		return no_arguments(arguments, SOURCE_ARRAY);
	if (!source_open(source))
		return malformed(arguments);
	for (i = 0; err == 0 && source_more(source, SOURCE_ARRAY, i); i++)
		err = i < arguments->n ? read_argument(arguments, i) : too_many(arguments);
	return err == 0 && source->wrong ? malformed(arguments) : err;
}

static int read_keyword(const struct arguments *arguments)
{
	struct value_reading *reading = arguments->reading;
	struct source_key key;
	char text[64];
	int i;

	if (!source_key(reading->source, reading->arena, &key))
		return malformed(arguments);
	i = value_find_field(arguments->fields, 0, arguments->n, key.text);
	if (i >= 0 && key.kind == SOURCE_STRING)
		return arguments->has[i] ? fail(arguments, "got multiple values for argument '%s'",
						arguments->fields[i].name)
					 : read_argument(arguments, (unsigned)i);
	source_show_text(text, sizeof(text), key.text);
	return fail(arguments, "got an unexpected argument '%s'", text);
}

static int read_named(const struct arguments *arguments)
{
	struct source *source = arguments->named;
	size_t i;
	int err = 0;

	arguments->reading->source = source;
	if (source_peek(source) != SOURCE_OBJECT)
		return no_arguments(arguments, SOURCE_OBJECT);
	if (!source_open(source))
		return malformed(arguments);
	for (i = 0; err == 0 && source_more(source, SOURCE_OBJECT, i); i++)
		err = read_keyword(arguments);
	return err == 0 && source->wrong ? malformed(arguments) : err;
}

static int read_all(const struct arguments *arguments)
{
	const struct pyr__field *field;
	unsigned i;
	int err = 0;

	if (arguments->positional)
		err = read_positional(arguments);
	if (err == 0 && arguments->named)
		err = read_named(arguments);
	for (i = 0; err == 0 && i < arguments->n; i++) {
		field = &arguments->fields[i];
		if (arguments->has[i])
			continue;
		if (!(field->flags & PYR__OPTIONAL) &&
		    (!(field->flags & PYR__DEFAULT) || !field->value))
			return fail(arguments, "missing required argument '%s'", field->name);
		err = named(arguments,
			    value_absent(arguments->reading, field, &arguments->slots[i]));
	}
	return err;
}

static void read_on_stack(void *arg)
{
	struct arguments *arguments = arg;

	arguments->err = read_all(arguments);
}

int value_read_call(struct value_reading *reading, const char *name, struct source *positional,
		    struct source *named, const struct pyr__field *fields, unsigned n,
		    union pyr__slot *ret)
{
	struct arguments arguments = {
		reading, name, positional, named, fields, n, NULL, ret, 0,
	};

	reading->source = NULL;
	if (!(arguments.has = arena_alloc(reading->arena, n + 1)))
		return value_memory(reading);
	value_read_on_stack(reading, read_on_stack, &arguments);
	return arguments.err;
}
