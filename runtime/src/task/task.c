/* SPDX-License-Identifier: MIT */
/*
 * Tasks, and the loop that runs those of a thread. It goes in rounds: every task that is ready runs
 * until it waits, then the thread looks at the network, if it has not just done so, or sleeps in
 * the engine until a task is woken or the earliest of them has waited long enough. What the tasks
 * want to send meanwhile leaves together, when the engine polls.
 *
 * All of it belongs to the one thread, but for what the engine keeps of a task (struct
 * engine_fiber) and `was_cancelled`.
 */
#include <pyrite/task.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/abi.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stack.h"
#include "base/time_heap.h"
#include "context/call_wish.h"
#include "context/context.h"
#include "context/scope.h"
#include "engine/engine.h"
#include "exec/exec.h"
#include "incall/incall.h"

enum {
	KEPT_STACKS = 256, /* of tasks that are over, for those to come */
	LOOK_NS = 20000    /* how often tasks that are always ready let the network be looked at */
};

/* Somebody who waits for the end of a task; on the stack of his own. */
struct joiner {
	struct engine_waiter waiter;
	struct joiner *next;
};

struct pyr_task {
	struct engine_fiber fiber; /* first: the engine tells which task runs */
	struct tasks *tasks;
	struct stack *stack; /* NULL: it is over */
	pyr_task_cb callback;
	void *data;
	struct time_place time; /* until when it waits */
	bool is_ready;          /* in the list of those to run */
	struct pyr_task *next_ready;
	struct joiner *joiners;
	bool is_main;
	bool is_freed; /* nobody has the handle */
	bool is_asked; /* somebody was told the result */
	atomic_bool was_cancelled;
	int result;
	pyr_error *error; /* of the result; NULL: none */
	struct pyr_task *next, *prev;
	/* What is the thread's while it runs: */
	struct error_state last_error;
	struct call_wish wish;
	struct context_own *context;
	pyr_call *call;
};

/* One pyr_tasks_run(). */
struct tasks {
	struct engine_yard yard;
	struct pyr_task *first; /* all that exist */
	struct pyr_task *ready, **ready_end;
	struct time_heap times;
	int64_t look_at; /* when the network is looked at again, however much is ready */
	size_t n_alive;
	size_t stack_size;
	struct stack *kept[KEPT_STACKS];
	size_t n_kept;
};

pyr_task *pyr_task_current(void)
{
	return (pyr_task *)engine_fiber();
}

/* ---- one task ---- */

static void suspend(struct engine_fiber *fiber, int64_t until)
{
	pyr_task *t = (pyr_task *)fiber;

	if (until != ENGINE_FOREVER)
		time_heap_add(&t->tasks->times, &t->time, until);
	stack_leave();
	time_heap_remove(&t->tasks->times, &t->time);
}

/* The last error, made one of the result. */
static pyr_error *take_error(int result)
{
	pyr_error *error = pyr_error_take();

	if (result < 0 && error && error->code == -result)
		return error;
	pyr_error_free(error);
	return NULL;
}

/* All that runs on its stack. */
static void run_callback(void *task)
{
	pyr_task *t = task;

	t->result = t->callback(t->data);
	t->error = take_error(t->result);
}

static void make_ready(pyr_task *t)
{
	struct tasks *s = t->tasks;

	if (t->is_ready)
		return;
	t->is_ready = true;
	t->next_ready = NULL;
	*s->ready_end = t;
	s->ready_end = &t->next_ready;
}

static struct stack *take_stack(struct tasks *s)
{
	return s->n_kept > 0 ? s->kept[--s->n_kept] : stack_new(s->stack_size);
}

static void give_stack(struct tasks *s, struct stack *stack)
{
	if (s->n_kept < KEPT_STACKS)
		s->kept[s->n_kept++] = stack;
	else
		stack_free(stack);
}

