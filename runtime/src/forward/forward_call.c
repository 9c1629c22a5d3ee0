/* SPDX-License-Identifier: MIT */
/*
 * Calls that are handed on: each is an incoming one and one that is made, which is part of it, so
 * it is late, cancelled and nested as that. Items go from stream to stream as far as there is
 * credit; credit is given for those that have been put, so an end that does not read stops the
 * other, and what waits here is a window and an item each way, charged to who calls.
 */
#include "forward/forward_call.h"

#include <stdlib.h>

#include "base/error.h"
#include "exec/exec.h"
#include "outcall/outcall_stream.h"
#include "reference/carried.h"
#include "reference/references.h"
#include "wire/annotation.h"

/* From one stream to the other. */
struct way {
	struct stream_watch watch; /* of the stream that it comes from */
	struct stream_item *item;  /* being put; NULL: none */
	size_t at;
	bool is_through; /* no more is handed on */
};

/* In the call's memory; the hook's but for what others use to post it. */
struct forward_call {
	struct outcall out;
	pyr_call *call; /* counted */
	struct engine_hook hook;
	struct engine_timer timer; /* nobody waits: for the deadline */
	struct outcall_hook over;
	struct engine_hook end; /* it is over: posted once */
	atomic_bool is_posted;
	bool is_over, is_answered, is_ended;
	pyr_stream *stream; /* the end at the owner's; NULL: it has none */
	struct way in, back;
};

static void post(struct forward_call *f)
{
	if (!atomic_exchange(&f->is_posted, true))
		engine_before_poll(&f->hook);
}

/* Of outcall: perhaps with a peer's lock. */
static void on_over(struct outcall_hook *hook)
{
	struct forward_call *f =
		(struct forward_call *)((char *)hook - offsetof(struct forward_call, over));

	engine_before_poll(&f->end); /* from here on it may be gone */
}

static void on_change_in(struct stream_watch *watch)
{
	post((struct forward_call *)((char *)watch - offsetof(struct forward_call, in.watch)));
}

static void on_change_back(struct stream_watch *watch)
{
	post((struct forward_call *)((char *)watch - offsetof(struct forward_call, back.watch)));
}

/* In the runtime's thread. */
static void on_time(struct engine_timer *timer)
{
	struct forward_call *f =
		(struct forward_call *)((char *)timer - offsetof(struct forward_call, timer));
	int64_t next = outcall_look(&f->out);

	if (next != ENGINE_FOREVER)
		engine_timer_set(timer, next);
}

/* ---- the answer ---- */

/* Annotations go back as they came. */
static void keep_notes(pyr_call *call, struct span body, enum annotation_field field)
{
	const struct pyr_annotation *list;
	struct note *note;
	size_t n, i;

	if (annotations_problem(body, field))
		return;
	n = annotations_read(body, field, &call->arena, &list);
	for (i = 0; i < n; i++) {
		note = arena_alloc(&call->arena, sizeof(*note));
		if (!note)
			return;
		*note = (struct note){ list[i], call->answer.notes };
		call->answer.notes = note;
	}
}

static void answer_error(struct forward_call *f)
{
	struct outcall_failure failure;

	outcall_failure(&f->out, &failure);
	keep_notes(f->call, failure.notes, ANNOTATIONS_OF_ERROR);
	if (failure.info.remote && !failure.info.trace)
		failure.info.trace = ""; /* nothing of this hop, where nothing is told of others */
	incall_end(f->call, &failure.info);
	outcall_failure_free(&failure);
}

