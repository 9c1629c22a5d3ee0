/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NAMES_H
#define PYRITE_NAMES_H
/* Chooses every name in C and on the wire. */
#include "front.h"

void names_choose(struct front *front);

#endif
