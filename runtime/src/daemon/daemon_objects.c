/* SPDX-License-Identifier: MIT */
/* A daemon's objects, as its users see them. */
#include <pyrite/gen.h>

#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "base/error.h"
#include "base/uri.h"
#include "daemon/daemon_own.h"
#include "exec/callbacks.h"

const char *pyr_daemon_address(pyr_daemon *daemon)
{
	return daemon ? daemon->host.address : "";
}

/* An id must be writable in a URI. */
static bool is_id(const char *id)
{
	char text[URI_MAX];
	struct uri_problem problem;
	pyr_uri *uri;

	if (strlen(id) > URI_OBJECT_MAX)
		return false;
	strcat(strcat(strcpy(text, "PYRO:"), id), "@127.0.0.1:1");
	uri = uri_parse(text, &problem);
	pyr_uri_free(uri);
	return uri != NULL;
}

const char *pyr__register(pyr_daemon *daemon, const struct pyr__interface *interface,
			  const char *id, const void *methods, void *data)
{
	const struct codec_interface *codec;
	struct object *object;
	int code = PYR_RESOURCE_EXHAUSTED;

	if (!daemon || !methods) {
		daemon ? error_missing("methods") : error_null("daemon");
		return error_from_constructor();
	}
	if (!abi_has_interface(interface))
		return error_from_constructor();
	if (id && !is_id(id))
		return error_constructor(PYR_INVALID_ARGUMENT,
					 "DaemonError: '%.300s' cannot be the id of an object", id);
	codec = codec_interface_get(interface);
	object = codec ? objects_add(&daemon->objects, codec, id, daemon->host.address, methods,
				     data, &code)
		       : NULL;
	if (object)
		return object->uri;
	if (code == PYR_ALREADY_EXISTS)
		return error_constructor(code, "DaemonError: object '%s' exists at %s already", id,
					 daemon->host.address);
	return error_constructor(code, "out of memory");
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

/* ---- the end of an object's data ---- */

struct ending {
	struct exec_job job;
	struct executor *executor; /* counted */
	pyr_destroy_cb destroy;
	void *data;
};

static void free_ending(struct ending *ending)
{
	if (!ending)
		return;
	exec_unref(ending->executor);
	free(ending);
}

static void destroy_data(struct exec_job *job)
{
	struct ending *ending = (struct ending *)job;
	pyr_error *kept = pyr_error_take();

	ending->destroy(ending->data);
	error_restore(kept);
	free_ending(ending);
}

static void on_unused(struct object *object)
{
	struct ending *ending = object->ending;

	ending->data = object->data;
	ending->job.run = destroy_data;
	callbacks_post(ending->executor, &ending->job);
}

int pyr_daemon_set_destroy(pyr_daemon *daemon, const char *id, pyr_destroy_cb destroy)
{
	struct ending *ending;
	bool is_there;
	void *place;

	if (!daemon || !id || !destroy)
		return daemon ? error_missing(id ? "destroy" : "id") : error_null("daemon");
	place = ending = calloc(1, sizeof(*ending));
	if (!ending)
		return error_set(PYR_RESOURCE_EXHAUSTED, "out of memory");
	exec_ref(daemon->executor);
	ending->executor = daemon->executor;
	ending->destroy = destroy;
	is_there = objects_on_unused(&daemon->objects, id, on_unused, &place);
	free_ending(place); /* what was set before, or this one */
	return is_there ? 0
			: error_set(PYR_NOT_FOUND, "DaemonError: no object '%s' at %s", id,
				    daemon->host.address);
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
