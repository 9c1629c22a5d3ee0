/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LOOP_H
#define PYRITE_LOOP_H
/*
 * ---- Event loops ----
 *
 * Part of <pyrite/pyrite.h>, which includes this file.
 *
 * A program with its own event loop, such as poll(2), libuv, GLib or libevent, waits there for
 * Pyrite too: pyr_fd() is readable when there is work, and pyr_dispatch(0) does it in the calling
 * thread. It runs methods of the daemons that were started with pyr_daemon_start(), callbacks of
 * futures, and timers. A process has one such loop. No other thread polls, and an idle process does
 * not wake up. Blocking calls work as usual, but hold up the loop.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* The descriptor to wait on: readable (POLLIN, level-triggered) while there is something for
 * pyr_dispatch(). It is made by the first call; from then on callbacks and timers without a daemon
 * run in pyr_dispatch() and no longer in the callback thread. Never read or close it. Returns it,
 * the same at each call; FAILED_PRECONDITION in a forked child, RESOURCE_EXHAUSTED without memory
 * or descriptors. */
int pyr_fd(void) PYR_MUST_CHECK;

/* Does the work that is due, methods and callbacks included, and returns. In a busy process it
 * returns after a while, and the descriptor stays readable. timeout_ms: how long to wait for the
 * descriptor first; 0: not at all; < 0: no limit. Returns 1 if it did something, 0 if not. One
 * thread at a time. FAILED_PRECONDITION if another thread is in it, or from within a method, a
 * callback or a task. */
int pyr_dispatch(int64_t timeout_ms);

/* Called once, by pyr_dispatch(), when a daemon has stopped and its running calls were drained. It
 * may free the daemon. */
typedef void (*pyr_stopped_cb)(pyr_daemon *daemon, void *data);

/* Serves by pyr_dispatch() instead of pyr_daemon_run(), until pyr_daemon_stop(), SIGTERM or SIGINT.
 * Methods, hooks and timers of the daemon run there, one at a time, so its options have threads = 1
 * or leave it out. on_stopped: may be NULL; it is not called if the daemon is freed first. Flushes
 * stdout. FAILED_PRECONDITION if the daemon has more threads, runs already or has stopped. */
int pyr_daemon_start(pyr_daemon *daemon, pyr_stopped_cb on_stopped, void *data) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
