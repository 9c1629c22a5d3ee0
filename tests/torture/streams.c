/* SPDX-License-Identifier: MIT */
/* Streams in each direction, and one that goes on over another connection. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "place.h"
#include "relay.h"

enum { ITEMS = 5 };

static int read_all(pyr_stream *stream, int32_t from, int32_t n)
{
	struct things_Item *item;
	int status;

	while ((status = things_Thing_pour_next(stream, &item)) > 0) {
		if (item->number != from++ || item->tags.n != 2)
			status = note_wrong("an item");
		pyr_free(item);
		if (status < 0)
			return status;
	}
	if (status < 0)
		return note("things_Thing_pour_next()", status);
	return from == n ? 0 : note_wrong("the number of items");
}

static int pour(struct place *place, struct things_Thing *thing)
{
	pyr_stream *stream = NULL;
	int status;

	(void)place;
	TRY(things_Thing_pour(thing, ITEMS, &stream));
	status = read_all(stream, 0, ITEMS);
out:
	pyr_stream_free(stream);
	return status;
}

static int take(struct place *place, struct things_Thing *thing)
{
	struct things_Item item = { .number = 1, .name = "drop" };
	pyr_stream *stream = NULL;
	int64_t sum = 0;
	int status, i;

	(void)place;
	TRY(things_Thing_take(thing, &stream));
	for (i = 0; i < ITEMS; i++)
		TRY(things_Thing_take_write(stream, &item));
	status = things_Thing_take_finish(stream, &sum);
	if (status < 0)
		return note("things_Thing_take_finish()", status);
	return sum == ITEMS ? 0 : note_wrong("the sum of items");
out:
	pyr_stream_free(stream);
	return status;
}

static int twice(struct place *place, struct things_Thing *thing)
{
	pyr_stream *stream = NULL;
	int32_t number = 0, i;
	int status;

	(void)place;
	TRY(things_Thing_twice(thing, &stream));
	for (i = 1; i <= ITEMS; i++) {
		TRY(things_Thing_twice_write(stream, i));
		TRY(things_Thing_twice_next(stream, &number));
		EXPECT(status == 1 && number == 2 * i);
	}
	TRY(pyr_stream_end(stream));
	TRY(things_Thing_twice_next(stream, &number));
	EXPECT(status == 0);
out:
	pyr_stream_free(stream);
	return status;
}

/* The method writes more than the window, so that it waits for room. */
static int much(struct place *place, struct things_Thing *thing)
{
	pyr_stream *stream = NULL;
	struct things_Item *item;
	int status, i;

	(void)place;
	TRY(things_Thing_pour(thing, 1000000, &stream));
	for (i = 0; i < ITEMS; i++) {
		TRY(things_Thing_pour_next(stream, &item));
		EXPECT(status == 1);
		pyr_free(item);
	}
	status = 0;
out:
	pyr_stream_free(stream);
	return status;
}

/* Items that take more than one frame. */
static int large(struct place *place, struct things_Thing *thing)
{
	enum { LARGE = 100000 };
	struct things_Item item = { .number = 1 };
	pyr_stream *stream = NULL;
	char *name = malloc(LARGE + 1);
	int64_t sum = 0;
	int status;

	(void)place;
	if (!name)
		return note_wrong("no memory for the test");
	memset(name, 'x', LARGE);
	name[LARGE] = '\0';
	item.name = name;
	TRY(things_Thing_take(thing, &stream));
	TRY(things_Thing_take_write(stream, &item));
	TRY(things_Thing_take_write(stream, &item));
	status = things_Thing_take_finish(stream, &sum);
	stream = NULL;
	TRY(status);
	EXPECT(sum == 2);
out:
	pyr_stream_free(stream);
	free(name);
	return status;
}

static int over(enum pyr_lane lane, unsigned threads, part_fn part)
{
	struct pyr_daemon_options daemon = { .threads = threads };
	struct pyr_proxy_options options = proxy_options(lane);

	return with_both(&daemon, &options, part);
}

#define OVER(lane, part)                                                                           \
	static int part##_over_##lane(void)                                                        \
	{                                                                                          \
		return over(PYR_LANE_##lane, 2, part);                                             \
	}

OVER(SOCKET, pour)
OVER(SOCKET, take)
OVER(SOCKET, twice)
OVER(SOCKET, much)
OVER(SOCKET, large)
OVER(GRPC, pour)
OVER(GRPC, twice)
OVER(PROCESS, twice)

/* ---- a connection that is lost ---- */

static int resumed_by(struct things_Thing *thing, struct relay *relay)
{
	struct things_Item *item;
	pyr_stream *stream = NULL;
	int status;

	TRY(things_Thing_pour(thing, ITEMS, &stream));
	TRY(things_Thing_pour_next(stream, &item));
	EXPECT(status == 1);
	pyr_free(item);
	relay_cut(relay);
	TRY(pyr_proxy_reconnect(things_Thing_as_proxy(thing), 3, 1));
	status = read_all(stream, 1, ITEMS);
out:
	pyr_stream_free(stream);
	return status;
}

/* The daemon has a short patience with a stream that nobody resumes, as the daemon waits for it
 * when it stops. */
static int resume(void)
{
	struct pyr_daemon_options daemon = { .threads = 2, .stream_linger_ms = 200 };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	struct relay relay = { 0 };
	struct place place;
	char uri[256];
	int status;

	TRY(place_open(&place, &daemon));
	EXPECT(relay_open(&relay, strchr(place.uri, '@') + 1));
	snprintf(uri, sizeof(uri), "PYRO:thing@%s", relay.address);
	GET(thing, things_Thing_proxy_with(uri, &options));
	status = resumed_by(thing, &relay);
out:
	things_Thing_free(thing);
	if (relay.address[0])
		relay_close(&relay);
	return place_close(&place, status);
}

/* A stream whose call never arrived, or that the daemon could not keep, cannot be resumed. */
#define OF_LOST ALSO(PYR_NOT_FOUND)

const struct scenario stream_scenarios[] = {
	{ .name = "stream-read", .run = pour_over_SOCKET, .also = OF_LOST },
	{ .name = "stream-written", .run = take_over_SOCKET, .also = OF_LOST },
	{ .name = "stream-both", .run = twice_over_SOCKET, .also = OF_LOST },
	{ .name = "stream-left", .run = much_over_SOCKET, .also = OF_LOST },
	{ .name = "stream-large", .run = large_over_SOCKET, .also = OF_LOST },
	{ .name = "stream-read-grpc", .run = pour_over_GRPC },
	{ .name = "stream-both-grpc", .run = twice_over_GRPC },
	{ .name = "stream-both-process", .run = twice_over_PROCESS },
	{ .name = "stream-resumed", .run = resume, .also = OF_LOST },
	{ 0 },
};
