/* SPDX-License-Identifier: MIT */
/* Errors as HTTP tells them: the status codes of grpc-gateway, with a body of JSON. */
#include "face/http/exchange.h"

#include <pyrite/value.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "value/json_write.h"

static const struct {
	unsigned status, http;
} statuses[] = {
	{ PYR_CANCELLED, 499 },
	{ PYR_INVALID_ARGUMENT, 400 },
	{ PYR_DEADLINE_EXCEEDED, 504 },
	{ PYR_NOT_FOUND, 404 },
	{ PYR_ALREADY_EXISTS, 409 },
	{ PYR_PERMISSION_DENIED, 403 },
	{ PYR_RESOURCE_EXHAUSTED, 429 },
	{ PYR_FAILED_PRECONDITION, 400 },
	{ PYR_ABORTED, 409 },
	{ PYR_OUT_OF_RANGE, 400 },
	{ PYR_UNIMPLEMENTED, 501 },
	{ PYR_UNAVAILABLE, 503 },
	{ PYR_UNAUTHENTICATED, 401 },
};

unsigned answer_status(int code)
{
	size_t i;

	if (code < 0)
		code = -code;
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == (unsigned)code)
			return statuses[i].http;
	return code == PYR_OK ? 200 : 500;
}

/* Which of Pyrite's tells the same as one of HTTP's. */
static int status_of(unsigned http)
{
	switch (http) {
	case 401:
		return PYR_UNAUTHENTICATED;
	case 403:
	case 421:
		return PYR_PERMISSION_DENIED;
	case 404:
		return PYR_NOT_FOUND;
	case 405:
	case 501:
		return PYR_UNIMPLEMENTED;
	case 413:
	case 507:
	case 429:
		return PYR_RESOURCE_EXHAUSTED;
	case 500:
		return PYR_INTERNAL;
	case 503:
		return PYR_UNAVAILABLE;
	default:
		return PYR_INVALID_ARGUMENT;
	}
}

void answer_header(struct http_answer *answer, const char *name, const char *value)
{
	if (answer->n_headers < HTTP_HEADERS && value)
		answer->headers[answer->n_headers++] = (struct http_header){ name, value };
}

/* ---- the body ---- */

static void put_member(struct buf *out, const char *name, const char *text)
{
	json_put(out, ", \"");
	json_put(out, name);
	json_put(out, "\": ");
	json_put_string(out, text, strlen(text));
}

static void put_code(struct buf *out, int code)
{
	char text[32];

	snprintf(text, sizeof(text), "{\"code\": %d", code);
	json_put(out, text);
	put_member(out, "status", pyr_status_name(code));
}

/* The trace's lines as a list. */
static void put_trace(struct buf *out, const char *trace)
{
	const char *separator = "", *end;

	json_put(out, ", \"trace\": [");
	for (; *trace; trace = *end ? end + 1 : end) {
		end = strchr(trace, '\n');
		if (!end)
			end = trace + strlen(trace);
		if (end == trace)
			continue;
		json_put(out, separator);
		json_put_string(out, trace, (size_t)(end - trace));
		separator = ", ";
	}
	json_put(out, "]");
}

static void put_exception(struct buf *out, pyr_proxy *proxy)
{
	char *json = proxy ? pyr_proxy_error_json(proxy) : NULL;
	const char *name = pyr_last_error()->exception;

	json_put(out, ", \"exception\": ");
	if (json) {
		json_put(out, json);
	} else if (name[0]) {
		json_put(out, "{\"@type\": ");
		json_put_string(out, name, strlen(name));
		json_put(out, "}");
	} else {
		json_put(out, "null");
	}
	pyr_free(json);
}

void answer_error_json(struct buf *out, pyr_proxy *proxy, const char *object,
		       const char *correlation_id)
{
	const pyr_error *error = pyr_last_error();

	put_code(out, error->code);
	put_member(out, "message", error->message);
	put_member(out, "object", error->object[0] ? error->object : object);
	put_member(out, "operation", error->operation);
	put_exception(out, proxy);
	error = pyr_last_error();
	put_trace(out, error->trace);
	put_member(out, "correlation_id", correlation_id);
	json_put(out, error->may_have_run ? ", \"may_have_run\": true}" : "}");
}

/* What was refused before it became a call has no object. */
static const char *object_of(const struct http_request *request)
{
	const struct url *url = &request->url;

	if (url->n > 2 && strcmp(url->segments[0], "v1") == 0)
		return url->segments[2];
	return url->n > 2 ? url->segments[1] : "";
}

void answer_error(const struct http_request *request, struct http_answer *answer, pyr_proxy *proxy)
{
	answer->status = answer_status(pyr_last_error()->code);
	answer->type = "application/json";
	buf_reset(&answer->body);
	answer_error_json(&answer->body, proxy, object_of(request), request->correlation_id);
	json_put(&answer->body, "\n");
}

void answer_problem(const struct http_request *request, struct http_answer *answer, unsigned status,
		    const char *format, ...)
{
	struct buf *out = &answer->body;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer->status = status;
	answer->type = "application/json";
	buf_reset(out);
	put_code(out, status_of(status));
	put_member(out, "message", text);
	put_member(out, "object", "");
	put_member(out, "operation", "");
	json_put(out, ", \"exception\": null, \"trace\": []");
	put_member(out, "correlation_id", request->correlation_id);
	json_put(out, "}\n");
}
