/* SPDX-License-Identifier: MIT */
#include "generic/generic_args.h"

#include <pyrite/pyrite.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/config.h"
#include "base/error.h"
#include "object/object.h"
#include "proxy/proxy.h"

static const struct pyr__interface any_object = { .abi = PYR_GEN_ABI, .name = "" };

void *generic_proxy(const struct pyr__type *type, const char *uri)
{
	return pyr__proxy_new(type && type->interface ? type->interface : &any_object, uri, NULL,
			      0);
}

static void *open_object(void *data, const struct pyr__type *type, const char *uri, char *text,
			 size_t n)
{
	struct generic_opened *opened = data;
	pyr_proxy *proxy;

	if ((opened->arena && !arena_alloc_raw(opened->arena, sizeof(*proxy))) ||
	    !array_reserve(&opened->items, &opened->room, opened->n + 1, sizeof(void *))) {
		snprintf(text, n, "out of memory");
		return NULL;
	}
	proxy = generic_proxy(type, uri);
	if (proxy)
		opened->items[opened->n++] = proxy;
	else
		snprintf(text, n, "%s", pyr_last_error()->message);
	return proxy;
}

/* An object that is registered has one that others can use, too. */
static const char *uri_of(const void *value)
{
	const struct object *object = proxy_object(value);

	return object && !object->is_counted ? object->uri : pyr_proxy_uri(value);
}

static const char *short_name(const struct pyr__operation *operation)
{
	const char *dot = strrchr(operation->name, '.');

	return dot ? dot + 1 : operation->name;
}

struct value_objects generic_objects(struct generic_opened *opened)
{
	return (struct value_objects){ open_object, uri_of, opened };
}

void generic_opened_end(struct generic_opened *opened)
{
	while (opened->n > 0)
		pyr__proxy_free(opened->items[--opened->n]);
	free(opened->items);
}

/* Where no types are told: all arguments, as JSON. */
static bool put_all(struct arena *arena, struct source *positional, struct source *named,
		    struct sink *to)
{
	bool ok = true;

	to->kind->array(to);
	if (positional) {
		ok = value_copy(positional, arena, to);
	} else {
		to->kind->array(to);
		to->kind->array_end(to);
	}
	if (named) {
		ok = ok && value_copy(named, arena, to);
	} else {
		to->kind->object(to);
		to->kind->object_end(to);
	}
	to->kind->array_end(to);
	return ok;
}

static int no_json(struct value_reading *reading, const struct source *source)
{
	struct codec_problem *problem = reading->problem;

	problem->code = source && source->wrong ? PYR_INVALID_ARGUMENT : PYR_RESOURCE_EXHAUSTED;
	if (source && source->wrong)
		snprintf(problem->text, sizeof(problem->text), "malformed %s: %s",
			 source->kind->name, source->wrong);
	return -problem->code;
}

static int read_json(struct value_reading *reading, const struct generic_input *input,
		     union pyr__slot *ret)
{
	struct source *slots = input->slots;
	enum source_next next = slots ? source_peek(slots) : SOURCE_END;
	struct source *positional = next == SOURCE_ARRAY ? slots : NULL;
	struct source *named = next == SOURCE_OBJECT ? slots : NULL;
	struct buf text = { 0 };
	struct json_sink sink;
	bool ok;

	if (input->arguments) {
		positional = input->arguments->positional;
		named = input->arguments->named;
	}
	json_sink(&sink, &text);
	ok = put_all(reading->arena, positional, named, &sink.sink) &&
	     (!slots || source_at_end(slots));
	buf_append(&text, "", 1);
	ret->s = ok && !text.broken ? arena_copy(reading->arena, text.data, text.n) : NULL;
	buf_free(&text);
	if (ret->s)
		return 0;
	return no_json(reading, slots                             ? slots
				: positional && positional->wrong ? positional
								  : named);
}

