/* SPDX-License-Identifier: MIT */
#include "face/pyro/adapter.h"

#include <string.h>

static const struct adapter_method *find_method(const struct pyro_adapter *adapter,
						struct span name)
{
	const struct adapter_method *method;

	for (method = adapter->methods; method->name; method++)
		if (span_is(name, method->name))
			return method;
	return NULL;
}

static int answer_nobody(const struct adapter_method *method, const struct adapter_call *call)
{
	struct adapter_call own = *call;
	struct buf unwanted = { 0 };
	struct ser_sink nowhere;
	int ret;

	ser_sink(&nowhere, call->request->kind, adapter_protocol(call), &unwanted);
	own.results = &nowhere;
	ret = method->answer(&own);
	buf_free(&unwanted);
	return ret;
}

int adapter_answer(const struct pyro_adapter *adapter, const struct adapter_call *call)
{
	struct span name = call->call->method;
	const struct adapter_method *method = find_method(adapter, name);

	if (!method)
		return fault_say(call->fault, adapter_protocol(call), "builtins.AttributeError",
				 "'%s' object has no attribute '%.*s'", adapter->class,
				 name.n < 200 ? (int)name.n : 200, (const char *)name.p);
	return call->results ? method->answer(call) : answer_nobody(method, call);
}

/* ---- for methods ---- */

enum ser_protocol adapter_protocol(const struct adapter_call *call)
{
	return (enum ser_protocol)call->request->header->version;
}

int adapter_failed(const struct adapter_call *call)
{
	return fault_of_error(call->fault, adapter_protocol(call), NULL);
}

int adapter_null(const struct adapter_call *call)
{
	call->results->sink.kind->null(&call->results->sink);
	return 0;
}

uint32_t adapter_argument(const struct adapter_call *call, unsigned position, const char *name)
{
	const struct ser_data *data = &call->request->data;
	uint32_t vargs = call->call->vargs, kwargs = call->call->kwargs, at = SER_NONE;

	if (vargs != SER_NONE && ser_type(data, vargs) == SOURCE_ARRAY)
		for (at = ser_first(data, vargs); at != SER_NONE && position > 0; position--)
			at = ser_next(data, vargs, at);
	if (at == SER_NONE && kwargs != SER_NONE && ser_type(data, kwargs) == SOURCE_OBJECT)
		at = ser_member(data, kwargs, name);
	return at == SER_NONE || ser_type(data, at) == SOURCE_NULL ? SER_NONE : at;
}

int adapter_text(const struct adapter_call *call, unsigned position, const char *name,
		 const char **ret)
{
	uint32_t at = adapter_argument(call, position, name);
	struct span text = { 0 };
	char *copy;

	*ret = NULL;
	if (at == SER_NONE)
		return 0;
	text = ser_text(&call->request->data, at);
	if (ser_type(&call->request->data, at) != SOURCE_STRING ||
	    (text.n > 0 && memchr(text.p, '\0', text.n)))
		return fault_say(call->fault, adapter_protocol(call), "builtins.TypeError",
				 "%s must be a str", name);
	copy = arena_alloc(&call->request->arena, text.n + 1);
	if (!copy)
		return fault_say(call->fault, adapter_protocol(call), "PyroError", "out of memory");
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	*ret = copy;
	return 0;
}

/* Whether Python takes the number at that place for true: it is not 0, nor 0.0. */
static bool is_not_zero(const struct ser_data *data, uint32_t at)
{
	struct source_number number;
	struct ser_source source;
	size_t i;

	ser_source(&source, data, at);
	if (!source.source.kind->number(&source.source, &number))
		return true;
	if (!number.text.p)
		return number.is_real ? number.real != 0 : number.magnitude != 0;
	for (i = 0; i < number.text.n; i++)
		if (number.text.p[i] >= '1' && number.text.p[i] <= '9')
			return true;
	return false;
}

bool adapter_flag(const struct adapter_call *call, unsigned position, const char *name,
		  bool otherwise)
{
	uint32_t at = adapter_argument(call, position, name);

	if (at == SER_NONE)
		return otherwise;
	if (ser_type(&call->request->data, at) == SOURCE_NUMBER)
		return is_not_zero(&call->request->data, at);
	return ser_type(&call->request->data, at) != SOURCE_FALSE;
}
