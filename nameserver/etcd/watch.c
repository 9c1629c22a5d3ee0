/* SPDX-License-Identifier: MIT */
/*
 * A watch, over a stream of its own: whatever happens to that, the next one goes on after what was
 * told last. What etcd sends again, or from before, is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

enum { FIRST_PAUSE_MS = 20, LAST_PAUSE_MS = 1000 };

/* One stream of it. */
struct follow {
	struct etcd_watch *watch;
	struct member *member;
	pyr_stream *stream;
	uint64_t last; /* revision of the event that came last */
	bool has_come; /* something has */
};

static struct pyr_bytes lend(struct etcd_bytes bytes)
{
	return (struct pyr_bytes){ bytes.n, (uint8_t *)(uintptr_t)bytes.p };
}

static bool is_in_range(const struct etcd_watch *watch, struct etcd_bytes key)
{
	return bytes_compare(watch->key, key) <= 0 && bytes_compare(key, watch->end) < 0;
}

static bool is_own(const struct etcd *etcd, struct etcd_bytes key)
{
	return key.n >= etcd->n_own_prefix &&
	       memcmp(key.p, etcd->mark_key, etcd->n_own_prefix) == 0;
}

static bool is_stopped(const struct etcd_watch *watch)
{
	bool is_stopped;

	pthread_mutex_lock(&watch->etcd->lock);
	is_stopped = watch->is_stopped || watch->etcd->is_closing;
	pthread_mutex_unlock(&watch->etcd->lock);
	return is_stopped;
}

static void tell(const struct etcd_watch *watch, const struct etcd_news *news)
{
	if (!is_stopped(watch))
		watch->callback(news, watch->data);
}

/* ---- events ---- */

/* Whether it is news. Counts those of the revision that is told in part. */
static bool is_news(struct etcd_watch *watch, uint64_t revision)
{
	if (revision <= watch->position)
		return false;
	if (revision > watch->position + 1 || watch->n_skip == 0)
		return true;
	watch->n_skip--;
	return false;
}

/* Whether etcd would send it. */
static bool is_possible(const struct follow *f, const struct etcdserverpb_WatchResponse *response,
			const struct etcdserverpb_Event *event)
{
	int64_t revision = event->kv.mod_revision;

	if (!event->has_kv || revision <= 0 || revision > response->header.revision)
		return false;
	if ((uint64_t)revision < f->last && (uint64_t)revision > f->watch->position)
		return false;
	return is_in_range(f->watch, bytes_lent(&event->kv.key));
}

/* Makes them the program's. Returns false if etcd would not send them. */
static bool take_events(struct follow *f, const struct etcdserverpb_WatchResponse *response,
			struct etcd_event *events, size_t *ret_n)
{
	struct etcd_watch *watch = f->watch;
	const struct etcdserverpb_Event *from;
	struct etcd_event *to;
	size_t i, n = 0;

	for (i = 0; i < response->events.n; i++) {
		from = &response->events.items[i];
		to = &events[n];
		to->kv = kv_lent(&from->kv);
		to->is_delete = from->type == etcdserverpb_Event_DELETE;
		if (!is_possible(f, response, from))
			return false;
		if (!is_news(watch, to->kv.mod_revision)) {
			if (to->kv.mod_revision > watch->position)
				f->last = to->kv.mod_revision;
			continue;
		}
		if (to->kv.mod_revision == f->last)
			watch->n_partly++;
		else
			watch->n_partly = 1;
		f->last = to->kv.mod_revision;
		if (!is_own(watch->etcd, to->kv.key))
			n++;
	}
	*ret_n = n;
	return true;
}

/* How far the watch is after a response. More events of the last revision may follow a fragment. */
static void advance(struct follow *f, bool is_fragment)
{
	struct etcd_watch *watch = f->watch;
	uint64_t position = is_fragment ? f->last - 1 : f->last;

	if (f->last == 0)
		return;
	if (position > watch->position)
		watch->position = position;
	if (!is_fragment)
		watch->n_partly = 0;
}

