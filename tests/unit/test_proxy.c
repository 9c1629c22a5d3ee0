/* SPDX-License-Identifier: MIT */
/* The life of proxies: addresses, connecting, release, loss, places. */
#include "servant.h"

#include "port.h"
#include "test.h"

#include "outcall/outcall.h"
#include "proxy/proxy.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

static struct place place;

static void check_fails(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

/* ---- making ---- */

TEST(a_uri_that_is_none_is_refused)
{
	static const char *const uris[] = { "",
					    "work",
					    "PYRO:work",
					    "PYRO:work@",
					    "PYRO:work@host",
					    "PYRO:@host:1",
					    "PYRO:work@host:0",
					    "PYRO:work@host:70000",
					    "HTTP:work@host:1",
					    "PYRO:work@./u:" };
	size_t i;

	for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		CHECK(e2e_Work_proxy(uris[i]) == NULL);
		CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
		CHECK(pyr_errmsg()[0] != '\0');
	}
	CHECK(e2e_Work_proxy(NULL) == NULL);
	CHECK_STR(pyr_errmsg(), "uri is NULL");
	CHECK_STR(pyr_proxy_uri(NULL), "");
	pyr_proxy_set_timeout(NULL, 1);
	pyr_proxy_release(NULL);
	CHECK(e2e_Work_narrow(NULL) == NULL);
}

TEST(a_proxy_connects_at_its_first_call)
{
	struct e2e_Work *work = e2e_Work_proxy("PYRO:work@127.0.0.1:1"); /* nobody there */

	REQUIRE(work != NULL);
	CHECK_STR(pyr_proxy_uri(e2e_Work_as_proxy(work)), "PYRO:work@127.0.0.1:1");
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_UNAVAILABLE, "127.0.0.1:1");
	CHECK_HAS(pyr_errmsg(),
		  "CommunicationError: cannot connect to 127.0.0.1:1: Connection refused");
	CHECK(!strstr(pyr_errmsg(), "addresses"));
	CHECK(!pyr_last_error()->may_have_run);
	CHECK_STR(pyr_last_error()->address, "127.0.0.1:1");
	CHECK_STR(pyr_last_error()->object, "work");
	CHECK_STR(pyr_last_error()->operation, "e2e.Work.add");
	check_fails(pyr_proxy_bind(e2e_Work_as_proxy(work)), PYR_UNAVAILABLE, "127.0.0.1:1");
	CHECK_INT(e2e_Work_add_get(e2e_Work_add_start(work, 1, 2), NULL), -PYR_UNAVAILABLE);
	e2e_Work_free(work);
}

TEST(a_name_that_cannot_be_resolved_is_an_error_of_the_call)
{
	struct e2e_Work *work = e2e_Work_proxy("PYRO:work@no-such-host.invalid:5");

	REQUIRE(work != NULL);
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_UNAVAILABLE,
		    "CommunicationError: cannot connect to no-such-host.invalid:5: ");
	CHECK(!pyr_last_error()->may_have_run);
	e2e_Work_free(work);
}

TEST(bind_tells_what_is_wrong_with_the_object)
{
	struct e2e_Work *work;
	struct e2e_Other *other;
	char uri[128];

	REQUIRE(place_open(&place, NULL));
	snprintf(uri, sizeof(uri), "PYRO:nobody@%s", pyr_daemon_address(place.daemon));
	work = e2e_Work_proxy(uri);
	check_fails(pyr_proxy_bind(e2e_Work_as_proxy(work)), PYR_NOT_FOUND, "'nobody'");
	CHECK_HAS(pyr_errmsg(), pyr_daemon_address(place.daemon));
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_NOT_FOUND, "'nobody'");
	CHECK_STR(pyr_last_error()->object, "nobody");
	e2e_Work_free(work);
	other = e2e_Other_proxy(place.uri);
	check_fails(pyr_proxy_bind(e2e_Other_as_proxy(other)), PYR_FAILED_PRECONDITION, "e2e.Work");
	check_fails(e2e_Other_add(other, 1, 2, NULL), PYR_FAILED_PRECONDITION, "e2e.Other");
	e2e_Other_free(other);
	check_fails(pyr_proxy_bind(NULL), PYR_INVALID_ARGUMENT, "proxy");
	work = e2e_Work_proxy(place.uri);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(work)), 0);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(work)), 0);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* An object that appears later is found, although an earlier session was refused. */
TEST(a_proxy_finds_what_is_registered_after_it)
{
	struct e2e_Work *work;
	char uri[128];

	REQUIRE(place_open(&place, NULL));
	snprintf(uri, sizeof(uri), "PYRO:later@%s", pyr_daemon_address(place.daemon));
	work = e2e_Work_proxy(uri);
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_NOT_FOUND, "'later'");
	REQUIRE(e2e_Work_register(place.daemon, "later", &work_methods, &place.work) != NULL);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_INT(pyr_daemon_unregister(place.daemon, "later"), 0);
	check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_NOT_FOUND, "'later'");
	REQUIRE(e2e_Work_register(place.daemon, "later", &work_methods, &place.work) != NULL);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

