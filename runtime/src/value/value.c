/* SPDX-License-Identifier: MIT */
/*
 * The ways in: slots, and values by themselves. What is recursive runs on the thread's own stack,
 * in the locale of C.
 */
#include "value/value.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/stack.h"
#include "value/value_own.h"

/* ---- slots ---- */

bool value_is_bare(const struct pyr__field *field)
{
	return field->kind == PYR__STRING || field->kind >= PYR__INTERFACE ||
	       (field->kind < PYR__STRING && !(field->flags & PYR__OPTIONAL));
}

/* natural: NULL: it is absent. */
static void set_slot(const struct pyr__field *field, const void *natural, union pyr__slot *ret)
{
	*ret = (union pyr__slot){ 0 };
	if (natural && value_is_bare(field))
		memcpy(ret, natural, codec_natural_size(field));
	else
		ret->p = natural;
}

/* The value in a slot, as a struct would hold it; NULL: it is absent. */
static const void *slot_value(const struct pyr__field *field, const union pyr__slot *slot)
{
	if (field->kind < PYR__STRING && !(field->flags & PYR__OPTIONAL))
		return slot;
	return slot->p && value_is_bare(field) ? slot : slot->p;
}

/* ---- reading ---- */

struct work {
	struct value_reading *reading;
	const struct pyr__field *fields;
	unsigned n;
	union pyr__slot *slots;
	void *natural;
	int err;
	const struct value_writing *writing;
	const union pyr__slot *from;
	const void *value;
};

void value_on_stack(void (*fn)(void *work), void *work)
{
	locale_t before = json_locale();

	stack_call(fn, work);
	json_locale_back(before);
}

void value_read_on_stack(struct value_reading *reading, void (*fn)(void *work), void *work)
{
	struct types_index index = { 0 }, *before = reading->index;

	reading->index = &index;
	value_on_stack(fn, work);
	reading->index = before;
	types_index_fini(&index);
}

int value_read_one(struct value_reading *reading, const struct pyr__field *field,
		   union pyr__slot *ret)
{
	struct codec_path path = { NULL, field->name, SIZE_MAX };
	void *natural = arena_alloc(reading->arena, codec_natural_size(field));
	int err;

	if (!natural)
		return value_memory(reading);
	err = value_read(reading, field, value_is_wrapped(NULL, field), &path, natural);
	if (err == 0)
		set_slot(field, natural, ret);
	return err;
}

/* Of a parameter that is not there. */
int value_absent(struct value_reading *reading, const struct pyr__field *field,
		 union pyr__slot *ret)
{
	struct codec_path path = { NULL, field->name, SIZE_MAX };

	*ret = (union pyr__slot){ 0 };
	if (field->flags & PYR__OPTIONAL)
		return 0;
	if (!(field->flags & PYR__DEFAULT) || !field->value)
		return value_fail(reading, &path, "is missing");
	set_slot(field, field->value, ret);
	return 0;
}

/* null is as good as nothing, where something may be absent. */
bool value_is_absent(struct value_reading *reading, const struct pyr__field *field)
{
	return field->flags && source_peek(reading->source) == SOURCE_NULL &&
	       source_skip(reading->source);
}

/* The place of the next one of an object, or minus a status. */
static int next_name(struct value_reading *reading, const struct pyr__field *fields, unsigned n)
{
	struct source_key key;
	char text[64];
	int i;

	if (!source_key(reading->source, reading->arena, &key))
		return value_fail(reading, NULL, " ");
	i = value_find_field(fields, 0, n, key.text);
	if (i >= 0 && key.kind == SOURCE_STRING)
		return i;
	source_show_text(text, sizeof(text), key.text);
	return value_fail(reading, NULL, "there is no %s '%s'", reading->role, text);
}

