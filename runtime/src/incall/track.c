/* SPDX-License-Identifier: MIT */
#include "incall/track.h"

#include <pyrite/context.h>

#include <stdlib.h>

#include "exec/callbacks.h"
#include "incall/incall.h"

enum { TRACKED_MAX = 65536 };

struct tracked {
	void *resource;
	pyr_close_cb close;
	struct tracked *next;
};

struct track_list {
	pthread_mutex_t lock;
	struct tracked *last;
	size_t n;
	struct executor *executor; /* counted */
	struct exec_job closing;
	struct instance *instance; /* of the session, with which it ends; one reference */
};

static void free_list(struct track_list *list)
{
	exec_unref(list->executor);
	pthread_mutex_destroy(&list->lock);
	free(list);
}

/* The last first. What callbacks do to the thread's last error is not seen. */
static void close_all(struct exec_job *job)
{
	struct track_list *list =
		(struct track_list *)((char *)job - offsetof(struct track_list, closing));
	pyr_error *kept = pyr_error_take();
	struct tracked *tracked;

	while ((tracked = list->last)) {
		list->last = tracked->next;
		tracked->close(tracked->resource);
		free(tracked);
	}
	error_restore(kept);
	instance_unref(list->instance);
	free_list(list);
}

void track_end(struct track *track, struct instance *instance)
{
	struct track_list *list = atomic_load(&track->list);

	if (!list) {
		instance_unref(instance);
		return;
	}
	list->instance = instance;
	list->closing.run = close_all;
	callbacks_post(list->executor, &list->closing);
}

/* Two methods of a session may want the first one at once. */
static struct track_list *get_list(struct track *track, struct executor *executor)
{
	struct track_list *list = atomic_load(&track->list), *other = NULL;

	if (list)
		return list;
	list = calloc(1, sizeof(*list));
	if (!list)
		return NULL;
	pthread_mutex_init(&list->lock, NULL);
	exec_ref(executor);
	list->executor = executor;
	if (atomic_compare_exchange_strong(&track->list, &other, list))
		return list;
	free_list(list);
	return other;
}

static struct track *track_of(const pyr_call *call)
{
	struct call_who who = { 0 };

	if (call->origin->who)
		call->origin->who(call, &who);
	return who.track;
}

int pyr_call_track(pyr_call *call, void *resource, pyr_close_cb close)
{
	struct tracked *tracked;
	struct track_list *list;
	struct track *track;
	bool is_full;

	if (!call || !close)
		return call ? error_missing("close") : error_null("call");
	track = track_of(call);
	if (!track)
		return error_set(PYR_FAILED_PRECONDITION,
				 "%s: a call of plain gRPC has no session to track anything in",
				 incall_operation(call)->name);
	list = get_list(track, call->task.executor);
	tracked = malloc(sizeof(*tracked));
	if (!list || !tracked) {
		free(tracked);
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	*tracked = (struct tracked){ .resource = resource, .close = close };
	pthread_mutex_lock(&list->lock);
	is_full = list->n >= TRACKED_MAX;
	if (!is_full) {
		tracked->next = list->last;
		list->last = tracked;
		list->n++;
	}
	pthread_mutex_unlock(&list->lock);
	if (!is_full)
		return 0;
	free(tracked);
	return error_set(PYR_RESOURCE_EXHAUSTED,
			 "%d resources of this session of object '%s' are tracked, the maximum",
			 TRACKED_MAX, call->object->id);
}

bool pyr_call_untrack(pyr_call *call, void *resource)
{
	struct track *track = call ? track_of(call) : NULL;
	struct track_list *list = track ? atomic_load(&track->list) : NULL;
	struct tracked **at, *found;

	if (!list)
		return false;
	pthread_mutex_lock(&list->lock);
	for (at = &list->last; *at && (*at)->resource != resource; at = &(*at)->next)
		;
	found = *at;
	if (found) {
		*at = found->next;
		list->n--;
	}
	pthread_mutex_unlock(&list->lock);
	free(found);
	return found != NULL;
}
