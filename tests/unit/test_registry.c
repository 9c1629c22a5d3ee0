/* SPDX-License-Identifier: MIT */
#include "registry.h"
#include "test.h"

#include <pyrite/pyrite.h>

#define TTL   10000
#define NAMES 100000

static const uint8_t mine[SECRET_SIZE] = "0123456789abcde", other[SECRET_SIZE] = "another";
static const struct registry_claim nobody = { .secret = NULL, .force = false },
				   me = { .secret = mine, .force = false },
				   another = { .secret = other, .force = false },
				   forced = { .secret = NULL, .force = true };
static int64_t now;
static struct registry_problem problem;

static int64_t test_clock(void *data)
{
	return *(int64_t *)data;
}

static struct registry *new_registry(size_t max_names)
{
	struct registry_options options = { max_names, test_clock, &now, 0, 0, 0 };
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
		.name = name, .uri = uri, .ttl_ms = TTL, .claim.secret = secret
	};

	return registry_register(registry, &request, &problem);
}

static const char *lookup(struct registry *registry, const char *name)
{
	const struct record *record = registry_lookup(registry, name, &problem);

	return record ? record->uri : problem.text;
}

static enum registry_renewal renew(struct registry *registry, const char *key,
				   const uint8_t *secret)
{
	struct registry_claim claim = { .secret = secret };

	return registry_renew(registry, key, &claim);
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
	CHECK_INT(registry_remove(registry, "x", &nobody, &problem), -PYR_NOT_FOUND);
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
	CHECK_INT(renew(registry, "x", mine), RENEWAL_DONE);
	now += TTL - 1;
	CHECK_STR(lookup(registry, "x"), "PYRO:o@h:1");
	CHECK_INT(renew(registry, "x", other), RENEWAL_LOST);
	now += 1;
	CHECK_STR(lookup(registry, "x"), "NamingError: unknown name: x");
	CHECK_INT(renew(registry, "x", mine), RENEWAL_LOST);
	CHECK_INT(registry_remove(registry, "x", &me, &problem), -PYR_NOT_FOUND);
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
	CHECK_STR(problem.text, "NamingError: name already registered: x, by its owner at h:1 "
				"(generation 1)");
	CHECK(lease(registry, "x", "PYRO:o@h:1", other) == NULL);
	CHECK(persist(registry, "x", "PYRO:o@h:1") == NULL);
	CHECK_INT(registry_remove(registry, "x", &nobody, &problem), -PYR_ALREADY_EXISTS);
	CHECK_INT(registry_remove(registry, "x", &another, &problem), -PYR_ALREADY_EXISTS);
	CHECK_STR(problem.text,
		  "NamingError: x belongs to another program: only its owner at h:1 may remove it");
	CHECK_STR(lookup(registry, "x"), "PYRO:o@h:1");

	CHECK(lease(registry, "x", "PYRO:p@h:2", mine) != NULL);
	CHECK_STR(lookup(registry, "x"), "PYRO:p@h:2");
	CHECK_INT(registry_remove(registry, "x", &me, &problem), 0);
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
	CHECK_INT(renew(registry, "x", mine), RENEWAL_LOST);
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
	CHECK_INT(renew(registry, "a", mine), RENEWAL_LOST);
	CHECK_INT(renew(registry, "b", mine), RENEWAL_DONE);
	CHECK(lease(registry, "b", "PYRO:p@h:2", other) == NULL);
	CHECK(lease(registry, "c", "PYRO:p@h:2", mine) == NULL);
	registry_orphan(registry, mine);
	CHECK_INT(registry_remove(registry, "b", &nobody, &problem), 0);
	CHECK(lease(registry, "d", "PYRO:p@h:2", mine) == NULL);
	registry_free(registry);
}

TEST(a_persistent_name_is_removed_by_anyone_and_moved_by_its_secret)
{
	struct registry *registry = new_registry(0);
	struct registry_request move = { .name = "x", .uri = "PYRO:p@h:2", .claim.secret = mine };

	REQUIRE(persist(registry, "x", "PYRO:o@h:1") != NULL);
	CHECK(persist(registry, "x", "PYRO:o@h:1") != NULL);
	CHECK(registry_register(registry, &move, &problem) == NULL);
	CHECK_STR(problem.text, "NamingError: name already registered: x, persistently for an "
				"object at h:1 (generation 2): replace it or remove it first");
	CHECK(lease(registry, "x", "PYRO:o@h:1", mine) == NULL);
	CHECK_INT(registry_remove(registry, "x", &nobody, &problem), 0);

	CHECK(registry_register(registry, &move, &problem) != NULL);
	move.uri = "PYRO:q@h:3";
	CHECK(registry_register(registry, &move, &problem) != NULL);
	CHECK_STR(lookup(registry, "x"), "PYRO:q@h:3");
	CHECK_INT(renew(registry, "x", mine), RENEWAL_LOST);
	registry_free(registry);
}

