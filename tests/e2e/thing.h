/* SPDX-License-Identifier: MIT */
#ifndef E2E_THING_H
#define E2E_THING_H
/* A life.Thing: what a method finds as its data, and what all of them have in common. All waits end
 * by themselves after THING_PATIENCE_MS. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "life.h"

enum { THING_PATIENCE_MS = 20000, THING_GATES = 16 };

/* What things have in common: what create functions get as data. */
struct things {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_open[THING_GATES]; /* lock, like what follows */
	char log[2048];          /* "1<" a method of instance 1 begins, "1>" ends; what else says */
	struct life_Thing *kept; /* owned */
	pyr_deferred *deferred;
	atomic_int n_made, n_gone, n_inside; /* instances; methods in pass() */
	atomic_int n_running, n_most;        /* methods that do something, of an instance at most */
	atomic_int refuse;                   /* so many create calls fail */
	pyr_create_cb first;                 /* called by create; NULL: nothing */
	_Atomic pthread_t last_thread;
	atomic_int n_over; /* things_destroy() */
};

struct thing {
	struct things *things;
	int which;
	atomic_int number;
	atomic_int n_running;
	bool is_there;
};

extern const struct life_Thing_methods thing_methods;

void things_init(struct things *things);
void things_fini(struct things *things);
/* One that the test has itself. */
void thing_init(struct thing *thing, struct things *things);

/* data: the struct things. */
int thing_create(pyr_call *call, void *data, void **ret);
void thing_destroy(void *data);
/* Of the struct things, and of a thing that the test has itself. */
void things_destroy(void *data);
void thing_released(void *data);

void things_open(struct things *things, int gate);
void things_say(struct things *things, const char *format, ...) PYR_PRINTF(2, 3);
/* Wait. Return false when patience ends. */
bool things_reach(atomic_int *number, int n);
bool things_logged(struct things *things, const char *part);

/* A daemon in a thread of this process. */
struct thing_place {
	pyr_daemon *daemon;
	pthread_t thread;
	int result;
};
bool thing_place_open(struct thing_place *place, const struct pyr_daemon_options *options);
/* Returns what pyr_daemon_run() returned. */
int thing_place_close(struct thing_place *place);
#endif
