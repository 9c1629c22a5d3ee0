/* SPDX-License-Identifier: MIT */
#include "call/context.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "exec/exec.h"
#include "wire/annotation.h"

#define ID_RULE "a correlation id has 1 to 128 printable characters of ASCII"
#define TRACEPARENT_RULE                                                                           \
	"a traceparent is 00-<32 digits>-<16 digits>-<2 digits>, lower-case hexadecimal"

/* Of a thread or task. Ids are those of calls outside of methods. */
struct context_own {
	char correlation_id[CONTEXT_ID_MAX + 1], traceparent[CONTEXT_ID_MAX + 1];
	struct arena reply;
	const struct pyr_annotation *annotations; /* of the last answer */
	size_t n_annotations;
};

static _Thread_local struct context_own *own;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t own_key;
static bool have_key;

static void free_own(void *data)
{
	struct context_own *o = data;

	arena_clear(&o->reply);
	free(o);
	own = NULL;
}

static void make_key(void)
{
	have_key = pthread_key_create(&own_key, free_own) == 0;
}

/* Returns NULL when memory is out. */
static struct context_own *get_own(void)
{
	pthread_once(&key_once, make_key);
	if (own || !have_key)
		return own;
	own = calloc(1, sizeof(*own));
	if (!own)
		return NULL;
	arena_init(&own->reply, NULL, 0);
	if (pthread_setspecific(own_key, own) != 0)
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
	if (have_key)
		(void)pthread_setspecific(own_key, own); /* at worst lost with the thread */
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
	pyr_call *call = incall_current();
	size_t n = id ? strlen(id) + 1 : 1;
	char *copy;

	if (!call) {
		memcpy(place, id ? id : "", n);
		return 0;
	}
	copy = arena_copy(&call->arena, id ? id : "", n);
	if (!copy)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	*of_call = copy;
	return 0;
}

int pyr_set_correlation_id(const char *id)
{
	pyr_call *call = incall_current();
	struct context_own *o = get_own();

	if (id && !context_is_correlation_id(span_of(id)))
		return error_set(PYR_INVALID_ARGUMENT, ID_RULE);
	if (!o)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return set_id(id, o->correlation_id, call ? &call->correlation_id : NULL);
}

int pyr_set_traceparent(const char *traceparent)
{
	pyr_call *call = incall_current();
	struct context_own *o = get_own();

	if (traceparent && !context_is_traceparent(span_of(traceparent)))
		return error_set(PYR_INVALID_ARGUMENT, TRACEPARENT_RULE);
	if (!o)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return set_id(traceparent, o->traceparent, call ? &call->traceparent : NULL);
}

/* ---- a call that leaves ---- */

void context_describe(const struct outcall *call, struct frame *frame)
{
	const struct call_terms *terms = call->terms;
	const pyr_call *outer = incall_current();
	const uint8_t *of_job;

	if (outer) {
		frame->chain = (struct span){ outer->task.chain, sizeof(outer->task.chain) };
		frame->depth = outer->depth + 1;
		frame->correlation_id = span_of(outer->correlation_id);
		frame->traceparent = span_of(outer->traceparent);
	} else if (own) {
		frame->correlation_id = span_of(own->correlation_id);
		frame->traceparent = span_of(own->traceparent);
	}
	if (!outer && (of_job = exec_job_chain())) {
		frame->chain = (struct span){ of_job, sizeof(outer->task.chain) };
		frame->depth = 1;
	}
	if (terms->correlation_id)
		frame->correlation_id = span_of(terms->correlation_id);
	if (terms->traceparent)
		frame->traceparent = span_of(terms->traceparent);
	frame->body = call->along;
}

static bool has_hook(const struct outcall *call)
{
	return call->session->ways && call->session->ways->on_call;
}

/* What the hook of a call that leaves writes into. */
struct pyr_annotations {
	struct buf *buf;
};

int pyr_annotations_add(pyr_annotations *annotations, const char *key, const void *value,
			size_t size)
{
	struct pyr_annotation one = { key, value, size };
	struct buf alone = { 0 };
	const char *wrong;

	if (!annotations || !key)
		return error_missing(annotations ? "key" : "annotations");
	annotation_put(&alone, ANNOTATIONS_OF_CALL, &one);
	wrong = annotations_problem(span_of_buf(&alone), ANNOTATIONS_OF_CALL);
	buf_free(&alone);
	if (wrong)
		return error_set(PYR_INVALID_ARGUMENT, "%s", wrong);
	annotation_put(annotations->buf, ANNOTATIONS_OF_CALL, &one);
	return 0;
}

static void ask_hook(const struct outcall *call, struct buf *buf)
{
	const struct session_ways *ways = call->session->ways;
	struct pyr_annotations to = { buf };
	pyr_error *kept = pyr_error_take();

	ways->on_call(session_operation(call->session->interface, call->operation)->name, &to,
		      ways->data);
	error_restore(kept);
}

/* The last of a name counts: the call's own go last. */
static const char *pack_annotations(struct outcall *call, struct buf *buf)
{
	const struct call_terms *terms = call->terms;
	size_t i;

	buf_append(buf, terms->own_annotations.p, terms->own_annotations.n);
	if (has_hook(call))
		ask_hook(call, buf);
	for (i = 0; i < terms->n_annotations; i++)
		annotation_put(buf, ANNOTATIONS_OF_CALL, &terms->annotations[i]);
	if (buf->broken)
		return "out of memory";
	call->along = (struct span){ buf->data, buf->n };
	return annotations_problem(call->along, ANNOTATIONS_OF_CALL);
}

const char *context_pack(struct outcall *call, struct buf *buf)
{
	const struct call_terms *terms = call->terms;

	if (terms->correlation_id && !context_is_correlation_id(span_of(terms->correlation_id)))
		return ID_RULE;
	if (terms->traceparent && !context_is_traceparent(span_of(terms->traceparent)))
		return TRACEPARENT_RULE;
	call->along = terms->own_annotations;
	return terms->n_annotations > 0 || has_hook(call) ? pack_annotations(call, buf) : NULL;
}

/* ---- an answer ---- */

void context_keep_notes(struct outcall *call, const struct frame *frame)
{
	if (annotations_problem(frame->body, ANNOTATIONS_OF_REPLY))
		return; /* the result is good all the same */
	buf_reset(&call->notes);
	annotations_copy(frame->body, ANNOTATIONS_OF_REPLY, &call->notes);
}

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

static void set_reply(const struct outcall *call)
{
	if (call->code && call->is_remote)
		context_set_reply(span_of_buf(&call->answer), ANNOTATIONS_OF_ERROR);
	else
		context_set_reply(span_of_buf(&call->notes), ANNOTATIONS_OF_REPLY);
}

/* An answer came: the hook is told. It may make calls, and fail in them. */
static void tell_hook(const struct outcall *call)
{
	const struct session_ways *ways = call->session ? call->session->ways : NULL;
	pyr_error *kept;

	if (!ways || !ways->on_reply || (call->code && !call->is_remote))
		return;
	kept = pyr_error_take();
	ways->on_reply(session_operation(call->session->interface, call->operation)->name,
		       -call->code, ways->data);
	error_restore(kept);
	set_reply(call);
}

void context_take_reply(struct outcall *call)
{
	set_reply(call);
	tell_hook(call);
}

const void *pyr_reply_annotation(const char *name, size_t *size)
{
	const struct pyr_annotation *found =
		own ? annotation_find(own->annotations, own->n_annotations, name) : NULL;

	if (found && size)
		*size = found->size;
	return found ? found->value : NULL;
}
