/* SPDX-License-Identifier: MIT */
#include "proxy/patience.h"

#include "base/config.h"
#include "base/error.h"
#include "base/random.h"
#include "engine/engine.h"
#include "proxy/group.h"
#include "proxy/proxy_session.h"
#include "proxy/proxy_terms.h"

enum { TRIES = 3, GROUP_RETRIES = 3, FIRST_PAUSE_MS = 10, LAST_PAUSE_MS = 500 };

void patience_options(pyr_proxy *proxy, const struct pyr_proxy_options *options)
{
	proxy->wait_ms = config_or_none(options->wait_ms, CONFIG_WAIT_MS);
	atomic_init(&proxy->max_retries, config_or_none(options->max_retries, CONFIG_MAX_RETRIES));
}

void pyr_proxy_set_max_retries(pyr_proxy *proxy, uint32_t max_retries)
{
	if (proxy)
		atomic_store(&proxy->max_retries, config_or_none(max_retries, CONFIG_MAX_RETRIES));
}

/* ---- what is decided ---- */

void patience_begin(struct patience *patience, pyr_proxy *proxy, unsigned operation)
{
	bool is_bind = operation == PATIENCE_BIND;
	uint32_t flags =
		is_bind ? PYR__IDEMPOTENT : session_operation(proxy->interface, operation)->flags;
	unsigned retries = atomic_load_explicit(&proxy->max_retries, memory_order_relaxed);

	if (is_bind)
		patience->terms = (struct call_terms){ .deadline = ENGINE_FOREVER };
	else
		proxy_terms(proxy, operation, &patience->terms);
	if (!(flags & PYR__IDEMPOTENT))
		retries = 0;
	patience->proxy = proxy;
	patience->operation = operation;
	patience->tries = TRIES;
	patience->may_have_run = patience->is_again = false;
	if (proxy->group) {
		patience->tries += (int)group_size(proxy);
		if (retries < GROUP_RETRIES && flags & PYR__IDEMPOTENT)
			retries = GROUP_RETRIES;
	}
	patience->is_patient = (proxy->wait_ms > 0 || retries > 0 || proxy->group) &&
			       !(flags & (PYR__STREAM_IN | PYR__STREAM_OUT));
	if (!patience->is_patient)
		return;
	patience->outer = patience->terms.is_detached ? NULL : scope_current();
	patience->wait_until = engine_now() + (int64_t)proxy->wait_ms * ENGINE_MS;
	patience->pause = (int64_t)FIRST_PAUSE_MS * ENGINE_MS;
	patience->retries = retries;
	patience->before = pyr_error_take();
	pthread_mutex_lock(&proxy->lock);
	patience->n_released = proxy->n_released;
	pthread_mutex_unlock(&proxy->lock);
}

/* The other end is there, its object is not. */
static bool is_refused(const struct outcall *call)
{
	struct session *session = call->session;
	bool is_failed;

	pthread_mutex_lock(&session->peer->lock);
	is_failed = session->state == SESSION_FAILED;
	pthread_mutex_unlock(&session->peer->lock);
	return is_failed && call->result.code == PYR_NOT_FOUND;
}

/* What it is for is not there, or not yet: nothing has run. */
static bool is_missing(const struct outcall *call)
{
	int code = pyr_last_error()->code;

	if (call)
		return is_refused(call) || (call->result.code == PYR_UNAVAILABLE &&
					    !call->result.is_remote && !call->result.may_have_run);
	return code == PYR_UNAVAILABLE || code == PYR_NOT_FOUND || code == PYR_DEADLINE_EXCEEDED;
}

/* There was no connection, or it is gone. */
static bool is_lost(const struct outcall *call)
{
	if (call)
		return call->result.code == PYR_UNAVAILABLE && !call->result.is_remote;
	return pyr_last_error()->code == PYR_UNAVAILABLE;
}

static int64_t shortened(int64_t pause)
{
	uint16_t random = 0;

	(void)random_bytes((uint8_t *)&random, sizeof(random));
	return pause - pause / 2 * random / UINT16_MAX;
}

