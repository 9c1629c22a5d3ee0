/* SPDX-License-Identifier: MIT */
/* Streams from end to end, each test on pool and serial daemons, over TCP and unix sockets. */
#include "flow_servant.h"

#include "test.h"

#include <stdio.h>

static struct flow_place place;
static struct flow_Flow *flow;

static void check_fails(int err, int code, const char *part)
{
	CHECK_INT(err, -code);
	CHECK_INT(pyr_last_error()->code, code);
	CHECK_HAS(pyr_errmsg(), part);
}

/* Runs body with a daemon and a proxy, `flow`, in each variant. */
static void everywhere(void (*body)(void))
{
	size_t i;

	for (i = 0; i < 4; i++) {
		REQUIRE(flow_open(&place, &flow_variants[i]));
		flow = flow_Flow_proxy(place.uri);
		REQUIRE(flow != NULL);
		body();
		flow_Flow_free(flow);
		CHECK_INT(flow_close(&place), 0);
	}
}

#define EVERYWHERE(name)                                                                           \
	static void name##_here(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		everywhere(name##_here);                                                           \
	}                                                                                          \
	static void name##_here(void)

EVERYWHERE(d8_the_items_of_a_result_come_in_order)
{
	pyr_stream *stream;
	int32_t item = -1, expected = 10;
	int n;

	REQUIRE(flow_Flow_count(flow, 10, OFTEN(100000), &stream) == 0);
	while ((n = flow_Flow_count_next(stream, &item)) > 0 && item == expected)
		expected++;
	CHECK_INT(n, 0);
	CHECK_INT(expected, 10 + OFTEN(100000));
	CHECK_INT(flow_Flow_count_next(stream, &item), 0); /* and stays at its end */
	CHECK_INT(item, 9 + OFTEN(100000));
	pyr_stream_free(stream);
}

EVERYWHERE(a_stream_without_items_ends_at_once)
{
	pyr_stream *stream;
	int32_t item = 7;

	REQUIRE(flow_Flow_count(flow, 0, 0, &stream) == 0);
	CHECK_INT(flow_Flow_count_next(stream, &item), 0);
	CHECK_INT(item, 7);
	pyr_stream_free(stream);
}

EVERYWHERE(an_error_in_the_middle_comes_after_the_items_before_it)
{
	const struct flow_Broken *broken;
	pyr_stream *stream;
	int32_t item, n = 0;
	int err;

	REQUIRE(flow_Flow_break_at(flow, 1000, &stream) == 0);
	while ((err = flow_Flow_break_at_next(stream, &item)) > 0)
		CHECK_INT(item, n++);
	CHECK_INT(n, 1000);
	CHECK_INT(err, -PYR_ABORTED);
	broken = flow_Broken_caught();
	REQUIRE(broken != NULL);
	CHECK_INT(broken->at, 1000);
	CHECK_STR(broken->why, "worn");
	CHECK_INT(flow_Flow_break_at_next(stream, &item), -PYR_ABORTED);
	pyr_stream_free(stream);
}

EVERYWHERE(items_larger_than_a_fragment_come_whole)
{
	static const uint32_t sizes[] = { 0, 1, 65530, 65536, 65537, 262144, 700000 };
	struct pyr_bytes *block;
	pyr_stream *stream;
	size_t i, k;
	uint32_t n;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		REQUIRE(flow_Flow_blocks(flow, sizes[i], 3, &stream) == 0);
		for (n = 0; flow_Flow_blocks_next(stream, &block) > 0; n++) {
			CHECK_INT(block->n, sizes[i]);
			for (k = 0; k < block->n && block->items[k] == (uint8_t)n; k++)
				;
			CHECK_INT(k, sizes[i]);
			pyr_free(block);
		}
		CHECK_INT(n, 3);
		pyr_stream_free(stream);
	}
}

