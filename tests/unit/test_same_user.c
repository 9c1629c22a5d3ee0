/* SPDX-License-Identifier: MIT */
/* Whether the peer of a connection runs as the same user: what depends on other users or
 * namespaces is tried as root. */
#define _GNU_SOURCE /* unshare() */
#include "base/same_user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

enum { NOBODY = 65534, ANOTHER = 1234, QUICK_MS = 1000 };

/* A listener for one connection, and both its ends. */
struct ends {
	int listener, client, server;
	struct sockaddr_storage at;
	socklen_t n_at;
};

static void listen_at(struct ends *ends, int family, const void *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&ends->at;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ends->at;
	int off = 0;

	memset(ends, 0, sizeof(*ends));
	ends->at.ss_family = (sa_family_t)family;
	if (family == AF_INET)
		memcpy(&four->sin_addr, address, sizeof(four->sin_addr));
	else
		memcpy(&six->sin6_addr, address, sizeof(six->sin6_addr));
	ends->n_at = family == AF_INET ? sizeof(*four) : sizeof(*six);
	ends->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (family == AF_INET6)
		setsockopt(ends->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	REQUIRE(bind(ends->listener, (struct sockaddr *)&ends->at, ends->n_at) == 0);
	REQUIRE(listen(ends->listener, 1) == 0);
	REQUIRE(getsockname(ends->listener, (struct sockaddr *)&ends->at, &ends->n_at) == 0);
}

/* In this process or in a child. */
static int connect_to(const struct sockaddr *at, socklen_t n)
{
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, at, n) == 0 ? fd : -1;
}

static void take(struct ends *ends)
{
	ends->server = accept(ends->listener, NULL, NULL);
	REQUIRE(ends->server >= 0);
}

static bool is_same(int fd)
{
	return same_user_peer(fd);
}

static void close_ends(struct ends *ends)
{
	close(ends->client);
	close(ends->server);
	close(ends->listener);
}

static const struct in_addr loopback = { .s_addr = 0x0100007f };

static void open_ends(struct ends *ends)
{
	listen_at(ends, AF_INET, &loopback);
	ends->client = connect_to((struct sockaddr *)&ends->at, ends->n_at);
	REQUIRE(ends->client >= 0);
	take(ends);
}

static bool has_ipv6(const char *test)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;

	if (fd >= 0)
		close(fd);
	if (!has)
		printf("\n    skipped, no IPv6: %s\n", test);
	return has;
}

/* For this user no peer is the same: see the_user_nobody_trusts_no_peer(). */
static bool is_nobody(void)
{
	return geteuid() == NOBODY;
}

TEST(a_peer_over_ipv4_is_of_the_same_user)
{
	int before = test_open_fds();
	struct ends ends;

	open_ends(&ends);
	CHECK(is_same(ends.server) == !is_nobody());
	CHECK(is_same(ends.client) == !is_nobody());
	close_ends(&ends);
	CHECK_INT(test_open_fds(), before);
}

TEST(a_peer_over_ipv6_is_of_the_same_user)
{
	struct ends ends;

	if (!has_ipv6(__func__))
		return;
	listen_at(&ends, AF_INET6, &in6addr_loopback);
	ends.client = connect_to((struct sockaddr *)&ends.at, ends.n_at);
	REQUIRE(ends.client >= 0);
	take(&ends);
	CHECK(is_same(ends.server) == !is_nobody());
	CHECK(is_same(ends.client) == !is_nobody());
	close_ends(&ends);
}

/* A listener of IPv6 takes connections of IPv4: the peer's socket is of either family. */
TEST(a_peer_over_ipv4_inside_ipv6_is_of_the_same_user)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr = loopback };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct ends ends;

	REQUIRE(inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr) == 1);
	if (!has_ipv6(__func__))
		return;
	listen_at(&ends, AF_INET6, &six.sin6_addr);
	four.sin_port = six.sin6_port = ((struct sockaddr_in6 *)&ends.at)->sin6_port;
	ends.client = connect_to((struct sockaddr *)&four, sizeof(four));
	REQUIRE(ends.client >= 0);
	take(&ends);
	CHECK(is_same(ends.server) == !is_nobody());
	CHECK(is_same(ends.client) == !is_nobody());
	close(ends.client);
	close(ends.server);
	ends.client = connect_to((struct sockaddr *)&six, sizeof(six));
	REQUIRE(ends.client >= 0);
	take(&ends);
	CHECK(is_same(ends.server) == !is_nobody());
	CHECK(is_same(ends.client) == !is_nobody());
	close_ends(&ends);
}

