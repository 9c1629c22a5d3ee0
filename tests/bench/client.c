/* SPDX-License-Identifier: MIT */
/*
 * Pyrite's client of the measurements: bench-client URI MODE [-n N]. Modes beside those of drive.h:
 *   plain          serial, as plain gRPC
 *   started        oneway, without waiting until the server has each call
 *   beside -n N    serial, while another thread sends N bytes there and back through the proxy
 *   batch -n N     batches of N calls
 *   callback -n N  calls that the server makes over this client's connection, in calls of N each
 *   objects -n N   calls through ten proxies, of objects evenly chosen from the server's N
 *   sessions -n N  idle, of N proxies that share one connection
 *   proxies -n N   calls through N proxies of one object, in turn
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "drive.h"

enum { OBJECT_PROXIES = 10 };

static struct pyr_proxy_options settings; /* of every proxy */

static void *allocate(size_t n, size_t size)
{
	void *ret = calloc(n, size);

	if (!ret)
		bench_fail("out of memory");
	return ret;
}

static void check(int err, const char *what)
{
	if (err < 0)
		bench_fail("%s: %s", what, pyr_errmsg());
}

/* ---- what all contenders do ---- */

static void *open_proxy(const char *address)
{
	struct bench_Adder *adder = bench_Adder_proxy_with(address, &settings);

	check(adder ? 0 : -1, address);
	return adder;
}

static void close_proxy(void *end)
{
	bench_Adder_free(end);
}

static int32_t add(void *end, struct bench_sum sum)
{
	int32_t answer;

	check(bench_Adder_add(end, sum.x, sum.y, &answer), "add");
	return answer;
}

static void start(void *end, struct bench_call *call)
{
	call->own = bench_Adder_add_start(end, call->sum.x, call->sum.y);
	check(call->own ? 0 : -1, "add_start");
}

static struct bench_call *finish(void *end, struct bench_call *oldest)
{
	(void)end;
	check(bench_Adder_add_get(oldest->own, &oldest->answer), "add_get");
	return oldest;
}

static void echo(void *end, const uint8_t *data, size_t n)
{
	struct pyr_bytes bytes = { n, (uint8_t *)data }, *came;

	check(bench_Adder_echo(end, &bytes, &came), "echo");
	bench_check_bytes(data, n, came->items, came->n);
	pyr_free(came);
}

static void note(void *end, int32_t x)
{
	check(bench_Adder_note(end, x), "note");
}

static pyr_future *notes[64];
static unsigned n_notes;

static void end_note(unsigned i)
{
	if (notes[i])
		check(bench_Adder_note_get(notes[i]), "note_get");
	notes[i] = NULL;
}

static void start_note(void *end, int32_t x)
{
	unsigned i = n_notes++ % (sizeof(notes) / sizeof(notes[0]));

	end_note(i);
	notes[i] = bench_Adder_note_start(end, x);
	check(notes[i] ? 0 : -1, "note_start");
}

static void close_after_notes(void *end)
{
	unsigned i;

	for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		end_note(i);
	close_proxy(end);
}

static void count(void *end, int32_t n)
{
	pyr_stream *stream;
	int32_t i, item;

	check(bench_Adder_count(end, n, &stream), "count");
	for (i = 0; i < n; i++)
		if (bench_Adder_count_next(stream, &item) != 1 || item != i)
			bench_fail("item %d: %s", (int)i, pyr_errmsg());
	if (bench_Adder_count_next(stream, &item) != 0)
		bench_fail("end of the stream: %s", pyr_errmsg());
	pyr_stream_free(stream);
}

static void total(void *end, int32_t n)
{
	pyr_stream *stream;
	int64_t sum;
	int32_t i;

	check(bench_Adder_total(end, &stream), "total");
	for (i = 0; i < n; i++)
		check(bench_Adder_total_write(stream, i), "write");
	check(bench_Adder_total_finish(stream, &sum), "finish");
	if (sum != (int64_t)n * (n - 1) / 2)
		bench_fail("the total is %lld", (long long)sum);
}

static const struct bench_peer pyrite = {
	.open = open_proxy,
	.close = close_proxy,
	.add = add,
	.start = start,
	.finish = finish,
	.echo = echo,
	.note = note,
	.count = count,
	.total = total,
	.is_shared = true,
};

/* ---- batches ---- */

static void batches(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	int32_t *answers = allocate(options->n, sizeof(*answers));
	pyr_batch *batch = pyr_batch_new(bench_Adder_as_proxy(data));
	struct bench_Adder *queue = bench_Adder_batch(batch);
	int64_t now = bench_now(), before;
	struct bench_sum sum;
	unsigned i;

	while (bench_more(limit, times->n, now)) {
		before = now;
		for (i = 0; i < options->n; i++) {
			sum = bench_sum(i);
			check(bench_Adder_add(queue, sum.x, sum.y, &answers[i]), "add");
		}
		check(pyr_batch_run(batch), "batch");
		now = bench_now();
		for (i = 0; i < options->n; i++) {
			bench_check(bench_sum(i), answers[i]);
			bench_add(times, (now - before) / options->n);
		}
	}
	pyr_batch_free(batch);
	free(answers);
}

