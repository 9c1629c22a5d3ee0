/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PLAIN_OPEN_H
#define PYRITE_LINK_PLAIN_OPEN_H
/* Plain calls to a server that knows gRPC alone, for link_target.kinds. */
#include "link/link.h"

link_open link_plain_connect;
#endif