static pyr_task *new_task(struct tasks *s, pyr_task_cb callback, void *data)
{
	pyr_task *t = calloc(1, sizeof(*t));

	if (!t || !time_heap_reserve(&s->times, s->n_alive + 1) || !(t->stack = take_stack(s))) {
		free(t);
		return NULL;
	}
	t->fiber.yard = &s->yard;
	t->fiber.suspend = suspend;
	t->tasks = s;
	t->callback = callback;
	t->data = data;
	t->context = context_inherit();
	t->call = incall_current();
	t->next = s->first;
	if (s->first)
		s->first->prev = t;
	s->first = t;
	stack_begin(t->stack, run_callback, t);
	s->n_alive++;
	make_ready(t);
	return t;
}

static void destroy(pyr_task *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		t->tasks->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	pyr_error_free(t->error);
	context_drop(t->context);
	free(t);
}

static void finish(pyr_task *t)
{
	struct tasks *s = t->tasks;
	struct joiner *joiner;

	give_stack(s, t->stack);
	t->stack = NULL;
	s->n_alive--;
	engine_fiber_end(&t->fiber);
	for (joiner = t->joiners; joiner; joiner = joiner->next)
		engine_wake(&joiner->waiter);
	if (t->is_freed && !t->joiners)
		destroy(t);
}

/* ---- the loop ---- */

/* What a thread has one of, a task has its own. */
static void exchange(pyr_task *t)
{
	error_swap(&t->last_error);
	wish_swap(&t->wish);
	t->context = context_exchange(t->context);
	t->call = incall_enter(t->call);
}

static void run(pyr_task *t)
{
	struct engine_fiber *before = engine_set_fiber(&t->fiber);
	bool goes_on;

	t->is_ready = false;
	exchange(t);
	goes_on = stack_enter(t->stack);
	exchange(t);
	engine_set_fiber(before);
	if (!goes_on && !engine_is_forked())
		finish(t);
}

/* Those that are ready now; what they make ready is for the next round. */
static void run_round(struct tasks *s)
{
	pyr_task *t = s->ready, *next;

	s->ready = NULL;
	s->ready_end = &s->ready;
	for (; t && !engine_is_forked(); t = next) {
		next = t->next_ready;
		run(t);
	}
}

static void collect(struct tasks *s)
{
	struct engine_fiber *fiber;
	struct time_place *time;
	int64_t now;

	while ((fiber = engine_yard_take(&s->yard)))
		make_ready((pyr_task *)fiber);
	now = s->times.n > 0 ? engine_now() : 0;
	while ((time = time_heap_first(&s->times)) && time->at <= now) {
		time_heap_remove(&s->times, time);
		make_ready((pyr_task *)((char *)time - offsetof(pyr_task, time)));
	}
}

/* Waits for something to do; if there is something already, looks at the network now and then. */
static void look(struct tasks *s)
{
	const struct time_place *first = time_heap_first(&s->times);

	if (s->ready && engine_now() < s->look_at)
		return;
	engine_wait(&s->yard.waiter, s->ready ? 0 : first ? first->at : ENGINE_FOREVER);
	s->look_at = engine_now() + LOOK_NS;
}

/* Until all tasks are over. A forked child leaves at once. */
static void run_all(struct tasks *s)
{
	struct exec_nest nest;
	bool nests = exec_nest_enter(&nest, &s->yard.waiter);

	while (s->n_alive > 0 && !engine_is_forked()) {
		run_round(s);
		collect(s);
		if (s->n_alive == 0 || engine_is_forked())
			break;
		while (nests && exec_run_nested())
			;
		look(s);
		collect(s);
	}
	if (!nests)
		return;
	exec_nest_leave(&nest);
	while (exec_run_nested()) /* one that came at the last moment would wait for ever */
		;
}

/* ---- running tasks ---- */

static void tell_unasked(const pyr_task *t)
{
	if (t->result >= 0 || t->is_asked)
		return;
	log_line(PYR_LOG_WARNING, "a task that was not awaited ended with %s: %s",
		 pyr_status_name(t->result), t->error ? t->error->message : "");
}

static void free_all(struct tasks *s)
{
	while (s->first) {
		tell_unasked(s->first);
		destroy(s->first);
	}
	while (s->n_kept > 0)
		stack_free(s->kept[--s->n_kept]);
	time_heap_free(&s->times);
	engine_yard_fini(&s->yard);
}

