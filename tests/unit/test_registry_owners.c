/* SPDX-License-Identifier: MIT */
/* Names belong to the first who registered them and had proved who he is: until he gives them up,
 * over leases, restarts and secrets that others know. */
#include "reach.h"
#include "registry.h"
#include "stores.h"

#include <pyrite/pyrite.h>
#include <signal.h>
#include <sys/resource.h>

enum { TTL = 10000, KEEP_MS = 1000000 };

static const uint8_t mine[SECRET_SIZE] = "0123456789abcde", theirs[SECRET_SIZE] = "another";
static int64_t now;
static struct registry_problem why;
static struct registry *registry;

static int64_t test_clock(void *data)
{
	return *(int64_t *)data;
}

/* What the rules of a test allow: "override share". NULL: there are none. */
static const char *allowed;

static bool ask_rules(void *data, const char *action, const char *name)
{
	(void)data;
	(void)name;
	return strstr(allowed, action) != NULL;
}

static struct registry_claim as(const char *who, const uint8_t *secret)
{
	return (struct registry_claim){ .secret = secret,
					.who = who,
					.is_owner = who[0] != '\0',
					.may = allowed ? ask_rules : NULL };
}

static void begin_in(struct store *store)
{
	struct registry_options options = { .clock = test_clock, .data = &now, .keep_ms = KEEP_MS };

	registry = registry_new(store, &options);
	REQUIRE(registry != NULL);
	CHECK(registry_adopt(registry, keep_aside, NULL));
}

static void begin(void)
{
	allowed = NULL;
	now = 1000000;
	begin_in(store_memory_new());
}

/* Returns 0 or minus a status. */
static int add(const char *name, struct registry_claim claim, uint32_t ttl_ms, const char *shared)
{
	struct registry_request request = { .name = name,
					    .uri = shared ? shared : "PYRO:o@h:1",
					    .ttl_ms = ttl_ms,
					    .claim = claim,
					    .replace = true,
					    .is_shared = shared != NULL };

	return registry_register(registry, &request, &why) ? 0 : -why.code;
}

static int take(const char *name, const char *who, const uint8_t *secret)
{
	return add(name, as(who, secret), TTL, NULL);
}

static int force(const char *name, const char *who)
{
	struct registry_claim claim = as(who, NULL);

	claim.force = true;
	return add(name, claim, TTL, NULL);
}

static int drop_name(const char *name, const char *who, const uint8_t *secret, bool gives_up)
{
	struct registry_claim claim = as(who, secret);

	claim.gives_up = gives_up;
	return registry_remove(registry, name, &claim, &why);
}

static int set_tag(const char *name, const char *who, const uint8_t *secret)
{
	static const char *const tags[] = { "new" };
	struct registry_claim claim = as(who, secret);

	return registry_set_tags(registry, name, tags, 1, &claim, &why);
}

static enum registry_renewal renew(const char *key, const char *who, const uint8_t *secret)
{
	struct registry_claim claim = as(who, secret);

	return registry_renew(registry, key, &claim);
}

static const char *owner(const char *name)
{
	const char *text = registry_owner(registry, name);

	return text ? text : "";
}

TEST(the_first_identity_owns_a_name_and_others_are_told_his_kind_alone)
{
	begin();
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	CHECK_STR(owner("bank"), "cert:bank");
	CHECK_INT(take("bank", "cert:thief", mine), -PYR_PERMISSION_DENIED);
	CHECK_STR(why.text, "NamingError: name bank belongs to another certificate");
	CHECK_INT(take("bank", "key:thief", mine), -PYR_PERMISSION_DENIED);
	CHECK_STR(why.text, "NamingError: name bank belongs to a certificate");
	CHECK_INT(take("bank", "", mine), -PYR_PERMISSION_DENIED);
	CHECK_STR(why.text, "NamingError: name bank belongs to a certificate");
	CHECK_INT(take("bank", "cert:bank ", mine), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("bank", "cert:ban", mine), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("bank", "cert:bank", theirs), -PYR_ALREADY_EXISTS); /* another process */
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	CHECK_INT(registry_count(registry), 1);
	registry_free(registry);
}

TEST(a_secret_that_another_identity_knows_opens_nothing)
{
	begin();
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	CHECK_INT(renew("bank", "cert:thief", mine), RENEWAL_LOST);
	CHECK_INT(set_tag("bank", "cert:thief", mine), -PYR_PERMISSION_DENIED);
	CHECK_INT(drop_name("bank", "cert:thief", mine, true), -PYR_PERMISSION_DENIED);
	CHECK_INT(force("bank", "cert:thief"), -PYR_PERMISSION_DENIED);
	CHECK_STR(why.text, "NamingError: name bank belongs to another certificate");
	registry_orphan(registry, mine); /* the owner's connection is gone */
	CHECK_INT(take("bank", "cert:thief", theirs), -PYR_PERMISSION_DENIED);
	CHECK_INT(drop_name("bank", "", NULL, true), -PYR_PERMISSION_DENIED);
	CHECK_INT(set_tag("bank", "cert:thief", NULL), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("bank", "cert:bank", theirs), 0); /* a process of the owner may */
	CHECK_INT(renew("bank", "cert:bank", theirs), RENEWAL_DONE);
	registry_free(registry);
}

