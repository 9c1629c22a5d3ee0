/* SPDX-License-Identifier: MIT */
/*
 * The method threads. `n_workers` methods run at a time; one that waits for a call of its own does
 * not count, so that calls that come back (A -> B -> A) find a thread: another is started when
 * there is work and all others wait, and ends when it has had none for a while.
 */
#include "exec/exec_own.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	SPREAD_NS = 200000, /* a queue that takes longer wakes another thread */
	LONG_NS = 20000,    /* a method that is worth waking another thread for the next */
	PEEKS_MAX = 8,      /* looks for more before the answers of a batch leave */
	THREADS_MAX = 256,  /* of a pool whose methods wait; a chain is as deep at most */
	SPARE_MS = 1000     /* without work; then a thread beyond the pool's ends */
};

_Thread_local struct worker *exec_self;

static void *work(void *data);

static void init_worker(struct worker *w, struct executor *e)
{
	engine_waiter_init(&w->waiter, true);
	w->waiter.gives_way = e->gives_way;
	w->executor = e;
	w->wakes = &w->waiter;
}

struct worker *exec_new_worker(struct executor *e)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w)
		init_worker(w, e);
	return w;
}

/* It needs no memory: callbacks that were posted run, whatever happens. */
struct worker *exec_first_worker(struct executor *e)
{
	e->first = (struct worker){ .is_first = true };
	init_worker(&e->first, e);
	return &e->first;
}

void exec_free_worker(struct worker *w)
{
	if (!w)
		return;
	engine_waiter_fini(&w->waiter);
	if (!w->is_first)
		free(w);
}

/* ---- who works; all with the lock ---- */

unsigned exec_running(const struct executor *e)
{
	return e->n_threads + e->n_guests - e->n_parked - e->n_waiting;
}

static bool is_crowded(const struct executor *e)
{
	return exec_running(e) > e->n_workers;
}

void exec_unpark(struct worker *w)
{
	struct worker **at;

	for (at = &w->executor->parked; *at && *at != w; at = &(*at)->next_parked)
		;
	if (*at)
		*at = w->next_parked;
	w->is_parked = false;
	w->executor->n_parked--;
}

/* Threads that have ended. */
static void reap(struct executor *e)
{
	struct worker *w;

	while ((w = e->ended)) {
		e->ended = w->next;
		pthread_join(w->thread, NULL); /* it has let go of the lock for good */
		exec_free_worker(w);
	}
}

static int start(struct executor *e)
{
	struct worker *w = exec_new_worker(e);

	if (!w || engine_thread(&w->thread, work, w) < 0) {
		exec_free_worker(w);
		return -PYR_RESOURCE_EXHAUSTED;
	}
	w->next = e->workers;
	e->workers = w;
	e->n_threads++;
	return 0;
}

/* No thread is parked: if some wait, another may work in their place. */
static void start_another(struct executor *e)
{
	if (e->n_waiting == 0 || e->is_stopping)
		return;
	if (e->n_threads >= THREADS_MAX) {
		exec_lend(e);
		return;
	}
	reap(e);
	if (start(e) < 0)
		log_line(PYR_LOG_WARNING, "no thread for calls while %u methods wait",
			 e->n_waiting);
}

void exec_wake_one(struct executor *e)
{
	struct worker *w = e->parked;

	if (exec_running(e) >= e->n_workers)
		return; /* who is through with a method looks for more */
	if (exec_self && exec_self->executor == e && exec_self->is_parked &&
	    engine_leading() == &exec_self->waiter)
		w = exec_self;
	if (!w) {
		start_another(e);
		return;
	}
	exec_unpark(w);
	engine_wake(w->wakes);
}

void exec_wake_behind(struct executor *e)
{
	if (e->n_threads >= THREADS_MAX && !e->parked && !e->is_stopping)
		exec_lend(e);
}

/* ---- corks ---- */

static void uncork(struct worker *w)
{
	struct exec_cork *cork = atomic_exchange(&w->corked, NULL);

	if (cork)
		cork->flush(cork);
}

/* What other threads have corked, some at a time: a peer's lock is taken before the executor's. */
static void uncork_all(struct executor *e)
{
	struct exec_cork *corks[16];
	struct worker *w;
	size_t n;

	do {
		n = 0;
		pthread_mutex_lock(&e->lock);
		for (w = e->workers; w && n < sizeof(corks) / sizeof(corks[0]); w = w->next) {
			corks[n] = atomic_exchange(&w->corked, NULL);
			n += corks[n] != NULL;
		}
		pthread_mutex_unlock(&e->lock);
		for (size_t i = 0; i < n; i++)
			corks[i]->flush(corks[i]);
	} while (n == sizeof(corks) / sizeof(corks[0]));
}

