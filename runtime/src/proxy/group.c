/* SPDX-License-Identifier: MIT */
/*
 * Sessions of a group: which member takes a call, and those that are opened in other threads. The
 * group's lock is its proxy's; a member's own comes after it.
 */
#include "proxy/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "context/call_wish.h"
#include "exec/attempts.h"
#include "proxy/proxy_follow.h"
#include "proxy/proxy_session.h"

enum {
	FIRST_PAUSE_MS = 50,
	LAST_PAUSE_MS = 1000,
	SETTLE_MS = 200,
	OPENING_MAX = 16 /* members that one group opens at a time */
};

/* ---- up and down; with the lock ---- */

static void go_down(struct group *group, struct member *m)
{
	session_unref(m->session);
	m->session = NULL;
	m->due = engine_now() + (int64_t)FIRST_PAUSE_MS * ENGINE_MS;
	m->pause = (int64_t)FIRST_PAUSE_MS * ENGINE_MS;
	group->n_up--;
}

static int64_t settle_ms(const struct group *group)
{
	return group->kind ? group->kind->settle_ms : SETTLE_MS;
}

/* session: a reference, taken. */
static void go_up(struct group *group, struct member *m, struct session *session)
{
	if (group->n_up++ == 0)
		group->settle = engine_now() + settle_ms(group) * ENGINE_MS;
	m->session = session;
	pyr_error_free(m->error);
	m->error = NULL;
}

/* With the error in the thread's hand. */
static void stay_down(struct member *m)
{
	int64_t most = (int64_t)LAST_PAUSE_MS * ENGINE_MS;

	pyr_error_free(m->error);
	m->error = error_copy();
	if (m->pause == 0)
		m->pause = (int64_t)FIRST_PAUSE_MS * ENGINE_MS;
	m->due = engine_now() + m->pause;
	m->pause = m->pause < most / 2 ? 2 * m->pause : most;
}

/* ---- opening one; in a thread of attempts ---- */

/* What is left of a link that is gone. */
static void forget_old(pyr_proxy *proxy)
{
	struct session *session;

	pthread_mutex_lock(&proxy->lock);
	session = proxy->session;
	if (session)
		session_ref(session);
	pthread_mutex_unlock(&proxy->lock);
	if (session && !peer_is_usable(session->peer))
		proxy_forget(proxy, session);
	session_unref(session);
}

/* Returns a reference, or NULL with the last error set. */
static struct session *open_one(pyr_proxy *proxy)
{
	struct session *session;

	forget_old(proxy);
	if (pyr_proxy_bind(proxy) < 0)
		return NULL;
	session = proxy_open_session(proxy);
	if (!session)
		error_set(PYR_UNAVAILABLE, "ConnectionClosed: %s: the connection was lost at once",
			  proxy->uri->text);
	return session;
}

static void on_open(struct exec_job *job)
{
	struct member *m = (struct member *)((char *)job - offsetof(struct member, job));
	pyr_proxy *proxy = m->group;
	struct group *group = proxy->group;
	struct session *session;
	unsigned n_released;
	bool is_gone;

	pthread_mutex_lock(&proxy->lock);
	m->opener = pthread_self();
	n_released = proxy->n_released;
	pthread_mutex_unlock(&proxy->lock);
	attempts_begin_wait();
	session = open_one(m->proxy);
	attempts_end_wait();
	pthread_mutex_lock(&proxy->lock);
	m->is_opening = false;
	group->n_opening--;
	m->ended = ++group->ended;
	is_gone = m->is_gone;
	if (!session) {
		stay_down(m);
	} else if (!is_gone && !proxy->is_freed && n_released == proxy->n_released) {
		go_up(group, m, session);
		session = NULL;
	}
	proxy_wake(&proxy->waiting, false);
	pthread_mutex_unlock(&proxy->lock);
	if (session && !is_gone)
		pyr_proxy_release(m->proxy);
	session_unref(session);
	if (is_gone)
		group_drop_member(m);
	proxy_unref(proxy);
}

/* With the lock. */
static void open_in_background(pyr_proxy *proxy, struct member *m)
{
	struct group *group = proxy->group;

	if (m->session || m->is_opening || group->n_opening == OPENING_MAX || !attempts_start())
		return;
	m->is_opening = true;
	m->opener = (pthread_t){ 0 };
	group->n_opening++;
	proxy_ref(proxy);
	m->job.run = on_open;
	attempts_post(&m->job);
}

/* ---- which one; with the lock ---- */

static uint64_t load(const struct member *m)
{
	return atomic_load_explicit(&m->session->n_calls, memory_order_relaxed);
}

/* How well a member suits; the least is taken. at: its place, from the one whose turn it is. */
static uint64_t cost(struct group *group, const struct member *m, unsigned at, const char *key)
{
	if (key)
		return hash_mix(hash_more(m->hash, key, strlen(key)));
	if (group->pick == PYR_PICK_RANDOM)
		return group->random = hash_mix(group->random + UINT64_C(0x9e3779b97f4a7c15));
	if (group->pick == PYR_PICK_ROUND_ROBIN)
		return at;
	return load(m) * GROUP_MAX + at;
}

