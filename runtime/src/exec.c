/* SPDX-License-Identifier: MIT */
#include "exec.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "peer.h"

enum {
	SPREAD_NS = 200000,    /* a queue that takes longer wakes another thread */
	LONG_NS = 20000,       /* a method that is worth waking another thread for the next */
	PEEKS_MAX = 8,         /* looks for more before the answers of a batch leave */
	BACKLOG_MAX = 16 << 20 /* bytes that a link may have to send before its methods wait */
};

struct worker {
	struct engine_waiter waiter;
	struct executor *executor;
	struct worker *next_parked;
	bool is_parked;
	unsigned n_peeks;
	unsigned n_run;       /* methods since `began` */
	int64_t began, ended; /* when it left the engine with work; when its first answer left */
	int64_t since;        /* when it began to work on what is queued; 0 = just now */
	int64_t corked_at;    /* 0 while methods are short */
	struct peer *_Atomic corked; /* a counted peer to flush when the batch is through */
};

struct executor {
	atomic_int refs;
	pthread_mutex_t lock; /* after a peer's, before the engine's */
	struct lane *ready, **ready_end;
	struct lane *stalled;           /* held back by their link's backlog */
	struct exec_nest *nest;         /* serial: its method waits for a call */
	const uint8_t *chain;           /* serial: of the method that runs */
	pyr_call *nested, **nested_end; /* calls of that chain: they may go before others */
	struct exec_job *jobs, **jobs_end;
	struct worker *parked;
	struct worker *workers;
	unsigned n_workers;
	int64_t typical_ns; /* how long a method took lately */
	bool is_stopping, is_freed;
	size_t load;
	void (*on_idle)(void *data);
	void *data;
	struct engine_ticker ticker;
};

static _Thread_local struct worker *self;

static void on_tick(struct engine_ticker *ticker);

struct executor *exec_new(unsigned threads)
{
	struct executor *e = calloc(1, sizeof(*e));
	unsigned i;

	if (!e)
		return NULL;
	e->workers = calloc(threads, sizeof(*e->workers));
	if (!e->workers) {
		free(e);
		return NULL;
	}
	pthread_mutex_init(&e->lock, NULL);
	e->refs = 1;
	e->ready_end = &e->ready;
	e->jobs_end = &e->jobs;
	e->nested_end = &e->nested;
	e->n_workers = threads;
	e->ticker.tick = on_tick;
	for (i = 0; i < threads; i++) {
		engine_waiter_init(&e->workers[i].waiter, true);
		e->workers[i].executor = e;
	}
	return e;
}

static void drop_lanes(struct lane *lane)
{
	struct lane *next;
	pyr_call *call, *rest;

	for (; lane; lane = next) {
		next = lane->next;
		for (call = lane->head; call; call = rest) { /* the last one takes the lane along */
			rest = call->next;
			incall_fail(call, PYR_UNAVAILABLE, "the daemon has stopped");
			incall_unref(call);
		}
	}
}

static struct exec_job *take_job(struct executor *e)
{
	struct exec_job *job = e->jobs;

	if (!job)
		return NULL;
	e->jobs = job->next;
	if (!e->jobs)
		e->jobs_end = &e->jobs;
	return job;
}

static void run_job(struct executor *e, struct exec_job *job)
{
	pthread_mutex_unlock(&e->lock);
	job->run(job);
	pthread_mutex_lock(&e->lock);
}

/* Jobs go first: one may queue a call. */
void exec_free(struct executor *e)
{
	struct exec_job *job;

	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->is_freed = true;
	while ((job = take_job(e)))
		run_job(e, job);
	pthread_mutex_unlock(&e->lock);
	drop_lanes(e->ready);
	drop_lanes(e->stalled);
	e->ready = e->stalled = NULL;
	exec_unref(e);
}

struct executor *exec_current(void)
{
	return self ? self->executor : NULL;
}

void exec_ref(struct executor *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
}