TEST(a_name_stays_its_owners_after_its_lease_and_after_he_stopped)
{
	begin();
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	now += TTL;
	CHECK_INT(registry_count(registry), 0);
	CHECK(registry_lookup(registry, "bank", &why) == NULL);
	CHECK_INT(why.code, PYR_NOT_FOUND);
	CHECK_INT(take("bank", "cert:thief", theirs), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	CHECK_INT(drop_name("bank", "cert:bank", mine, false), 0); /* its daemon stopped */
	CHECK_INT(take("bank", "cert:thief", theirs), -PYR_PERMISSION_DENIED);
	CHECK_INT(drop_name("bank", "cert:thief", theirs, true), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("bank", "cert:bank", theirs), 0);
	registry_free(registry);
}

TEST(a_name_is_given_up_by_its_owners_removal)
{
	begin();
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	CHECK_INT(drop_name("bank", "cert:bank", mine, true), 0);
	CHECK_STR(owner("bank"), "");
	CHECK_INT(take("bank", "cert:other", theirs), 0);
	CHECK_INT(drop_name("bank", "cert:other", theirs, false), 0);
	CHECK_STR(owner("bank"), "cert:other");
	CHECK_INT(drop_name("bank", "cert:other", NULL, false), -PYR_NOT_FOUND);
	CHECK_INT(drop_name("bank", "cert:other", NULL, true), 0); /* also if it is not there */
	CHECK_INT(drop_name("bank", "cert:other", NULL, true), -PYR_NOT_FOUND);
	CHECK_STR(owner("bank"), "");
	registry_free(registry);
}

TEST(an_owner_is_forgotten_when_a_name_was_not_registered_for_long)
{
	begin();
	CHECK_INT(take("held", "cert:bank", mine), 0);
	CHECK_INT(add("kept", as("cert:bank", mine), 0, NULL), 0);
	CHECK_INT(take("free", "cert:bank", mine), 0);
	CHECK_INT(drop_name("free", "cert:bank", mine, false), 0);
	now += TTL;
	CHECK_INT(take("held", "cert:bank", mine), 0);
	now += KEEP_MS - TTL - 1;
	CHECK_INT(take("free", "cert:thief", mine), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("held", "cert:bank", mine), 0);
	now++;
	CHECK_INT(take("free", "cert:thief", mine), 0);
	CHECK_STR(owner("held"), "cert:bank");
	now += KEEP_MS * 2;
	CHECK_INT(registry_count(registry), 1);
	CHECK_STR(owner("kept"), "cert:bank"); /* a persistent name is there */
	registry_free(registry);
}

TEST(without_identities_all_is_as_before)
{
	begin();
	CHECK_INT(take("x", "", mine), 0);
	CHECK_STR(owner("x"), "");
	CHECK_INT(take("x", "cert:late", theirs), -PYR_ALREADY_EXISTS);
	CHECK_INT(force("x", "cert:late"), 0);
	CHECK_STR(owner("x"), "cert:late"); /* who replaced all that there was */
	CHECK_INT(add("p", as("", NULL), 0, NULL), 0);
	CHECK_INT(set_tag("p", "", NULL), 0);
	CHECK_INT(drop_name("p", "", NULL, true), 0);
	registry_free(registry);
}

TEST(an_operator_overrides_by_a_rule_and_on_purpose)
{
	begin();
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	allowed = "";
	CHECK_INT(force("bank", "cert:op"), -PYR_PERMISSION_DENIED);
	CHECK_STR(why.action, "override");
	allowed = "override";
	CHECK_INT(take("bank", "cert:op", theirs), -PYR_PERMISSION_DENIED);
	CHECK_STR(why.text, "NamingError: name bank belongs to cert:bank");
	CHECK(why.action == NULL);
	CHECK_INT(force("bank", "cert:op"), 0);
	CHECK_STR(owner("bank"), "cert:op");
	allowed = NULL;
	CHECK_INT(take("bank", "cert:bank", mine), -PYR_PERMISSION_DENIED);
	registry_free(registry);
}

TEST(a_shared_name_is_registered_by_its_owner_and_those_who_may_share)
{
	begin();
	CHECK_INT(add("web", as("cert:web-1", mine), TTL, "PYRO:o@h:1"), 0);
	CHECK_INT(add("web", as("cert:web-1", theirs), TTL, "PYRO:o@h:2"), 0);
	CHECK_INT(add("web", as("cert:web-2", theirs), TTL, "PYRO:o@h:3"), -PYR_PERMISSION_DENIED);
	allowed = "share";
	CHECK_INT(add("web", as("cert:web-2", theirs), TTL, "PYRO:o@h:3"), 0);
	CHECK_STR(owner("web"), "cert:web-1");
	CHECK_INT(renew("web PYRO:o@h:3", "cert:web-2", theirs), RENEWAL_DONE);
	CHECK_INT(take("web", "cert:web-2", theirs), -PYR_PERMISSION_DENIED); /* alone */
	CHECK_INT(set_tag("web PYRO:o@h:1", "cert:web-2", mine), -PYR_NOT_FOUND);
	CHECK_INT(drop_name("web PYRO:o@h:1", "cert:web-1", mine, true), -PYR_NOT_FOUND);
	CHECK_INT(drop_name("web", "cert:web-2", theirs, true), 0);
	CHECK_STR(owner("web"), "cert:web-1"); /* it is not theirs to give up */
	allowed = NULL;
	CHECK_INT(renew("web PYRO:o@h:1", "cert:web-2", mine), RENEWAL_LOST);
	now += TTL;
	CHECK_INT(add("web", as("cert:web-2", theirs), TTL, "PYRO:o@h:3"), -PYR_PERMISSION_DENIED);
	allowed = "share";
	CHECK_INT(take("alone", "cert:web-1", mine), 0);
	registry_orphan(registry, mine);
	CHECK_INT(add("alone", as("cert:web-2", theirs), TTL, "PYRO:o@h:3"),
		  -PYR_PERMISSION_DENIED);
	registry_free(registry);
}

TEST(who_joins_a_shared_name_of_nobodys_does_not_own_it)
{
	begin();
	CHECK_INT(add("web", as("", mine), TTL, "PYRO:o@h:1"), 0);
	CHECK_INT(add("web", as("cert:web", theirs), TTL, "PYRO:o@h:2"), 0);
	CHECK_STR(owner("web"), "");
	CHECK_INT(renew("web PYRO:o@h:1", "", mine), RENEWAL_DONE);
	CHECK_INT(drop_name("web", "", mine, true), 0);
	CHECK_INT(add("web", as("cert:web", theirs), TTL, "PYRO:o@h:2"), 0);
	CHECK_STR(owner("web"), "cert:web");
	registry_free(registry);
}

TEST(deeds_are_no_names)
{
	static const char *const odd[] = {
		" ", " bank", " bank ", "", "  bank", " bank PYRO:o@h:1"
	};
	struct registry_claim forced = as("cert:bank", mine);
	size_t i;

	begin();
	forced.force = forced.gives_up = true;
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		CHECK(registry_lookup(registry, odd[i], &why) == NULL);
		CHECK(registry_remove(registry, odd[i], &forced, &why) < 0);
		CHECK(registry_remove_key(registry, odd[i], &forced, &why) < 0);
		CHECK(registry_remove_share(registry, odd[i], "PYRO:o@h:1", &forced, &why) < 0);
		CHECK(set_tag(odd[i], "cert:bank", mine) < 0);
		CHECK_INT(renew(odd[i], "cert:bank", mine), RENEWAL_LOST);
		CHECK_STR(registry_next(registry, "", odd[i])->name, "bank");
		if (odd[i][0])
			CHECK(registry_next(registry, odd[i], "") == NULL);
	}
	CHECK_STR(owner("bank"), "cert:bank");
	CHECK_INT(registry_count(registry), 1);
	registry_free(registry);
}

