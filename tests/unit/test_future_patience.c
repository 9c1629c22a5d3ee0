/* SPDX-License-Identifier: MIT */
/* Futures of patient proxies: they wait for what is not there, and are made again, in no thread. */
#define _GNU_SOURCE /* pipe2() */
#include "hears.h"
#include "patient_places.h"

#include <dirent.h>

/* "test_future_pat" of the thread that it names. */
static void read_name(const char *thread, char *name, size_t n)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/comm", thread);
	file = fopen(path, "r");
	name[0] = '\0';
	if (file && !fgets(name, (int)n, file))
		name[0] = '\0';
	if (file)
		fclose(file);
}

/* Those of gRPC core, which come and go, have names of their own. */
static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	char own[64], name[64];
	struct dirent *entry;
	int n = 0;

	snprintf(name, sizeof(name), "%d", getpid());
	read_name(name, own, sizeof(own));
	while (dir && (entry = readdir(dir))) {
		read_name(entry->d_name, name, sizeof(name));
		n += strcmp(name, own) == 0;
	}
	if (dir)
		closedir(dir);
	return n;
}

static void on_count(pyr_future *future, void *data)
{
	struct heard *heard = data;
	int32_t n = 0;
	int code = pyr_future_status(future);

	if (code == 0)
		CHECK_INT(px_Counter_bump_get(future, &n), 0);
	tell(heard, code, n, &heard->n);
}

/* ---- waiting for what is not there ---- */

IN_PLACES(b6_a_future_waits_for_a_server_that_starts_later)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_future *future;
	int32_t n = 0;

	pyr_error_free(pyr_error_take());
	future = px_Counter_bump_start(proxy);
	REQUIRE(future != NULL);
	CHECK_INT(pyr_last_error()->code, 0); /* nothing has failed yet */
	see_futures_pause(proxy, 1);
	CHECK(!pyr_future_is_ready(future));
	CHECK_INT(pyr_future_wait(future, 1), -PYR_DEADLINE_EXCEEDED);
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_bump_get(future, &n), 0);
	CHECK_INT(n, 1);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(b6_then_is_called_once_after_the_last_attempt)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(px_Counter_bump_async(proxy, on_count, &heard), 0);
	see_futures_pause(proxy, 1);
	REQUIRE(place_opens());
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, 0);
	CHECK_INT(heard.value, 1);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(heard.n, 1);
}

