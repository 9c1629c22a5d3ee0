/* SPDX-License-Identifier: MIT */
/* What a Pyro daemon answers, as the frames that a link's owner takes. */
#include <stdio.h>
#include <string.h>

#include "face/pyro/link_pyro_form.h"
#include "value/value.h"
#include "wire/frame.h"

enum { TRACE_MAX = 4000, SAID_MAX = 2000 };

/* ---- answers ---- */

void form_put_error(uint32_t number, int code, const char *text, struct buf *frames)
{
	struct frame frame = { .type = FRAME_ERROR, .number = number, .found_here = 1 };

	frame.code = (uint32_t)code;
	frame.message = span_of(text);
	frame_append(frames, &frame);
}

void form_put_wrong(const struct form_answer *answer, int code, const char *why, struct buf *frames)
{
	char text[1024];

	snprintf(text, sizeof(text), "ProtocolError: %s of '%.255s' at %s: %s",
		 answer->operation->table->name, answer->object, answer->address, why);
	form_put_error(answer->number, code, text, frames);
}

/* A Reply, in fragments if it is large. */
static void put_reply(uint32_t number, struct span payload, struct buf *frames)
{
	struct frame frame = { .type = FRAME_REPLY, .number = number };
	size_t at = 0;

	frame.total = (uint32_t)payload.n;
	do {
		frame.payload.p = payload.p + at;
		frame.payload.n = payload.n - at < FRAME_FRAGMENT ? payload.n - at : FRAME_FRAGMENT;
		at += frame.payload.n;
		frame.flags =
			(frame.total ? 0 : FRAME_CONTINUES) | (at < payload.n ? FRAME_MORE : 0);
		if (payload.n == 0)
			frame.flags = 0;
		frame_append(frames, &frame);
		frame.total = 0;
	} while (at < payload.n);
}

/* Whatever it is, as JSON. */
static int read_json(struct value_reading *reading, union pyr__slot *ret)
{
	struct buf text = { 0 };
	struct json_sink sink;
	bool ok;

	json_sink(&sink, &text);
	ok = value_copy(reading->source, reading->arena, &sink.sink);
	buf_append(&text, "", 1);
	reading->arena->is_short |= text.broken;
	ret->s = ok && !text.broken ? arena_copy(reading->arena, text.data, text.n) : NULL;
	buf_free(&text);
	if (!ok)
		snprintf(reading->problem->text, sizeof(reading->problem->text), "%s",
			 reading->source->wrong);
	return ret->s ? 0 : -PYR_INTERNAL;
}

static int read_results(struct value_reading *reading, const struct pyr__operation *op,
			union pyr__slot *slots)
{
	const struct pyr__field *fields = codec_fields_from(op, op->n_in);

	if (op->n_out == 0)
		return 0; /* whatever it returned */
	if (value_is_json(fields, op->n_out))
		return read_json(reading, slots);
	if (op->n_out > 1)
		return value_read_slots(reading, fields, op->n_out, slots);
	if ((fields->flags & PYR__OPTIONAL) && source_peek(reading->source) == SOURCE_NULL)
		return 0;
	return value_read_slot(reading, fields, slots);
}

/* It cannot be taken, which is the server's fault unless memory is out. */
static void put_unread(const struct form_answer *answer, const struct arena *arena, const char *why,
		       struct buf *frames)
{
	if (arena->is_short)
		form_put_wrong(answer, PYR_RESOURCE_EXHAUSTED, "out of memory", frames);
	else
		form_put_wrong(answer, PYR_INTERNAL, why, frames);
}

static void put_results(const struct form_answer *answer, const struct ser_data *data,
			struct arena *arena, struct buf *frames)
{
	const struct pyr__operation *op = answer->operation->table;
	struct codec_problem problem = { .code = PYR_RESOURCE_EXHAUSTED, .text = "out of memory" };
	struct ser_source *source = arena_alloc(arena, sizeof(*source));
	union pyr__slot *slots = arena_alloc(arena, (op->n_out + 1u) * sizeof(*slots));
	struct value_reading reading = { .arena = arena, .role = "result", .problem = &problem };
	struct codec_packer packer;
	uint8_t *packed = NULL;
	int err = -PYR_RESOURCE_EXHAUSTED;

	if (source && slots) {
		ser_source(source, data, 0);
		reading.source = &source->source;
		err = read_results(&reading, op, slots);
	}
	if (err == 0)
		err = codec_prepare(answer->operation->reply, slots, arena, &packer, &problem);
	if (err == 0 && !(packed = arena_alloc_raw(arena, packer.size + 1)))
		err = -PYR_RESOURCE_EXHAUSTED;
	if (err < 0) {
		put_unread(answer, arena, problem.text, frames);
		return;
	}
	codec_pack(&packer, packed);
	put_reply(answer->number, (struct span){ packed, packer.size }, frames);
}

