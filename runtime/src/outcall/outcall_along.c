/* SPDX-License-Identifier: MIT */
/* What goes along with a call: chain, ids and annotations; and with its answer. */
#include <pyrite/context.h>

#include "base/error.h"
#include "context/context.h"
#include "exec/exec.h"
#include "outcall/outcall.h"
#include "wire/annotation.h"

/* ---- a call that leaves ---- */

const uint8_t *outcall_chain(void)
{
	const struct scope *outer = scope_current();

	return outer ? outer->chain : exec_job_chain();
}

void outcall_put_along(const struct outcall *call, struct frame *frame)
{
	const struct call_terms *terms = call->said.terms;
	const struct scope *outer = scope_current();
	const uint8_t *chain = outcall_chain();

	if (chain) {
		frame->chain = (struct span){ chain, EXEC_CHAIN };
		frame->depth = outer ? outer->depth + 1 : 1;
	}
	context_ids(&frame->correlation_id, &frame->traceparent);
	if (terms->correlation_id)
		frame->correlation_id = span_of(terms->correlation_id);
	if (terms->traceparent)
		frame->traceparent = span_of(terms->traceparent);
	frame->body = call->said.along;
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
	const struct call_terms *terms = call->said.terms;
	size_t i;

	buf_append(buf, terms->own_annotations.p, terms->own_annotations.n);
	if (has_hook(call))
		ask_hook(call, buf);
	for (i = 0; i < terms->n_annotations; i++)
		annotation_put(buf, ANNOTATIONS_OF_CALL, &terms->annotations[i]);
	if (buf->broken)
		return "out of memory";
	call->said.along = (struct span){ buf->data, buf->n };
	return annotations_problem(call->said.along, ANNOTATIONS_OF_CALL);
}

const char *outcall_pack_along(struct outcall *call, struct buf *buf)
{
	const struct call_terms *terms = call->said.terms;

	if (terms->correlation_id && !context_is_correlation_id(span_of(terms->correlation_id)))
		return CONTEXT_ID_RULE;
	if (terms->traceparent && !context_is_traceparent(span_of(terms->traceparent)))
		return CONTEXT_TRACEPARENT_RULE;
	call->said.along = terms->own_annotations;
	return terms->n_annotations > 0 || has_hook(call) ? pack_annotations(call, buf) : NULL;
}

/* ---- an answer ---- */

void outcall_keep_notes(struct outcall *call, const struct frame *frame)
{
	if (annotations_problem(frame->body, ANNOTATIONS_OF_REPLY))
		return; /* the result is good all the same */
	buf_reset(&call->result.notes);
	annotations_copy(frame->body, ANNOTATIONS_OF_REPLY, &call->result.notes);
}

static void set_reply(const struct outcall *call)
{
	if (call->result.code && call->result.is_remote)
		context_set_reply(span_of_buf(&call->result.answer), ANNOTATIONS_OF_ERROR);
	else
		context_set_reply(span_of_buf(&call->result.notes), ANNOTATIONS_OF_REPLY);
}

/* An answer came: the hook is told. It may make calls, and fail in them. */
static void tell_hook(const struct outcall *call)
{
	const struct session_ways *ways = call->session ? call->session->ways : NULL;
	pyr_error *kept;

	if (!ways || !ways->on_reply || (call->result.code && !call->result.is_remote))
		return;
	kept = pyr_error_take();
	ways->on_reply(session_operation(call->session->interface, call->operation)->name,
		       -call->result.code, ways->data);
	error_restore(kept);
	set_reply(call);
}

void outcall_take_reply(struct outcall *call)
{
	set_reply(call);
	tell_hook(call);
}
