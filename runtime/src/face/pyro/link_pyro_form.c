/* SPDX-License-Identifier: MIT */
#include "face/pyro/link_pyro_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "value/value.h"
#include "wire/frame.h"

enum { TRACE_MAX = 4000, SAID_MAX = 2000 };

static const char daemon_object[] = "Pyro.Daemon";

static enum ser_protocol protocol_of(unsigned version)
{
	return version == PYRO_4 ? SER_PYRO4 : SER_PYRO5;
}

/* ---- what is sent ---- */

static const struct ser_kind *serpent(void)
{
	return ser_find(SER_PYRO4, 1);
}

static struct ser_sink *begin_payload(unsigned version, struct buf *payload)
{
	struct ser_sink *sink = malloc(sizeof(*sink));

	if (sink)
		ser_sink(sink, serpent(), protocol_of(version), payload);
	return sink;
}

/* Frees the sink. Returns false with *why. */
static bool end_payload(struct ser_sink *sink, const char **why)
{
	bool ok;

	*why = "out of memory";
	ok = sink && ser_sink_end(sink, why);
	free(sink);
	return ok;
}

static bool put_message(uint16_t type, const struct form_request *request, struct buf *payload,
			struct buf *out)
{
	struct pyro_header header = { .version = request->version,
				      .type = type,
				      .flags = request->is_oneway ? PYRO_ONEWAY : 0,
				      .seq = request->seq,
				      .serializer = 1 };

	if (type == PYRO_CONNECT)
		header.flags = PYRO_META;
	return pyro_message_put(out, &header, (struct span){ NULL, 0 }, span_of_buf(payload));
}

bool form_connect(uint16_t version, struct buf *out)
{
	struct form_request request = { .version = version };
	struct buf payload = { 0 };
	struct ser_sink *sink = begin_payload(version, &payload);
	const char *why;
	bool ok;

	if (sink) {
		sink->sink.kind->object(&sink->sink);
		ser_put_member(sink, "handshake");
		ser_put_text(sink, "hello");
		ser_put_member(sink, "object");
		ser_put_text(sink, daemon_object);
		sink->sink.kind->object_end(&sink->sink);
	}
	ok = end_payload(sink, &why) && put_message(PYRO_CONNECT, &request, &payload, out);
	buf_free(&payload);
	return ok;
}

static void put_object(struct ser_sink *sink, void *data)
{
	ser_put_text(sink, data);
}

bool form_ask_meta(const struct form_request *request, struct buf *out)
{
	struct buf payload = { 0 };
	struct ser_sink *sink = begin_payload(request->version, &payload);
	const char *why;
	bool ok;

	if (sink)
		ser_put_call(sink, daemon_object, "get_metadata", put_object, NULL,
			     (void *)(uintptr_t)request->object);
	ok = end_payload(sink, &why) && put_message(PYRO_INVOKE, request, &payload, out);
	buf_free(&payload);
	return ok;
}

/* ---- calls ---- */

static bool has(const struct form_meta *meta, uint32_t list, const char *name)
{
	uint32_t at;

	if (list == SER_NONE)
		return false;
	for (at = ser_first(&meta->data, list); at != SER_NONE;
	     at = ser_next(&meta->data, list, at))
		if (span_is(ser_text(&meta->data, at), name))
			return true;
	return false;
}

/* How an operation is called there. */
struct way {
	const char *method;    /* "add", "__getattr__" */
	const char *attribute; /* NULL: it is a method */
};

static bool find_way(const struct form_meta *meta, const struct pyr__operation *op, struct way *ret)
{
	const char *dot = strrchr(op->name, '.'), *name = dot ? dot + 1 : op->name;
	bool reads = strncmp(name, "get_", 4) == 0 && op->n_in == 0 && op->n_out == 1;
	bool writes = strncmp(name, "set_", 4) == 0 && op->n_in == 1 && op->n_out == 0;

	*ret = (struct way){ name, NULL };
	if (has(meta, meta->methods, name))
		return true;
	if ((!reads && !writes) || !has(meta, meta->attrs, name + 4))
		return false;
	*ret = (struct way){ reads ? "__getattr__" : "__setattr__", name + 4 };
	return true;
}

