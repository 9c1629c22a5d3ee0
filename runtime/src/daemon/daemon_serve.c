/* SPDX-License-Identifier: MIT */
/* A server in one call: a daemon, its objects, their names, and the run. */
#include <pyrite/gen.h>

#include <stdio.h>

#include "base/abi.h"
#include "base/error.h"

static int give_name(pyr_ns **ns, const struct pyr_serve_options *o, const char *name,
		     const char *uri)
{
	struct pyr_ns_locate_options locate = { .wait_ms = o->ns_wait_ms };
	struct pyr_ns_register_options how = {
		.replace = o->replace, .shared = o->shared, .on_lease = o->on_lease, .data = o->data
	};

	if (!*ns)
		*ns = pyr_ns_locate_with(o->ns, &locate);
	return pyr_ns_register_with(*ns, name, uri, &how);
}

static int register_one(pyr_daemon *daemon, pyr_ns **ns, const struct pyr_serve_options *o,
			const struct pyr_export *e)
{
	const char *uri = pyr__register_with(daemon, e->interface, e->id, e->methods, e->data,
					     e->options, e->options_size);

	if (!uri)
		return -pyr_last_error()->code;
	return e->name ? give_name(ns, o, e->name, uri) : 0;
}

/* size: of an element of the array, as the program was compiled. */
static int register_all(pyr_daemon *daemon, pyr_ns **ns, const struct pyr_serve_options *o,
			const struct pyr_export *exports, size_t size)
{
	const char *at = (const char *)exports;
	struct pyr_export e;
	int err;

	for (;; at += size) {
		err = abi_options(&e, sizeof(e), at, size, "pyr_export");
		if (err < 0 || !e.interface)
			return err;
		err = register_one(daemon, ns, o, &e);
		if (err < 0)
			return err;
	}
}

static int run(pyr_daemon *daemon, const struct pyr_serve_options *o)
{
	int err = o->on_ready ? o->on_ready(daemon, o->data) : 0;

	if (err < 0)
		return err;
	if (!o->ready || o->ready[0])
		puts(o->ready ? o->ready : "Ready");
	return pyr_daemon_run(daemon);
}

int pyr__serve(const struct pyr_serve_options *options, size_t size, size_t daemon_size,
	       const struct pyr_export *exports, size_t export_size)
{
	struct pyr_serve_options own;
	pyr_daemon *daemon;
	pyr_ns *ns = NULL;
	pyr_error *why;
	int err;

	if (abi_options(&own, sizeof(own), options, size, "pyr_serve_options") < 0)
		return -pyr_last_error()->code;
	if (!exports)
		return error_missing("exports");
	daemon = pyr__daemon_new(own.daemon, daemon_size);
	if (!daemon)
		return -pyr_last_error()->code;
	err = register_all(daemon, &ns, &own, exports, export_size);
	if (err == 0)
		err = run(daemon, &own);
	why = err < 0 ? pyr_error_take() : NULL;
	pyr_daemon_free(daemon);
	pyr_ns_free(ns);
	if (why)
		error_restore(why);
	return err;
}
