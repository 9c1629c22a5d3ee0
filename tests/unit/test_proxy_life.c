/* SPDX-License-Identifier: MIT */
/* What a proxy is before, while and after it is connected; on pools and serial daemons, TCP and
 * unix sockets. Names of tests begin with the row of Pyro's table that they stand for. */
#include "counter.h"

#include "test.h"

#include "proxy/proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct counter counter;
static char socket_path[64];

static void check_fails(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

static pyr_proxy *as_proxy(struct px_Counter *proxy)
{
	return px_Counter_as_proxy(proxy);
}

static const char *text_of(struct px_Counter *proxy)
{
	static char text[300];

	return pyr_proxy_text(as_proxy(proxy), text, sizeof(text));
}

/* Runs the test on each kind of daemon. */
static void on_each(void (*run)(void))
{
	const struct pyr_daemon_options all[] = { { .threads = 2 },
						  { .threads = 1 },
						  { .socket = socket_path } };
	size_t i;

	snprintf(socket_path, sizeof(socket_path), "/tmp/pyrite-life-%d", (int)getpid());
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		REQUIRE(counter_open(&counter, &all[i]));
		run();
		CHECK_INT(counter_close(&counter), 0);
	}
}

/* ---- B1, B5, B6, B13 ---- */

static void connect_and_release(void)
{
	const char *how = counter.daemon && strstr(counter.uri, "./u:") ? "Unix" : "IPv4";
	struct px_Counter *proxy = px_Counter_proxy(counter.uri);
	char expected[300];
	int32_t n;
	int i;

	REQUIRE(proxy != NULL);
	CHECK(as_proxy(proxy)->session == NULL); /* nothing was sent yet */
	snprintf(expected, sizeof(expected), "<px.Counter proxy; not connected; for %s>",
		 counter.uri);
	CHECK_STR(text_of(proxy), expected);
	for (i = 0; i < 3; i++) {
		CHECK_INT(i == 1 ? pyr_proxy_bind(as_proxy(proxy)) : px_Counter_runs(proxy, &n), 0);
		snprintf(expected, sizeof(expected),
			 "<px.Counter proxy; connected %s, socket; for %s>", how, counter.uri);
		CHECK_STR(text_of(proxy), expected);
		pyr_proxy_release(as_proxy(proxy));
		pyr_proxy_release(as_proxy(proxy));
		CHECK_HAS(text_of(proxy), "; not connected; ");
	}
	px_Counter_free(proxy);
}

TEST(b1_b5_b6_a_proxy_connects_when_needed_and_is_released_and_used_again)
{
	on_each(connect_and_release);
}

TEST(b13_texts_are_cut_and_null_is_answered)
{
	struct px_Counter *proxy = px_Counter_proxy("PYRONAME:some.name");
	char small[12];

	CHECK_STR(text_of(proxy), "<px.Counter proxy; not connected; for PYRONAME:some.name>");
	CHECK_STR(pyr_proxy_text(as_proxy(proxy), small, sizeof(small)), "<px.Counter");
	CHECK_STR(pyr_proxy_text(as_proxy(proxy), small, 0), "");
	CHECK_STR(pyr_proxy_text(NULL, small, sizeof(small)), "<no proxy>");
	px_Counter_free(proxy);
}

TEST(b13_proxies_are_equal_by_their_uris)
{
	struct px_Counter *a = px_Counter_proxy("PYRO:x@HOST:1"), *b, *c;

	b = px_Counter_proxy("pyro:x@host:1");
	c = px_Counter_proxy("PYRO:x@host:2");
	CHECK(pyr_proxy_equal(as_proxy(a), as_proxy(b)));
	CHECK(!pyr_proxy_equal(as_proxy(a), as_proxy(c)));
	CHECK(!pyr_proxy_equal(as_proxy(a), NULL) && !pyr_proxy_equal(NULL, as_proxy(a)));
	CHECK(pyr_proxy_equal(NULL, NULL));
	CHECK(pyr_proxy_hash(as_proxy(a)) == pyr_proxy_hash(as_proxy(b)));
	CHECK(pyr_proxy_hash(as_proxy(a)) != pyr_proxy_hash(as_proxy(c)));
	px_Counter_free(a);
	px_Counter_free(b);
	px_Counter_free(c);
}

/* ---- B11 ---- */

