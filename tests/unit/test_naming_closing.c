/* SPDX-License-Identifier: MIT */
/* Names of daemons that close while they are registered. The name server is one of this test, which
 * does what must happen in between. */
#include "naming.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

static struct {
	pyr_daemon *daemon;
	pthread_t thread;
	pyr_daemon *closes; /* freed before the next registration is answered */
	bool refuses;       /* registrations */
	atomic_int n_registered, n_removed, n_renewed, n_attended, n_left;
	int n_present; /* owners that attended when the last name was registered */
} server;

static int ping(pyr_call *call)
{
	(void)call;
	return 0;
}

static int register_name(pyr_call *call, const char *name, const char *uri,
			 const struct pyrite_NameTerms *terms, const struct pyrite_NameClaim *claim,
			 const struct pyrite_NameGrant **ret)
{
	struct pyrite_NameGrant *grant = pyr_call_alloc(call, sizeof(*grant));

	(void)name;
	(void)uri;
	server.n_present = atomic_load(&server.n_attended) - atomic_load(&server.n_left);
	if (server.refuses)
		return pyr_fail(call, PYR_ALREADY_EXISTS, "it is taken");
	grant->secret = claim->secret;
	grant->ttl_ms = terms->ttl_ms;
	pyr_daemon_free(server.closes);
	server.closes = NULL;
	atomic_fetch_add(&server.n_registered, 1);
	*ret = grant;
	return 0;
}

static int renew(pyr_call *call, const struct pyr_bytes *secret, const struct pyr_string_seq *names,
		 const struct pyrite_NameRenewal **ret)
{
	(void)secret;
	atomic_fetch_add(&server.n_renewed, (int)names->n);
	*ret = pyr_call_alloc(call, sizeof(**ret));
	return 0;
}

static void on_left(pyr_deferred *deferred, void *data)
{
	(void)data;
	pyr_deferred_free(deferred);
	atomic_fetch_add(&server.n_left, 1);
}

static int attend(pyr_call *call, const struct pyr_bytes *secret)
{
	pyr_deferred *deferred;

	(void)secret;
	REQUIRE(pyr_call_defer(call, &deferred) == 0);
	atomic_fetch_add(&server.n_attended, 1);
	pyr_deferred_set_on_cancel(deferred, on_left, NULL);
	return 0;
}

static int remove_name(pyr_call *call, const char *name, const struct pyrite_NameClaim *claim)
{
	(void)call;
	(void)name;
	(void)claim;
	atomic_fetch_add(&server.n_removed, 1);
	return 0;
}

static void *run_daemon(void *daemon)
{
	return (void *)(intptr_t)pyr_daemon_run(daemon);
}

static pyr_ns *start(void)
{
	static const struct pyrite_NameServer_methods methods = {
		.ping = ping,
		.register_name = register_name,
		.renew = renew,
		.attend = attend,
		.remove = remove_name,
	};
	pyr_ns *ns;

	server.daemon = pyr_daemon_new(NULL);
	REQUIRE(pyrite_NameServer_register(server.daemon, pyrite_NAME_SERVER_ID, &methods, NULL) !=
		NULL);
	REQUIRE(pthread_create(&server.thread, NULL, run_daemon, server.daemon) == 0);
	ns = pyr_ns_locate(pyr_daemon_address(server.daemon));
	REQUIRE(ns != NULL);
	atomic_store(&server.n_registered, 0);
	atomic_store(&server.n_removed, 0);
	atomic_store(&server.n_renewed, 0);
	atomic_store(&server.n_attended, 0);
	atomic_store(&server.n_left, 0);
	server.refuses = false;
	return ns;
}

static void stop(pyr_ns *ns)
{
	pyr_ns_free(ns);
	pyr_daemon_stop(server.daemon);
	REQUIRE(pthread_join(server.thread, NULL) == 0);
	pyr_daemon_free(server.daemon);
}

static void uri_of(pyr_daemon *daemon, char ret[100])
{
	snprintf(ret, 100, "PYRO:thing@%s", pyr_daemon_address(daemon));
}

