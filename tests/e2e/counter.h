/* SPDX-License-Identifier: MIT */
#ifndef E2E_COUNTER_H
#define E2E_COUNTER_H
/*
 * A daemon that runs in a thread of this process with one px.Counter, "counter". Its peek() and
 * bump() tell that they run, and can be held.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "proxies.h"

struct counter {
	pyr_daemon *daemon;
	const char *uri;
	pthread_t thread;
	int result;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_shut; /* lock */
	int n_runs;   /* lock */
	int n_let;    /* lock */
	int level;    /* lock */
};

extern const struct px_Counter_methods *const counter_methods;

bool counter_open(struct counter *counter, const struct pyr_daemon_options *options);
/* The same with other methods; their data is the counter. */
bool counter_open_with(struct counter *counter, const struct pyr_daemon_options *options,
		       const struct px_Counter_methods *others);
int counter_close(struct counter *counter);
/* Runs wait from now on, or no more. */
void counter_shut(struct counter *counter, bool is_shut);
/* The first n runs go on though it is shut. */
void counter_let(struct counter *counter, int n);
/* Waits until n runs have begun. Returns false after 20 s. */
bool counter_has_begun(struct counter *counter, int n);
#endif
