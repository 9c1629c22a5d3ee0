/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RANDOM_H
#define PYRITE_RANDOM_H
#include <stdbool.h>
#include <stddef.h>

/* Unpredictable bytes, for ids, tokens and keys: the kernel's, for OpenSSL's own generator takes 2
 * MiB, and a fifth of what a client does until its first call is answered. Any thread. Returns
 * false if there are none. */
bool random_bytes(void *ret, size_t n);
#endif
