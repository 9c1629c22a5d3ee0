/* SPDX-License-Identifier: MIT */
#include "naming/naming_follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/config.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/engine.h"
#include "naming/naming_calls.h"
#include "naming/naming_rank.h"
#include "naming/naming_servers.h"

enum { TAGS = 16 };

/* A registration. */
struct item {
	char *name, *uri; /* one block, owned: uri lies in it */
	bool is_shared;
};

struct followed {
	struct follow follow; /* first */
	struct engine_timer timer;
	pyr_uri *uri;
	char *address; /* of the name servers; owned, as the uri */
	/* the lock: */
	struct followed *next;
	unsigned n_users;
	unsigned refs;                 /* the list's, and the watcher's */
	bool is_beginning, is_refused; /* the watcher is being made; and has heard so */
	pyr_ns_watcher *watcher;
	struct item *items;
	size_t n, room, n_bytes;
	uint64_t digest, told; /* of the items, and as they were when `version` was counted */
	bool is_too_much;
};

static struct {
	pthread_mutex_t lock;
	struct followed *first;
	unsigned n;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what is known; with the lock ---- */

static uint64_t hash_of(const char *name, const char *uri, bool is_shared)
{
	uint64_t hash = hash_more(HASH_START, name, strlen(name) + 1);

	hash = hash_more(hash, uri, strlen(uri) + 1);
	return hash_more(hash, is_shared ? "s" : "a", 1);
}

static size_t bytes_of(const char *name, const char *uri)
{
	return strlen(name) + strlen(uri) + 2;
}

static void drop_item(struct followed *f, size_t at)
{
	struct item *item = &f->items[at];

	f->digest ^= hash_of(item->name, item->uri, item->is_shared);
	f->n_bytes -= bytes_of(item->name, item->uri);
	free(item->name);
	*item = f->items[--f->n];
}

static void drop_all(struct followed *f)
{
	while (f->n > 0)
		drop_item(f, f->n - 1);
	f->is_too_much = false;
}

/* What a registration replaces: one of its uri; unless both are shared, all of its name. */
static void drop_replaced(struct followed *f, const struct pyr_ns_event *event)
{
	size_t i = 0;

	while (i < f->n)
		if (strcmp(f->items[i].name, event->name) == 0 &&
		    (!event->shared || !f->items[i].is_shared ||
		     strcmp(f->items[i].uri, event->uri) == 0))
			drop_item(f, i);
		else
			i++;
}

static void put_item(struct followed *f, const struct pyr_ns_event *event)
{
	size_t n = strlen(event->name) + 1, bytes = bytes_of(event->name, event->uri);
	char *text;

	if (f->is_too_much)
		return;
	drop_replaced(f, event);
	text = f->n < FOLLOW_ITEMS && f->n_bytes + bytes <= FOLLOW_BYTES &&
			       array_reserve(&f->items, &f->room, f->n + 1, sizeof(f->items[0]))
		       ? malloc(bytes)
		       : NULL;
	if (!text) {
		drop_all(f);
		f->is_too_much = true;
		return;
	}
	f->items[f->n++] = (struct item){ memcpy(text, event->name, n),
					  strcpy(text + n, event->uri), event->shared };
	f->n_bytes += bytes;
	f->digest ^= hash_of(event->name, event->uri, event->shared);
}

static void take_out(struct followed *f, const struct pyr_ns_event *event)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->items[i].name, event->name) == 0 &&
		    strcmp(f->items[i].uri, event->uri) == 0) {
			drop_item(f, i);
			return;
		}
}

/* What was told is all there is. */
static void be_known(struct followed *f, bool is_live)
{
	if (is_live && f->digest != f->told) {
		f->told = f->digest;
		atomic_fetch_add(&f->follow.version, 1);
	}
	atomic_store(&f->follow.is_live, is_live && !f->is_too_much);
}

/* ---- watching ---- */

static void set_timer(struct followed *f, int64_t ms)
{
	if (engine_timer_set(&f->timer, engine_now() + ms * ENGINE_MS) < 0)
		log_line(PYR_LOG_WARNING, "%s is not followed: out of memory", f->uri->text);
}

