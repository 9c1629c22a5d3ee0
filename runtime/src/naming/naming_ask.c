/* SPDX-License-Identifier: MIT */
/*
 * A call of one of several name servers, in the caller's thread or task. Source of the stagger: RFC
 * 8305, 5.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/engine.h"
#include "naming/naming_find.h"
#include "naming/naming_health.h"
#include "naming/naming_servers.h"
#include "naming/naming_servers_own.h"
#include "proxy/proxy.h"

enum {
	CONNECT_MS = 250, /* one that was not heard yet: then the next is asked as well */
	ANSWER_MS = 400,  /* one that was */
	FRESH_MS = 1000,  /* so long after it was heard a change is asked of it at once */
	DOUBT_MS = 1600,  /* a change is not answered, and neither is a ping: it hangs */
	LOOK_MS = 500,    /* whether they are released is looked at so often */
	REASON = 200      /* bytes of what is told of each */
};

static void hear(struct server *server)
{
	atomic_store_explicit(&server->heard, engine_now(), memory_order_relaxed);
	health_up(server->address);
}

static bool was_heard(const struct server *server, int64_t within_ms)
{
	int64_t heard = atomic_load_explicit(&server->heard, memory_order_relaxed);

	return heard && engine_now() - heard < within_ms * ENGINE_MS;
}

/* ---- one call of several ---- */

/* An idempotent call, asked of one after the other. */
struct asking {
	struct servers *servers;
	const struct server_call *call;
	int64_t until;
	unsigned n;                                 /* of them; those left out are not asked */
	unsigned order[URI_ADDRESSES_MAX], n_asked; /* in which they are asked; so many were */
	pyr_future *futures[URI_ADDRESSES_MAX];     /* as in order; NULL: not on its way */
	int64_t since[URI_ADDRESSES_MAX];           /* when it was asked */
	unsigned n_waiting;
	int64_t next; /* when the next one is asked */
	int code;     /* of all that failed so far; UNAVAILABLE if they differ; 0: none */
	char *reasons;
	size_t n_reasons;
};

/* Those that are up first. left_out: bits of those that are not asked. */
static void set_order(struct asking *asking, unsigned left_out)
{
	unsigned i, n = 0, n_late = 0, late[URI_ADDRESSES_MAX];

	for (i = 0; i < asking->servers->n; i++)
		if (left_out >> i & 1)
			continue;
		else if (health_is_up(asking->servers->items[i].address))
			asking->order[n++] = i;
		else
			late[n_late++] = i;
	memcpy(asking->order + n, late, n_late * sizeof(late[0]));
	asking->n = n + n_late;
}

/* The last error is why one did not answer. */
static void note_reason(struct asking *asking, const struct server *server)
{
	const char *text = pyr_errmsg();
	bool is_named = strstr(text, server->address);
	size_t size = REASON + NAMING_ADDRESS_MAX;
	char *more = realloc(asking->reasons, asking->n_reasons + size);
	int code = pyr_last_error()->code;

	asking->code = asking->code && asking->code != code ? PYR_UNAVAILABLE : code;
	if (!more)
		return;
	asking->reasons = more;
	snprintf(more + asking->n_reasons, size, "%s%s%s%.*s", asking->n_reasons ? "; " : "",
		 is_named ? "" : server->address, is_named ? "" : ": ", REASON - 8, text);
	asking->n_reasons += strlen(more + asking->n_reasons);
}

/* One did not answer, for now. */
static void fail(struct asking *asking, unsigned i)
{
	struct server *server = &asking->servers->items[asking->order[i]];

	note_reason(asking, server);
	if (servers_is_lost())
		health_down(server->address);
	asking->next = engine_now(); /* the next one, at once */
}

static void ask_next(struct asking *asking)
{
	unsigned i = asking->n_asked++;
	struct server *server = &asking->servers->items[asking->order[i]];
	struct pyrite_NameServer *proxy = servers_proxy(asking->servers, asking->order[i]);
	int64_t stagger = atomic_load(&server->heard) ? ANSWER_MS : CONNECT_MS;

	asking->since[i] = engine_now();
	asking->next = asking->since[i] + stagger * ENGINE_MS;
	asking->futures[i] = proxy ? asking->call->op->start(proxy, asking->call) : NULL;
	if (asking->futures[i])
		asking->n_waiting++;
	else
		fail(asking, i);
}

