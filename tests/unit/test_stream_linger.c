/* SPDX-License-Identifier: MIT */
/* D10: each item of a stream comes once and in order, however often its link is lost. */
#include "lost_links.h"

#include <dirent.h>

#include "peer/peer.h"
#include "proxy/proxy.h"
#include "session/session.h"

/* ---- every item once, in order ---- */

EVERYWHERE(d10_each_item_of_a_result_comes_once_over_many_links, 0)
{
	int32_t item, expected = 0;
	pyr_stream *stream;
	int n, n_lost = 0;

	REQUIRE(flow_Flow_count(flow, 0, ITEMS, &stream) == 0);
	while ((n = flow_Flow_count_next(stream, &item)) != 0) {
		if (n < 0) {
			REQUIRE(is_lost(n));
			n_lost++;
			REQUIRE(reconnect() == 0);
			continue;
		}
		REQUIRE(item == expected);
		if (expected++ % 1000 == 500)
			relay_cut(&relay);
	}
	CHECK_INT(expected, ITEMS);
	CHECK(n_lost > 0);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_each_item_of_a_parameter_comes_once_over_many_links, 0)
{
	int64_t i, total = 0;
	pyr_stream *stream;
	int err, n_lost = 0;
	uint32_t n = 0;

	REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
	for (i = 1; i <= ITEMS; i++) {
		while ((err = flow_Flow_sum_write(stream, i)) < 0) {
			REQUIRE(is_lost(err));
			n_lost++;
			REQUIRE(reconnect() == 0);
		}
		if (i == 1)
			CHECK(flow_reaches(&place.n_read, 1));
		if (i % 1000 == 500)
			relay_cut(&relay);
	}
	CHECK_INT(flow_Flow_sum_finish(stream, &total, &n), 0);
	CHECK_INT(n, ITEMS);
	CHECK_INT(total, (int64_t)ITEMS * (ITEMS + 1) / 2);
}

/* Cuts wherever it comes: inside frames, headers, credit. */
static long long some_bytes(void)
{
	static uint32_t seed = 12345;

	seed = seed * 1103515245 + 12345;
	return 2000 + (seed >> 8) % 60000;
}

EVERYWHERE(d10_both_directions_go_on_wherever_the_link_is_cut, 0)
{
	int32_t i = 0, expected = 0, item;
	pyr_stream *stream;
	int n = 0, n_lost = 0;

	REQUIRE(flow_Flow_scale(flow, 3, &stream) == 0);
	REQUIRE(flow_Flow_scale_write(stream, i++) == 0);
	relay_cut_after(&relay, some_bytes());
	while (expected < ITEMS) {
		n = i < ITEMS && i < expected + 50 ? flow_Flow_scale_write(stream, i) : 1;
		if (n == 0)
			i++;
		else if (n > 0 && (n = flow_Flow_scale_next(stream, &item)) > 0)
			REQUIRE(item == 3 * expected++);
		if (n >= 0)
			continue;
		REQUIRE(is_lost(n));
		n_lost++;
		REQUIRE(reconnect() == 0);
		relay_cut_after(&relay, some_bytes());
	}
	CHECK(n_lost > 0);
	relay_cut_after(&relay, -1);
	while (pyr_stream_end(stream) < 0 || (n = flow_Flow_scale_next(stream, &item)) < 0)
		REQUIRE(reconnect() == 0);
	CHECK_INT(n, 0);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_large_items_of_a_result_come_whole, 0)
{
	struct pyr_bytes *block;
	pyr_stream *stream;
	int n, i = 0;
	size_t k;

	REQUIRE(flow_Flow_blocks(flow, 500000, 6, &stream) == 0);
	relay_cut_after(&relay, 20 * some_bytes());
	while ((n = flow_Flow_blocks_next(stream, &block)) != 0) {
		if (n < 0) {
			REQUIRE(is_lost(n));
			REQUIRE(reconnect() == 0);
			relay_cut_after(&relay, 1000000 + some_bytes());
			continue;
		}
		for (k = 0; k < block->n && block->items[k] == (uint8_t)i; k++)
			;
		CHECK_INT(k, 500000);
		pyr_free(block);
		i++;
	}
	CHECK_INT(i, 6);
	CHECK(atomic_load(&relay.n_cuts) > 0);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_large_items_of_a_parameter_come_whole, 0)
{
	struct pyr_bytes block = { 1000000, calloc(1, 1000000) };
	uint64_t total = 0;
	pyr_stream *stream;
	int i, err;

	REQUIRE(flow_Flow_measure(flow, &stream) == 0);
	REQUIRE(flow_Flow_measure_write(stream, &block) == 0);
	relay_cut_after(&relay, 10 * some_bytes());
	for (i = 1; i < 6; i++)
		while ((err = flow_Flow_measure_write(stream, &block)) < 0) {
			REQUIRE(is_lost(err));
			REQUIRE(reconnect() == 0);
			relay_cut_after(&relay, 1500000 + some_bytes());
		}
	CHECK_INT(flow_Flow_measure_finish(stream, &total), 0);
	CHECK_INT(total, 6000000);
	CHECK(atomic_load(&relay.n_cuts) > 0);
	free(block.items);
}

