/* SPDX-License-Identifier: MIT */
#include "face/grpc/standing.h"

#include <stdlib.h>

#include "base/error.h"
#include "exec/callbacks.h"

bool standings_init(struct standings *all)
{
	atomic_init(&all->refs, 1);
	return pthread_mutex_init(&all->lock, NULL) == 0;
}

void standings_unref(struct standings *all)
{
	if (!all || atomic_fetch_sub(&all->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static void unref(struct standing *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	if (s->all->fini)
		s->all->fini(s);
	pthread_mutex_destroy(&s->lock);
	exec_unref(s->executor);
	standings_unref(s->all);
	free(s);
}

static void post(struct standing *s)
{
	if (atomic_exchange(&s->is_posted, true))
		return;
	atomic_fetch_add(&s->refs, 1);
	callbacks_post(s->executor, &s->job);
}

void standings_go_on(struct standings *all)
{
	struct standing *s;

	pthread_mutex_lock(&all->lock);
	for (s = all->first; s; s = s->next)
		post(s);
	pthread_mutex_unlock(&all->lock);
}

void standings_stop(struct standings *all)
{
	atomic_store(&all->is_stopping, true);
	standings_go_on(all);
}

static void on_change(struct stream_watch *watch)
{
	post((struct standing *)((char *)watch - offsetof(struct standing, watch)));
}

static void on_cancel(pyr_deferred *deferred, void *data)
{
	(void)deferred;
	post(data);
}

static void list(struct standing *s)
{
	struct standings *all = s->all;

	pthread_mutex_lock(&all->lock);
	s->next = all->first;
	s->link = &all->first;
	if (s->next)
		s->next->link = &s->next;
	all->first = s;
	pthread_mutex_unlock(&all->lock);
}

static void unlist(struct standing *s)
{
	pthread_mutex_lock(&s->all->lock);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	pthread_mutex_unlock(&s->all->lock);
}

/* Nobody posts it any more but who has: so the answer may be the last use of call and stream. */
static void finish(struct standing *s, int status)
{
	const pyr_error *last = pyr_last_error();

	s->is_over = true;
	stream_set_watch(s->stream, NULL);
	pyr_deferred_set_on_cancel(s->deferred, NULL, NULL);
	unlist(s);
	if (status > 0)
		(void)pyr__reply(s->deferred, s->operation, NULL);
	else if (pyr_call_is_cancelled(s->call))
		(void)pyr_deferred_fail(s->deferred, PYR_CANCELLED, "the caller is gone");
	else
		(void)pyr_deferred_fail(s->deferred, -status, "%s", last->message);
	unref(s);
}

static void run(struct exec_job *job)
{
	struct standing *s = (struct standing *)((char *)job - offsetof(struct standing, job));
	int status;

	atomic_store(&s->is_posted, false);
	pthread_mutex_lock(&s->lock);
	if (!s->is_over) {
		status = pyr_call_is_cancelled(s->call) ? -PYR_CANCELLED : s->all->step(s);
		if (status != 0)
			finish(s, status);
	}
	pthread_mutex_unlock(&s->lock);
	unref(s);
}

/* With two references: the call's, and the caller's. NULL when memory is out. */
static struct standing *new_standing(struct standings *all, pyr_call *call,
				     const struct pyr__operation *operation, pyr_stream *stream)
{
	struct executor *executor = exec_current();
	struct standing *s = executor ? calloc(1, all->size) : NULL;

	if (!s)
		return NULL;
	s->all = all;
	atomic_fetch_add(&all->refs, 1);
	s->operation = operation;
	s->call = call;
	s->stream = stream;
	s->watch.changed = on_change;
	s->job.run = run;
	exec_ref(executor);
	s->executor = executor;
	atomic_init(&s->refs, 2);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

int standing_begin(struct standings *all, pyr_call *call, const struct pyr__operation *operation,
		   pyr_stream *stream, bool (*setup)(struct standing *, const void *),
		   const void *data)
{
	struct standing *s = new_standing(all, call, operation, stream);
	int err;

	if (!s || (setup && !setup(s, data)))
		err = pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	else
		err = pyr_call_defer(call, &s->deferred);
	if (err < 0) {
		if (s)
			atomic_fetch_sub(&s->refs, 1);
		if (s)
			unref(s);
		return err;
	}
	pthread_mutex_lock(&s->lock); /* no step before all is set */
	list(s);
	stream_set_watch(stream, &s->watch);
	pyr_deferred_set_on_cancel(s->deferred, on_cancel, s);
	post(s); /* what has come before, and what is said first */
	pthread_mutex_unlock(&s->lock);
	unref(s);
	return 0;
}