/* ---- callbacks ---- */

static int add_here(pyr_call *call, int32_t x, int32_t y, int32_t *ret)
{
	(void)call;
	*ret = x + y;
	return 0;
}

static void callbacks(const struct bench_options *options, const struct bench_limit *limit,
		      struct bench_times *times, void *data)
{
	static const struct bench_Listener_methods methods = { .add = add_here };
	struct bench_Listener *listener = bench_Listener_object(NULL, &methods, NULL, NULL);
	int64_t now = bench_now(), before;
	int32_t sum;
	unsigned i;

	while (bench_more(limit, times->n, now)) {
		before = now;
		check(bench_Adder_call_back(data, listener, (int32_t)options->n, &sum),
		      "call_back");
		now = bench_now();
		if (sum != (int32_t)options->n)
			bench_fail("called back %d times", (int)sum);
		for (i = 0; i < options->n; i++)
			bench_add(times, (now - before) / options->n);
	}
	bench_Listener_free(listener);
}

/* ---- many objects, many proxies ---- */

/* "PYRO:adder.0@place": the same server's object number i. */
static struct bench_Adder *object(const char *uri, unsigned i)
{
	const char *place = strchr(uri, '@');
	char text[300];

	if (!place)
		bench_fail("%s: no place", uri);
	snprintf(text, sizeof(text), "PYRO:adder.%u%s", i, place);
	return open_proxy(text);
}

struct many {
	unsigned n;
	struct bench_Adder **adders;
};

static void in_turn(const struct bench_options *options, const struct bench_limit *limit,
		    struct bench_times *times, void *data)
{
	int64_t now = bench_now(), before;
	struct many *many = data;
	struct bench_sum sum;

	(void)options;
	while (bench_more(limit, times->n, now)) {
		before = now;
		sum = bench_sum(times->n);
		bench_check(sum, add(many->adders[times->n % many->n], sum));
		now = bench_now();
		bench_add(times, now - before);
	}
}

static void measure_many(const struct bench_options *options)
{
	bool is_objects = strcmp(options->mode, "objects") == 0;
	unsigned i, n = is_objects && options->n > OBJECT_PROXIES ? OBJECT_PROXIES : options->n;
	struct many many = { n, allocate(n, sizeof(*many.adders)) };

	for (i = 0; i < n; i++) {
		many.adders[i] = object(options->address, is_objects ? i * (options->n / n) : 0);
		bench_check(bench_sum(i), add(many.adders[i], bench_sum(i)));
	}
	bench_measure(options, in_turn, &many);
	for (i = 0; i < n; i++)
		close_proxy(many.adders[i]);
	free(many.adders);
}

/* ---- beside much data ---- */

struct bulk {
	struct bench_Adder *adder;
	size_t n;
	atomic_bool is_over;
};

static void *move(void *data)
{
	struct bulk *bulk = data;
	uint8_t *bytes = allocate(bulk->n, 1);

	while (!atomic_load(&bulk->is_over))
		echo(bulk->adder, bytes, bulk->n);
	free(bytes);
	return NULL;
}

static void serial_beside(const struct bench_options *options, const struct bench_limit *limit,
			  struct bench_times *times, void *data)
{
	struct bulk bulk = { .adder = data, .n = options->n };
	struct many many = { 1, &bulk.adder };
	pthread_t thread;

	if (pthread_create(&thread, NULL, move, &bulk) != 0)
		bench_fail("no thread");
	in_turn(options, limit, times, &many);
	atomic_store(&bulk.is_over, true);
	pthread_join(thread, NULL);
}

/* ---- modes ---- */

static void measure_one(const struct bench_options *options, bench_phase_cb phase)
{
	struct bench_Adder *adder = open_proxy(options->address);

	bench_measure(options, phase, adder);
	close_proxy(adder);
}

static void measure_driven(struct bench_options *options)
{
	struct bench_peer peer = pyrite;

	if (strcmp(options->mode, "plain") == 0) {
		settings.plain = PYR_PLAIN_ONLY;
		options->mode = "serial";
	} else if (strcmp(options->mode, "started") == 0) {
		peer.note = start_note;
		peer.close = close_after_notes;
		options->mode = "oneway";
	} else if (strcmp(options->mode, "sessions") == 0) {
		options->mode = "idle";
	}
	bench_drive(options, &peer);
}

int main(int argc, char **argv)
{
	struct bench_options options;
	const char *mode;

	bench_start(&options, argc, argv, BENCH_CLIENT);
	mode = options.mode;
	settings.own_link = strcmp(mode, "connect") == 0 || strcmp(mode, "idle") == 0;
	if (strcmp(mode, "objects") == 0 || strcmp(mode, "proxies") == 0)
		measure_many(&options);
	else if (strcmp(mode, "batch") == 0)
		measure_one(&options, batches);
	else if (strcmp(mode, "callback") == 0)
		measure_one(&options, callbacks);
	else if (strcmp(mode, "beside") == 0)
		measure_one(&options, serial_beside);
	else
		measure_driven(&options);
	return 0;
}