/* Whether there is to be another attempt after a pause. call: NULL: it got no session. */
static bool wants_pause(struct patience *patience, const struct outcall *call)
{
	int64_t now, most = (int64_t)LAST_PAUSE_MS * ENGINE_MS;
	bool waits;

	if (!patience->is_patient ||
	    (patience->outer && atomic_load(&patience->outer->is_cancelled)))
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
	return patience->next < patience->terms.deadline;
}

/* To another member of a group, at once: one that was not run, as its server was lost or has no
 * such object any more, or does no harm if it runs twice. */
static bool moves_on(struct patience *patience, const struct outcall *call)
{
	bool is_gone = is_refused(call);

	if (patience->is_patient && patience->outer && atomic_load(&patience->outer->is_cancelled))
		return false;
	if (!is_gone && !is_lost(call))
		return false;
	if (is_gone || !call->result.may_have_run)
		return --patience->tries > 0;
	if (!patience->is_patient || patience->retries == 0)
		return false;
	patience->retries--;
	return true;
}

enum patience_next patience_next(struct patience *patience, struct outcall *call)
{
	enum patience_next next = PATIENCE_OVER;
	struct session *session = call ? call->session : NULL;

	if (session && !call->result.code)
		return PATIENCE_OVER;
	if (session && call->result.was_not_run && --patience->tries > 0)
		next = PATIENCE_AGAIN;
	else if (session && patience->proxy->group && moves_on(patience, call))
		next = PATIENCE_AGAIN;
	else if (wants_pause(patience, session ? call : NULL))
		next = PATIENCE_PAUSE;
	if (!session)
		return next;
	call->result.may_have_run |= patience->may_have_run;
	if (next == PATIENCE_OVER)
		return next;
	patience->may_have_run = call->result.may_have_run;
	patience->is_again |= call->result.was_not_run;
	outcall_fini(call);
	call->session = NULL;
	proxy_forget(patience->proxy, session);
	session_unref(session);
	return next;
}

void patience_done(struct patience *patience, bool is_success)
{
	if (!patience->is_patient)
		return;
	if (is_success)
		error_restore(patience->before);
	else
		pyr_error_free(patience->before);
	if (!is_success && patience->may_have_run)
		error_may_have_run();
}

/* ---- in the calling thread ---- */

struct session *patience_session(const struct patience *patience, bool waits)
{
	pyr_proxy *proxy = patience->proxy;
	const char *key = patience->terms.key;
	int64_t until = patience->terms.deadline;
	struct session *session;

	if (proxy->group)
		return group_session(proxy, until, patience->is_again, !waits, key);
	session = (waits ? proxy_session_until : proxy_session_for_once)(proxy, until,
									 patience->tries < TRIES);
	if (!session || !key || !proxy->group)
		return session;
	session_unref(session); /* the name was found to be shared: the key says which */
	return group_session(proxy, until, patience->is_again, !waits, key);
}

void patience_attempt(struct patience *patience, const struct codec_packer *packer,
		      struct outcall *call, bool waits)
{
	struct session *session = patience_session(patience, waits);

	call->session = NULL;
	if (!session)
		return;
	outcall_init(call, &patience->terms);
	outcall_start(call, session, patience->operation, packer, waits);
	if (waits)
		outcall_wait(call, ENGINE_FOREVER);
}

bool patience_pause(struct patience *patience)
{
	pyr_proxy *proxy = patience->proxy;
	struct proxy_waiter self;
	bool is_released;
	int woken = 0;

	pthread_mutex_lock(&proxy->lock);
	if (proxy->n_released == patience->n_released)
		woken = proxy_wait(proxy, &proxy->pausing, &self, patience->next);
	is_released = proxy->n_released != patience->n_released;
	pthread_mutex_unlock(&proxy->lock);
	if (is_released)
		proxy_was_released(proxy);
	else if (woken < 0)
		error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	return !is_released && woken >= 0;
}

bool patience_goes_on(struct patience *patience, struct outcall *call)
{
	enum patience_next next = patience_next(patience, call);

	if (next == PATIENCE_AGAIN || (next == PATIENCE_PAUSE && patience_pause(patience)))
		return true;
	patience_done(patience, call && call->session && !call->result.code);
	return false;
}
