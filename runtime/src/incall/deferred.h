/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DEFERRED_H
#define PYRITE_DEFERRED_H
/* The place of an answer that comes later, part of its call. */
#include "incall/incall.h"

/* Nobody waits for the call any more: has on_cancel called. Any thread; a peer's lock may be held.
 */
void deferred_cancel(pyr_deferred *deferred);
/* The last reference of its call is gone. */
void deferred_fini(pyr_deferred *deferred);
/* Takes it: its call fails as the thread's last error tells, as if that were its method's own. */
void deferred_pass(pyr_deferred *deferred);
#endif
