/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_PORT_H
#define PYRITE_TEST_PORT_H
/* A port that is a test's own, whoever else runs on this machine. */
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "test.h"

/*
 * A port of 127.0.0.1 where nobody listens, until this process ends: it stays bound, so that the
 * system gives it to nobody, but a daemon that asks for it has it, and may have it again. Both set
 * SO_REUSEADDR, which shares a port with whom does not listen.
 */
static inline uint16_t port_of_ours(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	socklen_t size = sizeof(any);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	REQUIRE(bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&any, &size) == 0);
	return ntohs(any.sin_port);
}
#endif
