/* SPDX-License-Identifier: MIT */
/* Name servers that mean no good, or know no better: what they can make their clients do. */
#define _GNU_SOURCE
#include "task_help.h"

#include <pyrite/naming.h>

#include "naming/naming.h"
#include "naming/naming_health.h"
#include "naming/naming_keeper.h"

enum { TTL_MS = 400, LOOKUP_MS = 500, LISTED = 16 };

/* Before the library reads them. */
__attribute__((constructor)) static void shorten(void)
{
	setenv("PYRITE_LEASE_TTL_MS", "400", 1);
	setenv("PYRITE_LOOKUP_TIMEOUT_MS", "500", 1);
}

static struct {
	pyr_daemon *daemon;
	pthread_t thread;
	uint32_t ttl_ms; /* what it grants */
	size_t n_lost;   /* of names that it says it has lost */
	atomic_int n_registered, n_renewed, n_pages, n_pings;
} fake;

static void *run_daemon(void *data)
{
	CHECK_INT(pyr_daemon_run(data), 0);
	return NULL;
}

static int grant(pyr_call *call, const char *name, const char *uri,
		 const struct pyrite_NameTerms *terms, const struct pyrite_NameClaim *claim,
		 const struct pyrite_NameGrant **ret)
{
	struct pyrite_NameGrant *granted = pyr_call_alloc(call, sizeof(*granted));

	(void)name;
	(void)uri;
	(void)terms;
	(void)claim;
	atomic_fetch_add(&fake.n_registered, 1);
	*granted = (struct pyrite_NameGrant){ .ttl_ms = fake.ttl_ms };
	*ret = granted;
	return 0;
}

/* Says of the name that is renewed, again and again, that it is lost. */
static int renew(pyr_call *call, const struct pyr_bytes *secret, const struct pyr_string_seq *names,
		 const struct pyrite_NameRenewal **ret)
{
	struct pyrite_NameRenewal *renewal = pyr_call_alloc(call, sizeof(*renewal));
	const char **lost = pyr_call_alloc(call, (fake.n_lost + 1) * sizeof(lost[0]));
	size_t i;

	(void)secret;
	for (i = 0; i < fake.n_lost; i++)
		lost[i] = names->items[0];
	*renewal = (struct pyrite_NameRenewal){ .lost = { fake.n_lost, lost } };
	*ret = renewal;
	atomic_fetch_add(&fake.n_renewed, 1);
	return 0;
}

static int answer(pyr_call *call)
{
	(void)call;
	return 0;
}

static void start_fake(const struct pyrite_NameServer_methods *methods, const char *host)
{
	struct pyr_daemon_options options = { .host = host, .threads = 4, .insecure = PYR_YES };

	atomic_store(&fake.n_registered, 0);
	atomic_store(&fake.n_renewed, 0);
	atomic_store(&fake.n_pages, 0);
	atomic_store(&fake.n_pings, 0);
	fake.daemon = pyr_daemon_new(&options);
	REQUIRE(fake.daemon != NULL);
	REQUIRE(pyrite_NameServer_register(fake.daemon, pyrite_NAME_SERVER_ID, methods, NULL));
	REQUIRE(pthread_create(&fake.thread, NULL, run_daemon, fake.daemon) == 0);
}

static void end_fake(void)
{
	pyr_daemon_stop(fake.daemon);
	REQUIRE(pthread_join(fake.thread, NULL) == 0);
	pyr_daemon_free(fake.daemon);
}

/* ---- leases ---- */

static const struct pyrite_NameServer_methods leasing = { .ping = answer,
							  .register_name = grant,
							  .renew = renew };

/* A daemon with a leased name there. */
static pyr_daemon *new_owner(pyr_ns **ret, const struct pyr_ns_register_options *options)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	char uri[100];

	REQUIRE(daemon != NULL);
	snprintf(uri, sizeof(uri), "PYRO:thing@%s", pyr_daemon_address(daemon));
	*ret = pyr_ns_locate(pyr_daemon_address(fake.daemon));
	REQUIRE(*ret != NULL);
	REQUIRE(pyr_ns_register_with(*ret, "thing", uri, options) == 0);
	return daemon;
}

