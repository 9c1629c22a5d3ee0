/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ATTEMPTS_H
#define PYRITE_ATTEMPTS_H
/*
 * The thread in which calls that nobody waits for are made again: one for the process, from the
 * first such call on. It looks names up, so it may wait for the network; no user code runs in it,
 * so that what a callback waits for goes on.
 */
#include "peer/exec.h"

/* Starts it, if it does not run yet. Returns false if there can be none. */
bool attempts_start(void);
/* Runs the job there, after those posted before. Any thread, also with a peer's lock. */
void attempts_post(struct exec_job *job);
#endif
