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
	outcall_forget(call);
}

void outcall_forget(struct outcall *call)
{
	scope_remove(&call->part);
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

/* What the other end says of it. */
static void failure_there(struct outcall *call, const struct frame *frame,
			  struct outcall_failure *ret)
{
	struct error_info *info = &ret->info;
	bool ok;

	info->message = ret->texts[0] = span_dup(frame->message);
	info->exception = ret->texts[1] = span_dup(frame->exception);
	info->trace = ret->texts[2] = span_dup(frame->trace);
	info->correlation_id = ret->texts[3] = span_dup(frame->correlation_id);
	info->raised = frame->raised;
	info->detail = frame->detail.p;
	info->n_detail = frame->detail.n;
	if (call->result.held)
		info->held = carried_hold(carried_of_brought(call->result.held, &ok));
	ret->notes = frame->body;
}

void outcall_failure(struct outcall *call, struct outcall_failure *ret)
{
	const struct session *session = call->session;
	struct error_info *info = &ret->info;
	struct frame frame;

	*ret = (struct outcall_failure){ .texts = { NULL } };
	info->code = call->result.code;
	info->remote = call->result.is_remote;
	info->may_have_run = call->result.may_have_run;
	info->object = session->object;
	info->operation = session_operation(session->interface, call->operation)->name;
	info->address = session->peer->link->address;
	if (call->result.is_remote &&
	    frame_read_body(FRAME_ERROR, span_of_buf(&call->result.answer), &frame))
		failure_there(call, &frame, ret);
	else
		info->message = ret->texts[0] = span_dup(span_of_buf(&call->result.answer));
}

void outcall_failure_free(struct outcall_failure *failure)
{
	size_t i;

	error_held_unref(failure->info.held);
	for (i = 0; i < sizeof(failure->texts) / sizeof(failure->texts[0]); i++)
		free(failure->texts[i]);
}

int outcall_error(struct outcall *call)
{
	struct outcall_failure failure;
	int err;

	outcall_failure(call, &failure);
	err = error_set_info(&failure.info);
	outcall_failure_free(&failure);
	return err;
}
