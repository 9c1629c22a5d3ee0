/* SPDX-License-Identifier: MIT */
/* What is shown of texts from outside: by the library, and by the name server's tools; and what
 * pyrite keys takes for names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys_names.h"
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

/* ---- what certificates are made out to ---- */

typedef const char *check_fn(const char *text);

/* Each of the texts up to NULL is right, or is wrong. */
static void all_are(bool right, check_fn *check, const char *const *texts)
{
	for (; *texts; texts++)
		test_that((check(*texts) == NULL) == right, __LINE__, __FILE__, *texts);
}

/* Whether a text of n times x, and then more, is right. */
static bool takes(check_fn *check, size_t n, const char *more)
{
	char text[4096];

	memset(text, 'x', n);
	strcpy(text + n, more);
	return check(text) == NULL;
}

TEST(names_of_keys_are_those_of_folders)
{
	static const char *const right[] = { "a", "CA", "a.b-c_d e", "1 \"2\" \\", "*", "~", NULL };
	static const char *const once_right[] = { "h\xc3\xb6he", "\xe2\x82\xac", NULL };
	static const char *const wrong[] = { "",         "ca",           ".",    "..",   ".x",
					     "-x",       "a/b",          "a\nb", "\xff", "\xc3",
					     "\xc0\xaf", "\xed\xa0\x80", NULL };

	all_are(true, names_check, right);
	all_are(true, names_check_issued, right);
	all_are(true, names_check_issued, once_right);
	all_are(false, names_check, once_right);
	all_are(false, names_check, wrong);
	all_are(false, names_check_issued, wrong);
	CHECK(takes(names_check, KEYS_NAME_BYTES, ""));
	CHECK(!takes(names_check, KEYS_NAME_BYTES + 1, ""));
	CHECK(!takes(names_check_issued, KEYS_NAME_BYTES + 1, ""));
}

TEST(names_of_keys_have_none_of_the_dangerous_characters)
{
	unsigned n_differ = 0;
	char text[8];
	uint32_t c;

	for (c = 1; c < 0x11000; c++) {
		if ((c >= 0xd800 && c < 0xe000) || c == '/' || c == '.' || c == '-')
			continue;
		text[encode(c, text)] = '\0';
		n_differ += text_is_control(c) != (names_check_issued(text) != NULL);
		n_differ += (c < 0x20 || c > 0x7e) != (names_check(text) != NULL);
	}
	CHECK_INT(n_differ, 0);
}

/* A dot and 62 bytes: a host name has at most 253. */
#define LABEL ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

TEST(hosts_of_keys_are_dns_names_and_addresses)
{
	static const char *const right[] = { "localhost", "a.example.org", "*.example.org",
					     "A-1.b_c",   "127.0.0.1",     "::1",
					     "fd00::1",   "1a.2b",         "xn--hhe-sna.example",
					     NULL };
	static const char *const wrong[] = { "",      ".",     "a.",         ".a",          "a..b",
					     "-a.b",  "a-.b",  "a b",        "*",           "*.",
					     "a.*.b", "*a.b",  "a,DNS:b",    "a/b",         "10.1",
					     "1",     "[::1]", "10.0.0.256", "h\xc3\xb6he", "a:1",
					     "::g",   NULL };

	all_are(true, names_check_host, right);
	all_are(false, names_check_host, wrong);
	CHECK(takes(names_check_host, 63, ".org"));
	CHECK(!takes(names_check_host, 64, ".org"));
	CHECK(takes(names_check_host, 62, LABEL LABEL LABEL ".b"));
	CHECK(!takes(names_check_host, 63, LABEL LABEL LABEL ".b"));
}

TEST(uris_of_keys_have_a_scheme_and_are_ascii)
{
	static const char *const right[] = { "spiffe://example.org/service", "urn:x", "a+b-c.1:%20",
					     NULL };
	static const char *const wrong[] = { "",   "example", "example.org/x", ":x",   "1:x",
					     "a:", "a: b",    "a:\xc3\xb6",    "a:\n", NULL };

	all_are(true, names_check_uri, right);
	all_are(false, names_check_uri, wrong);
	CHECK(takes(names_check_uri, 2046, ":x"));
	CHECK(!takes(names_check_uri, 2047, ":x"));
}

TESTS(text, T(library_and_name_server_take_the_same_characters_for_dangerous),
      T(what_turns_the_direction_of_writing_is_shown_by_its_bytes),
      T(names_of_keys_are_those_of_folders), T(names_of_keys_have_none_of_the_dangerous_characters),
      T(hosts_of_keys_are_dns_names_and_addresses), T(uris_of_keys_have_a_scheme_and_are_ascii))
