/* SPDX-License-Identifier: MIT */
#include "registry.h"
#include "test.h"

#include <pyrite/pyrite.h>

#define TTL 10000

static const uint8_t mine[SECRET_SIZE] = "0123456789abcde", other[SECRET_SIZE] = "another";
static int64_t now;
static struct registry_problem problem;

static int64_t test_clock(void *data)
{
	return *(int64_t *)data;
}

static struct registry *new_registry(size_t max_names)
{
	struct registry_options options = { max_names, test_clock, &now };
	struct registry *registry;

	now = 1000000;
	memset(&problem, 0, sizeof(problem));
	registry = registry_new(store_memory_new(), &options);
	REQUIRE(registry != NULL);
	return registry;
}

static const struct record *persist(struct registry *registry, const char *name, const char *uri)
{
	struct registry_request request = { .name = name, .uri = uri };

	return registry_register(registry, &request, &problem);
}

static const struct record *lease(struct registry *registry, const char *name, const char *uri,
				  const uint8_t *secret)
{
	struct registry_request request = {
		.name = name, .uri = uri, .ttl_ms = TTL, .secret = secret
	};

	return registry_register(registry, &request, &problem);
}

static const char *lookup(struct registry *registry, const char *name)
{
	const struct record *record = registry_lookup(registry, name, &problem);

	return record ? record->uri : problem.text;
}

TEST(a_registered_name_is_found_with_its_uri_in_normal_form)
{
	struct registry *registry = new_registry(0);
	const struct record *record = persist(registry, "x", "pyro:o@HOST:1");

	REQUIRE(record != NULL);
	CHECK_INT(record->ttl_ms, 0);
	CHECK_STR(lookup(registry, "x"), "PYRO:o@host:1");
	CHECK_INT(registry_count(registry), 1);
	registry_free(registry);
}

TEST(an_unknown_name_is_told)
{
	struct registry *registry = new_registry(0);

	CHECK_STR(lookup(registry, "x"), "NamingError: unknown name: x");
	CHECK_INT(problem.code, PYR_NOT_FOUND);
	CHECK_INT(registry_remove(registry, "x", NULL, &problem), -PYR_NOT_FOUND);
	CHECK_STR(problem.text, "NamingError: unknown name: x");
	(void)persist(registry, "X", "PYRO:o@h:1");
	CHECK_STR(lookup(registry, "x"), "NamingError: unknown name: x");
	registry_free(registry);
}

TEST(a_name_or_uri_that_is_none_is_refused)
{
	static const char *const names[] = { "", "a b", "a@b", "a\n", "\xff", "a\xc2\xa0" };
	struct registry *registry = new_registry(0);
	char big[REGISTRY_NAME_MAX + 2];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		problem.code = 0;
		CHECK(persist(registry, names[i], "PYRO:o@h:1") == NULL);
		CHECK_INT(problem.code, PYR_INVALID_ARGUMENT);
		CHECK_HAS(problem.text, "NamingError: ");
	}
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	CHECK(persist(registry, big, "PYRO:o@h:1") == NULL);
	CHECK_HAS(problem.text, "1 to 255 bytes, not 256");
	CHECK(persist(registry, big + 1, "PYRO:o@h:1") != NULL);
	CHECK(persist(registry, "x", "NOTAURI") == NULL);
	CHECK_HAS(problem.text, "invalid uri: uri 'NOTAURI'");
	CHECK_INT(registry_count(registry), 1);
	registry_free(registry);
}

TEST(a_lease_ends_after_its_ttl_unless_renewed)
{
	struct registry *registry = new_registry(0);

	REQUIRE(lease(registry, "x", "PYRO:o@h:1", mine) != NULL);
	now += TTL - 1;
	CHECK_STR(lookup(registry, "x"), "PYRO:o@h:1");
	CHECK(registry_renew(registry, "x", mine));
	now += TTL - 1;
	CHECK_STR(lookup(registry, "x"), "PYRO:o@h:1");
	CHECK(!registry_renew(registry, "x", other));
	now += 1;
	CHECK_STR(lookup(registry, "x"), "NamingError: unknown name: x");
	CHECK(!registry_renew(registry, "x", mine));
	CHECK_INT(registry_remove(registry, "x", mine, &problem), -PYR_NOT_FOUND);
	CHECK_INT(registry_count(registry), 0);
	registry_free(registry);
}