TEST(a_peer_over_a_unix_socket_is_of_the_same_user)
{
	int fds[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	CHECK(is_same(fds[0]) == !is_nobody());
	close(fds[0]);
	close(fds[1]);
}

TEST(what_is_no_connected_socket_has_no_peer)
{
	struct ends ends;
	int fds[2];

	listen_at(&ends, AF_INET, &loopback);
	CHECK(!is_same(ends.listener));
	close(ends.listener);
	REQUIRE(pipe(fds) == 0);
	CHECK(!is_same(fds[0]));
	close(fds[0]);
	close(fds[1]);
	CHECK(!is_same(-1));
}

/* The kernel says then that root owns the socket. */
TEST(a_peer_that_has_closed_its_socket_is_not)
{
	struct ends ends;

	open_ends(&ends);
	REQUIRE(send(ends.client, "x", 1, 0) == 1);
	close(ends.client);
	CHECK(!is_same(ends.server));
	close(ends.server);
	close(ends.listener);
}

TEST(without_a_descriptor_for_netlink_it_is_not)
{
	struct rlimit before, none;
	struct ends ends;

	open_ends(&ends);
	REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = before;
	none.rlim_cur = 0;
	REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
	CHECK(!is_same(ends.server));
	REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
	CHECK(is_same(ends.server) == !is_nobody());
	close_ends(&ends);
}

/* ---- as root ---- */

static bool is_root(const char *test)
{
	if (geteuid() == 0)
		return true;
	printf("\n    skipped, needs root: %s\n", test);
	return false;
}

/* Runs it in a child. Returns its exit code; -1: it did not exit. */
static int in_child(int (*run)(void *data), void *data)
{
	int status = 0;
	pid_t pid = fork();

	REQUIRE(pid >= 0);
	if (pid == 0)
		_exit(run(data));
	REQUIRE(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct other {
	struct ends *ends;
	uid_t uid;
	int hold[2]; /* a pipe: the child lives until it is closed */
};

static pid_t connect_as(struct other *other)
{
	pid_t pid;
	char c;

	REQUIRE(pipe(other->hold) == 0);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid > 0) {
		close(other->hold[0]);
		return pid;
	}
	close(other->hold[1]);
	if (setuid(other->uid) < 0 ||
	    connect_to((struct sockaddr *)&other->ends->at, other->ends->n_at) < 0)
		_exit(1);
	_exit(read(other->hold[0], &c, 1) != 0);
}

static void check_other(int family, const void *address, uid_t uid)
{
	struct ends ends;
	struct other other = { &ends, uid, { -1, -1 } };
	int status = -1;
	pid_t pid;

	listen_at(&ends, family, address);
	pid = connect_as(&other);
	take(&ends);
	CHECK(!is_same(ends.server));
	close(other.hold[1]);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	close(ends.server);
	close(ends.listener);
}

TEST(a_peer_of_another_user_is_not)
{
	if (!is_root(__func__))
		return;
	check_other(AF_INET, &loopback, NOBODY);
	check_other(AF_INET, &loopback, ANOTHER);
	if (!has_ipv6(__func__))
		return;
	check_other(AF_INET6, &in6addr_loopback, NOBODY);
	check_other(AF_INET6, &in6addr_loopback, ANOTHER);
}

static int ask_as(uid_t uid)
{
	struct ends ends;
	bool is;

	if (setuid(uid) < 0)
		return 2;
	open_ends(&ends);
	is = is_same(ends.server);
	close_ends(&ends);
	return is;
}

static int ask_as_another(void *data)
{
	(void)data;
	return ask_as(ANOTHER);
}

static int ask_as_nobody(void *data)
{
	(void)data;
	return ask_as(NOBODY);
}

/* Users of other namespaces are reported as the user nobody. */
TEST(the_user_nobody_trusts_no_peer)
{
	if (!is_root(__func__))
		return;
	CHECK_INT(in_child(ask_as_another, NULL), 1);
	CHECK_INT(in_child(ask_as_nobody, NULL), 0);
}

/* ---- servers ---- */

static bool serves(const char *host, const struct ends *ends)
{
	pyr_uri uri = { .port = ntohs(((const struct sockaddr_in *)&ends->at)->sin_port),
			.host = host,
			.socket = "" };

	return same_user_server(&uri);
}

TEST(a_server_on_loopback_is_of_the_same_user_while_it_listens)
{
	struct ends ends;

	open_ends(&ends);
	CHECK(serves("127.0.0.1", &ends) == !is_nobody());
	CHECK(serves("localhost", &ends) == !is_nobody());
	CHECK(!serves("127.0.0.2", &ends)); /* nobody listens there */
	CHECK(!serves("::1", &ends));
	CHECK(!serves("192.0.2.1", &ends));
	CHECK(!serves("localhost.example", &ends));
	close(ends.listener);
	CHECK(!serves("127.0.0.1", &ends)); /* the connection lives */
	CHECK(!serves("localhost", &ends));
	close(ends.client);
	close(ends.server);
}

TEST(a_server_at_a_unix_socket_is_of_the_user_who_made_it)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	pyr_uri uri = { .host = "", .socket = at.sun_path };
	char folder[] = "/tmp/pyrite-user-XXXXXX";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", folder);
	CHECK(!same_user_server(&uri));
	REQUIRE(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(same_user_server(&uri) == !is_nobody());
	if (geteuid() == 0) {
		REQUIRE(chown(at.sun_path, ANOTHER, ANOTHER) == 0);
		CHECK(!same_user_server(&uri));
	}
	close(fd);
	unlink(at.sun_path);
	uri.socket = folder; /* mine, but no socket */
	CHECK(!same_user_server(&uri));
	rmdir(folder);
}

/* In a child: listens as another user, and tells so. */
static void listen_as_another(int family, const void *address, int tell, int hold)
{
	struct ends ends;
	char c;

	if (setuid(ANOTHER) < 0)
		_exit(1);
	listen_at(&ends, family, address);
	if (write(tell, &ends, sizeof(ends)) != sizeof(ends))
		_exit(1);
	_exit(read(hold, &c, 1) != 0);
}

static void check_server_of_another(int family, const void *address, const char *host)
{
	int tell[2], hold[2], status = -1;
	struct ends ends;
	pid_t pid;

	REQUIRE(pipe(tell) == 0 && pipe(hold) == 0);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		close(hold[1]);
		listen_as_another(family, address, tell[1], hold[0]);
	}
	REQUIRE(read(tell[0], &ends, sizeof(ends)) == sizeof(ends));
	CHECK(!serves(host, &ends));
	CHECK(!serves("localhost", &ends));
	close(hold[1]);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	close(hold[0]);
	close(tell[0]);
	close(tell[1]);
}

TEST(a_server_of_another_user_is_not)
{
	if (!is_root(__func__))
		return;
	check_server_of_another(AF_INET, &loopback, "127.0.0.1");
	if (has_ipv6(__func__))
		check_server_of_another(AF_INET6, &in6addr_loopback, "::1");
}

/* Which of its addresses is tried first is not known. */
TEST(localhost_is_of_the_same_user_only_if_both_of_its_addresses_are)
{
	struct ends mine, others;
	int status = -1;
	pid_t pid;

	if (!is_root(__func__) || !has_ipv6(__func__))
		return;
	listen_at(&mine, AF_INET, &loopback);
	memset(&others, 0, sizeof(others));
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		struct sockaddr_in6 six = { .sin6_family = AF_INET6,
					    .sin6_addr = in6addr_loopback };
		int fd, on = 1;

		six.sin6_port = ((struct sockaddr_in *)&mine.at)->sin_port;
		if (setuid(ANOTHER) < 0)
			_exit(1);
		fd = socket(AF_INET6, SOCK_STREAM, 0);
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&six, sizeof(six)) < 0 || listen(fd, 1) < 0 ||
		    kill(getpid(), SIGSTOP) < 0)
			_exit(1);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, WUNTRACED) == pid);
	if (WIFSTOPPED(status)) {
		CHECK(serves("127.0.0.1", &mine) == !is_nobody());
		CHECK(!serves("localhost", &mine));
		kill(pid, SIGCONT);
		REQUIRE(waitpid(pid, &status, 0) == pid);
	}
	CHECK_INT(status, 0);
	CHECK(serves("localhost", &mine) == !is_nobody());
	close(mine.listener);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Returns 0: no, and soon; 1: yes; 2: no, but late; 3: there are no namespaces. */
