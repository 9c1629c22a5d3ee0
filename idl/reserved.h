/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_RESERVED_H
#define PYRITE_RESERVED_H
/* Words that C has for something. */
#include <stdbool.h>

/* In any place; at file scope; as a member or parameter. */
bool reserved_word(const char *name);
bool reserved_global(const char *name);
bool reserved_bare(const char *name);

#endif
