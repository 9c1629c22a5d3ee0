/* SPDX-License-Identifier: MIT */
/* Between a connection with TLS and gRPC core: one side ends while the other takes nothing. The
 * ends of both are the test's own. */
#include "keys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "engine/engine.h"
#include "link/link_pump.h"
#include "tls/tls.h"

enum { LOOK_MS = 250, FEW = 40, PATIENCE_MS = 60000 };

static const struct keys_like usual;
static struct keys keys;

struct place {
	struct tls_settings *settings;
	struct tls *client;
	int far;   /* the client's socket */
	int outer; /* the number of the pump's */
	int core;  /* core's end */
};

/* The system would hold more and more. */
static void hold_little(int fd)
{
	int n = 65536;

	REQUIRE(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n)) == 0);
	REQUIRE(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n)) == 0);
}

static void connect_tcp(int fds[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(bind(listener, (struct sockaddr *)&at, n) == 0 && listen(listener, 1) == 0);
	REQUIRE(getsockname(listener, (struct sockaddr *)&at, &n) == 0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	hold_little(fds[1]);
	REQUIRE(connect(fds[1], (struct sockaddr *)&at, n) == 0);
	fds[0] = accept(listener, NULL, NULL);
	REQUIRE(fds[0] >= 0);
	hold_little(fds[0]);
	close(listener);
}

static void open_place(struct place *place)
{
	char path[256];
	struct pyr_tls_options options = keys_of(&keys, "server", path);
	enum tls_result client = TLS_WANTS_IN, server = TLS_WANTS_IN;
	struct tls_problem problem;
	struct tls *tls;
	int fds[2];

	REQUIRE(engine_start() == 0);
	place->settings = tls_settings_new(&options, &problem);
	REQUIRE(place->settings != NULL);
	connect_tcp(fds);
	tls = tls_accept(place->settings, fds[0]);
	place->client = tls_connect(place->settings, fds[1], "localhost", "x", TLS_ALPN_HTTP2);
	while (client == TLS_WANTS_IN || server == TLS_WANTS_IN) {
		client = client == TLS_WANTS_IN ? tls_handshake(place->client) : client;
		server = server == TLS_WANTS_IN ? tls_handshake(tls) : server;
	}
	REQUIRE(client == TLS_DONE && server == TLS_DONE);
	place->outer = fds[0];
	place->far = fds[1];
	place->core = pump_begin(fds[0], tls, false);
	REQUIRE(place->core >= 0);
}

static void close_place(struct place *place)
{
	tls_free(place->client);
	tls_settings_unref(place->settings);
}

static atomic_uint n_set;

void __real_engine_source_set(struct engine_source *source, uint32_t events);
void __wrap_engine_source_set(struct engine_source *source, uint32_t events);

void __wrap_engine_source_set(struct engine_source *source, uint32_t events)
{
	atomic_fetch_add(&n_set, 1);
	__real_engine_source_set(source, events);
}

/* This thread leads, in a loop that should have nothing to do: each time the pump is told of
 * something, it says what it wants to be told of next. */
static bool spins(void)
{
	struct engine_waiter waiter;
	unsigned before = atomic_load(&n_set);

	engine_waiter_init(&waiter, false);
	CHECK(!engine_wait(&waiter, engine_until(LOOK_MS)));
	engine_waiter_fini(&waiter);
	return atomic_load(&n_set) - before > FEW;
}

/* Core writes until nothing moves: the client reads nothing. */
static size_t fill_out(const struct place *place)
{
	char bytes[65536] = { 0 };
	struct pollfd room = { .fd = place->core, .events = POLLOUT };
	size_t all = 0;
	ssize_t n;

	while (poll(&room, 1, 500) == 1 &&
	       (n = send(place->core, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0)
		all += (size_t)n;
	return all;
}

TEST(a_client_that_reads_nothing_costs_nothing_when_core_has_gone_and_gets_all_if_it_reads_on)
{
	struct pollfd wait = { .events = POLLIN };
	enum tls_result result = TLS_WANTS_IN;
	size_t all, got = 0, n;
	unsigned limit = 0;
	socklen_t size = sizeof(limit);
	struct place place;
	char bytes[65536];

	open_place(&place);
	all = fill_out(&place);
	close(place.core);
	CHECK(!spins());
	REQUIRE(getsockopt(place.outer, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, &size) == 0);
	CHECK(limit > 0);
	wait.fd = place.far;
	while ((result == TLS_WANTS_IN && poll(&wait, 1, PATIENCE_MS) == 1) || result == TLS_DONE) {
		result = tls_read(place.client, bytes, sizeof(bytes), &n);
		got += result == TLS_DONE ? n : 0;
	}
	CHECK(result == TLS_ENDED);
	CHECK_INT(got, all);
	close(place.far);
	close_place(&place);
}

TEST(a_client_that_has_gone_costs_nothing_while_core_reads_nothing)
{
	struct linger at_once = { 1, 0 };
	enum tls_result result;
	struct place place;
	char bytes[16384] = { 0 };
	struct pollfd room = { .events = POLLOUT }, end = { .events = POLLIN };
	size_t n;

	open_place(&place);
	room.fd = place.far;
	do
		result = tls_write(place.client, bytes, sizeof(bytes), &n);
	while (result == TLS_DONE || (result == TLS_WANTS_OUT && poll(&room, 1, 500) == 1));
	setsockopt(place.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(place.far);
	CHECK(!spins());
	end.fd = place.core;
	do /* what came, and then the end */
		REQUIRE(poll(&end, 1, PATIENCE_MS) == 1);
	while (recv(place.core, bytes, sizeof(bytes), 0) > 0);
	close(place.core);
	close_place(&place);
}

/* ---- without TLS ---- */

static size_t say(int fd, const void *p, size_t n)
{
	ssize_t said = send(fd, p, n, MSG_NOSIGNAL);

	return said > 0 ? (size_t)said : 0;
}

static size_t hear(int fd, void *p, size_t n)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	ssize_t heard = poll(&wait, 1, PATIENCE_MS) == 1 ? recv(fd, p, n, 0) : -1;

	return heard > 0 ? (size_t)heard : 0;
}

TEST(a_connection_without_tls_passes_both_ways_until_its_header_is_too_long)
{
	static const uint8_t long_header[9] = { 1, 0, 0, 1, 0, 0, 0, 0, 1 }; /* 65,536 */
	static const uint8_t more[9] = { 0, 0, 1, 9, 4, 0, 0, 0, 1 };
	static uint8_t block[65536];
	const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	size_t n, all = 0;
	int fds[2], core;

	REQUIRE(engine_start() == 0);
	connect_tcp(fds);
	core = pump_begin(fds[0], NULL, true);
	REQUIRE(core >= 0);
	CHECK_INT(say(fds[1], preface, 24), 24);
	CHECK_INT(hear(core, block, 24), 24);
	CHECK(memcmp(block, preface, 24) == 0);
	CHECK_INT(say(core, "answer", 6), 6);
	CHECK_INT(hear(fds[1], block, 6), 6);
	CHECK(memcmp(block, "answer", 6) == 0);
	CHECK_INT(say(fds[1], long_header, sizeof(long_header)), sizeof(long_header));
	CHECK_INT(say(fds[1], block, sizeof(block)), sizeof(block));
	while (all < sizeof(long_header) + sizeof(block) && (n = hear(core, block, sizeof(block))))
		all += n;
	CHECK_INT(all, sizeof(long_header) + sizeof(block));
	CHECK_INT(say(fds[1], more, sizeof(more)), sizeof(more));
	CHECK_INT(hear(core, block, sizeof(block)), 0);   /* core hears the end alone, */
	CHECK_INT(hear(fds[1], block, sizeof(block)), 0); /* and so does the peer */
	close(core);
	close(fds[1]);
}

TEST(keys_are_made)
{
	keys_init(&keys);
	keys_make(&keys, "server", "server", &usual);
}

TEST(keys_are_removed)
{
	keys_fini(&keys, (const char *const[]){ "server", NULL });
}

TESTS(pump, T(keys_are_made),
      T(a_client_that_reads_nothing_costs_nothing_when_core_has_gone_and_gets_all_if_it_reads_on),
      T(a_client_that_has_gone_costs_nothing_while_core_reads_nothing),
      T(a_connection_without_tls_passes_both_ways_until_its_header_is_too_long),
      T(keys_are_removed))
