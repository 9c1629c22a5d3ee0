/* SPDX-License-Identifier: MIT */
/* Calls, one way after the other, on each lane. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pyrite/value.h>

#include "place.h"

static int with_daemon(enum pyr_lane lane, unsigned threads, part_fn part)
{
	struct pyr_daemon_options daemon = { .threads = threads };
	struct pyr_proxy_options options = proxy_options(lane);

	return with_both(&daemon, &options, part);
}

static int values(struct place *place, struct things_Thing *thing)
{
	struct things_Item item = { .number = 3, .name = "three" }, *unpacked = NULL;
	struct pyr_string_things_Item_map_entry pair = { "three", item };
	struct pyr_string_things_Item_map map = { 1, &pair }, *map_back = NULL;
	pyr_any *any = NULL, *back = NULL, *text = NULL;
	char *plain = NULL;
	int status;

	(void)place;
	TRY(things_Thing_book(thing, &map, &map_back));
	EXPECT(map_back->n == 1 && strcmp(map_back->items[0].value.name, "three") == 0);
	GET(any, things_Item_to_any(NULL, &item));
	TRY(things_Thing_pass(thing, any, &back));
	TRY(things_Item_from_any(back, &unpacked));
	EXPECT(unpacked->number == 3);
	GET(text, pyr_string_to_any(NULL, "three"));
	TRY(pyr_string_from_any(text, &plain));
	EXPECT(strcmp(plain, "three") == 0);
out:
	pyr_free(plain);
	pyr_free(text);
	pyr_free(map_back);
	pyr_free(any);
	pyr_free(back);
	pyr_free(unpacked);
	return status;
}

static int oneway(struct place *place, struct things_Thing *thing)
{
	int32_t sum = 0;
	int status;

	(void)place;
	TRY(things_Thing_post(thing, 4));
	TRY(things_Thing_post(thing, 5));
	TRY(things_Thing_posted(thing, &sum));
	EXPECT(sum == 9);
out:
	return status;
}

/* An exception that came as what it is counts as success. Without memory for its members, its
 * status is left. */
static int exception(struct place *place, struct things_Thing *thing)
{
	const struct things_Refused *refused;
	int status;

	(void)place;
	status = things_Thing_refuse(thing, "not today");
	refused = things_Refused_caught();
	if (!refused)
		return status < 0 ? note("things_Thing_refuse()", status)
				  : note_wrong("refuse() succeeded");
	if (refused->number != 7 || strcmp(refused->why, "not today") != 0)
		return note_wrong("another exception");
	return 0;
}

static int batch(struct place *place, struct things_Thing *thing)
{
	pyr_batch *batch = NULL;
	struct things_Thing *queue;
	struct things_Item item = { .name = "x" }, *back = NULL;
	int32_t sums[3] = { 0 };
	int status = 0, i;

	(void)place;
	GET(batch, pyr_batch_new(things_Thing_as_proxy(thing)));
	GET(queue, things_Thing_batch(batch));
	for (i = 0; i < 3; i++)
		TRY(things_Thing_add(queue, i, 1, &sums[i]));
	TRY(things_Thing_echo(queue, &item, &back));
	TRY(pyr_batch_run(batch));
	EXPECT(sums[0] == 1 && sums[1] == 2 && sums[2] == 3 && strcmp(back->name, "x") == 0);
out:
	pyr_batch_free(batch);
	pyr_free(back);
	return status;
}

static void took(pyr_future *future, void *data)
{
	int32_t sum = 0;
	int status = things_Thing_add_get(future, &sum);

	atomic_store((atomic_int *)data, status == 0 ? sum : -100 + status);
}

static int futures(struct place *place, struct things_Thing *thing)
{
	const int32_t x[4] = { 1, 2, 3, 4 };
	pyr_future *future;
	bool is_started = false;
	atomic_int done = 0;
	int32_t sum = 0, sums[4] = { 0 };
	int status;

	(void)place;
	future = things_Thing_add_start(thing, 1, 2);
	TRY(things_Thing_add_get(future, &sum));
	EXPECT(sum == 3);
	TRY(things_Thing_add_async(thing, 3, 4, took, &done));
	is_started = true;
	TRY(things_Thing_add_map(thing, 4, x, x, sums, NULL));
	EXPECT(sums[0] == 2 && sums[3] == 8);
out:
	while (is_started && done == 0) /* the alarm bounds it */
		sched_yield();
	if (done < 0)
		status = note("things_Thing_add_async()", done + 100);
	return status == 0 && done != 7 ? note_wrong("the sum of a callback") : status;
}