TEST(an_identity_is_any_text)
{
	static char text[2048];
	struct store *store = new_database();

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "cert:'\"; DROP TABLE deeds; --\\ \xc3\xa9 %s%n", 37);
	begin();
	registry_free(registry);
	begin_in(store);
	CHECK_INT(take("bank", text, mine), 0);
	registry_free(registry);
	begin_in(open_database());
	CHECK_STR(owner("bank"), text);
	CHECK_INT(take("bank", "cert:'", mine), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("bank", text, mine), 0);
	registry_free(registry);
}

TEST(an_owner_is_known_after_a_restart)
{
	struct store *store = new_database();

	allowed = NULL;
	now = 1000000;
	begin_in(store);
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	CHECK_INT(take("gone", "cert:bank", mine), 0);
	CHECK_INT(drop_name("gone", "cert:bank", mine, false), 0);
	CHECK_INT(take("given.up", "cert:bank", mine), 0);
	CHECK_INT(drop_name("given.up", "cert:bank", mine, true), 0);
	registry_free(registry);
	begin_in(open_database());
	CHECK_INT(n_aside, 0);
	CHECK_INT(registry_count(registry), 1);
	CHECK_INT(take("bank", "cert:thief", mine), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("gone", "cert:thief", mine), -PYR_PERMISSION_DENIED);
	CHECK_INT(take("given.up", "cert:other", mine), 0);
	now += TTL + KEEP_MS; /* neither was registered since */
	CHECK_INT(registry_count(registry), 0);
	now += KEEP_MS;
	CHECK_INT(registry_count(registry), 0);
	CHECK_STR(owner("bank"), "");
	registry_free(registry);
	begin_in(open_database());
	CHECK_STR(owner("gone"), "");
	registry_free(registry);
}