static int read_input(struct value_reading *reading, const struct pyr__operation *op,
		      const struct generic_input *input, union pyr__slot *ret)
{
	const struct generic_arguments *arguments = input->arguments;

	if (value_is_json(op->fields, op->n_in))
		return read_json(reading, input, ret);
	if (arguments)
		return value_read_call(reading, short_name(op), arguments->positional,
				       arguments->named, op->fields, op->n_in, ret);
	reading->source = input->slots ? input->slots : input->item;
	return input->slots ? value_read_slots(reading, op->fields, op->n_in, ret)
			    : value_read_slot(reading, op->fields + op->n_in + op->n_out, ret);
}

int generic_args_begin(struct generic_args *args, const struct pyr__interface *interface,
		       const struct pyr__operation *operation, const struct generic_input *input)
{
	struct codec_problem problem;
	struct value_reading reading = { .arena = &args->arena,
					 .role = input->item ? "item" : "parameter",
					 .interface = interface,
					 .objects = &args->objects,
					 .problem = &problem };
	int err = -PYR_RESOURCE_EXHAUSTED;

	memset(args, 0, sizeof(*args));
	arena_init(&args->arena, NULL, 0);
	args->arena.max = codec_memory_max(config_number(CONFIG_MAX_MESSAGE));
	if (input->arguments)
		arena_charge_to(&args->arena, input->arguments->budget);
	args->opened.arena = &args->arena;
	args->objects = generic_objects(&args->opened);
	args->slots = arena_alloc(&args->arena, (operation->n_in + 1u) * sizeof(*args->slots));
	snprintf(problem.text, sizeof(problem.text), "out of memory");
	if (args->slots)
		err = read_input(&reading, operation, input, args->slots);
	if (err < 0 && input->arguments) /* which names the operation */
		return error_set(-err, "%s", problem.text);
	return err < 0 ? error_set(-err, "%s: %s", operation->name, problem.text) : 0;
}

void generic_args_end(struct generic_args *args)
{
	generic_opened_end(&args->opened);
	arena_clear(&args->arena);
}

char *generic_text(struct buf *buf)
{
	char *ret = buf->broken ? NULL : malloc(buf->n + 1);

	if (ret) {
		if (buf->n > 0)
			memcpy(ret, buf->data, buf->n);
		ret[buf->n] = '\0';
	} else {
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	buf_free(buf);
	return ret;
}

static void free_result(const struct pyr__field *field, union pyr__slot *slot)
{
	if (field->kind == PYR__INTERFACE || field->kind == PYR__OBJECT)
		pyr__proxy_free((void *)slot->p);
	else if (field->kind >= PYR__STRING || (field->flags & PYR__OPTIONAL))
		pyr_free((void *)slot->p);
}

/* What comes of no type. Of a text that is no JSON, null. */
static void put_json(const char *text, struct sink *sink)
{
	struct arena arena;
	struct json json;

	arena_init(&arena, NULL, 0);
	json_begin(&json, text ? text : "null", text ? strlen(text) : 4);
	if (!value_copy(&json.source, &arena, sink))
		sink->broken = true;
	arena_clear(&arena);
}

int generic_give(const struct pyr__interface *interface, const struct pyr__field *fields,
		 unsigned n, union pyr__slot *slots, struct sink *sink)
{
	const struct value_objects objects = { .uri = uri_of };
	const struct value_writer writer = { sink, interface, &objects };
	unsigned i;

	if (sink && value_is_json(fields, n))
		put_json(slots->s, sink);
	else if (sink)
		value_write_slots(&writer, fields, n, slots);
	for (i = 0; i < n; i++)
		free_result(&fields[i], &slots[i]);
	return sink && sink->broken ? error_set(PYR_RESOURCE_EXHAUSTED, "out of memory") : 0;
}

int generic_operation(const struct pyr__interface *interface, const char *name)
{
	const char *dot;
	uint32_t i;

	for (i = 0; i < interface->n_operations; i++) {
		dot = strrchr(interface->operations[i].name, '.');
		if (strcmp(interface->operations[i].name, name) == 0 ||
		    (dot && strcmp(dot + 1, name) == 0))
			return (int)i;
	}
	error_set(PYR_UNIMPLEMENTED, "%s has no operation '%.200s'", interface->name, name);
	return -1;
}
