/* SPDX-License-Identifier: MIT */
#ifndef E2E_SERVANT_H
#define E2E_SERVANT_H
/*
 * An e2e.Work that the tests control, from its own process by these functions, from outside by its
 * operations. All waits end by themselves after PATIENCE_MS. Any thread.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "e2e.h"

enum { WORK_PLACES = 16, PATIENCE_MS = 20000 };

struct held {
	pyr_deferred *deferred;
	int told;
};

struct work {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_open[WORK_PLACES];
	char log[4096];
	struct held held[WORK_PLACES];
	int n_told;
	int n_inside, n_most;  /* methods of pass() and post() just now; at most so far */
	pthread_t last_thread; /* that ran pass() */
	pyr_daemon *daemon;    /* what stop() stops */
};

extern const struct e2e_Work_methods work_methods;

void work_init(struct work *work, pyr_daemon *daemon);
/* Drops what is still held; also after its daemon's end. */
void work_fini(struct work *work);
void work_open(struct work *work, int gate);
/* What pass() does, for hooks too. */
void work_pass(struct work *work, const pyr_call *call, int gate);

/* Waits until `part` is in the log. Returns false when patience ends. */
bool work_logged(struct work *work, const char *part);
/* Waits until n methods of pass() and post() are under way. */
bool work_has_inside(struct work *work, int n);
/* Waits until n calls are held, or were told that nobody waits. */
bool work_holds(struct work *work, int n);
bool work_told(struct work *work, int n);

/* A daemon that runs in a thread of this process, with one object, "work". */
struct place {
	struct work work;
	pyr_daemon *daemon;
	const char *uri;
	pthread_t thread;
	int result; /* of pyr_daemon_run() */
};
bool place_open(struct place *place, const struct pyr_daemon_options *options);
/* The same with a daemon that is there, which is taken. */
bool place_open_in(struct place *place, pyr_daemon *daemon);
/* Stops it, waits for its end, frees it. Returns what pyr_daemon_run() returned. */
int place_close(struct place *place);
#endif
