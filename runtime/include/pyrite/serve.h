/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SERVE_H
#define PYRITE_SERVE_H
/*
 * ---- A server in one call ----
 *
 * Part of <pyrite/pyrite.h>, which includes this file.
 *
 * pyr_serve() is what most servers do: it makes a daemon, registers objects, gives them names at
 * the name server, prints "Ready", and serves until SIGTERM or SIGINT. The generated I_export()
 * describes one object. Servers that need more use pyr_daemon_new() and the functions after it.
 *
 *	return pyr_serve(NULL, (struct pyr_export[]){
 *		example_Server_export("example.server", &methods, NULL), { 0 } }) < 0;
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct pyr__interface;

struct pyr_register_options;
struct pyr_ns_lease_event; /* <pyrite/names.h> */

/* An object to serve, made by I_export(name, methods, data). Its id and options may be set after
 * that. New members may follow in later versions. */
struct pyr_export {
	const char *name; /* at the name server; NULL: none */
	const struct pyr__interface
		*interface; /* what I_export() sets; NULL: the end of an array */
	const void
		*methods; /* a struct I_methods; must stay valid as long as the object is served */
	void *data;       /* what pyr_call_data() returns in its methods */
	const char *id;   /* default: the daemon chooses one */
	const struct pyr_register_options *options; /* as of I_register_with(); may be NULL */
	size_t options_size;                        /* what I_export() sets */
};

/* Defines I_export() and the other functions that are generated for objects. The parameter for the
 * name is called uri, because constants in generated code never have that name. */
#define PYR__EXPORT(I)                                                                             \
	static inline struct pyr_export I##_export(const char *uri,                                \
						   const struct I##_methods *methods, void *data)  \
	{                                                                                          \
		struct pyr_export object = { uri,                                                  \
					     &I##_interface,                                       \
					     methods,                                              \
					     data,                                                 \
					     NULL,                                                 \
					     NULL,                                                 \
					     sizeof(struct pyr_register_options) };                \
                                                                                                   \
		return object;                                                                     \
	}                                                                                          \
	PYR__LIFE(I)

/* How pyr_serve() serves. */
struct pyr_serve_options {
	const struct pyr_daemon_options *daemon; /* default: as pyr_daemon_new(NULL) */
	const char *ns;      /* address of the name server; default as pyr_ns_locate(NULL) */
	uint32_t ns_wait_ms; /* how long to wait for it; default PYRITE_WAIT_MS, else PYR_NONE */
	bool replace;        /* also replaces persistent names with another URI; default: no */
	const char *ready;   /* line that it prints to stdout; default "Ready"; "": none */
	/* Called when everything is registered, before the daemon runs and the line is printed: to
	 * make timers, say. Returns 0, or minus a status that ends pyr_serve(). Default: none. */
	int (*on_ready)(pyr_daemon *daemon, void *data);
	void *data;  /* last parameter of on_ready and on_lease */
	bool shared; /* shared names, as of pyr_ns_register_with(); default: no */
	/* Called for each name, as pyr_ns_register_options.on_lease. Default: none. */
	void (*on_lease)(const struct pyr_ns_lease_event *event, void *data);
};

/* For pyr_serve() alone. */
int pyr__serve(const struct pyr_serve_options *options, size_t size, size_t daemon_size,
	       const struct pyr_export *exports, size_t export_size);

/* Serves the objects of an array that ends with one whose interface is NULL, until the process is
 * told to stop. It needs a name server only if one of them has a name. options: may be NULL.
 * Returns 0 after a drained stop, or minus a status: of the first step that failed; names that were
 * registered are removed then. */
static inline PYR_MUST_CHECK int pyr_serve(const struct pyr_serve_options *options,
					   const struct pyr_export *exports)
{
	return pyr__serve(options, sizeof(*options), sizeof(*options->daemon), exports,
			  sizeof(*exports));
}

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
