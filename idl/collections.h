/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_COLLECTIONS_H
#define PYRITE_COLLECTIONS_H
/* Names and structs of sequences, maps and arrays. */
#include "claims.h"

void collection_name(struct naming *naming, struct raw_type *raw);
void collections_list(struct front *front);

#endif