/* Makes the caller's what came of a task. Returns it. */
static int take_result(pyr_task *t)
{
	t->is_asked = true;
	if (t->error)
		error_restore(t->error);
	else if (t->result < 0)
		error_set(-t->result, "the task ended with %s", pyr_status_name(t->result));
	t->error = NULL;
	return t->result;
}

static int run_main(struct tasks *s, pyr_task_cb callback, void *data)
{
	pyr_task *t;
	int result;

	engine_yard_init(&s->yard);
	s->ready_end = &s->ready;
	t = new_task(s, callback, data);
	if (t) {
		t->is_main = true;
		run_all(s);
		if (engine_is_forked()) /* the stacks are not of this process */
			return error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
		result = take_result(t);
	} else {
		result = error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for a task");
	}
	free_all(s);
	return result;
}

int pyr__tasks_run(pyr_task_cb main, void *data, const struct pyr_tasks_options *options,
		   size_t size)
{
	struct pyr_tasks_options own;
	struct tasks *s;
	int status;

	if (!main)
		return error_missing("main");
	status = abi_options(&own, sizeof(own), options, size, "pyr_tasks_options");
	if (status < 0)
		return status;
	if (engine_fiber())
		return error_set(PYR_FAILED_PRECONDITION,
				 "tasks run already in this thread: pyr_task_start()");
	status = engine_start();
	if (status < 0)
		return error_set(-status, status == -PYR_FAILED_PRECONDITION
						  ? ENGINE_FORKED_TEXT
						  : "the runtime cannot be started");
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory for tasks");
	s->stack_size = own.stack_size ? own.stack_size : STACK_DEFAULT;
	status = run_main(s, main, data);
	free(s);
	return status;
}

int pyr_tasks_run(pyr_task_cb main, void *data)
{
	return pyr_tasks_run_with(main, data, NULL);
}

/* ---- in a task ---- */

