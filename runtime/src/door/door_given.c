/* SPDX-License-Identifier: MIT */
/* Sockets that the program had already: connections, and one that listens. */
#define _GNU_SOURCE /* struct ucred */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <pyrite/pyrite.h>

#include "door/door_listen.h"

/* Of a unix socket that need not have a name. */
static void format_path(const struct sockaddr *sa, socklen_t n, char *ret, size_t size)
{
	const struct sockaddr_un *un = (const void *)sa;

	if (n > offsetof(struct sockaddr_un, sun_path) && un->sun_path[0])
		snprintf(ret, size, "./u:%.107s", un->sun_path);
	else
		snprintf(ret, size, DOOR_UNNAMED);
}

bool door_describe(int fd, struct door_peer *ret)
{
	struct sockaddr_storage here = { 0 }, there = { 0 };
	struct sockaddr *other = (struct sockaddr *)&there, *own = (struct sockaddr *)&here;
	socklen_t n_here = sizeof(here), n_there = sizeof(there), n = sizeof(struct ucred);
	struct ucred who;

	snprintf(ret->address, sizeof(ret->address), "?");
	if (getsockname(fd, own, &n_here) < 0)
		return false;
	ret->has_credentials =
		own->sa_family == AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0;
	if (ret->has_credentials) {
		ret->uid = who.uid;
		ret->gid = who.gid;
		ret->pid = who.pid;
	}
	ret->is_local = own->sa_family == AF_UNIX;
	if (getpeername(fd, other, &n_there) < 0)
		return false;
	if (own->sa_family == AF_UNIX) {
		format_path(other, n_there, ret->address, sizeof(ret->address));
		return true;
	}
	ret->is_local = door_is_loopback(other) || door_is_same_host(own, other);
	door_format_address(other, n_there, ret->address, sizeof(ret->address));
	return true;
}

bool door_prepare(int fd)
{
	struct door_peer peer;
	socklen_t n = sizeof(int);
	int on = 1, type = 0, flags = fcntl(fd, F_GETFL);

	if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    type != SOCK_STREAM || !door_describe(fd, &peer))
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not of a unix socket */
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* ---- one that listens ---- */

/* Tells its own address. Returns 0 if newcomers can be accepted from it. */
static int check_listener(int fd, struct sockaddr_storage *ret, socklen_t *n,
			  struct door_problem *problem)
{
	socklen_t size = sizeof(int);
	int type = 0, listens = 0;

	if (fd < 0 || getsockname(fd, (struct sockaddr *)ret, n) < 0)
		return door_fail(problem, PYR_INVALID_ARGUMENT, "descriptor %d is not a socket",
				 fd);
	if (ret->ss_family != AF_INET && ret->ss_family != AF_INET6 && ret->ss_family != AF_UNIX)
		return door_fail(problem, PYR_INVALID_ARGUMENT,
				 "descriptor %d is a socket of address family %d: IPv4, IPv6 and "
				 "unix can be served",
				 fd, ret->ss_family);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return door_fail(problem, PYR_INVALID_ARGUMENT,
				 "descriptor %d is not a stream socket", fd);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
		return door_fail(problem, PYR_INVALID_ARGUMENT,
				 "descriptor %d is not a listening socket", fd);
	return 0;
}

/* A path with 108 bytes has no NUL. Relative ones were somebody else's directory's. */
static int take_path(struct door_listeners *listeners, const struct sockaddr_un *sa, socklen_t n,
		     struct door_problem *problem)
{
	size_t room = n - offsetof(struct sockaddr_un, sun_path);
	int length = (int)strnlen(sa->sun_path, room), fd = listeners->fds[0];

	if (length == 0 || length == sizeof(sa->sun_path) || sa->sun_path[0] != '/' ||
	    memchr(sa->sun_path, ':', (size_t)length))
		return door_fail(problem, PYR_INVALID_ARGUMENT,
				 "descriptor %d listens at '%.*s': a URI needs an absolute path of "
				 "at most %zu bytes without ':'",
				 fd, length, sa->sun_path, sizeof(sa->sun_path) - 1);
	listeners->is_unix = true;
	snprintf(listeners->address, sizeof(listeners->address), "./u:%.*s", length, sa->sun_path);
	return 0;
}

static int take_listener(struct door_listeners *listeners, const struct door_options *options,
			 struct door_problem *problem)
{
	struct sockaddr_storage sa = { 0 };
	struct sockaddr *own = (struct sockaddr *)&sa;
	socklen_t n = sizeof(sa);
	int fd = options->fd, flags = fcntl(fd, F_GETFL);
	int code = check_listener(fd, &sa, &n, problem);

	if (code < 0)
		return code;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return door_fail(problem, PYR_INTERNAL, "descriptor %d cannot be prepared", fd);
	if (own->sa_family == AF_UNIX)
		return take_path(listeners, (struct sockaddr_un *)&sa, n, problem);
	listeners->port = door_port_of(own);
	door_format_address(own, n, listeners->address, sizeof(listeners->address));
	return door_check_reach(own, n, options, problem);
}

int door_listen_given(struct door_listeners *listeners, const struct door_options *options,
		      struct door_problem *problem)
{
	int code;

	if (options->fd >= 0)
		listeners->fds[listeners->n++] = options->fd;
	code = take_listener(listeners, options, problem);
	if (code < 0)
		door_listeners_close(listeners);
	return code;
}
