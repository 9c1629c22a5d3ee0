/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEXT_H
#define PYRITE_TEXT_H
/*
 * UTF-8 text from outside: checked character by character, and made safe to show. Floor 0, no
 * state, any thread.
 */
#include <pyrite/pyrite.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for a text that is put together; terminated from the first piece on. */
struct text_out {
	char *at, *end; /* at < end */
};
/* Appends as printf; what has no room is cut. */
void text_add(struct text_out *out, const char *format, ...) PYR_PRINTF(2, 3);

/* Copies the text to *room, which goes behind it. Returns the copy. */
const char *text_keep(char **room, const char *text);

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
