/* SPDX-License-Identifier: MIT */
/* Between a connection and gRPC core: one side ends, or takes nothing. The test holds both ends. */
#include "keys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/budget.h"
#include "engine/engine.h"
#include "link/link_pump.h"
#include "tls/tls.h"

enum { LOOK_MS = 250, FEW = 40, PATIENCE_MS = 60000, MUCH = 1 << 20 };

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
	place->core = pump_begin(fds[0], tls, NULL);
	REQUIRE(place->core >= 0);
}

static void close_place(struct place *place)
{
	tls_free(place->client);
	tls_settings_unref(place->settings);
}

static atomic_uint n_polls;

int __real_epoll_wait(int epoll, struct epoll_event *events, int n, int ms);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int n, int ms);

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int n, int ms)
{
	atomic_fetch_add(&n_polls, 1);
	return __real_epoll_wait(epoll, events, n, ms);
}

/* This thread leads, in a loop that should have nothing to do: a poll returns for each event. */
static bool spins(void)
{
	struct engine_waiter waiter;
	unsigned before = atomic_load(&n_polls);

	engine_waiter_init(&waiter, false);
	CHECK(!engine_wait(&waiter, engine_until(LOOK_MS)));
	engine_waiter_fini(&waiter);
	return atomic_load(&n_polls) - before > FEW;
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

static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum { N_PREFACE = sizeof(preface) - 1 };

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

static int begin_http2(int fd)
{
	struct budget *budget = budget_new(NULL, 1 << 20);
	int core;

	REQUIRE(budget != NULL);
	core = pump_begin(fd, NULL, budget);
	budget_unref(budget);
	return core;
}

TEST(a_connection_without_tls_passes_both_ways_until_its_header_is_too_long)
{
	static const uint8_t long_header[9] = { 1, 0, 0, 1, 0, 0, 0, 0, 1 }; /* 65,536 */
	static const uint8_t more[9] = { 0, 0, 1, 9, 4, 0, 0, 0, 1 };
	static uint8_t block[65536];
	size_t n, all = 0;
	int fds[2], core;

	REQUIRE(engine_start() == 0);
	connect_tcp(fds);
	core = begin_http2(fds[0]);
	REQUIRE(core >= 0);
	CHECK_INT(say(fds[1], preface, N_PREFACE), N_PREFACE);
	CHECK_INT(hear(core, block, N_PREFACE), N_PREFACE);
	CHECK(memcmp(block, preface, N_PREFACE) == 0);
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

/* A connection without TLS, of TCP or of a unix socket. Returns core's end. */
static int open_plain(int fds[2], bool is_unix)
{
	int core;

	REQUIRE(engine_start() == 0);
	if (is_unix)
		REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	else
		connect_tcp(fds);
	core = begin_http2(fds[0]);
	REQUIRE(core >= 0);
	return core;
}

/* The n-th byte of what is sent after the preface: DATA of 256 bytes, again and again. */
static uint8_t byte_at(size_t n)
{
	static const uint8_t head[9] = { 0, 1, 0, 0, 0, 0, 0, 0, 1 };

	n %= sizeof(head) + 256;
	return n < sizeof(head) ? head[n] : (uint8_t)(n * 7);
}

/* Sends from `from` on until there is no room for a while. Returns how many bytes in all. */
static size_t send_all(int fd, size_t from)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	uint8_t bytes[5000];
	ssize_t n = 0;
	size_t i;

	for (; poll(&room, 1, LOOK_MS) == 1; from += (size_t)n) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = byte_at(from + i);
		n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0)
			break;
	}
	return from;
}

/* Returns how many bytes came as they were sent, up to n. */
static size_t hear_all(int fd, size_t n)
{
	uint8_t bytes[5000];
	size_t all = 0, got, i;

	while (all < n && (got = hear(fd, bytes, sizeof(bytes))) > 0) {
		for (i = 0; i < got; i++)
			if (bytes[i] != byte_at(all + i))
				return all + i;
		all += got;
	}
	return all;
}