static void *write_numbers(void *stream)
{
	int32_t i = 0;
	int err;

	while (i < ITEMS) {
		err = flow_Flow_scale_write(stream, i);
		i += err == 0;
		if (err < 0 && (!is_lost(err) || bind_again() < 0))
			return "write";
	}
	while (pyr_stream_end(stream) < 0)
		if (bind_again() < 0)
			return "end";
	return NULL;
}

EVERYWHERE(d10_one_thread_writes_while_another_reads_over_many_links, 0)
{
	int32_t item, expected = 0;
	pyr_stream *stream;
	pthread_t thread;
	void *wrong;
	int n;

	REQUIRE(flow_Flow_scale(flow, 2, &stream) == 0);
	REQUIRE(flow_Flow_scale_write(stream, 0) == 0); /* it has a link */
	REQUIRE(flow_Flow_scale_next(stream, &item) == 1);
	REQUIRE(pthread_create(&thread, NULL, write_numbers, stream) == 0);
	while ((n = flow_Flow_scale_next(stream, &item)) != 0) {
		if (n < 0) {
			REQUIRE(is_lost(n));
			REQUIRE(bind_again() == 0);
			continue;
		}
		REQUIRE(item == 2 * expected);
		if (expected++ % 2000 == 1000)
			relay_cut(&relay);
	}
	pthread_join(thread, &wrong);
	CHECK(wrong == NULL);
	CHECK_INT(expected, ITEMS);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_a_proxy_may_reconnect_though_its_link_is_well, 0)
{
	int32_t item, expected = 0;
	pyr_stream *stream;
	int n;

	REQUIRE(flow_Flow_count(flow, 0, ITEMS, &stream) == 0);
	while ((n = flow_Flow_count_next(stream, &item)) > 0) {
		REQUIRE(item == expected);
		if (expected++ % 1000 == 500)
			REQUIRE(reconnect() == 0);
	}
	CHECK_INT(n, 0);
	CHECK_INT(expected, ITEMS);
	pyr_stream_free(stream);
}

/* Another proxy uses the link: so it is the same one that the proxy gets again. */
EVERYWHERE(d10_a_proxy_may_reconnect_to_a_link_that_others_use, 0)
{
	struct flow_Flow *other = proxy_through(relay.address);
	int32_t item, expected = 0, read = 0;
	int64_t total = 0;
	pyr_stream *stream, *numbers;
	int n;

	CHECK_INT(pyr_proxy_bind(flow_Flow_as_proxy(other)), 0);
	REQUIRE(flow_Flow_count(flow, 0, ITEMS, &stream) == 0);
	while ((n = flow_Flow_count_next(stream, &item)) > 0) {
		REQUIRE(item == expected);
		if (expected++ % 1000 == 500)
			REQUIRE(reconnect() == 0);
	}
	CHECK_INT(n, 0);
	CHECK_INT(expected, ITEMS);
	pyr_stream_free(stream);
	REQUIRE(flow_Flow_sum(flow, 0, &numbers) == 0);
	for (; read < 3000; read++) {
		REQUIRE(flow_Flow_sum_write(numbers, 1) == 0);
		if (read % 1000 == 500)
			REQUIRE(reconnect() == 0);
	}
	CHECK_INT(flow_Flow_sum_finish(numbers, &total, NULL), 0);
	CHECK_INT(total, 3000);
	flow_Flow_free(other);
}

/* ---- while there is no link ---- */

/* Reads what had come, until the loss is told. Returns how many. */
static int read_until_lost(pyr_stream *stream, int32_t *expected)
{
	int32_t item;
	int n, n_read = 0;

	while ((n = flow_Flow_count_next(stream, &item)) > 0) {
		CHECK_INT(item, (*expected)++);
		n_read++;
	}
	CHECK(is_lost(n));
	return n_read;
}

