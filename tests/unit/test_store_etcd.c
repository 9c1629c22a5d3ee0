/* SPDX-License-Identifier: MIT */
/* What name servers that share names see of each other, and who wins. */
#include "clock.h"
#include "shared_names.h"

/* ---- what one sees of others ---- */

TEST(a_name_that_is_registered_at_one_is_seen_at_all)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 0, NULL), 0);
	CHECK_STR(lookup(&a, "x"), URI_1);
	CHECK_STR(lookup(&b, "x"), URI_1);
	CHECK_INT(register_name(&b, "x", URI_2, 0, NULL), PYR_ALREADY_EXISTS);
	CHECK_INT(remove_name(&b, "x", NULL), 0);
	CHECK_STR(lookup(&a, "x"), "");
	CHECK_STR(a.changes, "+x -x ");
	CHECK_STR(b.changes, "+x -x ");
	close_both();
}

TEST(a_generation_is_the_revision_at_which_the_name_was_put)
{
	struct registry_problem problem;
	struct reply reply = { 0 };

	open_both();
	CHECK_INT(register_name(&a, "w", URI_1, 0, NULL), 0);
	CHECK_INT(start_name(&a, "x", URI_1, 0, NULL, false, &reply), 0);
	settle(&a);
	CHECK_INT(reply.code, 0);
	CHECK_INT(reply.revision, fake_etcd_revision());
	CHECK_STR(lookup(&b, "x"), URI_1);
	CHECK_INT(registry_lookup(b.registry, "x", &problem)->generation, reply.revision);
	CHECK_INT(registry_revision(b.registry), reply.revision);
	close_both();
}

TEST(what_is_not_safe_is_seen_by_nobody)
{
	struct reply reply = { 0 };

	open_both();
	CHECK_INT(register_name(&a, "w", URI_1, 0, NULL), 0);
	fake_etcd_hold();
	CHECK_INT(start_name(&a, "x", URI_1, 0, NULL, false, &reply), 0);
	settle(&a);
	CHECK_INT(reply.n, 0);
	CHECK_STR(lookup(&a, "x"), "");
	CHECK_STR(a.changes, "+w ");
	fake_etcd_go();
	settle(&a);
	CHECK_INT(reply.n, 1);
	CHECK_STR(lookup(&a, "x"), URI_1);
	close_both();
}

TEST(who_was_answered_sees_what_he_did)
{
	struct reply reply = { 0 };

	open_both();
	fake_etcd_hold_news();
	CHECK_INT(start_name(&a, "x", URI_1, 0, NULL, false, &reply), 0);
	settle(&a);
	CHECK(fake_etcd_get(N "x") != NULL);
	CHECK_INT(reply.n, 0); /* it is done, and the watch has not told */
	fake_etcd_go_news();
	settle(&a);
	CHECK_INT(reply.n, 1);
	CHECK_STR(lookup(&a, "x"), URI_1);
	close_both();
}

/* ---- at the same time ---- */

TEST(of_two_that_register_a_name_at_the_same_time_one_gets_it)
{
	struct reply first = { 0 }, second = { 0 };

	open_both();
	fake_etcd_hold();
	CHECK_INT(start_name(&a, "x", URI_1, 0, NULL, false, &first), 0);
	CHECK_INT(start_name(&b, "x", URI_2, 0, NULL, false, &second), 0);
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(first.code, 0);
	CHECK_INT(second.code, PYR_ABORTED);
	CHECK_INT(second.n, 1);
	/* and knows why, once it is told that */
	CHECK_INT(try_name(&b, "x", URI_2, 0, NULL, false), PYR_ALREADY_EXISTS);
	close_both();
}

TEST(a_name_is_not_shared_and_alone_at_the_same_time)
{
	struct reply first = { 0 }, second = { 0 };

	open_both();
	fake_etcd_hold();
	CHECK_INT(start_name(&a, "x", URI_1, 0, NULL, true, &first), 0);
	CHECK_INT(start_name(&b, "x", URI_2, 0, NULL, false, &second), 0);
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(first.code, 0);
	CHECK_INT(second.code, PYR_ABORTED);
	close_both();
}

TEST(names_that_begin_alike_do_not_disturb_each_other)
{
	struct reply replies[4] = { 0 };
	const char *names[] = { "x", "x.y", "x-", "xx" };
	int i;

	open_both();
	fake_etcd_hold();
	for (i = 0; i < 4; i++) {
		CHECK_INT(try_name(i % 2 ? &a : &b, names[i], URI_1, 0, NULL, i == 3), 0);
		registry_when_safe(i % 2 ? a.registry : b.registry, on_reply, &replies[i]);
	}
	fake_etcd_go();
	settle(&a);
	settle(&b);
	for (i = 0; i < 4; i++)
		CHECK_INT(replies[i].n == 1 ? replies[i].code : -1, 0);
	close_both();
}