/* ---- exceptions ---- */

/* Python's, as statuses; what is none of these is UNKNOWN. */
static const struct {
	const char *name;
	int code;
} statuses[] = {
	{ "ValueError", PYR_INVALID_ARGUMENT },
	{ "TypeError", PYR_INVALID_ARGUMENT },
	{ "IndexError", PYR_OUT_OF_RANGE },
	{ "KeyError", PYR_NOT_FOUND },
	{ "LookupError", PYR_NOT_FOUND },
	{ "FileNotFoundError", PYR_NOT_FOUND },
	{ "NamingError", PYR_NOT_FOUND },
	{ "DaemonError", PYR_NOT_FOUND },
	{ "FileExistsError", PYR_ALREADY_EXISTS },
	{ "PermissionError", PYR_PERMISSION_DENIED },
	{ "SecurityError", PYR_PERMISSION_DENIED },
	{ "AttributeError", PYR_UNIMPLEMENTED },
	{ "NotImplementedError", PYR_UNIMPLEMENTED },
	{ "TimeoutError", PYR_DEADLINE_EXCEEDED },
	{ "MemoryError", PYR_RESOURCE_EXHAUSTED },
};

static struct span last_part(struct span name)
{
	size_t n = name.n;

	while (n > 0 && name.p[n - 1] != '.')
		n--;
	return (struct span){ name.p + n, name.n - n };
}

static int status_of(struct span name)
{
	struct span last = last_part(name);
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (span_is(last, statuses[i].name))
			return statuses[i].code;
	return PYR_UNKNOWN;
}

/* Without controls but for the ends of lines. Returns how many bytes there are now. */
static size_t add_lines(char *buf, size_t n, size_t size, struct span lines)
{
	const uint8_t *end;
	struct span line;

	while (lines.n > 0 && n + 2 < size) {
		end = memchr(lines.p, '\n', lines.n);
		line = (struct span){ lines.p, end ? (size_t)(end - lines.p) : lines.n };
		form_copy_text(buf + n, size - n - 1, line);
		n += strlen(buf + n);
		if (end)
			buf[n++] = '\n';
		lines.p += line.n + (end != NULL);
		lines.n -= line.n + (end != NULL);
	}
	buf[n] = '\0';
	return n;
}

/* A traceback, as far as there is room. */
static void copy_trace(const struct ser_data *data, uint32_t attributes, char *buf, size_t size)
{
	uint32_t list = ser_member(data, attributes, "_pyroTraceback");
	uint32_t at = ser_first(data, list);
	size_t n = 0;

	buf[0] = '\0';
	for (; at != SER_NONE; at = ser_next(data, list, at))
		n = add_lines(buf, n, size, ser_text(data, at));
	while (n > 0 && buf[n - 1] == '\n')
		buf[--n] = '\0';
}

/* The exception of the operation that has that name in Python. */
static const struct pyr__type *raised_by(const struct pyr__operation *op, struct span name)
{
	const struct pyr__type *const *type;
	struct span last = last_part(name);
	const char *own;

	for (type = op->raises; type && *type; type++) {
		own = strrchr((*type)->name, '.');
		if (span_is(last, own ? own + 1 : (*type)->name))
			return *type;
	}
	return NULL;
}

/* Its members, packed. Returns false if the attributes do not fit it. */
static bool pack_exception(const struct pyr__type *type, const struct ser_data *data, uint32_t at,
			   struct arena *arena, struct span *ret)
{
	struct pyr__field field = { .name = "exception", .kind = PYR__STRUCT, .type = type };
	struct ser_source *source = arena_alloc(arena, sizeof(*source));
	void *value = arena_alloc(arena, type->size);
	struct codec_problem problem;
	struct value_reading reading = { .arena = arena, .role = "member", .problem = &problem };
	struct codec_packer packer;
	uint8_t *packed;

	if (!source || !value || at == SER_NONE)
		return false;
	ser_source_attributes(source, data, at);
	reading.source = &source->source;
	if (value_read_natural(&reading, &field, value) < 0 ||
	    codec_prepare_value(type, value, arena, &packer, &problem) < 0 ||
	    !(packed = arena_alloc_raw(arena, packer.size + 1)))
		return false;
	codec_pack(&packer, packed);
	*ret = (struct span){ packed, packer.size };
	return true;
}

