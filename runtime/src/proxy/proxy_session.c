/* SPDX-License-Identifier: MIT */
/*
 * The session that a proxy's calls are made in: opened by one of those who want it, while the
 * others wait, and given up when its link is of no more use. A session whose link goes away is kept
 * beside the next one, for calls of chains that are in flight at its other end: they are made there
 * first, and in the other one when they are refused.
 */
#include "proxy/proxy_session.h"

#include "base/config.h"
#include "base/error.h"
#include "context/call_wish.h"
#include "direct/direct.h"
#include "engine/engine.h"
#include "outcall/outcall.h"
#include "proxy/group.h"
#include "proxy/links_here.h"
#include "proxy/proxy_follow.h"
#include "proxy/proxy_greet.h"
#include "proxy/proxy_lost.h"

static proxy_resolver *resolve, *resolve_open; /* set once, before any proxy is made */

void proxy_set_resolver(proxy_resolver *resolver, proxy_resolver *open)
{
	resolve = resolver;
	resolve_open = open;
}

/* ---- the end of one ---- */

static void close_session(struct session *session, bool keep_streams)
{
	struct link_gift *gift = atomic_load(&session->gift);
	struct peer *peer = session->peer;

	if (gift)
		direct_release(direct_of(gift));
	session_close(session, keep_streams);
	links_put(peer);
}

/* Calls that run there go on. */
static void leave_session(struct session *session)
{
	struct peer *peer = session->peer;

	session_leave(session);
	links_leave(peer);
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
	struct session *session, *going, *greeted;

	pthread_mutex_lock(&proxy->lock);
	greeted = proxy->greeted;
	if (greeted)
		session_ref(greeted);
	session = proxy->session;
	going = proxy->going;
	proxy->session = proxy->going = NULL;
	proxy->n_released++;
	proxy_wake(&proxy->waiting, false);
	end_pauses(proxy);
	pthread_mutex_unlock(&proxy->lock);
	if (greeted)
		session_close(greeted, false); /* its link is for who waits there to put */
	if (session)
		close_session(session, keep_streams);
	if (going)
		close_session(going, keep_streams);
	if (proxy->group)
		group_release(proxy, keep_streams);
}

void pyr_proxy_release(pyr_proxy *proxy)
{
	if (proxy && !engine_is_forked())
		proxy_release(proxy, false);
}

void pyr_proxy_free(pyr_proxy *proxy)
{
	pyr__proxy_free(proxy);
}

void pyr__proxy_free(void *self)
{
	pyr_proxy *proxy = self;

	if (!proxy || proxy->batch) /* which frees it */
		return;
	if (engine_is_forked()) /* where locks may be held by threads that are not there */
		return;
	(void)wish_take(proxy);
	if (proxy_object(proxy) && !reference_leave(proxy_object(proxy), proxy, &proxy->n_users))
		return; /* it has other users */
	if (proxy->is_reference)
		proxy_lost_forget(proxy);
	root_remove(&proxy->root);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_freed = true;
	pthread_mutex_unlock(&proxy->lock);
	pyr_proxy_release(proxy);
	proxy_unref(proxy);
}

/* Its link goes away, and takes no calls but those of chains in flight at its other end. */
static bool is_for_chains(struct session *session)
{
	bool is_open;

	if (!peer_takes_chains(session->peer))
		return false;
	pthread_mutex_lock(&session->peer->lock);
	is_open = session->state != SESSION_FAILED && !session->is_unbound;
	pthread_mutex_unlock(&session->peer->lock);
	return is_open;
}

/* Takes it from the proxy, unless such calls may need it. Returns what is to be left: it, or one
 * that was kept for them before. With the proxy's lock. */
static struct session *forget(pyr_proxy *proxy, struct session *session)
{
	struct session *left = session;
	bool keeps = is_for_chains(session);

	if (proxy->session == session) {
		proxy->session = NULL;
		if (keeps) {
			left = proxy->going;
			proxy->going = session;
		}
		return left;
	}
	if (proxy->going != session || keeps)
		return NULL;
	proxy->going = NULL;
	return session;
}

void proxy_forget(pyr_proxy *proxy, struct session *session)
{
	struct session *left;

	if (proxy->group) {
		group_forget(proxy, session);
		return;
	}
	pthread_mutex_lock(&proxy->lock);
	left = forget(proxy, session);
	pthread_mutex_unlock(&proxy->lock);
	if (left)
		leave_session(left);
}

void proxy_leave(pyr_proxy *proxy)
{
	struct session *session, *going;

	pthread_mutex_lock(&proxy->lock);
	session = proxy->session;
	going = proxy->going;
	proxy->session = proxy->going = NULL;
	pthread_mutex_unlock(&proxy->lock);
	if (session)
		leave_session(session);
	if (going)
		leave_session(going);
}

/* ---- a new one ---- */

/* What is left of the time, for a look-up: 0 = no limit but its own. */
static uint32_t lookup_ms(int64_t until)
{
	uint32_t most = config_number(CONFIG_LOOKUP_TIMEOUT_MS);
	int64_t left = until == ENGINE_FOREVER ? most : (until - engine_now()) / ENGINE_MS;

	return left >= most ? most : left < 1 ? 1 : (uint32_t)left;
}

