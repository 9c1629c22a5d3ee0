/* SPDX-License-Identifier: MIT */
/*
 * Requests that call an operation: POST with JSON, GET of a stream, and the forms of Pyro's HTTP
 * gateway. Each has a session of its own, as a request says all that there is to be said.
 */
#include <pyrite/gen.h>
#include <pyrite/inspect.h>
#include <pyrite/value.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "context/context.h"
#include "face/http/exchange.h"
#include "face/http/items.h"
#include "face/http/names.h"
#include "generic/generic.h"
#include "proxy/proxy.h"
#include "value/json_read.h"
#include "value/json_write.h"

enum { STREAMS = PYR__STREAM_IN | PYR__STREAM_OUT };

/* One call of a request. */
struct called {
	struct http_request *request;
	struct http_answer *answer;
	pyr_proxy *proxy;
	const struct pyr__operation *operation;
	struct pyr_call_options options;
};

/* ---- what headers say of it ---- */

/* gRPC's notation: up to eight digits and a unit. Returns false if it is none. */
static bool grpc_timeout(const char *text, uint64_t *ret_ms)
{
	static const struct {
		char unit;
		uint64_t us;
	} units[] = { { 'H', 3600000000 }, { 'M', 60000000 }, { 'S', 1000000 },
		      { 'm', 1000 },       { 'u', 1 },        { 'n', 0 } };
	size_t n = strspn(text, "0123456789"), i;
	uint64_t number;

	if (n == 0 || n > 8 || !text[n] || text[n + 1])
		return false;
	number = strtoull(text, NULL, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == text[n]) {
			*ret_ms = units[i].us ? (number * units[i].us + 999) / 1000 : 1;
			return true;
		}
	return false;
}

static bool milliseconds(const char *text, uint64_t *ret_ms)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 10 || text[n])
		return false;
	*ret_ms = strtoull(text, NULL, 10);
	return true;
}

static bool read_headers(struct called *called)
{
	const struct http_request *request = called->request;
	const char *grpc = http_header(request->wire, "Grpc-Timeout");
	const char *plain = http_header(request->wire, "Pyrite-Timeout");
	const char *trace = http_header(request->wire, "traceparent");
	uint64_t ms = 0;

	if ((plain && !milliseconds(plain, &ms)) || (!plain && grpc && !grpc_timeout(grpc, &ms))) {
		answer_problem(request, called->answer, 400,
			       plain ? "Pyrite-Timeout: expected a number of milliseconds"
				     : "Grpc-Timeout: expected a number and one of H M S m u n");
		return false;
	}
	if (plain || grpc)
		called->options.timeout_ms = ms == 0          ? 1
					     : ms >= PYR_NONE ? PYR_NONE - 1
							      : (uint32_t)ms;
	called->options.correlation_id = request->correlation_id;
	/* One that is malformed is as none: W3C Trace Context, 2.2.3. */
	if (trace && context_is_traceparent(span_of(trace)))
		called->options.traceparent = trace;
	return true;
}

/* ---- opening ---- */

/* Answers if it fails. */
static bool begin(struct called *called, const char *object, const char *operation)
{
	struct http_request *request = called->request;

	if (!read_headers(called))
		return false;
	called->proxy = http_proxy(request, object);
	if (!called->proxy) {
		answer_error(request, called->answer, NULL);
		return false;
	}
	called->operation = generic_find(called->proxy, operation);
	if (called->operation)
		return true;
	answer_problem(request, called->answer, 404, "object '%.255s' has no operation '%.200s'",
		       object, operation);
	return false;
}

/* The options are for the next call through the proxy. */
static void say(struct called *called)
{
	pyr__with(called->proxy, &called->options, sizeof(called->options));
}

static void give(struct called *called, int err, char *json)
{
	struct http_answer *answer = called->answer;

	if (err < 0) {
		answer_error(called->request, answer, called->proxy);
	} else {
		answer->status = 200;
		answer->type = "application/json";
		json_put(&answer->body, json ? json : "null");
		json_put(&answer->body, "\n");
	}
	pyr_free(json);
}