EVERYWHERE(a_writer_is_held_back_until_somebody_reads)
{
	struct pyr_bytes *block;
	pyr_stream *stream;
	int32_t seen;
	int n = 0;

	REQUIRE(flow_Flow_blocks(flow, 1000, 2000, &stream) == 0);
	/* An item is 1,003 bytes on the wire and costs 32 more: 253 fit into 256 KiB. */
	CHECK(flow_reaches(&place.n_yielded, 253));
	while (place.has_threads && atomic_load(&place.n_yielded) <= 253 && n++ < 100)
		CHECK_INT(flow_Flow_peek(flow, &seen), 0); /* others are not in its way */
	CHECK_INT(atomic_load(&place.n_yielded), 253);
	n = 0;
	while (flow_Flow_blocks_next(stream, &block) > 0) {
		pyr_free(block);
		n++;
	}
	CHECK_INT(n, 2000);
	pyr_stream_free(stream);
}

EVERYWHERE(a_stream_that_is_freed_early_cancels_its_method)
{
	pyr_stream *stream;
	int32_t item;

	REQUIRE(flow_Flow_forever(flow, &stream) == 0);
	CHECK_INT(flow_Flow_forever_next(stream, &item), 1);
	CHECK_INT(item, 0);
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1));
	CHECK_INT(atomic_load(&place.status), PYR_CANCELLED);
	CHECK_INT(flow_Flow_peek(flow, &item), 0); /* the link goes on */
}

EVERYWHERE(a_stream_that_is_cancelled_says_so_after_what_came)
{
	pyr_stream *stream;
	int32_t item;
	int n;

	REQUIRE(flow_Flow_forever(flow, &stream) == 0);
	CHECK_INT(flow_Flow_forever_next(stream, &item), 1);
	pyr_stream_cancel(stream);
	while ((n = flow_Flow_forever_next(stream, &item)) > 0)
		;
	check_fails(n, PYR_CANCELLED, "cancelled");
	pyr_stream_cancel(stream);
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1));
}

EVERYWHERE(a_deadline_ends_a_stream_at_both_ends)
{
	struct pyr_call_options options = { .timeout_ms = 50 };
	pyr_stream *stream;
	int32_t item = -1;
	int n;

	REQUIRE(pyr_proxy_bind(flow_Flow_as_proxy(flow)) == 0); /* which may take longer */
	REQUIRE(flow_Flow_ticks(flow_Flow_with(flow, &options), 100000, 2, &stream) == 0);
	check_fails(flow_Flow_ticks_next(stream, &item), PYR_DEADLINE_EXCEEDED, "TimeoutError");
	pyr_stream_free(stream);
	REQUIRE(flow_Flow_forever(flow_Flow_with(flow, &options), &stream) == 0);
	while ((n = flow_Flow_forever_next(stream, &item)) > 0)
		;
	CHECK_INT(n, -PYR_DEADLINE_EXCEEDED);
	pyr_stream_free(stream);
	if (item >= 0) /* else it passed before the method ran */
		CHECK(flow_reaches(&place.n_ended, 1));
}

EVERYWHERE(a_stream_may_be_written_after_its_method_returned)
{
	pyr_stream *stream;
	int32_t item, i;

	REQUIRE(flow_Flow_ticks(flow, 1, 5, &stream) == 0);
	for (i = 0; i < 5; i++) {
		CHECK_INT(flow_Flow_ticks_next(stream, &item), 1);
		CHECK_INT(item, i);
	}
	CHECK_INT(flow_Flow_ticks_next(stream, &item), 0);
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1));
}

/* Items that follow each other leave together, but not only when their method waits or ends. */
EVERYWHERE(items_come_though_their_method_goes_on_computing)
{
	pyr_stream *stream;
	int32_t item, i;

	atomic_store(&place.n_seen, 0);
	REQUIRE(flow_Flow_busy(flow, 3, &stream) == 0);
	for (i = 0; i < 3; i++) {
		CHECK_INT(flow_Flow_busy_next(stream, &item), 1);
		CHECK_INT(item, i);
	}
	atomic_store(&place.n_seen, 3);
	CHECK_INT(flow_Flow_busy_next(stream, &item), 1);
	CHECK_INT(item, -1);
	CHECK_INT(flow_Flow_busy_next(stream, &item), 0);
	pyr_stream_free(stream);
}

