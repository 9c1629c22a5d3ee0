/* SPDX-License-Identifier: MIT */
/* Which connections of HTTP the face's own watcher closes. */
#include "test.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "face/http/connections.h"

enum { PATIENCE_MS = 10000, MOST = 8 };

struct end {
	int own, other;
	struct http_connection *connection;
};

static struct connections all;

/* One that is late already. */
static struct end late(bool is_started)
{
	struct door_peer who = { .is_local = true };
	struct end ret;
	int fds[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	ret = (struct end){ fds[0], fds[1], connections_add(&all, fds[0], &who, MOST) };
	REQUIRE(ret.connection != NULL);
	if (is_started)
		CHECK(connections_start(&all, fds[0]) == ret.connection);
	connection_has(ret.connection, 0);
	return ret;
}

static bool is_shut(const struct end *end, int ms)
{
	struct pollfd fd = { .fd = end->other, .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

/* Its descriptor may be somebody else's by now: libmicrohttpd closes what it has no memory for, and
 * says nothing. */
TEST(one_that_was_never_begun_is_not_closed)
{
	struct end begun, never;

	REQUIRE(connections_open(&all));
	never = late(false);
	begun = late(true);
	CHECK(is_shut(&begun, PATIENCE_MS));
	CHECK(!is_shut(&never, 0));
	connections_stop(&all);
	CHECK(!is_shut(&never, 0));
	connections_remove(begun.connection);
	connections_end(&all);
	CHECK(!is_shut(&never, 0));
	connections_close(&all);
	close(never.own);
	close(never.other);
	close(begun.own);
	close(begun.other);
}

TESTS(http_connections, T(one_that_was_never_begun_is_not_closed))
