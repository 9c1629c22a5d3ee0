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

unsigned exec_threads(const struct executor *executor)
{
	return executor->n_workers;
}

static void drop_lanes(struct lane *lane)
{
	struct lane *next;
	struct exec_task *task, *rest;

	for (; lane; lane = next) {
		next = lane->next;
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
	drop_lanes(e->ready);
	drop_lanes(e->stalled);
	e->ready = e->stalled = NULL;
	e->keepers = NULL;
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

/* The next call to run, lanes in turn; a oneway keeps its lane until it is through. */
struct exec_task *exec_take(struct executor *e, struct lane **from)
{
	struct lane *lane;
	struct exec_task *task;

	while (e->ready) {
		lane = pop_ready(e);
		if (is_stalled(lane)) {
			lane->is_ready = true;
			lane->next = e->stalled;
			e->stalled = lane;
			continue;
		}
		task = lane->head;
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
			    bool (*fits)(struct executor *e, const struct exec_task *task))
{
	struct exec_task *task, *before;
	struct lane *lane;

	for (lane = e->ready; lane; lane = lane->next)
		for (before = NULL, task = lane->head; task; before = task, task = task->next)
			if (!is_stalled(lane) && fits(e, task)) {
				take_out(e, lane, before, task);
				e->n_awaited -= task->is_awaited;
				return task;
			}
	return NULL;
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
	if (e->is_freed) {
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
	if (lane->head)
		lane->tail->next = task;
	else
		lane->head = task;
	lane->tail = task;
	e->n_awaited += task->is_awaited;
	if (!lane->is_ready && !lane->is_held) {
		make_ready(e, lane);
		exec_wake_one(e);
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