IN_PLACES(b6_a_future_waits_for_its_object)
{
	struct px_Counter *proxy;
	pyr_future *future;
	int32_t n = 0;

	REQUIRE(place_opens());
	CHECK_INT(pyr_daemon_unregister(counter.daemon, "counter"), 0);
	proxy = patient(place.uri, 30000, 0);
	future = px_Counter_bump_start(proxy);
	see_futures_pause(proxy, 1);
	REQUIRE(px_Counter_register(counter.daemon, "counter", counter_methods, &counter) != NULL);
	CHECK_INT(px_Counter_bump_get(future, &n), 0);
	CHECK_INT(n, 1);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(b6_what_does_not_come_in_time_is_the_future_s_error)
{
	struct px_Counter *proxy = patient(place.uri, 40, 0);
	pyr_future *future = px_Counter_bump_start(proxy);

	CHECK_INT(pyr_future_status(future), -PYR_UNAVAILABLE);
	CHECK_HAS(pyr_errmsg(), "cannot connect");
	check_fails(px_Counter_bump_get(future, NULL), PYR_UNAVAILABLE, "cannot connect");
	CHECK_STR(pyr_last_error()->operation, "px.Counter.bump");
	CHECK(!pyr_last_error()->may_have_run);
	px_Counter_free(proxy);
}

IN_PLACES(d5_a_thousand_futures_wait_in_no_thread)
{
	enum { N = 1000 };
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	static pyr_future *futures[N];
	int i, n_threads;
	int32_t n, sum = 0;

	pyr_future_free(px_Counter_bump_start(proxy)); /* the thread of attempts is there */
	n_threads = count_threads();
	CHECK(n_threads >= 2);
	for (i = 0; i < N; i++)
		REQUIRE((futures[i] = px_Counter_bump_start(proxy)) != NULL);
	see_futures_pause(proxy, N / 2); /* others are just looking */
	CHECK_INT(count_threads(), n_threads);
	CHECK_INT(pyr_future_wait_all(futures, N, 1), -PYR_DEADLINE_EXCEEDED);
	REQUIRE(place_opens());
	CHECK_INT(pyr_future_wait_all(futures, N, -1), 0);
	for (i = 0; i < N; i++) {
		CHECK_INT(px_Counter_bump_get(futures[i], &n), 0);
		sum += n;
	}
	CHECK_INT(sum, N * (N + 1) / 2); /* each ran once */
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(wait_any_hears_of_a_future_that_is_made_again)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_future *futures[2] = { NULL, px_Counter_bump_start(proxy) };

	see_futures_pause(proxy, 1);
	CHECK_INT(pyr_future_wait_any(futures, 2, 1), -PYR_DEADLINE_EXCEEDED);
	REQUIRE(place_opens());
	CHECK_INT(pyr_future_wait_any(futures, 2, -1), 1);
	CHECK_INT(px_Counter_bump_get(futures[1], NULL), 0);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

static pyr_future *start_bump(size_t i, void *data)
{
	(void)i;
	return px_Counter_bump_start(data);
}

static int get_bump(size_t i, pyr_future *future, void *data)
{
	(void)i;
	(void)data;
	return px_Counter_bump_get(future, NULL);
}

static void *map_all(void *data)
{
	static int err;

	err = pyr_map(200, 16, start_bump, get_bump, data);
	return &err;
}

IN_PLACES(map_waits_as_its_futures_do)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pthread_t thread;
	void *err = NULL;

	REQUIRE(pthread_create(&thread, NULL, map_all, proxy) == 0);
	see_futures_pause(proxy, 16);
	REQUIRE(place_opens());
	CHECK_INT(pthread_join(thread, &err), 0);
	CHECK_INT(*(int *)err, 0);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(counter.n_runs, 200);
}

/* ---- made again ---- */

/* With wait_ms: the next attempt may come between the new server's first and its object. */
IN_PLACES(b9_an_idempotent_future_outlives_its_killed_server)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 100);
	struct victim victim;
	pyr_future *future;
	int32_t n = 0;

	victim_open(&victim);
	future = px_Counter_peek_start(proxy);
	REQUIRE(future != NULL);
	victim_says(&victim, "begun");
	victim_kill(&victim);
	see_futures_pause(proxy, 1);
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_peek_get(future, &n), 0);
	CHECK_INT(n, 1); /* in the new one */
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

/* Loses what is under way; the counter is open again. */
static void lose(struct px_Counter *proxy, int n_begun)
{
	CHECK(counter_has_begun(&counter, n_begun));
	cut(proxy);
}

IN_PLACES(b9_a_future_that_is_not_idempotent_is_not_made_again)
{
	struct px_Counter *proxy;
	pyr_future *future;

	REQUIRE(place_opens());
	proxy = patient(place.uri, 30000, 100);
	counter_shut(&counter, true);
	future = px_Counter_bump_start(proxy);
	lose(proxy, 1);
	check_fails(px_Counter_bump_get(future, NULL), PYR_UNAVAILABLE, "ConnectionClosed");
	CHECK(pyr_last_error()->may_have_run);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(counter.n_runs, 1);
}

IN_PLACES(b9_a_future_is_made_again_as_often_as_it_may)
{
	struct px_Counter *proxy;
	struct heard heard;
	int i;

	heard_init(&heard);
	REQUIRE(place_opens());
	proxy = patient(place.uri, 0, 2);
	counter_shut(&counter, true);
	CHECK_INT(pyr_future_then(px_Counter_peek_start(proxy), on_count, &heard), 0);
	for (i = 1; i <= 3; i++) {
		lose(proxy, i);
		counter_let(&counter, i); /* a serial daemon has no other thread */
	}
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_UNAVAILABLE);
	counter_shut(&counter, false);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(counter.n_runs, 3);
}

/* Its first attempt has run as far as anybody knows, the last was not even sent. */
static void *peek_and_fail(void *proxy)
{
	static bool may_have_run;

	check_fails(px_Counter_peek(proxy, NULL), PYR_UNAVAILABLE, "");
	may_have_run = pyr_last_error()->may_have_run;
	return &may_have_run;
}

