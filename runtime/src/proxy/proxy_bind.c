/* SPDX-License-Identifier: MIT */
/* Connecting without a call, and anew. */
#include <stdio.h>

#include "base/error.h"
#include "engine/engine.h"
#include "proxy/patience.h"
#include "proxy/proxy_greet.h"
#include "proxy/proxy_session.h"

enum { RECONNECT_MS = 2000 };

/* *ret_again: whether it was refused once by an end that goes away. Returns 0, or minus a status
 * with the last error set. */
static int bind_session(pyr_proxy *proxy, bool *ret_again)
{
	struct session *session = proxy_session_until(proxy, ENGINE_FOREVER, *ret_again);
	int64_t until;
	int err;

	if (!session)
		return -pyr_last_error()->code;
	until = engine_now() + (int64_t)proxy->wish.connect_timeout_ms * ENGINE_MS;
	err = greet_bind(session, until);
	*ret_again = err < 0 && !*ret_again && peer_goes_away(session->peer);
	if (err < 0)
		proxy_forget(proxy, session);
	session_unref(session);
	return err;
}

static int bind_once(pyr_proxy *proxy)
{
	bool again = false;
	int err = bind_session(proxy, &again);

	return again ? bind_session(proxy, &again) : err;
}

int pyr_proxy_bind(pyr_proxy *proxy)
{
	struct patience patience;
	int err;

	if (!proxy)
		return error_null("proxy");
	proxy_ref(proxy);
	patience_begin(&patience, proxy, PATIENCE_BIND);
	do
		err = bind_once(proxy);
	while (err < 0 && patience_goes_on(&patience, NULL));
	if (err == 0)
		patience_done(&patience, true);
	else
		err = -pyr_last_error()->code;
	proxy_unref(proxy);
	return err;
}

/* ---- connecting anew ---- */

static bool is_worth_another(int err)
{
	return err == -PYR_UNAVAILABLE || err == -PYR_NOT_FOUND || err == -PYR_DEADLINE_EXCEEDED;
}

/* Between two tries. Returns false with the last error set if the proxy was released. */
static bool wait_for_try(pyr_proxy *proxy, unsigned n_released, uint32_t delay_ms)
{
	struct patience patience = { .proxy = proxy, .n_released = n_released };

	patience.next = engine_now() + (int64_t)(delay_ms ? delay_ms : RECONNECT_MS) * ENGINE_MS;
	return patience_pause(&patience);
}

static int failed(const pyr_proxy *proxy, uint32_t tries)
{
	const pyr_error *last = pyr_last_error();
	struct error_info info = { .code = PYR_UNAVAILABLE };
	char text[1024];

	snprintf(text, sizeof(text), "ConnectionClosed: failed to reconnect to %s in %u tries: %s",
		 proxy->uri->text, tries, last->message);
	info.message = text;
	info.object = last->object;
	info.address = last->address;
	return error_set_info(&info);
}

static int reconnect(pyr_proxy *proxy, uint32_t tries, uint32_t delay_ms)
{
	unsigned n_released;
	uint32_t n = 0;
	int err;

	pthread_mutex_lock(&proxy->lock);
	n_released = proxy->n_released;
	pthread_mutex_unlock(&proxy->lock);
	for (;;) {
		err = pyr_proxy_bind(proxy);
		if (err == 0 || !is_worth_another(err))
			return err;
		if (++n == tries)
			return failed(proxy, tries);
		if (!wait_for_try(proxy, n_released, delay_ms))
			return -PYR_CANCELLED;
	}
}

int pyr_proxy_reconnect(pyr_proxy *proxy, uint32_t tries, uint32_t delay_ms)
{
	pyr_error *before;
	int err;

	if (!proxy)
		return error_null("proxy");
	if (proxy_is_forked())
		return -PYR_FAILED_PRECONDITION;
	proxy_ref(proxy);
	before = pyr_error_take();
	proxy_release(proxy, true);
	err = reconnect(proxy, tries, delay_ms);
	if (err == 0)
		error_restore(before);
	else
		pyr_error_free(before);
	proxy_unref(proxy);
	return err;
}