TEST(a_daemon_that_closes_while_its_name_is_registered_leaves_no_lease)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL), *witness = pyr_daemon_new(NULL);
	pyr_ns *ns = start();
	char uri[100];

	uri_of(daemon, uri);
	server.closes = daemon;
	CHECK_INT(pyr_ns_register(ns, "late", uri), -PYR_FAILED_PRECONDITION);
	CHECK_HAS(pyr_errmsg(), " is stopping: name late is not registered");
	CHECK_INT(atomic_load(&server.n_registered), 1);
	CHECK_INT(atomic_load(&server.n_removed), 1);
	/* Another's renewals show that this one would have been renewed by now, too. */
	uri_of(witness, uri);
	CHECK_INT(pyr_ns_register(ns, "witness", uri), 0);
	while (atomic_load(&server.n_renewed) < 1)
		CHECK_INT(pyr_ns_ping(ns), 0);
	CHECK_INT(atomic_load(&server.n_renewed), 1);
	pyr_daemon_free(witness);
	CHECK_INT(atomic_load(&server.n_removed), 2);
	stop(ns);
}

/* This test's name server is as those were before there were shared names. */
TEST(a_name_is_not_shared_at_a_name_server_that_does_not_know_how)
{
	struct pyr_ns_register_options options = { .shared = true };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = start();
	char uri[100];

	uri_of(daemon, uri);
	CHECK_INT(pyr_ns_register_with(ns, "ours", uri, &options), -PYR_UNIMPLEMENTED);
	CHECK_HAS(pyr_errmsg(), "does not support shared names: ours is not registered");
	CHECK_INT(atomic_load(&server.n_registered), 1);
	CHECK_INT(atomic_load(&server.n_removed), 1);
	pyr_daemon_free(daemon);
	CHECK_INT(atomic_load(&server.n_removed), 1); /* there was no lease */
	stop(ns);
}

static void *free_it(void *daemon)
{
	pyr_daemon_free(daemon);
	return NULL;
}

/* Two daemons at one address in turn: only the second one's names are at stake. */
TEST(a_daemon_that_is_freed_leaves_its_successors_names_alone)
{
	pyr_daemon *first = pyr_daemon_new(NULL), *second;
	struct pyr_daemon_options options = { 0 };
	pyr_ns *ns = start();
	pthread_t thread;
	char uri[100];

	uri_of(first, uri);
	options.port = (uint16_t)atoi(strrchr(uri, ':') + 1);
	pyr_daemon_stop(first);
	REQUIRE(pyr_daemon_run(first) == 0);
	second = pyr_daemon_new(&options);
	REQUIRE(second != NULL);
	CHECK_INT(pyr_ns_register(ns, "successor", uri), 0);
	REQUIRE(pthread_create(&thread, NULL, free_it, first) == 0);
	REQUIRE(pthread_join(thread, NULL) == 0);
	CHECK_INT(atomic_load(&server.n_removed), 0);
	pyr_daemon_free(second);
	CHECK_INT(atomic_load(&server.n_removed), 1);
	stop(ns);
}

/* Else a process that dies before it has the answer would keep its name until the lease ends. */
TEST(a_process_attends_before_its_name_is_registered)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = start();
	char uri[100];

	uri_of(daemon, uri);
	CHECK_INT(pyr_ns_register(ns, "mine", uri), 0);
	CHECK_INT(server.n_present, 1);
	CHECK_INT(pyr_ns_register(ns, "mine.too", uri), 0);
	CHECK_INT(server.n_present, 1); /* the same one */
	CHECK_INT(atomic_load(&server.n_attended), 1);
	pyr_daemon_free(daemon);
	stop(ns);
}

TEST(a_process_whose_name_is_refused_attends_no_longer)
{
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	pyr_ns *ns = start();
	char uri[100];

	uri_of(daemon, uri);
	server.refuses = true;
	CHECK_INT(pyr_ns_register(ns, "taken", uri), -PYR_ALREADY_EXISTS);
	CHECK_HAS(pyr_errmsg(), "it is taken");
	REQUIRE(server.n_present == 1);
	while (atomic_load(&server.n_left) < 1)
		CHECK_INT(pyr_ns_ping(ns), 0);
	CHECK_INT(atomic_load(&server.n_attended), 1);
	pyr_daemon_free(daemon);
	stop(ns);
}

int main(void)
{
	static const struct test_case tests[] = {
		T(a_daemon_that_closes_while_its_name_is_registered_leaves_no_lease),
		T(a_name_is_not_shared_at_a_name_server_that_does_not_know_how),
		T(a_daemon_that_is_freed_leaves_its_successors_names_alone),
		T(a_process_attends_before_its_name_is_registered),
		T(a_process_whose_name_is_refused_attends_no_longer),
	};

	setenv("PYRITE_LEASE_TTL_MS", "300", 1);
	return test_main("naming_closing", tests, sizeof(tests) / sizeof(tests[0]));
}
