/* SPDX-License-Identifier: MIT */
/* Large requests and replies, which leave from the block that they were packed into: whole, side by
 * side with small ones, and given up on their way. */
#include "counter.h"
#include "relay.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 2 + OFTEN(10), QUEUED = 40, MIB = 1 << 20 };

static struct counter counter;
static struct relay relay;

static uint8_t byte_of(uint32_t seed, size_t i)
{
	return (uint8_t)(seed + i * 7 + (i >> 9));
}

static struct pyr_bytes some_bytes(size_t n, uint32_t seed)
{
	struct pyr_bytes ret = { n, malloc(n + 1) };
	size_t i;

	for (i = 0; ret.items && i < n; i++)
		ret.items[i] = byte_of(seed, i);
	return ret;
}

/* Whether it came back, its last byte first. */
static bool is_mirrored(const struct pyr_bytes *back, size_t n, uint32_t seed)
{
	size_t i;

	for (i = 0; back->n == n && i < n; i++)
		if (back->items[i] != byte_of(seed, n - 1 - i))
			return false;
	return back->n == n;
}

static int mirror(struct px_Counter *proxy, size_t n, uint32_t seed)
{
	struct pyr_bytes bytes = some_bytes(n, seed), *back;
	int err = px_Counter_mirror(proxy, &bytes, &back);

	if (err == 0) {
		CHECK(is_mirrored(back, n, seed));
		pyr_free(back);
	}
	free(bytes.items);
	return err;
}

static void open_all(const struct pyr_daemon_options *options)
{
	REQUIRE(counter_open(&counter, options));
	REQUIRE(relay_open(&relay, pyr_daemon_address(counter.daemon)));
}

static void close_all(void)
{
	CHECK_INT(counter_close(&counter), 0);
	relay_close(&relay);
}

static struct px_Counter *proxy_through(enum pyr_plain plain)
{
	struct pyr_proxy_options options = { .plain = plain };
	char uri[256];

	snprintf(uri, sizeof(uri), "PYRO:counter@%s", relay.address);
	return px_Counter_proxy_with(uri, &options);
}

static void *mirror_sizes(void *data)
{
	/* Around the bounds of a frame, of a fragment, of a message, of several. */
	static const size_t sizes[] = { 0,      1,       4095,    4096,       65000,  65535,
					65536,  65537,   131072,  262100,     262144, 262145,
					655360, 1048576, 1048577, 3 * MIB + 1 };
	struct px_Counter *proxy = data;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		CHECK_INT(mirror(proxy, sizes[i], (uint32_t)i), 0);
	return NULL;
}

static void all_sizes(enum pyr_plain plain)
{
	struct px_Counter *proxy;
	pthread_t threads[THREADS];
	int i;

	open_all(&(struct pyr_daemon_options){ .threads = 3 });
	proxy = proxy_through(plain);
	for (i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, mirror_sizes, proxy) == 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	px_Counter_free(proxy);
	close_all();
}

TEST(all_sizes_come_whole_from_threads_that_share_a_link)
{
	all_sizes(PYR_PLAIN_NEVER);
}

TEST(all_sizes_come_whole_over_plain_grpc)
{
	all_sizes(PYR_PLAIN_ONLY);
}

/* More than the connection takes, so that some have left, one in part, and some not at all. */
TEST(what_is_given_up_in_the_queue_is_skipped_and_nothing_else_is)
{
	struct px_Counter *proxy;
	struct pyr_bytes bytes = some_bytes(MIB, 1);
	pyr_future *futures[QUEUED];
	struct pyr_bytes *back;
	int32_t level;
	int i;

	open_all(&(struct pyr_daemon_options){ .threads = 2 });
	proxy = proxy_through(PYR_PLAIN_NEVER);
	REQUIRE(mirror(proxy, 100, 1) == 0);
	relay_pause(&relay);
	for (i = 0; i < QUEUED; i++)
		REQUIRE((futures[i] = px_Counter_mirror_start(proxy, &bytes)) != NULL);
	for (i = 0; i < QUEUED; i++)
		if (i % 3 != 1)
			pyr_future_free(futures[i]);
	relay_go_on(&relay);
	for (i = 1; i < QUEUED; i += 3) {
		CHECK_INT(px_Counter_mirror_get(futures[i], &back), 0);
		CHECK(is_mirrored(back, MIB, 1));
		pyr_free(back);
	}
	CHECK_INT(px_Counter_get_level(proxy, &level), 0);
	CHECK_INT(mirror(proxy, 2 * MIB, 2), 0);
	free(bytes.items);
	px_Counter_free(proxy);
	close_all();
}

TEST(small_calls_pass_large_ones_that_are_given_up_at_any_time)
{
	struct px_Counter *proxy;
	struct pyr_bytes bytes = some_bytes(MIB / 2, 1);
	pyr_future *future;
	int32_t level;
	int i, k;

	open_all(&(struct pyr_daemon_options){ .threads = 2 });
	proxy = proxy_through(PYR_PLAIN_NEVER);
	for (i = 0; i < ROUNDS; i++) {
		REQUIRE((future = px_Counter_mirror_start(proxy, &bytes)) != NULL);
		for (k = 0; k < i; k++)
			CHECK_INT(px_Counter_get_level(proxy, &level), 0);
		pyr_future_free(future);
		CHECK_INT(mirror(proxy, 100000, (uint32_t)i), 0);
	}
	free(bytes.items);
	px_Counter_free(proxy);
	close_all();
}

/* A link that goes takes all of it along. */
TEST(a_link_that_is_cut_among_large_ones_leaves_nothing_behind)
{
	struct px_Counter *proxy;
	struct pyr_bytes bytes = some_bytes(MIB, 1), *back;
	pyr_future *futures[8];
	int i, k;

	open_all(&(struct pyr_daemon_options){ .threads = 2 });
	proxy = proxy_through(PYR_PLAIN_NEVER);
	for (i = 0; i < ROUNDS; i++) {
		REQUIRE(mirror(proxy, 100, 1) == 0);
		relay_cut_after(&relay, 300000LL * (i + 1));
		for (k = 0; k < 8; k++)
			REQUIRE((futures[k] = px_Counter_mirror_start(proxy, &bytes)) != NULL);
		for (k = 0; k < 8; k++) {
			if (px_Counter_mirror_get(futures[k], &back) < 0) {
				CHECK_INT(pyr_last_error()->code, PYR_UNAVAILABLE);
				continue;
			}
			CHECK(is_mirrored(back, MIB, 1));
			pyr_free(back);
		}
		relay_cut_after(&relay, -1);
		CHECK_INT(pyr_proxy_reconnect(px_Counter_as_proxy(proxy), 50, 20), 0);
	}
	free(bytes.items);
	px_Counter_free(proxy);
	close_all();
}

TESTS(large, T(all_sizes_come_whole_from_threads_that_share_a_link),
      T(all_sizes_come_whole_over_plain_grpc),
      T(what_is_given_up_in_the_queue_is_skipped_and_nothing_else_is),
      T(small_calls_pass_large_ones_that_are_given_up_at_any_time),
      T(a_link_that_is_cut_among_large_ones_leaves_nothing_behind))
