/* SPDX-License-Identifier: MIT */
#include "flow_servant.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct flow_variant flow_variants[4] = {
	{ .name = "pool, TCP", .threads = 4 },
	{ .name = "serial, TCP", .threads = 1 },
	{ .name = "pool, unix", .threads = 4, .is_unix = true },
	{ .name = "serial, unix", .threads = 1, .is_unix = true },
};

static struct flow_place *place_of(pyr_call *call)
{
	return pyr_call_data(call);
}

/* The end of a method: err as its stream gave it. */
static int over(pyr_call *call, int err)
{
	struct flow_place *place = place_of(call);

	if (err < 0)
		atomic_store(&place->status, -err);
	atomic_fetch_add(&place->n_ended, 1);
	return err;
}

static int count(pyr_call *call, int32_t from, int32_t n, pyr_stream *stream)
{
	struct flow_place *place = place_of(call);
	int32_t i;
	int err = 0;

	for (i = 0; i < n && err == 0; i++) {
		err = flow_Flow_count_yield(stream, from + i);
		atomic_fetch_add(&place->n_yielded, err == 0);
	}
	return over(call, err);
}

static int break_at(pyr_call *call, int32_t n, pyr_stream *stream)
{
	int err = count(call, 0, 0, stream);
	int32_t i;

	for (i = 0; i < n && err == 0; i++)
		err = flow_Flow_break_at_yield(stream, i);
	if (err < 0)
		return err;
	return flow_Flow_raise_Broken(call, &(struct flow_Broken){ .at = n, .why = "worn" });
}

static int blocks(pyr_call *call, uint32_t size, uint32_t n, pyr_stream *stream)
{
	struct flow_place *place = place_of(call);
	struct pyr_bytes block = { size, malloc(size + 1) };
	uint32_t i;
	int err = block.items ? 0 : -PYR_RESOURCE_EXHAUSTED;

	for (i = 0; i < n && err == 0; i++) {
		memset(block.items, (int)i, size);
		err = flow_Flow_blocks_yield(stream, &block);
		atomic_fetch_add(&place->n_yielded, err == 0);
		atomic_fetch_add(&place->n_bytes, err == 0 ? size : 0);
	}
	free(block.items);
	return over(call, err);
}

static int forever(pyr_call *call, pyr_stream *stream)
{
	struct flow_place *place = place_of(call);
	int32_t i;
	int err = 0;

	for (i = 0; err == 0; i++) {
		err = flow_Flow_forever_yield(stream, i);
		atomic_fetch_add(&place->n_yielded, err == 0);
	}
	return over(call, err);
}

/* Hands on what another stream gives: a method that reads as a caller and yields. */
static int relay(pyr_call *call, int32_t n, pyr_stream *stream)
{
	struct flow_place *place = place_of(call);
	pyr_stream *source;
	int32_t item;
	int err = flow_Flow_count(place->self, 0, n, &source), more = 0;

	if (err < 0)
		return over(call, err);
	while (err == 0 && (more = flow_Flow_count_next(source, &item)) > 0)
		err = flow_Flow_relay_yield(stream, 2 * item);
	pyr_stream_free(source);
	return over(call, err < 0 ? err : more);
}

/* A stream that is written after its method has returned: by a timer. A daemon that stops fires
 * none any more: what is left of tickers then goes with its place. */
struct ticker {
	struct ticker *next, **link; /* the lock; link: NULL: somebody ends it */
	pyr_deferred *deferred;
	pyr_stream *stream;
	pyr_timer *timer;
	struct flow_place *place;
	uint32_t period_ms;
	int32_t i, n;
};

static struct {
	pthread_mutex_t lock;
	struct ticker *first;
} tickers = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void list(struct ticker *ticker)
{
	pthread_mutex_lock(&tickers.lock);
	ticker->next = tickers.first;
	if (ticker->next)
		ticker->next->link = &ticker->next;
	ticker->link = &tickers.first;
	tickers.first = ticker;
	pthread_mutex_unlock(&tickers.lock);
}

