/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_UNREADABLE_H
#define PYRITE_UNREADABLE_H
/* What came for a caller and could not be unpacked: which error that is. */
#include "wire/codec.h"

/* Sets the last error: RESOURCE_EXHAUSTED of what would take too much, else INTERNAL. what: "the
 * reply of example.Server.add". Returns minus the code. */
int unreadable(const struct codec_problem *problem, const char *what, ...) PYR_PRINTF(2, 3);
#endif
