/* SPDX-License-Identifier: MIT */
/* The module of TLS alone: two ends over a socket pair. */
#include "keys.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "tls/tls.h"

static const struct keys_like usual;
static struct keys keys;

struct pair {
	int fds[2];
	struct tls *server, *client;
};

static struct tls_settings *settings_of(const char *folder)
{
	char path[256];
	struct pyr_tls_options options = keys_of(&keys, folder, path);
	struct tls_problem problem;
	struct tls_settings *settings = tls_settings_new(&options, &problem);

	REQUIRE(settings != NULL);
	return settings;
}

static void open_pair(struct pair *pair, struct tls_settings *server, struct tls_settings *client)
{
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair->fds) == 0);
	pair->server = tls_accept(server, pair->fds[0]);
	pair->client = tls_connect(client, pair->fds[1], "localhost", "somewhere:1");
	REQUIRE(pair->server && pair->client);
}

static void close_pair(struct pair *pair)
{
	tls_free(pair->server);
	tls_free(pair->client);
	close(pair->fds[0]);
	close(pair->fds[1]);
}

/* Both take steps in turn. Returns whether both are through. */
static bool shake(struct pair *pair)
{
	enum tls_result server = TLS_WANTS_IN, client = TLS_WANTS_IN;
	int i;

	for (i = 0; i < 10; i++) {
		if (client == TLS_WANTS_IN)
			client = tls_handshake(pair->client);
		if (server == TLS_WANTS_IN)
			server = tls_handshake(pair->server);
	}
	return server == TLS_DONE && client == TLS_DONE;
}

/* One byte each way, so that the client has what it may resume with. */
static void exchange(struct pair *pair)
{
	size_t n;
	char c;

	REQUIRE(tls_write(pair->server, "s", 1, &n) == TLS_DONE);
	REQUIRE(tls_read(pair->client, &c, 1, &n) == TLS_DONE && c == 's');
	REQUIRE(tls_write(pair->client, "c", 1, &n) == TLS_DONE);
	REQUIRE(tls_peek(pair->server, &c, 1, &n) == TLS_DONE && c == 'c');
	REQUIRE(tls_read(pair->server, &c, 1, &n) == TLS_DONE && c == 'c');
	CHECK(tls_read(pair->server, &c, 1, &n) == TLS_WANTS_IN);
}

static bool visit(struct tls_settings *server, struct tls_settings *client)
{
	struct pair pair;
	bool is_resumed;

	open_pair(&pair, server, client);
	REQUIRE(shake(&pair));
	CHECK_STR(tls_alpn(pair.client), TLS_ALPN_FRAMES);
	CHECK_STR(tls_alpn(pair.server), TLS_ALPN_FRAMES);
	CHECK_STR(tls_identity(pair.server), "cert:alice");
	CHECK_STR(tls_identity(pair.client), "cert:server");
	is_resumed = tls_is_resumed(pair.server);
	CHECK(tls_is_resumed(pair.client) == is_resumed);
	exchange(&pair);
	close_pair(&pair);
	return is_resumed;
}

TEST(a_second_connection_resumes_and_is_known_as_the_first)
{
	struct tls_settings *server = settings_of("server"), *alice = settings_of("alice");
	struct tls_problem problem;

	CHECK(!visit(server, alice));
	CHECK(visit(server, alice));
	CHECK(visit(server, alice));
	/* not with what was checked by rules that are no more */
	CHECK_INT(tls_settings_update(server, NULL, true, &problem), 0);
	CHECK(!visit(server, alice));
	CHECK(visit(server, alice));
	CHECK_INT(tls_settings_update(alice, NULL, false, &problem), 0);
	CHECK(!visit(server, alice));
	tls_settings_unref(server);
	tls_settings_unref(alice);
}

TEST(what_is_not_taken_comes_again_from_another_place)
{
	enum { N = 1 << 20 };
	struct tls_settings *server = settings_of("server"), *alice = settings_of("alice");
	uint8_t *from = malloc(N), *to = malloc(N), room[TLS_RECORD];
	size_t sent = 0, got = 0, n, i;
	enum tls_result result;
	struct pair pair;

	for (i = 0; i < N; i++)
		from[i] = (uint8_t)(i * 7 + i / 251);
	open_pair(&pair, server, alice);
	REQUIRE(shake(&pair));
	while (got < N) {
		do {
			size_t piece = N - sent < sizeof(room) ? N - sent : sizeof(room);

			memcpy(room, from + sent, piece);
			result = piece ? tls_write(pair.client, room, piece, &n) : TLS_WANTS_OUT;
			memset(room, 0, sizeof(room));
			if (result == TLS_DONE)
				sent += n;
		} while (result == TLS_DONE);
		CHECK(result == TLS_WANTS_OUT);
		while ((result = tls_read(pair.server, to + got, N - got, &n)) == TLS_DONE)
			if ((got += n) == N)
				break;
		CHECK(result == TLS_WANTS_IN || got == N);
	}
	CHECK(memcmp(from, to, N) == 0);
	tls_end(pair.client);
	CHECK(tls_read(pair.server, to, 1, &n) == TLS_ENDED);
	close_pair(&pair);
	free(from);
	free(to);
	tls_settings_unref(server);
	tls_settings_unref(alice);
}

/* Each byte of what the client sends first, changed: the server refuses or goes on waiting. */
TEST(a_changed_handshake_is_never_taken_for_a_good_one)
{
	struct tls_settings *server = settings_of("server"), *alice = settings_of("alice");
	uint8_t hello[2048];
	ssize_t n = 0, at;

	for (at = 0; at == 0 || at < n; at += 3) {
		struct pair pair;

		open_pair(&pair, server, alice);
		CHECK(tls_handshake(pair.client) == TLS_WANTS_IN);
		n = recv(pair.fds[0], hello, sizeof(hello), 0);
		REQUIRE(n > 100);
		hello[at] ^= 0x5a;
		CHECK_INT(send(pair.fds[1], hello, (size_t)n, MSG_NOSIGNAL), n);
		CHECK(!shake(&pair));
		close_pair(&pair);
	}
	tls_settings_unref(server);
	tls_settings_unref(alice);
}

TEST(proxies_with_equal_options_share_settings)
{
	char path[256], other[256];
	struct pyr_tls_options a = keys_of(&keys, "alice", path),
			       b = keys_of(&keys, "server", other);
	struct tls_problem problem;
	struct tls_settings *first = tls_settings_share(&a, &problem),
			    *second = tls_settings_share(&a, &problem),
			    *third = tls_settings_share(&b, &problem);

	CHECK(first == second);
	CHECK(first != third);
	b = a;
	b.name = "elsewhere";
	tls_settings_unref(third);
	third = tls_settings_share(&b, &problem);
	CHECK(first != third);
	tls_settings_unref(first);
	tls_settings_unref(second);
	tls_settings_unref(third);
	first = tls_settings_share(&a, &problem); /* of those before nothing is left */
	CHECK(first != NULL);
	tls_settings_unref(first);
}

TEST(keys_are_made)
{
	keys_init(&keys);
	keys_make(&keys, "server", "server", &usual);
	keys_make(&keys, "alice", "alice", &usual);
}

TEST(keys_are_removed)
{
	keys_fini(&keys, (const char *const[]){ "server", "alice", NULL });
}

TESTS(tls_ends, T(keys_are_made), T(a_second_connection_resumes_and_is_known_as_the_first),
      T(what_is_not_taken_comes_again_from_another_place),
      T(a_changed_handshake_is_never_taken_for_a_good_one),
      T(proxies_with_equal_options_share_settings), T(keys_are_removed))
