/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OBJECTS_H
#define PYRITE_OBJECTS_H
/*
 * ---- Lives of objects ----
 *
 * More about objects, for <pyrite/pyrite.h>, which includes this file: serial objects, instances
 * for each session or call, how objects end, and default objects. See docs/objects.md.
 *
 * I_register(daemon, id, &methods, data) makes an object whose data are shared by all callers, in
 * parallel. I_register_with() has options:
 *
 *	bank_Account_register_with(daemon, "account", &methods, account,
 *		&(struct pyr_register_options){ .serial = true, .destroy = free_account });
 */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct pyr__interface;

/* What an instance, the pyr_call_data() of methods, serves. */
enum pyr_instance_mode {
	PYR_SINGLE = 0, /* all callers; made by the first call */
	/* one session: made by its first call, destroyed after it ended (the proxy was released or
	 * freed, the connection or the client's process ended) and its last call is finished. A
	 * plain gRPC call has no session, and an instance of its own */
	PYR_PER_SESSION,
	PYR_PER_CALL /* one call; destroyed when it is finished (deferred: answered) */
};

/* Makes an instance. data: as registered. *ret: what pyr_call_data() returns from then on; may
 * be NULL. Returns 0, or minus a status, as a method does (pyr_fail(), I_raise_X()): then the call
 * ends with that error, and the next one tries again. Runs in a method thread, once at a time for
 * each instance; calls that wait for it block no thread. It may ask what a method may ask of the
 * call, and call others, but not defer it; pyr_call_data() is NULL. */
typedef int (*pyr_create_cb)(pyr_call *call, void *data, void **ret);

/* Frees an object's data, or an instance. Runs once, in a method thread, without locks. */
typedef void (*pyr_destroy_cb)(void *data);

/* How an object is registered. */
struct pyr_register_options {
	/* The object, or each of its instances, runs one method at a time, while other objects run
	 * in parallel. Calls that wait for their turn block no thread; all else is as in a serial
	 * daemon. A method keeps its turn while it waits, except for calls that it causes itself.
	 * Default: no. */
	bool serial;
	bool replace;    /* unregisters an object that has the id; default: no, ALREADY_EXISTS */
	bool is_default; /* as pyr_daemon_set_default() */
	pyr_destroy_cb destroy;          /* of data, as pyr_daemon_set_destroy(); default: none */
	enum pyr_instance_mode mode;     /* default PYR_SINGLE; others need create */
	pyr_create_cb create;            /* default: none, the data are the instance */
	pyr_destroy_cb destroy_instance; /* of what create made; default: none */
};

/* For I_register_with() alone. */
const char *pyr__register_with(pyr_daemon *daemon, const struct pyr__interface *interface,
			       const char *id, const void *methods, void *data,
			       const struct pyr_register_options *options, size_t size);

/* Unregisters all objects that were registered with this data, as pyr_daemon_unregister() does.
 * NOT_FOUND if there is none, INVALID_ARGUMENT if data is NULL. */
int pyr_daemon_unregister_data(pyr_daemon *daemon, const void *data);

/*
 * Sets the function that frees an object's data; it is passed the data as they were registered.
 * It is called once, after the object was unregistered or its daemon freed, after the last call
 * that had begun is finished (deferred: answered), and after the last instance was destroyed. It
 * runs in a method thread, at the latest in pyr_daemon_free(); in the callback thread if a deferred
 * call outlives its daemon. Until then the data are valid in all of the object's calls and their
 * hooks; afterwards pyr_call_data() returns NULL. Replaces a function that was set before.
 * NOT_FOUND if there is no such object: then nothing will be called.
 */
int pyr_daemon_set_destroy(pyr_daemon *daemon, const char *id, pyr_destroy_cb destroy);

/* Of I_object(daemon, &methods, data, on_release), which makes an object that is a value and need
 * not be registered: called once, in a method thread, when the last reference to it is gone. See
 * docs/objects.md. */
typedef void (*pyr_release_cb)(void *data);

/* More about an object that I_object_with() makes. */
struct pyr_object_options {
	/* Registers the object weakly: it can be called under this id as long as it has a
	 * reference, that of I_object_with() or one that was passed to another process; proxies of
	 * its URI do not count. It is unregistered when the last reference is freed. The daemon
	 * must not be NULL. Default: none. */
	const char *id;
	bool serial; /* as pyr_register_options.serial */
};

/* For I_object_with() alone. */
void *pyr__object_with(const struct pyr__interface *interface, pyr_daemon *daemon,
		       const void *methods, void *data, pyr_release_cb on_release,
		       const struct pyr_object_options *options, size_t size);

/* The code of functions that are generated for each interface. Returns: as I_register(), and as
 * I_object(). options: may be NULL. */
#define PYR__LIFE(I)                                                                               \
	static inline const char *I##_register_with(pyr_daemon *daemon, const char *id,            \
						    const struct I##_methods *methods, void *data, \
						    const struct pyr_register_options *options)    \
	{                                                                                          \
		return pyr__register_with(daemon, &I##_interface, id, methods, data, options,      \
					  sizeof(*options));                                       \
	}                                                                                          \
	static inline PYR_MUST_CHECK struct I *I##_object_with(                                    \
		pyr_daemon *daemon, const struct I##_methods *methods, void *data,                 \
		pyr_release_cb on_release, const struct pyr_object_options *options)               \
	{                                                                                          \
		return (struct I *)pyr__object_with(&I##_interface, daemon, methods, data,         \
						    on_release, options, sizeof(*options));        \
	}

/* Makes the object the one that serves plain gRPC calls that do not name an object. If it is set
 * for several objects of an interface, the last one serves. */
int pyr_daemon_set_default(pyr_daemon *daemon, const char *id);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
