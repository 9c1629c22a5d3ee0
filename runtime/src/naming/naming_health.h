/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_HEALTH_H
#define PYRITE_NAMING_HEALTH_H
/*
 * Which name servers of lists do not answer just now: known for the whole process, by address. One
 * that is down is pinged in the background, after a second, then twice as long up to 30 s, as long
 * as somebody asks for it; so no call waits to find out that it is back. That second is doubled,
 * too, each time that it goes down within 10 s of its return. At most 64 are remembered: the one
 * that was asked for the longest ago is forgotten. Any thread; the lock is below the keepers', and
 * held while calls are started and taken, never while one is waited for.
 */
#include <stdbool.h>
#include <stdint.h>

/* Whether it is up, as far as is known. Asks for it. */
bool health_is_up(const char *address);
/* It did not answer, or there is no connection. */
void health_down(const char *address);
/* It answered. */
void health_up(const char *address);

/* One that is down is pinged now, whenever that was to be. */
void health_hurry(const char *address);
/* Somebody waits (1) or waits no more (-1) for any of them, without asking for it. */
void health_wait(int n);

/* Called after a server has become up or down, perhaps with the keepers' lock: must not wait, but
 * may ask health_is_up(). At most two; set when the library is loaded. */
void health_on_change(void (*fn)(void));
/* How long after it went down one is pinged first: for tests that wait for that. */
void health_set_pause(uint32_t ms);
#endif
