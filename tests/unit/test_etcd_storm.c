/* SPDX-License-Identifier: MIT */
/* The name server's client of etcd, with three members, one of which is always in trouble. */
#include "etcd_load.h"

enum { ROUNDS = 20 };

static struct place place;

static void sleep_ms(unsigned ms)
{
	struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

/* A member is killed and begins again, or stops for a while; the one in use half of the time. */
static void trouble(struct etcd *etcd, unsigned *seed)
{
	size_t i = rand_r(seed) % 2 ? load_used(etcd, &place) : (size_t)rand_r(seed) % 3;
	unsigned ms = (unsigned)rand_r(seed) % 2500;

	if (rand_r(seed) % 2) {
		place_end(&place, i);
		sleep_ms(ms);
		place_start(&place, i);
	} else {
		kill(place.members[i], SIGSTOP);
		sleep_ms(ms);
		kill(place.members[i], SIGCONT);
	}
	sleep_ms(1000);
}

TEST(every_outcome_is_true_whatever_happens_to_members)
{
	unsigned seed = 7;
	struct etcd *etcd;
	struct load load;
	int i;

	place_open(&place, 3);
	etcd = client_of(place.endpoints);
	is_there(etcd);
	load_begin(&load, etcd);
	for (i = 0; i < ROUNDS; i++)
		trouble(etcd, &seed);
	load_goes_on(&load);
	CHECK(load_end(&load) <= 10000);
	etcd_close(etcd);
	place_close(&place);
}

TESTS(etcd_storm, T(every_outcome_is_true_whatever_happens_to_members))