static void call_plain(struct called *called, const char *args)
{
	char *json = NULL;
	int err;

	say(called);
	err = pyr_proxy_call_json(called->proxy, called->operation->name, args, &json);
	give(called, err, json);
}

/* ---- streams ---- */

/* Whether the client takes events. */
static bool takes_events(const struct http_request *request)
{
	const char *accept = http_header(request->wire, "Accept");

	return !accept || strstr(accept, "text/event-stream") || strstr(accept, "*/*") ||
	       strstr(accept, "text/*");
}

/* items: those to be written, of the request's body. */
static void call_read(struct called *called, const char *args, struct span items)
{
	struct http_answer *answer = called->answer;
	pyr_stream *stream;

	if (!takes_events(called->request)) {
		answer_problem(called->request, answer, 406,
			       "the result is a stream, sent as text/event-stream");
		return;
	}
	say(called);
	if (pyr_proxy_open_json(called->proxy, called->operation->name, args, &stream) < 0) {
		answer_error(called->request, answer, called->proxy);
		return;
	}
	answer->events = events_new(called->proxy, stream, called->request->correlation_id);
	if (answer->events && (called->operation->flags & PYR__STREAM_IN) &&
	    !events_write(answer->events, items)) {
		events_free(answer->events);
		answer->events = NULL;
	}
	if (!answer->events) {
		answer_error(called->request, answer, NULL);
		return;
	}
	answer->status = 200;
	answer->type = "text/event-stream";
}

/* Arguments, and the items of the parameter that is a stream, which stand among them as a list. */
struct split {
	struct buf args;
	struct span items;
};

static bool split(struct called *called, const char *body, struct split *ret)
{
	const struct pyr__operation *op = called->operation;
	const char *stream = op->fields[op->n_in + op->n_out].name;
	struct json json;
	struct source *source = &json.source;
	struct source_key key;
	const char *from;
	size_t n, n_kept = 0;

	json_begin(&json, body, strlen(body));
	if (json_peek(&json) != SOURCE_OBJECT || !source_open(source))
		return false;
	json_put(&ret->args, "{");
	for (n = 0; source_more(source, SOURCE_OBJECT, n); n++) {
		if (!source_key(source, &called->request->arena, &key))
			return false;
		(void)json_peek(&json);
		from = json.at;
		if (!json_skip(&json))
			return false;
		if (span_is(key.text, stream)) {
			ret->items =
				(struct span){ (const uint8_t *)from, (size_t)(json.at - from) };
			continue;
		}
		json_put(&ret->args, n_kept++ > 0 ? ", " : "");
		json_put_string(&ret->args, (const char *)key.text.p, key.text.n);
		json_put(&ret->args, ": ");
		buf_append(&ret->args, from, (size_t)(json.at - from));
	}
	json_put(&ret->args, "}");
	buf_append(&ret->args, "", 1);
	return !source->wrong && json_at_end(&json) && !ret->args.broken;
}

static void write_all(struct called *called, const char *args, struct span items)
{
	pyr_stream *stream = NULL;
	char *json = NULL;
	int err;

	say(called);
	err = pyr_proxy_open_json(called->proxy, called->operation->name, args, &stream);
	if (err == 0 && (err = items_write(stream, items)) < 0) {
		answer_error(called->request, called->answer, called->proxy);
		pyr_stream_free(stream);
		return;
	}
	if (err == 0)
		err = pyr_stream_finish_json(stream, &json);
	give(called, err, json);
}

static void call_written(struct called *called, const char *body)
{
	struct split parts = { .items = { NULL, 0 } };
	bool is_good = split(called, body, &parts);

	if (!is_good && parts.args.broken)
		answer_problem(called->request, called->answer, 503, "out of memory");
	else if (!is_good)
		answer_problem(called->request, called->answer, 400,
			       "%s: expected a JSON object, with the stream's items as a list",
			       called->operation->name);
	else if (called->operation->flags & PYR__STREAM_OUT)
		call_read(called, (const char *)parts.args.data, parts.items);
	else
		write_all(called, (const char *)parts.args.data, parts.items);
	buf_free(&parts.args);
}

