/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* tdestroy() */
#include "attendance.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "owners.h"

/* A connection, as far as it can be told: on a unix socket, the process at its other end. */
struct attendee {
	char peer[80]; /* first */
	long pid;
	size_t n;
};

struct attendance {
	struct attendance *next, **link; /* link: while it is present */
	struct attendances *all;
	pyr_deferred *deferred;
	struct owner *owner;
	struct attendee *attendee;
};

struct attendances {
	struct owners owners; /* those of present and gone; the method thread's, as are: */
	void *attendees;
	size_t n;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t all_gone;
	struct attendance *present, *gone;
};

struct attendances *attendances_new(void)
{
	struct attendances *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->all_gone, NULL);
	owners_init(&all->owners);
	return all;
}

static void free_list(struct attendance *attendance)
{
	struct attendance *next;

	for (; attendance; attendance = next) {
		next = attendance->next;
		pyr_deferred_free(attendance->deferred); /* after it nobody tells of it any more */
		free(attendance);
	}
}

/* The connections are closed, so each owner's end is being told; but only so long. */
static void wait_for_the_last(struct attendances *all)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	while (all->present && pthread_cond_timedwait(&all->all_gone, &all->lock, &until) == 0)
		;
}

void attendances_free(struct attendances *all)
{
	struct attendance *present, *gone;

	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	wait_for_the_last(all);
	present = all->present;
	gone = all->gone;
	all->present = all->gone = NULL;
	pthread_mutex_unlock(&all->lock);
	free_list(present);
	free_list(gone);
	owners_fini(&all->owners);
	tdestroy(all->attendees, free);
	pthread_cond_destroy(&all->all_gone);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* ---- connections ---- */

static int compare(const void *a, const void *b)
{
	const struct attendee *one = a, *two = b;

	if (one->pid != two->pid)
		return one->pid < two->pid ? -1 : 1;
	return strcmp(one->peer, two->peer);
}

/* Finds or makes the one that the call comes from, and counts the call. NULL: memory is out. */
static struct attendee *take_attendee(struct attendances *all, pyr_call *call)
{
	struct attendee key = { .n = 1 }, *made, **place;
	struct pyr_credentials credentials;

	strncat(key.peer, pyr_call_peer(call), sizeof(key.peer) - 1);
	if (pyr_call_credentials(call, &credentials))
		key.pid = (long)credentials.pid;
	place = tfind(&key, &all->attendees, compare);
	if (place) {
		(*place)->n++;
		return *place;
	}
	made = malloc(sizeof(*made));
	if (!made)
		return NULL;
	*made = key;
	if (tsearch(made, &all->attendees, compare))
		return made;
	free(made);
	return NULL;
}

static void drop_attendee(struct attendances *all, struct attendee *attendee)
{
	if (!attendee || --attendee->n > 0)
		return;
	(void)tdelete(attendee, &all->attendees, compare);
	free(attendee);
}

/* ---- attendances ---- */

/* It is in no list. */
static void let_go(struct attendances *all, struct attendance *attendance)
{
	owners_drop(&all->owners, attendance->owner);
	drop_attendee(all, attendance->attendee);
	attendance->owner = NULL;
	attendance->attendee = NULL;
}

void attendances_end(struct attendances *all, struct registry *registry)
{
	struct attendance *gone, *each;

	pthread_mutex_lock(&all->lock);
	gone = all->gone;
	all->gone = NULL;
	pthread_mutex_unlock(&all->lock);
	for (each = gone; each; each = each->next) {
		all->n--;
		/* no other call of his is here */
		if (each->owner->n == 1 && !each->owner->has_left)
			registry_orphan(registry, each->owner->secret);
		let_go(all, each);
	}
	free_list(gone);
}

static void put_in(struct attendance *attendance, struct attendance **list)
{
	attendance->next = *list;
	attendance->link = list;
	if (*list)
		(*list)->link = &attendance->next;
	*list = attendance;
}

static void take_out(struct attendance *attendance)
{
	*attendance->link = attendance->next;
	if (attendance->next)
		attendance->next->link = attendance->link;
}

/* In a thread of the runtime: the owner's connection is gone. */
static void on_gone(pyr_deferred *deferred, void *data)
{
	struct attendance *attendance = data;
	struct attendances *all = attendance->all;

	(void)deferred;
	pthread_mutex_lock(&all->lock);
	if (all->present) { /* not when all are freed without waiting any longer */
		take_out(attendance);
		put_in(attendance, &all->gone);
	}
	if (!all->present)
		pthread_cond_signal(&all->all_gone);
	pthread_mutex_unlock(&all->lock);
}

static int no_memory(pyr_call *call)
{
	return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
}

/* Fills in whose it is. Returns 0 or what the method returns. */
static int fill_in(struct attendances *all, struct attendance *attendance, pyr_call *call,
		   const uint8_t *secret)
{
	attendance->all = all;
	attendance->attendee = take_attendee(all, call);
	attendance->owner = owners_take(&all->owners, secret);
	if (!attendance->attendee || !attendance->owner)
		return no_memory(call);
	if (attendance->attendee->n > ATTENDANCES_EACH)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED,
				"NamingError: too many owners on this connection: %d",
				ATTENDANCES_EACH);
	return pyr_call_defer(call, &attendance->deferred);
}

int attendances_add(struct attendances *all, pyr_call *call, const uint8_t *secret)
{
	struct attendance *attendance;
	int status;

	if (all->n >= ATTENDANCES)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "NamingError: too many owners: %d",
				ATTENDANCES);
	attendance = calloc(1, sizeof(*attendance));
	if (!attendance)
		return no_memory(call);
	status = fill_in(all, attendance, call, secret);
	if (status < 0) {
		let_go(all, attendance);
		free(attendance);
		return status;
	}
	attendance->owner->has_left = false;
	pthread_mutex_lock(&all->lock);
	put_in(attendance, &all->present);
	pthread_mutex_unlock(&all->lock);
	all->n++;
	pyr_deferred_set_on_cancel(attendance->deferred, on_gone, attendance);
	return 0;
}

void attendances_leave(struct attendances *all, const uint8_t *secret)
{
	struct owner *owner = owners_find(&all->owners, secret);

	if (owner)
		owner->has_left = true;
}

bool attendances_has(struct attendances *all, const uint8_t *secret)
{
	return owners_find(&all->owners, secret);
}
