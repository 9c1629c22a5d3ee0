/* SPDX-License-Identifier: MIT */
/* More of one kind than usual: members, entries, objects, calls, long names; connections that the
 * program hands over; and a daemon with another version of the interface. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "place.h"

static int with_socket(part_fn part)
{
	struct pyr_daemon_options daemon = { .threads = 2 };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);

	return with_both(&daemon, &options, part);
}

/* ---- values ---- */

enum { ENTRIES = 20 };

static int wide(struct place *place, struct things_Thing *thing)
{
	struct pyr_string_things_Item_map_entry entries[ENTRIES];
	struct pyr_string_things_Item_map map = { ENTRIES, entries }, *back = NULL;
	struct things_Wide x = { .a = 1, .q = 17 }, *wide = NULL;
	struct things_Grid grid = { { { 1, 2 }, { 3, 4 } } }, *turned = NULL;
	char keys[ENTRIES][8];
	int status, i;

	(void)place;
	for (i = 0; i < ENTRIES; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%02d", i);
		entries[i] = (struct pyr_string_things_Item_map_entry){
			keys[i], { .number = i, .name = keys[i] }
		};
	}
	TRY(things_Thing_widen(thing, &x, &wide));
	EXPECT(wide->a == 1 && wide->q == 17);
	TRY(things_Thing_turn(thing, &grid, &turned));
	EXPECT(turned->items[1][1] == 4);
	TRY(things_Thing_book(thing, &map, &back));
	EXPECT(back->n == ENTRIES);
out:
	pyr_free(back);
	pyr_free(turned);
	pyr_free(wide);
	return status;
}

static int widened(void)
{
	return with_socket(wide);
}

/* ---- objects and calls ---- */

enum { OBJECTS = 300, CALLS = 140 };

static int register_all(struct place *place)
{
	char id[16];
	int i, status = 0;

	pthread_mutex_lock(&place->lock);
	for (i = 0; i < OBJECTS && status == 0; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		if (!place->daemon)
			status = -PYR_UNAVAILABLE;
		else if (!things_Thing_register(place->daemon, id, &thing_methods, place))
			status = note("things_Thing_register()", -pyr_last_error()->code);
	}
	pthread_mutex_unlock(&place->lock);
	return status;
}

static int crowd(struct place *place, struct things_Thing *thing)
{
	pyr_future *futures[CALLS] = { NULL };
	int32_t sum;
	int status, i, each;

	TRY(part_add(place, thing)); /* so that it runs */
	TRY(register_all(place));
	for (i = 0; i < CALLS; i++)
		GET(futures[i], things_Thing_add_start(thing, i, 1));
	for (i = 0; i < CALLS; i++) {
		each = things_Thing_add_get(futures[i], &sum);
		futures[i] = NULL;
		TRY(each);
		EXPECT(sum == i + 1);
	}
out:
	for (i = 0; i < CALLS; i++)
		pyr_future_free(futures[i]);
	return status;
}

static int crowded(void)
{
	return with_socket(crowd);
}

/* ---- room in a stream ---- */

static void on_room(pyr_stream *stream, void *data)
{
	(void)stream;
	atomic_store((atomic_bool *)data, true);
}

static int room(struct place *place, struct things_Thing *thing)
{
	const struct things_Item item = { .number = 1, .name = "drop" };
	atomic_bool has_room = false;
	pyr_stream *stream = NULL;
	int64_t sum = 0;
	int status;

	(void)place;
	TRY(things_Thing_take(thing, &stream));
	TRY(pyr_stream_on_room(stream, on_room, &has_room));
	while (!atomic_load(&has_room)) /* the alarm bounds it */
		sched_yield();
	TRY(things_Thing_take_write(stream, &item));
	status = things_Thing_take_finish(stream, &sum);
	stream = NULL;
	TRY(status);
	EXPECT(sum == 1);
out:
	pyr_stream_free(stream);
	return status;
}

static int with_room(void)
{
	return with_socket(room);
}

/* ---- connections ---- */

/* Both ends of a pair of sockets are handed over. */
static int handed(struct place *place, struct things_Thing *thing)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *other = NULL;
	int status, ends[2];

	TRY(part_add(place, thing)); /* so that it runs */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return note("socketpair()", -PYR_UNAVAILABLE);
	pthread_mutex_lock(&place->lock);
	if (place->daemon) {
		status = pyr_daemon_serve_fd(place->daemon, ends[0]);
	} else {
		close(ends[0]);
		status = -PYR_UNAVAILABLE;
	}
	pthread_mutex_unlock(&place->lock);
	if (status < 0) {
		close(ends[1]);
		return note("pyr_daemon_serve_fd()", status);
	}
	options.own_link = false;
	GET(other, things_Thing_proxy_from_fd(ends[1], "thing", &options));
	status = part_call(place, other);
out:
	things_Thing_free(other);
	return status;
}

static int handed_over(void)
{
	return with_socket(handed);
}

/* ---- another version ---- */

static char older_uri[128];
static pid_t older_pid;

static bool start_older(void)
{
	const char *bin = getenv("PYRITE_BIN");
	char path[600];

	snprintf(path, sizeof(path), "%s/torture-older", bin ? bin : ".");
	older_pid = start_program((const char *[]){ path, NULL }, older_uri, sizeof(older_uri));
	older_uri[strcspn(older_uri, "\n")] = '\0';
	return older_pid > 0;
}

static void stop_older(void)
{
	stop_program(older_pid);
}

/* What both versions have can be called; what differs is refused before it is sent. */
static int compared(void)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *thing = NULL;
	int32_t sum;
	int status;

	GET(thing, things_Thing_proxy_with(older_uri, &options));
	TRY(part_add(NULL, thing));
	status = things_Thing_posted(thing, &sum);
	if (status == -PYR_FAILED_PRECONDITION)
		status = 0;
	else if (status == 0)
		status = note_wrong("another version of posted() was called");
	else
		note("things_Thing_posted()", status);
out:
	things_Thing_free(thing);
	return status;
}

const struct scenario given_scenarios[] = {
	{ .name = "values-wide", .run = widened },
	{ .name = "crowd", .run = crowded },
	/* A stream whose call never arrived cannot be resumed. */
	{ .name = "stream-room", .run = with_room, .also = ALSO(PYR_NOT_FOUND) },
	/* A socket whose peer cannot be told is not a connected one. */
	{ .name = "connection-handed-over",
	  .run = handed_over,
	  .also = ALSO(PYR_INVALID_ARGUMENT) },
	{ .name = "version-older", .run = compared, .open = start_older, .close = stop_older },
	{ 0 },
};
