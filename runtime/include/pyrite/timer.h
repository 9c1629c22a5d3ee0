/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TIMER_H
#define PYRITE_TIMER_H
/*
 * ---- Timers ----
 *
 * Part of <pyrite/pyrite.h>, which includes it.
 *
 * A timer calls back once after each pyr_timer_set(), in a method thread of its daemon: in a serial
 * daemon the one thread that runs the methods, so that answering a deferred later needs no locks.
 * Without a daemon it is the runtime's callback thread, one for the process.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct pyr_timer pyr_timer;

/* What a timer calls. It may set, disarm and free its timer. */
typedef void (*pyr_timer_cb)(pyr_timer *timer, void *data);

/* daemon: may be NULL; outlives the timer. Returns: owned, pyr_timer_free(). */
pyr_timer *pyr_timer_new(pyr_daemon *daemon, pyr_timer_cb callback, void *data) PYR_MUST_CHECK;

/* Calls back in ms from now, instead of when it was set to before. Also from the callback, which is
 * then called again once it has returned, never twice at a time. */
int pyr_timer_set(pyr_timer *timer, uint32_t ms);

/* Does not call back before it is set again; does not wait for a callback that runs. Returns
 * whether it was set and had not called back yet. */
bool pyr_timer_disarm(pyr_timer *timer);

/* After it returns the callback neither runs nor will. It waits for one that runs, except from the
 * callback's own thread; there the timer must not be used any more. */
void pyr_timer_free(pyr_timer *timer);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