IN_PLACES(what_an_attempt_may_have_done_is_told_though_later_ones_were_not_sent)
{
	struct px_Counter *proxy = patient(place.uri, 0, 2);
	void *may_have_run = NULL;
	struct victim victim;
	pyr_future *future;
	pthread_t thread;

	victim_open(&victim);
	future = px_Counter_peek_start(proxy);
	victim_says(&victim, "begun");
	victim_kill(&victim);
	check_fails(px_Counter_peek_get(future, NULL), PYR_UNAVAILABLE, "");
	CHECK(pyr_last_error()->may_have_run);
	victim_open(&victim);
	REQUIRE(pthread_create(&thread, NULL, peek_and_fail, proxy) == 0);
	victim_says(&victim, "begun");
	victim_kill(&victim);
	CHECK_INT(pthread_join(thread, &may_have_run), 0);
	CHECK(*(bool *)may_have_run);
	px_Counter_free(proxy);
	REQUIRE(place_opens()); /* which clears up what the killed one left */
	CHECK_INT(counter_close(&counter), 0);
}

static void *peek_until_released(void *proxy)
{
	static bool may_have_run;

	check_fails(px_Counter_peek(proxy, NULL), PYR_CANCELLED, "the proxy was released");
	may_have_run = pyr_last_error()->may_have_run;
	return &may_have_run;
}

IN_PLACES(what_an_attempt_may_have_done_is_told_by_a_release_in_the_pause)
{
	struct px_Counter *proxy = patient(place.uri, 0, 1000);
	void *may_have_run = NULL;
	struct victim victim;
	pthread_t thread;

	victim_open(&victim);
	REQUIRE(pthread_create(&thread, NULL, peek_until_released, proxy) == 0);
	victim_says(&victim, "begun");
	victim_kill(&victim);
	see_it_pause(proxy);
	pyr_proxy_release(px_Counter_as_proxy(proxy));
	CHECK_INT(pthread_join(thread, &may_have_run), 0);
	CHECK(*(bool *)may_have_run);
	px_Counter_free(proxy);
	REQUIRE(place_opens()); /* which clears up what the killed one left */
	CHECK_INT(counter_close(&counter), 0);
}

/* ---- the end ---- */

IN_PLACES(b8_attempts_end_with_the_future_s_deadline)
{
	struct pyr_call_options soon = { .timeout_ms = 120 };
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	int64_t begun = engine_now();
	struct heard heard;

	heard_init(&heard);
	CHECK_INT(px_Counter_bump_async(px_Counter_with(proxy, &soon), on_count, &heard), 0);
	CHECK(px_Counter_bump_get(px_Counter_bump_start(px_Counter_with(proxy, &soon)), NULL) < 0);
	CHECK(hears(&heard, 1));
	CHECK(heard.code < 0);
	CHECK(engine_now() - begun < 10000 * (int64_t)ENGINE_MS);
	px_Counter_free(proxy);
}

IN_PLACES(b8_a_later_attempt_has_what_is_left_of_the_time)
{
	struct pyr_call_options terms = { .timeout_ms = 20000 };
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_future *future;
	int64_t left = 0;

	future = px_Counter_time_left_start(px_Counter_with(proxy, &terms));
	see_futures_pause(proxy, 1);
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_time_left_get(future, &left), 0);
	CHECK(left > 0 && left < 20000);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

/* Tells what came along with the call. */
static int say_hello(pyr_call *call, const char *name, const int32_t *times, const char *word,
		     const char **ret)
{
	char *text = pyr_call_alloc(call, 512);
	const char *note = pyr_call_annotation(call, "note", NULL);

	(void)times;
	snprintf(text, 512, "%s %s %s %s", name, word, pyr_call_correlation_id(call),
		 note ? note : "-");
	*ret = text;
	return 0;
}

