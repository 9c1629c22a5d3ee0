/* SPDX-License-Identifier: MIT */
/* A daemon's objects, as its users see them. */
#include <pyrite/gen.h>

#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "base/error.h"
#include "base/uri.h"
#include "daemon/daemon_ending.h"
#include "daemon/daemon_own.h"
#include "incall/instance.h"
#include "reference/reference.h"

const char *pyr_daemon_address(pyr_daemon *daemon)
{
	return daemon ? daemon->host.address : "";
}

/* An id must be writable in a URI. Returns 0, or the code of what is wrong. */
static int check_in_uri(const char *id)
{
	struct uri_problem problem = { 0 };
	char text[URI_MAX];
	pyr_uri *uri;

	if (strlen(id) > URI_OBJECT_MAX)
		return PYR_INVALID_ARGUMENT;
	strcat(strcat(strcpy(text, "PYRO:"), id), "@127.0.0.1:1");
	uri = uri_parse(text, &problem);
	pyr_uri_free(uri);
	return uri ? 0 : problem.code;
}

int daemon_check_id(const char *id)
{
	int code = id ? check_in_uri(id) : 0;

	if (code == 0)
		return 0;
	return code == PYR_RESOURCE_EXHAUSTED
		       ? error_set(code, "DaemonError: out of memory for object '%.300s'", id)
		       : error_set(code, "DaemonError: '%.300s' cannot be the id of an object", id);
}

/* What the options ask for and cannot be. Returns 0 or minus a status. */
static int check_options(const struct pyr_register_options *o)
{
	if (o->mode < PYR_SINGLE || o->mode > PYR_PER_CALL)
		return error_set(PYR_INVALID_ARGUMENT, "DaemonError: invalid instance mode: %d",
				 (int)o->mode);
	if (!o->create && (o->mode != PYR_SINGLE || o->destroy_instance))
		return error_missing("create");
	return 0;
}

int daemon_put(pyr_daemon *daemon, struct object *object, const struct pyr_register_options *o)
{
	int code, err = 0;

	object_ref(object);
	code = objects_put(&daemon->objects, object, o->replace, o->is_default);
	if (code) {
		err = error_set(code, "DaemonError: object '%s' exists at %s already", object->id,
				daemon->host.address);
		ending_forget(object);
	}
	object_unref(object);
	return err;
}

/* With one reference; NULL when memory is out. */
static struct object *new_object(pyr_daemon *daemon, const struct pyr__interface *interface,
				 const char *id, const void *methods, void *data)
{
	const struct codec_interface *codec = codec_interface_get(interface);
	struct object *object = codec ? objects_new(&daemon->objects, codec, id,
						    daemon->host.address, methods, data)
				      : NULL;

	if (object)
		reference_set_executor(object, daemon->executor);
	return object;
}

/* Returns false when memory is out. */
static bool set_life(pyr_daemon *daemon, struct object *object,
		     const struct pyr_register_options *o)
{
	return instance_begin(object, o) &&
	       ((!o->destroy && !o->create) || ending_set(object, daemon->executor, o->destroy));
}

const char *pyr__register_with(pyr_daemon *daemon, const struct pyr__interface *interface,
			       const char *id, const void *methods, void *data,
			       const struct pyr_register_options *options, size_t size)
{
	struct pyr_register_options own;
	struct object *object;
	const char *uri;

	if (!daemon || !methods) {
		daemon ? error_missing("methods") : error_null("daemon");
		return error_from_constructor();
	}
	if (!abi_has_interface(interface) ||
	    abi_options(&own, sizeof(own), options, size, "pyr_register_options") < 0 ||
	    check_options(&own) < 0 || daemon_check_id(id) < 0)
		return error_from_constructor();
	object = new_object(daemon, interface, id, methods, data);
	if (!object || !set_life(daemon, object, &own)) {
		object_unref(object);
		return error_constructor(PYR_RESOURCE_EXHAUSTED, "out of memory");
	}
	uri = object->uri;
	return daemon_put(daemon, object, &own) == 0 ? uri : error_from_constructor();
}

const char *pyr__register(pyr_daemon *daemon, const struct pyr__interface *interface,
			  const char *id, const void *methods, void *data)
{
	return pyr__register_with(daemon, interface, id, methods, data, NULL, 0);
}

const char *pyr_daemon_uri(pyr_daemon *daemon, const char *id)
{
	struct object *object;
	const char *uri;

	if (!daemon || !id) {
		daemon ? error_missing("id") : error_null("daemon");
		return NULL;
	}
	object = objects_find(&daemon->objects, span_of(id));
	if (!object)
		return error_constructor(PYR_NOT_FOUND, "DaemonError: no object '%s' at %s", id,
					 daemon->host.address);
	uri = object->uri; /* the table's, until it is unregistered */
	object_unref(object);
	return uri;
}

int pyr_daemon_unregister(pyr_daemon *daemon, const char *id)
{
	if (!daemon || !id)
		return daemon ? error_missing("id") : error_null("daemon");
	if (objects_remove(&daemon->objects, id))
		return 0;
	return error_set(PYR_NOT_FOUND, "DaemonError: no object '%s' at %s", id,
			 daemon->host.address);
}

int pyr_daemon_unregister_data(pyr_daemon *daemon, const void *data)
{
	if (!daemon || !data)
		return daemon ? error_missing("data") : error_null("daemon");
	if (objects_remove_data(&daemon->objects, data) > 0)
		return 0;
	return error_set(PYR_NOT_FOUND, "DaemonError: no object with these data at %s",
			 daemon->host.address);
}

int pyr_daemon_set_destroy(pyr_daemon *daemon, const char *id, pyr_destroy_cb destroy)
{
	int code;

	if (!daemon || !id || !destroy)
		return daemon ? error_missing(id ? "destroy" : "id") : error_null("daemon");
	code = ending_replace(&daemon->objects, id, daemon->executor, destroy);
	if (code == PYR_NOT_FOUND)
		return error_set(code, "DaemonError: no object '%s' at %s", id,
				 daemon->host.address);
	return code ? error_set(code, "out of memory") : 0;
}

int pyr_daemon_set_default(pyr_daemon *daemon, const char *id)
{
	if (!daemon || !id)
		return daemon ? error_missing("id") : error_null("daemon");
	if (objects_set_default(&daemon->objects, id))
		return 0;
	return error_set(PYR_NOT_FOUND, "DaemonError: no object '%s' at %s", id,
			 daemon->host.address);
}