static struct registry_claim person(const char *who)
{
	return (struct registry_claim){ .who = who, .is_owner = true };
}

TEST(of_two_people_one_comes_to_own_a_name)
{
	struct registry_request request = { .name = "x",
					    .uri = URI_1,
					    .claim = person("cert:eve") };
	struct registry_problem problem;
	struct reply first = { 0 }, second = { 0 };

	open_both();
	fake_etcd_hold();
	CHECK(registry_register(a.registry, &request, &problem) != NULL);
	registry_when_safe(a.registry, on_reply, &first);
	request.claim = person("cert:bob");
	request.uri = URI_2;
	CHECK(registry_register(b.registry, &request, &problem) != NULL);
	registry_when_safe(b.registry, on_reply, &second);
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(first.code, 0);
	CHECK_INT(second.code, PYR_ABORTED);
	CHECK(!registry_register(b.registry, &request, &problem));
	CHECK_HAS(problem.text, "belongs to another certificate");
	CHECK_STR(registry_owner(b.registry, "x"), "cert:eve");
	CHECK_STR(fake_etcd_get(N " x"), "{\"owner\":\"cert:eve\"}");
	close_both();
}

TEST(a_name_is_kept_for_its_owner_at_all)
{
	struct registry_request request = { .name = "x",
					    .uri = URI_1,
					    .claim = person("cert:eve") };
	struct registry_claim eve = person("cert:eve");
	struct registry_problem problem;
	struct reply first = { 0 };

	open_both();
	CHECK(registry_register(a.registry, &request, &problem) != NULL);
	registry_when_safe(a.registry, on_reply, &first);
	settle(&a);
	CHECK_INT(registry_remove(a.registry, "x", &eve, &problem), 0);
	registry_when_safe(a.registry, on_reply, &first);
	settle(&a);
	CHECK_STR(lookup(&b, "x"), "");
	CHECK_STR(registry_owner(b.registry, "x"), "cert:eve");
	CHECK_INT(try_name(&b, "x", URI_2, 0, NULL, false), PYR_PERMISSION_DENIED);
	close_both();
}

/* ---- what is refused ---- */

TEST(before_a_refusal_one_can_catch_up_with_others)
{
	struct reply reply = { 0 };

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 0, NULL), 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	fake_etcd_hold_news();
	(void)registry_settle(a.registry);
	{
		struct registry_claim nobody = { 0 };
		struct registry_problem problem;
		struct reply removal = { 0 };

		CHECK_INT(registry_remove(a.registry, "x", &nobody, &problem), 0);
		registry_when_safe(a.registry, on_reply, &removal);
		/* b does not know yet that it is free */
		CHECK_INT(try_name(&b, "x", URI_2, 0, NULL, false), PYR_ALREADY_EXISTS);
		registry_catch_up(b.registry, on_reply, &reply);
		settle(&b);
		CHECK_INT(reply.n, 0);
		fake_etcd_go_news();
		settle(&b);
		settle(&a);
		CHECK_INT(removal.n, 1);
	}
	CHECK_INT(reply.n, 1);
	CHECK_INT(reply.code, 0);
	CHECK_INT(register_name(&b, "x", URI_2, 0, NULL), 0);
	close_both();
}

TEST(what_cannot_be_known_is_told_so)
{
	open_both();
	fake_etcd_fail_next(ETCD_UNKNOWN, true);
	CHECK_INT(register_name(&a, "x", URI_1, 0, NULL), PYR_UNAVAILABLE);
	settle(&a);
	CHECK_STR(lookup(&a, "x"), URI_1); /* it was done */
	fake_etcd_fail_next(ETCD_UNKNOWN, false);
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), PYR_UNAVAILABLE);
	CHECK_STR(lookup(&a, "y"), "");
	fake_etcd_fail_next(ETCD_NO_SPACE, false);
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), PYR_RESOURCE_EXHAUSTED);
	fake_etcd_fail_next(ETCD_REFUSED, false);
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), PYR_FAILED_PRECONDITION);
	CHECK_STR(lookup(&a, "y"), "");
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), 0);
	close_both();
}

TEST(names_are_told_while_etcd_cannot_be_reached)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 0, NULL), 0);
	CHECK_INT(registry_age_ms(a.registry), 0);
	fake_etcd_fail(ETCD_NOT_RUN);
	CHECK_STR(lookup(&a, "x"), URI_1);
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), PYR_UNAVAILABLE);
	CHECK_INT(remove_name(&a, "x", NULL), PYR_UNAVAILABLE);
	CHECK_STR(lookup(&a, "x"), URI_1);
	fake_etcd_fail(ETCD_DONE);
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), 0);
	close_both();
}

/* ---- many at a time ---- */

