/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_AUTO_H
#define PYRITE_LINK_AUTO_H
/* Links to servers that may know gRPC alone, for link_target.open. */
#include "link/link.h"

/* Plain calls only. */
link_open link_plain_connect;
/* Frames over a stream, or plain calls if the server does not know that stream. */
link_open link_auto_connect;
#endif
