/* SPDX-License-Identifier: MIT */
/* What a method may ask of its call. */
#include <pyrite/context.h>

#include <stdio.h>
#include <string.h>

#include "context/context.h"
#include "engine/engine.h"
#include "incall/incall.h"
#include "wire/annotation.h"

/* Returns "" when memory is out. */
static const char *keep(pyr_call *call, const char *text)
{
	const char *copy = arena_copy(&call->arena, text, strlen(text) + 1);

	return copy ? copy : "";
}

void *pyr_call_data(const pyr_call *call)
{
	if (!call || !call->has_data)
		return NULL;
	return call->instance ? call->instance->data : call->object->data;
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
	return call && (atomic_load(&call->scope.is_cancelled) ||
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

void *pyr_call_alloc(pyr_call *call, size_t n)
{
	void *block = call ? arena_alloc(&call->arena, n) : NULL;

	if (!block)
		error_set(call ? PYR_RESOURCE_EXHAUSTED : PYR_INVALID_ARGUMENT, "%s",
			  call ? "out of memory" : "call is NULL");
	return block;
}

void *pyr_call_alloc_array(pyr_call *call, size_t n, size_t size)
{
	if (call && size > 0 && n > SIZE_MAX / size) {
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory: %zu elements of %zu bytes", n,
			  size);
		return NULL;
	}
	return pyr_call_alloc(call, n * size);
}

char *pyr_call_strdup(pyr_call *call, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *copy = s ? pyr_call_alloc(call, n) : NULL;

	return copy ? memcpy(copy, s, n) : NULL;
}

/* ---- who calls ---- */

static struct call_who who_calls(const pyr_call *call)
{
	struct call_who who = { 0 };

	if (call && call->origin->who)
		call->origin->who(call, &who);
	return who;
}

bool pyr_call_credentials(const pyr_call *call, struct pyr_credentials *ret)
{
	const struct pyr_credentials *known = who_calls(call).credentials;

	if (known && ret)
		*ret = *known;
	return known != NULL;
}

bool incall_is_local(const pyr_call *call)
{
	return who_calls(call).is_local;
}

const char *incall_identity(const pyr_call *call, char uid[IDENTITY_UID])
{
	struct call_who who = who_calls(call);

	return identity_of(who.identity, who.credentials, uid);
}

struct rules *incall_rules(const pyr_call *call)
{
	return who_calls(call).rules;
}

struct audit *incall_audit(const pyr_call *call)
{
	return who_calls(call).audit;
}

const char *pyr_call_identity(pyr_call *call)
{
	char uid[IDENTITY_UID];
	const char *identity = incall_identity(call, uid);

	if (identity != uid)
		return identity;
	return uid[0] ? keep(call, uid) : "";
}

static char *put_hex(char *at, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		*at++ = digits[bytes[i] >> 4];
		*at++ = digits[bytes[i] & 15];
	}
	*at = '\0';
	return at;
}

const char *pyr_call_session(pyr_call *call)
{
	struct call_who who = who_calls(call);
	char text[32];

	if (!who.link)
		return "";
	snprintf(put_hex(text, who.link, 8), 12, "-%u", who.session);
	return keep(call, text);
}

/* ---- ids ---- */

void incall_set_ids(pyr_call *call, struct span correlation_id, struct span traceparent)
{
	char *id;

	if (context_is_correlation_id(correlation_id)) {
		id = arena_alloc(&call->arena, correlation_id.n + 1);
		if (id)
			call->scope.correlation_id = memcpy(id, correlation_id.p, correlation_id.n);
	}
	if (context_is_traceparent(traceparent)) {
		id = arena_alloc(&call->arena, traceparent.n + 1);
		if (id)
			call->scope.traceparent = memcpy(id, traceparent.p, traceparent.n);
	}
}

/* All calls of a chain have its number, so all make the same id of it. */
const char *pyr_call_correlation_id(pyr_call *call)
{
	char text[2 * sizeof(call->task.chain) + 1];

	if (!call)
		return "";
	if (!call->scope.correlation_id[0]) {
		put_hex(text, call->task.chain, sizeof(call->task.chain));
		call->scope.correlation_id = keep(call, text);
	}
	return call->scope.correlation_id;
}

const char *pyr_call_traceparent(const pyr_call *call)
{
	return call ? call->scope.traceparent : "";
}

/* ---- annotations ---- */

const void *pyr_call_annotation(const pyr_call *call, const char *key, size_t *size)
{
	const struct pyr_annotation *found =
		call ? annotation_find(call->request.annotations, call->request.n_annotations, key)
		     : NULL;

	if (found && size)
		*size = found->size;
	return found ? found->value : NULL;
}

size_t pyr_call_annotations(const pyr_call *call, const struct pyr_annotation **ret)
{
	if (!call || !ret)
		return 0;
	*ret = call->request.annotations;
	return call->request.n_annotations;
}

void incall_put_notes(const pyr_call *call, struct buf *buf, uint32_t id)
{
	const struct note *note;

	for (note = call->answer.notes; note; note = note->next)
		annotation_put(buf, (enum annotation_field)id, &note->annotation);
}

/* What the answer's annotations would be with this one: why that cannot be, or NULL. */
static const char *note_problem(const pyr_call *call, const struct pyr_annotation *added)
{
	struct buf all = { 0 };
	const char *problem;

	incall_put_notes(call, &all, ANNOTATIONS_OF_REPLY);
	annotation_put(&all, ANNOTATIONS_OF_REPLY, added);
	problem = all.broken ? "out of memory"
			     : annotations_problem((struct span){ all.data, all.n },
						   ANNOTATIONS_OF_REPLY);
	buf_free(&all);
	return problem;
}

static struct note *find_note(const pyr_call *call, const char *key)
{
	struct note *note;

	for (note = call->answer.notes; note && strcmp(note->annotation.key, key) != 0;
	     note = note->next)
		;
	return note;
}

int pyr_call_set_annotation(pyr_call *call, const char *key, const void *value, size_t size)
{
	struct pyr_annotation added = { key, value, size };
	const char *problem;
	struct note *note;

	if (!call || !key)
		return call ? error_missing("key") : error_null("call");
	if (call->answer.is_given)
		return error_set(PYR_FAILED_PRECONDITION, "%s is answered already",
				 incall_operation(call)->name);
	problem = note_problem(call, &added);
	if (problem)
		return error_set(PYR_INVALID_ARGUMENT, "%s", problem);
	note = find_note(call, key);
	if (!note && (note = arena_alloc(&call->arena, sizeof(*note)))) {
		note->annotation.key = keep(call, key);
		note->next = call->answer.notes;
		call->answer.notes = note;
	}
	added.value = arena_copy(&call->arena, value ? value : "", value ? size : 0);
	if (!note || !added.value || !note->annotation.key)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	note->annotation.value = added.value;
	note->annotation.size = value ? size : 0;
	return 0;
}

/* ---- the call in hand ---- */

pyr_call *pyr_call_current(void)
{
	return incall_current();
}

pyr_call *pyr_call_enter(pyr_call *call)
{
	return incall_enter(call);
}