static void check_pressure(bool is_unix)
{
	uint8_t begin[N_PREFACE];
	size_t in, out;
	int fds[2], core = open_plain(fds, is_unix);

	CHECK_INT(say(fds[1], preface, N_PREFACE), N_PREFACE);
	CHECK_INT(hear(core, begin, N_PREFACE), N_PREFACE);
	in = send_all(fds[1], 0);
	out = send_all(core, 0);
	CHECK(in > 0 && in < MUCH); /* the system's buffers, and 32 KiB */
	CHECK(out > 0 && out < MUCH);
	CHECK(!spins());
	CHECK_INT(hear_all(core, in), in);
	CHECK_INT(hear_all(fds[1], out), out);
	CHECK(!spins());
	close(fds[1]);
	CHECK_INT(hear(core, begin, 1), 0);
	close(core);
}

TEST(neither_side_that_reads_nothing_is_read_ahead_of_and_nothing_is_lost)
{
	check_pressure(false);
	check_pressure(true);
}

TEST(what_came_before_a_half_close_reaches_core_and_then_the_end)
{
	uint8_t bytes[100];
	int fds[2], core = open_plain(fds, false);

	CHECK_INT(say(fds[1], preface, N_PREFACE), N_PREFACE);
	CHECK(shutdown(fds[1], SHUT_WR) == 0);
	CHECK_INT(hear(core, bytes, sizeof(bytes)), N_PREFACE);
	CHECK_INT(hear(core, bytes, sizeof(bytes)), 0);
	CHECK_INT(hear(fds[1], bytes, sizeof(bytes)), 0);
	close(core);
	close(fds[1]);
}

TEST(a_reset_ends_the_end_of_core)
{
	struct linger at_once = { 1, 0 };
	uint8_t bytes[100];
	int fds[2], core = open_plain(fds, false);

	CHECK_INT(say(fds[1], preface, N_PREFACE), N_PREFACE);
	CHECK_INT(hear(core, bytes, sizeof(bytes)), N_PREFACE);
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fds[1]);
	CHECK_INT(hear(core, bytes, sizeof(bytes)), 0);
	close(core);
}

TEST(what_core_wrote_before_it_went_is_still_sent)
{
	size_t out;
	int fds[2], core = open_plain(fds, false);

	out = send_all(core, 0);
	close(core);
	CHECK(!spins());
	CHECK_INT(hear_all(fds[1], out + 1), out); /* and then the end */
	close(fds[1]);
}

/* Begins and resets a call with each of these. */
struct reset_call {
	uint8_t headers[9], header, reset[9], code[4];
};

static void send_resets(int fd, unsigned n)
{
	static const struct reset_call one = {
		{ 0, 0, 1, 1, 5 }, 0x82, { 0, 0, 4, 3, 0 }, { 0, 0, 0, 8 }
	};
	struct reset_call *all = calloc(n, sizeof(*all));
	uint32_t stream;
	unsigned i;

	REQUIRE(all != NULL);
	for (i = 0; i < n; i++) {
		stream = htonl(2 * i + 1);
		all[i] = one;
		memcpy(all[i].headers + 5, &stream, 4);
		memcpy(all[i].reset + 5, &stream, 4);
	}
	REQUIRE(say(fd, all, n * sizeof(*all)) == n * sizeof(*all));
	free(all);
}

/* The bytes that come to core before it has been quiet for ms. */
static size_t bytes_within(int core, int ms)
{
	struct pollfd fd = { core, POLLIN, 0 };
	size_t all = 0, n;
	uint8_t bytes[4096];

	while (poll(&fd, 1, ms) == 1 && (n = hear(core, bytes, sizeof(bytes))) > 0)
		all += n;
	return all;
}

static atomic_llong stopped_at; /* the pump's clock; 0: it goes on */

int64_t __real_engine_now(void);
int64_t __wrap_engine_now(void);

int64_t __wrap_engine_now(void)
{
	int64_t at = atomic_load(&stopped_at);

	return at ? at : __real_engine_now();
}