TEST(counting_and_listing_do_not_see_ended_leases)
{
	struct registry *registry = new_registry(0);

	REQUIRE(lease(registry, "a", "PYRO:o@h:1", mine) != NULL);
	now += 5000;
	REQUIRE(lease(registry, "b", "PYRO:o@h:1", mine) != NULL);
	REQUIRE(persist(registry, "c", "PYRO:o@h:1") != NULL);
	CHECK_INT(registry_count(registry), 3);
	now += 5000;
	CHECK_INT(registry_count(registry), 2);
	CHECK_STR(registry_next(registry, "", "")->name, "b");
	now += 5000;
	CHECK_STR(registry_next(registry, "", "")->name, "c");
	CHECK_INT(registry_count(registry), 1);
	now += 1000000000;
	CHECK_INT(registry_count(registry), 1);
	registry_free(registry);
}

TEST(a_leased_name_is_its_owners)
{
	struct registry *registry = new_registry(0);
	struct registry_request replace = { .name = "x", .uri = "PYRO:p@h:2", .ttl_ms = TTL };

	REQUIRE(lease(registry, "x", "PYRO:o@h:1", mine) != NULL);
	CHECK(registry_register(registry, &replace, &problem) == NULL);
	CHECK_INT(problem.code, PYR_ALREADY_EXISTS);
	CHECK_STR(problem.text, "NamingError: name already registered: x, by its owner at h:1");
	CHECK(lease(registry, "x", "PYRO:o@h:1", other) == NULL);
	CHECK(persist(registry, "x", "PYRO:o@h:1") == NULL);
	CHECK_INT(registry_remove(registry, "x", NULL, &problem), -PYR_ALREADY_EXISTS);
	CHECK_INT(registry_remove(registry, "x", other, &problem), -PYR_ALREADY_EXISTS);
	CHECK_STR(problem.text, "NamingError: x is another's: only its owner at h:1 may remove it");
	CHECK_STR(lookup(registry, "x"), "PYRO:o@h:1");

	CHECK(lease(registry, "x", "PYRO:p@h:2", mine) != NULL);
	CHECK_STR(lookup(registry, "x"), "PYRO:p@h:2");
	CHECK_INT(registry_remove(registry, "x", mine, &problem), 0);
	CHECK_INT(registry_count(registry), 0);
	registry_free(registry);
}

TEST(a_newcomer_takes_a_name_whose_lease_has_ended)
{
	struct registry *registry = new_registry(0);

	REQUIRE(lease(registry, "x", "PYRO:o@h:1", mine) != NULL);
	now += TTL;
	CHECK(lease(registry, "x", "PYRO:p@h:2", other) != NULL);
	CHECK_STR(lookup(registry, "x"), "PYRO:p@h:2");
	CHECK(!registry_renew(registry, "x", mine));
	registry_free(registry);
}

TEST(a_name_whose_owner_is_gone_is_free_to_take_until_renewed)
{
	struct registry *registry = new_registry(0);

	REQUIRE(lease(registry, "a", "PYRO:o@h:1", mine) != NULL);
	REQUIRE(lease(registry, "b", "PYRO:o@h:1", mine) != NULL);
	REQUIRE(lease(registry, "c", "PYRO:o@h:1", other) != NULL);
	REQUIRE(persist(registry, "d", "PYRO:o@h:1") != NULL);
	registry_orphan(registry, mine);
	CHECK_STR(lookup(registry, "a"), "PYRO:o@h:1");
	CHECK(lease(registry, "a", "PYRO:p@h:2", other) != NULL);
	CHECK_STR(lookup(registry, "a"), "PYRO:p@h:2");
	CHECK(!registry_renew(registry, "a", mine));
	CHECK(registry_renew(registry, "b", mine));
	CHECK(lease(registry, "b", "PYRO:p@h:2", other) == NULL);
	CHECK(lease(registry, "c", "PYRO:p@h:2", mine) == NULL);
	registry_orphan(registry, mine);
	CHECK_INT(registry_remove(registry, "b", NULL, &problem), 0);
	CHECK(lease(registry, "d", "PYRO:p@h:2", mine) == NULL);
	registry_free(registry);
}

