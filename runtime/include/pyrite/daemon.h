/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DAEMONS_H
#define PYRITE_DAEMONS_H
/*
 * Part of <pyrite/pyrite.h>, which includes it.
 *
 * What few daemons need: sockets that somebody else made, and a look at the objects.
 */
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
 * As pyr_daemon_new(), but accepts from a stream socket that listens already, TCP or unix: one that
 * systemd handed over, or a parent that may bind where this process may not. fd is taken, also on
 * failure, and made non-blocking and close-on-exec; who holds a copy of it keeps it listening when
 * the daemon is gone, and keeps the path of a unix socket, which is not removed. The daemon's
 * address is the socket's; host, port and socket of options are left out, PYRITE_HOST and
 * PYRITE_PORT not looked at. INVALID_ARGUMENT names what fd is: no socket, of another address
 * family, not a stream, not listening, without a path that a URI can hold. FAILED_PRECONDITION
 * beyond loopback without insecure. Returns: owned, pyr_daemon_free().
 */
static inline PYR_MUST_CHECK pyr_daemon *
pyr_daemon_listen_fd(int fd, const struct pyr_daemon_options *options)
{
	return pyr__daemon_listen_fd(fd, options, sizeof(*options));
}

/*
 * Serves a stream socket that the program has connected, or got from elsewhere, as if it had been
 * accepted; fd is taken, also on failure. INVALID_ARGUMENT if it is none; FAILED_PRECONDITION once
 * the daemon is stopped. Beyond max_links it is closed, as others are. Source: Pyro's
 * Daemon(connected_socket=), which serves nothing else.
 */
int pyr_daemon_serve_fd(pyr_daemon *daemon, int fd);

/* An object of a daemon. New members may follow in later versions. */
struct pyr_daemon_object {
	const char *id;           /* as it was registered, or was given */
	const char *uri;          /* "PYRO:id@127.0.0.1:40123" */
	const char *interface;    /* "example.Server" */
	const char *const *names; /* that this process holds for it at name servers; sorted, each
				     once */
	size_t n_names;           /* of names */
	uint64_t n_calls;         /* of its methods that have begun, since it was registered */
};

/* What a list of objects gives. */
struct pyr_daemon_objects {
	size_t n;                                     /* of items */
	const struct pyr_daemon_object *const *items; /* sorted by id */
};

/*
 * Lists the objects that are registered. All of it is a copy: the objects that were there at one
 * moment, which may be unregistered since; names and counts are of the moment after. Each look
 * copies all: it is for tools, not for each call. *ret: owned, one pyr_free(). RESOURCE_EXHAUSTED
 * when memory is out.
 */
int pyr_daemon_list(pyr_daemon *daemon, struct pyr_daemon_objects **ret) PYR_MUST_CHECK;

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
