/* SPDX-License-Identifier: MIT */
/* Sockets that the program had connected: given to proxies and to daemons, pools and serial ones,
 * on TCP and unix sockets. Names of tests begin with the row of Pyro's table that they stand for.
 */
#include "everywhere.h"

#include "guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Connects to the daemon as any program would. */
static int connected(void)
{
	const char *address = pyr_daemon_address(place.daemon);
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	bool is_unix = strncmp(address, "./u:", 4) == 0;
	int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	if (is_unix) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 4);
		REQUIRE(connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	} else {
		in.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		REQUIRE(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	}
	return fd;
}

/* A pair, one end of which the daemon serves. Returns the other. */
static int served_by(pyr_daemon *daemon)
{
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK_INT(pyr_daemon_serve_fd(daemon, pair[0]), 0);
	return pair[1];
}

static int served(void)
{
	return served_by(place.daemon);
}

static struct e2e_Work *proxy_over(int fd, const char *uri)
{
	return e2e_Work_proxy_from_fd(fd, uri, NULL);
}

static bool is_closed(int fd)
{
	return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

static void check_caller(struct e2e_Work *given, char *ret, size_t n)
{
	char *caller = NULL;

	CHECK_INT(e2e_Work_caller(given, &caller), 0);
	snprintf(ret, n, "%s", caller ? caller : "");
	pyr_free(caller);
}

/* ---- B19 ---- */

EVERYWHERE(b19_a_proxy_uses_the_socket_that_it_was_given)
{
	struct e2e_Work *given = proxy_over(connected(), "work"), *twin, *narrow;
	char uri[300], text[400], before[128], after[128];
	int32_t sum = 0;

	REQUIRE(given != NULL);
	snprintf(uri, sizeof(uri), "PYRO:work@%s", pyr_daemon_address(place.daemon));
	CHECK_STR(pyr_proxy_uri(e2e_Work_as_proxy(given)), uri);
	CHECK_HAS(pyr_proxy_text(e2e_Work_as_proxy(given), text, sizeof(text)), "not connected");
	CHECK_INT(e2e_Work_add(given, 40, 2, &sum), 0);
	CHECK_INT(sum, 42);
	check_caller(given, before, sizeof(before));
	pyr_proxy_release(e2e_Work_as_proxy(given)); /* which lets the session go, not the socket */
	check_caller(given, after, sizeof(after));
	CHECK_STR(after, before);
	twin = e2e_Work_dup(given);
	narrow = e2e_Work_narrow(e2e_Work_as_proxy(given));
	e2e_Work_free(given);
	check_caller(twin, after, sizeof(after));
	CHECK_STR(after, before);
	check_caller(narrow, after, sizeof(after));
	CHECK_STR(after, before);
	e2e_Work_free(twin);
	e2e_Work_free(narrow);
}

TEST(b19_a_lost_socket_is_not_connected_again)
{
	struct pyr_daemon_options options = { 0 };
	struct e2e_Work *given;
	int32_t sum;

	for (options.threads = 1; options.threads <= 2; options.threads++) {
		REQUIRE(place_open(&place, &options));
		given = proxy_over(options.threads == 1 ? connected() : served(), "work");
		CHECK_INT(e2e_Work_add(given, 1, 2, &sum), 0);
		CHECK_INT(place_close(&place), 0);
		CHECK_INT(e2e_Work_add(given, 1, 2, &sum), -PYR_UNAVAILABLE);
		CHECK_INT(e2e_Work_add(given, 1, 2, &sum), -PYR_UNAVAILABLE);
		CHECK_HAS(pyr_errmsg(), "ConnectionClosed: ");
		CHECK_HAS(pyr_errmsg(), "cannot be connected again");
		CHECK(!pyr_last_error()->may_have_run);
		e2e_Work_free(given);
	}
}

TEST(b19_the_last_proxy_closes_the_socket)
{
	struct pyr_daemon_options options = { .threads = 2, .on_disconnect = guard_disconnect };
	struct guard guard;
	struct e2e_Work *given;
	char byte;
	int pair[2];

	guard_init(&guard);
	options.hook_data = &guard;
	REQUIRE(place_open(&place, &options));
	given = proxy_over(served(), "work");
	CHECK_INT(e2e_Work_add(given, 1, 2, NULL), 0);
	e2e_Work_free(given);
	CHECK(guard_logged(&guard, "-work "));
	CHECK_INT(place_close(&place), 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	given = proxy_over(pair[0], "PYRO:work@127.0.0.1:1");
	CHECK_STR(pyr_proxy_uri(e2e_Work_as_proxy(given)), "PYRO:work@127.0.0.1:1");
	e2e_Work_free(given); /* never used */
	CHECK_INT(read(pair[1], &byte, 1), 0);
	close(pair[1]);
}

TEST(b19_what_is_no_connected_socket_is_refused_and_closed)
{
	struct pyr_proxy_options options = { 0 };
	int fds[2], fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(!proxy_over(fd, "work"));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "is not a connected stream socket");
	CHECK(is_closed(fd));
	REQUIRE(pipe(fds) == 0);
	CHECK(!proxy_over(fds[0], "work"));
	CHECK(is_closed(fds[0]));
	close(fds[1]);
	REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
	CHECK(!proxy_over(fds[0], "work"));
	CHECK(is_closed(fds[0]));
	close(fds[1]);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CHECK(!proxy_over(fds[0], "white space"));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK(is_closed(fds[0]));
	CHECK(!proxy_over(fds[1], "PYRONAME:some.name"));
	CHECK_HAS(pyr_errmsg(), "a connected socket carries no names");
	CHECK(is_closed(fds[1]));
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	options.plain = PYR_PLAIN_ONLY;
	CHECK(!e2e_Work_proxy_from_fd(fds[0], "work", &options));
	CHECK_HAS(pyr_errmsg(), "no plain gRPC");
	CHECK(!proxy_over(fds[1], NULL));
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK(is_closed(fds[1]));
	CHECK(!proxy_over(-1, "work")); /* of a socket() that failed */
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "descriptor -1 is not a socket");
}

