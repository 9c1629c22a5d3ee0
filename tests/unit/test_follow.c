/* SPDX-License-Identifier: MIT */
/*
 * Proxies that are told of their names: names that move and go, replicas that come and are lost,
 * and name servers that do not tell, refuse to, or tell too much.
 */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"
#include "task_help.h"

#include <semaphore.h>

#include "base/config.h"
#include "naming/naming_follow.h"
#include "proxy/proxy_session.h"

enum { MOST = 4, NAMES = 70 };

/* Objects that say which one they are, each at a daemon of its own. */
struct place {
	pyr_daemon *daemon;
	pthread_t thread;
	uint32_t number;
	const char *uri;
	atomic_int n_calls;
	sem_t entered, leaves; /* of ping */
};

static struct place places[MOST];

static void *run_daemon(void *data)
{
	return (void *)(intptr_t)pyr_daemon_run(data);
}

static int say_number(pyr_call *call, uint32_t *ret)
{
	struct place *place = pyr_call_data(call);

	atomic_fetch_add(&place->n_calls, 1);
	*ret = place->number;
	return 0;
}

static int stay(pyr_call *call)
{
	struct place *place = pyr_call_data(call);

	sem_post(&place->entered);
	sem_wait(&place->leaves);
	return 0;
}

static void start_place(uint32_t number)
{
	static const struct pyrite_NameServer_methods methods = { .count = say_number,
								  .ping = stay };
	struct pyr_daemon_options options = { .threads = 4 };
	struct place *place = &places[number];

	*place = (struct place){ .number = number, .daemon = pyr_daemon_new(&options) };
	sem_init(&place->entered, 0, 0);
	sem_init(&place->leaves, 0, 0);
	place->uri = pyrite_NameServer_register(place->daemon, NULL, &methods, place);
	REQUIRE(place->uri != NULL);
	REQUIRE(pthread_create(&place->thread, NULL, run_daemon, place->daemon) == 0);
}

static void end_place(uint32_t number)
{
	pyr_daemon_stop(places[number].daemon);
	REQUIRE(pthread_join(places[number].thread, NULL) == 0);
	pyr_daemon_free(places[number].daemon);
}

static struct pyrite_NameServer *proxy_of(const char *scheme, const char *name, const char *server)
{
	char uri[200];

	snprintf(uri, sizeof(uri), "%s:%s@%s", scheme, name, server);
	return pyrite_NameServer_proxy(uri);
}

static uint32_t ask(struct pyrite_NameServer *proxy)
{
	uint32_t number = UINT32_MAX;

	CHECK_INT(pyrite_NameServer_count(proxy, &number), 0);
	return number;
}

static struct follow *follow_of(struct pyrite_NameServer *proxy)
{
	return atomic_load(&pyrite_NameServer_as_proxy(proxy)->follow);
}

/* Waits until the name is followed, and its version is another one than that. */
static bool is_told(struct pyrite_NameServer *proxy, unsigned than)
{
	int64_t until = now_ms() + SOON_MS;
	struct follow *follow = follow_of(proxy);

	while (follow && now_ms() < until)
		if (follow_is_live(follow) && follow_version(follow) != than)
			return true;
		else
			usleep(1000);
	return false;
}

static void lead(pyr_ns *ns, const char *name, uint32_t number)
{
	struct pyr_ns_register_options options = { .replace = true };

	REQUIRE(pyr_ns_register_with(ns, name, places[number].uri, &options) == 0);
}

TEST(a_name_that_moves_is_followed_before_the_next_call)
{
	pyr_ns *ns = locate();
	struct pyrite_NameServer *proxy = proxy_of("PYRONAME", "moves", ns_address);
	unsigned version;

	start_place(0);
	start_place(1);
	lead(ns, "moves", 0);
	CHECK_INT(ask(proxy), 0);
	REQUIRE(is_told(proxy, 0));
	version = follow_version(follow_of(proxy));
	CHECK_INT(ask(proxy), 0);
	lead(ns, "moves", 1);
	REQUIRE(is_told(proxy, version));
	CHECK_INT(ask(proxy), 1);
	CHECK_INT(ask(proxy), 1);
	pyrite_NameServer_free(proxy);
	end_place(0);
	end_place(1);
	pyr_ns_free(ns);
}

