/* SPDX-License-Identifier: MIT */
/* pyrite-echoserver, as a client finds it. */
#define _GNU_SOURCE /* pipe2() */
#include "echo.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static pid_t pid;
static FILE *out;
static struct echo_Server *server;

static void start(const char *option)
{
	char path[256], line[256] = "", *uri;
	int ends[2];

	snprintf(path, sizeof(path), "%s/pyrite-echoserver", getenv("PYRITE_BIN"));
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(path, path, option, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	REQUIRE(fgets(line, sizeof(line), out) != NULL);
	line[strcspn(line, "\n")] = '\0';
	uri = strstr(line, "PYRO:test.echoserver@");
	REQUIRE(uri != NULL);
	server = echo_Server_proxy(uri);
	REQUIRE(fgets(line, sizeof(line), out) != NULL);
	CHECK_STR(line, "echoserver running.\n");
}

static void finish(void)
{
	int status = -1;

	echo_Server_free(server);
	fclose(out);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
}

static void stop(void)
{
	kill(pid, SIGTERM);
	finish();
}

TEST(values_come_back)
{
	struct pyr_bytes some = { 3, (uint8_t[]){ 1, 0, 2 } }, *bytes = NULL;
	struct echo_Expected value = { "told", 7 }, *opened = NULL;
	pyr_any *any = echo_Expected_to_any(NULL, &value), *ret = NULL;
	char *text = NULL;
	double number = 0;

	start(NULL);
	CHECK_INT(echo_Server_text(server, "gr\xc3\xbc\xc3\x9f", &text), 0);
	CHECK_STR(text, "gr\xc3\xbc\xc3\x9f");
	CHECK_INT(echo_Server_bytes(server, &some, &bytes), 0);
	REQUIRE(bytes && bytes->n == 3);
	CHECK(memcmp(bytes->items, some.items, 3) == 0);
	CHECK_INT(echo_Server_echo(server, any, &ret), 0);
	CHECK_INT(echo_Expected_from_any(ret, &opened), 0);
	REQUIRE(opened != NULL);
	CHECK_STR(opened->text, "told");
	CHECK_INT(opened->number, 7);
	CHECK_INT(echo_Server_nan(server, &number), 0);
	CHECK(isnan(number));
	CHECK_INT(echo_Server_inf(server, &number), 0);
	CHECK(isinf(number));
	pyr_free(opened);
	pyr_free(any);
	pyr_free(ret);
	pyr_free(text);
	pyr_free(bytes);
	stop();
}

TEST(errors_come_as_they_are_meant)
{
	start(NULL);
	CHECK_INT(echo_Server_error(server), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_last_error()->message, "expected error from echoserver");
	CHECK_INT(echo_Server_error_with_text(server, "so", 3), -PYR_ABORTED);
	REQUIRE(echo_Expected_caught() != NULL);
	CHECK_STR(echo_Expected_caught()->text, "so");
	CHECK_INT(echo_Expected_caught()->number, 3);
	CHECK_INT(echo_Server_nested_error(server, "deep", 4), -PYR_ABORTED);
	REQUIRE(echo_Expected_caught() != NULL);
	CHECK_STR(echo_Expected_caught()->text, "deep");
	CHECK_INT(echo_Server_shut_down(server), -PYR_PERMISSION_DENIED);
	stop();
}

TEST(streams_go_each_way)
{
	static const char *const wanted[] = { "one", "two", "three" };
	pyr_stream *stream = NULL;
	uint64_t n = 0;
	char *item;
	int i;

	start(NULL);
	REQUIRE(echo_Server_generator(server, &stream) == 0);
	for (i = 0; echo_Server_generator_next(stream, &item) > 0; i++) {
		CHECK(i < 3);
		CHECK_STR(item, wanted[i % 3]);
		pyr_free(item);
	}
	CHECK_INT(i, 3);
	pyr_stream_free(stream);
	REQUIRE(echo_Server_words(server, " a  bc ", &stream) == 0);
	REQUIRE(echo_Server_words_next(stream, &item) == 1);
	CHECK_STR(item, "a");
	pyr_free(item);
	pyr_stream_free(stream);
	REQUIRE(echo_Server_count(server, &stream) == 0);
	for (i = 0; i < 5; i++)
		CHECK_INT(echo_Server_count_write(stream, "x"), 0);
	CHECK_INT(echo_Server_count_finish(stream, &n), 0);
	CHECK_INT(n, 5);
	REQUIRE(echo_Server_echo_all(server, &stream) == 0);
	CHECK_INT(echo_Server_echo_all_write(stream, "there"), 0);
	REQUIRE(echo_Server_echo_all_next(stream, &item) == 1);
	CHECK_STR(item, "there");
	pyr_free(item);
	pyr_stream_free(stream);
	stop();
}

static atomic_int n_heard;

static int heard(pyr_call *call, const char *text)
{
	(void)call;
	CHECK_STR(text, "hey");
	atomic_fetch_add(&n_heard, 1);
	return 0;
}

static const struct echo_Listener_methods listener_methods = { .heard = heard };

TEST(objects_are_called_made_and_sent_back)
{
	struct echo_Listener *me = echo_Listener_object(NULL, &listener_methods, NULL, NULL);
	struct echo_Server *another = NULL;
	pyr_object *back = NULL;
	uint64_t n = 0;

	start(NULL);
	CHECK_INT(echo_Server_call_back(server, me, "hey", 3), 0);
	CHECK_INT(atomic_load(&n_heard), 3);
	CHECK_INT(echo_Server_call_back(server, NULL, "hey", 1), -PYR_INVALID_ARGUMENT);
	CHECK_INT(echo_Server_same(server, echo_Listener_as_proxy(me), &back), 0);
	CHECK(back == echo_Listener_as_proxy(me));
	pyr_proxy_free(back);
	CHECK_INT(echo_Server_another(server, &another), 0);
	CHECK_INT(echo_Server_n_calls(another, &n), 0);
	CHECK_INT(n, 1);
	echo_Server_free(another);
	echo_Listener_free(me);
	stop();
}

TEST(oneways_and_slow_calls_take_the_time_they_are_given)
{
	char *text = NULL;

	start("-v");
	CHECK_INT(echo_Server_slow_note(server, "later", 100), 0);
	CHECK_INT(echo_Server_slow(server, "slowly", 20, &text), 0);
	CHECK_STR(text, "slowly");
	pyr_free(text);
	stop();
}

TEST(who_may_ends_it)
{
	bool is_verbose = true;

	start("--shutdown");
	CHECK_INT(echo_Server_get_verbose(server, &is_verbose), 0);
	CHECK(!is_verbose);
	CHECK_INT(echo_Server_set_verbose(server, true), 0);
	CHECK_INT(echo_Server_shut_down(server), 0);
	finish();
}

TESTS(echoserver, T(values_come_back), T(errors_come_as_they_are_meant), T(streams_go_each_way),
      T(objects_are_called_made_and_sent_back),
      T(oneways_and_slow_calls_take_the_time_they_are_given), T(who_may_ends_it))