static int ask_elsewhere(void *data)
{
	int64_t before = now_ms();
	struct ends *ends = data;

	if (unshare(CLONE_NEWNET) < 0)
		return 3;
	before = now_ms();
	if (is_same(ends->server))
		return 1;
	return now_ms() - before < QUICK_MS ? 0 : 2;
}

TEST(a_peer_in_another_network_namespace_is_not)
{
	struct ends ends;
	int answer;

	if (!is_root(__func__))
		return;
	open_ends(&ends);
	answer = in_child(ask_elsewhere, &ends);
	if (answer == 3)
		printf("\n    skipped, no network namespaces: %s\n", __func__);
	else
		CHECK_INT(answer, 0);
	close_ends(&ends);
}

TESTS(same_user, T(a_server_on_loopback_is_of_the_same_user_while_it_listens),
      T(a_server_at_a_unix_socket_is_of_the_user_who_made_it), T(a_server_of_another_user_is_not),
      T(localhost_is_of_the_same_user_only_if_both_of_its_addresses_are),
      T(a_peer_over_ipv4_is_of_the_same_user), T(a_peer_over_ipv6_is_of_the_same_user),
      T(a_peer_over_ipv4_inside_ipv6_is_of_the_same_user),
      T(a_peer_over_a_unix_socket_is_of_the_same_user), T(what_is_no_connected_socket_has_no_peer),
      T(a_peer_that_has_closed_its_socket_is_not), T(without_a_descriptor_for_netlink_it_is_not),
      T(a_peer_of_another_user_is_not), T(the_user_nobody_trusts_no_peer),
      T(a_peer_in_another_network_namespace_is_not))
