/* SPDX-License-Identifier: MIT */
#include "face/pyro/link_pyro_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "value/value.h"

enum { SAID_MAX = 2000 };

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

bool form_ask_item(const struct form_request *request, const char *stream, bool closes,
		   struct buf *out)
{
	struct buf payload = { 0 };
	struct ser_sink *sink = begin_payload(request->version, &payload);
	const char *why;
	bool ok;

	if (sink)
		ser_put_call(sink, daemon_object, closes ? "close_stream" : "get_next_stream_item",
			     put_object, NULL, (void *)(uintptr_t)stream);
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
		code = sink && !payload.broken ? PYR_INVALID_ARGUMENT : PYR_RESOURCE_EXHAUSTED;
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
bool form_parse(const struct pyro_header *header, struct span data, uint32_t max,
		struct arena *arena, struct ser_data *ret, char *text, size_t n)
{
	const struct ser_kind *kind = ser_find(protocol_of(header->version), header->serializer);
	struct pyro_wrong wrong;
	struct buf inflated = { 0 };
	uint8_t *copy;

	if (!kind) {
		snprintf(text, n, "unknown serializer %u", header->serializer);
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
	if (form_parse(header, data, 1 << 20, &arena, &said, text, n)) {
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

void form_copy_text(char *buf, size_t size, struct span text)
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
	if (!form_parse(header, data, 1 << 20, &meta->arena, &meta->data, text, n))
		return false;
	meta->methods = ser_member(&meta->data, 0, "methods");
	meta->attrs = ser_member(&meta->data, 0, "attrs");
	if (!(header->flags & PYRO_EXCEPTION) && meta->methods != SER_NONE)
		return true;
	snprintf(text, n, "it does not list its methods");
	if (ser_exception_take(&meta->data, 0, &exception))
		form_copy_text(text, n,
			       ser_text(&meta->data, ser_first(&meta->data, exception.args)));
	return false;
}
