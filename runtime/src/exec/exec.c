/* SPDX-License-Identifier: MIT */
/* What the method threads have to do: lanes of calls, and jobs. */
#include "exec/exec_own.h"

#include <stdlib.h>
#include <string.h>

enum { BACKLOG_MAX = 16 << 20 /* bytes that a link may have to send before its methods wait */ };

struct executor *exec_new(unsigned threads)
{
	struct executor *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->guests_left, NULL);
	e->refs = 1;
	e->ready_end = &e->ready;
	e->jobs_end = &e->jobs;
	e->nested_end = &e->nested;
	e->n_workers = threads;
	pthread_cond_init(&e->quiet, NULL);
	return e;
}

void exec_give_way(struct executor *e)
{
	e->gives_way = true;
}

unsigned exec_threads(const struct executor *executor)
{
	return executor->n_workers;
}

/* Those that wait for the turn which a lane was to have next. */
static struct lane *those_behind(struct lane *lane)
{
	struct exec_turn *turn = lane->head->turn;
	struct lane *waiting = NULL;

	if (turn && turn->reserved == lane) {
		waiting = turn->waiting;
		turn->waiting = turn->reserved = NULL;
	}
	return waiting;
}

static void drop_lanes(struct lane *lane)
{
	struct lane *next, *behind;
	struct exec_task *task, *rest;

	for (; lane; lane = next) {
		next = lane->next;
		behind = those_behind(lane);
		if (behind)
			drop_lanes(behind);
		for (task = lane->head; task; task = rest) { /* the last one takes the lane along */
			rest = task->next;
			task->kind->drop(task);
			task->kind->unref(task);
		}
	}
}

struct exec_job *exec_take_job(struct executor *e)
{
	struct exec_job *job = e->jobs;

	if (!job)
		return NULL;
	e->jobs = job->next;
	if (!e->jobs)
		e->jobs_end = &e->jobs;
	return job;
}

/* exec_self: NULL in exec_free(), whose thread is nobody's. */
void exec_run_job(struct executor *e, struct exec_job *job)
{
	struct worker *w = exec_self && exec_self->executor == e ? exec_self : NULL;

	if (w)
		w->is_in_job = true;
	pthread_mutex_unlock(&e->lock);
	job->run(job);
	pthread_mutex_lock(&e->lock);
	if (w)
		w->is_in_job = false;
	if (w && e->n_workers == 1)
		exec_finish_chain(e);
}

void exec_close(struct executor *e)
{
	struct lane *ready, *stalled;

	pthread_mutex_lock(&e->lock);
	e->is_closed = true;
	ready = e->ready;
	stalled = e->stalled;
	e->ready = e->stalled = NULL;
	e->ready_end = &e->ready;
	e->keepers = NULL;
	pthread_mutex_unlock(&e->lock);
	drop_lanes(ready);
	drop_lanes(stalled);
}

/* Jobs go first: one may queue a call. */
void exec_free(struct executor *e)
{
	struct exec_job *job;

	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->is_freed = true;
	while ((job = exec_take_job(e)))
		exec_run_job(e, job);
	pthread_mutex_unlock(&e->lock);
	exec_close(e);
	exec_unref(e);
}

struct executor *exec_current(void)
{
	return exec_self ? exec_self->executor : NULL;
}

void exec_ref(struct executor *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
}

