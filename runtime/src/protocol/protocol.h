/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROTOCOL_H
#define PYRITE_PROTOCOL_H
/* What frames mean: sessions, calls and streams, for peer_host.handlers. */
#include "peer/peer.h"

extern const struct peer_handlers protocol;
/* The process, as the host of links that it makes: NULL when memory is out. */
struct peer_host *protocol_here(void);
#endif
