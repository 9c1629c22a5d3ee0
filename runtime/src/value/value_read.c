/* SPDX-License-Identifier: MIT */
/*
 * Out of a source into C values. It goes as deep as that does, SOURCE_DEPTH at most, on the
 * thread's own stack (value.c). Memory is the arena's, which is bounded.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "value/value_own.h"

enum { SHOWN = 64 };

/* ---- refusals ---- */

/* What is read from is malformed. */
static int fail_source(struct value_reading *reading)
{
	const struct source *source = reading->source;
	struct codec_problem *problem = reading->problem;

	problem->code = PYR_INVALID_ARGUMENT;
	if (source->kind->where)
		snprintf(problem->text, sizeof(problem->text), "malformed %s at byte %zu: %s",
			 source->kind->name, source->kind->where(source), source->wrong);
	else
		snprintf(problem->text, sizeof(problem->text), "malformed %s: %s",
			 source->kind->name, source->wrong);
	return -PYR_INVALID_ARGUMENT;
}

int value_fail(struct value_reading *reading, const struct codec_path *path, const char *format,
	       ...)
{
	char text[96];
	va_list args;

	if (reading->source && reading->source->wrong)
		return fail_source(reading);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return codec_fail_at(reading->problem, PYR_INVALID_ARGUMENT, reading->role, path, "%s",
			     text);
}

int value_memory(struct value_reading *reading)
{
	reading->problem->code = PYR_RESOURCE_EXHAUSTED;
	snprintf(reading->problem->text, sizeof(reading->problem->text),
		 "the value is larger than PYRITE_MAX_MESSAGE allows, or out of memory");
	return -PYR_RESOURCE_EXHAUSTED;
}

int value_wrong(struct value_reading *reading, const struct codec_path *path, const char *wanted)
{
	struct source *source = reading->source;
	char found[SHOWN];

	switch (source_peek(source)) {
	case SOURCE_OBJECT:
		return value_fail(reading, path, "expected %s, got an object", wanted);
	case SOURCE_ARRAY:
		return value_fail(reading, path, "expected %s, got a list", wanted);
	case SOURCE_END:
		source_fail(source, "it ends too early");
		return value_fail(reading, path, " ");
	case SOURCE_WRONG:
		source_fail(source, "not a JSON value");
		return value_fail(reading, path, " ");
	default:
		if (!source->kind->show(source, found, sizeof(found)))
			return value_fail(reading, path, " ");
		return value_fail(reading, path, "expected %s, got %s", wanted, found);
	}
}

/* ---- names ---- */

/* protobuf's JSON name of "foo_bar" is "fooBar". */
static bool is_camel_of(const char *name, struct span camel)
{
	size_t i = 0;
	bool raise = false;
	char c;

	for (; *name; name++) {
		if (*name == '_') {
			raise = true;
			continue;
		}
		c = raise && *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name;
		raise = false;
		if (i == camel.n || (char)camel.p[i++] != c)
			return false;
	}
	return i == camel.n;
}

int value_find_field(const struct pyr__field *fields, unsigned from, unsigned n, struct span name)
{
	unsigned i;

	for (i = from; i < n; i++)
		if (span_is(name, fields[i].name))
			return (int)i;
	for (i = from; i < n; i++)
		if (is_camel_of(fields[i].name, name))
			return (int)i;
	return -1;
}

const char *value_keep(struct value_reading *reading, struct span text)
{
	char *copy = arena_alloc_raw(reading->arena, text.n + 1);

	if (!copy)
		return NULL;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return copy;
}

/* ---- absent ---- */

