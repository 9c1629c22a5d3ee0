/* SPDX-License-Identifier: MIT */
/* Leases, owners who go, and what etcd does not tell: name servers that share names. */
#include "shared_names.h"

/* ---- leases ---- */

TEST(an_owner_has_one_lease_for_all_his_names)
{
	int code;

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_INT(register_name(&a, "y", URI_1, 10000, mine), 0);
	CHECK_INT(register_name(&b, "z", URI_1, 10000, mine), 0);
	CHECK_INT(fake_etcd_leases(), 1);
	CHECK_INT(register_name(&b, "his", URI_2, 10000, his), 0);
	CHECK_INT(fake_etcd_leases(), 2);
	/* at whichever name server */
	CHECK_INT(renew(&b, "x", mine, &code), RENEWAL_DONE);
	CHECK_INT(code, 0);
	CHECK_INT(renew(&a, "his", mine, &code), RENEWAL_LOST);
	close_both();
}

TEST(names_go_with_their_lease)
{
	int code;

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_INT(register_name(&a, "p", URI_1, 0, NULL), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	CHECK_INT(fake_etcd_expire_all(), 1);
	CHECK_STR(lookup(&a, "x"), "");
	CHECK_STR(lookup(&b, "x"), "");
	CHECK_STR(lookup(&b, "p"), URI_1);
	CHECK_INT(renew(&a, "x", mine, &code), RENEWAL_LOST);
	/* the next registration finds that the lease is gone, and makes it */
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_INT(fake_etcd_leases(), 1);
	close_both();
}

TEST(a_renewal_of_what_is_just_gone_is_made_again)
{
	int code;

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	fake_etcd_hold_news();
	CHECK_INT(fake_etcd_expire_all(), 1);
	{
		struct registry_claim claim = claim_of(mine);
		struct reply reply = { 0 };

		CHECK_INT(registry_renew(b.registry, "x", &claim), RENEWAL_DONE);
		registry_when_safe(b.registry, on_reply, &reply);
		settle(&b);
		CHECK_INT(reply.n, 0);
		fake_etcd_go_news();
		settle(&b);
		CHECK_INT(reply.n, 1);
		CHECK_INT(reply.code, PYR_ABORTED);
	}
	CHECK_INT(renew(&b, "x", mine, &code), RENEWAL_LOST);
	CHECK_INT(code, 0);
	close_both();
}

TEST(leases_are_of_whole_seconds)
{
	struct registry_problem problem;

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 100, mine), 0);
	CHECK_INT(registry_lookup(a.registry, "x", &problem)->ttl_ms, 2000);
	CHECK_INT(register_name(&a, "y", URI_1, 2001, mine), 0);
	CHECK_INT(registry_lookup(a.registry, "y", &problem)->ttl_ms, 3000);
	close_both();
}

TEST(an_owner_who_was_told_of_a_removal_does_not_come_back)
{
	struct registry_claim force = { .force = true };
	struct registry_problem problem;
	struct reply reply = { 0 };
	int code;

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	CHECK_INT(registry_remove(b.registry, "x", &force, &problem), 0);
	registry_when_safe(b.registry, on_reply, &reply);
	settle(&b);
	CHECK_INT(reply.code, 0);
	CHECK_INT(renew(&a, "x", mine, &code), RENEWAL_REVOKED);
	CHECK_INT(renew(&b, "x", mine, &code), RENEWAL_REVOKED);
	CHECK_INT(renew(&b, "x", his, &code), RENEWAL_LOST);
	CHECK(strstr(a.changes, "-x! ") != NULL);
	close_both();
}

/* ---- owners who are gone ---- */

