/* SPDX-License-Identifier: MIT */
/* Calls: methods, attributes, batches, streams. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "context/context.h"
#include "face/pyro/objects.h"
#include "face/pyro/pyro_own.h"
#include "face/pyro/streams.h"
#include "face/pyro/tail.h"
#include "generic/generic.h"
#include "wire/annotation.h"

enum { ONEWAY_MS = 60000 /* that a message may take for which nobody waits */ };

/* One call of an object. */
struct one {
	struct pyro_request *request;
	pyr_proxy *proxy;
	const struct pyro_adapter *adapter; /* that the proxy is called for; NULL: none */
	const struct ser_call *call;
	const char *method;
	int64_t until; /* that one for which nobody waits may take */
	struct pyro_fault *fault;
};

/* A method's name, terminated, which no method has that has a NUL in it. NULL when memory is out.
 */
static char *name_of(struct span method)
{
	char *name = span_dup(method), *p;

	for (p = name; name && p < name + method.n; p++)
		if (!*p)
			*p = '?';
	return name;
}

static enum ser_protocol protocol_of(const struct pyro_request *request)
{
	return (enum ser_protocol)request->header->version;
}

static bool is_oneway(const struct pyro_request *request)
{
	return request->header->flags & PYRO_ONEWAY;
}

/* ---- what goes with a call, and comes with its answer ---- */

/* Pyro's own, which say what they say of the message. */
static bool is_reserved(const char *id)
{
	return strcmp(id, "CORR") == 0 || strcmp(id, "HMAC") == 0 || strcmp(id, "STRM") == 0 ||
	       strcmp(id, "BLBI") == 0;
}

/* The message's annotations as those of the proxy's next call. Who does not wait for one that is
 * waited for here may have left, so that nothing else ends it. */
static void pass_options(const struct one *one, const struct pyr__operation *operation)
{
	struct pyro_request *request = one->request;
	struct pyr_annotation *passed =
		arena_alloc(&request->arena, PYRO_ANNOTATIONS * sizeof(*passed));
	struct pyr_call_options options = { .annotations = passed };
	int64_t left = one->until - pyro_now();
	struct span rest = request->annotations;
	struct pyro_annotation annotation;

	while (passed && pyro_annotation_next(request->header->version, &rest, &annotation)) {
		if (is_reserved(annotation.id))
			continue;
		passed[options.n_annotations++] =
			(struct pyr_annotation){ arena_copy(&request->arena, annotation.id,
							    sizeof(annotation.id)),
						 annotation.data.p, annotation.data.n };
	}
	if (is_oneway(request) && !(operation->flags & PYR__ONEWAY))
		options.timeout_ms = left < 1 ? 1 : (uint32_t)left;
	if (options.n_annotations > 0 || options.timeout_ms > 0)
		pyr__with(one->proxy, &options, sizeof(options));
}

/* Those that the method gave its answer, as far as Pyro can name them. */
static void take_annotations(struct pyro_request *request)
{
	const struct pyr_annotation *list;
	size_t i, n = context_reply(&list);

	for (i = 0; i < n; i++)
		if (strlen(list[i].key) == 4 && !is_reserved(list[i].key))
			pyro_annotation_put(&request->extra, request->header->version, list[i].key,
					    (struct span){ list[i].value, list[i].size });
}

/* The calls of the thread are part of the caller's request from now on. */
static void set_correlation(struct pyro_request *request)
{
	const uint8_t *id = NULL;
	struct span found;
	char text[STREAM_ID + 1];

	if (request->header->flags & PYRO_CORRELATED)
		id = request->header->correlation;
	else if (request->header->version == PYRO_4 &&
		 pyro_annotation_find(PYRO_4, request->annotations, "CORR", &found) &&
		 found.n == PYRO_CORRELATION_SIZE)
		id = found.p;
	if (id)
		stream_uuid(id, text);
	(void)pyr_set_correlation_id(id ? text : NULL);
}

/* ---- one call ---- */

/* Returns 0, or 1 with the fault of what the thread's last error is. */
static int made(const struct one *one, int status)
{
	if (!is_oneway(one->request))
		take_annotations(one->request);
	return status < 0 ? fault_of_error(one->fault, protocol_of(one->request), one->proxy) : 0;
}

/* In Pyro's words. */
static int no_method(const struct one *one)
{
	return fault_say(one->fault, protocol_of(one->request), "builtins.AttributeError",
			 "remote object '%.*s' has no exposed attribute or method '%.200s'",
			 one->call->object.n < 200 ? (int)one->call->object.n : 200,
			 (const char *)one->call->object.p, one->method);
}

static void arguments_of(const struct one *one, struct ser_source *positional,
			 struct ser_source *named, struct generic_arguments *ret)
{
	const struct ser_data *data = &one->request->data;
	const struct ser_call *call = one->call;

	*ret = (struct generic_arguments){ .budget = one->request->connection->budget };
	if (call->vargs != SER_NONE && ser_type(data, call->vargs) == SOURCE_ARRAY) {
		ser_source(positional, data, call->vargs);
		ret->positional = &positional->source;
	}
	if (call->kwargs != SER_NONE && ser_type(data, call->kwargs) == SOURCE_OBJECT) {
		ser_source(named, data, call->kwargs);
		ret->named = &named->source;
	}
}