TEST(a_proxy_of_a_base_calls_and_narrows)
{
	struct e2e_Base *base;
	struct e2e_Work *work;
	struct e2e_Other *other;
	char *who;

	REQUIRE(place_open(&place, NULL));
	base = e2e_Base_proxy(place.uri);
	CHECK_INT(e2e_Base_who(base, &who), 0);
	CHECK_STR(who, "work");
	pyr_free(who);
	work = e2e_Work_narrow(e2e_Base_as_proxy(base));
	REQUIRE(work != NULL);
	CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
	CHECK_INT(e2e_Base_who(e2e_Work_as_Base(work), NULL), 0);
	other = e2e_Other_narrow(e2e_Base_as_proxy(base));
	CHECK(other == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_FAILED_PRECONDITION);
	e2e_Base_free(base);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* ---- release and free while calls run ---- */

static atomic_int n_cancelled, n_other;
static struct e2e_Work *shared;

static void *pass_and_be_cancelled(void *data)
{
	int err = e2e_Work_pass(shared, (int)(intptr_t)data);

	atomic_fetch_add(err == -PYR_CANCELLED ? &n_cancelled : &n_other, 1);
	return NULL;
}

static void start_passing(pthread_t *threads, int n)
{
	char part[16];
	int i;

	atomic_store(&n_cancelled, 0);
	atomic_store(&n_other, 0);
	for (i = 0; i < n; i++)
		REQUIRE(pthread_create(&threads[i], NULL, pass_and_be_cancelled,
				       (void *)(intptr_t)i) == 0);
	for (i = 0; i < n && i < 4; i++) {
		snprintf(part, sizeof(part), "<%d ", i);
		CHECK(n > 4 || work_logged(&place.work, part));
	}
}

static void join_all(pthread_t *threads, int n)
{
	int i;

	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(atomic_load(&n_cancelled), n);
	CHECK_INT(atomic_load(&n_other), 0);
}

TEST(release_ends_running_calls_and_the_next_call_connects_again)
{
	pthread_t threads[3];
	int32_t sum;

	REQUIRE(place_open(&place, NULL));
	shared = e2e_Work_proxy(place.uri);
	start_passing(threads, 3);
	pyr_proxy_release(e2e_Work_as_proxy(shared));
	pyr_proxy_release(e2e_Work_as_proxy(shared));
	join_all(threads, 3);
	CHECK_INT(e2e_Work_add(shared, 2, 3, &sum), 0);
	CHECK_INT(sum, 5);
	e2e_Work_free(shared);
	CHECK_INT(place_close(&place), 0);
}

TEST(free_ends_running_calls)
{
	pthread_t threads[3];

	REQUIRE(place_open(&place, NULL));
	shared = e2e_Work_proxy(place.uri);
	start_passing(threads, 3);
	e2e_Work_free(shared);
	join_all(threads, 3);
	CHECK_INT(place_close(&place), 0);
}

static int n_blocked(void)
{
	struct peer *peer = e2e_Work_as_proxy(shared)->session->peer;
	struct outcall *call;
	int n = 0;

	pthread_mutex_lock(&peer->lock);
	for (call = peer->made.blocked; call; call = call->sent.next_blocked)
		n++;
	pthread_mutex_unlock(&peer->lock);
	return n;
}

/* The only place is taken by a running call: who waits for it is ended too. */
TEST(release_ends_calls_that_wait_for_a_place)
{
	struct pyr_daemon_options few = { .max_calls = 1 };
	pthread_t threads[6];

	REQUIRE(place_open(&place, &few));
	shared = e2e_Work_proxy(place.uri);
	CHECK_INT(pyr_proxy_bind(e2e_Work_as_proxy(shared)), 0);
	start_passing(threads, 6);
	CHECK(work_logged(&place.work, "<"));
	while (n_blocked() < 5)
		sched_yield();
	pyr_proxy_release(e2e_Work_as_proxy(shared));
	join_all(threads, 6);
	e2e_Work_free(shared);
	CHECK_INT(place_close(&place), 0);
}

/* ---- places ---- */

static void *add_some(void *data)
{
	int i, *failed = data;

	for (i = 0; i < 50; i++)
		*failed += e2e_Work_add(shared, i, 1, NULL) < 0;
	return NULL;
}

TEST(blocking_callers_are_never_refused_for_being_many)
{
	struct pyr_daemon_options few = { .max_calls = 2 };
	pthread_t threads[8];
	int failed[8], i, round;

	REQUIRE(place_open(&place, &few));
	for (round = 0; round < 5; round++) { /* the first calls of a link among them */
		shared = e2e_Work_proxy(place.uri);
		memset(failed, 0, sizeof(failed));
		for (i = 0; i < 8; i++)
			REQUIRE(pthread_create(&threads[i], NULL, add_some, &failed[i]) == 0);
		for (i = 0; i < 8; i++) {
			pthread_join(threads[i], NULL);
			CHECK_INT(failed[i], 0);
		}
		e2e_Work_free(shared);
	}
	CHECK_INT(place_close(&place), 0);
}

TEST(a_started_call_beyond_max_calls_is_refused)
{
	struct pyr_daemon_options few = { .max_calls = 2 };
	pyr_future *one, *two, *three;
	struct e2e_Work *work, *control;
	int32_t ret;

	REQUIRE(place_open(&place, &few));
	work = e2e_Work_proxy(place.uri);
	control = e2e_Work_proxy_with(place.uri, &(struct pyr_proxy_options){ .own_link = true });
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	one = e2e_Work_hold_start(work, 1);
	two = e2e_Work_hold_start(work, 2);
	three = e2e_Work_hold_start(work, 3);
	CHECK_INT(e2e_Work_hold_get(three, &ret), -PYR_RESOURCE_EXHAUSTED);
	CHECK(!pyr_last_error()->remote && !pyr_last_error()->may_have_run);
	CHECK(!pyr_future_is_ready(one));
	CHECK(work_holds(&place.work, 2));
	CHECK_INT(e2e_Work_answer(control, 1, 10), 0);
	CHECK_INT(e2e_Work_hold_get(one, &ret), 0);
	CHECK_INT(ret, 10);
	CHECK_INT(e2e_Work_add(work, 1, 1, NULL), 0);
	CHECK_INT(e2e_Work_answer(control, 2, 20), 0);
	CHECK_INT(e2e_Work_hold_get(two, &ret), 0);
	e2e_Work_free(work);
	e2e_Work_free(control);
	CHECK_INT(place_close(&place), 0);
}

/* ---- loss ---- */

/* A call may still leave on the link of a daemon that has just ended, before that is heard here; it
 * is told so, and the next one connects. */
static int add_after_restart(struct e2e_Work *work, int32_t x, int32_t *ret)
{
	int err = e2e_Work_add(work, x, 1, ret);

	if (err == 0)
		return 0;
	CHECK_INT(err, -PYR_UNAVAILABLE);
	CHECK(pyr_last_error()->may_have_run);
	return e2e_Work_add(work, x, 1, ret);
}

TEST(a_proxy_survives_its_daemon)
{
	struct pyr_daemon_options options = { .port = port_of_ours() };
	struct e2e_Work *work;
	int32_t sum;
	int i;

	REQUIRE(place_open(&place, &options));
	work = e2e_Work_proxy(place.uri);
	for (i = 0; i < 5; i++) {
		CHECK_INT(add_after_restart(work, i, &sum), 0);
		CHECK_INT(sum, i + 1);
		CHECK_INT(place_close(&place), 0);
		if (i == 2) {
			CHECK_INT(e2e_Work_add(work, 1, 2, NULL), -PYR_UNAVAILABLE);
			check_fails(e2e_Work_add(work, 1, 2, NULL), PYR_UNAVAILABLE,
				    "cannot connect");
		}
		REQUIRE(place_open(&place, &options));
	}
	CHECK_INT(add_after_restart(work, 1, &sum), 0);
	e2e_Work_free(work);
	CHECK_INT(place_close(&place), 0);
}

/* A listener that takes connections and never reads: nothing that is sent there can have run. */
TEST(a_call_that_is_withdrawn_says_that_it_did_not_run)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	socklen_t size = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pyr_call_options soon = { .timeout_ms = 100 };
	struct e2e_Work *work;
	char uri[64], *large = calloc(1, 2 << 20);
	pyr_future *first;

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(large && fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	REQUIRE(listen(fd, 8) == 0 && getsockname(fd, (struct sockaddr *)&any, &size) == 0);
	snprintf(uri, sizeof(uri), "PYRO:work@127.0.0.1:%d", ntohs(any.sin_port));
	work = e2e_Work_proxy(uri);
	memset(large, 'l', (2 << 20) - 1);
	first = e2e_Work_echo_start(work, large); /* fills the write that is under way, and more */
	REQUIRE(first != NULL);
	CHECK(!pyr_future_is_ready(first));
	check_fails(e2e_Work_add(e2e_Work_with(work, &soon), 1, 2, NULL), PYR_DEADLINE_EXCEEDED,
		    "TimeoutError");
	CHECK(!pyr_last_error()->may_have_run);
	pyr_future_cancel(first);
	CHECK_INT(e2e_Work_echo_get(first, NULL), -PYR_CANCELLED);
	e2e_Work_free(work);
	close(fd);
	free(large);
}

/* ---- calls that wait for one look-up ---- */

enum { CALLERS = 4 };

struct caller {
	pthread_t thread;
	int code;
	char text[256];
};

static atomic_int n_ended;

static void *call_shared(void *data)
{
	struct caller *caller = data;

	caller->code = -e2e_Work_add(shared, 1, 2, NULL);
	snprintf(caller->text, sizeof(caller->text), "%s", pyr_errmsg());
	atomic_fetch_add(&n_ended, 1);
	return NULL;
}

static int n_waiting(void)
{
	pyr_proxy *proxy = e2e_Work_as_proxy(shared);
	struct proxy_waiter *wait;
	int n = 0;

	pthread_mutex_lock(&proxy->lock);
	for (wait = proxy->waiting; wait; wait = wait->next)
		n++;
	pthread_mutex_unlock(&proxy->lock);
	return n;
}

/* A name server that takes connections and never says a word. Returns its socket. */
static int silent_name_server(char *uri, size_t size)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 8) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
	snprintf(uri, size, "PYRONAME:work@127.0.0.1:%d", ntohs(at.sin_port));
	return fd;
}

