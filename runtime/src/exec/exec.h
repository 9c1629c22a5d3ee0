/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_EXEC_H
#define PYRITE_EXEC_H
/*
 * The method threads of a daemon and what they have to do: lanes of calls, taken in turn. Method
 * threads without work wait in the engine, so the one that leads runs what comes itself; others are
 * woken only when work piles up.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "exec/exec_chains.h"

struct executor;
struct exec_task;

/* What waits in a lane, a call, as its owner sees it. */
struct exec_task_kind {
	void (*run)(struct exec_task *task);  /* in a method thread, without locks */
	void (*drop)(struct exec_task *task); /* it will not be run: the executor has stopped */
	void (*ref)(struct exec_task *task);
	void (*unref)(struct exec_task *task);
};

/* Part of it. The owner sets kind, chain and how it is run. */
enum { EXEC_CHAIN = 16 }; /* bytes of what tells a chain of calls */

struct exec_task {
	const struct exec_task_kind *kind;
	struct executor *executor; /* counted by the owner; NULL until it is queued */
	struct lane *lane;
	struct exec_turn *turn;        /* that it takes to run, in a pool; NULL: none */
	struct exec_task *next, *prev; /* in its lane */
	struct exec_node same;         /* among the queued calls of its chain */
	struct exec_task *next_keeper, **keeper_link; /* among those that keep their lane, */
	unsigned n_kept;           /* as often as it is queued or runs: it may be both */
	uint8_t chain[EXEC_CHAIN]; /* what is part of it, and of what it is part, has the same */
	bool keeps_lane;           /* those behind it in its lane wait until it is through */
	bool keeps_turn;           /* it is not lent to a method that waits, out of its turn */
	/* A serial daemon's method of its chain that waits has it run, also if that began later. */
	bool is_awaited;
};

/* Tasks that start in order; one per session, one per plain call. Guarded by the executor's lock.
 */
struct lane {
	struct exec_task *head, *tail;
	struct lane *next, *prev; /* prev: in the executor's ready list */
	enum lane_place { LANE_NOWHERE, LANE_READY, LANE_TURN, LANE_STALLED } place;
	bool is_held;             /* a oneway, or a hook, runs and holds the others' place */
	struct exec_stall *stall; /* of its link; NULL: it waits for none */
};

/* The lanes of a link that has much to send; they wait until it has less. The executor's lock, but
 * for the atomic ones. */
struct exec_stall {
	const atomic_size_t *backlog; /* bytes that the link has yet to send */
	struct lane *_Atomic lanes, *last;
	struct exec_stall *next, **link; /* of the executor's, while it has lanes */
};

/*
 * What one task has at a time, in a pool; the lanes of others wait until it is through, and no
 * thread does. As in a serial daemon, those of its chain that want the turn as well run on top of
 * it, in its thread, when it waits. All zero: nobody has it. Part of what its tasks hold. The
 * executor's lock.
 */
struct exec_turn {
	struct exec_task *owner; /* who has it; NULL: nobody */
	struct worker *worker;   /* whose thread that is */
	struct exec_turn *next;  /* of the same worker */
	struct lane *reserved;   /* ready, and the next to have it */
	struct lane *waiting, *waiting_end;
	struct exec_task *nested, *nested_end; /* of the owner's chain */
	struct engine_waiter *watcher;         /* nudged when others wait */
	bool is_open;                          /* all may have it, from now on */
};

/* threads: methods that run at a time, the caller of exec_work() included; those that wait for a
 * call of their own do not count. Returns NULL when memory is out. */
struct executor *exec_new(unsigned threads);
/* Before it works: others are to lead while they make calls. */
void exec_give_way(struct executor *executor);
/* After exec_work() or exec_detach(): fails the calls that are queued, and takes no more. */
void exec_close(struct executor *executor);
/* The same, and runs what was posted and takes no more of that. Its memory stays as long as calls,
 * timers and callbacks hold it. */
void exec_free(struct executor *executor);
void exec_ref(struct executor *executor);
void exec_unref(struct executor *executor);
/* The one whose thread this is; borrowed, NULL in other threads. */
struct executor *exec_current(void);

/* Something else than a call for a method thread to do, before the calls that are queued. */
struct exec_job {
	void (*run)(struct exec_job *job);
	struct exec_job *next;
};
/* Returns false, the job not taken, when the executor has been freed. Any thread. */
bool exec_post(struct executor *executor, struct exec_job *job);

/* Puts a task at the end of its lane; takes a reference of it. Returns false, the task not taken,
 * when the executor has been closed. */
bool exec_submit(struct executor *executor, struct lane *lane, struct exec_task *task);

/* The link has sent something: lanes that waited for that go on, one after the other. */
void exec_resume(struct executor *executor, struct exec_stall *stall);
/* Whether any wait. Any thread, without locks. */
bool exec_has_stalled(const struct exec_stall *stall);

/* Runs calls, with the other threads of the pool, until exec_stop(). Returns 0 or minus a status,
 * always 0 for one thread. */
int exec_work(struct executor *executor);
/* One method at a time, whatever it was made with. Before exec_work() or exec_attach(). */
void exec_make_serial(struct executor *executor);
/*
 * Instead of exec_work(): the program's loop runs its calls, whenever it comes by, until
 * exec_detach(), which waits for the one that runs. What is queued or posted stays.
 */