/* The same of a caller, which does not wait for anything in between. */
EVERYWHERE(items_of_a_caller_come_though_it_does_not_wait)
{
	pyr_stream *stream;
	int i;

	atomic_store(&place.n_read, 0);
	REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
	for (i = 0; i < 3; i++)
		CHECK_INT(flow_Flow_sum_write(stream, i), 0);
	CHECK(flow_reaches(&place.n_read, 3));
	pyr_stream_free(stream);
}

EVERYWHERE(a_method_reads_the_parameters_stream_to_its_end)
{
	pyr_stream *stream;
	const int64_t most = OFTEN(50000);
	int64_t i, total = 0;
	uint32_t n = 0;

	REQUIRE(flow_Flow_sum(flow, 5, &stream) == 0);
	for (i = 1; i <= most; i++)
		CHECK(flow_Flow_sum_write(stream, i) == 0);
	CHECK_INT(flow_Flow_sum_finish(stream, &total, &n), 0);
	CHECK_INT(total, 5 + most / 2 * (most + 1));
	CHECK_INT(n, most);
	REQUIRE(flow_Flow_sum(flow, 5, &stream) == 0);
	CHECK_INT(flow_Flow_sum_finish(stream, &total, NULL), 0);
	CHECK_INT(total, 5);
}

EVERYWHERE(large_items_of_a_parameter_come_whole)
{
	struct pyr_bytes block = { 1000000, calloc(1, 1000000) };
	pyr_stream *stream;
	uint64_t total = 0;
	int i;

	REQUIRE(flow_Flow_measure(flow, &stream) == 0);
	for (i = 0; i < 5; i++)
		CHECK_INT(flow_Flow_measure_write(stream, &block), 0);
	CHECK_INT(flow_Flow_measure_finish(stream, &total), 0);
	CHECK_INT(total, 5000000);
	free(block.items);
}

EVERYWHERE(a_method_may_return_before_the_end_of_its_parameter)
{
	pyr_stream *stream;
	int32_t i, first = 0;
	int err = 0;

	REQUIRE(flow_Flow_first_of(flow, &stream) == 0);
	for (i = 42; err == 0; i++)
		err = flow_Flow_first_of_write(stream, i);
	check_fails(err, PYR_OUT_OF_RANGE, "reads no more");
	CHECK_INT(flow_Flow_first_of_finish(stream, &first), 0);
	CHECK_INT(first, 42);
	REQUIRE(flow_Flow_refuse(flow, &stream) == 0);
	for (err = 0; err == 0;)
		err = flow_Flow_refuse_write(stream, 1);
	CHECK_INT(err, -PYR_ABORTED);
	CHECK_INT(flow_Flow_refuse_finish(stream), -PYR_ABORTED);
	REQUIRE(flow_Broken_caught() != NULL);
	CHECK_STR(flow_Broken_caught()->why, "shut");
}

EVERYWHERE(a_parameters_stream_that_is_freed_cancels_its_method)
{
	pyr_stream *stream;

	REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
	CHECK_INT(flow_Flow_sum_write(stream, 1), 0);
	CHECK(flow_reaches(&place.n_read, 1));
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1));
	CHECK_INT(atomic_load(&place.status), PYR_CANCELLED);
}

EVERYWHERE(both_directions_go_side_by_side)
{
	pyr_stream *stream;
	int32_t i, item;

	REQUIRE(flow_Flow_scale(flow, 3, &stream) == 0);
	for (i = 0; i < 2000; i++) {
		CHECK_INT(flow_Flow_scale_write(stream, i), 0);
		CHECK_INT(flow_Flow_scale_next(stream, &item), 1);
		CHECK_INT(item, 3 * i);
	}
	CHECK_INT(pyr_stream_end(stream), 0);
	CHECK_INT(pyr_stream_end(stream), 0);
	check_fails(flow_Flow_scale_write(stream, 1), PYR_FAILED_PRECONDITION, "ended");
	CHECK_INT(flow_Flow_scale_next(stream, &item), 0);
	pyr_stream_free(stream);
}

