/* SPDX-License-Identifier: MIT */
/* Names that several register: who may, how long each lasts, and what is found of them. */
#include "registry.h"
#include "test.h"

#include <pyrite/pyrite.h>

enum { TTL = 10000 };

static const uint8_t mine[SECRET_SIZE] = "0123456789abcde", theirs[SECRET_SIZE] = "another";
static const struct registry_claim nobody = { .secret = NULL, .force = false },
				   me = { .secret = mine, .force = false },
				   them = { .secret = theirs, .force = false },
				   forced = { .secret = NULL, .force = true };
static int64_t now;
static struct registry_problem problem;
static struct registry *registry;

static int64_t test_clock(void *data)
{
	return *(int64_t *)data;
}

static void begin(void)
{
	struct registry_options options = { .clock = test_clock, .data = &now };

	now = 1000000;
	registry = registry_new(store_memory_new(), &options);
	REQUIRE(registry != NULL);
}

static int add(const char *uri, const uint8_t *secret, uint32_t ttl_ms, bool is_shared)
{
	struct registry_request request = { .name = "x",
					    .uri = uri,
					    .ttl_ms = ttl_ms,
					    .claim = { .secret = secret, .force = false },
					    .is_shared = is_shared };

	return registry_register(registry, &request, &problem) ? 0 : -problem.code;
}

static int share(const char *uri, const uint8_t *secret)
{
	return add(uri, secret, TTL, true);
}

/* The uris of the name, each with a space behind it. */
static const char *uris(void)
{
	static char text[4096];
	const struct record *record;
	const char *after = NULL;

	text[0] = '\0';
	while ((record = registry_next_share(registry, "x", after))) {
		strcat(strcat(text, record->uri), " ");
		after = record->key;
	}
	return text;
}

static enum registry_renewal renew(const char *key, const uint8_t *secret)
{
	struct registry_claim claim = { .secret = secret };

	return registry_renew(registry, key, &claim);
}

TEST(each_uri_of_a_shared_name_is_registered_for_itself)
{
	struct registry_request next = { .name = "x!", .uri = "PYRO:o@h:9" };
	const char *first;

	begin();
	CHECK_INT(share("PYRO:o@h:2", mine), 0);
	CHECK_INT(share("PYRO:o@h:1", mine), 0);
	CHECK_INT(share("PYRO:o@h:3", theirs), 0);
	CHECK_INT(share("PYRO:o@h:3", theirs), 0);
	CHECK(registry_register(registry, &next, &problem) != NULL);
	CHECK_STR(uris(), "PYRO:o@h:1 PYRO:o@h:2 PYRO:o@h:3 ");
	CHECK_INT(registry_count(registry), 4);
	first = registry_lookup(registry, "x", &problem)->uri;
	CHECK(strcmp(registry_lookup(registry, "x", &problem)->uri, first) != 0);
	CHECK(strcmp(registry_lookup(registry, "x", &problem)->uri, first) != 0);
	CHECK_STR(registry_lookup(registry, "x", &problem)->uri, first);
	CHECK_STR(registry_next(registry, "x", "")->uri, "PYRO:o@h:1");
	CHECK_STR(registry_next(registry, "x", "x PYRO:o@h:3")->name, "x!");
	CHECK_INT(share("PYRO:o@h:3", mine), -PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text, "already registered: x, by its owner at h:3");
	registry_free(registry);
}

TEST(a_name_is_shared_or_it_is_not)
{
	begin();
	CHECK_INT(add("PYRO:o@h:1", mine, TTL, false), 0);
	CHECK_INT(share("PYRO:o@h:2", theirs), -PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text,
		  "name already registered: x, for an object at h:1 alone: it is not shared");
	CHECK_INT(share("PYRO:o@h:2", mine), 0); /* it is his to make it shared */
	CHECK_STR(uris(), "PYRO:o@h:2 ");
	CHECK_INT(share("PYRO:o@h:3", theirs), 0);
	CHECK_INT(add("PYRO:o@h:1", mine, TTL, false), -PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text,
		  "name already registered: x, as shared, by others and for an object at "
		  "h:3: register it as shared, too");
	CHECK_STR(uris(), "PYRO:o@h:2 PYRO:o@h:3 ");
	registry_orphan(registry, theirs); /* whose owner is gone makes way */
	CHECK_INT(add("PYRO:o@h:1", mine, TTL, false), 0);
	CHECK_STR(uris(), "");
	CHECK_STR(registry_lookup(registry, "x", &problem)->uri, "PYRO:o@h:1");
	CHECK_INT(registry_count(registry), 1);
	registry_free(registry);
}

TEST(what_is_persistent_is_shared_only_on_purpose)
{
	struct registry_request take = {
		.name = "x", .uri = "PYRO:o@h:2", .is_shared = true, .replace = true
	};

	begin();
	CHECK_INT(add("PYRO:o@h:1", NULL, 0, false), 0);
	CHECK_INT(add("PYRO:o@h:2", NULL, 0, true), -PYR_ALREADY_EXISTS);
	CHECK(registry_register(registry, &take, &problem) != NULL);
	CHECK_STR(uris(), "PYRO:o@h:2 ");
	CHECK_INT(add("PYRO:o@h:3", NULL, 0, false), -PYR_ALREADY_EXISTS);
	take.is_shared = false;
	CHECK(registry_register(registry, &take, &problem) != NULL);
	CHECK_STR(uris(), "");
	registry_free(registry);
}

