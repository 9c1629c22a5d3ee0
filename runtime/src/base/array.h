/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_ARRAY_H
#define PYRITE_ARRAY_H
/* Arrays that grow, of any elements: a pointer, and for how many there is room. */
#include <stdbool.h>
#include <stddef.h>

/* Makes room for n elements of size bytes. array: the address of the pointer, from malloc() or
 * NULL; *cap is 0 then. Returns false when memory is out; both stay as they are. */
bool array_reserve(void *array, size_t *cap, size_t n, size_t size);
#endif
