/* SPDX-License-Identifier: MIT */
/* Connections that nobody accepted: the program had them already. */
#define _GNU_SOURCE /* struct ucred */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

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
