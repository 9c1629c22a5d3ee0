/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_POOL_H
#define PYRITE_POOL_H
/*
 * ---- Pools ----
 *
 * A pool starts worker processes and keeps them running. Each is a program that makes a daemon and
 * registers an object; a proxy of the pool's URI stands for all of them (<pyrite/proxy.h>, "Many
 * objects"). So work is spread over the cores of this machine, as by Python's multiprocessing.Pool.
 *
 * A worker gets a listening unix socket by systemd's protocol (LISTEN_FDS, LISTEN_PID, and
 * LISTEN_FDNAMES=pyrite): the first daemon that it makes with pyr_daemon_new() serves that socket
 * and ignores addresses in its options. The sockets are in a directory that only this user can
 * enter and that is removed with the pool. A worker's standard input is /dev/null, its descriptors
 * from 4 on are closed.
 *
 * A worker that ends is started again, 100 ms later, then after pauses that double up to 5 s; the
 * pause is reset once a worker has lived for 10 s. pyr_pool_free() ends the workers; if this
 * process ends without it, the kernel kills them.
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct pyr_pool pyr_pool;

/* What a pool runs. */
struct pyr_pool_options {
	unsigned n; /* workers, at most 64; default: one for each core */
	/* Without a '/': in the directory of the running program, or else in PATH. */
	const char *program;
	const char *const *arguments; /* NULL-terminated, behind the program; default: none */
	const char *object;           /* id of the object in each worker; default "worker" */
};

/* For pyr_pool_new() alone. */
pyr_pool *pyr__pool_new(const struct pyr_pool_options *options, size_t size);

/* Starts the workers. Returns: owned, pyr_pool_free(); NULL with NOT_FOUND if there is no such
 * program, PERMISSION_DENIED if it cannot be run. A worker that ends at once is not noticed yet:
 * calls fail with UNAVAILABLE once all workers have ended three times within a second of their
 * start. */
static inline PYR_MUST_CHECK pyr_pool *pyr_pool_new(const struct pyr_pool_options *options)
{
	return pyr__pool_new(options, sizeof(*options));
}

/* Ends the workers (SIGTERM, after 2 s SIGKILL) and waits until they have ended. Proxies of the
 * pool may outlive it; their calls fail. */
void pyr_pool_free(pyr_pool *pool);

/* The URI for proxies, of this process alone: I_proxy(pyr_pool_uri(pool)). Returns: borrowed, valid
 * as long as the pool. NULL, with the error of pyr_pool_new(), if pool is NULL. */
const char *pyr_pool_uri(const pyr_pool *pool);

/* The process ID of worker i, counted from 0. Returns 0 if the worker is not running or there is no
 * worker i. */
int pyr_pool_pid(pyr_pool *pool, unsigned i);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