static void hold(struct worker *w, struct exec_cork *cork)
{
	uncork(w);
	cork->hold(cork);
	atomic_store(&w->corked, cork);
}

static void cork_with(struct worker *w, struct exec_cork *cork)
{
	hold(w, cork);
	engine_want_tick(); /* one flushes it if the method after it takes long */
}

/* NULL: no tick looks at this thread. */
static struct worker *ticked(void)
{
	return exec_self && !exec_self->is_guest && !engine_fiber() ? exec_self : NULL;
}

bool exec_cork_briefly(struct exec_cork *cork)
{
	struct worker *w = ticked();

	if (!w)
		return false;
	if (atomic_load(&w->corked) != cork)
		hold(w, cork);
	w->is_corked_briefly = true;
	return true;
}

void exec_uncork_brief(void)
{
	struct worker *w = exec_self;

	if (!w || !w->is_corked_briefly)
		return;
	w->is_corked_briefly = false;
	uncork(w);
}

bool exec_cork_part(struct exec_cork *cork)
{
	struct worker *w = ticked();

	if (!w)
		return false;
	if (atomic_load(&w->corked) == cork)
		return true;
	cork_with(w, cork);
	w->corked_at = engine_now();
	return true;
}

bool exec_has_corked(const struct exec_cork *cork)
{
	return exec_self && atomic_load(&exec_self->corked) == cork;
}

void exec_uncork(void)
{
	if (exec_self)
		uncork(exec_self);
}

bool exec_cork(struct exec_cork *cork)
{
	struct worker *w = exec_self;
	int64_t now;

	if (!w)
		return false;
	if (!w->since) { /* nothing else waits; what it takes to send is not the method's time */
		w->ended = engine_now();
		return false;
	}
	now = w->waiter.is_brief ? 0 : engine_now();
	if (atomic_load(&w->corked) != cork) {
		cork_with(w, cork);
		w->corked_at = now;
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

	uncork_all(e);
	pthread_mutex_lock(&e->lock);
	if (e->ready) /* those who run methods may be long about it */
		exec_wake_one(e);
	pthread_mutex_unlock(&e->lock);
}

/* ---- work ---- */

/* Whether methods are long, by the batch that is through. Then threads are woken while there is but
 * one call to run, and answers do not wait for each other. The shorter of two batches counts: one
 * may have been interrupted. With the lock. */
void exec_measure(struct worker *w)
{
	struct executor *e = w->executor;
	int64_t each, before = e->last_ns;

	if (w->n_run == 0)
		return;
	each = w->n_run == 1 && w->ended ? w->ended : engine_now();
	each = (each - w->began) / w->n_run;
	e->last_ns = each;
	if (before < each)
		each = before;
	if (each > 8 * LONG_NS) /* so that those that slept are soon forgotten */
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
		exec_wake_one(w->executor);
	}
}

static void run_one(struct worker *w, struct exec_task *task, struct lane *lane)
{
	struct executor *e = w->executor;

	if (w->n_run++ == 0)
		w->began = engine_now();
	if (e->ready)
		spread(w);
	if (e->ready && e->parked) /* the method may be long: a tick sends another thread */
		engine_want_tick();
	if (e->n_workers > 1 && !task->keeps_lane && !task->turn) {
		exec_run_task(e, task);
		return;
	}
	if (task->turn)
		exec_take_turn(w, task);
	if (e->n_workers == 1)
		e->chain = task->chain;
	task->kind->ref(task); /* until the end: it has the chain, and its session the lane */
	exec_run_task(e, task);
	if (e->n_workers == 1)
		exec_finish_chain(e);
	if (task->turn)
		exec_end_turn(e, task);
	if (task->keeps_lane)
		exec_release_lane(e, lane, task);
	pthread_mutex_unlock(&e->lock);
	task->kind->unref(task);
	pthread_mutex_lock(&e->lock);
}

void exec_park(struct worker *w)
{
	w->is_parked = true;
	w->next_parked = w->executor->parked;
	w->executor->parked = w;
	w->executor->n_parked++;
}

/* Waits in the engine, where who has work for it finds it. Returns whether somebody has woken it,
 * which may be just after its time was over. With the lock, not held meanwhile. */
