/* SPDX-License-Identifier: MIT */
/* The module of TLS alone: two ends over a socket pair. */
#include "keys.h"

#include <openssl/ssl.h>

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

static void open_pair_for(struct pair *pair, struct tls_settings *server,
			  struct tls_settings *client, const char *host)
{
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair->fds) == 0);
	pair->server = tls_accept(server, pair->fds[0]);
	pair->client = tls_connect(client, pair->fds[1], host, "somewhere:1", TLS_ALPN_FRAMES);
	REQUIRE(pair->server && pair->client);
}

static void open_pair(struct pair *pair, struct tls_settings *server, struct tls_settings *client)
{
	open_pair_for(pair, server, client, "localhost");
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
	CHECK(visit(server, alice));
	tls_settings_unref(server);
	tls_settings_unref(alice);
}

/* Its ticket comes with the first bytes: after the client's files were read again. */
TEST(a_session_that_the_old_files_began_is_not_resumed_with_the_new_ones)
{
	struct tls_settings *server = settings_of("server"), *alice = settings_of("alice");
	struct tls_problem problem;
	struct pair pair;

	open_pair(&pair, server, alice);
	REQUIRE(shake(&pair));
	CHECK_INT(tls_settings_update(alice, NULL, false, &problem), 0);
	exchange(&pair);
	close_pair(&pair);
	CHECK(!visit(server, alice));
	CHECK(visit(server, alice));
	tls_settings_unref(server);
	tls_settings_unref(alice);
}

TEST(a_session_is_resumed_with_whom_it_began_alone)
{
	struct tls_settings *server = settings_of("server"), *alice = settings_of("alice");
	struct pair pair;

	CHECK(!visit(server, alice));
	open_pair_for(&pair, server, alice, "elsewhere.example.org"); /* at the same address */
	CHECK(!shake(&pair));
	CHECK_HAS(tls_why(pair.client), "hostname mismatch");
	close_pair(&pair);
	tls_settings_unref(server);
	tls_settings_unref(alice);
}

TEST(what_came_in_many_records_is_seen_together_and_stays)
{
	struct tls_settings *server = settings_of("server"), *alice = settings_of("alice");
	static const char text[] = "PRI * HTTP/2.0 and so on, and so on";
	char bytes[64];
	struct pair pair;
	size_t n, i;

	open_pair(&pair, server, alice);
	REQUIRE(shake(&pair));
	CHECK(tls_peek(pair.server, bytes, 24, &n) == TLS_WANTS_IN);
	for (i = 0; i < sizeof(text); i++) {
		REQUIRE(tls_write(pair.client, text + i, 1, &n) == TLS_DONE);
		REQUIRE(tls_peek(pair.server, bytes, 24, &n) == TLS_DONE);
		CHECK_INT(n, i < 24 ? i + 1 : 24);
		CHECK(memcmp(bytes, text, n) == 0);
	}
	CHECK(tls_has_more(pair.server));
	for (i = 0; i < sizeof(text); i += n) {
		REQUIRE(tls_read(pair.server, bytes, 7, &n) == TLS_DONE);
		CHECK(memcmp(bytes, text + i, n) == 0);
	}
	CHECK(!tls_has_more(pair.server));
	CHECK(tls_read(pair.server, bytes, 7, &n) == TLS_WANTS_IN);
	close_pair(&pair);
	tls_settings_unref(server);
	tls_settings_unref(alice);
}

/* Also of those that resume. */
TEST(both_ends_of_a_connection_know_what_no_other_has)
{
	enum { N = 4 };
	struct tls_settings *server = settings_of("server"), *alice = settings_of("alice");
	uint8_t bonds[N][32], other[32];
	struct pair pair;
	int i, j;

	for (i = 0; i < N; i++) {
		open_pair(&pair, server, alice);
		REQUIRE(shake(&pair));
		CHECK(tls_is_resumed(pair.server) == (i > 0));
		REQUIRE(tls_bond(pair.server, bonds[i], 32) && tls_bond(pair.client, other, 32));
		CHECK(memcmp(bonds[i], other, 32) == 0);
		for (j = 0; j < i; j++)
			CHECK(memcmp(bonds[i], bonds[j], 32) != 0);
		exchange(&pair);
		close_pair(&pair);
	}
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
	/* by default a folder need not have a list of revoked ones; who names one wants it */
	a.crl = keys_path(&keys, "alice", "crl.pem", other);
	CHECK(tls_settings_share(&a, &problem) == NULL);
	tls_settings_unref(first);
}

/* ---- ends that do not behave ---- */

struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
};

/* OpenSSL itself as the other end of a pair: what struct tls would never send. */
static struct raw raw_of(const char *folder, int fd, bool is_client)
{
	char cert[256], key[256];
	struct raw raw = { .ctx = SSL_CTX_new(TLS_method()) };

	keys_path(&keys, folder, "cert.pem", cert);
	keys_path(&keys, folder, "key.pem", key);
	REQUIRE(SSL_CTX_use_certificate_file(raw.ctx, cert, SSL_FILETYPE_PEM) == 1);
	REQUIRE(SSL_CTX_use_PrivateKey_file(raw.ctx, key, SSL_FILETYPE_PEM) == 1);
	raw.ssl = SSL_new(raw.ctx);
	REQUIRE(SSL_set_fd(raw.ssl, fd) == 1);
	if (is_client)
		SSL_set_connect_state(raw.ssl);
	else
		SSL_set_accept_state(raw.ssl);
	return raw;
}

static void raw_free(struct raw *raw)
{
	SSL_free(raw->ssl);
	SSL_CTX_free(raw->ctx);
}

/* Its own socket does not block. */
static bool shake_raw(struct raw *raw, struct tls *tls)
{
	enum tls_result result = TLS_WANTS_IN;
	int i;

	for (i = 0; i < 10 && result == TLS_WANTS_IN; i++) {
		(void)SSL_do_handshake(raw->ssl);
		result = tls_handshake(tls);
	}
	return result == TLS_DONE && SSL_do_handshake(raw->ssl) == 1;
}

TEST(new_keys_without_end_end_the_connection)
{
	struct tls_settings *server = settings_of("server");
	size_t n, n_updates = 0;
	struct raw raw;
	int fds[2];
	struct tls *tls;
	char c;

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	raw = raw_of("alice", fds[1], true);
	tls = tls_accept(server, fds[0]);
	REQUIRE(shake_raw(&raw, tls));
	while (SSL_key_update(raw.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
	       SSL_do_handshake(raw.ssl) == 1)
		n_updates++;
	CHECK(n_updates > 100);
	CHECK(tls_read(tls, &c, 1, &n) == TLS_BROKEN);
	CHECK_HAS(tls_why(tls), "changes its keys too often");
	tls_free(tls);
	raw_free(&raw);
	close(fds[0]);
	close(fds[1]);
	tls_settings_unref(server);
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
      T(a_session_that_the_old_files_began_is_not_resumed_with_the_new_ones),
      T(a_session_is_resumed_with_whom_it_began_alone),
      T(what_came_in_many_records_is_seen_together_and_stays),
      T(both_ends_of_a_connection_know_what_no_other_has),
      T(what_is_not_taken_comes_again_from_another_place),
      T(a_changed_handshake_is_never_taken_for_a_good_one),
      T(proxies_with_equal_options_share_settings), T(new_keys_without_end_end_the_connection),
      T(keys_are_removed))
