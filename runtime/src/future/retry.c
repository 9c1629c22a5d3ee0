/* SPDX-License-Identifier: MIT */
/*
 * What moves a call on: the hook of an attempt, a timer, or a thread of attempts. One of them at
 * a time has the next step, and a reference for it:
 *
 *     attempt --(hook)--> over, or on_ended() --> over, or pause --(timer)--> due --> attempt
 *
 * A success is over in the hook, without another thread. Who ends a call claims it first; the
 * others find it over, and only clean up.
 */
#include "future/retry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "context/context.h"
#include "exec/attempts.h"
#include "incall/incall.h"
#include "proxy/proxy_session.h"
#include "reference/carried.h"

struct retry {
	struct proxy_later later; /* among those that pause, or are due */
	atomic_int refs;          /* the future's; the next step's; of a thread that starts it */
	struct outcall *front;    /* the future's is valid until who ends it has completed it */
	bool is_settled;          /* there is no next step: the future has its reference, too */
	pyr_error *error;         /* it ended without a session */

	struct patience patience; /* what its terms point to is in the arena, as is the request */
	struct codec_packer packer;
	struct arena arena;
	pyr_call *outer;         /* counted: it is made inside this one; NULL: none */
	struct context_own *own; /* the thread's that started it */

	struct outcall attempt;
	struct outcall_hook hook;
	struct exec_job job;
	struct engine_timer timer;
	atomic_int turn; /* who starts the attempt, its hook: the second of them goes on */
	/* the proxy's lock: */
	bool is_starting;  /* the attempt, which may be over already */
	bool is_begun;     /* it has been started, and on_ended() has not looked at it */
	bool may_have_run; /* one of those before */
};

static struct retry *of_later(struct proxy_later *later)
{
	return (struct retry *)((char *)later - offsetof(struct retry, later));
}

static struct retry *of_timer(struct engine_timer *timer)
{
	return (struct retry *)((char *)timer - offsetof(struct retry, timer));
}

/* ---- the end ---- */

static void drop(struct retry *r, int n)
{
	if (atomic_fetch_sub(&r->refs, n) != n)
		return;
	engine_timer_cancel(&r->timer);
	if (r->attempt.session) {
		outcall_fini(&r->attempt);
		session_unref(r->attempt.session);
	}
	context_drop(r->own);
	if (r->outer)
		incall_unref(r->outer);
	pyr_error_free(r->error);
	arena_clear(&r->arena);
	carried_drop(r->packer.carried);
	proxy_unref(r->patience.proxy);
	free(r);
}

static bool claim(struct retry *r)
{
	return !atomic_exchange(&r->later.is_over, true);
}

/* As the attempt did. Perhaps with a peer's lock. */
static void end_as_attempt(struct retry *r)
{
	struct outcall *front = r->front, *attempt = &r->attempt;

	session_ref(attempt->session);
	front->session = attempt->session;
	front->operation = attempt->operation;
	front->result.code = attempt->result.code;
	front->result.is_remote = attempt->result.is_remote;
	front->result.may_have_run = attempt->result.may_have_run;
	buf_move(&front->result.answer, &attempt->result.answer);
	buf_move(&front->result.notes, &attempt->result.notes);
	front->result.held = attempt->result.held;
	attempt->result.held = NULL;
	outcall_complete(front);
}

/* The thread's last error stays as it is. Perhaps with the proxy's lock. */
static void set_error(struct retry *r, int code, const char *text)
{
	const pyr_proxy *proxy = r->patience.proxy;
	struct error_info info = { .code = code, .message = text };
	pyr_error *before = pyr_error_take();

	info.operation = session_operation(proxy->interface, r->patience.operation)->name;
	info.may_have_run = r->may_have_run;
	error_set_info(&info);
	r->error = error_copy();
	error_restore(before);
	r->front->result.code = code;
}

static void end_with(struct retry *r, int code, const char *text)
{
	if (!claim(r))
		return;
	set_error(r, code, text);
	outcall_complete(r->front);
}

/* With the proxy's lock. */
static void end_released(struct proxy_later *later)
{
	struct retry *r = of_later(later);
	char text[1024];

	snprintf(text, sizeof(text), "%s: the proxy was released", r->patience.proxy->uri->text);
	end_with(r, PYR_CANCELLED, text);
}

int retry_error(struct retry *r)
{
	int code = r->front->result.code;

	if (!r->error)
		return error_set(code, "out of memory for the error");
	error_restore(r->error);
	r->error = error_copy();
	return -code;
}