/* A session on the link over which the proxy came. NULL with the last error set if there is none.
 */
static struct session *session_of_import(pyr_proxy *proxy, struct session_ways *ways)
{
	struct import *import = proxy->reference->import;
	struct session *session;

	if (!links_share(import->peer)) {
		error_set(PYR_UNAVAILABLE,
			  "ConnectionClosed: the connection to %s over which '%s' came is gone",
			  import->peer->link->address, proxy->uri->object);
		return NULL;
	}
	session = session_new(import->peer, proxy->uri->object, proxy->interface, ways);
	if (session) {
		session->import = import_ref(import);
		return session;
	}
	links_put(import->peer);
	error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return NULL;
}

/* A session on an object of this process. NULL with the last error set. */
static struct session *session_of_object(pyr_proxy *proxy, struct session_ways *ways)
{
	struct peer *peer = links_here();
	struct session *session =
		peer ? session_new(peer, proxy->uri->object, proxy->interface, ways) : NULL;

	if (session)
		session->import = references_own(peer, proxy_object(proxy));
	if (session && session->import)
		return session;
	session_unref(session);
	error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	return NULL;
}

/* Whether the proxy's session is opened on the link that it came over: while there is that link, or
 * if there is no other way. */
static bool goes_by_import(const pyr_proxy *proxy)
{
	const struct reference *reference = proxy->is_reference ? proxy->reference : NULL;

	return reference && reference->import &&
	       (!reference->uri || peer_is_usable(reference->import->peer));
}

/* Follows the name. Returns false with the last error set, or if the name is shared: then the proxy
 * is one of a group. */
static bool find_uri(pyr_proxy *proxy, int64_t until, pyr_uri **ret)
{
	int err;

	proxy_follow_look(proxy, ret);
	if (*ret)
		return true;
	err = (proxy->is_member ? resolve : resolve_open)(proxy->uri, lookup_ms(until), ret);
	if (err > 0)
		group_become(proxy);
	else if (err == 0)
		proxy_follow(proxy);
	return err == 0;
}

/* Follows the name, finds a link, opens a session on it. NULL: there is none, or proxy->group. */
static struct session *find_session(pyr_proxy *proxy, const struct link_wish *wish,
				    struct session_ways *ways, int64_t until)
{
	struct session *session;
	struct uri_problem problem;
	struct peer *peer;
	pyr_uri *uri;

	if (goes_by_import(proxy))
		return session_of_import(proxy, ways);
	if (proxy_object(proxy))
		return session_of_object(proxy, ways);
	if (!find_uri(proxy, until, &uri))
		return NULL;
	peer = links_get(uri, wish, &problem);
	if (!peer) {
		error_set(problem.code, "%s", problem.text);
		pyr_uri_free(uri);
		return NULL;
	}
	session = session_new(peer, uri->object, proxy->interface, ways);
	atomic_store(&proxy->is_near, link_process_is(peer->link));
	pyr_uri_free(uri);
	if (!session) {
		links_put(peer);
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	return session;
}

/* in_chain: a link that goes away will do, as the call may be of a chain in flight there.
 * *ret_again: that one would not. */
static struct session *open_on(pyr_proxy *proxy, int64_t until, bool in_chain, bool *ret_again)
{
	struct session_ways *ways;
	struct session *session;
	struct link_wish wish;
	unsigned n_released;

	pthread_mutex_lock(&proxy->lock);
	n_released = proxy->n_released;
	ways = greet_ways(proxy, &wish);
	pthread_mutex_unlock(&proxy->lock);
	wish.in_chain = in_chain;
	session = find_session(proxy, &wish, ways, until);
	session_ways_unref(ways);
	if (!session || greet(proxy, session, until, n_released))
		return session;
	*ret_again = in_chain && peer_goes_away(session->peer);
	close_session(session, false);
	return NULL;
}

static struct session *open_session(pyr_proxy *proxy, int64_t until, bool in_chain)
{
	bool again = false;
	struct session *session = open_on(proxy, until, in_chain, &again);

	return again ? open_on(proxy, until, false, &again) : session;
}

/* Opens the session, for itself and all who come meanwhile. Called with the proxy's lock, which is
 * not held while the name is looked up. */
static void open_for_all(pyr_proxy *proxy, int64_t until, bool in_chain)
{
	unsigned n_released = proxy->n_released;
	struct session *session;

	proxy->is_opening = true;
	proxy->opener = pthread_self();
	proxy->opener_task = engine_fiber();
	pthread_mutex_unlock(&proxy->lock);
	session = open_session(proxy, until, in_chain);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_opening = false;
	/* That he was cancelled is not their failure. */
	proxy_wake(&proxy->waiting,
		   !session && !proxy->group && pyr_last_error()->code != PYR_CANCELLED);
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
	error_set(PYR_FAILED_PRECONDITION, "%s: on_handshake cannot use its own proxy",
		  proxy->uri->text);
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
static struct session *open_or_wait(pyr_proxy *proxy, int64_t until, bool in_chain)
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
	if (!proxy->session && !proxy->group)
		open_for_all(proxy, until, in_chain);
	if (proxy->session)
		session_ref(proxy->session);
	return proxy->session;
}

/* The one that was kept for calls of chains, NULL if there is none any more. With the proxy's lock.
 */
static struct session *going_away(pyr_proxy *proxy)
{
	struct session *going = proxy->going;