static void answer_result(struct forward_call *f)
{
	const struct outcall_result *result = &f->out.result;
	struct codec_packer packer = { .size = result->answer.n };
	bool ok;

	packer.bytes = result->answer.n > 0 ? result->answer.data : (const uint8_t *)"";
	packer.carried = carried_of_brought(result->held, &ok);
	keep_notes(f->call, span_of_buf(&result->notes), ANNOTATIONS_OF_REPLY);
	if (ok)
		incall_reply(f->call, &packer);
	else
		incall_fail(f->call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	carried_drop(packer.carried);
}

/* Nobody else sends what was queued. */
static void answer(struct forward_call *f)
{
	struct peer *peer = f->call->peer;

	if (f->is_answered)
		return;
	f->is_answered = true;
	if (f->out.result.code)
		answer_error(f);
	else
		answer_result(f);
	if (exec_has_corked(&peer->out.cork))
		peer_flush(peer);
}

/* As the last error says. */
static void fail(struct forward_call *f)
{
	const pyr_error *last = pyr_last_error();

	if (!f->is_answered)
		incall_fail(f->call, last->code, "%s", last->message);
	f->is_answered = true;
	outcall_cancel(&f->out, PYR_CANCELLED, "its items cannot be handed on");
}

/* ---- items ---- */

/* Returns 0 when no more can go for now, 1 after the last one, or minus a status. */
static int hand_on(struct way *way, pyr_stream *from, pyr_stream *to)
{
	bool has_ended;
	int err;

	for (;;) {
		if (!way->item) {
			way->item = stream_take_item(from, &has_ended);
			way->at = 0;
		}
		if (!way->item)
			return has_ended;
		err = stream_hand_on(to, way->item, &way->at);
		if (err)
			return err > 0 ? 0 : err;
		stream_let_go_item(from, way->item);
		way->item = NULL;
	}
}

static void stop(struct way *way, pyr_stream *from)
{
	if (way->item)
		stream_let_go_item(from, way->item);
	way->item = NULL;
	way->is_through = true;
}

/* One way, as far as it goes. */
static void go(struct forward_call *f, struct way *way, pyr_stream *from, pyr_stream *to)
{
	int came;

	if (way->is_through)
		return;
	came = hand_on(way, from, to);
	stream_flush(to);
	if (came < 0 || (f->is_over && !way->item))
		stop(way, from);
	if (came < 0 && came != -PYR_CANCELLED) /* else nobody wants them any more */
		fail(f);
	if (came == 1 && to == f->stream && !way->is_through) {
		stop(way, from);
		if (stream_end(to) == -PYR_RESOURCE_EXHAUSTED)
			fail(f);
	}
}

/* ---- from the beginning to the end ---- */

/* The rest of it, once nobody else knows it. */
static void destroy(struct forward_call *f)
{
	pyr_call *call = f->call;
	struct session *session = f->out.session;

	outcall_forget(&f->out);
	if (f->stream) {
		pthread_mutex_lock(&f->stream->lock);
		stream_drop_items(f->stream);
		pthread_mutex_unlock(&f->stream->lock);
		stream_unref(f->stream);
	}
	session_unref(session);
	incall_unref(call);
}

/* Nobody posts the hook any more. */
static void detach(struct forward_call *f)
{
	engine_timer_cancel(&f->timer);
	if (!f->stream)
		return;
	stream_set_watch(f->call->stream, NULL);
	stream_set_watch(f->stream, NULL);
	stop(&f->in, f->call->stream);
	stop(&f->back, f->stream);
}

static void go_on(struct forward_call *f)
{
	if (f->stream) {
		go(f, &f->in, f->call->stream, f->stream);
		go(f, &f->back, f->stream, f->call->stream);
	}
	if (f->is_over && (!f->stream || f->back.is_through || f->is_answered)) {
		answer(f);
		detach(f);
		f->is_ended = true;
	}
}

/* In a thread that may be one of the user's. */
static void step(struct forward_call *f)
{
	pyr_error *kept = pyr_error_take();

	if (!f->is_ended)
		go_on(f);
	error_restore(kept);
	if (f->is_ended && !atomic_load(&f->is_posted)) /* else it comes again */
		destroy(f);
}

static void run(struct engine_hook *hook)
{
	struct forward_call *f =
		(struct forward_call *)((char *)hook - offsetof(struct forward_call, hook));

	atomic_store(&f->is_posted, false);
	step(f);
}

static void run_end(struct engine_hook *hook)
{
	struct forward_call *f =
		(struct forward_call *)((char *)hook - offsetof(struct forward_call, end));

	f->is_over = true;
	step(f);
}

/* Returns NULL when memory is out. */
static struct forward_call *new_call(pyr_call *call)
{
	struct forward_call *f = arena_alloc(&call->arena, sizeof(*f));

	if (!f)
		return NULL;
	f->call = call;
	f->hook.run = run;
	f->end.run = run_end;
	f->over.run = on_over;
	f->timer.fire = on_time;
	f->in.watch.changed = on_change_in;
	f->back.watch.changed = on_change_back;
	if (!call->stream)
		return f;
	f->stream = stream_new(call->stream->operation, true);
	if (!f->stream)
		return NULL;
	f->stream->caller.call = &f->out;
	stream_charge_to(f->stream, call->peer->budget); /* who calls makes us hold it */
	f->in.is_through = !call->stream->reads;
	f->back.is_through = !call->stream->writes;
	return f;
}

static void launch(struct forward_call *f, struct session *session,
		   const struct codec_carried *carried)
{
	pyr_call *call = f->call, *outer;
	struct call_terms terms = { .deadline = call->deadline,
				    .annotations = call->request.annotations,
				    .n_annotations = call->request.n_annotations,
				    .as_it_came = &call->request.handed_on->what };
	struct span payload = call->request.payload;
	struct codec_packer packer = { .size = payload.n, .carried = carried };

	packer.bytes = payload.n > 0 ? payload.p : (const uint8_t *)"";
	outcall_init(&f->out, &terms);
	(void)outcall_set_hook(&f->out, &f->over);
	session_ref(f->out.session = session);
	f->out.stream = f->stream;
	if (f->stream) {
		peer_stream_call(f->stream, session);
		stream_set_watch(call->stream, &f->in.watch);
		stream_set_watch(f->stream, &f->back.watch);
	}
	outer = incall_enter(call);
	outcall_start(&f->out, session, 0, &packer, false);
	incall_enter(outer);
}

void forward_fail(pyr_call *call, int code, const char *text)
{
	incall_fail(call, code, "%s", text);
	incall_unref(call);
}

void forward_call(pyr_call *call, struct session *session)
{
	const struct codec_carried *carried;
	struct forward_call *f;
	int64_t next;
	bool ok;

	if (call->deadline != ENGINE_FOREVER && engine_now() >= call->deadline) {
		forward_fail(call, PYR_DEADLINE_EXCEEDED, "the deadline passed before it ran");
		return;
	}
	carried = carried_of_brought(call->request.held, &ok);
	f = ok ? new_call(call) : NULL;
	if (!f) {
		carried_drop(carried);
		forward_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	launch(f, session, carried);
	carried_drop(carried);
	next = outcall_look(&f->out);
	if (next != ENGINE_FOREVER && engine_timer_set(&f->timer, next) < 0)
		outcall_cancel(&f->out, PYR_CANCELLED, "out of memory");
	post(f); /* items may have come before */
}
