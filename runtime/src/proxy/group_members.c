/* SPDX-License-Identifier: MIT */
/* The members of a group: as its proxy was told, or as the name server has them by now. */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "exec/attempts.h"
#include "proxy/group.h"
#include "proxy/proxy_follow.h"
#include "proxy/proxy_session.h"

enum { LOOK_MS = 1000 };

static group_lister *list_uris; /* set once, before any proxy is made */

void group_set_lister(group_lister *lister)
{
	list_uris = lister;
}

static group_finder *_Atomic find_members;

void group_set_finder(group_finder *finder)
{
	atomic_store(&find_members, finder);
}

/* ---- members ---- */

struct member *group_new_member(pyr_proxy *proxy, const char *uri)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m) {
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	m->group = proxy;
	m->proxy = proxy_like_at(proxy, proxy->interface->table, uri);
	if (m->proxy) {
		m->proxy->is_member = true;
		m->hash = hash_more(HASH_START, m->proxy->uri->text, strlen(m->proxy->uri->text));
		return m;
	}
	free(m);
	return NULL;
}

void group_drop_member(struct member *m)
{
	proxy_leave(m->proxy);
	session_unref(m->session);
	root_remove(&m->proxy->root);
	proxy_unref(m->proxy);
	pyr_error_free(m->error);
	free(m);
}

/* With the lock, or before others know the proxy. */
static void add(struct group *group, struct member *m)
{
	struct member **at = &group->members;

	while (*at)
		at = &(*at)->next;
	*at = m;
	group->n_members++;
}

static struct member *find(const struct group *group, const char *uri)
{
	struct member *m;

	for (m = group->members; m && strcmp(m->proxy->uri->text, uri) != 0; m = m->next)
		;
	return m;
}

/* ---- what a PYROMETA or a shared name leads to ---- */

/* Takes those out that are not listed any more. Returns those that nobody opens just now. With the
 * lock. */
static struct member *take_out(struct group *group, bool spares_those_up, bool *changes)
{
	struct member **at = &group->members, *m, *out = NULL;

