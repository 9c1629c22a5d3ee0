/* SPDX-License-Identifier: MIT */
/* Streams in tasks, each test on pool and serial daemons, over TCP and unix sockets. */
#include "flow_servant.h"

#include "task_help.h"

static struct flow_place place;
static struct flow_Flow *flow;

static void run_everywhere(pyr_task_cb main)
{
	size_t i;

	for (i = 0; i < 4; i++) {
		REQUIRE(flow_open(&place, &flow_variants[i]));
		flow = flow_Flow_proxy(place.uri);
		REQUIRE(flow != NULL);
		run(main);
		flow_Flow_free(flow);
		CHECK_INT(flow_close(&place), 0);
	}
}

enum { READERS = 8, ITEMS = 5000, SCALED = 20000 };

static int read_items(void *data)
{
	int32_t from = (int32_t)(intptr_t)data, expected = from, item;
	pyr_stream *stream;
	int n;

	CHECK_INT(flow_Flow_count(flow, from, ITEMS, &stream), 0);
	while ((n = flow_Flow_count_next(stream, &item)) > 0 && item == expected)
		expected++;
	CHECK_INT(n, 0);
	CHECK_INT(expected, from + ITEMS);
	pyr_stream_free(stream);
	return 0;
}

static int start_readers(void *data)
{
	int i;

	(void)data;
	for (i = 0; i < READERS; i++)
		pyr_task_free(start(read_items, i * 1000));
	return 0;
}

TEST(d8_tasks_read_streams_side_by_side)
{
	run_everywhere(start_readers);
}

static int write_numbers(void *stream)
{
	int32_t i;

	for (i = 0; i < SCALED; i++)
		CHECK_INT(flow_Flow_scale_write(stream, i), 0);
	CHECK_INT(pyr_stream_end(stream), 0);
	return 0;
}

static int scale_in_two_tasks(void *data)
{
	int32_t item, expected = 0;
	pyr_stream *stream;
	pyr_task *writer;
	int n;

	(void)data;
	CHECK_INT(flow_Flow_scale(flow, 3, &stream), 0);
	writer = start(write_numbers, (intptr_t)stream);
	while ((n = flow_Flow_scale_next(stream, &item)) > 0 && item == 3 * expected)
		expected++;
	CHECK_INT(n, 0);
	CHECK_INT(expected, SCALED);
	CHECK_INT(pyr_task_join(writer), 0);
	pyr_stream_free(stream);
	return 0;
}

TEST(d9_one_task_writes_what_another_reads)
{
	run_everywhere(scale_in_two_tasks);
}

static int read_until_cancelled(void *data)
{
	pyr_stream *stream;
	int32_t item;

	(void)data;
	CHECK_INT(flow_Flow_scale(flow, 3, &stream), 0);
	check_error(flow_Flow_scale_next(stream, &item), PYR_CANCELLED, "the task was cancelled");
	check_error(flow_Flow_scale_next(stream, &item), PYR_CANCELLED, "the task was cancelled");
	pyr_stream_free(stream);
	return 0;
}

static int cancel_a_reader(void *data)
{
	pyr_task *reader;

	(void)data;
	CHECK_INT(pyr_proxy_bind(flow_Flow_as_proxy(flow)), 0);
	reader = start(read_until_cancelled, 0);
	CHECK_INT(pyr_sleep(SHORT_MS), 0);
	pyr_task_cancel(reader);
	return pyr_task_join(reader);
}

TEST(d10_a_cancelled_task_ends_the_stream_it_reads)
{
	run_everywhere(cancel_a_reader);
}

TESTS(task_streams, T(d8_tasks_read_streams_side_by_side), T(d9_one_task_writes_what_another_reads),
      T(d10_a_cancelled_task_ends_the_stream_it_reads))