TEST(a_secret_is_made_where_none_is_given)
{
	struct registry *registry = new_registry(0);
	static const uint8_t zeros[SECRET_SIZE];
	uint8_t secret[SECRET_SIZE];
	struct registry_claim claim = { .secret = secret, .force = false };

	REQUIRE(lease(registry, "x", "PYRO:o@h:1", NULL) != NULL);
	memcpy(secret, registry_lookup(registry, "x", &problem)->secret, SECRET_SIZE);
	CHECK(memcmp(secret, zeros, SECRET_SIZE) != 0);
	REQUIRE(lease(registry, "y", "PYRO:o@h:1", NULL) != NULL);
	CHECK(memcmp(registry_lookup(registry, "y", &problem)->secret, secret, SECRET_SIZE) != 0);
	CHECK_INT(renew(registry, "x", secret), RENEWAL_DONE);
	CHECK_INT(renew(registry, "y", secret), RENEWAL_LOST);
	CHECK_INT(registry_remove(registry, "x", &claim, &problem), 0);
	registry_free(registry);
}

TEST(a_ttl_is_brought_into_its_limits)
{
	struct registry *registry = new_registry(0);
	struct registry_request request = { .name = "x",
					    .uri = "PYRO:o@h:1",
					    .claim.secret = mine };

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
					    .is_own = true };
	struct registry_request take = { .name = "Pyrite.NameServer", .uri = "PYRO:o@h:2" };

	REQUIRE(registry_register(registry, &request, &problem) != NULL);
	now += INT32_MAX;
	CHECK_INT(registry_count(registry), 1);
	CHECK(lease(registry, request.name, "PYRO:o@h:2", mine) == NULL);
	CHECK_INT(problem.code, PYR_PERMISSION_DENIED);
	CHECK_STR(problem.text, "NamingError: Pyrite.NameServer is the name server's own name and "
				"stays as it is");
	take.claim = forced;
	take.replace = true;
	CHECK(registry_register(registry, &take, &problem) == NULL);
	CHECK_INT(registry_remove(registry, request.name, &forced, &problem),
		  -PYR_PERMISSION_DENIED);
	CHECK_INT(registry_set_tags(registry, request.name, NULL, 0, &forced, &problem),
		  -PYR_PERMISSION_DENIED);
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

TEST(there_is_always_room_for_the_name_server_itself)
{
	struct registry *registry = new_registry(2);
	struct registry_request own = { .name = "own", .uri = "PYRO:o@h:1", .is_own = true };

	REQUIRE(persist(registry, "a", "PYRO:o@h:1") && persist(registry, "b", "PYRO:o@h:1"));
	CHECK(registry_register(registry, &own, &problem) != NULL);
	CHECK_INT(registry_count(registry), 3);
	registry_free(registry);
}

TEST(a_hundred_thousand_names_are_found_listed_and_removed)
{
	struct registry *registry = new_registry(NAMES);
	const struct record *record;
	char name[32] = "";
	size_t i, n = 0;

	for (i = 0; i < NAMES; i++) {
		sprintf(name, "n%zu", i * 7919 % NAMES);
		REQUIRE(lease(registry, name, "PYRO:o@h:1", mine) != NULL);
	}
	CHECK_INT(registry_count(registry), NAMES);
	CHECK(lease(registry, "x", "PYRO:o@h:1", mine) == NULL);
	for (name[0] = '\0'; (record = registry_next(registry, "n", name)) != NULL; n++)
		strcpy(name, record->name);
	CHECK_INT(n, NAMES);
	for (i = 0; i < NAMES; i += 2) {
		sprintf(name, "n%zu", i);
		REQUIRE(registry_remove(registry, name, &me, &problem) == 0);
	}
	CHECK_INT(registry_count(registry), NAMES / 2);
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
	CHECK_INT(renew(registry, "a", mine), RENEWAL_DONE);
	CHECK_INT(registry_lookup(registry, "a", &problem)->generation, first);
	CHECK(lease(registry, "a", "PYRO:o@h:2", mine)->generation > first);
	registry_free(registry);
}

