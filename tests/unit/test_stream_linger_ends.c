/* SPDX-License-Identifier: MIT */
/* D10: how streams end whose link is lost, and who may take them up. */
#define _GNU_SOURCE
#include "lost_links.h"

#include <sys/socket.h>
#include <time.h>

#include "stream/stream_queue.h"

/* The daemon takes the users behind its unix socket for others than they are. */
static atomic_uint other_uid;
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
	int err = __real_getsockopt(fd, level, name, value, n);

	if (err == 0 && level == SOL_SOCKET && name == SO_PEERCRED)
		((struct ucred *)value)->uid += atomic_load(&other_uid);
	return err;
}

/* The daemon has no memory for the last frame of a call. */
static atomic_bool has_no_room;
static atomic_uint n_refused;
uint8_t *__real_queue_put(struct stream_queue *queue, const struct frame *frame, size_t n_payload,
			  struct queue_end end);
uint8_t *__wrap_queue_put(struct stream_queue *queue, const struct frame *frame, size_t n_payload,
			  struct queue_end end);

uint8_t *__wrap_queue_put(struct stream_queue *queue, const struct frame *frame, size_t n_payload,
			  struct queue_end end)
{
	if (atomic_load(&has_no_room) &&
	    (frame->type == FRAME_REPLY || frame->type == FRAME_ERROR)) {
		atomic_fetch_add(&n_refused, 1);
		return NULL;
	}
	return __real_queue_put(queue, frame, n_payload, end);
}

/* ---- the end of waiting ---- */

static void lose_forever(pyr_stream **ret)
{
	int32_t item;
	int n;

	REQUIRE(flow_Flow_forever(flow, ret) == 0);
	CHECK_INT(flow_Flow_forever_next(*ret, &item), 1);
	relay_cut(&relay);
	while ((n = flow_Flow_forever_next(*ret, &item)) > 0)
		;
	CHECK(is_lost(n));
}

EVERYWHERE(d10_a_stream_that_nobody_takes_up_ends, 50)
{
	pyr_stream *stream;
	int32_t item;

	lose_forever(&stream);
	CHECK(flow_reaches(&place.n_ended, 1));
	CHECK_INT(atomic_load(&place.status), PYR_CANCELLED);
	CHECK_INT(reconnect(), 0);
	check_fails(flow_Flow_forever_next(stream, &item), PYR_NOT_FOUND, "item stream terminated");
	check_fails(flow_Flow_forever_next(stream, &item), PYR_NOT_FOUND, "item stream terminated");
	pyr_stream_free(stream);
	CHECK_INT(flow_Flow_peek(flow, &item), 0);
}

/* Neither the answer nor the error that says so: whoever comes back is told at once. */
EVERYWHERE(d10_an_answer_that_finds_no_memory_meanwhile_ends_the_stream, 0)
{
	struct pyr_call_options patience = { .timeout_ms = 10000 };
	pyr_stream *stream;
	int32_t item;
	int n;

	atomic_store(&n_refused, 0);
	atomic_store(&has_no_room, true);
	REQUIRE(flow_Flow_ticks(flow_Flow_with(flow, &patience), 5, 60, &stream) == 0);
	CHECK_INT(flow_Flow_ticks_next(stream, &item), 1);
	relay_cut(&relay);
	CHECK(flow_reaches(&place.n_ended, 1));
	atomic_store(&has_no_room, false);
	CHECK_INT(atomic_load(&n_refused), 2);
	while ((n = flow_Flow_ticks_next(stream, &item)) > 0)
		;
	CHECK(is_lost(n));
	CHECK_INT(reconnect(), 0);
	check_fails(flow_Flow_ticks_next(stream, &item), PYR_NOT_FOUND, "item stream terminated");
	pyr_stream_free(stream);
	CHECK_INT(flow_Flow_peek(flow, &item), 0);
}

EVERYWHERE(d10_without_linger_a_stream_ends_with_its_link, PYR_NONE)
{
	pyr_stream *stream;
	int32_t item;

	lose_forever(&stream);
	CHECK(flow_reaches(&place.n_ended, 1));
	CHECK_INT(atomic_load(&place.status), PYR_CANCELLED);
	CHECK_INT(reconnect(), 0);
	check_fails(flow_Flow_forever_next(stream, &item), PYR_UNAVAILABLE, "ConnectionClosed");
	pyr_stream_free(stream);
}

