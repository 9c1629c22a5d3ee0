/* SPDX-License-Identifier: MIT */
/* Waiting for the answer to a call: its deadline, the time to connect, a task's cancel, and the
 * calls that a serial daemon's method takes meanwhile. */
#include "exec/exec.h"
#include "outcall/outcall.h"

#define CONNECT_LATE "failed to connect in time"

static void expire(struct outcall *call)
{
	char text[256];

	outcall_cancel(call, PYR_DEADLINE_EXCEEDED, outcall_late(call, text, sizeof(text)));
}

/* Until the other end has said Hello, no caller waits longer than the time to connect. */
static int64_t connect_limit(const struct outcall *call)
{
	struct peer *peer;
	int64_t until;

	if (call->is_front) /* that is for its attempts */
		return ENGINE_FOREVER;
	peer = call->session->peer;
	pthread_mutex_lock(&peer->lock);
	until = peer->has_hello ? ENGINE_FOREVER : peer->connect_until;
	pthread_mutex_unlock(&peer->lock);
	return until;
}

int64_t outcall_limit(const struct outcall *call)
{
	int64_t connect = connect_limit(call);

	return connect < call->deadline ? connect : call->deadline;
}

int64_t outcall_look(struct outcall *call)
{
	int64_t now = engine_now(), connect;

	if (atomic_load(&call->waiter.ready))
		return ENGINE_FOREVER;
	connect = connect_limit(call);
	if (now < call->deadline && now < connect)
		return connect < call->deadline ? connect : call->deadline;
	if (now >= call->deadline)
		expire(call);
	else
		peer_close(call->session->peer, PYR_UNAVAILABLE, CONNECT_LATE);
	return ENGINE_FOREVER;
}

/* Returns as engine_wait_or_cancel(). */
static int wait_alone(struct outcall *call, int64_t until, bool may_be_cancelled, bool nests)
{
	int64_t limit, connect;
	int ready;

	for (;;) {
		while (nests && exec_run_nested())
			;
		connect = atomic_load(&call->waiter.ready) ? ENGINE_FOREVER : connect_limit(call);
		limit = call->deadline < until ? call->deadline : until;
		if (connect < limit)
			limit = connect;
		ready = may_be_cancelled ? engine_wait_or_cancel(&call->waiter, limit)
					 : engine_wait(&call->waiter, limit);
		if (ready != 0)
			return ready;
		if (engine_now() >= call->deadline)
			expire(call);
		else if (engine_now() >= until)
			return 0;
		else if (connect_limit(call) <= engine_now())
			peer_close(call->session->peer, PYR_UNAVAILABLE, CONNECT_LATE);
	}
}

static int wait_nested(struct outcall *call, int64_t until, bool may_be_cancelled)
{
	struct exec_nest nest;
	bool nests = exec_nest_enter(&nest, &call->waiter);
	int ready = wait_alone(call, until, may_be_cancelled, nests);

	if (nests) {
		exec_nest_leave(&nest);
		while (exec_run_nested()) /* one that came at the last moment would wait for ever */
			;
	}
	return ready;
}

int outcall_watch(struct outcall *call, int64_t until)
{
	return wait_nested(call, until, true);
}

bool outcall_wait(struct outcall *call, int64_t until)
{
	int ready;

	while ((ready = wait_nested(call, until, until == ENGINE_FOREVER)) < 0)
		outcall_cancel(call, PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	return ready > 0;
}
