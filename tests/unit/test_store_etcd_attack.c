/* SPDX-License-Identifier: MIT */
/* Races, limits and strangers' keys: what those who wish a name server ill do to names in etcd. */
#include "shared_names.h"

#include <unistd.h>

/* ---- keys that nobody should have put ---- */

TEST(keys_that_are_no_names_are_passed_by)
{
	static char key[6000];
	int i;

	open_both();
	CHECK_INT(register_name(&a, "a", URI_1, 0, NULL), 0);
	CHECK_INT(register_name(&a, "z", URI_1, 0, NULL), 0);
	fake_etcd_hold_news();
	for (i = 0; i < 8; i++) { /* pages have three keys here */
		memset(key, 'm', sizeof(key));
		memcpy(key, N, strlen(N));
		key[2600 + i * 300] = '\0';
		fake_etcd_put(key, "x");
	}
	fake_etcd_compact();
	fake_etcd_go_news();
	for (i = 0; i < 10; i++)
		settle(&b);
	CHECK_INT(registry_revision(b.registry), fake_etcd_revision());
	CHECK_STR(lookup(&b, "a"), URI_1);
	CHECK_STR(lookup(&b, "z"), URI_1);
	close_both();
}

TEST(a_value_is_not_read_however_large_it_is)
{
	static char value[200000];

	open_both();
	memset(value, '[', sizeof(value) - 1);
	fake_etcd_put(N "x", value);
	settle(&a);
	CHECK_INT(a.n_aside, 1);
	CHECK_HAS(a.aside, "too large");
	close_both();
}

TEST(the_log_is_not_filled_and_tells_no_secrets)
{
	int i;

	open_both();
	for (i = 0; i < 150; i++)
		fake_etcd_put(N "x", "{\"secret\": \"00112233445566778899aabbccddeeff\" x");
	settle(&a);
	CHECK_INT(a.n_aside, 100);
	CHECK_HAS(a.aside, "not JSON, from byte 4");
	CHECK(strstr(a.aside, "0011") == NULL);
	close_both();
}

/* ---- whose names are ---- */

static struct registry_claim person(const char *who)
{
	return (struct registry_claim){ .who = who, .is_owner = true };
}

/* Registers as somebody. Returns whether the rules take it; it is sent if reply is given. */
static bool register_as(struct place *place, const char *name, struct registry_claim claim,
			struct reply *reply)
{
	struct registry_request request = { .name = name, .uri = URI_1, .claim = claim };
	struct registry_problem problem;

	(void)registry_settle(place->registry);
	if (!registry_register(place->registry, &request, &problem))
		return false;
	if (reply)
		registry_when_safe(place->registry, on_reply, reply);
	return true;
}

static void remove_as(struct place *place, const char *name, struct registry_claim claim)
{
	struct registry_problem problem;
	struct reply reply = { 0 };

	(void)registry_settle(place->registry);
	CHECK_INT(registry_remove(place->registry, name, &claim, &problem), 0);
	registry_when_safe(place->registry, on_reply, &reply);
	settle(place);
	CHECK_INT(reply.code, 0);
}

/* The name has an owner, is not registered, and both name servers know that. */
static void own_name(const char *name, const char *who)
{
	struct reply reply = { 0 };

	CHECK(register_as(&a, name, person(who), &reply));
	settle(&a);
	CHECK_INT(reply.code, 0);
	remove_as(&a, name, person(who));
	settle(&b);
	CHECK_STR(registry_owner(b.registry, name), who);
}

TEST(an_owner_who_comes_back_is_not_forgotten_at_the_same_moment)
{
	struct reply reply = { 0 };

	open_both();
	own_name("x", "cert:eve");
	fake_etcd_hold();
	CHECK(register_as(&a, "x", person("cert:eve"), &reply));
	now += (int64_t)(REGISTRY_KEEP_DAYS + 1) * 24 * 3600 * 1000;
	registry_sweep(b.registry);
	settle(&b);
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(reply.code, 0);
	CHECK_STR(lookup(&b, "x"), URI_1);
	CHECK_STR(registry_owner(a.registry, "x"), "cert:eve");
	CHECK_STR(registry_owner(b.registry, "x"), "cert:eve");
	close_both();
}

