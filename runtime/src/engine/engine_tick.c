/* SPDX-License-Identifier: MIT */
/* Who is called about every millisecond while there is traffic. */
#include "engine/engine.h"

static struct ticks {
	pthread_mutex_t lock; /* held while they run; taken before a peer's lock */
	struct engine_ticker *first;
} ticks = { .lock = PTHREAD_MUTEX_INITIALIZER };

void engine_ticker_add(struct engine_ticker *ticker)
{
	pthread_mutex_lock(&ticks.lock);
	ticker->next = ticks.first;
	ticks.first = ticker;
	pthread_mutex_unlock(&ticks.lock);
}

void engine_ticker_remove(struct engine_ticker *ticker)
{
	struct engine_ticker **at;

	pthread_mutex_lock(&ticks.lock);
	for (at = &ticks.first; *at && *at != ticker; at = &(*at)->next)
		;
	if (*at)
		*at = ticker->next;
	pthread_mutex_unlock(&ticks.lock);
}

void engine_tick(void)
{
	struct engine_ticker *t;

	pthread_mutex_lock(&ticks.lock);
	for (t = ticks.first; t; t = t->next)
		t->tick(t);
	pthread_mutex_unlock(&ticks.lock);
}
