/* SPDX-License-Identifier: MIT */
/* Names are watched: all of a view, then each change, and none is missing. */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"
#include "relay.h"

#include <pthread.h>
#include <pyrite/pyrite.h>
#include <time.h>

enum { MOST = 4096, WAIT_S = 20 };

/* What a watcher was told, a line each: "put NAME URI TAG...", "gone NAME URI", "resync", "ready",
 * "lost". */
struct told {
	pthread_mutex_t lock;
	pthread_cond_t more;
	size_t n;
	char lines[MOST][200];
	uint64_t revision;
	int lost; /* the last reason */
	bool goes_back;
};

static struct told *new_told(void)
{
	struct told *told = calloc(1, sizeof(*told));

	REQUIRE(told != NULL);
	pthread_mutex_init(&told->lock, NULL);
	pthread_cond_init(&told->more, NULL);
	return told;
}

static void keep(const struct pyr_ns_event *event, void *data)
{
	static const char *const words[] = { "resync", "put", "gone", "ready", "lost" };
	struct told *told = data;
	char *at;
	size_t i;

	pthread_mutex_lock(&told->lock);
	if (told->n < MOST) {
		at = told->lines[told->n++];
		at += sprintf(at, "%s", words[event->kind]);
		if (event->name)
			at += sprintf(at, " %.60s %.60s", event->name, event->uri);
		for (i = 0; i < event->n_tags; i++)
			at += sprintf(at, " %.20s", event->tags[i]);
	}
	if (event->kind == PYR_NS_LOST)
		told->lost = pyr_last_error()->code;
	if (event->kind == PYR_NS_READY)
		told->revision = event->revision;
	pthread_cond_signal(&told->more);
	pthread_mutex_unlock(&told->lock);
}

static bool has_line(struct told *told, const char *line, size_t from)
{
	size_t i;

	for (i = from; i < told->n; i++)
		if (strcmp(told->lines[i], line) == 0)
			return true;
	return false;
}

/* Waits for the line after the first ones; *from: how many those are, and those up to it. */
static bool comes(struct told *told, size_t *from, const char *line)
{
	struct timespec until;
	bool is_there;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&told->lock);
	while (!(is_there = has_line(told, line, *from)) &&
	       pthread_cond_timedwait(&told->more, &told->lock, &until) == 0)
		;
	while (is_there && strcmp(told->lines[(*from)++], line) != 0)
		;
	pthread_mutex_unlock(&told->lock);
	if (!is_there)
		fprintf(stderr, "not told: %s\n", line);
	return is_there;
}

static int tag(pyr_ns *ns, const char *name, const char *a, const char *b)
{
	const char *tags[] = { a, b };

	return pyr_ns_set_metadata(ns, name, tags, b ? 2 : 1);
}

static struct pyr_ns_watch_options of_prefix(const char *prefix)
{
	return (struct pyr_ns_watch_options){ .prefix = prefix };
}

TEST(all_names_come_first_and_then_each_change)
{
	struct pyr_ns_watch_options view = of_prefix("w1.");
	struct told *told = new_told();
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher;
	size_t n = 0;

	REQUIRE(pyr_ns_register(ns, "w1.b", "PYRO:b@h:1") == 0);
	REQUIRE(pyr_ns_register(ns, "w1.a", "PYRO:a@h:1") == 0);
	REQUIRE(pyr_ns_register(ns, "other", "PYRO:c@h:1") == 0);
	watcher = pyr_ns_watch(ns, &view, keep, told);
	REQUIRE(watcher != NULL && comes(told, &n, "ready"));
	CHECK_INT(n, 4);
	CHECK_STR(told->lines[0], "resync");
	CHECK_STR(told->lines[1], "put w1.a PYRO:a@h:1");
	CHECK_STR(told->lines[2], "put w1.b PYRO:b@h:1");
	REQUIRE(pyr_ns_register(ns, "w1.c", "PYRO:c@h:1") == 0);
	REQUIRE(tag(ns, "w1.c", "x", "y") == 0);
	REQUIRE(pyr_ns_remove(ns, "other") == 0);
	REQUIRE(pyr_ns_remove(ns, "w1.a") == 0);
	REQUIRE(pyr_ns_register(ns, "w1.a", "PYRO:again@h:1") == 0);
	CHECK(comes(told, &n, "put w1.a PYRO:again@h:1"));
	CHECK_INT(n, 8);
	CHECK_STR(told->lines[4], "put w1.c PYRO:c@h:1");
	CHECK_STR(told->lines[5], "put w1.c PYRO:c@h:1 x y");
	CHECK_STR(told->lines[6], "gone w1.a PYRO:a@h:1");
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	free(told);
}

