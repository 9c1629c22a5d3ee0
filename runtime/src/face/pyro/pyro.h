/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_PYRO_H
#define PYRITE_PYRO_H
/* The wire protocol of Python's Pyro4 and Pyro5: docs/pyro-clients.md. */
#include "face/face.h"

extern const struct face_kind face_pyro;
#endif
