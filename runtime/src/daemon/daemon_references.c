/* SPDX-License-Identifier: MIT */
/* Objects that are passed as references: those that live by that, and those of a daemon. */
#include <pyrite/gen.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/error.h"
#include "daemon/daemon_ending.h"
#include "daemon/daemon_own.h"
#include "exec/callbacks.h"
#include "incall/instance.h"
#include "reference/reference.h"

/* One reference, of one use. NULL when memory is out. */
static struct object *new_object(const struct pyr__interface *interface, pyr_daemon *daemon,
				 const void *methods, void *data,
				 const struct pyr_object_options *options)
{
	struct pyr_register_options life = { .serial = options->serial };
	const struct codec_interface *codec = codec_interface_get(interface);
	struct executor *executor = daemon ? daemon->executor : callbacks_executor();
	struct object *object;
	char address[32];

	snprintf(address, sizeof(address), "process %ld", (long)getpid());
	if (!codec || !executor)
		return NULL;
	object = reference_object(codec, options->id, daemon ? daemon->host.address : address,
				  methods, data);
	if (!object)
		return NULL;
	reference_set_executor(object, executor);
	if (daemon)
		object->hooks = daemon->objects.hooks;
	if (instance_begin(object, &life))
		return object;
	object_unref(object);
	return NULL;
}

/* The table's reference is none of its users'. */
static int put_weakly(pyr_daemon *daemon, struct object *object)
{
	object->is_weak = true;
	object->is_listed = true;
	object_ref(object);
	return daemon_put(daemon, object, &(struct pyr_register_options){ 0 });
}

/* Takes the object's one reference and use. */
static void *finish(struct object *object, pyr_daemon *daemon, pyr_release_cb on_release,
		    const struct pyr_object_options *options)
{
	void *value = object ? reference_value(object, NULL) : NULL;

	if (value && on_release && !ending_set(object, object->executor, on_release)) {
		reference_maker()->free(value);
		value = NULL;
	}
	if (!value)
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	if (!options->id || put_weakly(daemon, object) == 0)
		return value;
	reference_maker()->free(value); /* on_release is for what its owner has had */
	return error_from_constructor();
}

void *pyr__object_with(const struct pyr__interface *interface, pyr_daemon *daemon,
		       const void *methods, void *data, pyr_release_cb on_release,
		       const struct pyr_object_options *options, size_t size)
{
	struct pyr_object_options own;
	int err;

	if (!methods) {
		error_missing("methods");
		return error_from_constructor();
	}
	if (!abi_has_interface(interface) ||
	    abi_options(&own, sizeof(own), options, size, "pyr_object_options") < 0 ||
	    daemon_check_id(own.id) < 0 || (own.id && !daemon && error_missing("daemon")))
		return error_from_constructor();
	if ((err = engine_start()) < 0)
		return error_constructor(-err, "%s",
					 err == -PYR_FAILED_PRECONDITION
						 ? ENGINE_FORKED_TEXT
						 : "the runtime cannot be started");
	return finish(new_object(interface, daemon, methods, data, &own), daemon, on_release, &own);
}

void *pyr__object(const struct pyr__interface *interface, pyr_daemon *daemon, const void *methods,
		  void *data, pyr_release_cb on_release)
{
	return pyr__object_with(interface, daemon, methods, data, on_release, NULL, 0);
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
	if (object->is_counted && !object_enter_again(object)) {
		object_unref(object);
		return error_constructor(PYR_NOT_FOUND, "DaemonError: no object '%s' at %s", id,
					 daemon->host.address);
	}
	value = reference_value(object, NULL);
	return value ? value : error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
}