TEST(calls_that_run_stay_where_they_are)
{
	pyr_ns *ns = locate();
	struct pyrite_NameServer *proxy = proxy_of("PYRONAME", "stays", ns_address);
	pyr_future *future;
	unsigned version;

	start_place(0);
	start_place(1);
	lead(ns, "stays", 0);
	CHECK_INT(ask(proxy), 0);
	REQUIRE(is_told(proxy, 0));
	version = follow_version(follow_of(proxy));
	future = pyrite_NameServer_ping_start(proxy);
	sem_wait(&places[0].entered);
	lead(ns, "stays", 1);
	REQUIRE(is_told(proxy, version));
	CHECK_INT(ask(proxy), 1);
	CHECK(!pyr_future_is_ready(future));
	sem_post(&places[0].leaves);
	CHECK_INT(pyrite_NameServer_ping_get(future), 0);
	pyrite_NameServer_free(proxy);
	end_place(0);
	end_place(1);
	pyr_ns_free(ns);
}

TEST(a_name_that_is_gone_leaves_its_connection)
{
	pyr_ns *ns = locate();
	struct pyrite_NameServer *proxy = proxy_of("PYRONAME", "goes", ns_address);
	struct session *before, *after;
	unsigned version;

	start_place(0);
	lead(ns, "goes", 0);
	CHECK_INT(ask(proxy), 0);
	REQUIRE(is_told(proxy, 0));
	before = proxy_open_session(pyrite_NameServer_as_proxy(proxy));
	version = follow_version(follow_of(proxy));
	REQUIRE(pyr_ns_remove(ns, "goes") == 0);
	REQUIRE(is_told(proxy, version));
	CHECK_INT(ask(proxy), 0);
	version = follow_version(follow_of(proxy));
	lead(ns, "goes", 0); /* and is back, as it was */
	REQUIRE(is_told(proxy, version));
	CHECK_INT(ask(proxy), 0);
	after = proxy_open_session(pyrite_NameServer_as_proxy(proxy));
	CHECK(before == after);
	session_unref(before);
	session_unref(after);
	pyrite_NameServer_free(proxy);
	end_place(0);
	pyr_ns_free(ns);
}

static pyr_ns *task_ns;

static int move_in_a_task(void *data)
{
	struct pyrite_NameServer *proxy = data;
	unsigned version;

	CHECK_INT(ask(proxy), 0);
	CHECK(is_told(proxy, 0));
	version = follow_version(follow_of(proxy));
	lead(task_ns, "in.tasks", 1);
	CHECK(is_told(proxy, version));
	CHECK_INT(ask(proxy), 1);
	return 0;
}

TEST(tasks_follow_names_as_threads_do)
{
	struct pyrite_NameServer *proxy;

	task_ns = locate();
	proxy = proxy_of("PYRONAME", "in.tasks", ns_address);
	start_place(0);
	start_place(1);
	lead(task_ns, "in.tasks", 0);
	CHECK_INT(pyr_tasks_run(move_in_a_task, proxy), 0);
	pyrite_NameServer_free(proxy);
	end_place(0);
	end_place(1);
	pyr_ns_free(task_ns);
}

