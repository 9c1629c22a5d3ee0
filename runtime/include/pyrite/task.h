/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TASK_H
#define PYRITE_TASK_H
/* Tasks: many waits in one thread. Part of <pyrite/pyrite.h>, which includes it. */
#include <stddef.h>
#include <stdint.h>

#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * ---- Tasks ----
 *
 * A task is a function with a stack of its own. pyr_tasks_run() runs tasks in the calling thread,
 * one at a time, until all have ended. What waits in a task (a call, a future, pyr_sleep(), another
 * task) lets the others run; nothing else does, so between two waits a task has the thread to
 * itself, and data that only the tasks of one thread use need no lock. A wait that is not Pyrite's,
 * read() or a mutex, holds up the whole thread, and so do pyr_daemon_free(), and pyr_timer_free()
 * and pyr_future_free() while the callback runs in another thread. Several threads may each run
 * tasks; a task stays in its thread.
 *
 * Each task has its own last error and its own options of I_with(). The stack is 64 KiB unless said
 * otherwise: no place for large arrays or deep recursion. An overflow ends the process with
 * SIGSEGV. Leave a task by returning from its function: not by longjmp(), a C++ exception or the
 * end of its thread. Source: Python's asyncio, which has run(), create_task(), sleep() and
 * Task.cancel(); but there run() cancels what is left when its main function ends, and here it
 * waits.
 */
typedef struct pyr_task pyr_task;

/* Returns 0, or minus a status, with the detail in the last error: what pyr_task_join() returns. */
typedef int (*pyr_task_cb)(void *data);

/* How tasks are run. */
struct pyr_tasks_options {
	size_t stack_size; /* bytes of each task's stack, at least 16 KiB; default 64 KiB */
};

/*
 * Runs main(data) as the first task, and all that it starts, until every one has ended. The call
 * that a method serves is also that of the tasks it runs. Returns what main returned, with its last
 * error; FAILED_PRECONDITION in a task or after a fork, RESOURCE_EXHAUSTED when memory is out.
 */
int pyr_tasks_run(pyr_task_cb main, void *data) PYR_MUST_CHECK;

/* For pyr_tasks_run_with() alone. */
int pyr__tasks_run(pyr_task_cb main, void *data, const struct pyr_tasks_options *options,
		   size_t size);

/* As pyr_tasks_run() with options, borrowed; NULL: the defaults. */
static inline PYR_MUST_CHECK int pyr_tasks_run_with(pyr_task_cb main, void *data,
						    const struct pyr_tasks_options *options)
{
	return pyr__tasks_run(main, data, options, sizeof(*options));
}

/*
 * Makes callback(data) a task of the calling one's thread. It begins when the caller waits.
 * Returns: owned, pyr_task_join() or pyr_task_free(), and at the latest freed when pyr_tasks_run()
 * returns; NULL with FAILED_PRECONDITION outside of tasks, RESOURCE_EXHAUSTED when memory or the
 * system's mappings (vm.max_map_count, two for each task) are out.
 */
pyr_task *pyr_task_start(pyr_task_cb callback, void *data) PYR_MUST_CHECK;

/*
 * Waits for the end of a task and frees it; task is taken. If the calling task is cancelled
 * meanwhile, the cancel is passed on to `task`, whose end is still awaited. Returns what the task
 * returned, its last error becoming the caller's; FAILED_PRECONDITION, the task not taken, in
 * another thread's tasks, outside of tasks or for the calling task itself. In a task.
 */
int pyr_task_join(pyr_task *task);

/* Waits for the end of a task, but frees nothing. timeout_ms < 0: no limit. Returns 0 when it has
 * ended, DEADLINE_EXCEEDED when the time passed first (the task goes on), CANCELLED when the
 * calling task was cancelled, FAILED_PRECONDITION as pyr_task_join(). In a task. */
int pyr_task_wait(pyr_task *task, int64_t timeout_ms) PYR_MUST_CHECK;

/* Whether it has ended. In a task of the same thread. */
bool pyr_task_is_done(const pyr_task *task);

/*
 * Ends what the task waits for, or else what it waits for next, as CANCELLED: a call is cancelled
 * there as well, a sleep ends. One cancel ends one wait, so a task may still make calls to clean
 * up; one that does not mind goes on. A task that has not begun still begins. Any thread, as long
 * as the handle is owned.
 */
void pyr_task_cancel(pyr_task *task);

/* Whether pyr_task_cancel() was called on it: for one that computes. Any thread. */
bool pyr_task_is_cancelled(const pyr_task *task);

/* Gives up the handle; the task goes on. In a task of the same thread. */
void pyr_task_free(pyr_task *task);

/* The task that calls. Returns: borrowed, valid until it ends; NULL outside of tasks. */
pyr_task *pyr_task_current(void);

/* Lets the other tasks of the thread run, and what has come in be handled; outside of tasks it does
 * nothing. Returns 0, CANCELLED when the task was cancelled, FAILED_PRECONDITION after a fork. */
int pyr_task_yield(void);

/* Waits ms milliseconds: a task suspends, else the thread sleeps; that of a method of a pool leaves
 * its place to others meanwhile. Returns 0, CANCELLED when the task was cancelled,
 * FAILED_PRECONDITION in a task after a fork. */
int pyr_sleep(uint32_t ms);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