TEST(a_view_of_tags_has_those_with_all_of_them)
{
	static const char *const tags[] = { "red", "round" };
	struct pyr_ns_watch_options view = { .prefix = "w2.", .tags = tags, .n_tags = 2 };
	struct told *told = new_told();
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher;
	size_t n = 0;

	REQUIRE(pyr_ns_register(ns, "w2.a", "PYRO:a@h:1") == 0 &&
		tag(ns, "w2.a", "red", NULL) == 0);
	REQUIRE(pyr_ns_register(ns, "w2.b", "PYRO:b@h:1") == 0);
	REQUIRE(pyr_ns_register(ns, "x", "PYRO:x@h:1") == 0 && tag(ns, "x", "red", "round") == 0);
	REQUIRE(tag(ns, "w2.b", "round", "red") == 0);
	watcher = pyr_ns_watch(ns, &view, keep, told);
	REQUIRE(watcher != NULL && comes(told, &n, "ready"));
	CHECK_INT(n, 3);
	CHECK_STR(told->lines[1], "put w2.b PYRO:b@h:1 red round");
	REQUIRE(tag(ns, "w2.a", "red", "round") == 0 && tag(ns, "w2.b", "red", NULL) == 0);
	CHECK(comes(told, &n, "gone w2.b PYRO:b@h:1"));
	CHECK_INT(n, 5);
	CHECK_STR(told->lines[3], "put w2.a PYRO:a@h:1 red round");
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	free(told);
}

/* Names that begin as it does sort before and after its registrations. */
TEST(an_exact_view_is_of_one_name)
{
	struct pyr_ns_watch_options view = { .prefix = "w9", .exact = true };
	struct pyr_ns_register_options shared = { .shared = true };
	struct told *told = new_told();
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher;
	size_t n = 0;

	REQUIRE(pyr_ns_register(ns, "w9!", "PYRO:x@h:1") == 0);
	REQUIRE(pyr_ns_register(ns, "w99", "PYRO:x@h:1") == 0);
	REQUIRE(pyr_ns_register_with(ns, "w9", "PYRO:b@h:1", &shared) == 0);
	REQUIRE(pyr_ns_register_with(ns, "w9", "PYRO:a@h:1", &shared) == 0);
	watcher = pyr_ns_watch(ns, &view, keep, told);
	REQUIRE(watcher != NULL && comes(told, &n, "ready"));
	CHECK_INT(n, 4);
	CHECK_STR(told->lines[1], "put w9 PYRO:a@h:1");
	CHECK_STR(told->lines[2], "put w9 PYRO:b@h:1");
	REQUIRE(pyr_ns_remove(ns, "w99") == 0);
	REQUIRE(pyr_ns_register_with(ns, "w9", "PYRO:c@h:1", &shared) == 0);
	CHECK(comes(told, &n, "put w9 PYRO:c@h:1"));
	CHECK_INT(n, 5);
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	free(told);
}

TEST(of_a_shared_name_each_registration_is_told)
{
	struct pyr_ns_register_options shared = { .shared = true };
	struct pyr_ns_watch_options view = of_prefix("w3");
	struct told *told = new_told();
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher = pyr_ns_watch(ns, &view, keep, told);
	size_t n = 0;

	REQUIRE(watcher != NULL && comes(told, &n, "ready"));
	REQUIRE(pyr_ns_register_with(ns, "w3", "PYRO:a@h:1", &shared) == 0);
	REQUIRE(pyr_ns_register_with(ns, "w3", "PYRO:b@h:1", &shared) == 0);
	REQUIRE(pyr_ns_remove(ns, "w3") == 0);
	CHECK(comes(told, &n, "gone w3 PYRO:b@h:1"));
	CHECK_INT(n, 6);
	CHECK_STR(told->lines[4], "gone w3 PYRO:a@h:1");
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	free(told);
}

