/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ATTEMPTS_H
#define PYRITE_ATTEMPTS_H
/*
 * The threads in which calls that nobody waits for are made again: one for the process, from the
 * first such call on, and another for each that waits for a look-up, up to 64; no user code runs in
 * them, so that what a callback waits for goes on.
 */
#include "exec/exec.h"

/* Starts it, if it does not run yet. Returns false if there can be none. */
bool attempts_start(void);
/* Runs the job there; those posted before have begun. Any thread, also with a peer's lock. */
void attempts_post(struct exec_job *job);

/* Around what a job waits for, so that other jobs do not. */
void attempts_begin_wait(void);
void attempts_end_wait(void);
#endif
