/* SPDX-License-Identifier: MIT */
#include "context/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/thread_key.h"
#include "context/scope.h"

/* Of a thread or task. Ids are those of calls outside of methods. */
struct context_own {
	char correlation_id[CONTEXT_ID_MAX + 1], traceparent[CONTEXT_ID_MAX + 1];
	struct arena reply;
	const struct pyr_annotation *annotations; /* of the last answer */
	size_t n_annotations;
};

static _Thread_local struct context_own *own;

static void free_own(void *data)
{
	struct context_own *o = data;

	arena_clear(&o->reply);
	free(o);
	own = NULL;
}

static struct thread_key own_key = THREAD_KEY(free_own);

/* Returns NULL when memory is out. */
static struct context_own *get_own(void)
{
	if (own)
		return own;
	own = calloc(1, sizeof(*own));
	if (!own)
		return NULL;
	arena_init(&own->reply, NULL, 0);
	if (!thread_key_set(&own_key, own))
		free_own(own);
	return own;
}

/* ---- of tasks ---- */

struct context_own *context_inherit(void)
{
	struct context_own *copy;

	if (!own || !(own->correlation_id[0] || own->traceparent[0]))
		return NULL;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return NULL;
	memcpy(copy->correlation_id, own->correlation_id, sizeof(copy->correlation_id));
	memcpy(copy->traceparent, own->traceparent, sizeof(copy->traceparent));
	arena_init(&copy->reply, NULL, 0);
	return copy;
}

struct context_own *context_exchange(struct context_own *other)
{
	struct context_own *before = own;

	if (before == other) /* nothing, both */
		return before;
	own = other;
	(void)thread_key_set(&own_key, own); /* at worst lost with the thread */
	return before;
}

void context_drop(struct context_own *o)
{
	if (!o)
		return;
	arena_clear(&o->reply);
	free(o);
}

/* ---- ids ---- */

bool context_is_correlation_id(struct span id)
{
	size_t i;

	for (i = 0; i < id.n; i++)
		if (id.p[i] < ' ' || id.p[i] > '~')
			return false;
	return id.n > 0 && id.n <= CONTEXT_ID_MAX;
}

/* n lower-case hexadecimal digits, not all of them 0 unless they may be. */
static bool is_hex(const uint8_t *p, size_t n, bool may_be_zero)
{
	bool is_zero = true;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
		is_zero &= p[i] == '0';
	}
	return may_be_zero || !is_zero;
}

/* W3C Trace Context, 3.2: later versions may go on after a further '-'. */
bool context_is_traceparent(struct span id)
{
	enum { TRACE = 3, PARENT = 36, FLAGS = 53, END = 55 };
	const uint8_t *p = id.p;

	if (id.n < END || id.n > CONTEXT_ID_MAX || p[TRACE - 1] != '-' || p[PARENT - 1] != '-' ||
	    p[FLAGS - 1] != '-' || !is_hex(p, 2, true) || memcmp(p, "ff", 2) == 0)
		return false;
	if (id.n > END && (memcmp(p, "00", 2) == 0 || p[END] != '-'))
		return false;
	return is_hex(p + TRACE, 32, false) && is_hex(p + PARENT, 16, false) &&
	       is_hex(p + FLAGS, 2, true) && context_is_correlation_id(id);
}

/* Of the call that the thread serves, else of the thread. */
static int set_id(const char *id, char *place, const char **of_call)
{
	struct scope *scope = scope_current();
	size_t n = id ? strlen(id) + 1 : 1;
	char *copy;

	if (!scope) {
		memcpy(place, id ? id : "", n);
		return 0;
	}
	copy = scope->kind->copy(scope, id ? id : "", n);
	if (!copy)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	*of_call = copy;
	return 0;
}

int pyr_set_correlation_id(const char *id)
{
	struct scope *scope = scope_current();
	struct context_own *o = get_own();

	if (id && !context_is_correlation_id(span_of(id)))
		return error_set(PYR_INVALID_ARGUMENT, CONTEXT_ID_RULE);
	if (!o)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return set_id(id, o->correlation_id, scope ? &scope->correlation_id : NULL);
}

int pyr_set_traceparent(const char *traceparent)
{
	struct scope *scope = scope_current();
	struct context_own *o = get_own();

	if (traceparent && !context_is_traceparent(span_of(traceparent)))
		return error_set(PYR_INVALID_ARGUMENT, CONTEXT_TRACEPARENT_RULE);
	if (!o)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return set_id(traceparent, o->traceparent, scope ? &scope->traceparent : NULL);
}

void context_ids(struct span *correlation_id, struct span *traceparent)
{
	const struct scope *scope = scope_current();

	if (!scope && !own)
		return;
	*correlation_id = span_of(scope ? scope->correlation_id : own->correlation_id);
	*traceparent = span_of(scope ? scope->traceparent : own->traceparent);
}

static void copy_id(char *ret, size_t n, struct span id)
{
	if (id.n < n && id.n > 0)
		memcpy(ret, id.p, id.n);
}

/* Zeroed before. */
static void log_ids(struct log_ids *ret)
{
	struct span correlation_id = { 0 }, traceparent = { 0 };

	context_ids(&correlation_id, &traceparent);
	copy_id(ret->correlation_id, sizeof(ret->correlation_id), correlation_id);
	copy_id(ret->traceparent, sizeof(ret->traceparent), traceparent);
}

__attribute__((constructor)) static void tell_log(void)
{
	log_set_ids(log_ids);
}

/* ---- an answer ---- */

void context_clear_reply(void)
{
	if (!own || own->n_annotations == 0)
		return;
	own->n_annotations = 0;
	arena_clear(&own->reply);
	arena_init(&own->reply, NULL, 0);
}

void context_set_reply(struct span body, enum annotation_field field)
{
	struct context_own *o;

	context_clear_reply();
	if (body.n == 0 || annotations_problem(body, field) || !(o = get_own()))
		return;
	o->n_annotations = annotations_read(body, field, &o->reply, &o->annotations);
}

const void *pyr_reply_annotation(const char *name, size_t *size)
{
	const struct pyr_annotation *found =
		own ? annotation_find(own->annotations, own->n_annotations, name) : NULL;

	if (found && size)
		*size = found->size;
	return found ? found->value : NULL;
}

size_t context_reply(const struct pyr_annotation **ret)
{
	*ret = own ? own->annotations : NULL;
	return own ? own->n_annotations : 0;
}
