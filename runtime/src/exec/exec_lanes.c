/* SPDX-License-Identifier: MIT */
/* Lanes: those that are ready, those that wait for their link or for a turn, and what is taken out
 * of them. All with the executor's lock, but for exec_resume() and exec_open_turn(). */
#include "exec/exec_own.h"

#include <string.h>

enum {
	BACKLOG_MAX = 16 << 20, /* bytes that a link may have to send before its methods wait */
	LOOKS_MAX = 64 /* calls, for one event: those of one chain, or the first ones of a lane */
};

/* ---- lanes that are ready ---- */

static void make_ready(struct executor *e, struct lane *lane)
{
	lane->place = LANE_READY;
	lane->next = NULL;
	lane->prev = e->ready_last;
	if (e->ready)
		e->ready_last->next = lane;
	else
		e->ready = lane;
	e->ready_last = lane;
}

static void remove_ready(struct executor *e, struct lane *lane)
{
	if (lane->next)
		lane->next->prev = lane->prev;
	else
		e->ready_last = lane->prev;
	if (lane->prev)
		lane->prev->next = lane->next;
	else
		e->ready = lane->next;
	lane->place = LANE_NOWHERE;
}

/* It could not go on until now. Methods that wait may run its calls; which those are, its first
 * ones tell. */
void exec_reopen(struct executor *e, struct lane *lane)
{
	const struct exec_task *task = lane->head;
	unsigned n;

	make_ready(e, lane);
	if (e->chains.n_nests == 0)
		return;
	for (n = 0; task && n < LOOKS_MAX; n++, task = task->next) {
		e->chains.n_looks++;
		if (task->same.chain)
			exec_tell_nest(e, task->chain);
	}
}

/* ---- lanes of links that have much to send ---- */

static bool has_much(const struct exec_stall *stall)
{
	return stall && atomic_load_explicit(stall->backlog, memory_order_relaxed) > BACKLOG_MAX;
}

/* It is in no list. */
static void stall_lane(struct executor *e, struct lane *lane)
{
	struct exec_stall *stall = lane->stall;

	lane->place = LANE_STALLED;
	lane->next = NULL;
	if (stall->lanes) {
		stall->last->next = lane;
	} else {
		stall->next = e->stalls;
		stall->link = &e->stalls;
		if (stall->next)
			stall->next->link = &stall->next;
		e->stalls = stall;
		stall->lanes = lane;
	}
	stall->last = lane;
}

/* One at a time: each that goes on takes the next along. */
static void resume_one(struct executor *e, struct exec_stall *stall)
{
	struct lane *lane = stall ? stall->lanes : NULL;

	if (!lane || has_much(stall))
		return;
	stall->lanes = lane->next;
	if (!lane->next) {
		*stall->link = stall->next;
		if (stall->next)
			stall->next->link = stall->link;
	}
	exec_reopen(e, lane);
}

bool exec_has_stalled(const struct exec_stall *stall)
{
	return stall->lanes;
}

/* ---- tasks in lanes ---- */

/* It may be run by a method of its chain that waits. */
static void note(struct executor *e, struct exec_task *task, bool is_first)
{
	bool may_be = e->n_workers == 1 ? task->is_awaited : !task->keeps_turn;

	if (task->keeps_lane || !may_be)
		return;
	exec_chains_add_call(&e->chains, &task->same, task->chain, is_first);
	exec_tell_nest(e, task->chain);
}

void exec_rename(struct executor *e, struct exec_task *task, const uint8_t chain[EXEC_CHAIN])
{
	bool is_noted = task->same.chain;

	if (is_noted)
		exec_chains_remove_call(&e->chains, &task->same);
	memcpy(task->chain, chain, sizeof(task->chain));
	if (is_noted)
		note(e, task, false);
}

static void append(struct executor *e, struct lane *lane, struct exec_task *task)
{
	task->next = NULL;
	task->prev = lane->head ? lane->tail : NULL;
	if (lane->head)
		lane->tail->next = task;
	else
		lane->head = task;
	lane->tail = task;
	note(e, task, false);
}

static void take_out(struct executor *e, struct exec_task *task)
{
	struct lane *lane = task->lane;

	if (task->next)
		task->next->prev = task->prev;
	else
		lane->tail = task->prev;
	if (task->prev)
		task->prev->next = task->next;
	else
		lane->head = task->next;
	if (task->same.chain)
		exec_chains_remove_call(&e->chains, &task->same);
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
	exec_reopen(e, lane);
}

