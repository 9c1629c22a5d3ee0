/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_WORKER_H
#define PYRITE_WORKER_H
/* The process of a worker: how it is started, with a socket that it serves. */
#include <sys/types.h>

/* What all workers of a pool are; its strings live as long. */
struct worker_program {
	char path[4096];
	char **arguments, **environment; /* owned, with all that is in them */
	char *pid_text;                  /* in the environment: "LISTEN_PID=" and room behind it */
};

/* Finds the program and builds what it is given. Returns 0, or minus a status with the last error
 * set. */
int worker_program_init(struct worker_program *program, const char *name,
			const char *const *arguments);
void worker_program_clear(struct worker_program *program);

/* Starts one that dies with the calling thread. fd: its socket. Returns 0, or minus a status with
 * the last error set. */
int worker_start(const struct worker_program *program, int fd, pid_t *ret);
#endif
