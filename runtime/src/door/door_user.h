/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_USER_H
#define PYRITE_DOOR_USER_H
/*
 * Whether a peer on this host runs as the same user as this process. A unix socket has the
 * credentials of its peer. For TCP the kernel is asked who owns the peer's socket (sock_diag(7)):
 * that takes no privilege, and some 30 us for each connection.
 */
#include <stdbool.h>

struct door_peer;

/* fd: the connection; peer: as the door describes it. Returns false for peers on other hosts, and
 * also if the user cannot be determined: without netlink, for a peer in another network namespace,
 * or if the peer has closed its socket. Any thread; does not block. */
bool door_is_same_user(int fd, const struct door_peer *peer);
#endif