static void *write_numbers(void *data)
{
	int32_t i;

	for (i = 0; i < OFTEN(100000); i++)
		if (flow_Flow_scale_write(data, i) < 0)
			return "write";
	return pyr_stream_end(data) < 0 ? "end" : NULL;
}

EVERYWHERE(one_thread_may_write_while_another_reads)
{
	pyr_stream *stream;
	pthread_t thread;
	int32_t item, n = 0;
	void *wrong;

	REQUIRE(flow_Flow_scale(flow, 2, &stream) == 0);
	REQUIRE(pthread_create(&thread, NULL, write_numbers, stream) == 0);
	while (flow_Flow_scale_next(stream, &item) > 0 && item == 2 * n)
		n++;
	pthread_join(thread, &wrong);
	CHECK(wrong == NULL);
	CHECK_INT(n, OFTEN(100000));
	pyr_stream_free(stream);
}

EVERYWHERE(a_method_hands_on_what_another_yields)
{
	/* In a serial daemon the other runs inside its own wait: what fits the window. */
	int32_t item, n = 0, all = place.has_threads ? 20000 : 5000;
	pyr_stream *stream;

	REQUIRE(flow_Flow_relay(flow, all, &stream) == 0);
	while (flow_Flow_relay_next(stream, &item) > 0 && item == 2 * n)
		n++;
	CHECK_INT(n, all);
	pyr_stream_free(stream);
}

EVERYWHERE(many_streams_share_a_link)
{
	enum { STREAMS = 100 };
	pyr_stream *streams[STREAMS];
	int32_t item;
	int i, k;

	for (i = 0; i < STREAMS; i++)
		REQUIRE(flow_Flow_ticks(flow, 1, 10, &streams[i]) == 0);
	for (k = 0; k < 10; k++)
		for (i = 0; i < STREAMS; i++) {
			CHECK_INT(flow_Flow_ticks_next(streams[i], &item), 1);
			CHECK_INT(item, k);
		}
	for (i = 0; i < STREAMS; i++) {
		CHECK_INT(flow_Flow_ticks_next(streams[i], &item), 0);
		pyr_stream_free(streams[i]);
	}
}

EVERYWHERE(a_proxy_that_is_released_cancels_its_streams)
{
	pyr_stream *stream;
	int32_t item;
	int n;

	REQUIRE(flow_Flow_forever(flow, &stream) == 0);
	CHECK_INT(flow_Flow_forever_next(stream, &item), 1);
	pyr_proxy_release(flow_Flow_as_proxy(flow));
	while ((n = flow_Flow_forever_next(stream, &item)) > 0)
		;
	check_fails(n, PYR_CANCELLED, "released");
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1));
}

TEST(a_daemon_that_stops_ends_its_streams)
{
	struct flow_variant variant = flow_variants[0];
	pyr_stream *stream;
	int32_t item;
	int n;

	variant.drain_ms = 300;
	REQUIRE(flow_open(&place, &variant));
	flow = flow_Flow_proxy(place.uri);
	REQUIRE(flow_Flow_ticks(flow, 1, 1000000, &stream) == 0);
	CHECK_INT(flow_Flow_ticks_next(stream, &item), 1);
	flow_Flow_free(place.self);
	place.self = NULL;
	pyr_daemon_stop(place.daemon);
	while ((n = flow_Flow_ticks_next(stream, &item)) > 0)
		;
	CHECK(n < 0);
	pyr_stream_free(stream);
	flow_Flow_free(flow);
	(void)flow_close(&place);
}

