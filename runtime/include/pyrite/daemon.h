/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMONS_H
#define PYRITE_DAEMONS_H
/* Functions that few daemons need: sockets that were made elsewhere, and a list of the objects.
 * <pyrite/pyrite.h> includes this file. */
#include <pyrite/pyrite.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* For pyr_daemon_listen_fd() alone. */
pyr_daemon *pyr__daemon_listen_fd(int fd, const struct pyr_daemon_options *options, size_t size);

/*
 * As pyr_daemon_new(), but accepts connections from a stream socket that is listening already, TCP
 * or unix: one that systemd passed, or a parent process that may bind where this one may not. fd is
 * taken, also on failure, and made non-blocking and close-on-exec. A duplicate of it still
 * listens when the daemon is gone; a unix socket's path is not removed. The daemon's address is
 * the socket's; options.host, .port and .socket are ignored, and so are PYRITE_HOST and
 * PYRITE_PORT. INVALID_ARGUMENT says what is wrong with fd: not a socket, of another address
 * family, not a stream, not listening, without a path that fits into a URI. FAILED_PRECONDITION
 * beyond loopback without TLS, key or insecure. Returns: owned, pyr_daemon_free().
 */
static inline PYR_MUST_CHECK pyr_daemon *
pyr_daemon_listen_fd(int fd, const struct pyr_daemon_options *options)
{
	return pyr__daemon_listen_fd(fd, options, sizeof(*options));
}

/* Serves a connected stream socket as if the daemon had accepted it. fd is taken, also on
 * failure. INVALID_ARGUMENT if it is not a connected stream socket, FAILED_PRECONDITION once the
 * daemon is stopped. Beyond max_links it is closed, as other connections are. */
int pyr_daemon_serve_fd(pyr_daemon *daemon, int fd);

/* An object of a daemon. New members may follow in later versions. */
struct pyr_daemon_object {
	const char *id;        /* as it was registered, or as the daemon chose it */
	const char *uri;       /* "PYRO:id@127.0.0.1:40123" */
	const char *interface; /* "example.Server" */
	const char *const
		*names;   /* that this process holds for it at name servers; sorted, each once */
	size_t n_names;   /* of names */
	uint64_t n_calls; /* calls that have begun since it was registered */
};

/* A list of objects. */
struct pyr_daemon_objects {
	size_t n;                                     /* of items */
	const struct pyr_daemon_object *const *items; /* sorted by id */
};

/* Lists the registered objects. The list is a copy of one moment; some of its objects may be
 * unregistered since, and names and counts are read a moment later. Every call copies
 * everything, so it is meant for tools. *ret: owned, one pyr_free(). RESOURCE_EXHAUSTED if out
 * of memory. */
int pyr_daemon_list(pyr_daemon *daemon, struct pyr_daemon_objects **ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#include <pyrite/serve.h>
#endif
