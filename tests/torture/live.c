/* SPDX-License-Identifier: MIT */
/* The blocks that our modules have allocated and not freed, in a table with open addressing and one
 * lock. A block that realloc() moves counts as new. The lock is not one of pthread's, which
 * sanitizers replace by functions that do not work yet when the first blocks are allocated. */
#include <sched.h>
#include <stdatomic.h>
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

static atomic_flag is_locked = ATOMIC_FLAG_INIT;
static size_t n_live;
static unsigned long now, mark;

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&is_locked, memory_order_acquire))
		sched_yield();
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&is_locked, memory_order_release);
}

static size_t home_of(const void *block)
{
	return (((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u) >> 44;
}

void live_add(void *block, void *caller)
{
	size_t i;

	if (!block || !torture_is_ours(caller))
		return;
	lock();
	for (i = home_of(block); places[i].block; i = (i + 1) % PLACES)
		;
	places[i] = (struct place){ block, caller, ++now };
	n_live++;
	unlock();
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
	lock();
	for (i = home_of(block); places[i].block && places[i].block != block; i = (i + 1) % PLACES)
		;
	if (places[i].block) {
		close_gap(i);
		n_live--;
	}
	unlock();
}

TORTURE_API size_t torture_live(void)
{
	size_t n;

	lock();
	n = n_live;
	unlock();
	return n;
}

TORTURE_API void torture_mark(void)
{
	lock();
	mark = now;
	unlock();
}

TORTURE_API void torture_tell_live(int fd)
{
	const char *module;
	size_t i, offset;
	char line[200];

	lock();
	for (i = 0; i < PLACES; i++) {
		if (!places[i].block || places[i].age <= mark)
			continue;
		module = torture_module_of(places[i].caller, &offset);
		snprintf(line, sizeof(line), "live %s %zx\n", module, offset);
		if (write(fd, line, strlen(line)) < 0)
			break;
	}
	unlock();
}
