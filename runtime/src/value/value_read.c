/* SPDX-License-Identifier: MIT */
/*
 * JSON into C values. It goes as deep as the text does, JSON_DEPTH at most, on the thread's own
 * stack (value.c). Memory is the arena's, which is bounded.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "value/value_own.h"

enum { SHOWN = 64 };

/* ---- refusals ---- */

int value_fail(struct value_reading *reading, const struct codec_path *path, const char *format,
	       ...)
{
	const struct json *json = &reading->json;
	char text[96];
	va_list args;

	if (json->wrong) {
		reading->problem->code = PYR_INVALID_ARGUMENT;
		snprintf(reading->problem->text, sizeof(reading->problem->text),
			 "malformed JSON at byte %zu: %s", (size_t)(json->at - json->begin),
			 json->wrong);
		return -PYR_INVALID_ARGUMENT;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return codec_fail_at(reading->problem, PYR_INVALID_ARGUMENT, reading->role, path, "%s",
			     text);
}

const char *value_show(char *buf, size_t size, struct span text)
{
	char copy[32];
	size_t n = text.n < sizeof(copy) ? text.n : sizeof(copy) - 1;

	memcpy(copy, text.p ? (const char *)text.p : "", n);
	copy[n] = '\0';
	return text_escape(buf, size, copy, text.n < sizeof(copy) ? n : n - 4);
}

int value_memory(struct value_reading *reading)
{
	reading->problem->code = PYR_RESOURCE_EXHAUSTED;
	snprintf(reading->problem->text, sizeof(reading->problem->text),
		 "the value is larger than PYRITE_MAX_MESSAGE allows, or memory is out");
	return -PYR_RESOURCE_EXHAUSTED;
}

int value_wrong(struct value_reading *reading, const struct codec_path *path, const char *wanted)
{
	struct json after = reading->json;
	char found[SHOWN];

	switch (json_peek(&reading->json)) {
	case JSON_OBJECT:
		return value_fail(reading, path, "%s is wanted, not an object", wanted);
	case JSON_ARRAY:
		return value_fail(reading, path, "%s is wanted, not a list", wanted);
	case JSON_END:
		json_fail(&reading->json, "it ends too early");
		return value_fail(reading, path, " ");
	case JSON_WRONG:
		json_fail(&reading->json, "no value of JSON");
		return value_fail(reading, path, " ");
	default:
		after.at = reading->json.at;
		if (!json_skip(&after)) {
			reading->json = after;
			return value_fail(reading, path, " ");
		}
		value_show(found, sizeof(found),
			   (struct span){ (const uint8_t *)reading->json.at,
					  (size_t)(after.at - reading->json.at) });
		return value_fail(reading, path, "%s is wanted, not %s", wanted, found);
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
	return json_peek(&reading->json) == JSON_NULL && json_skip(&reading->json);
}

/* Returns the field's index, -1 for one to skip, or minus a status below that. */
static int next_field(struct value_reading *reading, const struct pyr__type *type,
		      const char *skips, const struct codec_path *path)
{
	unsigned from = type->oneof ? 1 : 0;
	struct span key;
	char text[SHOWN];
	int i;

	if (!json_key(&reading->json, reading->arena, &key))
		return value_fail(reading, path, " ") - 1;
	i = value_find_field(type->fields, from, type->n_fields, key);
	if (i >= 0)
		return i;
	if (skips && span_is(key, skips))
		return json_skip(&reading->json) ? -1 : value_fail(reading, path, " ") - 1;
	value_show(text, sizeof(text), key);
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
	for (n = 0; err == 0 && json_more(&reading->json, '}', n); n++) {
		i = next_field(reading, type, skips, path);
		if (i < -1)
			return i + 1;
		if (i < 0 || is_null(reading))
			continue;
		if (has[i])
			return value_fail(reading, path, "'%s' stands twice", type->fields[i].name);
		has[i] = true;
		err = read_member(reading, type, &type->fields[i], path, ret);
	}
	for (i = 0; i < (int)type->n_fields; i++)
		if (!has[i])
			value_zero(&type->fields[i], (char *)ret + type->fields[i].offset);
	return err == 0 && reading->json.wrong ? value_fail(reading, path, " ") : err;
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

	for (n = 0; err == 0 && json_more(&reading->json, '}', n); n++) {
		i = next_field(reading, type, skips, path);
		if (i < -1)
			return i + 1;
		if (i < 0 || is_null(reading))
			continue;
		if ((i == 0 && is_told) || (i > 0 && member > 0))
			return value_fail(reading, path, "a union has one member, not '%s' too",
					  type->fields[i].name);
		is_told |= i == 0;
		member = i > 0 ? i : member;
		err = read_member(reading, type, &type->fields[i], path, ret);
	}
	if (err < 0 || reading->json.wrong)
		return err < 0 ? err : value_fail(reading, path, " ");
	return settle_union(reading, type, member, is_told, path, ret);
}

int value_read_members(struct value_reading *reading, const struct pyr__type *type,
		       const char *skips, const struct codec_path *path, void *ret)
{
	if (json_peek(&reading->json) != JSON_OBJECT)
		return value_wrong(reading, path, "an object");
	if (!json_open(&reading->json))
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

static int read_list(struct value_reading *reading, const struct pyr__type *type,
		     const struct codec_path *path, void *ret)
{
	const struct pyr__field *item = &type->fields[0];
	struct list list = { 0, type->kind == PYR__ARRAY ? ret : NULL };
	size_t room = type->kind == PYR__ARRAY ? type->bound : 0, step = codec_natural_size(item);
	struct codec_path at = item_path(path);
	int err = 0;

	if (json_peek(&reading->json) != JSON_ARRAY)
		return value_wrong(reading, path, "a list");
	if (!json_open(&reading->json))
		return value_fail(reading, path, " ");
	for (; err == 0 && json_more(&reading->json, ']', list.n); list.n++) {
		if (type->bound > 0 && list.n == type->bound)
			return value_fail(reading, path, "there are more than %u", type->bound);
		if (!grow(reading, &list, &room, step))
			return value_memory(reading);
		at.index = list.n;
		err = value_read(reading, item, value_is_wrapped(type, item), &at,
				 (char *)list.items + list.n * step);
	}
	if (err < 0 || reading->json.wrong)
		return err < 0 ? err : value_fail(reading, path, " ");
	if (type->kind == PYR__ARRAY)
		return list.n == type->bound ? 0
					     : value_fail(reading, path, "%u are wanted, not %zu",
							  type->bound, list.n);
	memcpy(ret, &list, sizeof(list));
	return 0;
}

static int read_entry(struct value_reading *reading, const struct pyr__type *type,
		      const struct codec_path *path, char *entry)
{
	const struct pyr__field *key = &type->fields[0], *value = &type->fields[1];
	struct span text;
	int err;

	if (!json_key(&reading->json, reading->arena, &text))
		return value_fail(reading, path, " ");
	err = value_read_key(reading, key, text, path, entry + key->offset);
	return err < 0 ? err
		       : value_read(reading, value, value_is_wrapped(type, value), path,
				    entry + value->offset);
}

static int read_map(struct value_reading *reading, const struct pyr__type *type,
		    const struct codec_path *path, void *ret)
{
	struct list list = { 0, NULL };
	struct codec_path at = item_path(path);
	size_t room = 0;
	int err = 0;

	if (json_peek(&reading->json) != JSON_OBJECT)
		return value_wrong(reading, path, "an object");
	if (!json_open(&reading->json))
		return value_fail(reading, path, " ");
	for (; err == 0 && json_more(&reading->json, '}', list.n); list.n++) {
		if (type->bound > 0 && list.n == type->bound)
			return value_fail(reading, path, "there are more than %u", type->bound);
		if (!grow(reading, &list, &room, type->entry_size))
			return value_memory(reading);
		at.index = list.n;
		err = read_entry(reading, type, &at,
				 (char *)list.items + list.n * type->entry_size);
	}
	if (err < 0 || reading->json.wrong)
		return err < 0 ? err : value_fail(reading, path, " ");
	memcpy(ret, &list, sizeof(list));
	return 0;
}

static int read_collection(struct value_reading *reading, const struct pyr__type *type,
			   const struct codec_path *path, void *ret)
{
	return type->kind == PYR__MAP ? read_map(reading, type, path, ret)
				      : read_list(reading, type, path, ret);
}

/* {"items": ...}, or a list by itself. */
static int read_wrapped(struct value_reading *reading, const struct pyr__type *type,
			const struct codec_path *path, void *ret)
{
	struct span key;
	int err = 0;
	size_t n;

	if (type->kind != PYR__MAP && json_peek(&reading->json) == JSON_ARRAY)
		return read_list(reading, type, path, ret);
	if (json_peek(&reading->json) != JSON_OBJECT)
		return value_wrong(reading, path, "an object with 'items'");
	if (!json_open(&reading->json))
		return value_fail(reading, path, " ");
	if (type->kind == PYR__ARRAY)
		value_zero(&(struct pyr__field){ .kind = PYR__ARRAY, .type = type }, ret);
	for (n = 0; err == 0 && json_more(&reading->json, '}', n); n++) {
		if (json_key(&reading->json, reading->arena, &key) &&
		    (n > 0 || !span_is(key, "items")))
			return value_fail(reading, path, "an object with 'items' alone is wanted");
		err = reading->json.wrong ? value_fail(reading, path, " ")
					  : read_collection(reading, type, path, ret);
	}
	return err == 0 && reading->json.wrong ? value_fail(reading, path, " ") : err;
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
	if (json_peek(&reading->json) != JSON_STRING)
		return value_wrong(reading, path, "the URI of an object");
	if (!json_string(&reading->json, reading->arena, &span))
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