void exec_unref(struct executor *e)
{
	unsigned i;

	if (atomic_fetch_sub(&e->refs, 1) != 1)
		return;
	for (i = 0; i < e->n_workers; i++)
		engine_waiter_fini(&e->workers[i].waiter);
	pthread_mutex_destroy(&e->lock);
	free(e->workers);
	free(e);
}

/* ---- lanes; all with the lock ---- */

static void make_ready(struct executor *e, struct lane *lane)
{
	lane->is_ready = true;
	lane->next = NULL;
	*e->ready_end = lane;
	e->ready_end = &lane->next;
}

static struct lane *pop_ready(struct executor *e)
{
	struct lane *lane = e->ready;

	e->ready = lane->next;
	if (!e->ready)
		e->ready_end = &e->ready;
	lane->is_ready = false;
	return lane;
}

static bool is_stalled(const struct lane *lane)
{
	return lane->backlog &&
	       atomic_load_explicit(lane->backlog, memory_order_relaxed) > BACKLOG_MAX;
}

/* The next call to run, lanes in turn; a oneway keeps its lane until it is through. */
static pyr_call *take(struct executor *e, struct lane **from)
{
	struct lane *lane;
	pyr_call *call;

	while (e->ready) {
		lane = pop_ready(e);
		if (is_stalled(lane)) {
			lane->is_ready = true;
			lane->next = e->stalled;
			e->stalled = lane;
			continue;
		}
		call = lane->head;
		lane->head = call->next;
		if (incall_keeps_lane(call))
			lane->is_held = true;
		else if (lane->head)
			make_ready(e, lane);
		*from = lane;
		return call;
	}
	return NULL;
}

static void unpark(struct worker *w)
{
	struct worker **at;

	for (at = &w->executor->parked; *at && *at != w; at = &(*at)->next_parked)
		;
	if (*at)
		*at = w->next_parked;
	w->is_parked = false;
}

/* Sees to it that somebody runs what is ready: the calling thread, if it is a method thread that
 * leads, else a parked one. */
static void wake_one(struct executor *e)
{
	struct worker *w = e->parked;

	if (self && self->executor == e && self->is_parked && engine_leading() == &self->waiter)
		w = self;
	if (!w)
		return;
	unpark(w);
	engine_wake(&w->waiter);
}

/* Part of what the serial daemon's one method does: it may be waiting for just this call. */
static bool is_nested(const struct executor *e, const pyr_call *call)
{
	return e->chain && !incall_keeps_lane(call) &&
	       memcmp(e->chain, call->chain, sizeof(call->chain)) == 0;
}

static void add_nested(struct executor *e, pyr_call *call)
{
	*e->nested_end = call;
	e->nested_end = &call->next;
	if (e->nest)
		engine_nudge(e->nest->waiter);
}

static pyr_call *take_nested(struct executor *e)
{
	pyr_call *call = e->nested;

	if (!call)
		return NULL;
	e->nested = call->next;
	if (!e->nested)
		e->nested_end = &e->nested;
	return call;
}

void exec_submit(struct executor *e, struct lane *lane, pyr_call *call)
{
	incall_ref(call);
	call->next = NULL;
	if (!call->executor) {
		exec_ref(e);
		call->executor = e;
	}
	pthread_mutex_lock(&e->lock);
	call->lane = lane;
	e->load++;
	if (is_nested(e, call)) {
		add_nested(e, call);
		pthread_mutex_unlock(&e->lock);
		return;
	}
	if (lane->head)
		lane->tail->next = call;
	else
		lane->head = call;
	lane->tail = call;
	if (!lane->is_ready && !lane->is_held) {
		make_ready(e, lane);
		wake_one(e);
	}
	pthread_mutex_unlock(&e->lock);
}

bool exec_post(struct executor *e, struct exec_job *job)
{
	bool taken;

	pthread_mutex_lock(&e->lock);
	taken = !e->is_freed;
	if (taken) {
		job->next = NULL;
		*e->jobs_end = job;
		e->jobs_end = &job->next;
		wake_one(e);
	}
	pthread_mutex_unlock(&e->lock);
	return taken;
}

