/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUTURE_H
#define PYRITE_FUTURE_H
/*
 * ---- Futures ----
 *
 * I_op_start() sends a call and returns at once with a future; I_op_get() waits for the result and
 * takes the future. Or pyr_future_then() takes it: a callback gets it when it is ready;
 * I_op_async(proxy, arguments, callback, data) does both. No thread and no connection stands
 * behind a future, also not while it waits for its server (<pyrite/proxy.h>: patient proxies). One
 * thread at a time uses one. Source: Pyro's async proxies and FutureResult.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

bool pyr_future_is_ready(pyr_future *future);

/* Waits. Returns 0 when it is ready, -PYR_DEADLINE_EXCEEDED when timeout_ms passed first (the call
 * goes on); < 0: no limit. */
int pyr_future_wait(pyr_future *future, int64_t timeout_ms);

/* Waits, and tells what I_op_get() will, without taking anything. Returns 0 if the call succeeded,
 * else minus its status, with its error as the last error. */
int pyr_future_status(pyr_future *future);

/* Ends the call as CANCELLED, here at once and there as soon as the method looks. A callback is
 * called. */
void pyr_future_cancel(pyr_future *future);

/*
 * Cancels what still runs, and frees: for a future whose result nobody wants. After it returns its
 * callback neither runs nor will; also from the callback itself.
 */
void pyr_future_free(pyr_future *future);

/*
 * Called once, when the future is ready: in a method thread of the daemon in one of whose methods
 * or callbacks pyr_future_then() was called, else in the process's callback thread. No lock is
 * held, and it may make blocking calls, which keep that thread from other callbacks meanwhile; nor
 * is there a callback in a serial daemon while its method waits. It may take the future with
 * I_op_get() or pyr_future_free(); else it is freed afterwards.
 */
typedef void (*pyr_future_cb)(pyr_future *future, void *data);

/*
 * Has the callback called, soon if the future is ready already, never from within this call.
 * callback: NULL: nobody wants the result. future: taken; who keeps the pointer may cancel or free
 * it until the callback has returned. Returns minus a status if it cannot be; then nothing is
 * called.
 */
int pyr_future_then(pyr_future *future, pyr_future_cb callback, void *data) PYR_MUST_CHECK;

/*
 * If the call fails, calls this instead of pyr_future_then()'s callback, with the error as the
 * thread's last error. Before pyr_future_then(), without which nothing is called: who takes the
 * future with I_op_get() is told there. Source: Pyro's FutureResult.iferror.
 */
int pyr_future_on_error(pyr_future *future, pyr_future_cb callback, void *data) PYR_MUST_CHECK;

/*
 * Waits for all of n futures, none of which is taken. Returns 0 if all succeeded; once all are
 * ready, the status of the first in the array that failed (a NULL in it is INVALID_ARGUMENT); or
 * -PYR_DEADLINE_EXCEEDED when timeout_ms passed first; < 0: no limit. Source: Python's
 * asyncio.gather.
 */
int pyr_gather(pyr_future *const *futures, size_t n, int64_t timeout_ms) PYR_MUST_CHECK;

/*
 * Makes n calls, at most window (0: 64) of them unanswered at a time; at most as many as the other
 * side's max_calls. start(i) starts call i; get(i) takes its future, in order, in this thread.
 * Returns 0, or the first failure of either; then calls under way are cancelled. Source: Python's
 * Executor.map.
 */
typedef pyr_future *(*pyr_map_start_cb)(size_t i, void *data);
typedef int (*pyr_map_get_cb)(size_t i, pyr_future *future, void *data);
int pyr_map(size_t n, size_t window, pyr_map_start_cb start, pyr_map_get_cb get,
	    void *data) PYR_MUST_CHECK;

/*
 * ---- Batches ----
 *
 * Many calls of one proxy in one message: stubs that are given the batch's proxy queue their calls
 * and return 0 at once. pyr_batch_run() sends all of them together; the server runs one after the
 * other, in order, until one fails, and all results come back together. What result pointers point
 * to must last until then. A batch may be used again once it has been run; one thread at a time.
 * Source: Pyro's BatchProxy.
 */

/* proxy: borrowed, must outlive the batch. Returns: owned, pyr_batch_free(). */
pyr_batch *pyr_batch_new(pyr_proxy *proxy) PYR_MUST_CHECK;
/* Forgets what is queued. Its future stays valid. */
void pyr_batch_free(pyr_batch *batch);

/*
 * What takes the proxy's place in stubs that are to queue is generated: struct example_Server
 * *queue = example_Server_batch(batch), which is the batch's. A stub fails at once, and queues
 * nothing, if an argument cannot be sent, while the batch runs, or with RESOURCE_EXHAUSTED beyond
 * 65,536 calls. Streams, futures (I_op_start()) and options of a single call (I_with()) are refused
 * with FAILED_PRECONDITION.
 */

/* For pyr_batch_set_options() alone. */
void pyr__batch_set_options(pyr_batch *batch, const struct pyr_call_options *options, size_t size);

/* Options of the batch's next run, which is one call. Strings and annotations are borrowed until it
 * has been started. */
static inline void pyr_batch_set_options(pyr_batch *batch, const struct pyr_call_options *options)
{
	pyr__batch_set_options(batch, options, sizeof(*options));
}

/*
 * Runs what is queued, and waits, within the time of one call. Returns 0, or the status of the
 * first call that failed, whose number the message tells: those before have their results, those
 * after it were not run. What fails as a whole (no connection, no time) brings no results; the
 * error's may_have_run then tells whether calls may have run. A patient proxy waits, and runs it
 * again if each operation in it is @idempotent.
 */
int pyr_batch_run(pyr_batch *batch) PYR_MUST_CHECK;

/* The same as a oneway: returns when the server has it; nothing comes back. */
int pyr_batch_run_oneway(pyr_batch *batch) PYR_MUST_CHECK;

/* Starts what is queued. pyr_batch_get() waits for the results, stores them, and takes the future;
 * until then the batch is running. Returns: owned, as any future. */
pyr_future *pyr_batch_start(pyr_batch *batch) PYR_MUST_CHECK;
int pyr_batch_get(pyr_future *future);

/* How many calls of the last run succeeded and have their results. */
size_t pyr_batch_done(const pyr_batch *batch);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
