/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_LEARNED_H
#define PYRITE_LEARNED_H
/*
 * Interfaces that this process was told of. Their tables are known by address to proxies, calls and
 * the codec, so they are kept for ever, each once: a bounded number of them. Any thread.
 */
#include "value/description.h"

enum { LEARNED_MAX = 1024, LEARNED_BYTES = 8 << 20 /* of descriptions, together */ };

/* Returns NULL with a status and the reason. */
const struct pyr__interface *learned_get(const struct description *told, int *code, char *text,
					 size_t n);
#endif
