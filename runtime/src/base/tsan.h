/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TSAN_H
#define PYRITE_TSAN_H
/* ThreadSanitizer cannot see that core's completion queue hands a tag from one thread to another:
 * these tell it. */
#include "base/checked.h"

#if defined(CHECKED_TSAN)
void __tsan_acquire(void *p);
void __tsan_release(void *p);
#define TSAN_ACQUIRE(p) __tsan_acquire(p)
#define TSAN_RELEASE(p) __tsan_release(p)
#else
#define TSAN_ACQUIRE(p) ((void)(p))
#define TSAN_RELEASE(p) ((void)(p))
#endif
#endif
