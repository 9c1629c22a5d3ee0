/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_SAME_USER_H
#define PYRITE_SAME_USER_H
/*
 * Whether who is at the other end, on this host, runs as the same user as this process: what it can
 * do to this process with bytes it can do without them. A unix socket has the credentials of its
 * peer. For TCP the kernel is asked who owns the peer's socket (sock_diag(7)): that takes no
 * privilege, and some 30 us. All return false if the user cannot be determined: without netlink,
 * or in another network namespace. Any thread; do not block.
 */
#include <stdbool.h>

#include "base/uri.h"

/* The peer of a connected socket. False also for peers on other hosts. */
bool same_user_peer(int fd);

/* Who a connection to uri would reach: who listens on its port, or made its unix socket. False also
 * for hosts that are not written as an address of loopback, or as "localhost". */
bool same_user_server(const pyr_uri *uri);
#endif
