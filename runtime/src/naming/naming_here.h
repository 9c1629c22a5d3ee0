/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMING_HERE_H
#define PYRITE_NAMING_HERE_H
/*
 * The daemons of this process, as naming sees them: names that lead to one are leased; one that is
 * closing has given its names back and takes no new ones. Any thread.
 */
#include <stdbool.h>

/* Part of a daemon. */
struct naming_here {
	const char *address; /* "127.0.0.1:4000", "./u:/path" */
	bool is_closing;
	struct naming_here *next;
};

enum naming_place { NAMING_ELSEWHERE, NAMING_HERE, NAMING_CLOSING };

/* Whose an address is. One that is closing may have its successor there already. */
enum naming_place naming_place_of(const char *address);

void naming_here_add(struct naming_here *here);
/* Gives its names back, the first time: later the names at the address are a successor's. Blocks,
 * at most 2 s. Called by the daemon before it closes its door, by a thread that may wait. Leaves
 * the last error alone. */
void naming_here_close(struct naming_here *here);
void naming_here_remove(struct naming_here *here);
#endif
