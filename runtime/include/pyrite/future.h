/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FUTURE_H
#define PYRITE_FUTURE_H
/*
 * ---- Futures ----
 *
 * I_op_start() sends a call and returns a future at once; I_op_get() waits for the result and
 * takes the future. Or pyr_future_then() takes it, and a callback gets it when it is ready;
 * I_op_async(proxy, arguments, callback, data) does both. A future needs no thread and no
 * connection of its own, even while it waits for its server (<pyrite/proxy.h>: patient proxies).
 * One thread at a time may use it.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* Whether the call has ended. */
bool pyr_future_is_ready(pyr_future *future);

/* Waits. Returns 0 when the future is ready, -PYR_DEADLINE_EXCEEDED if timeout_ms passed first
 * (the call goes on); timeout_ms < 0: no limit. */
int pyr_future_wait(pyr_future *future, int64_t timeout_ms);

/* Waits, and returns what I_op_get() will return, without taking anything: 0 if the call
 * succeeded, else minus its status, with its error as the last error. */
int pyr_future_status(pyr_future *future);

/* Ends the call with CANCELLED: here at once, at the server as soon as the method checks. A
 * callback is still called. */
void pyr_future_cancel(pyr_future *future);

/* Cancels the call if it still runs, and frees the future; for a future whose result is not needed.
 * When it returns, the callback is not running and will not run. May be called from the callback
 * itself. */
void pyr_future_free(pyr_future *future);

/*
 * Called once, when the future is ready. It runs in a method thread of the daemon in one of
 * whose methods or callbacks pyr_future_then() was called, else in the process's callback
 * thread. No lock is held. It may make blocking calls, but they delay the other callbacks of
 * that thread; a serial daemon runs no callbacks while its method waits. It may take the future
 * with I_op_get() or pyr_future_free(); otherwise the future is freed afterwards.
 */
typedef void (*pyr_future_cb)(pyr_future *future, void *data);

/* Sets the callback. If the future is ready already, it is called soon, never from within this
 * call. callback: NULL if the result is not needed. future: taken; the pointer may still be used to
 * cancel or free it until the callback has returned. Returns minus a status if the callback cannot
 * be set; then nothing is called. */
int pyr_future_then(pyr_future *future, pyr_future_cb callback, void *data) PYR_MUST_CHECK;

/* Sets a callback for failure: if the call fails, it is called instead of pyr_future_then()'s,
 * with the error as the thread's last error. Call it before pyr_future_then(); without that
 * nothing is called, and I_op_get() returns the error. */
int pyr_future_on_error(pyr_future *future, pyr_future_cb callback, void *data) PYR_MUST_CHECK;

/* Waits for all of n futures and takes none of them. Returns 0 if all succeeded; once all are
 * ready, the status of the first in the array that failed (a NULL in it is INVALID_ARGUMENT); or
 * -PYR_DEADLINE_EXCEEDED if timeout_ms passed first; timeout_ms < 0: no limit. Like
 * asyncio.gather() in Python. */
int pyr_future_wait_all(pyr_future *const *futures, size_t n, int64_t timeout_ms) PYR_MUST_CHECK;

/* Waits for the first of n futures, of any operations, and takes none of them. Returns the index of
 * one that is ready, whether its call succeeded or not; -PYR_DEADLINE_EXCEEDED if timeout_ms passed
 * first (the calls go on); timeout_ms < 0: no limit. Entries that are NULL are skipped, so that a
 * program sets those it has taken to NULL; -PYR_INVALID_ARGUMENT if all are, and
 * -PYR_FAILED_PRECONDITION if one has a callback. A task that is cancelled gets -PYR_CANCELLED, the
 * futures stay. Like asyncio.wait(FIRST_COMPLETED) in Python. */
int pyr_future_wait_any(pyr_future *const *futures, size_t n, int64_t timeout_ms) PYR_MUST_CHECK;

/* Makes n calls, of which at most window (0: 64) are unanswered at a time, and no more than the
 * other side's max_calls. start(i) starts call i; get(i) takes its future. get is called in
 * order, in this thread. Returns 0, or the first failure of either; then the calls under way are
 * cancelled. Like Executor.map() in Python. */
typedef pyr_future *(*pyr_map_start_cb)(size_t i, void *data);
typedef int (*pyr_map_get_cb)(size_t i, pyr_future *future, void *data);
int pyr_map(size_t n, size_t window, pyr_map_start_cb start, pyr_map_get_cb get,
	    void *data) PYR_MUST_CHECK;

