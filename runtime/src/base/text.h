/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEXT_H
#define PYRITE_TEXT_H
/*
 * UTF-8 text from outside: checked character by character, and made safe to show. Floor 0, no
 * state, any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads one character of n > 0 bytes. Returns its length (1 to 4), *ret its code point; 0 if the
 * bytes are no UTF-8 (overlong forms, surrogates and cut sequences among them). */
size_t text_char(const char *s, size_t n, uint32_t *ret);

/* Whether a terminal would act on it: C0, DEL and C1 controls, line and paragraph separators, and
 * what turns the direction of writing. */
bool text_is_control(uint32_t c);

/*
 * Copies at most max bytes of s into dst, controls as \n \t \r \xNN, bytes that are no UTF-8 as
 * \xNN, a backslash as itself; ends with "..." where s went on. size: room of dst, >= 4, always
 * terminated. Returns dst.
 */
char *text_escape(char *dst, size_t size, const char *s, size_t max);

/* Makes UTF-8 of it where it is: '?' for each byte that is none, and for controls. A character that
 * was cut at the end goes. Returns s. */
char *text_clean(char *s);
#endif
