/* SPDX-License-Identifier: MIT */
/* The macros of test.h in other threads: what fails there fails the test, and CUnit is left alone.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "test.h"

enum { THREADS = 8, TIMES = 1000 };

static void *check_often(void *data)
{
	int i;

	for (i = 0; i < TIMES; i++) {
		CHECK(data != NULL);
		CHECK_INT(i, i);
		CHECK_STR("a", data ? "a" : "b");
	}
	return data;
}

static void in_threads(void *data)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, check_often, data) == 0);
	for (i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
}

TEST(what_holds_in_other_threads_is_not_told)
{
	unsigned n = CU_get_number_of_failures();

	in_threads(&n);
	CHECK_INT(test_foreign.n, 0);
	test_collect();
	CHECK_INT(CU_get_number_of_failures(), n);
}

TEST(what_fails_in_other_threads_is_counted_and_the_first_are_kept)
{
	unsigned n = CU_get_number_of_failures();

	in_threads(NULL);
	CHECK_INT(test_foreign.n, 2 * THREADS * TIMES);
	CHECK_INT(CU_get_number_of_failures(), n); /* CUnit has not heard of it */
	CHECK_HAS(test_foreign.failed[0].text, "in another thread: ");
	CHECK_HAS(test_foreign.failed[0].file, "test_other_threads.c");
	test_foreign.n = 0; /* these were wanted */
}

static void fail_in_a_thread(void)
{
	in_threads(NULL);
}

/* Runs this program with one of the tests that fail: its output is read, and its status. */
static int run_in_a_child(const char *which, char *ret, size_t size)
{
	char command[64];
	size_t n;
	FILE *output;

	snprintf(command, sizeof(command), "exec /proc/%d/exe %s 2>&1", (int)getpid(), which);
	output = popen(command, "r");
	REQUIRE(output != NULL);
	n = fread(ret, 1, size - 1, output);
	ret[n] = '\0';
	return pclose(output);
}

TEST(a_test_fails_by_what_fails_in_its_threads)
{
	static char output[65536];
	int status = run_in_a_child("fail", output, sizeof(output));

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	CHECK_HAS(output, "a_test ...FAILED");
	CHECK_HAS(output, "in another thread: CHECK(data != NULL)");
	CHECK_HAS(output, "more failed in other threads");
}

static void *require(void *data)
{
	REQUIRE(data != NULL);
	return data;
}

static void require_in_a_thread(void)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, require, NULL) == 0);
	pthread_join(thread, NULL);
}

TEST(what_is_required_in_another_thread_ends_the_program_and_says_where)
{
	static char output[65536];
	int status = run_in_a_child("require", output, sizeof(output));

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK_HAS(output, "in another thread: REQUIRE(data != NULL)");
}

int main(int argc, char **argv)
{
	static const struct test_case tests[] = {
		T(what_holds_in_other_threads_is_not_told),
		T(what_fails_in_other_threads_is_counted_and_the_first_are_kept),
		T(a_test_fails_by_what_fails_in_its_threads),
		T(what_is_required_in_another_thread_ends_the_program_and_says_where),
	};
	struct test_case bad = { "a_test", fail_in_a_thread };

	if (argc < 2)
		return test_main("other_threads", tests, sizeof(tests) / sizeof(tests[0]));
	if (strcmp(argv[1], "require") == 0)
		bad.run = require_in_a_thread;
	return test_main("child", &bad, 1);
}
