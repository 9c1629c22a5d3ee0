/* SPDX-License-Identifier: MIT */
/* A call made, as its user sees it: begun, ended, and what it failed with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outcall/outcall.h"
#include "reference/carried.h"

static void revoke(struct scope_item *item)
{
	struct outcall *call = (struct outcall *)((char *)item - offsetof(struct outcall, part));

	/* One that runs ends here; one that waits for a place, or is about to start, sees it. */
	outcall_cancel(call, PYR_CANCELLED, OUTCALL_REVOKED);
	engine_nudge(&call->waiter);
}

void outcall_init(struct outcall *call, const struct call_terms *terms)
{
	memset(call, 0, offsetof(struct outcall, result.room));
	buf_lend(&call->result.answer, call->result.room, sizeof(call->result.room));
	engine_waiter_init(&call->waiter, false);
	call->deadline = terms->deadline;
	call->said.terms = terms;
	call->part.cancel = revoke;
}

void outcall_fini(struct outcall *call)
{
	scope_remove(&call->part);
	outcall_take_reply(call);
	engine_waiter_fini(&call->waiter);
	carried_drop(call->sent.carried);
	import_list_drop(call->result.held);
	buf_free(&call->result.notes);
	buf_free(&call->result.answer);
}

const char *outcall_late(const struct outcall *call, char *text, size_t n)
{
	snprintf(text, n, "TimeoutError: no answer from %s in time",
		 call->session->peer->link->address);
	return text;
}

int outcall_error(struct outcall *call)
{
	const struct session *session = call->session;
	struct error_info error = { .code = call->result.code, .remote = call->result.is_remote };
	char *texts[5] = { NULL };
	struct error_held *held = NULL;
	struct frame frame;
	bool ok;
	int err;

	error.may_have_run = call->result.may_have_run;
	error.object = session->object;
	error.operation = session_operation(session->interface, call->operation)->name;
	error.address = session->peer->link->address;
	if (call->result.is_remote &&
	    frame_read_body(FRAME_ERROR,
			    (struct span){ call->result.answer.data, call->result.answer.n },
			    &frame)) {
		error.message = texts[0] = span_dup(frame.message);
		error.exception = texts[1] = span_dup(frame.exception);
		error.trace = texts[2] = span_dup(frame.trace);
		error.correlation_id = texts[3] = span_dup(frame.correlation_id);
		error.raised = frame.raised;
		error.detail = frame.detail.p;
		error.n_detail = frame.detail.n;
		if (call->result.held)
			held = carried_hold(carried_of_brought(call->result.held, &ok));
		error.held = held;
	} else {
		error.message = texts[4] =
			span_dup((struct span){ call->result.answer.data, call->result.answer.n });
	}
	err = error_set_info(&error);
	error_held_unref(held);
	for (size_t i = 0; i < 5; i++)
		free(texts[i]);
	return err;
}
