/* SPDX-License-Identifier: MIT */
#include "proxy/proxy_session.h"

#include "base/config.h"
#include "base/error.h"
#include "context/call_wish.h"
#include "engine/engine.h"
#include "outcall/outcall.h"
#include "proxy/proxy_greet.h"

static proxy_resolver *resolve; /* set once, before any proxy is made */

void proxy_set_resolver(proxy_resolver *resolver)
{
	resolve = resolver;
}

/* ---- the end of one ---- */

static void close_session(struct session *session, bool keep_streams)
{
	struct peer *peer = session->peer;

	session_close(session, keep_streams);
	links_put(peer);
}

/* Those who pause do so no more. With the proxy's lock. */
static void end_pauses(pyr_proxy *proxy)
{
	struct proxy_later *later;

	proxy_wake(&proxy->pausing, false);
	for (later = proxy->pausing_later; later; later = later->next)
		later->release(later);
	for (later = proxy->due; later; later = later->next)
		later->release(later);
}

void proxy_release(pyr_proxy *proxy, bool keep_streams)
{
	struct session *session, *greeted;

	pthread_mutex_lock(&proxy->lock);
	greeted = proxy->greeted;
	if (greeted)
		session_ref(greeted);
	session = proxy->session;
	proxy->session = NULL;
	proxy->n_released++;
	proxy_wake(&proxy->waiting, false);
	end_pauses(proxy);
	pthread_mutex_unlock(&proxy->lock);
	if (greeted)
		session_close(greeted, false); /* its link is for who waits there to put */
	if (session)
		close_session(session, keep_streams);
}

void pyr_proxy_release(pyr_proxy *proxy)
{
	if (proxy && !engine_is_forked())
		proxy_release(proxy, false);
}

void pyr__proxy_free(void *self)
{
	pyr_proxy *proxy = self;

	if (!proxy || proxy->batch) /* which frees it */
		return;
	if (engine_is_forked()) /* where locks may be held by threads that are not there */
		return;
	(void)wish_take(proxy);
	root_remove(&proxy->root);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_freed = true;
	pthread_mutex_unlock(&proxy->lock);
	pyr_proxy_release(proxy);
	proxy_unref(proxy);
}

void proxy_forget(pyr_proxy *proxy, struct session *session)
{
	struct peer *peer = session->peer;
	bool is_current;

	pthread_mutex_lock(&proxy->lock);
	is_current = proxy->session == session;
	if (is_current)
		proxy->session = NULL;
	pthread_mutex_unlock(&proxy->lock);
	if (!is_current)
		return;
	session_leave(session); /* other calls may run there, of a link that goes away */
	links_leave(peer);
}

/* ---- a new one ---- */

/* What is left of the time, for a look-up: 0 = no limit but its own. */
static uint32_t lookup_ms(int64_t until)
{
	uint32_t most = config_number(CONFIG_LOOKUP_TIMEOUT_MS);
	int64_t left = until == ENGINE_FOREVER ? most : (until - engine_now()) / ENGINE_MS;

	return left >= most ? most : left < 1 ? 1 : (uint32_t)left;
}

/* Follows the name, finds a link, opens a session on it. */
static struct session *find_session(pyr_proxy *proxy, const struct link_wish *wish,
				    struct session_ways *ways, int64_t until)
{
	struct session *session;
	struct uri_problem problem;
	struct peer *peer;
	pyr_uri *uri;

	if (resolve(proxy->uri, lookup_ms(until), &uri) < 0)
		return NULL;
	peer = links_get(uri, wish, &problem);
	if (!peer) {
		error_set(problem.code, "%s", problem.text);
		pyr_uri_free(uri);
		return NULL;
	}
	session = session_new(peer, uri->object, proxy->interface, ways);
	pyr_uri_free(uri);
	if (!session) {
		links_put(peer);
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	return session;
}

static struct session *open_session(pyr_proxy *proxy, int64_t until)
{
	struct session_ways *ways;
	struct session *session;
	struct link_wish wish;
	unsigned n_released;

