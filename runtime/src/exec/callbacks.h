/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_CALLBACKS_H
#define PYRITE_CALLBACKS_H
/*
 * Where callbacks of users run: in the method threads of the daemon they belong to, else in the
 * process's callback thread, which is an executor of one thread, made at first use and never ended;
 * in the program's loop instead of that thread, if it has one.
 */
#include "exec/exec.h"

/* The callback thread's. Borrowed; NULL if there can be none. */
struct executor *callbacks_executor(void);
/* That of the calling thread: of its daemon if it is a method thread, else the callback thread's.
 * Borrowed, NULL if there can be none. */
struct executor *callbacks_here(void);
/* From now on the program's loop runs them; the thread, if there is one, ends when it is through
 * with what it runs. Returns 0 or minus a status. */
int callbacks_to_loop(void);
/* Has a callback run there; in the callback thread if its daemon was freed meanwhile. So it runs
 * neither in the thread that polls nor with a lock held, whoever posts it and with whatever lock.
 */
void callbacks_post(struct executor *executor, struct exec_job *job);
#endif