/* What is read at a time may have more of them than are let through. */
TEST(calls_that_core_does_not_hand_over_are_not_read_for_a_while)
{
	enum {
		EACH = sizeof(struct reset_call),
		ALL = 4000 * EACH,
		AT_ONCE = PUMP_AHEAD * EACH + 32768
	};
	struct budget *budget = budget_new(NULL, 1 << 20);
	size_t first, second, more, i;
	uint8_t start[N_PREFACE];
	int fds[2], core;

	REQUIRE(engine_start() == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	core = pump_begin(fds[0], NULL, budget);
	REQUIRE(core >= 0);
	CHECK_INT(say(fds[1], preface, N_PREFACE), N_PREFACE);
	CHECK_INT(hear(core, start, N_PREFACE), N_PREFACE);
	atomic_store(&stopped_at, __real_engine_now());
	send_resets(fds[1], ALL / EACH);
	first = bytes_within(core, 30);
	CHECK(first > PUMP_AHEAD * EACH && first <= AT_ONCE);
	for (i = 0; i < first / EACH; i++)
		budget_count_handed(budget);
	second = bytes_within(core, 30);
	CHECK(second > PUMP_AHEAD * EACH && second <= AT_ONCE);
	atomic_store(&stopped_at, 0);
	for (first += second; first < ALL && (more = bytes_within(core, 1000)) > 0;)
		first += more; /* those on their way are given up, again and again */
	CHECK_INT(first, ALL);
	close(core);
	close(fds[1]);
	budget_unref(budget);
}

static int open_fds(void)
{
	return test_open_fds() - 3; /* ".", ".." and the folder */
}

/* Each connection takes three. */
TEST(connections_leave_an_eighth_of_the_descriptors)
{
	enum { LIMIT = 160, MOST_OPEN = LIMIT - LIMIT / 8, MOST = LIMIT / 3 };
	struct rlimit before, few = { 0 };
	int fds[MOST][2], cores[MOST], n = 0, n_before, ms, byte;

	REQUIRE(engine_start() == 0);
	n_before = open_fds();
	REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
	few.rlim_cur = LIMIT;
	few.rlim_max = before.rlim_max;
	REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
	for (; n < MOST; n++) {
		REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[n]) == 0);
		cores[n] = begin_http2(fds[n][0]);
		if (cores[n] < 0)
			break;
	}
	CHECK(n > 0 && n < MOST);
	CHECK_INT(hear(fds[n][1], &byte, 1), 0); /* it was closed */
	close(fds[n][1]);
	CHECK(n >= (MOST_OPEN - n_before) / 4 - 1); /* the test has one end of each */
	while (n-- > 0) {
		CHECK(cores[n] < MOST_OPEN);
		close(cores[n]);
		CHECK_INT(hear(fds[n][1], &byte, 1), 0);
		close(fds[n][1]);
	}
	REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
	for (ms = 0; open_fds() > n_before && ms < PATIENCE_MS; ms++)
		poll(NULL, 0, 1);
	CHECK(open_fds() <= n_before);
}

static atomic_int brief; /* timers fire at once */
static atomic_llong asked_ms;

int __real_engine_timer_set(struct engine_timer *timer, int64_t at);
int __wrap_engine_timer_set(struct engine_timer *timer, int64_t at);

int __wrap_engine_timer_set(struct engine_timer *timer, int64_t at)
{
	if (!atomic_load(&brief))
		return __real_engine_timer_set(timer, at);
	atomic_store(&asked_ms, (at - engine_now()) / ENGINE_MS);
	return __real_engine_timer_set(timer, engine_until(0));
}

TEST(a_peer_at_a_unix_socket_that_reads_nothing_is_cut_off_after_core_has_gone)
{
	struct pollfd end = { .events = 0 };
	int fds[2], core = open_plain(fds, true);

	CHECK(send_all(core, 0) > 0);
	atomic_store(&brief, 1);
	close(core);
	end.fd = fds[1]; /* told of POLLHUP though it reads nothing */
	CHECK_INT(poll(&end, 1, PATIENCE_MS), 1);
	CHECK(end.revents & POLLHUP);
	CHECK(atomic_load(&asked_ms) > 4000 && atomic_load(&asked_ms) <= 5000);
	atomic_store(&brief, 0);
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
      T(neither_side_that_reads_nothing_is_read_ahead_of_and_nothing_is_lost),
      T(what_came_before_a_half_close_reaches_core_and_then_the_end),
      T(calls_that_core_does_not_hand_over_are_not_read_for_a_while),
      T(connections_leave_an_eighth_of_the_descriptors), T(a_reset_ends_the_end_of_core),
      T(what_core_wrote_before_it_went_is_still_sent),
      T(a_peer_at_a_unix_socket_that_reads_nothing_is_cut_off_after_core_has_gone),
      T(keys_are_removed))
