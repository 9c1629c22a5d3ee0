/* SPDX-License-Identifier: MIT */
/* Methods that wait, and what a daemon's threads do meanwhile. */
#include "exec/exec_own.h"

#include <string.h>

#include "base/random.h"

enum { NESTS_MAX = 4 /* that are looked at for each event; a tick goes on */ };

static _Thread_local const uint8_t *own_chain;

void exec_set_chain(const uint8_t *chain)
{
	own_chain = chain;
}

/* ---- serial daemons: calls of the same chain ---- */

bool exec_is_nested(const struct executor *e, const struct exec_task *task)
{
	return e->chain && !task->keeps_lane &&
	       memcmp(e->chain, task->chain, sizeof(task->chain)) == 0;
}

void exec_add_nested(struct executor *e, struct exec_task *task)
{
	task->next = NULL;
	*e->nested_end = task;
	e->nested_end = &task->next;
	if (e->nest)
		engine_nudge(e->nest->waiter);
}

static struct exec_task *take_nested(struct executor *e)
{
	struct exec_task *task = e->nested;

	if (!task)
		return NULL;
	e->nested = task->next;
	if (!e->nested)
		e->nested_end = &e->nested;
	return task;
}

/* Calls of its chain that a method did not wait for. */
void exec_finish_chain(struct executor *e)
{
	struct exec_task *task;

	while ((task = take_nested(e)))
		exec_run_task(e, task);
	e->chain = NULL;
}

/* A number of its own for each job, behind a random part that no other process has. */
const uint8_t *exec_job_chain(void)
{
	struct worker *w = exec_self;
	struct executor *e = w ? w->executor : NULL;
	const uint8_t *chain;
	uint64_t n;

	if (!w || !w->is_in_job || e->n_workers > 1)
		return NULL;
	pthread_mutex_lock(&e->lock);
	memcpy(&n, e->job_chain + 8, sizeof(n));
	if (!e->chain && (n > 0 || random_bytes(e->job_chain, 8))) {
		n++;
		memcpy(e->job_chain + 8, &n, sizeof(n));
		e->chain = e->job_chain;
	}
	chain = e->chain;
	pthread_mutex_unlock(&e->lock);
	return chain;
}

void exec_move_to_chain(struct exec_task *task, const uint8_t chain[EXEC_CHAIN])
{
	pthread_mutex_lock(&task->executor->lock);
	exec_rename(task->executor, task, chain);
	pthread_mutex_unlock(&task->executor->lock);
}

/* ---- pools: calls that are lent to those who wait ---- */

/* Of a chain's nests, the last one: it is the innermost of its thread. */
void exec_tell_nest(struct executor *e, const uint8_t *chain)
{
	struct exec_node *node = exec_chains_nest(&e->chains, chain);
	struct exec_nest *nest;

	if (!node)
		return;
	nest = (struct exec_nest *)((char *)node - offsetof(struct exec_nest, same));
	if (!nest->is_busy && !nest->lent && !nest->hungry.chain &&
	    exec_chains_call(&e->chains, chain))
		exec_list_append(&e->hungry, &nest->hungry, chain);
}

static void forget_hunger(struct executor *e, struct exec_nest *nest)
{
	if (nest->hungry.chain)
		exec_list_remove(&e->hungry, &nest->hungry);
}

static struct exec_nest *hungriest(struct executor *e)
{
	struct exec_node *node = exec_list_pop(&e->hungry);

	return (struct exec_nest *)((char *)node - offsetof(struct exec_nest, hungry));
}

static void lend(struct executor *e, struct exec_nest *nest)
{
	struct exec_task *task = exec_pick(e, nest->chain);

	if (!task)
		return;
	nest->lent = task;
	e->n_lent++;
	if (task->turn)
		exec_take_turn(nest->worker, task);
	engine_nudge(nest->waiter);
}

/* One call for each: what that one waits for in its turn is a matter of its own nest. */
void exec_lend(struct executor *e)
{
	unsigned n = 0;

	while (e->hungry.first && exec_running(e) + e->n_lent < e->n_workers) {
		if (n++ == NESTS_MAX) {
			engine_want_tick();
			return;
		}
		lend(e, hungriest(e));
	}
}

/* The task may be the last to hold its turn. */
static void run_with_turn(struct executor *e, struct exec_task *task)
{
	task->kind->ref(task);
	exec_run_task(e, task);
	exec_end_turn(e, task);
	pthread_mutex_unlock(&e->lock);
	task->kind->unref(task);
	pthread_mutex_lock(&e->lock);
}

