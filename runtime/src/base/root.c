/* SPDX-License-Identifier: MIT */
#include "base/root.h"

#include <pthread.h>
#include <stddef.h>

static struct roots {
	pthread_mutex_t lock; /* innermost */
	struct root *first;
} roots = { .lock = PTHREAD_MUTEX_INITIALIZER };

void root_add(struct root *root)
{
	pthread_mutex_lock(&roots.lock);
	root->prev = NULL;
	root->next = roots.first;
	if (roots.first)
		roots.first->prev = root;
	roots.first = root;
	pthread_mutex_unlock(&roots.lock);
}

void root_remove(struct root *root)
{
	pthread_mutex_lock(&roots.lock);
	if (root->prev)
		root->prev->next = root->next;
	else
		roots.first = root->next;
	if (root->next)
		root->next->prev = root->prev;
	pthread_mutex_unlock(&roots.lock);
}