void exec_unref(struct executor *e)
{
	if (atomic_fetch_sub(&e->refs, 1) != 1)
		return;
	pthread_cond_destroy(&e->quiet);
	exec_free_spare_guests(e);
	pthread_cond_destroy(&e->guests_left);
	pthread_mutex_destroy(&e->lock);
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

/* ---- turns ---- */

/* Whoever waits longest is next. */
static void pass_turn_on(struct executor *e, struct exec_turn *turn)
{
	struct lane *lane = turn->waiting;

	turn->reserved = lane;
	if (!lane)
		return;
	turn->waiting = lane->next;
	make_ready(e, lane);
}

static void wait_for_turn(struct exec_turn *turn, struct lane *lane)
{
	lane->is_ready = true; /* it is in a list */
	lane->next = NULL;
	if (turn->waiting)
		turn->waiting_end->next = lane;
	else
		turn->waiting = lane;
	turn->waiting_end = lane;
	if (turn->watcher)
		engine_nudge(turn->watcher);
}

bool exec_has_turn(const struct executor *e, const struct exec_task *task)
{
	const struct exec_turn *turn = task->turn;

	return !turn || turn->is_open || e->n_workers == 1 ||
	       (!turn->owner && (!turn->reserved || turn->reserved == task->lane));
}

void exec_take_turn(struct worker *w, struct exec_task *task)
{
	struct exec_turn *turn = task->turn;

	if (turn->is_open || w->executor->n_workers == 1)
		return;
	turn->reserved = NULL;
	turn->owner = task;
	turn->worker = w;
	turn->next = w->turns;
	w->turns = turn;
}

static struct exec_task *take_nested(struct exec_turn *turn)
{
	struct exec_task *task = turn->nested;

	if (task)
		turn->nested = task->next;
	return task;
}

/* Those that waited for the owner to wait wait for the turn instead, in front of their lanes. */
static void put_nested_back(struct executor *e, struct exec_turn *turn)
{
	struct exec_task *task, *last_first = NULL;

	while ((task = take_nested(turn))) {
		task->next = last_first;
		last_first = task;
	}
	while ((task = last_first)) {
		last_first = task->next;
		exec_put_back(e, task);
	}
}

void exec_end_turn(struct executor *e, struct exec_task *task)
{
	struct exec_turn *turn = task->turn, **at;

	if (turn->owner != task)
		return;
	put_nested_back(e, turn);
	for (at = &turn->worker->turns; *at != turn; at = &(*at)->next)
		;
	*at = turn->next;
	turn->owner = NULL;
	turn->worker = NULL;
	pass_turn_on(e, turn);
}

void exec_open_turn(struct executor *e, struct exec_turn *turn)
{
	pthread_mutex_lock(&e->lock);
	turn->is_open = true;
	put_nested_back(e, turn);
	while (turn->waiting)
		pass_turn_on(e, turn);
	turn->reserved = NULL;
	if (e->ready)
		exec_wake_one(e);
	pthread_mutex_unlock(&e->lock);
}

struct exec_task *exec_take_inside(struct worker *w)
{
	struct exec_task *task = NULL;
	struct exec_turn *turn;

	for (turn = w->turns; turn && !task; turn = turn->next)
		task = take_nested(turn);
	return task;
}

/* Whether it is of the chain of who has the turn. A oneway's caller does not wait for that, and its
 * lane is kept. */
static bool is_inside(const struct exec_task *task)
{
	const struct exec_turn *turn = task->turn;

	return turn->owner && !turn->is_open && !task->keeps_lane &&
	       memcmp(turn->owner->chain, task->chain, sizeof(task->chain)) == 0;
}

/* The owner's thread runs it when that waits. */
static void add_inside(struct exec_task *task)
{
	struct exec_turn *turn = task->turn;

	task->next = NULL;
	if (turn->nested)
		turn->nested_end->next = task;
	else
		turn->nested = task;
	turn->nested_end = task;
	if (turn->worker->nest)
		engine_nudge(turn->worker->nest->waiter);
}

/* The first one in a lane has to wait. A guarded one is there for its session's hook, whatever its
 * chain. */
static void hold_back(struct executor *e, struct lane *lane)
{
	struct exec_task *task = lane->head;

	if (!is_inside(task)) {
		wait_for_turn(task->turn, lane);
		return;
	}
	lane->head = task->next;
	if (lane->head)
		make_ready(e, lane);
	add_inside(task);
}

/* The next call to run, lanes in turn; a oneway keeps its lane until it is through. */
struct exec_task *exec_take(struct executor *e, struct lane **from)
{
	struct lane *lane;
	struct exec_task *task;

	while (e->ready) {
		lane = pop_ready(e);
		task = lane->head;
		if (is_stalled(lane)) {
			lane->is_ready = true;
			lane->next = e->stalled;
			e->stalled = lane;
			if (task->turn && task->turn->reserved == lane)
				pass_turn_on(e, task->turn);
			continue;
		}
		if (task->turn && !exec_has_turn(e, task)) {
			hold_back(e, lane);
			continue;
		}
		lane->head = task->next;
		e->n_awaited -= task->is_awaited;
		if (task->keeps_lane)
			lane->is_held = true;
		else if (lane->head)
			make_ready(e, lane);
		*from = lane;
		return task;
	}
	return NULL;
}

/* Its lane keeps its turn among the others. */
static void take_out(struct executor *e, struct lane *lane, struct exec_task *before,
		     struct exec_task *task)
{
	struct lane **at;

	if (before)
		before->next = task->next;
	else
		lane->head = task->next;
	if (lane->tail == task)
		lane->tail = before;
	if (lane->head)
		return;
	for (at = &e->ready; *at != lane; at = &(*at)->next)
		;
	*at = lane->next;
	if (e->ready_end == &lane->next)
		e->ready_end = at;
	lane->is_ready = false;
}

struct exec_task *exec_pick(struct executor *e,
			    bool (*fits)(const struct executor *e, const struct exec_task *task,
					 const void *data),
			    const void *data)
{
	struct exec_task *task, *before;
	struct lane *lane;

	for (lane = e->ready; lane; lane = lane->next)
		for (before = NULL, task = lane->head; task; before = task, task = task->next)
			if (fits(e, task, data) && !is_stalled(lane)) {
				take_out(e, lane, before, task);
				e->n_awaited -= task->is_awaited;
				return task;
			}
	return NULL;
}

bool exec_pick_new(struct executor *e, struct exec_task *task)
{
	struct lane *lane = task->lane;
	struct exec_task *before = NULL, *at;

	if (is_stalled(lane))
		return false;
	for (at = lane->head; at != task; at = at->next)
		before = at;
	take_out(e, lane, before, task);
	e->n_awaited -= task->is_awaited;
	return true;
}

void exec_put_back(struct executor *e, struct exec_task *task)
{
	struct lane *lane = task->lane;

	task->next = lane->head;
	if (!lane->head)
		lane->tail = task;
	lane->head = task;
	e->n_awaited += task->is_awaited;
	if (!lane->is_ready && !lane->is_held)
		make_ready(e, lane);
}

static void add_keeper(struct executor *e, struct exec_task *task)
{
	if (task->n_kept++ > 0)
		return;
	task->next_keeper = e->keepers;
	task->keeper_link = &e->keepers;
	if (e->keepers)
		e->keepers->keeper_link = &task->next_keeper;
	e->keepers = task;
}

void exec_see_keepers(struct executor *e, void (*see)(void *data, const uint8_t chain[EXEC_CHAIN]),
		      void *data)
{
	struct exec_guest *guest;
	struct exec_task *task;

	pthread_mutex_lock(&e->lock);
	for (task = e->keepers; task; task = task->next_keeper)
		see(data, task->chain);
	for (guest = e->guests; guest; guest = guest->next)
		see(data, guest->chain);
	pthread_mutex_unlock(&e->lock);
}

static void drop_keeper(struct exec_task *task)
{
	if (--task->n_kept > 0)
		return;
	*task->keeper_link = task->next_keeper;
	if (task->next_keeper)
		task->next_keeper->keeper_link = task->keeper_link;
}

void exec_release_lane(struct executor *e, struct lane *lane, struct exec_task *task)
{
	drop_keeper(task);
	lane->is_held = false;
	if (lane->head)
		make_ready(e, lane);
}

bool exec_submit(struct executor *e, struct lane *lane, struct exec_task *task)
{
	task->kind->ref(task);
	task->next = NULL;
	if (!task->executor) {
		exec_ref(e);
		task->executor = e;
	}
	pthread_mutex_lock(&e->lock);
	if (e->is_closed) {
		pthread_mutex_unlock(&e->lock);
		task->kind->unref(task);
		return false;
	}
	task->lane = lane;
	e->load++;
	if (task->keeps_lane)
		add_keeper(e, task);
	if (exec_is_nested(e, task)) {
		exec_add_nested(e, task);
		pthread_mutex_unlock(&e->lock);
		return true;
	}
	if (task->turn && e->n_workers > 1 && !task->keeps_turn && is_inside(task)) {
		add_inside(task);
		pthread_mutex_unlock(&e->lock);
		return true;
	}
	if (lane->head)
		lane->tail->next = task;
	else
		lane->head = task;
	lane->tail = task;
	e->n_awaited += task->is_awaited;
	if (!lane->is_ready && !lane->is_held) {
		if (lane->head->turn && !exec_has_turn(e, lane->head)) {
			wait_for_turn(lane->head->turn, lane);
		} else {
			make_ready(e, lane);
			exec_wake_for(e, task);
		}
	} else if (lane->is_ready && lane->head != task && exec_has_turn(e, lane->head)) {
		exec_wake_behind(e, task);
	}
	if (e->watcher)
		engine_nudge(e->watcher);
	pthread_mutex_unlock(&e->lock);
	return true;
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
		exec_wake_one(e);
		if (e->watcher)
			engine_nudge(e->watcher);
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
		exec_wake_one(e);
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

void exec_run_task(struct executor *e, struct exec_task *task)
{
	pthread_mutex_unlock(&e->lock);
	task->kind->run(task);
	task->kind->unref(task);
	pthread_mutex_lock(&e->lock);
	if (--e->load == 0 && e->on_idle)
		e->on_idle(e->data);
}
