/* SPDX-License-Identifier: MIT */
#include "attendance.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct attendance {
	struct attendance *next;
	struct attendances *all;
	pyr_deferred *deferred;
	uint8_t secret[SECRET_SIZE];
};

struct attendances {
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t all_gone;
	struct attendance *present, *gone;
	size_t n;
};

struct attendances *attendances_new(void)
{
	struct attendances *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->all_gone, NULL);
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
	pthread_cond_destroy(&all->all_gone);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static bool attends(const struct attendances *all, const uint8_t *secret)
{
	const struct attendance *attendance;

	for (attendance = all->present; attendance; attendance = attendance->next)
		if (memcmp(attendance->secret, secret, SECRET_SIZE) == 0)
			break;
	return attendance != NULL;
}

void attendances_end(struct attendances *all, struct registry *registry)
{
	struct attendance *gone, *each;

	pthread_mutex_lock(&all->lock);
	gone = all->gone;
	all->gone = NULL;
	for (each = gone; each; each = each->next) {
		all->n--;
		if (!attends(all, each->secret))
			registry_orphan(registry, each->secret);
	}
	pthread_mutex_unlock(&all->lock);
	free_list(gone);
}

/* In a thread of the runtime: the owner's connection is gone. */
static void on_gone(pyr_deferred *deferred, void *data)
{
	struct attendance *attendance = data, **place;
	struct attendances *all = attendance->all;

	(void)deferred;
	pthread_mutex_lock(&all->lock);
	for (place = &all->present; *place; place = &(*place)->next) {
		if (*place != attendance)
			continue;
		*place = attendance->next;
		attendance->next = all->gone;
		all->gone = attendance;
		break;
	}
	if (!all->present)
		pthread_cond_signal(&all->all_gone);
	pthread_mutex_unlock(&all->lock);
}

int attendances_add(struct attendances *all, pyr_call *call, const uint8_t *secret)
{
	struct attendance *attendance;
	int status;

	if (all->n >= ATTENDANCES)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "%d owners attend already",
				ATTENDANCES);
	attendance = calloc(1, sizeof(*attendance));
	if (!attendance)
		return pyr_fail(call, PYR_RESOURCE_EXHAUSTED, "out of memory");
	status = pyr_call_defer(call, &attendance->deferred);
	if (status < 0) {
		free(attendance);
		return status;
	}
	attendance->all = all;
	memcpy(attendance->secret, secret, SECRET_SIZE);
	pthread_mutex_lock(&all->lock);
	attendance->next = all->present;
	all->present = attendance;
	all->n++;
	pthread_mutex_unlock(&all->lock);
	pyr_deferred_set_on_cancel(attendance->deferred, on_gone, attendance);
	return 0;
}