TEST(no_name_leads_from_another_machine_to_a_socket_of_this_one)
{
	static const char *const here[] = { "./u:/run/a", "127.0.0.1:1", "127.1.2.3:1", "[::1]:1",
					    "localhost:1" };
	static const char *const elsewhere[] = { "10.0.0.7:1", "[2001:db8::1]:1",
						 "localhost.example:1", "" };
	pyr_uri *local = pyr_uri_parse("PYRO:x@./u:/run/x"), *far = pyr_uri_parse("PYRO:x@h:1");
	size_t i;

	for (i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		CHECK(follow_may_move(here[i], local) && follow_may_move(here[i], far));
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		CHECK(!follow_may_move(elsewhere[i], local) && follow_may_move(elsewhere[i], far));
	pyr_uri_free(local);
	pyr_uri_free(far);
}

/* ---- replicas ---- */

static void add_replica(pyr_ns *ns, uint32_t number)
{
	static const char *const tags[] = { "replica" };
	struct pyr_ns_register_options options = { .tags = tags, .n_tags = 1 };
	char name[32];

	snprintf(name, sizeof(name), "replica.%u", number);
	REQUIRE(pyr_ns_register_with(ns, name, places[number].uri, &options) == 0);
}

/* Calls until one comes there. Returns how many ms that took. */
static int64_t ms_until(struct pyrite_NameServer *proxy, uint32_t number)
{
	int64_t from = now_ms();

	while (ask(proxy) != number && now_ms() < from + SOON_MS)
		;
	return now_ms() - from;
}

TEST(replicas_are_seen_and_left_at_once)
{
	pyr_ns *ns = locate();
	struct pyrite_NameServer *proxy = proxy_of("PYROMETA", "replica", ns_address);
	unsigned version;
	uint32_t i;
	int64_t ms;

	for (i = 0; i < 3; i++)
		start_place(i);
	add_replica(ns, 0);
	CHECK_INT(ask(proxy), 0);
	REQUIRE(is_told(proxy, 0));
	for (i = 1; i < 3; i++) {
		add_replica(ns, i);
		ms = ms_until(proxy, i);
		CHECK(ms < 900); /* not found by looking once a second */
		fprintf(stderr, "seen after %lld ms\n", (long long)ms);
	}
	version = follow_version(follow_of(proxy));
	REQUIRE(pyr_ns_remove(ns, "replica.1") == 0);
	REQUIRE(is_told(proxy, version));
	(void)ask(proxy);
	while (proxy_has_news(pyrite_NameServer_as_proxy(proxy)))
		(void)ask(proxy);
	atomic_store(&places[1].n_calls, 0);
	for (i = 0; i < 20; i++)
		(void)ask(proxy);
	CHECK_INT(atomic_load(&places[1].n_calls), 0);
	pyrite_NameServer_free(proxy);
	for (i = 0; i < 3; i++)
		end_place(i);
	pyr_ns_free(ns);
}

TEST(a_name_that_becomes_shared_is_all_that_share_it)
{
	struct pyr_ns_register_options shared = { .shared = true };
	pyr_ns *ns = locate();
	struct pyrite_NameServer *proxy = proxy_of("PYRONAME", "becomes", ns_address);
	uint32_t i;

	for (i = 0; i < 3; i++)
		start_place(i);
	lead(ns, "becomes", 0);
	CHECK_INT(ask(proxy), 0);
	REQUIRE(is_told(proxy, 0));
	REQUIRE(pyr_ns_remove(ns, "becomes") == 0);
	for (i = 1; i < 3; i++)
		REQUIRE(pyr_ns_register_with(ns, "becomes", places[i].uri, &shared) == 0);
	CHECK(ms_until(proxy, 1) < SOON_MS);
	CHECK(ms_until(proxy, 2) < SOON_MS);
	atomic_store(&places[0].n_calls, 0);
	for (i = 0; i < 10; i++)
		(void)ask(proxy);
	CHECK_INT(atomic_load(&places[0].n_calls), 0);
	pyrite_NameServer_free(proxy);
	for (i = 0; i < 3; i++)
		end_place(i);
	pyr_ns_free(ns);
}

TEST(members_that_were_given_by_name_move_as_well)
{
	char uris[2][100];
	const char *others[] = { uris[1] };
	struct pyr_proxy_options options = { .others = others, .n_others = 1 };
	struct pyrite_NameServer *proxy;
	pyr_ns *ns = locate();
	uint32_t i;

	for (i = 0; i < 3; i++)
		start_place(i);
	for (i = 0; i < 2; i++) {
		snprintf(uris[i], sizeof(uris[i]), "PYRONAME:member.%u@%s", i, ns_address);
		lead(ns, i ? "member.1" : "member.0", i);
	}
	proxy = pyrite_NameServer_proxy_with(uris[0], &options);
	CHECK(ms_until(proxy, 1) < SOON_MS);
	lead(ns, "member.1", 2);
	CHECK(ms_until(proxy, 2) < SOON_MS);
	atomic_store(&places[1].n_calls, 0);
	for (i = 0; i < 10; i++)
		(void)ask(proxy);
	CHECK_INT(atomic_load(&places[1].n_calls), 0);
	CHECK(ms_until(proxy, 0) < SOON_MS);
	pyrite_NameServer_free(proxy);
	for (i = 0; i < 3; i++)
		end_place(i);
	pyr_ns_free(ns);
}

/* ---- how many ---- */

TEST(a_process_follows_so_many_names_and_looks_the_others_up)
{
	struct pyrite_NameServer *proxies[NAMES], *twin;
	pyr_ns *ns = locate();
	int i, n_followed = 0;
	char name[32];

	start_place(0);
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "many.%d", i);
		lead(ns, name, 0);
		proxies[i] = proxy_of("PYRONAME", name, ns_address);
		CHECK_INT(ask(proxies[i]), 0);
		n_followed += follow_of(proxies[i]) != NULL;
	}
	CHECK(n_followed <= 64 && n_followed > 50); /* those of tests before may linger */
	twin = proxy_of("PYRONAME", "many.0", ns_address);
	CHECK_INT(ask(twin), 0);
	CHECK(follow_of(twin) == follow_of(proxies[0]));
	pyrite_NameServer_free(twin);
	for (i = 0; i < NAMES; i++)
		pyrite_NameServer_free(proxies[i]);
	end_place(0);
	pyr_ns_free(ns);
}

