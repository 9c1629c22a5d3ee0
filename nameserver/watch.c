/* SPDX-License-Identifier: MIT */
/* What a watcher is told: news, made of the records and changes where they lie. */
#include "watch_own.h"

#include <stdlib.h>
#include <string.h>

enum {
	NEWS_BYTES = 4096, /* of one watcher that go at once, as good as */
	NEWS_CHANGES = 128,
	NEWS_LOOKS = 4096, /* records and changes that are looked at for them */
	CHANGE_BYTES = 32  /* a change's, beside its texts */
};

/* News as they are put together. */
struct draft {
	struct pyrite_NameNews news;
	struct pyrite_NameChange changes[NEWS_CHANGES];
	size_t bytes, n_looks;
	char last[REGISTRY_KEY_SIZE]; /* while it lists: the key up to which */
	bool lists_on;
};

void watch_restart(const struct watch_source *source, struct watcher *w)
{
	w->phase = WATCH_LISTS;
	w->resyncs = true;
	w->heard = source->changes.next;
	w->known = 0;
	free(w->at);
	w->at = NULL;
}

static bool has_tag(const struct record *record, const char *tag)
{
	size_t i;

	for (i = 0; i < record->n_tags; i++)
		if (strcmp(record->tags[i], tag) == 0)
			return true;
	return false;
}

static bool begins(const struct watcher *w, const struct record *record)
{
	return w->is_exact ? strcmp(record->name, w->prefix) == 0
			   : strncmp(record->name, w->prefix, strlen(w->prefix)) == 0;
}

/* record: NULL: nothing, which nobody sees. */
static bool sees(const struct watcher *w, const struct record *record)
{
	size_t i;

	if (!record || !begins(w, record))
		return false;
	for (i = 0; i < w->n_tags; i++)
		if (!has_tag(record, w->tags[i]))
			return false;
	return true;
}

static bool is_full(const struct draft *draft)
{
	return draft->news.changes.n == NEWS_CHANGES || draft->bytes >= NEWS_BYTES ||
	       draft->n_looks >= NEWS_LOOKS;
}

static void put(struct draft *draft, const struct record *record, uint64_t revision, bool gone)
{
	struct pyrite_NameChange *change = &draft->changes[draft->news.changes.n++];
	size_t i;

	*change = (struct pyrite_NameChange){ .revision = revision,
					      .gone = gone,
					      .name = (char *)record->name,
					      .uri = (char *)record->uri,
					      .shared = record->is_shared };
	draft->bytes += strlen(record->name) + strlen(record->uri) + CHANGE_BYTES;
	if (gone)
		return;
	change->tags.items = (const char **)record->tags; /* the stub only reads them */
	change->tags.n = record->n_tags;
	for (i = 0; i < record->n_tags; i++)
		draft->bytes += strlen(record->tags[i]) + 2;
}

/* ---- what there is ---- */

/* The records of a name come before those of others that begin so: a key goes on with a space. */
static const struct record *next_of(const struct watch_source *source, const struct watcher *w,
				    const char *after)
{
	const struct record *record;

	if (w->n_tags > 0)
		return registry_next_tagged(source->registry, w->tags, w->n_tags, true, w->prefix,
					    after);
	record = registry_next_kept(source->registry, w->prefix, after);
	return record && w->is_exact && !begins(w, record) ? NULL : record;
}

static void list(const struct watch_source *source, const struct watcher *w, struct draft *draft)
{
	const struct record *record = NULL;

	strcpy(draft->last, w->at ? w->at : "");
	while (!is_full(draft) && (record = next_of(source, w, draft->last)) != NULL) {
		strcpy(draft->last, record->key);
		draft->n_looks++;
		if (sees(w, record) && registry_is_alive(source->registry, record))
			put(draft, record, record->generation, false);
	}
	draft->lists_on = record != NULL;
}

/* ---- what has changed ---- */

static void follow(const struct watcher *w, const struct change_entry *entry, struct draft *draft)
{
	if (entry->revision <= w->known)
		return;
	if (sees(w, entry->after))
		put(draft, entry->after, entry->revision, false);
	else if (sees(w, entry->before))
		put(draft, entry->before, entry->revision, true);
}

