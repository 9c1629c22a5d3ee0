/* SPDX-License-Identifier: MIT */
/* What one client can cost the others: nothing walks over all names. Measured against look-ups in
 * the same process, in processor time. */
#include "registry.h"
#include "test.h"

#include <pyrite/pyrite.h>
#include <time.h>

enum { NAMES = 100000, TTL = 10000, OWNERS = 1000, LOOKUPS = 100000 };

static int64_t now;
static struct registry_problem problem;
static const uint8_t mine[SECRET_SIZE] = "0123456789abcde";

static int64_t test_clock(void *data)
{
	return *(int64_t *)data;
}

static double cpu_s(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static void make_secret(size_t owner, uint8_t ret[SECRET_SIZE])
{
	memset(ret, 0, SECRET_SIZE);
	memcpy(ret, &owner, sizeof(owner));
}

static bool lease(struct registry *registry, const char *name, const uint8_t *secret,
		  uint32_t ttl_ms)
{
	struct registry_request request = {
		.name = name, .uri = "PYRO:o@h:1", .ttl_ms = ttl_ms, .claim.secret = secret
	};

	return registry_register(registry, &request, &problem) != NULL;
}

/* A full one, each name leased by one of 1,000 owners. */
static struct registry *full_registry(size_t room)
{
	struct registry_options options = { NAMES + room, test_clock, &now, 0, 0, 0 };
	struct registry *registry;
	uint8_t secret[SECRET_SIZE];
	char name[32];
	size_t i;

	now = 1000000;
	registry = registry_new(store_memory_new(), &options);
	REQUIRE(registry != NULL);
	for (i = 0; i < NAMES; i++) {
		make_secret(i % OWNERS, secret);
		sprintf(name, "n%zu", i);
		REQUIRE(lease(registry, name, secret, TTL));
	}
	return registry;
}

/* What 100,000 look-ups take. */
static double yardstick(struct registry *registry)
{
	double began = cpu_s();
	char name[32];
	size_t i;

	for (i = 0; i < LOOKUPS; i++) {
		sprintf(name, "n%zu", i * 7919 % NAMES);
		REQUIRE(registry_lookup(registry, name, &problem) != NULL);
	}
	return cpu_s() - began;
}

static void check_cost(const char *what, double spent, double most)
{
	printf("%s: %.2f ms, of %.2f ", what, 1000 * spent, 1000 * most);
	CHECK(spent < most);
}

static enum registry_renewal renew(struct registry *registry, const char *key,
				   const uint8_t *secret)
{
	struct registry_claim claim = { .secret = secret };

	return registry_renew(registry, key, &claim);
}

TEST(a_thousand_owners_that_are_lost_at_once_cost_no_walk)
{
	struct registry *registry = full_registry(0);
	struct registry_claim nobody = { 0 };
	double most = yardstick(registry), began = cpu_s();
	uint8_t secret[SECRET_SIZE];
	size_t i;

	for (i = 0; i < OWNERS; i++) {
		make_secret(i, secret);
		registry_orphan(registry, secret);
	}
	check_cost("1,000 owners", cpu_s() - began, most / 10);
	CHECK(registry_lookup(registry, "n77777", &problem)->is_orphan);
	make_secret(5, secret);
	CHECK_INT(renew(registry, "n5", secret), RENEWAL_DONE);
	CHECK(!registry_lookup(registry, "n5", &problem)->is_orphan);
	CHECK_INT(registry_remove(registry, "n1005", &nobody, &problem), 0);
	CHECK_INT(registry_remove(registry, "n5", &nobody, &problem), -PYR_ALREADY_EXISTS);
	registry_free(registry);
}

TEST(short_leases_cost_no_walk)
{
	struct registry *registry = full_registry(1);
	double most = yardstick(registry), began;
	size_t i;

	REQUIRE(lease(registry, "x", mine, REGISTRY_TTL_MIN_MS));
	began = cpu_s();
	for (i = 0; i < 90; i++) {
		now += REGISTRY_TTL_MIN_MS;
		CHECK_INT(registry_count(registry), NAMES);
		REQUIRE(lease(registry, "x", mine, REGISTRY_TTL_MIN_MS));
	}
	check_cost("90 short leases", cpu_s() - began, most / 10);
	registry_free(registry);
}

TEST(leases_that_end_together_go_little_by_little)
{
	struct registry *registry = full_registry(0);
	double most = yardstick(registry), began;
	const struct record *record;

	now += TTL;
	began = cpu_s();
	CHECK(registry_lookup(registry, "n7", &problem) == NULL);
	REQUIRE(lease(registry, "n7", mine, TTL));
	CHECK_INT(registry_count(registry), 1);
	record = registry_next(registry, "", "");
	REQUIRE(record != NULL);
	CHECK(!registry_is_alive(registry, record));
	check_cost("four calls", cpu_s() - began, most / 10);
	while ((record = registry_next(registry, "", "")) && !registry_is_alive(registry, record))
		;
	REQUIRE(record != NULL);
	CHECK_STR(record->name, "n7");
	registry_free(registry);
}

TEST(renewals_of_names_that_are_not_known_cost_no_walk)
{
	struct registry *registry = full_registry(REGISTRY_REVOKED);
	struct registry_claim me = { .secret = mine, .force = false };
	double most = yardstick(registry), began;
	char name[32];
	size_t i;

	for (i = 0; i < REGISTRY_REVOKED; i++) {
		sprintf(name, "revoked.%zu", i);
		REQUIRE(lease(registry, name, mine, TTL));
		REQUIRE(registry_remove(registry, name, &me, &problem) == 0);
	}
	began = cpu_s();
	for (i = 0; i < LOOKUPS; i++)
		REQUIRE(renew(registry, "no.such.name", mine) == RENEWAL_LOST);
	check_cost("100,000 renewals", cpu_s() - began, 3 * most);
	CHECK_INT(renew(registry, "revoked.4000", mine), RENEWAL_REVOKED);
	registry_free(registry);
}

/* Of 100,000 names that have a tag, ten have another one, too. */
static struct registry *tagged_registry(void)
{
	struct registry *registry = full_registry(0);
	const char *tags[] = { "all", "few" };
	struct registry_claim forced = { .force = true };
	char name[32];
	size_t i;

	for (i = 0; i < NAMES; i++) {
		sprintf(name, "n%zu", i);
		REQUIRE(registry_set_tags(registry, name, tags, i % (NAMES / 10) ? 1 : 2, &forced,
					  &problem) == 0);
	}
	return registry;
}

static size_t count_tagged(struct registry *registry, const char *const *tags, size_t n, bool all,
			   size_t most)
{
	char key[REGISTRY_KEY_SIZE] = "";
	const struct record *record;
	size_t found = 0;

	while (found < most &&
	       (record = registry_next_tagged(registry, tags, n, all, "", key)) != NULL) {
		CHECK(strcmp(record->key, key) > 0);
		strcpy(key, record->key);
		found++;
	}
	return found;
}

TEST(searches_for_tags_cost_no_walk)
{
	static const char *const tags[] = { "all", "few", "none" };
	struct registry *registry = tagged_registry();
	double most = yardstick(registry), began = cpu_s();
	struct registry_claim forced = { .force = true };
	size_t i;

	for (i = 0; i < LOOKUPS / 1000; i++) {
		CHECK_INT(count_tagged(registry, tags, 2, true, NAMES), 10);
		CHECK_INT(count_tagged(registry, tags, 3, true, NAMES), 0);
		CHECK_INT(count_tagged(registry, tags + 1, 2, false, NAMES), 10);
		CHECK_INT(count_tagged(registry, tags, 3, false, 10), 10);
	}
	check_cost("400 searches", cpu_s() - began, most);
	CHECK_INT(registry_set_tags(registry, "n10000", tags, 1, &forced, &problem), 0);
	CHECK_INT(registry_remove(registry, "n0", &forced, &problem), 0);
	CHECK_INT(count_tagged(registry, tags, 2, true, NAMES), 8);
	registry_free(registry);
}

TESTS(registry_bounds, T(a_thousand_owners_that_are_lost_at_once_cost_no_walk),
      T(short_leases_cost_no_walk), T(leases_that_end_together_go_little_by_little),
      T(renewals_of_names_that_are_not_known_cost_no_walk), T(searches_for_tags_cost_no_walk))
