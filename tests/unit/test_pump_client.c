/* SPDX-License-Identifier: MIT */
/* Between a server and a client's gRPC core: the test is both. */
#include <pyrite/pyrite.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine.h"
#include "link/link_pump.h"
#include "test.h"

enum { PATIENCE_MS = 60000 };

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

static struct told {
	atomic_uint n_heard, n_ended;
	int code; /* before n_ended, as why */
	char why[128];
} told;

static void on_heard(void *data, const struct tls *tls)
{
	CHECK(data == &told && !tls);
	told.n_heard++;
}

static void on_ended(void *data, int code, const char *why)
{
	CHECK(data == &told);
	told.code = code;
	snprintf(told.why, sizeof(told.why), "%s", why);
	told.n_ended++;
}

struct client {
	struct engine_hook begin;
	int fds[2]; /* the pump's, and the server's */
	int core[2];
};

static void begin_client(struct engine_hook *hook)
{
	static const struct pump_events events = { on_heard, on_ended };
	struct client *client = (struct client *)hook;

	CHECK(pump_run(client->fds[0], NULL, client->core[0], &events, &told));
}

/* This thread leads until it is so. */
static void lead_until(const atomic_uint *n, unsigned is)
{
	int64_t until = engine_until(PATIENCE_MS);
	struct engine_waiter waiter;

	engine_waiter_init(&waiter, false);
	while (atomic_load(n) != is && engine_now() < until)
		(void)engine_wait(&waiter, engine_until(1));
	engine_waiter_fini(&waiter);
	CHECK_INT(atomic_load(n), is);
}

static void open_client(struct client *client)
{
	REQUIRE(engine_start() == 0);
	told = (struct told){ 0 };
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, client->fds) == 0);
	REQUIRE(pump_pair(client->core));
	client->begin.run = begin_client;
	engine_before_poll(&client->begin);
}

static void close_client(struct client *client)
{
	close(client->fds[1]);
	close(client->core[1]);
	lead_until(&told.n_ended, 1);
}

static const uint8_t settings[9] = { 0, 0, 0, 4, 0, 0, 0, 0, 0 };

/* A server is known by its whole first frame's head. */
TEST(a_server_is_heard_once_it_has_shown_that_it_speaks_http2)
{
	struct client client;
	uint8_t bytes[32];

	open_client(&client);
	CHECK_INT(say(client.core[1], preface, N_PREFACE), N_PREFACE);
	CHECK_INT(hear(client.fds[1], bytes, N_PREFACE), N_PREFACE);
	CHECK_INT(say(client.fds[1], settings, 8), 8);
	CHECK_INT(hear(client.core[1], bytes, 8), 8);
	CHECK_INT(atomic_load(&told.n_heard), 0);
	CHECK_INT(say(client.fds[1], settings + 8, 1), 1);
	lead_until(&told.n_heard, 1);
	CHECK_INT(say(client.fds[1], settings, 9), 9);
	CHECK_INT(hear(client.core[1], bytes, 1), 1);
	close_client(&client);
	CHECK_INT(atomic_load(&told.n_heard), 1);
	CHECK_INT(told.code, 0);
	CHECK(told.why[0] == '\0');
}

/* Of a connection that ends before, no call can have run. */
TEST(nothing_but_settings_is_sent_to_a_server_that_was_not_heard)
{
	static const uint8_t more[12] = { 0, 0, 3, 4, 0, 0, 0, 0, 0, 1, 2, 3 };
	static const uint8_t head[9] = { 0, 0, 0, 1, 5, 0, 0, 0, 1 };
	struct pollfd wait = { .events = POLLIN };
	struct client client;
	uint8_t bytes[64];
	size_t n = 0, i;

	open_client(&client);
	wait.fd = client.fds[1];
	for (i = 0; i < N_PREFACE; i++) /* in whatever pieces */
		CHECK_INT(say(client.core[1], preface + i, 1), 1);
	CHECK_INT(say(client.core[1], more, sizeof(more)), sizeof(more));
	CHECK_INT(say(client.core[1], head, sizeof(head)), sizeof(head));
	while (n < N_PREFACE + sizeof(more))
		n += hear(client.fds[1], bytes + n, sizeof(bytes) - n);
	CHECK_INT(n, N_PREFACE + sizeof(more));
	CHECK(memcmp(bytes + N_PREFACE, more, sizeof(more)) == 0);
	CHECK_INT(poll(&wait, 1, 50), 0);
	CHECK_INT(say(client.fds[1], settings, 9), 9);
	lead_until(&told.n_heard, 1);
	CHECK_INT(hear(client.fds[1], bytes, sizeof(bytes)), sizeof(head));
	CHECK(memcmp(bytes, head, sizeof(head)) == 0);
	close_client(&client);
}

TEST(a_server_that_was_not_heard_is_left_with_core)
{
	static const uint8_t more[18] = { 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0, 0, 0, 1 };
	struct client client;
	uint8_t bytes[64];
	size_t n = 0;

	open_client(&client);
	CHECK_INT(say(client.core[1], preface, N_PREFACE), N_PREFACE);
	CHECK_INT(say(client.core[1], more, sizeof(more)), sizeof(more));
	while (n < N_PREFACE + 9)
		n += hear(client.fds[1], bytes + n, sizeof(bytes) - n);
	shutdown(client.core[1], SHUT_RDWR);
	lead_until(&told.n_ended, 1);
	CHECK_INT(hear(client.fds[1], bytes, 1), 0);
	CHECK_INT(n, N_PREFACE + 9);
	close_client(&client);
	CHECK_INT(atomic_load(&told.n_heard), 0);
	CHECK_INT(told.code, 0);
}

TEST(a_server_with_a_long_header_is_left)
{
	static const uint8_t head[9] = { 1, 0, 1, 1, 4, 0, 0, 0, 1 };
	struct client client;
	uint8_t bytes[32];

	open_client(&client);
	CHECK_INT(say(client.fds[1], settings, 9), 9);
	lead_until(&told.n_heard, 1);
	CHECK_INT(hear(client.core[1], bytes, 9), 9);
	CHECK_INT(say(client.fds[1], head, 9), 9);
	lead_until(&told.n_ended, 1);
	CHECK_INT(hear(client.core[1], bytes, 1), 0); /* core hears the end alone, */
	CHECK_INT(hear(client.fds[1], bytes, 1), 0);  /* and so does the server */
	close_client(&client);
	CHECK_INT(told.code, PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(told.why, "header");
}

TEST(a_server_that_speaks_something_else_is_left_unheard)
{
	struct client client;
	uint8_t bytes[32];

	open_client(&client);
	CHECK_INT(say(client.fds[1], "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
	lead_until(&told.n_ended, 1);
	CHECK_INT(hear(client.core[1], bytes, 1), 0);
	close_client(&client);
	CHECK_INT(atomic_load(&told.n_heard), 0);
	CHECK_INT(told.code, PYR_UNAVAILABLE);
	CHECK_HAS(told.why, "does not speak gRPC");
}

TESTS(pump_client, T(a_server_is_heard_once_it_has_shown_that_it_speaks_http2),
      T(nothing_but_settings_is_sent_to_a_server_that_was_not_heard),
      T(a_server_that_was_not_heard_is_left_with_core), T(a_server_with_a_long_header_is_left),
      T(a_server_that_speaks_something_else_is_left_unheard))
