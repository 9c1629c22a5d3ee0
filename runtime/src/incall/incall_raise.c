/* SPDX-License-Identifier: MIT */
/*
 * How a method ends with an error: its own, or that of a call it made. Each adds a line to the
 * trace, which so tells the whole way, where it began first. In the method's thread.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "incall/incall.h"
#include "reference/carried.h"

enum {
	TRACE_MAX = 32768, /* bytes; what comes of further hops is left out */
	ROOM = 1024
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* inner: the lines so far, "" if there are none. file: NULL if nobody told. */
static const char *trace_with(pyr_call *call, const char *inner, const char *file, int line)
{
	char text[ROOM], place[256] = "";
	size_t n_inner = strnlen(inner, TRACE_MAX), n;
	char *trace;

	if (file)
		snprintf(place, sizeof(place), "%.200s:%d ", base_name(file), line);
	snprintf(text, sizeof(text) - 1, "%sin %s of '%s' at %s", place,
		 incall_operation(call)->name, call->object->id, object_address(call->object));
	n = strlen(text);
	text[n++] = '\n';
	if (n_inner + n > TRACE_MAX) {
		while (n_inner > 0 && inner[n_inner - 1] != '\n')
			n_inner--;
		n = 0;
	}
	trace = arena_alloc_raw(&call->arena, n_inner + n + 1);
	if (!trace)
		return NULL;
	memcpy(trace, inner, n_inner);
	memcpy(trace + n_inner, text, n);
	trace[n_inner + n] = '\0';
	return trace;
}

/* How it ends, unless its method thinks better of it. failure: what it holds is taken. */
static void set_failure(pyr_call *call, const struct error_info *failure)
{
	struct error_held *before = call->answer.failure.held;

	call->answer.failure = *failure;
	error_held_unref(before);
}

int pyr_call_fail(pyr_call *call, const char *file, int line, int code, const char *format, ...)
{
	char text[2048];
	va_list args;

	if (code < 0)
		code = -code;
	if (!call || code < 1 || code > PYR_UNAUTHENTICATED)
		return error_set(PYR_INVALID_ARGUMENT, "pyr_fail: %s",
				 call ? "the code is not a status" : "call is NULL");
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	set_failure(call, &(struct error_info){ .code = code });
	call->answer.failure.message = arena_copy(&call->arena, text, strlen(text) + 1);
	call->answer.failure.trace = trace_with(call, "", file, line);
	return -code;
}