static void call_any(struct called *called, const char *args)
{
	if (called->operation->flags & PYR__STREAM_IN)
		call_written(called, args);
	else if (called->operation->flags & PYR__STREAM_OUT)
		call_read(called, args, (struct span){ NULL, 0 });
	else
		call_plain(called, args);
}

/* The body as a text; NULL, answered, if it is none. */
static const char *text_of_body(struct http_request *request, struct http_answer *answer)
{
	if (request->body.n > 0 && memchr(request->body.data, '\0', request->body.n)) {
		answer_problem(request, answer, 400, "the body has a NUL");
		return NULL;
	}
	buf_append(&request->body, "", 1);
	if (!request->body.broken)
		return (const char *)request->body.data;
	answer_problem(request, answer, 503, "out of memory");
	return NULL;
}

void call_post(struct http_request *request, struct http_answer *answer)
{
	struct called called = { .request = request, .answer = answer };
	const char *text = text_of_body(request, answer);

	if (text && begin(&called, request->url.segments[2], request->url.segments[3]))
		call_any(&called, text);
}

/* ---- parameters of a form ---- */

/* "x=1", which is typed as the operation's table says. */
static const char *word_of(struct arena *arena, const struct url_parameter *parameter)
{
	size_t n = strlen(parameter->name), m = strlen(parameter->value);
	char *word = arena_alloc_raw(arena, n + m + 2);

	if (word) {
		memcpy(word, parameter->name, n);
		word[n] = '=';
		memcpy(word + n + 1, parameter->value, m + 1);
	}
	return word;
}

static bool is_parameter(const struct pyr__operation *op, const char *name)
{
	unsigned i;

	for (i = 0; i < op->n_in; i++)
		if (strcmp(op->fields[i].name, name) == 0)
			return true;
	return false;
}

/* *ret: owned, pyr_free(). Answers if it returns false. */
static bool args_of_form(struct called *called, struct span form, char **ret)
{
	struct http_request *request = called->request;
	struct url_parameters parameters;
	const char *wrong = url_parameters(&request->arena, form, &parameters);
	const char **words;
	size_t i;

	if (wrong) {
		answer_problem(request, called->answer, 400, "the parameters: %s", wrong);
		return false;
	}
	words = arena_alloc(&request->arena, (parameters.n + 1) * sizeof(*words));
	for (i = 0; words && i < parameters.n; i++) {
		if (!is_parameter(called->operation, parameters.items[i].name)) {
			answer_problem(request, called->answer, 400, "%s has no parameter '%.100s'",
				       called->operation->name, parameters.items[i].name);
			return false;
		}
		if (!(words[i] = word_of(&request->arena, &parameters.items[i])))
			words = NULL;
	}
	if (!words) {
		answer_problem(request, called->answer, 413, "the parameters are too large");
		return false;
	}
	if (pyr_proxy_args_json(called->proxy, called->operation->name, words, parameters.n, ret) ==
	    0)
		return true;
	answer_error(request, called->answer, called->proxy);
	return false;
}

static void call_form(struct called *called, struct span form)
{
	char *args = NULL;

	if (called->operation->flags & PYR__STREAM_IN)
		answer_problem(called->request, called->answer, 501,
			       "%s: a stream is written by POST to /v1", called->operation->name);
	else if (args_of_form(called, form, &args))
		call_any(called, args);
	pyr_free(args);
}

void call_events(struct http_request *request, struct http_answer *answer)
{
	struct called called = { .request = request, .answer = answer };

	/* An EventSource that comes again after the end: it would call once more. */
	if (http_header(request->wire, "Last-Event-ID"))
		answer->status = 204;
	else if (begin(&called, request->url.segments[2], request->url.segments[3])) {
		if ((called.operation->flags & STREAMS) == PYR__STREAM_OUT) {
			call_form(&called, request->query);
		} else {
			answer_problem(request, answer, 405, "%s is called by POST",
				       called.operation->name);
			answer_header(answer, "Allow", "POST, OPTIONS");
		}
	}
}