/* Returns false if the stream is no good. */
static bool take(struct follow *f, const struct etcdserverpb_WatchResponse *response)
{
	struct etcd_news news = { .text = "" };
	size_t n_partly = f->watch->n_partly;
	struct etcd_event *events = calloc(response->events.n, sizeof(*events));
	bool is_good = events && take_events(f, response, events, &news.n_events);
	uint64_t before = f->watch->position;

	if (is_good) {
		advance(f, response->fragment);
		news.revision = f->watch->position;
		news.events = events;
		if (news.n_events > 0 || news.revision > before)
			tell(f->watch, &news);
	} else {
		f->watch->n_partly = n_partly; /* nothing of it was told */
	}
	free(events);
	return is_good;
}

/* ---- one stream ---- */

static void tell_lost(struct etcd_watch *watch, int64_t compacted)
{
	char text[ETCD_TEXT_SIZE];
	struct etcd_news news = { .is_lost = true, .revision = watch->position, .text = text };

	snprintf(text, sizeof(text),
		 "etcd no longer has the changes after revision %llu: it is compacted up to %lld",
		 (unsigned long long)watch->position, (long long)compacted);
	tell(watch, &news);
	pthread_mutex_lock(&watch->etcd->lock);
	watch->is_stopped = true;
	pthread_mutex_unlock(&watch->etcd->lock);
}

static void on_canceled(struct follow *f, const struct etcdserverpb_WatchResponse *response)
{
	struct etcd *etcd = f->watch->etcd;
	char text[ETCD_TEXT_SIZE];

	if (response->compact_revision > 0) {
		tell_lost(f->watch, response->compact_revision);
		return;
	}
	snprintf(text, sizeof(text), "etcd at %.80s ended a watch: %.120s", f->member->address,
		 response->cancel_reason);
	if (etcd->user) /* who may have another token by now */
		f->member->token[0] = '\0';
	etcd_suspect(etcd, f->member, text);
}

/* Returns whether there will be more. */
static bool handle(struct follow *f, const struct etcdserverpb_WatchResponse *response)
{
	struct etcd *etcd = f->watch->etcd;
	char text[ETCD_TEXT_SIZE];

	if (!member_check(etcd, f->member, response->has_header, &response->header))
		return false;
	if (response->created && !response->canceled)
		f->watch->is_live = f->has_come = true;
	if (response->canceled) {
		on_canceled(f, response);
		return false;
	}
	if (response->events.n == 0)
		return true;
	if (take(f, response))
		return true;
	snprintf(text, sizeof(text), "etcd at %.80s sent changes that were not asked for",
		 f->member->address);
	etcd_suspect(etcd, f->member, text);
	return false;
}

static int begin(struct follow *f)
{
	struct etcd_watch *watch = f->watch;
	struct etcdserverpb_WatchRequest request = { .has_create_request = true };
	struct pyr_annotation token;
	struct pyr_call_options options = member_options(f->member, -1, &token);
	int status;

	watch->n_skip = watch->n_partly;
	request.create_request.key = lend(watch->key);
	request.create_request.range_end = lend(watch->end);
	request.create_request.start_revision = (int64_t)(watch->position + 1);
	request.create_request.fragment = true;
	status = etcdserverpb_Watch_Watch(etcdserverpb_Watch_with(f->member->watch, &options),
					  &f->stream);
	if (status == 0)
		status = etcdserverpb_Watch_Watch_write(f->stream, &request);
	return status;
}

/* Returns 0, or minus a status with the last error set, when the stream is over. */
static int read_stream(struct follow *f)
{
	struct etcdserverpb_WatchResponse *response;
	bool goes_on = true;
	int n = 0;

	while (goes_on && !is_stopped(f->watch) && etcd_member(f->watch->etcd) == f->member) {
		n = etcdserverpb_Watch_Watch_next(f->stream, &response);
		if (n <= 0)
			break;
		goes_on = handle(f, response);
		pyr_free(response);
	}
	if (goes_on && n == 0 && f->has_come)
		etcd_suspect(f->watch->etcd, f->member, "etcd ended a watch");
	return n < 0 ? n : 0;
}