TEST(b11_a_copy_has_the_settings_and_no_connection)
{
	struct pyr_proxy_options options = { .timeout_ms = 30000, .wait_ms = 7, .max_retries = 3 };
	struct px_Counter *proxy, *twin;
	int64_t left = 0;

	REQUIRE(counter_open(&counter, NULL));
	proxy = px_Counter_proxy_with(counter.uri, &options);
	CHECK_INT(pyr_proxy_bind(as_proxy(proxy)), 0);
	twin = px_Counter_dup(proxy);
	REQUIRE(twin != NULL);
	CHECK(pyr_proxy_equal(as_proxy(proxy), as_proxy(twin)));
	CHECK_HAS(text_of(twin), "<px.Counter proxy; not connected; ");
	CHECK_INT(as_proxy(twin)->wait_ms, 7);
	CHECK_INT(as_proxy(twin)->max_retries, 3);
	px_Counter_free(proxy); /* the copy is on its own */
	CHECK_INT(px_Counter_time_left(twin, &left), 0);
	CHECK(left > 20000 && left <= 30000);
	px_Counter_free(twin);
	CHECK(px_Counter_dup(NULL) == NULL);
	CHECK_HAS(pyr_errmsg(), "proxy is NULL");
	CHECK_INT(counter_close(&counter), 0);
}

/* ---- B15, T5 ---- */

static void ask_where(void)
{
	struct px_Counter *proxy = px_Counter_proxy(counter.uri);
	char *address = NULL, *uri = NULL;

	check_fails(pyr_proxy_local_address(as_proxy(proxy), &address), PYR_FAILED_PRECONDITION,
		    "the proxy is not connected");
	check_fails(pyr_proxy_resolved_uri(as_proxy(proxy), &uri), PYR_FAILED_PRECONDITION,
		    counter.uri);
	CHECK_INT(pyr_proxy_bind(as_proxy(proxy)), 0);
	CHECK_INT(pyr_proxy_local_address(as_proxy(proxy), &address), 0);
	CHECK_INT(pyr_proxy_resolved_uri(as_proxy(proxy), &uri), 0);
	CHECK_STR(uri, counter.uri);
	if (strstr(counter.uri, "./u:"))
		CHECK_STR(address, strstr(counter.uri, "./u:"));
	else
		CHECK(address && strncmp(address, "127.0.0.1:", 10) == 0 && atoi(address + 10) > 0);
	pyr_free(address);
	pyr_free(uri);
	pyr_proxy_release(as_proxy(proxy));
	CHECK_INT(pyr_proxy_local_address(as_proxy(proxy), &address), -PYR_FAILED_PRECONDITION);
	CHECK_INT(pyr_proxy_local_address(NULL, &address), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_proxy_resolved_uri(as_proxy(proxy), NULL), -PYR_INVALID_ARGUMENT);
	px_Counter_free(proxy);
}

TEST(b15_a_connection_has_a_local_address_and_a_resolved_uri)
{
	on_each(ask_where);
}

