/* SPDX-License-Identifier: MIT */
#include "text_put.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The character at s, which is UTF-8 that the library has checked. Returns its bytes. */
static size_t read_char(const char *s, uint32_t *ret)
{
	const unsigned char *bytes = (const unsigned char *)s;
	size_t n = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4, i;

	*ret = n == 1 ? bytes[0] : bytes[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return i; /* an argument of the user's own */
		*ret = *ret << 6 | (bytes[i] & 0x3f);
	}
	return n;
}

/* Unicode's Cc, its line separators, and its Bidi_Control. */
static bool is_dangerous(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void text_put(FILE *stream, const char *text)
{
	uint32_t c;
	size_t n;

	for (; *text; text += n) {
		n = read_char(text, &c);
		if (!is_dangerous(c))
			fwrite(text, 1, n, stream);
		else
			fprintf(stream, "\\u%04X", (unsigned)c);
	}
}