	if (!going || is_for_chains(going))
		return going;
	proxy->going = NULL;
	leave_session(going);
	return NULL;
}

struct session *proxy_session_until(pyr_proxy *proxy, int64_t until, bool again)
{
	struct session *session = NULL;
	bool in_chain = !again && outcall_chain();

	if (proxy_is_forked())
		return NULL;
	engine_catch_up(); /* its link may be gone: better known before a call has left */
	if (proxy_has_news(proxy) && !proxy->group)
		proxy_take_news(proxy);
	pthread_mutex_lock(&proxy->lock);
	if (proxy->going && (session = going_away(proxy)) && !in_chain)
		session = NULL;
	if (!session)
		session = proxy->session;
	if (session && !proxy->is_freed) {
		session_ref(session);
		pthread_mutex_unlock(&proxy->lock);
		return session;
	}
	if (proxy->group) {
		pthread_mutex_unlock(&proxy->lock);
		return group_session(proxy, until, again, false, NULL);
	}
	proxy_ref(proxy); /* it may be freed while this waits */
	session = open_or_wait(proxy, until, in_chain);
	pthread_mutex_unlock(&proxy->lock);
	if (!session && proxy->group) /* just now */
		session = group_session(proxy, until, again, false, NULL);
	proxy_unref(proxy);
	return session;
}

/* Opens another session on the link of one, of the thread's chain. Returns 0 or a status: the other
 * end refuses it. What on_handshake thinks of that end is known. */
static int bind_beside(pyr_proxy *proxy, const struct session *session, int64_t until,
		       struct session **ret)
{
	int64_t latest = engine_now() + (int64_t)proxy->wish.connect_timeout_ms * ENGINE_MS;
	struct session_ways *ways;
	struct session *asked;
	struct link_wish wish;
	char text[512];
	int code;

	if (!links_share(session->peer))
		return PYR_UNAVAILABLE;
	pthread_mutex_lock(&proxy->lock);
	ways = greet_ways(proxy, &wish);
	pthread_mutex_unlock(&proxy->lock);
	asked = session_new(session->peer, session->object, proxy->interface, ways);
	session_ways_unref(ways);
	if (asked && session->import)
		asked->import = import_ref(session->import);
	if (!asked) {
		links_put(session->peer);
		return PYR_RESOURCE_EXHAUSTED;
	}
	code = session_bind(asked, outcall_chain(), until < latest ? until : latest, text,
			    sizeof(text));
	if (code)
		close_session(asked, false);
	else
		*ret = asked;
	return code;
}

/* It is the one for calls of chains from now on: a reference is returned. NULL: the proxy was
 * released meanwhile. */
static struct session *keep_going(pyr_proxy *proxy, struct session *session, unsigned n_released)
{
	struct session *before = session;

	pthread_mutex_lock(&proxy->lock);
	if (proxy->n_released == n_released) {
		before = proxy->going;
		proxy->going = session;
		session_ref(session);
	}
	pthread_mutex_unlock(&proxy->lock);
	if (before != session) {
		if (before)
			leave_session(before);
		return session;
	}
	close_session(session, false);
	proxy_was_released(proxy);
	return NULL;
}

static struct session *ask_for_chain(pyr_proxy *proxy, struct session *session, int64_t until)
{
	struct session *asked;
	unsigned n_released;
	int code;

	pthread_mutex_lock(&proxy->lock);
	n_released = proxy->n_released;
	pthread_mutex_unlock(&proxy->lock);
	code = bind_beside(proxy, session, until, &asked);
	if (code == 0)
		return keep_going(proxy, asked, n_released);
	if (code == PYR_CANCELLED) { /* a task is told once */
		error_set(code, ENGINE_CANCELLED_TEXT);
		return NULL;
	}
	proxy_forget(proxy, session); /* another chain's calls may still be taken there */
	return proxy_session_until(proxy, until, true);
}

struct session *proxy_session_for_once(pyr_proxy *proxy, int64_t until, bool again)
{
	struct session *session = proxy_session_until(proxy, until, again), *asked;

	if (!session || again || !atomic_load(&session->peer->takes_chains) || !outcall_chain())
		return session;
	asked = ask_for_chain(proxy, session, until);
	session_unref(session);
	return asked;
}

struct session *proxy_session(pyr_proxy *proxy)
{
	return proxy_session_until(proxy, ENGINE_FOREVER, false);
}

struct session *proxy_session_that(pyr_proxy *proxy, bool (*is_well)(struct peer *peer))
{
	struct session *session;

	if (proxy->group)
		return group_any(proxy, is_well);
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
	return proxy_session_that(proxy, peer_is_usable);
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
	return engine_is_forked() ? NULL : proxy_session_that(proxy, is_connected);
}
