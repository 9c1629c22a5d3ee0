/* SPDX-License-Identifier: MIT */
#ifndef PYRITE_TEST_H
#define PYRITE_TEST_H
/*
 * Thin macros over CUnit: a test is a function whose name is a sentence, a binary lists its tests
 * once.
 *
 *	TEST(a_uri_without_an_object_is_refused) { CHECK_INT(x, 3); }
 *	TESTS(uri, T(a_uri_without_an_object_is_refused))
 *
 * A binary prints CUnit's report and ends with 1 if anything failed. test_open_fds() counts
 * descriptors, for tests that must give all of theirs back. Each binary is bounded in time by
 * alarm(): TEST_SECONDS, 240 unless defined before. It is for what hangs, not for what is slow.
 */
#include <CUnit/Basic.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TEST_SECONDS
#define TEST_SECONDS 240
#endif

#define TEST(name) static void name(void)
#define T(name)                                                                                    \
	{                                                                                          \
#name, name                                                                        \
	}

#define CHECK(cond) CU_ASSERT_TRUE(cond)
#define CHECK_INT(actual, expected)                                                                \
	test_int(__LINE__, __FILE__, #actual, (long long)(actual), (long long)(expected))
#define CHECK_STR(actual, expected) test_str(__LINE__, __FILE__, #actual, (actual), (expected))
#define CHECK_HAS(actual, part)     test_has(__LINE__, __FILE__, #actual, (actual), (part))
/* Ends the test at once: what follows makes no sense without it. */
#define REQUIRE(cond) CU_ASSERT_TRUE_FATAL(cond)

struct test_case {
	const char *name;
	void (*run)(void);
};

static inline void test_int(int line, const char *file, const char *what, long long actual,
			    long long expected)
{
	char text[300];

	snprintf(text, sizeof(text), "%s is %lld, expected %lld", what, actual, expected);
	CU_assertImplementation(actual == expected, (unsigned)line, text, file, "", CU_FALSE);
}

static inline void test_str(int line, const char *file, const char *what, const char *actual,
			    const char *expected)
{
	char text[1200];

	snprintf(text, sizeof(text), "%.100s is \"%.500s\", expected \"%.500s\"", what,
		 actual ? actual : "(null)", expected);
	CU_assertImplementation(actual && strcmp(actual, expected) == 0, (unsigned)line, text, file,
				"", CU_FALSE);
}

static inline void test_has(int line, const char *file, const char *what, const char *actual,
			    const char *part)
{
	char text[1200];

	snprintf(text, sizeof(text), "%.100s is \"%.500s\", expected \"%.500s\" in it", what,
		 actual ? actual : "(null)", part);
	CU_assertImplementation(actual && strstr(actual, part), (unsigned)line, text, file, "",
				CU_FALSE);
}

static inline int test_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static inline int test_main(const char *name, const struct test_case *tests, size_t n)
{
	CU_pSuite suite;
	unsigned failed;
	size_t i;

	alarm(TEST_SECONDS);
	if (CU_initialize_registry() != CUE_SUCCESS || !(suite = CU_add_suite(name, NULL, NULL)))
		return 2;
	for (i = 0; i < n; i++)
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}

#define TESTS(name, ...)                                                                           \
	int main(void)                                                                             \
	{                                                                                          \
		static const struct test_case tests[] = { __VA_ARGS__ };                           \
		return test_main(#name, tests, sizeof(tests) / sizeof(tests[0]));                  \
	}
#endif
