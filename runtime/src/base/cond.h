/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_COND_H
#define PYRITE_COND_H
/* Condition variables whose timed waits do not depend on the time of day. */
#include <pthread.h>

/* Initialises a condition variable that measures time by CLOCK_MONOTONIC. */
void cond_init(pthread_cond_t *cond);
#endif