static void catch_up(const struct watch_source *source, const struct watcher *w,
		     const struct change_entry *entry, struct draft *draft)
{
	const struct record *then = entry->after ? entry->after : entry->before;
	const struct record *now = then ? registry_find_key(source->registry, then->key) : NULL;

	if (sees(w, now))
		put(draft, now, now->generation, false);
	else if (sees(w, entry->before) || sees(w, entry->after))
		put(draft, then, entry->revision, true);
}

/* Returns the number of the first change that is not in it. */
static uint64_t look_at_changes(const struct watch_source *source, const struct watcher *w,
				struct draft *draft)
{
	const struct change_entry *entry;
	uint64_t number;

	for (number = w->heard; number < source->changes.next && !is_full(draft); number++) {
		entry = changes_at(&source->changes, number);
		draft->n_looks++;
		if (w->phase == WATCH_FOLLOWS)
			follow(w, entry, draft);
		else
			catch_up(source, w, entry, draft);
		draft->news.revision = entry->revision;
		if (number + 1 < source->changes.next &&
		    changes_at(&source->changes, number + 1)->revision == entry->revision)
			draft->news.revision--; /* there is more of it */
	}
	return number;
}

/* ---- telling ---- */

static enum watch_state is_stuck(struct watcher *w, int64_t now_ms)
{
	if (w->stuck_since == 0)
		w->stuck_since = now_ms;
	return now_ms - w->stuck_since > WATCH_STALL_MS ? WATCH_STALLED : WATCH_STUCK;
}

/* Where it is once it has got the draft. Returns false when memory is out: then it begins anew. */
static bool go_on(struct watcher *w, const struct draft *draft, uint64_t heard)
{
	w->is_new = w->resyncs = false;
	w->stuck_since = 0;
	w->heard = heard;
	if (w->phase == WATCH_LISTS && draft->lists_on) {
		free(w->at);
		w->at = strdup(draft->last);
		return w->at != NULL;
	}
	if (w->phase == WATCH_LISTS) {
		free(w->at);
		w->at = NULL;
		w->phase = WATCH_CATCHES_UP;
	}
	if (draft->news.complete)
		w->phase = WATCH_FOLLOWS;
	return true;
}

static void make_news(const struct watch_source *source, const struct watcher *w,
		      struct draft *draft, uint64_t *ret_heard)
{
	draft->news = (struct pyrite_NameNews){ .epoch = source->epoch,
						.revision = registry_revision(source->registry),
						.resync = w->resyncs };
	draft->news.changes.items = draft->changes;
	draft->bytes = draft->n_looks = 0;
	draft->lists_on = false;
	*ret_heard = w->heard;
	if (w->phase == WATCH_LISTS)
		list(source, w, draft);
	if (!draft->lists_on) /* after a list they are told by themselves */
		*ret_heard = w->phase == WATCH_LISTS && w->heard != source->changes.next
				     ? w->heard
				     : look_at_changes(source, w, draft);
	if (*ret_heard == source->changes.next && !draft->lists_on) {
		draft->news.revision = registry_revision(source->registry);
		draft->news.complete = true;
	}
	if (draft->news.revision < w->known)
		draft->news.revision = w->known;
}

enum watch_state watch_tell(struct watch_source *source, struct watcher *w, int64_t now_ms)
{
	static struct draft draft; /* the method thread's */
	uint64_t heard;
	int status;

	if (!w->is_new && w->phase != WATCH_LISTS && w->heard == source->changes.next)
		return WATCH_IDLE;
	if (pyr_stream_unsent(w->stream) > 0)
		return is_stuck(w, now_ms);
	if (w->heard < source->changes.first)
		watch_restart(source, w);
	make_news(source, w, &draft, &heard);
	if (!w->is_new && w->phase == WATCH_FOLLOWS && draft.news.changes.n == 0) {
		w->heard = heard;
		return heard == source->changes.next ? WATCH_IDLE : WATCH_MORE;
	}
	status = pyrite_NameServer_watch_try_yield(w->stream, &draft.news);
	if (status > 0)
		return is_stuck(w, now_ms);
	if (status < 0)
		return WATCH_OVER;
	if (!go_on(w, &draft, heard))
		watch_restart(source, w);
	return w->phase == WATCH_FOLLOWS && heard == source->changes.next ? WATCH_IDLE : WATCH_MORE;
}
