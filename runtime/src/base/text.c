/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add(struct text_out *out, const char *format, ...)
{
	size_t room = (size_t)(out->end - out->at);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out->at, room, format, args);
	va_end(args);
	if (n > 0)
		out->at += (size_t)n < room ? (size_t)n : room - 1;
}

const char *text_keep(char **room, const char *text)
{
	const char *at = *room;

	*room = stpcpy(*room, text) + 1;
	return at;
}

static size_t sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

size_t text_char(const char *s, size_t n, uint32_t *ret)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)s;
	size_t length = sequence_length(bytes[0]);
	uint32_t c;
	size_t i;

	if (length == 0 || length > n)
		return 0;
	c = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (bytes[i] & 0x3f);
	}
	if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return length;
}

/* Unicode's Cc, its line separators, and its Bidi_Control; as in nameserver/text_put.c, which uses
 * nothing of the library's but its headers. A test compares the two. */
bool text_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* One character or bad byte at s, as it is shown; *used: how many bytes of s that was. */
static size_t escape_one(char out[20], const char *s, size_t n, size_t *used)
{
	uint32_t c = 0;
	size_t length = text_char(s, n, &c);
	size_t i;

	*used = length ? length : 1;
	if (length && !text_is_control(c)) {
		memcpy(out, s, length);
		return length;
	}
	if (c == '\n' || c == '\t' || c == '\r')
		return (size_t)sprintf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
	for (i = 0; i < *used; i++)
		sprintf(out + 4 * i, "\\x%02x", (unsigned char)s[i]);
	return 4 * *used;
}

char *text_escape(char *dst, size_t size, const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);
	size_t at = 0, i = 0, used, length;
	char one[20];

	while (i < n && i < max) {
		length = escape_one(one, s + i, n - i, &used);
		/* room is kept for the dots: a text that ends here needs none, but costs little */
		if (i + used > max || at + length + 4 > size)
			break;
		memcpy(dst + at, one, length);
		at += length;
		i += used;
	}
	strcpy(dst + at, i < n ? "..." : "");
	return dst;
}

char *text_clean(char *s)
{
	size_t n = strlen(s), at = 0, length;
	uint32_t c;

	while (at < n) {
		length = text_char(s + at, n - at, &c);
		if (length == 0 && sequence_length((unsigned char)s[at]) > n - at)
			break;
		if (length == 0 || text_is_control(c))
			memset(s + at, '?', length = length ? length : 1);
		at += length;
	}
	s[at] = '\0';
	return s;
}
