/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ADDRESS_H
#define PYRITE_ADDRESS_H
#include <stddef.h>

/*
 * What a daemon's URIs say of where it listens. An address that means "all of them" (0.0.0.0, [::])
 * would lead nobody here: the first one that other hosts can reach stands for it, else loopback.
 */
void address_advertise(const char *bound, char *ret, size_t n);
#endif
