/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_VALUES_H
#define PYRITE_VALUES_H
/* Values made for a program: blocks of its own, or memory of the call that it serves. */
#include "incall/incall.h"

/* Who frees the references in one: its call, or with NULL its block. Returns false when memory is
 * out; then the taker still has them. */
bool values_settle(pyr_call *call, struct taker *taker, void *block);
#endif
