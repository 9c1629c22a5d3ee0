/* SPDX-License-Identifier: MIT */
/* How long a daemon keeps a stream that its caller leaves alone. */
#include "flow_servant.h"

#include "test.h"

#include <time.h>

static struct flow_place place;
static struct flow_Flow *flow;

static void open_mortal(unsigned threads, bool is_unix, uint32_t lifetime_ms)
{
	struct flow_variant mortal = { .name = "mortal", .threads = threads, .is_unix = is_unix };

	mortal.stream_lifetime_ms = lifetime_ms;
	REQUIRE(flow_open(&place, &mortal));
	flow = flow_Flow_proxy(place.uri);
	REQUIRE(flow != NULL);
}

static void close_mortal(void)
{
	flow_Flow_free(flow);
	CHECK_INT(flow_close(&place), 0);
}

TEST(d9_a_stream_that_is_left_alone_ends)
{
	pyr_stream *stream;
	int32_t item, i, n = 0;
	int more;

	for (i = 0; i < 4; i++) {
		open_mortal(i % 2 ? 1 : 4, i >= 2, 50);
		REQUIRE(flow_Flow_forever(flow, &stream) == 0);
		CHECK(flow_reaches(&place.n_ended, 1));
		CHECK_INT(atomic_load(&place.status), PYR_DEADLINE_EXCEEDED);
		for (n = 0; (more = flow_Flow_forever_next(stream, &item)) > 0; n++)
			CHECK_INT(item, n); /* what was on its way comes */
		CHECK(n > 1000);
		CHECK_INT(more, -PYR_DEADLINE_EXCEEDED);
		CHECK_HAS(pyr_errmsg(), "item stream terminated");
		pyr_stream_free(stream);
		REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
		CHECK(flow_reaches(&place.n_ended, 2));
		CHECK_INT(flow_Flow_sum_finish(stream, NULL, NULL), -PYR_DEADLINE_EXCEEDED);
		close_mortal();
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads a block of `stream` with each tick of `clock`. Returns the longest time between two. Credit
 * goes back with every third of them. */
static int64_t read_now_and_then(pyr_stream *stream, pyr_stream *clock)
{
	int64_t last = now_ms(), now, longest = 0;
	struct pyr_bytes *block;
	int32_t tick;

	while (flow_Flow_ticks_next(clock, &tick) > 0 &&
	       flow_Flow_blocks_next(stream, &block) > 0) {
		pyr_free(block);
		now = now_ms();
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	return longest;
}

/* Uses a stream for two and a half times as long as it lives alone. Returns false if it was left
 * alone for too long meanwhile, by a machine that had other things to do. */
static bool lives_on(uint32_t lifetime_ms)
{
	pyr_stream *stream, *clock;
	bool was_used;

	open_mortal(4, false, lifetime_ms);
	REQUIRE(flow_Flow_blocks(flow, 60000, 1000, &stream) == 0);
	REQUIRE(flow_Flow_ticks(flow, lifetime_ms / 10, 25, &clock) == 0);
	was_used = read_now_and_then(stream, clock) < lifetime_ms / 5;
	if (was_used) {
		CHECK_INT(atomic_load(&place.status), 0);
		CHECK(flow_reaches(&place.n_ended, 2)); /* the clock's, and now this one */
		CHECK_INT(atomic_load(&place.status), PYR_DEADLINE_EXCEEDED);
	}
	pyr_stream_free(clock);
	pyr_stream_free(stream);
	close_mortal();
	return was_used;
}

TEST(t15_the_life_of_a_stream_counts_from_its_last_use)
{
	uint32_t lifetime_ms = 1000;

	while (!lives_on(lifetime_ms))
		lifetime_ms *= 2;
}

TESTS(stream_life, T(d9_a_stream_that_is_left_alone_ends),
      T(t15_the_life_of_a_stream_counts_from_its_last_use))