void value_zero(const struct pyr__field *field, void *ret)
{
	const struct pyr__type *type = field->type;
	unsigned member;
	size_t i;

	if (field->flags & PYR__OPTIONAL)
		return;
	if ((field->flags & PYR__DEFAULT) && field->value) {
		memcpy(ret, field->value, codec_natural_size(field));
		return;
	}
	switch (field->kind) {
	case PYR__STRING:
		*(const char **)ret = "";
		return;
	case PYR__STRUCT:
		for (i = 0; i < type->n_fields; i++)
			value_zero(&type->fields[i], (char *)ret + type->fields[i].offset);
		return;
	case PYR__UNION:
		member = codec_union_member(type, 0);
		if (member > 0)
			value_zero(&type->fields[member],
				   (char *)ret + type->fields[member].offset);
		return;
	case PYR__ARRAY:
		for (i = 0; i < type->bound; i++)
			value_zero(&type->fields[0],
				   (char *)ret + i * codec_natural_size(&type->fields[0]));
		return;
	default:
		return; /* zero it is */
	}
}

/* ---- members ---- */

static int read_member(struct value_reading *reading, const struct pyr__type *owner,
		       const struct pyr__field *field, const struct codec_path *up, void *base)
{
	struct codec_path path = { up, field->name, SIZE_MAX };
	char *at = (char *)base + field->offset;

	if (field->flags & PYR__OPTIONAL)
		*(bool *)((char *)base + field->has_offset) = true;
	return value_read(reading, field, value_is_wrapped(owner, field), &path, at);
}

/* Steps over null, which is as good as nothing: not of an any or a reference, whose value it is. */
static bool is_null(struct value_reading *reading)
{
	return source_peek(reading->source) == SOURCE_NULL && source_skip(reading->source);
}

/* Returns the field's index, -1 for one to skip, or minus a status below that. */
static int next_field(struct value_reading *reading, const struct pyr__type *type,
		      const char *skips, const struct codec_path *path)
{
	unsigned from = type->oneof ? 1 : 0;
	const char *ignored = reading->source->kind->ignored;
	struct source_key key;
	char text[SHOWN];
	int i;

	if (!source_key(reading->source, reading->arena, &key))
		return value_fail(reading, path, " ") - 1;
	i = value_find_field(type->fields, from, type->n_fields, key.text);
	if (i >= 0 && key.kind == SOURCE_STRING)
		return i;
	if ((skips && span_is(key.text, skips)) || (ignored && span_is(key.text, ignored)))
		return source_skip(reading->source) ? -1 : value_fail(reading, path, " ") - 1;
	source_show_text(text, sizeof(text), key.text);
	return value_fail(reading, path, "there is no member '%s'", text) - 1;
}

static int read_struct(struct value_reading *reading, const struct pyr__type *type,
		       const char *skips, const struct codec_path *path, void *ret)
{
	bool *has = arena_alloc(reading->arena, type->n_fields);
	int err = 0, i;
	size_t n;

	if (!has)
		return value_memory(reading);
	for (n = 0; err == 0 && source_more(reading->source, SOURCE_OBJECT, n); n++) {
		i = next_field(reading, type, skips, path);
		if (i < -1)
			return i + 1;
		if (i < 0 || is_null(reading))
			continue;
		if (has[i])
			return value_fail(reading, path, "'%s' occurs twice", type->fields[i].name);
		has[i] = true;
		err = read_member(reading, type, &type->fields[i], path, ret);
	}
	for (i = 0; i < (int)type->n_fields; i++)
		if (!has[i])
			value_zero(&type->fields[i], (char *)ret + type->fields[i].offset);
	return err == 0 && reading->source->wrong ? value_fail(reading, path, " ") : err;
}

/* What was read of a union: which member (0: none), and whether its discriminator. */
static int settle_union(struct value_reading *reading, const struct pyr__type *type, int member,
			bool is_told, const struct codec_path *path, void *ret)
{
	const struct pyr__field *discriminator = &type->fields[0];
	void *at = (char *)ret + discriminator->offset;
	int64_t label = codec_integer_get(discriminator->kind, at);
	unsigned selected = codec_union_member(type, label);

	if (is_told && member > 0 && (unsigned)member != selected)
		return value_fail(reading, path, "'%s' is not what its discriminator selects",
				  type->fields[member].name);
	if (member > 0 && !is_told)
		codec_integer_set(discriminator->kind, codec_union_label(type, (unsigned)member),
				  at);
	else if (member == 0 && type->oneof)
		codec_integer_set(discriminator->kind, codec_union_label(type, 0), at);
	else if (member == 0 && selected > 0)
		value_zero(&type->fields[selected], (char *)ret + type->fields[selected].offset);
	return 0;
}