/* Those that were asked before the one that answered, and have had the time to. */
static void leave_slow(struct asking *asking, unsigned answered)
{
	int64_t now = engine_now();
	unsigned i;

	for (i = 0; i < asking->n_asked; i++)
		if (i != answered && asking->futures[i] &&
		    now - asking->since[i] >= CONNECT_MS * (int64_t)ENGINE_MS)
			health_down(asking->servers->items[asking->order[i]].address);
}

/* It is no answer that the server has no answer: another may. */
static bool is_answer(int status)
{
	const pyr_error *error = pyr_last_error();

	if (status == 0)
		return true;
	if (error->remote)
		return error->code != PYR_UNAVAILABLE;
	return error->code == PYR_CANCELLED || error->code == PYR_INVALID_ARGUMENT ||
	       error->code == PYR_RESOURCE_EXHAUSTED;
}

/* Takes one that is ready. Returns whether it is the answer, *status. */
static bool take(struct asking *asking, unsigned i, void *ret, int *status)
{
	struct server *server = &asking->servers->items[asking->order[i]];
	pyr_future *future = asking->futures[i];

	asking->futures[i] = NULL;
	asking->n_waiting--;
	*status = asking->call->op->get(future, ret);
	if (*status == 0 || pyr_last_error()->remote)
		hear(server);
	if (is_answer(*status)) {
		leave_slow(asking, i);
		return true;
	}
	fail(asking, i);
	return false;
}

/* Until one has answered, *ret_at, or all have failed: then returns 1. */
static int ask_all(struct asking *asking, void *ret, unsigned *ret_at)
{
	int64_t until, left;
	int at, status;

	for (;;) {
		if (atomic_load(&asking->servers->is_released))
			return error_set(PYR_CANCELLED, "the name server handle was freed");
		while (asking->n_asked < asking->n &&
		       (asking->n_waiting == 0 || engine_now() >= asking->next))
			ask_next(asking);
		if (asking->n_waiting == 0)
			return 1;
		until = asking->n_asked < asking->n && asking->next < asking->until ? asking->next
										    : asking->until;
		if (until > engine_now() + LOOK_MS * (int64_t)ENGINE_MS)
			until = engine_now() + LOOK_MS * (int64_t)ENGINE_MS;
		left = (until - engine_now() + ENGINE_MS - 1) / ENGINE_MS;
		at = pyr_future_wait_any(asking->futures, asking->n_asked, left > 0 ? left : 0);
		if (at >= 0 && take(asking, (unsigned)at, ret, &status)) {
			*ret_at = asking->order[at];
			return status;
		}
		if (at < 0 && at != -PYR_DEADLINE_EXCEEDED)
			return -pyr_last_error()->code;
		if (at < 0 && engine_now() >= asking->until)
			return 1;
	}
}

static void note_silent(struct asking *asking)
{
	const struct server *server;
	unsigned i;

	for (i = 0; i < asking->n_asked; i++) {
		if (!asking->futures[i])
			continue;
		server = &asking->servers->items[asking->order[i]];
		error_set(PYR_DEADLINE_EXCEEDED, "TimeoutError: no answer from %s in %u ms",
			  server->address,
			  (unsigned)((engine_now() - asking->since[i]) / ENGINE_MS));
		note_reason(asking, server);
	}
}

static int none_answers(struct asking *asking)
{
	note_silent(asking);
	naming_find_again();
	return error_set(asking->code ? asking->code : PYR_UNAVAILABLE,
			 "NamingError: no name server answers: %s",
			 asking->reasons ? asking->reasons : "out of memory");
}

static int64_t latest(const struct servers *servers)
{
	return engine_now() + (int64_t)servers->timeout_ms * ENGINE_MS;
}

static int ask(struct servers *servers, const struct server_call *call, unsigned left_out,
	       int64_t until, void *ret, unsigned *ret_at)
{
	struct asking asking = { .servers = servers, .call = call, .until = until };
	pyr_error *before = pyr_error_take();
	unsigned i;
	int status;

	set_order(&asking, left_out);
	status = ask_all(&asking, ret, ret_at);
	if (status > 0)
		status = none_answers(&asking);
	else if (status < 0 && pyr_last_error()->remote)
		status = naming_add_address(servers->items[*ret_at].address);
	for (i = 0; i < asking.n_asked; i++)
		pyr_future_free(asking.futures[i]);
	free(asking.reasons);
	if (status == 0)
		error_restore(before);
	else
		pyr_error_free(before);
	return status;
}

