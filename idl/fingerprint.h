/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_FINGERPRINT_H
#define PYRITE_FINGERPRINT_H
/* Sums of all that both ends of a call must agree about. */
#include "front.h"

void fingerprint_all(struct front *front);

#endif