/* Returns whether the watch was made. */
static bool follow(struct etcd_watch *watch, struct member *member)
{
	struct follow f = { .watch = watch, .member = member };
	struct etcd_outcome outcome;
	int status;

	live_settle(&watch->live);
	status = begin(&f);
	if (status == 0)
		status = read_stream(&f);
	if (status < 0 && status != -PYR_CANCELLED)
		(void)member_verdict(watch->etcd, member, &outcome);
	watch->is_live = false;
	pyr_stream_free(f.stream);
	return f.has_come;
}

/* ---- its task ---- */

static void unlink_watch(struct etcd_watch *watch)
{
	struct etcd_watch **at = &watch->etcd->watches;

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
}

static void finish(struct etcd_watch *watch)
{
	struct etcd *etcd = watch->etcd;
	bool is_orphan;

	unlink_watch(watch);
	pthread_mutex_lock(&etcd->lock);
	watch->task = NULL;
	watch->is_done = true;
	is_orphan = watch->is_orphan;
	pthread_cond_broadcast(&etcd->changed);
	pthread_mutex_unlock(&etcd->lock);
	if (is_orphan)
		free(watch);
}

int watch_run(void *data)
{
	struct etcd_watch *watch = data;
	struct etcd *etcd = watch->etcd;
	int64_t pause = FIRST_PAUSE_MS;
	struct member *member;
	struct live *live = &watch->live;

	live_begin(etcd, live);
	pthread_mutex_lock(&etcd->lock);
	watch->task = live->task;
	pthread_mutex_unlock(&etcd->lock);
	while (!is_stopped(watch)) {
		member = etcd_member(etcd);
		if (member && follow(watch, member))
			pause = FIRST_PAUSE_MS;
		if (is_stopped(watch))
			break;
		live_rest(live, member && etcd_member(etcd) ? pause : LAST_PAUSE_MS);
		pause = 2 * pause < LAST_PAUSE_MS ? 2 * pause : LAST_PAUSE_MS;
	}
	live_end(live);
	finish(watch);
	return 0;
}

/* ---- any thread ---- */

static bool covers(const struct etcd_watch *watch, const char *key)
{
	return is_in_range(watch, (struct etcd_bytes){ key, strlen(key) });
}

struct etcd_watch *etcd_watch(struct etcd *etcd, struct etcd_bytes key, struct etcd_bytes end,
			      uint64_t from_revision, etcd_watch_cb callback, void *data)
{
	struct etcd_watch *watch = calloc(1, sizeof(*watch) + key.n + end.n);
	char *bytes = (char *)(watch + 1);

	if (!watch)
		return NULL;
	watch->etcd = etcd;
	watch->callback = callback;
	watch->data = data;
	watch->position = from_revision > 0 ? from_revision - 1 : 0;
	watch->key = (struct etcd_bytes){ memcpy(bytes, key.p, key.n), key.n };
	watch->end = (struct etcd_bytes){ memcpy(bytes + key.n, end.p, end.n), end.n };
	watch->has_own_keys = covers(watch, etcd->mark_key);
	pthread_mutex_lock(&etcd->lock);
	watch->next = etcd->new_watches;
	etcd->new_watches = watch;
	etcd_wake_locked(etcd);
	pthread_mutex_unlock(&etcd->lock);
	return watch;
}

void etcd_watch_stop(struct etcd_watch *watch)
{
	struct etcd *etcd = watch ? watch->etcd : NULL;
	bool is_ours;

	if (!watch)
		return;
	pthread_mutex_lock(&etcd->lock);
	is_ours = pthread_equal(etcd->thread, pthread_self()) != 0;
	watch->is_stopped = true;
	watch->is_orphan = is_ours && !watch->is_done;
	is_ours = watch->is_orphan;
	if (watch->task)
		pyr_task_cancel(watch->task);
	while (!is_ours && !watch->is_done)
		pthread_cond_wait(&etcd->changed, &etcd->lock);
	pthread_mutex_unlock(&etcd->lock);
	if (!is_ours)
		free(watch);
}