static void unref(struct followed *f)
{
	bool is_last;

	pthread_mutex_lock(&all.lock);
	is_last = --f->refs == 0;
	pthread_mutex_unlock(&all.lock);
	if (!is_last)
		return;
	drop_all(f);
	free(f->items);
	free(f->address);
	pyr_uri_free(f->uri);
	free(f);
}

/* The watcher is gone. */
static void on_gone(void *data)
{
	unref(data);
}

/* It has ended with the last error. Returns whether it is of no use to go on. */
static bool is_refused(void)
{
	switch (pyr_last_error()->code) {
	case PYR_UNAVAILABLE:
	case PYR_DEADLINE_EXCEEDED:
	case PYR_CANCELLED:
	case PYR_INTERNAL:
		return false;
	default:
		return true;
	}
}

/* Takes the watcher, which is to be left. With the lock. */
static pyr_ns_watcher *give_up(struct followed *f)
{
	pyr_ns_watcher *watcher = f->watcher;

	f->watcher = NULL;
	be_known(f, false);
	return watcher;
}

/* In the watcher's thread. */
static void on_event(const struct pyr_ns_event *event, void *data)
{
	struct followed *f = data;
	bool is_live = atomic_load(&f->follow.is_live);
	pyr_ns_watcher *refused = NULL;

	pthread_mutex_lock(&all.lock);
	if (event->kind == PYR_NS_RESYNC) {
		be_known(f, false);
		drop_all(f);
	} else if (event->kind == PYR_NS_PUT) {
		put_item(f, event);
	} else if (event->kind == PYR_NS_GONE) {
		take_out(f, event);
	}
	if (event->kind == PYR_NS_READY || (is_live && event->name))
		be_known(f, true);
	if (event->kind == PYR_NS_LOST)
		be_known(f, false);
	if (event->kind == PYR_NS_LOST && is_refused()) {
		refused = give_up(f);
		f->is_refused = f->is_beginning; /* then whoever begins it leaves it */
		if (refused || f->is_refused)
			set_timer(f, FOLLOW_AGAIN_MS);
	}
	pthread_mutex_unlock(&all.lock);
	if (!refused)
		return;
	log_line(PYR_LOG_INFO, "%s is looked up when it is needed, and not watched: %s",
		 f->uri->text, pyr_errmsg());
	naming_watch_leave(refused, on_gone);
}

/* NULL: it cannot be watched. Without the lock. */
static pyr_ns_watcher *new_watch(struct followed *f)
{
	struct pyr_ns_watch_options view = { 0 };
	const char *tags[TAGS];
	char text[URI_MAX + 1], *rest = text;

	if (f->uri->scheme == PYR_URI_PYRONAME) {
		view.prefix = f->uri->object;
		view.exact = true;
	} else {
		snprintf(text, sizeof(text), "%s", f->uri->object);
		while (rest && view.n_tags < TAGS)
			tags[view.n_tags++] = strsep(&rest, ",");
		if (rest)
			return NULL; /* more tags than one can watch */
		view.tags = tags;
	}
	return naming_watch(f->address, &view, on_event, f);
}

/* The watcher has a reference. In the runtime's thread alone. */
static void begin_watch(struct followed *f)
{
	pyr_ns_watcher *watcher = new_watch(f), *refused = NULL;

	pthread_mutex_lock(&all.lock);
	if (f->is_refused)
		refused = watcher;
	else
		f->watcher = watcher;
	f->is_beginning = f->is_refused = false;
	pthread_mutex_unlock(&all.lock);
	if (refused)
		naming_watch_leave(refused, on_gone);
	if (!watcher)
		unref(f);
}

static void unlink_followed(struct followed *f)
{
	struct followed **place = &all.first;

	while (*place != f)
		place = &(*place)->next;
	*place = f->next;
	all.n--;
}

/* In the runtime's thread: the name begins to be watched, or nobody needs it any more. */
static void fire(struct engine_timer *timer)
{
	struct followed *f = (struct followed *)((char *)timer - offsetof(struct followed, timer));
	pyr_ns_watcher *watcher = NULL;
	bool ends, begins;

	pthread_mutex_lock(&all.lock);
	ends = f->n_users == 0;
	begins = !ends && !f->watcher;
	if (ends) {
		unlink_followed(f);
		watcher = give_up(f);
	}
	f->is_beginning = begins;
	f->refs += begins;
	pthread_mutex_unlock(&all.lock);
	if (begins)
		begin_watch(f);
	if (watcher)
		naming_watch_leave(watcher, on_gone);
	if (ends)
		unref(f);
}

