/* SPDX-License-Identifier: MIT */
/* Metadata, regular expressions, removals and replacements by the short forms, against a pyrite-ns
 * of this test's own. */
#define _GNU_SOURCE /* pipe2() */
#include "naming_server.h"

/* Removes a name, whoever owns it. */
static int seize(const char *name)
{
	pyr_ns *ns = pyr_ns_locate(ns_address);
	int status;

	pyr_ns_set_force(ns, true);
	status = pyr_ns_remove(ns, name);
	pyr_ns_free(ns);
	return status;
}

static int answer_ping(pyr_call *call)
{
	(void)call;
	return 0;
}

/* The names of a list with their tags: "a[x y] b[] ". */
static const char *names_of(struct pyr_ns_entries *entries)
{
	static char text[1024];
	size_t i, j;

	text[0] = '\0';
	for (i = 0; i < entries->n; i++) {
		strcat(strcat(text, entries->items[i].name), "[");
		for (j = 0; j < entries->items[i].n_tags; j++)
			strcat(strcat(text, j ? " " : ""), entries->items[i].tags[j]);
		strcat(text, "] ");
	}
	pyr_free(entries);
	return text;
}

TEST(names_have_metadata_and_are_found_by_it)
{
	static const char *const both[] = { "red", "blue" }, *const none[] = { "green" };
	struct pyr_ns_register_options options = { .tags = both, .n_tags = 2 };
	struct pyr_ns_entries *entries = NULL;
	struct pyr_ns_entry *entry = NULL;
	pyr_ns *ns = locate();

	CHECK_INT(pyr_ns_register_with(ns, "meta.a", "PYRO:o@h:1", &options), 0);
	CHECK_INT(pyr_ns_register_with(ns, "meta.b", "PYRO:o@h:1", NULL), 0);
	CHECK_INT(pyr_ns_set_metadata(ns, "meta.b", both, 1), 0);
	REQUIRE(pyr_ns_lookup_entry(ns, "meta.a", &entry) == 0);
	CHECK_STR(entry->name, "meta.a");
	CHECK_STR(entry->uri, "PYRO:o@h:1");
	CHECK_INT(entry->n_tags, 2);
	CHECK_STR(entry->tags[0], "blue");
	CHECK_STR(entry->tags[1], "red");
	pyr_free(entry);
	REQUIRE(pyr_ns_list_metadata_all(ns, both, 2, &entries) == 0);
	CHECK_STR(names_of(entries), "meta.a[blue red] ");
	REQUIRE(pyr_ns_list_metadata_any(ns, both, 2, &entries) == 0);
	CHECK_STR(names_of(entries), "meta.a[blue red] meta.b[red] ");
	REQUIRE(pyr_ns_list_metadata_any(ns, none, 1, &entries) == 0);
	CHECK_STR(names_of(entries), "");
	REQUIRE(pyr_ns_list_metadata_all(ns, NULL, 0, &entries) == 0);
	CHECK_STR(names_of(entries), "");
	CHECK_INT(pyr_ns_set_metadata(ns, "meta.b", NULL, 0), 0);
	REQUIRE(pyr_ns_list(ns, "meta.", &entries) == 0);
	CHECK_STR(names_of(entries), "meta.a[blue red] meta.b[] ");
	CHECK_INT(pyr_ns_set_metadata(ns, "no.such.name", both, 2), -PYR_NOT_FOUND);
	CHECK_INT(pyr_ns_remove_prefix(ns, "meta.", NULL), 0);
	pyr_ns_free(ns);
}

TEST(each_registration_of_a_name_has_a_greater_generation)
{
	struct pyr_ns_register_options shared = { .shared = true };
	struct pyr_ns_entries *entries = NULL;
	struct pyr_ns_entry *entry = NULL;
	pyr_ns *ns = locate();
	uint64_t first;

	REQUIRE(pyr_ns_register(ns, "gen.a", "PYRO:o@h:1") == 0);
	REQUIRE(pyr_ns_lookup_entry(ns, "gen.a", &entry) == 0);
	first = pyr_ns_entry_generation(entry);
	CHECK(first > 0);
	CHECK_INT(pyr_ns_entry_age_ms(entry), -1);
	pyr_free(entry);
	REQUIRE(pyr_ns_register(ns, "gen.a", "PYRO:o@h:1") == 0);
	REQUIRE(pyr_ns_register_with(ns, "gen.b", "PYRO:y@h:1", &shared) == 0);
	REQUIRE(pyr_ns_register_with(ns, "gen.b", "PYRO:x@h:1", &shared) == 0);
	REQUIRE(pyr_ns_list(ns, "gen.", &entries) == 0 && entries->n == 3);
	CHECK_INT(pyr_ns_entry_generation(&entries->items[0]), first + 1);
	CHECK_STR(entries->items[1].uri, "PYRO:x@h:1");
	CHECK_INT(pyr_ns_entry_generation(&entries->items[1]), first + 3);
	CHECK_INT(pyr_ns_entry_generation(&entries->items[2]), first + 2);
	CHECK_INT(pyr_ns_entry_generation(NULL), 0);
	CHECK_INT(pyr_ns_entry_age_ms(NULL), -1);
	pyr_free(entries);
	CHECK_INT(pyr_ns_remove_prefix(ns, "gen.", NULL), 0);
	pyr_ns_free(ns);
}