static int read_union(struct value_reading *reading, const struct pyr__type *type,
		      const char *skips, const struct codec_path *path, void *ret)
{
	int err = 0, i, member = 0;
	bool is_told = false;
	size_t n;

	for (n = 0; err == 0 && source_more(reading->source, SOURCE_OBJECT, n); n++) {
		i = next_field(reading, type, skips, path);
		if (i < -1)
			return i + 1;
		if (i < 0 || is_null(reading))
			continue;
		if ((i == 0 && is_told) || (i > 0 && member > 0))
			return value_fail(reading, path,
					  "a union has only one member: '%s' is a second one",
					  type->fields[i].name);
		is_told |= i == 0;
		member = i > 0 ? i : member;
		err = read_member(reading, type, &type->fields[i], path, ret);
	}
	if (err < 0 || reading->source->wrong)
		return err < 0 ? err : value_fail(reading, path, " ");
	return settle_union(reading, type, member, is_told, path, ret);
}

int value_read_members(struct value_reading *reading, const struct pyr__type *type,
		       const char *skips, const struct codec_path *path, void *ret)
{
	if (source_peek(reading->source) != SOURCE_OBJECT)
		return value_wrong(reading, path, "an object");
	if (!source_open(reading->source))
		return value_fail(reading, path, " ");
	return type->kind == PYR__UNION ? read_union(reading, type, skips, path, ret)
					: read_struct(reading, type, skips, path, ret);
}

/* ---- collections ---- */

struct list {
	size_t n;
	void *items;
};

/* Room for one more; a list that grows moves. Returns false when memory is out. */
static bool grow(struct value_reading *reading, struct list *list, size_t *room, size_t step)
{
	size_t wanted = *room ? 2 * *room : 4;
	void *items;

	if (list->n < *room)
		return true;
	if (wanted > SIZE_MAX / 2 / step)
		return false;
	items = arena_alloc(reading->arena, wanted * step);
	if (!items)
		return false;
	if (list->n > 0)
		memcpy(items, list->items, list->n * step);
	list->items = items;
	*room = wanted;
	return true;
}

static struct codec_path item_path(const struct codec_path *path)
{
	return path && path->index == SIZE_MAX ? (struct codec_path){ path->up, path->name, 0 }
					       : (struct codec_path){ path, NULL, 0 };
}

static int read_entry(struct value_reading *reading, const struct pyr__type *type,
		      const struct codec_path *path, char *entry)
{
	const struct pyr__field *key = &type->fields[0], *value = &type->fields[1];
	struct source_key text;
	int err;

	if (!source_key(reading->source, reading->arena, &text))
		return value_fail(reading, path, " ");
	err = value_read_key(reading, key, &text, path, entry + key->offset);
	return err < 0 ? err
		       : value_read(reading, value, value_is_wrapped(type, value), path,
				    entry + value->offset);
}

static int read_item(struct value_reading *reading, const struct pyr__type *type,
		     const struct codec_path *path, char *at)
{
	return type->kind == PYR__MAP
		       ? read_entry(reading, type, path, at)
		       : value_read(reading, &type->fields[0],
				    value_is_wrapped(type, &type->fields[0]), path, at);
}

/* The items of what is open. room: of them, that the list has. */
static int read_items(struct value_reading *reading, const struct pyr__type *type, size_t room,
		      const struct codec_path *path, struct list *list)
{
	bool is_map = type->kind == PYR__MAP;
	size_t step = is_map ? type->entry_size : codec_natural_size(&type->fields[0]);
	struct codec_path at = item_path(path);
	int err = 0;

	for (; err == 0 &&
	       source_more(reading->source, is_map ? SOURCE_OBJECT : SOURCE_ARRAY, list->n);
	     list->n++) {
		if (type->bound > 0 && list->n == type->bound)
			return value_fail(reading, path, "there are more than %u", type->bound);
		if (!grow(reading, list, &room, step))
			return value_memory(reading);
		at.index = list->n;
		err = read_item(reading, type, &at, (char *)list->items + list->n * step);
	}
	return err == 0 && reading->source->wrong ? value_fail(reading, path, " ") : err;
}

