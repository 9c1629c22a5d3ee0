/* SPDX-License-Identifier: MIT */
/* Shared keys between daemons and proxies: who is let in, who is refused and what both ends say,
 * and keys that change. What raw peers may try is in tests/rules/key_rules.py. */
#include "hop.h"
#include "keys.h"
#include "said.h"

#include <fcntl.h>

#define ONE   "00112233445566778899aabbccddeeff"
#define TWO   "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define THREE "0123456789abcdef0123456789abcdef"

static const struct pyr_key_options one = { .text = ONE }, two = { .text = "web-2:" TWO "\n" };
static const struct pyr_key_options none = { .use = PYR_NO };
static const struct keys_like usual;
static struct keys keys;

/* ---- places ---- */

static bool open_with(struct hop *hop, const struct pyr_key_options *key, unsigned threads)
{
	struct pyr_daemon_options options = { .threads = threads, .key = key };

	return hop_open(hop, &options);
}

static struct hops_Hop *proxy_with(const char *uri, const struct pyr_key_options *key,
				   enum pyr_lane lane)
{
	struct pyr_proxy_options options = { .own_link = true, .key = key, .lane = lane };

	return hops_Hop_proxy_with(uri, &options);
}

static int add(struct hops_Hop *proxy)
{
	int32_t sum = 0;
	int code = hops_Hop_add(proxy, 1, 2, &sum);

	if (code == 0)
		CHECK_INT(sum, 3);
	return code;
}

static int try(const char *uri, const struct pyr_key_options *key, enum pyr_lane lane, char *why)
{
	struct hops_Hop *proxy = proxy_with(uri, key, lane);
	int code = add(proxy);

	if (why)
		snprintf(why, 512, "%s", code ? pyr_last_error()->message : "");
	hops_Hop_free(proxy);
	return code;
}

static void check_caller(struct hops_Hop *proxy, const char *expected)
{
	char *text;

	REQUIRE(hops_Hop_whose(proxy, &text) == 0);
	CHECK_STR(strrchr(text, '['), expected);
	pyr_free(text);
}

/* A file of the folder that the certificates are in. */
static const char *path_of(const char *name, char ret[256])
{
	return keys_path(&keys, name, "", ret);
}

