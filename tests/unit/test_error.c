/* SPDX-License-Identifier: MIT */
#include "base/error.h"
#include "test.h"

#include <pthread.h>

/* The linker puts these in calloc's place (tests.cmake), so that memory can be out. */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
static bool out_of_memory;

void *__wrap_calloc(size_t n, size_t size)
{
	return out_of_memory ? NULL : __real_calloc(n, size);
}

TEST(a_thread_starts_without_an_error)
{
	CHECK_INT(pyr_last_error()->code, 0);
	CHECK_STR(pyr_errmsg(), "");
	CHECK_STR(pyr_last_error()->object, "");
	CHECK(pyr_error_take() == NULL);
}

TEST(an_error_holds_its_code_and_its_text)
{
	CHECK_INT(error_set(PYR_NOT_FOUND, "no object %s at %s", "x", "127.0.0.1:9090"),
		  -PYR_NOT_FOUND);
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	CHECK_STR(pyr_errmsg(), "no object x at 127.0.0.1:9090");
	CHECK_STR(pyr_last_error()->trace, "");
	CHECK(!pyr_last_error()->remote);
}

TEST(a_text_of_any_length_is_kept_whole)
{
	char *big = malloc(100001);

	REQUIRE(big != NULL);
	memset(big, 'b', 100000);
	big[100000] = '\0';
	(void)error_set(PYR_INTERNAL, "%s!", big);
	CHECK_INT(strlen(pyr_errmsg()), 100001);
	CHECK_INT(pyr_errmsg()[100000], '!');
	free(big);
}

TEST(all_that_is_known_of_an_error_can_be_read)
{
	static const uint8_t detail[] = { 1, 0, 3 };
	struct error_info info = {
		.code = PYR_ABORTED,
		.remote = true,
		.may_have_run = true,
		.message = "m",
		.object = "o",
		.operation = "example.Bank.pay",
		.address = "./u:/a",
		.exception = "example.NoFunds",
		.trace = "bank.c:3 in pay\n",
		.correlation_id = "c",
		.detail = detail,
		.n_detail = sizeof(detail),
	};
	const pyr_error *error;
	const uint8_t *kept;
	size_t n = 99;

	CHECK_INT(error_set_info(&info), -PYR_ABORTED);
	error = pyr_last_error();
	CHECK_INT(error->code, PYR_ABORTED);
	CHECK(error->remote && error->may_have_run);
	CHECK_STR(error->message, "m");
	CHECK_STR(error->object, "o");
	CHECK_STR(error->operation, "example.Bank.pay");
	CHECK_STR(error->address, "./u:/a");
	CHECK_STR(error->exception, "example.NoFunds");
	CHECK_STR(error->trace, "bank.c:3 in pay\n");
	CHECK_STR(error->correlation_id, "c");
	kept = error_detail(&n);
	CHECK_INT(n, 3);
	CHECK(kept != detail && memcmp(kept, detail, 3) == 0);

	(void)error_set(PYR_INTERNAL, "later");
	CHECK(error_detail(&n) == NULL);
	CHECK_INT(n, 0);
}

TEST(an_error_may_quote_the_one_before_it)
{
	struct error_info info = { .code = PYR_UNAVAILABLE };

	(void)error_set(PYR_UNAVAILABLE, "connection refused");
	(void)error_set(PYR_UNAVAILABLE, "no name server: %s", pyr_errmsg());
	CHECK_STR(pyr_errmsg(), "no name server: connection refused");
	info.message = pyr_errmsg();
	info.object = pyr_errmsg();
	(void)error_set_info(&info);
	CHECK_STR(pyr_last_error()->object, "no name server: connection refused");
}

TEST(a_taken_error_outlives_later_ones_with_its_exception)
{
	pyr_error *taken;
	void *caught = malloc(16);

	(void)error_set(PYR_ABORTED, "first");
	error_keep_caught(caught);
	CHECK(error_caught() == caught);
	taken = pyr_error_take();
	CHECK_INT(pyr_last_error()->code, 0);
	CHECK(error_caught() == NULL);
	(void)error_set(PYR_INTERNAL, "second");
	CHECK_STR(taken->message, "first");
	pyr_error_free(taken);
	pyr_error_free(NULL);
	CHECK_STR(pyr_errmsg(), "second");
}