struct arguments {
	const struct way *way;
	const struct pyr__operation *operation;
	const union pyr__slot *slots;
	struct arena *arena;
	struct json json; /* of what has no types: what is yet to be written of it */
	bool is_wrong;
};

/* [[1, 2], {"z": 3}]: the inside of the one, then of the other. */
static void put_json(struct ser_sink *sink, struct arguments *arguments, bool is_named)
{
	struct source *source = &arguments->json.source;

	if (!is_named) {
		json_begin(&arguments->json, arguments->slots->s, strlen(arguments->slots->s));
		arguments->is_wrong = source_peek(source) != SOURCE_ARRAY || !source_open(source);
	}
	arguments->is_wrong |= !source_more(source, SOURCE_ARRAY, is_named) ||
			       source_peek(source) != (is_named ? SOURCE_OBJECT : SOURCE_ARRAY) ||
			       !value_copy_inside(source, arguments->arena, &sink->sink);
}

static void put_arguments(struct ser_sink *sink, void *data)
{
	struct arguments *arguments = data;
	const struct value_writer writer = { .sink = &sink->sink };
	const struct pyr__operation *op = arguments->operation;
	unsigned i;

	if (arguments->way->attribute)
		ser_put_text(sink, arguments->way->attribute);
	if (value_is_json(op->fields, op->n_in))
		put_json(sink, arguments, false);
	else
		for (i = 0; i < op->n_in; i++)
			value_write_slot(&writer, &op->fields[i], &arguments->slots[i]);
}

static void put_named(struct ser_sink *sink, void *data)
{
	struct arguments *arguments = data;
	const struct pyr__operation *op = arguments->operation;

	if (value_is_json(op->fields, op->n_in) && !arguments->is_wrong)
		put_json(sink, arguments, true);
}

/* With the arguments in their slots. */
static int put_call(const struct form_request *request, const struct way *way,
		    const struct pyr__operation *op, const union pyr__slot *slots,
		    struct arena *arena, struct buf *out, char *text, size_t n)
{
	struct arguments arguments = {
		.way = way, .operation = op, .slots = slots, .arena = arena
	};
	struct buf payload = { 0 };
	struct ser_sink *sink = begin_payload(request->version, &payload);
	const char *why;
	int code = 0;

	if (sink)
		ser_put_call(sink, request->object, way->method, put_arguments, put_named,
			     &arguments);
	if (!end_payload(sink, &why) || arguments.is_wrong)
		code = PYR_INVALID_ARGUMENT;
	else if (!put_message(PYRO_INVOKE, request, &payload, out))
		code = PYR_RESOURCE_EXHAUSTED;
	buf_free(&payload);
	if (code)
		snprintf(text, n, "%s: %s", op->name, why);
	return code;
}

int form_call(const struct form_request *request, const struct form_meta *meta,
	      const struct codec_operation *operation, struct span arguments, uint32_t max_message,
	      struct buf *out, char *text, size_t n)
{
	const struct pyr__operation *op = operation->table;
	struct codec_problem problem = { 0 };
	union pyr__slot *slots;
	struct arena arena;
	struct way way;
	int code = PYR_UNIMPLEMENTED;

	if (!find_way(meta, op, &way)) {
		snprintf(text, n, "remote object '%s' has no exposed attribute or method '%s'",
			 request->object, way.method);
		return code;
	}
	arena_init(&arena, NULL, 0);
	slots = arena_alloc(&arena, (op->n_in + 1u) * sizeof(*slots));
	snprintf(problem.text, sizeof(problem.text), "out of memory");
	code = slots ? -codec_unpack(operation->request, arguments, true, max_message, &arena,
				     slots, &problem)
		     : PYR_RESOURCE_EXHAUSTED;
	if (code)
		snprintf(text, n, "%s: %s", op->name, problem.text);
	else
		code = put_call(request, &way, op, slots, &arena, out, text, n);
	arena_clear(&arena);
	return code;
}

/* ---- what comes ---- */

/* Parses a payload, inflated if it has to be, into the arena. */
static bool parse(const struct pyro_header *header, struct span data, uint32_t max,
		  struct arena *arena, struct ser_data *ret, char *text, size_t n)
{
	const struct ser_kind *kind = ser_find(protocol_of(header->version), header->serializer);
	struct pyro_wrong wrong;
	struct buf inflated = { 0 };
	uint8_t *copy;