TEST(an_owner_who_is_not_as_he_was_written_is_set_aside)
{
	struct store *store = new_database();

	begin_in(store);
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	registry_free(registry);
	change("UPDATE deeds SET owner = 'cert:thief' WHERE name = 'bank'");
	store = open_database();
	REQUIRE(store != NULL);
	CHECK_INT(n_aside, 1);
	CHECK_STR(aside_name, "bank");
	begin_in(store);
	CHECK_STR(owner("bank"), "");
	CHECK(registry_lookup(registry, "bank", &why) != NULL);
	registry_free(registry);
}

TEST(a_name_that_could_not_be_written_belongs_to_nobody)
{
	struct store *store = new_database();
	struct rlimit before, small;

	begin_in(store);
	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
	small = (struct rlimit){ 4096, before.rlim_max };
	REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
	CHECK_INT(take("bank", "cert:bank", mine), 0);
	CHECK_INT(safe(store), PYR_RESOURCE_EXHAUSTED);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
	registry_settle(registry);
	CHECK_STR(owner("bank"), "");
	CHECK_INT(take("bank", "cert:other", theirs), 0);
	CHECK_INT(safe(store), 0);
	CHECK_STR(owner("bank"), "cert:other");
	registry_free(registry);
	forget_database();
	CHECK_INT(rmdir(folder), 0);
}

TEST(an_address_that_leads_others_to_themselves_is_noticed)
{
	static const char *const far = "192.0.2.7:4000", *const six = "[2001:db8::7]:4000";

	CHECK(reach_is_none("192.0.2.1:9090", far, "PYRO:o@127.0.0.1:4000"));
	CHECK(reach_is_none("ns.example.org:9090", far, "PYRO:o@localhost:4000"));
	CHECK(reach_is_none("[2001:db8::1]:9090", six, "PYRO:o@[::1]:4000"));
	CHECK(reach_is_none("[2001:db8::1]:9090", six, "PYRO:o@./u:/run/socket"));
	CHECK(!reach_is_none("192.0.2.1:9090", far, "PYRO:o@192.0.2.7:4000"));
	CHECK(!reach_is_none("192.0.2.1:9090", far, "PYRO:o@localhost.example.org:1"));
	CHECK(!reach_is_none("192.0.2.1:9090", far, "PYRONAME:o"));
	CHECK(!reach_is_none("192.0.2.7:9090", far, "PYRO:o@127.0.0.1:4000")); /* its own host */
	CHECK(!reach_is_none("[2001:db8::7]:9090", six, "PYRO:o@[::1]:4000"));
	CHECK(!reach_is_none("192.0.2.1:9090", "127.0.0.1:4001", "PYRO:o@127.0.0.1:4000"));
	CHECK(!reach_is_none("./u:/run/ns", "./u:/run/ns", "PYRO:o@127.0.0.1:4000"));
}

TESTS(registry_owners, T(the_first_identity_owns_a_name_and_others_are_told_his_kind_alone),
      T(a_secret_that_another_identity_knows_opens_nothing),
      T(a_name_stays_its_owners_after_its_lease_and_after_he_stopped),
      T(a_name_is_given_up_by_its_owners_removal),
      T(an_owner_is_forgotten_when_a_name_was_not_registered_for_long),
      T(without_identities_all_is_as_before), T(an_operator_overrides_by_a_rule_and_on_purpose),
      T(a_shared_name_is_registered_by_its_owner_and_those_who_may_share),
      T(who_joins_a_shared_name_of_nobodys_does_not_own_it), T(deeds_are_no_names),
      T(an_address_that_leads_others_to_themselves_is_noticed), T(an_identity_is_any_text),
      T(an_owner_is_known_after_a_restart), T(an_owner_who_is_not_as_he_was_written_is_set_aside),
      T(a_name_that_could_not_be_written_belongs_to_nobody))