void exec_attach(struct executor *executor);
void exec_detach(struct executor *executor);
/* In the loop: runs what there is, in turn. Returns whether there was something. */
bool exec_loop_run(void);
/* Ends exec_work() when the running methods are through; what is still queued stays. Any thread. */
void exec_stop(struct executor *executor);

/* Called, with the executor's lock held, whenever nothing is queued or running any more. Set before
 * exec_work(). */
void exec_on_idle(struct executor *executor, void (*fn)(void *data), void *data);

/* As it was made with. */
unsigned exec_threads(const struct executor *executor);

/* All may have it, from now on. Of a task that has it, or before there is one. Without locks. */
void exec_open_turn(struct executor *executor, struct exec_turn *turn);

/* Calls queued or running. */
size_t exec_load(struct executor *executor);

/*
 * A method thread waits: for a call it made, for an item or for room in a stream, for a time. In a
 * serial daemon calls of its own chain (A -> B -> A) are run meanwhile, by its thread; in a pool
 * another thread takes its place, and when there can be no more threads, it is lent a call of its
 * chain. Between the two, the thread alone uses the nest.
 */
struct exec_nest {
	struct engine_waiter *waiter; /* nudged when there is such a call */
	struct exec_nest *outer;      /* of the same thread */
	struct worker *worker;        /* a pool's, as what follows */
	const uint8_t *chain;         /* of the method; NULL: it is a job */
	struct exec_node same;        /* among the nests of its chain */
	struct exec_node hungry;      /* among those for which a call may be queued */
	struct exec_task *lent;       /* to be run by exec_run_nested() */
	bool is_busy;                 /* running what it was lent */
};
/* Returns false outside of a daemon's method threads: then there is nothing to leave. */
bool exec_nest_enter(struct exec_nest *nest, struct engine_waiter *waiter);
/* What the thread does from now on is part of that chain, 16 bytes that last as long; NULL: of
 * none.
 */
void exec_set_chain(const uint8_t *chain);
void exec_nest_leave(struct exec_nest *nest);
/* Runs one such call. Returns false if there is none. */
bool exec_run_nested(void);
/* The chain of what the calling thread makes inside a job, 16 bytes, so that calls which come back
 * to its serial daemon are known to be part of it. Borrowed; NULL: it runs no such job. */
const uint8_t *exec_job_chain(void);
/* A task that may be queued is of another chain. */
void exec_move_to_chain(struct exec_task *task, const uint8_t chain[EXEC_CHAIN]);
/* The chains of the tasks that keep their lane and are queued or running, and of what guests run:
 * those which nobody else may know of, as they may be answered already. */
void exec_see_keepers(struct executor *executor,
		      void (*see)(void *data, const uint8_t chain[EXEC_CHAIN]), void *data);

/*
 * A guest is a thread of the program that runs a method of a pool itself. Meanwhile it is one of
 * the pool's threads: one of the `threads` that run at a time, and none while it waits. On the
 * stack of that thread, which has entered no other.
 */
struct exec_guest {
	struct exec_guest *next, **link; /* the executor's lock; link: what leads here */
	struct worker *worker;           /* the executor's: what the thread is meanwhile */
	const uint8_t *chain;            /* of its method: set by admit() */
	/* With the executor's lock. May it come in? */
	bool (*admit)(struct exec_guest *guest);
	/* It is no guest any more. With the lock. */
	void (*left)(struct exec_guest *guest);
	/* The executor stops: whatever it waits for will not come. With the lock. */
	void (*cut)(struct exec_guest *guest);
};
/* Returns false if no method may start now, or not so; admit() is asked last. */
bool exec_guest_enter(struct executor *executor, struct exec_guest *guest);
void exec_guest_leave(struct executor *executor, struct exec_guest *guest);
/* No more guests come; those who are here stay. Any thread. */
void exec_close_guests(struct executor *executor);
/* For what guests bring along; no lock is taken under it but the engine's. */
void exec_lock(struct executor *executor);
void exec_unlock(struct executor *executor);

/* The method of a serial daemon, or of an object that runs one at a time, waits, and calls of
 * others or jobs that come from now on nudge the waiter. Returns false in other threads, and in
 * tasks. */
bool exec_watch(struct engine_waiter *waiter);
void exec_unwatch(void);
/* Whether others wait for the calling method thread. */
bool exec_has_work(void);

/* Part of what has something to send. */
struct exec_cork {
	void (*hold)(struct exec_cork *cork);
	void (*flush)(struct exec_cork *cork); /* sends, and lets go */
};
/*
 * Answers of a batch of short methods leave together: who has something to send asks the thread
 * that runs methods to flush it later. Returns false if the caller must flush now. Without locks.
 */
bool exec_cork(struct exec_cork *cork);
/* The same of what a method has said so far, and goes on: it leaves at the next tick, or when the
 * method waits or is through. */
bool exec_cork_part(struct exec_cork *cork);
/* The same until exec_uncork_brief(), which the caller calls in a moment. */
bool exec_cork_briefly(struct exec_cork *cork);
void exec_uncork_brief(void);
/* Whether this thread has corked it, and so it will be flushed. Any lock may be held. */
bool exec_has_corked(const struct exec_cork *cork);
#endif