TEST(a_persistent_name_is_replaced_on_purpose)
{
	struct registry *registry = new_registry(0);
	struct registry_request replace = { .name = "x", .uri = "PYRO:p@h:2", .replace = true };

	REQUIRE(persist(registry, "x", "PYRO:o@h:1") != NULL);
	CHECK(registry_register(registry, &replace, &problem) != NULL);
	CHECK_STR(lookup(registry, "x"), "PYRO:p@h:2");
	replace.ttl_ms = TTL;
	replace.claim = me;
	CHECK(registry_register(registry, &replace, &problem) != NULL);
	replace.claim = another;
	CHECK(registry_register(registry, &replace, &problem) == NULL);
	CHECK_INT(problem.code, PYR_ALREADY_EXISTS);
	registry_free(registry);
}

TEST(force_takes_a_name_from_its_owner_who_is_told)
{
	struct registry *registry = new_registry(0);
	struct registry_request take = { .name = "x", .uri = "PYRO:p@h:2", .claim = forced };

	REQUIRE(lease(registry, "x", "PYRO:o@h:1", mine) != NULL);
	REQUIRE(lease(registry, "y", "PYRO:o@h:1", mine) != NULL);
	CHECK(registry_register(registry, &take, &problem) != NULL);
	CHECK_INT(renew(registry, "x", mine), RENEWAL_LOST);
	CHECK_INT(registry_remove(registry, "y", &forced, &problem), 0);
	CHECK_INT(renew(registry, "y", other), RENEWAL_LOST);
	CHECK_INT(renew(registry, "y", mine), RENEWAL_REVOKED);
	now += TTL - 1;
	CHECK_INT(renew(registry, "y", mine), RENEWAL_REVOKED);
	now += 1;
	CHECK_INT(renew(registry, "y", mine), RENEWAL_LOST);

	REQUIRE(lease(registry, "y", "PYRO:o@h:1", mine) != NULL);
	CHECK_INT(registry_remove(registry, "y", &forced, &problem), 0);
	REQUIRE(lease(registry, "y", "PYRO:o@h:1", mine) != NULL);
	CHECK_INT(renew(registry, "y", mine), RENEWAL_DONE);
	now += TTL;
	CHECK_INT(renew(registry, "y", mine), RENEWAL_LOST);
	registry_free(registry);
}

TEST(what_was_removed_on_purpose_is_remembered_up_to_a_limit)
{
	struct registry *registry = new_registry(0);
	char name[32];
	size_t i;

	for (i = 0; i <= REGISTRY_REVOKED; i++) {
		sprintf(name, "n%zu", i);
		REQUIRE(lease(registry, name, "PYRO:o@h:1", mine) != NULL);
		REQUIRE(registry_remove(registry, name, &forced, &problem) == 0);
	}
	CHECK_INT(renew(registry, "n0", mine), RENEWAL_REVOKED);
	CHECK_INT(renew(registry, name, mine), RENEWAL_LOST);
	now += TTL;
	REQUIRE(lease(registry, "x", "PYRO:o@h:1", mine) != NULL);
	REQUIRE(registry_remove(registry, "x", &forced, &problem) == 0);
	CHECK_INT(renew(registry, "x", mine), RENEWAL_REVOKED);
	registry_free(registry);
}

/* A name's tags, each with a space behind it. */
static const char *tags_of(struct registry *registry, const char *name)
{
	const struct record *record = registry_lookup(registry, name, &problem);
	static char text[REGISTRY_TAG_BYTES + 1];
	size_t i;

	text[0] = '\0';
	for (i = 0; record && i < record->n_tags; i++)
		strcat(strcat(text, record->tags[i]), " ");
	return text;
}

TEST(tags_are_a_set)
{
	static const char *const tags[] = { "b", "a", "b", "class:X.Y", "\xc3\xa9" };
	struct registry *registry = new_registry(0);
	struct registry_request request = {
		.name = "x", .uri = "PYRO:o@h:1", .replace = true, .tags = tags, .n_tags = 5
	};

	REQUIRE(registry_register(registry, &request, &problem) != NULL);
	CHECK_STR(tags_of(registry, "x"), "a b class:X.Y \xc3\xa9 ");
	CHECK_INT(registry_set_tags(registry, "x", tags + 2, 1, &nobody, &problem), 0);
	CHECK_STR(tags_of(registry, "x"), "b ");
	CHECK_STR(lookup(registry, "x"), "PYRO:o@h:1");
	CHECK_INT(registry_set_tags(registry, "x", NULL, 0, &nobody, &problem), 0);
	CHECK_STR(tags_of(registry, "x"), "");
	CHECK_INT(registry_set_tags(registry, "y", tags, 1, &nobody, &problem), -PYR_NOT_FOUND);
	registry_free(registry);
}

