/* SPDX-License-Identifier: MIT */
#include "watchers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "changes.h"
#include "clock.h"
#include "watch_own.h"

enum {
	TOGETHER_MS = 20, /* changes that go together, at least */
	AGAIN_MS = 50,    /* those who had no room are tried again */
	KEEP_MS = 60000,  /* that changes are kept for those who come back */
	IDLE_MS = 200,    /* leases end, and rules change, without anybody's doing */
	SLICE_MS = 10,
	LISTS_US = 40000, /* of a round, for those who get all names: the others wait no longer */
	PLACES = 1024,    /* that connections are told apart by, as good as */
	ASKED = 256       /* watchers whose rights are looked at again in a turn without news */
};

struct watchers {
	struct watch_source source; /* what there is to tell */
	watchers_registry_cb find;
	void *data;
	pyr_timer *timer;
	int64_t due;                /* of the timer; 0: it is not set */
	struct watcher *first, *at; /* at: who is next in this round; NULL: none is under way */
	struct watcher *lister;     /* who is first of those that get all names; NULL: anybody */
	int64_t lists_left;         /* of LISTS_US in this round */
	struct watcher *ask;        /* whose rights are looked at next */
	size_t n;
	uint16_t places[PLACES]; /* how many come from there */
	int64_t spent;           /* in this round */
	int64_t pace;            /* what the last round took */
	bool listens;            /* to changes */
	int64_t left_at;         /* when the last one went */
	uint64_t heard;          /* the number of the change to come when it began */
	bool is_behind;          /* in this round: somebody is to be told more, */
	bool is_stuck;           /* or had no room */
};

/* Not later than in ms. */
static void wake_in(struct watchers *all, int64_t ms)
{
	int64_t due = clock_ms() + ms;

	if (all->due != 0 && all->due <= due)
		return;
	all->due = due;
	(void)pyr_timer_set(all->timer, (uint32_t)ms);
}

/* ---- changes ---- */

static void on_change(const struct store_change *change, void *data)
{
	struct watchers *all = data;

	changes_add(&all->source.changes, change);
	if (!all->at && all->n > 0)
		wake_in(all, TOGETHER_MS + all->pace / 4);
}

/* Changes are kept while somebody watches, and a while longer; those of a replica always: who
 * watched at another name server may come here. */
static void listen_to(struct watchers *all, bool listens)
{
	all->listens = listens;
	registry_set_listener(all->source.registry, listens ? on_change : NULL, all);
	if (listens)
		changes_begin(&all->source.changes, registry_revision(all->source.registry));
	else
		changes_fini(&all->source.changes);
}

/* ---- watchers ---- */

/* Takes it out. The answer may be the last use of the call and its stream. */
static void finish(struct watchers *all, struct watcher *w, int code, const char *why)
{
	pyr_deferred_set_on_cancel(w->deferred, NULL, NULL);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	if (all->at == w)
		all->at = w->next;
	if (all->ask == w)
		all->ask = w->next;
	if (all->lister == w)
		all->lister = w->next;
	all->n--;
	all->places[w->place]--;
	(void)pyr_deferred_fail(w->deferred, code, "%s", why);
	free(w->at);
	free(w);
	if (all->n > 0)
		return;
	all->left_at = clock_ms();
	wake_in(all, KEEP_MS);
}

/* In a method thread: the caller is gone. */
static void on_gone(pyr_deferred *deferred, void *data)
{
	struct watcher *w = data;

	(void)deferred;
	finish(w->all, w, PYR_CANCELLED, "the watch was cancelled");
}

/* What a watcher sees anybody may see who may look names up. */
static const char *refused(const pyr_call *call)
{
	static const char *const needed[] = { "pyrite.NameServer.watch",
					      "pyrite.NameServer.lookup_entry",
					      "pyrite.NameServer.list" };
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!pyr_call_may(call, "call", needed[i]))
			return needed[i];
	return NULL;
}

/* Rules may have changed. */
static void ask_again(struct watchers *all)
{
	struct watcher *w;
	int n;

	for (n = 0; n < ASKED; n++) {
		w = all->ask ? all->ask : all->first;
		if (!w)
			break;
		all->ask = w->next;
		if (refused(pyr_deferred_call(w->deferred)))
			finish(all, w, PYR_PERMISSION_DENIED,
			       "SecurityError: the caller may no longer look names up");
		if (!all->ask)
			break;
	}
}

