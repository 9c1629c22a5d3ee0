/* SPDX-License-Identifier: MIT */
/* What is shown of texts from outside: by the library, and by the name server's tools. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "test.h"
#include "text_put.h"

static size_t encode(uint32_t c, char *s)
{
	static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	for (i = n - 1; i > 0; i--, c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(first[n] | c);
	return n;
}

/* Whether the tools of the name server show it as it is. */
static bool is_put_raw(uint32_t c)
{
	char text[8] = "", shown[32] = "";
	size_t n = encode(c, text);
	FILE *stream = fmemopen(shown, sizeof(shown), "w");

	REQUIRE(stream != NULL);
	text_put(stream, text);
	fclose(stream);
	return strncmp(shown, text, n) == 0 && shown[n] == '\0';
}

TEST(library_and_name_server_take_the_same_characters_for_dangerous)
{
	unsigned n_differ = 0;
	uint32_t c;

	for (c = 1; c < 0x11000; c++)
		if (c < 0xd800 || c >= 0xe000)
			n_differ += text_is_control(c) == is_put_raw(c);
	CHECK_INT(n_differ, 0);
}

TEST(what_turns_the_direction_of_writing_is_shown_by_its_bytes)
{
	static const uint32_t turns[] = { 0x61c,  0x200e, 0x200f, 0x202a, 0x202b, 0x202c,
					  0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069 };
	char text[8], shown[64];
	size_t i;

	for (i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		text[encode(turns[i], text)] = '\0';
		CHECK(strncmp(text_escape(shown, sizeof(shown), text, 8), "\\x", 2) == 0);
	}
}

TESTS(text, T(library_and_name_server_take_the_same_characters_for_dangerous),
      T(what_turns_the_direction_of_writing_is_shown_by_its_bytes))
