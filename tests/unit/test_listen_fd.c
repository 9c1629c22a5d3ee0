/* SPDX-License-Identifier: MIT */
/* Daemons that serve a socket which listens already, as a parent or systemd hands it over. */
#include "servant.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct place place;

/* Listens on TCP at any port. */
static int listening(uint32_t host)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(host);
	REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	REQUIRE(listen(fd, 8) == 0);
	return fd;
}

static int listening6(void)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	REQUIRE(listen(fd, 8) == 0);
	return fd;
}

/* Listens on a unix socket; n bytes of path, which may be abstract or without a NUL. */
static int listening_unix(const char *path, size_t n)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sa.sun_path, path, n);
	n += offsetof(struct sockaddr_un, sun_path);
	REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&sa, (socklen_t)n) == 0);
	REQUIRE(listen(fd, 8) == 0);
	return fd;
}

static void make_folder(char *folder, char *path, size_t size)
{
	strcpy(folder, "/tmp/pyrite-listen-XXXXXX");
	REQUIRE(mkdtemp(folder) != NULL);
	snprintf(path, size, "%s/socket", folder);
}

static unsigned port_of(int fd)
{
	struct sockaddr_in6 sa = { 0 }; /* the ports of both families are at one place */
	socklen_t n = sizeof(sa);

	REQUIRE(getsockname(fd, (struct sockaddr *)&sa, &n) == 0);
	return ntohs(sa.sin6_port);
}

static bool is_closed(int fd)
{
	return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

/* ---- what can be served ---- */

/* A daemon of this fd has this address, and is called there. */
static void check_served(int fd, const char *address)
{
	struct pyr_daemon_options options = { 0 };
	int copy = dup(fd), on_exec;
	struct e2e_Work *work;
	char uri[200];
	int32_t sum;

	for (options.threads = 1; options.threads <= 2; options.threads++) {
		fd = dup(copy);
		REQUIRE(place_open_in(&place, pyr_daemon_listen_fd(fd, &options)));
		on_exec = fcntl(fd, F_GETFD);
		CHECK_INT(on_exec, FD_CLOEXEC);
		CHECK_STR(pyr_daemon_address(place.daemon), address);
		snprintf(uri, sizeof(uri), "PYRO:work@%s", address);
		CHECK_STR(place.uri, uri);
		work = e2e_Work_proxy(uri);
		sum = 0;
		CHECK_INT(e2e_Work_add(work, 40, 2, &sum), 0);
		CHECK_INT(sum, 42);
		e2e_Work_free(work);
		CHECK_INT(place_close(&place), 0);
		CHECK(is_closed(fd));
	}
	close(copy);
}

TEST(a_daemon_serves_a_tcp_socket_that_listens)
{
	int fd = listening(INADDR_LOOPBACK);
	char address[60];

	snprintf(address, sizeof(address), "127.0.0.1:%u", port_of(fd));
	check_served(fd, address);
	close(fd);
	fd = listening6();
	snprintf(address, sizeof(address), "[::1]:%u", port_of(fd));
	check_served(fd, address);
	close(fd);
}

TEST(a_daemon_serves_a_unix_socket_that_listens_and_leaves_its_path)
{
	char folder[40], path[60], address[80];
	struct stat st;
	int fd;

	make_folder(folder, path, sizeof(path));
	fd = listening_unix(path, strlen(path));
	snprintf(address, sizeof(address), "./u:%s", path);
	check_served(fd, address);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(rmdir(folder), 0); /* no lock file either */
	close(fd);
}

/* Somebody has connected, and nobody has accepted. */
static bool has_newcomer(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, PATIENCE_MS) == 1;
}

TEST(who_came_before_the_daemon_waits_for_it)
{
	int fd = listening(INADDR_LOOPBACK), last = dup(fd);
	char uri[60];
	struct e2e_Work *work;
	pyr_future *early;
	int32_t sum = 0;

	snprintf(uri, sizeof(uri), "PYRO:work@127.0.0.1:%u", port_of(fd));
	work = e2e_Work_proxy(uri);
	early = e2e_Work_add_start(work, 1, 2);
	CHECK(has_newcomer(fd));
	REQUIRE(place_open_in(&place, pyr_daemon_listen_fd(fd, NULL)));
	CHECK_INT(e2e_Work_add_get(early, &sum), 0);
	CHECK_INT(sum, 3);
	CHECK_INT(place_close(&place), 0);
	/* And who comes between two daemons waits for the second. */
	early = e2e_Work_add_start(work, 3, 4);
	CHECK(has_newcomer(last));
	REQUIRE(place_open_in(&place, pyr_daemon_listen_fd(last, NULL)));
	CHECK_INT(e2e_Work_add_get(early, &sum), 0);
	CHECK_INT(sum, 7);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* ---- what cannot ---- */

static void check_refused(int fd, const struct pyr_daemon_options *options, int code,
			  const char *why)
{
	CHECK(!pyr_daemon_listen_fd(fd, options));
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), "DaemonError: ");
	CHECK_HAS(pyr_errmsg(), why);
	CHECK(is_closed(fd));
}

