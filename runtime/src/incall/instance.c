/* SPDX-License-Identifier: MIT */
#include "incall/instance.h"

#include <stdlib.h>

#include "base/error.h"
#include "exec/callbacks.h"

bool instance_begin(struct object *object, const struct pyr_register_options *options)
{
	struct object_life *life;

	if (!options->serial && !options->create)
		return true;
	life = calloc(1, sizeof(*life));
	if (!life)
		return false;
	life->mode = options->mode;
	life->is_serial = options->serial;
	life->create = options->create;
	life->destroy = options->destroy_instance;
	life->single.is_single = true;
	life->single.object = object;
	life->single.data = options->create ? NULL : object->data;
	life->single.is_made = !options->create;
	object->life = life;
	return true;
}

struct instance *instance_new(struct object *object)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	if (!instance)
		return NULL;
	instance->refs = 1;
	instance->object = object;
	object_ref(object);
	return instance;
}

struct instance *instance_ref(struct instance *instance)
{
	if (!instance->is_single)
		atomic_fetch_add_explicit(&instance->refs, 1, memory_order_relaxed);
	return instance;
}

/* What was registered with the object stays until the last of its instances is gone. */
void instance_made(struct instance *instance, void *data)
{
	if (!instance->is_single)
		(void)object_enter(instance->object);
	instance->data = data;
	atomic_store(&instance->is_made, true);
}

static void end_data(const struct instance *instance)
{
	pyr_destroy_cb destroy = instance->object->life->destroy;
	pyr_error *kept;

	if (!destroy || !atomic_load(&instance->is_made))
		return;
	kept = pyr_error_take();
	destroy(instance->data);
	error_restore(kept);
}

void instance_end(struct instance *instance)
{
	end_data(instance);
	if (atomic_load(&instance->is_made))
		object_leave(instance->object);
	object_unref(instance->object);
	free(instance);
}

static void end(struct exec_job *job)
{
	instance_end((struct instance *)((char *)job - offsetof(struct instance, job)));
}

void instance_unref(struct instance *instance)
{
	if (!instance || instance->is_single || atomic_fetch_sub(&instance->refs, 1) != 1)
		return;
	if (!atomic_load(&instance->is_made)) {
		instance_end(instance);
		return;
	}
	instance->job.run = end;
	callbacks_post(instance->object->executor, &instance->job);
}

void instance_end_single(struct object *object)
{
	if (object->life && object->life->mode == PYR_SINGLE && object->life->create)
		end_data(&object->life->single);
}
