/* SPDX-License-Identifier: MIT */
/* What the method threads have to do: lanes of calls, and jobs. */
#include "exec/exec_own.h"

#include <stdlib.h>
#include <string.h>

struct executor *exec_new(unsigned threads)
{
	struct executor *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->guests_left, NULL);
	e->refs = 1;
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

/* All lanes of links that are stalled; the last task of one may take its stall along. */
static struct lane *take_stalled(struct executor *e)
{
	struct lane *all = NULL, *last = NULL;
	struct exec_stall *stall;

	while ((stall = e->stalls)) {
		if (last)
			last->next = stall->lanes;
		else
			all = stall->lanes;
		last = stall->last;
		e->stalls = stall->next;
		stall->lanes = NULL;
	}
	return all;
}

void exec_close(struct executor *e)
{
	struct lane *ready, *stalled;

	pthread_mutex_lock(&e->lock);
	e->is_closed = true;
	ready = e->ready;
	stalled = take_stalled(e);
	e->ready = e->ready_last = NULL;
	e->keepers = NULL;
	exec_chains_forget_calls(&e->chains);
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
	exec_chains_fini(&e->chains);
	pthread_cond_destroy(&e->guests_left);
	pthread_mutex_destroy(&e->lock);
	free(e);
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
		exec_reopen(e, lane);
}

bool exec_submit(struct executor *e, struct lane *lane, struct exec_task *task)
{
	task->kind->ref(task);
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
	} else if (!exec_queue(e, lane, task) && e->watcher) {
		engine_nudge(e->watcher);
	}
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