/* ---- name servers that are none ---- */

static struct {
	pyr_daemon *daemon;
	pthread_t thread;
	atomic_int n_watches, n_over, n_lookups, n_told, turn;
} fake;

static int fake_entry(pyr_call *call, const char *name, const struct pyrite_NameEntry **ret)
{
	struct pyrite_NameEntry *entry = pyr_call_alloc(call, sizeof(*entry));

	atomic_fetch_add(&fake.n_lookups, 1);
	*entry = (struct pyrite_NameEntry){ .name = (char *)name,
					    .uri = (char *)places[atomic_load(&fake.turn) % 2].uri,
					    .owner = "" };
	*ret = entry;
	return 0;
}

/* With both places that its name leads to. Returns a proxy of the name. */
static struct pyrite_NameServer *start_fake(const struct pyrite_NameServer_methods *methods)
{
	struct pyr_daemon_options options = { .threads = 4 };

	start_place(0);
	start_place(1);
	atomic_store(&fake.n_watches, 0);
	atomic_store(&fake.n_over, 0);
	atomic_store(&fake.n_lookups, 0);
	atomic_store(&fake.n_told, 0);
	atomic_store(&fake.turn, 0);
	fake.daemon = pyr_daemon_new(&options);
	REQUIRE(pyrite_NameServer_register(fake.daemon, "Pyrite.NameServer", methods, NULL));
	REQUIRE(pthread_create(&fake.thread, NULL, run_daemon, fake.daemon) == 0);
	return proxy_of("PYRONAME", "x", pyr_daemon_address(fake.daemon));
}

static void end_fake(void)
{
	pyr_daemon_stop(fake.daemon);
	REQUIRE(pthread_join(fake.thread, NULL) == 0);
	pyr_daemon_free(fake.daemon);
	end_place(0);
	end_place(1);
}

static int refuse(pyr_call *call, const struct pyrite_NameView *view, pyr_stream *stream)
{
	(void)view;
	(void)stream;
	atomic_fetch_add(&fake.n_watches, 1);
	return pyr_fail(call, PYR_PERMISSION_DENIED, "not you");
}

/* With a name server of these the proxy works, and connects anew where the name leads then. */
static void check_lookups(const struct pyrite_NameServer_methods *methods)
{
	struct pyrite_NameServer *proxy = start_fake(methods);

	CHECK_INT(ask(proxy), 0);
	CHECK(follow_of(proxy) != NULL);
	CHECK(comes_to(&fake.n_watches, 1));
	atomic_store(&fake.turn, 1);
	CHECK_INT(ask(proxy), 0);
	pyr_proxy_release(pyrite_NameServer_as_proxy(proxy));
	CHECK_INT(ask(proxy), 1);
	CHECK(!follow_is_live(follow_of(proxy)));
	CHECK_INT(atomic_load(&fake.n_watches), 1);
	pyrite_NameServer_free(proxy);
	end_fake();
}

TEST(a_name_server_that_refuses_is_asked_as_before)
{
	static const struct pyrite_NameServer_methods methods = { .lookup_entry = fake_entry,
								  .watch = refuse };

	check_lookups(&methods);
}

/* One of before there was anything to watch. */
TEST(a_name_server_that_knows_no_watch_is_asked_as_before)
{
	static const struct pyrite_NameServer_methods methods = { .lookup_entry = fake_entry };
	struct pyrite_NameServer *proxy = start_fake(&methods);
	int64_t until;

	for (until = now_ms() + 3 * FOLLOW_START_MS; now_ms() < until;)
		CHECK_INT(ask(proxy), 0);
	CHECK(follow_of(proxy) != NULL && !follow_is_live(follow_of(proxy)));
	CHECK_INT(atomic_load(&fake.n_lookups), 1);
	atomic_store(&fake.turn, 1);
	pyr_proxy_release(pyrite_NameServer_as_proxy(proxy));
	CHECK_INT(ask(proxy), 1);
	pyrite_NameServer_free(proxy);
	end_fake();
}

/* As fast as it can: the name leads to one place and to the other. */
static int swap(pyr_call *call, const struct pyrite_NameView *view, pyr_stream *stream)
{
	struct pyrite_NameChange change = { .name = (char *)view->prefix };
	struct pyrite_NameNews news = { .epoch = 1, .resync = true, .complete = true };
	uint32_t i;

	(void)call;
	atomic_fetch_add(&fake.n_watches, 1);
	news.changes = (struct pyrite_NameChange_seq){ 1, &change };
	for (i = 0;; i++) {
		change.revision = news.revision = i + 1;
		change.uri = (char *)places[i % 2].uri;
		if (pyrite_NameServer_watch_yield(stream, &news) < 0)
			break;
		news.resync = false;
		atomic_fetch_add(&fake.n_told, 1);
	}
	atomic_fetch_add(&fake.n_over, 1);
	return 0;
}