int pyr__raise(pyr_call *call, const char *file, int line, const struct pyr__type *type,
	       const void *value)
{
	struct codec_problem problem;
	struct codec_packer packer;
	const struct codec_carried *kept;
	struct error_held *held;
	uint8_t *detail;
	bool ok;
	int code = type->status ? type->status : PYR_ABORTED;

	if (!call)
		return error_null("call");
	if (!value || codec_prepare_value(type, value, &call->arena, &packer, &problem) < 0)
		return pyr_call_fail(call, file, line, PYR_INTERNAL,
				     "exception %s cannot be sent: %s", type->name,
				     value ? problem.text : "it is NULL");
	kept = carried_keep(packer.carried, &ok);
	held = carried_hold(kept);
	detail = arena_alloc_raw(&call->arena, packer.size ? packer.size : 1);
	if (!detail || (packer.carried && !held)) {
		error_held_unref(held);
		return pyr_call_fail(call, file, line, PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	codec_pack(&packer, detail);
	pyr_call_fail(call, file, line, code, "%s", type->name);
	call->answer.failure.exception = type->name;
	call->answer.failure.detail = detail;
	call->answer.failure.n_detail = packer.size;
	call->answer.failure.held = held;
	return -code;
}

/* ---- handing on ---- */

/* The lines so far of an error that a call of this method ended with. One that was found at this
 * end has none: then they begin with what was called. */
static const char *trace_so_far(pyr_call *call, const pyr_error *error)
{
	char text[ROOM];

	if (error->trace[0] || !error->operation[0])
		return error->trace;
	snprintf(text, sizeof(text), "calling %.300s of '%.255s' at %.200s\n", error->operation,
		 error->object, error->address);
	return arena_copy(&call->arena, text, strlen(text) + 1);
}

/* What the thread's last error says, strings borrowed, and this hop. */
static struct error_info handed_on(pyr_call *call, const char *file, int line)
{
	const pyr_error *last = pyr_last_error();
	struct error_info error = { .code = last->code };
	const char *inner = trace_so_far(call, last);

	error.message = last->message;
	error.trace = trace_with(call, inner ? inner : "", file, line);
	error.exception = last->exception;
	error.detail = error_detail(&error.n_detail);
	error.held = error_detail_held();
	return error;
}

static const char *keep(pyr_call *call, const char *text)
{
	return arena_copy(&call->arena, text, strlen(text) + 1);
}

int pyr_call_pass(pyr_call *call, const char *file, int line)
{
	struct error_info error;

	if (!call)
		return error_null("call");
	if (pyr_last_error()->code == 0)
		return pyr_call_fail(call, file, line, PYR_INTERNAL, "pyr_pass: nothing failed");
	error = handed_on(call, file, line);
	error.message = keep(call, error.message);
	error.exception = keep(call, error.exception);
	if (error.detail)
		error.detail = arena_copy(&call->arena, error.detail, error.n_detail);
	if (!error.detail)
		error.n_detail = 0;
	error_held_ref(error.held);
	set_failure(call, &error);
	return -error.code;
}

void incall_returned(pyr_call *call, int err)
{
	struct error_info error = { 0 };

	if (err >= 0 || err < -PYR_UNAUTHENTICATED) {
		incall_fail(call, PYR_UNKNOWN, "%s returned %d, which is not a status",
			    incall_operation(call)->name, err);
		return;
	}
	error.code = -err;
	if (call->answer.failure.code == -err)
		error = call->answer.failure;
	else if (pyr_last_error()->code == -err) /* of a call it made and hands on */
		error = handed_on(call, NULL, 0);
	else
		error.message = pyr_status_name(err);
	error.raised = true;
	incall_end(call, &error);
}

/* ---- the end ---- */

/* As the hook sees it. */
static pyr_error shown(const struct error_info *info)
{
	pyr_error error = { .code = info->code, .remote = info->remote, .raised = info->raised };

	error.message = info->message ? info->message : "";
	error.object = info->object;
	error.operation = info->operation;
	error.address = info->address;
	error.exception = info->exception ? info->exception : "";
	error.trace = info->trace ? info->trace : "";
	error.correlation_id = info->correlation_id ? info->correlation_id : "";
	return error;
}

/* The hook may make calls, and fail in them: texts of the thread's last error are put by meanwhile.
 */
static void tell_hook(pyr_call *call, const struct error_info *info)
{
	const struct object_hooks *hooks = &call->object->hooks;
	pyr_error error, *kept;

	if (!hooks->on_error || !call->has_begun)
		return;
	error = shown(info);
	kept = pyr_error_take();
	hooks->on_error(call, &error, hooks->data);
	error_restore(kept);
}

void incall_before_answer(pyr_call *call)
{
	const struct object_hooks *hooks = &call->object->hooks;
	pyr_error *kept;

	if (!hooks->on_answer || !call->has_begun || call->answer.is_given || call->origin->is_part)
		return;
	kept = pyr_error_take();
	hooks->on_answer(call, hooks->data);
	error_restore(kept);
}

/* CANCELLED or DEADLINE_EXCEEDED, or 0. A oneway was answered before, and nobody waits for it. */
static int code_of_loss(pyr_call *call)
{
	if (call->answer.is_given || !call->has_begun || !pyr_call_is_cancelled(call))
		return 0;
	return atomic_load(&call->scope.is_cancelled) ? PYR_CANCELLED : PYR_DEADLINE_EXCEEDED;
}

/* An error that its method may have ended with because nobody waits is told as what it is. */
static void give_up(struct error_info *error, int code, char *text, size_t n)
{
	const char *why = code == PYR_CANCELLED ? "the call was cancelled before it was answered"
						: "the call was not answered in time";

	if (error->code)
		snprintf(text, n, "%s; it failed: %s: %.1024s", why, pyr_status_name(error->code),
			 error->message ? error->message : "");
	else
		snprintf(text, n, "%s", why);
	*error = (struct error_info){ .code = code, .message = text, .trace = error->trace };
	error->may_have_run = true;
}

bool incall_is_given_up(pyr_call *call)
{
	struct error_info error = { 0 };

	if (!code_of_loss(call))
		return false;
	incall_end(call, &error);
	return true;
}

void incall_end(pyr_call *call, struct error_info *error)
{
	char text[ROOM + 256];
	int loss = code_of_loss(call);

	if (loss && error->code != PYR_CANCELLED && error->code != PYR_DEADLINE_EXCEEDED)
		give_up(error, loss, text, sizeof(text));
	error->remote = true;
	error->object = call->object->id;
	error->operation = incall_operation(call)->name;
	error->address = object_address(call->object);
	error->correlation_id = pyr_call_correlation_id(call);
	if (!error->trace)
		error->trace = trace_with(call, "", NULL, 0);
	tell_hook(call, error);
	incall_before_answer(call);
	incall_count(call, error->code);
	if (call->answer.is_given)
		return;
	call->answer.is_given = true;
	call->origin->fail(call, error);
}
