/* SPDX-License-Identifier: MIT */
/* Objects as Pyro's other end takes them: dicts with the name of their class. And calls. */
#include <stdio.h>
#include <string.h>

#include "face/pyro/ser_own.h"

static void put_text_or_null(struct ser_sink *sink, const char *text, size_t n)
{
	struct sink *to = &sink->sink;

	if (n > 0)
		to->kind->string(to, text, n);
	else
		to->kind->null(to);
}

/* What follows the '@' of a URI: socket, host and port, or None. */
static void put_location(struct ser_sink *sink, const char *location)
{
	struct sink *to = &sink->sink;
	const char *colon = strrchr(location, ':'), *end = colon;
	int port = 0;

	if (strncmp(location, "./u:", 4) == 0) {
		ser_put_text(sink, location + 4);
		to->kind->null(to);
		to->kind->null(to);
		return;
	}
	to->kind->null(to);
	if (!colon || strchr(colon, ']') || sscanf(colon + 1, "%5d", &port) != 1)
		end = location + strlen(location);
	if (*location == '[' && end > location + 1 && end[-1] == ']') {
		location++;
		end--;
	}
	put_text_or_null(sink, location, (size_t)(end - location));
	if (port > 0)
		to->kind->integer(to, port, SINK_NARROW);
	else
		to->kind->null(to);
}

void ser_put_uri(struct ser_sink *sink, const char *uri)
{
	const char *colon = strchr(uri, ':'), *object = colon ? colon + 1 : uri;
	const char *at = strchr(object, '@');
	struct sink *to =
		ser_begin_class(sink, ser_is_4(sink) ? "Pyro4.core.URI" : "Pyro5.core.URI");

	to->kind->member(to, "state");
	ser_tuple(sink);
	put_text_or_null(sink, uri, colon ? (size_t)(colon - uri) : 0);
	put_text_or_null(sink, object, at ? (size_t)(at - object) : strlen(object));
	put_location(sink, at ? at + 1 : "");
	to->kind->array_end(to);
	to->kind->object_end(to);
}

void ser_put_exception(struct ser_sink *sink, const char *name, const char *message,
		       void (*attributes)(struct ser_sink *sink, void *data), void *data)
{
	struct sink *to = ser_begin_class(sink, name);

	to->kind->member(to, "__exception__");
	to->kind->boolean(to, true);
	to->kind->member(to, "args");
	ser_tuple(sink);
	ser_put_text(sink, message);
	to->kind->array_end(to);
	to->kind->member(to, "attributes");
	to->kind->object(to);
	if (attributes)
		attributes(sink, data);
	to->kind->object_end(to);
	to->kind->object_end(to);
}

void ser_put_wrapped(struct ser_sink *sink, const char *name, const char *message,
		     void (*attributes)(struct ser_sink *sink, void *data), void *data)
{
	struct sink *to = ser_begin_class(sink, ser_is_4(sink) ? "Pyro4.futures._ExceptionWrapper"
							       : "Pyro5.core._ExceptionWrapper");

	to->kind->member(to, "exception");
	ser_put_exception(sink, name, message, attributes, data);
	to->kind->object_end(to);
}

const char *ser_error_name(enum ser_protocol protocol, const char *name, char *buf, size_t n)
{
	snprintf(buf, n, "Pyro%d.errors.%s", protocol == SER_PYRO4 ? 4 : 5, name);
	return buf;
}

void ser_put_call(struct ser_sink *sink, const char *object, const char *method,
		  void (*arguments)(struct ser_sink *sink, void *data),
		  void (*named)(struct ser_sink *sink, void *data), void *data)
{
	static const char *const names[] = { "object", "method", "params", "kwargs" };
	bool is_named = sink->kind->has_named_calls;
	struct sink *to = &sink->sink;
	unsigned i;

	if (is_named)
		to->kind->object(to);
	else
		ser_tuple(sink);
	for (i = 0; i < 4; i++) {
		if (is_named)
			to->kind->member(to, names[i]);
		if (i < 2) {
			ser_put_text(sink, i == 0 ? object : method);
			continue;
		}
		if (i == 2)
			ser_tuple(sink);
		else
			to->kind->object(to);
		if (i == 2 && arguments)
			arguments(sink, data);
		if (i == 3 && named)
			named(sink, data);
		if (i == 2)
			to->kind->array_end(to);
		else
			to->kind->object_end(to);
	}
	if (is_named)
		to->kind->object_end(to);
	else
		to->kind->array_end(to);
}