TEST(b19_an_end_that_says_nothing_is_given_up_in_time)
{
	struct pyr_proxy_options options = { .connect_timeout_ms = 200 };
	struct e2e_Work *given;
	int pair[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	given = e2e_Work_proxy_from_fd(pair[0], "work", &options);
	CHECK_INT(e2e_Work_add(given, 1, 2, NULL), -PYR_UNAVAILABLE);
	e2e_Work_free(given);
	close(pair[1]);
}

/* ---- G12 ---- */

EVERYWHERE(g12_a_daemon_serves_a_socket_that_it_was_given)
{
	struct e2e_Work *given = proxy_over(served(), "work"), *more[3];
	int32_t sum = 0;
	int i;

	REQUIRE(given != NULL);
	for (i = 0; i < 3; i++) {
		more[i] = proxy_over(served(), "work");
		CHECK_INT(e2e_Work_add(more[i], i, 1, &sum), 0);
		CHECK_INT(sum, i + 1);
	}
	CHECK_INT(e2e_Work_add(given, 40, 2, &sum), 0);
	CHECK_INT(sum, 42);
	CHECK_INT(e2e_Work_add(work, 1, 2, &sum), 0); /* others come in as before */
	for (i = 0; i < 3; i++)
		e2e_Work_free(more[i]);
	e2e_Work_free(given);
}

static int see_who(pyr_call *call)
{
	struct pyr_credentials who = { 0 };

	if (!pyr_call_credentials(call, &who) || who.pid != getpid())
		return -PYR_PERMISSION_DENIED;
	return 0;
}

TEST(g12_who_comes_over_a_pair_is_known)
{
	struct pyr_daemon_options options = { .threads = 2, .on_connect = guard_connect };
	struct guard guard;
	struct e2e_Work *given;

	guard_init(&guard);
	guard.first = see_who;
	options.hook_data = &guard;
	REQUIRE(place_open(&place, &options));
	given = proxy_over(served(), "work");
	CHECK_INT(e2e_Work_add(given, 1, 2, NULL), 0);
	CHECK_STR(guard.peer, "./u:<connected-socket>");
	e2e_Work_free(given);
	CHECK_INT(place_close(&place), 0);
}

TEST(g12_a_daemon_refuses_what_it_cannot_serve)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), pair[2];
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	char byte;

	CHECK_INT(pyr_daemon_serve_fd(daemon, fd), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "is not a connected stream socket");
	CHECK(is_closed(fd));
	CHECK_INT(pyr_daemon_serve_fd(daemon, -1), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_daemon_serve_fd(NULL, 1000), -PYR_INVALID_ARGUMENT);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	pyr_daemon_stop(daemon);
	CHECK_INT(pyr_daemon_run(daemon), 0);
	CHECK_INT(pyr_daemon_serve_fd(daemon, pair[0]), -PYR_FAILED_PRECONDITION);
	CHECK_INT(read(pair[1], &byte, 1), 0);
	close(pair[1]);
	pyr_daemon_free(daemon);
}

TEST(g12_a_daemon_that_is_freed_closes_what_has_said_nothing)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	int pair[2];
	char byte;

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK_INT(pyr_daemon_serve_fd(daemon, pair[0]), 0);
	pyr_daemon_free(daemon);
	CHECK_INT(read(pair[1], &byte, 1), 0);
	close(pair[1]);
}

TESTS(given, T(b19_a_proxy_uses_the_socket_that_it_was_given),
      T(b19_a_lost_socket_is_not_connected_again), T(b19_the_last_proxy_closes_the_socket),
      T(b19_what_is_no_connected_socket_is_refused_and_closed),
      T(b19_an_end_that_says_nothing_is_given_up_in_time),
      T(g12_a_daemon_serves_a_socket_that_it_was_given), T(g12_who_comes_over_a_pair_is_known),
      T(g12_a_daemon_refuses_what_it_cannot_serve),
      T(g12_a_daemon_that_is_freed_closes_what_has_said_nothing))
