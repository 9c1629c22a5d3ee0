/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_OBJECTS_H
#define PYRITE_OBJECTS_H
/* More about objects: how they end, and which one serves by default. <pyrite/pyrite.h> includes
 * this file. */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * Sets the function that frees an object's data; it is passed the data as they were registered.
 * It is called once, after the object was unregistered or its daemon freed, and after the last
 * call that had begun is finished (deferred: answered). It runs in a method thread, at the
 * latest in pyr_daemon_free(); in the callback thread if a deferred call outlives its daemon.
 * Until then the data are valid in all of the object's calls and their hooks; afterwards
 * pyr_call_data() returns NULL. Replaces a function that was set before. NOT_FOUND if there is
 * no such object: then nothing will be called.
 */
typedef void (*pyr_destroy_cb)(void *data);
int pyr_daemon_set_destroy(pyr_daemon *daemon, const char *id, pyr_destroy_cb destroy);

/* Of I_object(daemon, &methods, data, on_release), which makes an object that is a value and need
 * not be registered: called once, in a thread of its methods, when nobody has it any more.
 * docs/objects.md. */
typedef void (*pyr_release_cb)(void *data);

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
