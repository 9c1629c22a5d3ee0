/* SPDX-License-Identifier: MIT */
/* A name server that has forgotten the names of a process: how they are told again. It is one of
 * this test, which says when it answers. */
#include "task_help.h"
#include "test.h"

#include <pthread.h>
#include <pyrite/naming.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

enum { NAMES = 60, FEW = 4 /* that are told at a time, as long as none is answered */ };

static struct {
	pyr_daemon *daemon, *owner;
	pyr_ns *ns;
	pthread_t thread;
	atomic_bool has_forgotten; /* all but the name "known", and answers no registration */
	atomic_int n_rounds;       /* renewals of "known" */
	atomic_int n_again;        /* registrations since it has forgotten */
	pyr_deferred *held[NAMES]; /* the first n_held of them, unanswered */
	atomic_int n_held;
	atomic_bool answers;
} server;

/* Before the library reads it. */
__attribute__((constructor)) static void shorten_leases(void)
{
	setenv("PYRITE_LEASE_TTL_MS", "400", 1);
}

static int ping(pyr_call *call)
{
	(void)call;
	return 0;
}

static int register_name(pyr_call *call, const char *name, const char *uri,
			 const struct pyrite_NameTerms *terms, const struct pyrite_NameClaim *claim,
			 const struct pyrite_NameGrant **ret)
{
	struct pyrite_NameGrant *grant;
	int n = atomic_load(&server.n_held);

	(void)name;
	(void)uri;
	if (atomic_load(&server.has_forgotten)) {
		atomic_fetch_add(&server.n_again, 1);
		if (!atomic_load(&server.answers) && n < NAMES &&
		    pyr_call_defer(call, &server.held[n]) == 0) {
			atomic_store(&server.n_held, n + 1);
			return 0;
		}
	}
	grant = pyr_call_alloc(call, sizeof(*grant));
	*grant = (struct pyrite_NameGrant){ .secret = claim->secret, .ttl_ms = terms->ttl_ms };
	*ret = grant;
	return 0;
}

static int renew(pyr_call *call, const struct pyr_bytes *secret, const struct pyr_string_seq *names,
		 const struct pyrite_NameRenewal **ret)
{
	struct pyrite_NameRenewal *renewal = pyr_call_alloc(call, sizeof(*renewal));
	const char **lost = pyr_call_alloc(call, (names->n + 1) * sizeof(*lost));
	size_t i, n = 0;

	(void)secret;
	*renewal = (struct pyrite_NameRenewal){ 0 };
	for (i = 0; i < names->n; i++)
		if (strcmp(names->items[i], "known") == 0)
			atomic_fetch_add(&server.n_rounds, 1);
		else if (atomic_load(&server.has_forgotten) && !atomic_load(&server.answers))
			lost[n++] = names->items[i];
	renewal->lost = (struct pyr_string_seq){ n, lost };
	*ret = renewal;
	return 0;
}

static int remove_name(pyr_call *call, const char *name, const struct pyrite_NameClaim *claim)
{
	(void)call;
	(void)name;
	(void)claim;
	return 0;
}

static void *run_daemon(void *daemon)
{
	return (void *)(intptr_t)pyr_daemon_run(daemon);
}

static void begin(void)
{
	static const struct pyrite_NameServer_methods methods = {
		.ping = ping, .register_name = register_name, .renew = renew, .remove = remove_name
	};
	char name[20];
	const char *uri;
	int i;

	server.daemon = pyr_daemon_new(NULL);
	server.owner = pyr_daemon_new(NULL);
	REQUIRE(pyrite_NameServer_register(server.daemon, pyrite_NAME_SERVER_ID, &methods, NULL) !=
		NULL);
	uri = pyrite_NameServer_register(server.owner, NULL, &methods, NULL);
	REQUIRE(pthread_create(&server.thread, NULL, run_daemon, server.daemon) == 0);
	server.ns = pyr_ns_locate(pyr_daemon_address(server.daemon));
	REQUIRE(server.ns != NULL && uri != NULL);
	REQUIRE(pyr_ns_register(server.ns, "known", uri) == 0);
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "forgotten.%02d", i);
		REQUIRE(pyr_ns_register(server.ns, name, uri) == 0);
	}
}

static void finish(void)
{
	pyr_daemon_free(server.owner);
	pyr_ns_free(server.ns);
	pyr_daemon_stop(server.daemon);
	REQUIRE(pthread_join(server.thread, NULL) == 0);
	pyr_daemon_free(server.daemon);
}

static void answer_held(void)
{
	static uint8_t secret[16];
	struct pyrite_NameGrant grant = { .secret = { sizeof(secret), secret }, .ttl_ms = 400 };
	int i;

	for (i = 0; i < atomic_load(&server.n_held); i++)
		CHECK_INT(pyrite_NameServer_register_name_reply(server.held[i], &grant), 0);
}

TEST(forgotten_names_are_told_again_a_few_at_a_time)
{
	begin();
	REQUIRE(comes_to(&server.n_rounds, 1));
	atomic_store(&server.has_forgotten, true);
	REQUIRE(comes_to(&server.n_held, FEW));
	atomic_store(&server.n_rounds, 0);
	CHECK(comes_to(&server.n_rounds, 3));         /* others are renewed meanwhile, */
	CHECK_INT(atomic_load(&server.n_again), FEW); /* and no more are told */
	atomic_store(&server.answers, true);
	answer_held();
	CHECK(comes_to(&server.n_again, NAMES));
	atomic_store(&server.n_rounds, 0);
	CHECK(comes_to(&server.n_rounds, 2));
	CHECK_INT(atomic_load(&server.n_again), NAMES); /* each once */
	finish();
}

TESTS(naming_forgets, T(forgotten_names_are_told_again_a_few_at_a_time))
