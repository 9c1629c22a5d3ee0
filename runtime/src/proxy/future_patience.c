/* SPDX-License-Identifier: MIT */
/*
 * What moves a call on: the hook of an attempt, a timer, or a thread of attempts. One of them at
 * a time has the next step, and a reference for it:
 *
 *     attempt --(hook)--> over, or on_ended() --> over, or pause --(timer)--> due --> attempt
 *
 * A success is over in the hook, without another thread. Calls of a proxy that are due together
 * share one look-up. Who ends a call claims it first; the others find it over, and only clean up.
 */
#include "proxy/future_patience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "context/context.h"
#include "exec/attempts.h"
#include "incall/incall.h"

enum { TRIES = 3 };

struct future_patience {
	struct future_wait wait; /* the proxy's lock: among those that pause, or are due */
	atomic_int refs;         /* the future's; the next step's; of a thread that starts it */
	atomic_bool is_over;     /* set by who ends it: */
	struct outcall *front;   /* the future's is valid until he has completed it */
	bool is_settled;         /* there is no next step: the future has its reference, too */
	pyr_error *error;        /* it ended without a session */

	struct patience patience;
	struct call_terms terms; /* in the arena, as is the request */
	struct codec_packer packer;
	struct arena arena;
	unsigned operation;
	int tries;
	pyr_call *outer;         /* counted: it is made inside this one; NULL: none */
	struct context_own *own; /* the thread's that started it */

	struct outcall attempt;
	struct outcall_hook hook;
	struct exec_job job;
	struct engine_timer timer;
	/* the proxy's lock: */
	unsigned n_begun;  /* attempts */
	unsigned n_ended;  /* of them, those that on_ended() has looked at */
	bool is_begun;     /* the attempt has been started, and is not one of them */
	bool may_have_run; /* one of the attempts before */
};

/* ---- the end ---- */

/* Its session is of no more use where it was lost. */
static void end_attempt(struct future_patience *p, bool is_lost)
{
	struct session *session = p->attempt.session;

	if (!session)
		return;
	outcall_fini(&p->attempt);
	p->attempt.session = NULL;
	if (is_lost)
		proxy_forget(p->patience.proxy, session);
	session_unref(session);
}

static void drop(struct future_patience *p, int n)
{
	if (atomic_fetch_sub(&p->refs, n) != n)
		return;
	engine_timer_cancel(&p->timer);
	end_attempt(p, false);
	context_drop(p->own);
	if (p->outer)
		incall_unref(p->outer);
	pyr_error_free(p->error);
	arena_clear(&p->arena);
	proxy_unref(p->patience.proxy);
	free(p);
}

static bool claim(struct future_patience *p)
{
	return !atomic_exchange(&p->is_over, true);
}

/* As the attempt did. Perhaps with a peer's lock. */
static void end_as_attempt(struct future_patience *p)
{
	struct outcall *front = p->front, *attempt = &p->attempt;

	session_ref(attempt->session);
	front->session = attempt->session;
	front->operation = attempt->operation;
	front->code = attempt->code;
	front->is_remote = attempt->is_remote;
	front->may_have_run = attempt->may_have_run;
	front->answer = attempt->answer;
	front->notes = attempt->notes;
	attempt->answer = attempt->notes = (struct buf){ 0 };
	outcall_complete(front);
}

/* The thread's last error stays as it is. Perhaps with the proxy's lock. */
static void set_error(struct future_patience *p, int code, const char *text)
{
	const pyr_proxy *proxy = p->patience.proxy;
	struct error_info info = { .code = code, .message = text };
	pyr_error *before = pyr_error_take();

	info.operation = session_operation(proxy->interface, p->operation)->name;
	info.may_have_run = p->may_have_run;
	error_set_info(&info);
	p->error = error_copy();
	error_restore(before);
	p->front->code = code;
}

static void end_with(struct future_patience *p, int code, const char *text)
{
	if (!claim(p))
		return;
	set_error(p, code, text);
	outcall_complete(p->front);
}

static void end_released(struct future_patience *p)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s: the proxy was released", p->patience.proxy->uri->text);
	end_with(p, PYR_CANCELLED, text);
}

int future_patience_error(struct future_patience *p)
{
	int code = p->front->code;

	if (!p->error)
		return error_set(code, "out of memory for the error");
	error_restore(p->error);
	p->error = error_copy();
	return -code;
}

