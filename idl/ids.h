/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_IDS_H
#define PYRITE_IDS_H
/* Field numbers. */
#include "front.h"
#include "raw.h"

/* first: the lowest that is free. */
void ids_members(struct front *front, struct raw_decl *raw, uint32_t first);
void ids_operation(struct front *front, struct raw_decl *raw);

#endif