TEST(a_taken_error_can_be_put_back)
{
	pyr_error *taken;

	(void)error_constructor(PYR_UNAVAILABLE, "first");
	taken = pyr_error_take();
	(void)error_set(PYR_INTERNAL, "second");
	error_restore(taken);
	CHECK_STR(pyr_errmsg(), "first");
	CHECK_INT(error_null("ns"), -PYR_UNAVAILABLE);
	(void)error_set(PYR_INTERNAL, "third");
	error_restore(NULL);
	CHECK_INT(pyr_last_error()->code, 0);
}

TEST(a_kept_exception_goes_with_its_error)
{
	(void)error_set(PYR_ABORTED, "first");
	error_keep_caught(malloc(16));
	error_keep_caught(malloc(16)); /* the leak checker sees what is not freed */
	(void)error_set(PYR_INTERNAL, "second");
	CHECK(error_caught() == NULL);
}

TEST(a_null_handle_keeps_the_error_of_the_constructor_that_returned_it)
{
	CHECK(error_constructor(PYR_UNAVAILABLE, "no name server at %s", "h:1") == NULL);
	CHECK_INT(error_null("ns"), -PYR_UNAVAILABLE);
	CHECK_STR(pyr_errmsg(), "no name server at h:1");
	CHECK_INT(error_null("ns"), -PYR_UNAVAILABLE);

	(void)error_set(PYR_NOT_FOUND, "something else failed since");
	CHECK_INT(error_null("ns"), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "ns is NULL");

	(void)error_set(PYR_NOT_FOUND, "no such object");
	CHECK(error_from_constructor() == NULL);
	CHECK_INT(error_null("proxy"), -PYR_NOT_FOUND);
}

TEST(a_taken_constructor_error_is_over)
{
	(void)error_constructor(PYR_UNAVAILABLE, "gone");
	pyr_error_free(pyr_error_take());
	CHECK_INT(error_null("daemon"), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "daemon is NULL");
}

TEST(without_memory_the_code_survives)
{
	struct error_info info = {
		.code = PYR_UNAVAILABLE, .message = "lost", .remote = true, .may_have_run = true
	};
	pyr_error *taken;
	size_t n;

	(void)error_set(PYR_NOT_FOUND, "before");
	error_keep_caught(malloc(16));
	out_of_memory = true;
	CHECK_INT(error_set_info(&info), -PYR_UNAVAILABLE);
	CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
	CHECK(pyr_last_error()->remote && pyr_last_error()->may_have_run);
	CHECK_STR(pyr_errmsg(), "the error's text was lost: out of memory");
	CHECK_STR(pyr_last_error()->object, "");
	CHECK(error_detail(&n) == NULL && error_caught() == NULL);
	error_keep_caught(malloc(16));
	CHECK(error_constructor(PYR_INTERNAL, "x") == NULL);
	CHECK_INT(error_null("x"), -PYR_INTERNAL);
	taken = pyr_error_take();
	out_of_memory = false;
	REQUIRE(taken != NULL);
	CHECK_INT(taken->code, PYR_RESOURCE_EXHAUSTED);
	pyr_error_free(taken);
	CHECK_INT(pyr_last_error()->code, 0);
	(void)error_set(PYR_NOT_FOUND, "after");
	CHECK_STR(pyr_errmsg(), "after");
}

static void *fail_in_thread(void *data)
{
	(void)data;
	(void)error_set(PYR_INTERNAL, "in the thread");
	error_keep_caught(malloc(16));
	return (void *)(intptr_t)(strcmp(pyr_errmsg(), "in the thread") == 0);
}

TEST(each_thread_has_its_own_error_and_frees_it)
{
	pthread_t thread;
	void *good = NULL;

	(void)error_set(PYR_NOT_FOUND, "in main");
	REQUIRE(pthread_create(&thread, NULL, fail_in_thread, NULL) == 0);
	REQUIRE(pthread_join(thread, &good) == 0);
	CHECK(good != NULL);
	CHECK_STR(pyr_errmsg(), "in main");
}

