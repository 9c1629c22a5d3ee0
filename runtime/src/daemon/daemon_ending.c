/* SPDX-License-Identifier: MIT */
#include "daemon/daemon_ending.h"

#include <stdlib.h>

#include "base/error.h"
#include "exec/callbacks.h"
#include "incall/instance.h"

struct ending {
	struct exec_job job;
	struct executor *executor; /* counted */
	pyr_destroy_cb destroy;
	struct object *object; /* counted, from then on */
};

static struct ending *new_ending(struct executor *executor, pyr_destroy_cb destroy)
{
	struct ending *ending = calloc(1, sizeof(*ending));

	if (!ending)
		return NULL;
	exec_ref(executor);
	ending->executor = executor;
	ending->destroy = destroy;
	return ending;
}

static void free_ending(struct ending *ending)
{
	if (!ending)
		return;
	exec_unref(ending->executor);
	free(ending);
}

/* First what was made of the data, then they. */
static void destroy_data(struct exec_job *job)
{
	struct ending *ending = (struct ending *)job;
	struct object *object = ending->object;
	pyr_error *kept;

	instance_end_single(object);
	kept = pyr_error_take();
	if (ending->destroy)
		ending->destroy(object->data);
	error_restore(kept);
	object_unref(object);
	free_ending(ending);
}

static void on_unused(struct object *object)
{
	struct ending *ending = object->ending;

	object_ref(object);
	ending->object = object;
	ending->job.run = destroy_data;
	callbacks_post(ending->executor, &ending->job);
}

bool ending_set(struct object *object, struct executor *executor, pyr_destroy_cb destroy)
{
	object->ending = new_ending(executor, destroy);
	if (object->ending)
		atomic_store(&object->on_unused, on_unused);
	return object->ending;
}

void ending_forget(struct object *object)
{
	atomic_store(&object->on_unused, NULL);
	free_ending(object->ending);
	object->ending = NULL;
}

int ending_replace(struct object_table *table, const char *id, struct executor *executor,
		   pyr_destroy_cb destroy)
{
	void *place = new_ending(executor, destroy);
	bool is_there;

	if (!place)
		return PYR_RESOURCE_EXHAUSTED;
	is_there = objects_on_unused(table, id, on_unused, &place);
	free_ending(place); /* what was set before, or this one */
	return is_there ? 0 : PYR_NOT_FOUND;
}