static void read_rest(pyr_stream *stream, int32_t expected, int32_t end)
{
	int32_t item;
	int n;

	while ((n = flow_Flow_count_next(stream, &item)) > 0)
		CHECK_INT(item, expected++);
	CHECK_INT(n, 0);
	CHECK_INT(expected, end);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_items_that_had_come_are_given_before_the_loss_is_told, 0)
{
	int32_t expected = 0, seen;
	pyr_stream *stream;
	int i;

	REQUIRE(flow_Flow_count(flow, 0, ITEMS, &stream) == 0);
	CHECK(flow_reaches(&place.n_yielded, 1000));
	relay_cut(&relay);
	atomic_store(&relay.is_refusing, true);
	(void)read_until_lost(stream, &expected);
	for (i = 0; i < 5; i++)
		check_fails(flow_Flow_count_next(stream, &seen), PYR_UNAVAILABLE,
			    "ConnectionClosed");
	CHECK(pyr_last_error()->may_have_run);
	atomic_store(&relay.is_refusing, false);
	CHECK_INT(reconnect(), 0);
	read_rest(stream, expected, ITEMS);
}

/* The method is deferred: it holds no thread that the call needs. */
EVERYWHERE(d10_the_next_calls_own_reconnection_will_do, 0)
{
	int32_t item, i, seen;
	pyr_stream *stream;

	REQUIRE(flow_Flow_ticks(flow, 1, 100, &stream) == 0);
	CHECK_INT(flow_Flow_ticks_next(stream, &item), 1);
	relay_cut(&relay);
	for (i = 1; flow_Flow_ticks_next(stream, &item) > 0; i++)
		CHECK_INT(item, i);
	while (flow_Flow_peek(flow, &seen) < 0)
		REQUIRE(pyr_last_error()->code == PYR_UNAVAILABLE);
	for (; flow_Flow_ticks_next(stream, &item) > 0; i++)
		CHECK_INT(item, i);
	CHECK_INT(i, 100);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_a_method_that_ends_meanwhile_leaves_its_items_and_its_end, 0)
{
	int32_t expected = 1, item;
	pyr_stream *stream;

	REQUIRE(flow_Flow_ticks(flow, 5, 60, &stream) == 0);
	CHECK_INT(flow_Flow_ticks_next(stream, &item), 1);
	relay_cut(&relay);
	CHECK(flow_reaches(&place.n_ended, 1)); /* for 300 ms nobody was there */
	CHECK_INT(atomic_load(&place.status), 0);
	CHECK_INT(reconnect(), 0);
	while (flow_Flow_ticks_next(stream, &item) > 0)
		CHECK_INT(item, expected++);
	CHECK_INT(expected, 60);
	CHECK_INT(flow_Flow_ticks_next(stream, &item), 0);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_a_method_that_fails_meanwhile_leaves_its_items_and_its_error, 0)
{
	const struct flow_Broken *broken;
	int32_t expected = 0, item;
	pyr_stream *stream;
	int n;

	/* More than a window: it fails once the rest was read over the second link. */
	REQUIRE(flow_Flow_break_at(flow, ITEMS, &stream) == 0);
	CHECK_INT(flow_Flow_break_at_next(stream, &item), 1);
	relay_cut(&relay);
	for (expected = 1; (n = flow_Flow_break_at_next(stream, &item)) != -PYR_ABORTED;) {
		if (n > 0)
			CHECK_INT(item, expected++);
		else
			REQUIRE(is_lost(n) && reconnect() == 0);
	}
	CHECK_INT(expected, ITEMS);
	broken = flow_Broken_caught();
	REQUIRE(broken != NULL);
	CHECK_INT(broken->at, ITEMS);
	pyr_stream_free(stream);
	/* Few: it fails while nobody is there, and may have done so before the link was cut. */
	REQUIRE(flow_Flow_break_at(flow, 3, &stream) == 0);
	CHECK(flow_reaches(&place.n_ended, 2));
	relay_cut(&relay);
	while ((n = flow_Flow_break_at_next(stream, &item)) != -PYR_ABORTED)
		if (n < 0)
			REQUIRE(is_lost(n) && reconnect() == 0);
	CHECK_INT(item, 2);
	REQUIRE(flow_Broken_caught() != NULL);
	pyr_stream_free(stream);
}

