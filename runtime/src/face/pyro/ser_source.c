/* SPDX-License-Identifier: MIT */
/* A row of values, as a source. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "face/pyro/ser_own.h"

static struct ser_source *of(struct source *source)
{
	return (struct ser_source *)source;
}

static const struct ser_value *here(const struct ser_source *s)
{
	return ser_value_at(s->data->values, s->at);
}

static uint32_t end_of(const struct ser_source *s)
{
	return s->depth > 0 ? s->ends[s->depth - 1] : s->end;
}

static void step(struct ser_source *s)
{
	s->at = ser_behind(s->data->values, s->at);
}

static enum source_next peek(struct source *source)
{
	struct ser_source *s = of(source);

	if (source->wrong)
		return SOURCE_WRONG;
	return s->at < end_of(s) ? ser_type(s->data, s->at) : SOURCE_END;
}

static bool open_it(struct source *source)
{
	struct ser_source *s = of(source);

	if (s->depth == SER_DEPTH)
		return source_fail(source, "it is nested too deep");
	s->ends[s->depth++] = here(s)->u.end;
	s->at++;
	return true;
}

static bool more(struct source *source, enum source_next in, size_t n)
{
	struct ser_source *s = of(source);

	(void)in;
	(void)n;
	if (source->wrong)
		return false;
	if (s->at < end_of(s))
		return true;
	s->depth--;
	return false;
}

static bool skip(struct source *source)
{
	struct ser_source *s = of(source);

	if (source->wrong || s->at >= end_of(s))
		return source_fail(source, "it ends too early");
	step(s);
	return true;
}

/* A string as C has it. */
static bool text(struct source *source, struct span *ret)
{
	const struct ser_value *value = here(of(source));

	if (memchr(value->n > 0 ? value->u.text : (const uint8_t *)"x", 0, value->n))
		return source_fail(source, "a string cannot contain a NUL");
	*ret = (struct span){ value->u.text, value->n };
	step(of(source));
	return true;
}

static bool string(struct source *source, struct arena *arena, struct span *ret)
{
	(void)arena;
	return text(source, ret);
}

static bool bytes(struct source *source, struct arena *arena, struct span *ret)
{
	struct ser_source *s = of(source);

	(void)arena;
	*ret = (struct span){ here(s)->u.text, here(s)->n };
	step(s);
	return true;
}

static bool number(struct source *source, struct source_number *ret)
{
	const struct ser_value *value = here(of(source));

	*ret = (struct source_number){ .is_real = value->type == SER_REAL };
	if (value->type == SER_LARGE)
		ret->text = (struct span){ value->u.text, value->n };
	else if (ret->is_real)
		ret->real = value->u.real;
	else
		ret->magnitude = value->u.magnitude;
	ret->is_negative = value->type == SER_INTEGER && (value->flags & SER_NEGATIVE);
	step(of(source));
	return true;
}

static const char *show_value(const struct ser_value *value, char *buf, size_t n)
{
	switch (value->type) {
	case SER_STRING:
	case SER_LARGE:
		return source_show_text(buf, n, (struct span){ value->u.text, value->n });
	case SER_INTEGER:
		snprintf(buf, n, "%s%" PRIu64, value->flags & SER_NEGATIVE ? "-" : "",
			 value->u.magnitude);
		return buf;
	case SER_REAL:
		snprintf(buf, n, "%.17g", value->u.real);
		return buf;
	case SER_BYTES:
		snprintf(buf, n, "bytes");
		return buf;
	default:
		snprintf(buf, n, "%s",
			 value->type == SER_TRUE    ? "True"
			 : value->type == SER_FALSE ? "False"
						    : "None");
		return buf;
	}
}

static bool show(struct source *source, char *buf, size_t n)
{
	const struct ser_value *value = here(of(source));
	char shown[64];

	show_value(value, shown, sizeof(shown));
	snprintf(buf, n, value->type == SER_STRING ? "'%s'" : "%s", shown);
	step(of(source));
	return true;
}

/* The text of an integer that is a key. */
static bool integer_key(struct ser_source *s, struct arena *arena, struct span *ret)
{
	char *shown = arena_alloc_raw(arena, 24);

	if (!shown)
		return source_fail(&s->source, "out of memory");
	show_value(here(s), shown, 24);
	*ret = span_of(shown);
	step(s);
	return true;
}

static bool key(struct source *source, struct arena *arena, struct source_key *ret)
{
	struct ser_source *s = of(source);
	const struct ser_value *value = here(s);

	ret->kind = peek(source);
	ret->text = span_of(value->type == SER_TRUE ? "True" : "False");
	switch (value->type) {
	case SER_STRING:
		return text(source, &ret->text);
	case SER_INTEGER:
		return integer_key(s, arena, &ret->text);
	case SER_TRUE:
	case SER_FALSE:
		step(s);
		return true;
	default:
		return source_fail(source, "a key is a string, an integer or a bool");
	}
}

static bool at_end(struct source *source)
{
	struct ser_source *s = of(source);

	return s->at == s->end || source_fail(source, "something follows the value");
}

static struct source_mark mark(const struct source *source)
{
	const struct ser_source *s = (const struct ser_source *)source;

	return (struct source_mark){ s->at, s->depth };
}

static void back(struct source *source, struct source_mark to)
{
	of(source)->at = (uint32_t)to.at;
	of(source)->depth = to.depth;
}

/* Names are those of Pyro's serializers. */
#define KIND(of_name, of_ignored)                                                                  \
	{                                                                                          \
		.name = of_name, .ignored = of_ignored, .peek = peek, .open = open_it,             \
		.more = more, .key = key, .string = string, .bytes = bytes, .number = number,      \
		.skip = skip, .at_end = at_end, .show = show, .mark = mark, .back = back           \
	}

enum { N_KINDS = 4 };

static const struct source_kind kinds[2][N_KINDS] = {
	{ KIND("serpent", "__class__"), KIND("json", "__class__"), KIND("marshal", "__class__"),
	  KIND("msgpack", "__class__") },
	{ KIND("serpent", "_pyroTraceback"), KIND("json", "_pyroTraceback"),
	  KIND("marshal", "_pyroTraceback"), KIND("msgpack", "_pyroTraceback") },
};

static void begin(struct ser_source *source, const struct ser_data *data, uint32_t at,
		  const struct source_kind *of_kinds)
{
	size_t i = 0;

	while (i + 1 < N_KINDS && strcmp(of_kinds[i].name, data->kind->name) != 0)
		i++;
	source->source = (struct source){ &of_kinds[i], NULL };
	source->data = data;
	source->at = at;
	source->end = ser_behind(data->values, at);
	source->depth = 0;
}

void ser_source(struct ser_source *source, const struct ser_data *data, uint32_t at)
{
	begin(source, data, at, kinds[0]);
}

void ser_source_attributes(struct ser_source *source, const struct ser_data *data, uint32_t at)
{
	begin(source, data, at, kinds[1]);
}