void future_patience_cancel(struct future_patience *p, const char *text)
{
	pyr_proxy *proxy = p->patience.proxy;

	if (!claim(p))
		return;
	pthread_mutex_lock(&proxy->lock);
	if (p->is_begun) {
		outcall_cancel(&p->attempt, PYR_CANCELLED, text);
		p->may_have_run |= p->attempt.may_have_run;
	} else if (p->n_begun > p->n_ended) {
		p->may_have_run = true; /* it is just leaving; watch_attempt() cancels it */
	}
	set_error(p, PYR_CANCELLED, text);
	pthread_mutex_unlock(&proxy->lock);
	outcall_complete(p->front);
}

void future_patience_drop(struct future_patience *p)
{
	drop(p, p->is_settled ? 2 : 1);
}

/* ---- an attempt ---- */

static void on_ended(struct exec_job *job);

/* The attempt is over; perhaps with a peer's lock. */
static void on_attempt(struct outcall_hook *hook)
{
	struct future_patience *p =
		(struct future_patience *)((char *)hook - offsetof(struct future_patience, hook));
	int code = p->attempt.code;

	if (code != PYR_UNAVAILABLE && code != PYR_NOT_FOUND && claim(p)) {
		p->is_settled = true;
		end_as_attempt(p);
	} else {
		p->job.run = on_ended;
		attempts_post(&p->job);
	}
}

/* Nobody waits for the attempt, who would see to its deadline and the time to connect. */
static void on_look(struct engine_timer *timer)
{
	struct future_patience *p =
		(struct future_patience *)((char *)timer - offsetof(struct future_patience, timer));
	int64_t next = outcall_look(&p->attempt);

	if (next != ENGINE_FOREVER)
		engine_timer_set(timer, next);
}

/* With the thread's context as it was where the call was started. Once the call has left, the next
 * attempt may begin elsewhere. */
static void start(struct future_patience *p, struct session *session)
{
	struct context_own *own = context_exchange(p->own);
	pyr_call *before = incall_enter(p->outer);

	outcall_start(&p->attempt, session, p->operation, &p->packer, false);
	incall_enter(before);
	(void)context_exchange(own);
}

