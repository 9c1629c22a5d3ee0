/* SPDX-License-Identifier: MIT */
/* TLS between daemons and proxies: who is let in, who is refused and what both ends say, what is
 * seen of a caller, and certificates that change. */
#include "flow_servant.h"
#include "said.h"
#include "tls_place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void check_caller(struct hops_Hop *proxy, const char *expected)
{
	char *text;

	REQUIRE(hops_Hop_whose(proxy, &text) == 0);
	CHECK_STR(strrchr(text, '['), expected);
	pyr_free(text);
}

/* ---- the tests ---- */

TEST(callers_are_known_by_their_certificates_on_each_lane)
{
	static const enum pyr_lane lanes[] = { PYR_LANE_SOCKET, PYR_LANE_GRPC, PYR_LANE_WIRE };
	struct pyr_tls_options server = of("server"), alice = of("alice");
	struct hops_Hop *proxy;
	struct hop hop;
	unsigned i;

	for (i = 0; i < 6; i++) {
		REQUIRE(open_with(&hop, &server, i < 3 ? 4 : 1));
		proxy = proxy_with(hop.uri, &alice, lanes[i % 3]);
		CHECK_INT(add(proxy), 0);
		check_caller(proxy, "[cert:alice]");
		hops_Hop_free(proxy);
		CHECK_INT(hop_close(&hop), 0);
	}
}

