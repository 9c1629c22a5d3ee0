/* SPDX-License-Identifier: MIT */
/* Regular expressions as others would send them, and as nobody should. */
#include "pattern.h"
#include "test.h"

#include <sys/resource.h>
#include <time.h>

static char why[256];

/* 'y', 'n', 't': too much; 'x': no expression. */
static char answer(const char *text, const char *name)
{
	struct pattern *pattern = pattern_new(text, why, sizeof(why));
	enum pattern_answer found;

	if (!pattern)
		return 'x';
	found = pattern_match(pattern, name);
	pattern_free(pattern);
	return found == PATTERN_YES ? 'y' : found == PATTERN_NO ? 'n' : 't';
}

TEST(a_name_matches_from_its_beginning_on)
{
	CHECK_INT(answer("ex.*server$", "example.server"), 'y');
	CHECK_INT(answer("ample", "example"), 'n');
	CHECK_INT(answer(".*ample", "example.server"), 'y');
	CHECK_INT(answer("example", "example.server"), 'y');
	CHECK_INT(answer("example$", "example.server"), 'n');
	CHECK_INT(answer("b|e", "example"), 'y');
	CHECK_INT(answer("", "example"), 'y');
	CHECK_INT(answer("EX", "example"), 'n');
	CHECK_INT(answer("(?i)EX", "example"), 'y');
	CHECK_INT(answer("gr\\w{2}e$", "gr\xc3\xb6\xc3\x9f"
				       "e"),
		  'y');
}

TEST(what_is_no_expression_is_told_with_its_place)
{
	char big[PATTERN_MAX + 2];

	CHECK_INT(answer("((((broken", "x"), 'x');
	CHECK_STR(why, "missing closing parenthesis at position 10");
	CHECK_INT(answer("a[", "x"), 'x');
	CHECK_HAS(why, " at position 2");
	CHECK_INT(answer("*a", "x"), 'x');
	CHECK_HAS(why, " at position 0");
	CHECK_INT(answer("\xff", "x"), 'x');
	CHECK_INT(answer("\\C", "x"), 'x');
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	CHECK_INT(answer(big, "x"), 'x');
	CHECK_STR(why, "it has at most 256 bytes, not 257");
	CHECK_INT(answer(big + 1, "x"), 'n');
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

TEST(bombs_are_bounded_in_time_and_memory)
{
	static const struct {
		const char *text;
		char expected;
	} bombs[] = {
		{ "(((a{1,100}){1,100}){1,100})", 'x' },
		{ "((((((a{1,9}){1,9}){1,9}){1,9}){1,9}){1,9})", 'x' },
		{ "(a{0,65535}){0,65535}", 'x' },
		{ "a{1,65536}", 'x' },
		{ "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a", 'x' },
		{ "(a+)+[bc]", 't' },
		{ "(a|aa)+[bc]", 't' },
		{ "(a*)*[bc]", 't' },
		{ "(?:a?){100}a{250}[bc]", 't' },
		{ "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)[bc]", 't' },
		{ "(?R)", 't' },
		{ "(a?(?1)?)+[bc]", 't' },
		{ "(?:(a+)\\1?)*[bc]", 't' },
		{ "(*LIMIT_MATCH=4000000000)(a+)+[bc]", 't' },
	};
	char name[256];
	double began;
	long peak = peak_kib();
	char found;
	size_t i;

	memset(name, 'a', 255);
	name[255] = '\0';
	for (i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		began = now_ms();
		found = answer(bombs[i].text, name);
		if (found != bombs[i].expected)
			printf("\n%s: %c %s", bombs[i].text, found, found == 'x' ? why : "");
		CHECK_INT(found, bombs[i].expected);
		CHECK(now_ms() - began < 300);
	}
	CHECK(peak_kib() - peak < 16 * 1024);
}

TEST(the_same_pattern_matches_many_names)
{
	struct pattern *pattern = pattern_new("n(\\d+)x", why, sizeof(why));
	char name[32];
	int i, n = 0;

	REQUIRE(pattern != NULL);
	for (i = 0; i < 1000; i++) {
		sprintf(name, "n%d%c", i, i % 2 ? 'x' : 'y');
		n += pattern_match(pattern, name) == PATTERN_YES;
	}
	CHECK_INT(n, 500);
	pattern_free(pattern);
	pattern_free(NULL);
}

TESTS(pattern, T(a_name_matches_from_its_beginning_on),
      T(what_is_no_expression_is_told_with_its_place), T(bombs_are_bounded_in_time_and_memory),
      T(the_same_pattern_matches_many_names))
