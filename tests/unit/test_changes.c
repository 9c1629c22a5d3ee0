/* SPDX-License-Identifier: MIT */
/* What the registry says of changes, and how much of that is kept. */
#include "changes.h"
#include "registry.h"
#include "test.h"

#include <pyrite/pyrite.h>

static int64_t now = 1000000;
static struct changes kept;

static int64_t test_clock(void *data)
{
	return *(int64_t *)data;
}

static void keep(const struct store_change *change, void *data)
{
	changes_add(data, change);
}

static struct registry *new_registry(void)
{
	struct registry_options options = { .clock = test_clock, .data = &now };
	struct registry *registry = registry_new(store_memory_new(), &options);

	REQUIRE(registry != NULL);
	changes_init(&kept);
	registry_set_listener(registry, keep, &kept);
	return registry;
}

static void drop(struct registry *registry)
{
	registry_free(registry);
	changes_fini(&kept);
}

static void put(struct registry *registry, const char *name, const char *uri, uint32_t ttl_ms,
		bool is_shared)
{
	struct registry_request request = { .name = name,
					    .uri = uri,
					    .ttl_ms = ttl_ms,
					    .replace = true,
					    .is_shared = is_shared,
					    .claim = { .force = true } };
	struct registry_problem problem;

	REQUIRE(registry_register(registry, &request, &problem) != NULL);
}

/* "before > after" of a change that is kept; "-" where there is nothing. */
static const char *change_at(uint64_t number)
{
	static char text[300];
	const struct change_entry *entry = changes_at(&kept, number);

	snprintf(text, sizeof(text), "%s > %s", entry->before ? entry->before->uri : "-",
		 entry->after ? entry->after->uri : "-");
	return text;
}

TEST(each_change_is_told_with_what_was_before)
{
	struct registry *registry = new_registry();
	struct registry_claim nobody = { 0 };
	struct registry_problem problem;
	const char *tag = "t";

	put(registry, "a", "PYRO:o@h:1", 0, false);
	put(registry, "a", "PYRO:o@h:2", 0, false);
	REQUIRE(registry_set_tags(registry, "a", &tag, 1, &nobody, &problem) == 0);
	REQUIRE(registry_remove(registry, "a", &nobody, &problem) == 0);
	CHECK(registry_remove(registry, "a", &nobody, &problem) < 0);
	CHECK_INT(kept.next - kept.first, 4);
	CHECK_STR(change_at(1), "- > PYRO:o@h:1");
	CHECK_STR(change_at(2), "PYRO:o@h:1 > PYRO:o@h:2");
	CHECK_STR(change_at(3), "PYRO:o@h:2 > PYRO:o@h:2");
	CHECK_INT(changes_at(&kept, 3)->before->n_tags, 0);
	CHECK_STR(changes_at(&kept, 3)->after->tags[0], "t");
	CHECK_STR(change_at(4), "PYRO:o@h:2 > -");
	CHECK_INT(changes_at(&kept, 4)->revision, registry_revision(registry));
	drop(registry);
}

TEST(a_lease_that_ends_is_a_change_and_so_is_what_makes_way)
{
	struct registry *registry = new_registry();

	put(registry, "leased", "PYRO:o@h:1", 1000, false);
	now += 2000;
	registry_sweep(registry);
	CHECK_INT(kept.next, 3);
	CHECK_STR(change_at(2), "PYRO:o@h:1 > -");
	put(registry, "b", "PYRO:o@h:1", 0, true);
	put(registry, "b", "PYRO:o@h:2", 0, true);
	put(registry, "b", "PYRO:alone@h:1", 0, false); /* by force */
	CHECK_INT(kept.next, 8);
	CHECK_STR(change_at(5), "- > PYRO:alone@h:1");
	CHECK_STR(change_at(6), "PYRO:o@h:1 > -");
	CHECK_STR(change_at(7), "PYRO:o@h:2 > -");
	drop(registry);
}

TEST(so_many_are_kept_and_it_is_known_what_is_missing)
{
	enum { CHANGES = CHANGES_KEPT + 1000 };
	struct registry *registry = new_registry();
	char uri[64];
	size_t i;

	CHECK_INT(changes_after(&kept, 0), 0);
	for (i = 0; i < CHANGES; i++) {
		sprintf(uri, "PYRO:o%zu@h:1", i);
		put(registry, "a", uri, 0, false);
	}
	CHECK_INT(kept.next - kept.first, CHANGES_KEPT);
	CHECK_INT(kept.first, 1001);
	CHECK_INT(changes_after(&kept, 999), 0);
	CHECK_INT(changes_after(&kept, 1000), 1001);
	CHECK_INT(changes_after(&kept, 5000), 5001);
	CHECK_INT(changes_after(&kept, CHANGES), kept.next);
	changes_forget(&kept);
	CHECK_INT(kept.first, kept.next);
	CHECK_INT(kept.bytes, 0);
	CHECK_INT(changes_after(&kept, CHANGES), 0);
	drop(registry);
}

TEST(so_many_bytes_are_kept)
{
	struct registry *registry = new_registry();
	struct registry_claim nobody = { 0 };
	static char texts[60][64];
	struct registry_problem problem;
	const char *tags[60];
	size_t i;

	for (i = 0; i < 60; i++) {
		sprintf(texts[i], "%0*zu", 60, i);
		tags[i] = texts[i];
	}
	put(registry, "a", "PYRO:o@h:1", 0, false);
	for (i = 0; i < 4000; i++)
		REQUIRE(registry_set_tags(registry, "a", tags, 60 - i % 2, &nobody, &problem) == 0);
	CHECK(kept.bytes <= CHANGES_BYTES && kept.bytes > CHANGES_BYTES / 2);
	CHECK(kept.first > 1 && kept.next == 4002);
	drop(registry);
}

TESTS(changes, T(each_change_is_told_with_what_was_before),
      T(a_lease_that_ends_is_a_change_and_so_is_what_makes_way),
      T(so_many_are_kept_and_it_is_known_what_is_missing), T(so_many_bytes_are_kept))
