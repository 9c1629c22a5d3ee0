/* SPDX-License-Identifier: MIT */
/* What a method may ask of its call. */
#include <string.h>

#include "engine.h"
#include "incall.h"

void *pyr_call_data(const pyr_call *call)
{
	return call ? call->object->data : NULL;
}

const char *pyr_call_object(const pyr_call *call)
{
	return call ? call->object->id : "";
}

const char *pyr_call_operation(const pyr_call *call)
{
	return call ? incall_operation(call)->name : "";
}

const char *pyr_call_peer(const pyr_call *call)
{
	return call ? call->origin->peer(call) : "";
}

bool pyr_call_is_cancelled(const pyr_call *call)
{
	return call && (atomic_load(&call->is_cancelled) ||
			(call->deadline != ENGINE_FOREVER && engine_now() >= call->deadline));
}

int64_t pyr_call_time_left(const pyr_call *call)
{
	int64_t left;

	if (!call || call->deadline == ENGINE_FOREVER)
		return INT64_MAX;
	left = call->deadline - engine_now();
	return left > 0 ? left / ENGINE_MS : 0;
}

void *pyr_alloc(pyr_call *call, size_t n)
{
	void *block = call ? arena_alloc(&call->arena, n) : NULL;

	if (!block)
		error_set(call ? PYR_RESOURCE_EXHAUSTED : PYR_INVALID_ARGUMENT, "%s",
			  call ? "out of memory" : "call is NULL");
	return block;
}

char *pyr_strdup(pyr_call *call, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *copy = s ? pyr_alloc(call, n) : NULL;

	return copy ? memcpy(copy, s, n) : NULL;
}