EVERYWHERE(d10_finish_connects_anew_by_itself, 0)
{
	int64_t i, total = 0;
	pyr_stream *stream;

	REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
	for (i = 1; i <= 100; i++)
		REQUIRE(flow_Flow_sum_write(stream, i) == 0);
	CHECK(flow_reaches(&place.n_read, 100));
	CHECK_INT(pyr_stream_end(stream), 0);
	CHECK(flow_reaches(&place.n_ended, 1));
	relay_cut(&relay);
	CHECK_INT(flow_Flow_sum_finish(stream, &total, NULL), 0);
	CHECK_INT(total, 5050);
	CHECK_INT(reconnect(), 0);
	REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
	REQUIRE(flow_Flow_sum_write(stream, 1) == 0);
	CHECK(flow_reaches(&place.n_read, 101));
	relay_cut(&relay);
	atomic_store(&relay.is_refusing, true);
	check_fails(flow_Flow_sum_finish(stream, &total, NULL), PYR_UNAVAILABLE, "");
	atomic_store(&relay.is_refusing, false);
	CHECK_INT(reconnect(), 0);
}

EVERYWHERE(d10_a_daemon_that_does_not_know_yet_hands_the_stream_over, 0)
{
	int32_t expected = 0;
	pyr_stream *stream;

	REQUIRE(flow_Flow_count(flow, 0, ITEMS, &stream) == 0);
	CHECK_INT(flow_Flow_count_next(stream, &expected), 1);
	expected = 1;
	relay_cut_near(&relay);
	(void)read_until_lost(stream, &expected);
	CHECK_INT(reconnect(), 0);
	read_rest(stream, expected, ITEMS);
	relay_cut(&relay); /* so that it hears of it after all */
}

EVERYWHERE(d10_the_deadline_holds_while_there_is_no_link, 0)
{
	struct pyr_call_options options = { .timeout_ms = 300 };
	pyr_stream *stream;
	int32_t item;
	int n;

	REQUIRE(flow_Flow_ticks(flow_Flow_with(flow, &options), 1, 100000, &stream) == 0);
	CHECK_INT(flow_Flow_ticks_next(stream, &item), 1);
	relay_cut(&relay);
	while ((n = flow_Flow_ticks_next(stream, &item)) > 0 || n == -PYR_UNAVAILABLE)
		;
	check_fails(n, PYR_DEADLINE_EXCEEDED, "TimeoutError");
	CHECK_INT(reconnect(), 0);
	CHECK_INT(flow_Flow_ticks_next(stream, &item), -PYR_DEADLINE_EXCEEDED);
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1));
}

/* ---- tasks ---- */

enum { N_READERS = 4, N_FILLERS = 64, BLOCK = 65536, BLOCKS = 4, STUCK = 10 };

struct reading {
	pyr_stream *stream;
	int32_t from;
};

static int read_in_task(void *data)
{
	const struct reading *r = data;
	int32_t expected = r->from, item;
	int n;

	while ((n = flow_Flow_count_next(r->stream, &item)) != 0) {
		if (n > 0 && item == expected && ++expected - r->from == ITEMS / 2)
			relay_cut(&relay);
		if (n > 0)
			continue;
		if (!is_lost(n) || bind_again() < 0)
			break;
	}
	CHECK_INT(n, 0);
	CHECK_INT(expected, r->from + ITEMS);
	pyr_stream_free(r->stream);
	return 0;
}

/* What was sent has come: one that is on its way when its link goes may be lost for good. */
static void wait_until_sent(void)
{
	struct flow_Flow *other = proxy_through(relay.address);

	CHECK_INT(pyr_proxy_bind(flow_Flow_as_proxy(other)), 0); /* of the same link */
	flow_Flow_free(other);
}

static int start_tasks(void *data)
{
	struct reading *readings = data;
	int i;

	for (i = 0; i < N_READERS; i++) {
		readings[i].from = 1000000 * i;
		CHECK_INT(flow_Flow_count(flow, readings[i].from, ITEMS, &readings[i].stream), 0);
	}
	wait_until_sent();
	for (i = 0; i < N_READERS; i++)
		pyr_task_free(pyr_task_start(read_in_task, &readings[i]));
	return 0;
}

EVERYWHERE(d10_tasks_read_on_over_many_links, 0)
{
	struct reading readings[N_READERS];

	CHECK_INT(pyr_tasks_run(start_tasks, readings), 0);
}

static uint8_t block[BLOCK];

