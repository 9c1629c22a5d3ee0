/* SPDX-License-Identifier: MIT */
/* The blocks that our modules have allocated and not freed, in a table with open addressing and one
 * lock. A block that realloc() moves counts as new. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inside.h"

enum { PLACES = 1 << 20 };

static struct place {
	void *block; /* NULL: free */
	void *caller;
	unsigned long age;
} places[PLACES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t n_live;
static unsigned long now, mark;

static size_t home_of(const void *block)
{
	return (((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u) >> 44;
}

void live_add(void *block, void *caller)
{
	size_t i;

	if (!block || !torture_is_ours(caller))
		return;
	pthread_mutex_lock(&lock);
	for (i = home_of(block); places[i].block; i = (i + 1) % PLACES)
		;
	places[i] = (struct place){ block, caller, ++now };
	n_live++;
	pthread_mutex_unlock(&lock);
}

/* Moves those up that would not be found across the gap at i. */
static void close_gap(size_t i)
{
	size_t j = i, home;

	for (;;) {
		places[i].block = NULL;
		do {
			j = (j + 1) % PLACES;
			if (!places[j].block)
				return;
			home = home_of(places[j].block);
		} while (i <= j ? i < home && home <= j : i < home || home <= j);
		places[i] = places[j];
		i = j;
	}
}

void live_remove(void *block)
{
	size_t i;

	if (!block)
		return;
	pthread_mutex_lock(&lock);
	for (i = home_of(block); places[i].block && places[i].block != block; i = (i + 1) % PLACES)
		;
	if (places[i].block) {
		close_gap(i);
		n_live--;
	}
	pthread_mutex_unlock(&lock);
}

TORTURE_API size_t torture_live(void)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = n_live;
	pthread_mutex_unlock(&lock);
	return n;
}

TORTURE_API void torture_mark(void)
{
	pthread_mutex_lock(&lock);
	mark = now;
	pthread_mutex_unlock(&lock);
}

TORTURE_API void torture_tell_live(int fd)
{
	const char *module;
	size_t i, offset;
	char line[200];

	pthread_mutex_lock(&lock);
	for (i = 0; i < PLACES; i++) {
		if (!places[i].block || places[i].age <= mark)
			continue;
		module = torture_module_of(places[i].caller, &offset);
		snprintf(line, sizeof(line), "live %s %zx\n", module, offset);
		if (write(fd, line, strlen(line)) < 0)
			break;
	}
	pthread_mutex_unlock(&lock);
}
