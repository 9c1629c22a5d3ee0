/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PROTOCOL_H
#define PYRITE_PROTOCOL_H
/* What frames mean: sessions, calls and streams, for peer_connect() and peer_host.handlers. */
#include "peer/peer.h"

extern const struct peer_handlers protocol;
#endif