static void tell_one(struct watchers *all, struct watcher *w)
{
	switch (watch_tell(&all->source, w, clock_ms())) {
	case WATCH_IDLE:
		break;
	case WATCH_MORE:
		all->is_behind = true;
		break;
	case WATCH_STUCK:
		all->is_stuck = true;
		break;
	case WATCH_STALLED:
		finish(all, w, PYR_RESOURCE_EXHAUSTED, "NamingError: the watcher does not read");
		break;
	case WATCH_OVER:
		finish(all, w, PYR_CANCELLED, "the watch was cancelled");
		break;
	}
}

/* One that gets all names; in turn, as far as the round has time for that. */
static void tell_lister(struct watchers *all, struct watcher *w)
{
	int64_t began;

	if (all->lister || all->lists_left <= 0) {
		all->is_behind = true;
		if (!all->lister)
			all->lister = w; /* of the next round */
		return;
	}
	began = clock_us();
	tell_one(all, w);
	all->lists_left -= clock_us() - began;
}

/* As many as a slice of time allows. Returns whether the round is over. */
static bool tell(struct watchers *all)
{
	int64_t began = clock_ms(), spent = 0;
	struct watcher *w;

	while (all->at && spent < SLICE_MS) {
		w = all->at;
		all->at = w->next;
		if (all->lister == w)
			all->lister = NULL;
		if (w->phase == WATCH_FOLLOWS && w->heard >= all->source.changes.first)
			tell_one(all, w);
		else
			tell_lister(all, w);
		spent = clock_ms() - began;
	}
	all->spent += spent;
	return !all->at;
}

static void begin_round(struct watchers *all)
{
	ask_again(all);
	all->at = all->first;
	all->spent = 0;
	all->lists_left = LISTS_US;
	all->is_behind = all->is_stuck = false;
	all->heard = all->source.changes.next;
}

/* The longer a round takes, the more goes together; between its slices others have their turns. */
static void end_round(struct watchers *all)
{
	all->pace = all->spent;
	if (all->n == 0)
		return;
	if (all->is_behind)
		wake_in(all, 1 + all->pace / 4);
	else if (all->heard != all->source.changes.next)
		wake_in(all, TOGETHER_MS + all->pace / 4);
	else
		wake_in(all, all->is_stuck ? AGAIN_MS : IDLE_MS);
}

/* Nobody watches. */
static void rest(struct watchers *all)
{
	int64_t left = all->left_at + KEEP_MS - clock_ms();

	if (left > 0)
		wake_in(all, left);
	else if (all->listens && !registry_is_replica(all->source.registry))
		listen_to(all, false);
}

static void on_time(pyr_timer *timer, void *data)
{
	struct watchers *all = data;
	bool is_void = false;

	(void)timer;
	all->due = 0;
	all->source.registry = all->find(all->data, &is_void);
	if (is_void)
		changes_forget(&all->source.changes);
	if (all->n == 0) {
		rest(all);
		return;
	}
	registry_sweep(all->source.registry);
	if (!all->at)
		begin_round(all);
	if (tell(all))
		end_round(all);
	else
		wake_in(all, 1);
}

/* ---- those who come ---- */

static int check_view(pyr_call *call, const struct pyrite_NameView *view)
{
	size_t i, bytes = strlen(view->prefix) + 1;

	for (i = 0; i < view->tags.n; i++)
		bytes += strlen(view->tags.items[i]) + 1;
	if (view->tags.n > WATCH_TAGS || bytes > WATCH_BYTES)
		return pyr_fail(call, PYR_INVALID_ARGUMENT,
				"NamingError: a view has at most %d tags, and %d bytes with its "
				"prefix",
				WATCH_TAGS, WATCH_BYTES);
	return 0;
}

