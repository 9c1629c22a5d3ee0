/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_EXEC_OWN_H
#define PYRITE_EXEC_OWN_H
/* The executor from the inside, for the files exec*.c. */
#include "exec/exec.h"

#include <pthread.h>

#include "engine/engine.h"

/* A method thread. All but the atomics is its own, or under the executor's lock. */
struct worker {
	struct engine_waiter waiter;
	struct engine_waiter *wakes; /* it, or the loop's */
	struct executor *executor;
	struct worker *next, *next_parked;
	pthread_t thread;
	bool is_first; /* the thread that called exec_work() */
	bool is_parked;
	unsigned n_peeks;
	unsigned n_run;       /* methods since `began` */
	int64_t began, ended; /* when it left the engine with work; when its first answer left */
	int64_t since;        /* when it began to work on what is queued; 0 = just now */
	int64_t corked_at;    /* 0 while methods are short */
	struct exec_cork *_Atomic corked; /* held: to be flushed when the batch is through */
	bool is_corked_briefly;           /* or sooner: exec_cork_briefly() */
	struct exec_nest *nest;           /* of a pool's, when its method waits */
	struct exec_turn *turns;          /* that what it runs has */
	bool is_in_job;
	bool is_guest;
};

struct executor {
	atomic_int refs;
	pthread_mutex_t lock; /* after a peer's, before the engine's */
	struct lane *ready, *ready_last;
	struct exec_stall *stalls; /* links whose lanes wait */
	struct exec_job *jobs, **jobs_end;
	int64_t typical_ns, last_ns; /* how long a method took lately, and the last time */
	bool is_stopping;
	bool is_closed; /* it takes no more calls, */
	bool is_freed;  /* nor jobs */
	bool gives_way; /* to threads that wait for replies: engine_waiter has it */
	size_t load;
	void (*on_idle)(void *data);
	void *data;
	struct engine_ticker ticker;

	struct worker first;    /* of the caller of exec_work(), or of the loop */
	unsigned n_workers;     /* methods that may run at a time */
	struct worker *workers; /* all threads; more than that when methods wait */
	struct worker *parked;  /* those without work */
	struct worker *ended;   /* to be joined */
	unsigned n_threads, n_parked, n_waiting;
	struct exec_chains chains; /* calls that may be run while a method waits; a pool's nests */
	struct exec_list hungry;   /* nests that exec_lend() is to look at */
	unsigned n_lent;           /* calls that are lent and do not run yet */
	struct exec_task *keepers; /* queued or running, each in a lane that it keeps */

	/* Of one whose work the program's loop does (exec_loop.c): */
	struct executor *next_looped; /* looped.lock, like: */
	unsigned round;               /* of the loop, in which it had its turn */
	bool is_busy;                 /* the loop runs it just now */
	pthread_cond_t quiet;         /* it does no longer */

	/* Threads of the program that run methods: */
	struct exec_guest *guests;
	unsigned n_guests;
	struct worker *spare_guests; /* to be used again */
	pthread_cond_t guests_left;
	bool is_closed_to_guests;

	/* A serial daemon's: */
	struct exec_nest *nest;                 /* its method waits for a call */
	struct engine_waiter *watcher;          /* its method waits for nobody who is there */
	const uint8_t *chain;                   /* of the method that runs, of a job that calls */
	struct exec_task *nested, **nested_end; /* calls of that chain: they may go before others */
	uint8_t job_chain[16]; /* of the last job that called: a random part, a number */
};

/* What the calling thread has corked leaves: it is about to wait. Without locks. */
void exec_uncork(void);

/* The method thread that the calling thread is; NULL: it is none. */
extern _Thread_local struct worker *exec_self;

void exec_free_spare_guests(struct executor *e);
/* Methods that run, guests' among them. With the lock, as all below. */
unsigned exec_running(const struct executor *e);
/* The executor stops: waits until all have left. */
void exec_see_guests_off(struct executor *e);

/* What there is to do, taken out; NULL: nothing. A call's lane is stored in *from. */
struct exec_job *exec_take_job(struct executor *e);
struct exec_task *exec_take(struct executor *e, struct lane **from);
/* Without the lock meanwhile. exec_run_task() gives up the task's reference. */
void exec_run_job(struct executor *e, struct exec_job *job);
void exec_run_task(struct executor *e, struct exec_task *task);
/* The task that kept it is through: a lane may go on. */
void exec_release_lane(struct executor *e, struct lane *lane, struct exec_task *task);
/* The first call of that chain that may be run now, taken out of its lane; NULL: none. */
struct exec_task *exec_pick(struct executor *e, const uint8_t *chain);
/* Puts it at the end of its lane, and wakes a thread. Returns true if it waits for a method of its
 * chain instead. */
bool exec_queue(struct executor *e, struct lane *lane, struct exec_task *task);
/* The lane could not go on until now. */
void exec_reopen(struct executor *e, struct lane *lane);
/* It is of that chain from now on, also if it is queued. */
void exec_rename(struct executor *e, struct exec_task *task, const uint8_t chain[EXEC_CHAIN]);
/* Puts one back in front of its lane. */
void exec_put_back(struct executor *e, struct exec_task *task);
/* Whether a task that was not taken out yet may run, as far as its turn goes. Then it has it; and
 * gives it up, which does nothing if it has not. */
bool exec_has_turn(const struct executor *e, const struct exec_task *task);
void exec_take_turn(struct worker *w, struct exec_task *task);
void exec_end_turn(struct executor *e, struct exec_task *task);
/* The next of those that wait for what the worker runs to wait; NULL: none. */
struct exec_task *exec_take_inside(struct worker *w);

/* exec_threads.c: a thread's beginning and end; it runs something, or returns false if there is
 * nothing; it is through for now; it has no work, and can be woken; it is awake. */
struct worker *exec_new_worker(struct executor *e);
struct worker *exec_first_worker(struct executor *e);
void exec_free_worker(struct worker *w);
bool exec_run_next(struct worker *w);
void exec_measure(struct worker *w);
void exec_park(struct worker *w);
void exec_unpark(struct worker *w);
void exec_start_ticking(struct executor *e);
void exec_stop_ticking(struct executor *e);

/* Sees to it that somebody does what there is to do, if another method may run. */
void exec_wake_one(struct executor *e);
/* The same, for a call behind others, for which that was done. */
void exec_wake_behind(struct executor *e);

/* The calls of a serial daemon that are part of what its method does. */
bool exec_is_nested(const struct executor *e, const struct exec_task *task);
void exec_add_nested(struct executor *e, struct exec_task *task);
void exec_finish_chain(struct executor *e);

/* A pool can have no more threads: methods that wait run calls of their own chains. */
void exec_lend(struct executor *e);
/* A call of that chain may be run now that could not before: if a method waits that could run it,
 * exec_lend() will look. */
void exec_tell_nest(struct executor *e, const uint8_t *chain);
#endif