	while ((m = *at)) {
		if (m->is_listed || (spares_those_up && m->session)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		*changes = true;
		group->n_members--;
		group->n_up -= m->session != NULL;
		m->is_gone = true;
		if (m->is_opening)
			continue;
		m->next = out;
		out = m;
	}
	return out;
}

/* One that is not a member yet. Returns whether it has become one. */
static bool add_new(pyr_proxy *proxy, const char *uri)
{
	struct group *group = proxy->group;
	struct member *m, *fresh;

	pthread_mutex_lock(&proxy->lock);
	if ((m = find(group, uri)))
		m->is_listed = true;
	pthread_mutex_unlock(&proxy->lock);
	if (m || !(fresh = group_new_member(proxy, uri)))
		return false;
	fresh->is_listed = true;
	pthread_mutex_lock(&proxy->lock);
	add(group, fresh);
	pthread_mutex_unlock(&proxy->lock);
	return true;
}

/* Members are added and taken out here alone, by one thread at a time. A name server that has none
 * may have lost its names: those that are up stay. Returns whether there are others now. */
static bool apply(pyr_proxy *proxy, const struct group_uris *uris)
{
	struct group *group = proxy->group;
	struct member *m, *out;
	bool changes = false;
	size_t i;

	pthread_mutex_lock(&proxy->lock);
	for (m = group->members; m; m = m->next)
		m->is_listed = false;
	pthread_mutex_unlock(&proxy->lock);
	for (i = 0; i < uris->n; i++)
		changes |= add_new(proxy, uris->items[i]);
	pthread_mutex_lock(&proxy->lock);
	out = take_out(group, uris->n == 0, &changes);
	pthread_mutex_unlock(&proxy->lock);
	while ((m = out)) {
		out = m->next;
		group_drop_member(m);
	}
	return changes;
}

static void free_uris(struct group_uris *uris)
{
	while (uris->n > 0)
		free(uris->items[--uris->n]);
}

/* With the lock: the members are as of now. error: owned. */
static void end_look(pyr_proxy *proxy, unsigned version, pyr_error *error)
{
	struct group *group = proxy->group;

	pyr_error_free(group->look_error);
	group->look_error = error;
	group->is_looking = false;
	group->look_ended = ++group->ended;
	group->next_look = engine_now() + (int64_t)LOOK_MS * ENGINE_MS;
	atomic_store(&proxy->follow_seen, version);
	proxy_wake(&proxy->waiting, false);
}

void group_take_news(pyr_proxy *proxy)
{
	struct follow *follow = atomic_load(&proxy->follow);
	struct group *group = proxy->group;
	struct group_uris uris = { .n = 0 };
	unsigned version = follow_version(follow);
	struct follow_pace before = proxy->pace;
	bool is_known, changes = false;

	if (!group->is_named || group->is_looking || !follow_pace_allows(&proxy->pace))
		return;
	group->is_looking = true;
	pthread_mutex_unlock(&proxy->lock);
	is_known = follow_list(follow, group->seed, &uris) && uris.n > 0;
	if (is_known)
		changes = apply(proxy, &uris);
	free_uris(&uris);
	pthread_mutex_lock(&proxy->lock);
	if (is_known && !changes)
		proxy->pace = before;
	if (is_known) {
		end_look(proxy, version, NULL);
	} else {
		group->is_looking = false;
		group_look(proxy);
	}
}

static uint32_t lookup_ms(void)
{
	return config_number(CONFIG_LOOKUP_TIMEOUT_MS);
}

static void on_look(struct exec_job *job)
{
	struct group *group = (struct group *)((char *)job - offsetof(struct group, look_job));
	pyr_proxy *proxy = group->proxy;
	struct group_uris uris = { .n = 0 };
	unsigned version = follow_version(atomic_load(&proxy->follow));
	int err;

	attempts_begin_wait();
	err = list_uris(proxy->uri, lookup_ms(), group->seed, &uris);
	attempts_end_wait();
	if (err == 0 || err == -PYR_NOT_FOUND)
		(void)apply(proxy, &uris);
	free_uris(&uris);
	if (err == 0)
		proxy_follow(proxy);
	pthread_mutex_lock(&proxy->lock);
	end_look(proxy, version, err < 0 ? error_copy() : NULL);
	pthread_mutex_unlock(&proxy->lock);
	proxy_unref(proxy);
}

void group_look(pyr_proxy *proxy)
{
	struct group *group = proxy->group;

	if (group->is_looking || !attempts_start())
		return;
	group->is_looking = true;
	proxy_ref(proxy);
	group->look_job.run = on_look;
	attempts_post(&group->look_job);
}

/* ---- the group ---- */

static bool add_given(pyr_proxy *proxy, const char *uri)
{
	struct member *m;

	if (!uri) {
		error_missing("others");
		return false;
	}
	if (!(m = group_new_member(proxy, uri)))
		return false;
	if (m->proxy->uri->scheme != PYR_URI_PYROMETA && !find(proxy->group, m->proxy->uri->text)) {
		add(proxy->group, m);
		return true;
	}
	error_set(PYR_INVALID_ARGUMENT, "%s: %s", m->proxy->uri->text,
		  m->proxy->uri->scheme == PYR_URI_PYROMETA
			  ? "a PYROMETA cannot have others beside it"
			  : "it is given twice");
	pyr__proxy_free(m->proxy);
	free(m);
	return false;
}

static bool add_all(pyr_proxy *proxy, const struct pyr_proxy_options *options)
{
	size_t i;

	if (options->n_others >= GROUP_MAX) {
		error_set(PYR_INVALID_ARGUMENT, "a proxy stands for at most %d objects", GROUP_MAX);
		return false;
	}
	if (!add_given(proxy, proxy->uri->text))
		return false;
	for (i = 0; i < options->n_others; i++)
		if (!add_given(proxy, options->others[i]))
			return false;
	return true;
}

static struct group *new_group(pyr_proxy *proxy, bool is_named)
{
	struct group *group = calloc(1, sizeof(*group));

