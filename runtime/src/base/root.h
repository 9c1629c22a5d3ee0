/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ROOT_H
#define PYRITE_ROOT_H
/*
 * The handles that a program holds and may never free: they stay reachable from here, so that one
 * that just ends is clean under LeakSanitizer, and what it does report is a leak. Any thread.
 */
struct root {
	struct root *next, *prev;
};

void root_add(struct root *root);
void root_remove(struct root *root);
#endif