static void wait_for_turn(struct exec_turn *turn, struct lane *lane)
{
	lane->place = LANE_TURN;
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
	take_out(e, task);
	if (lane->head)
		make_ready(e, lane);
	add_inside(task);
}

/* A lane that is ready, and now in no list, has too much to send. */
static void hold_up(struct executor *e, struct lane *lane)
{
	struct exec_turn *turn = lane->head->turn;

	stall_lane(e, lane);
	if (turn && turn->reserved == lane)
		pass_turn_on(e, turn);
}

/* The next call to run, lanes in turn; a oneway keeps its lane until it is through. */
struct exec_task *exec_take(struct executor *e, struct lane **from)
{
	struct lane *lane;
	struct exec_task *task;

	while ((lane = e->ready)) {
		remove_ready(e, lane);
		if (has_much(lane->stall)) {
			hold_up(e, lane);
			continue;
		}
		resume_one(e, lane->stall);
		task = lane->head;
		if (task->turn && !exec_has_turn(e, task)) {
			hold_back(e, lane);
			continue;
		}
		take_out(e, task);
		if (task->keeps_lane)
			lane->is_held = true;
		else if (lane->head)
			make_ready(e, lane);
		*from = lane;
		return task;
	}
	return NULL;
}

/* Whether it may be run now, by a method that waits. A lane that turns out to wait for something is
 * put where it will be seen when that comes. */
static bool may_leave(struct executor *e, struct exec_task *task)
{
	struct lane *lane = task->lane;

	while (lane->place == LANE_READY) {
		if (has_much(lane->stall)) {
			remove_ready(e, lane);
			hold_up(e, lane);
		} else if (!exec_has_turn(e, lane->head)) {
			remove_ready(e, lane);
			resume_one(e, lane->stall);
			hold_back(e, lane);
			if (!task->same.chain)
				return false; /* it was that one */
		} else {
			return exec_has_turn(e, task);
		}
	}
	return false;
}

/* Its lane keeps its place among the others. Of calls that can't be run only so many are looked at:
 * whoever queues them chooses their chain. */
struct exec_task *exec_pick(struct executor *e, const uint8_t *chain)
{
	struct exec_node *at = exec_chains_call(&e->chains, chain);
	struct exec_task *task;
	struct lane *lane;
	unsigned n;

	for (n = 0; at && n < LOOKS_MAX; n++) {
		task = (struct exec_task *)((char *)at - offsetof(struct exec_task, same));
		lane = task->lane;
		if ((e->n_workers == 1 && !task->is_awaited) || !may_leave(e, task)) {
			/* It may have been taken out, and others with it. */
			at = task->same.chain ? exec_chains_next(&e->chains, at)
					      : exec_chains_call(&e->chains, chain);
			continue;
		}
		take_out(e, task);
		if (!lane->head) {
			remove_ready(e, lane);
			resume_one(e, lane->stall);
		}
		return task;
	}
	return NULL;
}

void exec_put_back(struct executor *e, struct exec_task *task)
{
	struct lane *lane = task->lane;

	task->prev = NULL;
	task->next = lane->head;
	if (lane->head)
		lane->head->prev = task;
	else
		lane->tail = task;
	lane->head = task;
	note(e, task, true);
	if (lane->place == LANE_NOWHERE && !lane->is_held)
		make_ready(e, lane);
}

/* ---- from outside ---- */

bool exec_queue(struct executor *e, struct lane *lane, struct exec_task *task)
{
	if (task->turn && e->n_workers > 1 && !task->keeps_turn && is_inside(task)) {
		add_inside(task);
		return true;
	}
	append(e, lane, task);
	if (lane->place == LANE_NOWHERE && !lane->is_held) {
		if (lane->head->turn && !exec_has_turn(e, lane->head)) {
			wait_for_turn(lane->head->turn, lane);
		} else {
			make_ready(e, lane);
			exec_wake_one(e);
		}
	} else if (e->hungry.first) {
		exec_wake_behind(e);
	}
	return false;
}

void exec_resume(struct executor *e, struct exec_stall *stall)
{
	pthread_mutex_lock(&e->lock);
	resume_one(e, stall);
	if (e->ready)
		exec_wake_one(e);
	pthread_mutex_unlock(&e->lock);
}