TEST(a_tag_that_is_none_is_refused)
{
	static const char *const bad[] = { "", "a b", "a,b", "a@b", "a\n", "\xff" };
	struct registry *registry = new_registry(0);
	char big[REGISTRY_NAME_MAX + 2];
	const char *tag = big;
	size_t i;

	REQUIRE(persist(registry, "x", "PYRO:o@h:1") != NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(registry_set_tags(registry, "x", &bad[i], 1, &nobody, &problem),
			  -PYR_INVALID_ARGUMENT);
		CHECK_HAS(problem.text, "NamingError: ");
	}
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	CHECK_INT(registry_set_tags(registry, "x", &tag, 1, &nobody, &problem),
		  -PYR_INVALID_ARGUMENT);
	tag = big + 1;
	CHECK_INT(registry_set_tags(registry, "x", &tag, 1, &nobody, &problem), 0);
	registry_free(registry);
}

TEST(tags_are_bounded)
{
	struct registry *registry = new_registry(0);
	char texts[REGISTRY_TAGS + 1][REGISTRY_NAME_MAX + 1];
	const char *tags[REGISTRY_TAGS + 1];
	size_t i;

	REQUIRE(persist(registry, "x", "PYRO:o@h:1") != NULL);
	for (i = 0; i <= REGISTRY_TAGS; i++) {
		sprintf(texts[i], "%063zu", i);
		tags[i] = texts[i];
	}
	CHECK_INT(registry_set_tags(registry, "x", tags, REGISTRY_TAGS + 1, &nobody, &problem),
		  -PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(problem.text, "NamingError: a name has at most 64 tags, not 65");
	CHECK_INT(registry_set_tags(registry, "x", tags, REGISTRY_TAGS, &nobody, &problem), 0);
	strcat(texts[0], "0");
	CHECK_INT(registry_set_tags(registry, "x", tags, REGISTRY_TAGS, &nobody, &problem),
		  -PYR_RESOURCE_EXHAUSTED);
	CHECK_STR(problem.text,
		  "NamingError: the tags of a name have at most 4096 bytes, not 4097");
	registry_free(registry);
}

TEST(the_tags_of_a_leased_name_are_its_owners)
{
	static const char *const tags[] = { "t" };
	struct registry *registry = new_registry(0);

	REQUIRE(lease(registry, "x", "PYRO:o@h:1", mine) != NULL);
	CHECK_INT(registry_set_tags(registry, "x", tags, 1, &nobody, &problem),
		  -PYR_ALREADY_EXISTS);
	CHECK_STR(problem.text, "NamingError: x belongs to another program: only its owner at h:1 "
				"may set its metadata");
	CHECK_INT(registry_set_tags(registry, "x", tags, 1, &me, &problem), 0);
	CHECK_STR(tags_of(registry, "x"), "t ");
	CHECK_INT(renew(registry, "x", mine), RENEWAL_DONE);
	CHECK_INT(registry_set_tags(registry, "x", NULL, 0, &forced, &problem), 0);
	registry_orphan(registry, mine);
	CHECK_INT(registry_set_tags(registry, "x", tags, 1, &nobody, &problem), 0);
	registry_free(registry);
}

TEST(all_names_together_are_bounded_in_bytes)
{
	struct registry_options options = { 0, test_clock, &now, 4096, 0, 0 };
	struct registry *registry = registry_new(store_memory_new(), &options);
	char name[32];
	size_t n = 0;

	REQUIRE(registry != NULL);
	do {
		sprintf(name, "n%zu", n);
		problem.code = 0;
	} while (++n < 100 && persist(registry, name, "PYRO:o@h:1"));
	CHECK_INT(problem.code, PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(problem.text, "all of them may have 4096 bytes");
	CHECK_STR(lookup(registry, "n0"), "PYRO:o@h:1");
	CHECK_INT(registry_remove(registry, "n0", &nobody, &problem), 0);
	CHECK(persist(registry, name, "PYRO:o@h:1") != NULL);
	registry_free(registry);
}

TEST(nothing_is_made_from_nothing)
{
	struct registry_options options = { 0, test_clock, &now, 0, 0, 0 };

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
      T(a_full_registry_takes_no_new_name), T(there_is_always_room_for_the_name_server_itself),
      T(a_hundred_thousand_names_are_found_listed_and_removed), T(generations_only_grow),
      T(a_persistent_name_is_replaced_on_purpose), T(force_takes_a_name_from_its_owner_who_is_told),
      T(what_was_removed_on_purpose_is_remembered_up_to_a_limit), T(tags_are_a_set),
      T(a_tag_that_is_none_is_refused), T(tags_are_bounded),
      T(the_tags_of_a_leased_name_are_its_owners), T(all_names_together_are_bounded_in_bytes),
      T(nothing_is_made_from_nothing))
