/* SPDX-License-Identifier: MIT */
/*
 * Watchers of names. Each has a thread, which reads the name server's stream and calls back; when
 * the stream ends it opens another one, and says how far it has got.
 */
#include "naming/naming_calls.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/abi.h"
#include "base/cond.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/engine.h"
#include "naming/naming_health.h"
#include "proxy/proxy.h"

enum { FIRST_PAUSE_MS = 100, LAST_PAUSE_MS = 5000, TAGS = 16, BYTES = 1024 };

struct pyr_ns_watcher {
	struct root root;
	struct pyr_ns_watcher *next; /* all.lock */
	struct servers *servers;
	pyr_ns_watch_cb callback;
	void *data;
	struct pyrite_NameView view;
	const char *tags[TAGS];
	char texts[BYTES];
	pthread_t thread;
	/* its thread's: */
	bool is_complete; /* what was told is all, as of the view's revision */
	bool is_ready;    /* and said to be */
	bool has_heard;   /* news have come on the stream */
	uint32_t pause_ms;
	int lost; /* the status that was told last; 0: it is not lost */
	/* the lock's: */
	pthread_mutex_t lock;
	pthread_cond_t ends;
	pyr_stream *stream; /* NULL: there is none */
	unsigned at;        /* which of the servers has it */
	bool is_moving;     /* it ends, as another server is to be read */
	bool is_ending;
	atomic_int refs;          /* its thread's and its owner's */
	void (*gone)(void *data); /* whoever left it is told of its end; NULL: nobody */
};