	pthread_mutex_lock(&proxy->lock);
	n_released = proxy->n_released;
	ways = greet_ways(proxy, &wish);
	pthread_mutex_unlock(&proxy->lock);
	session = find_session(proxy, &wish, ways, until);
	session_ways_unref(ways);
	if (!session || greet(proxy, session, until, n_released))
		return session;
	close_session(session, false);
	return NULL;
}

/* Opens the session, for itself and all who come meanwhile. Called with the proxy's lock, which is
 * not held while the name is looked up. */
static void open_for_all(pyr_proxy *proxy, int64_t until)
{
	unsigned n_released = proxy->n_released;
	struct session *session;

	proxy->is_opening = true;
	proxy->opener = pthread_self();
	proxy->opener_task = engine_fiber();
	pthread_mutex_unlock(&proxy->lock);
	session = open_session(proxy, until);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_opening = false;
	/* That he was cancelled is not their failure. */
	proxy_wake(&proxy->waiting, !session && pyr_last_error()->code != PYR_CANCELLED);
	if (session && n_released != proxy->n_released) {
		close_session(session, false);
		proxy_was_released(proxy);
		session = NULL;
	}
	proxy->session = session;
}

/* on_handshake is asked, and uses the proxy that asks. With the proxy's lock. */
static bool is_opener(const pyr_proxy *proxy)
{
	if (!pthread_equal(proxy->opener, pthread_self()) || proxy->opener_task != engine_fiber())
		return false;
	error_set(PYR_FAILED_PRECONDITION,
		  "%s: on_handshake cannot use the proxy that it is asked about", proxy->uri->text);
	return true;
}

/* Waits until another has opened the session. Returns false if he could not, with his error the
 * last one here, or if the time has passed; his time may have been shorter. Called with the proxy's
 * lock, which is not held meanwhile. */
static bool wait_for_session(pyr_proxy *proxy, int64_t until)
{
	struct proxy_waiter self;
	int woken = proxy_wait(proxy, &proxy->waiting, &self, until);

	if (self.error && self.error->code == PYR_DEADLINE_EXCEEDED && engine_now() < until) {
		pyr_error_free(self.error);
		return true;
	}
	if (self.error)
		error_restore(self.error);
	else if (self.has_failed)
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	else if (woken < 0)
		error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	else if (!woken)
		error_set(PYR_DEADLINE_EXCEEDED, "TimeoutError: %s was not found in time",
			  proxy->uri->text);
	return !self.has_failed && woken > 0;
}

/* With the proxy's lock. */
static struct session *open_or_wait(pyr_proxy *proxy, int64_t until)
{
	unsigned n_released = proxy->n_released;

	if (proxy->is_freed) {
		proxy_was_released(proxy);
		return NULL;
	}
	while (!proxy->session && proxy->is_opening) {
		if (is_opener(proxy) || !wait_for_session(proxy, until))
			return NULL;
		if (n_released != proxy->n_released) {
			proxy_was_released(proxy);
			return NULL;
		}
	}
	if (!proxy->session)
		open_for_all(proxy, until);
	if (proxy->session)
		session_ref(proxy->session);
	return proxy->session;
}

struct session *proxy_session_until(pyr_proxy *proxy, int64_t until)
{
	struct session *session;

	if (proxy_is_forked())
		return NULL;
	engine_catch_up(); /* its link may be gone: better known before a call has left */
	pthread_mutex_lock(&proxy->lock);
	if (proxy->session && !proxy->is_freed) {
		session = proxy->session;
		session_ref(session);
		pthread_mutex_unlock(&proxy->lock);
		return session;
	}
	proxy_ref(proxy); /* it may be freed while this waits */
	session = open_or_wait(proxy, until);
	pthread_mutex_unlock(&proxy->lock);
	proxy_unref(proxy);
	return session;
}

struct session *proxy_session(pyr_proxy *proxy)
{
	return proxy_session_until(proxy, ENGINE_FOREVER);
}

/* Its session, a new reference, if is_well() says so; else NULL. */
static struct session *session_that(pyr_proxy *proxy, bool (*is_well)(struct peer *peer))
{
	struct session *session;

	pthread_mutex_lock(&proxy->lock);
	session = proxy->session;
	if (session)
		session_ref(session);
	pthread_mutex_unlock(&proxy->lock);
	if (!session || is_well(session->peer))
		return session;
	session_unref(session);
	return NULL;
}

struct session *proxy_open_session(pyr_proxy *proxy)
{
	return session_that(proxy, peer_is_usable);
}

/* The other end's Hello is in, and the link stands. */
static bool is_connected(struct peer *peer)
{
	bool connected;

	pthread_mutex_lock(&peer->lock);
	connected = peer->has_hello && !peer->is_closed && !peer->is_ending;
	pthread_mutex_unlock(&peer->lock);
	return connected;
}

struct session *proxy_connected_session(pyr_proxy *proxy)
{
	return engine_is_forked() ? NULL : session_that(proxy, is_connected);
}
