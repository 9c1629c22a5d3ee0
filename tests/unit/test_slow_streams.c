/* SPDX-License-Identifier: MIT */
/* Callers that take their time over a stream, and what becomes of everybody else's calls. */
#include "flow_servant.h"

#include "test.h"

#include <stdio.h>
#include <time.h>

enum { POOL = 4, MANY = 64, PEEKS = 200, PEEK_MS = 20000 };

static struct flow_place place;
static pyr_stream *streams[MANY];
static struct flow_Flow *readers[MANY];

static void begin(const struct pyr_proxy_options *options, int n)
{
	static const struct flow_variant pool = { .name = "pool", .threads = POOL };
	int i;

	REQUIRE(flow_open(&place, &pool));
	for (i = 0; i < n; i++)
		REQUIRE((readers[i] = flow_Flow_proxy_with(place.uri, options)) != NULL);
}

static void end(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		pyr_stream_free(streams[i]);
		flow_Flow_free(readers[i]);
	}
	CHECK_INT(flow_close(&place), 0);
}

/* Somebody else's calls: all are answered. */
static void check_others(void)
{
	struct pyr_proxy_options options = { .timeout_ms = PEEK_MS };
	struct flow_Flow *other = flow_Flow_proxy_with(place.uri, &options);
	int32_t n;
	int i;

	REQUIRE(other != NULL);
	for (i = 0; i < PEEKS; i++)
		REQUIRE(flow_Flow_peek(other, &n) == 0);
	flow_Flow_free(other);
}

/* Each method waits in yield: nobody reads. */
static void hold_yields(const struct pyr_proxy_options *options, int n)
{
	int i;

	begin(options, n);
	for (i = 0; i < n; i++)
		REQUIRE(flow_Flow_forever(readers[i], &streams[i]) == 0);
	for (i = 0; i < n; i++) {
		int32_t item;

		REQUIRE(flow_Flow_forever_next(streams[i], &item) == 1);
	}
	check_others();
	end(n);
}

TEST(readers_that_do_not_read_leave_the_pool_to_others)
{
	hold_yields(NULL, POOL);
	hold_yields(NULL, MANY);
}

TEST(readers_of_plain_grpc_leave_the_pool_to_others)
{
	hold_yields(&(struct pyr_proxy_options){ .plain = PYR_PLAIN_ONLY }, POOL);
}

/* Each method waits in read: nobody writes. */
static void hold_reads(int n)
{
	int i;

	begin(NULL, n);
	for (i = 0; i < n; i++) {
		REQUIRE(flow_Flow_sum(readers[i], 0, &streams[i]) == 0);
		REQUIRE(flow_Flow_sum_write(streams[i], 1) == 0);
	}
	CHECK(flow_reaches(&place.n_read, n));
	check_others();
	end(n);
}

TEST(writers_that_do_not_write_leave_the_pool_to_others)
{
	hold_reads(POOL);
	hold_reads(MANY);
}

TESTS(slow_streams, T(readers_that_do_not_read_leave_the_pool_to_others),
      T(readers_of_plain_grpc_leave_the_pool_to_others),
      T(writers_that_do_not_write_leave_the_pool_to_others))