TEST(a_persistent_name_is_removed_by_anyone_and_moved_by_its_secret)
{
	struct registry *registry = new_registry(0);
	struct registry_request move = { .name = "x", .uri = "PYRO:p@h:2", .secret = mine };

	REQUIRE(persist(registry, "x", "PYRO:o@h:1") != NULL);
	CHECK(persist(registry, "x", "PYRO:o@h:1") != NULL);
	CHECK(registry_register(registry, &move, &problem) == NULL);
	CHECK_STR(problem.text, "NamingError: name already registered: x, persistently for an "
				"object at h:1: remove it first");
	CHECK(lease(registry, "x", "PYRO:o@h:1", mine) == NULL);
	CHECK_INT(registry_remove(registry, "x", NULL, &problem), 0);

	CHECK(registry_register(registry, &move, &problem) != NULL);
	move.uri = "PYRO:q@h:3";
	CHECK(registry_register(registry, &move, &problem) != NULL);
	CHECK_STR(lookup(registry, "x"), "PYRO:q@h:3");
	CHECK(!registry_renew(registry, "x", mine));
	registry_free(registry);
}

TEST(a_secret_is_made_where_none_is_given)
{
	struct registry *registry = new_registry(0);
	static const uint8_t zeros[SECRET_SIZE];
	uint8_t secret[SECRET_SIZE];

	REQUIRE(lease(registry, "x", "PYRO:o@h:1", NULL) != NULL);
	memcpy(secret, registry_lookup(registry, "x", &problem)->secret, SECRET_SIZE);
	CHECK(memcmp(secret, zeros, SECRET_SIZE) != 0);
	REQUIRE(lease(registry, "y", "PYRO:o@h:1", NULL) != NULL);
	CHECK(memcmp(registry_lookup(registry, "y", &problem)->secret, secret, SECRET_SIZE) != 0);
	CHECK(registry_renew(registry, "x", secret));
	CHECK(!registry_renew(registry, "y", secret));
	CHECK_INT(registry_remove(registry, "x", secret, &problem), 0);
	registry_free(registry);
}

TEST(a_ttl_is_brought_into_its_limits)
{
	struct registry *registry = new_registry(0);
	struct registry_request request = { .name = "x", .uri = "PYRO:o@h:1", .secret = mine };

	request.ttl_ms = 1;
	CHECK_INT(registry_register(registry, &request, &problem)->ttl_ms, REGISTRY_TTL_MIN_MS);
	request.ttl_ms = UINT32_MAX;
	CHECK_INT(registry_register(registry, &request, &problem)->ttl_ms, REGISTRY_TTL_MAX_MS);
	registry_free(registry);
}

TEST(the_name_servers_own_name_stays_for_ever)
{
	struct registry *registry = new_registry(0);
	struct registry_request request = { .name = "Pyrite.NameServer",
					    .uri = "PYRO:Pyrite.NameServer@h:1",
					    .for_ever = true };

	REQUIRE(registry_register(registry, &request, &problem) != NULL);
	now += INT32_MAX;
	CHECK_INT(registry_count(registry), 1);
	CHECK(lease(registry, request.name, "PYRO:o@h:2", mine) == NULL);
	CHECK_INT(registry_remove(registry, request.name, NULL, &problem), -PYR_ALREADY_EXISTS);
	CHECK_STR(lookup(registry, request.name), request.uri);
	registry_free(registry);
}

/* The names under prefix, each with a space behind it. */
static const char *names(struct registry *registry, const char *prefix, const char *after)
{
	static char text[4096];
	const struct record *record;

	text[0] = '\0';
	while ((record = registry_next(registry, prefix, after)) != NULL) {
		after = record->name;
		strcat(strcat(text, after), " ");
	}
	return text;
}

