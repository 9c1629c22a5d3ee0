/* SPDX-License-Identifier: MIT */
#include "naming/naming_told.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "exec/callbacks.h"

enum { WAITING = 8 /* events of one, while its callback takes its time */ };

struct event;

struct told {
	const char *server, *name, *uri, *daemon; /* in one block with it */
	struct executor *executor;                /* borrowed: the callback thread's */
	pyr_ns_lease_cb callback;
	void *data;
	/* the lock: */
	struct told *next;
	unsigned refs;      /* its lease's, and those of events on their way */
	struct event *last; /* the newest that waits; NULL: none does */
	bool is_over, is_running;
	pthread_t thread; /* while it runs */
};

struct event {
	struct exec_job job;
	struct told *told;
	struct pyr_ns_lease_event event;
	pyr_error *error; /* owned */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct told *first;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .returned = PTHREAD_COND_INITIALIZER };

struct told *told_new(const char *server, const char *name, const char *uri, const char *daemon,
		      pyr_ns_lease_cb callback, void *data)
{
	size_t n = strlen(server) + strlen(name) + strlen(uri) + strlen(daemon) + 4;
	struct executor *executor = callbacks_executor();
	struct told *told = executor ? calloc(1, sizeof(*told) + n) : NULL;
	char *at;

	if (!told)
		return NULL;
	at = (char *)(told + 1);
	told->server = text_keep(&at, server);
	told->name = text_keep(&at, name);
	told->uri = text_keep(&at, uri);
	told->daemon = text_keep(&at, daemon);
	told->executor = executor;
	told->callback = callback;
	told->data = data;
	told->refs = 1;
	pthread_mutex_lock(&all.lock);
	told->next = all.first;
	all.first = told;
	pthread_mutex_unlock(&all.lock);
	return told;
}

void told_unref(struct told *told)
{
	struct told **place = &all.first;
	bool is_last;

	if (!told)
		return;
	pthread_mutex_lock(&all.lock);
	is_last = --told->refs == 0;
	while (is_last && *place != told)
		place = &(*place)->next;
	if (is_last)
		*place = told->next;
	pthread_mutex_unlock(&all.lock);
	if (is_last)
		free(told);
}

static void free_event(struct event *event)
{
	pyr_error_free(event->error);
	free(event);
}

/* In the callback thread. */
static void run(struct exec_job *job)
{
	struct event *event = (struct event *)job; /* the first member */
	struct told *told = event->told;
	pyr_error *kept = pyr_error_take();

	pthread_mutex_lock(&all.lock);
	if (told->last == event)
		told->last = NULL;
	if (!told->is_over) {
		told->is_running = true;
		told->thread = pthread_self();
		pthread_mutex_unlock(&all.lock);
		error_restore(event->error);
		event->error = NULL;
		told->callback(&event->event, told->data);
		pthread_mutex_lock(&all.lock);
		told->is_running = false;
		pthread_cond_broadcast(&all.returned);
	}
	pthread_mutex_unlock(&all.lock);
	error_restore(kept);
	free_event(event);
	told_unref(told);
}

/* Enough wait: the newest is about what has become of it since. Takes the event if so. With the
 * lock. */
static bool replace_last(struct told *told, struct event *event)
{
	struct event *last = told->last;
	pyr_error *error;

	if (!last || told->refs <= WAITING)
		return false;
	error = last->error;
	last->error = event->error;
	last->event = event->event;
	event->error = error;
	return true;
}

void told_post(struct told *told, enum pyr_ns_lease_state state, uint64_t generation)
{
	struct event *event = told ? calloc(1, sizeof(*event)) : NULL;
	bool is_replaced;

	if (!told)
		return;
	if (!event) {
		log_line(PYR_LOG_WARNING, "out of memory for the callback of name %s", told->name);
		return;
	}
	event->told = told;
	event->job.run = run;
	event->event = (struct pyr_ns_lease_event){
		.state = state, .name = told->name, .uri = told->uri, .generation = generation
	};
	event->error = state == PYR_LEASE_HELD ? NULL : error_copy();
	pthread_mutex_lock(&all.lock);
	is_replaced = replace_last(told, event);
	if (!is_replaced) {
		told->refs++;
		told->last = event;
	}
	pthread_mutex_unlock(&all.lock);
	if (is_replaced)
		free_event(event);
	else
		callbacks_post(told->executor, &event->job);
}

static bool fits(const char *wanted, const char *its)
{
	return !wanted || strcmp(wanted, its) == 0;
}

/* Ends those that fit. Returns whether one of them runs in another thread. With the lock. */
static bool end_all(const char *server, const char *name, const char *uri, const char *daemon)
{
	bool runs = false;
	struct told *told;

	for (told = all.first; told; told = told->next) {
		if (!fits(server, told->server) || !fits(name, told->name) ||
		    !fits(uri, told->uri) || !fits(daemon, told->daemon))
			continue;
		told->is_over = true;
		runs |= told->is_running && !pthread_equal(told->thread, pthread_self());
	}
	return runs;
}

void told_end(const char *server, const char *name, const char *uri, const char *daemon)
{
	pthread_mutex_lock(&all.lock);
	while (end_all(server, name, uri, daemon))
		pthread_cond_wait(&all.returned, &all.lock);
	pthread_mutex_unlock(&all.lock);
}