/* ---- Pyro's gateway ---- */

static const char *last_part(const struct pyr__operation *op)
{
	const char *dot = strrchr(op->name, '.');

	return dot ? dot + 1 : op->name;
}

static void put_names(struct buf *out, const struct pyr__interface *interface, bool attributes)
{
	const struct pyr__operation *op = interface->operations;
	const char *separator = "", *name;
	uint32_t i;

	json_put(out, "[");
	for (i = 0; i < interface->n_operations; i++) {
		name = last_part(&op[i]);
		if (attributes != (strncmp(name, "get_", 4) == 0 && op[i].n_in == 0))
			continue;
		name += attributes ? 4 : 0;
		json_put(out, separator);
		json_put_string(out, name, strlen(name));
		separator = ", ";
	}
	json_put(out, "]");
}

/* Whether the client may see what an object does, of which a proxy was made. Answers if not. */
static bool may_see(struct called *called)
{
	pyr_proxy *daemon = http_proxy(called->request, pyrite_DAEMON_ID);
	struct pyrite_ObjectMetadata *object = NULL;
	int err = daemon ? pyrite_Daemon_describe((struct pyrite_Daemon *)daemon,
						  called->proxy->uri->object, &object)
			 : -1;

	pyr_free(object);
	if (err < 0)
		answer_error(called->request, called->answer, NULL);
	return err >= 0;
}

/* What Pyro calls "$meta". */
static void give_meta(struct called *called)
{
	struct buf *out = &called->answer->body;

	if (!may_see(called))
		return;

	called->answer->status = 200;
	called->answer->type = "application/json";
	json_put(out, "{\"methods\": ");
	put_names(out, generic_interface(called->proxy), false);
	json_put(out, ", \"attributes\": ");
	put_names(out, generic_interface(called->proxy), true);
	json_put(out, "}\n");
}

static bool is_oneway(const struct http_request *request)
{
	const char *options = http_header(request->wire, "X-Pyro-Options");

	return options && strstr(options, "oneway");
}

/* The parameters are in the target, or in the body of a form. */
static bool form_of(struct http_request *request, struct http_answer *answer, struct span *ret)
{
	*ret = request->query;
	if (strcmp(request->method, "POST") != 0 || request->body.n == 0)
		return true;
	if (request->query.n > 0) {
		answer_problem(request, answer, 400,
			       "parameters go into the target or the body, not both");
		return false;
	}
	*ret = span_of_buf(&request->body);
	return guard_check_type(request, answer, "application/x-www-form-urlencoded");
}

static void call_named(struct called *called, const char *name, struct span form)
{
	struct http_request *request = called->request;

	called->operation = generic_find(called->proxy, name);
	if (!called->operation)
		called->operation = generic_attribute(called->proxy, name, false);
	if (!called->operation) {
		answer_problem(request, called->answer, 404, "'%.255s' has no operation '%.200s'",
			       request->url.segments[1], name);
		return;
	}
	call_form(called, form);
	if (is_oneway(request) && !called->answer->events) {
		buf_reset(&called->answer->body);
		called->answer->status = 200;
	}
}

void call_pyro(struct http_request *request, struct http_answer *answer)
{
	struct called called = { .request = request, .answer = answer };
	const char *name = request->url.segments[2];
	struct span form;

	if (!form_of(request, answer, &form) || !read_headers(&called))
		return;
	called.proxy = http_proxy(request, request->url.segments[1]);
	if (!called.proxy && pyr_last_error()->code == PYR_NOT_FOUND)
		called.proxy = http_proxy(request, names_object(request, request->url.segments[1]));
	if (!called.proxy && pyr_last_error()->code == PYR_NOT_FOUND)
		names_look_up(request, answer);
	else if (!called.proxy)
		answer_error(request, answer, NULL);
	else if (strcmp(name, "$meta") == 0)
		give_meta(&called);
	else
		call_named(&called, name, form);
}