static int deferred(struct place *place, struct things_Thing *thing)
{
	pyr_deferred *deferred;
	pyr_future *future;
	int32_t value = 0;
	int status;

	future = things_Thing_later_start(thing, 1);
	if (!future)
		return note("things_Thing_later_start()", -pyr_last_error()->code);
	deferred = place_deferred(place, future);
	status = deferred ? things_Thing_later_reply(deferred, 5) : 0;
	if (status < 0)
		note("things_Thing_later_reply()", status);
	status = things_Thing_later_get(future, &value);
	if (status < 0)
		note("things_Thing_later_get()", status);
	return status == 0 && value != 5 ? note_wrong("a deferred answer") : status;
}

static int generic(struct place *place, struct things_Thing *thing)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_DEFAULT);
	pyr_proxy *proxy = NULL;
	char *json = NULL, *text = NULL;
	int status;

	(void)thing;
	GET(proxy, pyr_proxy_new_with(place->uri, &options));
	TRY(pyr_proxy_call_json(proxy, "echo", "{\"x\": {\"number\": 3, \"tags\": [\"a\"]}}",
				&json));
	EXPECT(strstr(json, "\"number\":3") || strstr(json, "\"number\": 3"));
	TRY(pyr_proxy_describe(proxy, &text));
	EXPECT(strstr(text, "interface Thing"));
out:
	pyr_free(json);
	pyr_free(text);
	pyr_proxy_free(proxy);
	return status;
}

/* More bytes than one frame has, each way. */
static int large(struct place *place, struct things_Thing *thing)
{
	enum { LARGE = 300000 };
	struct things_Item item = { .number = 1 }, *back = NULL;
	char *name = malloc(LARGE + 1);
	int status;

	(void)place;
	if (!name)
		return note_wrong("no memory for the test");
	memset(name, 'x', LARGE);
	name[LARGE] = '\0';
	item.name = name;
	TRY(things_Thing_echo(thing, &item, &back));
	EXPECT(strlen(back->name) == LARGE);
out:
	pyr_free(back);
	free(name);
	return status;
}

static int serve_generic(pyr_call *call, const char *operation, const char *args, const char **ret)
{
	(void)args;
	if (strcmp(operation, "echo") == 0)
		*ret = pyr_call_strdup(call, "{\"number\": 5, \"name\": \"five\", \"tags\": []}");
	else
		*ret = pyr_call_strdup(call, "3");
	return *ret ? 0 : pyr_pass(call);
}

/* An object without generated code; it is called with it. */
static int servant(struct place *place, struct things_Thing *thing)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);
	struct things_Item item = { .number = 1, .name = "one" }, *back = NULL;
	struct things_Thing *own = NULL;
	const char *uri = NULL;
	int status;

	TRY(part_add(place, thing)); /* so that it runs */
	pthread_mutex_lock(&place->lock);
	if (place->daemon)
		uri = pyr_daemon_register_generic(place->daemon, "generic",
						  things_Thing_as_proxy(thing), serve_generic,
						  NULL);
	pthread_mutex_unlock(&place->lock);
	GET(uri, uri);
	GET(own, things_Thing_proxy_with(uri, &options));
	TRY(part_add(place, own));
	TRY(things_Thing_echo(own, &item, &back));
	EXPECT(back->number == 5);
out:
	pyr_free(back);
	things_Thing_free(own);
	return status;
}

/* What a proxy tells of itself, and what a daemon tells of its objects. */
static int told(struct place *place, struct things_Thing *thing)
{
	struct pyr_daemon_objects *objects = NULL;
	char *here = NULL, *uri = NULL;
	int status;

	TRY(part_add(place, thing));
	TRY(pyr_proxy_local_address(things_Thing_as_proxy(thing), &here));
	TRY(pyr_proxy_resolved_uri(things_Thing_as_proxy(thing), &uri));
	EXPECT(strcmp(uri, place->uri) == 0);
	pthread_mutex_lock(&place->lock);
	status = place->daemon ? pyr_daemon_list(place->daemon, &objects) : -PYR_UNAVAILABLE;
	pthread_mutex_unlock(&place->lock);
	TRY(status);
	EXPECT(objects->n >= 1);
	status = 0;
out:
	pyr_free(here);
	pyr_free(uri);
	pyr_free(objects);
	return status;
}

static int create(pyr_call *call, void *data, void **ret)
{
	(void)call;
	*ret = data;
	return 0;
}

