/* SPDX-License-Identifier: MIT */
/*
 * Calls that no thread waits for, between two attempts: in one list of their proxy while they
 * pause, in another while they want a session. One job for each proxy, in a thread of attempts,
 * looks its session up for all of those together; so a name that is not found takes one thread.
 */
#include "proxy/proxy.h"

#include "base/error.h"
#include "exec/attempts.h"
#include "proxy/group.h"
#include "proxy/proxy_session.h"

static void put_in(struct proxy_later *later, struct proxy_later **list)
{
	later->next = *list;
	later->link = list;
	if (*list)
		(*list)->link = &later->next;
	*list = later;
}

static void take_out(struct proxy_later *later)
{
	*later->link = later->next;
	if (later->next)
		later->next->link = later->link;
}

/* Those that became due first are first again. *is_wanted: one of them is not over. */
static struct proxy_later *take_due(pyr_proxy *proxy, bool *is_wanted)
{
	struct proxy_later *all, *later, *ret = NULL;

	pthread_mutex_lock(&proxy->lock);
	all = proxy->due;
	proxy->due = NULL;
	pthread_mutex_unlock(&proxy->lock);
	*is_wanted = false;
	while ((later = all)) {
		all = later->next;
		*is_wanted |= !atomic_load(&later->is_over);
		later->next = ret;
		ret = later;
	}
	return ret;
}

/* For its name to be looked up, or for the other end to answer before on_handshake is asked. */
static bool waits_for_session(pyr_proxy *proxy)
{
	bool waits;

	pthread_mutex_lock(&proxy->lock);
	waits = proxy->uri->scheme != PYR_URI_PYRO || (proxy->ways && proxy->ways->on_handshake);
	pthread_mutex_unlock(&proxy->lock);
	return waits;
}

static struct session *find_session(pyr_proxy *proxy)
{
	struct session *session;

	if (!waits_for_session(proxy))
		return proxy_session(proxy);
	attempts_begin_wait();
	session = proxy_session(proxy);
	attempts_end_wait();
	return session;
}

static void post_due(pyr_proxy *proxy);

/* One session for all of them. */
static void go_together(pyr_proxy *proxy, struct proxy_later *due, bool is_wanted)
{
	struct session *session = is_wanted ? find_session(proxy) : NULL;
	struct proxy_later *next;

	for (; due; due = next) {
		next = due->next;
		if (session)
			session_ref(session);
		due->go(due, session);
	}
	session_unref(session);
}

/* Of a group: one for each. If there is none for the first, the others get none either. */
static void spread(pyr_proxy *proxy, struct proxy_later *due)
{
	struct session *session;
	struct proxy_later *next;
	pyr_error *error = NULL;

	attempts_begin_wait();
	for (; due; due = next) {
		next = due->next;
		session = NULL;
		if (!error && !atomic_load(&due->is_over))
			session =
				group_session(proxy, ENGINE_FOREVER, true, false, due->terms->key);
		if (error)
			error_restore(error);
		if (error || (!session && !atomic_load(&due->is_over)))
			error = error_copy();
		due->go(due, session);
	}
	pyr_error_free(error);
	attempts_end_wait();
}

static void on_due(struct exec_job *job)
{
	pyr_proxy *proxy = (pyr_proxy *)((char *)job - offsetof(pyr_proxy, due_job));
	struct proxy_later *due;
	bool is_wanted;

	due = take_due(proxy, &is_wanted);
	if (proxy->group)
		spread(proxy, due);
	else
		go_together(proxy, due, is_wanted);
	pthread_mutex_lock(&proxy->lock);
	proxy->is_due_posted = false;
	post_due(proxy); /* for those that came meanwhile */
	pthread_mutex_unlock(&proxy->lock);
	proxy_unref(proxy);
}

/* With the proxy's lock. */
static void post_due(pyr_proxy *proxy)
{
	if (!proxy->due || proxy->is_due_posted)
		return;
	proxy->is_due_posted = true;
	proxy_ref(proxy);
	proxy->due_job.run = on_due;
	attempts_post(&proxy->due_job);
}

void proxy_later_pause(pyr_proxy *proxy, struct proxy_later *later)
{
	put_in(later, &proxy->pausing_later);
}

void proxy_later_want(pyr_proxy *proxy, struct proxy_later *later, bool pauses)
{
	pthread_mutex_lock(&proxy->lock);
	if (pauses)
		take_out(later);
	put_in(later, &proxy->due);
	post_due(proxy);
	pthread_mutex_unlock(&proxy->lock);
}
