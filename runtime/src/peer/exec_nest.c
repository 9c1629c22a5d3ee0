/* SPDX-License-Identifier: MIT */
/* Methods that wait for calls of their own, and what a daemon's threads do meanwhile. */
#include "peer/exec_own.h"

#include <string.h>

/* ---- serial daemons: calls of the same chain ---- */

bool exec_is_nested(const struct executor *e, const pyr_call *call)
{
	return e->chain && !incall_keeps_lane(call) &&
	       memcmp(e->chain, call->chain, sizeof(call->chain)) == 0;
}

void exec_add_nested(struct executor *e, pyr_call *call)
{
	*e->nested_end = call;
	e->nested_end = &call->next;
	if (e->nest)
		engine_nudge(e->nest->waiter);
}

static pyr_call *take_nested(struct executor *e)
{
	pyr_call *call = e->nested;

	if (!call)
		return NULL;
	e->nested = call->next;
	if (!e->nested)
		e->nested_end = &e->nested;
	return call;
}

bool exec_run_nested(void)
{
	struct executor *e = exec_self->executor;
	pyr_call *call;

	if (e->n_workers > 1)
		return false; /* another thread runs it */
	pthread_mutex_lock(&e->lock);
	call = take_nested(e);
	if (call)
		exec_run_call(e, call);
	pthread_mutex_unlock(&e->lock);
	return call != NULL;
}

/* Calls of its chain that a method did not wait for. */
void exec_finish_chain(struct executor *e)
{
	pyr_call *call;

	while ((call = take_nested(e)))
		exec_run_call(e, call);
	e->chain = NULL;
}

/* ---- waiting ---- */

bool exec_nest_enter(struct exec_nest *nest, struct engine_waiter *waiter)
{
	struct executor *e = exec_self ? exec_self->executor : NULL;

	if (!e || !incall_current() || engine_fiber())
		return false; /* who runs the tasks of a method nests, not they */
	pthread_mutex_lock(&e->lock);
	*nest = (struct exec_nest){ waiter, e->nest };
	if (e->n_workers == 1) {
		e->nest = nest;
	} else {
		e->n_waiting++;
		if (e->ready || e->jobs)
			exec_wake_one(e);
	}
	pthread_mutex_unlock(&e->lock);
	return true;
}

void exec_nest_leave(struct exec_nest *nest)
{
	struct executor *e = exec_self->executor;

	pthread_mutex_lock(&e->lock);
	if (e->n_workers == 1)
		e->nest = nest->outer;
	else
		e->n_waiting--;
	pthread_mutex_unlock(&e->lock);
}