static bool park(struct worker *w, int64_t until, bool is_peek)
{
	struct executor *e = w->executor;
	bool has_work;

	atomic_store_explicit(&w->waiter.ready, false, memory_order_relaxed);
	exec_park(w);
	pthread_mutex_unlock(&e->lock);
	if (!is_peek)
		uncork(w);
	engine_wait(&w->waiter, until);
	pthread_mutex_lock(&e->lock);
	has_work = !w->is_parked; /* exec_wake_one() has unparked it */
	if (w->is_parked)
		exec_unpark(w);
	return has_work;
}

/*
 * There is nothing for this thread to do. If answers of a batch wait to leave, what else has come
 * already is looked at first: what the other end sent in several messages is then answered in one.
 * Returns false if it waited in vain.
 */
static bool idle(struct worker *w, int64_t until)
{
	exec_measure(w);
	if (atomic_load(&w->corked) && w->n_peeks++ < PEEKS_MAX && park(w, engine_now(), true))
		return true;
	w->n_peeks = 0;
	w->since = 0;
	return park(w, until, false);
}

bool exec_run_next(struct worker *w)
{
	struct executor *e = w->executor;
	struct exec_job *job = exec_take_job(e);
	struct lane *lane;
	struct exec_task *task;

	if (job) {
		exec_run_job(e, job);
		return true;
	}
	task = exec_take(e, &lane);
	if (task)
		run_one(w, task, lane);
	return task != NULL;
}

/* Does one thing. Returns false if there was nothing for a while. */
static bool work_once(struct worker *w)
{
	struct executor *e = w->executor;

	if (!is_crowded(e) && exec_run_next(w))
		return true;
	if (w->is_first || e->n_threads <= e->n_workers)
		return idle(w, ENGINE_FOREVER);
	return idle(w, engine_now() + SPARE_MS * (int64_t)ENGINE_MS);
}

/* A thread beyond the pool, which ends. */
static void leave(struct worker *w)
{
	struct executor *e = w->executor;
	struct worker **at;

	for (at = &e->workers; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	w->next = e->ended;
	e->ended = w;
	e->n_threads--;
}

static void *work(void *data)
{
	struct worker *w = data;
	struct executor *e = w->executor;
	struct worker *outer = exec_self;
	struct exec_job *job;
	bool stays = true;

	exec_self = w;
	pthread_mutex_lock(&e->lock);
	while (stays && !e->is_stopping)
		stays = work_once(w) || w->is_first || e->n_threads <= e->n_workers;
	if (!e->is_stopping)
		leave(w);
	while (e->is_stopping && (job = exec_take_job(e)))
		exec_run_job(e, job);
	pthread_mutex_unlock(&e->lock);
	uncork(w);
	exec_self = outer;
	return NULL;
}

/* After the stop: nobody comes or leaves any more. */
static void join_all(struct executor *e)
{
	struct worker *w;

	pthread_mutex_lock(&e->lock);
	exec_see_guests_off(e);
	reap(e);
	while ((w = e->workers)) {
		e->workers = w->next;
		e->n_threads--;
		pthread_mutex_unlock(&e->lock);
		if (!w->is_first)
			pthread_join(w->thread, NULL);
		exec_free_worker(w);
		pthread_mutex_lock(&e->lock);
	}
	pthread_mutex_unlock(&e->lock);
}

void exec_start_ticking(struct executor *e)
{
	e->ticker.tick = on_tick;
	engine_ticker_add(&e->ticker);
	engine_add_daemon(1);
}

void exec_stop_ticking(struct executor *e)
{
	engine_ticker_remove(&e->ticker);
	engine_add_daemon(-1);
}

int exec_work(struct executor *e)
{
	struct worker *first = exec_first_worker(e);
	int err = 0;

	pthread_mutex_lock(&e->lock);
	e->workers = first;
	e->n_threads = 1;
	while (e->n_threads < e->n_workers && err == 0)
		err = start(e);
	pthread_mutex_unlock(&e->lock);
	exec_start_ticking(e);
	if (err == 0)
		work(first);
	else
		exec_stop(e);
	join_all(e);
	exec_stop_ticking(e);
	return err;
}

void exec_stop(struct executor *e)
{
	struct worker *w;

	pthread_mutex_lock(&e->lock);
	e->is_stopping = true;
	while ((w = e->parked)) {
		exec_unpark(w);
		engine_wake(&w->waiter);
	}
	pthread_mutex_unlock(&e->lock);
}