TEST(leases_of_no_time_do_not_make_a_flood_of_renewals)
{
	enum { ROUNDS = 10, LEAST_MS = 25 };
	pyr_daemon *daemon;
	int64_t begin_ms;
	pyr_ns *ns;
	int n;

	fake.ttl_ms = 1;
	fake.n_lost = 0;
	start_fake(&leasing, NULL);
	daemon = new_owner(&ns, NULL);
	REQUIRE(comes_to(&fake.n_renewed, 1));
	begin_ms = now_ms();
	n = atomic_load(&fake.n_renewed);
	CHECK(comes_to(&fake.n_renewed, n + ROUNDS));
	CHECK(now_ms() - begin_ms >= ROUNDS * LEAST_MS);
	pyr_daemon_free(daemon);
	pyr_ns_free(ns);
	end_fake();
}

TEST(more_names_than_were_renewed_are_not_lost)
{
	pyr_daemon *daemon;
	pyr_ns *ns;

	fake.ttl_ms = TTL_MS;
	fake.n_lost = 1000;
	start_fake(&leasing, NULL);
	daemon = new_owner(&ns, NULL);
	CHECK(comes_to(&fake.n_renewed, 3));
	CHECK_INT(atomic_load(&fake.n_registered), 1);
	pyr_daemon_free(daemon);
	pyr_ns_free(ns);
	end_fake();
}

/* Takes its time for the first, until many rounds have passed. */
static void dawdle(const struct pyr_ns_lease_event *event, void *data)
{
	enum { ROUNDS = 20 };
	atomic_int *n_told = data;

	(void)event;
	if (atomic_fetch_add(n_told, 1) == 0) {
		CHECK(comes_to(&fake.n_renewed, ROUNDS));
		pyr_daemon_stop(fake.daemon);
	}
}

TEST(events_that_nobody_takes_are_few)
{
	enum { MOST = 12 };
	struct pyr_ns_register_options options = { .on_lease = dawdle };
	atomic_int n_told = 0;
	pyr_daemon *daemon;
	pyr_ns *ns;

	fake.ttl_ms = 20; /* it ends, and is renewed, each round */
	fake.n_lost = 0;
	start_fake(&leasing, NULL);
	options.data = &n_told;
	daemon = new_owner(&ns, &options);
	CHECK(comes_to(&n_told, 2)); /* the first is over */
	REQUIRE(pthread_join(fake.thread, NULL) == 0);
	pyr_daemon_free(daemon); /* after it nothing is told */
	CHECK(atomic_load(&n_told) <= MOST);
	pyr_ns_free(ns);
	pyr_daemon_free(fake.daemon);
}

/* ---- time ---- */

/* Page after page, each a while later. */
static int never_ends(pyr_call *call, const struct pyr_string_seq *tags, bool all,
		      const char *after, const struct pyrite_NamePage **ret)
{
	struct pyrite_NamePage *page = pyr_call_alloc(call, sizeof(*page));
	char *next = pyr_call_alloc(call, 16);

	(void)tags;
	(void)all;
	(void)after;
	snprintf(next, 16, "%09d", atomic_fetch_add(&fake.n_pages, 1));
	*page = (struct pyrite_NamePage){ .next = next };
	*ret = page;
	return pyr_sleep(LOOKUP_MS / 10);
}

TEST(a_list_without_end_is_read_for_as_long_as_a_look_up_may_take)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer,
								  .list_metadata = never_ends };
	int64_t begin_ms;
	char text[100];
	struct uri_problem problem;
	pyr_uri *uri, *end;

	start_fake(&methods, NULL);
	snprintf(text, sizeof(text), "PYROMETA:t@%s", pyr_daemon_address(fake.daemon));
	uri = uri_parse(text, &problem);
	begin_ms = now_ms();
	CHECK_INT(naming_resolve(uri, LOOKUP_MS, &end), -PYR_DEADLINE_EXCEEDED);
	pyr_uri_free(uri);
	CHECK_HAS(pyr_errmsg(), "name server at");
	CHECK(now_ms() - begin_ms < 4 * LOOKUP_MS);
	end_fake();
}