static int pick(struct servers *servers, unsigned left_out, int64_t until, unsigned *ret)
{
	static const struct server_call ping = { .op = &server_ping };
	int best = servers_best(servers);

	if (servers->n == 1 ||
	    (best >= 0 && !left_out && was_heard(&servers->items[best], FRESH_MS))) {
		*ret = (unsigned)best;
		return 0;
	}
	return ask(servers, &ping, left_out, until, NULL, ret);
}

int servers_pick(struct servers *servers, unsigned *ret)
{
	return pick(servers, 0, latest(servers), ret);
}

/* ---- what changes names ---- */

/* Waits for a change as long as the server answers pings. Returns whether the future is ready; else
 * the last error is set. */
static bool wait_for_change(struct servers *servers, unsigned at, pyr_future *change)
{
	pyr_future *both[2] = { change, NULL };
	int64_t asked = 0;
	int ready;

	while ((ready = pyr_future_wait_any(both, 2, both[1] ? DOUBT_MS : ANSWER_MS)) != 0) {
		if (ready == 1) {
			if (pyrite_NameServer_ping_get(both[1]) == 0 || pyr_last_error()->remote)
				hear(&servers->items[at]);
			both[1] = NULL;
			continue;
		}
		if (ready != -PYR_DEADLINE_EXCEEDED)
			break;
		if (both[1] && engine_now() - asked >= DOUBT_MS * (int64_t)ENGINE_MS) {
			error_set(PYR_UNAVAILABLE, "TimeoutError: no answer from %s in %d ms",
				  servers->items[at].address, ANSWER_MS + DOUBT_MS);
			error_may_have_run();
			break;
		}
		if (both[1])
			continue;
		both[1] = pyrite_NameServer_ping_start(servers_proxy(servers, at));
		asked = engine_now();
	}
	pyr_future_free(both[1]);
	return ready == 0;
}

/* Returns 0, or minus a status with the last error set. */
static int change_at(struct servers *servers, const struct server_call *call, unsigned at,
		     void *ret)
{
	struct server *server = &servers->items[at];
	struct pyrite_NameServer *proxy = servers_proxy(servers, at);
	pyr_future *future = proxy ? call->op->start(proxy, call) : NULL;
	int status;

	if (!future)
		return -pyr_last_error()->code;
	if (!wait_for_change(servers, at, future)) {
		status = -pyr_last_error()->code;
		pyr_future_free(future);
	} else {
		status = call->op->get(future, ret);
	}
	if (status == 0 || pyr_last_error()->remote)
		hear(server);
	else if (servers_is_lost())
		health_down(server->address);
	return status;
}

/* The last error says that the change has not been made, and that another may make it. */
static bool is_for_another(void)
{
	const pyr_error *error = pyr_last_error();

	return !error->may_have_run && (servers_is_lost() || error->code == PYR_UNAVAILABLE);
}

static int change(struct servers *servers, const struct server_call *call, void *ret,
		  unsigned *ret_at)
{
	unsigned all = (1u << servers->n) - 1, left_out = 0;
	int64_t until = latest(servers);
	int status;

	do {
		status = pick(servers, left_out, until, ret_at);
		if (status < 0)
			return status;
		status = change_at(servers, call, *ret_at, ret);
		left_out |= 1u << *ret_at;
	} while (status < 0 && is_for_another() && left_out != all && engine_now() < until);
	return status < 0 ? naming_add_address(servers->items[*ret_at].address) : 0;
}

/* ---- both ---- */

static int call_one(struct servers *servers, const struct server_call *call, void *ret)
{
	struct pyrite_NameServer *proxy = servers_proxy(servers, 0);
	pyr_future *future = proxy ? call->op->start(proxy, call) : NULL;

	if (future && call->op->get(future, ret) == 0)
		return 0;
	return proxy ? naming_add_address(servers->items[0].address) : -pyr_last_error()->code;
}

int servers_call(struct servers *servers, const struct server_call *call, void *ret,
		 const char **ret_address)
{
	unsigned at = 0;
	int status;

	if (proxy_is_forked()) /* where locks may be held by threads that are not there */
		status = -PYR_FAILED_PRECONDITION;
	else if (servers->n == 1)
		status = call_one(servers, call, ret);
	else if (call->op->is_idempotent)
		status = ask(servers, call, 0, latest(servers), ret, &at);
	else
		status = change(servers, call, ret, &at);
	if (ret_address)
		*ret_address = servers->items[at].address;
	return status;
}
