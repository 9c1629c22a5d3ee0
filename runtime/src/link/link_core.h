/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_CORE_H
#define PYRITE_LINK_CORE_H
/* How gRPC core's channels are made: by a connection of core's own, or over one that it is given.
 */
#include "engine/core_api.h"
#include "link/link.h"

enum { LINK_CORE_ARGS = 2 }; /* room for as many more at the end of args */

/* A channel to the target. fd: core's end of a connection, taken, with whose TLS core has nothing
 * to do; < 0: core connects, without TLS. */
grpc_channel *link_core_channel(const struct link_target *target, int fd, grpc_arg *args, size_t n);
#endif