TEST(a_lease_that_ends_is_told_without_anybody_asking)
{
	struct pyr_ns_watch_options view = of_prefix("w4");
	struct pyrite_NameTerms terms = { .ttl_ms = 200 };
	struct pyrite_NameClaim nobody = { 0 };
	struct told *told = new_told();
	struct pyrite_NameServer *server;
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher = pyr_ns_watch(ns, &view, keep, told);
	struct pyrite_NameGrant *grant;
	size_t n = 0;

	server = name_server();
	REQUIRE(watcher != NULL && comes(told, &n, "ready"));
	REQUIRE(pyrite_NameServer_register_name(server, "w4", "PYRO:a@h:1", &terms, &nobody,
						&grant) == 0);
	pyr_free(grant);
	CHECK(comes(told, &n, "gone w4 PYRO:a@h:1"));
	pyr_ns_watcher_free(watcher);
	pyrite_NameServer_free(server);
	pyr_ns_free(ns);
	free(told);
}

/* More than fit into one news, and changes while they are told. */
TEST(many_names_come_in_parts_and_none_is_missing)
{
	enum { NAMES = 1500 };
	struct pyr_ns_watch_options view = of_prefix("w5.");
	struct told *told = new_told();
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher;
	char name[32], line[64];
	size_t i, n = 0, n_seen = 0;

	for (i = 0; i < NAMES; i++) {
		sprintf(name, "w5.%04zu", i);
		REQUIRE(pyr_ns_register(ns, name, "PYRO:a@h:1") == 0);
	}
	watcher = pyr_ns_watch(ns, &view, keep, told);
	REQUIRE(watcher != NULL);
	for (i = 0; i < NAMES; i += 15) {
		sprintf(name, "w5.%04zu", i);
		REQUIRE(pyr_ns_remove(ns, name) == 0);
	}
	CHECK(pyr_ns_register(ns, "w5.last", "PYRO:a@h:1") == 0);
	CHECK(comes(told, &n, "put w5.last PYRO:a@h:1"));
	n = 0;
	CHECK(comes(told, &n, "ready"));
	for (i = 0; i < NAMES; i++) {
		sprintf(line, "put w5.%04zu PYRO:a@h:1", i);
		n_seen += has_line(told, line, 0);
		sprintf(line, "gone w5.%04zu PYRO:a@h:1", i);
		if (i % 15 != 0)
			CHECK(!has_line(told, line, 0));
	}
	CHECK(n_seen >= NAMES - NAMES / 15);
	CHECK(!has_line(told, "resync", 1));
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	free(told);
}

static void end_yourself(const struct pyr_ns_event *event, void *data)
{
	pyr_ns_watcher **watcher = data;

	if (event->kind != PYR_NS_READY)
		return;
	while (!__atomic_load_n(watcher, __ATOMIC_ACQUIRE)) /* until pyr_ns_watch() returned */
		sched_yield();
	pyr_ns_watcher_free(*watcher);
	__atomic_store_n(watcher, NULL, __ATOMIC_RELEASE);
}

TEST(a_watcher_may_end_itself)
{
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher = NULL, *made = pyr_ns_watch(ns, NULL, end_yourself, &watcher);

	REQUIRE(made != NULL);
	__atomic_store_n(&watcher, made, __ATOMIC_RELEASE);
	while (__atomic_load_n(&watcher, __ATOMIC_ACQUIRE))
		sched_yield();
	pyr_ns_free(ns);
}

