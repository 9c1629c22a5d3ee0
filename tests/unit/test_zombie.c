/* SPDX-License-Identifier: MIT */
/* Owners whose leases end while they do not reach their name server: what they know of that, and
 * what they get when they come back. */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"
#include "relay.h"
#include "task_help.h"

enum { MOST = 16 };

/* Before the library reads it. */
__attribute__((constructor)) static void shorten_leases(void)
{
	setenv("PYRITE_LEASE_TTL_MS", "400", 1);
}

struct told {
	atomic_int n;
	enum pyr_ns_lease_state states[MOST];
	uint64_t generations[MOST];
	char texts[MOST][300], names[MOST][40];
};

static void keep(const struct pyr_ns_lease_event *event, void *data)
{
	struct told *told = data;
	int n = atomic_load(&told->n);

	if (n == MOST)
		return;
	told->states[n] = event->state;
	told->generations[n] = event->generation;
	snprintf(told->texts[n], sizeof(told->texts[n]), "%s", pyr_errmsg());
	snprintf(told->names[n], sizeof(told->names[n]), "%s", event->name);
	atomic_store(&told->n, n + 1);
}

static int answer_ping(pyr_call *call)
{
	(void)call;
	return 0;
}

/* A daemon of this process, which reaches the name server over a relay. */
static struct owner {
	pyr_daemon *daemon;
	struct relay relay;
	pyr_ns *ns;
	const char *uri;
	struct told told;
} owner;

static void start_owner(const char *name)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping };
	struct pyr_ns_register_options options = { .on_lease = keep, .data = &owner.told };

	memset(&owner, 0, sizeof(owner));
	owner.daemon = pyr_daemon_new(NULL);
	pyr_ns_free(locate());
	REQUIRE(relay_open(&owner.relay, ns_address));
	owner.uri = pyrite_NameServer_register(owner.daemon, NULL, &methods, NULL);
	owner.ns = pyr_ns_locate(owner.relay.address);
	REQUIRE(owner.ns != NULL);
	REQUIRE(pyr_ns_register_with(owner.ns, name, owner.uri, &options) == 0);
	CHECK(pyr_ns_holds(owner.ns, name));
}

static void end_owner(void)
{
	pyr_ns_free(owner.ns);
	pyr_daemon_free(owner.daemon);
	relay_close(&owner.relay);
}

/* Another registers the name, as soon as that is free. Returns the generation. */
static uint64_t take(const char *name)
{
	struct pyrite_NameServer *proxy = name_server();
	struct pyrite_NameTerms terms = { .ttl_ms = 60000 };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant = NULL;
	int64_t until = now_ms() + SOON_MS;
	uint64_t generation = 0;

	while (pyrite_NameServer_register_name(proxy, name, "PYRO:o@taker:1", &terms, &claim,
					       &grant) < 0 &&
	       now_ms() < until)
		usleep(1000);
	REQUIRE(grant != NULL);
	generation = grant->generation;
	pyr_free(grant);
	pyrite_NameServer_free(proxy);
	return generation;
}

TEST(a_zombie_is_refused_with_the_generation_that_followed)
{
	char text[80];
	uint64_t generation;

	start_owner("zombie");
	relay_pause(&owner.relay);
	REQUIRE(comes_to(&owner.told.n, 1));
	CHECK_INT(owner.told.states[0], PYR_LEASE_DOUBTFUL);
	CHECK_STR(owner.told.names[0], "zombie");
	CHECK_HAS(owner.told.texts[0], "the lease of name zombie has ended");
	CHECK(!pyr_ns_holds(owner.ns, "zombie"));
	generation = take("zombie");
	CHECK(generation > owner.told.generations[0]);
	relay_go_on(&owner.relay);
	REQUIRE(comes_to(&owner.told.n, 2));
	CHECK_INT(owner.told.states[1], PYR_LEASE_TAKEN);
	snprintf(text, sizeof(text), "by its owner at taker:1 (generation %llu)",
		 (unsigned long long)generation);
	CHECK_HAS(owner.told.texts[1], text);
	CHECK(!pyr_ns_holds(owner.ns, "zombie"));
	CHECK_INT(pyr_ns_register(owner.ns, "zombie", owner.uri), -PYR_ALREADY_EXISTS);
	CHECK_HAS(pyr_errmsg(), text);
	end_owner();
}

TEST(an_owner_whose_name_nobody_took_has_it_again)
{
	int64_t until;

	start_owner("back");
	relay_pause(&owner.relay);
	REQUIRE(comes_to(&owner.told.n, 1));
	CHECK_INT(owner.told.states[0], PYR_LEASE_DOUBTFUL);
	CHECK(!pyr_ns_holds(owner.ns, "back"));
	relay_go_on(&owner.relay);
	REQUIRE(comes_to(&owner.told.n, 2));
	CHECK_INT(owner.told.states[1], PYR_LEASE_HELD);
	for (until = now_ms() + SOON_MS; !pyr_ns_holds(owner.ns, "back") && now_ms() < until;)
		usleep(1000); /* what was renewed may have been asked for long ago */
	CHECK(pyr_ns_holds(owner.ns, "back"));
	CHECK(owner.told.generations[1] >= owner.told.generations[0]);
	end_owner();
}

TEST(a_name_that_is_removed_by_force_is_told)
{
	pyr_ns *force;

	start_owner("seized");
	force = pyr_ns_locate(ns_address);
	pyr_ns_set_force(force, true);
	REQUIRE(pyr_ns_remove(force, "seized") == 0);
	REQUIRE(comes_to(&owner.told.n, 1));
	CHECK_INT(owner.told.states[0], PYR_LEASE_TAKEN);
	CHECK_HAS(owner.told.texts[0], "seized was removed");
	pyr_ns_free(force);
	end_owner();
}

/* What becomes of the name later is of no concern to it, unlike the other one. */
TEST(who_has_removed_its_name_is_not_told_any_more)
{
	struct pyr_ns_register_options options = { .on_lease = keep, .data = &owner.told };

	start_owner("stays");
	REQUIRE(pyr_ns_register_with(owner.ns, "over", owner.uri, &options) == 0);
	CHECK_INT(pyr_ns_remove(owner.ns, "over"), 0);
	CHECK(!pyr_ns_holds(owner.ns, "over"));
	(void)take("over");
	relay_pause(&owner.relay);
	REQUIRE(comes_to(&owner.told.n, 1)); /* it would have been told before that */
	CHECK_INT(atomic_load(&owner.told.n), 1);
	CHECK_STR(owner.told.names[0], "stays");
	relay_go_on(&owner.relay);
	CHECK(!pyr_ns_holds(NULL, "over"));
	CHECK(!pyr_ns_holds(owner.ns, NULL));
	end_owner();
}

TESTS(zombie, T(a_zombie_is_refused_with_the_generation_that_followed),
      T(an_owner_whose_name_nobody_took_has_it_again), T(a_name_that_is_removed_by_force_is_told),
      T(who_has_removed_its_name_is_not_told_any_more), T(the_name_server_ends_well))
