/* SPDX-License-Identifier: MIT */
/* What is in a row of values. */
#include <stdio.h>
#include <string.h>

#include "face/pyro/ser_own.h"

static const struct ser_value *value_at(const struct ser_data *data, uint32_t at)
{
	return at < data->n ? ser_value_at(data->values, at) : NULL;
}

enum source_next ser_type(const struct ser_data *data, uint32_t at)
{
	static const uint8_t types[] = {
		[SER_TUPLE] = SOURCE_ARRAY,    [SER_LIST] = SOURCE_ARRAY,
		[SER_SET] = SOURCE_ARRAY,      [SER_DICT] = SOURCE_OBJECT,
		[SER_STRING] = SOURCE_STRING,  [SER_BYTES] = SOURCE_BYTES,
		[SER_INTEGER] = SOURCE_NUMBER, [SER_LARGE] = SOURCE_NUMBER,
		[SER_REAL] = SOURCE_NUMBER,    [SER_TRUE] = SOURCE_TRUE,
		[SER_FALSE] = SOURCE_FALSE,    [SER_NULL] = SOURCE_NULL,
	};
	const struct ser_value *value = value_at(data, at);

	return value ? (enum source_next)types[value->type] : SOURCE_END;
}

uint32_t ser_count(const struct ser_data *data, uint32_t at)
{
	const struct ser_value *value = value_at(data, at);

	if (!value || !ser_is_collection(value))
		return 0;
	return value->type == SER_DICT ? value->n / 2 : value->n;
}

uint32_t ser_first(const struct ser_data *data, uint32_t at)
{
	const struct ser_value *value = value_at(data, at);

	return value && ser_is_collection(value) && value->n > 0 ? at + 1 : SER_NONE;
}

uint32_t ser_next(const struct ser_data *data, uint32_t up, uint32_t at)
{
	uint32_t behind = ser_behind(data->values, at);

	return behind < data->values[up].u.end ? behind : SER_NONE;
}

uint32_t ser_member(const struct ser_data *data, uint32_t at, const char *key)
{
	const struct ser_value *value = value_at(data, at);
	uint32_t i, inside;

	if (!value || value->type != SER_DICT)
		return SER_NONE;
	for (i = at + 1; i < value->u.end; i = ser_behind(data->values, inside)) {
		inside = ser_behind(data->values, i);
		if (span_is(ser_text(data, i), key))
			return inside;
	}
	return SER_NONE;
}

static struct span text_of(const struct ser_data *data, uint32_t at, enum ser_type type)
{
	const struct ser_value *value = value_at(data, at);

	return value && value->type == type ? (struct span){ value->u.text, value->n }
					    : (struct span){ NULL, 0 };
}

struct span ser_text(const struct ser_data *data, uint32_t at)
{
	return text_of(data, at, SER_STRING);
}

struct span ser_bytes(const struct ser_data *data, uint32_t at)
{
	return text_of(data, at, SER_BYTES);
}

bool ser_integer(const struct ser_data *data, uint32_t at, int64_t *ret)
{
	const struct ser_value *value = value_at(data, at);
	bool is_negative = value && (value->flags & SER_NEGATIVE);

	if (!value || value->type != SER_INTEGER ||
	    value->u.magnitude > (uint64_t)INT64_MAX + is_negative)
		return false;
	*ret = (int64_t)(is_negative ? 0 - value->u.magnitude : value->u.magnitude);
	return true;
}

enum ser_class ser_class(const struct ser_data *data, uint32_t at)
{
	const struct ser_value *value = value_at(data, at);

	if (!value || (value->type != SER_STRING && value->type != SER_DICT))
		return SER_PLAIN;
	return (enum ser_class)value->flags;
}

/* ---- calls ---- */

static bool no_call(char *text, size_t n)
{
	snprintf(text, n,
		 "the payload is not a call: expected an object, a method, positional and named "
		 "arguments");
	return false;
}

static bool check_call(const struct ser_data *data, const struct ser_call *call, char *text,
		       size_t n)
{
	enum source_next named = ser_type(data, call->kwargs);

	/* None: of attributes and batches there are never any */
	if (!call->object.p || !call->method.p || ser_type(data, call->vargs) != SOURCE_ARRAY ||
	    (named != SOURCE_OBJECT && named != SOURCE_NULL))
		return no_call(text, n);
	return true;
}

/* The places of the items of a tuple of n. */
static bool take_tuple(const struct ser_data *data, uint32_t at, uint32_t *places, uint32_t n)
{
	uint32_t i, place = ser_first(data, at);

	if (ser_type(data, at) != SOURCE_ARRAY || ser_count(data, at) != n)
		return false;
	for (i = 0; i < n; i++, place = ser_next(data, at, place))
		places[i] = place;
	return true;
}

bool ser_call_take(const struct ser_data *data, struct ser_call *ret, char *text, size_t n)
{
	uint32_t places[4];

	if (data->kind->has_named_calls) {
		places[0] = ser_member(data, 0, "object");
		places[1] = ser_member(data, 0, "method");
		places[2] = ser_member(data, 0, "params");
		places[3] = ser_member(data, 0, "kwargs");
	} else if (!take_tuple(data, 0, places, 4)) {
		return no_call(text, n);
	}
	*ret = (struct ser_call){ ser_text(data, places[0]), ser_text(data, places[1]), places[2],
				  places[3] };
	return check_call(data, ret, text, n);
}

bool ser_call_of_batch(const struct ser_data *data, uint32_t at, struct ser_call *ret, char *text,
		       size_t n)
{
	uint32_t places[3];

	if (!take_tuple(data, at, places, 3))
		return no_call(text, n);
	ret->method = ser_text(data, places[0]);
	ret->vargs = places[1];
	ret->kwargs = places[2];
	return check_call(data, ret, text, n);
}
