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
 * CUnit is for one thread. A CHECK that fails in another thread than the main one is written down
 * with a lock, and is told to CUnit when the test ends, or the next one if the thread outlives it.
 * A REQUIRE there cannot end the test: it ends the program.
 *
 * A binary prints CUnit's report and ends with 1 if anything failed. test_open_fds() counts
 * descriptors, for tests that must give all of theirs back. Each binary is bounded in time by
 * alarm(): TEST_SECONDS, 240 unless defined before. It is for what hangs, not for what is slow.
 */
#include <CUnit/Basic.h>
#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How often something is repeated. Under a sanitizer, where each time takes some ten times as long,
 * a tenth: it looks at what is done, and the other presets at how often. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define OFTEN(n) ((n) / 10)
#else
#define OFTEN(n) (n)
#endif

#ifndef TEST_SECONDS
#define TEST_SECONDS 240
#endif

#define TEST(name) static void name(void)
#define T(name)                                                                                    \
	{                                                                                          \
#name, name                                                                        \
	}

#define CHECK(cond) test_that((cond), __LINE__, __FILE__, "CHECK(" #cond ")")
#define CHECK_INT(actual, expected)                                                                \
	test_int(__LINE__, __FILE__, #actual, (long long)(actual), (long long)(expected))
#define CHECK_STR(actual, expected) test_str(__LINE__, __FILE__, #actual, (actual), (expected))
#define CHECK_HAS(actual, part)     test_has(__LINE__, __FILE__, #actual, (actual), (part))
/* Ends the test at once: what follows makes no sense without it. */
#define REQUIRE(cond) test_require((cond), __LINE__, __FILE__, "REQUIRE(" #cond ")")

struct test_case {
	const char *name;
	void (*run)(void);
};

/* What failed in other threads, the first of them; the rest is counted. */
enum { TEST_FOREIGN = 32 };

static struct {
	pthread_mutex_t lock;
	unsigned n; /* under the lock, like what follows */
	struct test_foreign {
		unsigned line;
		const char *file;
		char text[300];
	} failed[TEST_FOREIGN];
} test_foreign = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The one that runs the tests: the process's first thread, also in a forked child. */
static inline bool test_is_main_thread(void)
{
	return syscall(SYS_gettid) == getpid();
}

static inline void test_fail_elsewhere(int line, const char *file, const char *text)
{
	struct test_foreign *failed;

	pthread_mutex_lock(&test_foreign.lock);
	if (test_foreign.n < TEST_FOREIGN) {
		failed = &test_foreign.failed[test_foreign.n];
		failed->line = (unsigned)line;
		failed->file = file;
		snprintf(failed->text, sizeof(failed->text), "in another thread: %.270s", text);
	}
	test_foreign.n++;
	pthread_mutex_unlock(&test_foreign.lock);
}

static inline void test_that(bool is_so, int line, const char *file, const char *text)
{
	if (test_is_main_thread())
		CU_assertImplementation(is_so, (unsigned)line, text, file, "", CU_FALSE);
	else if (!is_so)
		test_fail_elsewhere(line, file, text);
}

static inline void test_require(bool is_so, int line, const char *file, const char *text)
{
	if (test_is_main_thread()) {
		CU_assertImplementation(is_so, (unsigned)line, text, file, "", CU_TRUE);
	} else if (!is_so) {
		fprintf(stderr, "%s:%d: in another thread: %s\n", file, line, text);
		abort();
	}
}

/* Main thread, at each test's end: tells CUnit what other threads found. */
static inline void test_collect(void)
{
	struct test_foreign failed[TEST_FOREIGN];
	unsigned i, n;

	pthread_mutex_lock(&test_foreign.lock);
	n = test_foreign.n;
	memcpy(failed, test_foreign.failed, sizeof(failed));
	test_foreign.n = 0;
	pthread_mutex_unlock(&test_foreign.lock);
	for (i = 0; i < n && i < TEST_FOREIGN; i++)
		CU_assertImplementation(CU_FALSE, failed[i].line, failed[i].text, failed[i].file,
					"", CU_FALSE);
	if (n > TEST_FOREIGN)
		CU_FAIL("more failed in other threads");
}

static inline void test_int(int line, const char *file, const char *what, long long actual,
			    long long expected)
{
	char text[300];

	snprintf(text, sizeof(text), "%s is %lld, expected %lld", what, actual, expected);
	test_that(actual == expected, line, file, text);
}

static inline void test_str(int line, const char *file, const char *what, const char *actual,
			    const char *expected)
{
	char text[1200];

	snprintf(text, sizeof(text), "%.100s is \"%.500s\", expected \"%.500s\"", what,
		 actual ? actual : "(null)", expected);
	test_that(actual && strcmp(actual, expected) == 0, line, file, text);
}

static inline void test_has(int line, const char *file, const char *what, const char *actual,
			    const char *part)
{
	char text[1200];

	snprintf(text, sizeof(text), "%.100s is \"%.500s\", expected \"%.500s\" in it", what,
		 actual ? actual : "(null)", part);
	test_that(actual && strstr(actual, part), line, file, text);
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
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite_with_setup_and_teardown(name, NULL, NULL, NULL, test_collect);
	if (!suite)
		return 2;
	for (i = 0; i < n; i++)
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	pthread_mutex_lock(&test_foreign.lock);
	failed = CU_get_number_of_failures() + CU_get_number_of_tests_failed() + test_foreign.n;
	pthread_mutex_unlock(&test_foreign.lock);
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