/* Told apart by where it comes from; on a unix socket, by the process at its other end. */
static unsigned place_of(const pyr_call *call)
{
	struct pyr_credentials credentials;
	uint64_t hash = 0xcbf29ce484222325u;
	const char *at;

	for (at = pyr_call_peer(call); *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	if (pyr_call_credentials(call, &credentials))
		hash = (hash ^ (uint64_t)credentials.pid) * 0x100000001b3u;
	return (unsigned)(hash % PLACES);
}

static int check_room(struct watchers *all, pyr_call *call, unsigned place)
{
	if (all->n < WATCHERS && all->places[place] < WATCHERS_EACH)
		return 0;
	return pyr_fail(call, PYR_RESOURCE_EXHAUSTED,
			"NamingError: too many watchers: %zu, %u of them over this connection",
			all->n, all->places[place]);
}

static struct watcher *new_watcher(const struct pyrite_NameView *view)
{
	struct watcher *w = calloc(1, sizeof(*w) + view->tags.n * sizeof(char *) + WATCH_BYTES);
	char *texts;
	size_t i;

	if (!w)
		return NULL;
	w->n_tags = view->tags.n;
	texts = (char *)(w->tags + w->n_tags);
	w->prefix = texts;
	texts = stpcpy(texts, view->prefix) + 1;
	w->is_exact = view->exact;
	for (i = 0; i < w->n_tags; i++) {
		w->tags[i] = texts;
		texts = stpcpy(texts, view->tags.items[i]) + 1;
	}
	return w;
}

static void put_in(struct watchers *all, struct watcher *w)
{
	w->next = all->first;
	w->link = &all->first;
	if (w->next)
		w->next->link = &w->next;
	all->first = w;
	all->places[w->place]++;
	all->n++;
	if (!all->listens)
		listen_to(all, true);
}

/* One that knows what is kept goes on there. */
static void begin(struct watchers *all, struct watcher *w, const struct pyrite_NameView *view)
{
	uint64_t from = 0;

	w->is_new = true;
	if (view->epoch == all->source.epoch)
		from = changes_after(&all->source.changes, view->revision);
	if (from == 0) {
		watch_restart(&all->source, w);
		return;
	}
	w->heard = from;
	if (registry_is_replica(all->source.registry))
		w->known = view->revision;
}

int watchers_add(struct watchers *all, pyr_call *call, const struct pyrite_NameView *view,
		 pyr_stream *stream)
{
	unsigned place = place_of(call);
	const char *why_not = refused(call);
	bool is_void = false;
	struct watcher *w;
	int status;

	if (why_not)
		return pyr_call_refuse(call, "call", why_not);
	status = check_view(call, view);
	if (status == 0)
		status = check_room(all, call, place);
	if (status < 0)
		return status;
	w = new_watcher(view);
	if (!w)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	status = pyr_call_defer(call, &w->deferred);
	if (status < 0) {
		free(w);
		return status;
	}
	w->all = all;
	w->stream = stream;
	w->place = place;
	all->source.registry = all->find(all->data, &is_void);
	put_in(all, w);
	if (is_void)
		changes_forget(&all->source.changes);
	begin(all, w, view);
	pyr_deferred_set_on_cancel(w->deferred, on_gone, w);
	wake_in(all, 1);
	return 0;
}

/* ---- as a whole ---- */

struct watchers *watchers_new(watchers_registry_cb registry, void *data)
{
	struct watchers *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->find = registry;
	all->data = data;
	changes_init(&all->source.changes);
	(void)!getrandom(&all->source.epoch, sizeof(all->source.epoch), 0);
	all->source.epoch |= 1; /* never 0 */
	return all;
}

bool watchers_set_daemon(struct watchers *all, pyr_daemon *daemon)
{
	bool is_void;

	all->timer = pyr_timer_new(daemon, on_time, all);
	if (!all->timer)
		return false;
	all->source.registry = all->find(all->data, &is_void);
	if (!registry_is_replica(all->source.registry))
		return true;
	all->source.epoch = registry_epoch(all->source.registry);
	listen_to(all, true);
	return true;
}

void watchers_free(struct watchers *all)
{
	if (!all)
		return;
	pyr_timer_free(all->timer);
	all->timer = NULL;
	while (all->first)
		finish(all, all->first, PYR_UNAVAILABLE, "the name server is stopping");
	if (all->listens)
		listen_to(all, false);
	free(all);
}
