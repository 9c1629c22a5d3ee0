/* SPDX-License-Identifier: MIT */
/* Writers that do not wait: a method of a serial daemon that feeds its readers by and by, and a
 * caller that writes when it is told that there is room. */
#include "flow_servant.h"

#include "test.h"

#include <stdio.h>

enum { SIZE = 1000, N = 1000, HUGE_ITEM = 20 << 20, PATIENCE_MS = 20000 };

static pyr_daemon *daemon_;
static pthread_t thread;
static char socket_path[64];
static const char *uri;
static atomic_int n_full, n_over, last_status, gate, n_unsent;

/* ---- what it serves ---- */

struct feed {
	pyr_deferred *deferred;
	struct pyr_bytes block;
	uint32_t i, n;
};

static void feed_end(struct feed *feed, int err)
{
	atomic_store(&last_status, err);
	if (err < 0)
		pyr_deferred_fail(feed->deferred, -err, "%s", pyr_errmsg());
	else
		CHECK_INT(flow_Flow_blocks_reply(feed->deferred), 0);
	free(feed->block.items);
	free(feed);
	atomic_fetch_add(&n_over, 1);
}

static void go_on(pyr_stream *stream, void *data)
{
	struct feed *feed = data;
	int err = 0;

	while (feed->i < feed->n && err == 0) {
		memset(feed->block.items, (int)feed->i, feed->block.n);
		err = flow_Flow_blocks_try_yield(stream, &feed->block);
		feed->i += err == 0;
		if (err == 0 && pyr_stream_unsent(stream) > 0)
			atomic_fetch_add(&n_unsent, 1);
	}
	if (err <= 0) {
		feed_end(feed, err);
		return;
	}
	atomic_fetch_add(&n_full, 1);
	CHECK_INT(pyr_stream_on_room(stream, go_on, feed), 0);
}

static int blocks(pyr_call *call, uint32_t size, uint32_t n, pyr_stream *stream)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	*feed = (struct feed){ .n = n, .block = { size, malloc(size + 1) } };
	CHECK(pyr_call_alloc_array(call, SIZE_MAX / 8 + 2, 8) == NULL); /* 8 bytes, if it wrapped */
	CHECK_INT(pyr_last_error()->code, PYR_RESOURCE_EXHAUSTED);
	CHECK(pyr_call_alloc_array(call, n, 8) != NULL);
	if (pyr_call_defer(call, &feed->deferred) < 0)
		return -pyr_last_error()->code;
	go_on(stream, feed);
	return 0;
}

static int measure(pyr_call *call, pyr_stream *stream, uint64_t *ret)
{
	const struct pyr_bytes *block;
	int n;

	CHECK_INT(pyr_stream_on_room(stream, go_on, NULL), -PYR_INVALID_ARGUMENT);
	CHECK(flow_reaches(&gate, 1));
	for (*ret = 0; (n = flow_Flow_measure_read(stream, &block)) > 0;)
		*ret += block->n;
	(void)call;
	return n;
}

static const struct flow_Flow_methods methods = { .blocks = blocks, .measure = measure };

static void *run(void *unused)
{
	(void)unused;
	CHECK_INT(pyr_daemon_run(daemon_), 0);
	return NULL;
}

static void open_with(bool is_unix)
{
	struct pyr_daemon_options options = { .threads = 1,
					      .socket = is_unix ? socket_path : NULL };

	atomic_store(&n_full, 0);
	atomic_store(&n_over, 0);
	atomic_store(&gate, 0);
	daemon_ = pyr_daemon_new(&options);
	uri = flow_Flow_register(daemon_, NULL, &methods, NULL);
	REQUIRE(uri && pthread_create(&thread, NULL, run, NULL) == 0);
}

static void close_it(void)
{
	pyr_daemon_stop(daemon_);
	pthread_join(thread, NULL);
	pyr_daemon_free(daemon_);
}

#define EVERYWHERE(name)                                                                           \
	static void name##_here(void);                                                             \
	TEST(name)                                                                                 \
	{                                                                                          \
		for (int i = 0; i < 2; i++) {                                                      \
			open_with(i == 1);                                                         \
			name##_here();                                                             \
			close_it();                                                                \
		}                                                                                  \
	}                                                                                          \
	static void name##_here(void)

/* ---- */

static void read_all(pyr_stream *stream, int n)
{
	struct pyr_bytes *block;
	int i, err = 1;

	for (i = 0; i < n && err > 0; i++) {
		err = flow_Flow_blocks_next(stream, &block);
		if (err <= 0)
			break;
		CHECK(block->n == SIZE && block->items[0] == (uint8_t)i &&
		      block->items[SIZE - 1] == (uint8_t)i);
		pyr_free(block);
	}
	CHECK_INT(i, n);
	CHECK_INT(flow_Flow_blocks_next(stream, &block), 0);
}