static void destroy(void *data)
{
	(void)data;
}

/* An object with an instance for each call. */
static const char *register_own(struct place *place)
{
	static const struct pyr_register_options options = { .mode = PYR_PER_CALL,
							     .create = create,
							     .destroy = destroy,
							     .destroy_instance = destroy };
	const char *uri = NULL;

	pthread_mutex_lock(&place->lock);
	if (place->daemon)
		uri = things_Thing_register_with(place->daemon, "own", &thing_methods, place,
						 &options);
	pthread_mutex_unlock(&place->lock);
	return uri;
}

static int instances(struct place *place, struct things_Thing *thing)
{
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);
	struct things_Thing *own = NULL;
	const char *uri;
	int status;

	TRY(part_add(place, thing)); /* so that it runs */
	GET(uri, register_own(place));
	GET(own, things_Thing_proxy_with(uri, &options));
	TRY(part_add(place, own));
	pthread_mutex_lock(&place->lock);
	status = place->daemon ? pyr_daemon_unregister(place->daemon, "own") : -PYR_UNAVAILABLE;
	pthread_mutex_unlock(&place->lock);
	TRY(status);
out:
	things_Thing_free(own);
	return status;
}

/* Over a unix socket. */
static int by_path(void)
{
	struct pyr_daemon_options daemon = { .threads = 2, .socket = "/tmp/pyrite-torture.sock" };
	struct pyr_proxy_options options = proxy_options(PYR_LANE_SOCKET);
	char path[64];

	snprintf(path, sizeof(path), "/tmp/pyrite-torture-%d.sock", (int)getpid());
	daemon.socket = path;
	return with_both(&daemon, &options, part_call);
}

/* The same over the lane that is named. */
#define ON(lane, part, threads)                                                                    \
	static int part##_on_##lane(void)                                                          \
	{                                                                                          \
		return with_daemon(PYR_LANE_##lane, threads, part);                                \
	}

ON(SOCKET, part_call, 2)
ON(GRPC, part_call, 2)
ON(PROCESS, part_call, 2)
ON(SOCKET, values, 1)
ON(SOCKET, oneway, 1)
ON(GRPC, oneway, 2)
ON(SOCKET, exception, 2)
ON(GRPC, exception, 2)
ON(PROCESS, exception, 2)
ON(SOCKET, batch, 2)
ON(PROCESS, batch, 2)
ON(SOCKET, futures, 2)
ON(SOCKET, deferred, 2)
ON(PROCESS, deferred, 2)
ON(SOCKET, generic, 2)
ON(SOCKET, large, 2)
ON(GRPC, large, 2)
ON(SOCKET, servant, 2)
ON(SOCKET, told, 2)
ON(SOCKET, instances, 2)

const struct scenario call_scenarios[] = {
	{ .name = "call", .run = part_call_on_SOCKET },
	{ .name = "call-grpc", .run = part_call_on_GRPC },
	{ .name = "call-process", .run = part_call_on_PROCESS },
	{ .name = "values", .run = values_on_SOCKET },
	{ .name = "oneway", .run = oneway_on_SOCKET },
	{ .name = "oneway-grpc", .run = oneway_on_GRPC },
	{ .name = "exception", .run = exception_on_SOCKET, .also = ALSO(PYR_ABORTED) },
	{ .name = "exception-grpc", .run = exception_on_GRPC, .also = ALSO(PYR_ABORTED) },
	{ .name = "exception-process", .run = exception_on_PROCESS, .also = ALSO(PYR_ABORTED) },
	{ .name = "batch", .run = batch_on_SOCKET },
	{ .name = "batch-process", .run = batch_on_PROCESS },
	{ .name = "future", .run = futures_on_SOCKET },
	{ .name = "deferred", .run = deferred_on_SOCKET },
	{ .name = "deferred-process", .run = deferred_on_PROCESS },
	{ .name = "generic", .run = generic_on_SOCKET },
	{ .name = "large", .run = large_on_SOCKET },
	{ .name = "large-grpc", .run = large_on_GRPC },
	{ .name = "generic-object", .run = servant_on_SOCKET },
	{ .name = "told", .run = told_on_SOCKET },
	{ .name = "object-for-each-call", .run = instances_on_SOCKET },
	/* The kernel says that another process listens there. */
	{ .name = "unix-socket", .run = by_path, .also = ALSO(PYR_ALREADY_EXISTS) },
	{ 0 },
};