TEST(plain_grpc_calls_go_over_tls_and_their_callers_are_known)
{
	struct pyr_tls_options server = of("server"), alice = of("alice");
	struct pyr_proxy_options options = { .tls = &alice, .plain = PYR_PLAIN_ONLY };
	struct hops_Hop *proxy;
	struct hop hop;

	REQUIRE(open_with(&hop, &server, 4));
	proxy = hops_Hop_proxy_with(hop.uri, &options);
	CHECK_INT(add(proxy), 0);
	check_caller(proxy, "[cert:alice]");
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(a_uri_among_a_certificates_names_is_who_calls)
{
	struct pyr_tls_options server = of("server"), spiffe = of("spiffe");
	struct hops_Hop *proxy;
	struct hop hop;

	REQUIRE(open_with(&hop, &server, 4));
	proxy = proxy_with(hop.uri, &spiffe, PYR_LANE_WIRE);
	check_caller(proxy, "[cert:spiffe://example.org/billing]");
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(who_is_refused_is_told_why_and_so_is_the_operator)
{
	char ca[256], why[512];
	struct pyr_tls_options server = of("server"), self = of("self"), other = of("other");
	struct pyr_tls_options nobody = { .ca = keys_path(&keys, "alice", "ca.pem", ca) };
	struct pyr_proxy_options open = { .own_link = true, .lane = PYR_LANE_WIRE };
	struct hops_Hop *proxy;
	struct hop hop;

	REQUIRE(open_with(&hop, &server, 4));
	say_nothing();
	CHECK_INT(try(hop.uri, &nobody, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	CHECK_HAS(why, "SecurityError");
	CHECK_HAS(why, "certificate required");
	CHECK(was_said("it has no certificate"));

	say_nothing();
	CHECK_INT(try(hop.uri, &self, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	CHECK_HAS(why, "it refuses the connection");

	/* one that trusts another CA does not trust this server */
	CHECK_INT(try(hop.uri, &other, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	CHECK_HAS(why, "its certificate is not accepted");

	proxy = hops_Hop_proxy_with(hop.uri, &open);
	CHECK_INT(add(proxy), -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_last_error()->message, "requires TLS: set PYRITE_KEYS");
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(a_server_must_have_the_name_that_it_is_called_by)
{
	char why[512], uri[256];
	struct pyr_tls_options far = of("far"), alice = of("alice");
	struct hop hop;

	REQUIRE(open_with(&hop, &far, 4));
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	CHECK_HAS(why, "IP address mismatch");
	alice.name = "far.example.org";
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), 0);
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_GRPC, why), 0);
	alice.name = "near.example.org";
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	CHECK_HAS(why, "hostname mismatch");
	alice.name = NULL;
	snprintf(uri, sizeof(uri), "PYRO:hop@localhost%s", strrchr(hop.uri, ':'));
	CHECK_INT(try(uri, &alice, PYR_LANE_WIRE, why), -PYR_UNAUTHENTICATED);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(one_that_speaks_no_tls_is_told_apart)
{
	char why[512];
	struct pyr_tls_options alice = of("alice");
	struct hop hop;

	REQUIRE(hop_open(&hop, &(struct pyr_daemon_options){ .threads = 4 }));
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), -PYR_UNAVAILABLE);
	CHECK_HAS(why, "the connection ended before TLS was agreed on");
	CHECK_INT(hop_close(&hop), 0);
}

TEST(a_daemon_may_serve_who_has_no_certificate)
{
	char ca[256], why[512];
	struct pyr_tls_options server = of("server");
	struct pyr_tls_options nobody = { .ca = keys_path(&keys, "alice", "ca.pem", ca) };
	struct hops_Hop *proxy;
	struct hop hop;

	server.clients = PYR_NO;
	REQUIRE(open_with(&hop, &server, 4));
	CHECK_INT(try(hop.uri, &nobody, PYR_LANE_WIRE, why), 0);
	proxy = proxy_with(hop.uri, &nobody, PYR_LANE_GRPC);
	check_caller(proxy, "[]");
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(what_will_not_do_is_named_before_anybody_connects)
{
	char cert[256], key[256];
	struct pyr_tls_options tls = of("old");
	struct pyr_daemon_options options = { .tls = &tls };
	struct pyr_proxy_options client = { .tls = &tls };

	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_last_error()->message, "old/cert.pem expired on ");
	CHECK(hops_Hop_proxy_with("PYRO:x@localhost:1", &client) == NULL);
	CHECK_HAS(pyr_last_error()->message, "SecurityError: TLS: the certificate of ");

	tls = (struct pyr_tls_options){ .cert = keys_path(&keys, "alice", "cert.pem", cert),
					.key = keys_path(&keys, "server", "key.pem", key) };
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "server/key.pem is not the certificate's");

	tls.key = keys_path(&keys, "alice", "cert.pem", key);
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "no private key in ");

	tls.key = NULL;
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "cert is given, but no key");

	tls = (struct pyr_tls_options){ .folder = "/nowhere" };
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "cannot read /nowhere/cert.pem: No such file");

	tls = (struct pyr_tls_options){ .ca = keys_path(&keys, "alice", "ca.pem", cert) };
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "a daemon needs a certificate");

	tls = (struct pyr_tls_options){ .ca = "-----BEGIN nothing" };
	CHECK(hops_Hop_proxy_with("PYRO:x@localhost:1", &client) == NULL);
	CHECK_HAS(pyr_last_error()->message, "no certificate in the PEM text");
}

TEST(files_that_change_are_read_again_and_bad_ones_leave_the_old_in_use)
{
	char path[256], why[512];
	struct pyr_tls_options server = of("changing"), alice = of("alice");
	struct hop hop;
	int64_t until;

	keys_make(&keys, "changing", "first", &usual);
	REQUIRE(open_with(&hop, &server, 4));
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), 0);

	say_nothing();
	REQUIRE(truncate(keys_path(&keys, "changing", "cert.pem", path), 0) == 0);
	until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;
	do /* it looks when somebody comes and a second has gone by */
		CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), 0);
	while (!is_said("the old ones stay in use") && hop_now() < until);
	CHECK(was_said("the old ones stay in use: no certificate in "));

	keys_make(&keys, "changing", "second",
		  &(struct keys_like){ .host = "second.example.org", .only_that_host = true });
	alice.name = "second.example.org";
	until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;
	while (try(hop.uri, &alice, PYR_LANE_WIRE, why) != 0 && hop_now() < until)
		poll(NULL, 0, 10);
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), 0);
	CHECK_INT(hop_close(&hop), 0);
}

enum { CALLS_A_CHANGE = 5, MISTAKES = 8 };