/* With the lock. Returns false if somebody else has it. */
static bool take(struct ticker *ticker)
{
	if (!ticker->link)
		return false;
	*ticker->link = ticker->next;
	if (ticker->next)
		ticker->next->link = ticker->link;
	ticker->link = NULL;
	return true;
}

static void drop_tickers(const struct flow_place *place)
{
	struct ticker *ticker;

	for (;;) {
		pthread_mutex_lock(&tickers.lock);
		for (ticker = tickers.first; ticker && ticker->place != place;)
			ticker = ticker->next;
		if (ticker)
			(void)take(ticker);
		pthread_mutex_unlock(&tickers.lock);
		if (!ticker)
			return;
		pyr_timer_free(ticker->timer); /* waits for one that just fires */
		(void)pyr_deferred_fail(ticker->deferred, PYR_UNAVAILABLE,
					"the daemon has stopped");
		free(ticker);
	}
}

static void on_tick(pyr_timer *timer, void *data)
{
	struct ticker *ticker = data;
	struct flow_place *place = ticker->place;
	int err = flow_Flow_ticks_yield(ticker->stream, ticker->i++);
	bool is_mine;

	if (err == 0 && ticker->i < ticker->n) {
		pyr_timer_set(timer, ticker->period_ms);
		return;
	}
	pthread_mutex_lock(&tickers.lock);
	is_mine = take(ticker);
	pthread_mutex_unlock(&tickers.lock);
	if (!is_mine)
		return;
	if (err == 0)
		flow_Flow_ticks_reply(ticker->deferred);
	else
		pyr_deferred_fail(ticker->deferred, -err, "the stream was closed");
	atomic_store(&place->status, -err);
	atomic_fetch_add(&place->n_ended, 1);
	pyr_timer_free(timer);
	free(ticker);
}

static int ticks(pyr_call *call, uint32_t period_ms, int32_t n, pyr_stream *stream)
{
	struct flow_place *place = place_of(call);
	struct ticker *ticker = calloc(1, sizeof(*ticker));

	if (!ticker || pyr_call_defer(call, &ticker->deferred) < 0) {
		free(ticker);
		return -PYR_RESOURCE_EXHAUSTED;
	}
	ticker->stream = stream;
	ticker->place = place;
	ticker->period_ms = period_ms;
	ticker->n = n;
	ticker->timer = pyr_timer_new(place->daemon, on_tick, ticker);
	list(ticker);
	pyr_timer_set(ticker->timer, period_ms);
	return 0;
}

static int sum(pyr_call *call, int64_t start, pyr_stream *stream, int64_t *ret, uint32_t *ret_n)
{
	struct flow_place *place = place_of(call);
	int64_t number, total = start;
	uint32_t n = 0;
	int more;

	while ((more = flow_Flow_sum_read(stream, &number)) > 0) {
		total += number;
		n++;
		atomic_fetch_add(&place->n_read, 1);
	}
	*ret = total;
	*ret_n = n;
	return over(call, more);
}

static int measure(pyr_call *call, pyr_stream *stream, uint64_t *ret)
{
	const struct pyr_bytes *block;
	uint64_t total = 0;
	int more;

	while ((more = flow_Flow_measure_read(stream, &block)) > 0)
		total += block->n;
	*ret = total;
	return over(call, more);
}

static int first_of(pyr_call *call, pyr_stream *stream, int32_t *ret)
{
	int more = flow_Flow_first_of_read(stream, ret);

	return more == 0 ? pyr_fail(call, PYR_OUT_OF_RANGE, "no number came")
			 : over(call, more > 0 ? 0 : more);
}

static int refuse(pyr_call *call, pyr_stream *stream)
{
	(void)stream;
	return flow_Flow_raise_Broken(call, &(struct flow_Broken){ .at = 0, .why = "shut" });
}

static int scale(pyr_call *call, int32_t factor, pyr_stream *stream)
{
	int32_t item;
	int err = 0, more = 0;

	while (err == 0 && (more = flow_Flow_scale_read(stream, &item)) > 0)
		err = flow_Flow_scale_yield(stream, factor * item);
	return over(call, err < 0 ? err : more);
}

/* Computes, as far as the runtime can see, until its items were seen. The last one tells whether
 * they were in time. */