void retry_cancel(struct retry *r, const char *text)
{
	pyr_proxy *proxy = r->patience.proxy;

	if (!claim(r))
		return;
	pthread_mutex_lock(&proxy->lock);
	if (r->is_begun) {
		outcall_cancel(&r->attempt, PYR_CANCELLED, text);
		r->may_have_run |= r->attempt.result.may_have_run;
	} else if (r->is_starting) {
		r->may_have_run = true; /* it is just leaving; watch_attempt() cancels it */
	}
	set_error(r, PYR_CANCELLED, text);
	pthread_mutex_unlock(&proxy->lock);
	outcall_complete(r->front);
}

void retry_drop(struct retry *r)
{
	drop(r, r->is_settled ? 2 : 1);
}

/* ---- an attempt ---- */

static void on_ended(struct exec_job *job);

static void take_turn(struct retry *r)
{
	if (atomic_fetch_sub(&r->turn, 1) != 1)
		return;
	r->job.run = on_ended;
	attempts_post(&r->job);
}

/* The attempt is over; perhaps with a peer's lock. */
static void on_attempt(struct outcall_hook *hook)
{
	struct retry *r = (struct retry *)((char *)hook - offsetof(struct retry, hook));
	int code = r->attempt.result.code;

	if (code != PYR_UNAVAILABLE && code != PYR_NOT_FOUND && claim(r)) {
		r->is_settled = true;
		end_as_attempt(r);
	} else {
		take_turn(r);
	}
}

/* Nobody waits for the attempt, who would see to its deadline and the time to connect. */
static void on_look(struct engine_timer *timer)
{
	struct retry *r = of_timer(timer);
	int64_t next = outcall_look(&r->attempt);

	if (next != ENGINE_FOREVER)
		engine_timer_set(timer, next);
}

/* With the thread's context as it was where the call was started. */
static void start(struct retry *r, struct session *session)
{
	struct context_own *own = context_exchange(r->own);
	pyr_call *before = incall_enter(r->outer);

	outcall_start(&r->attempt, session, r->patience.operation, &r->packer, false);
	incall_enter(before);
	(void)context_exchange(own);
}