/* In place of what there was, as an editor does it. */
static void write_rules(const char *path, const char *text)
{
	char next[300];
	FILE *file;

	snprintf(next, sizeof(next), "%s.next", path);
	file = fopen(next, "w");
	REQUIRE(file && fputs(text, file) >= 0 && fclose(file) == 0);
	REQUIRE(rename(next, path) == 0);
}

/* Each mistake is said, and once, whoever comes after it. */
static void check_mistakes(struct hops_Hop *proxy, const char *uri,
			   const struct pyr_tls_options *tls, const char *rules)
{
	char part[64], text[64], why[512];
	int i, j;

	for (i = 0; i < MISTAKES; i++) {
		say_nothing();
		snprintf(text, sizeof(text), "allow * call *\nmistake%d\n", i);
		snprintf(part, sizeof(part), "not 'mistake%d'", i);
		write_rules(rules, text);
		CHECK(was_said(part));
		for (j = 0; j < CALLS_A_CHANGE; j++)
			CHECK_INT(add(proxy), 0);
		CHECK_INT(try(uri, tls, PYR_LANE_WIRE, why), 0);
		CHECK_INT(count_said(part), 1);
	}
}

TEST(no_call_is_lost_while_certificates_and_rules_change)
{
	static const char *const texts[] = { "allow * call *\n", "allow cert:* call hops.*\n",
					     "nonsense\n" };
	char path[256], rules[256], why[512];
	struct pyr_tls_options server = of("server"), alice = of("alice");
	struct pyr_tls_options bad = { .folder = keys_path(&keys, "old", "", path) };
	struct pyr_daemon_options options = { .threads = 4, .tls = &server, .rules = rules };
	int i, j, n_lost = 0, n_changes = getenv("PYRITE_TEST_LONG") ? 1000 : 100;
	struct hops_Hop *stays;
	struct hop hop;

	write_rules(keys_path(&keys, "rules", "", rules), texts[0]);
	REQUIRE(hop_open(&hop, &options));
	stays = proxy_with(hop.uri, &alice, PYR_LANE_WIRE);
	for (i = 0; i < n_changes; i++) {
		n_lost += pyr_daemon_set_tls(hop.daemon, i & 1 ? NULL : &server) != 0;
		n_lost += pyr_daemon_set_tls(hop.daemon, &bad) != -PYR_INVALID_ARGUMENT;
		write_rules(rules, texts[i % 3]);
		for (j = 0; j < CALLS_A_CHANGE; j++)
			n_lost += add(stays) != 0;
		n_lost += i % 10 == 0 && try(hop.uri, &alice, PYR_LANE_WIRE, why) != 0;
	}
	CHECK_INT(n_lost, 0);
	check_mistakes(stays, hop.uri, &alice, rules);
	hops_Hop_free(stays);
	CHECK_INT(hop_close(&hop), 0);
	REQUIRE(unlink(rules) == 0);
}

TEST(a_unix_socket_has_tls_if_it_is_asked_for)
{
	char socket[300], why[512];
	struct pyr_tls_options server = of("server"), alice = of("alice");
	struct pyr_daemon_options options = { .threads = 4, .tls = &server, .socket = socket };
	struct hops_Hop *proxy;
	struct hop hop;

	snprintf(socket, sizeof(socket), "%s/socket", keys.folder);
	REQUIRE(hop_open(&hop, &options));
	alice.name = "localhost";
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_WIRE, why), 0);
	CHECK_INT(try(hop.uri, &alice, PYR_LANE_GRPC, why), 0);
	proxy = proxy_with(hop.uri, &alice, PYR_LANE_WIRE);
	check_caller(proxy, "[cert:alice]");
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(proxies_made_of_a_proxy_prove_the_same)
{
	struct pyr_tls_options server = of("server"), alice = of("alice");
	struct pyr_proxy_options options = { .own_link = true, .lane = PYR_LANE_WIRE };
	struct hops_Hop *proxy, *copy, *many, *again;
	const char *others[1];
	struct hop hops[2];
	int32_t i;

	REQUIRE(open_with(&hops[0], &server, 4) && open_with(&hops[1], &server, 4));
	options.tls = &alice;
	proxy = hops_Hop_proxy_with(hops[0].uri, &options);
	copy = hops_Hop_dup(proxy);
	CHECK_INT(add(copy), 0);
	hops_Hop_free(copy);
	copy = hops_Hop_narrow(hops_Hop_as_proxy(proxy));
	REQUIRE(copy != NULL);
	CHECK_INT(add(copy), 0);
	hops_Hop_free(copy);
	hops_Hop_free(proxy);

	others[0] = hops[1].uri;
	options.others = others;
	options.n_others = 1;
	options.pick = PYR_PICK_ROUND_ROBIN;
	many = hops_Hop_proxy_with(hops[0].uri, &options);
	again = hops_Hop_dup(many);
	for (i = 0; i < 4; i++) {
		CHECK_INT(add(many), 0);
		CHECK_INT(add(again), 0);
	}
	hops_Hop_free(many);
	hops_Hop_free(again);
	CHECK_INT(hop_close(&hops[0]), 0);
	CHECK_INT(hop_close(&hops[1]), 0);
}

