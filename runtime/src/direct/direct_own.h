/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DIRECT_OWN_H
#define PYRITE_DIRECT_OWN_H
/* Sessions and their calls from the inside, for the files of this module. */
#include "direct/direct.h"

#include "engine/engine.h"

/* All but what is constant under the executor's lock. */
struct direct {
	struct link_gift gift;
	struct direct_offer offer; /* executor and object counted; session until the last call of
				      one that is over */
	uint8_t id[8];             /* random: chains that begin here derive from it */
	unsigned refs;             /* both ends', and that of each run */
	unsigned n_runs;
	uint64_t n_chains;
	struct direct_run *runs; /* under way */
	struct direct_run *idle; /* to be used again */
	bool is_closed;          /* no more calls */
	bool is_over;            /* the daemon's end is */
};

/* Why nobody waits for a call any more. */
enum direct_why { DIRECT_WANTED, DIRECT_RELEASED, DIRECT_LOST, DIRECT_STOPPED };

/* Who decides how a call ends whose method has deferred the answer. */
enum direct_state { DIRECT_RUNNING, DIRECT_ANSWERING, DIRECT_ANSWERED, DIRECT_GIVEN_UP };

/* A call under way, in the room of its pyr_call. */
struct direct_run {
	struct direct_run *next, **link; /* among those under way; next: among the idle ones */
	struct direct *direct;           /* counted */
	pyr_call *call;
	const uint8_t *mark; /* in the room, behind this */
	enum direct_why why; /* the executor's lock */
	bool is_answered;    /* by the method, in its thread */
	atomic_int state;    /* of one that is deferred */
	atomic_bool has_waiter;
	struct engine_waiter waiter;
	struct error_info error; /* its answer; its texts are the call's. code 0: none, but */
	union pyr__slot slots[DIRECT_NUMBERS];
};

/* A new one, with the lock. NULL when memory is out. */
struct direct_run *direct_new_run(struct direct *direct);
/* Ends it here, unless it is answered: its caller hears of it when the method returns, or now if
 * that has deferred the answer. With the lock. */
void direct_give_up(struct direct_run *run, enum direct_why why);
/* Of the call's memory: the run goes with it. */
void direct_run_over(struct direct_run *run);
#endif