void exec_resume(struct executor *e)
{
	struct lane *lane;

	pthread_mutex_lock(&e->lock);
	while ((lane = e->stalled)) {
		e->stalled = lane->next;
		make_ready(e, lane);
	}
	if (e->ready)
		wake_one(e);
	pthread_mutex_unlock(&e->lock);
}

void exec_on_idle(struct executor *e, void (*fn)(void *data), void *data)
{
	e->on_idle = fn;
	e->data = data;
}

size_t exec_load(struct executor *e)
{
	size_t load;

	pthread_mutex_lock(&e->lock);
	load = e->load;
	pthread_mutex_unlock(&e->lock);
	return load;
}

/* ---- calls inside calls, of a serial daemon ---- */

bool exec_nest_enter(struct exec_nest *nest, struct engine_waiter *waiter)
{
	struct executor *e = self ? self->executor : NULL;

	if (!e || !incall_current() || e->n_workers > 1 || engine_fiber())
		return false; /* who runs the tasks of a method nests, not they */
	pthread_mutex_lock(&e->lock);
	*nest = (struct exec_nest){ waiter, e->nest };
	e->nest = nest;
	pthread_mutex_unlock(&e->lock);
	return true;
}

void exec_nest_leave(struct exec_nest *nest)
{
	struct executor *e = self->executor;

	pthread_mutex_lock(&e->lock);
	e->nest = nest->outer;
	pthread_mutex_unlock(&e->lock);
}

/* Runs a call and gives up its reference. Called with the lock, which is not held meanwhile. */
static void run_call(struct executor *e, pyr_call *call)
{
	pthread_mutex_unlock(&e->lock);
	incall_run(call);
	incall_unref(call);
	pthread_mutex_lock(&e->lock);
	if (--e->load == 0 && e->on_idle)
		e->on_idle(e->data);
}

bool exec_run_nested(void)
{
	struct executor *e = self->executor;
	pyr_call *call;

	pthread_mutex_lock(&e->lock);
	call = take_nested(e);
	if (call)
		run_call(e, call);
	pthread_mutex_unlock(&e->lock);
	return call != NULL;
}

/* ---- corks ---- */

static void uncork(struct worker *w)
{
	struct peer *peer = atomic_exchange(&w->corked, NULL);

	if (!peer)
		return;
	peer_flush(peer);
	peer_unref(peer);
}

bool exec_cork(struct peer *peer)
{
	struct worker *w = self;
	int64_t now;

	if (!w)
		return false;
	if (!w->since) { /* nothing else waits; what it takes to send is not the method's time */
		w->ended = engine_now();
		return false;
	}
	now = w->waiter.is_brief ? 0 : engine_now();
	if (atomic_load(&w->corked) != peer) {
		uncork(w);
		peer_ref(peer);
		atomic_store(&w->corked, peer);
		w->corked_at = now;
		engine_want_ticks(); /* one flushes it if the method after it takes long */
	} else if (now - w->corked_at > SPREAD_NS) { /* long methods: a few at a time */
		w->corked_at = now;
		return false;
	}
	return true;
}

static void on_tick(struct engine_ticker *ticker)
{
	struct executor *e =
		(struct executor *)((char *)ticker - offsetof(struct executor, ticker));
	unsigned i;

	for (i = 0; i < e->n_workers; i++)
		uncork(&e->workers[i]);
	pthread_mutex_lock(&e->lock);
	if (e->ready) /* those who run methods may be long about it */
		wake_one(e);
	pthread_mutex_unlock(&e->lock);
}

/* ---- work ---- */

/* Whether methods are long, by the batch that is through. Then threads are woken while there is but
 * one call to run, and answers do not wait for each other. With the lock. */
static void measure(struct worker *w)
{
	struct executor *e = w->executor;
	int64_t each;

	if (w->n_run == 0)
		return;
	each = w->n_run == 1 && w->ended ? w->ended : engine_now();
	each = (each - w->began) / w->n_run;
	if (each > 8 * LONG_NS) /* so that one that slept is soon forgotten */
		each = 8 * LONG_NS;
	e->typical_ns += (each - e->typical_ns) / 8;
	w->n_run = 0;
	w->ended = 0;
	w->waiter.is_brief = e->typical_ns < LONG_NS;
}

