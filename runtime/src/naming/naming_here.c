/* SPDX-License-Identifier: MIT */
#include "naming/naming_here.h"

#include <pyrite/pyrite.h>

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "naming/naming_lease.h"

enum { CLOSING_MS = 2000 };

static struct {
	pthread_mutex_t lock; /* a leaf */
	struct naming_here *first;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

enum naming_place naming_place_of(const char *address)
{
	enum naming_place place = NAMING_ELSEWHERE;
	struct naming_here *here;

	pthread_mutex_lock(&all.lock);
	for (here = all.first; here && place != NAMING_HERE; here = here->next)
		if (strcmp(here->address, address) == 0)
			place = here->is_closing ? NAMING_CLOSING : NAMING_HERE;
	pthread_mutex_unlock(&all.lock);
	return place;
}

void naming_here_add(struct naming_here *here)
{
	pthread_mutex_lock(&all.lock);
	here->next = all.first;
	all.first = here;
	pthread_mutex_unlock(&all.lock);
}

void naming_here_close(struct naming_here *here)
{
	pyr_error *before;
	bool is_first;

	pthread_mutex_lock(&all.lock);
	is_first = !here->is_closing;
	here->is_closing = true;
	pthread_mutex_unlock(&all.lock);
	if (!is_first)
		return;
	before = pyr_error_take();
	lease_remove_daemon(here->address, CLOSING_MS);
	error_restore(before);
}

void naming_here_remove(struct naming_here *here)
{
	struct naming_here **at;

	pthread_mutex_lock(&all.lock);
	for (at = &all.first; *at && *at != here; at = &(*at)->next)
		;
	if (*at)
		*at = here->next;
	pthread_mutex_unlock(&all.lock);
}