/* __getattr__(name), __setattr__(name, value). */
static int call_attribute(const struct one *one, bool is_set, struct ser_sink *results)
{
	const struct ser_data *data = &one->request->data;
	uint32_t at = ser_first(data, one->call->vargs);
	struct span name = at == SER_NONE ? (struct span){ 0 } : ser_text(data, at);
	const struct pyr__operation *operation = NULL;
	struct generic_arguments arguments = { .budget = one->request->connection->budget };
	struct tail_source value;
	char text[256];

	snprintf(text, sizeof(text), "%.*s", name.n < 200 ? (int)name.n : 200,
		 name.p ? (const char *)name.p : "");
	if (name.p && ser_count(data, one->call->vargs) == (is_set ? 2 : 1))
		operation = generic_attribute(one->proxy, text, is_set);
	if (!operation)
		return fault_say(one->fault, protocol_of(one->request), "builtins.AttributeError",
				 "attempt to access unexposed or unknown remote attribute '%s'",
				 text);
	if (is_set) {
		tail_source(&value, data, one->call->vargs);
		arguments.positional = &value.of.source;
	}
	pass_options(one, operation);
	return made(one, generic_call(one->proxy, operation->name, &arguments,
				      results ? &results->sink : NULL));
}

static int call_method(const struct one *one, const struct pyr__operation *operation,
		       struct ser_sink *results)
{
	struct ser_source positional, named;
	struct generic_arguments arguments;

	pass_options(one, operation);
	arguments_of(one, &positional, &named, &arguments);
	return made(one, generic_call(one->proxy, one->method, &arguments,
				      results ? &results->sink : NULL));
}

/* Not a stream. Returns 0, or 1 with the fault. results: NULL: nobody wants them. */
static int call_one(const struct one *one, struct ser_sink *results)
{
	const struct adapter_call call = { one->request, one->call, one->proxy, results,
					   one->fault };
	bool is_set = strcmp(one->method, "__setattr__") == 0;
	const struct pyr__operation *operation;

	if (one->adapter)
		return adapter_answer(one->adapter, &call);
	if (is_set || strcmp(one->method, "__getattr__") == 0)
		return call_attribute(one, is_set, results);
	operation = generic_find(one->proxy, one->method);
	return operation ? call_method(one, operation, results) : no_method(one);
}

/* ---- streams ---- */

/* What Pyro's clients take for a stream: an exception to those that know none. */
static void answer_stream(const struct one *one, const char *id)
{
	struct pyro_request *request = one->request;
	struct ser_sink sink;

	pyro_annotation_put(&request->extra, request->header->version, "STRM", span_of(id));
	fault_say(one->fault, protocol_of(request), "ProtocolError",
		  "result of call is an iterator");
	request_sink(request, &sink);
	fault_put(one->fault, &sink);
	if (request_sink_end(&sink, one->fault))
		request_answer(request, PYRO_RESULT, PYRO_EXCEPTION | PYRO_STREAM);
	else
		request_fail(request, one->fault);
}

/* Returns 0 when it was answered, 1 with the fault. */
static int open_stream(const struct one *one)
{
	struct ser_source positional, named;
	struct generic_arguments arguments;
	char id[STREAM_ID + 1];
	pyr_stream *stream;
	int status;

	pass_options(one, generic_find(one->proxy, one->method));
	arguments_of(one, &positional, &named, &arguments);
	status = generic_open(one->proxy, one->method, &arguments, &stream);
	if (status < 0)
		return made(one, status);
	if (is_oneway(one->request)) { /* nobody reads it */
		pyr_stream_free(stream);
		return 0;
	}
	status = stream_add(one->request->connection, stream, id);
	if (status < 0)
		return fault_say(one->fault, protocol_of(one->request), "PyroError",
				 "out of memory");
	if (status == 0)
		return fault_say(one->fault, protocol_of(one->request), "PyroError",
				 "a connection has at most %d item streams", PYRO_STREAMS);
	answer_stream(one, id);
	return 0;
}

/* Whether it is one, or cannot be called: 1 with the fault. */
static int look_for_streams(const struct one *one, bool *ret)
{
	const struct pyr__operation *operation = generic_find(one->proxy, one->method);

	*ret = !one->adapter && operation && (operation->flags & PYR__STREAM_OUT);
	if (!one->adapter && operation && (operation->flags & PYR__STREAM_IN))
		return fault_say(one->fault, protocol_of(one->request),
				 "builtins.NotImplementedError",
				 "%s(): Pyro cannot send a stream of items", one->method);
	return 0;
}

/* ---- batches ---- */