TEST(wrong_uses_are_refused)
{
	pyr_stream *stream = NULL;
	int32_t item;

	check_fails(flow_Flow_count_next(NULL, &item), PYR_INVALID_ARGUMENT, "stream is NULL");
	check_fails(flow_Flow_sum_write(NULL, 1), PYR_INVALID_ARGUMENT, "stream is NULL");
	check_fails(flow_Flow_sum_finish(NULL, NULL, NULL), PYR_INVALID_ARGUMENT, "stream is NULL");
	check_fails(flow_Flow_count_yield(NULL, 1), PYR_INVALID_ARGUMENT, "stream is NULL");
	check_fails(pyr_stream_end(NULL), PYR_INVALID_ARGUMENT, "stream is NULL");
	check_fails(flow_Flow_count(NULL, 1, 1, &stream), PYR_INVALID_ARGUMENT, "flow.Flow");
	pyr_stream_cancel(NULL);
	pyr_stream_free(NULL);
	REQUIRE(flow_open(&place, &flow_variants[0]));
	flow = flow_Flow_proxy(place.uri);
	check_fails(flow_Flow_count(flow, 1, 1, NULL), PYR_INVALID_ARGUMENT, "ret is NULL");
	REQUIRE(flow_Flow_strings(flow, &stream) == 0);
	check_fails(flow_Flow_count_next(stream, &item), PYR_INVALID_ARGUMENT, "flow.Flow.strings");
	check_fails(flow_Flow_strings_yield(stream, "x"), PYR_INVALID_ARGUMENT, "method's end");
	check_fails(flow_Flow_strings_write(stream, NULL), PYR_INVALID_ARGUMENT, "NULL");
	check_fails(flow_Flow_strings_write(stream, "\xff"), PYR_INVALID_ARGUMENT, "UTF-8");
	pyr_stream_free(stream);
	REQUIRE(flow_Flow_count(flow, 1, 1, &stream) == 0);
	check_fails(pyr_stream_end(stream), PYR_INVALID_ARGUMENT, "writes");
	pyr_stream_free(stream);
	flow_Flow_free(flow);
	CHECK_INT(flow_close(&place), 0);
}

TEST(a_stream_to_nowhere_fails_where_it_is_opened_or_read)
{
	pyr_stream *stream;
	int32_t item;
	int err;

	flow = flow_Flow_proxy("PYRO:flow@127.0.0.1:1");
	err = flow_Flow_count(flow, 1, 1, &stream);
	if (err == 0) {
		err = flow_Flow_count_next(stream, &item);
		pyr_stream_free(stream);
	}
	check_fails(err, PYR_UNAVAILABLE, "127.0.0.1:1");
	flow_Flow_free(flow);
}

/* ---- types ---- */