static int slow(pyr_call *call)
{
	(void)call;
	atomic_fetch_add(&fake.n_pings, 1);
	return pyr_sleep(LOOKUP_MS / 2);
}

static int refuse(pyr_call *call, const char *name, const char *uri,
		  const struct pyrite_NameTerms *terms, const struct pyrite_NameClaim *claim,
		  const struct pyrite_NameGrant **ret)
{
	(void)name;
	(void)uri;
	(void)terms;
	(void)claim;
	(void)ret;
	atomic_fetch_add(&fake.n_registered, 1);
	return pyr_fail(call, PYR_UNAVAILABLE, "go elsewhere");
}

/* 127.0.0.1:p,127.0.0.2:p,...: all of them the one. */
static void list_all(char *ret, size_t size)
{
	const char *port = strrchr(pyr_daemon_address(fake.daemon), ':');
	size_t n = 0;
	int i;

	for (i = 1; i <= LISTED; i++)
		n += (size_t)snprintf(ret + n, size - n, "%s127.0.0.%d%s", i > 1 ? "," : "", i,
				      port);
}

TEST(a_change_takes_no_longer_for_many_that_send_it_on)
{
	static const struct pyrite_NameServer_methods methods = { .ping = slow,
								  .register_name = refuse };
	int64_t begin_ms;
	char text[1024];
	pyr_ns *ns;

	start_fake(&methods, "0.0.0.0");
	list_all(text, sizeof(text));
	ns = pyr_ns_locate(text);
	REQUIRE(ns != NULL);
	begin_ms = now_ms();
	CHECK(pyr_ns_register(ns, "x", "PYRO:o@h:1") < 0);
	CHECK_INT(pyr_last_error()->may_have_run, false);
	CHECK(now_ms() - begin_ms < 4 * LOOKUP_MS);
	CHECK(atomic_load(&fake.n_registered) >= 1);
	pyr_ns_free(ns);
	end_fake();
}

/* ---- to and fro ---- */

/* How long it takes until one that went down just now is up again. */
static int64_t time_down(const char *address)
{
	int64_t begin_ms = now_ms();

	health_down(address);
	while (!health_is_up(address) && now_ms() - begin_ms < SOON_MS)
		usleep(1000);
	return now_ms() - begin_ms;
}

TEST(one_that_comes_and_goes_is_left_for_longer_each_time)
{
	enum { FIRST_MS = 20, TIMES = 5 };
	static const struct pyrite_NameServer_methods methods = { .ping = answer };
	const char *address;
	int i;

	start_fake(&methods, NULL);
	address = pyr_daemon_address(fake.daemon);
	health_set_pause(FIRST_MS);
	for (i = 0; i < TIMES; i++)
		CHECK(time_down(address) >= FIRST_MS << i);
	health_set_pause(1000);
	end_fake();
}

/* ---- tasks with the least of stacks ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
enum { LEAST_STACK = 0 }; /* the frames are larger then */
#else
enum { LEAST_STACK = 1 };
#endif

static int no_entry(pyr_call *call, const char *name, const struct pyrite_NameEntry **ret)
{
	(void)ret;
	return pyr_fail(call, PYR_NOT_FOUND, "no %s", name);
}

static int call_by(const char *scheme, const char *list)
{
	char text[400];
	struct pyrite_NameServer *proxy;
	int status;

	snprintf(text, sizeof(text), "%s:x@%s", scheme, list);
	proxy = pyrite_NameServer_proxy(text);
	status = proxy ? pyrite_NameServer_ping(proxy) : 1;
	pyrite_NameServer_free(proxy);
	return status;
}

static int use_all(void *list)
{
	pyr_ns *ns = pyr_ns_locate(list);

	CHECK(ns != NULL);
	CHECK_INT(pyr_ns_register(ns, "x", "PYRO:o@h:1"), 0);
	pyr_ns_free(ns);
	CHECK_INT(call_by("PYRONAME", list), -PYR_NOT_FOUND);
	CHECK(call_by("PYROMETA", list) < 0);
	return 0;
}

