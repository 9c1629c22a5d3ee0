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
 * A task is a function with a stack of its own. pyr_tasks_run() runs tasks in the calling
 * thread, one at a time, until all have ended. When a task waits for a call, a future,
 * pyr_sleep() or another task, the others run. They run at no other time, so between two waits a
 * task has the thread to itself, and data that only the tasks of one thread use need no locks. A
 * wait outside Pyrite, such as read() or a mutex, blocks the whole thread; so do
 * pyr_daemon_free(), and pyr_timer_free() and pyr_future_free() while their callback runs in
 * another thread. Several threads may each run tasks; a task stays in its thread.
 *
 * Each task has its own last error and its own options of I_with(). Its stack has 64 KiB unless
 * set otherwise, which is too little for large arrays or deep recursion; an overflow ends the
 * process with SIGSEGV. Leave a task by returning from its function, not by longjmp(), a C++
 * exception or the end of its thread. The model is Python's asyncio, with run(), create_task(),
 * sleep() and Task.cancel(); but where asyncio.run() cancels the tasks that are left when its
 * main function ends, pyr_tasks_run() waits for them.
 */
typedef struct pyr_task pyr_task;

/* Returns 0, or minus a status, with the detail in the last error: what pyr_task_join() returns. */
typedef int (*pyr_task_cb)(void *data);

/* How tasks are run. */
struct pyr_tasks_options {
	size_t stack_size; /* bytes of each task's stack, at least 16 KiB; default 64 KiB */
};

/* Runs main(data) as the first task, and all tasks that it starts, until every one has ended. In
 * a method, the calls of these tasks are part of the method's call. Returns what main returned,
 * with its last error; FAILED_PRECONDITION in a task or after a fork, RESOURCE_EXHAUSTED if out
 * of memory. */
int pyr_tasks_run(pyr_task_cb main, void *data) PYR_MUST_CHECK;

/* For pyr_tasks_run_with() alone. */
int pyr__tasks_run(pyr_task_cb main, void *data, const struct pyr_tasks_options *options,
		   size_t size);

/* As pyr_tasks_run(), with options, borrowed; NULL: the defaults. */
static inline PYR_MUST_CHECK int pyr_tasks_run_with(pyr_task_cb main, void *data,
						    const struct pyr_tasks_options *options)
{
	return pyr__tasks_run(main, data, options, sizeof(*options));
}

/* Starts callback(data) as a task of the calling task's thread; it begins when the caller waits.
 * Returns: owned, pyr_task_join() or pyr_task_free(), freed at the latest when pyr_tasks_run()
 * returns; NULL with FAILED_PRECONDITION outside tasks, RESOURCE_EXHAUSTED if out of memory or
 * memory mappings (vm.max_map_count; each task takes two). */
pyr_task *pyr_task_start(pyr_task_cb callback, void *data) PYR_MUST_CHECK;

/* Waits for a task to end and frees it; task is taken. If the calling task is cancelled
 * meanwhile, the cancel is passed on to `task`, and the call still waits for its end. Returns
 * what the task returned, and its last error becomes the caller's. FAILED_PRECONDITION, with the
 * task not taken, for a task of another thread, outside tasks, or for the calling task itself. */
int pyr_task_join(pyr_task *task);

/* Waits for a task to end, but frees nothing. timeout_ms < 0: no limit. Returns 0 when it has
 * ended; DEADLINE_EXCEEDED if the time passed first (the task goes on); CANCELLED if the calling
 * task was cancelled; FAILED_PRECONDITION as pyr_task_join(). Only in a task. */
int pyr_task_wait(pyr_task *task, int64_t timeout_ms) PYR_MUST_CHECK;

/* Whether the task has ended. Only in a task of the same thread. */
bool pyr_task_is_done(const pyr_task *task);

/* Ends what the task waits for, or what it waits for next, with CANCELLED: a call is cancelled
 * at the other end too, a sleep ends. One cancel ends one wait, so the task may still make calls
 * to clean up; a task that ignores it goes on. A task that has not begun still begins. Any
 * thread, as long as the handle is owned. */
void pyr_task_cancel(pyr_task *task);

/* Whether pyr_task_cancel() was called for the task; for tasks that compute. Any thread. */
bool pyr_task_is_cancelled(const pyr_task *task);

/* Frees the handle; the task goes on. Only in a task of the same thread. */
void pyr_task_free(pyr_task *task);

/* The calling task. Returns: borrowed, valid until it ends; NULL outside tasks. */
pyr_task *pyr_task_current(void);

/* Lets the other tasks of the thread run and handles what has arrived; outside tasks it does
 * nothing. Returns 0, CANCELLED if the task was cancelled, FAILED_PRECONDITION after a fork. */
int pyr_task_yield(void);

/* Waits for ms milliseconds. A task is suspended; elsewhere the thread sleeps, and if it runs a
 * method of a pool, the pool may start another in its place. Returns 0; CANCELLED, at once, if the
 * task or the call whose method it runs was cancelled; FAILED_PRECONDITION in a task after a fork.
 * Every pyr_sleep() in a method whose call was cancelled ends so: the method should return. */
int pyr_sleep(uint32_t ms);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