static const char *write_key(const char *name, const char *text, mode_t mode, char ret[256])
{
	char fresh[256];
	int fd;

	path_of(name, ret);
	snprintf(fresh, sizeof(fresh), "%.240s.new", ret);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	REQUIRE(fd >= 0 && fchmod(fd, mode) == 0);
	REQUIRE(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	REQUIRE(rename(fresh, ret) == 0);
	return ret;
}

/* ---- who is let in ---- */

static const enum pyr_lane lanes[] = { PYR_LANE_SOCKET, PYR_LANE_GRPC, PYR_LANE_WIRE };

TEST(who_has_the_key_is_served_and_known_on_each_lane)
{
	char socket[256];
	struct pyr_daemon_options options = { .key = &two };
	struct hops_Hop *proxy;
	struct hop hop;
	unsigned i, j;

	for (i = 0; i < 3; i++) {
		options.threads = i == 1 ? 1 : 4;
		options.socket = i == 2 ? path_of("socket", socket) : NULL;
		REQUIRE(hop_open(&hop, &options));
		for (j = 0; j < 3; j++) {
			proxy = proxy_with(hop.uri, &two, lanes[j]);
			CHECK_INT(add(proxy), 0);
			check_caller(proxy, "[key:web-2]");
			hops_Hop_free(proxy);
		}
		CHECK_INT(hop_close(&hop), 0);
	}
}

TEST(within_the_process_nothing_is_to_be_proved)
{
	struct hop hop;

	REQUIRE(open_with(&hop, &one, 4));
	CHECK_INT(try(hop.uri, &none, PYR_LANE_PROCESS, NULL), 0);
	CHECK_INT(try(hop.uri, &two, PYR_LANE_PROCESS, NULL), 0);
	CHECK_INT(hop_close(&hop), 0);
}

/* It is called and freed before the other end has proved anything. */
TEST(what_was_queued_before_the_proof_leaves_after_it)
{
	struct hops_Hop *proxy;
	struct hop hop;
	unsigned i;

	for (i = 0; i < 3; i++) {
		REQUIRE(open_with(&hop, &one, 4));
		proxy = proxy_with(hop.uri, &one, lanes[i]);
		CHECK_INT(hops_Hop_shout(proxy, 0, "there"), 0);
		hops_Hop_free(proxy);
		CHECK(hop_logged(&hop, "there"));
		CHECK_INT(hop_close(&hop), 0);
	}
}

struct caller {
	pthread_t thread;
	struct hops_Hop *proxy;
	int code;
};

static void *call_once(void *data)
{
	struct caller *caller = data;

	caller->code = add(caller->proxy);
	return NULL;
}

TEST(all_who_wait_for_the_proof_go_on_with_it)
{
	enum { N = 8 };
	struct caller callers[N];
	struct hop hop;
	int i;

	REQUIRE(open_with(&hop, &one, 4));
	callers[0].proxy = proxy_with(hop.uri, &one, PYR_LANE_WIRE);
	for (i = 0; i < N; i++) {
		callers[i].proxy = callers[0].proxy;
		REQUIRE(pthread_create(&callers[i].thread, NULL, call_once, &callers[i]) == 0);
	}
	for (i = 0; i < N; i++) {
		pthread_join(callers[i].thread, NULL);
		CHECK_INT(callers[i].code, 0);
	}
	hops_Hop_free(callers[0].proxy);
	CHECK_INT(hop_close(&hop), 0);
}

/* ---- who is not ---- */

TEST(who_has_none_or_another_is_refused_and_both_ends_say_why)
{
	char why[512];
	struct hop hop;
	unsigned i;

	REQUIRE(open_with(&hop, &one, 4));
	for (i = 0; i < 3; i++) {
		CHECK_INT(try(hop.uri, &none, lanes[i], why), -PYR_UNAUTHENTICATED);
		CHECK_HAS(why, "SecurityError: 127.0.0.1:");
		CHECK_HAS(why, "it requires a shared key: set PYRITE_SHARED_KEY_FILE");
		CHECK_INT(try(hop.uri, &two, lanes[i], why), -PYR_UNAUTHENTICATED);
		CHECK_HAS(why, "the shared key is different here");
	}
	CHECK_INT(try(hop.uri, &one, PYR_LANE_WIRE, why), 0);
	CHECK(was_said(": refused: it does not prove a shared key"));
	CHECK_INT(hop_close(&hop), 0);
}

TEST(the_log_counts_those_who_come_too_often_for_a_line_each)
{
	int64_t until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;
	struct hop hop;

	REQUIRE(open_with(&hop, &one, 4));
	say_nothing();
	do
		CHECK_INT(try(hop.uri, &none, PYR_LANE_SOCKET, NULL), -PYR_UNAUTHENTICATED);
	while (!is_said(" more since the last line)") && hop_now() < until);
	CHECK(is_said(" more since the last line)"));
	CHECK_INT(hop_close(&hop), 0);
}

TEST(a_daemon_that_proves_no_key_is_told_nothing)
{
	char why[512];
	struct hops_Hop *proxy;
	struct hop hop;
	unsigned i;

	REQUIRE(open_with(&hop, &none, 4));
	say_nothing();
	for (i = 0; i < 3; i++) {
		CHECK_INT(try(hop.uri, &one, lanes[i], why), -PYR_UNAUTHENTICATED);
		CHECK_HAS(why, "SecurityError: 127.0.0.1:");
		CHECK_HAS(why, "it does not prove a shared key, which this end requires");
		proxy = proxy_with(hop.uri, &one, lanes[i]);
		CHECK_INT(hops_Hop_shout(proxy, 0, "there"), -PYR_UNAUTHENTICATED);
		CHECK_INT(add(proxy), -PYR_UNAUTHENTICATED);
		hops_Hop_free(proxy);
	}
	CHECK(was_said("it refuses this end: SecurityError: the other end requires a shared key"));
	CHECK_STR(hop.log, "");
	CHECK_INT(hop_close(&hop), 0);
}

TEST(links_are_shared_by_proxies_of_the_same_key_alone)
{
	static const struct pyr_key_options *const all[] = { &one, &none, &two, &one };
	static const int codes[] = { 0, -PYR_UNAUTHENTICATED, -PYR_UNAUTHENTICATED, 0 };
	struct pyr_proxy_options options = { .lane = PYR_LANE_WIRE };
	struct hops_Hop *proxies[4];
	struct hop hop;
	unsigned i;

	REQUIRE(open_with(&hop, &one, 4));
	for (i = 0; i < 4; i++) {
		options.key = all[i];
		proxies[i] = hops_Hop_proxy_with(hop.uri, &options);
		CHECK_INT(add(proxies[i]), codes[i]);
	}
	for (i = 0; i < 4; i++)
		hops_Hop_free(proxies[i]);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(proxies_made_of_a_proxy_have_its_key)
{
	struct pyr_proxy_options options = { .own_link = true, .key = &one, .lane = PYR_LANE_WIRE };
	struct hops_Hop *proxy, *copy, *many;
	const char *others[1];
	struct hop hops[2];
	int i;

	REQUIRE(open_with(&hops[0], &one, 4) && open_with(&hops[1], &one, 4));
	proxy = hops_Hop_proxy_with(hops[0].uri, &options);
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
	copy = hops_Hop_dup(many);
	for (i = 0; i < 4; i++)
		CHECK_INT(add(copy), 0);
	hops_Hop_free(copy);
	hops_Hop_free(many);
	CHECK_INT(hop_close(&hops[0]), 0);
	CHECK_INT(hop_close(&hops[1]), 0);
}

/* ---- with plain gRPC, and with TLS ---- */

TEST(plain_grpc_calls_are_refused_without_a_certificate)
{
	struct pyr_proxy_options options = { .plain = PYR_PLAIN_ONLY, .key = &none };
	struct hops_Hop *proxy;
	struct hop hop;

	REQUIRE(open_with(&hop, &one, 4));
	proxy = hops_Hop_proxy_with(hop.uri, &options);
	CHECK_INT(add(proxy), -PYR_UNAUTHENTICATED);
	CHECK_HAS(pyr_last_error()->message,
		  "requires a shared key, which plain gRPC calls cannot prove");
	hops_Hop_free(proxy);
	options.key = &one;
	proxy = hops_Hop_proxy_with(hop.uri, &options);
	CHECK_INT(add(proxy), -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_last_error()->message,
		  "plain gRPC proves no shared key, and there is no TLS");
	hops_Hop_free(proxy);
	CHECK_INT(hop_close(&hop), 0);
}

struct with {
	const struct pyr_tls_options *tls;
	const struct pyr_key_options *key;
	enum pyr_lane lane;
	enum pyr_plain plain;
	int code;
	const char *what; /* the caller's identity, or why not */
};

static void check_with(const char *uri, const struct with *with)
{
	struct pyr_proxy_options options = { .own_link = true,
					     .tls = with->tls,
					     .key = with->key,
					     .lane = with->lane,
					     .plain = with->plain };
	struct hops_Hop *proxy = hops_Hop_proxy_with(uri, &options);

	CHECK_INT(add(proxy), with->code);
	if (with->code)
		CHECK_HAS(pyr_last_error()->message, with->what);
	else
		check_caller(proxy, with->what);
	hops_Hop_free(proxy);
}

TEST(over_tls_a_certificate_or_the_key_lets_in)
{
	char path[2][256], ca[256];
	struct pyr_tls_options server = keys_of(&keys, "server", path[0]);
	struct pyr_tls_options alice = keys_of(&keys, "alice", path[1]);
	struct pyr_tls_options nobody = { .ca = keys_path(&keys, "alice", "ca.pem", ca) };
	struct pyr_daemon_options options = { .threads = 4, .tls = &server, .key = &one };
	const struct with all[] = {
		{ &alice, &one, PYR_LANE_WIRE, 0, 0, "[cert:alice]" },
		{ &alice, &none, PYR_LANE_WIRE, 0, 0, "[cert:alice]" },
		{ &alice, &none, PYR_LANE_GRPC, 0, 0, "[cert:alice]" },
		{ &alice, &none, PYR_LANE_AUTO, PYR_PLAIN_ONLY, 0, "[cert:alice]" },
		{ &alice, &one, PYR_LANE_AUTO, PYR_PLAIN_ONLY, 0, "[cert:alice]" },
		{ &nobody, &one, PYR_LANE_SOCKET, 0, 0, "[key:shared]" },
		{ &nobody, &none, PYR_LANE_SOCKET, 0, -PYR_UNAUTHENTICATED,
		  "requires a shared key" },
		{ &nobody, &none, PYR_LANE_GRPC, 0, -PYR_UNAUTHENTICATED, "requires a shared key" },
		{ &nobody, &none, PYR_LANE_AUTO, PYR_PLAIN_ONLY, -PYR_UNAUTHENTICATED,
		  "requires a shared key" },
		{ &alice, &two, PYR_LANE_WIRE, 0, -PYR_UNAUTHENTICATED, "is different here" },
		{ &nobody, &one, PYR_LANE_GRPC, 0, -PYR_FAILED_PRECONDITION,
		  "gRPC's TLS cannot be bound to a shared key" },
	};
	struct hop hop;
	unsigned i;

	server.clients = PYR_NO; /* of whom only the key, or nothing, is known */
	alice.clients = PYR_NO;
	REQUIRE(hop_open(&hop, &options));
	for (i = 5; i < 9; i++)
		check_with(hop.uri, &all[i]);
	CHECK_INT(hop_close(&hop), 0);
	server.clients = PYR_YES;
	REQUIRE(hop_open(&hop, &options));
	for (i = 0; i < 5; i++)
		check_with(hop.uri, &all[i]);
	for (i = 9; i < 11; i++)
		check_with(hop.uri, &all[i]);
	CHECK_INT(hop_close(&hop), 0);
}

TEST(with_a_key_a_daemon_may_be_reached_from_other_hosts_and_says_what_is_missing)
{
	struct pyr_daemon_options options = { .host = "0.0.0.0", .key = &one };
	pyr_daemon *daemon;

	say_nothing();
	daemon = pyr_daemon_new(&options);
	CHECK(daemon != NULL);
	CHECK(is_said("without TLS, anyone on the path"));
	pyr_daemon_free(daemon);
	options.key = &none;
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "`pyrite keys shared`");
}

/* ---- keys ---- */

TEST(keys_are_replaced_one_program_after_the_other)
{
	char path[256];
	struct pyr_key_options server = { .file = write_key("key", "a:" ONE "\n", 0600, path) };
	struct pyr_key_options first = { .text = ONE }, second = { .text = THREE },
			       both = { .text = "x:" THREE "\ny:" ONE "\n" };
	struct hops_Hop *stays, *proxy;
	struct hop hop;

	REQUIRE(open_with(&hop, &server, 4));
	stays = proxy_with(hop.uri, &first, PYR_LANE_WIRE);
	CHECK_INT(add(stays), 0);
	CHECK_INT(try(hop.uri, &both, PYR_LANE_WIRE, NULL), 0);
	CHECK_INT(try(hop.uri, &second, PYR_LANE_WIRE, NULL), -PYR_UNAUTHENTICATED);

	write_key("key", "# two of them\nb:" THREE "\n\n  a:" ONE " \r\n", 0640, path);
	CHECK_INT(pyr_daemon_set_key(hop.daemon, NULL), 0);
	CHECK_INT(try(hop.uri, &first, PYR_LANE_WIRE, NULL), 0);
	CHECK_INT(try(hop.uri, &second, PYR_LANE_WIRE, NULL), 0);
	proxy = proxy_with(hop.uri, &both, PYR_LANE_WIRE); /* the daemon's first counts */
	check_caller(proxy, "[key:b]");
	hops_Hop_free(proxy);

	CHECK_INT(pyr_daemon_set_key(hop.daemon, &second), 0);
	CHECK_INT(try(hop.uri, &first, PYR_LANE_WIRE, NULL), -PYR_UNAUTHENTICATED);
	CHECK_INT(try(hop.uri, &both, PYR_LANE_WIRE, NULL), 0);
	CHECK_INT(add(stays), 0); /* what stands is left alone */
	check_caller(stays, "[key:a]");
	hops_Hop_free(stays);
	CHECK_INT(hop_close(&hop), 0);
	unlink(path);
}

TEST(a_file_that_changes_is_read_again_by_both_ends_and_a_bad_one_leaves_the_old_in_use)
{
	char daemons[256], callers[256];
	struct pyr_key_options server = { .file = write_key("daemon", ONE, 0600, daemons) };
	struct pyr_key_options client = { .file = write_key("caller", ONE, 0600, callers) };
	int64_t until = hop_now() + (int64_t)HOP_PATIENCE_MS * HOP_MS;
	struct hop hop;
	int old, new;

	REQUIRE(open_with(&hop, &server, 4));
	say_nothing();
	write_key("daemon", "nonsense", 0600, daemons);
	do /* it looks when somebody comes and a second has gone by */
		CHECK_INT(try(hop.uri, &client, PYR_LANE_SOCKET, NULL), 0);
	while (!is_said("the old keys stay in use: ") && hop_now() < until);
	CHECK(is_said("the old keys stay in use: "));
	write_key("daemon", TWO, 0600, daemons);
	write_key("caller", TWO, 0600, callers);
	do { /* one after the other, in any order */
		old = try(hop.uri, &one, PYR_LANE_SOCKET, NULL);
		new = try(hop.uri, &client, PYR_LANE_SOCKET, NULL);
	} while ((old == 0 || new != 0) && hop_now() < until);
	CHECK_INT(old, -PYR_UNAUTHENTICATED);
	CHECK_INT(new, 0);
	CHECK_INT(hop_close(&hop), 0);
	unlink(daemons);
	unlink(callers);
}

TEST(what_will_not_do_is_named_before_anybody_connects)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "has no key" },
		{ "# nothing\n\n", "has no key" },
		{ "00112233445566778899aabbccddee",
		  ":1: a key of 30 digits: it has 16 to 128 bytes" },
		{ "\n" ONE "0", ":2: a key of 33 digits" },
		{ TWO TWO TWO TWO "00", ":1: a key of 258 digits" },
		{ "correct horse battery staple", ":1: a key is written in hexadecimal digits" },
		{ "/etc/pyrite/key", ":1: a key is written in hexadecimal digits" },
		{ ":" ONE, ":1: a name has 1 to 64 characters" },
		{ "a b:" ONE, ":1: a name consists of letters, digits" },
		{ "a:" ONE "\nb:" ONE, ":2: this key occurs twice" },
	};
	char path[256];
	struct pyr_key_options key = { .file = path };
	struct pyr_daemon_options options = { .key = &key };
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_key("bad", bad[i].text, 0600, path);
		CHECK(pyr_daemon_new(&options) == NULL);
		CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
		CHECK_HAS(pyr_last_error()->message, "SecurityError: shared key: ");
		CHECK_HAS(pyr_last_error()->message, bad[i].why);
		CHECK(strstr(pyr_last_error()->message, "00112233") == NULL);
		CHECK(proxy_with("PYRO:x@localhost:1", &key, PYR_LANE_WIRE) == NULL);
		CHECK_HAS(pyr_last_error()->message, bad[i].why);
	}
	write_key("bad", ONE, 0604, path);
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_last_error()->message, "chmod 600");
	unlink(path);
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "No such file");
	key.text = ONE;
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "both a file and a text");
	key = (struct pyr_key_options){ 0 };
	CHECK(pyr_daemon_new(&options) == NULL);
	CHECK_HAS(pyr_last_error()->message, "PYRITE_SHARED_KEY_FILE");
	CHECK_INT(pyr_daemon_set_key(NULL, &one), -PYR_INVALID_ARGUMENT);
}