TEST(a_name_that_changes_all_the_time_moves_a_proxy_a_few_times)
{
	static const struct pyrite_NameServer_methods methods = { .lookup_entry = fake_entry,
								  .watch = swap };
	struct pyrite_NameServer *proxy = start_fake(&methods);
	int n_moves = 0;
	uint32_t at, last = 0;
	int64_t until;

	CHECK_INT(ask(proxy), 0);
	REQUIRE(is_told(proxy, 0));
	for (until = now_ms() + 1500; now_ms() < until; last = at) {
		at = ask(proxy);
		n_moves += at != last;
	}
	CHECK(n_moves > 0 && n_moves < 10);
	CHECK(atomic_load(&fake.n_told) > 200);
	CHECK(atomic_load(&fake.n_lookups) < 10);
	fprintf(stderr, "%d changes, %d moves\n", atomic_load(&fake.n_told), n_moves);
	pyrite_NameServer_free(proxy);
	CHECK(comes_to(&fake.n_over, 1)); /* nobody needs it any more */
	end_fake();
}

/* More registrations than are kept, under one name; on its second turn there is one. */
static int flood(pyr_call *call, const struct pyrite_NameView *view, pyr_stream *stream)
{
	struct pyrite_NameChange change = { .name = (char *)view->prefix, .shared = true };
	struct pyrite_NameNews news = { .epoch = 1, .resync = true };
	char uri[64];
	int i;

	(void)call;
	change.uri = uri;
	news.changes = (struct pyrite_NameChange_seq){ 1, &change };
	for (i = 0; i <= FOLLOW_ITEMS; i++) {
		snprintf(uri, sizeof(uri), "PYRO:x%d@127.0.0.1:1", i);
		news.complete = i == FOLLOW_ITEMS;
		if (pyrite_NameServer_watch_yield(stream, &news) < 0)
			break;
		news.resync = false;
	}
	atomic_fetch_add(&fake.n_watches, 1);
	while (atomic_load(&fake.turn) < 2 && pyrite_NameServer_watch_yield(stream, &news) == 0)
		usleep(1000);
	change = (struct pyrite_NameChange){ .name = change.name, .uri = (char *)places[0].uri };
	news.resync = true;
	for (; pyrite_NameServer_watch_yield(stream, &news) == 0; news.resync = false)
		usleep(1000);
	return 0;
}

TEST(what_is_too_much_to_keep_is_looked_up)
{
	static const struct pyrite_NameServer_methods methods = { .lookup_entry = fake_entry,
								  .watch = flood };

	check_lookups(&methods);
}

TEST(what_was_too_much_to_keep_is_followed_once_it_is_little)
{
	static const struct pyrite_NameServer_methods methods = { .lookup_entry = fake_entry,
								  .watch = flood };
	struct pyrite_NameServer *proxy = start_fake(&methods);

	CHECK_INT(ask(proxy), 0);
	REQUIRE(comes_to(&fake.n_watches, 1));
	atomic_store(&fake.turn, 2);
	REQUIRE(is_told(proxy, 0));
	CHECK_INT(follow_version(follow_of(proxy)), 1); /* nothing was known before */
	CHECK_INT(ask(proxy), 0);
	pyrite_NameServer_free(proxy);
	end_fake();
}

TESTS(follow, T(a_name_that_moves_is_followed_before_the_next_call),
      T(calls_that_run_stay_where_they_are), T(a_name_that_is_gone_leaves_its_connection),
      T(tasks_follow_names_as_threads_do),
      T(no_name_leads_from_another_machine_to_a_socket_of_this_one),
      T(replicas_are_seen_and_left_at_once), T(a_name_that_becomes_shared_is_all_that_share_it),
      T(members_that_were_given_by_name_move_as_well),
      T(a_name_server_that_knows_no_watch_is_asked_as_before),
      T(a_name_server_that_refuses_is_asked_as_before),
      T(a_name_that_changes_all_the_time_moves_a_proxy_a_few_times),
      T(what_is_too_much_to_keep_is_looked_up),
      T(what_was_too_much_to_keep_is_followed_once_it_is_little),
      T(a_process_follows_so_many_names_and_looks_the_others_up), T(the_name_server_ends_well))