/* On top of what the thread runs. With the lock. */
static void run_on_top(struct executor *e, struct exec_task *task)
{
	struct exec_nest *nest = exec_self->nest;
	bool waits = nest && !nest->is_busy; /* else it has left its nest just now */

	if (waits) {
		nest->is_busy = true;
		forget_hunger(e, nest);
		e->n_waiting--;
	}
	if (task->turn)
		run_with_turn(e, task);
	else
		exec_run_task(e, task);
	if (waits) {
		e->n_waiting++;
		nest->is_busy = false;
		if (nest->chain)
			exec_tell_nest(e, nest->chain);
		if (e->ready || e->jobs)
			exec_wake_one(e);
	}
}

/* What was lent to the thread's nest, or what waits for its method to wait. */
static bool run_lent(struct executor *e)
{
	struct exec_nest *nest = exec_self->nest;
	struct exec_task *task = NULL;

	if (!nest && !exec_self->turns)
		return false;
	pthread_mutex_lock(&e->lock);
	if (nest && (task = nest->lent)) {
		nest->lent = NULL;
		e->n_lent--;
	} else {
		task = exec_take_inside(exec_self);
	}
	if (task)
		run_on_top(e, task);
	pthread_mutex_unlock(&e->lock);
	return task != NULL;
}

/* ---- waiting ---- */

bool exec_run_nested(void)
{
	struct executor *e = exec_self->executor;
	struct exec_task *task;

	if (e->n_workers > 1)
		return run_lent(e);
	pthread_mutex_lock(&e->lock);
	task = take_nested(e);
	if (!task && e->chain)
		task = exec_pick(e, e->chain);
	if (task)
		exec_run_task(e, task);
	pthread_mutex_unlock(&e->lock);
	return task != NULL;
}

static void give_up_place(struct executor *e, struct exec_nest *nest)
{
	nest->outer = exec_self->nest;
	nest->worker = exec_self;
	exec_self->nest = nest;
	if (nest->chain) {
		exec_chains_add_nest(&e->chains, &nest->same, nest->chain);
		exec_tell_nest(e, nest->chain);
	}
	e->n_waiting++;
	if (e->ready || e->jobs)
		exec_wake_one(e);
}

/* A call that came at the last moment goes back. */
static void return_lent(struct executor *e, struct exec_task *task)
{
	e->n_lent--;
	exec_put_back(e, task);
	if (task->turn)
		exec_end_turn(e, task);
	exec_wake_one(e);
}

static void take_place(struct executor *e, struct exec_nest *nest)
{
	if (nest->chain) {
		forget_hunger(e, nest);
		exec_chains_remove_nest(&e->chains, &nest->same);
		exec_tell_nest(e, nest->chain); /* the one before it is the last one now */
	}
	exec_self->nest = nest->outer;
	e->n_waiting--;
	if (nest->lent)
		return_lent(e, nest->lent);
}

/* Who runs the tasks of a method nests, not they. */
bool exec_nest_enter(struct exec_nest *nest, struct engine_waiter *waiter)
{
	struct executor *e = exec_self ? exec_self->executor : NULL;

	if (!e || engine_fiber())
		return false;
	exec_uncork();
	*nest = (struct exec_nest){ .waiter = waiter, .chain = own_chain };
	pthread_mutex_lock(&e->lock);
	if (e->n_workers > 1) {
		give_up_place(e, nest);
	} else {
		nest->outer = e->nest;
		e->nest = nest;
	}
	pthread_mutex_unlock(&e->lock);
	return true;
}

void exec_nest_leave(struct exec_nest *nest)
{
	struct executor *e = exec_self->executor;

	pthread_mutex_lock(&e->lock);
	if (e->n_workers > 1)
		take_place(e, nest);
	else
		e->nest = nest->outer;
	pthread_mutex_unlock(&e->lock);
}

/* ---- a method that waits for somebody who may not come, while others wait for it ---- */

/* Returns false if nobody can wait for it. */
static bool set_watcher(struct executor *e, struct engine_waiter *waiter)
{
	struct exec_turn *turn;
	bool is_serial = e->n_workers == 1, may_be;

	pthread_mutex_lock(&e->lock);
	if (is_serial)
		e->watcher = waiter;
	for (turn = exec_self->turns; turn; turn = turn->next)
		turn->watcher = waiter;
	may_be = is_serial || exec_self->turns;
	pthread_mutex_unlock(&e->lock);
	return may_be;
}

bool exec_watch(struct engine_waiter *waiter)
{
	struct executor *e = exec_self ? exec_self->executor : NULL;

	return e && !engine_fiber() && set_watcher(e, waiter);
}

void exec_unwatch(void)
{
	(void)set_watcher(exec_self->executor, NULL);
}

bool exec_has_work(void)
{
	struct executor *e = exec_self->executor;
	const struct exec_turn *turn;
	bool has_work;

	pthread_mutex_lock(&e->lock);
	has_work = e->n_workers == 1 && (e->ready || e->jobs);
	for (turn = exec_self->turns; turn && !has_work; turn = turn->next)
		has_work = turn->waiting;
	pthread_mutex_unlock(&e->lock);
	return has_work;
}