/* The attempt has been started, and on_ended() has not looked at it. With the proxy's lock. */
static void watch_attempt(struct future_patience *p)
{
	int64_t limit = outcall_limit(&p->attempt);

	p->is_begun = true;
	p->timer.fire = on_look;
	if (!atomic_load(&p->is_over) && limit != ENGINE_FOREVER &&
	    engine_timer_set(&p->timer, limit) < 0)
		end_with(p, PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (atomic_load(&p->is_over)) /* also by a cancel before it was live */
		outcall_cancel(&p->attempt, PYR_CANCELLED, "the future was cancelled");
}

/* session: a reference, taken. The call may be over, and is another's, before it returns. */
static void make_attempt(struct future_patience *p, struct session *session)
{
	pyr_proxy *proxy = p->patience.proxy;
	unsigned n;

	pthread_mutex_lock(&proxy->lock);
	n = ++p->n_begun;
	pthread_mutex_unlock(&proxy->lock);
	atomic_fetch_add(&p->refs, 1);
	outcall_init(&p->attempt, &p->terms);
	(void)outcall_set_hook(&p->attempt, &p->hook);
	session_ref(session);
	start(p, session);
	session_unref(session);
	pthread_mutex_lock(&proxy->lock);
	if (p->n_ended < n)
		watch_attempt(p);
	pthread_mutex_unlock(&proxy->lock);
	drop(p, 1);
}

/* ---- between two attempts ---- */

/* With the proxy's lock. */
static void put_in(struct future_patience *p, struct future_wait **list)
{
	p->wait = (struct future_wait){ *list, list };
	if (*list)
		(*list)->link = &p->wait.next;
	*list = &p->wait;
}

static void take_out(struct future_patience *p)
{
	*p->wait.link = p->wait.next;
	if (p->wait.next)
		p->wait.next->link = p->wait.link;
}

static void on_late(struct engine_timer *timer)
{
	struct future_patience *p =
		(struct future_patience *)((char *)timer - offsetof(struct future_patience, timer));
	char text[1024];

	snprintf(text, sizeof(text), "TimeoutError: %s was not found in time",
		 p->patience.proxy->uri->text);
	end_with(p, PYR_DEADLINE_EXCEEDED, text);
}

static void on_due(struct exec_job *job);

/* With the proxy's lock. One job for each proxy, so that one that is not found takes one thread. */
static void post_due(pyr_proxy *proxy)
{
	if (!proxy->due || proxy->is_due_posted)
		return;
	proxy->is_due_posted = true;
	proxy_ref(proxy);
	proxy->due_job.run = on_due;
	attempts_post(&proxy->due_job);
}

/* The next attempt is made as soon as there is a session, or the deadline ends it. pauses: it is
 * among those. */
static void make_due(struct future_patience *p, bool pauses)
{
	pyr_proxy *proxy = p->patience.proxy;

	p->timer.fire = on_late;
	if (p->patience.deadline != ENGINE_FOREVER)
		engine_timer_set(&p->timer, p->patience.deadline);
	pthread_mutex_lock(&proxy->lock);
	if (pauses)
		take_out(p);
	put_in(p, &proxy->due);
	post_due(proxy);
	pthread_mutex_unlock(&proxy->lock);
}

static void on_pause_over(struct engine_timer *timer)
{
	make_due(
		(struct future_patience *)((char *)timer - offsetof(struct future_patience, timer)),
		true);
}

/* Sets the timer before anybody else may move it. */
static void pause_it(struct future_patience *p)
{
	pyr_proxy *proxy = p->patience.proxy;
	bool is_released, is_set = false;

	p->timer.fire = on_pause_over;
	pthread_mutex_lock(&proxy->lock);
	is_released = proxy->n_released != p->patience.n_released;
	if (!is_released && (is_set = engine_timer_set(&p->timer, p->patience.next) == 0))
		put_in(p, &proxy->pausing_futures);
	pthread_mutex_unlock(&proxy->lock);
	if (is_set)
		return;
	if (is_released)
		end_released(p);
	else
		end_with(p, PYR_RESOURCE_EXHAUSTED, "out of memory");
	drop(p, 1);
}

void future_patience_end_all(pyr_proxy *proxy)
{
	struct future_wait *wait;

	for (wait = proxy->pausing_futures; wait; wait = wait->next)
		end_released((struct future_patience *)wait);
	for (wait = proxy->due; wait; wait = wait->next)
		end_released((struct future_patience *)wait);
}

/* call: NULL: there was no session, and the last error tells why. */
static bool wants_another(struct future_patience *p, const struct outcall *call)
{
	pyr_call *before = incall_enter(p->outer);
	bool wants = patience_wants(&p->patience, call);

	incall_enter(before);
	return wants;
}

/* What becomes of an attempt that may be made again; in a thread of attempts. */
static void on_ended(struct exec_job *job)
{
	struct future_patience *p =
		(struct future_patience *)((char *)job - offsetof(struct future_patience, job));
	pyr_proxy *proxy = p->patience.proxy;
	bool is_over = atomic_load(&p->is_over), again, wants;

	pthread_mutex_lock(&proxy->lock);
	p->n_ended = p->n_begun;
	p->is_begun = false;
	p->may_have_run |= p->attempt.may_have_run;
	pthread_mutex_unlock(&proxy->lock);
	engine_timer_cancel(&p->timer);
	again = !is_over && p->attempt.was_not_run && --p->tries > 0;
	wants = !is_over && !again && wants_another(p, &p->attempt);
	if (!again && !wants && claim(p))
		end_as_attempt(p);
	end_attempt(p, again || wants);
	if (again)
		make_due(p, false);
	else if (wants)
		pause_it(p);
	else
		drop(p, 1);
}

/* Its proxy has no session, the last error tells why. */
static void on_no_session(struct future_patience *p)
{
	if (wants_another(p, NULL)) {
		pause_it(p);
		return;
	}
	if (claim(p)) {
		p->error = error_copy();
		p->front->code = pyr_last_error()->code;
		outcall_complete(p->front);
	}
	drop(p, 1);
}

/* Those that are over need no session. Returns the others. */
static struct future_wait *take_due(pyr_proxy *proxy)
{
	struct future_wait *all, *rest = NULL, *wait;

	pthread_mutex_lock(&proxy->lock);
	all = proxy->due;
	proxy->due = NULL;
	pthread_mutex_unlock(&proxy->lock);
	while ((wait = all)) {
		struct future_patience *p = (struct future_patience *)wait;

		all = wait->next;
		if (atomic_load(&p->is_over)) {
			drop(p, 1);
			continue;
		}
		wait->next = rest;
		rest = wait;
	}
	return rest; /* those that became due first are first again */
}

/* Looks the proxy's name up, if it has one. */
static struct session *find_session(pyr_proxy *proxy)
{
	struct session *session;

	if (proxy->uri->scheme == PYR_URI_PYRO)
		return proxy_session(proxy);
	attempts_begin_wait();
	session = proxy_session(proxy);
	attempts_end_wait();
	return session;
}

/* In a thread of attempts. */
static void on_due(struct exec_job *job)
{
	pyr_proxy *proxy = (pyr_proxy *)((char *)job - offsetof(pyr_proxy, due_job));
	struct future_wait *rest = take_due(proxy);
	struct session *session = rest ? find_session(proxy) : NULL;

	while (rest) {
		struct future_patience *p = (struct future_patience *)rest;

		rest = rest->next;
		engine_timer_cancel(&p->timer);
		if (!session) {
			on_no_session(p);
			continue;
		}
		session_ref(session);
		make_attempt(p, session);
	}
	session_unref(session);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_due_posted = false;
	post_due(proxy); /* for those that came meanwhile */
	pthread_mutex_unlock(&proxy->lock);
	proxy_unref(proxy);
}

/* ---- the beginning ---- */

static const char *keep_text(struct future_patience *p, const char *text, bool *ok)
{
	const char *copy = text ? arena_copy(&p->arena, text, strlen(text) + 1) : NULL;

	*ok &= !text || copy;
	return copy;
}

static bool keep_terms(struct future_patience *p, const struct call_terms *terms)
{
	struct pyr_annotation *copy;
	bool ok = true;
	size_t i;

	p->terms = *terms;
	p->terms.correlation_id = keep_text(p, terms->correlation_id, &ok);
	p->terms.traceparent = keep_text(p, terms->traceparent, &ok);
	copy = arena_copy(&p->arena, terms->annotations, terms->n_annotations * sizeof(*copy));
	p->terms.annotations = copy;
	for (i = 0; copy && i < terms->n_annotations; i++) {
		copy[i].key = keep_text(p, copy[i].key, &ok);
		copy[i].value = arena_copy(&p->arena, copy[i].value, copy[i].size);
		ok &= copy[i].value != NULL;
	}
	return ok && copy;
}

static bool keep_request(struct future_patience *p, const struct codec_packer *packer)
{
	uint8_t *bytes = arena_alloc_raw(&p->arena, packer->size);

	p->packer = (struct codec_packer){ .bytes = bytes,
					   .size = packer->size,
					   .memory = packer->memory };
	if (bytes)
		codec_pack(packer, bytes);
	return bytes;
}

static struct future_patience *make(struct outcall *front, const struct patience *patience,
				    unsigned operation)
{
	static const struct call_terms no_limit = { .deadline = ENGINE_FOREVER };
	struct future_patience *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	atomic_init(&p->refs, 2);
	outcall_init(front, &no_limit);
	front->is_front = true;
	p->front = front;
	p->patience = *patience;
	p->operation = operation;
	p->tries = TRIES;
	p->hook.run = on_attempt;
	arena_init(&p->arena, NULL, 0);
	p->outer = incall_current();
	if (p->outer)
		incall_ref(p->outer);
	p->own = context_inherit();
	proxy_ref(patience->proxy);
	return p;
}

static void give_up(struct future_patience *p)
{
	if (!p)
		return;
	engine_waiter_fini(&p->front->waiter);
	drop(p, 2);
}

struct future_patience *future_patience_new(struct outcall *front, const struct patience *patience,
					    unsigned operation, const struct call_terms *terms,
					    const struct codec_packer *packer)
{
	struct future_patience *p = attempts_start() ? make(front, patience, operation) : NULL;
	struct session *session;

	if (!p || !keep_terms(p, terms) || !keep_request(p, packer)) {
		give_up(p);
		error_set(PYR_RESOURCE_EXHAUSTED, "no memory or thread for a call that may be made "
						  "again");
		return NULL;
	}
	session = proxy_session_until(patience->proxy, patience->deadline);
	if (session) {
		make_attempt(p, session);
	} else if (wants_another(p, NULL)) {
		pause_it(p);
	} else {
		give_up(p);
		return NULL;
	}
	return p;
}