/* ---- all of them ---- */

TEST(certificates_are_made)
{
	unsetenv("PYRITE_SHARED_KEY_FILE");
	unsetenv("PYRITE_SHARED_KEY");
	pyr_set_log(on_log, PYR_LOG_INFO, NULL);
	keys_init(&keys);
	keys_make(&keys, "server", "server", &usual);
	keys_make(&keys, "alice", "alice", &usual);
}

TEST(certificates_are_removed)
{
	keys_fini(&keys, (const char *const[]){ "server", "alice", NULL });
}

TESTS(shared_key, T(certificates_are_made), T(who_has_the_key_is_served_and_known_on_each_lane),
      T(within_the_process_nothing_is_to_be_proved),
      T(what_was_queued_before_the_proof_leaves_after_it),
      T(all_who_wait_for_the_proof_go_on_with_it),
      T(who_has_none_or_another_is_refused_and_both_ends_say_why),
      T(the_log_counts_those_who_come_too_often_for_a_line_each),
      T(a_daemon_that_proves_no_key_is_told_nothing),
      T(links_are_shared_by_proxies_of_the_same_key_alone), T(proxies_made_of_a_proxy_have_its_key),
      T(plain_grpc_calls_are_refused_without_a_certificate),
      T(over_tls_a_certificate_or_the_key_lets_in),
      T(with_a_key_a_daemon_may_be_reached_from_other_hosts_and_says_what_is_missing),
      T(keys_are_replaced_one_program_after_the_other),
      T(a_file_that_changes_is_read_again_by_both_ends_and_a_bad_one_leaves_the_old_in_use),
      T(what_will_not_do_is_named_before_anybody_connects), T(certificates_are_removed))
