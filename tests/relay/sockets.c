/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

union place {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

bool relay_is_unix(const char *address)
{
	return strncmp(address, "./u:", 4) == 0;
}

static socklen_t read_address(const char *text, union place *ret)
{
	const char *port = strrchr(text, ':');

	memset(ret, 0, sizeof(*ret));
	if (relay_is_unix(text)) {
		ret->un.sun_family = AF_UNIX;
		snprintf(ret->un.sun_path, sizeof(ret->un.sun_path), "%s", text + 4);
		return sizeof(ret->un);
	}
	ret->in.sin_family = AF_INET;
	ret->in.sin_port = htons((uint16_t)(port ? atoi(port + 1) : 0));
	ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(ret->in);
}

void relay_prepare(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not of unix sockets */
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int relay_connect(const char *address)
{
	union place place;
	socklen_t n = read_address(address, &place);
	int fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, &place.any, n) < 0) {
		close(fd);
		return -1;
	}
	relay_prepare(fd);
	return fd;
}

int relay_listen(const char *address, char *ret_address, size_t n)
{
	union place place;
	socklen_t length = read_address(address, &place);
	int on = 1, fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (place.any.sa_family == AF_UNIX)
		unlink(place.un.sun_path);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &place.any, length) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, &place.any, &length) < 0) {
		close(fd);
		return -1;
	}
	if (place.any.sa_family == AF_UNIX)
		snprintf(ret_address, n, "%s", address);
	else
		snprintf(ret_address, n, "127.0.0.1:%d", ntohs(place.in.sin_port));
	return fd;
}

void relay_reset(int *fd)
{
	struct linger hard = { .l_onoff = 1 };

	if (*fd < 0)
		return;
	(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(*fd);
	*fd = -1;
}