static void put_exception(const struct form_answer *answer, const struct ser_data *data,
			  struct arena *arena, struct buf *frames)
{
	struct frame frame = { .type = FRAME_ERROR, .number = answer->number, .raised = 1 };
	char name[128], said[SAID_MAX], text[SAID_MAX + 130], trace[TRACE_MAX];
	const struct pyr__type *type;
	struct ser_exception exception;

	if (!ser_exception_take(data, 0, &exception)) {
		form_put_wrong(answer, PYR_INTERNAL, "it raised something that is not an exception",
			       frames);
		return;
	}
	form_copy_text(name, sizeof(name), exception.name);
	form_copy_text(said, sizeof(said), ser_text(data, ser_first(data, exception.args)));
	snprintf(text, sizeof(text), "%s%s%s", name, said[0] ? ": " : "", said);
	copy_trace(data, exception.attributes, trace, sizeof(trace));
	frame.code = (uint32_t)status_of(exception.name);
	frame.message = span_of(text);
	frame.trace = span_of(trace);
	type = raised_by(answer->operation->table, exception.name);
	if (type && pack_exception(type, data, exception.attributes, arena, &frame.detail)) {
		frame.exception = span_of(type->name);
		frame.code = type->status ? type->status : PYR_UNKNOWN;
		frame.message = span_of(said);
	}
	frame_append(frames, &frame);
}

static int pack_item(const struct form_answer *answer, const struct ser_data *data,
		     struct arena *arena, struct buf *item, struct codec_problem *problem)
{
	const struct pyr__operation *op = answer->operation->table;
	struct ser_source *source = arena_alloc(arena, sizeof(*source));
	struct value_reading reading = { .arena = arena, .role = "item", .problem = problem };
	struct pyr__field field = op->fields[op->n_in + op->n_out];
	union pyr__slot slot = { 0 };
	struct codec_packer packer;
	uint8_t *to = NULL;
	int err;

	if (!source)
		return -PYR_RESOURCE_EXHAUSTED;
	ser_source(source, data, 0);
	reading.source = &source->source;
	field.name = "item";
	err = value_read_slot(&reading, &field, &slot);
	if (err == 0)
		err = codec_prepare(answer->operation->out_item, &slot, arena, &packer, problem);
	if (err == 0 && packer.size > 0 && !(to = buf_grow(item, packer.size)))
		return -PYR_RESOURCE_EXHAUSTED;
	if (err == 0 && to)
		codec_pack(&packer, to);
	return err;
}

static bool is_end(const struct ser_data *data)
{
	struct ser_exception exception;

	return ser_exception_take(data, 0, &exception) &&
	       span_is(last_part(exception.name), "StopIteration");
}

int form_take_item(const struct form_answer *answer, const struct pyro_header *header,
		   struct span data, struct buf *item, struct buf *frames)
{
	struct codec_problem problem = { .text = "out of memory" };
	struct ser_data said;
	struct arena arena;
	int ret = -1;

	arena_init(&arena, NULL, 0);
	arena.max = codec_memory_max(answer->max_message);
	if (!form_parse(header, data, answer->max_message, &arena, &said, problem.text,
			sizeof(problem.text))) {
		put_unread(answer, &arena, problem.text, frames);
	} else if (!(header->flags & PYRO_EXCEPTION)) {
		ret = pack_item(answer, &said, &arena, item, &problem) < 0 ? -1 : 1;
		arena.is_short |= item->broken;
		if (ret < 0)
			put_unread(answer, &arena, problem.text, frames);
	} else if (is_end(&said)) {
		put_reply(answer->number, (struct span){ NULL, 0 }, frames);
		ret = 0;
	} else {
		put_exception(answer, &said, &arena, frames);
	}
	arena_clear(&arena);
	return ret;
}

void form_put_answer(const struct form_answer *answer, const struct pyro_header *header,
		     struct span data, struct buf *frames)
{
	struct ser_data said;
	struct arena arena;
	char text[256];

	arena_init(&arena, NULL, 0);
	arena.max = codec_memory_max(answer->max_message);
	if (header->flags & PYRO_STREAM)
		form_put_wrong(answer, PYR_UNIMPLEMENTED,
			       "it returns a stream of items, which is not "
			       "called over Pyro's protocol",
			       frames);
	else if (!form_parse(header, data, answer->max_message, &arena, &said, text, sizeof(text)))
		put_unread(answer, &arena, text, frames);
	else if (header->flags & PYRO_EXCEPTION)
		put_exception(answer, &said, &arena, frames);
	else
		put_results(answer, &said, &arena, frames);
	arena_clear(&arena);
}