/* What pyr_perror() writes to stderr, at most n - 1 bytes. */
static void perror_text(const char *what, char *ret, size_t n)
{
	int saved = dup(2), pipes[2];
	ssize_t got;

	REQUIRE(saved >= 0 && pipe(pipes) == 0);
	dup2(pipes[1], 2);
	CHECK_INT(pyr_perror(what), 1);
	dup2(saved, 2);
	close(saved);
	close(pipes[1]);
	got = read(pipes[0], ret, n - 1);
	close(pipes[0]);
	ret[got > 0 ? got : 0] = '\0';
}

TEST(perror_prints_one_line)
{
	char text[300];

	(void)error_set(PYR_NOT_FOUND, "no name 'x' at 127.0.0.1:9090");
	perror_text("add", text, sizeof(text));
	CHECK_STR(text, "add: no name 'x' at 127.0.0.1:9090\n");
	perror_text(NULL, text, sizeof(text));
	CHECK_STR(text, "no name 'x' at 127.0.0.1:9090\n");
	(void)error_set(PYR_DATA_LOSS, "%s", "");
	perror_text("add", text, sizeof(text));
	CHECK_STR(text, "add: DATA_LOSS\n");
	pyr_error_free(pyr_error_take());
	perror_text("add", text, sizeof(text));
	CHECK_STR(text, "add: no error\n");
}

TEST(perror_escapes_what_a_terminal_would_act_on)
{
	char text[300];

	(void)error_set(PYR_UNKNOWN, "a\nb\t\x1b[31m\x7f \xc2\x9b \xe2\x80\xa8 \xff \xc3\xa9");
	perror_text("x", text, sizeof(text));
	CHECK_STR(text, "x: a\\nb\\t\\x1b[31m\\x7f \\xc2\\x9b \\xe2\\x80\\xa8 \\xff \xc3\xa9\n");
}

TEST(perror_prints_at_most_2_kib_of_a_text)
{
	char *big = malloc(10001), text[12000];

	REQUIRE(big != NULL);
	memset(big, 'b', 10000);
	big[10000] = '\0';
	(void)error_set(PYR_UNKNOWN, "%s", big);
	perror_text("x", text, sizeof(text));
	CHECK_INT(strlen(text), strlen("x: ") + 2048 + strlen("...\n"));
	memset(big, '\x01', 10000);
	(void)error_set(PYR_UNKNOWN, "%s", big);
	perror_text("x", text, sizeof(text));
	CHECK_INT(strlen(text), strlen("x: ") + 4 * 2048 + strlen("...\n"));
	free(big);
}

TEST(a_status_has_a_name_with_either_sign)
{
	CHECK_STR(pyr_status_name(PYR_NOT_FOUND), "NOT_FOUND");
	CHECK_STR(pyr_status_name(-PYR_UNAUTHENTICATED), "UNAUTHENTICATED");
	CHECK_STR(pyr_status_name(0), "OK");
	CHECK_STR(pyr_status_name(17), "?");
	CHECK_STR(pyr_status_name(INT32_MIN), "?");
	CHECK_STR(pyr_version(), PYR_VERSION);
}

TESTS(error, T(a_thread_starts_without_an_error), T(an_error_holds_its_code_and_its_text),
      T(a_text_of_any_length_is_kept_whole), T(all_that_is_known_of_an_error_can_be_read),
      T(an_error_may_quote_the_one_before_it),
      T(a_taken_error_outlives_later_ones_with_its_exception), T(a_taken_error_can_be_put_back),
      T(a_kept_exception_goes_with_its_error),
      T(a_null_handle_keeps_the_error_of_the_constructor_that_returned_it),
      T(a_taken_constructor_error_is_over), T(without_memory_the_code_survives),
      T(each_thread_has_its_own_error_and_frees_it), T(perror_prints_one_line),
      T(perror_escapes_what_a_terminal_would_act_on), T(perror_prints_at_most_2_kib_of_a_text),
      T(a_status_has_a_name_with_either_sign))