static int read_named(struct value_reading *reading, const struct pyr__field *fields, unsigned n,
		      bool *has, union pyr__slot *ret)
{
	int i, err = 0;
	size_t k;

	for (k = 0; err == 0 && source_more(reading->source, SOURCE_OBJECT, k); k++) {
		if ((i = next_name(reading, fields, n)) < 0)
			return i;
		if (has[i])
			return value_fail(reading, NULL, "%s '%s' occurs twice", reading->role,
					  fields[i].name);
		if (value_is_absent(reading, &fields[i]))
			continue;
		has[i] = true;
		err = value_read_one(reading, &fields[i], &ret[i]);
	}
	return err;
}

static int read_in_order(struct value_reading *reading, const struct pyr__field *fields, unsigned n,
			 bool *has, union pyr__slot *ret)
{
	unsigned i;
	int err = 0;

	for (i = 0; err == 0 && source_more(reading->source, SOURCE_ARRAY, i); i++) {
		if (i == n)
			return value_fail(reading, NULL, "there are more than %u %ss", n,
					  reading->role);
		if (value_is_absent(reading, &fields[i]))
			continue;
		has[i] = true;
		err = value_read_one(reading, &fields[i], &ret[i]);
	}
	return err;
}

static int read_all(struct value_reading *reading, const struct pyr__field *fields, unsigned n,
		    union pyr__slot *ret)
{
	enum source_next next = source_peek(reading->source);
	bool *has = arena_alloc(reading->arena, n + 1);
	unsigned i;
	int err = 0;

	if (!has)
		return value_memory(reading);
	if (next != SOURCE_OBJECT && next != SOURCE_ARRAY && next != SOURCE_END)
		return value_wrong(reading, NULL, "an object or a list");
	if (next != SOURCE_END) {
		source_open(reading->source);
		err = next == SOURCE_OBJECT ? read_named(reading, fields, n, has, ret)
					    : read_in_order(reading, fields, n, has, ret);
	}
	if (err < 0 || reading->source->wrong || !source_at_end(reading->source))
		return err < 0 ? err : value_fail(reading, NULL, " ");
	for (i = 0; err == 0 && i < n; i++)
		if (!has[i])
			err = value_absent(reading, &fields[i], &ret[i]);
	return err;
}

static void read_slots(void *arg)
{
	struct work *w = arg;

	w->err = read_all(w->reading, w->fields, w->n, w->slots);
}

int value_read_slots(struct value_reading *reading, const struct pyr__field *fields, unsigned n,
		     union pyr__slot *ret)
{
	struct work w = { .reading = reading, .fields = fields, .n = n, .slots = ret };

	value_read_on_stack(reading, read_slots, &w);
	return w.err;
}

static int end_of(struct value_reading *reading, int err)
{
	if (err == 0 && !source_at_end(reading->source))
		return value_fail(reading, NULL, " ");
	return err;
}

static void read_slot(void *arg)
{
	struct work *w = arg;

	w->err = end_of(w->reading, value_read_one(w->reading, w->fields, w->slots));
}

int value_read_slot(struct value_reading *reading, const struct pyr__field *field,
		    union pyr__slot *ret)
{
	struct work w = { .reading = reading, .fields = field, .slots = ret };

	value_read_on_stack(reading, read_slot, &w);
	return w.err;
}

static void read_natural(void *arg)
{
	struct work *w = arg;
	struct codec_path path = { NULL, w->fields->name, SIZE_MAX };

	w->err = end_of(w->reading,
			value_read(w->reading, w->fields, value_is_wrapped(NULL, w->fields), &path,
				   w->natural));
}

int value_read_natural(struct value_reading *reading, const struct pyr__field *field, void *ret)
{
	struct work w = { .reading = reading, .fields = field, .natural = ret };

	value_read_on_stack(reading, read_natural, &w);
	return w.err;
}

/* ---- as people type ---- */

