/* SPDX-License-Identifier: MIT */
#ifndef LOOPS_PROGRAM_H
#define LOOPS_PROGRAM_H
/*
 * What poll.c, libuv.c and glib.c do in their loops, all in one thread: a daemon with an object, a
 * timer, and a client that asks that object over and over.
 */
#include "clock.h"

struct program {
	pyr_daemon *daemon;
	struct loops_Clock *clock;
	pyr_timer *timer;
	unsigned n_ticks, n_answers;
	int status;                             /* of main() */
	void (*leave)(struct program *program); /* ends the loop */
	void *loop;
};

/* Starts all of it. Ends by itself after `answers`, or after SIGTERM or SIGINT. Returns 0 or minus
 * a status. */
int program_begin(struct program *program, unsigned answers);
/* After the loop. Returns what main() returns. */
int program_end(struct program *program);
#endif