/* One looks the name up, the others wait for him. Returns the name server. */
static int start_callers(struct caller *callers)
{
	int64_t until = engine_now() + PATIENCE_MS * (int64_t)ENGINE_MS;
	char uri[64];
	int fd = silent_name_server(uri, sizeof(uri)), i;

	atomic_store(&n_ended, 0);
	shared = e2e_Work_proxy(uri);
	for (i = 0; i < CALLERS; i++)
		REQUIRE(pthread_create(&callers[i].thread, NULL, call_shared, &callers[i]) == 0);
	while (n_waiting() < CALLERS - 1 && engine_now() < until)
		sched_yield();
	CHECK_INT(n_waiting(), CALLERS - 1);
	return fd;
}

TEST(a_look_up_that_fails_fails_for_all_who_waited_for_it)
{
	struct caller callers[CALLERS];
	int fd = start_callers(callers), i;

	close(fd); /* which resets the connection */
	for (i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		CHECK_INT(callers[i].code, PYR_UNAVAILABLE);
		CHECK_HAS(callers[i].text, "127.0.0.1:");
		CHECK_STR(callers[i].text, callers[0].text);
	}
	e2e_Work_free(shared);
}

TEST(free_ends_calls_that_wait_for_a_look_up)
{
	int64_t until = engine_now() + PATIENCE_MS * (int64_t)ENGINE_MS;
	struct caller callers[CALLERS];
	int fd = start_callers(callers), i, n = 0;

	e2e_Work_free(shared);
	while (atomic_load(&n_ended) < CALLERS - 1 && engine_now() < until)
		sched_yield(); /* all but the one who looks it up */
	CHECK_INT(atomic_load(&n_ended), CALLERS - 1);
	close(fd);
	for (i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		n += callers[i].code == PYR_CANCELLED;
		CHECK(callers[i].code != 0);
	}
	CHECK_INT(n, CALLERS - 1);
}