TEST(names_of_an_owner_who_is_gone_may_be_taken_at_all)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	CHECK_INT(register_name(&b, "x", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	registry_orphan(a.registry, mine);
	settle(&b);
	CHECK_INT(register_name(&b, "x", URI_2, 10000, his), 0);
	CHECK_STR(lookup(&a, "x"), URI_2);
	close_both();
}

TEST(an_owner_who_dies_while_he_registers_leaves_his_names)
{
	struct reply first = { 0 }, replies[3] = { 0 };

	open_both();
	fake_etcd_hold();
	CHECK_INT(start_name(&a, "first", URI_1, 10000, mine, false, &first), 0);
	registry_orphan(a.registry, mine); /* whose lease etcd has not made yet */
	fake_etcd_go();
	settle(&a);
	CHECK_INT(first.n == 1 ? first.code : -1, 0);
	settle(&a);
	CHECK_INT(register_name(&b, "first", URI_2, 10000, his), 0);

	/* what waits for others to come back is sent after the word that he is gone */
	fake_etcd_hold();
	CHECK_INT(start_name(&a, "x", URI_1, 10000, mine, false, &replies[0]), 0);
	CHECK_INT(start_name(&a, "y", URI_1, 10000, mine, false, &replies[1]), 0);
	CHECK_INT(start_name(&a, "z", URI_1, 10000, mine, false, &replies[2]), 0);
	registry_orphan(a.registry, mine);
	fake_etcd_go();
	settle(&a);
	CHECK_INT(replies[2].n == 1 ? replies[2].code : -1, 0);
	settle(&a);
	CHECK_INT(register_name(&b, "x", URI_2, 10000, his), 0);
	CHECK_INT(register_name(&b, "z", URI_2, 10000, his), 0);

	/* and one who is here again keeps them */
	fake_etcd_hold();
	CHECK_INT(start_name(&a, "mine", URI_1, 10000, mine, false, &first), 0);
	registry_orphan(a.registry, mine);
	a.has_owner = true;
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(register_name(&b, "mine", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	close_both();
}

TEST(an_owner_who_renews_anywhere_is_there_again)
{
	int code;

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	registry_orphan(a.registry, mine);
	settle(&a);
	settle(&b);
	CHECK_INT(renew(&b, "x", mine, &code), RENEWAL_DONE);
	CHECK_INT(code, 0);
	settle(&a);
	CHECK_INT(register_name(&a, "x", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	CHECK_INT(register_name(&b, "x", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	close_both();
}

TEST(an_owner_who_comes_back_is_not_robbed_at_the_same_moment)
{
	struct reply robbery = { 0 }, renewal = { 0 };
	struct registry_claim claim = claim_of(mine);

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	registry_orphan(a.registry, mine);
	settle(&a);
	settle(&b);
	fake_etcd_hold();
	CHECK_INT(registry_renew(a.registry, "x", &claim), RENEWAL_DONE);
	registry_when_safe(a.registry, on_reply, &renewal);
	CHECK_INT(start_name(&b, "x", URI_2, 10000, his, false, &robbery), 0);
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(renewal.code, 0);
	CHECK_INT(robbery.code, PYR_ABORTED);
	CHECK_INT(try_name(&b, "x", URI_2, 10000, his, false), PYR_ALREADY_EXISTS);
	close_both();
}

TEST(an_owner_who_has_moved_here_is_not_gone)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	b.has_owner = true;
	registry_orphan(a.registry, mine); /* a sees his old connection end */
	settle(&b);
	settle(&a);
	CHECK_INT(register_name(&a, "x", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	close_both();
}

TEST(a_trial_leaves_an_owner_who_is_gone_as_he_was)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_INT(register_name(&a, "y", URI_1, 10000, mine), 0);
	registry_orphan(a.registry, mine);
	settle(&a);
	fake_etcd_fail_next(ETCD_NOT_RUN, false);
	CHECK_INT(register_name(&a, "x", URI_2, 10000, his), PYR_UNAVAILABLE);
	CHECK_INT(register_name(&a, "x", URI_2, 10000, his), 0);
	CHECK_INT(register_name(&a, "y", URI_2, 10000, his), 0);
	close_both();
}

/* ---- what etcd does not tell ---- */

TEST(names_are_read_again_when_the_watch_is_lost)
{
	char name[20];
	int i;

	open_both();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_INT(register_name(&a, name, URI_1, 0, NULL), 0);
	}
	CHECK_STR(lookup(&b, "n19"), URI_1);
	fake_etcd_hold_news();
	fake_etcd_delete_silently(N "n0");
	fake_etcd_delete_silently(N "n7");
	fake_etcd_delete_silently(N "n19");
	fake_etcd_put(N "n8", "{\"uri\":\"" URI_2 "\",\"tags\":[],\"secret\":"
			      "\"00112233445566778899aabbccddeeff\"}");
	fake_etcd_compact();
	fake_etcd_go_news();
	CHECK_STR(lookup(&b, "n0"), "");
	settle(&b);
	CHECK_STR(lookup(&b, "n7"), "");
	CHECK_STR(lookup(&b, "n8"), URI_2);
	CHECK_STR(lookup(&b, "n9"), URI_1);
	CHECK_STR(lookup(&b, "n19"), "");
	CHECK_INT(registry_count(b.registry), 17);
	CHECK_INT(registry_revision(b.registry), fake_etcd_revision());
	CHECK_INT(register_name(&b, "n0", URI_2, 0, NULL), 0);
	CHECK_INT(remove_name(&b, "n8", NULL), 0);
	close_both();
}

/* Until there is nothing more. Returns the revision that it is at. */
static uint64_t take_all(struct place *place)
{
	uint64_t before = 0;
	int i;

	while (registry_revision(place->registry) != before) {
		before = registry_revision(place->registry);
		for (i = 0; i < 100; i++)
			(void)registry_settle(place->registry);
	}
	return before;
}

/* One that takes nothing out is not sent all the same: what is more than 32 MiB waits in etcd. */
TEST(news_wait_in_etcd_while_the_owner_is_busy)
{
	static char value[6000];
	uint64_t most = 9000, paused;
	char key[64];
	size_t i, n;

	open_both();
	n = (size_t)snprintf(value, sizeof(value),
			     "{\"uri\":\"" URI_1 "\",\"secret\":\"%032d\",\"tags\":[", 0);
	for (i = 0; i < 20; i++)
		n += (size_t)snprintf(value + n, sizeof(value) - n, "%s\"%zu-%0190d\"",
				      i ? "," : "", i, 0);
	snprintf(value + n, sizeof(value) - n, "]}");
	for (i = 0; i < most; i++) {
		snprintf(key, sizeof(key), N "x%zu", i % 100);
		fake_etcd_put(key, value);
		if (i % 1000 == 0)
			(void)take_all(&a);
	}
	CHECK(take_all(&a) > most);
	paused = take_all(&b); /* which begins to watch again there */
	CHECK(paused > most / 2 && paused < most);
	fake_etcd_put(N "last", value);
	CHECK_STR(lookup(&a, "last"), URI_1);
	for (i = 0; i < 10 && take_all(&b) < fake_etcd_revision(); i++)
		fake_etcd_go_news();
	CHECK_INT(take_all(&b), fake_etcd_revision());
	CHECK_STR(lookup(&b, "last"), URI_1);
	CHECK_INT(registry_count(b.registry), 101);
	close_both();
}

TEST(an_event_that_was_never_told_is_found)
{
	int i;

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 0, NULL), 0);
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	fake_etcd_delete_silently(N "x");
	CHECK_STR(lookup(&b, "x"), URI_1);
	for (i = 0; i < 100 && lookup(&b, "x")[0]; i++)
		usleep(50000); /* a page is read again every second */
	CHECK_STR(lookup(&b, "x"), "");
	CHECK_STR(lookup(&b, "y"), URI_1);
	close_both();
}

TEST(what_is_no_name_is_set_aside)
{
	static const char *const values[] = {
		"",
		"{",
		"[]",
		"{\"uri\":1}",
		"{\"uri\":\"PYRO:o@h:1\"}",
		"{\"uri\":\"PYRO:o@h:1\",\"tags\":[1],\"secret\":"
		"\"00112233445566778899aabbccddeeff\"}",
		"{\"uri\":\"PYRO:o@h:1\",\"tags\":[],\"secret\":\"0011223344556677\"}",
		"{\"uri\":\"nowhere\",\"tags\":[],\"secret\":\"00112233445566778899aabbccddeeff\"}",
		"{\"uri\":\"PYRO:o@H:1\",\"tags\":[],\"secret\":"
		"\"00112233445566778899aabbccddeeff\"}",
		"{\"uri\":\"PYRO:o@h:1\",\"tags\":[],\"ttl_ms\":-5,"
		"\"secret\":\"00112233445566778899aabbccddeeff\"}",
		"{\"uri\":\"PYRO:o@h:1\",\"tags\":[\"b\",\"b\"],"
		"\"secret\":\"00112233445566778899aabbccddeeff\"}",
	};
	size_t i, n = sizeof(values) / sizeof(values[0]);

	open_both();
	for (i = 0; i < n; i++)
		fake_etcd_put(N "x", values[i]);
	settle(&a);
	CHECK_INT(a.n_aside, n);
	CHECK_STR(lookup(&a, "x"), "");
	fake_etcd_put(N "a b c", values[n - 1]);
	fake_etcd_put(N " ", "{\"owner\":\"cert:x\"}");
	fake_etcd_put(N "sp PYRO:o@h:2", values[n - 1]);
	fake_etcd_put("/pyrite/ns/g/abc", "{\"secret\":\"00112233445566778899aabbccddeeff\"}");
	fake_etcd_put("/pyrite/ns/r/x", "{}");
	fake_etcd_put("/pyrite/ns/zzz", "");
	fake_etcd_put("/pyrite/ns/", "");
	settle(&a);
	CHECK_INT(registry_count(a.registry), 0);
	/* it is in the way until somebody removes it */
	CHECK_INT(register_name(&a, "x", URI_1, 0, NULL), PYR_ABORTED);
	close_both();
}

/* ---- trials ---- */

/* All records, as text. */
static void describe(const struct record *record, void *data)
{
	char *text = data;
	size_t i, n = strlen(text);

	n += (size_t)sprintf(text + n, "%s=%s %u %llu %d %s", record->key, record->uri,
			     record->ttl_ms, (unsigned long long)record->generation,
			     record->is_orphan, record->owner ? record->owner : "");
	for (i = 0; i < record->n_tags; i++)
		n += (size_t)sprintf(text + n, ",%s", record->tags[i]);
	sprintf(text + n, "\n");
}

/* A request that is tried, and comes to nothing. */
static void try_something(unsigned i)
{
	static const char *const names[] = { "a", "b", "c" };
	struct registry_claim claim = { .force = i / 3 % 2,
					.secret = i / 6 % 2 ? mine : his,
					.who = i / 12 % 2 ? "cert:eve" : "cert:bob",
					.is_owner = i / 24 % 2,
					.gives_up = true };
	struct registry_request request = { .name = names[i % 3],
					    .uri = i / 48 % 2 ? URI_1 : URI_2,
					    .ttl_ms = i / 96 % 2 ? 0 : 5000,
					    .is_shared = i / 192 % 2,
					    .claim = claim };
	const char *const tags[] = { "t", "u" };
	struct registry_problem problem;

	if (i % 7 == 0)
		(void)registry_remove(a.registry, names[i % 3], &claim, &problem);
	else if (i % 7 == 1)
		(void)registry_set_tags(a.registry, names[i % 3], tags, i % 2 + 1, &claim,
					&problem);
	else
		(void)registry_register(a.registry, &request, &problem);
}

TEST(a_trial_that_comes_to_nothing_leaves_everything_as_it_was)
{
	static char before[20000], after[20000];
	struct reply reply;
	unsigned i;

	open_both();
	for (i = 0; i < 3000; i++) {
		(void)registry_settle(a.registry);
		before[0] = after[0] = '\0';
		a.store->kind->walk(a.store, describe, before);
		fake_etcd_fail_next(ETCD_NOT_RUN, false);
		try_something(i * 31 % 385);
		memset(&reply, 0, sizeof(reply));
		registry_when_safe(a.registry, on_reply, &reply);
		(void)registry_settle(a.registry);
		fake_etcd_fail_next(ETCD_DONE, false);
		a.store->kind->walk(a.store, describe, after);
		CHECK_STR(after, before);
		if (strcmp(before, after) != 0)
			break;
		/* and some that do */
		try_something(i * 17 % 385);
		registry_when_safe(a.registry, on_reply, &reply);
		settle(&a);
	}
	/* the other one has followed */
	while (registry_revision(b.registry) < fake_etcd_revision())
		(void)registry_settle(b.registry); /* a slice of time */
	before[0] = after[0] = '\0';
	a.store->kind->walk(a.store, describe, before);
	b.store->kind->walk(b.store, describe, after);
	CHECK(strlen(before) > 20);
	CHECK_STR(after, before);
	close_both();
}

TEST(what_waits_is_answered_when_a_store_is_closed)
{
	struct reply replies[2] = { 0 };

	open_both();
	fake_etcd_hold();
	CHECK_INT(start_name(&a, "x", URI_1, 0, NULL, false, &replies[0]), 0);
	registry_catch_up(a.registry, on_reply, &replies[1]);
	close_both();
	CHECK_INT(replies[0].n, 1);
	CHECK_INT(replies[1].n, 1);
}

TEST(a_check_does_not_wait_for_all_names_but_says_what_is_wrong)
{
	struct store_etcd_options options = { .endpoints = "played", .start_ms = 20 };
	struct store_problem problem = { 0 };
	struct store *store;
	size_t pages;

	for (pages = 0; pages < 2; pages++) {
		fake_etcd_reset();
		fake_etcd_put("/pyrite/ns/n/a", "{}"); /* a page has three */
		fake_etcd_put("/pyrite/ns/n/b", "{}");
		fake_etcd_put("/pyrite/ns/n/c", "{}");
		fake_etcd_put("/pyrite/ns/n/d", "{}");
		fake_etcd_read_pages(pages, ETCD_DONE);
		options.only_checks = false;
		CHECK(store_etcd_new(&options, note_aside, &a, &problem) == NULL);
		CHECK_STR(problem.text, "names cannot be read from etcd: it does not answer");
		fake_etcd_read_pages(pages, ETCD_DONE);
		options.only_checks = true;
		store = store_etcd_new(&options, note_aside, &a, &problem);
		CHECK((store != NULL) == (pages > 0));
		if (store)
			store->kind->free(store);
	}
	fake_etcd_reset();
}

/* Each second page is too slow, so a reading that begins anew never ends. */
TEST(reading_goes_on_at_the_page_that_failed)
{
	struct store_etcd_options options = { .endpoints = "played", .start_ms = 5000 };
	struct store_problem problem = { 0 };
	char key[] = "/pyrite/ns/n/a";
	struct store *store;
	size_t n;

	fake_etcd_reset();
	memset(&a, 0, sizeof(a));
	for (n = 0; n < 9; n++, key[sizeof(key) - 2]++)
		fake_etcd_put(key, "no name");
	fake_etcd_read_pages(1, ETCD_NOT_RUN);
	store = store_etcd_new(&options, note_aside, &a, &problem);
	REQUIRE(store != NULL);
	CHECK_INT(a.n_aside, 9);
	store->kind->free(store);
	fake_etcd_read_pages(1, ETCD_COMPACTED); /* which no page can be read of any more */
	options.start_ms = 1000;
	CHECK(store_etcd_new(&options, note_aside, &a, &problem) == NULL);
	CHECK_HAS(problem.text, "names cannot be read from etcd");
	fake_etcd_reset();
}

TESTS(store_etcd_life, T(an_owner_has_one_lease_for_all_his_names), T(names_go_with_their_lease),
      T(a_renewal_of_what_is_just_gone_is_made_again), T(leases_are_of_whole_seconds),
      T(an_owner_who_was_told_of_a_removal_does_not_come_back),
      T(names_of_an_owner_who_is_gone_may_be_taken_at_all),
      T(an_owner_who_dies_while_he_registers_leaves_his_names),
      T(an_owner_who_renews_anywhere_is_there_again),
      T(an_owner_who_comes_back_is_not_robbed_at_the_same_moment),
      T(an_owner_who_has_moved_here_is_not_gone), T(a_trial_leaves_an_owner_who_is_gone_as_he_was),
      T(names_are_read_again_when_the_watch_is_lost), T(news_wait_in_etcd_while_the_owner_is_busy),
      T(an_event_that_was_never_told_is_found), T(what_is_no_name_is_set_aside),
      T(a_trial_that_comes_to_nothing_leaves_everything_as_it_was),
      T(what_waits_is_answered_when_a_store_is_closed),
      T(a_check_does_not_wait_for_all_names_but_says_what_is_wrong),
      T(reading_goes_on_at_the_page_that_failed))