/* The call at that place. Returns 0 with its result written; 1 with the fault. */
static int call_of_batch(struct one *one, uint32_t at, struct ser_sink *results)
{
	struct pyro_request *request = one->request;
	struct ser_call call = *one->call;
	struct one inner = *one;
	char text[256];
	bool is_stream;

	if (!ser_call_of_batch(&request->data, at, &call, text, sizeof(text)))
		return fault_say(one->fault, protocol_of(request), "SerializeError", "%s", text);
	inner.call = &call;
	inner.method = name_of(call.method);
	if (!inner.method)
		return fault_say(one->fault, protocol_of(request), "PyroError", "out of memory");
	if (look_for_streams(&inner, &is_stream) == 0) {
		if (!is_stream) {
			is_stream = call_one(&inner, results) != 0;
			free((void *)(uintptr_t)inner.method);
			return is_stream;
		}
		fault_say(one->fault, protocol_of(request), "PyroError",
			  "%.200s(): a batch has no item streams", inner.method);
	}
	free((void *)(uintptr_t)inner.method);
	return 1;
}

/* Whether the answer has as much as one may have. */
static bool is_full(const struct pyro_request *request)
{
	return request->body.n > request->connection->face->host->max_message;
}

/* A batch that nobody waits for has no more time than one call. */
static bool is_late(const struct one *one)
{
	return is_oneway(one->request) && pyro_now() >= one->until;
}

/* The exception of the call at hand as its result, instead of what it may have begun to write:
 * bytes and items are those that were there before. */
static void put_failed(const struct one *one, struct ser_sink *sink, size_t bytes, uint32_t items)
{
	if (!sink->out->broken)
		sink->out->n = bytes;
	sink->depth = 1;
	sink->open[0].n = items;
	fault_put_wrapped(one->fault, sink);
}

/* Stops at the first that fails, whose exception is its result. */
static void call_batch(struct one *one)
{
	struct pyro_request *request = one->request;
	struct ser_sink sink, *results = is_oneway(request) ? NULL : &sink;
	uint32_t at = ser_first(&request->data, one->call->vargs), items;
	int failed = 0;
	size_t bytes;

	request_sink(request, &sink);
	sink.sink.kind->array(&sink.sink);
	for (; at != SER_NONE && !failed && !is_late(one);
	     at = ser_next(&request->data, one->call->vargs, at)) {
		bytes = request->body.n;
		items = sink.open[0].n;
		failed = is_full(request) ? fault_say(one->fault, protocol_of(request),
						      "MessageTooLargeError",
						      "the results of the batch are too large")
					  : call_of_batch(one, at, results);
		if (failed)
			put_failed(one, &sink, bytes, items);
	}
	sink.sink.kind->array_end(&sink.sink);
	if (is_oneway(request))
		return;
	if (request_sink_end(&sink, one->fault))
		request_answer(request, PYRO_RESULT, PYRO_BATCH);
	else
		request_fail(request, one->fault);
}

/* ---- a message ---- */

static void call_and_answer(struct one *one)
{
	struct pyro_request *request = one->request;
	struct ser_sink sink;

	request_sink(request, &sink);
	if (call_one(one, is_oneway(request) ? NULL : &sink) != 0)
		request_fail(request, one->fault);
	else if (is_oneway(request))
		return;
	else if (request_sink_end(&sink, one->fault))
		request_answer(request, PYRO_RESULT, 0);
	else
		request_fail(request, one->fault);
}

static void call_object(struct one *one)
{
	struct pyro_request *request = one->request;
	bool is_stream;

	one->proxy = objects_get(request, one->call->object, &one->adapter, one->fault);
	if (!one->proxy)
		request_fail(request, one->fault);
	else if (request->header->flags & PYRO_BATCH)
		call_batch(one);
	else if (look_for_streams(one, &is_stream) != 0)
		request_fail(request, one->fault);
	else if (!is_stream)
		call_and_answer(one);
	else if (open_stream(one) != 0)
		request_fail(request, one->fault);
}

/* Who has left has no more time for all that he sent before. */
static int64_t patience(const struct pyro_connection *connection)
{
	return (connection->left ? connection->left : pyro_now()) + ONEWAY_MS;
}

static void invoke(struct pyro_request *request, struct pyro_fault *fault)
{
	struct ser_call call;
	struct one one = { .request = request,
			   .call = &call,
			   .until = patience(request->connection),
			   .fault = fault };
	char text[256];

	if (!ser_call_take(&request->data, &call, text, sizeof(text))) {
		fault_say(fault, protocol_of(request), "SerializeError", "%s", text);
		request_fail(request, fault);
		return;
	}
	one.method = name_of(call.method);
	if (!one.method) {
		request->connection->is_ending = true;
		return;
	}
	set_correlation(request);
	if (!is_late(&one))
		call_object(&one);
	free((void *)(uintptr_t)one.method);
	(void)pyr_set_correlation_id(NULL);
}

void invoke_serve(struct pyro_request *request)
{
	struct pyro_fault fault;

	if (!request_waits(request, !is_oneway(request)) && !is_oneway(request))
		return; /* nobody waits for it; what follows may be oneway */
	if (request->header->flags & PYRO_SERIALIZED) {
		fault_say(&fault, protocol_of(request), "SerializeError",
			  "a SerializedBlob cannot be read here: send its value");
		request_fail(request, &fault);
	} else if (!request_parse(request, &fault)) {
		request_fail(request, &fault);
	} else {
		invoke(request, &fault);
	}
	(void)request_waits(request, false);
}