TEST(names_are_found_and_removed_by_regex)
{
	static const char *const names[] = { "regex.1", "regex.2", "regex.x", "noregex.1" };
	struct pyr_ns_removal removal = { 7, 7 };
	struct pyr_ns_entries *entries = NULL;
	pyr_ns *ns = locate();
	size_t i;

	for (i = 0; i < 4; i++)
		REQUIRE(pyr_ns_register(ns, names[i], "PYRO:o@h:1") == 0);
	REQUIRE(pyr_ns_list_matching(ns, "regex\\.\\d", &entries) == 0);
	CHECK_STR(names_of(entries), "regex.1[] regex.2[] ");
	CHECK_INT(pyr_ns_list_matching(ns, "((((broken", &entries), -PYR_INVALID_ARGUMENT);
	CHECK_HAS(pyr_errmsg(), "NamingError: invalid regex: missing closing parenthesis at "
				"position 10 (name server at 127.0.0.1:");
	CHECK_INT(pyr_ns_remove_matching(ns, "(", &removal), -PYR_INVALID_ARGUMENT);
	CHECK_INT(removal.removed, 7);
	CHECK_INT(pyr_ns_remove_matching(ns, "regex\\.\\d$", &removal), 0);
	CHECK_INT(removal.removed, 2);
	CHECK_INT(removal.kept, 0);
	CHECK_INT(pyr_ns_remove_prefix(ns, "no", &removal), 0);
	CHECK_INT(removal.removed, 1);
	CHECK_INT(pyr_ns_remove_prefix(ns, "Pyrite.", &removal), 0);
	CHECK_INT(removal.removed, 0);
	CHECK_INT(pyr_ns_remove(ns, "regex.x"), 0);
	pyr_ns_free(ns);
}

TEST(null_and_bad_arguments_of_metadata_are_answered)
{
	static const char *const holes[] = { "a", NULL };
	struct pyr_ns_register_options options = { .tags = NULL, .n_tags = 1 };
	struct pyr_ns_entries *entries;
	struct pyr_ns_entry *entry;
	pyr_ns *ns = locate();

	CHECK_INT(pyr_ns_set_metadata(ns, "x", holes, 2), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "tags[1] is NULL");
	CHECK_INT(pyr_ns_register_with(ns, "x", "PYRO:o@h:1", &options), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "tags is NULL");
	CHECK_INT(pyr_ns_list_metadata_any(ns, holes, 2, &entries), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_list_metadata_all(NULL, holes, 1, &entries), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_list_matching(ns, NULL, &entries), -PYR_INVALID_ARGUMENT);
	CHECK_STR(pyr_errmsg(), "regex is NULL");
	CHECK_INT(pyr_ns_lookup_entry(ns, NULL, &entry), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_remove_prefix(ns, NULL, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_ns_remove_matching(NULL, "x", NULL), -PYR_INVALID_ARGUMENT);
	pyr_ns_set_force(NULL, true);
	pyr_ns_free(ns);
}

TEST(a_persistent_name_is_replaced_only_on_purpose)
{
	struct pyr_ns_register_options options = { .replace = true };
	struct pyrite_NameServer *proxy;
	struct pyrite_NameTerms terms = { 0 };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant;
	pyr_ns *ns = locate();
	char *uri = NULL;

	proxy = name_server();
	REQUIRE(pyrite_NameServer_register_name(proxy, "old", "PYRO:o@h:1", &terms, &claim,
						&grant) == 0);
	pyr_free(grant);
	CHECK_INT(pyr_ns_register(ns, "old", "PYRO:p@h:2"), -PYR_ALREADY_EXISTS);
	CHECK_HAS(pyr_errmsg(), "NamingError: name already registered: old, persistently for an "
				"object at h:1 (generation ");
	CHECK_INT(pyr_ns_register_with(ns, "old", "PYRO:p@h:2", &options), 0);
	REQUIRE(pyr_ns_lookup(ns, "old", &uri) == 0);
	CHECK_STR(uri, "PYRO:p@h:2");
	pyr_free(uri);
	CHECK_INT(pyr_ns_remove(ns, "old"), 0);
	pyrite_NameServer_free(proxy);
	pyr_ns_free(ns);
}

/* Before the library reads it. */
__attribute__((constructor)) static void shorten_leases(void)
{
	setenv("PYRITE_LEASE_TTL_MS", "2000", 1);
}

/* Until a lease that nobody renews, a little longer than this process's, has come and gone. */
static void wait_for_renewals(void)
{
	struct pyrite_NameServer *proxy = name_server();
	struct pyrite_NameTerms terms = { .ttl_ms = 2100 };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant;
	char *uri;

	REQUIRE(pyrite_NameServer_register_name(proxy, "witness", "PYRO:o@h:1", &terms, &claim,
						&grant) == 0);
	pyr_free(grant);
	while (pyrite_NameServer_lookup(proxy, "witness", &uri) == 0)
		pyr_free(uri);
	CHECK_INT(pyr_last_error()->code, PYR_NOT_FOUND);
	pyrite_NameServer_free(proxy);
}

TEST(a_leased_name_that_was_removed_on_purpose_stays_removed)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping };
	static const char *const tags[] = { "t" };
	struct pyr_ns_register_options options = { .tags = tags, .n_tags = 1 };
	pyr_daemon *daemon = pyr_daemon_new(NULL);
	struct pyr_ns_removal removal;
	struct pyr_ns_entries *entries;
	pyr_ns *ns = locate();
	const char *uri = pyrite_NameServer_register(daemon, NULL, &methods, NULL);

	CHECK_INT(pyr_ns_register_with(ns, "lease.a", uri, &options), 0);
	CHECK_INT(pyr_ns_register(ns, "lease.b", uri), 0);
	CHECK_INT(pyr_ns_register(ns, "lease.c", uri), 0);
	CHECK_INT(steal("lease.a"), -PYR_ALREADY_EXISTS);
	CHECK_INT(pyr_ns_remove_matching(ns, "lease\\.b", &removal), 0);
	CHECK_INT(removal.removed, 1);
	CHECK_INT(seize("lease.c"), 0);
	wait_for_renewals();
	REQUIRE(pyr_ns_list(ns, "lease.", &entries) == 0);
	CHECK_STR(names_of(entries), "lease.a[t] ");
	CHECK_INT(pyr_ns_register(ns, "lease.b", uri), 0);
	wait_for_renewals();
	REQUIRE(pyr_ns_list(ns, "lease.", &entries) == 0);
	CHECK_STR(names_of(entries), "lease.a[t] lease.b[] ");
	pyr_ns_free(ns);
	pyr_daemon_free(daemon);
}

