/* SPDX-License-Identifier: MIT */
#include "incall/incall.h"

#include <openssl/rand.h>

#include "base/config.h"
#include "base/error.h"
#include "engine/engine.h"
#include "incall/incall.h"
#include "proxy/future_patience.h"

enum { FIRST_PAUSE_MS = 10, LAST_PAUSE_MS = 500 };

void patience_options(pyr_proxy *proxy, const struct pyr_proxy_options *options)
{
	proxy->wait_ms = config_or_none(options->wait_ms, CONFIG_WAIT_MS);
	atomic_init(&proxy->max_retries, config_or_none(options->max_retries, CONFIG_MAX_RETRIES));
}

static bool is_idempotent(const pyr_proxy *proxy, unsigned operation)
{
	return operation == PATIENCE_BIND ||
	       session_operation(proxy->interface, operation)->flags & PYR__IDEMPOTENT;
}

void patience_begin(struct patience *patience, pyr_proxy *proxy, unsigned operation,
		    int64_t deadline)
{
	unsigned retries = atomic_load_explicit(&proxy->max_retries, memory_order_relaxed);

	if (retries > 0 && !is_idempotent(proxy, operation))
		retries = 0;
	patience->proxy = proxy;
	patience->deadline = deadline;
	patience->is_patient = proxy->wait_ms > 0 || retries > 0;
	if (!patience->is_patient)
		return;
	patience->wait_until = engine_now() + (int64_t)proxy->wait_ms * ENGINE_MS;
	patience->pause = (int64_t)FIRST_PAUSE_MS * ENGINE_MS;
	patience->retries = retries;
	patience->before = pyr_error_take();
	pthread_mutex_lock(&proxy->lock);
	patience->n_released = proxy->n_released;
	pthread_mutex_unlock(&proxy->lock);
}

void patience_done(struct patience *patience, bool is_success)
{
	if (!patience->is_patient)
		return;
	if (is_success)
		error_restore(patience->before);
	else
		pyr_error_free(patience->before);
}

/* The other end is there, its object is not. */
static bool is_refused(const struct outcall *call)
{
	struct session *session = call->session;
	bool is_failed;

	pthread_mutex_lock(&session->peer->lock);
	is_failed = session->state == SESSION_FAILED;
	pthread_mutex_unlock(&session->peer->lock);
	return is_failed && call->code == PYR_NOT_FOUND;
}

/* What it is for is not there, or not yet: nothing has run. */
static bool is_missing(const struct outcall *call)
{
	int code = pyr_last_error()->code;

	if (call)
		return is_refused(call) ||
		       (call->code == PYR_UNAVAILABLE && !call->is_remote && !call->may_have_run);
	return code == PYR_UNAVAILABLE || code == PYR_NOT_FOUND || code == PYR_DEADLINE_EXCEEDED;
}

/* There was no connection, or it is gone. */
static bool is_lost(const struct outcall *call)
{
	if (call)
		return call->code == PYR_UNAVAILABLE && !call->is_remote;
	return pyr_last_error()->code == PYR_UNAVAILABLE;
}

static int64_t shortened(int64_t pause)
{
	uint16_t random = 0;

	RAND_bytes((uint8_t *)&random, sizeof(random));
	return pause - pause / 2 * random / UINT16_MAX;
}

bool patience_wants(struct patience *patience, const struct outcall *call)
{
	int64_t now, most = (int64_t)LAST_PAUSE_MS * ENGINE_MS;
	const pyr_call *outer = incall_current();
	bool waits;

	if (!patience->is_patient || (outer && atomic_load(&outer->scope.is_cancelled)))
		return false;
	now = engine_now();
	waits = now < patience->wait_until && is_missing(call);
	if (!waits && (patience->retries == 0 || !is_lost(call)))
		return false;
	patience->retries -= !waits;
	patience->next = now + shortened(patience->pause);
	patience->pause = patience->pause < most / 2 ? 2 * patience->pause : most;
	if (waits && patience->next > patience->wait_until)
		patience->next = patience->wait_until;
	return patience->next < patience->deadline;
}

bool patience_pause(struct patience *patience)
{
	struct patience_pause pause, **at;
	pyr_proxy *proxy = patience->proxy;
	bool is_over, is_cancelled = false;

	engine_waiter_init(&pause.waiter, false);
	pthread_mutex_lock(&proxy->lock);
	is_over = proxy->n_released != patience->n_released;
	if (!is_over) {
		pause.next = proxy->pausing;
		proxy->pausing = &pause;
		pthread_mutex_unlock(&proxy->lock);
		is_cancelled = engine_wait_or_cancel(&pause.waiter, patience->next) < 0;
		pthread_mutex_lock(&proxy->lock);
		for (at = &proxy->pausing; *at && *at != &pause; at = &(*at)->next)
			;
		is_over = !*at;
		if (*at)
			*at = pause.next;
	}
	pthread_mutex_unlock(&proxy->lock);
	engine_waiter_fini(&pause.waiter);
	if (is_over)
		error_set(PYR_CANCELLED, "%s: the proxy was released", proxy->uri->text);
	else if (is_cancelled)
		error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	return !is_over && !is_cancelled;
}

void patience_end(pyr_proxy *proxy)
{
	struct patience_pause *pause, *next;

	for (pause = proxy->pausing; pause; pause = next) {
		next = pause->next; /* once woken, it may be gone */
		engine_wake(&pause->waiter);
	}
	proxy->pausing = NULL;
	future_patience_end_all(proxy);
}

void pyr_proxy_set_max_retries(pyr_proxy *proxy, uint32_t max_retries)
{
	if (proxy)
		atomic_store(&proxy->max_retries, config_or_none(max_retries, CONFIG_MAX_RETRIES));
}
