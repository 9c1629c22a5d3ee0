/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_AUTO_H
#define PYRITE_LINK_AUTO_H
/*
 * A link to a server of which it is not known what it speaks: the target's kinds are tried in turn.
 * Of each but the last, closed() may tell that the server speaks something else; then the next
 * takes over, and gets the one message that was written so far. Until the first message comes no
 * more than one is written, so that there is no more to be kept; then this is out of the way but
 * for a pointer.
 */
#include "link/link.h"

link_open link_auto_connect;

/* How to speak to a server of Pyro's protocol, once it has shown that it is one: told when the
 * library is loaded, by who can. */
void link_auto_set_pyro(link_open *open);
#endif