/* Two daemons of this process, and what another has registered for good. */
TEST(daemons_that_share_a_name_take_back_what_is_theirs)
{
	static const struct pyrite_NameServer_methods methods = { .ping = answer_ping };
	static const char *const red[] = { "red" }, *const blue[] = { "blue" };
	struct pyr_ns_register_options options = { .shared = true, .tags = red, .n_tags = 1 };
	pyr_daemon *one = pyr_daemon_new(NULL), *two = pyr_daemon_new(NULL);
	struct pyrite_NameServer *proxy = name_server();
	struct pyrite_NameTerms terms = { .shared = true };
	struct pyrite_NameClaim claim = { 0 };
	struct pyrite_NameGrant *grant;
	struct pyr_ns_entries *entries;
	pyr_ns *ns = locate();
	char *uri;

	REQUIRE(pyrite_NameServer_register_name(proxy, "all", "PYRO:o@h:1", &terms, &claim,
						&grant) == 0);
	CHECK(grant->shared);
	pyr_free(grant);
	CHECK_INT(pyr_ns_register_with(ns, "all",
				       pyrite_NameServer_register(one, NULL, &methods, NULL),
				       &options),
		  0);
	options.tags = blue;
	CHECK_INT(pyr_ns_register_with(ns, "all",
				       pyrite_NameServer_register(two, NULL, &methods, NULL),
				       &options),
		  0);
	CHECK_INT(pyr_ns_register(ns, "all", "PYRO:o@h:2"), -PYR_ALREADY_EXISTS);
	CHECK_HAS(pyr_errmsg(), "register it as shared, too");
	wait_for_renewals();
	REQUIRE(pyr_ns_list(ns, "all", &entries) == 0);
	CHECK_INT(entries->n, 3);
	pyr_free(entries);
	REQUIRE(pyr_ns_list_metadata_all(ns, blue, 1, &entries) == 0);
	CHECK_STR(names_of(entries), "all[blue] ");
	pyr_daemon_free(one);
	REQUIRE(pyr_ns_list(ns, "all", &entries) == 0);
	CHECK_INT(entries->n, 2);
	pyr_free(entries);
	CHECK_INT(pyr_ns_remove(ns, "all"), 0);
	CHECK_INT(pyr_ns_lookup(ns, "all", &uri), 0);
	CHECK_STR(uri, "PYRO:o@h:1");
	pyr_free(uri);
	CHECK_INT(pyr_ns_remove(ns, "all"), 0);
	pyrite_NameServer_free(proxy);
	pyr_ns_free(ns);
	pyr_daemon_free(two);
}

TESTS(naming_metadata, T(names_have_metadata_and_are_found_by_it),
      T(each_registration_of_a_name_has_a_greater_generation),
      T(names_are_found_and_removed_by_regex), T(null_and_bad_arguments_of_metadata_are_answered),
      T(a_persistent_name_is_replaced_only_on_purpose),
      T(a_leased_name_that_was_removed_on_purpose_stays_removed),
      T(daemons_that_share_a_name_take_back_what_is_theirs), T(the_name_server_ends_well))
