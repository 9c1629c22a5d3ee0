/* SPDX-License-Identifier: MIT */
#include "proxy/proxy_follow.h"

#include <string.h>

#include "engine/engine.h"
#include "proxy/proxy_session.h"

enum { FIRST_PAUSE_MS = 50, LAST_PAUSE_MS = 1000 };

static const struct follow_kind *kind; /* set once, before any proxy is made */

void proxy_set_follow(const struct follow_kind *given)
{
	kind = given;
}

bool follow_pace_allows(struct follow_pace *pace)
{
	int64_t now = engine_now(), most = (int64_t)LAST_PAUSE_MS * ENGINE_MS;

	if (now < pace->next)
		return false;
	if (now > pace->next + most || pace->pause == 0)
		pace->pause = (int64_t)FIRST_PAUSE_MS * ENGINE_MS;
	else
		pace->pause = pace->pause < most / 2 ? 2 * pace->pause : most;
	pace->next = now + pace->pause;
	return true;
}

void proxy_follow(pyr_proxy *proxy)
{
	struct follow *follow, *none = NULL;

	if (!kind || proxy->uri->scheme == PYR_URI_PYRO || proxy->wish.visitor ||
	    atomic_load(&proxy->follow))
		return;
	follow = kind->begin(proxy->uri);
	if (follow && !atomic_compare_exchange_strong(&proxy->follow, &none, follow))
		kind->end(follow);
}

void proxy_follow_end(struct follow *follow)
{
	if (follow)
		kind->end(follow);
}

bool follow_list(struct follow *follow, uint64_t seed, struct group_uris *ret)
{
	return follow_is_live(follow) && kind->list(follow, seed, ret);
}

void proxy_follow_look(pyr_proxy *proxy, pyr_uri **ret)
{
	struct follow *follow = atomic_load(&proxy->follow);
	pyr_uri *uri = NULL;
	bool is_moving;

	*ret = NULL;
	if (!follow)
		return;
	atomic_store(&proxy->follow_seen, follow_version(follow));
	pthread_mutex_lock(&proxy->lock);
	is_moving = proxy->is_moving;
	proxy->is_moving = false;
	pthread_mutex_unlock(&proxy->lock);
	if (!is_moving || !follow_is_live(follow) || kind->told(follow, &uri) != FOLLOW_ONE)
		return;
	if (uri->scheme == PYR_URI_PYRO)
		*ret = uri;
	else
		pyr_uri_free(uri); /* a name that leads to a name is looked up */
}

/* Whether the session is on what the uri says. */
static bool is_there(const struct session *session, const pyr_uri *uri)
{
	char address[URI_TARGET_MAX];

	return uri->scheme == PYR_URI_PYRO && strcmp(session->object, uri->object) == 0 &&
	       uri_address(uri, 0, address, sizeof(address)) == 0 && session->peer->shared.key &&
	       strcmp(session->peer->shared.key, address) == 0;
}

bool follow_may_move(const char *address, const pyr_uri *to)
{
	return !to->socket[0] || uri_is_local(address);
}

/* Whether the session is to be given up. A name that is gone leaves it where it is. */
static bool leads_elsewhere(const struct session *session, struct follow *follow)
{
	pyr_uri *uri = NULL;
	enum follow_told told = kind->told(follow, &uri);
	const char *key = session->peer->shared.key ? session->peer->shared.key : "";
	bool is_elsewhere = told == FOLLOW_MANY || (told == FOLLOW_ONE && !is_there(session, uri) &&
						    follow_may_move(key, uri));

	pyr_uri_free(uri);
	return is_elsewhere;
}

void proxy_take_news(pyr_proxy *proxy)
{
	struct follow *follow = atomic_load(&proxy->follow);
	unsigned version = follow_version(follow);
	struct session *session;
	bool moves, waits;

	pthread_mutex_lock(&proxy->lock);
	waits = engine_now() < proxy->pace.next;
	session = waits ? NULL : proxy->session;
	if (session)
		session_ref(session);
	pthread_mutex_unlock(&proxy->lock);
	if (waits)
		return; /* a later call looks */
	if (session && leads_elsewhere(session, follow)) {
		pthread_mutex_lock(&proxy->lock);
		moves = proxy->session == session && follow_pace_allows(&proxy->pace);
		proxy->is_moving |= moves;
		pthread_mutex_unlock(&proxy->lock);
		if (!moves) {
			session_unref(session);
			return;
		}
		proxy_forget(proxy, session);
	}
	/* one that is not told of a session looks the name up anyway */
	atomic_store(&proxy->follow_seen, version);
	session_unref(session);
}
