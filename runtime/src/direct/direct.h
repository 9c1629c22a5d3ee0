/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DIRECT_H
#define PYRITE_DIRECT_H
/*
 * Calls of a session whose ends are both in this process, and whose daemon runs a pool: the
 * caller's thread runs the method itself, and no frame is written. The session is one: its calls by
 * frames and these have the same id, resources and order, for a call goes this way only when none
 * that was sent before it waits or runs there. What is unusual of a call goes by frames: whoever
 * calls direct_enter() sees to that.
 *
 * The daemon's end makes a struct direct when it accepts the session, and gives it to the other one
 * (link_process.h). All of it is under the executor's lock, which each call takes twice.
 */
#include <pyrite/gen.h>

#include "exec/exec.h"
#include "incall/incall.h"
#include "link/link_process.h"

struct direct;
struct direct_run;

/* What the daemon's end says of a session. */
struct direct_offer {
	struct executor *executor;
	struct object *object; /* borrowed, as the executor */
	void *session;         /* counted: taken, also on failure */
	void (*drop)(void *session);
	const atomic_int *n_users; /* of the session, while it is held; */
	int n_idle;                /* so many are no calls */
	const atomic_uint *n_came; /* calls by frames, ever */
	struct call_who who;       /* lasts as long as the session */
	bool may_trace;
	uint32_t number; /* of the session */
};

/* One reference, direct_close(), and the gift of one to the other end. NULL when memory is out. */
struct direct *direct_new(const struct direct_offer *offer);
struct link_gift *direct_gift(struct direct *direct);
/* That end is over: no more calls. is_lost: and those that run have failed. */
void direct_close(struct direct *direct, bool is_lost);

/* ---- the other end ---- */

struct direct *direct_of(struct link_gift *gift);
/* The proxy was released: no more calls, and those that run are cancelled. */
void direct_release(struct direct *direct);

enum { DIRECT_NUMBERS = 8 }; /* in-parameters, and results */
/* Whether its calls may go this way at all. */
bool direct_may_be(const struct codec_operation *operation);

/* A call that is made, on its caller's stack. */
struct direct_call {
	struct exec_guest guest;
	struct direct *direct;
	struct direct_run *run;
	unsigned operation;
	unsigned n_sent; /* calls by frames, so far */
};
/* Begins a call of one that may be. Returns false if it must go by frames. A lock that comes before
 * the executor's may be held. */
bool direct_enter(struct direct_call *call, struct direct *direct, unsigned operation,
		  unsigned n_sent);
/* And runs it. Returns 0, or minus a status with the last error set. */
int direct_perform(struct direct_call *call, pyr__in *in, void *const *out);
#endif