TEST(b13_an_ipv6_connection_is_shown_as_one)
{
	struct pyr_daemon_options options = { .host = "::1" };
	struct px_Counter *proxy;
	char *address = NULL;
	int32_t n;

	REQUIRE(counter_open(&counter, &options));
	proxy = px_Counter_proxy(counter.uri);
	CHECK_INT(px_Counter_runs(proxy, &n), 0);
	CHECK_HAS(text_of(proxy), "; connected IPv6, socket; for PYRO:counter@[::1]:");
	CHECK_INT(pyr_proxy_local_address(as_proxy(proxy), &address), 0);
	CHECK_HAS(address, "[::1]:");
	pyr_free(address);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

/* ---- B3, B4 ---- */

static void use_attributes(void)
{
	struct px_Counter *proxy = px_Counter_proxy(counter.uri);
	int32_t level = 0, two = 2, many = 1000;
	char *text;

	CHECK_INT(px_Counter_set_level(proxy, 42), 0);
	CHECK_INT(px_Counter_get_level(proxy, &level), 0);
	CHECK_INT(level, 42);
	REQUIRE(px_Counter_greet(proxy, "you", NULL, "Hello", &text) == 0);
	CHECK_STR(text, "Hello you");
	pyr_free(text);
	REQUIRE(px_Counter_greet(proxy, "you", &two, "Hi", &text) == 0);
	CHECK_STR(text, "Hi you, Hi you");
	pyr_free(text);
	check_fails(px_Counter_greet(proxy, "you", &many, "Hi", &text), PYR_OUT_OF_RANGE, "1000");
	check_fails(px_Counter_greet(proxy, NULL, NULL, "Hi", &text), PYR_INVALID_ARGUMENT,
		    "'name' is NULL");
	px_Counter_free(proxy);
}

TEST(b3_b4_attributes_and_optional_parameters_travel)
{
	on_each(use_attributes);
}

/* ---- B2, T8 ---- */

static void ask_what_it_can(void)
{
	struct px_Counter *proxy = px_Counter_proxy(counter.uri);

	CHECK_INT(pyr_proxy_has(as_proxy(proxy), "bump"), 0); /* binds */
	CHECK(as_proxy(proxy)->session != NULL);
	CHECK_INT(pyr_proxy_has(as_proxy(proxy), "px.Counter.get_level"), 0);
	check_fails(pyr_proxy_has(as_proxy(proxy), "nothing"), PYR_UNIMPLEMENTED,
		    "px.Counter has no operation 'nothing'");
	CHECK_INT(pyr_proxy_has(as_proxy(proxy), NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_proxy_has(NULL, "bump"), -PYR_INVALID_ARGUMENT);
	px_Counter_free(proxy);
}

TEST(b2_a_proxy_is_asked_what_it_can)
{
	on_each(ask_what_it_can);
}

static void bind_to_nothing(void)
{
	struct px_Counter *good = px_Counter_proxy(counter.uri), *bad;
	char uri[200];

	CHECK_INT(pyr_proxy_bind(as_proxy(good)), 0);
	snprintf(uri, sizeof(uri), "PYRO:nobody@%s", pyr_daemon_address(counter.daemon));
	bad = px_Counter_proxy(uri);
	check_fails(pyr_proxy_bind(as_proxy(bad)), PYR_NOT_FOUND, "no object 'nobody' at ");
	CHECK(strstr(pyr_errmsg(), "CommunicationError") == NULL); /* the daemon is there */
	CHECK_HAS(pyr_errmsg(), pyr_daemon_address(counter.daemon));
	check_fails(pyr_proxy_has(as_proxy(bad), "bump"), PYR_NOT_FOUND, "'nobody'");
	CHECK_INT(px_Counter_runs(good, NULL), 0); /* over the same connection */
	px_Counter_free(good);
	px_Counter_free(bad);
}

TEST(t8_an_unknown_object_is_no_lost_connection)
{
	on_each(bind_to_nothing);
}

/* ---- lanes ---- */

static void say_lanes(void)
{
	static const struct {
		struct pyr_proxy_options options;
		const char *text;
	} all[] = { { { .lane = PYR_LANE_AUTO }, ", process; for " },
		    { { .lane = PYR_LANE_PROCESS }, ", process; for " },
		    { { .lane = PYR_LANE_WIRE }, ", socket; for " },
		    { { .lane = PYR_LANE_SOCKET }, ", socket; for " },
		    { { .lane = PYR_LANE_GRPC }, ", gRPC; for " },
		    { { .plain = PYR_PLAIN_ONLY }, ", plain gRPC; for " } };
	struct px_Counter *proxy;
	int32_t n;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		proxy = px_Counter_proxy_with(counter.uri, &all[i].options);
		REQUIRE(px_Counter_runs(proxy, &n) == 0);
		CHECK_HAS(text_of(proxy), all[i].text);
		px_Counter_free(proxy);
	}
}

TEST(a_proxy_says_which_lane_it_is_on)
{
	on_each(say_lanes);
}

TEST(a_proxy_that_stays_in_its_process_finds_no_other)
{
	struct pyr_proxy_options options = { .lane = PYR_LANE_PROCESS };
	struct px_Counter *proxy;
	int32_t n;

	REQUIRE(counter_open(&counter, NULL));
	proxy = px_Counter_proxy_with(counter.uri, &options);
	CHECK_INT(px_Counter_runs(proxy, &n), 0);
	CHECK_INT(counter_close(&counter), 0);
	check_fails(px_Counter_runs(proxy, &n), PYR_UNAVAILABLE,
		    "no daemon of this process is there");
	px_Counter_free(proxy);
}

/* ---- D15 ---- */

static void send_bytes(void)
{
	struct px_Counter *proxy = px_Counter_proxy(counter.uri);
	struct pyr_bytes bytes = { 3 << 20, malloc(3 << 20) }, *back;
	size_t i, n_wrong = 0;

	REQUIRE(bytes.items != NULL);
	for (i = 0; i < bytes.n; i++)
		bytes.items[i] = (uint8_t)(i * 7 + (i >> 8));
	REQUIRE(px_Counter_mirror(proxy, &bytes, &back) == 0);
	CHECK_INT(back->n, bytes.n);
	for (i = 0; i < bytes.n; i++)
		n_wrong += back->items[i] != bytes.items[bytes.n - 1 - i];
	CHECK_INT(n_wrong, 0);
	pyr_free(back);
	free(bytes.items);
	px_Counter_free(proxy);
}

TEST(d15_bytes_travel_as_they_are)
{
	on_each(send_bytes);
}

/* ---- B10 ---- */

static struct px_Counter *shared;

static void *peek_once(void *data)
{
	*(int *)data = px_Counter_peek(shared, NULL);
	return NULL;
}

TEST(b10_calls_of_one_proxy_run_side_by_side)
{
	struct pyr_daemon_options options = { .threads = 6 };
	int results[5], i, n_bound;
	pthread_t threads[5];
	pyr_proxy *proxy;

	REQUIRE(counter_open(&counter, &options));
	counter_shut(&counter, true);
	shared = px_Counter_proxy(counter.uri);
	proxy = as_proxy(shared);
	for (i = 0; i < 5; i++)
		REQUIRE(pthread_create(&threads[i], NULL, peek_once, &results[i]) == 0);
	CHECK(counter_has_begun(&counter, 5)); /* all at once, in one connection */
	CHECK_INT(px_Counter_runs(shared, &n_bound), 0);
	CHECK_INT(n_bound, 5);
	pthread_mutex_lock(&proxy->lock);
	CHECK_INT(proxy->session->peer->shared.n_users, 1);
	pthread_mutex_unlock(&proxy->lock);
	counter_shut(&counter, false);
	for (i = 0; i < 5; i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(results[i], 0);
	}
	px_Counter_free(shared);
	CHECK_INT(counter_close(&counter), 0);
}

/* ---- B18 ---- */

static void give_up_and_go_on(void)
{
	struct px_Counter *proxy = px_Counter_proxy(counter.uri);
	pyr_future *held;
	int32_t n = 0;

	counter_shut(&counter, true);
	held = px_Counter_bump_start(proxy);
	CHECK(counter_has_begun(&counter, 1));
	pyr_future_cancel(
		held); /* its answer comes after this, and nobody takes it for another's */
	CHECK_INT(px_Counter_bump_get(held, &n), -PYR_CANCELLED);
	counter_shut(&counter, false);
	CHECK_INT(px_Counter_bump(proxy, &n), 0);
	CHECK_INT(n, 2);
	CHECK_INT(px_Counter_runs(proxy, &n), 0);
	CHECK_INT(n, 2);
	px_Counter_free(proxy);
}

TEST(b18_an_answer_nobody_waits_for_is_not_taken_for_the_next)
{
	on_each(give_up_and_go_on);
}

/* Where a connection can be made that nobody accepts. Returns the listening socket. */
static int silent_listener(char *uri, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 4) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
	snprintf(uri, n, "PYRO:counter@127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

/* Nobody waits for it any more, so nobody looks at the time to connect. */
TEST(a_connection_that_is_never_answered_ends_though_nobody_waits)
{
	const struct pyr_proxy_options soon = { .connect_timeout_ms = 100,
						.lane = PYR_LANE_SOCKET };
	struct timeval patience = { .tv_sec = 20 };
	char uri[64], bytes[256];
	int listener = silent_listener(uri, sizeof(uri)), fd;
	struct px_Counter *proxy = px_Counter_proxy_with(uri, &soon);
	pyr_future *future;
	ssize_t n;

	REQUIRE(proxy != NULL);
	future = px_Counter_peek_start(proxy);
	REQUIRE(future != NULL);
	px_Counter_free(proxy);
	pyr_future_free(future);
	fd = accept(listener, NULL, NULL);
	REQUIRE(fd >= 0);
	REQUIRE(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		;
	CHECK(n == 0 || errno == ECONNRESET);
	close(fd);
	close(listener);
}

TESTS(proxy_life, T(a_connection_that_is_never_answered_ends_though_nobody_waits),
      T(b1_b5_b6_a_proxy_connects_when_needed_and_is_released_and_used_again),
      T(b13_texts_are_cut_and_null_is_answered), T(b13_proxies_are_equal_by_their_uris),
      T(b13_an_ipv6_connection_is_shown_as_one), T(b11_a_copy_has_the_settings_and_no_connection),
      T(b15_a_connection_has_a_local_address_and_a_resolved_uri),
      T(b3_b4_attributes_and_optional_parameters_travel), T(b2_a_proxy_is_asked_what_it_can),
      T(t8_an_unknown_object_is_no_lost_connection), T(a_proxy_says_which_lane_it_is_on),
      T(a_proxy_that_stays_in_its_process_finds_no_other), T(d15_bytes_travel_as_they_are),
      T(b10_calls_of_one_proxy_run_side_by_side),
      T(b18_an_answer_nobody_waits_for_is_not_taken_for_the_next))
