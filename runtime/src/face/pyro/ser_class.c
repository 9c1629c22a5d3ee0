/* SPDX-License-Identifier: MIT */
/*
 * Dicts that stand for something else. Pyro writes an object as a dict whose "__class__" names its
 * class. Only these are known, and none is ever made: URIs and proxies become strings, serpent's
 * nan a number; exceptions stay dicts. Serpent's bytes are a dict without a class.
 * Source: Pyro4/util.py, Pyro5/serializers.py, serpent.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "face/pyro/ser_own.h"
#include "value/json_write.h"

/* ---- what comes ---- */

static struct ser_data data_of(const struct ser_builder *b)
{
	return (struct ser_data){ NULL, b->values, b->n };
}

/* A value that a closed dict, the last one, stands for. */
static bool stand(struct ser_builder *b, uint32_t at, struct ser_value value)
{
	if (!ser_room(b, 1))
		return false;
	b->values[b->n++] = value;
	b->values[at].u.end = b->n;
	b->values[at].flags = SER_STANDS;
	return true;
}

static bool stand_text(struct ser_builder *b, uint32_t at, enum ser_class class, const char *text,
		       size_t n)
{
	const uint8_t *copy = arena_copy(b->arena, text, n);
	struct ser_value value = {
		.type = SER_STRING, .flags = (uint8_t) class, .n = (uint32_t)n, .u.text = copy
	};

	return copy ? stand(b, at, value) : ser_fail(b, "it is too large");
}

/* {'data': 'YWI=', 'encoding': 'base64'} */
static bool settle_bytes(struct ser_builder *b, uint32_t at)
{
	struct ser_data data = data_of(b);
	uint32_t text = ser_member(&data, at, "data"), how = ser_member(&data, at, "encoding");
	struct span base64 = ser_text(&data, text);
	struct ser_value value = { .type = SER_BYTES };
	uint8_t *bytes;
	size_t n;

	if (!base64.p || !span_is(ser_text(&data, how), "base64"))
		return true;
	if (!(bytes = arena_alloc_raw(b->arena, base64.n + 1)))
		return ser_fail(b, "it is too large");
	n = json_base64(base64.p, base64.n, bytes);
	if (n == SIZE_MAX)
		return true; /* what else it may be */
	value.n = (uint32_t)n;
	value.u.text = bytes;
	return stand(b, at, value);
}

static bool settle_float(struct ser_builder *b, uint32_t at)
{
	struct ser_data data = data_of(b);
	struct span text = ser_text(&data, ser_member(&data, at, "value"));
	struct ser_value value = { .type = SER_REAL, .u.real = (double)NAN };

	return span_is(text, "nan") ? stand(b, at, value)
				    : ser_fail(b, "a float that is not a number's 'nan'");
}

/* An item of a state as text; "" is None. Returns false if it is neither, or too long. */
static bool state_text(const struct ser_data *data, uint32_t at, char *buf, size_t n)
{
	struct span text = ser_text(data, at);

	buf[0] = '\0';
	if (ser_type(data, at) == SOURCE_NULL)
		return true;
	if (!text.p || text.n >= n || memchr(text.p, 0, text.n))
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = '\0';
	return true;
}

struct uri_state {
	char protocol[16], object[256], socket[128], host[256];
	int64_t port;
};

/* (protocol, object, sockname, host, port) */
static bool take_state(const struct ser_data *data, uint32_t at, struct uri_state *ret)
{
	uint32_t places[5], i, place = ser_first(data, at);

	if (ser_type(data, at) != SOURCE_ARRAY || ser_count(data, at) != 5)
		return false;
	for (i = 0; i < 5; i++, place = ser_next(data, at, place))
		places[i] = place;
	ret->port = 0;
	return state_text(data, places[0], ret->protocol, sizeof(ret->protocol)) &&
	       state_text(data, places[1], ret->object, sizeof(ret->object)) &&
	       state_text(data, places[2], ret->socket, sizeof(ret->socket)) &&
	       state_text(data, places[3], ret->host, sizeof(ret->host)) &&
	       (ser_type(data, places[4]) == SOURCE_NULL ||
		(ser_integer(data, places[4], &ret->port) && ret->port >= 0 &&
		 ret->port <= UINT16_MAX));
}

static bool settle_uri(struct ser_builder *b, uint32_t at)
{
	struct ser_data data = data_of(b);
	struct uri_state state;
	char text[sizeof(state) + 32];
	const char *quote;
	size_t n;

	if (!take_state(&data, ser_member(&data, at, "state"), &state))
		return ser_fail(b, "a URI without its five parts");
	if (strpbrk(state.host, "[]"))
		return ser_fail(b, "a URI with an invalid host");
	quote = strchr(state.host, ':') ? "[" : "";
	n = (size_t)snprintf(text, sizeof(text), "%s:%s", state.protocol, state.object);
	if (state.socket[0])
		n += (size_t)snprintf(text + n, sizeof(text) - n, "@./u:%s", state.socket);
	else if (state.host[0])
		n += (size_t)snprintf(text + n, sizeof(text) - n, "@%s%s%s", quote, state.host,
				      quote[0] ? "]" : "");
	if (state.host[0] && !state.socket[0] && state.port > 0)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ":%d", (int)state.port);
	return stand_text(b, at, SER_URI, text, n);
}

/* The state of a proxy begins with its URI. */
static bool settle_proxy(struct ser_builder *b, uint32_t at)
{
	struct ser_data data = data_of(b);
	uint32_t state = ser_member(&data, at, "state");
	struct span uri = ser_text(&data, ser_first(&data, state));

	if (ser_type(&data, state) != SOURCE_ARRAY || !uri.p)
		return ser_fail(b, "a proxy without its URI");
	return stand_text(b, at, SER_PROXY, (const char *)uri.p, uri.n);
}

static bool settle(struct ser_builder *b, uint32_t at)
{
	struct ser_data data = data_of(b);
	uint32_t place = ser_member(&data, at, "__class__");
	struct span class = ser_text(&data, place);

	if (place == SER_NONE)
		return b->values[at].n == 4 ? settle_bytes(b, at) : true;
	if (span_is(class, "float"))
		return settle_float(b, at);
	if (span_is(class, "Pyro4.core.URI") || span_is(class, "Pyro5.core.URI"))
		return settle_uri(b, at);
	if (span_is(class, "Pyro4.core.Proxy") || span_is(class, "Pyro5.client.Proxy"))
		return settle_proxy(b, at);
	b->values[at].flags = ser_member(&data, at, "__exception__") == SER_NONE ? SER_OTHER_CLASS
										 : SER_EXCEPTION;
	return true;
}

bool ser_close(struct ser_builder *b)
{
	uint32_t at = b->open[b->depth - 1];
	struct ser_value *value = &b->values[at];

	b->depth--;
	value->u.end = b->n;
	if (value->type != SER_DICT)
		return true;
	if (value->n % 2 != 0)
		return ser_fail(b, "a key has no value");
	return settle(b, at);
}

bool ser_exception_take(const struct ser_data *data, uint32_t at, struct ser_exception *ret)
{
	struct span name = ser_text(data, ser_member(data, at, "__class__"));

	if (span_is(name, "Pyro4.futures._ExceptionWrapper") ||
	    span_is(name, "Pyro5.core._ExceptionWrapper"))
		return ser_exception_take(data, ser_member(data, at, "exception"), ret);
	if (ser_class(data, at) != SER_EXCEPTION)
		return false;
	*ret = (struct ser_exception){ name, ser_member(data, at, "args"),
				       ser_member(data, at, "attributes") };
	return name.p != NULL;
}