TEST(a_name_is_not_given_up_while_it_is_registered_elsewhere)
{
	struct registry_claim eve = person("cert:eve");
	struct reply reply = { 0 }, other = { 0 };
	struct registry_problem problem;

	open_both();
	own_name("x", "cert:eve");
	eve.gives_up = true;
	fake_etcd_hold();
	CHECK(register_as(&a, "x", person("cert:eve"), &reply));
	CHECK_INT(registry_remove(b.registry, "x", &eve, &problem), 0);
	registry_when_safe(b.registry, on_reply, &other);
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(reply.code, 0);
	CHECK_INT(other.code, PYR_ABORTED);
	CHECK_STR(registry_owner(b.registry, "x"), "cert:eve");
	close_both();
}

TEST(a_trial_that_comes_to_nothing_does_not_hold_a_name_for_its_owner)
{
	struct reply reply = { 0 };

	open_both();
	own_name("x", "cert:eve");
	fake_etcd_fail_next(ETCD_NOT_RUN, false);
	CHECK(register_as(&a, "x", person("cert:eve"), &reply));
	settle(&a);
	CHECK_INT(reply.code, PYR_UNAVAILABLE);
	now += (int64_t)(REGISTRY_KEEP_DAYS + 1) * 24 * 3600 * 1000;
	registry_sweep(a.registry);
	settle(&a);
	settle(&a);
	CHECK(registry_owner(a.registry, "x") == NULL);
	close_both();
}

static bool may_all(void *data, const char *action, const char *name)
{
	(void)data;
	(void)action;
	(void)name;
	return true;
}

TEST(a_name_that_is_only_assigned_is_kept_so_long)
{
	struct registry_claim admin = { .who = "cert:root", .may = may_all };
	struct registry_problem problem;
	struct reply reply = { 0 };

	open_both();
	CHECK_INT(registry_assign(a.registry, "x", "cert:eve", &admin, &problem), 0);
	registry_when_safe(a.registry, on_reply, &reply);
	settle(&a);
	settle(&b);
	CHECK_INT(reply.code, 0);
	CHECK_STR(registry_owner(b.registry, "x"), "cert:eve");
	now += (int64_t)(REGISTRY_KEEP_DAYS + 1) * 24 * 3600 * 1000;
	registry_sweep(b.registry);
	settle(&b);
	settle(&b);
	CHECK(registry_owner(b.registry, "x") == NULL);
	close_both();
}

TEST(who_reads_does_not_have_names_forgotten_again_and_again)
{
	uint64_t revision;
	int i;

	open_both();
	own_name("x", "cert:eve");
	now += (int64_t)(REGISTRY_KEEP_DAYS + 1) * 24 * 3600 * 1000;
	fake_etcd_hold();
	for (i = 0; i < 50; i++) {
		registry_sweep(a.registry);
		(void)registry_settle(a.registry);
	}
	revision = fake_etcd_revision();
	CHECK_INT(fake_etcd_go(), 1);
	settle(&a);
	CHECK_INT(fake_etcd_revision(), revision + 1);
	CHECK(registry_owner(a.registry, "x") == NULL);
	close_both();
}

/* ---- owners who are gone ---- */