static struct member *choose(struct group *group, const char *key)
{
	unsigned at, i = 0;
	uint64_t least = UINT64_MAX, its;
	struct member *m, *best = NULL;
	unsigned n = group->n_members, best_at = 0;

	for (m = group->members; m; m = m->next, i++) {
		at = (i + n - group->turn % n) % n;
		if (!m->session || (its = cost(group, m, at, key)) > least)
			continue;
		best = m;
		least = its;
		best_at = i;
	}
	if (best && !key)
		group->turn = best_at + 1;
	return best;
}

/* Its name leads elsewhere: it is to be opened there. */
static bool has_moved(struct member *m)
{
	struct session *session;

	if (!proxy_has_news(m->proxy))
		return false;
	proxy_take_news(m->proxy);
	session = proxy_open_session(m->proxy);
	session_unref(session);
	return session != m->session;
}

/* A new reference; NULL: none is up. */
static struct session *pick(struct group *group, const char *key)
{
	struct member *m;

	while ((m = choose(group, key))) {
		if (has_moved(m)) {
			go_down(group, m);
			m->due = m->pause = 0;
		} else if (peer_is_usable(m->session->peer)) {
			break;
		} else {
			go_down(group, m);
		}
	}
	if (!m)
		return NULL;
	session_ref(m->session);
	return m->session;
}

/* Those that are down and due; the names, if they are. */
static void look_around(pyr_proxy *proxy)
{
	struct group *group = proxy->group;
	struct member *m;
	int64_t now;

	if (group->n_up == group->n_members && !group->is_named)
		return;
	now = engine_now();
	for (m = group->members; m && group->n_members > 1; m = m->next)
		if (!m->session && now >= m->due)
			open_in_background(proxy, m);
	if (group->is_named && now >= group->next_look &&
	    !follow_is_live(atomic_load(&proxy->follow)))
		group_look(proxy);
}

/* ---- none is up; with the lock ---- */

static bool is_opener(pyr_proxy *proxy)
{
	struct member *m;

	for (m = proxy->group->members; m; m = m->next)
		if (m->is_opening && pthread_equal(m->opener, pthread_self())) {
			error_set(PYR_FAILED_PRECONDITION,
				  "%s: on_handshake cannot use its own proxy", proxy->uri->text);
			return true;
		}
	return false;
}

/* Whether there is something to wait for: what has not been tried since the group counted to
 * `since`. */
static bool try_all(pyr_proxy *proxy, unsigned since)
{
	struct group *group = proxy->group;
	struct member *m;
	bool waits;

	if (group->is_named && group->look_ended <= since)
		group_look(proxy);
	waits = group->is_looking;
	for (m = group->members; m; m = m->next) {
		if (m->ended <= since && group->n_members > 1)
			open_in_background(proxy, m);
		waits |= m->is_opening;
	}
	return waits;
}

/* Why there is none: as the last one that was tried, or the look-up of the names. */
static void explain(pyr_proxy *proxy)
{
	struct group *group = proxy->group;
	const pyr_error *error = group->n_members ? NULL : group->look_error;
	struct error_info info = { 0 };
	unsigned ended = 0;
	struct member *m;
	char text[1200];

	for (m = group->members; m; m = m->next)
		if (m->error && m->ended >= ended) {
			error = m->error;
			ended = m->ended;
		}
	if (!error) {
		error_set(PYR_RESOURCE_EXHAUSTED, "%s: no memory or thread to open a connection",
			  proxy->uri->text);
		return;
	}
	snprintf(text, sizeof(text), "%s%s", error->message,
		 group->n_members > 1 ? " (and none of the others can be called)" : "");
	info.code = error->code;
	info.message = text;
	info.object = error->object;
	info.address = error->address;
	error_set_info(&info);
}

static bool has_trouble(pyr_proxy *proxy)
{
	struct group *group = proxy->group;

	return group->kind && group->kind->trouble(group->data) < 0;
}

/* Returns false with the last error set. */
static bool wait(pyr_proxy *proxy, int64_t until, int64_t settle)
{
	unsigned n_released = proxy->n_released;
	struct proxy_waiter self;
	int woken;

	if (has_trouble(proxy))
		return false;
	woken = proxy_wait(proxy, &proxy->waiting, &self, settle < until ? settle : until);
	if (woken < 0)
		error_set(PYR_CANCELLED, ENGINE_CANCELLED_TEXT);
	else if (proxy->is_freed || n_released != proxy->n_released)
		proxy_was_released(proxy);
	else if (!woken && engine_now() >= until)
		error_set(PYR_DEADLINE_EXCEEDED, "TimeoutError: %s was not found in time",
			  proxy->uri->text);
	else
		return true;
	return false;
}

/* Not all have been tried, and the first has come up just now. */
static bool is_settling(const struct group *group)
{
	return group->n_up > 0 && group->n_opening > 0 && engine_now() < group->settle;
}