TEST(a_list_is_asked_with_the_least_of_stacks)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer,
								  .register_name = grant,
								  .lookup_entry = no_entry };
	struct pyr_tasks_options options = { .stack_size = LEAST_STACK };
	char list[300];

	start_fake(&methods, NULL);
	snprintf(list, sizeof(list), "127.0.0.1:1,%s,127.0.0.1:2", pyr_daemon_address(fake.daemon));
	CHECK_INT(pyr_tasks_run_with(use_all, list, &options), 0);
	end_fake();
}

/* A URI of as many tags as there is room for. */
static void write_tags(char ret[URI_MAX + 1])
{
	size_t n = strlen("PYROMETA:");

	strcpy(ret, "PYROMETA:");
	for (; n + 2 < URI_MAX; n += 2)
		memcpy(ret + n, "t,", 2);
	strcpy(ret + n, "t");
}

/* The name leads there. */
static int many_tags(pyr_call *call, const char *name, const struct pyrite_NameEntry **ret)
{
	struct pyrite_NameEntry *entry = pyr_call_alloc(call, sizeof(*entry));
	char *uri = pyr_call_alloc(call, URI_MAX + 1);

	write_tags(uri);
	*entry = (struct pyrite_NameEntry){ .name = (char *)name, .uri = uri, .owner = "" };
	*ret = entry;
	return 0;
}

static int use_tags(void *address)
{
	struct pyrite_NameServer *proxy;
	char text[URI_MAX + 1];

	write_tags(text);
	proxy = pyrite_NameServer_proxy(text);
	CHECK(proxy != NULL);
	pyrite_NameServer_free(proxy);
	CHECK(call_by("PYRONAME", address) < 0);
	return 0;
}

TEST(a_uri_of_many_tags_needs_no_more_stack)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer,
								  .lookup_entry = many_tags };
	struct pyr_tasks_options options = { .stack_size = LEAST_STACK };
	char address[100];

	start_fake(&methods, NULL);
	snprintf(address, sizeof(address), "%s", pyr_daemon_address(fake.daemon));
	CHECK_INT(pyr_tasks_run_with(use_tags, address, &options), 0);
	end_fake();
}

/* ---- forks ---- */

static void on_event(const struct pyr_ns_event *event, void *data)
{
	(void)event;
	(void)data;
}

static int use_in_child(pyr_ns *ns)
{
	char *uri;
	int bad = 0;

	bad += pyr_ns_register(ns, "x", "PYRO:o@h:1") != -PYR_FAILED_PRECONDITION;
	bad += pyr_ns_lookup(ns, "x", &uri) != -PYR_FAILED_PRECONDITION;
	bad += pyr_ns_remove(ns, "x") != -PYR_FAILED_PRECONDITION;
	bad += pyr_ns_watch(ns, NULL, on_event, NULL) != NULL;
	bad += pyr_last_error()->code != PYR_FAILED_PRECONDITION;
	bad += pyr_ns_holds(ns, "x");
	return bad;
}

TEST(a_forked_child_does_not_wait_for_locks_that_nobody_gives_back)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer };
	char list[300];
	pyr_ns *ns;
	pid_t child;
	int status;

	start_fake(&methods, NULL);
	snprintf(list, sizeof(list), "127.0.0.1:1,%s", pyr_daemon_address(fake.daemon));
	ns = pyr_ns_locate(list);
	REQUIRE(ns != NULL);
	pthread_mutex_lock(&keepers.lock);
	child = fork();
	if (child == 0) {
		alarm(SOON_MS / 1000);
		_exit(use_in_child(ns));
	}
	pthread_mutex_unlock(&keepers.lock);
	REQUIRE(child > 0);
	REQUIRE(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	pyr_ns_free(ns);
	end_fake();
}

TESTS(naming_attack, T(leases_of_no_time_do_not_make_a_flood_of_renewals),
      T(more_names_than_were_renewed_are_not_lost), T(events_that_nobody_takes_are_few),
      T(a_list_without_end_is_read_for_as_long_as_a_look_up_may_take),
      T(a_change_takes_no_longer_for_many_that_send_it_on),
      T(one_that_comes_and_goes_is_left_for_longer_each_time),
      T(a_list_is_asked_with_the_least_of_stacks), T(a_uri_of_many_tags_needs_no_more_stack),
      T(a_forked_child_does_not_wait_for_locks_that_nobody_gives_back))
