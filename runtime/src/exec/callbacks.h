/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CALLBACKS_H
#define PYRITE_CALLBACKS_H
/*
 * Where callbacks of users run: in the method threads of the daemon they belong to, else in the
 * process's callback thread, which is an executor of one thread, made at first use and never ended.
 */
#include "exec/exec.h"

/* The callback thread's. Borrowed; NULL if there can be none. */
struct executor *callbacks_executor(void);
/* That of the calling thread: of its daemon if it is a method thread, else the callback thread's.
 * Borrowed, NULL if there can be none. */
struct executor *callbacks_here(void);
/* Has a callback run there; in the callback thread if its daemon was freed meanwhile. So it runs
 * neither in the thread that polls nor with a lock held, whoever posts it and with whatever lock.
 */
void callbacks_post(struct executor *executor, struct exec_job *job);
#endif