/* Writes until the link is full, and the rest once it has another. */
static int fill(void *data)
{
	struct pyr_bytes item = { BLOCK, block };
	pyr_stream *stream = data;
	uint64_t total = 0;
	int i, err = 0;

	for (i = 0; i < BLOCKS; i++)
		while ((err = flow_Flow_measure_write(stream, &item)) < 0 && is_lost(err) &&
		       bind_again() == 0)
			;
	CHECK_INT(err, 0);
	CHECK_INT(flow_Flow_measure_finish(stream, &total), 0);
	CHECK_INT(total, (uint64_t)BLOCKS * BLOCK);
	return 0;
}

/* Whether no other thread of this process runs, or waits for a processor. */
static bool others_sleep(void)
{
	DIR *threads = opendir("/proc/self/task");
	struct dirent *entry;
	int n_running = 0;

	REQUIRE(threads != NULL);
	while ((entry = readdir(threads))) {
		char name[300], state = 'S';
		FILE *file;

		snprintf(name, sizeof(name), "/proc/self/task/%s/stat", entry->d_name);
		file = entry->d_name[0] != '.' ? fopen(name, "r") : NULL;
		if (!file)
			continue;
		if (fscanf(file, "%*d (%*[^)]) %c", &state) == 1)
			n_running += state != 'S';
		fclose(file);
	}
	closedir(threads);
	return n_running <= 1; /* this one */
}

/* The link takes nothing more, so the items of others stay queued. A socket says so at once; the
 * threads of gRPC core take some more messages first. */
static void wait_until_stuck(void)
{
	struct peer *peer = flow_Flow_as_proxy(flow)->session->peer;
	size_t before;
	int same = 0;

	while (same < STUCK) {
		before = atomic_load(&peer->out.backlog);
		CHECK_INT(pyr_sleep(1), 0);
		if (before > 0 && atomic_load(&peer->out.backlog) == before && others_sleep())
			same++;
		else
			same = 0;
	}
}

/* Starts when the link takes nothing: so its calls do not leave. */
static int read_what_never_left(void *data)
{
	pyr_stream *stream, *numbers;
	int32_t expected = 0;
	int64_t total = 0;

	(void)data;
	wait_until_stuck();
	CHECK_INT(flow_Flow_count(flow, 0, ITEMS, &stream), 0);
	CHECK_INT(flow_Flow_sum(flow, 5, &numbers), 0);
	CHECK_INT(flow_Flow_sum_write(numbers, 37), 0);
	relay_cut(&relay);
	CHECK_INT(read_until_lost(stream, &expected), 0);
	CHECK_INT(bind_again(), 0);
	read_rest(stream, 0, ITEMS);
	CHECK_INT(flow_Flow_sum_finish(numbers, &total, NULL), 0);
	CHECK_INT(total, 42);
	return 0;
}

static int start_fillers(void *data)
{
	pyr_stream *streams[N_FILLERS];
	int i;

	(void)data;
	for (i = 0; i < N_FILLERS; i++)
		CHECK_INT(flow_Flow_measure(flow, &streams[i]), 0);
	wait_until_sent();
	relay_pause(&relay);
	for (i = 0; i < N_FILLERS; i++)
		pyr_task_free(pyr_task_start(fill, streams[i]));
	pyr_task_free(pyr_task_start(read_what_never_left, NULL));
	return 0;
}

EVERYWHERE(d10_a_call_that_never_left_is_made_over_the_next_link, 0)
{
	CHECK_INT(pyr_tasks_run(start_fillers, NULL), 0);
}

TESTS(stream_linger, T(d10_each_item_of_a_result_comes_once_over_many_links),
      T(d10_each_item_of_a_parameter_comes_once_over_many_links),
      T(d10_both_directions_go_on_wherever_the_link_is_cut),
      T(d10_large_items_of_a_result_come_whole), T(d10_large_items_of_a_parameter_come_whole),
      T(d10_one_thread_writes_while_another_reads_over_many_links),
      T(d10_a_proxy_may_reconnect_though_its_link_is_well),
      T(d10_a_proxy_may_reconnect_to_a_link_that_others_use),
      T(d10_items_that_had_come_are_given_before_the_loss_is_told),
      T(d10_the_next_calls_own_reconnection_will_do),
      T(d10_a_method_that_ends_meanwhile_leaves_its_items_and_its_end),
      T(d10_a_method_that_fails_meanwhile_leaves_its_items_and_its_error),
      T(d10_finish_connects_anew_by_itself),
      T(d10_a_daemon_that_does_not_know_yet_hands_the_stream_over),
      T(d10_the_deadline_holds_while_there_is_no_link), T(d10_tasks_read_on_over_many_links),
      T(d10_a_call_that_never_left_is_made_over_the_next_link))