/* As pyr_map(), but goes on after failures: a call that did not start, and one whose get failed.
 * status: n places, or NULL; status[i] becomes 0, or minus the status of call i. Returns 0 if all
 * succeeded, else the status of the first that failed, with its error as the last error. Out of
 * memory: RESOURCE_EXHAUSTED; start or get NULL: INVALID_ARGUMENT; then status is untouched. */
int pyr_map_all(size_t n, size_t window, pyr_map_start_cb start, pyr_map_get_cb get, void *data,
		int *status) PYR_MUST_CHECK;

/*
 * I_op_map(proxy, count, a, b, ret, &options) makes count calls of one operation and waits for all:
 * call i is passed a[i] and b[i], and its result is stored in ret[i]. It is generated for
 * operations whose parameters (at least one) and results (at least one) are scalars and strings,
 * none of them @optional. Arrays of parameters are borrowed; those of results may be NULL if they
 * are not needed. Strings in ret are owned, each pyr_free(); they are set to NULL first, so those
 * of calls that did not succeed are NULL, also when the map fails. Other results of such calls are
 * untouched. Options of a call, I_with(), hold for each of the calls. options: NULL is the
 * defaults.
 *
 * Returns 0, or minus the status of the first call in order that failed, whose error is the last
 * error. Then, unless options say `all`, the calls under way are cancelled, and no more are made.
 * With a proxy of many objects (<pyrite/proxy.h>) the calls are spread over them. Like
 * multiprocessing.Pool.map() in Python.
 */
struct pyr_map_options {
	size_t window; /* calls that are unanswered at a time; default 64, or 4 for each object that
			  the proxy stands for, if that is more */
	bool all;      /* a failure does not end the others */
	/* An array of count: 0, or minus the status of each call; CANCELLED of those that did not
	 * run to their end because another failed. Borrowed. Default NULL. */
	int *status;
};

/*
 * ---- Batches ----
 *
 * A batch sends many calls of one proxy in one message. Stubs that are given the batch's proxy
 * queue their calls and return 0 at once. pyr_batch_run() sends them; the server runs one after
 * the other, in order, until one fails; all results come back together. What result pointers
 * point to must be valid until then. A batch may be used again after it has run. One thread at a
 * time may use it.
 */

/* Makes a batch. proxy: borrowed, must outlive the batch. Returns: owned, pyr_batch_free(). */
pyr_batch *pyr_batch_new(pyr_proxy *proxy) PYR_MUST_CHECK;
/* Frees a batch and the calls that are queued in it. Its future stays valid. */
void pyr_batch_free(pyr_batch *batch);

/*
 * The generated I_batch() returns the proxy to pass to stubs: struct example_Server *queue =
 * example_Server_batch(batch). It belongs to the batch. A stub fails at once and queues nothing
 * if an argument cannot be sent, if the batch is running, or, with RESOURCE_EXHAUSTED, beyond
 * 65,536 calls. Streams, futures (I_op_start()) and options of a single call (I_with()) fail
 * with FAILED_PRECONDITION.
 */

/* For pyr_batch_set_options() alone. */
void pyr__batch_set_options(pyr_batch *batch, const struct pyr_call_options *options, size_t size);

/* Sets the options of the batch's next run, which is one call. Strings and annotations are
 * borrowed until it has been started. */
static inline void pyr_batch_set_options(pyr_batch *batch, const struct pyr_call_options *options)
{
	pyr__batch_set_options(batch, options, sizeof(*options));
}

/*
 * Runs the queued calls and waits for the results. Deadlines are those of one call. Returns 0, or
 * the status of the first call that failed; the message says which. Calls before it have their
 * results, calls after it were not run. If the batch fails as a whole (no connection, deadline),
 * there are no results, and the error's may_have_run says whether calls may have run. A batch
 * of a patient proxy waits, and is repeated if each operation in it is @idempotent.
 */
int pyr_batch_run(pyr_batch *batch) PYR_MUST_CHECK;

/* As pyr_batch_run(), but oneway: returns when the server has the batch. There are no results. */
int pyr_batch_run_oneway(pyr_batch *batch) PYR_MUST_CHECK;

/* Starts the queued calls. pyr_batch_get() waits for the results, stores them, and takes the
 * future; until then the batch is running. Returns: owned, as any future. */
pyr_future *pyr_batch_start(pyr_batch *batch) PYR_MUST_CHECK;
int pyr_batch_get(pyr_future *future);

/* The number of calls of the last run that succeeded and have their results. */
size_t pyr_batch_done(const pyr_batch *batch);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