TEST(what_does_not_listen_is_named_and_closed)
{
	int fds[2], before = test_open_fds();

	check_refused(-1, NULL, PYR_INVALID_ARGUMENT, "descriptor -1 is not a socket");
	check_refused(60000, NULL, PYR_INVALID_ARGUMENT, "descriptor 60000 is not a socket");
	REQUIRE(pipe(fds) == 0);
	check_refused(fds[0], NULL, PYR_INVALID_ARGUMENT, "is not a socket");
	close(fds[1]);
	check_refused(socket(AF_NETLINK, SOCK_RAW, 0), NULL, PYR_INVALID_ARGUMENT,
		      "is a socket of address family 16: IPv4, IPv6 and unix can be served");
	check_refused(socket(AF_INET, SOCK_DGRAM, 0), NULL, PYR_INVALID_ARGUMENT,
		      "is not a stream socket");
	check_refused(socket(AF_UNIX, SOCK_SEQPACKET, 0), NULL, PYR_INVALID_ARGUMENT,
		      "is not a stream socket");
	check_refused(socket(AF_INET, SOCK_STREAM, 0), NULL, PYR_INVALID_ARGUMENT,
		      "is not a listening socket");
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	check_refused(fds[0], NULL, PYR_INVALID_ARGUMENT, "is not a listening socket");
	close(fds[1]);
	CHECK_INT(test_open_fds(), before);
}

TEST(a_unix_socket_whose_path_no_uri_can_hold_is_refused)
{
	static const char why[] = "a URI needs an absolute path of at most 107 bytes without ':'";
	char folder[40], path[60], colon[70], before[200], full[110];

	make_folder(folder, path, sizeof(path));
	check_refused(listening_unix("\0pyrite-abstract", 16), NULL, PYR_INVALID_ARGUMENT, why);
	snprintf(colon, sizeof(colon), "%s/a:b", folder);
	check_refused(listening_unix(colon, strlen(colon)), NULL, PYR_INVALID_ARGUMENT, why);
	CHECK_HAS(pyr_errmsg(), colon);
	memset(full, 'x', sizeof(full));
	memcpy(full, path, strlen(path));
	full[108] = '\0';
	check_refused(listening_unix(full, 108), NULL, PYR_INVALID_ARGUMENT, why);
	CHECK_HAS(pyr_errmsg(), full);
	REQUIRE(getcwd(before, sizeof(before)) != NULL && chdir(folder) == 0);
	check_refused(listening_unix("here", 4), NULL, PYR_INVALID_ARGUMENT, "listens at 'here'");
	CHECK_INT(unlink("here"), 0);
	REQUIRE(chdir(before) == 0);
	CHECK_INT(unlink(colon), 0);
	CHECK_INT(unlink(full), 0);
	CHECK_INT(rmdir(folder), 0);
}

TEST(beyond_loopback_it_takes_insecure_too)
{
	struct pyr_daemon_options options = { .insecure = PYR_YES };
	pyr_daemon *daemon;
	char port[20];
	int fd;

	check_refused(listening(INADDR_ANY), NULL, PYR_FAILED_PRECONDITION,
		      "refusing to listen on 0.0.0.0:");
	fd = listening(INADDR_ANY);
	snprintf(port, sizeof(port), ":%u", port_of(fd));
	daemon = pyr_daemon_listen_fd(fd, &options);
	REQUIRE(daemon != NULL);
	CHECK_HAS(pyr_daemon_address(daemon), port);
	CHECK(strncmp(pyr_daemon_address(daemon), "0.0.0.0", 7) != 0);
	pyr_daemon_free(daemon);
	CHECK(is_closed(fd));
}

TEST(an_address_beside_the_socket_is_refused_and_that_of_the_environment_unread)
{
	struct pyr_daemon_options with_host = { .host = "127.0.0.1" }, with_port = { .port = 1 },
				  with_socket = { .socket = "/tmp/x" },
				  with_more = { .n_annotations = 1 };
	const struct pyr_annotation bad = { .key = "white space" };
	pyr_daemon *daemon;
	int fd;

	check_refused(listening(INADDR_LOOPBACK), &with_host, PYR_INVALID_ARGUMENT,
		      "has its address");
	check_refused(listening(INADDR_LOOPBACK), &with_port, PYR_INVALID_ARGUMENT,
		      "has its address");
	check_refused(listening(INADDR_LOOPBACK), &with_socket, PYR_INVALID_ARGUMENT,
		      "has its address");
	with_more.annotations = &bad; /* refused before a door is there to take it */
	check_refused(listening(INADDR_LOOPBACK), &with_more, PYR_INVALID_ARGUMENT, "annotation");
	fd = listening(INADDR_LOOPBACK);
	daemon = pyr_daemon_listen_fd(fd, NULL);
	CHECK(strtoul(strrchr(pyr_daemon_address(daemon), ':') + 1, NULL, 10) == port_of(fd));
	pyr_daemon_free(daemon);
}

static const struct test_case tests[] = {
	T(a_daemon_serves_a_tcp_socket_that_listens),
	T(a_daemon_serves_a_unix_socket_that_listens_and_leaves_its_path),
	T(who_came_before_the_daemon_waits_for_it),
	T(what_does_not_listen_is_named_and_closed),
	T(a_unix_socket_whose_path_no_uri_can_hold_is_refused),
	T(beyond_loopback_it_takes_insecure_too),
	T(an_address_beside_the_socket_is_refused_and_that_of_the_environment_unread),
};

int main(void)
{
	setenv("PYRITE_HOST", "127.0.0.2", 1); /* read once, before the first test */
	setenv("PYRITE_PORT", "1", 1);
	return test_main("listen_fd", tests, sizeof(tests) / sizeof(tests[0]));
}
