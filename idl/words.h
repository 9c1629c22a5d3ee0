/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_WORDS_H
#define PYRITE_WORDS_H
/* Words that generated code has for something. */
#include <stdbool.h>

/* Bare words of generated code, which no macro may be; the parameters and variables among
 * them, which would hide a value. */
bool word_of_generated_code(const char *name);
bool word_of_generated_function(const char *name);

#endif