	if (!group) {
		error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	group->pick = proxy->pick;
	group->is_named = is_named;
	group->proxy = proxy;
	(void)random_bytes((uint8_t *)&group->random, sizeof(group->random));
	group->seed = group->random;
	pthread_mutex_lock(&proxy->lock);
	proxy->group = group;
	pthread_mutex_unlock(&proxy->lock);
	return group;
}

void group_become(pyr_proxy *proxy)
{
	(void)new_group(proxy, true);
}

/* What the finder says of the proxy's URI, as a group. *ret: whether it could be made. Returns
 * false if that is an ordinary one. */
static bool find_kind(pyr_proxy *proxy, bool *ret)
{
	group_finder *finder = atomic_load(&find_members);
	struct group_uris uris = { .n = 0 };
	const struct group_kind *found;
	struct group *group;
	void *data;
	size_t i;

	if (!finder || proxy->uri->scheme != PYR_URI_PYRO ||
	    !(found = finder(proxy->uri, &uris, &data)))
		return false;
	group = new_group(proxy, false);
	*ret = group;
	if (group) {
		group->kind = found;
		group->data = data;
	} else {
		found->drop(data);
	}
	for (i = 0; i < uris.n; i++) {
		if (*ret && !uris.items[i])
			error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
		*ret = *ret && uris.items[i] && add_given(proxy, uris.items[i]);
		free(uris.items[i]);
	}
	return true;
}

bool group_init(pyr_proxy *proxy, const struct pyr_proxy_options *options)
{
	bool ok = true;

	if ((unsigned)options->pick > PYR_PICK_RANDOM) {
		error_set(PYR_INVALID_ARGUMENT, "pick is %d, which is not an enum pyr_pick",
			  (int)options->pick);
		return false;
	}
	if (options->n_others > 0 && proxy->uri->scheme == PYR_URI_PYROMETA) {
		error_set(PYR_INVALID_ARGUMENT, "%s: a PYROMETA cannot have others beside it",
			  proxy->uri->text);
		return false;
	}
	proxy->pick = options->pick;
	if (find_kind(proxy, &ok))
		return ok;
	if (proxy->uri->scheme == PYR_URI_PYROMETA)
		return new_group(proxy, true);
	if (!options->others || options->n_others == 0)
		return true;
	return new_group(proxy, false) && add_all(proxy, options);
}

void group_free(pyr_proxy *proxy)
{
	struct group *group = proxy->group;
	struct member *m;

	if (!group)
		return;
	while ((m = group->members)) {
		group->members = m->next;
		session_unref(m->session);
		pyr__proxy_free(m->proxy);
		pyr_error_free(m->error);
		free(m);
	}
	pyr_error_free(group->look_error);
	if (group->kind)
		group->kind->drop(group->data);
	free(group);
	proxy->group = NULL;
}

void group_options(pyr_proxy *proxy, struct pyr_proxy_options *options, const char **others)
{
	struct group *group = proxy->group;
	struct member *m;

	if (group->is_named || group->kind)
		return;
	options->others = others;
	for (m = group->members->next; m; m = m->next) /* which are constant */
		others[options->n_others++] = m->proxy->uri->text;
}

void group_set_tls(pyr_proxy *proxy)
{
	struct member *m;

	for (m = proxy->group->members; m; m = m->next) {
		proxy_set_tls(m->proxy, proxy->wish.tls, proxy->wish.only_tcp);
		proxy_set_keys(m->proxy, proxy->wish.keys, proxy->wish.has_no_key);
	}
}

void group_set_ways(pyr_proxy *proxy, struct session_ways *ways)
{
	struct session_ways *before;
	struct member *m;

	pthread_mutex_lock(&proxy->lock);
	for (m = proxy->group->members; m; m = m->next) {
		pthread_mutex_lock(&m->proxy->lock);
		before = m->proxy->ways;
		m->proxy->ways = session_ways_ref(ways);
		pthread_mutex_unlock(&m->proxy->lock);
		session_ways_unref(before);
	}
	pthread_mutex_unlock(&proxy->lock);
}