/* What the options point to is gone when the second attempt is made. */
IN_PLACES(later_attempts_carry_the_request_the_ids_and_the_annotations)
{
	static const struct px_Counter_methods methods = { .greet = say_hello };
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	char name[] = "you", note[] = "first", id[] = "the-id";
	struct pyr_annotation annotation = { "note", note, sizeof(note) };
	struct pyr_call_options options = { .correlation_id = id };
	char *told = NULL;
	pyr_future *future;

	options.annotations = &annotation;
	options.n_annotations = 1;
	future = px_Counter_greet_start(px_Counter_with(proxy, &options), name, NULL, "hear");
	memset(name, 'x', sizeof(name) - 1);
	memset(note, 'x', sizeof(note) - 1);
	memset(id, 'x', sizeof(id) - 1);
	see_futures_pause(proxy, 1);
	REQUIRE(place_opens_with(&methods));
	CHECK_INT(px_Counter_greet_get(future, &told), 0);
	CHECK_STR(told, "you hear the-id first");
	pyr_free(told);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(later_attempts_carry_the_thread_s_id)
{
	static const struct px_Counter_methods methods = { .greet = say_hello };
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	char *told = NULL;
	pyr_future *future;

	CHECK_INT(pyr_set_correlation_id("mine"), 0);
	future = px_Counter_greet_start(proxy, "you", NULL, "hear");
	CHECK_INT(pyr_set_correlation_id("another"), 0);
	see_futures_pause(proxy, 1);
	REQUIRE(place_opens_with(&methods));
	CHECK_INT(px_Counter_greet_get(future, &told), 0);
	CHECK_STR(told, "you hear mine -");
	CHECK_INT(pyr_set_correlation_id(NULL), 0);
	pyr_free(told);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

/* A look-up may take 5 s, and the attempt is another thread's. */
TEST(b8_a_deadline_ends_a_future_that_is_being_looked_up)
{
	struct pyr_proxy_options options = { .wait_ms = 30000, .timeout_ms = 300 };
	int64_t begun = engine_now();
	struct px_Counter *proxy;
	pyr_future *future;
	uint16_t port;
	int fd = bound_socket(&port);
	char uri[64];

	snprintf(uri, sizeof(uri), "PYRONAME:x@127.0.0.1:%u", port);
	proxy = px_Counter_proxy_with(uri, &options);
	future = px_Counter_bump_start(proxy);
	see_futures_pause(proxy, 1);
	REQUIRE(listen(fd, 8) == 0); /* from now on it accepts, and says nothing */
	CHECK_INT(px_Counter_bump_get(future, NULL), -PYR_DEADLINE_EXCEEDED);
	CHECK(engine_now() - begun < 4000 * (int64_t)ENGINE_MS);
	px_Counter_free(proxy);
	close(fd);
}

enum { HUNG = 3 };

/* Its name is being looked up just now. */
static bool is_looked_up(struct px_Counter *proxy)
{
	pyr_proxy *self = px_Counter_as_proxy(proxy);
	bool is;

	pthread_mutex_lock(&self->lock);
	is = self->is_due_posted && !self->due;
	pthread_mutex_unlock(&self->lock);
	return is;
}

/* A look-up may take a minute (tests.cmake sets it); these go on all the while. */
IN_PLACES(look_ups_that_hang_delay_no_other_proxy)
{
	struct px_Counter *hung[HUNG], *proxy;
	pyr_future *futures[HUNG], *future;
	uint16_t port;
	int fd = bound_socket(&port), i;
	int32_t n = 0;
	char uri[64];

	for (i = 0; i < HUNG; i++) {
		snprintf(uri, sizeof(uri), "PYRONAME:x%d@127.0.0.1:%u", i, port);
		hung[i] = patient(uri, 30000, 0);
		futures[i] = px_Counter_bump_start(hung[i]);
	}
	REQUIRE(listen(fd, 8) == 0); /* from now on it accepts, and says nothing */
	for (i = 0; i < HUNG; i++)
		while (!is_looked_up(hung[i]))
			sched_yield();
	proxy = patient(place.uri, 30000, 0);
	future = px_Counter_bump_start(proxy);
	see_futures_pause(proxy, 1);
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_bump_get(future, &n), 0);
	CHECK_INT(n, 1);
	for (i = 0; i < HUNG; i++) {
		CHECK(is_looked_up(hung[i]));
		pyr_future_free(futures[i]);
		px_Counter_free(hung[i]);
	}
	close(fd);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(a_future_that_waits_is_cancelled_at_once)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_future *future = px_Counter_bump_start(proxy), *called;
	struct heard heard;

	heard_init(&heard);
	called = px_Counter_bump_start(proxy);
	CHECK_INT(pyr_future_then(called, on_count, &heard), 0);
	see_futures_pause(proxy, 2);
	pyr_future_cancel(future);
	CHECK(pyr_future_is_ready(future));
	check_fails(px_Counter_bump_get(future, NULL), PYR_CANCELLED, "the future was cancelled");
	CHECK_STR(pyr_last_error()->operation, "px.Counter.bump");
	pyr_future_cancel(called);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_CANCELLED);
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_peek(proxy, NULL), 0);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(counter.n_runs, 1);
}

