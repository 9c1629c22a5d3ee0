/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LINK_PYRO_H
#define PYRITE_LINK_PYRO_H
/* Calls to a daemon of Python's Pyro, for link_auto_set_pyro(). */
#include "link/link.h"

link_open link_pyro_connect;
#endif