/* Called with the lock, which is dropped meanwhile. */
static struct session *lone_session(pyr_proxy *proxy, int64_t until, bool again, bool once)
{
	pyr_proxy *lone = proxy->group->members->proxy;
	struct session *session;

	proxy_ref(lone);
	pthread_mutex_unlock(&proxy->lock);
	session = once ? proxy_session_for_once(lone, until, again)
		       : proxy_session_until(lone, until, again);
	pthread_mutex_lock(&proxy->lock);
	proxy_unref(lone);
	return session;
}

static bool is_connected(struct member *m)
{
	struct session *session = proxy_open_session(m->proxy);

	session_unref(session);
	return session;
}

/* With the lock, which it may drop meanwhile. */
static struct session *find(pyr_proxy *proxy, int64_t until, bool again, bool once, const char *key)
{
	struct group *group = proxy->group;
	unsigned since = group->ended;
	struct session *session;

	for (;;) {
		if (proxy_has_news(proxy))
			group_take_news(proxy);
		if (proxy->is_freed) {
			proxy_was_released(proxy);
			return NULL;
		}
		if (group->n_members == 1 && !group->members->is_opening &&
		    (!group->is_named || group->look_ended > since ||
		     is_connected(group->members))) {
			look_around(proxy);
			return lone_session(proxy, until, again, once);
		}
		if (!is_settling(group) && (session = pick(group, key))) {
			look_around(proxy);
			return session;
		}
		if (is_opener(proxy))
			return NULL;
		if (!is_settling(group) && !try_all(proxy, since)) {
			if (!has_trouble(proxy))
				explain(proxy);
			return NULL;
		}
		if (!wait(proxy, until, is_settling(group) ? group->settle : ENGINE_FOREVER))
			return NULL;
	}
}

/* ---- what others see ---- */

struct session *group_session(pyr_proxy *proxy, int64_t until, bool again, bool once,
			      const char *key)
{
	struct session *session;

	if (proxy_is_forked())
		return NULL;
	engine_catch_up();
	proxy_ref(proxy); /* it may be freed while this waits */
	pthread_mutex_lock(&proxy->lock);
	session = find(proxy, until, again, once, key);
	pthread_mutex_unlock(&proxy->lock);
	proxy_unref(proxy);
	return session;
}

struct session *group_any(pyr_proxy *proxy, bool (*is_well)(struct peer *peer))
{
	struct session *session = NULL;
	struct member *m;

	pthread_mutex_lock(&proxy->lock);
	for (m = proxy->group->members; m && !session; m = m->next)
		session = proxy_session_that(m->proxy, is_well);
	pthread_mutex_unlock(&proxy->lock);
	return session;
}

/* The member's proxy, a new reference; NULL: it is of none. With the lock. */
static pyr_proxy *proxy_of(pyr_proxy *proxy, const struct session *session, struct member **ret)
{
	struct group *group = proxy->group;
	struct member *m;

	for (m = group->members; m && m->session != session && group->n_members > 1; m = m->next)
		;
	*ret = m;
	if (!m)
		return NULL;
	proxy_ref(m->proxy);
	return m->proxy;
}

void group_forget(pyr_proxy *proxy, struct session *session)
{
	struct member *m;
	pyr_proxy *its;

	pthread_mutex_lock(&proxy->lock);
	its = proxy_of(proxy, session, &m);
	if (m && m->session == session)
		go_down(proxy->group, m);
	pthread_mutex_unlock(&proxy->lock);
	if (!its)
		return;
	proxy_forget(its, session);
	proxy_unref(its);
}

pyr_proxy *group_proxy_of(pyr_proxy *proxy, const struct session *session)
{
	struct member *m;
	pyr_proxy *its;

	pthread_mutex_lock(&proxy->lock);
	its = proxy_of(proxy, session, &m);
	pthread_mutex_unlock(&proxy->lock);
	if (its)
		return its;
	proxy_ref(proxy);
	return proxy;
}

/* All there are: references. Returns how many. */
static size_t all_proxies(pyr_proxy *proxy, pyr_proxy **ret)
{
	struct member *m;
	size_t n = 0;

	pthread_mutex_lock(&proxy->lock);
	for (m = proxy->group->members; m; m = m->next) {
		if (m->session) {
			go_down(proxy->group, m);
			m->due = 0;
		}
		proxy_ref(m->proxy);
		ret[n++] = m->proxy;
	}
	pthread_mutex_unlock(&proxy->lock);
	return n;
}

void group_release(pyr_proxy *proxy, bool keep_streams)
{
	pyr_proxy *all[GROUP_MAX];
	size_t i, n = all_proxies(proxy, all);

	for (i = 0; i < n; i++) {
		proxy_release(all[i], keep_streams);
		proxy_unref(all[i]);
	}
}

unsigned group_size(pyr_proxy *proxy)
{
	unsigned n;

	pthread_mutex_lock(&proxy->lock);
	n = proxy->group->n_members;
	pthread_mutex_unlock(&proxy->lock);
	return n;
}