TEST(descriptors_come_back_after_a_hundred_connections)
{
	struct e2e_Work *work;
	int before = 0, after = -1, i;
	int64_t tries;

	REQUIRE(place_open(&place, NULL));
	for (i = 0; i < 110; i++) {
		work = e2e_Work_proxy(place.uri);
		CHECK_INT(e2e_Work_add(work, 1, 2, NULL), 0);
		e2e_Work_free(work);
		if (i == 9)
			before = test_open_fds();
	}
	for (tries = 0; after != 0 && tries < 20000000; tries++) {
		after = test_open_fds() > before + 4; /* some may be on their way */
		sched_yield();
		if (tries > 2000 && after == 0)
			break;
	}
	CHECK_INT(after, 0);
	CHECK_INT(place_close(&place), 0);
}

TESTS(proxy, T(a_uri_that_is_none_is_refused), T(a_proxy_connects_at_its_first_call),
      T(a_name_that_cannot_be_resolved_is_an_error_of_the_call),
      T(bind_tells_what_is_wrong_with_the_object), T(a_proxy_finds_what_is_registered_after_it),
      T(a_proxy_of_a_base_calls_and_narrows),
      T(release_ends_running_calls_and_the_next_call_connects_again), T(free_ends_running_calls),
      T(release_ends_calls_that_wait_for_a_place),
      T(blocking_callers_are_never_refused_for_being_many),
      T(a_started_call_beyond_max_calls_is_refused), T(a_proxy_survives_its_daemon),
      T(a_call_that_is_withdrawn_says_that_it_did_not_run),
      T(a_look_up_that_fails_fails_for_all_who_waited_for_it),
      T(free_ends_calls_that_wait_for_a_look_up),
      T(descriptors_come_back_after_a_hundred_connections))
