/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_NS_TEXT_PUT_H
#define PYRITE_NS_TEXT_PUT_H
/*
 * Texts from elsewhere on a user's terminal. Control characters would be the terminal's commands,
 * and characters that turn the direction of writing make one name look like another: both are shown
 * by their numbers, as \u001B. That is right in a text of JSON, too.
 */
#include <stdio.h>

void text_put(FILE *stream, const char *text);
#endif
