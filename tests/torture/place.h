/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_PLACE_H
#define TORTURE_PLACE_H
/*
 * What scenarios are made of. A scenario does something whole, from nothing to nothing, and checks
 * what comes of it. It returns 0, or minus the status of the first thing that failed; TRY() notes
 * which that was and leaves for `out`.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "things.h"
#include "torture.h"

enum { PATIENCE_MS = 10000 };

struct scenario {
	const char *name;
	int (*run)(void);
	/* Statuses that a fault may end it with, beside RESOURCE_EXHAUSTED and UNAVAILABLE. */
	unsigned also;       /* bits, 1 << status */
	bool (*open)(void);  /* once before all runs; NULL: nothing */
	void (*close)(void); /* once after them */
	int warm;            /* runs before the first fault, beside a few: caches fill up */
	void (*tidy)(void);  /* after each, when nothing fails any more */
};

#define ALSO(status) (1u << (status))

/* Groups of scenarios, each ending with one without a name. */
extern const struct scenario call_scenarios[], stream_scenarios[], reference_scenarios[],
	secure_scenarios[], name_scenarios[], face_scenarios[], text_scenarios[], many_scenarios[],
	hidden_scenarios[], asked_scenarios[], found_scenarios[], given_scenarios[];

/* Notes the first failure of a run: what, and the last error. Returns status. */
int note(const char *what, int status);
/* The same for an answer that is wrong. Returns a status that is never allowed. */
int note_wrong(const char *what);

#define TRY(call)                                                                                  \
	do {                                                                                       \
		status = (call);                                                                   \
		if (status < 0) {                                                                  \
			note(#call, status);                                                       \
			goto out;                                                                  \
		}                                                                                  \
	} while (0)

/* For constructors: what they return must not be NULL. */
#define GET(target, call)                                                                          \
	do {                                                                                       \
		(target) = (call);                                                                 \
		if (!(target)) {                                                                   \
			status = note(#call, -pyr_last_error()->code);                             \
			goto out;                                                                  \
		}                                                                                  \
	} while (0)

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			status = note_wrong(#condition);                                           \
			goto out;                                                                  \
		}                                                                                  \
	} while (0)

/* A daemon in a thread of its own, with one things.Thing, "thing". */
struct place {
	pyr_daemon *daemon; /* lock; NULL once it has ended by itself */
	char uri[128];
	pthread_t thread;
	bool is_running;
	int status;     /* of pyr_daemon_run() */
	atomic_int sum; /* of what was posted */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct things_Thing *kept; /* lock */
	pyr_deferred *deferred;    /* lock */
};

extern const struct things_Thing_methods thing_methods;

int place_open(struct place *place, const struct pyr_daemon_options *options);
/* Runs a daemon that was made already. */
int place_run(struct place *place);
/* Ends it. Returns status, or if that is 0 what the daemon ended with. */
int place_close(struct place *place, int status);

/* A connection of a peer that knows nothing of Pyrite. -1: refused. */
int place_connect(struct place *place);

/* Waits until a call of later() is there to be answered, at most as long as future is not ready.
 * Returns: owned; NULL: none. */
pyr_deferred *place_deferred(struct place *place, pyr_future *future);

/* Options of proxies, on a connection of their own. */
struct pyr_proxy_options proxy_options(enum pyr_lane lane);

/* What a scenario does with a proxy of "thing". */
typedef int (*part_fn)(struct place *place, struct things_Thing *thing);

/* Makes a daemon and a proxy with these options, and both again no more. options may be NULL. */
int with_both(const struct pyr_daemon_options *daemon, const struct pyr_proxy_options *options,
	      part_fn part);

/* Starts a program in which nothing fails. Returns its process and the first line that it prints;
 * -1 if it prints none. */
pid_t start_program(const char *const *command, char *line, size_t size);
void stop_program(pid_t pid);
/* This program as a process of its own, in which a daemon serves "thing"; its URI. */
pid_t start_server(char *uri, size_t size);

/* What a worker of a pool does; returns its exit code. */
int pool_worker(void);
/* What `torture --remove ADDRESS` does: removes "thing" by force. */
int remove_name(const char *address);

/* A call with a scalar result and one with a struct, as parts. */
int part_add(struct place *place, struct things_Thing *thing);
int part_call(struct place *place, struct things_Thing *thing);

#endif