TEST(what_is_no_view_is_refused)
{
	static const char *tags[17];
	struct pyr_ns_watch_options view = { .tags = tags, .n_tags = 17 };
	static char prefix[1100];
	pyr_ns *ns = locate();
	size_t i;

	for (i = 0; i < 17; i++)
		tags[i] = "t";
	CHECK(pyr_ns_watch(ns, &view, keep, NULL) == NULL);
	CHECK_HAS(pyr_errmsg(), "at most 16 tags, and 1024 bytes");
	memset(prefix, 'x', sizeof(prefix) - 1);
	view = of_prefix(prefix);
	CHECK(pyr_ns_watch(ns, &view, keep, NULL) == NULL);
	CHECK_INT(pyr_last_error()->code, PYR_INVALID_ARGUMENT);
	tags[0] = NULL;
	view = (struct pyr_ns_watch_options){ .tags = tags, .n_tags = 1 };
	CHECK(pyr_ns_watch(ns, &view, keep, NULL) == NULL);
	CHECK(pyr_ns_watch(ns, NULL, NULL, NULL) == NULL);
	CHECK(pyr_ns_watch(NULL, NULL, keep, NULL) == NULL);
	pyr_ns_watcher_free(NULL);
	pyr_ns_free(ns);
}

/* The connection is cut, and names change meanwhile: they are told, and those before are not told
 * again. */
TEST(a_watcher_goes_on_where_it_was)
{
	struct pyr_ns_watch_options view = of_prefix("w6.");
	struct told *told = new_told();
	static struct relay relay;
	pyr_ns *ns = locate(), *through;
	pyr_ns_watcher *watcher;
	size_t n = 0;

	REQUIRE(pyr_ns_register(ns, "w6.a", "PYRO:a@h:1") == 0);
	REQUIRE(relay_open(&relay, ns_address));
	through = pyr_ns_locate(relay.address);
	REQUIRE(through != NULL);
	watcher = pyr_ns_watch(through, &view, keep, told);
	REQUIRE(watcher != NULL && comes(told, &n, "ready"));
	relay.is_refusing = true;
	relay_cut(&relay);
	REQUIRE(comes(told, &n, "lost"));
	REQUIRE(pyr_ns_register(ns, "w6.b", "PYRO:b@h:1") == 0 && pyr_ns_remove(ns, "w6.a") == 0);
	relay.is_refusing = false;
	CHECK(comes(told, &n, "ready"));
	CHECK_INT(n, 7);
	CHECK_STR(told->lines[4], "put w6.b PYRO:b@h:1");
	CHECK_STR(told->lines[5], "gone w6.a PYRO:a@h:1");
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(through);
	pyr_ns_free(ns);
	relay_close(&relay);
	free(told);
}

/* Many registrations, so many at a time. */
static void register_many(struct pyrite_NameServer *server, size_t n)
{
	enum { CROWD = 256 };
	static pyr_future *futures[CROWD];
	static const struct pyrite_NameTerms terms = { .replace = true };
	static const struct pyrite_NameClaim nobody;
	struct pyrite_NameGrant *grant;
	char uri[64];
	size_t i;

	for (i = 0; i < n + CROWD; i++) {
		if (i >= CROWD) {
			REQUIRE(pyrite_NameServer_register_name_get(futures[i % CROWD], &grant) ==
				0);
			pyr_free(grant);
		}
		sprintf(uri, "PYRO:of.a.longer.name.%zu@h:1", i);
		if (i < n)
			futures[i % CROWD] = pyrite_NameServer_register_name_start(
				server, "w7", uri, &terms, &nobody);
	}
}

/* Reads news until they are complete. Returns how many names were told; *ret_resync: whether all of
 * them. */
static size_t read_news(pyr_stream *stream, bool *ret_resync, char last[64])
{
	struct pyrite_NameNews *news;
	bool is_complete = false;
	size_t n = 0;

	while (!is_complete) {
		REQUIRE(pyrite_NameServer_watch_next(stream, &news) == 1);
		*ret_resync |= news->resync;
		is_complete = news->complete;
		n += news->changes.n;
		if (news->changes.n > 0)
			snprintf(last, 64, "%s", news->changes.items[news->changes.n - 1].uri);
		pyr_free(news);
	}
	return n;
}

