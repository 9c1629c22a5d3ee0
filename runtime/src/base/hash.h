/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_HASH_H
#define PYRITE_HASH_H
/* FNV-1a, 64 bits: for what nobody outside chooses in order to collide. */
#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Goes on with n bytes more. */
uint64_t hash_more(uint64_t hash, const void *data, size_t n);
#endif
