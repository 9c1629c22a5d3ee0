/* SPDX-License-Identifier: MIT */
/* Targets of HTTP requests and forms, taken apart. */
#include "face/http/url.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

static struct arena arena;

/* The parts with '|' between, or what is wrong; valid until the next. */
static const char *path(const char *text)
{
	static char said[256];
	struct url url;
	const char *wrong;
	size_t n = 0;
	unsigned i;

	arena_init(&arena, NULL, 0);
	arena.max = 4096;
	wrong = url_path(&arena, span_of(text), &url);
	snprintf(said, sizeof(said), "%s", wrong ? wrong : "");
	for (i = 0; !wrong && i < url.n; i++)
		n += (size_t)snprintf(said + n, sizeof(said) - n, "%s%s", i > 0 ? "|" : "",
				      url.segments[i]);
	arena_clear(&arena);
	return said;
}

static const char *form(const char *text)
{
	static char said[256];
	struct url_parameters all;
	const char *wrong;
	size_t n = 0, i;

	arena_init(&arena, NULL, 0);
	arena.max = 65536;
	wrong = url_parameters(&arena, span_of(text), &all);
	snprintf(said, sizeof(said), "%s", wrong ? wrong : "");
	for (i = 0; !wrong && i < all.n && n < sizeof(said); i++)
		n += (size_t)snprintf(said + n, sizeof(said) - n, "%s%s->%s", i > 0 ? "|" : "",
				      all.items[i].name, all.items[i].value);
	arena_clear(&arena);
	return said;
}

TEST(a_path_is_taken_apart_and_decoded)
{
	CHECK_STR(path("/"), "");
	CHECK_STR(path("/v1/objects"), "v1|objects");
	CHECK_STR(path("/v1/objects/"), "v1|objects|");
	CHECK_STR(path("/a%2Fb/c%20d+e"), "a/b|c d+e");
	CHECK_STR(path("/%e2%82%ac"), "\u20ac");
	CHECK_STR(path("//x"), "|x");
	CHECK_STR(path("/../a"), "..|a");
	CHECK_STR(path("/1/2/3/4/5/6/7/8"), "1|2|3|4|5|6|7|8");
}

TEST(what_is_no_path_is_refused)
{
	CHECK_STR(path(""), "the target does not begin with '/'");
	CHECK_STR(path("x/y"), "the target does not begin with '/'");
	CHECK_STR(path("/1/2/3/4/5/6/7/8/9"), "the path has too many parts");
	CHECK_STR(path("/%"), "two hexadecimal digits are missing behind '%'");
	CHECK_STR(path("/%4"), "two hexadecimal digits are missing behind '%'");
	CHECK_STR(path("/%4g"), "two hexadecimal digits are missing behind '%'");
	CHECK_STR(path("/a%00"), "it has a NUL");
	CHECK_STR(path("/%ff"), "it is not UTF-8");
	CHECK_STR(path("/%ed%a0%80"), "it is not UTF-8");
}

TEST(a_form_is_taken_apart_and_decoded)
{
	CHECK_STR(form(""), "");
	CHECK_STR(form("x=1&y=a+b%26c"), "x->1|y->a b&c");
	CHECK_STR(form("x&=1&&y==2"), "x->|->1|y->=2");
	CHECK_STR(form("x=%zz"), "two hexadecimal digits are missing behind '%'");
	CHECK_STR(form("%00=1"), "it has a NUL");
}

TEST(a_form_has_a_bound)
{
	static char text[4 * (URL_PARAMETERS + 1)];
	unsigned i;

	for (i = 0; i <= URL_PARAMETERS; i++)
		memcpy(text + 4 * i, "x=1&", 4);
	text[sizeof(text) - 1] = '\0';
	CHECK_STR(form(text), "there are too many parameters");
	text[4 * URL_PARAMETERS - 1] = '\0';
	CHECK(strncmp(form(text), "x->1|x->1", 9) == 0);
}

TEST(a_segment_is_written_as_it_is_read)
{
	struct buf out = { 0 };

	url_put_segment(&out, "a/b c%\u20ac~.-_Z9");
	buf_append(&out, "", 1);
	CHECK_STR((const char *)out.data, "a%2Fb%20c%25%E2%82%AC~.-_Z9");
	buf_free(&out);
}

TESTS(http_url, T(a_path_is_taken_apart_and_decoded), T(what_is_no_path_is_refused),
      T(a_form_is_taken_apart_and_decoded), T(a_form_has_a_bound),
      T(a_segment_is_written_as_it_is_read))