#define ECHOES(name, type, check, ...)                                                             \
	static void echo_##name(void)                                                              \
	{                                                                                          \
		static const type values[] = { __VA_ARGS__ };                                      \
		pyr_stream *stream;                                                                \
		size_t i;                                                                          \
                                                                                                   \
		REQUIRE(flow_Flow_##name(flow, &stream) == 0);                                     \
		for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {                         \
			type item = { 0 };                                                         \
                                                                                                   \
			CHECK_INT(flow_Flow_##name##_write(stream, values[i]), 0);                 \
			REQUIRE(flow_Flow_##name##_next(stream, &item) == 1);                      \
			check(item, values[i]);                                                    \
		}                                                                                  \
		CHECK_INT(pyr_stream_end(stream), 0);                                              \
		CHECK(flow_Flow_##name##_next(stream, &(type){ 0 }) == 0);                         \
		pyr_stream_free(stream);                                                           \
	}
#define SAME(a, b) CHECK((a) == (b))

ECHOES(booleans, bool, SAME, true, false, true)
ECHOES(chars, char, SAME, 'a', '\0', '\xe4')
ECHOES(octets, uint8_t, SAME, 0, 255)
ECHOES(shorts, int16_t, SAME, -32768, 0, 32767)
ECHOES(longs, uint64_t, SAME, 0, UINT64_MAX)
ECHOES(floats, float, SAME, 0.0f, -1.5f)
ECHOES(doubles, double, SAME, 0.0, 1e300)
ECHOES(colors, enum flow_Color, SAME, flow_RED, flow_BLUE)

#define OWNED(name, type, value, check)                                                            \
	do {                                                                                       \
		pyr_stream *stream;                                                                \
		type *item = NULL;                                                                 \
                                                                                                   \
		REQUIRE(flow_Flow_##name(flow, &stream) == 0);                                     \
		CHECK_INT(flow_Flow_##name##_write(stream, value), 0);                             \
		REQUIRE(flow_Flow_##name##_next(stream, &item) == 1);                              \
		CHECK(check);                                                                      \
		pyr_free(item);                                                                    \
		CHECK_INT(pyr_stream_end(stream), 0);                                              \
		CHECK_INT(flow_Flow_##name##_next(stream, &item), 0);                              \
		pyr_stream_free(stream);                                                           \
	} while (0)

static void echo_owned(void)
{
	struct flow_Point point = { 7, "seven" };
	struct flow_Shape shape = { ._d = flow_GREEN, ._u = { .label = "leaf" } };
	struct flow_Numbers numbers = { 3, (int32_t[]){ 1, 2, 3 } };
	struct flow_Ages ages = { 1, (struct flow_Ages_entry[]){ { "Ann", 30 } } };
	struct flow_Matrix matrix = { { { 1, 2 }, { 3, 4 } } };
	struct pyr_bytes bytes = { 4, (uint8_t[]){ 0, 1, 254, 255 } };

	OWNED(strings, char, "word", strcmp(item, "word") == 0);
	OWNED(strings, char, "", item[0] == '\0');
	OWNED(bytes, struct pyr_bytes, &bytes,
	      item->n == 4 && memcmp(item->items, bytes.items, 4) == 0);
	OWNED(points, struct flow_Point, &point, item->x == 7 && strcmp(item->name, "seven") == 0);
	OWNED(shapes, struct flow_Shape, &shape,
	      item->_d == flow_GREEN && strcmp(item->_u.label, "leaf") == 0);
	OWNED(numbers, struct flow_Numbers, &numbers, item->n == 3 && item->items[2] == 3);
	OWNED(ages, struct flow_Ages, &ages,
	      item->n == 1 && strcmp(item->items[0].key, "Ann") == 0 && item->items[0].value == 30);
	OWNED(matrices, struct flow_Matrix, &matrix, item->items[1][0] == 3);
}

EVERYWHERE(items_of_every_type_come_as_they_were)
{
	echo_booleans();
	echo_chars();
	echo_octets();
	echo_shorts();
	echo_longs();
	echo_floats();
	echo_doubles();
	echo_colors();
	echo_owned();
}

TESTS(stream, T(items_come_though_their_method_goes_on_computing),
      T(items_of_a_caller_come_though_it_does_not_wait), T(d8_the_items_of_a_result_come_in_order),
      T(a_stream_without_items_ends_at_once),
      T(an_error_in_the_middle_comes_after_the_items_before_it),
      T(items_larger_than_a_fragment_come_whole), T(a_writer_is_held_back_until_somebody_reads),
      T(a_stream_that_is_freed_early_cancels_its_method),
      T(a_stream_that_is_cancelled_says_so_after_what_came),
      T(a_deadline_ends_a_stream_at_both_ends),
      T(a_stream_may_be_written_after_its_method_returned),
      T(a_method_reads_the_parameters_stream_to_its_end), T(large_items_of_a_parameter_come_whole),
      T(a_method_may_return_before_the_end_of_its_parameter),
      T(a_parameters_stream_that_is_freed_cancels_its_method), T(both_directions_go_side_by_side),
      T(one_thread_may_write_while_another_reads), T(a_method_hands_on_what_another_yields),
      T(many_streams_share_a_link), T(a_proxy_that_is_released_cancels_its_streams),
      T(a_daemon_that_stops_ends_its_streams), T(wrong_uses_are_refused),
      T(a_stream_to_nowhere_fails_where_it_is_opened_or_read),
      T(items_of_every_type_come_as_they_were))
