/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_HASH_H
#define PYRITE_HASH_H
/* FNV-1a, 64 bits: for what nobody outside chooses in order to collide. */
#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Goes on with n bytes more. */
uint64_t hash_more(uint64_t hash, const void *data, size_t n);

/* splitmix64's last step, a bijection: all bits of the result depend on all bits of x. */
uint64_t hash_mix(uint64_t x);
#endif