enum { CROWD = 10 };

/* Registers n0 to n9 at a; none has been answered. */
static void register_crowd(struct reply replies[CROWD])
{
	char name[20];
	int i;

	memset(replies, 0, CROWD * sizeof(replies[0]));
	fake_etcd_hold();
	for (i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_INT(start_name(&a, name, URI_1, 0, NULL, false, &replies[i]), 0);
	}
}

TEST(changes_of_many_names_go_together)
{
	struct reply replies[CROWD];
	int64_t began = clock_ms();
	bool is_quick;
	int i;

	open_both();
	register_crowd(replies);
	is_quick = clock_ms() - began < 100; /* else who has waited so long has gone */
	fake_etcd_go();
	settle(&a);
	for (i = 0; i < CROWD; i++)
		CHECK_INT(replies[i].n == 1 ? replies[i].code : -1, 0);
	/* the first ones went at once; all that waited for them are of one revision */
	CHECK(replies[0].revision < replies[CROWD - 1].revision);
	if (is_quick)
		CHECK_INT(replies[CROWD - 1].revision, replies[CROWD / 2].revision);
	CHECK_INT(registry_count(a.registry), CROWD);
	settle(&b);
	CHECK_INT(registry_count(b.registry), CROWD);
	close_both();
}

TEST(one_that_comes_too_late_keeps_no_other_back)
{
	struct reply replies[CROWD];
	int i;

	open_both();
	register_crowd(replies);
	fake_etcd_put(N "n7", "{\"uri\":\"" URI_2 "\",\"tags\":[],\"secret\":"
			      "\"00112233445566778899aabbccddeeff\"}");
	fake_etcd_go();
	settle(&a);
	for (i = 0; i < CROWD; i++)
		CHECK_INT(replies[i].n == 1 ? replies[i].code : -1, i == 7 ? PYR_ABORTED : 0);
	CHECK_STR(lookup(&a, "n6"), URI_1);
	CHECK_STR(lookup(&a, "n7"), URI_2);
	CHECK_STR(lookup(&b, "n8"), URI_1);
	close_both();
}

TEST(changes_of_a_name_do_not_go_together)
{
	struct reply replies[CROWD] = { 0 };
	char uri[30];
	int i, n_done = 0, n_late = 0;

	open_both();
	CHECK_INT(register_name(&a, "y", URI_1, 0, NULL), 0);
	fake_etcd_hold();
	for (i = 0; i < CROWD; i++) { /* shared, and not, as if the name were free */
		snprintf(uri, sizeof(uri), "PYRO:o@h:%d", i + 10);
		CHECK_INT(start_name(&a, "x", uri, 0, NULL, i % 2, &replies[i]), 0);
	}
	fake_etcd_go();
	settle(&a);
	for (i = 0; i < CROWD; i++) {
		n_done += replies[i].n == 1 && replies[i].code == 0;
		n_late += replies[i].n == 1 && replies[i].code == PYR_ABORTED;
	}
	CHECK_INT(n_done, 1);
	CHECK_INT(n_late, CROWD - 1);
	CHECK_INT(registry_count(a.registry), 2);
	close_both();
}

TEST(what_cannot_be_known_of_many_is_told_to_each)
{
	struct reply replies[CROWD];
	int i, n_unknown = 0;

	open_both();
	register_crowd(replies);
	fake_etcd_fail(ETCD_UNKNOWN);
	fake_etcd_go();
	settle(&a);
	for (i = 0; i < CROWD; i++)
		n_unknown += replies[i].n == 1 && replies[i].code == PYR_UNAVAILABLE;
	CHECK_INT(n_unknown, CROWD);
	fake_etcd_fail(ETCD_DONE);
	CHECK_INT(register_name(&a, "n0", URI_1, 0, NULL), 0);
	close_both();
}

TESTS(store_etcd, T(a_name_that_is_registered_at_one_is_seen_at_all),
      T(a_generation_is_the_revision_at_which_the_name_was_put),
      T(what_is_not_safe_is_seen_by_nobody), T(who_was_answered_sees_what_he_did),
      T(of_two_that_register_a_name_at_the_same_time_one_gets_it),
      T(a_name_is_not_shared_and_alone_at_the_same_time),
      T(names_that_begin_alike_do_not_disturb_each_other), T(of_two_people_one_comes_to_own_a_name),
      T(a_name_is_kept_for_its_owner_at_all), T(before_a_refusal_one_can_catch_up_with_others),
      T(what_cannot_be_known_is_told_so), T(names_are_told_while_etcd_cannot_be_reached),
      T(changes_of_many_names_go_together), T(one_that_comes_too_late_keeps_no_other_back),
      T(changes_of_a_name_do_not_go_together), T(what_cannot_be_known_of_many_is_told_to_each))