/* Those that there are, for when name servers come and go. The lock is before theirs. */
static struct {
	pthread_mutex_t lock;
	struct pyr_ns_watcher *first;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- telling ---- */

static bool is_ending(struct pyr_ns_watcher *w)
{
	bool ends;

	pthread_mutex_lock(&w->lock);
	ends = w->is_ending;
	pthread_mutex_unlock(&w->lock);
	return ends;
}

/* Returns false if the callback wants no more. */
static bool tell(struct pyr_ns_watcher *w, const struct pyr_ns_event *event)
{
	if (is_ending(w))
		return false;
	w->callback(event, w->data);
	return !is_ending(w);
}

static bool tell_kind(struct pyr_ns_watcher *w, enum pyr_ns_event_kind kind)
{
	struct pyr_ns_event event = { .kind = kind, .revision = w->view.revision };

	return tell(w, &event);
}

static bool tell_change(struct pyr_ns_watcher *w, const struct pyrite_NameChange *change)
{
	/* a name server of an earlier version knows no exact views */
	bool is_other = w->view.exact && strcmp(change->name, w->view.prefix) != 0;
	struct pyr_ns_event event = { .kind = change->gone ? PYR_NS_GONE : PYR_NS_PUT,
				      .revision = change->revision,
				      .name = change->name,
				      .uri = change->uri,
				      .tags = (const char *const *)change->tags.items,
				      .n_tags = change->tags.n,
				      .shared = change->shared };

	return is_other || tell(w, &event);
}

/* Returns false if the callback wants no more. */
static bool take_news(struct pyr_ns_watcher *w, const struct pyrite_NameNews *news)
{
	size_t i;

	w->lost = 0;
	w->has_heard = true;
	w->pause_ms = FIRST_PAUSE_MS;
	w->is_complete = news->complete || (w->is_complete && !news->resync);
	w->view.epoch = news->epoch;
	w->view.revision = news->revision;
	if (news->resync) {
		w->is_ready = false;
		if (!tell_kind(w, PYR_NS_RESYNC))
			return false;
	}
	for (i = 0; i < news->changes.n; i++)
		if (!tell_change(w, &news->changes.items[i]))
			return false;
	if (!news->complete || w->is_ready)
		return true;
	w->is_ready = true;
	return tell_kind(w, PYR_NS_READY);
}

/* ---- the stream ---- */

/* Returns false when the watcher ends: then the stream is freed. */
static bool keep_stream(struct pyr_ns_watcher *w, pyr_stream *stream, unsigned at)
{
	bool keeps;

	pthread_mutex_lock(&w->lock);
	keeps = !w->is_ending;
	if (keeps)
		w->stream = stream;
	w->at = at;
	w->is_moving = false;
	pthread_mutex_unlock(&w->lock);
	if (!keeps)
		pyr_stream_free(stream);
	return keeps;
}

static void drop_stream(struct pyr_ns_watcher *w)
{
	pyr_stream *stream;

	pthread_mutex_lock(&w->lock);
	stream = w->stream;
	w->stream = NULL;
	pthread_mutex_unlock(&w->lock);
	pyr_stream_free(stream);
}

/* Opens the stream at one that answers. Returns 0, or minus a status with the last error set. */
static int open_stream(struct pyr_ns_watcher *w, pyr_stream **ret, unsigned *ret_at)
{
	struct pyr_call_options for_ever = { .timeout_ms = PYR_NONE };
	struct pyrite_NameView view = w->view;
	struct pyrite_NameServer *proxy;
	int status = servers_pick(w->servers, ret_at);

	if (status < 0)
		return status;
	if (!w->is_complete)
		view.epoch = view.revision = 0;
	proxy = servers_proxy(w->servers, *ret_at);
	if (!proxy)
		return -pyr_last_error()->code;
	if (pyrite_NameServer_watch(pyrite_NameServer_with(proxy, &for_ever), &view, ret) == 0)
		return 0;
	servers_left(w->servers, *ret_at);
	return naming_add_address(servers_address(w->servers, *ret_at));
}

/* Reads until the stream ends. Returns minus a status with the last error set; 0: the watcher ends.
 */
static int read_all(struct pyr_ns_watcher *w)
{
	struct pyrite_NameNews *news;
	pyr_stream *stream;
	bool goes_on = true;
	unsigned at;
	int n = open_stream(w, &stream, &at);

	w->has_heard = false;
	if (n < 0)
		return n;
	if (!keep_stream(w, stream, at))
		return 0;
	while (goes_on && (n = pyrite_NameServer_watch_next(stream, &news)) == 1) {
		goes_on = take_news(w, news);
		pyr_free(news);
	}
	if (n == 0)
		error_set(PYR_UNAVAILABLE, "NamingError: the name server ended the watch");
	if (goes_on)
		servers_left(w->servers, at);
	n = goes_on ? naming_add_address(servers_address(w->servers, at)) : 0;
	drop_stream(w);
	return n;
}

/* A stream that has ended is opened again at once if another server may have it: then nothing is
 * lost yet. */
static bool moves_on(struct pyr_ns_watcher *w)
{
	int best = servers_best(w->servers);
	bool moves;

	pthread_mutex_lock(&w->lock);
	moves = !w->is_ending && servers_count(w->servers) > 1 &&
		(w->is_moving || (w->has_heard && best >= 0 && best != (int)w->at));
	w->is_moving = false;
	pthread_mutex_unlock(&w->lock);
	return moves;
}

/* Waits before the next attempt. Returns false if the watcher ends. */
static bool rest(struct pyr_ns_watcher *w)
{
	struct timespec until;
	int err = 0;
	bool ends;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += w->pause_ms / 1000;
	until.tv_nsec += (long)(w->pause_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	w->pause_ms = w->pause_ms < LAST_PAUSE_MS / 2 ? 2 * w->pause_ms : LAST_PAUSE_MS;
	pthread_mutex_lock(&w->lock);
	while (!w->is_ending && err == 0)
		err = pthread_cond_timedwait(&w->ends, &w->lock, &until);
	ends = w->is_ending;
	pthread_mutex_unlock(&w->lock);
	return !ends;
}

static void enlist(struct pyr_ns_watcher *w)
{
	health_wait(1);
	pthread_mutex_lock(&all.lock);
	w->next = all.first;
	all.first = w;
	pthread_mutex_unlock(&all.lock);
}

static void delist(struct pyr_ns_watcher *w)
{
	struct pyr_ns_watcher **place;

	pthread_mutex_lock(&all.lock);
	for (place = &all.first; *place && *place != w; place = &(*place)->next)
		;
	if (*place) {
		*place = w->next;
		health_wait(-1);
	}
	pthread_mutex_unlock(&all.lock);
}

/* Some name server has come or gone: who should read another one begins to. */
static void look_around(void)
{
	struct pyr_ns_watcher *w;
	int best;

	pthread_mutex_lock(&all.lock);
	for (w = all.first; w; w = w->next) {
		if (servers_count(w->servers) == 1)
			continue;
		best = servers_best(w->servers);
		pthread_mutex_lock(&w->lock);
		if (w->stream && !w->is_ending && best >= 0 && best != (int)w->at) {
			w->is_moving = true;
			pyr_stream_cancel(w->stream);
		}
		pthread_mutex_unlock(&w->lock);
	}
	pthread_mutex_unlock(&all.lock);
}

static void __attribute__((constructor)) listen_for_servers(void)
{
	health_on_change(look_around);
}

static void unref(struct pyr_ns_watcher *w)
{
	void (*gone)(void *data) = w->gone;
	void *data = w->data;

	if (atomic_fetch_sub(&w->refs, 1) != 1)
		return;
	delist(w);
	root_remove(&w->root);
	servers_close(w->servers);
	pthread_cond_destroy(&w->ends);
	pthread_mutex_destroy(&w->lock);
	free(w);
	if (gone)
		gone(data);
}

static void *run(void *data)
{
	struct pyr_ns_watcher *w = data;
	int status;

	do {
		do {
			status = read_all(w);
			w->is_ready = false;
		} while (moves_on(w));
		if (status < 0 && status != w->lost) { /* each reason once */
			w->lost = status;
			(void)tell_kind(w, PYR_NS_LOST);
		}
	} while (rest(w));
	unref(w);
	return NULL;
}

/* ---- making ---- */

static int copy_view(struct pyr_ns_watcher *w, const struct pyr_ns_watch_options *options)
{
	const char *prefix = options->prefix ? options->prefix : "";
	size_t i, n = strlen(prefix) + 1;
	char *at = w->texts;
	int status = naming_check_tags(options->tags, options->n_tags);

	if (status < 0)
		return status;
	for (i = 0; i < options->n_tags && i < TAGS; i++)
		n += strlen(options->tags[i]) + 1;
	if (options->n_tags > TAGS || n > BYTES)
		return error_set(PYR_INVALID_ARGUMENT,
				 "a watcher's view has at most %d tags, and %d bytes with its "
				 "prefix",
				 TAGS, BYTES);
	w->view.prefix = text_keep(&at, prefix);
	w->view.exact = options->exact;
	for (i = 0; i < options->n_tags; i++)
		w->tags[i] = text_keep(&at, options->tags[i]);
	w->view.tags = (struct pyr_string_seq){ options->n_tags, w->tags };
	return 0;
}

static struct pyr_ns_watcher *new_watcher(void)
{
	struct pyr_ns_watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->pause_ms = FIRST_PAUSE_MS;
	atomic_init(&w->refs, 1);
	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->ends);
	root_add(&w->root);
	return w;
}

pyr_ns_watcher *naming_watch(const char *addresses, const struct pyr_ns_watch_options *view,
			     pyr_ns_watch_cb callback, void *data)
{
	struct pyr_ns_watcher *w = proxy_is_forked() ? NULL : new_watcher();
	struct uri_problem problem;
	int status;

	if (engine_is_forked())
		return error_from_constructor();
	if (!w)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory for a watcher");
	w->callback = callback;
	w->data = data;
	status = copy_view(w, view);
	if (status == 0 && !(w->servers = servers_open(addresses, ENGINE_FOREVER, 0, &problem)))
		status = error_set(problem.code, "name server: %s", problem.text);
	if (status == 0)
		enlist(w);
	atomic_store(&w->refs, 2);
	if (status == 0 && engine_thread(&w->thread, run, w) < 0)
		status = error_set(PYR_RESOURCE_EXHAUSTED, "no thread for a watcher");
	if (status == 0)
		return w;
	atomic_store(&w->refs, 1);
	unref(w);
	return error_from_constructor();
}

pyr_ns_watcher *pyr__ns_watch(pyr_ns *ns, const struct pyr_ns_watch_options *options, size_t size,
			      pyr_ns_watch_cb callback, void *data)
{
	struct pyr_ns_watch_options own;

	if (!ns || !callback) {
		(void)(ns ? error_missing("callback") : error_null("ns"));
		return error_from_constructor();
	}
	if (abi_options(&own, sizeof(own), options, size, "pyr_ns_watch_options") < 0)
		return error_from_constructor();
	return naming_watch(servers_text(ns->servers), &own, callback, data);
}

/* Its thread ends soon, wherever it waits. */
static void begin_end(struct pyr_ns_watcher *w)
{
	pthread_mutex_lock(&w->lock);
	w->is_ending = true;
	if (w->stream)
		pyr_stream_cancel(w->stream);
	pthread_cond_signal(&w->ends);
	pthread_mutex_unlock(&w->lock);
	if (!pthread_equal(w->thread, pthread_self()))
		servers_release(w->servers);
}

void naming_watch_leave(pyr_ns_watcher *w, void (*gone)(void *data))
{
	w->gone = gone;
	begin_end(w);
	pthread_detach(w->thread);
	unref(w);
}

void pyr_ns_watcher_free(pyr_ns_watcher *w)
{
	if (!w || engine_is_forked())
		return;
	if (pthread_equal(w->thread, pthread_self())) {
		naming_watch_leave(w, NULL);
		return;
	}
	begin_end(w);
	pthread_join(w->thread, NULL);
	unref(w);
}