TEST(with_tls_a_daemon_may_be_reached_from_other_hosts)
{
	struct pyr_tls_options server = of("server");
	struct pyr_daemon_options options = { .host = "0.0.0.0", .tls = &server };
	pyr_daemon *daemon = pyr_daemon_new(&options);

	CHECK(daemon != NULL);
	pyr_daemon_free(daemon);
	options.tls = NULL;
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "`pyrite keys init`");
}

/* ---- newcomers that do not behave ---- */

static int connect_raw(const struct hop *hop)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_port = htons((uint16_t)atoi(strrchr(hop->uri, ':') + 1));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_INT(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

TEST(newcomers_that_do_not_get_through_disturb_nobody)
{
	static const struct {
		const char *bytes;
		size_t n;
	} starts[] = {
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11 }, /* and no more */
		{ "\x16\x03\x01\xff\xff garbage that is no record", 32 },
		{ "\x16\x03\x01\x00\x00", 5 },
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24 },
		{ "PYRITE/1 frames follow\r\n", 24 },
		{ "PYRO", 4 },
		{ "\x15\x03\x03\x00\x02\x02\x28", 7 },
	};
	enum { N = sizeof(starts) / sizeof(starts[0]), ROUNDS = 20 };
	char answer[64];
	struct pyr_tls_options server = of("server"), alice = of("alice");
	int fds[N * ROUNDS], i, before;
	int64_t until;
	struct hops_Hop *proxy;
	struct hop hop;
	ssize_t n;

	REQUIRE(open_with(&hop, &server, 4) && hop_close(&hop) == 0);
	before = test_open_fds(); /* the engine's are there, and there was no link before */
	REQUIRE(open_with(&hop, &server, 4));
	proxy = proxy_with(hop.uri, &alice, PYR_LANE_WIRE);
	for (i = 0; i < N * ROUNDS; i++) {
		fds[i] = connect_raw(&hop);
		(void)!send(fds[i], starts[i % N].bytes, starts[i % N].n, MSG_NOSIGNAL);
		if (i % N == 0 && i % (2 * N) != 0)
			shutdown(fds[i], SHUT_WR);
		CHECK_INT(add(proxy), 0);
	}
	n = recv(fds[5], answer, sizeof(answer), 0);
	CHECK(n == 7 && answer[0] == 21);
	for (i = 0; i < N * ROUNDS; i++)
		close(fds[i]);
	CHECK_INT(add(proxy), 0);
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
	until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;
	while (test_open_fds() != before && hop_now() < until) /* the proxy's link ends later */
		poll(NULL, 0, 1);
	CHECK_INT(test_open_fds(), before);
}

/* ---- much of it ---- */

enum { BLOCK = 700000, BLOCKS = 12 };