TEST(who_does_not_read_is_told_all_again)
{
	enum { CHANGES = 60000 };
	struct pyrite_NameView view = { .prefix = "w7" };
	struct pyrite_NameServer *server, *other;
	pyr_ns *ns = locate();
	bool has_resync = false;
	char last[64] = "";
	pyr_stream *stream;
	size_t n = 0;

	server = name_server();
	other = name_server();
	REQUIRE(pyrite_NameServer_watch(server, &view, &stream) == 0);
	CHECK_INT(read_news(stream, &has_resync, last), 0);
	CHECK(has_resync);
	has_resync = false;
	register_many(other, CHANGES);
	while (strcmp(last, "PYRO:of.a.longer.name.59999@h:1") != 0)
		n += read_news(stream, &has_resync, last);
	CHECK(has_resync && n < CHANGES);
	pyr_stream_free(stream);
	pyrite_NameServer_free(server);
	pyrite_NameServer_free(other);
	pyr_ns_free(ns);
}

static bool restart_name_server(void)
{
	return kill(ns_pid, SIGKILL) == 0 && waitpid(ns_pid, NULL, 0) == ns_pid &&
	       start_name_server();
}

static char rules[] = "/tmp/pyrite.rules.XXXXXX";

static bool write_rules(const char *text)
{
	FILE *file = fopen(rules, "w");

	return file && fputs(text, file) >= 0 && fclose(file) == 0;
}

TEST(who_may_not_look_names_up_may_not_watch_them)
{
	struct told *told = new_told();
	int fd = mkstemp(rules);
	pyr_ns_watcher *watcher;
	size_t n = 0;
	pyr_ns *ns;

	REQUIRE(fd >= 0 && close(fd) == 0);
	REQUIRE(write_rules("deny * call *.list\nallow * call *\n"));
	setenv("PYRITE_RULES", rules, 1);
	REQUIRE(restart_name_server());
	unsetenv("PYRITE_RULES");
	ns = locate();
	watcher = pyr_ns_watch(ns, NULL, keep, told);
	REQUIRE(watcher != NULL && comes(told, &n, "lost"));
	CHECK_INT(told->lost, PYR_PERMISSION_DENIED);
	REQUIRE(write_rules("allow * call *\n"));
	CHECK(comes(told, &n, "ready"));
	REQUIRE(write_rules("deny * call *.lookup_entry\nallow * call *\n"));
	CHECK(comes(told, &n, "lost"));
	CHECK_INT(told->lost, PYR_PERMISSION_DENIED);
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	(void)unlink(rules);
	free(told);
	REQUIRE(restart_name_server());
}

/* On another port, so that the watcher finds nobody. */
TEST(a_name_server_that_is_gone_is_told)
{
	struct told *told = new_told();
	pyr_ns *ns = locate();
	pyr_ns_watcher *watcher = pyr_ns_watch(ns, NULL, keep, told);
	size_t n = 0;

	REQUIRE(watcher != NULL && comes(told, &n, "ready"));
	REQUIRE(restart_name_server());
	CHECK(comes(told, &n, "lost"));
	CHECK_INT(told->lost, PYR_UNAVAILABLE);
	pyr_ns_watcher_free(watcher);
	pyr_ns_free(ns);
	free(told);
}

TESTS(watch, T(all_names_come_first_and_then_each_change),
      T(a_view_of_tags_has_those_with_all_of_them), T(an_exact_view_is_of_one_name),
      T(of_a_shared_name_each_registration_is_told),
      T(a_lease_that_ends_is_told_without_anybody_asking),
      T(many_names_come_in_parts_and_none_is_missing), T(a_watcher_may_end_itself),
      T(what_is_no_view_is_refused), T(a_watcher_goes_on_where_it_was),
      T(who_does_not_read_is_told_all_again), T(who_may_not_look_names_up_may_not_watch_them),
      T(a_name_server_that_is_gone_is_told), T(the_name_server_ends_well))
