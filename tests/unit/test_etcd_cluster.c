/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd, with three members of which some are killed or stopped. */
#include "etcd_load.h"

static struct place place;
static struct etcd *etcd;

static void while_under_load(void (*fault)(size_t i), int64_t most_ms)
{
	struct load load;

	load_begin(&load, etcd);
	fault(load_used(etcd, &place));
	load_goes_on(&load);
	CHECK(load_end(&load) <= most_ms);
}

static size_t hit; /* the member that was killed or stopped */

static void kill_member(size_t i)
{
	hit = i;
	place_end(&place, i);
}

TEST(a_member_that_is_killed_is_left_at_once)
{
	while_under_load(kill_member, 3000);
	CHECK(load_used(etcd, &place) != hit);
	place_start(&place, hit);
}

static void stop_member(size_t i)
{
	hit = i;
	kill(place.members[i], SIGSTOP);
}

TEST(a_member_that_hangs_is_left)
{
	while_under_load(stop_member, 4000);
	CHECK(load_used(etcd, &place) != hit);
	kill(place.members[hit], SIGCONT);
}

/* Until the client says so. */
static void is_up(bool is_up)
{
	int64_t until = place_now() + 20000;
	struct etcd_seen seen;

	do {
		barrier(etcd);
		etcd_last_seen(etcd, &seen);
	} while (seen.is_up != is_up && place_now() < until);
	CHECK(seen.is_up == is_up);
}

TEST(without_a_quorum_nothing_is_done_and_then_all_goes_on)
{
	struct etcd_outcome outcome;
	struct etcd_seen before, after;
	size_t i;

	is_there(etcd);
	for (i = 0; i < 2; i++)
		place_end(&place, i);
	is_up(false);
	etcd_last_seen(etcd, &before);
	outcome = put_key(etcd, "t/no_quorum", "1", 0);
	CHECK_INT(outcome.result, ETCD_NOT_RUN);
	CHECK(outcome.text[0] != '\0');
	CHECK_INT(barrier(etcd).result, ETCD_NOT_RUN);
	etcd_last_seen(etcd, &after);
	CHECK_INT(before.at_ms, after.at_ms);
	for (i = 0; i < 2; i++)
		place_start(&place, i);
	is_up(true);
	CHECK_INT(put_key(etcd, "t/no_quorum", "2", 0).result, ETCD_DONE);
	etcd_last_seen(etcd, &after);
	CHECK(after.at_ms > before.at_ms);
	CHECK(after.cluster_id == before.cluster_id);
}

TEST(the_cluster_begins)
{
	place_open(&place, 3);
	etcd = client_of(place.endpoints);
	is_there(etcd);
}

TEST(the_cluster_ends)
{
	etcd_close(etcd);
	place_close(&place);
}

TESTS(etcd_cluster, T(the_cluster_begins), T(a_member_that_is_killed_is_left_at_once),
      T(a_member_that_hangs_is_left), T(without_a_quorum_nothing_is_done_and_then_all_goes_on),
      T(the_cluster_ends))
