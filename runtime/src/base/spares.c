/* SPDX-License-Identifier: MIT */
#include "base/spares.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

void *spares_take(struct spares *spares)
{
	void *object;

	pthread_mutex_lock(&spares->lock);
	object = spares->first;
	if (object) {
		memcpy(&spares->first, object, sizeof(spares->first));
		spares->n--;
	}
	pthread_mutex_unlock(&spares->lock);
	return object ? object : malloc(spares->size);
}

void spares_put(struct spares *spares, void *object)
{
	bool keeps;

	pthread_mutex_lock(&spares->lock);
	keeps = spares->n < spares->n_max && !MEMORY_IS_CHECKED;
	if (keeps) {
		memcpy(object, &spares->first, sizeof(spares->first));
		spares->first = object;
		spares->n++;
	}
	pthread_mutex_unlock(&spares->lock);
	if (!keeps)
		free(object);
}
