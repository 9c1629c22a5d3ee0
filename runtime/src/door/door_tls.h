/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_DOOR_TLS_H
#define PYRITE_DOOR_TLS_H
/* Newcomers that speak TLS, and those that should. In the door's thread, which so bears the cost of
 * handshakes. */
#include "door/door_links.h"

/* Begins TLS, with the files as they are now. Returns false when memory is out. */
bool door_tls_begin(struct door_link *link, const struct door_options *options);

/* Goes on with it: the handshake, then the first bytes. UNDECIDED: more has to come; HTTP2, FRAMES
 * and so on: what it speaks, and peer->identity is known; OTHER: it has failed, and why tells. */
enum door_protocol door_tls_look(struct door_link *link, const char **why);

/* Tells one that does not speak TLS that it should. */
void door_tls_refuse(struct door_link *link);
#endif