IN_PLACES(an_attempt_that_runs_is_cancelled_and_not_made_again)
{
	struct px_Counter *proxy;
	pyr_future *future;

	REQUIRE(place_opens());
	proxy = patient(place.uri, 30000, 100);
	counter_shut(&counter, true);
	future = px_Counter_peek_start(proxy);
	CHECK(counter_has_begun(&counter, 1));
	pyr_future_cancel(future);
	check_fails(px_Counter_peek_get(future, NULL), PYR_CANCELLED, "the future was cancelled");
	CHECK(pyr_last_error()->may_have_run);
	counter_shut(&counter, false);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
	CHECK_INT(counter.n_runs, 1);
}

IN_PLACES(a_future_that_waits_is_freed_at_once_and_calls_nobody)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_future *future = px_Counter_bump_start(proxy), *called;
	struct heard heard;

	heard_init(&heard);
	called = px_Counter_bump_start(proxy);
	CHECK_INT(pyr_future_then(called, on_count, &heard), 0);
	see_futures_pause(proxy, 2);
	pyr_future_free(future);
	pyr_future_free(called);
	REQUIRE(place_opens());
	CHECK_INT(px_Counter_bump_async(proxy, on_count, &heard), 0);
	CHECK(hears(&heard, 1)); /* callbacks come in order: there was no other */
	CHECK_INT(heard.value, 1);
	px_Counter_free(proxy);
	CHECK_INT(counter_close(&counter), 0);
}

IN_PLACES(b5_a_release_ends_futures_that_wait)
{
	struct px_Counter *proxy = patient(place.uri, 30000, 0);
	pyr_future *future = px_Counter_bump_start(proxy);
	struct heard heard;

	heard_init(&heard);
	see_futures_pause(proxy, 1);
	pyr_proxy_release(px_Counter_as_proxy(proxy));
	check_fails(px_Counter_bump_get(future, NULL), PYR_CANCELLED, "the proxy was released");
	CHECK_INT(px_Counter_bump_async(proxy, on_count, &heard), 0);
	px_Counter_free(proxy);
	CHECK(hears(&heard, 1));
	CHECK_INT(heard.code, -PYR_CANCELLED);
}

TESTS(future_patience, T(b6_a_future_waits_for_a_server_that_starts_later),
      T(b6_then_is_called_once_after_the_last_attempt), T(b6_a_future_waits_for_its_object),
      T(b6_what_does_not_come_in_time_is_the_future_s_error),
      T(d5_a_thousand_futures_wait_in_no_thread), T(map_waits_as_its_futures_do),
      T(wait_any_hears_of_a_future_that_is_made_again),
      T(b9_an_idempotent_future_outlives_its_killed_server),
      T(b9_a_future_that_is_not_idempotent_is_not_made_again),
      T(b9_a_future_is_made_again_as_often_as_it_may),
      T(what_an_attempt_may_have_done_is_told_though_later_ones_were_not_sent),
      T(what_an_attempt_may_have_done_is_told_by_a_release_in_the_pause),
      T(b8_attempts_end_with_the_future_s_deadline),
      T(b8_a_later_attempt_has_what_is_left_of_the_time),
      T(later_attempts_carry_the_request_the_ids_and_the_annotations),
      T(later_attempts_carry_the_thread_s_id),
      T(b8_a_deadline_ends_a_future_that_is_being_looked_up),
      T(look_ups_that_hang_delay_no_other_proxy), T(a_future_that_waits_is_cancelled_at_once),
      T(an_attempt_that_runs_is_cancelled_and_not_made_again),
      T(a_future_that_waits_is_freed_at_once_and_calls_nobody),
      T(b5_a_release_ends_futures_that_wait))