/* Whether JSON has it in quotes. */
static bool is_quoted(const struct pyr__field *field, const char *text)
{
	if (field->kind == PYR__STRING || field->kind == PYR__BYTES || field->kind == PYR__ENUM ||
	    field->kind == PYR__INTERFACE || field->kind == PYR__OBJECT ||
	    field->kind == PYR__CHAR || field->kind == PYR__WCHAR)
		return true;
	/* Of numbers what is none, so that it is named as it was typed; NaN and Infinity. */
	return field->kind >= PYR__INT8 && field->kind <= PYR__DOUBLE &&
	       strcmp(text, "null") != 0 &&
	       (!*text || !strchr("-0123456789\"", *text) || strstr(text, "Infinity"));
}

void value_text_to_json(const struct pyr__field *field, const char *text, struct buf *out)
{
	if (is_quoted(field, text) && text[0] != '"')
		json_put_string(out, text, strlen(text));
	else
		buf_append(out, text, strlen(text));
}

/* ---- writing ---- */

static void put_slot(const struct value_writing *writing, const struct pyr__field *field,
		     const union pyr__slot *slot)
{
	const void *value = slot_value(field, slot);

	if (value)
		value_write(writing, field, value_is_wrapped(NULL, field), value);
	else
		writing->sink->kind->null(writing->sink);
}

static void put_slots(void *arg)
{
	const struct work *w = arg;
	struct sink *sink = w->writing->sink;
	unsigned i;

	sink->kind->object(sink);
	for (i = 0; i < w->n; i++) {
		if (!slot_value(&w->fields[i], &w->from[i]) && (w->fields[i].flags & PYR__OPTIONAL))
			continue;
		sink->kind->member(sink, w->fields[i].name);
		put_slot(w->writing, &w->fields[i], &w->from[i]);
	}
	sink->kind->object_end(sink);
}

static void write_on_stack(const struct value_writer *writer, void (*fn)(void *work),
			   struct work *work)
{
	struct types_index index = { 0 };
	struct value_writing writing = { writer->sink, writer->interface, writer->objects, 0,
					 &index };

	work->writing = &writing;
	value_on_stack(fn, work);
	types_index_fini(&index);
}

void value_write_slots(const struct value_writer *writer, const struct pyr__field *fields,
		       unsigned n, const union pyr__slot *slots)
{
	struct work w = { .fields = fields, .n = n, .from = slots };

	if (n == 0)
		writer->sink->kind->null(writer->sink);
	else if (n == 1 && strcmp(fields[0].name, "ret") == 0)
		value_write_slot(writer, fields, slots);
	else
		write_on_stack(writer, put_slots, &w);
}

static void put_one(void *arg)
{
	const struct work *w = arg;

	put_slot(w->writing, w->fields, w->from);
}

void value_write_slot(const struct value_writer *writer, const struct pyr__field *field,
		      const union pyr__slot *slot)
{
	struct work w = { .fields = field, .from = slot };

	write_on_stack(writer, put_one, &w);
}

static void put_natural(void *arg)
{
	const struct work *w = arg;

	value_write(w->writing, w->fields, value_is_wrapped(NULL, w->fields), w->value);
}

void value_write_natural(const struct value_writer *writer, const struct pyr__field *field,
			 const void *value)
{
	struct work w = { .fields = field, .value = value };

	write_on_stack(writer, put_natural, &w);
}

static void put_exception(void *arg)
{
	const struct work *w = arg;
	const struct pyr__type *type = w->fields->type;
	struct sink *sink = w->writing->sink;

	sink->kind->object(sink);
	if (w->n > 0) {
		sink->kind->member(sink, "@type");
		sink->kind->string(sink, type->name, strlen(type->name));
	}
	value_write_members(w->writing, type, w->value);
	sink->kind->object_end(sink);
}

void value_write_exception(const struct value_writer *writer, const struct pyr__type *type,
			   bool is_named, const void *value)
{
	struct pyr__field field = { .kind = PYR__STRUCT, .type = type };
	struct work w = { .fields = &field, .n = is_named, .value = value };

	write_on_stack(writer, put_exception, &w);
}