static int busy(pyr_call *call, int32_t n, pyr_stream *stream)
{
	struct flow_place *place = place_of(call);
	int32_t i;
	int err = 0;

	for (i = 0; i < n && err == 0; i++)
		err = flow_Flow_busy_yield(stream, i);
	return err ? err : flow_Flow_busy_yield(stream, flow_reaches(&place->n_seen, n) ? -1 : -2);
}

static int peek(pyr_call *call, int32_t *ret)
{
	*ret = atomic_load(&place_of(call)->n_yielded);
	return 0;
}

#define ECHO(name, type)                                                                           \
	static int name(pyr_call *call, pyr_stream *stream)                                        \
	{                                                                                          \
		type item;                                                                         \
		int err = 0, more = 0;                                                             \
                                                                                                   \
		while (err == 0 && (more = flow_Flow_##name##_read(stream, &item)) > 0)            \
			err = flow_Flow_##name##_yield(stream, item);                              \
		return over(call, err < 0 ? err : more);                                           \
	}

ECHO(booleans, bool)
ECHO(chars, char)
ECHO(octets, uint8_t)
ECHO(shorts, int16_t)
ECHO(longs, uint64_t)
ECHO(floats, float)
ECHO(doubles, double)
ECHO(colors, enum flow_Color)
ECHO(strings, const char *)
ECHO(bytes, const struct pyr_bytes *)
ECHO(points, const struct flow_Point *)
ECHO(shapes, const struct flow_Shape *)
ECHO(numbers, const struct flow_Numbers *)
ECHO(ages, const struct flow_Ages *)
ECHO(matrices, const struct flow_Matrix *)

static const struct flow_Flow_methods methods = {
	.count = count,
	.break_at = break_at,
	.blocks = blocks,
	.ticks = ticks,
	.forever = forever,
	.relay = relay,
	.sum = sum,
	.measure = measure,
	.first_of = first_of,
	.refuse = refuse,
	.scale = scale,
	.busy = busy,
	.peek = peek,
	.booleans = booleans,
	.chars = chars,
	.octets = octets,
	.shorts = shorts,
	.longs = longs,
	.floats = floats,
	.doubles = doubles,
	.colors = colors,
	.strings = strings,
	.bytes = bytes,
	.points = points,
	.shapes = shapes,
	.numbers = numbers,
	.ages = ages,
	.matrices = matrices,
};

static void *run(void *data)
{
	struct flow_place *place = data;

	place->result = pyr_daemon_run(place->daemon);
	return NULL;
}

bool flow_make(struct flow_place *place, const struct flow_variant *variant)
{
	struct pyr_daemon_options options = { .threads = variant->threads };

	options.stream_lifetime_ms = variant->stream_lifetime_ms;
	options.stream_linger_ms = variant->stream_linger_ms;
	options.drain_ms = variant->drain_ms;
	options.on_connect = variant->on_connect;
	options.on_call_error = variant->on_call_error;
	options.tls = variant->tls;

	memset(place, 0, sizeof(*place));
	snprintf(place->socket, sizeof(place->socket), "/tmp/pyrite-flow-%d.sock", (int)getpid());
	place->has_threads = variant->threads > 1;
	if (variant->is_unix)
		options.socket = place->socket;
	place->daemon = pyr_daemon_new(&options);
	place->uri = flow_Flow_register(place->daemon, "flow", &methods, place);
	place->self = place->uri ? flow_Flow_proxy(place->uri) : NULL;
	return place->self != NULL;
}

bool flow_open(struct flow_place *place, const struct flow_variant *variant)
{
	if (flow_make(place, variant) && pthread_create(&place->thread, NULL, run, place) == 0)
		return true;
	flow_Flow_free(place->self);
	pyr_daemon_free(place->daemon);
	return false;
}

int flow_close(struct flow_place *place)
{
	flow_Flow_free(place->self);
	pyr_daemon_stop(place->daemon);
	pthread_join(place->thread, NULL);
	drop_tickers(place);
	pyr_daemon_free(place->daemon);
	return place->result;
}

bool flow_reaches(atomic_int *value, int n)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 20;
	do {
		if (atomic_load(value) >= n)
			return true;
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	return false;
}