TEST(names_are_listed_by_prefix_in_order)
{
	static const char *const all[] = { "b.2", "a",    "b.1", "b",         "ba",
					   "c",   "b.10", "B",   "b.\xc3\xa9" };
	struct registry *registry = new_registry(0);
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		REQUIRE(persist(registry, all[i], "PYRO:o@h:1") != NULL);
	CHECK_STR(names(registry, "", ""), "B a b b.1 b.10 b.2 b.\xc3\xa9 ba c ");
	CHECK_STR(names(registry, "b", ""), "b b.1 b.10 b.2 b.\xc3\xa9 ba ");
	CHECK_STR(names(registry, "b.", ""), "b.1 b.10 b.2 b.\xc3\xa9 ");
	CHECK_STR(names(registry, "b.", "b.1"), "b.10 b.2 b.\xc3\xa9 ");
	CHECK_STR(names(registry, "b.", "a"), "b.1 b.10 b.2 b.\xc3\xa9 ");
	CHECK_STR(names(registry, "b.", "c"), "");
	CHECK_STR(names(registry, "zzz", ""), "");
	registry_free(registry);
}

TEST(a_full_registry_takes_no_new_name)
{
	struct registry *registry = new_registry(2);

	REQUIRE(lease(registry, "a", "PYRO:o@h:1", mine) != NULL);
	REQUIRE(persist(registry, "b", "PYRO:o@h:1") != NULL);
	CHECK(persist(registry, "c", "PYRO:o@h:1") == NULL);
	CHECK_INT(problem.code, PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(problem.text, "NamingError: no room for name c: there are 2");
	CHECK(lease(registry, "a", "PYRO:p@h:1", mine) != NULL);
	now += TTL;
	CHECK(persist(registry, "c", "PYRO:o@h:1") != NULL);
	registry_free(registry);
}

TEST(a_hundred_thousand_names_are_found_listed_and_removed)
{
	struct registry *registry = new_registry(0);
	const struct record *record;
	char name[32] = "";
	size_t i, n = 0;

	for (i = 0; i < REGISTRY_NAMES; i++) {
		sprintf(name, "n%zu", i * 7919 % REGISTRY_NAMES);
		REQUIRE(lease(registry, name, "PYRO:o@h:1", mine) != NULL);
	}
	CHECK_INT(registry_count(registry), REGISTRY_NAMES);
	CHECK(lease(registry, "x", "PYRO:o@h:1", mine) == NULL);
	for (name[0] = '\0'; (record = registry_next(registry, "n", name)) != NULL; n++)
		strcpy(name, record->name);
	CHECK_INT(n, REGISTRY_NAMES);
	for (i = 0; i < REGISTRY_NAMES; i += 2) {
		sprintf(name, "n%zu", i);
		REQUIRE(registry_remove(registry, name, mine, &problem) == 0);
	}
	CHECK_INT(registry_count(registry), REGISTRY_NAMES / 2);
	now += TTL;
	CHECK_INT(registry_count(registry), 0);
	registry_free(registry);
}

TEST(generations_only_grow)
{
	struct registry *registry = new_registry(0);
	uint64_t first;

	REQUIRE(lease(registry, "a", "PYRO:o@h:1", mine) != NULL);
	first = registry_lookup(registry, "a", &problem)->generation;
	CHECK(registry_renew(registry, "a", mine));
	CHECK_INT(registry_lookup(registry, "a", &problem)->generation, first);
	CHECK(lease(registry, "a", "PYRO:o@h:2", mine)->generation > first);
	registry_free(registry);
}

TEST(nothing_is_made_from_nothing)
{
	struct registry_options options = { 0, test_clock, &now };

	CHECK(registry_new(NULL, &options) == NULL);
	registry_free(NULL);
}

TESTS(registry, T(a_registered_name_is_found_with_its_uri_in_normal_form),
      T(an_unknown_name_is_told), T(a_name_or_uri_that_is_none_is_refused),
      T(a_lease_ends_after_its_ttl_unless_renewed), T(counting_and_listing_do_not_see_ended_leases),
      T(a_leased_name_is_its_owners), T(a_newcomer_takes_a_name_whose_lease_has_ended),
      T(a_name_whose_owner_is_gone_is_free_to_take_until_renewed),
      T(a_persistent_name_is_removed_by_anyone_and_moved_by_its_secret),
      T(a_secret_is_made_where_none_is_given), T(a_ttl_is_brought_into_its_limits),
      T(the_name_servers_own_name_stays_for_ever), T(names_are_listed_by_prefix_in_order),
      T(a_full_registry_takes_no_new_name),
      T(a_hundred_thousand_names_are_found_listed_and_removed), T(generations_only_grow),
      T(nothing_is_made_from_nothing))