EVERYWHERE(d10_a_stream_may_be_cancelled_while_there_is_no_link, 100)
{
	pyr_stream *stream;
	int32_t item;

	lose_forever(&stream);
	pyr_stream_cancel(stream);
	check_fails(flow_Flow_forever_next(stream, &item), PYR_CANCELLED, "cancelled");
	CHECK_INT(reconnect(), 0);
	check_fails(flow_Flow_forever_next(stream, &item), PYR_CANCELLED, "cancelled");
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1)); /* when its time has passed */
	lose_forever(&stream);
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 2));
}

EVERYWHERE(d10_a_stream_ends_with_its_proxy, 100)
{
	struct flow_Flow *other = proxy_through(relay.address), *mine = flow;
	pyr_stream *stream;
	int32_t item;

	flow = other;
	lose_forever(&stream);
	flow_Flow_free(other);
	flow = mine;
	check_fails(flow_Flow_forever_next(stream, &item), PYR_CANCELLED, "released");
	pyr_stream_free(stream);
	CHECK(flow_reaches(&place.n_ended, 1));
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

EVERYWHERE(d10_a_daemon_that_stops_does_not_wait_for_lost_streams, 0)
{
	int64_t begin;
	pyr_stream *stream;

	lose_forever(&stream);
	CHECK_INT(atomic_load(&place.n_ended), 0);
	begin = now_ms();
	pyr_daemon_stop(place.daemon);
	CHECK(flow_reaches(&place.n_ended, 1));
	CHECK(now_ms() - begin < 4000); /* it drains for 5 s */
	CHECK_INT(atomic_load(&place.status), PYR_CANCELLED);
	pyr_stream_free(stream);
}

/* ---- serial daemons ---- */

/* The method's thread is wanted by another call, which need not wait until the stream's time has
 * passed. */
static void is_given_up(pyr_stream *stream)
{
	int64_t begin = now_ms();
	int32_t seen;

	CHECK_INT(reconnect(), 0);
	CHECK_INT(flow_Flow_peek(flow, &seen), 0);
	CHECK(now_ms() - begin < 15000); /* of 30 s */
	CHECK(flow_reaches(&place.n_ended, 1));
	CHECK_INT(atomic_load(&place.status), PYR_CANCELLED);
	pyr_stream_free(stream);
}

TEST(d10_a_writer_whose_caller_is_gone_does_not_hold_up_a_serial_daemon)
{
	pyr_stream *stream;
	int i;

	for (i = 1; i < 4; i += 2) {
		open_all(&flow_variants[i]);
		lose_forever(&stream);
		is_given_up(stream);
		close_all();
	}
}

TEST(d10_a_reader_whose_caller_is_gone_does_not_hold_up_a_serial_daemon)
{
	pyr_stream *stream;
	int i;

	for (i = 1; i < 4; i += 2) {
		open_all(&flow_variants[i]);
		REQUIRE(flow_Flow_sum(flow, 0, &stream) == 0);
		REQUIRE(flow_Flow_sum_write(stream, 1) == 0);
		CHECK(flow_reaches(&place.n_read, 1));
		relay_cut(&relay);
		is_given_up(stream);
		close_all();
	}
}

TEST(d10_in_a_pool_others_are_served_while_a_lost_caller_is_waited_for)
{
	pyr_stream *stream;
	int32_t item;
	int i, n;

	for (i = 0; i < 4; i += 2) {
		open_all(&flow_variants[i]);
		lose_forever(&stream);
		CHECK_INT(reconnect(), 0);
		CHECK_INT(flow_Flow_peek(flow, &item), 0);
		while ((n = flow_Flow_forever_next(stream, &item)) < 0 && is_lost(n))
			;
		CHECK_INT(n, 1);
		CHECK_INT(atomic_load(&place.n_ended), 0);
		pyr_stream_free(stream);
		close_all();
	}
}

/* ---- who may take it up ---- */

TEST(d10_another_process_behind_the_address_knows_no_such_stream)
{
	static struct flow_place second;
	pyr_stream *stream;
	int32_t item;
	int i;

	for (i = 0; i < 2; i++) {
		open_all(&flow_variants[i]);
		REQUIRE(flow_open(&second, &flow_variants[i]));
		lose_forever(&stream);
		relay_redirect(&relay, pyr_daemon_address(second.daemon));
		CHECK_INT(reconnect(), 0);
		check_fails(flow_Flow_forever_next(stream, &item), PYR_NOT_FOUND,
			    "item stream terminated");
		pyr_stream_free(stream);
		CHECK_INT(flow_close(&second), 0);
		close_all();
	}
}

TEST(d10_another_user_of_the_host_does_not_get_it)
{
	pyr_stream *stream;
	int32_t item;
	int i;

	for (i = 2; i < 4; i++) { /* the unix sockets */
		open_all(&flow_variants[i]);
		lose_forever(&stream);
		atomic_store(&other_uid, 1);
		CHECK_INT(reconnect(), 0);
		check_fails(flow_Flow_forever_next(stream, &item), PYR_NOT_FOUND,
			    "item stream terminated");
		atomic_store(&other_uid, 0);
		CHECK_INT(atomic_load(&place.n_ended), 0); /* it waits for its own */
		pyr_stream_free(stream);
		close_all();
	}
}

/* The next item that comes, if any does: over a new link, if need be. */
static int next_tick(pyr_stream *stream)
{
	int32_t item;
	int n;

	while ((n = flow_Flow_ticks_next(stream, &item)) < 0 && is_lost(n))
		;
	return n;
}

/* Deferred: they take no threads. */
TEST(d10_a_daemon_keeps_so_many_streams_without_a_link_and_no_more)
{
	enum { KEPT = 1024, MORE = 6, PERIOD_MS = 100 };
	static pyr_stream *streams[KEPT + MORE];
	int64_t began = now_ms();
	int i, k, n, n_before, n_kept = 0;

	open_all(&flow_variants[0]);
	for (i = 0; i < KEPT + MORE; i++)
		REQUIRE(flow_Flow_ticks(flow, PERIOD_MS, 1000000, &streams[i]) == 0);
	for (i = 0; i < KEPT + MORE; i++)
		CHECK_INT(next_tick(streams[i]), 1);
	relay_cut(&relay);
	/* What came before the cut is given all the same: one of more ticks than that is kept. */
	n_before = (int)((now_ms() - began) / PERIOD_MS) + 1;
	CHECK(flow_reaches(&place.n_ended, MORE));
	CHECK_INT(reconnect(), 0);
	for (i = 0; i < KEPT + MORE; i++) {
		n = 1;
		for (k = 0; k <= n_before && n > 0; k++)
			n = next_tick(streams[i]);
		n_kept += n > 0;
		if (n < 0)
			check_fails(n, PYR_NOT_FOUND, "item stream terminated");
	}
	CHECK_INT(n_kept, KEPT);
	for (i = 0; i < KEPT + MORE; i++)
		pyr_stream_free(streams[i]);
	CHECK(flow_reaches(&place.n_ended, KEPT + MORE));
	close_all();
}

TESTS(stream_linger_ends, T(d10_a_writer_whose_caller_is_gone_does_not_hold_up_a_serial_daemon),
      T(d10_a_reader_whose_caller_is_gone_does_not_hold_up_a_serial_daemon),
      T(d10_in_a_pool_others_are_served_while_a_lost_caller_is_waited_for),
      T(d10_a_stream_that_nobody_takes_up_ends),
      T(d10_an_answer_that_finds_no_memory_meanwhile_ends_the_stream),
      T(d10_without_linger_a_stream_ends_with_its_link),
      T(d10_a_stream_may_be_cancelled_while_there_is_no_link), T(d10_a_stream_ends_with_its_proxy),
      T(d10_a_daemon_that_stops_does_not_wait_for_lost_streams),
      T(d10_another_process_behind_the_address_knows_no_such_stream),
      T(d10_another_user_of_the_host_does_not_get_it),
      T(d10_a_daemon_keeps_so_many_streams_without_a_link_and_no_more))