pyr_task *pyr_task_start(pyr_task_cb callback, void *data)
{
	pyr_task *self = pyr_task_current(), *t;

	if (!callback)
		return error_constructor(PYR_INVALID_ARGUMENT, "callback is NULL");
	if (!self)
		return error_constructor(PYR_FAILED_PRECONDITION,
					 "no tasks run in this thread: pyr_tasks_run()");
	if (engine_is_forked())
		return error_constructor(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	t = new_task(self->tasks, callback, data);
	if (!t)
		return error_constructor(PYR_RESOURCE_EXHAUSTED,
					 "no memory or mapping for a task's stack, with %zu tasks",
					 self->tasks->n_alive);
	return t;
}

/* Who asks about a task must be another of the same thread. */
static int check_peer(const pyr_task *task)
{
	const pyr_task *self = pyr_task_current();

	if (!task)
		return error_null("task");
	if (engine_is_forked())
		return error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	if (!self || self->tasks != task->tasks)
		return error_set(PYR_FAILED_PRECONDITION,
				 "only a task of its own thread waits for a task");
	if (self == task)
		return error_set(PYR_FAILED_PRECONDITION, "a task cannot wait for itself");
	return 0;
}

/* Returns as engine_wait_or_cancel(). */
static int await(pyr_task *task, int64_t until)
{
	struct joiner joiner = { .next = task->joiners }, **at;
	int ended;

	if (!task->stack)
		return 1;
	engine_waiter_init(&joiner.waiter, false);
	task->joiners = &joiner;
	ended = engine_wait_or_cancel(&joiner.waiter, until);
	for (at = &task->joiners; *at != &joiner; at = &(*at)->next)
		;
	*at = joiner.next;
	engine_waiter_fini(&joiner.waiter);
	return ended;
}

int pyr_task_wait(pyr_task *task, int64_t timeout_ms)
{
	int status = check_peer(task), ended;

	if (status < 0)
		return status;
	ended = await(task, engine_until(timeout_ms));
	if (task->is_freed && !task->stack && !task->joiners)
		destroy(task);
	if (ended > 0)
		return 0;
	if (ended < 0)
		return error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	return error_set(PYR_DEADLINE_EXCEEDED, "TimeoutError: the task did not end within %lld ms",
			 (long long)timeout_ms);
}

int pyr_task_join(pyr_task *task)
{
	int status = check_peer(task);

	if (status < 0)
		return status;
	while (await(task, ENGINE_FOREVER) < 0)
		pyr_task_cancel(task);
	status = take_result(task);
	pyr_task_free(task);
	return status;
}

bool pyr_task_is_done(const pyr_task *task)
{
	return task && !task->stack;
}

void pyr_task_cancel(pyr_task *task)
{
	if (!task || engine_is_forked())
		return;
	atomic_store(&task->was_cancelled, true);
	engine_fiber_cancel(&task->fiber);
}

bool pyr_task_is_cancelled(const pyr_task *task)
{
	return task && atomic_load(&task->was_cancelled);
}

void pyr_task_free(pyr_task *task)
{
	if (!task || task->is_main || engine_is_forked())
		return;
	task->is_freed = true;
	if (!task->stack && !task->joiners)
		destroy(task);
}

/* ---- waiting for the time ---- */

#define CALL_CANCELLED_TEXT "the call whose method waits was cancelled"

/* A wait for the time, or for the end of the call whose method the thread runs. */
struct rest {
	struct scope_item part;
	struct engine_waiter waiter;
};

static void cut_short(struct scope_item *item)
{
	engine_wake(&((struct rest *)((char *)item - offsetof(struct rest, part)))->waiter);
}

static void rest_begin(struct rest *rest)
{
	*rest = (struct rest){ .part.cancel = cut_short };
	engine_waiter_init(&rest->waiter, false);
	scope_add(&rest->part);
}

/* Returns whether that call was cancelled. */
static bool rest_end(struct rest *rest)
{
	bool is_cut = scope_is_revoked(&rest->part);

	scope_remove(&rest->part); /* nobody wakes it after this */
	engine_waiter_fini(&rest->waiter);
	return is_cut;
}

static int wait_in_task(int64_t until)
{
	struct rest rest;
	int cancelled = 0;

	if (engine_is_forked())
		return error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	rest_begin(&rest);
	if (!scope_is_revoked(&rest.part))
		cancelled = engine_wait_or_cancel(&rest.waiter, until);
	if (rest_end(&rest) && cancelled >= 0)
		return error_set(PYR_CANCELLED, CALL_CANCELLED_TEXT);
	return cancelled < 0 ? error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT) : 0;
}

int pyr_task_yield(void)
{
	struct engine_waiter nobody;
	int cancelled;

	if (!engine_fiber())
		return 0;
	if (engine_is_forked())
		return error_set(PYR_FAILED_PRECONDITION, ENGINE_FORKED_TEXT);
	engine_waiter_init(&nobody, false);
	cancelled = engine_wait_or_cancel(&nobody, engine_now());
	engine_waiter_fini(&nobody);
	return cancelled < 0 ? error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT) : 0;
}

/* A method thread's place is another's meanwhile, as in all waits of the runtime's. Returns 1 in
 * other threads, else 0 or minus a status with the last error set. */
static int sleep_in_method(int64_t until)
{
	struct rest rest;
	struct exec_nest nest;
	bool nests, is_cut;

	rest_begin(&rest);
	nests = exec_nest_enter(&nest, &rest.waiter);
	while (nests && engine_now() < until && !scope_is_revoked(&rest.part)) {
		while (exec_run_nested())
			;
		engine_wait(&rest.waiter, until);
	}
	if (nests)
		exec_nest_leave(&nest);
	is_cut = rest_end(&rest);
	if (!nests)
		return 1;
	return is_cut ? error_set(PYR_CANCELLED, CALL_CANCELLED_TEXT) : 0;
}

int pyr_sleep(uint32_t ms)
{
	int64_t until = engine_now() + (int64_t)ms * ENGINE_MS;
	struct timespec t = { until / 1000000000, until % 1000000000 };
	int err;

	if (engine_fiber())
		return wait_in_task(until);
	err = sleep_in_method(until);
	if (err <= 0)
		return err;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	return 0;
}