	if (!kind) {
		snprintf(text, n, "a serializer with the number %u that is not known",
			 header->serializer);
		return false;
	}
	if ((header->flags & PYRO_COMPRESSED) && !pyro_inflate(data, max, &inflated, &wrong)) {
		snprintf(text, n, "%s", wrong.text);
		buf_free(&inflated);
		return false;
	}
	if (header->flags & PYRO_COMPRESSED)
		data = span_of_buf(&inflated);
	copy = arena_copy(arena, data.p, data.n);
	buf_free(&inflated);
	if (!copy)
		snprintf(text, n, "it is too large");
	return copy && ser_parse(kind, (struct span){ copy, data.n }, arena, ret, text, n);
}

const char *form_reason(const struct pyro_header *header, struct span data, char *text, size_t n)
{
	struct ser_data said;
	struct arena arena;
	struct span reason;

	arena_init(&arena, NULL, 0);
	arena.max = 1 << 20;
	if (parse(header, data, 1 << 20, &arena, &said, text, n)) {
		reason = ser_text(&said, 0);
		snprintf(text, n, "%.*s", (int)(reason.n < SAID_MAX ? reason.n : SAID_MAX),
			 reason.p ? (const char *)reason.p : "no reason given");
	}
	arena_clear(&arena);
	return text_clean(text);
}

void form_meta_free(struct form_meta *meta)
{
	arena_clear(&meta->arena);
}

static void copy_text(char *buf, size_t size, struct span text)
{
	size_t n = text.n < size - 1 ? text.n : size - 1;

	if (n > 0)
		memcpy(buf, text.p, n);
	buf[n] = '\0';
	text_clean(buf);
}

bool form_meta_take(struct form_meta *meta, const struct pyro_header *header, struct span data,
		    char *text, size_t n)
{
	struct ser_exception exception;

	arena_init(&meta->arena, NULL, 0);
	meta->arena.max = 16 << 20;
	if (!parse(header, data, 1 << 20, &meta->arena, &meta->data, text, n))
		return false;
	meta->methods = ser_member(&meta->data, 0, "methods");
	meta->attrs = ser_member(&meta->data, 0, "attrs");
	if (!(header->flags & PYRO_EXCEPTION) && meta->methods != SER_NONE)
		return true;
	snprintf(text, n, "it does not tell its methods");
	if (ser_exception_take(&meta->data, 0, &exception))
		copy_text(text, n, ser_text(&meta->data, ser_first(&meta->data, exception.args)));
	return false;
}

/* ---- answers ---- */

void form_put_error(uint32_t number, int code, const char *text, struct buf *frames)
{
	struct frame frame = { .type = FRAME_ERROR, .number = number, .found_here = 1 };

	frame.code = (uint32_t)code;
	frame.message = span_of(text);
	frame_append(frames, &frame);
}

static void put_wrong(const struct form_answer *answer, int code, const char *why,
		      struct buf *frames)
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
	const struct pyr__field *fields = op->fields + op->n_in;

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
		put_wrong(answer, PYR_INTERNAL, problem.text, frames);
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
		copy_text(buf + n, size - n - 1, line);
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
		put_wrong(answer, PYR_INTERNAL, "it raised what is no exception", frames);
		return;
	}
	copy_text(name, sizeof(name), exception.name);
	copy_text(said, sizeof(said), ser_text(data, ser_first(data, exception.args)));
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

void form_put_answer(const struct form_answer *answer, const struct pyro_header *header,
		     struct span data, struct buf *frames)
{
	struct ser_data said;
	struct arena arena;
	char text[256];

	arena_init(&arena, NULL, 0);
	arena.max = codec_memory_max(answer->max_message);
	if (header->flags & PYRO_STREAM)
		put_wrong(answer, PYR_UNIMPLEMENTED,
			  "it returns a stream of items, which is not "
			  "called over Pyro's protocol",
			  frames);
	else if (!parse(header, data, answer->max_message, &arena, &said, text, sizeof(text)))
		put_wrong(answer, PYR_INTERNAL, text, frames);
	else if (header->flags & PYRO_EXCEPTION)
		put_exception(answer, &said, &arena, frames);
	else
		put_results(answer, &said, &arena, frames);
	arena_clear(&arena);
}