/* ---- what proxies ask for ---- */

static struct followed *find(const pyr_uri *uri, const char *address)
{
	struct followed *f;

	for (f = all.first; f; f = f->next)
		if (f->uri->scheme == uri->scheme && strcmp(f->uri->object, uri->object) == 0 &&
		    strcmp(f->address, address) == 0)
			break;
	return f;
}

static struct followed *new_followed(const pyr_uri *uri, const char *address)
{
	struct followed *f = calloc(1, sizeof(*f));
	struct uri_problem problem;

	if (!f)
		return NULL;
	f->uri = uri_parse(uri->text, &problem);
	f->address = strdup(address);
	f->timer.fire = fire;
	f->refs = 1;
	if (f->uri && f->address)
		return f;
	pyr_uri_free(f->uri);
	free(f->address);
	free(f);
	return NULL;
}

/* With the lock: a new one, in the list. */
static struct followed *add(const pyr_uri *uri, const char *address)
{
	struct followed *f =
		all.n < config_number(CONFIG_FOLLOW) ? new_followed(uri, address) : NULL;

	if (!f)
		return NULL;
	f->next = all.first;
	all.first = f;
	all.n++;
	set_timer(f, FOLLOW_START_MS);
	return f;
}

/* The addresses of its name servers: owned, free(). NULL: nobody knows. */
static char *address_of(const pyr_uri *uri)
{
	int64_t until = engine_now() + (int64_t)config_number(CONFIG_LOOKUP_TIMEOUT_MS) * ENGINE_MS;
	struct uri_problem problem;
	struct servers *servers = servers_open(uri->address, until, 0, &problem);
	char *text = servers ? strdup(servers_text(servers)) : NULL;

	servers_close(servers);
	return text;
}

static struct follow *begin(const pyr_uri *uri)
{
	struct followed *f;
	char *address = config_number(CONFIG_FOLLOW) > 0 ? address_of(uri) : NULL;

	if (!address)
		return NULL;
	pthread_mutex_lock(&all.lock);
	f = find(uri, address);
	if (!f)
		f = add(uri, address);
	else if (f->n_users == 0 && !f->watcher)
		set_timer(f, FOLLOW_START_MS);
	if (f)
		f->n_users++;
	pthread_mutex_unlock(&all.lock);
	free(address);
	return f ? &f->follow : NULL;
}

static void end(struct follow *follow)
{
	struct followed *f = (struct followed *)follow;

	pthread_mutex_lock(&all.lock);
	if (--f->n_users == 0)
		set_timer(f, all.n <= config_number(CONFIG_FOLLOW) / 2 ? FOLLOW_LINGER_MS : 0);
	pthread_mutex_unlock(&all.lock);
}

static enum follow_told told(struct follow *follow, pyr_uri **ret)
{
	struct followed *f = (struct followed *)follow;
	struct uri_problem problem;
	enum follow_told kind = FOLLOW_NONE;

	pthread_mutex_lock(&all.lock);
	if (f->n > 0 && f->items[0].is_shared)
		kind = FOLLOW_MANY;
	else if (f->n == 1 && (*ret = uri_parse(f->items[0].uri, &problem)))
		kind = FOLLOW_ONE;
	pthread_mutex_unlock(&all.lock);
	return kind;
}

static bool list(struct follow *follow, uint64_t seed, struct group_uris *ret)
{
	struct followed *f = (struct followed *)follow;
	struct ranked ranked = { .seed = seed, .uris = ret };
	bool ok;
	size_t i;

	ret->n = 0;
	pthread_mutex_lock(&all.lock);
	ok = atomic_load(&follow->is_live);
	for (i = 0; i < f->n && ok; i++)
		ok = strncmp(f->items[i].uri, "PYROMETA:", 9) != 0 &&
		     rank(&ranked, f->items[i].uri);
	pthread_mutex_unlock(&all.lock);
	while (!ok && ret->n > 0)
		free(ret->items[--ret->n]);
	return ok;
}

const struct follow_kind naming_follow = { begin, end, told, list };