TEST(a_trial_does_not_make_other_names_of_an_owner_free)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_INT(register_name(&a, "y", URI_1, 10000, mine), 0);
	registry_orphan(a.registry, mine);
	settle(&a);
	settle(&b);
	/* he is there, and has said so of y alone */
	CHECK_INT(register_name(&a, "y", URI_1, 10000, mine), 0);
	settle(&b);
	fake_etcd_fail_next(ETCD_NOT_RUN, false);
	(void)register_name(&b, "x", URI_2, 10000, his);
	CHECK_INT(register_name(&b, "y", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	close_both();
}

TEST(who_registers_is_there_again_for_all)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	CHECK_INT(register_name(&a, "y", URI_1, 10000, mine), 0);
	registry_orphan(a.registry, mine);
	settle(&a);
	settle(&b);
	CHECK_INT(register_name(&b, "y", URI_1, 10000, mine), 0);
	settle(&a);
	CHECK_INT(register_name(&a, "x", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	CHECK_INT(register_name(&b, "x", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	registry_free(b.registry);
	open_place(&b);
	CHECK_INT(register_name(&b, "y", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	close_both();
}

TEST(a_name_server_that_starts_knows_who_is_gone)
{
	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	registry_orphan(a.registry, mine);
	settle(&a);
	registry_free(b.registry);
	open_place(&b);
	CHECK(registry_find_key(b.registry, "x")->is_orphan);
	CHECK_INT(register_name(&b, "x", URI_2, 10000, his), 0);
	CHECK_STR(lookup(&a, "x"), URI_2);
	close_both();
}

TEST(a_name_that_is_newer_than_that_its_owner_is_gone_is_his)
{
	struct reply reply = { 0 };

	open_both();
	CHECK_INT(register_name(&a, "x", URI_1, 10000, mine), 0);
	settle(&b);
	fake_etcd_hold_news();
	registry_orphan(a.registry, mine);
	CHECK_INT(try_name(&b, "y", URI_1, 10000, mine, false), 0); /* b has not heard */
	registry_when_safe(b.registry, on_reply, &reply);
	fake_etcd_go_news();
	settle(&b);
	settle(&a);
	CHECK_INT(reply.code, 0);
	fake_etcd_compact(); /* all is read again */
	fake_etcd_go_news();
	settle(&a);
	CHECK_INT(register_name(&a, "y", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	registry_free(b.registry);
	open_place(&b);
	settle(&b); /* reads a page again */
	CHECK_INT(register_name(&b, "y", URI_2, 10000, his), PYR_ALREADY_EXISTS);
	CHECK_INT(register_name(&b, "x", URI_2, 10000, his), 0);
	close_both();
}

/* ---- limits ---- */

TEST(a_name_that_very_many_shared_and_left_can_be_taken)
{
	uint8_t secret[SECRET_SIZE] = "of one of many.";
	struct registry_claim nobody = { 0 };
	struct registry_problem problem;
	struct reply reply = { 0 };
	char uri[40];
	int i, round;

	open_both();
	for (round = 0; round < 2; round++) {
		for (i = 0; i < REGISTRY_SHARES; i++) {
			secret[0] = (uint8_t)i;
			snprintf(uri, sizeof(uri), "PYRO:o@h:%d", i + 1);
			CHECK_INT(start_name(&a, "x", uri, 10000, secret, true, &reply), 0);
			settle(&a);
			CHECK_INT(reply.code, 0);
		}
		for (i = 0; i < REGISTRY_SHARES; i++) {
			secret[0] = (uint8_t)i;
			registry_orphan(a.registry, secret);
		}
		settle(&a);
		if (round == 0) {
			CHECK_INT(registry_remove(a.registry, "x", &nobody, &problem), 0);
			registry_when_safe(a.registry, on_reply, &reply);
			settle(&a);
			CHECK_INT(reply.code, 0);
			CHECK_STR(lookup(&a, "x"), "");
		}
	}
	CHECK_INT(register_name(&a, "x", URI_1, 10000, his), 0);
	CHECK_STR(lookup(&a, "x"), URI_1);
	close_both();
}

/* 14 names and one that is shared by very many, as one request of the service removes them. */
TEST(many_names_that_were_left_go_at_once)
{
	uint8_t secret[SECRET_SIZE] = "of one of many.";
	struct registry_claim eve = person("cert:eve"), owner;
	struct registry_problem problem;
	struct reply reply = { 0 };
	char name[20], uri[40];
	int i;

	open_both();
	for (i = 0; i < 14 + REGISTRY_SHARES; i++) {
		struct registry_request request = { .name = name, .uri = uri, .ttl_ms = 10000 };

		secret[0] = (uint8_t)i;
		owner = eve;
		owner.secret = secret;
		request.claim = owner;
		request.is_shared = i >= 14;
		snprintf(name, sizeof(name), "n%d", i < 14 ? i : 14);
		snprintf(uri, sizeof(uri), "PYRO:o@h:%d", i + 1);
		(void)registry_settle(a.registry);
		CHECK(registry_register(a.registry, &request, &problem) != NULL);
		registry_when_safe(a.registry, on_reply, &reply);
		settle(&a);
		CHECK_INT(reply.code, 0);
		registry_orphan(a.registry, secret);
	}
	settle(&a);
	eve.gives_up = true;
	for (i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_INT(registry_remove(a.registry, name, &eve, &problem), 0);
	}
	registry_when_safe(a.registry, on_reply, &reply);
	settle(&a);
	CHECK_INT(reply.code, 0);
	CHECK_INT(registry_count(a.registry), 0);
	CHECK(registry_owner(a.registry, "n14") == NULL);
	close_both();
}

TEST(a_shared_name_that_somebody_removed_is_not_removed_twice)
{
	struct registry_claim nobody = { 0 };
	struct registry_problem problem;
	struct reply first = { 0 }, second = { 0 };
	int i;

	open_both();
	for (i = 0; i < 2; i++) {
		CHECK_INT(start_name(&a, "x", i ? URI_1 : URI_2, 0, NULL, true, &first), 0);
		settle(&a);
	}
	settle(&b);
	fake_etcd_hold();
	CHECK_INT(registry_remove(a.registry, "x", &nobody, &problem), 0);
	registry_when_safe(a.registry, on_reply, &first);
	CHECK_INT(registry_remove(b.registry, "x", &nobody, &problem), 0);
	registry_when_safe(b.registry, on_reply, &second);
	fake_etcd_go();
	settle(&a);
	settle(&b);
	CHECK_INT(first.code, 0);
	CHECK_INT(second.code, PYR_ABORTED);
	close_both();
}

TEST(who_waits_for_others_that_get_no_answer_does_not_wait_for_ever)
{
	struct reply replies[4] = { 0 };
	char name[20];
	int i;

	open_both();
	fake_etcd_hold();
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_INT(start_name(&a, name, URI_1, 0, NULL, false, &replies[i]), 0);
	}
	for (i = 0; i < 500 && fake_etcd_hold() < 3; i++) {
		usleep(10000);
		settle(&a);
	}
	CHECK(fake_etcd_hold() >= 3); /* two that went alone, and the others */
	(void)fake_etcd_go();
	settle(&a);
	for (i = 0; i < 4; i++)
		CHECK_INT(replies[i].n == 1 ? replies[i].code : -1, 0);
	close_both();
}

/* ---- anything at once ---- */

static unsigned random_state;

static unsigned pick(unsigned n)
{
	random_state = random_state * 1103515245 + 12345;
	return random_state / 65536 % n;
}

static void note_end(const struct store_problem *problem, uint64_t revision, void *data)
{
	(void)problem;
	(void)revision;
	++*(unsigned *)data;
}

/* Some request, by somebody, at one of both. Returns how many are to be answered. */
static unsigned ask_something(struct place *place, unsigned *n_ends)
{
	static const char *const names[] = { "x", "y", "z" }, *const tags[] = { "t", "u" };
	static const char *const people[] = { "", "cert:eve", "cert:bob" };
	struct registry_claim claim = { .force = pick(4) == 0,
					.secret = pick(2) ? mine : his,
					.who = people[pick(3)],
					.gives_up = pick(2),
					.may = pick(2) ? may_all : NULL };
	struct registry_request request = { .name = names[pick(3)],
					    .uri = pick(2) ? URI_1 : URI_2,
					    .ttl_ms = pick(3) ? 5000 : 0,
					    .is_shared = pick(2) };
	struct registry_problem problem;
	bool is_done;

	claim.is_owner = claim.who[0] && pick(2);
	request.claim = claim;
	(void)registry_settle(place->registry);
	switch (pick(6)) {
	case 0:
		is_done = registry_remove(place->registry, request.name, &claim, &problem) == 0;
		break;
	case 1:
		is_done = registry_set_tags(place->registry, request.name, tags, pick(3), &claim,
					    &problem) == 0;
		break;
	case 2:
		is_done = registry_assign(place->registry, request.name, people[pick(3)], &claim,
					  &problem) == 0;
		break;
	case 3:
		is_done = registry_renew(place->registry, request.name, &claim) == RENEWAL_DONE;
		break;
	default:
		is_done = registry_register(place->registry, &request, &problem) != NULL;
		break;
	}
	if (is_done)
		registry_when_safe(place->registry, note_end, n_ends);
	return is_done;
}

static void disturb(struct place *place)
{
	switch (pick(10)) {
	case 0:
		fake_etcd_hold();
		break;
	case 1:
		fake_etcd_hold_news();
		break;
	case 2:
		registry_orphan(place->registry, pick(2) ? mine : his);
		break;
	case 3:
		(void)fake_etcd_expire_all();
		break;
	case 4:
		fake_etcd_fail_next(ETCD_UNKNOWN, pick(2));
		break;
	case 5:
		now += pick(2) ? 1000 : (int64_t)REGISTRY_KEEP_DAYS * 24 * 3600 * 1000;
		registry_sweep(place->registry);
		break;
	case 6:
		fake_etcd_compact();
		break;
	default:
		(void)fake_etcd_go();
		fake_etcd_go_news();
		break;
	}
}

struct state {
	char text[4000];
	bool is_mixed;  /* a name is shared and not */
	char alone[64]; /* names that are not */
};

static void describe(const struct record *record, void *data)
{
	struct state *state = data;
	size_t n = strlen(state->text);

	snprintf(state->text + n, sizeof(state->text) - n, "%s=%s %u %llu %s %s\n", record->key,
		 record->uri, record->ttl_ms, (unsigned long long)record->generation,
		 record->is_orphan ? "orphan" : "", record->owner ? record->owner : "");
	if (!record->is_shared && !record->owner)
		strncat(state->alone, record->name, 1);
	else if (record->is_shared && strchr(state->alone, record->name[0]))
		state->is_mixed = true;
}

static void catch_up(struct place *place)
{
	int i;

	for (i = 0; i < 200 && registry_revision(place->registry) < fake_etcd_revision(); i++)
		(void)registry_settle(place->registry);
	settle(place);
}

TEST(whatever_happens_at_once_both_agree_with_etcd)
{
	static struct state first, second, third;
	unsigned round, i, n_asked = 0, n_ends = 0;

	open_both();
	for (round = 0; round < 300; round++) {
		random_state = round;
		for (i = 0; i < 30; i++) {
			n_asked += ask_something(pick(2) ? &a : &b, &n_ends);
			disturb(pick(2) ? &a : &b);
		}
		fake_etcd_fail_next(ETCD_DONE, false);
		(void)fake_etcd_go();
		fake_etcd_go_news();
		catch_up(&a);
		catch_up(&b);
		catch_up(&a);
		memset(&first, 0, sizeof(first));
		memset(&second, 0, sizeof(second));
		a.store->kind->walk(a.store, describe, &first);
		b.store->kind->walk(b.store, describe, &second);
		CHECK_STR(first.text, second.text);
		CHECK(!first.is_mixed);
		CHECK_INT(n_ends, n_asked);
		if (round % 10 == 0) { /* one that reads all anew sees the same */
			registry_free(b.registry);
			open_place(&b);
			memset(&third, 0, sizeof(third));
			b.store->kind->walk(b.store, describe, &third);
			CHECK_STR(third.text, first.text);
		}
	}
	close_both();
}

TESTS(store_etcd_attack, T(keys_that_are_no_names_are_passed_by),
      T(a_value_is_not_read_however_large_it_is), T(the_log_is_not_filled_and_tells_no_secrets),
      T(an_owner_who_comes_back_is_not_forgotten_at_the_same_moment),
      T(a_name_is_not_given_up_while_it_is_registered_elsewhere),
      T(a_trial_that_comes_to_nothing_does_not_hold_a_name_for_its_owner),
      T(a_name_that_is_only_assigned_is_kept_so_long),
      T(who_reads_does_not_have_names_forgotten_again_and_again),
      T(a_trial_does_not_make_other_names_of_an_owner_free),
      T(who_registers_is_there_again_for_all), T(a_name_server_that_starts_knows_who_is_gone),
      T(a_name_that_is_newer_than_that_its_owner_is_gone_is_his),
      T(a_name_that_very_many_shared_and_left_can_be_taken),
      T(many_names_that_were_left_go_at_once),
      T(a_shared_name_that_somebody_removed_is_not_removed_twice),
      T(who_waits_for_others_that_get_no_answer_does_not_wait_for_ever),
      T(whatever_happens_at_once_both_agree_with_etcd))