/* 1 MB each: the slow one's has no room after a quarter. */
EVERYWHERE(a_slow_reader_holds_nobody)
{
	struct flow_Flow *flow = flow_Flow_proxy(uri);
	pyr_stream *slow, *fast;

	REQUIRE(flow_Flow_blocks(flow, SIZE, N, &slow) == 0);
	CHECK(flow_reaches(&n_full, 1));
	CHECK(atomic_load(&n_unsent) > 0);
	REQUIRE(flow_Flow_blocks(flow, SIZE, N, &fast) == 0);
	read_all(fast, N);
	CHECK(flow_reaches(&n_over, 1));
	CHECK_INT(atomic_load(&n_over), 1);
	read_all(slow, N);
	CHECK(flow_reaches(&n_over, 2));
	CHECK_INT(atomic_load(&last_status), 0);
	pyr_stream_free(slow);
	pyr_stream_free(fast);
	flow_Flow_free(flow);
}

EVERYWHERE(a_writer_that_waits_for_room_is_told_that_its_reader_left)
{
	struct flow_Flow *flow = flow_Flow_proxy(uri);
	pyr_stream *stream;

	REQUIRE(flow_Flow_blocks(flow, SIZE, N, &stream) == 0);
	CHECK(flow_reaches(&n_full, 1));
	pyr_stream_free(stream);
	CHECK(flow_reaches(&n_over, 1));
	CHECK_INT(atomic_load(&last_status), -PYR_CANCELLED);
	flow_Flow_free(flow);
}

EVERYWHERE(an_item_that_never_has_room_is_too_large)
{
	struct flow_Flow *flow = flow_Flow_proxy(uri);
	struct pyr_bytes *block;
	pyr_stream *stream;

	REQUIRE(flow_Flow_blocks(flow, HUGE_ITEM, 1, &stream) == 0);
	CHECK_INT(flow_Flow_blocks_next(stream, &block), -PYR_RESOURCE_EXHAUSTED);
	CHECK_HAS(pyr_errmsg(), "MessageTooLarge");
	pyr_stream_free(stream);
	flow_Flow_free(flow);
}

static void count(pyr_stream *stream, void *data)
{
	(void)stream;
	atomic_fetch_add((atomic_int *)data, 1);
}

EVERYWHERE(a_caller_writes_when_there_is_room)
{
	struct flow_Flow *flow = flow_Flow_proxy(uri);
	uint8_t bytes[SIZE] = { 0 };
	struct pyr_bytes block = { SIZE, bytes };
	atomic_int n_told = 0, n_taken_back = 0;
	uint64_t total = 0;
	pyr_stream *stream;
	int i, err, n_waits = 0;

	REQUIRE(flow_Flow_measure(flow, &stream) == 0);
	for (i = 0; i < 10 * N;) {
		err = flow_Flow_measure_try_write(stream, &block);
		REQUIRE(err >= 0);
		i += err == 0;
		if (err == 0)
			continue;
		CHECK_INT(pyr_stream_on_room(stream, count, &n_taken_back), 0);
		CHECK_INT(pyr_stream_on_room(stream, NULL, NULL), 0);
		CHECK_INT(pyr_stream_on_room(stream, count, &n_told), 0);
		atomic_store(&gate, 1);
		CHECK(flow_reaches(&n_told, ++n_waits));
	}
	CHECK(n_waits > 0);
	CHECK_INT(flow_Flow_measure_finish(stream, &total), 0);
	CHECK_INT(total, 10 * N * SIZE);
	CHECK_INT(atomic_load(&n_told), n_waits);
	flow_Flow_free(flow);
}

TEST(what_does_not_write_has_no_room)
{
	struct flow_Flow *flow;
	pyr_stream *stream;
	struct pyr_bytes block = { 0 };

	open_with(false);
	flow = flow_Flow_proxy(uri);
	CHECK_INT(pyr_stream_on_room(NULL, count, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(pyr_stream_unsent(NULL), 0);
	CHECK_INT(flow_Flow_blocks_try_yield(NULL, &block), -PYR_INVALID_ARGUMENT);
	REQUIRE(flow_Flow_blocks(flow, SIZE, 1, &stream) == 0);
	CHECK_INT(pyr_stream_unsent(stream), 0);
	CHECK_INT(pyr_stream_on_room(stream, count, NULL), -PYR_INVALID_ARGUMENT);
	CHECK_INT(flow_Flow_blocks_try_yield(stream, &block), -PYR_INVALID_ARGUMENT);
	pyr_stream_free(stream);
	flow_Flow_free(flow);
	close_it();
}

int main(void)
{
	static const struct test_case tests[] = {
		T(a_slow_reader_holds_nobody),
		T(a_writer_that_waits_for_room_is_told_that_its_reader_left),
		T(an_item_that_never_has_room_is_too_large),
		T(a_caller_writes_when_there_is_room),
		T(what_does_not_write_has_no_room),
	};

	snprintf(socket_path, sizeof(socket_path), "/tmp/pyrite-try-%d", (int)getpid());
	return test_main("stream_try", tests, sizeof(tests) / sizeof(tests[0]));
}