static void check_blocks(const char *uri, const struct pyr_tls_options *tls, enum pyr_lane lane)
{
	struct pyr_proxy_options options = { .own_link = true, .tls = tls, .lane = lane };
	struct flow_Flow *flow = flow_Flow_proxy_with(uri, &options);
	struct pyr_bytes *got, block = { BLOCK, calloc(1, BLOCK) };
	pyr_stream *down, *up;
	uint64_t n = 0, total = 0;
	int i = 0;

	REQUIRE(flow_Flow_blocks(flow, BLOCK, BLOCKS, &down) == 0);
	REQUIRE(flow_Flow_measure(flow, &up) == 0);
	while (flow_Flow_blocks_next(down, &got) > 0) {
		n += got->n;
		CHECK(got->n == BLOCK && got->items[0] == (uint8_t)i &&
		      got->items[BLOCK - 1] == (uint8_t)i);
		pyr_free(got);
		CHECK_INT(flow_Flow_measure_write(up, &block), 0);
		i++;
	}
	CHECK_INT(flow_Flow_measure_finish(up, &total), 0);
	CHECK_INT(n, (uint64_t)BLOCK * BLOCKS);
	CHECK_INT(total, (uint64_t)BLOCK * BLOCKS);
	pyr_stream_free(down);
	flow_Flow_free(flow);
	free(block.items);
}

TEST(large_messages_and_streams_are_whole_on_each_lane)
{
	struct pyr_tls_options server = of("server"), alice = of("alice");
	struct flow_variant variant = { .threads = 4, .tls = &server };
	struct flow_place place;

	REQUIRE(flow_open(&place, &variant));
	check_blocks(place.uri, &alice, PYR_LANE_SOCKET);
	check_blocks(place.uri, &alice, PYR_LANE_GRPC);
	CHECK_INT(flow_close(&place), 0);
}

/* ---- all of them ---- */

TEST(keys_are_made)
{
	static const struct keys_like spiffe = { .uri = "spiffe://example.org/billing" };
	static const struct keys_like far = { .host = "far.example.org", .only_that_host = true };
	static const struct keys_like self = { .signs_itself = true };
	static const struct keys_like old = { .begins = -7200, .lasts = 3600 };
	struct keys others;
	char from[256], to[256];

	pyr_set_log(on_log, PYR_LOG_INFO, NULL);
	keys_init(&keys);
	keys_make(&keys, "server", "server", &usual);
	keys_make(&keys, "alice", "alice", &usual);
	keys_make(&keys, "spiffe", "billing", &spiffe);
	keys_make(&keys, "far", "far", &far);
	keys_make(&keys, "self", "self", &self);
	keys_make(&keys, "old", "old", &old);
	keys_init(&others);
	keys_make(&others, "other", "other", &usual);
	REQUIRE(rename(keys_path(&others, "other", "", from), keys_path(&keys, "other", "", to)) ==
		0);
	keys_fini(&others, (const char *const[]){ NULL });
}

TEST(keys_are_removed)
{
	static const char *const folders[] = { "server", "alice", "spiffe",   "far", "self",
					       "old",    "other", "changing", NULL };

	pyr_set_log(NULL, PYR_LOG_INFO, NULL);
	keys_fini(&keys, folders);
}

TESTS(tls, T(keys_are_made),
      T(newcomers_that_do_not_get_through_disturb_nobody), /* the first: it counts */
      T(a_uri_among_a_certificates_names_is_who_calls),
      T(callers_are_known_by_their_certificates_on_each_lane),
      T(plain_grpc_calls_go_over_tls_and_their_callers_are_known),
      T(who_is_refused_is_told_why_and_so_is_the_operator),
      T(a_server_must_have_the_name_that_it_is_called_by), T(one_that_speaks_no_tls_is_told_apart),
      T(a_daemon_may_serve_who_has_no_certificate),
      T(what_will_not_do_is_named_before_anybody_connects),
      T(files_that_change_are_read_again_and_bad_ones_leave_the_old_in_use),
      T(no_call_is_lost_while_certificates_and_rules_change),
      T(a_unix_socket_has_tls_if_it_is_asked_for), T(proxies_made_of_a_proxy_prove_the_same),
      T(with_tls_a_daemon_may_be_reached_from_other_hosts),
      T(large_messages_and_streams_are_whole_on_each_lane), T(keys_are_removed))
