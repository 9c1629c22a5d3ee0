/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ANNOTATE_H
#define PYRITE_ANNOTATE_H
/* Annotations. */
#include "front.h"
#include "raw.h"

/* After the type of the declaration is resolved. */
void annotate(struct front *front, struct raw_decl *raw);

#endif
