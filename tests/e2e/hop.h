/* SPDX-License-Identifier: MIT */
#ifndef E2E_HOP_H
#define E2E_HOP_H
/* A daemon in a thread of this process with one hops.Hop, "hop". Waits end after HOP_PATIENCE_MS.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "hops.h"

enum { HOP_PATIENCE_MS = 20000, HOP_MS = 1000000 };

struct hop {
	pyr_daemon *daemon;
	const char *uri;
	pthread_t thread;
	char folder[32]; /* of its unix socket; "" */
	int result;      /* of pyr_daemon_run() */
	pthread_mutex_t lock;
	char log[4096];          /* lock */
	atomic_int n_lingering;  /* at the end of a chain */
	atomic_int n_over;       /* of those: seen that nobody waits */
	_Atomic int64_t over_at; /* hop_now() of the last */
	atomic_int nested_code;  /* what a call of linger() to the next hop ended with */
};

bool hop_open(struct hop *hop, const struct pyr_daemon_options *options);
/* Stops it, waits for its end, frees it. Returns what pyr_daemon_run() returned. */
int hop_close(struct hop *hop);

/* The ways in which daemons can be: TCP or unix socket, pool or serial. Calls check(way) for each.
 */
struct hop_way {
	unsigned threads;
	bool is_unix;
};
void hop_each_way(void (*check)(const struct hop_way *way));
/* Opens n of them, in that way; their proxies' uris in uris. hop_close_all() gives back all. */
bool hop_open_all(struct hop *hops, int n, const struct hop_way *way,
		  const struct pyr_daemon_options *options, const char **uris);
bool hop_close_all(struct hop *hops, int n);

int64_t hop_now(void); /* CLOCK_MONOTONIC, ns */
/* Waits until *number is n. */
bool hop_reaches(atomic_int *number, int n);
/* Waits until linger() has called the next hop. Returns what that call ended with. */
int hop_code(struct hop *hop);
void hop_log(struct hop *hop, const char *format, ...) PYR_PRINTF(2, 3);
bool hop_logged(struct hop *hop, const char *part);
#endif