/* The attempt has been started. With the proxy's lock. */
static void watch_attempt(struct retry *r)
{
	int64_t limit = outcall_limit(&r->attempt);

	r->is_starting = false;
	r->is_begun = true;
	r->timer.fire = on_look;
	if (!atomic_load(&r->later.is_over) && limit != ENGINE_FOREVER &&
	    engine_timer_set(&r->timer, limit) < 0)
		end_with(r, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (atomic_load(&r->later.is_over)) /* also by a cancel before it was live */
		outcall_cancel(&r->attempt, PYR_CANCELLED, "the future was cancelled");
}

/* session: a reference, taken. */
static void make_attempt(struct retry *r, struct session *session)
{
	pyr_proxy *proxy = r->patience.proxy;

	pthread_mutex_lock(&proxy->lock);
	r->is_starting = true;
	pthread_mutex_unlock(&proxy->lock);
	atomic_fetch_add(&r->refs, 1);
	atomic_store(&r->turn, 2);
	outcall_init(&r->attempt, &r->patience.terms);
	(void)outcall_set_hook(&r->attempt, &r->hook);
	start(r, session);
	pthread_mutex_lock(&proxy->lock);
	watch_attempt(r);
	pthread_mutex_unlock(&proxy->lock);
	take_turn(r);
	drop(r, 1);
}

/* ---- between two attempts ---- */

static void on_late(struct engine_timer *timer)
{
	struct retry *r = of_timer(timer);
	char text[1024];

	snprintf(text, sizeof(text), "TimeoutError: %s was not found in time",
		 r->patience.proxy->uri->text);
	end_with(r, PYR_DEADLINE_EXCEEDED, text);
}

/* The next attempt is made as soon as there is a session, or the deadline ends it. pauses: it is
 * among those. */
static void make_due(struct retry *r, bool pauses)
{
	r->timer.fire = on_late;
	if (r->patience.terms.deadline != ENGINE_FOREVER)
		engine_timer_set(&r->timer, r->patience.terms.deadline);
	proxy_later_want(r->patience.proxy, &r->later, pauses);
}

static void on_pause_over(struct engine_timer *timer)
{
	make_due(of_timer(timer), true);
}

/* Sets the timer before anybody else may move it. */
static void pause_it(struct retry *r)
{
	pyr_proxy *proxy = r->patience.proxy;
	bool is_released, is_set = false;

	r->timer.fire = on_pause_over;
	pthread_mutex_lock(&proxy->lock);
	is_released = proxy->n_released != r->patience.n_released;
	if (!is_released && (is_set = engine_timer_set(&r->timer, r->patience.next) == 0))
		proxy_later_pause(proxy, &r->later);
	pthread_mutex_unlock(&proxy->lock);
	if (is_set)
		return;
	if (is_released)
		end_released(&r->later);
	else
		end_with(r, PYR_RESOURCE_EXHAUSTED, "out of memory");
	drop(r, 1);
}

/* What becomes of an attempt that may be made again; in a thread of attempts. */
static void on_ended(struct exec_job *job)
{
	struct retry *r = (struct retry *)((char *)job - offsetof(struct retry, job));
	pyr_proxy *proxy = r->patience.proxy;
	enum patience_next next = PATIENCE_OVER;

	pthread_mutex_lock(&proxy->lock);
	r->is_begun = false;
	r->may_have_run |= r->attempt.result.may_have_run;
	pthread_mutex_unlock(&proxy->lock);
	engine_timer_cancel(&r->timer);
	if (!atomic_load(&r->later.is_over))
		next = patience_next(&r->patience, &r->attempt);
	if (next == PATIENCE_AGAIN) {
		make_due(r, false);
	} else if (next == PATIENCE_PAUSE) {
		pause_it(r);
	} else {
		if (claim(r))
			end_as_attempt(r);
		drop(r, 1);
	}
}

/* The proxy has no session, the last error tells why. */
static void on_no_session(struct retry *r)
{
	if (patience_next(&r->patience, NULL) == PATIENCE_PAUSE) {
		pause_it(r);
		return;
	}
	if (claim(r)) {
		r->error = error_copy();
		if (r->error)
			r->error->may_have_run = r->patience.may_have_run;
		r->front->result.code = pyr_last_error()->code;
		outcall_complete(r->front);
	}
	drop(r, 1);
}

/* It is due. */
static void go(struct proxy_later *later, struct session *session)
{
	struct retry *r = of_later(later);

	engine_timer_cancel(&r->timer);
	if (atomic_load(&later->is_over)) {
		session_unref(session);
		drop(r, 1);
	} else if (session) {
		make_attempt(r, session);
	} else {
		on_no_session(r);
	}
}

/* ---- the beginning ---- */

static const char *keep_text(struct retry *r, const char *text, bool *ok)
{
	const char *copy = text ? arena_copy(&r->arena, text, strlen(text) + 1) : NULL;

	*ok &= !text || copy;
	return copy;
}

static bool keep_terms(struct retry *r)
{
	struct call_terms *terms = &r->patience.terms;
	struct pyr_annotation *copy;
	bool ok = true;
	size_t i;

	terms->correlation_id = keep_text(r, terms->correlation_id, &ok);
	terms->traceparent = keep_text(r, terms->traceparent, &ok);
	terms->key = keep_text(r, terms->key, &ok);
	copy = arena_copy(&r->arena, terms->annotations, terms->n_annotations * sizeof(*copy));
	terms->annotations = copy;
	for (i = 0; copy && i < terms->n_annotations; i++) {
		copy[i].key = keep_text(r, copy[i].key, &ok);
		copy[i].value = arena_copy(&r->arena, copy[i].value, copy[i].size);
		ok &= copy[i].value != NULL;
	}
	return ok && copy;
}

static bool keep_request(struct retry *r, const struct codec_packer *packer)
{
	uint8_t *bytes = arena_alloc_raw(&r->arena, packer->size);
	bool is_kept;

	r->packer = (struct codec_packer){ .bytes = bytes,
					   .size = packer->size,
					   .memory = packer->memory };
	r->packer.carried = carried_keep(packer->carried, &is_kept);
	if (bytes)
		codec_pack(packer, bytes);
	return bytes && is_kept;
}

static struct retry *make(struct outcall *front, const struct patience *patience)
{
	static const struct call_terms no_limit = { .deadline = ENGINE_FOREVER };
	struct retry *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	atomic_init(&r->refs, 2);
	outcall_init(front, &no_limit);
	front->is_front = true;
	r->front = front;
	r->patience = *patience;
	r->later.go = go;
	r->later.release = end_released;
	r->later.terms = &r->patience.terms;
	r->hook.run = on_attempt;
	arena_init(&r->arena, NULL, 0);
	r->outer = incall_current();
	if (r->outer)
		incall_ref(r->outer);
	r->own = context_inherit();
	proxy_ref(patience->proxy);
	return r;
}

static void give_up(struct retry *r)
{
	if (!r)
		return;
	engine_waiter_fini(&r->front->waiter);
	drop(r, 2);
}

struct retry *retry_new(struct outcall *front, const struct patience *patience,
			const struct codec_packer *packer)
{
	struct retry *r = attempts_start() ? make(front, patience) : NULL;
	struct session *session;

	if (!r || !keep_terms(r) || !keep_request(r, packer)) {
		give_up(r);
		error_set(PYR_RESOURCE_EXHAUSTED, "no memory or thread for a call that may be made "
						  "again");
		return NULL;
	}
	session = patience_session(patience, true);
	if (session) {
		make_attempt(r, session);
	} else if (patience_next(&r->patience, NULL) == PATIENCE_PAUSE) {
		pause_it(r);
	} else {
		give_up(r);
		return NULL;
	}
	return r;
}