static int read_collection(struct value_reading *reading, const struct pyr__type *type,
			   const struct codec_path *path, void *ret)
{
	bool is_map = type->kind == PYR__MAP, is_array = type->kind == PYR__ARRAY;
	struct list list = { 0, is_array ? ret : NULL };
	int err;

	if (source_peek(reading->source) != (is_map ? SOURCE_OBJECT : SOURCE_ARRAY))
		return value_wrong(reading, path, is_map ? "an object" : "a list");
	if (!source_open(reading->source))
		return value_fail(reading, path, " ");
	err = read_items(reading, type, is_array ? type->bound : 0, path, &list);
	if (err < 0)
		return err;
	if (!is_array)
		memcpy(ret, &list, sizeof(list));
	else if (list.n != type->bound)
		return value_fail(reading, path, "expected %u elements, got %zu", type->bound,
				  list.n);
	return 0;
}

/* {"items": ...}, or a list by itself. */
static int read_wrapped(struct value_reading *reading, const struct pyr__type *type,
			const struct codec_path *path, void *ret)
{
	struct source_key key;
	int err = 0;
	size_t n;

	if (type->kind != PYR__MAP && source_peek(reading->source) == SOURCE_ARRAY)
		return read_collection(reading, type, path, ret);
	if (source_peek(reading->source) != SOURCE_OBJECT)
		return value_wrong(reading, path, "an object with 'items'");
	if (!source_open(reading->source))
		return value_fail(reading, path, " ");
	if (type->kind == PYR__ARRAY)
		value_zero(&(struct pyr__field){ .kind = PYR__ARRAY, .type = type }, ret);
	for (n = 0; err == 0 && source_more(reading->source, SOURCE_OBJECT, n); n++) {
		if (source_key(reading->source, reading->arena, &key) &&
		    (n > 0 || !span_is(key.text, "items")))
			return value_fail(reading, path, "expected an object with 'items' only");
		err = reading->source->wrong ? value_fail(reading, path, " ")
					     : read_collection(reading, type, path, ret);
	}
	return err == 0 && reading->source->wrong ? value_fail(reading, path, " ") : err;
}

/* ---- references ---- */

static int read_reference(struct value_reading *reading, const struct pyr__field *field,
			  const struct codec_path *path, void *ret)
{
	char text[200] = "references cannot be passed here";
	const char *uri;
	struct span span;
	void *value;

	if (is_null(reading))
		return 0;
	if (source_peek(reading->source) != SOURCE_STRING)
		return value_wrong(reading, path, "the URI of an object");
	if (!source_string(reading->source, reading->arena, &span))
		return value_fail(reading, path, " ");
	if (!(uri = value_keep(reading, span)))
		return value_memory(reading);
	value = reading->objects ? reading->objects->open(reading->objects->data, field->type, uri,
							  text, sizeof(text))
				 : NULL;
	if (!value)
		return value_fail(reading, path, "%s", text);
	memcpy(ret, &value, sizeof(value));
	return 0;
}

/* ---- all of it ---- */

int value_read(struct value_reading *reading, const struct pyr__field *field, bool is_wrapped,
	       const struct codec_path *path, void *ret)
{
	switch (field->kind) {
	case PYR__STRUCT:
	case PYR__UNION:
		return value_read_members(reading, field->type, NULL, path, ret);
	case PYR__SEQUENCE:
	case PYR__ARRAY:
	case PYR__MAP:
		return is_wrapped ? read_wrapped(reading, field->type, path, ret)
				  : read_collection(reading, field->type, path, ret);
	case PYR__INTERFACE:
	case PYR__OBJECT:
		return read_reference(reading, field, path, ret);
	case PYR__ANY:
		return value_read_any(reading, path, ret);
	default:
		return value_read_scalar(reading, field, path, ret);
	}
}