TEST(each_registration_has_its_own_lease)
{
	begin();
	CHECK_INT(share("PYRO:o@h:1", mine), 0);
	CHECK_INT(share("PYRO:o@h:2", mine), 0);
	now += TTL - 1;
	CHECK_INT(renew("x PYRO:o@h:2", mine), RENEWAL_DONE);
	CHECK_INT(renew("x PYRO:o@h:2", theirs), RENEWAL_LOST);
	CHECK_INT(renew("x", mine), RENEWAL_LOST);
	now += 1;
	CHECK_STR(uris(), "PYRO:o@h:2 ");
	CHECK_INT(renew("x PYRO:o@h:1", mine), RENEWAL_LOST);
	CHECK_INT(registry_remove(registry, "x", &forced, &problem), 0);
	CHECK_INT(renew("x PYRO:o@h:2", mine), RENEWAL_REVOKED);
	CHECK_INT(registry_remove(registry, "x", &me, &problem), -PYR_NOT_FOUND);
	CHECK_HAS(problem.text, "unknown name: x");
	registry_free(registry);
}

TEST(an_owner_removes_its_own_and_others_what_is_nobodys)
{
	begin();
	CHECK_INT(share("PYRO:o@h:1", mine), 0);
	CHECK_INT(share("PYRO:o@h:2", mine), 0);
	CHECK_INT(share("PYRO:o@h:3", theirs), 0);
	CHECK_INT(add("PYRO:o@h:4", NULL, 0, true), 0);
	CHECK_INT(registry_remove_share(registry, "x", "pyro:o@h:2", &them, &problem),
		  -PYR_ALREADY_EXISTS);
	CHECK_INT(registry_remove_share(registry, "x", "pyro:o@h:2", &me, &problem), 0);
	CHECK_STR(uris(), "PYRO:o@h:1 PYRO:o@h:3 PYRO:o@h:4 ");
	CHECK_INT(registry_remove(registry, "x", &me, &problem), 0);
	CHECK_STR(uris(), "PYRO:o@h:3 PYRO:o@h:4 ");
	CHECK_INT(registry_remove(registry, "x", &nobody, &problem), 0);
	CHECK_STR(uris(), "PYRO:o@h:3 ");
	CHECK_INT(registry_remove(registry, "x", &nobody, &problem), -PYR_ALREADY_EXISTS);
	CHECK_HAS(problem.text,
		  "x belongs to another program: only its owner at h:3 may remove it");
	CHECK_INT(registry_remove_share(registry, "x", "PYRO:o@h:7", &them, &problem),
		  -PYR_NOT_FOUND);
	CHECK_INT(registry_remove_share(registry, "x", "h:7", &them, &problem),
		  -PYR_INVALID_ARGUMENT);
	registry_free(registry);
}

TEST(tags_are_of_a_registration)
{
	static const char *const tags[] = { "b", "a" };

	begin();
	CHECK_INT(share("PYRO:o@h:1", mine), 0);
	CHECK_INT(share("PYRO:o@h:2", theirs), 0);
	CHECK_INT(registry_set_tags(registry, "x", tags, 2, &nobody, &problem),
		  -PYR_ALREADY_EXISTS);
	CHECK_INT(registry_set_tags(registry, "x", tags, 2, &them, &problem), 0);
	CHECK_INT(registry_next_share(registry, "x", NULL)->n_tags, 0);
	CHECK_STR(registry_next_share(registry, "x", "x PYRO:o@h:1")->tags[0], "a");
	CHECK_INT(registry_set_tags(registry, "y", tags, 2, &them, &problem), -PYR_NOT_FOUND);
	registry_free(registry);
}

TEST(registrations_of_a_name_are_bounded)
{
	struct registry_request request = { .name = "y", .is_shared = true };
	char uri[64], tag[1000];
	const char *const tags[] = { tag };
	int i;

	begin();
	for (i = 1; i <= REGISTRY_SHARES; i++) {
		snprintf(uri, sizeof(uri), "PYRO:o@h:%d", i);
		CHECK_INT(share(uri, mine), 0);
	}
	CHECK_INT(share(uri, mine), 0);
	CHECK_INT(share("PYRO:o@h:100", mine), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(problem.text, "x has 64 registrations, and no room for more");
	now += TTL; /* what has ended is in nobody's way */
	CHECK_INT(share("PYRO:o@h:100", mine), 0);
	memset(tag, 't', sizeof(tag));
	tag[REGISTRY_NAME_MAX] = '\0';
	request.uri = uri;
	request.tags = tags;
	request.n_tags = 1;
	for (i = 1; i < 50; i++) {
		snprintf(uri, sizeof(uri), "PYRO:o@h:%d", i);
		if (!registry_register(registry, &request, &problem))
			break;
	}
	CHECK_INT(i, 46); /* of 256 and 11 or 12 bytes */
	CHECK_INT(problem.code, PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(problem.text, "the registrations of y have at most 12288 bytes");
	registry_free(registry);
}

TESTS(registry_shared, T(each_uri_of_a_shared_name_is_registered_for_itself),
      T(a_name_is_shared_or_it_is_not), T(what_is_persistent_is_shared_only_on_purpose),
      T(each_registration_has_its_own_lease),
      T(an_owner_removes_its_own_and_others_what_is_nobodys), T(tags_are_of_a_registration),
      T(registrations_of_a_name_are_bounded))
