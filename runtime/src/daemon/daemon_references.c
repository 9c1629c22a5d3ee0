/* SPDX-License-Identifier: MIT */
/* Objects that are passed as references: those that live by that, and those of a daemon. */
#include <pyrite/gen.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/error.h"
#include "daemon/daemon_own.h"
#include "exec/callbacks.h"
#include "reference/reference.h"

/* The end of one that lives by its references. */
struct release {
	struct exec_job job;
	struct executor *executor; /* counted */
	pyr_release_cb on_release;
	void *data;
};

static void call_back(struct exec_job *job)
{
	struct release *release = (struct release *)job;
	pyr_error *kept = pyr_error_take();

	release->on_release(release->data);
	error_restore(kept);
	exec_unref(release->executor);
	free(release);
}

static void on_unused(struct object *object)
{
	struct release *release = object->ending;

	release->data = object->data;
	callbacks_post(release->executor, &release->job);
}

/* Returns false when memory is out. */
static bool add_release(struct object *object, struct executor *executor, pyr_release_cb on_release)
{
	struct release *release = calloc(1, sizeof(*release));

	if (!release)
		return false;
	exec_ref(executor);
	*release = (struct release){ { .run = call_back }, executor, on_release, NULL };
	object->ending = release;
	atomic_store(&object->on_unused, on_unused);
	return true;
}

static struct object *new_object(const struct pyr__interface *interface, pyr_daemon *daemon,
				 const void *methods, void *data, pyr_release_cb on_release)
{
	const struct codec_interface *codec = codec_interface_get(interface);
	struct executor *executor = daemon ? daemon->executor : callbacks_executor();
	struct object *object;
	char address[32];

	snprintf(address, sizeof(address), "process %ld", (long)getpid());
	if (!codec || !executor)
		return NULL;
	object = reference_object(codec, daemon ? daemon->host.address : address, methods, data);
	if (!object)
		return NULL;
	if (on_release && !add_release(object, executor, on_release)) {
		object_unref(object);
		return NULL;
	}
	exec_ref(executor);
	object->executor = executor;
	if (daemon)
		object->hooks = daemon->objects.hooks;
	return object;
}

void *pyr__object(const struct pyr__interface *interface, pyr_daemon *daemon, const void *methods,
		  void *data, pyr_release_cb on_release)
{
	struct object *object;
	void *value = NULL;
	int err;

	if (!methods) {
		error_missing("methods");
		return error_from_constructor();
	}
	if (!abi_has_interface(interface))
		return error_from_constructor();
	if ((err = engine_start()) < 0)
		return error_constructor(-err, "%s",
					 err == -PYR_FAILED_PRECONDITION
						 ? ENGINE_FORKED_TEXT
						 : "the runtime cannot be started");
	object = new_object(interface, daemon, methods, data, on_release);
	if (object)
		value = reference_value(object, NULL);
	return value ? value : error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
}

void *pyr__object_of(const struct pyr__interface *interface, pyr_daemon *daemon, const char *id)
{
	struct object *object;
	const char *name;
	void *value;

	if (!daemon || !id) {
		daemon ? error_missing("id") : error_null("daemon");
		return error_from_constructor();
	}
	object = objects_find(&daemon->objects, span_of(id));
	if (!object)
		return error_constructor(PYR_NOT_FOUND, "DaemonError: no object '%s' at %s", id,
					 daemon->host.address);
	name = object->interface->table->name;
	if (!codec_has_interface(object->interface->table, span_of(interface->name))) {
		object_unref(object);
		return error_constructor(
			PYR_FAILED_PRECONDITION,
			"DaemonError: object '%s' at %s has the interface %s, not %s", id,
			daemon->host.address, name, interface->name);
	}
	value = reference_value(object, NULL);
	return value ? value : error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
}