/* Work has piled up for a while: another thread is to help. With the lock. */
static void spread(struct worker *w)
{
	int64_t now = engine_now();

	if (!w->since)
		w->since = now;
	if (!w->waiter.is_brief || now - w->since > SPREAD_NS) {
		w->since = now;
		wake_one(w->executor);
	}
}

/* Calls of its chain that a method did not wait for. With the lock. */
static void finish_chain(struct executor *e)
{
	pyr_call *call;

	while ((call = take_nested(e)))
		run_call(e, call);
	e->chain = NULL;
}

static void run_one(struct worker *w, pyr_call *call, struct lane *lane)
{
	struct executor *e = w->executor;

	if (w->n_run++ == 0)
		w->began = engine_now();
	if (e->ready)
		spread(w);
	if (e->ready && e->parked) /* the method may be long: a tick sends another thread */
		engine_want_ticks();
	if (e->n_workers == 1)
		e->chain = call->chain;
	incall_ref(call); /* until the end: it has the chain, and its session the lane */
	run_call(e, call);
	finish_chain(e);
	if (incall_keeps_lane(call)) {
		lane->is_held = false;
		if (lane->head)
			make_ready(e, lane);
	}
	pthread_mutex_unlock(&e->lock);
	incall_unref(call);
	pthread_mutex_lock(&e->lock);
}

/* Waits in the engine, where who has work for it finds it. With the lock, not held meanwhile. */
static bool park(struct worker *w, int64_t until)
{
	struct executor *e = w->executor;
	bool has_work;

	atomic_store_explicit(&w->waiter.ready, false, memory_order_relaxed);
	w->is_parked = true;
	w->next_parked = e->parked;
	e->parked = w;
	pthread_mutex_unlock(&e->lock);
	if (until == ENGINE_FOREVER)
		uncork(w);
	has_work = engine_wait(&w->waiter, until);
	pthread_mutex_lock(&e->lock);
	if (w->is_parked)
		unpark(w);
	return has_work;
}

/*
 * Nothing is queued. If answers of a batch wait to leave, what else has come already is looked at
 * first: what the other end sent in several messages is then answered in one.
 */
static void idle(struct worker *w)
{
	measure(w);
	if (atomic_load(&w->corked) && w->n_peeks++ < PEEKS_MAX && park(w, engine_now()))
		return;
	w->n_peeks = 0;
	w->since = 0;
	park(w, ENGINE_FOREVER);
}

static void *work(void *data)
{
	struct worker *w = data;
	struct executor *e = w->executor;
	struct worker *outer = self;
	struct exec_job *job;
	struct lane *lane;
	pyr_call *call;

	self = w;
	pthread_mutex_lock(&e->lock);
	while (!e->is_stopping) {
		job = take_job(e);
		call = job ? NULL : take(e, &lane);
		if (job)
			run_job(e, job);
		else if (call)
			run_one(w, call, lane);
		else
			idle(w);
	}
	while ((job = take_job(e)))
		run_job(e, job);
	pthread_mutex_unlock(&e->lock);
	uncork(w);
	self = outer;
	return NULL;
}

int exec_work(struct executor *e)
{
	pthread_t *threads = calloc(e->n_workers, sizeof(*threads));
	unsigned n = 0;
	int err = 0;

	if (!threads)
		return -PYR_RESOURCE_EXHAUSTED;
	engine_add_daemon(1);
	engine_ticker_add(&e->ticker);
	while (n + 1 < e->n_workers && err == 0) {
		err = engine_thread(&threads[n], work, &e->workers[n + 1]);
		n += err == 0;
	}
	if (err == 0)
		work(&e->workers[0]);
	else
		exec_stop(e);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	engine_ticker_remove(&e->ticker);
	engine_add_daemon(-1);
	free(threads);
	return err;
}

void exec_stop(struct executor *e)
{
	pthread_mutex_lock(&e->lock);
	e->is_stopping = true;
	while (e->parked)
		wake_one(e);
	pthread_mutex_unlock(&e->lock);
}
