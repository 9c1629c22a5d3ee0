/* SPDX-License-Identifier: MIT */
/* pyrite-nsc, asking a name server that wants to rule its user's terminal. */
#include "naming.h"
#include "test.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>

/* Sets the window's title, clears the screen (CSI as one character of C1, too), goes back and over
 * what stands there, and writes from right to left. */
#define BAD                                                                                        \
	"\x1b]0;gotcha\x07\x1b[2J\xc2\x9b"                                                         \
	"2J\r\n\t\x7f\xe2\x80\xae"
#define BAD_SHOWN "\\u001B]0;gotcha\\u0007\\u001B[2J\\u009B2J\\u000D\\u000A\\u0009\\u007F\\u202E"
#define BAD_JSON  "\\u001B]0;gotcha\\u0007\\u001B[2J\\u009B2J\\r\\n\\t\\u007F\\u202E"

static const char *bad_tags[] = { "tag" BAD };
static struct pyrite_NameEntry bad_entry = { .name = "größe" BAD,
					     .uri = "PYRO:o@h" BAD,
					     .tags = { 1, bad_tags } };

static int ping(pyr_call *call)
{
	(void)call;
	return 0;
}

static int list(pyr_call *call, const char *prefix, const char *after,
		const struct pyrite_NamePage **ret)
{
	static const struct pyrite_NamePage page = { { 1, &bad_entry }, "" };

	(void)call;
	(void)prefix;
	(void)after;
	*ret = &page;
	return 0;
}

static int lookup_entry(pyr_call *call, const char *name, const struct pyrite_NameEntry **ret)
{
	if (strcmp(name, "none") == 0)
		return pyr_fail(call, PYR_NOT_FOUND, "none" BAD);
	*ret = &bad_entry;
	return 0;
}

static void *run_daemon(void *daemon)
{
	return (void *)(intptr_t)pyr_daemon_run(daemon);
}

static pyr_daemon *server;

/* Runs pyrite-nsc. Returns what it printed, on both streams. */
static const char *said(const char *arguments)
{
	static char text[4096];
	const char *bin = getenv("PYRITE_BIN");
	char command[1024];
	FILE *pipe;
	size_t n;

	snprintf(command, sizeof(command), "PYRITE_NS_HOST=%s '%s/pyrite-nsc' %s 2>&1",
		 pyr_daemon_address(server), bin ? bin : "bin", arguments);
	pipe = popen(command, "r");
	REQUIRE(pipe != NULL);
	n = fread(text, 1, sizeof(text) - 1, pipe);
	text[n] = '\0';
	REQUIRE(pclose(pipe) >= 0);
	return text;
}

static void check_no_control(const char *text)
{
	const char *at;

	for (at = text; *at; at++)
		CHECK(*at == '\n' || ((unsigned char)*at >= 0x20 && *at != 0x7f));
	CHECK(strstr(text, "\xc2\x9b") == NULL);
}

static void check_harmless(const char *text)
{
	check_no_control(text);
	CHECK(strstr(text, "\xe2\x80\xae") == NULL);
}

TEST(what_a_name_server_says_does_not_rule_the_terminal)
{
	const char *text = said("list");

	check_harmless(text);
	CHECK_STR(text, "--------START LIST\n"
			"größe" BAD_SHOWN " --> PYRO:o@h" BAD_SHOWN "\n"
			"    metadata: ['tag" BAD_SHOWN "']\n"
			"--------END LIST\n");
	text = said("lookup x");
	check_harmless(text);
	CHECK_STR(text, "PYRO:o@h" BAD_SHOWN "\nmetadata: ['tag" BAD_SHOWN "']\n");
}

TEST(json_of_it_is_right_and_does_not_either)
{
	const char *text = said("--json lookup x");

	check_harmless(text);
	CHECK_STR(text, "{\"name\": \"größe" BAD_JSON "\", \"uri\": \"PYRO:o@h" BAD_JSON
			"\", \"metadata\": [\"tag" BAD_JSON "\"]}\n");
}

TEST(nor_does_an_error)
{
	const char *text = said("lookup none");

	check_harmless(text);
	CHECK_HAS(text, "Error: ");
	CHECK_HAS(text, "gotcha");
}

TEST(nor_do_the_users_own_arguments)
{
	const char *text = said("list \"$(printf 'a\\033[2Jb')\"");

	check_harmless(text);
	CHECK_HAS(text, "--------START LIST - prefix 'a\\u001B[2Jb'\n");
}

int main(void)
{
	static const struct test_case tests[] = {
		T(what_a_name_server_says_does_not_rule_the_terminal),
		T(json_of_it_is_right_and_does_not_either),
		T(nor_does_an_error),
		T(nor_do_the_users_own_arguments),
	};
	static const struct pyrite_NameServer_methods methods = { .ping = ping,
								  .list = list,
								  .lookup_entry = lookup_entry };
	pthread_t thread;
	int failed;

	server = pyr_daemon_new(NULL);
	if (!pyrite_NameServer_register(server, pyrite_NAME_SERVER_ID, &methods, NULL) ||
	    pthread_create(&thread, NULL, run_daemon, server) != 0)
		return 2;
	failed = test_main("nsc", tests, sizeof(tests) / sizeof(tests[0]));
	pyr_daemon_stop(server);
	pthread_join(thread, NULL);
	pyr_daemon_free(server);
	return failed;
}
