/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TIMER_H
#define PYRITE_TIMER_H
/*
 * ---- Timers ----
 *
 * Part of <pyrite/pyrite.h>, which includes this file.
 *
 * A timer calls back once after each pyr_timer_set(), in a method thread of its daemon. In a
 * serial daemon that is the thread that runs the methods, so a timer may complete a deferred
 * call without locks. A timer without a daemon calls back in the process's callback thread.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct pyr_timer pyr_timer;

/* What a timer calls. It may set, disarm and free the timer. */
typedef void (*pyr_timer_cb)(pyr_timer *timer, void *data);

/* Makes a timer. daemon: may be NULL, and must outlive the timer. Returns: owned,
 * pyr_timer_free(). */
pyr_timer *pyr_timer_new(pyr_daemon *daemon, pyr_timer_cb callback, void *data) PYR_MUST_CHECK;

/* Calls back in ms milliseconds, instead of at the time that was set before. May be called from
 * the callback, which is then called again after it has returned; it never runs twice at a time. */
int pyr_timer_set(pyr_timer *timer, uint32_t ms);

/* Prevents the callback until the timer is set again. Does not wait for a callback that is
 * running. Returns whether the timer was set and had not called back yet. */
bool pyr_timer_disarm(pyr_timer *timer);

/* Frees a timer. When it returns, the callback is not running and will not run: it waits for a
 * running one, unless it is called from within the callback, which must not use the timer
 * afterwards. */
void pyr_timer_free(pyr_timer *timer);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
